/* A kubeconfig names things and refers to them by name: context, then its cluster and its user. */
#include "edge/kube/kube_config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "core/value/yaml.h"

struct reading {
    struct arena *arena;
    struct str file;
    struct kube_config *config;
    struct err *err;
};

static int read_all(int fd, size_t size, char *out, struct str path, struct err *err)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, out + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, HL_EIO, "cannot read " STR_FMT, STR_ARG(path));
        if (n == 0)
            return err_set(err, HL_EIO, STR_FMT " changed while it was read", STR_ARG(path));
        done += (size_t)n;
    }
    return 0;
}

int kube_file_read(struct str path, struct arena *a, struct str *out, struct err *err)
{
    struct stat st;
    int fd = open(arena_cstr(a, path), O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return err_errno(err,
                         errno == ENOENT   ? HL_EABSENT
                         : errno == EACCES ? HL_EDENIED
                                           : HL_EIO,
                         "cannot open " STR_FMT, STR_ARG(path));
    int r = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        r = err_set(err, HL_EIO, STR_FMT " is no file", STR_ARG(path));
    else if (st.st_size > KUBE_CONFIG_FILE_MAX)
        r = err_set(err, HL_ELIMIT, STR_FMT " is larger than %d bytes", STR_ARG(path),
                    KUBE_CONFIG_FILE_MAX);
    if (r == 0) {
        size_t size = (size_t)st.st_size;
        char *text = arena_alloc(a, size + 1);

        r = read_all(fd, size, text, path, err);
        if (r == 0)
            *out = (struct str){text, size};
    }
    close(fd);
    return r;
}

static struct str beside(struct reading *r, struct str path)
{
    size_t end = r->file.len;

    if (path.len == 0 || path.ptr[0] == '/')
        return path;
    while (end > 0 && r->file.ptr[end - 1] != '/')
        end--;
    return arena_concat(r->arena, str_sub(r->file, 0, end), path);
}

/* `name`-data in base64, or the file that `name` is the path of. */
static int take_blob(struct reading *r, const struct value *from, const char *name, struct str *out)
{
    struct str data_name = arena_printf(r->arena, "%s-data", name);
    const struct value *data = value_get(from, data_name);
    struct str path = value_get_str(from, name);

    if (data && data->kind == VALUE_STRING && data->string.len > 0) {
        if (!base64_decode(r->arena, data->string, out, NULL))
            return value_err(r->err, HL_EINVAL, data, STR_FMT " is no base64", STR_ARG(data_name));
        return 0;
    }
    if (path.len == 0)
        return 0;
    int e = kube_file_read(beside(r, path), r->arena, out, r->err);
    if (e < 0)
        err_wrap(r->err, "%s", name);
    return e;
}

static int refuse(struct reading *r, const struct value *from, const char *const *name,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct value *v = value_get(from, str_from(name[i]));

        if (v && v->kind != VALUE_NULL && !(v->kind == VALUE_STRING && v->string.len == 0))
            return value_err(r->err, HL_EUNSUPPORTED, v, "\"%s\" in a kubeconfig is not supported",
                             name[i]);
    }
    return 0;
}

/* clusters: [{name: NAME, cluster: {...}}] -> {...} */
static int find_named(struct reading *r, const struct value *root, const char *list_name,
                      const char *member, struct str name, const struct value **out)
{
    const struct value *list = value_get(root, str_from(list_name));

    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count; i++) {
        const struct value *v = value_get(list->list.item[i], str_from(member));

        if (str_eq(value_get_str(list->list.item[i], "name"), name) && v && v->kind == VALUE_MAP) {
            *out = v;
            return 0;
        }
    }
    return err_at(r->err, HL_EINVAL, r->file, list ? list->line : 0, 0,
                  "no entry \"" STR_FMT "\" in %s", STR_ARG(name), list_name);
}

static int take_cluster(struct reading *r, const struct value *v)
{
    static const char *const refused[] = {"proxy-url", "tls-server-name"};

    int e = refuse(r, v, refused, HL_COUNT(refused));
    if (e < 0)
        return e;
    r->config->server = value_get_str(v, "server");
    r->config->is_insecure = value_get_bool(v, "insecure-skip-tls-verify", false);
    if (r->config->server.len == 0)
        return value_err(r->err, HL_EINVAL, v, "the cluster has no server");
    return take_blob(r, v, "certificate-authority", &r->config->ca_pem);
}

static int take_user(struct reading *r, const struct value *v)
{
    static const char *const refused[] = {"exec", "auth-provider", "username", "password",
                                          "as",   "as-groups",     "as-uid",   "as-user-extra"};

    int e = refuse(r, v, refused, HL_COUNT(refused));
    if (e == 0)
        e = take_blob(r, v, "client-certificate", &r->config->cert_pem);
    if (e == 0)
        e = take_blob(r, v, "client-key", &r->config->key_pem);
    if (e < 0)
        return e;
    r->config->token = value_get_str(v, "token");
    r->config->token_path = beside(r, value_get_str(v, "tokenFile"));
    if ((r->config->cert_pem.len == 0) != (r->config->key_pem.len == 0))
        return value_err(r->err, HL_EINVAL, v, "client-certificate and client-key belong together");
    return 0;
}

int kube_config_read(struct str path, struct arena *a, struct kube_config *out, struct err *err)
{
    struct kube_config config = {0};
    struct reading r = {a, arena_dup(a, path), &config, err};
    const struct value *context;
    const struct value *part;
    struct value *root;
    struct str text;

    int e = kube_file_read(path, a, &text, err);
    if (e == 0)
        e = yaml_read(a, text, path, &root, err);
    if (e < 0)
        return e;
    struct str current = value_get_str(root, "current-context");
    if (current.len == 0)
        return err_at(err, HL_EINVAL, path, 0, 0, "a kubeconfig needs a current-context");
    e = find_named(&r, root, "contexts", "context", current, &context);
    if (e == 0)
        e = find_named(&r, root, "clusters", "cluster", value_get_str(context, "cluster"), &part);
    if (e == 0)
        e = take_cluster(&r, part);
    if (e == 0)
        e = find_named(&r, root, "users", "user", value_get_str(context, "user"), &part);
    if (e == 0)
        e = take_user(&r, part);
    if (e == 0)
        *out = config;
    return e;
}

int kube_config_in_cluster(struct str host, struct str port, struct str folder, struct arena *a,
                           struct kube_config *out, struct err *err)
{
    struct kube_config config = {0};

    if (host.len == 0 || port.len == 0)
        return err_set(err, HL_EABSENT, "not in a pod: KUBERNETES_SERVICE_HOST is not set");
    if (folder.len == 0)
        folder = STR("/var/run/secrets/kubernetes.io/serviceaccount");
    bool is_v6 = str_has_byte(host, ':') && host.ptr[0] != '[';
    config.server = arena_printf(a, "https://%s" STR_FMT "%s:" STR_FMT, is_v6 ? "[" : "",
                                 STR_ARG(host), is_v6 ? "]" : "", STR_ARG(port));
    config.token_path = arena_concat(a, folder, STR("/token"));
    int e = kube_file_read(arena_concat(a, folder, STR("/ca.crt")), a, &config.ca_pem, err);
    if (e < 0)
        err_wrap(err, "service account");
    else
        *out = config;
    return e;
}
