/* Coalescing after chartutil/coalesce.go, dependencies after chartutil/dependencies.go. */
#include "core/chart/values.h"

#include <string.h>

#include "core/semver/semver.h"
#include "core/template/strings.h"
#include "core/value/yaml.h"

static const struct str global_key = {"global", 6};

static void warn(struct arena *a, struct values_warnings *w, const char *fmt, ...) HL_PRINTF(3, 4);

static void warn(struct arena *a, struct values_warnings *w, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str text = arena_vprintf(a, fmt, args);
    va_end(args);
    if (w)
        ARENA_PUSH(a, w->text, w->count, w->cap, text);
}

static bool is_table(struct datum d)
{
    return d.type == DATUM_MAP || d.type == DATUM_VALUES;
}

static struct datum_map *copied(struct arena *a, const struct datum_map *m)
{
    if (!m)
        return datum_map_new(a);
    return datum_deep_copy(a, (struct datum){.type = DATUM_MAP, .map = (struct datum_map *)m}).map;
}

/* Sets with the place that the value came from. */
static void put(struct arena *a, struct datum_map *m, const struct datum_entry *from,
                struct datum value)
{
    datum_map_set(a, m, from->key, value)->origin = from->origin;
}

static struct str joined(struct arena *a, struct str prefix, struct str key)
{
    if (prefix.len == 0)
        return key;
    return arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(prefix), STR_ARG(key));
}

/* ---- files ---- */

int values_read(struct arena *a, struct str text, struct str file, struct datum_map **out,
                struct err *err)
{
    struct value *v;
    int rc = yaml_read_first(a, text, file, &v, err);

    if (rc < 0)
        return rc;
    if (v->kind != VALUE_MAP && v->kind != VALUE_NULL)
        return value_err(err, HL_EINVAL, v,
                         "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s "
                         "into Go value of type map[string]interface {}",
                         v->kind == VALUE_LIST ? "array" : value_kind_name(v->kind));
    *out = v->kind == VALUE_MAP ? datum_from_value(a, v, DATUM_FLOATS).map : datum_map_new(a);
    return 0;
}

/* ---- tables ---- */

/* coalesceTablesFullKey: what dst has wins. `src` is not changed. */
static void coalesce_tables(struct arena *a, struct datum_map *dst, const struct datum_map *src,
                            struct str prefix, bool is_merging, struct values_warnings *w)
{
    if (!src || dst == src)
        return;
    for (uint32_t i = 0; i < src->count; i++) {
        const struct datum_entry *from = &src->entry[i];
        struct datum_entry *to = datum_map_find(dst, from->key);
        bool is_nil = from->value.type == DATUM_NIL;

        if (!to) {
            put(a, dst, from, from->value);
        } else if (to->value.type == DATUM_NIL) {
            if (!is_merging && !is_nil)
                datum_map_remove(dst, from->key);
        } else if (is_table(from->value) && is_table(to->value)) {
            coalesce_tables(a, to->value.map, from->value.map, joined(a, prefix, from->key),
                            is_merging, w);
        } else if (is_table(from->value)) {
            warn(a, w, "warning: cannot overwrite table with non table for " STR_FMT,
                 STR_ARG(joined(a, prefix, from->key)));
        } else if (is_table(to->value) && !is_nil) {
            warn(a, w, "warning: destination for " STR_FMT " is a table. Ignoring non-table value",
                 STR_ARG(joined(a, prefix, from->key)));
        }
    }
}

void values_overlay(struct arena *a, struct datum_map *base, const struct datum_map *over)
{
    for (uint32_t i = 0; over && i < over->count; i++) {
        const struct datum_entry *from = &over->entry[i];
        struct datum_entry *to = datum_map_find(base, from->key);

        if (to && is_table(to->value) && is_table(from->value))
            values_overlay(a, to->value.map, from->value.map);
        else
            put(a, base, from, from->value);
    }
}

static struct datum_map *table_of(const struct datum_map *v, struct str key)
{
    struct datum_entry *e = datum_map_find(v, key);

    return e && is_table(e->value) ? e->value.map : NULL;
}

struct datum_map *values_table(const struct datum_map *v, struct str path)
{
    struct datum_map *at = (struct datum_map *)v;

    while (path.len > 0 && at)
        at = table_of(at, str_cut(&path, '.'));
    return at;
}

