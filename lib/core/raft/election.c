/*
 * Elections: paper 5.2 and 5.4.1, thesis 9.6 (pre-vote), 6.2 and 4.2.3 (check-quorum and leader
 * stickiness), 3.10 (transfer).
 *
 *              timeout, broken connection          majority would vote
 *   follower ─────────────────────► pre-candidate ────────────────────► candidate
 *      ▲  ▲                              │  (term is not raised)            │ vote durable, then
 *      │  └──── refused, leader heard ───┘                                  │ ask; majority
 *      └──────────── higher term, or no quorum heard ──────── leader ◄──────┘
 *
 * A candidate asks for votes, and counts its own, only when term and vote are durable: a candidate
 * that forgot its term in a crash could otherwise campaign in it twice, with two different logs.
 */
#include "core/raft/raft_internal.h"

enum {
    HINT_JITTER_MIN_MS = 5,
    HINT_JITTER_MAX_MS = 15,
    HINT_STAGGER_MS = 30,
    HINT_INTERVAL_MS = 1000,
    FULL_SITS_OUT = 3, /* timeouts that a member with a full disk lets pass */
};

void election_reset_timer(struct raft *r)
{
    int64_t low = r->config.election_ms;

    r->election_due_ms = r->now_ms + rng_between(&r->rng, low, 2 * low - 1);
}

static void set_leader(struct raft *r, uint64_t leader)
{
    if (r->leader == leader)
        return;
    read_drop_all(r, RAFT_REFUSED_NO_LEADER);
    r->leader = leader;
    r->acknowledged = r->commit; /* what is committed it knows by itself */
    r->owes_ack = false;
    r->is_leader_lost = false;
}

static void raise_term(struct raft *r, uint64_t term, uint64_t vote)
{
    HL_ASSERT(term > r->term);
    r->term = term;
    r->vote = vote;
    r->is_hard_dirty = true;
    r->owes_vote_to = 0; /* a promise of an older term is of no use to anybody */
    r->verified = r->commit;
    r->hinted_ms = INT64_MIN / 2; /* a hint that led to an election was not in vain */
}

void election_follow(struct raft *r, uint64_t term, uint64_t leader)
{
    if (r->role == RAFT_LEADER) {
        election_reset_timer(r);
        r->verified = r->commit;
    }
    r->role = RAFT_FOLLOWER;
    r->is_ask_due = false;
    r->transfer_to = 0;
    set_leader(r, leader);
    if (term != r->term)
        raise_term(r, term, 0);
}

/* Of voters; a learner may have answered, since it may have been a voter when it was asked. */
static size_t count_answers(const struct raft *r, enum raft_answer answer)
{
    size_t count = 0;

    for (size_t i = 0; i < r->peer_count; i++)
        count += r->peer[i].is_voter && r->peer[i].answer == answer;
    return count;
}

static void forget_answers(struct raft *r)
{
    for (size_t i = 0; i < r->peer_count; i++)
        r->peer[i].answer = RAFT_UNANSWERED;
}

/* Figure 2: RequestVote arguments. Asks those who have not answered yet, and again every heartbeat
 * period until the election is decided or over (paper 5.1: requests are retried; a connection may
 * just be coming back). */
static void ask_all(struct raft *r, enum raft_message_kind kind, uint64_t term, bool is_transfer)
{
    r->heartbeat_due_ms = r->now_ms + r->config.heartbeat_ms;
    for (size_t i = 0; i < r->peer_count; i++) {
        if (!r->peer[i].is_voter || r->peer[i].answer != RAFT_UNANSWERED)
            continue;
        raft_emit(r, (struct raft_message){
                         .kind = kind,
                         .to = r->peer[i].id,
                         .term = term,
                         .index = r->log.last_index,
                         .log_term = entries_term(&r->log, r->log.last_index),
                         .round = is_transfer,
                     });
    }
}

bool election_is_asking(const struct raft *r)
{
    return r->role == RAFT_PRE_CANDIDATE || (r->role == RAFT_CANDIDATE && !r->is_ask_due);
}

