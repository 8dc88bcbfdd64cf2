/*
 * The door for messages: what is well-formed, whom we listen to, and terms (paper 5.1). What others
 * send is judged here and never asserted; what passes is consistent in itself.
 */
#include "core/raft/raft_internal.h"

static bool are_entries_well_formed(const struct raft_message *m)
{
    bool is_append = m->kind == RAFT_MSG_APPEND;
    uint64_t term = m->log_term;
    struct raft_members members;
    size_t bytes = 0;

    if (m->entry_count > RAFT_MESSAGE_ENTRIES_MAX)
        return false;
    for (size_t i = 0; i < m->entry_count; i++) {
        const struct raft_entry *e = &m->entry[i];

        if (e->data.len > RAFT_ENTRY_BYTES_MAX)
            return false;
        bytes += e->data.len + RAFT_ENTRY_COST;
        if (!is_append) {
            if (e->kind != RAFT_ENTRY_COMMAND)
                return false;
            continue;
        }
        if (e->index != m->index + 1 + i || e->term < term || e->term == 0 || e->term > m->term)
            return false;
        if (e->kind < RAFT_ENTRY_NOOP || e->kind > RAFT_ENTRY_MEMBERS)
            return false;
        if (e->kind == RAFT_ENTRY_MEMBERS && !raft_members_decode(e->data, &members))
            return false;
        term = e->term;
    }
    return bytes <= RAFT_MESSAGE_BYTES_MAX;
}

static bool is_piece_well_formed(const struct raft_message *m)
{
    return m->index > 0 && m->log_term > 0 && m->log_term <= m->term && m->commit <= 1 &&
           m->data.len <= RAFT_PIECE_BYTES_MAX && members_are_sound(&m->members);
}

static bool is_well_formed(const struct raft *r, const struct raft_message *m)
{
    if (m->kind < RAFT_MSG_PRE_VOTE || m->kind > RAFT_MSG_KIND_MAX || m->to != r->config.id ||
        m->from == r->config.id || m->from == 0)
        return false;
    if (m->term == 0 || m->term == UINT64_MAX || m->index >= UINT64_MAX / 2)
        return false;
    if (m->kind == RAFT_MSG_APPEND &&
        (m->log_term > m->term || (m->index == 0) != (m->log_term == 0)))
        return false;
    if (m->kind == RAFT_MSG_SNAPSHOT && !is_piece_well_formed(m))
        return false;
    return m->cursor.len <= RAFT_CURSOR_BYTES_MAX && are_entries_well_formed(m);
}

/* Requests count from whoever the caller let through: a member that lags may not know the new ones
 * yet (thesis 4.1). So does what only the leader that we follow can say, and those who handle it
 * look for that: it may have left the members with its last entry. */
static bool is_for_members_only(enum raft_message_kind kind)
{
    switch (kind) {
    case RAFT_MSG_PRE_VOTE_REPLY:
    case RAFT_MSG_VOTE_REPLY:
    case RAFT_MSG_APPEND_REPLY:
    case RAFT_MSG_HEARTBEAT_REPLY:
    case RAFT_MSG_SNAPSHOT_REPLY:
    case RAFT_MSG_PROPOSE:
    case RAFT_MSG_READ:
        return true;
    default:
        return false;
    }
}

/* A message from the past of its sender or of us (paper 5.1). Whoever still believes that it leads
 * is told the term: with pre-vote and stickiness nothing else would bring the two together.
 * Figure 2: AppendEntries receiver 1, RequestVote receiver 1; Figure 13: InstallSnapshot receiver 1
 */
static void answer_old_term(struct raft *r, const struct raft_message *m)
{
    enum raft_message_kind kind;

    if (m->kind == RAFT_MSG_APPEND)
        kind = RAFT_MSG_APPEND_REPLY;
    else if (m->kind == RAFT_MSG_HEARTBEAT)
        kind = RAFT_MSG_HEARTBEAT_REPLY;
    else if (m->kind == RAFT_MSG_VOTE)
        kind = RAFT_MSG_VOTE_REPLY;
    else if (m->kind == RAFT_MSG_SNAPSHOT)
        kind = RAFT_MSG_SNAPSHOT_REPLY;
    else
        return;
    raft_emit(r, (struct raft_message){.kind = kind, .to = m->from, .is_rejected = true});
}

/* Figure 2: all servers 2. False: the message is of no further interest. */
static bool take_term(struct raft *r, const struct raft_message *m)
{
    if (m->term < r->term) {
        answer_old_term(r, m);
        return false;
    }
    if (m->term == r->term)
        return true;
    /* Thesis 4.2.3: a vote asked of somebody who hears a leader does not even show its term. */
    if (m->kind == RAFT_MSG_VOTE && m->round != 1 && election_is_leader_fresh(r, m->from))
        return false;
    bool is_from_leader =
        m->kind == RAFT_MSG_APPEND || m->kind == RAFT_MSG_HEARTBEAT || m->kind == RAFT_MSG_SNAPSHOT;
    election_follow(r, m->term, is_from_leader ? m->from : 0);
    return true;
}

/* Figure 2: followers 1. */
static void take_termed(struct raft *r, const struct raft_message *m)
{
    if (!take_term(r, m))
        return;
    switch (m->kind) {
    case RAFT_MSG_VOTE:
        election_on_vote(r, m);
        break;
    case RAFT_MSG_VOTE_REPLY:
        election_on_reply(r, m);
        break;
    case RAFT_MSG_APPEND:
        follow_on_append(r, m);
        break;
    case RAFT_MSG_APPEND_REPLY:
        replicate_on_reply(r, m);
        break;
    case RAFT_MSG_HEARTBEAT:
        follow_on_heartbeat(r, m);
        break;
    case RAFT_MSG_HEARTBEAT_REPLY:
        replicate_on_heartbeat_reply(r, m);
        break;
    case RAFT_MSG_TIMEOUT_NOW:
        election_on_timeout_now(r, m);
        break;
    case RAFT_MSG_SNAPSHOT:
        snapshot_on_piece(r, m);
        break;
    case RAFT_MSG_SNAPSHOT_REPLY:
        snapshot_on_reply(r, m);
        break;
    default:
        break;
    }
}

void message_take(struct raft *r, const struct raft_message *m)
{
    if (!is_well_formed(r, m) || (is_for_members_only(m->kind) && !members_peer(r, m->from)))
        return;
    switch (m->kind) { /* these five neither carry nor change a term */
    case RAFT_MSG_PRE_VOTE:
        election_on_pre_vote(r, m);
        break;
    case RAFT_MSG_PRE_VOTE_REPLY:
        election_on_reply(r, m);
        break;
    case RAFT_MSG_PROPOSE:
        replicate_on_propose(r, m);
        break;
    case RAFT_MSG_READ:
        read_on_read(r, m);
        break;
    case RAFT_MSG_READ_REPLY:
        read_on_reply(r, m);
        break;
    default:
        take_termed(r, m);
    }
}
