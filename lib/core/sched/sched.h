/*
 * The schedule: which agent does which work, and who is lost. The leader's soft state (decision
 * D2): rebuilt from the replicated state by a new leader, written nowhere.
 *
 * Facts go in (an agent was heard, work is pending), sched_step says what to propose. A proposal is
 * in flight until the applied state answers with another fact about the same thing, or for
 * SCHED_PROPOSAL_MS; it is not repeated before. Nothing to do means nothing to propose: an idle
 * fleet is silent.
 *
 * Placement: the least loaded agent that is alive, active and has room; among equals the one that
 * held the work before, then the first by name. Room is what the last heartbeat said, less what was
 * given since, and never more than SCHED_RUNNING_MAX at once. Work that waits starts when it is
 * due, what has been known longer first.
 *
 * Lost: no heartbeat for three periods. A new leader has heard nobody yet, so it gives everybody
 * lost_after_ms from the moment it leads.
 *
 * Threads: confined to the owner. Time: monotonic milliseconds. Cost: a step looks at agents, at
 * work that is pending or waiting until no agent has room, and at nothing that is leased or done.
 */
#ifndef HL_CORE_SCHED_SCHED_H
#define HL_CORE_SCHED_SCHED_H

#include "base/base.h"

enum { SCHED_PROPOSAL_MS = 2000, SCHED_RUNNING_MAX = 8 };

enum sched_phase { SCHED_DONE, SCHED_DUE, SCHED_LEASED };

struct sched_work {
    struct str key;
    struct str input;
    enum sched_phase phase;
    struct str agent; /* holder when leased, else who had it last; may be empty */
    int64_t due_ms;   /* when SCHED_DUE: not before this */
};

struct sched_assign {
    struct str key;
    struct str input;
    struct str agent;
};

/* Strings are borrowed from the schedule until the next fact goes in. */
struct sched_effects {
    struct sched_assign *assign; /* propose work.assign */
    size_t assign_count;
    struct str *lost; /* propose agent.state lost */
    size_t lost_count;
    struct str *alive; /* propose agent.state alive */
    size_t alive_count;
    int64_t wake_ms; /* step again at this time at the latest */
};

struct sched;

struct sched *sched_new(int64_t lost_after_ms);
void sched_free(struct sched *s);
HL_DEFINE_FREEP(sched_free, struct sched)
/* Forgets everything: a new leader begins at now_ms. */
void sched_reset(struct sched *s, int64_t now_ms);

/* What the replicated state says of an agent. is_alive is its replicated state, not an opinion. */
void sched_agent(struct sched *s, struct str node, bool is_active, bool is_alive);
/* A heartbeat or hello came; free_slots is how much more it takes. */
void sched_heard(struct sched *s, struct str node, uint32_t free_slots, int64_t now_ms);
/* When it was last heard; -1 = never since this leader leads. */
int64_t sched_heard_ms(const struct sched *s, struct str node);

/* What the replicated state says of a work item; SCHED_DONE forgets it. */
void sched_work(struct sched *s, const struct sched_work *w);
size_t sched_leased_count(const struct sched *s, struct str node);

void sched_step(struct sched *s, int64_t now_ms, struct arena *a, struct sched_effects *out);

#endif
