/*
 * The order of layers is that of the bootstrap ApplicationSets: chart defaults, environment, role,
 * cluster. A vcluster leaves the environment's addons out and keeps the environment's common
 * settings. See fleet layering (A) in README.md.
 */
#include "core/desired/layering.h"

#include "core/desired/entry.h"
#include "core/desired/path.h"
#include "core/value/yaml.h"

/* The chart's values.yaml for a repository that does not carry the chart. */
static const char BUILT_IN[] = "syncPolicy:\n"
                               "  automated: {selfHeal: true, allowEmpty: true, prune: true}\n"
                               "  retry:\n"
                               "    limit: -1\n"
                               "    backoff: {duration: 5s, factor: 2, maxDuration: 10m}\n"
                               "  syncOptions: [CreateNamespace=true, ServerSideApply=true]\n"
                               "syncPolicyAppSet: {preserveResourcesOnDeletion: true}\n"
                               "useSelectors: true\n"
                               "repoURLGit: '{{.metadata.annotations.addons_repo_url}}'\n"
                               "repoURLGitRevision: HEAD\n";

enum layer_state { LAYER_READ, LAYER_ABSENT, LAYER_BROKEN };

struct layer_file {
    enum layer_state state;
    struct value *tree;
};

static int parse(struct build *b, struct str path, struct str text, struct layer_file *f,
                 struct err *err)
{
    if (text.len > DESIRED_LAYER_BYTES_MAX)
        return err_at(err, HL_ELIMIT, path, 0, 0, "a layer of %zu bytes, at most %d are allowed",
                      text.len, DESIRED_LAYER_BYTES_MAX);
    /* The tree outlives the text: labels and ignore rules of the plan point into it. */
    int rc = yaml_read(b->a, arena_dup(b->a, text), path, &f->tree, err);
    if (rc == 0 && f->tree->kind == VALUE_NULL)
        f->tree = value_map(b->a);
    if (rc == 0 && f->tree->kind != VALUE_MAP)
        rc = value_err(err, HL_EINVAL, f->tree, "a layer must be a map, here is a %s",
                       value_kind_name(f->tree->kind));
    return rc;
}

static struct layer_file *load(struct build *b, struct str path)
{
    struct layer_file *f = map_get(b->layer, path);
    struct err err;
    struct str text;

    if (f)
        return f;
    f = arena_one(b->scratch, struct layer_file);
    int rc = build_read(b, path, &text, &err);
    if (rc == SOURCE_FOUND)
        rc = parse(b, path, text, f, &err);
    f->state = rc == SOURCE_ABSENT ? LAYER_ABSENT : rc < 0 ? LAYER_BROKEN : LAYER_READ;
    if (rc < 0)
        build_error(b, STR_NONE, &err);
    (void)map_set(b->layer, path, f); /* was absent */
    return f;
}

int layering_base(struct arena *a, const struct cluster_record *cluster, struct str *out,
                  struct err *err)
{
    const struct value *given = value_get(cluster->annotations, STR("addons_repo_basepath"));
    int rc = path_clean(a, given ? value_str(given) : STR("addons"), out, err);
    return rc < 0 ? err_wrap(err, "cluster " STR_FMT ", annotation addons_repo_basepath",
                             STR_ARG(cluster->name))
                  : 0;
}

static bool is_addon_in(const struct value *lower, const struct member *m)
{
    return m->value->kind == VALUE_MAP &&
           (entry_is_addon(m->value) || entry_is_addon(value_get(lower, m->key)));
}

/* What a layer says of an entry although lower layers say exactly that already. */
static void note_repetitions(struct build *b, const struct value *lower, const struct value *tree)
{
    for (size_t i = 0; i < tree->map.count; i++) {
        const struct member *entry = &tree->map.member[i];
        const struct value *below = value_get(lower, entry->key);
        if (!below || !is_addon_in(lower, entry))
            continue;
        for (size_t k = 0; k < entry->value->map.count; k++) {
            const struct member *m = &entry->value->map.member[k];
            const struct value *same = value_get(below, m->key);
            if (!same || !value_eq(same, m->value))
                continue;
            struct value_pos first = value_pos_of(same);
            struct value_pos where = value_pos_of(m->value);
            where.line = m->key_line;
            where.column = m->key_column;
            build_note(b, STR_NONE, where,
                       "addon " STR_FMT ": " STR_FMT " repeats what " STR_FMT ":%u says",
                       STR_ARG(entry->key), STR_ARG(m->key), STR_ARG(first.file), first.line);
        }
    }
}

/* 0, 1: absent, HL_EINVAL: broken (reported). */
static int add_layer(struct build *b, struct layering *l, struct str path)
{
    struct layer_file *f = load(b, path);
    if (f->state != LAYER_READ)
        return f->state == LAYER_ABSENT ? 1 : HL_EINVAL;

    HL_ASSERT(l->layer_count < LAYER_COUNT_MAX);
    note_repetitions(b, l->merged, f->tree);
    l->layer[l->layer_count++] = (struct layer){path, f->tree};
    l->merged = value_merge(b->a, l->merged, f->tree);
    return 0;
}

