/* `hlctl chart pull` and `hlctl chart deps`: charts from repositories and registries. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "edge/registry/dependencies.h"
#include "hlctl/chart_input.h"
#include "hlctl/input.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

static int cannot_have(struct trouble *t, struct str name, const struct err *err)
{
    bool is_other = err->code == HL_ECONFLICT;

    trouble_set(t, is_other ? "HL-CHART-05" : "HL-CHART-04",
                is_other ? "the chart " STR_FMT " is not what it was"
                         : "cannot have the chart " STR_FMT,
                STR_ARG(name));
    return trouble_err(t, err);
}

/* The value of an environment variable, or a path below the home folder. */
static struct str path_of(struct arena *a, const char *variable, const char *below_home)
{
    const char *set = getenv(variable);
    const char *home = getenv("HOME");

    if (set && set[0])
        return arena_dup(a, str_from(set));
    return arena_printf(a, "%s/%s", home ? home : "", below_home);
}

/* hlctl/charts below the user's cache; both folders are made, the rest of the way must be there. */
static struct str cache_dir(struct arena *a)
{
    struct str base = path_of(a, "XDG_CACHE_HOME", ".cache");
    struct str own = arena_printf(a, STR_FMT "/hlctl", STR_ARG(base));

    mkdir(base.ptr, 0700); /* what cannot be made is told when the cache is opened */
    mkdir(own.ptr, 0700);
    return arena_printf(a, STR_FMT "/charts", STR_ARG(own));
}

static int read_optional(struct hlctl *h, struct str path, struct str *out, struct trouble *t)
{
    struct err err;

    *out = STR_NONE;
    if (path.len == 0 || input_read(h->arena, path, CONFIG_BYTES_MAX, out, &err) == 0)
        return 0;
    trouble_set(t, "HL-FILE-02", "cannot read " STR_FMT, STR_ARG(path));
    return trouble_err(t, &err);
}

static int open_registry(struct hlctl *h, struct str base_dir, struct registry **out,
                         struct trouble *t)
{
    struct str docker = path_of(h->arena, "DOCKER_CONFIG", ".docker");
    struct registry_config config = {.cache_dir = cache_dir(h->arena),
                                     .cache_bytes_max = REGISTRY_CACHE_BYTES,
                                     .lock_path = flag_text(h->in, "lock"),
                                     .base_dir = base_dir,
                                     .timeout_ms = h->timeout_ms,
                                     .is_oci_plain = flag_is_set(h->in, "plain-http")};
    struct err err;

    docker = arena_printf(h->arena, STR_FMT "/config.json", STR_ARG(docker));
    if (input_read(h->arena, docker, CONFIG_BYTES_MAX, &config.docker_config, &err) < 0)
        config.docker_config = STR_NONE; /* most people have none */
    int rc = read_optional(h, flag_text(h->in, "ca-file"), &config.ca_pem, t);
    if (rc != 0)
        return rc;
    if (registry_open(&config, out, &err) == 0)
        return 0;
    trouble_set(t, "HL-CHART-04", "cannot use the cache or the lock of charts");
    return trouble_err(t, &err);
}

/* ---- pull ---- */

/* "oci://host/path/name", or a name in --repo. */
static int split_place(struct hlctl *h, struct str *repository, struct str *name, struct trouble *t)
{
    struct str place = invocation_arg(h->in, 0);
    size_t slash = place.len;

    *repository = flag_text(h->in, "repo");
    *name = place;
    if (repository->len > 0)
        return 0;
    while (slash > 0 && place.ptr[slash - 1] != '/')
        slash--;
    if (!str_starts(place, STR("oci://")) || slash <= strlen("oci://")) {
        trouble_set(t, "HL-USE-03", "where is the chart " STR_FMT "?", STR_ARG(place));
        return trouble_next(t, "hlctl chart pull NAME --repo https://..., or oci://HOST/PATH/NAME");
    }
    *repository = str_sub(place, 0, slash - 1);
    *name = str_sub(place, slash, place.len);
    return 0;
}

int chart_pull_run(struct hlctl *h, struct trouble *t)
{
    HL_CLEANUP(registry_closep) struct registry *r = NULL;
    struct str folder = flag_text(h->in, "destination");
    struct registry_chart chart;
    struct str repository;
    struct str path;
    struct str name;
    struct err err;

    int rc = split_place(h, &repository, &name, t);
    if (rc == 0)
        rc = open_registry(h, STR_NONE, &r, t);
    if (rc != 0)
        return rc;
    if (registry_resolve(r, repository, name, flag_text(h->in, "version"), h->arena, &chart, &err) <
            0 ||
        registry_pull(r, &chart, folder.len > 0 ? folder : STR("."), h->arena, &path, &err) < 0)
        return cannot_have(t, name, &err);
    char hex[DIGEST_HEX + 1];
    buf_printf(&h->out, "Pulled: " STR_FMT " " STR_FMT "\nDigest: sha256:%s\n", STR_ARG(chart.name),
               STR_ARG(chart.version), digest_hex(&chart.digest, hex));
    return 0;
}

/* ---- deps ---- */

static int build_one(struct hlctl *h, struct registry *r, const struct registry_dependency *d,
                     struct str folder, struct trouble *t)
{
    struct str path;
    struct err err;

    if (d->is_bundled)
        return 0;
    if (d->chart.kind == REGISTRY_FOLDER) {
        trouble_set(t, "HL-CHART-04", "the chart " STR_FMT " is a folder",
                    STR_ARG(d->declared->name));
        return trouble_next(t, "copy or link " STR_FMT " to " STR_FMT "/" STR_FMT,
                            STR_ARG(d->chart.path), STR_ARG(folder), STR_ARG(d->declared->name));
    }
    if (registry_pull(r, &d->chart, folder, h->arena, &path, &err) < 0)
        return cannot_have(t, d->declared->name, &err);
    hlctl_remark(h, "fetched " STR_FMT, STR_ARG(path));
    return 0;
}

static int build_dependencies(struct hlctl *h, const struct chart *c, struct str place,
                              struct trouble *t)
{
    HL_CLEANUP(registry_closep) struct registry *r = NULL;
    struct str folder = arena_concat(h->arena, place, STR("/charts"));
    struct registry_dependency *dependency;
    size_t count;
    struct err err;

    int rc = open_registry(h, place, &r, t);
    if (rc != 0)
        return rc;
    if (registry_dependencies(r, c, place, h->arena, &dependency, &count, &err) < 0)
        return cannot_have(t, c->metadata.name, &err);
    mkdir(folder.ptr, 0777);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = build_one(h, r, &dependency[i], folder, t);
    return rc;
}

int chart_deps_run(struct hlctl *h, struct trouble *t)
{
    struct str place = invocation_arg(h->in, 0);
    struct chart *c;
    int rc = chart_input_load(h, place, &c, t);

    if (rc == 0 && flag_is_set(h->in, "build")) {
        rc = build_dependencies(h, c, place, t);
        if (rc == 0)
            rc = chart_input_load(h, place, &c, t);
    }
    return rc != 0 ? rc : chart_deps_list(h, c);
}
