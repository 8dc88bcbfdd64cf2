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
    struct str inside = arena_concat(b->scratch, path, STR("/"));
    for (size_t i = 0; i < map_count(b->used_path); i++)
        if (str_eq(map_key_at(b->used_path, i), path) ||
            str_starts(map_key_at(b->used_path, i), inside))
            return true;
    return false;
}

struct folder {
    struct str path;
    struct str name;
};

/* The folders in `path`; an unreadable one has none here: it is judged where it matters. */
static size_t folders_of(struct build *b, struct str path, struct folder **out)
{
    struct source_entry *entry;
    size_t entry_count;
    size_t count = 0;

    *out = NULL;
    if (build_list(b, path, &entry, &entry_count, NULL) != SOURCE_FOUND)
        return 0;
    *out = arena_array(b->scratch, struct folder, entry_count);
    for (size_t i = 0; i < entry_count; i++)
        if (entry[i].kind == SOURCE_FOLDER)
            (*out)[count++] = (struct folder){path_join(b->a, path, entry[i].name), entry[i].name};
    return count;
}

static void judge_environment(struct build *b, const struct folder *f)
{
    if (!has_label(&b->plan->registry, "environment", f->name) && !is_used(b, f->path))
        build_note(b, STR_NONE, (struct value_pos){f->path, 0, 0},
                   "no cluster has the environment " STR_FMT ": nothing here is read",
                   STR_ARG(f->name));
}

static void judge_role(struct build *b, const struct folder *f)
{
    if (!has_label(&b->plan->registry, "cluster_role", f->name) && !is_used(b, f->path))
        build_note(b, STR_NONE, (struct value_pos){f->path, 0, 0},
                   "no cluster has the cluster_role " STR_FMT ": nothing here is read",
                   STR_ARG(f->name));
}

static void judge_values(struct build *b, const struct cluster_record *c, const struct folder *f)
{
    if (!is_used(b, f->path))
        build_note(b, STR_NONE, (struct value_pos){f->path, 0, 0},
                   "never read: the values of cluster " STR_FMT
                   " are looked up below clusters/" STR_FMT,
                   STR_ARG(value_get_str(c->labels, "cluster_name")), STR_ARG(c->name_normalized));
}

/* Addon lists are found by the label cluster_name, values by the normalised name. */
static void judge_cluster(struct build *b, const struct folder *f)
{
    const struct cluster_record *c = named(&b->plan->registry, f->name);
    struct folder *addon;

    if (is_normalized_name(&b->plan->registry, f->name))
        return;
    if (!c) {
        if (!is_used(b, f->path))
            build_note(b, STR_NONE, (struct value_pos){f->path, 0, 0},
                       "no cluster has the cluster_name " STR_FMT ": nothing here is read",
                       STR_ARG(f->name));
        return;
    }
    size_t count = folders_of(b, path_join(b->a, f->path, STR("addons")), &addon);
    for (size_t i = 0; i < count; i++)
        judge_values(b, c, &addon[i]);
}

static void each_folder(struct build *b, struct str path,
                        void (*judge)(struct build *b, const struct folder *f))
{
    struct folder *folder;
    size_t count = folders_of(b, path, &folder);
    for (size_t i = 0; i < count; i++)
        judge(b, &folder[i]);
}

void lint_layer_folders(struct build *b, struct str base)
{
    each_folder(b, path_join(b->a, base, STR("environments")), judge_environment);
    each_folder(b, path_join(b->a, base, STR("cluster-roles")), judge_role);
    each_folder(b, path_join(b->a, base, STR("clusters")), judge_cluster);
}