void election_ask_again(struct raft *r)
{
    if (r->role == RAFT_PRE_CANDIDATE)
        ask_all(r, RAFT_MSG_PRE_VOTE, r->term + 1, false);
    else
        ask_all(r, RAFT_MSG_VOTE, r->term, r->is_transfer);
}

/* Figure 2: candidates 1; the timer and the requests follow when term and vote are durable. */
static void start_campaign(struct raft *r, bool is_transfer)
{
    set_leader(r, 0);
    raise_term(r, r->term + 1, r->config.id);
    r->role = RAFT_CANDIDATE;
    r->is_ask_due = true; /* election_pay goes on when term and vote are durable */
    r->is_transfer = is_transfer;
    forget_answers(r);
}

static void start_pre_vote(struct raft *r)
{
    set_leader(r, 0);
    r->role = RAFT_PRE_CANDIDATE;
    forget_answers(r);
    election_reset_timer(r);
    if (members_is_alone(r))
        start_campaign(r, false);
    else
        ask_all(r, RAFT_MSG_PRE_VOTE, r->term + 1, false);
}

/* Whoever cannot write lets the others go first; but a cluster of full disks still needs a leader
 * for reads, so not for ever. */
static bool sits_out(struct raft *r)
{
    if (!r->is_disk_full || members_is_alone(r) || r->timeouts_sat_out == FULL_SITS_OUT)
        return false;
    r->timeouts_sat_out++;
    return true;
}

/* Figure 2: followers 2, candidates 4. */
void election_timeout(struct raft *r)
{
    if (members_may_lead(r) && !sits_out(r)) {
        start_pre_vote(r);
        return;
    }
    election_follow(r, r->term, 0);
    election_reset_timer(r);
}

static void become_leader(struct raft *r)
{
    HL_ASSERT(r->role == RAFT_CANDIDATE && raft_is_hard_durable(r) && r->vote == r->config.id);
    r->role = RAFT_LEADER;
    set_leader(r, r->config.id);
    replicate_start(r);
}

/* Figure 2: candidates 2. Either election: won, lost, or not decided yet. */
static void tally(struct raft *r)
{
    if (count_answers(r, RAFT_GRANTED) + r->is_voter >= members_quorum(r)) {
        if (r->role == RAFT_PRE_CANDIDATE)
            start_campaign(r, false);
        else
            become_leader(r);
    } else if (count_answers(r, RAFT_DENIED) >= members_quorum(r)) {
        election_follow(r, r->term, 0); /* the timer goes on */
    }
}

void election_pay(struct raft *r)
{
    if (!raft_is_hard_durable(r))
        return;
    if (r->owes_vote_to != 0) {
        HL_ASSERT(r->vote == r->owes_vote_to);
        raft_emit(r, (struct raft_message){.kind = RAFT_MSG_VOTE_REPLY, .to = r->owes_vote_to});
        r->owes_vote_to = 0;
    }
    if (r->role == RAFT_CANDIDATE && r->is_ask_due) {
        r->is_ask_due = false;
        election_reset_timer(r); /* the disk's time is not the voters' */
        ask_all(r, RAFT_MSG_VOTE, r->term, r->is_transfer);
        tally(r);
    }
}

/* Paper 5.4.1: the log of the candidate is at least as up to date as ours. */
static bool is_up_to_date(const struct raft *r, const struct raft_message *m)
{
    uint64_t own_term = entries_term(&r->log, r->log.last_index);

    return m->log_term > own_term || (m->log_term == own_term && m->index >= r->log.last_index);
}

bool election_is_leader_fresh(const struct raft *r, uint64_t asker)
{
    if (r->role == RAFT_LEADER)
        return true; /* check-quorum sees to it that this is not for long without a majority */
    return r->leader != 0 && r->leader != asker && !r->is_leader_lost &&
           r->now_ms - r->leader_heard_ms < r->config.election_ms;
}