/* ---- a chart and its subcharts ---- */

static bool has_subchart(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->subchart_count; i++) {
        if (str_eq(c->subchart[i]->metadata.name, name))
            return true;
    }
    return false;
}

static void coalesce_defaults(struct arena *a, const struct chart *c, struct datum_map *v,
                              struct str prefix, bool is_merging, struct values_warnings *w)
{
    struct str own = joined(a, prefix, c->metadata.name);
    const struct datum_map *defaults = copied(a, c->values);

    for (uint32_t i = 0; i < defaults->count; i++) {
        const struct datum_entry *from = &defaults->entry[i];
        struct datum_entry *to = datum_map_find(v, from->key);

        if (!to) {
            put(a, v, from, from->value);
        } else if (to->value.type == DATUM_NIL) {
            if (!is_merging)
                datum_map_remove(v, from->key);
        } else if (is_table(to->value)) {
            if (is_table(from->value))
                coalesce_tables(a, to->value.map, from->value.map, joined(a, own, from->key),
                                is_merging || has_subchart(c, from->key), w);
            else if (from->value.type != DATUM_NIL)
                warn(a, w, "warning: skipped value for " STR_FMT ": Not a table.",
                     STR_ARG(joined(a, own, from->key)));
        }
    }
}

/* A map of its own with the same entries. */
static struct datum_map *shallow(struct arena *a, const struct datum_map *m)
{
    struct datum_map *copy = datum_map_new(a);

    copy->entry = arena_array(a, struct datum_entry, m->count);
    memcpy(copy->entry, m->entry, m->count * sizeof(*m->entry));
    copy->count = copy->cap = m->count;
    return copy;
}

/* One global of the parent: it goes into the child's; of two tables the parent's entries win. */
static void pass_global(struct arena *a, struct datum_map *globals, const struct datum_entry *from,
                        struct str prefix, struct values_warnings *w)
{
    struct datum_entry *to = datum_map_find(globals, from->key);

    if (!is_table(from->value)) {
        if (to && is_table(to->value))
            warn(a, w, "key " STR_FMT " is table. Skipping", STR_ARG(from->key));
        else
            put(a, globals, from, from->value);
        return;
    }
    struct datum_map *table = from->value.map ? shallow(a, from->value.map) : datum_map_new(a);
    if (to && !is_table(to->value)) {
        warn(a, w, "Conflict: cannot merge map onto non-map for \"" STR_FMT "\". Skipping.",
             STR_ARG(from->key));
        return;
    }
    if (to)
        coalesce_tables(a, table, to->value.map, joined(a, prefix, from->key), true, w);
    put(a, globals, from, datum_of_map(table));
}

static void coalesce_globals(struct arena *a, struct datum_map *child,
                             const struct datum_map *parent, struct str prefix,
                             struct values_warnings *w)
{
    struct datum_entry *own = datum_map_find(child, global_key);
    struct datum_entry *given = datum_map_find(parent, global_key);

    if (own && !is_table(own->value)) {
        warn(a, w, "warning: skipping globals because destination global is not a table.");
        return;
    }
    if (given && !is_table(given->value)) {
        warn(a, w, "warning: skipping globals because source global is not a table.");
        return;
    }
    struct datum_map *globals = own ? own->value.map : datum_map_new(a);
    for (size_t i = 0; given && i < datum_count(given->value); i++)
        pass_global(a, globals, &given->value.map->entry[i], prefix, w);
    datum_map_set(a, child, global_key, datum_of_map(globals));
}

