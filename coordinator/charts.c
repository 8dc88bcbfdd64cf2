/* resolve, then fetch what nobody has; repositories that do not answer are left alone for a while.
 */
#include "coordinator/charts.h"

#include <stdlib.h>

#include "edge/actor/actor.h"
#include "edge/actor/log.h"
#include "edge/keys/keys.h"
#include "edge/registry/registry.h"

enum { FAILURES_MAX = 1000 };

struct failure {
    int64_t at_ms;
    struct err err;
};

struct charts {
    struct registry *registry;
    struct blobs *blobs;
    struct map *failed; /* repository -> struct failure, owned */
    /* of one compile */
    struct arena *arena; /* the caller's */
    int64_t began_ms;
    struct buf alarm; /* versions published again */
    struct archive *archive;
    size_t count;
    size_t cap;
};

static int read_optional(struct str path, struct arena *a, struct str *out, struct err *err)
{
    return path.len > 0 ? file_read(path, a, out, err) : 0;
}

int charts_open(const struct coordinator_config *config, struct blobs *blobs, struct charts **out,
                struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(charts_closep) struct charts *c = hl_calloc(1, sizeof(*c));
    struct registry_config r = {
        .cache_dir = arena_concat(a, config->dir, STR("/charts")),
        .cache_bytes_max = CHARTS_CACHE_BYTES,
        .timeout_ms = CHARTS_TIMEOUT_MS,
    };

    c->blobs = blobs;
    c->failed = map_new(keys_random_u64());
    int rc = read_optional(config->charts.ca_path, a, &r.ca_pem, err);
    if (rc == 0)
        rc = read_optional(config->charts.docker_config_path, a, &r.docker_config, err);
    if (rc == 0)
        rc = registry_open(&r, &c->registry, err);
    if (rc < 0)
        return rc;
    *out = c;
    c = NULL;
    return 0;
}

static void forget_failures(struct charts *c)
{
    while (map_count(c->failed) > 0)
        free(map_remove(c->failed, map_key_at(c->failed, 0)));
}

void charts_close(struct charts *c)
{
    if (!c)
        return;
    registry_close(c->registry);
    forget_failures(c);
    map_free(c->failed);
    buf_deinit(&c->alarm);
    free(c);
}

/* An archive that no coordinator's store has is no use to an agent. */
static int have_archive(struct charts *c, const struct registry_chart *chart, struct err *err)
{
    struct archive archive = {.digest = chart->digest};
    bool has_it;

    for (size_t i = 0; i < c->count; i++)
        if (digest_eq(&c->archive[i].digest, &chart->digest))
            return 0;
    int rc = blobs_has(c->blobs, &chart->digest, &has_it, err);
    if (rc < 0 || has_it)
        return rc;
    rc = registry_fetch(c->registry, chart, c->arena, &archive.bytes, err);
    if (rc == 0)
        ARENA_PUSH(c->arena, c->archive, c->count, c->cap, archive);
    return rc;
}

static int find(struct charts *c, struct str repository, struct str name, struct str range,
                struct arena *a, struct chart_pin *out, struct err *err)
{
    struct registry_chart chart;
    int rc = registry_resolve(c->registry, repository, name, range, a, &chart, err);

    if (rc == HL_ECONFLICT) { /* what was agreed on stays, and somebody has to know */
        buf_printf(&c->alarm, "%s%s", c->alarm.len > 0 ? "; " : "", err->text);
        rc = 0;
    }
    if (rc == 0)
        rc = have_archive(c, &chart, err);
    if (rc == 0)
        *out = (struct chart_pin){chart.repository, chart.name, chart.version, chart.digest};
    return rc;
}

/* What the mesh agreed on needs nobody. */
static int find_in_force(struct charts *c, struct str repository, struct str name, struct str range,
                         struct arena *a, struct chart_pin *out)
{
    struct registry_chart chart;
    struct err silent;
    int rc = registry_resolve_locked(c->registry, repository, name, range, a, &chart, &silent);

    if (rc == 0)
        rc = have_archive(c, &chart, &silent);
    if (rc == 0)
        *out = (struct chart_pin){chart.repository, chart.name, chart.version, chart.digest};
    return rc;
}

static bool is_silence(int code)
{
    return code == HL_ETEMP || code == HL_ETIMEOUT;
}

static bool is_remote(struct str repository)
{
    return str_starts(repository, STR("https://")) || str_starts(repository, STR("http://")) ||
           str_starts(repository, STR("oci://"));
}

/* Whether it is too early to ask the repository again, or too late in this compile to ask anyone.
 */
static int check_time(struct charts *c, struct str repository, struct err *err)
{
    const struct failure *before = map_get(c->failed, repository);
    int64_t now_ms = clock_now_ms();

    if (before && now_ms - before->at_ms < CHARTS_REST_MS) {
        *err = before->err;
        return before->err.code;
    }
    if (now_ms - c->began_ms > CHARTS_COMPILE_MS)
        return err_set(err, HL_ETIMEOUT, STR_FMT " will be asked later: others took too long",
                       STR_ARG(repository));
    return 0;
}

static void note_failure(struct charts *c, struct str repository, const struct err *err)
{
    struct failure *f = hl_calloc(1, sizeof(*f));

    if (map_count(c->failed) == FAILURES_MAX)
        forget_failures(c);
    *f = (struct failure){clock_now_ms(), *err};
    free(map_set(c->failed, repository, f));
}

/* A repository of the fleet never is a folder of this machine. */
static int resolve(void *context, struct str repository, struct str name, struct str range,
                   struct arena *a, struct chart_pin *out, struct err *err)
{
    struct charts *c = context;
    struct err why;

    if (!is_remote(repository))
        return err_set(err, HL_EINVAL,
                       "\"" STR_FMT "\" is no repository of charts: https://... or oci://...",
                       STR_ARG(repository));
    int rc = check_time(c, repository, &why);
    if (rc == 0) {
        rc = find(c, repository, name, range, a, out, &why);
        if (is_silence(rc))
            note_failure(c, repository, &why);
    }
    if (is_silence(rc) && find_in_force(c, repository, name, range, a, out) == 0)
        rc = 0;
    if (rc < 0 && err)
        *err = why;
    return rc;
}

struct chart_source charts_begin(struct charts *c, struct arena *a)
{
    c->arena = a;
    c->began_ms = clock_now_ms();
    buf_reset(&c->alarm);
    c->archive = NULL;
    c->count = c->cap = 0;
    return (struct chart_source){c, resolve};
}

const struct archive *charts_archives(const struct charts *c, size_t *out_count)
{
    *out_count = c->count;
    return c->archive;
}

struct str charts_alarm(const struct charts *c)
{
    return buf_str(&c->alarm);
}

bool charts_adopt(struct charts *c, struct str lines)
{
    struct err err;
    int rc = registry_adopt(c->registry, lines, &err);

    if (rc < 0)
        log_error("the charts in force cannot be read", "error=\"%s\"", err.text);
    return rc == REGISTRY_CORRECTED;
}
