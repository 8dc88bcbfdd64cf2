/* Paths are judged by their text alone: what a name leads to is the source's business. */
#include "core/desired/path.h"

#include <string.h>

static bool is_bad_byte(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f || c == '\\';
}

static int check_bytes(struct str path, struct err *err)
{
    if (path.len > PATH_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "path of %zu bytes, at most %d are allowed", path.len,
                       PATH_BYTES_MAX);
    for (size_t i = 0; i < path.len; i++)
        if (is_bad_byte(path.ptr[i]))
            return err_set(err, HL_EINVAL, "path holds the byte 0x%02x",
                           (unsigned)(unsigned char)path.ptr[i]);
    if (!str_is_utf8(path))
        return err_set(err, HL_EINVAL, "path is not UTF-8");
    return 0;
}

int path_clean(struct arena *a, struct str path, struct str *out, struct err *err)
{
    int rc = check_bytes(path, err);
    if (rc < 0)
        return rc;
    if (str_starts(path, STR("/")))
        return err_set(err, HL_EDENIED,
                       "path \"" STR_FMT "\" starts with \"/\": paths are relative "
                       "to the repository",
                       STR_ARG(path));

    char *clean = arena_alloc(a, path.len + 1);
    size_t len = 0;
    size_t part_count = 0;
    for (struct str rest = path; rest.len > 0;) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR("..")))
            return err_set(err, HL_EDENIED,
                           "path \"" STR_FMT "\" holds \"..\": it would leave its "
                           "folder",
                           STR_ARG(path));
        if (++part_count > PATH_PARTS_MAX)
            return err_set(err, HL_ELIMIT, "path of more than %d names", PATH_PARTS_MAX);
        if (len > 0)
            clean[len++] = '/';
        memcpy(clean + len, part.ptr, part.len);
        len += part.len;
    }
    *out = (struct str){clean, len};
    return 0;
}

struct str path_join(struct arena *a, struct str folder, struct str name)
{
    if (folder.len == 0)
        return name;
    if (name.len == 0)
        return folder;
    return arena_concat(a, arena_concat(a, folder, STR("/")), name);
}

struct str path_base(struct str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    return str_sub(path, at, path.len);
}
