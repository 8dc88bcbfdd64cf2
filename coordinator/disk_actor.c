/*
 * The disk actor writes what consensus asks for, in order, and says when it is durable. A full disk
 * is waited out and alarmed; any other failure ends the process, because after a failed flush
 * nobody knows what is on the disk (raft.md 2.5, trap 6), and the others go on without us.
 */
#include <stdlib.h>

#include "coordinator/actors.h"
#include "edge/actor/log.h"

enum { FULL_RETRY_MS = 1000 };

static void tell_fleet(struct disk_context *disk, const char *why)
{
    struct msg *m = msg_new(MSG_DISK, true);
    struct str *text = arena_one(m->arena, struct str);

    *text = arena_dup(m->arena, str_from(why));
    m->body = text;
    mailbox_post_or_drop(disk->boxes->fleet, m);
}

/* False if we were stopped while waiting for room. */
static bool write_out(struct disk_context *disk, const struct raft_persist *persist)
{
    bool was_full = false;
    struct err err;

    for (;;) {
        int r = log_append(disk->log, persist, &err);
        if (r == 0)
            break;
        if (r != HL_ENOSPACE) {
            log_error("the Raft log cannot be written; ending", "error=\"%s\"", err.text);
            exit(1);
        }
        if (!was_full)
            log_error("the disk is full; nothing is written until there is room", "error=\"%s\"",
                      err.text);
        was_full = true;
        tell_fleet(disk, err.text);
        /* What waits keeps its place behind this write; only the end of the process overtakes. */
        if (mailbox_is_closed(disk->boxes->disk))
            return false;
        clock_sleep_ms(FULL_RETRY_MS);
    }
    if (was_full) {
        log_info("disk", "room=again");
        tell_fleet(disk, "");
    }
    return true;
}

void *disk_run(void *context)
{
    struct disk_context *disk = context;

    for (;;) {
        HL_CLEANUP(msg_freep) struct msg *m = mailbox_wait(disk->boxes->disk, -1);
        const struct raft_persist *persist = m->body;

        if (m->kind == MSG_STOP || !write_out(disk, persist))
            return NULL;
        struct msg *done = msg_new(MSG_PERSISTED, false);
        done->number = persist->sequence;
        /* Consensus must hear it: its mailbox is drained all the time, so wait for room. */
        while (mailbox_post(disk->boxes->consensus, done) == MAILBOX_FULL)
            clock_sleep_ms(1);
    }
}