/* Of two that ask each other at the same moment one gives way, else both would go on to vote for
 * themselves and wait for a timeout: the longer log goes first, then the higher id. */
static bool outranks_us(const struct raft *r, const struct raft_message *m)
{
    uint64_t last = r->log.last_index;

    if (m->log_term != entries_term(&r->log, last) || m->index != last)
        return true; /* it is up to date, so it is ahead */
    return m->from > r->config.id;
}

/* A learner answers too: the candidate's log may say that it is a voter by now, and then its vote
 * may be needed to elect the one that can tell it. Who knows no members at all is new, or lost its
 * disk and with it the votes that it gave: it is silent until a leader calls. */
static bool may_vote(const struct raft *r)
{
    return r->voter_count > 0;
}

/* Touches neither term nor timer (thesis 9.6). */
void election_on_pre_vote(struct raft *r, const struct raft_message *m)
{
    bool is_granted = may_vote(r) && m->term > r->term && is_up_to_date(r, m) &&
                      !election_is_leader_fresh(r, m->from);

    raft_emit(r, (struct raft_message){
                     .kind = RAFT_MSG_PRE_VOTE_REPLY,
                     .to = m->from,
                     .term = is_granted ? m->term : r->term,
                     .is_rejected = !is_granted,
                 });
    if (is_granted && r->role == RAFT_PRE_CANDIDATE && outranks_us(r, m))
        election_follow(r, r->term, 0);
}

/* Figure 2: RequestVote results; a vote that is granted is told by election_pay. */
void election_on_vote(struct raft *r, const struct raft_message *m)
{
    /* Figure 2: RequestVote receiver 2. */
    bool is_free = r->vote == m->from || (r->vote == 0 && r->leader == 0);

    if (!may_vote(r) || !is_free || !is_up_to_date(r, m)) {
        raft_emit(r, (struct raft_message){
                         .kind = RAFT_MSG_VOTE_REPLY, .to = m->from, .is_rejected = true});
        return;
    }
    HL_ASSERT(r->role != RAFT_LEADER);
    if (r->vote == 0) {
        if (r->role == RAFT_PRE_CANDIDATE)
            election_follow(r, r->term, 0);
        r->vote = m->from;
        r->is_hard_dirty = true;
    }
    r->owes_vote_to = m->from;
    election_reset_timer(r);
}

/* Of a pre-vote, whose granted reply names the term asked for, or of a vote in our term. */
void election_on_reply(struct raft *r, const struct raft_message *m)
{
    bool is_pre = m->kind == RAFT_MSG_PRE_VOTE_REPLY;

    if (is_pre && m->is_rejected && m->term > r->term) {
        election_follow(r, m->term, 0);
        return;
    }
    if (r->role != (is_pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE) || r->is_ask_due)
        return;
    if (is_pre && m->term != (m->is_rejected ? r->term : r->term + 1))
        return;
    members_peer(r, m->from)->answer = m->is_rejected ? RAFT_DENIED : RAFT_GRANTED;
    tally(r);
}

/* Thesis 3.10: the leader vouches for the moment, so no pre-vote and no stickiness. */
void election_on_timeout_now(struct raft *r, const struct raft_message *m)
{
    if (r->role == RAFT_FOLLOWER && r->leader == m->from && members_may_lead(r) && !r->is_disk_full)
        start_campaign(r, true);
}

/*
 * All followers see the connection break in the same millisecond. So that they do not split the
 * vote, those with lower ids go first, one stagger apart: a pre-vote, a vote and two flushes.
 */
static int64_t rank_behind(const struct raft *r, uint64_t lost)
{
    int64_t rank = 0;

    for (size_t i = 0; i < r->peer_count; i++)
        rank += r->peer[i].is_voter && r->peer[i].id != lost && r->peer[i].id < r->config.id;
    return rank;
}

/*
 * The connection to our leader broke: it is probably dead, so ask the others soon instead of
 * waiting for the timeout. They decide as always, by what they hear themselves; a connection that
 * flaps starts one pre-vote per HINT_INTERVAL_MS and raises no term while the others hear the
 * leader. Safety does not depend on any of this, only timing changes.
 */
