/*
 * Trouble: what a person is told when hlctl cannot do what was asked.
 *
 * Always the same three lines: what happened, why, what to do next; with a stable code (HL-NET-01)
 * whose page `hlctl help HL-NET-01` prints. The table in trouble.c is the only place where a code
 * is given its exit code and its page; docs/errors/ is generated from it. With -o json or yaml the
 * same facts are one JSON object on stderr.
 *
 * Threads: one thread. Limits: texts are cut at the sizes below. Outside strings may be put in
 * as they are: trouble_print makes them safe for a terminal (safe.h).
 */
#ifndef HL_HLCTL_TROUBLE_H
#define HL_HLCTL_TROUBLE_H

#include "core/value/value.h"

/* Exit codes; stable. */
enum hlctl_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_MISUSED = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_TIMED_OUT = 4,
    EXIT_DENIED = 5,
    EXIT_CONFLICT = 6,
    EXIT_FOUND = 7,
    EXIT_INTERRUPTED = 130,
};

struct trouble_page {
    const char *id;    /* "HL-NET-01" */
    int exit;          /* enum hlctl_exit */
    const char *title; /* one line */
    const char *cause; /* paragraphs for the page */
    const char *cure;
};

enum { TROUBLE_TEXT_MAX = 1200, TROUBLE_WHY_MAX = 16384 };

struct trouble {
    const struct trouble_page *page; /* NULL: no trouble */
    char what[TROUBLE_TEXT_MAX];
    char why[TROUBLE_WHY_MAX];   /* lines; empty: not known beyond `what` */
    char next[TROUBLE_TEXT_MAX]; /* empty: the page's cure */
    struct err at;               /* position in a user's file; line 0 = none */
};

extern const struct trouble_page trouble_pages[];
extern const size_t trouble_page_count;
/* NULL if there is no such code; letters of either case. */
const struct trouble_page *trouble_find(struct str id);

/*
 * Fills t and returns the exit code of the page. `id` is one of the table's codes (asserted);
 * `why`, `next` and the position are emptied.
 */
int trouble_set(struct trouble *t, const char *id, const char *fmt, ...) HL_PRINTF(3, 4);
/* t is filled with this code. */
bool trouble_is(const struct trouble *t, const char *id);
/* Both return the exit code of t, so that a function can end with them. */
int trouble_why(struct trouble *t, const char *fmt, ...) HL_PRINTF(2, 3);
int trouble_next(struct trouble *t, const char *fmt, ...) HL_PRINTF(2, 3);
/* The sentence and position of a failed call as the reason. */
int trouble_err(struct trouble *t, const struct err *err);

/* Appends what goes to stderr. as_json: one JSON object in a line. */
void trouble_print(struct buf *out, struct arena *a, const struct trouble *t, bool as_json);

/* Appends the page as Markdown: docs/errors/ID.md, `hlctl help ID`. */
void trouble_page_markdown(struct buf *out, const struct trouble_page *p);
/* Appends the list of all pages as Markdown: docs/errors/README.md. */
void trouble_index_markdown(struct buf *out);

#endif
