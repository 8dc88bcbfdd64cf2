/* The session: who leads, what we hold, and saying things until they are heard. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "edge/actor/log.h"

enum { HELLO_MS = 10000, REPORT_AGAIN_MS = 2000, DEFAULT_HEARTBEAT_MS = 1000, BEATS = 64 };

/* A lease, from the work that brought it until its report is acknowledged. */
struct held {
    struct str key;
    uint64_t epoch;
    struct msg *report; /* owned; NULL while the work goes on */
    int64_t reported_ms;
};

struct session {
    struct session_context *c;
    struct arena *scratch;
    uint64_t leader;
    uint64_t term;
    int64_t heartbeat_ms;
    int64_t beat_due_ms;
    int64_t hello_due_ms;
    uint64_t sequence;
    int64_t beat_sent_ms[BEATS]; /* by sequence modulo BEATS */
    struct held held[AGENT_SLOTS * 2];
    size_t held_count;
};

struct msg *agent_message(int kind, const struct wire_message *m)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct msg *copy = msg_new(kind, true);
    struct wire_message *body = arena_one(copy->arena, struct wire_message);

    /* The codec is a deep copy that cannot forget a field. */
    if (wire_encode(&bytes, m, NULL) < 0 ||
        wire_decode(arena_dup(copy->arena, buf_str(&bytes)), copy->arena, body, NULL) < 0) {
        msg_free(copy);
        return NULL;
    }
    copy->body = body;
    return copy;
}

static void to_role(struct session *s, struct msg *m)
{
    if (m && !mailbox_post_or_drop(s->c->role, m))
        log_warn("the role is too busy", "dropped=message");
}

/* ---- what we hold ---- */

static struct held *find_held(struct session *s, struct str key, uint64_t epoch)
{
    for (size_t i = 0; i < s->held_count; i++) {
        if (s->held[i].epoch == epoch && str_eq(s->held[i].key, key))
            return &s->held[i];
    }
    return NULL;
}

static void drop_held(struct session *s, struct held *h)
{
    str_free(h->key);
    msg_free(h->report);
    *h = s->held[--s->held_count];
}