void election_on_peer_lost(struct raft *r, uint64_t peer)
{
    if (r->role != RAFT_FOLLOWER || r->leader == 0 || r->leader != peer)
        return;
    r->is_leader_lost = true;
    r->leader_lost_ms = r->now_ms;
    if (!members_may_lead(r) || r->now_ms - r->hinted_ms < HINT_INTERVAL_MS)
        return;
    r->hinted_ms = r->now_ms;
    int64_t due_ms = r->now_ms + rng_between(&r->rng, HINT_JITTER_MIN_MS, HINT_JITTER_MAX_MS) +
                     HINT_STAGGER_MS * rank_behind(r, peer);
    if (due_ms < r->election_due_ms)
        r->election_due_ms = due_ms;
}

/* The live voter that has most; of equals the next behind the one that was named last, which may
 * have had its reasons. */
static struct raft_peer *best_successor(struct raft *r)
{
    struct raft_peer *best = NULL;
    size_t start = 0;

    while (start < r->peer_count && r->peer[start].id <= r->transfer_tried)
        start++;
    for (size_t i = 0; i < r->peer_count; i++) {
        struct raft_peer *p = &r->peer[(start + i) % r->peer_count];
        bool is_alive = r->now_ms - p->heard_ms < r->config.election_ms;

        if (p->is_voter && is_alive && (!best || p->match > best->match))
            best = p;
    }
    return best;
}

/* Thesis 3.10: stop taking proposals, bring the successor up to date, tell it. */
void election_transfer(struct raft *r, uint64_t to)
{
    if (r->role != RAFT_LEADER)
        return;
    struct raft_peer *p = to == 0 ? best_successor(r) : members_peer(r, to);
    if (!p || !p->is_voter)
        return;
    r->transfer_to = p->id;
    r->transfer_tried = p->id;
    r->transfer_due_ms = r->now_ms + r->config.election_ms;
    r->is_transfer_told = false;
    election_transfer_pay(r);
}

bool election_abdicate(struct raft *r)
{
    const struct raft_peer *p = best_successor(r);

    if (!p)
        return false;
    raft_emit(r, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .to = p->id});
    r->transfer_tried = p->id;
    return true;
}

void election_transfer_pay(struct raft *r)
{
    const struct raft_peer *p = members_peer(r, r->transfer_to);

    if (!p || r->is_transfer_told || p->match != r->log.last_index)
        return;
    r->is_transfer_told = true;
    raft_emit(r, (struct raft_message){.kind = RAFT_MSG_TIMEOUT_NOW, .to = p->id});
}

/* Work has waited for stall_ms: for our own disk, or for a majority although one is heard. */
static bool is_stalled(const struct raft *r)
{
    bool is_writing = r->persisted < r->sequence;
    bool is_committing = r->commit < r->log.last_index;

    return (is_writing && r->now_ms - r->written_ms >= r->config.stall_ms) ||
           (is_committing && r->now_ms - r->committed_ms >= r->config.stall_ms);
}

/*
 * A leader that can serve nobody hands over: somebody else may be able to, and whoever has the same
 * trouble hands over in turn. With a full disk nothing new is taken, so the others soon hold all
 * there is; the hand-over is an orderly one, and reads are served until it has worked. Whoever has
 * nobody to hand over to goes on.
 */
void election_judge_self(struct raft *r)
{
    if (r->is_disk_full) {
        const struct raft_peer *p = best_successor(r);

        if (r->transfer_to == 0 && p && p->match == r->log.last_index)
            election_transfer(r, p->id);
    } else if (is_stalled(r) && election_abdicate(r)) {
        election_follow(r, r->term, 0);
    }
}

/* Thesis 4.2.2: a leader that removed itself leads until that is committed. */
void election_leave_pay(struct raft *r)
{
    if (r->role != RAFT_LEADER || members_may_lead(r))
        return;
    election_abdicate(r);
    election_follow(r, r->term, 0);
}
