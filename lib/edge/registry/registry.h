/*
 * Where charts come from: the door to repositories, registries, folders, and the cache.
 *
 * A source is one text, as in Chart.yaml's `repository`:
 *
 *   https://host/path   a repository with an index.yaml (http, too)
 *   oci://host/path     an OCI registry; the chart's name is appended to the path
 *   file://path, path   on this machine: the folder of a chart, or an archive; relative to
 * `base_dir`
 *
 * A chart is resolved first (which version satisfies the range, which archive is that version) and
 * fetched then, by digest. What a version resolved to is written to charts.lock (lock.h): an exact
 * version that is locked needs no network any more, and one that its repository serves with another
 * digest is refused (HL_ECONFLICT, naming both; *out is then the chart as it is locked): an alarm,
 * not an update. Archives lie in a cache
 * that processes share (cache.h); whatever leaves this door has the digest that was asked for.
 *
 * Offline, ranges are answered from the lock alone and archives from the cache alone. Charts on
 * this machine are neither locked nor cached.
 *
 * Credentials go to the origin they are for and to nobody else (logins.h); redirects are bounded
 * and never leave TLS (web.h); every answer has a limit: INDEX_BYTES_MAX an index,
 * ARCHIVE_PACKED_MAX an archive.
 *
 * Errors: HL_EINVAL (source, name or range cannot be used; an index or manifest is none),
 * HL_EABSENT (no such chart or version; offline: not locked or not cached), HL_ECONFLICT (see
 * above), HL_ECORRUPT (content that is not what its index or digest says), HL_EDENIED (credentials,
 * certificate, redirect, address), HL_ETEMP and HL_ETIMEOUT (try again), HL_ELIMIT, HL_EIO,
 * HL_ENOSPACE, HL_EUNSUPPORTED.
 *
 * Ownership: the configuration is copied, secrets are overwritten at the end; answers live in the
 * caller's arena. Threads: one owner, an actor of its own: calls block, an HTTP exchange for at
 * most timeout_ms. An index is kept for REGISTRY_INDEX_MS.
 */
#ifndef HL_EDGE_REGISTRY_REGISTRY_H
#define HL_EDGE_REGISTRY_REGISTRY_H

#include "base/base.h"

enum { REGISTRY_INDEX_MS = 60 * 1000, REGISTRY_NAME_MAX = 255 };
#define REGISTRY_CACHE_BYTES ((uint64_t)1 << 30) /* a good bound for most */

struct registry_login {
    struct str origin; /* "https://charts.example.com" */
    struct str user;
    struct str password;
};

struct registry_config {
    struct str cache_dir;     /* made if absent; its parent must exist */
    uint64_t cache_bytes_max; /* the bound of the cache */
    struct str lock_path;     /* empty: what resolves is locked while the registry is open */
    struct str base_dir;      /* of relative paths; empty: the working directory */
    struct str ca_pem;        /* authorities; empty: the system's */
    struct str docker_config; /* the text of Docker's config.json; empty: none */
    const struct registry_login *login;
    size_t login_count;
    int64_t timeout_ms; /* > 0, of one HTTP exchange with its redirects */
    bool is_offline;
    bool is_oci_plain; /* speak http to OCI registries: on loopback, and in tests */
};

enum registry_kind {
    REGISTRY_ARCHIVE, /* registry_fetch gives the .tgz */
    REGISTRY_FOLDER,  /* `path` is to be read as a folder */
};

struct registry_chart {
    enum registry_kind kind;
    struct str repository; /* without a slash at its end */
    struct str name;
    struct str version;
    struct digest digest; /* of the archive; zero for charts on this machine */
    struct str path;      /* on this machine; else empty */
};

struct registry;

HL_MUST int registry_open(const struct registry_config *config, struct registry **out,
                          struct err *err);
void registry_close(struct registry *r);
HL_DEFINE_FREEP(registry_close, struct registry)

/*
 * The newest version of `name` that `range` allows; an empty range is every release. With
 * "name@sha256:<64 hex digits>" in an OCI registry the manifest with that digest, whatever its tag;
 * the range, if one is given, must have its version. For a chart on this machine its Chart.yaml
 * says name and version; an empty `name` takes any.
 */
HL_MUST int registry_resolve(struct registry *r, struct str repository, struct str name,
                             struct str range, struct arena *a, struct registry_chart *out,
                             struct err *err);

/* The same from the lock alone: HL_EABSENT if no locked version is in the range. */
HL_MUST int registry_resolve_locked(struct registry *r, struct str repository, struct str name,
                                    struct str range, struct arena *a, struct registry_chart *out,
                                    struct err *err);

/*
 * Lines of a lock (lock.h) that others keep: they count more than what is locked here, whose other
 * lines stay. REGISTRY_CORRECTED if they gave a version another digest. HL_EINVAL, HL_ECONFLICT
 * (the lines contradict each other) or HL_ELIMIT: nothing changed. For registries without a
 * lock_path.
 */
enum registry_outcome { REGISTRY_AGREED = 0, REGISTRY_CORRECTED = 1 };
HL_MUST int registry_adopt(struct registry *r, struct str lines, struct err *err);

/* The archive of a resolved chart (kind REGISTRY_ARCHIVE). */
HL_MUST int registry_fetch(struct registry *r, const struct registry_chart *chart, struct arena *a,
                           struct str *out, struct err *err);

/*
 * The archive as a file NAME-VERSION.tgz in `folder`, which exists: there as a whole or not at all,
 * instead of one that was there. *out_path is its path.
 */
HL_MUST int registry_pull(struct registry *r, const struct registry_chart *chart, struct str folder,
                          struct arena *a, struct str *out_path, struct err *err);

#endif
