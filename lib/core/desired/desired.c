/* The road from registry to plan; each stretch has its own file. */
#include "core/desired/desired.h"

#include <stdlib.h>

#include "core/desired/app.h"
#include "core/desired/lint.h"
#include "core/desired/manifest.h"
#include "core/desired/path.h"
#include "core/desired/selector.h"

static const char REGISTRY_FILE[] = "platform/clusters.yaml";
static const char REGISTRY_FOLDER[] = "platform/clusters";

static void add_records(struct build *b, struct str path)
{
    struct str text;
    struct err err;
    int rc = build_read(b, path, &text, &err);

    if (rc == SOURCE_FOUND)
        rc = registry_add(&b->plan->registry, b->a, text, path, &err);
    if (rc < 0)
        build_error(b, STR_NONE, &err);
}

static void read_registry(struct build *b)
{
    struct source_entry *entry = NULL;
    size_t count = 0;
    struct err err;

    add_records(b, str_from(REGISTRY_FILE));
    int rc = build_list(b, str_from(REGISTRY_FOLDER), &entry, &count, &err);
    if (rc < 0)
        build_error(b, STR_NONE, &err);
    for (size_t i = 0; rc == SOURCE_FOUND && i < count; i++)
        if (manifest_format_of(entry[i].name) == MANIFEST_YAML && entry[i].kind != SOURCE_FOLDER)
            add_records(b, path_join(b->a, str_from(REGISTRY_FOLDER), entry[i].name));

    const struct desired_input *in = b->input;
    if (in->clusters_text.len > 0) {
        struct str file = in->clusters_file.len > 0 ? in->clusters_file : STR("clusters file");
        if (registry_add(&b->plan->registry, b->a, in->clusters_text, file, &err) < 0)
            build_error(b, STR_NONE, &err);
    }
    if (b->plan->registry.count == 0 && b->plan->error_count == 0) {
        (void)err_at(&err, HL_EINVAL, str_from(REGISTRY_FILE), 0, 0,
                     "no cluster is known: neither this file nor %s/*.yaml nor the operator's "
                     "clusters file has a record",
                     REGISTRY_FOLDER); /* becomes an error of the plan */
        build_error(b, STR_NONE, &err);
    }
}

static int make_selector(struct build *b, struct addon *addon, struct err *err)
{
    struct selector *out = &addon->selector;
    const struct value *merged = addon->layering->merged;
    const struct value *use = value_get(merged, STR("useSelectors"));
    struct value *type = value_map(b->a);

    value_map_set_str(b->a, type, "argocd.argoproj.io/secret-type", STR("cluster"));
    int rc = selector_add_labels(out, b->a, type, err);
    if (rc == 0)
        rc = selector_add_labels(out, b->a, value_get(merged, STR("globalSelectors")), err);
    if (rc == 0)
        rc = selector_add_labels(out, b->a, value_get(addon->entry, STR("selectorMatchLabels")),
                                 err);
    if (rc == 0 && use && use->kind == VALUE_BOOL && use->boolean)
        rc = selector_add(out, b->a, value_get(addon->entry, STR("selector")), err);
    return rc;
}

static void add_set(struct build *b, const struct addon *addon, size_t app_count)
{
    /* The first term, the secret type, is the same everywhere and says nothing. */
    const struct selector telling = {addon->selector.term + 1, addon->selector.count - 1, 0};
    struct desired_set set = {
        .addon = addon->name,
        .layering = addon->layering->cluster->name,
        .selector = selector_text(&telling, b->a),
        .where = addon->where,
        .app_count = app_count,
    };
    ARENA_PUSH(b->a, b->plan->set, b->plan->set_count, b->set_cap, set);
    if (app_count == 0 && addon->errors.count == 0)
        build_note(b, STR_NONE, addon->where, "addon " STR_FMT ": no cluster matches (" STR_FMT ")",
                   STR_ARG(addon->name), STR_ARG(set.selector));
    for (size_t i = 0; app_count == 0 && i < addon->errors.count; i++)
        build_error(b, addon->name, &addon->errors.error[i]);
}

static void check_fragments(struct build *b, struct addon *addon)
{
    const struct layering *l = addon->layering;
    for (size_t i = 0; i < l->layer_count; i++) {
        const struct value *fragment = value_get(l->layer[i].tree, addon->key);
        if (fragment && fragment->kind == VALUE_MAP)
            entry_check(b, addon->name, fragment, &addon->errors);
    }
}

