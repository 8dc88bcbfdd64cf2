/*
 * The compiler: a fleet repository at one commit, and the registry of clusters, become the plan of
 * what shall exist: one application per addon and cluster.
 *
 * The road: registry -> layering of each cluster whose cluster_role is control-plane or vcluster
 * (chart defaults, environment, role, cluster; maps merge, lists replace, null deletes) -> addon
 * entries that are enabled -> clusters that each entry selects -> application. What the
 * application-sets chart would make of the same files is what counts; `README.md` beside this file
 * has the rules and where they come from.
 *
 * An application of charts, and of manifests that lie in this repository, carries its bundle and is
 * APPLICABLE. One that needs what is not built yet (another repository, templates beyond look-ups,
 * hooks among manifests) is UNSUPPORTED and its reason says what it waits for. One that cannot be
 * made is ERROR. Errors are scoped: one without an app concerns everything (a layer file, the
 * registry). Notes tell what is legal but does nothing, so that nobody believes it does (decision
 * D14).
 *
 * The plan is a function of the arguments alone: same bytes in, same plan out, order included (apps
 * by name, errors and notes by file, line, column, text).
 *
 * Ownership: the plan and all it points to live in the arena `a`; input strings are copied.
 * Threads: pure, apart from what the source does.
 * Limits:  DESIRED_*_MAX below; a commit that passes one gets an error, never a crash.
 */
#ifndef HL_CORE_DESIRED_DESIRED_H
#define HL_CORE_DESIRED_DESIRED_H

#include "core/desired/charts.h"
#include "core/desired/registry.h"
#include "core/desired/source.h"
#include "core/desired/sync.h"

enum {
    DESIRED_APPS_MAX = 20000,
    DESIRED_LAYER_BYTES_MAX = 4 << 20,     /* one addons.yaml or common.yaml */
    DESIRED_BUNDLES_BYTES_MAX = 512 << 20, /* of one plan */
    DESIRED_ISSUES_MAX = 2000,             /* errors, and notes; further ones are counted */
    DESIRED_APP_NAME_MAX = 253,
};

struct desired_input {
    struct str commit;        /* hex, for the plan's head only */
    struct str repo_url;      /* of this repository, to recognise itself in manifestSource */
    struct str revision;      /* branch or tag that is followed; empty = unknown */
    struct str clusters_text; /* registry records from outside the repository; may be empty */
    struct str clusters_file; /* what to call them in errors */
    const struct chart_source *charts; /* NULL: charts of repositories are UNSUPPORTED */
};

enum desired_kind { DESIRED_MANIFEST, DESIRED_HELM };
enum desired_status { DESIRED_APPLICABLE, DESIRED_UNSUPPORTED, DESIRED_ERROR };

struct desired_app {
    struct str name;    /* "<addon>-<cluster>" */
    struct str addon;   /* key of the entry, normalised */
    struct str cluster; /* name in the registry */
    struct str server;
    struct str layering;  /* name of the cluster whose layering gave the entry */
    struct str namespace; /* placeholders replaced; empty if that failed */
    struct str project;
    enum desired_kind kind;
    enum desired_status status;
    struct str reason;      /* empty when applicable */
    struct value_pos where; /* the entry: where its winning `enabled` stands */

    struct sync_options sync;
    int32_t sync_wave;                      /* of the app, from annotationsApp */
    const struct value *labels;             /* maps of strings, never NULL */
    const struct value *annotations;        /* never NULL */
    const struct value *ignore_differences; /* list, or NULL */

    /* Where the content comes from, as written, placeholders replaced; empty if not given. */
    struct str source_url; /* chart or Git repository; empty = this repository */
    struct str source_path;
    struct str source_chart;
    struct str source_revision;

    struct str *layer; /* files that say something about this entry, weakest first */
    size_t layer_count;

    /* Applicable apps only; zero otherwise. */
    struct digest input; /* changes exactly when there is work to do */
    struct digest bundle_digest;
    struct str bundle; /* bundle.h */
    size_t file_count;
    size_t object_count;     /* of manifests, without what CreateNamespace adds */
    struct chart_pin *chart; /* archives that the bundle names */
    size_t chart_count;
};

struct desired_issue {
    struct str app; /* empty: concerns the whole plan */
    int code;       /* enum hl_code; 0 for notes */
    struct str file;
    uint32_t line; /* 0 = unknown */
    uint32_t column;
    struct str text;
};

/* One enabled addon entry in one layering: what an ApplicationSet would be. */
struct desired_set {
    struct str addon;
    struct str layering; /* name of the cluster */
    struct str selector; /* for people */
    struct value_pos where;
    size_t app_count; /* clusters it selects */
};

struct desired_plan {
    struct str commit;
    struct desired_set *set; /* by layering, then addon */
    size_t set_count;
    struct desired_app *app; /* by name */
    size_t app_count;
    struct desired_issue *error;
    size_t error_count;
    struct desired_issue *note;
    size_t note_count;
    size_t issues_dropped; /* beyond DESIRED_ISSUES_MAX */
    bool is_incomplete;    /* a chart could not be had: compile again later */
    struct str *file;      /* every path read, listed or looked for, sorted */
    size_t file_count;
    struct registry registry;
};

/*
 * Compiles. 0 with a plan, which may hold errors: whether it may be adopted is desired_accepts'
 * answer. < 0 only when the source could not be read for reasons that are not in the commit
 * (HL_EIO, HL_ETEMP, HL_ETIMEOUT, HL_ECORRUPT): no plan, try again.
 */
HL_MUST int desired_compile(const struct source *source, const struct desired_input *input,
                            struct arena *a, struct desired_plan *out, struct err *err);

/*
 * May this plan replace the one in force? `before` says which apps of that one are in error; NULL
 * means that nothing is in force yet. A plan with an error of the whole is rejected; so is one with
 * an error in an app that was not in error before (a new app counts as such), once something is in
 * force. On first adoption errors of apps leave just those apps behind. *out_why is the error
 * that decided (the first new one), NULL when accepted.
 */
enum desired_verdict { DESIRED_ACCEPTED, DESIRED_REJECTED };
struct desired_before {
    const struct str *failed_app;
    size_t failed_app_count;
};
/* Whether this error alone would have its plan rejected. */
bool desired_is_decisive(const struct desired_before *before, const struct desired_issue *error);
enum desired_verdict desired_accepts(const struct desired_before *before,
                                     const struct desired_plan *plan,
                                     const struct desired_issue **out_why);

const char *desired_kind_name(enum desired_kind kind);       /* "manifest", "helm" */
const char *desired_status_name(enum desired_status status); /* "applicable", ... */

/* The plan as a tree (bundles by digest only), for people, golden tests and `hlctl`. */
struct value *desired_plan_value(struct arena *a, const struct desired_plan *plan);

#endif
