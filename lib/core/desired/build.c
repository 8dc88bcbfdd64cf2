/* Reading through the cache, and collecting issues. */
#include "core/desired/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cached_text {
    int outcome;
    struct str text;
    struct err err;
};

struct cached_listing {
    int outcome;
    struct source_entry *entry;
    size_t count;
    struct err err;
};

struct found_chart {
    int code;
    struct err err;
    struct chart_pin pin;
};

void build_init(struct build *b, const struct source *source, const struct desired_input *input,
                struct arena *a, struct desired_plan *plan)
{
    const uint64_t seed =
        0x6465736972656431u; /* keys come from one repository, not from strangers */
    *b = (struct build){
        .source = source,
        .input = input,
        .a = a,
        .scratch = arena_new(),
        .plan = plan,
        .text = map_new(seed),
        .listing = map_new(seed),
        .layer = map_new(seed),
        .folder = map_new(seed),
        .chart = map_new(seed),
        .issue = map_new(seed),
        .app = map_new(seed),
        .owner = map_new(seed),
        .used_path = map_new(seed),
    };
}

void build_deinit(struct build *b)
{
    map_free(b->text);
    map_free(b->listing);
    map_free(b->layer);
    map_free(b->folder);
    map_free(b->chart);
    map_free(b->issue);
    map_free(b->app);
    map_free(b->owner);
    map_free(b->used_path);
    arena_free(b->scratch);
}

/* The commit's fault, which the same commit would repeat; everything else may pass. */
static bool is_of_the_commit(int code)
{
    return code == HL_EINVAL || code == HL_ELIMIT || code == HL_EDENIED ||
           code == HL_EUNSUPPORTED || code == HL_EABSENT;
}

static void judge(struct build *b, int outcome, const struct err *err)
{
    if (outcome >= 0 || is_of_the_commit(outcome) || b->outside_code < 0)
        return;
    b->outside_code = outcome;
    b->outside = *err;
}

static struct str remember_path(struct build *b, struct str path)
{
    struct str copy = arena_dup(b->a, path);
    if (str_is_utf8(copy))
        ARENA_PUSH(b->a, b->plan->file, b->plan->file_count, b->file_cap, copy);
    return copy;
}

int build_read(struct build *b, struct str path, struct str *out, struct err *err)
{
    struct cached_text *c = map_get(b->text, path);
    if (!c) {
        c = arena_one(b->scratch, struct cached_text);
        path = remember_path(b, path);
        c->outcome = b->source->read(b->source->context, path, b->scratch, &c->text, &c->err);
        if (c->outcome < 0)
            (void)build_place(&c->err, (struct value_pos){path, 0, 0}); /* code is known */
        judge(b, c->outcome, &c->err);
        (void)map_set(b->text, path, c); /* was absent */
    }
    if (c->outcome < 0 && err)
        *err = c->err;
    if (c->outcome == SOURCE_FOUND)
        *out = c->text;
    return c->outcome;
}

int build_list(struct build *b, struct str path, struct source_entry **out, size_t *out_count,
               struct err *err)
{
    struct cached_listing *c = map_get(b->listing, path);
    if (!c) {
        c = arena_one(b->scratch, struct cached_listing);
        path = remember_path(b, path);
        c->outcome =
            b->source->list(b->source->context, path, b->scratch, &c->entry, &c->count, &c->err);
        judge(b, c->outcome, &c->err);
        (void)map_set(b->listing, path, c); /* was absent */
    }
    if (c->outcome < 0 && err)
        *err = c->err;
    if (c->outcome == SOURCE_FOUND) {
        *out = c->entry;
        *out_count = c->count;
    }
    return c->outcome;
}

int build_chart(struct build *b, struct str repository, struct str name, struct str range,
                struct chart_pin *out, struct err *err)
{
    const struct chart_source *charts = b->input->charts;
    struct str key = arena_printf(b->scratch, STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(repository),
                                  STR_ARG(name), STR_ARG(range));
    struct found_chart *f = map_get(b->chart, key);

    if (!charts)
        return err_set(err, HL_EUNSUPPORTED,
                       "chart " STR_FMT " " STR_FMT " from " STR_FMT
                       ": no repository of charts is asked here",
                       STR_ARG(name), STR_ARG(range), STR_ARG(repository));
    if (!f) {
        f = arena_one(b->scratch, struct found_chart);
        f->code = charts->resolve(charts->context, repository, name, range, b->a, &f->pin, &f->err);
        b->plan->is_incomplete = b->plan->is_incomplete || f->code < 0;
        (void)map_set(b->chart, key, f); /* was absent */
    }
    *out = f->pin;
    if (f->code < 0)
        *err = f->err;
    return f->code;
}

struct str build_text(struct build *b, struct str text)
{
    struct str copy = arena_dup(b->a, str_sub(text, 0, ERR_TEXT_MAX));
    char *p = (char *)copy.ptr;