static int coalesce(struct arena *a, const struct chart *c, struct datum_map *v, struct str prefix,
                    bool is_merging, struct values_warnings *w, struct err *err)
{
    struct str own = joined(a, prefix, c->metadata.name);

    coalesce_defaults(a, c, v, prefix, is_merging, w);
    for (size_t i = 0; i < c->subchart_count; i++) {
        const struct chart *sub = c->subchart[i];
        struct datum_entry *e = datum_map_find(v, sub->metadata.name);
        if (!e)
            e = datum_map_set(a, v, sub->metadata.name, datum_of_map(datum_map_new(a)));
        if (!is_table(e->value))
            return err_set(err, HL_EINVAL,
                           "type mismatch on " STR_FMT ": %%!t(" STR_FMT "=" STR_FMT ")",
                           STR_ARG(sub->metadata.name), STR_ARG(datum_type_name(a, e->value)),
                           STR_ARG(string_of(a, e->value)));
        struct datum_map *child = e->value.map;
        coalesce_globals(a, child, v, own, w);
        int rc = coalesce(a, sub, child, own, is_merging, w, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int values_coalesce(struct arena *a, const struct chart *c, const struct datum_map *user,
                    struct datum_map **out, struct values_warnings *w, struct err *err)
{
    struct datum_map *v = copied(a, user);
    int rc = coalesce(a, c, v, STR(""), false, w, err);

    if (rc == 0)
        *out = v;
    return rc;
}

/* ---- dependencies: which subcharts there are ---- */

static bool fits(struct arena *a, struct str range, struct str version)
{
    const struct semver_range *r;
    struct semver v;
    struct err ignored;

    return semver_range_parse(a, range, &r, &ignored) == 0 &&
           semver_parse(a, version, &v, &ignored) == 0 && semver_range_has(r, &v);
}

static bool is_declared(struct arena *a, const struct chart *c, const struct chart *sub)
{
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        const struct chart_dependency *d = &c->metadata.dependency[i];
        if (str_eq(sub->metadata.name, d->name) && fits(a, d->version, sub->metadata.version))
            return true;
    }
    return false;
}

/* The subchart that a dependency means, as a chart of its own under its alias; NULL: none. */
static struct chart *chosen(struct arena *a, const struct chart *c,
                            const struct chart_dependency *d)
{
    for (size_t i = 0; i < c->subchart_count; i++) {
        const struct chart *sub = c->subchart[i];
        if (!str_eq(sub->metadata.name, d->name) || !fits(a, d->version, sub->metadata.version))
            continue;
        struct chart *copy = chart_copy(a, sub);
        if (d->alias.len > 0)
            copy->metadata.name = d->alias;
        return copy;
    }
    return NULL;
}

static void choose_subcharts(struct arena *a, struct chart *c)
{
    size_t cap = 0;
    size_t count = 0;
    struct chart **sub = NULL;

    for (size_t i = 0; i < c->subchart_count; i++) {
        if (!is_declared(a, c, c->subchart[i]))
            ARENA_PUSH(a, sub, count, cap, c->subchart[i]);
    }
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        struct chart_dependency *d = &c->metadata.dependency[i];
        struct chart *one = chosen(a, c, d);
        if (one)
            ARENA_PUSH(a, sub, count, cap, one);
        if (d->alias.len > 0)
            d->name = d->alias;
        d->is_enabled = true;
    }
    for (size_t i = 0; i < count; i++)
        sub[i]->parent = c;
    c->subchart = sub;
    c->subchart_count = count;
}

static void apply_tags(struct arena *a, struct chart *c, const struct datum_map *v,
                       struct values_warnings *w)
{
    const struct datum_map *tags = table_of(v, STR("tags"));

    for (size_t i = 0; tags && i < c->metadata.dependency_count; i++) {
        struct chart_dependency *d = &c->metadata.dependency[i];
        bool has_true = false;
        bool has_false = false;
        for (size_t k = 0; k < d->tag_count; k++) {
            struct datum_entry *e = datum_map_find(tags, d->tag[k]);
            if (e && e->value.type == DATUM_BOOL)
                *(e->value.boolean ? &has_true : &has_false) = true;
            else if (e)
                warn(a, w,
                     "Warning: Tag '" STR_FMT "' for chart " STR_FMT " returned non-bool value",
                     STR_ARG(d->tag[k]), STR_ARG(d->name));
        }
        d->is_enabled = has_true || !has_false;
    }
}

/* The value at a dotted path that is no table; NULL: none. */
static const struct datum_entry *value_at(const struct datum_map *v, struct str path)
{
    size_t dot = path.len;

    while (dot > 0 && path.ptr[dot - 1] != '.')
        dot--;
    const struct datum_map *table = dot > 0 ? values_table(v, str_sub(path, 0, dot - 1)) : v;
    const struct datum_entry *e = datum_map_find(table, str_sub(path, dot, path.len));
    return e && !is_table(e->value) ? e : NULL;
}

static void apply_conditions(struct arena *a, struct chart *c, const struct datum_map *v,
                             struct str path, struct values_warnings *w)
{
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        struct chart_dependency *d = &c->metadata.dependency[i];
        struct str rest = str_trim(d->condition);
        while (rest.len > 0) {
            struct str condition = str_cut(&rest, ',');
            if (condition.len == 0)
                continue;
            struct str full = arena_concat(a, path, condition);
            const struct datum_entry *e = value_at(v, full);
            if (e && e->value.type == DATUM_BOOL) {
                d->is_enabled = e->value.boolean;
                break;
            }
            if (e)
                warn(a, w,
                     "Warning: Condition path '" STR_FMT "' for chart " STR_FMT
                     " returned non-bool value",
                     STR_ARG(condition), STR_ARG(d->name));
        }
    }
}

