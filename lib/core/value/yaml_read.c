/* YAML streams: the door's checks, libyaml's parser and its errors, documents, the readers. */
#include "core/value/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "core/value/yaml_go.h"
#include "core/value/yaml_members.h"
#include "core/value/yaml_simple.h"
#include "core/value/yaml_tree.h"

enum { TAG_DIRECTIVES_MAX = 64 };

/* Marks count from 0; goyaml.v2 prints them so, but for its scanner, and no line where that is 0.
 */
static int go_parser_failed(struct yaml_reader *r, const yaml_mark_t *place)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "unknown problem parsing YAML content";
    size_t line = p->problem_mark.line;

    if (line != 0)
        line += p->error == YAML_SCANNER_ERROR;
    else
        line = p->context_mark.line;
    if (line == 0)
        return yaml_go_fail(r->err, r, place, "yaml: %s", problem);
    return yaml_go_fail(r->err, r, place, "yaml: line %zu: %s", line, problem);
}

static int parser_failed(struct yaml_reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const yaml_mark_t *mark = &p->problem_mark;

    if (p->error == YAML_READER_ERROR) /* knows a byte offset only: the parser is just before it */
        mark = &p->mark;
    if (r->go)
        return go_parser_failed(r, mark);
    return err_at(r->err, HL_EINVAL, *r->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                  "%s%s%s", p->problem ? p->problem : "not YAML", p->context ? " " : "",
                  p->context ? p->context : "");
}

struct documents {
    struct value **item;
    size_t count;
    size_t cap;
    size_t most;
    bool is_first_only; /* what follows the first document is not looked at */
};

static int start_document(struct yaml_reader *r, const struct documents *docs,
                          const yaml_mark_t *mark)
{
    if (docs->count == docs->most && docs->most == 1)
        return yaml_fail_at(r, HL_EINVAL, mark, "a second document where one is expected");
    if (docs->count == docs->most)
        return yaml_fail_at(r, HL_ELIMIT, mark, "too many documents in one stream");
    r->root = NULL;
    r->depth = 0;
    r->waiting_count = 0;
    r->anchor_count = 0;
    return 0;
}

static void end_document(struct yaml_reader *r, struct documents *docs)
{
    HL_ASSERT(r->root);
    ARENA_PUSH(r->a, docs->item, docs->count, docs->cap, r->root);
}

struct reading {
    struct yaml_reader *r;
    struct documents *docs;
};

static int take_event(void *context, const yaml_event_t *event)
{
    const struct reading *reading = context;
    struct documents *docs = reading->docs;

    if (event->type == YAML_DOCUMENT_START_EVENT)
        return start_document(reading->r, docs, &event->start_mark);
    if (event->type != YAML_DOCUMENT_END_EVENT)
        return yaml_take_event(reading->r, event);
    end_document(reading->r, docs);
    return docs->is_first_only;
}

/* All that libyaml finds in the text. */
static int read_events(struct yaml_reader *r, struct str text, struct reading *reading)
{
    yaml_event_t event;
    bool is_over = false;
    int result = 0;

    if (!yaml_parser_initialize(&r->parser))
        hl_die("libyaml: out of memory");
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text.ptr, text.len);
    while (result == 0 && !is_over) {
        if (!yaml_parser_parse(&r->parser, &event)) {
            result = parser_failed(r);
            break;
        }
        is_over = event.type == YAML_STREAM_END_EVENT;
        result = take_event(reading, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&r->parser);
    return result < 0 ? result : 0;
}

/* As if nothing had been read. */
static void begin_again(struct yaml_reader *r, struct documents *docs)
{
    r->depth = 0;
    r->waiting_count = 0;
    r->anchor_count = 0;
    r->node_count = 0;
    r->twin_count = 0;
    if (r->twin)
        *r->twin = (struct value_pos){0};
    if (r->go)
        *r->go = (struct go_faults){0};
    docs->count = 0;
}

/*
 * libyaml compares every %TAG with all before it, and does so before the first event. Lines are
 * told by the last byte of YAML's breaks: LF, CR, NEL (C2 85), LS and PS (E2 80 A8, A9).
 */
static bool has_too_many_directives(struct str text)
{
    size_t count = 0;

    for (size_t at = 0; at < text.len && count <= TAG_DIRECTIVES_MAX; at++) {
        const char *hit = memchr(text.ptr + at, '%', text.len - at);
        if (!hit)
            break;
        at = (size_t)(hit - text.ptr);
        if (at == 0 || strchr("\n\r\x85\xA8\xA9", hit[-1]))
            count++;
    }
    return count > TAG_DIRECTIVES_MAX;
}

