/*
 * `hlctl explain CHART PATH`: who set this value, and who lost; `--unread`: values that nothing
 * looked at.
 *
 * Sources are asked one by one, the strongest first: --set and its kin, files of values from the
 * last to the first, then values.yaml of the chart, and of the subchart that the path leads into.
 */
#include <string.h>

#include "core/value/json.h"
#include "hlctl/chart_input.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

struct source {
    struct str name; /* "--set a=b", a file, "values.yaml", "charts/x/values.yaml" */
    const struct datum_entry *entry;
};

struct sources {
    struct source *item; /* the weakest first */
    size_t count;
    size_t cap;
};

/* The entry at a dotted path; NULL if there is none. A backslash keeps a dot in a key. */
static struct datum_entry *entry_at(struct arena *a, struct datum_map *m, struct str path)
{
    HL_CLEANUP(buf_deinit) struct buf key = {0};
    struct datum_entry *e = NULL;

    for (size_t i = 0; i <= path.len && m; i++) {
        bool is_end = i == path.len || path.ptr[i] == '.';
        if (!is_end) {
            i += path.ptr[i] == '\\' && i + 1 < path.len;
            buf_add_byte(&key, path.ptr[i]);
            continue;
        }
        e = datum_map_find(m, arena_dup(a, buf_str(&key)));
        buf_reset(&key);
        if (!e || i == path.len)
            return e;
        m = datum_is_map(e->value) ? e->value.map : NULL;
    }
    return NULL;
}

static void add_source(struct hlctl *h, struct sources *all, struct str name, struct datum_map *m,
                       struct str path)
{
    const struct datum_entry *e = m ? entry_at(h->arena, m, path) : NULL;

    if (e)
        ARENA_PUSH(h->arena, all->item, all->count, all->cap, ((struct source){name, e}));
}

/* The defaults of the chart, below them those of the subchart that the path begins with. */
static void add_defaults(struct hlctl *h, struct sources *all, const struct chart *c,
                         struct str folder, struct str path)
{
    struct str rest = path;
    struct str first = str_cut(&rest, '.');

    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        const struct chart_dependency *d = &c->metadata.dependency[i];
        struct str name = d->alias.len > 0 ? d->alias : d->name;
        for (size_t k = 0; str_eq(name, first) && k < c->subchart_count; k++)
            if (str_eq(c->subchart[k]->metadata.name, d->name))
                add_defaults(h, all, c->subchart[k],
                             arena_printf(h->arena, STR_FMT "charts/" STR_FMT "/", STR_ARG(folder),
                                          STR_ARG(d->name)),
                             rest);
    }
    add_source(h, all, arena_concat(h->arena, folder, STR("values.yaml")), c->values, path);
}

static int add_given(struct hlctl *h, struct sources *all, struct str path, struct trouble *t)
{
    struct str *text;
    size_t count = flag_list(h->in, "values", &text);
    struct datum_map *m;
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = chart_input_file(h, text[i], &m, t);
        if (rc == 0)
            add_source(h, all, text[i], m, path);
    }
    for (size_t k = 0; k < chart_set_count; k++) {
        count = flag_list(h->in, chart_sets[k].flag, &text);
        for (size_t i = 0; i < count && rc == 0; i++) {
            m = datum_map_new(h->arena);
            rc = chart_input_set(h, &chart_sets[k], text[i], m, t);
            if (rc == 0)
                add_source(
                    h, all,
                    arena_printf(h->arena, "--%s " STR_FMT, chart_sets[k].flag, STR_ARG(text[i])),
                    m, path);
        }
    }
    return rc;
}

/* The value as one line of JSON. */
static struct str value_text(struct arena *a, struct datum d)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct value *v;
    struct err err;

    if (datum_to_value(a, d, &v, &err) < 0)
        return arena_dup(a, str_from(err.text));
    json_write(&text, v, JSON_COMPACT);
    return safe_text(a, arena_dup(a, buf_str(&text)));
}

static struct str place_text(struct arena *a, const struct source *s)
{
    const struct value *origin = s->entry->origin;

    if (!origin || origin->line == 0)
        return safe_text(a, s->name);
    return safe_text(
        a, arena_printf(a, STR_FMT ":%u:%u", STR_ARG(s->name), origin->line, origin->column));
}

