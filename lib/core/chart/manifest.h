/*
 * Manifests: what rendered files hold, in the order in which Helm installs and prints them.
 *
 * A file is cut at lines of "---", each document's head is read (kind, name, annotations), hooks
 * are told apart, both kinds are sorted by kind (releaseutil/manifest.go, manifest_sorter.go,
 * kind_sorter.go).
 *
 * Ownership: results live in `a` and borrow the files' texts. Threads: pure functions.
 * Limits: those of core/value for a document.
 */
#ifndef HL_CORE_CHART_MANIFEST_H
#define HL_CORE_CHART_MANIFEST_H

#include "core/chart/chart.h"

enum manifest_event {
    EVENT_PRE_INSTALL = 1 << 0,
    EVENT_POST_INSTALL = 1 << 1,
    EVENT_PRE_DELETE = 1 << 2,
    EVENT_POST_DELETE = 1 << 3,
    EVENT_PRE_UPGRADE = 1 << 4,
    EVENT_POST_UPGRADE = 1 << 5,
    EVENT_PRE_ROLLBACK = 1 << 6,
    EVENT_POST_ROLLBACK = 1 << 7,
    EVENT_TEST = 1 << 8,
};

struct manifest {
    struct str path; /* of the file */
    struct str text; /* without blanks at its ends */
    struct str kind; /* empty if the document has none */
    struct str name;
    unsigned events;           /* 0: no hook */
    int64_t weight;            /* of a hook */
    struct str *delete_policy; /* of a hook: lower case, as written */
    size_t delete_policy_count;
};

/* SplitManifests. */
struct str *manifest_split(struct arena *a, struct str text, size_t *out_count);

/*
 * Sorts the documents of all files into objects and hooks; partials and empty files are passed
 * over, documents with an unknown hook are dropped, as Helm does. 0, or HL_EINVAL ("YAML parse
 * error on PATH: ...").
 */
HL_MUST int manifest_sort(struct arena *a, const struct chart_file *file, size_t count,
                          struct manifest **out, size_t *out_count, struct manifest **out_hook,
                          size_t *out_hook_count, struct err *err);

/* Whether `a` is installed before `b`: below, equal or above 0. Uninstalling is the reverse. */
int manifest_kind_cmp(struct str a, struct str b);

/* The text that Helm stores and prints: "---\n# Source: PATH\nTEXT\n". */
void manifest_write(struct buf *out, const struct manifest *m);

/* The event's name ("pre-install"). */
const char *manifest_event_name(enum manifest_event event);

#endif
