/* Reading is YAML; the edits are in config_edit.c. */
#include "hlctl/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/value/yaml.h"

struct str config_path(struct arena *a, struct str flag)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (flag.len > 0)
        return flag;
    if (base && base[0] == '/')
        return arena_printf(a, "%s/hlctl/config.yaml", base);
    return arena_printf(a, "%s/.config/hlctl/config.yaml", home ? home : "");
}

static struct str absolute(struct arena *a, struct str config_file, struct str path)
{
    const char *home = getenv("HOME");

    if (path.len == 0 || path.ptr[0] == '/')
        return path;
    if (str_starts(path, STR("~/")) && home)
        return arena_printf(a, "%s" STR_FMT, home, STR_ARG(str_sub(path, 1, path.len)));
    size_t slash = config_file.len;
    while (slash > 0 && config_file.ptr[slash - 1] != '/')
        slash--;
    return arena_concat(a, str_sub(config_file, 0, slash), path);
}

static int refuse(struct trouble *t, struct str path, const struct value *v, const char *why)
{
    struct err err;

    trouble_set(t, "HL-CFG-01", "configuration file " STR_FMT " is wrong", STR_ARG(path));
    err_at(&err, HL_EINVAL, path, v ? v->line : 0, v ? v->column : 0, "%s", why);
    trouble_err(t, &err);
    trouble_next(t, "correct the line; hlctl help configuration shows the form");
    return HL_EINVAL;
}

/* Refuses members of `map` that are not among the known. */
static int check_keys(struct arena *a, struct str path, const struct value *map, const char *known,
                      struct trouble *t)
{
    for (size_t i = 0; i < map->map.count; i++) {
        const struct member *m = &map->map.member[i];
        struct str rest = str_from(known);
        bool is_known = false;
        while (rest.len > 0 && !is_known)
            is_known = str_eq(str_cut(&rest, '|'), m->key);
        if (!is_known) {
            struct value at = {.line = m->key_line, .column = m->key_column};
            struct str why = arena_printf(a, "key \"" STR_FMT "\" is not understood; keys are %s",
                                          STR_ARG(m->key), known);
            return refuse(t, path, &at, why.ptr);
        }
    }
    return 0;
}

static int read_servers(struct arena *a, struct str path, const struct value *list,
                        struct context *c, struct trouble *t)
{
    size_t cap = 0;

    if (!list)
        return 0;
    if (list->kind != VALUE_LIST)
        return refuse(t, path, list, "servers must be a list of addresses");
    for (size_t i = 0; i < list->list.count; i++) {
        struct str server = value_str(list->list.item[i]);
        if (server.len == 0)
            return refuse(t, path, list->list.item[i], "a server must be HOST:PORT");
        if (str_starts(server, STR("tcp://")))
            server = str_sub(server, 6, server.len);
        ARENA_PUSH(a, c->server, c->server_count, cap, server);
    }
    return 0;
}

static int read_context(struct arena *a, struct config *out, const struct value *item,
                        struct trouble *t)
{
    struct context *c = &out->context[out->context_count];
    const struct member *name;

    if (item->kind != VALUE_MAP)
        return refuse(t, out->path, item,
                      "a context must be a mapping with name, roster, identity");
    if (check_keys(a, out->path, item, "name|roster|identity|mesh|servers", t) != 0)
        return HL_EINVAL;
    name = value_find(item, STR("name"));
    if (!name || value_str(name->value).len == 0)
        return refuse(t, out->path, item, "a context needs a name");
    for (size_t i = 0; i < out->context_count; i++)
        if (str_eq(out->context[i].name, value_str(name->value)))
            return refuse(t, out->path, name->value, "this name is taken by an earlier context");
    if (value_get_str(item, "roster").len == 0 || value_get_str(item, "identity").len == 0)
        return refuse(t, out->path, item, "a context needs the files roster and identity");
    *c = (struct context){
        .name = value_str(name->value),
        .roster = absolute(a, out->path, value_get_str(item, "roster")),
        .identity = absolute(a, out->path, value_get_str(item, "identity")),
        .mesh = value_get_str(item, "mesh"),
        .line = item->line,
    };
    out->context_count++;
    return read_servers(a, out->path, value_get(item, STR("servers")), c, t);
}

static int read_contexts(struct arena *a, struct config *out, const struct value *list,
                         struct trouble *t)
{
    if (!list || list->kind == VALUE_NULL)
        return 0;
    if (list->kind != VALUE_LIST)
        return refuse(t, out->path, list, "contexts must be a list");
    if (list->list.count > CONFIG_CONTEXTS_MAX)
        return refuse(t, out->path, list, "more than 256 contexts");
    out->context = arena_array(a, struct context, list->list.count);
    for (size_t i = 0; i < list->list.count; i++)
        if (read_context(a, out, list->list.item[i], t) != 0)
            return HL_EINVAL;
    return 0;
}

