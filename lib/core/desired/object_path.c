/* Where an object lies in a state repository: readable, safe as a file name, never shared. */
#include "core/desired/render.h"

#include "core/desired/kinds.h"

enum { PART_MAX = 180, HASH_HEX = 8 };

static bool is_safe(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* `text` as one path part; if bytes had to be replaced or cut, the hash of the original follows. */
static struct str safe_part(struct arena *a, struct str text)
{
    size_t len = text.len < PART_MAX ? text.len : PART_MAX;
    char *part = arena_alloc(a, len + 1);
    bool is_changed = len < text.len || text.len == 0 || text.ptr[0] == '.';
    char hex[DIGEST_HEX + 1];

    for (size_t i = 0; i < len; i++) {
        bool keeps = is_safe(text.ptr[i]) && !(i == 0 && text.ptr[i] == '.');
        part[i] = keeps ? text.ptr[i] : '_';
        is_changed = is_changed || !keeps;
    }
    if (!is_changed)
        return (struct str){part, len};
    struct digest d = sha256_of(text);
    return arena_printf(a, "%.*s-%.*s", (int)len, part, HASH_HEX, digest_hex(&d, hex));
}

static struct str lower(struct arena *a, struct str s)
{
    struct str copy = arena_dup(a, s);
    char *p = (char *)copy.ptr;
    for (size_t i = 0; i < s.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
    return copy;
}

static struct str path_of(struct arena *a, struct str cluster, const struct object *o,
                          bool with_group)
{
    struct str folder = o->namespace.len > 0 ? safe_part(a, o->namespace) : STR("_cluster");
    struct str kind = lower(a, o->kind);
    if (with_group && o->group.len > 0)
        kind = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(kind), STR_ARG(lower(a, o->group)));
    struct str file = arena_printf(a, STR_FMT "-" STR_FMT, STR_ARG(safe_part(a, kind)),
                                   STR_ARG(safe_part(a, o->name)));
    return arena_printf(a, "clusters/" STR_FMT "/" STR_FMT "/" STR_FMT ".yaml",
                        STR_ARG(safe_part(a, cluster)), STR_ARG(folder), STR_ARG(file));
}

/* The last resort: the identity's hash behind the name. */
static struct str with_hash(struct arena *a, struct str path, const struct object *o)
{
    char hex[DIGEST_HEX + 1];
    struct digest d = sha256_of(o->id);
    return arena_printf(a, STR_FMT "-%.*s.yaml", STR_ARG(str_sub(path, 0, path.len - 5)), HASH_HEX,
                        digest_hex(&d, hex));
}

/* Marks the objects whose path another object of the bundle has too. */
static void find_shared(const struct object *object, size_t count, bool *is_shared)
{
    HL_CLEANUP(map_freep) struct map *first = map_new(0x7061746873686172u);
    for (size_t i = 0; i < count; i++) {
        is_shared[i] = false;
        const struct object *other = map_get(first, object[i].path);
        if (other) {
            is_shared[i] = true;
            is_shared[other - object] = true;
        } else {
            (void)map_set(first, object[i].path, (void *)&object[i]); /* was absent */
        }
    }
}

void render_paths(struct arena *a, struct str cluster, struct object *object, size_t count)
{
    bool *is_shared = arena_array(a, bool, count);

    for (size_t i = 0; i < count; i++)
        object[i].path =
            path_of(a, cluster, &object[i], kind_name_is_taken(object[i].group, object[i].kind));
    find_shared(object, count, is_shared);
    for (size_t i = 0; i < count; i++)
        if (is_shared[i])
            object[i].path = path_of(a, cluster, &object[i], true);
    find_shared(object, count, is_shared);
    for (size_t i = 0; i < count; i++)
        if (is_shared[i])
            object[i].path = with_hash(a, object[i].path, &object[i]);
}
