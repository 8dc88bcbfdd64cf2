/*
 * The follower's side: AppendEntries (paper, Figure 2 and 5.3) and heartbeats.
 *
 * `verified` is how far our log is known to agree with the log of this term's leader: what the
 * messages of this term covered, never simply our last index. What we acknowledge is the part of it
 * that is durable; follow_pay says it when it grows, or when somebody asked, and only if the term
 * it is said in is durable as well. Heartbeats promise nothing and are answered at once.
 */
#include "core/raft/raft_internal.h"

enum { UNDER_WAY_MS = 5 };

/* Figure 2: candidates 3 and, for the timer, followers 2. */
bool follow_hear(struct raft *r, uint64_t from)
{
    if (r->role == RAFT_LEADER || (r->leader != 0 && r->leader != from))
        return false;
    if (r->role != RAFT_FOLLOWER || r->leader != from)
        election_follow(r, r->term, from);
    /* What was under way when the connection broke says nothing about the time after it. */
    if (r->is_leader_lost && r->now_ms - r->leader_lost_ms < UNDER_WAY_MS)
        return true;
    r->leader_heard_ms = r->now_ms;
    r->is_leader_lost = false;
    r->timeouts_sat_out = 0;
    election_reset_timer(r);
    return true;
}

/* Figure 2: AppendEntries receiver 5; the last new entry is the last that this leader verified. */
static void take_commit(struct raft *r, uint64_t commit)
{
    if (commit > r->verified)
        commit = r->verified;
    if (commit > r->commit)
        r->commit = commit;
}

static void reject(struct raft *r, const struct raft_message *m)
{
    uint64_t hint = entries_last_below(&r->log, m->index - 1, m->log_term);
    raft_emit(r, (struct raft_message){
                     .kind = RAFT_MSG_APPEND_REPLY,
                     .to = m->from,
                     .index = hint,
                     .log_term = entries_term(&r->log, hint),
                     .round = m->index,
                     .is_rejected = true,
                 });
}

/* Figure 2: AppendEntries receiver 3, AppendEntries receiver 4: cut only where the terms really
 * differ, add the rest.
 */
static void take_entries(struct raft *r, const struct raft_entry *entry, size_t count)
{
    size_t i = 0;

    while (i < count && entry[i].index <= r->log.last_index &&
           entries_term(&r->log, entry[i].index) == entry[i].term)
        i++;
    if (i == count) {
        r->owes_ack = true; /* nothing new: a question, or a repetition */
        return;
    }
    if (entry[i].index <= r->log.last_index)
        raft_truncate(r, entry[i].index);
    for (; i < count; i++)
        raft_append(r, entry[i].kind, entry[i].term, entry[i].data);
}

void follow_on_append(struct raft *r, const struct raft_message *m)
{
    const struct raft_entry *entry = m->entry;
    size_t count = m->entry_count;
    uint64_t prev = m->index;

    if (!follow_hear(r, m->from))
        return;
    if (prev < r->commit) {
        /* What is committed agrees with every leader: begin behind it. */
        uint64_t known = r->commit - prev;
        if (count <= known) {
            r->owes_ack = true;
            return;
        }
        entry += known;
        count -= (size_t)known;
        prev = r->commit;
    } else if (prev > r->log.last_index || entries_term(&r->log, prev) != m->log_term) {
        reject(r, m); /* Figure 2: AppendEntries receiver 2 */
        return;
    }
    take_entries(r, entry, count);
    if (prev + count > r->verified)
        r->verified = prev + count;
    take_commit(r, m->commit);
}

void follow_on_heartbeat(struct raft *r, const struct raft_message *m)
{
    if (!follow_hear(r, m->from))
        return;
    /* The leader counts us among those that hold this, so we agree with it that far. */
    if (m->commit > r->verified && m->commit <= r->durable)
        r->verified = m->commit;
    take_commit(r, m->commit);
    raft_emit(r, (struct raft_message){
                     .kind = RAFT_MSG_HEARTBEAT_REPLY, .to = m->from, .round = m->round});
}

/* Figure 2: AppendEntries results. */
void follow_pay(struct raft *r)
{
    uint64_t match = r->verified < r->durable ? r->verified : r->durable;

    if (r->role != RAFT_FOLLOWER || r->leader == 0 || !raft_is_hard_durable(r))
        return;
    if (!r->owes_ack && match <= r->acknowledged)
        return;
    r->owes_ack = false;
    if (match > r->acknowledged)
        r->acknowledged = match;
    raft_emit(r, (struct raft_message){.kind = RAFT_MSG_APPEND_REPLY,
                                       .to = r->leader,
                                       .index = match,
                                       .commit = r->verified});
}
