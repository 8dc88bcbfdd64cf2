/*
 * Those who wait. A proposal has no answer of its own: its outcome is seen when the entry is
 * applied, found again by (client id, sequence). Who waits too long is told that the outcome is
 * unknown; a retry with the same sequence is harmless (decision D1).
 */
#include "coordinator/fleet.h"

#include <stdlib.h>
#include <string.h>

static void pending_free(struct pending *p)
{
    str_free(p->client_id);
    str_free(p->body);
    free(p);
}

static struct pending *pending_new(struct fleet *f, const struct method *method,
                                   const struct wire_inbound *in, wait_check check)
{
    if (f->waiting_count + map_count(f->commands) >= PENDING_MAX)
        return NULL;
    struct pending *p = hl_calloc(1, sizeof(*p));
    p->check = check;
    p->method = method;
    p->to = in->from;
    p->since_ms = fleet_now();
    p->lasts_ms = PENDING_MS;
    if (in->message.kind == WIRE_REQUEST) {
        p->request_id = in->message.request.id;
        p->is_stale_ok = in->message.request.is_stale_ok;
    }
    return p;
}

static void tell(struct fleet *f, const struct pending *p, int code, struct str text,
                 struct str body, uint64_t revision)
{
    struct wire_reply reply = {.body = body.len ? body : STR("{}"), .revision = revision};

    if (!p->method)
        answer_enrol(f, &p->to,
                     code == 0          ? WIRE_ENROL_APPROVED
                     : code == HL_ETEMP ? WIRE_ENROL_RETRY
                                        : WIRE_ENROL_REFUSED,
                     text);
    else if (code != 0)
        answer_error(f, p, code, text);
    else
        answer(f, p, &reply);
}

static void refuse_crowd(struct fleet *f, const struct wire_inbound *in)
{
    struct str text = STR("too many requests are waiting");

    if (in->message.kind == WIRE_REQUEST)
        answer_request(f, in, HL_ETEMP, "", text);
    else
        answer_enrol(f, &in->from, WIRE_ENROL_RETRY, text);
}

/* ---- commands ---- */

struct pending *wait_command(struct fleet *f, const struct method *method,
                             const struct wire_inbound *in, struct str client_id, uint64_t sequence)
{
    struct pending *p = pending_new(f, method, in, NULL);

    if (!p) {
        refuse_crowd(f, in);
        return NULL;
    }
    p->client_id = str_dup(client_id);
    p->sequence = sequence;
    p->tag = f->turn_tag;
    /* A client has one command in flight: who asked before has asked again, or gone on. */
    struct pending *before = map_set(f->commands, client_id, p);
    if (before)
        pending_free(before);
    return p;
}

void wait_proposed(struct fleet *f, const struct wire_inbound *in)
{
    static const struct method method = {.name = STR("kv")};
    const struct wire_request *request = &in->message.request;
    struct pending *p = wait_command(f, &method, in, request->client_id, request->sequence);

    if (p)
        p->tag = 0;
}

static void end_command(struct fleet *f, struct pending *p)
{
    map_remove(f->commands, p->client_id);
    pending_free(p);
}

void wait_applied(struct fleet *f, const struct command *c, const struct state_result *result)
{
    struct pending *p = c->client_id.len > 0 ? map_get(f->commands, c->client_id) : NULL;

    if (!p || p->sequence != c->sequence)
        return;
    tell(f, p, result->code, result->text, result->body, result->revision);
    end_command(f, p);
}

/* ---- everything else ---- */

struct pending *wait_for(struct fleet *f, const struct method *method,
                         const struct wire_inbound *in, wait_check check)
{
    struct pending *p = pending_new(f, method, in, check);

    if (!p) {
        refuse_crowd(f, in);
        return NULL;
    }
    if (in->message.request.body.len > 0)
        p->body = str_dup(in->message.request.body);
    p->next = f->waiting;
    f->waiting = p;
    f->waiting_count++;
    return p;
}

static void end_waiting(struct fleet *f, struct pending **link)
{
    struct pending *p = *link;

    *link = p->next;
    f->waiting_count--;
    pending_free(p);
}

struct pending *wait_read(struct fleet *f, const struct method *method,
                          const struct wire_inbound *in, wait_check check)
{
    struct pending *p = wait_for(f, method, in, check);

    if (p) {
        p->tag = f->turn_tag;
        f->is_read_asked = true;
    }
    return p;
}