static int add_chart_defaults(struct build *b, struct layering *l)
{
    const struct value *given = value_get(l->cluster->annotations, STR("addons_repo_path"));
    struct str chart = given ? value_str(given) : STR("charts/application-sets");
    struct str path;
    struct err err;

    int rc = path_clean(
        b->a,
        arena_printf(b->a, STR_FMT "/" STR_FMT "/values.yaml", STR_ARG(l->base), STR_ARG(chart)),
        &path, &err);
    if (rc < 0) {
        (void)build_place(&err, l->cluster->where); /* code is known */
        build_error(b, STR_NONE, &err);
        return rc;
    }
    rc = add_layer(b, l, path);
    if (rc <= 0)
        return rc;

    struct layer_file f;
    rc = parse(b, STR("built-in defaults"), str_from(BUILT_IN), &f, &err);
    HL_ASSERT(rc == 0);
    l->layer[l->layer_count++] = (struct layer){STR("built-in defaults"), f.tree};
    l->merged = f.tree;
    build_note(b, STR_NONE, (struct value_pos){path, 0, 0},
               "the application-sets chart has no values.yaml here: built-in defaults are used");
    return 0;
}

static int add_optional(struct build *b, struct layering *l, const char *folder, struct str name,
                        const char *file, bool is_noted)
{
    struct str path;
    struct err err;
    int rc = path_clean(b->a,
                        arena_printf(b->a, STR_FMT "/%s/" STR_FMT "/%s", STR_ARG(l->base), folder,
                                     STR_ARG(name), file),
                        &path, &err);
    if (rc < 0) {
        (void)err_wrap(&err, "cluster " STR_FMT, STR_ARG(l->cluster->name)); /* code is known */
        (void)build_place(&err, l->cluster->where);
        build_error(b, STR_NONE, &err);
        return rc;
    }
    rc = add_layer(b, l, path);
    if (rc == 1 && is_noted)
        build_note(b, STR_NONE, (struct value_pos){path, 0, 0}, "optional layer, does not exist");
    return rc < 0 ? rc : 0;
}

static int label_of(struct build *b, const struct cluster_record *c, const char *label,
                    struct str *out)
{
    struct err err;
    *out = value_get_str(c->labels, label);
    if (out->len > 0)
        return 0;
    int rc = err_at(&err, HL_EINVAL, c->where.file, c->where.line, c->where.column,
                    "cluster " STR_FMT " has no label %s, which names its layer", STR_ARG(c->name),
                    label);
    build_error(b, STR_NONE, &err);
    return rc;
}

static int add_layers(struct build *b, struct layering *l)
{
    struct str environment;
    struct str role;
    struct str name;
    int rc = label_of(b, l->cluster, "environment", &environment);

    if (rc == 0)
        rc = label_of(b, l->cluster, "cluster_role", &role);
    if (rc == 0)
        rc = label_of(b, l->cluster, "cluster_name", &name);
    if (rc == 0)
        rc = add_chart_defaults(b, l);
    if (rc == 0 && !l->is_vcluster)
        rc = add_optional(b, l, "environments", environment, "addons/addons.yaml", true);
    if (rc == 0)
        rc = add_optional(b, l, "environments", environment, "addons/common.yaml", true);
    if (rc == 0)
        rc = add_optional(b, l, "cluster-roles", role, "addons/addons.yaml", true);
    if (rc == 0)
        rc = add_optional(b, l, "cluster-roles", role, "addons/common.yaml", true);
    if (rc == 0)
        rc = add_optional(b, l, "clusters", name, "addons.yaml", false);
    return rc;
}

int layering_build(struct build *b, const struct cluster_record *cluster, struct layering *out)
{
    struct str role = value_get_str(cluster->labels, "cluster_role");
    struct err err;

    *out = (struct layering){.cluster = cluster, .is_vcluster = str_eq(role, STR("vcluster"))};
    if (!out->is_vcluster && !str_eq(role, STR("control-plane"))) {
        build_note(b, STR_NONE, cluster->where,
                   "cluster " STR_FMT " has the cluster_role \"" STR_FMT
                   "\": only control-plane and vcluster have addons of their own",
                   STR_ARG(cluster->name), STR_ARG(role));
        return 1;
    }
    int rc = layering_base(b->a, cluster, &out->base, &err);
    if (rc < 0) {
        (void)build_place(&err, cluster->where); /* code is known */
        build_error(b, STR_NONE, &err);
        return 1;
    }
    if (add_layers(b, out) < 0)
        return 1;
    if (entry_check_settings(out->merged, &err) < 0) {
        build_error(b, STR_NONE, &err);
        return 1;
    }
    entry_check_rest(b, out->merged);
    return 0;
}
