/*
 * An action: the only thing that makes the simulated world move. The driver draws actions from a
 * seed, a scenario lists them as text; both give the same world the same history.
 *
 *   AT VERB ARGUMENT...      AT in microseconds of virtual time; members count from 1
 *
 * Every argument is a number. action_print writes the line that action_parse reads; what stands
 * behind a # is for the reader.
 */
#ifndef HL_TESTS_SIM_ACTION_H
#define HL_TESTS_SIM_ACTION_H

#include "base/base.h"

enum { ACTION_ARGS = 5 };

/* X(name, word, arguments, what the arguments are) */
#define ACTIONS(X)                                                                                 \
    X(START, "start", 1, "member")                                                                 \
    X(TICK, "tick", 1, "member")                                                                   \
    X(DELIVER, "deliver", 1, "message")                                                            \
    X(SYNC, "sync", 2, "member writes: that many become durable")                                  \
    X(APPLY, "apply", 1, "member: what is committed goes into its state")                          \
    X(CRASH, "crash", 4, "member writes-kept parts-of-the-next state-is-lost")                     \
    X(DOOM, "doom", 5, "member effects-carried-out writes-kept parts state-is-lost: next step")    \
    X(ASK, "ask", 5, "client kind key expects-current member: a new operation; 0: not sent yet")   \
    X(AGAIN, "again", 3, "client member answer-is-lost: the same operation")                       \
    X(ABANDON, "abandon", 1, "client: its operation stays unknown")                                \
    X(ENROL, "enrol", 2, "agent member")                                                           \
    X(REVOKE, "revoke", 2, "agent member")                                                         \
    X(BEAT, "beat", 2, "agent member: a heartbeat, answered with its leases")                      \
    X(REPORT, "report", 4, "agent lease outcome member: of the leases it remembers")               \
    X(PLAN, "plan", 3, "app input member: desired.put; input 0 deletes")                           \
    X(FUTURE, "future", 1, "member: a command of the next version")                                \
    X(UPGRADE, "upgrade", 1, "member: it knows that command from now on")                          \
    X(CHECKPOINT, "checkpoint", 1, "member: begins an image of its state")                         \
    X(SAVED, "saved", 1, "member: that image is durable")                                          \
    X(INSTALLED, "installed", 1, "member: the piece is stored")                                    \
    X(SPOIL, "spoil", 1, "member: the pieces that it has gathered are damaged")                    \
    X(CHANGE, "change", 3, "member kind id: 1 add learner, 2 promote, 3 remove")                   \
    X(TRANSFER, "transfer", 2, "member id")                                                        \
    X(LOST, "lost", 2, "member id: a connection broke")                                            \
    X(FULL, "full", 2, "member is-full")                                                           \
    X(FAIL, "fail", 1, "member: its disk fails")                                                   \
    X(WIPE, "wipe", 2, "member id: its store was refused; a new one, as another member")           \
    X(CLOCK, "clock", 3, "member ppm wall-ms: drift, and where its wall clock stands")

enum action_kind {
#define X(name, word, count, what) ACTION_##name,
    ACTIONS(X)
#undef X
        ACTION_KINDS
};

struct action {
    enum action_kind kind;
    int64_t arg[ACTION_ARGS];
};

void action_print(struct buf *out, int64_t at_us, const struct action *a);
/* False unless the line is one action; a line of blanks or comment is not. */
HL_MUST bool action_parse(struct str line, int64_t *out_at_us, struct action *out);

#endif
