/*
 * Elections: paper, section 5.2 and 5.4.1; pre-vote and leader stickiness: thesis 9.6 and 4.2.3.
 *
 *            timeout                majority of pre-votes        majority of votes
 *  follower ─────────► pre-candidate ───────────────► candidate ───────────────► leader
 *      ▲                    │                             │                         │
 *      └────────────────────┴───── a higher term, or a leader of this term ─────────┘
 *                                   leader: no majority heard for election_ms
 */
#include "core/raft/raft_internal.h"

void election_reset_timer(struct raft *r)
{
    r->election_due_ms =
        r->now_ms + rng_between(&r->rng, r->config.election_ms, 2 * r->config.election_ms - 1);
}

bool leader_is_fresh(const struct raft *r)
{
    if (r->role == RAFT_LEADER)
        return true;
    return r->leader != 0 && !r->is_leader_lost &&
           r->now_ms - r->leader_heard_ms < r->config.election_ms;
}

void become_follower(struct raft *r, uint64_t term, uint64_t leader)
{
    bool was_leader = r->role == RAFT_LEADER;

    if (term > r->hard.term)
        r->hard = (struct raft_hard_state){term, 0};
    r->role = RAFT_FOLLOWER;
    r->leader = leader;
    r->verified = r->commit;
    r->is_transfer = false;
    r->transfer_to = 0;
    if (leader != 0) {
        r->leader_heard_ms = r->now_ms;
        r->is_leader_lost = false;
    }
    if (was_leader)
        read_drop_all(r);
    election_reset_timer(r);
}

static void ask_for_votes(struct raft *r, enum raft_message_kind kind, uint64_t term)
{
    uint64_t last_term;

    if (!log_term_of(r, r->last_index, &last_term))
        return;
    for (size_t i = 0; i < r->peer_count; i++) {
        struct raft_message m = {
            .kind = kind,
            .to = r->peer[i].id,
            .term = term,
            .index = r->last_index,
            .log_term = last_term,
            .round = r->is_transfer ? 1 : 0,
        };
        r->peer[i].has_voted = false;
        r->peer[i].has_granted = false;
        /* A vote is asked for in a term that we must remember voting in ourselves. */
        if (kind == RAFT_MSG_VOTE)
            raft_send_when_durable(r, 0, &m);
        else
            raft_send(r, &m);
    }
}

static void become_candidate(struct raft *r)
{
    r->role = RAFT_CANDIDATE;
    r->leader = 0;
    r->hard = (struct raft_hard_state){r->hard.term + 1, r->config.id};
    election_reset_timer(r);
    ask_for_votes(r, RAFT_MSG_VOTE, r->hard.term);
}

static void become_pre_candidate(struct raft *r)
{
    r->role = RAFT_PRE_CANDIDATE;
    r->leader = 0;
    election_reset_timer(r);
    ask_for_votes(r, RAFT_MSG_PRE_VOTE, r->hard.term + 1);
    if (r->peer_count == 0)
        become_candidate(r);
}

void election_tick(struct raft *r)
{
    if (r->role == RAFT_LEADER || r->is_broken || r->now_ms < r->election_due_ms)
        return;
    become_pre_candidate(r);
}

/* A broken connection to the leader may mean that it died: ask early, at most once a second. Only
 * timing changes; who may be elected does not. */
void election_peer_lost(struct raft *r, uint64_t peer)
{
    if (r->role != RAFT_FOLLOWER || peer != r->leader || r->is_broken)
        return;
    r->is_leader_lost = true;
    if (r->hint_ms != INT64_MIN && r->now_ms - r->hint_ms < 1000)
        return;
    r->hint_ms = r->now_ms;
    int64_t early_ms = r->now_ms + rng_between(&r->rng, 5, 15);
    if (early_ms < r->election_due_ms)
        r->election_due_ms = early_ms;
}

static size_t count_grants(const struct raft *r)
{
    size_t granted = 0;

    for (size_t i = 0; i < r->peer_count; i++)
        granted += r->peer[i].has_granted;
    return granted;
}

static bool own_vote_is_durable(const struct raft *r)
{
    return r->hard_durable.term == r->hard.term && r->hard_durable.vote == r->config.id;
}

static void count_votes(struct raft *r)
{
    if (r->role == RAFT_PRE_CANDIDATE && count_grants(r) + 1 >= raft_majority(r))
        become_candidate(r);
    /* Our own vote counts when it is on disk: after a crash we must not vote for another. */
    else if (r->role == RAFT_CANDIDATE &&
             count_grants(r) + (own_vote_is_durable(r) ? 1 : 0) >= raft_majority(r))
        leader_start(r);
}

void election_own_vote_is_durable(struct raft *r)
{
    if (r->role == RAFT_CANDIDATE)
        count_votes(r);
}

static void answer_vote(struct raft *r, const struct raft_message *m, uint64_t term,
                        bool is_granted)
{
    bool is_pre = m->kind == RAFT_MSG_PRE_VOTE;
    struct raft_message reply = {
        .kind = is_pre ? RAFT_MSG_PRE_VOTE_REPLY : RAFT_MSG_VOTE_REPLY,
        .to = m->from,
        .term = term,
        .is_rejected = !is_granted,
    };

    if (is_pre)
        raft_send(r, &reply);
    else
        raft_send_when_durable(r, 0, &reply);
}

/* Pre-votes promise nothing and change nothing, not even the timer (raft.md 2.5, trap 8). */
static void handle_pre_vote(struct raft *r, const struct raft_message *m)
{
    bool is_granted = m->term > r->hard.term && !leader_is_fresh(r) &&
                      log_is_up_to_date(r, m->index, m->log_term);

    answer_vote(r, m, is_granted ? m->term : r->hard.term, is_granted);
}

void handle_vote(struct raft *r, const struct raft_message *m)
{
    bool is_forced = m->round == 1; /* its leader asked it to campaign */

    if (r->is_broken)
        return;
    if (m->kind == RAFT_MSG_PRE_VOTE) {
        handle_pre_vote(r, m);
        return;
    }
    /* Leader stickiness (thesis 4.2.3): who hears a leader does not even learn the term. */
    if (m->term > r->hard.term && leader_is_fresh(r) && !is_forced)
        return;
    if (m->term > r->hard.term)
        become_follower(r, m->term, 0);
    bool is_granted = m->term == r->hard.term && r->role == RAFT_FOLLOWER && r->leader == 0 &&
                      (r->hard.vote == 0 || r->hard.vote == m->from) &&
                      log_is_up_to_date(r, m->index, m->log_term);
    if (is_granted) {
        r->hard.vote = m->from;
        election_reset_timer(r);
    }
    answer_vote(r, m, r->hard.term, is_granted);
}

void handle_vote_reply(struct raft *r, const struct raft_message *m)
{
    bool is_pre = m->kind == RAFT_MSG_PRE_VOTE_REPLY;
    struct peer *p = raft_peer(r, m->from);

    if (m->is_rejected && m->term > r->hard.term) {
        become_follower(r, m->term, 0);
        return;
    }
    if (r->role != (is_pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE) ||
        m->term != r->hard.term + (is_pre && !m->is_rejected ? 1 : 0))
        return;
    p->has_voted = true;
    p->has_granted = !m->is_rejected;
    count_votes(r);
}

void handle_timeout_now(struct raft *r)
{
    if (r->is_broken || r->role == RAFT_LEADER)
        return;
    r->is_transfer = true;
    become_candidate(r);
}