static uint64_t rss_bytes(void)
{
    char text[128] = "";
    uint64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

    if (fd >= 0)
        close(fd);
    if (n > 0) {
        struct str rest = {text, (size_t)n};
        str_cut(&rest, ' ');
        if (!str_to_u64(str_cut(&rest, ' '), &pages))
            pages = 0;
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void say_to_all(struct session *s, const struct wire_message *m)
{
    for (size_t i = 0; i < s->c->roster->member_count; i++)
        link_send(s->c->link, s->c->roster->member[i].id, m);
}

static void say_hello(struct session *s)
{
    struct wire_message m = {.kind = WIRE_HELLO};

    m.hello = (struct wire_hello){
        .node = s->c->config->node,
        .version = STR(HL_VERSION),
        .role = s->c->config->role,
        .role_count = s->c->config->role_count,
    };
    say_to_all(s, &m);
}

static void beat(struct session *s, int64_t now_ms)
{
    struct wire_lease lease[HL_COUNT(s->held)];
    struct wire_message m = {.kind = WIRE_HEARTBEAT};

    for (size_t i = 0; i < s->held_count; i++)
        lease[i] = (struct wire_lease){s->held[i].key, s->held[i].epoch};
    s->sequence++;
    s->beat_sent_ms[s->sequence % BEATS] = now_ms;
    m.heartbeat = (struct wire_heartbeat){
        .sequence = s->sequence,
        .free_slots = s->held_count < AGENT_SLOTS ? (uint32_t)(AGENT_SLOTS - s->held_count) : 0,
        .rss_bytes = rss_bytes(),
        .lease = lease,
        .lease_count = s->held_count,
    };
    say_to_all(s, &m);
}

static void report_again(struct session *s, int64_t now_ms)
{
    for (size_t i = 0; i < s->held_count; i++) {
        struct held *h = &s->held[i];

        if (!h->report || now_ms - h->reported_ms < REPORT_AGAIN_MS || s->leader == 0)
            continue;
        link_send(s->c->link, s->leader, h->report->body);
        h->reported_ms = now_ms;
    }
}

/* ---- what coordinators say ---- */

static void take_welcome(struct session *s, uint64_t member, const struct wire_welcome *w)
{
    if (w->term < s->term)
        return;
    if (w->is_leader && (w->term > s->term || s->leader != member)) {
        log_info("leader", "member=%llu term=%llu", (unsigned long long)member,
                 (unsigned long long)w->term);
        s->leader = member;
        s->term = w->term;
        for (size_t i = 0; i < s->held_count; i++)
            s->held[i].reported_ms = 0; /* tell the new one at once */
    }
    if (!w->is_leader || s->leader != member)
        return;
    if (w->heartbeat_ms >= 100 && w->heartbeat_ms <= 60000)
        s->heartbeat_ms = w->heartbeat_ms;
    if (w->sequence == 0 || s->sequence - w->sequence >= BEATS)
        return;
    /* The lease runs from when we asked, not from when the answer came. */
    struct msg *m = msg_new(AGENT_LEASE, false);
    m->number = (uint64_t)(s->beat_sent_ms[w->sequence % BEATS] + w->lost_after_ms);
    to_role(s, m);
}

static void take_work(struct session *s, uint64_t member, const struct wire_message *m)
{
    const struct wire_work *w = &m->work;

    if (w->term < s->term || member != s->leader)
        return; /* a former leader's: the present one sends it again if it is so */
    if (find_held(s, w->key, w->epoch))
        return;
    if (s->held_count == HL_COUNT(s->held)) {
        log_warn("no room for work", "app=" STR_FMT, STR_ARG(w->key));
        return;
    }
    s->held[s->held_count++] = (struct held){.key = str_dup(w->key), .epoch = w->epoch};
    to_role(s, agent_message(AGENT_WORK, m));
}

static void take_cancel(struct session *s, const struct wire_message *m)
{
    struct held *h = find_held(s, m->cancel.key, m->cancel.epoch);

    if (h)
        drop_held(s, h);
    to_role(s, agent_message(AGENT_CANCEL, m));
}

static void take_ack(struct session *s, const struct wire_report_ack *ack)
{
    struct held *h = find_held(s, ack->key, ack->epoch);

    if (!ack->is_accepted)
        log_info("report refused", "app=" STR_FMT " epoch=%llu reason=\"" STR_FMT "\"",
                 STR_ARG(ack->key), (unsigned long long)ack->epoch, STR_ARG(ack->reason));
    if (h)
        drop_held(s, h);
}

static void take(struct session *s, uint64_t member, const struct wire_message *m)
{
    switch (m->kind) {
    case WIRE_WELCOME:
        take_welcome(s, member, &m->welcome);
        break;
    case WIRE_WORK:
        take_work(s, member, m);
        break;
    case WIRE_CANCEL:
        take_cancel(s, m);
        break;
    case WIRE_REPORT_ACK:
        take_ack(s, &m->report_ack);
        break;
    case WIRE_BLOB_CHUNK:
        to_role(s, agent_message(AGENT_CHUNK, m));
        break;
    default:
        break;
    }
}

/* From the role: blob requests go out once, reports until they are acknowledged. */
static void send_for_role(struct session *s, struct msg **m)
{
    const struct wire_message *body = (*m)->body;

    if (body->kind == WIRE_REPORT) {
        struct held *h = find_held(s, body->report.key, body->report.epoch);
        if (!h)
            return; /* called off meanwhile */
        msg_free(h->report);
        h->report = *m;
        h->reported_ms = 0;
        *m = NULL;
    } else if (s->leader != 0) {
        link_send(s->c->link, s->leader, body);
    }
}

static bool drain_inbox(struct session *s)
{
    struct msg *m;

    while ((m = mailbox_take(s->c->inbox))) {
        bool is_stop = m->kind == AGENT_STOP;

        if (!is_stop)
            send_for_role(s, &m);
        msg_free(m);
        if (is_stop)
            return false;
    }
    return true;
}

static void do_what_is_due(struct session *s)
{
    int64_t now_ms = clock_now_ms();

    if (now_ms >= s->hello_due_ms) {
        say_hello(s);
        s->hello_due_ms = now_ms + HELLO_MS;
    }
    if (now_ms >= s->beat_due_ms) {
        beat(s, now_ms);
        s->beat_due_ms = now_ms + s->heartbeat_ms;
    }
    report_again(s, now_ms);
}

void *session_run(void *context)
{
    struct session *s = hl_calloc(1, sizeof(*s));

    s->c = context;
    s->scratch = arena_new();
    s->heartbeat_ms = DEFAULT_HEARTBEAT_MS;
    /* Connections take a moment to form; what is said before is dropped. */
    s->beat_due_ms = s->hello_due_ms = clock_now_ms() + 50;
    while (drain_inbox(s)) {
        struct wire_message m;
        uint64_t member;

        while (link_next(s->c->link, s->scratch, &member, &m)) {
            take(s, member, &m);
            arena_reset(s->scratch);
        }
        do_what_is_due(s);
        int64_t left_ms = s->beat_due_ms - clock_now_ms();
        link_wait(s->c->link, mailbox_fd(s->c->inbox), left_ms > 0 ? left_ms : 0);
    }
    while (s->held_count > 0)
        drop_held(s, &s->held[0]);
    arena_free(s->scratch);
    free(s);
    return NULL;
}