/* False: the entry is off, or its selector is wrong (reported). */
static bool read_addon(struct build *b, const struct layering *l, const struct member *m,
                       struct addon *out)
{
    struct err err;

    *out = (struct addon){
        .layering = l,
        .key = m->key,
        .name = entry_name(b->a, m->key),
        .entry = m->value,
        .where = value_pos_of(value_get(m->value, STR("enabled"))),
    };
    check_fragments(b, out);
    if (!entry_is_enabled(m->value))
        return false;
    if (make_selector(b, out, &err) < 0) {
        (void)err_wrap(&err, "addon " STR_FMT, STR_ARG(out->name)); /* becomes its error */
        (void)build_place(&err, out->where);
        build_error(b, out->name, &err);
        return false;
    }
    return true;
}

static int by_key(const void *left, const void *right)
{
    return str_cmp((*(const struct member *const *)left)->key,
                   (*(const struct member *const *)right)->key);
}

/* Addons in the order of their keys, as a template ranges over a map. */
static void read_addons(struct build *b, struct layering *l)
{
    size_t count = l->merged->map.count;
    const struct member **member = arena_array(b->scratch, const struct member *, count);
    size_t addon_count = 0;

    for (size_t i = 0; i < count; i++)
        if (entry_is_addon(l->merged->map.member[i].value))
            member[addon_count++] = &l->merged->map.member[i];
    if (addon_count > 1)
        qsort(member, addon_count, sizeof(const struct member *), by_key);
    l->addon = arena_array(b->scratch, struct addon, addon_count);
    for (size_t i = 0; i < addon_count; i++)
        l->addon_count += read_addon(b, l, member[i], &l->addon[l->addon_count]) ? 1 : 0;
}

static const struct addon *find_addon(const struct layering *l, struct str key)
{
    size_t low = 0;
    size_t high = l->addon_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (str_cmp(l->addon[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->addon_count && str_eq(l->addon[low].key, key) ? &l->addon[low] : NULL;
}

/*
 * Layerings of one kind select each other's clusters: the list of a role sees every cluster of that
 * role. What a cluster's own layering says about it counts, so others of the kind stand back.
 */
static bool is_left_to_its_own(const struct addon *addon, const struct layering *own)
{
    if (!own || own == addon->layering || own->is_vcluster != addon->layering->is_vcluster)
        return false;
    const struct addon *twin = find_addon(own, addon->key);
    return twin && selector_matches(&twin->selector, own->cluster->labels);
}

static void make_apps(struct build *b, const struct addon *addon, struct layering *const *own)
{
    size_t app_count = 0;
    for (size_t i = 0; i < b->plan->registry.count; i++) {
        const struct cluster_record *c = &b->plan->registry.cluster[i];
        if (!selector_matches(&addon->selector, c->labels))
            continue;
        app_count++;
        if (!is_left_to_its_own(addon, own[i]))
            app_add(b, addon, c);
    }
    add_set(b, addon, app_count);
}

static void compile(struct build *b)
{
    HL_CLEANUP(map_freep) struct map *bases = map_new(0x6261736573303031u);

    read_registry(b);
    size_t count = b->plan->registry.count;
    struct layering **own = arena_array(b->scratch, struct layering *, count);
    for (size_t i = 0; i < count && b->outside_code == 0; i++) {
        struct layering *l = arena_one(b->scratch, struct layering);
        if (layering_build(b, &b->plan->registry.cluster[i], l) != 0)
            continue;
        read_addons(b, l);
        (void)map_set(bases, l->base, b); /* a set */
        own[i] = l;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; own[i] && k < own[i]->addon_count && b->outside_code == 0; k++)
            make_apps(b, &own[i]->addon[k], own);
    for (size_t i = 0; i < map_count(bases) && b->outside_code == 0; i++)
        lint_layer_folders(b, arena_dup(b->a, map_key_at(bases, i)));
}

int desired_compile(const struct source *source, const struct desired_input *input, struct arena *a,
                    struct desired_plan *out, struct err *err)
{
    struct desired_plan plan = {.commit = arena_dup(a, input->commit)};
    struct build b;

    build_init(&b, source, input, a, &plan);
    compile(&b);
    int rc = b.outside_code;
    if (rc < 0) {
        if (err)
            *err = b.outside;
    } else {
        build_finish(&b);
        *out = plan;
    }
    build_deinit(&b);
    return rc;
}