void wait_read_ready(struct fleet *f, uint64_t tag, uint64_t index)
{
    for (struct pending *p = f->waiting; p; p = p->next) {
        if (p->tag == tag)
            p->wanted = index > 0 ? index : 1;
    }
}

void wait_serve(struct fleet *f)
{
    for (struct pending **link = &f->waiting; *link;) {
        if ((*link)->check(f, *link))
            end_waiting(f, link);
        else
            link = &(*link)->next;
    }
}

/* ---- bad ends ---- */

struct refusal_told {
    int code;
    struct str text;
};

static struct refusal_told told_of(enum raft_refusal why)
{
    static const char *const texts[] = {
        [RAFT_REFUSED_NO_LEADER] = "there is no leader now",
        [RAFT_REFUSED_FULL] = "too many changes are waiting to be agreed on",
        [RAFT_REFUSED_TOO_LARGE] = "the change is too large",
        [RAFT_REFUSED_DISK] = "the disk of this coordinator takes nothing",
        [RAFT_REFUSED_CHANGING] = "another change of members is under way, or the leader is new",
        [RAFT_REFUSED_BEHIND] = "the learner has not caught up yet",
        [RAFT_REFUSED_QUORUM] = "too few of those who would remain are reachable: bring them back, "
                                "or remove one of them first",
        [RAFT_REFUSED_MEMBER] = "no such member, or one already, or too many, or the last voter",
    };
    bool is_final = why == RAFT_REFUSED_TOO_LARGE || why == RAFT_REFUSED_MEMBER;
    bool is_busy =
        why == RAFT_REFUSED_CHANGING || why == RAFT_REFUSED_BEHIND || why == RAFT_REFUSED_QUORUM;
    int code = is_final ? HL_EINVAL : is_busy ? HL_ECONFLICT : HL_ETEMP;

    return (struct refusal_told){code, str_from(texts[why])};
}

void wait_refused_command(struct fleet *f, const struct asked *asked, enum raft_refusal why)
{
    struct pending *p = map_get(f->commands, asked->client_id);
    struct refusal_told told = told_of(why);

    if (!p || p->sequence != asked->sequence)
        return;
    tell(f, p, told.code, told.text, STR_NONE, 0);
    end_command(f, p);
}

void wait_refused(struct fleet *f, uint64_t tag, enum raft_refusal why)
{
    struct refusal_told told = told_of(why);

    f->plan_asked_ms = -1;
    for (size_t i = map_count(f->commands); i-- > 0;) {
        struct pending *p = map_value_at(f->commands, i);
        if (p->tag != tag)
            continue;
        tell(f, p, told.code, told.text, STR_NONE, 0);
        end_command(f, p);
    }
    for (struct pending **link = &f->waiting; *link;) {
        bool is_meant = (*link)->tag == tag;
        if (is_meant)
            tell(f, *link, told.code, told.text, STR_NONE, 0);
        if (is_meant)
            end_waiting(f, link);
        else
            link = &(*link)->next;
    }
}

/* What has a check of its own ends itself when its time is over: it is asked first, every turn. */
static bool is_over(const struct pending *p, int64_t now_ms)
{
    return now_ms - p->since_ms > p->lasts_ms;
}

void wait_expire(struct fleet *f, int64_t now_ms)
{
    enum { LOOK_MS = 250 };
    struct str unknown = STR("not agreed on in time; whether it will be is unknown");

    if (now_ms - f->expired_ms < LOOK_MS)
        return;
    f->expired_ms = now_ms;
    for (size_t i = map_count(f->commands); i-- > 0;) {
        struct pending *p = map_value_at(f->commands, i);
        if (!is_over(p, now_ms))
            continue;
        tell(f, p, HL_ETIMEOUT, unknown, STR_NONE, 0);
        end_command(f, p);
    }
    for (struct pending **link = &f->waiting; *link;) {
        if (is_over(*link, now_ms)) {
            tell(f, *link, HL_ETIMEOUT, unknown, STR_NONE, 0);
            end_waiting(f, link);
        } else {
            link = &(*link)->next;
        }
    }
}

void wait_deinit(struct fleet *f)
{
    while (map_count(f->commands) > 0)
        end_command(f, map_value_at(f->commands, 0));
    map_free(f->commands);
    while (f->waiting)
        end_waiting(f, &f->waiting);
}