    for (size_t i = 0; i < copy.len;) {
        size_t n = 1;
        while (n <= 4 && i + n <= copy.len && !str_is_utf8(str_sub(copy, i, i + n)))
            n++;
        if (n > 4 || i + n > copy.len) {
            p[i] = '?';
            n = 1;
        }
        i += n;
    }
    return copy;
}

int build_place(struct err *err, struct value_pos where)
{
    if (err->file[0] == '\0') {
        snprintf(err->file, sizeof(err->file), STR_FMT, STR_ARG(where.file));
        err->line = where.line;
        err->column = where.column;
    }
    return err->code;
}

static void add_issue(struct build *b, const struct desired_issue *issue, bool is_error)
{
    struct desired_plan *p = b->plan;
    struct str key = arena_printf(b->scratch, "%d " STR_FMT " " STR_FMT ":%u:%u " STR_FMT, is_error,
                                  STR_ARG(issue->app), STR_ARG(issue->file), issue->line,
                                  issue->column, STR_ARG(issue->text));
    if (map_set(b->issue, key, b))
        return;
    if ((is_error ? p->error_count : p->note_count) == DESIRED_ISSUES_MAX) {
        p->issues_dropped++;
        return;
    }
    struct desired_issue copy = *issue;
    copy.app = arena_dup(b->a, issue->app);
    copy.file = build_text(b, issue->file);
    copy.text = build_text(b, issue->text);
    if (is_error)
        ARENA_PUSH(b->a, p->error, p->error_count, b->error_cap, copy);
    else
        ARENA_PUSH(b->a, p->note, p->note_count, b->note_cap, copy);
}

void build_error(struct build *b, struct str app, const struct err *err)
{
    struct desired_issue issue = {
        .app = app,
        .code = err->code,
        .file = str_from(err->file),
        .line = err->line,
        .column = err->column,
        .text = str_from(err->text),
    };
    add_issue(b, &issue, true);
}

void build_note(struct build *b, struct str app, struct value_pos where, const char *fmt, ...)
{
    va_list args;
    struct desired_issue issue = {
        .app = app, .file = where.file, .line = where.line, .column = where.column};

    va_start(args, fmt);
    issue.text = arena_vprintf(b->scratch, fmt, args);
    va_end(args);
    add_issue(b, &issue, false);
}

/* Line `line` of the text, without its end. */
static struct str line_at(struct str text, uint32_t line)
{
    struct str rest = text;
    struct str current = STR_NONE;
    for (uint32_t i = 0; i < line && rest.len > 0; i++)
        current = str_cut(&rest, '\n');
    return current;
}

struct str build_scalar_text(struct build *b, const struct value *v)
{
    struct cached_text *c = v->file ? map_get(b->text, *v->file) : NULL;
    struct str line = c ? line_at(c->text, v->line) : STR_NONE;
    size_t at = 0;

    for (uint32_t column = 1; column < v->column && at < line.len; column++)
        do
            at++;
        while (at < line.len && ((unsigned char)line.ptr[at] & 0xc0) == 0x80);
    struct str rest = str_sub(line, at, line.len);
    size_t end = 0;
    while (end < rest.len && !strchr(" \t\r,]}#", rest.ptr[end]))
        end++;
    return str_sub(rest, 0, end);
}

static int by_place(const void *left, const void *right)
{
    const struct desired_issue *l = left;
    const struct desired_issue *r = right;
    int order = str_cmp(l->file, r->file);
    if (order != 0)
        return order;
    if (l->line != r->line)
        return l->line < r->line ? -1 : 1;
    if (l->column != r->column)
        return l->column < r->column ? -1 : 1;
    order = str_cmp(l->text, r->text);
    return order != 0 ? order : str_cmp(l->app, r->app);
}

static int by_app(const void *left, const void *right)
{
    return str_cmp(((const struct desired_app *)left)->name,
                   ((const struct desired_app *)right)->name);
}

static int by_set(const void *left, const void *right)
{
    const struct desired_set *l = left;
    const struct desired_set *r = right;
    int order = str_cmp(l->layering, r->layering);
    return order != 0 ? order : str_cmp(l->addon, r->addon);
}

static int by_text(const void *left, const void *right)
{
    return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

static void sort(void *array, size_t count, size_t size, int (*order)(const void *, const void *))
{
    if (count > 1)
        qsort(array, count, size, order);
}

void build_finish(struct build *b)
{
    struct desired_plan *p = b->plan;
    size_t kept = 0;

    sort(p->app, p->app_count, sizeof(*p->app), by_app);
    sort(p->set, p->set_count, sizeof(*p->set), by_set);
    sort(p->error, p->error_count, sizeof(*p->error), by_place);
    sort(p->note, p->note_count, sizeof(*p->note), by_place);
    sort(p->file, p->file_count, sizeof(*p->file), by_text);
    for (size_t i = 0; i < p->file_count; i++)
        if (kept == 0 || !str_eq(p->file[kept - 1], p->file[i]))
            p->file[kept++] = p->file[i];
    p->file_count = kept;
}