static bool is_disabled(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        if (!c->metadata.dependency[i].is_enabled && str_eq(c->metadata.dependency[i].name, name))
            return true;
    }
    return false;
}

static void drop_disabled(struct arena *a, struct chart *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->subchart_count; i++) {
        if (!is_disabled(c, c->subchart[i]->metadata.name))
            c->subchart[kept++] = c->subchart[i];
    }
    c->subchart_count = kept;
    struct chart_dependency *d =
        arena_array(a, struct chart_dependency, c->metadata.dependency_count);
    kept = 0;
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        if (!is_disabled(c, c->metadata.dependency[i].name))
            d[kept++] = c->metadata.dependency[i];
    }
    c->metadata.dependency = d;
    c->metadata.dependency_count = kept;
}

static int enable(struct arena *a, struct chart *c, const struct datum_map *user, struct str path,
                  struct values_warnings *w, struct err *err)
{
    struct datum_map *v;

    if (c->metadata.dependency_count == 0)
        return 0;
    choose_subcharts(a, c);
    int rc = values_coalesce(a, c, user, &v, w, err);
    if (rc < 0)
        return rc;
    apply_tags(a, c, v, w);
    apply_conditions(a, c, v, path, w);
    drop_disabled(a, c);
    for (size_t i = 0; i < c->subchart_count; i++) {
        struct str below = arena_printf(a, STR_FMT STR_FMT ".", STR_ARG(path),
                                        STR_ARG(c->subchart[i]->metadata.name));
        rc = enable(a, c->subchart[i], v, below, w, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- dependencies: imported values ---- */

/* The table put under a dotted path; "." is the table itself. */
static struct datum_map *under_path(struct arena *a, struct str path, struct datum_map *table)
{
    if (str_eq(path, STR(".")))
        return table;
    for (size_t end = path.len; end != SIZE_MAX;) {
        size_t dot = end;
        while (dot > 0 && path.ptr[dot - 1] != '.')
            dot--;
        struct datum_map *outer = datum_map_new(a);
        datum_map_set(a, outer, str_sub(path, dot, end), datum_of_map(table));
        table = outer;
        end = dot > 0 ? dot - 1 : SIZE_MAX;
    }
    return table;
}

static int import_values(struct arena *a, struct chart *c, struct values_warnings *w,
                         struct err *err)
{
    struct datum_map *v;
    struct datum_map *imported = datum_map_new(a);

    for (size_t i = 0; i < c->subchart_count; i++) {
        int rc = import_values(a, c->subchart[i], w, err);
        if (rc < 0)
            return rc;
    }
    if (c->metadata.dependency_count == 0)
        return 0;
    v = datum_map_new(a);
    int rc = coalesce(a, c, v, STR(""), true, w, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->metadata.dependency_count; i++) {
        const struct chart_dependency *d = &c->metadata.dependency[i];
        for (size_t k = 0; k < d->import_count; k++) {
            struct str path = joined(a, d->name, d->import[k].child);
            struct datum_map *table = values_table(v, path);
            if (!table) {
                warn(a, w, "Warning: ImportValues missing table from chart " STR_FMT ": " STR_FMT,
                     STR_ARG(d->name), STR_ARG(path));
                continue;
            }
            coalesce_tables(a, imported, under_path(a, d->import[k].parent, table), STR(""), true,
                            w);
        }
    }
    v = copied(a, v);
    coalesce_tables(a, v, copied(a, imported), STR(""), true, w);
    c->values = v;
    return 0;
}

int values_resolve_dependencies(struct arena *a, struct chart *c, const struct datum_map *user,
                                struct values_warnings *w, struct err *err)
{
    int rc = enable(a, c, user, STR(""), w, err);

    return rc < 0 ? rc : import_values(a, c, w, err);
}