static int explain(struct hlctl *h, const struct chart *c, struct str path, struct trouble *t)
{
    struct sources all = {0};

    add_defaults(h, &all, c, STR_NONE, path);
    int rc = add_given(h, &all, path, t);
    if (rc != 0)
        return rc;
    if (all.count == 0) {
        trouble_set(t, "HL-OBJ-01", "nothing sets " STR_FMT, STR_ARG(path));
        return trouble_next(t, "hlctl chart show --only values CHART lists the values there are");
    }
    for (size_t i = all.count; i-- > 0;) {
        const struct source *s = &all.item[i];
        buf_printf(&h->out, "%s " STR_FMT "  " STR_FMT "\n",
                   i + 1 == all.count ? "set by" : "  over", STR_ARG(place_text(h->arena, s)),
                   STR_ARG(value_text(h->arena, s->entry->value)));
    }
    return 0;
}

/* ---- unread ---- */

struct unread {
    struct hlctl *h;
    const struct chart *chart;
    size_t count;
};

/* Conditions and tags are read by Helm itself. */
static bool is_switch(const struct chart *c, struct str path)
{
    if (str_starts(path, STR("tags.")))
        return true;
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        const struct chart_dependency *d = &c->metadata.dependency[i];
        struct str list = d->condition;
        struct str name = d->alias.len > 0 ? d->alias : d->name;
        while (list.len > 0)
            if (str_eq(str_trim(str_cut(&list, ',')), path))
                return true;
        struct str rest = path;
        if (!str_eq(str_cut(&rest, '.'), name))
            continue;
        for (size_t k = 0; k < c->subchart_count; k++)
            if (str_eq(c->subchart[k]->metadata.name, d->name) && is_switch(c->subchart[k], rest))
                return true;
    }
    return false;
}

static void report(struct unread *u, struct str path, const struct datum_entry *given)
{
    const struct value *origin = given->origin;
    struct str place = STR("--set");

    if (origin && origin->line > 0)
        place = arena_printf(u->h->arena, STR_FMT ":%u:%u", STR_ARG(*origin->file), origin->line,
                             origin->column);
    buf_printf(&u->h->out, STR_FMT "  " STR_FMT "\n", STR_ARG(safe_text(u->h->arena, path)),
               STR_ARG(safe_text(u->h->arena, place)));
    u->count++;
}

/* Compares what was given with what was seen at the same path. */
static void find_unread(struct unread *u, const struct datum_map *given,
                        const struct datum_map *seen, struct str prefix)
{
    struct arena *a = u->h->arena;

    if (seen && seen->is_all_read)
        return;
    for (uint32_t i = 0; i < given->count; i++) {
        const struct datum_entry *g = &given->entry[i];
        const struct datum_entry *s = seen ? datum_map_find(seen, g->key) : NULL;
        struct str path =
            prefix.len > 0 ? arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(prefix), STR_ARG(g->key))
                           : g->key;
        bool is_table = datum_is_map(g->value) && g->value.map && g->value.map->count > 0;
        if (is_switch(u->chart, path) || g->value.type == DATUM_NIL)
            continue;
        if (is_table && s && datum_is_map(s->value))
            find_unread(u, g->value.map, s->value.map, path);
        else if (!s || !s->is_read)
            report(u, path, g);
    }
}

static int explain_unread(struct hlctl *h, const struct chart *c, struct trouble *t)
{
    struct template_world world = chart_input_world();
    struct unread u = {.h = h, .chart = c};
    struct template_fault fault;
    struct datum_map *values;
    struct release r;

    int rc = chart_input_values(h, &values, t);
    if (rc != 0)
        return rc;
    const struct release_request request = {
        .chart = c,
        .values = values,
        .release = {.name = STR("release-name"), .namespace = STR("default"), .revision = 1},
        .capabilities = &chart_capabilities_offline,
        .world = &world,
        .limits = &template_limits_default};
    if (release_render(h->arena, &request, &r, &fault) < 0) {
        trouble_set(t, "HL-CHART-03", "cannot render " STR_FMT, STR_ARG(c->metadata.name));
        return trouble_why(t, STR_FMT, STR_ARG(fault.text));
    }
    find_unread(&u, values, r.values, STR_NONE);
    return u.count > 0 ? EXIT_FOUND : 0;
}

int explain_run(struct hlctl *h, struct trouble *t)
{
    size_t count = invocation_arg_count(h->in);
    bool is_unread = flag_is_set(h->in, "unread");
    struct chart *c;

    if (is_unread == (count == 2)) {
        trouble_set(t, "HL-USE-03", "explain needs the path of a value, or --unread");
        return trouble_next(t, "hlctl explain CHART image.tag -f values.yaml");
    }
    int rc = chart_input_load(h, invocation_arg(h->in, 0), &c, t);
    if (rc != 0)
        return rc;
    return is_unread ? explain_unread(h, c, t) : explain(h, c, invocation_arg(h->in, 1), t);
}
