/* Events: a list, or with -w the list and then whatever comes. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

enum { POLL_MS = 500, LIMIT_DEFAULT = 50, LIMIT_WATCH = 1000 };

static const struct column columns[] = {
    {"INDEX", "index", CELL_TEXT, false},   {"TIME", "time", CELL_WHEN, false},
    {"TYPE", "type", CELL_TEXT, false},     {"OBJECT", "object", CELL_TEXT, false},
    {"AUTHOR", "author", CELL_TEXT, false}, {"TEXT", "text", CELL_TEXT, false},
};

static int read_events(struct hlctl *h, int64_t after, int64_t limit, struct answer *answer,
                       struct trouble *t)
{
    struct value *body = value_map(h->arena);

    value_map_set_int(h->arena, body, "after", after);
    value_map_set_int(h->arena, body, "limit", limit);
    return client_call(h, CALL_READ, "events", body, answer, t);
}

static void print(struct hlctl *h, const struct answer *answer, struct value *items)
{
    if (items->list.count == 0)
        return;
    if (!hlctl_is_document(h)) {
        output_list(h, answer, "EventList", "event", items, columns, HL_COUNT(columns));
        h->style.has_header = false;
        return;
    }
    for (size_t i = 0; i < items->list.count; i++)
        output_stream(h, items->list.item[i]);
}

static int64_t last_index(const struct value *items, int64_t otherwise)
{
    int64_t last = otherwise;

    for (size_t i = 0; i < items->list.count; i++) {
        int64_t index = value_get_int(items->list.item[i], "index", 0);
        last = index > last ? index : last;
    }
    return last;
}

/* Runs until somebody ends it, so each round has an arena of its own. */
static int follow(struct hlctl *h, int64_t after, int64_t limit, struct trouble *t)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    HL_CLEANUP(arena_freep) struct arena *round = arena_new();
    struct str mesh;

    int opened = client_mesh_fingerprint(h, &mesh, t); /* what the client keeps must stay */
    if (opened != 0)
        return opened;
    h->arena = round; /* the process ends in here */
    for (;;) {
        struct answer answer;
        arena_reset(round);
        client_restart_clock(h);
        int rc = read_events(h, after, limit, &answer, t);
        if (rc == 0) {
            struct value *items = items_of(h, &answer, "items");
            print(h, &answer, items);
            after = last_index(items, after);
            limit = LIMIT_WATCH;
        } else if (rc != EXIT_UNREACHABLE) {
            return rc;
        } else {
            hlctl_remark(h, "%s; going on", t->what);
            *t = (struct trouble){0};
        }
        if (!hlctl_flush(h))
            return errno == EPIPE ? EXIT_DONE
                                  : trouble_set(t, "HL-FILE-02", "cannot write to stdout: %s",
                                                strerror(errno));
        nanosleep(&pause, NULL);
    }
}

int events_run(struct hlctl *h, struct trouble *t)
{
    int64_t after = flag_number(h->in, "after", 0);
    int64_t limit = flag_number(h->in, "limit", LIMIT_DEFAULT);
    struct answer answer;

    if (flag_is_set(h->in, "watch"))
        return follow(h, after, limit, t);
    int rc = read_events(h, after, limit, &answer, t);
    if (rc == 0)
        output_list(h, &answer, "EventList", "event", items_of(h, &answer, "items"), columns,
                    HL_COUNT(columns));
    return rc;
}
