/* Folders are compared with the labels and names that lead into them. */
#include "core/desired/lint.h"

#include "core/desired/path.h"

static bool has_label(const struct registry *r, const char *label, struct str value)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(value_get_str(r->cluster[i].labels, label), value))
            return true;
    return false;
}

static const struct cluster_record *named(const struct registry *r, struct str cluster_name)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(value_get_str(r->cluster[i].labels, "cluster_name"), cluster_name))
            return &r->cluster[i];
    return NULL;
}

static bool is_normalized_name(const struct registry *r, struct str name)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->cluster[i].name_normalized, name))
            return true;
    return false;
}

/* An entry points at the folder or at something in it. */
static bool is_used(const struct build *b, struct str path)
{
    struct str inside = arena_printf(b->scratch, STR_FMT "/", STR_ARG(path));
    for (size_t i = 0; i < map_count(b->used_path); i++)
        if (str_eq(map_key_at(b->used_path, i), path) ||
            str_starts(map_key_at(b->used_path, i), inside))
            return true;
    return false;
}

/* Calls `judge` with every folder in base/kind. Unreadable folders are judged where they matter. */
static void each_folder(struct build *b, struct str path,
                        void (*judge)(struct build *b, struct str path, struct str name))
{
    struct source_entry *entry;
    size_t count;
    if (build_list(b, path, &entry, &count, NULL) != SOURCE_FOUND)
        return;
    for (size_t i = 0; i < count; i++)
        if (entry[i].kind == SOURCE_FOLDER)
            judge(b, path_join(b->a, path, entry[i].name), entry[i].name);
}

static void judge_environment(struct build *b, struct str path, struct str name)
{
    if (!has_label(&b->plan->registry, "environment", name) && !is_used(b, path))
        build_note(b, STR_NONE, (struct value_pos){path, 0, 0},
                   "no cluster has the environment " STR_FMT ": nothing here is read",
                   STR_ARG(name));
}

static void judge_role(struct build *b, struct str path, struct str name)
{
    if (!has_label(&b->plan->registry, "cluster_role", name) && !is_used(b, path))
        build_note(b, STR_NONE, (struct value_pos){path, 0, 0},
                   "no cluster has the cluster_role " STR_FMT ": nothing here is read",
                   STR_ARG(name));
}

static void judge_values_folder(struct build *b, struct str path, struct str name)
{
    struct str rest = path_base(str_sub(path, 0, path.len - name.len - sizeof("/addons")));
    const struct cluster_record *c = named(&b->plan->registry, rest);
    if (!is_used(b, path))
        build_note(b, STR_NONE, (struct value_pos){path, 0, 0},
                   "never read: the values of cluster " STR_FMT
                   " are looked up below clusters/" STR_FMT,
                   STR_ARG(rest), STR_ARG(c->name_normalized));
}

/* Addon lists are found by the label cluster_name, values by the normalised name. */
static void judge_cluster(struct build *b, struct str path, struct str name)
{
    bool has_values = is_normalized_name(&b->plan->registry, name);

    if (!named(&b->plan->registry, name) && !has_values) {
        if (!is_used(b, path))
            build_note(b, STR_NONE, (struct value_pos){path, 0, 0},
                       "no cluster has the cluster_name " STR_FMT ": nothing here is read",
                       STR_ARG(name));
        return;
    }
    if (!has_values)
        each_folder(b, path_join(b->a, path, STR("addons")), judge_values_folder);
}

void lint_layer_folders(struct build *b, struct str base)
{
    each_folder(b, path_join(b->a, base, STR("environments")), judge_environment);
    each_folder(b, path_join(b->a, base, STR("cluster-roles")), judge_role);
    each_folder(b, path_join(b->a, base, STR("clusters")), judge_cluster);
}