static int check_door(struct str text, struct str file, struct err *err)
{
    if (text.len > YAML_BYTES_MAX)
        return err_at(err, HL_ELIMIT, file, 0, 0, "%zu bytes of YAML, at most %d are read",
                      text.len, YAML_BYTES_MAX);
    if (str_starts(text, STR("\xFF\xFE")) || str_starts(text, STR("\xFE\xFF")))
        return err_at(err, HL_EINVAL, file, 1, 1, "UTF-16 is not read, only UTF-8");
    if (has_too_many_directives(text))
        return err_at(err, HL_ELIMIT, file, 0, 0, "more than %d lines start with %%",
                      TAG_DIRECTIVES_MAX);
    return 0;
}

/* `members`: NULL, or what passes a part on. */
static int read_stream(struct arena *a, struct str text, struct str file, struct documents *docs,
                       struct value_pos *twin, struct go_faults *go, struct yaml_members *members,
                       struct err *err)
{
    struct yaml_reader r = {.a = a, .err = err, .twin = twin, .go = go};
    int result = check_door(text, file, err);

    if (result != 0)
        return result;
    if (str_starts(text, STR("\xEF\xBB\xBF"))) /* libyaml would count it as a column */
        text = str_sub(text, 3, text.len);
    struct str *name = arena_one(a, struct str);
    *name = arena_dup(a, file);
    r.file = name;
    r.alias_weight_max =
        text.len * 10 < YAML_ALIAS_WEIGHT_MAX ? text.len * 10 : YAML_ALIAS_WEIGHT_MAX;
    struct reading reading = {&r, docs};
    if (members) {
        members->sink = take_event;
        members->context = &reading;
        result = yaml_simple_read(text, yaml_members_take, members);
    } else {
        result = yaml_simple_read(text, take_event, &reading);
    }
    if (result != 0) {
        begin_again(&r, docs);
        result = read_events(&r, text.ptr ? text : STR(""), &reading);
    }
    free(r.waiting);
    free(r.anchor);
    return result;
}

int yaml_read_all(struct arena *a, struct str text, struct str file, struct value ***out_documents,
                  size_t *out_count, struct err *err)
{
    struct documents docs = {.most = YAML_DOCUMENTS_MAX};
    int result = read_stream(a, text, file, &docs, NULL, NULL, NULL, err);

    if (result != 0)
        return result;
    *out_documents = docs.item;
    *out_count = docs.count;
    return 0;
}

int yaml_read_manifests(struct arena *a, struct str text, struct str file,
                        struct value ***out_documents, size_t *out_count,
                        struct value_pos *out_twin, struct err *err)
{
    struct documents docs = {.most = YAML_DOCUMENTS_MAX};
    struct value_pos twin = {0};
    int result = read_stream(a, text, file, &docs, &twin, NULL, NULL, err);

    if (result != 0)
        return result;
    *out_documents = docs.item;
    *out_count = docs.count;
    *out_twin = twin;
    return 0;
}

int yaml_read(struct arena *a, struct str text, struct str file, struct value **out,
              struct err *err)
{
    struct documents docs = {.most = 1};
    int result = read_stream(a, text, file, &docs, NULL, NULL, NULL, err);

    if (result != 0)
        return result;
    *out = docs.count ? docs.item[0] : value_null(a);
    return 0;
}

static int pass_on(const struct err *from, struct err *err)
{
    if (err)
        *err = *from;
    return from->code;
}

static int read_first(struct arena *a, struct str text, struct str file,
                      struct yaml_members *members, struct value **out, struct err *err)
{
    struct documents docs = {.most = 1, .is_first_only = true};
    struct go_faults faults = {0};
    int result = read_stream(a, text, file, &docs, NULL, &faults, members, err);

    if (result != 0)
        return result;
    if (faults.decoding.code != 0)
        return pass_on(&faults.decoding, err);
    if (faults.converting.code != 0)
        return pass_on(&faults.converting, err);
    struct value *v = docs.count ? docs.item[0] : value_null(a);
    result = yaml_go_check(v, err);
    if (result == 0)
        *out = v;
    return result;
}

int yaml_read_first(struct arena *a, struct str text, struct str file, struct value **out,
                    struct err *err)
{
    return read_first(a, text, file, NULL, out, err);
}

int yaml_read_members(struct arena *a, struct str text, struct str file, const struct str *key,
                      size_t key_count, struct value **out, struct err *err)
{
    struct yaml_members members = {.key = key, .key_count = key_count};

    return read_first(a, text, file, &members, out, err);
}