int config_parse(struct arena *a, struct str path, struct str text, struct config *out,
                 struct trouble *t)
{
    struct value *root = NULL;
    struct err err;

    *out = (struct config){.path = path, .text = text};
    int rc = yaml_read(a, text, path, &root, &err);
    if (rc < 0) {
        trouble_set(t, "HL-CFG-01", "configuration file " STR_FMT " is no YAML", STR_ARG(path));
        trouble_err(t, &err);
        trouble_next(t, "correct the line; hlctl help configuration shows the form");
        return rc;
    }
    if (root->kind == VALUE_NULL)
        return 0;
    if (root->kind != VALUE_MAP)
        return refuse(t, path, root, "the file must be a mapping");
    if (check_keys(a, path, root, "apiVersion|current-context|contexts", t) != 0)
        return HL_EINVAL;
    struct value *version = value_get(root, STR("apiVersion"));
    if (version && !str_eq(value_str(version), STR("hlctl/v1")))
        return refuse(t, path, version, "apiVersion must be hlctl/v1");
    out->current = value_get_str(root, "current-context");
    return read_contexts(a, out, value_get(root, STR("contexts")), t);
}

static int read_whole(struct arena *a, int fd, struct str *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (;;) {
        ssize_t n = read(fd, buf_reserve(&text, 4096), 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        buf_commit(&text, (size_t)n);
        if (text.len > CONFIG_BYTES_MAX) {
            errno = EFBIG;
            return -1;
        }
    }
    *out = arena_dup(a, buf_str(&text));
    return 0;
}

static int unreadable(struct trouble *t, struct str path)
{
    trouble_set(t, "HL-CFG-01", "configuration file " STR_FMT " cannot be read", STR_ARG(path));
    trouble_why(t, "%s", strerror(errno));
    trouble_next(t, "check the path in --config or HLCTL_CONFIG");
    return HL_EIO;
}

int config_load(struct arena *a, struct str path, struct config *out, struct trouble *t)
{
    struct stat st;
    struct str text;

    *out = (struct config){.path = path};
    int fd = open(arena_cstr(a, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 1 : unreadable(t, path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EINVAL;
        return unreadable(t, path);
    }
    if ((st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
        close(fd);
        trouble_set(t, "HL-CFG-02", "configuration file " STR_FMT " is open to others",
                    STR_ARG(path));
        trouble_why(t, "its mode is %04o, owner %u; it decides which mesh is believed",
                    (unsigned)st.st_mode & 07777u, (unsigned)st.st_uid);
        trouble_next(t, "chmod 600 " STR_FMT, STR_ARG(path));
        return HL_EDENIED;
    }
    int rc = read_whole(a, fd, &text);
    int saved = errno;
    close(fd);
    errno = saved;
    return rc != 0 ? unreadable(t, path) : config_parse(a, path, text, out, t);
}

const struct context *config_pick(const struct config *c, struct str name, struct trouble *t)
{
    struct str wanted = name.len > 0 ? name : c->current;

    for (size_t i = 0; i < c->context_count; i++)
        if (str_eq(c->context[i].name, wanted))
            return &c->context[i];
    if (wanted.len == 0)
        trouble_set(t, "HL-CFG-03", "no context is selected");
    else
        trouble_set(t, "HL-CFG-03", "there is no context \"" STR_FMT "\"", STR_ARG(wanted));
    trouble_why(t, STR_FMT " has %zu context%s", STR_ARG(c->path), c->context_count,
                c->context_count == 1 ? "" : "s");
    trouble_next(t, c->context_count > 0 ? "hlctl context list; hlctl context use NAME"
                                         : "hlctl context add NAME --roster FILE --identity FILE");
    return NULL;
}

static void make_folder(struct arena *a, struct str file)
{
    for (size_t i = 1; i < file.len; i++)
        if (file.ptr[i] == '/')
            mkdir(arena_cstr(a, str_sub(file, 0, i)), 0700); /* open() tells if it failed */
}

static int unwritable(struct trouble *t, const char *path)
{
    trouble_set(t, "HL-FILE-02", "cannot write %s", path);
    return trouble_why(t, "%s", strerror(errno));
}

int config_write(const struct config *c, struct str text, struct trouble *t)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    char *path = arena_cstr(a, c->path);
    char *resolved = realpath(path, NULL); /* a linked file is changed where it lies */
    if (resolved) {
        path = arena_cstr(a, str_from(resolved));
        free(resolved);
    }
    const char *fresh = arena_printf(a, "%s.new-%ld", path, (long)getpid()).ptr;

    make_folder(a, c->path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return unwritable(t, fresh);
    size_t done = 0;
    while (done < text.len) {
        ssize_t n = write(fd, text.ptr + done, text.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    bool is_stored = done == text.len && fsync(fd) == 0;
    if (close(fd) != 0 || !is_stored || rename(fresh, path) != 0) {
        int rc = unwritable(t, path);
        unlink(fresh);
        return rc;
    }
    return 0;
}
