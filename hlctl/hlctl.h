/*
 * One run of hlctl: what the command line said, where output goes, the connection.
 *
 * Answers are collected in `out` and written to stdout in one piece at the end, so that a failure
 * never leaves half a document behind; commands that go on (events -w, sync --watch) flush per
 * line. Remarks go to stderr and are dropped by --quiet.
 *
 * Ownership: everything lives in `arena` until the process ends.
 * Threads: one.
 */
#ifndef HL_HLCTL_HLCTL_H
#define HL_HLCTL_HLCTL_H

#include "core/value/value.h"
#include "hlctl/parse.h"
#include "hlctl/table.h"
#include "hlctl/trouble.h"

enum format { FORMAT_TABLE, FORMAT_WIDE, FORMAT_JSON, FORMAT_YAML, FORMAT_NAME };

struct client;
struct config;

struct hlctl {
    struct arena *arena;
    const struct invocation *in;
    enum format format;
    struct table_style style; /* of stdout */
    struct buf out;
    int64_t timeout_ms;
    struct client *client; /* NULL until the first call, which sets close_client, too */
    void (*close_client)(struct client *c);
    bool needs_mesh; /* hlctl-mesh must do it from the beginning; nothing has been said yet */
};

/* For templates; NULL in hlctl, which leaves those that need it to hlctl-mesh (verbs.c). */
extern const struct template_crypto *const hlctl_crypto;

/* Milliseconds of a clock that only goes forward, and of the calendar. */
int64_t now_ms(void);
int64_t now_wall_ms(void);

/* Fills everything but the client from the invocation and the terminal. */
void hlctl_init(struct hlctl *h, struct arena *a, const struct invocation *in);
void hlctl_deinit(struct hlctl *h);

bool hlctl_is_document(const struct hlctl *h); /* -o json or yaml */

/* Writes what is in `out` now. False if the reader is gone (EPIPE) or the disk is full. */
HL_MUST bool hlctl_flush(struct hlctl *h);

/*
 * Names up to two files (NULL: none) that are of no use when the run is interrupted from now on;
 * both strings must live until the next call. hlctl_drop_unfinished removes them; it may be called
 * by a signal handler.
 */
void hlctl_unfinished(const char *path, const char *other_path);
void hlctl_drop_unfinished(void);

/* A line on stderr, unless --quiet. The text is made safe for a terminal. */
void hlctl_remark(struct hlctl *h, const char *fmt, ...) HL_PRINTF(2, 3);

#endif
