/*
 * Clients of a mesh under faults, and the judge of what they saw.
 *
 *   cluster-clients ROSTER IDENTITY MESH CLIENTS
 *
 * Each client is a thread with a link and a session of its own. It puts, compares and sets, deletes
 * and reads settings that all share, until SIGTERM; a question without an answer is asked again,
 * under the same sequence, of another coordinator, and given up after GIVE_UP_MS: then nobody knows
 * its outcome, and the client goes on with a new session. Beside that, each keeps a list of its
 * own: settings that are written once and must all be there at the end. When ROSTER changes, new
 * connections follow it.
 *
 * Prints one line of numbers; exit 0 if every key's history is linearizable and no acknowledged
 * entry of a list is lost, 1 if not, 2 if the run was no use.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "core/state/setting.h"
#include "edge/actor/actor.h"
#include "edge/wire/link.h"
#include "support/linear.h"

enum {
    CLIENTS_MAX = 64,
    KEYS_AT_ONCE = 6,
    OPS_A_KEY = 300, /* then another setting takes its place: histories stay short */
    ASK_AGAIN_MS = 400,
    GIVE_UP_MS = 8000,
    FINAL_MS = 60000,
    PAUSE_US = 3000, /* between two operations of one client */
};

struct client {
    pthread_t thread;
    int number;
    const struct roster *roster; /* that the link was opened with */
    struct wire_link *link;
    struct arena *arena; /* of one call */
    struct rng rng;
    uint64_t leader;
    char session[64];
    uint64_t sequence;
    uint64_t request_id;
    uint64_t seen_value; /* of the last read or write of a key, with its revision */
    uint64_t seen_revision;
    uint64_t seen_key;
    uint64_t listed; /* entries of our list that were acknowledged: all numbers below */
    struct linear_op *op;
    size_t op_count;
    size_t op_cap;
    size_t unknown_count;
    int sessions;
};

static struct arena *lasting; /* everything that is read from files */
static _Atomic(const struct roster *) roster;
static struct identity identity;
static struct client clients[CLIENTS_MAX];
static int client_count;
static atomic_bool is_over;
static atomic_ullong op_total;

static void end(int number)
{
    (void)number;
    is_over = true;
}

/* ---- one call ---- */

enum outcome { KNOWN, UNKNOWN };

static void renew_session(struct client *c)
{
    snprintf(c->session, sizeof(c->session), "cluster-%d-%d", c->number, c->sessions++);
    c->sequence = 0;
}

static uint64_t whom_to_ask(struct client *c, int tries)
{
    if (tries == 0 && c->leader != 0)
        return c->leader;
    return c->roster->member[rng_below(&c->rng, c->roster->member_count)].id;
}

/* True if it is the end of the call: an answer, or a refusal that another would repeat. */
static bool take_replies(struct client *c, struct wire_reply *out, bool *out_is_led)
{
    struct wire_message m;
    uint64_t from;

    while (link_next(c->link, c->arena, &from, &m)) {
        if (m.kind != WIRE_REPLY || m.reply.id != c->request_id)
            continue;
        c->leader = m.reply.is_leader ? from : m.reply.leader;
        if (m.reply.code == HL_ETEMP || m.reply.code == HL_ETIMEOUT) {
            *out_is_led = c->leader != 0 && c->leader != from;
            continue;
        }
        *out = m.reply;
        return true;
    }
    return false;
}

static void follow_roster(struct client *c)
{
    const struct roster *now = roster;
    struct err err;

    if (c->roster == now)
        return;
    link_close(c->link);
    c->roster = now;
    c->leader = 0;
    if (link_open(now, DOOR_CLIENT, &identity.pair, &c->link, &err) < 0)
        hl_die("no link: %s", err.text);
}

static enum outcome call(struct client *c, const char *method, struct str body,
                         struct wire_reply *out)
{
    int64_t start_ms = clock_now_ms();

    c->request_id++;
    for (int tries = 0; clock_now_ms() - start_ms < GIVE_UP_MS; tries++) {
        struct wire_message m = {.kind = WIRE_REQUEST,
                                 .request = {.id = c->request_id,
                                             .client_id = str_from(c->session),
                                             .sequence = c->sequence,
                                             .method = str_from(method),
                                             .body = body}};
        int64_t asked_ms = clock_now_ms();
        bool is_led = false;

        follow_roster(c);
        link_send(c->link, whom_to_ask(c, tries), &m);
        while (!is_led && clock_now_ms() - asked_ms < ASK_AGAIN_MS) {
            link_wait(c->link, -1, 20);
            if (take_replies(c, out, &is_led))
                return KNOWN;
        }
        if (is_led)
            tries = -1; /* the next one asks who is said to lead */
    }
    c->leader = 0;
    return UNKNOWN;
}

/* ---- operations ---- */

static struct str shared_key(struct client *c, uint64_t key)
{
    return arena_printf(c->arena, "shared/%llu", (unsigned long long)key);
}

static struct str key_body(struct client *c, struct str key)
{
    return arena_printf(c->arena, "{\"key\":\"" STR_FMT "\"}", STR_ARG(key));
}

static struct str change_bytes(struct client *c, const struct setting_change *change)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};

    setting_change_encode(&bytes, change);
    return arena_dup(c->arena, buf_str(&bytes));
}

static uint64_t number_of(struct str value)
{
    uint64_t n;

    if (!str_to_u64(value, &n))
        hl_die("a setting holds something that nobody wrote");
    return n;
}

static void remember(struct client *c, const struct linear_op *op)
{
    if (c->op_count == c->op_cap) {
        c->op_cap = c->op_cap ? 2 * c->op_cap : 4096;
        c->op = hl_realloc(c->op, c->op_cap * sizeof(*c->op));
    }
    c->op[c->op_count++] = *op;
}

static void read_key(struct client *c, struct linear_op *op)
{
    struct wire_reply reply;
    struct setting s;

    op->kind = LINEAR_READ;
    if (call(c, "kv.get", key_body(c, shared_key(c, op->key)), &reply) == UNKNOWN ||
        (reply.code != 0 && reply.code != HL_EABSENT)) {
        op->back = 0; /* a read without an answer says nothing */
        return;
    }
    op->back = clock_now_us();
    c->seen_key = op->key;
    c->seen_value = c->seen_revision = 0;
    if (reply.code == 0 && setting_list_take(&reply.body, &s, NULL) == KV_FOUND) {
        c->seen_value = number_of(s.value);
        c->seen_revision = s.revision;
    }
    op->value = c->seen_value;
}

/* Fills op's end and is_done. */
static void change_key(struct client *c, struct linear_op *op, const char *method,
                       const struct setting_change *change)
{
    struct wire_reply reply;

    c->sequence++;
    if (call(c, method, change_bytes(c, change), &reply) == UNKNOWN) {
        op->back = LINEAR_NEVER;
        op->is_done = true;
        c->unknown_count++;
        renew_session(c);
        return;
    }
    op->back = clock_now_us();
    op->is_done = reply.code == 0;
    if (reply.code != 0 && reply.code != HL_ECONFLICT && reply.code != HL_EABSENT)
        hl_die("a change was refused: code %d, " STR_FMT, reply.code, STR_ARG(reply.error));
    if (op->is_done) {
        c->seen_key = op->key;
        c->seen_value = op->kind == LINEAR_DELETE ? 0 : op->value;
        c->seen_revision = op->kind == LINEAR_DELETE ? 0 : reply.revision;
    }
}

static void operate(struct client *c, uint64_t number)
{
    uint64_t generation = number / (KEYS_AT_ONCE * (uint64_t)OPS_A_KEY);
    struct linear_op op = {
        .key = generation * KEYS_AT_ONCE + rng_below(&c->rng, KEYS_AT_ONCE) + 1,
        .call = clock_now_us(),
        .value = number + 1, /* no two writes write the same */
    };
    struct str text = arena_printf(c->arena, "%llu", (unsigned long long)op.value);
    struct setting_change change = {.key = shared_key(c, op.key), .value = text};
    uint64_t choice = rng_below(&c->rng, 10);

    if (choice < 4) {
        read_key(c, &op);
    } else if (choice < 7) {
        op.kind = LINEAR_WRITE;
        change_key(c, &op, "kv.put", &change);
    } else if (choice < 9) {
        bool is_seen = c->seen_key == op.key;
        op.kind = LINEAR_SWAP;
        op.expected = is_seen ? c->seen_value : 0;
        change.has_expected = true;
        change.expected = is_seen ? c->seen_revision : 0;
        change_key(c, &op, "kv.put", &change);
    } else {
        op.kind = LINEAR_DELETE;
        change.value = STR_NONE;
        change_key(c, &op, "kv.delete", &change);
    }
    if (op.back != 0)
        remember(c, &op);
}

/* The next entry of our own list; the same one again until it is acknowledged. */
static void list_one(struct client *c)
{
    struct wire_reply reply;
    struct setting_change change = {
        .key = arena_printf(c->arena, "list/%d/%llu", c->number, (unsigned long long)c->listed),
        .value = STR("1"),
    };

    c->sequence++;
    if (call(c, "kv.put", change_bytes(c, &change), &reply) == UNKNOWN)
        renew_session(c);
    else if (reply.code == 0)
        c->listed++;
}

static void *run(void *context)
{
    struct client *c = context;

    while (!is_over) {
        operate(c, atomic_fetch_add(&op_total, 1));
        if (rng_below(&c->rng, 4) == 0)
            list_one(c);
        arena_reset(c->arena);
        struct timespec pause = {0, PAUSE_US * 1000L};
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- judgement ---- */

/* Entries of the list that are not there; asked one by one, as any reader would. */
static uint64_t count_lost(struct client *c)
{
    uint64_t lost = 0;

    for (uint64_t i = 0; i < c->listed; i++) {
        struct str key = arena_printf(c->arena, "list/%d/%llu", c->number, (unsigned long long)i);
        struct wire_reply reply;
        int64_t start_ms = clock_now_ms();

        while (call(c, "kv.get", key_body(c, key), &reply) == UNKNOWN) {
            if (clock_now_ms() - start_ms > FINAL_MS)
                hl_die("the mesh does not answer any more");
        }
        lost += reply.code != 0;
        arena_reset(c->arena);
    }
    return lost;
}

static int judge(void)
{
    uint64_t listed = 0;
    uint64_t lost = 0;
    size_t count = 0;
    size_t unknown = 0;
    uint64_t key = 0;

    for (int i = 0; i < client_count; i++) {
        count += clients[i].op_count;
        unknown += clients[i].unknown_count;
        listed += clients[i].listed;
        lost += count_lost(&clients[i]);
    }
    struct linear_op *op = hl_calloc(count + 1, sizeof(*op));
    count = 0;
    for (int i = 0; i < client_count; i++) {
        memcpy(op + count, clients[i].op, clients[i].op_count * sizeof(*op));
        count += clients[i].op_count;
    }
    enum linear_verdict verdict = linear_check(op, count, 50000000, &key);
    free(op);
    printf(
        "operations=%zu unknown=%zu acknowledged_entries=%llu lost=%llu linearizable=%s key=%llu\n",
        count, unknown, (unsigned long long)listed, (unsigned long long)lost,
        verdict == LINEAR_RIGHT   ? "yes"
        : verdict == LINEAR_WRONG ? "no"
                                  : "unclear",
        (unsigned long long)key);
    if (count == 0 || listed == 0)
        return 2;
    return verdict == LINEAR_RIGHT && lost == 0 ? 0 : 1;
}

/* ---- */

static void open_client(struct client *c, int number)
{
    c->number = number;
    c->arena = arena_new();
    c->request_id = keys_random_u64() >> 16;
    rng_seed(&c->rng, keys_random_u64());
    renew_session(c);
}

/* Whenever the file is another one. */
static int read_roster(const char *path, const char *mesh, struct err *err)
{
    const struct roster *now = roster;
    struct roster *new = arena_one(lasting, struct roster);

    int r = roster_load(str_from(path), str_from(mesh), lasting, new, err);
    if (r == 0 && (!now || new->epoch != now->epoch))
        roster = new;
    return r;
}

int main(int argc, char **argv)
{
    struct err err;

    if (argc != 5)
        return 2;
    keys_init();
    lasting = arena_new();
    client_count = atoi(argv[4]);
    if (client_count < 1 || client_count > CLIENTS_MAX)
        return 2;
    int r = read_roster(argv[1], argv[3], &err);
    if (r == 0)
        r = identity_load(str_from(argv[2]), lasting, &identity, &err);
    if (r < 0) {
        fprintf(stderr, "cluster-clients: %s\n", err.text);
        return 2;
    }
    signal(SIGTERM, end);
    for (int i = 0; i < client_count; i++)
        open_client(&clients[i], i);
    for (int i = 0; i < client_count; i++)
        pthread_create(&clients[i].thread, NULL, run, &clients[i]);
    while (!is_over) {
        clock_sleep_ms(500);
        (void)!read_roster(argv[1], argv[3], &err);
    }
    for (int i = 0; i < client_count; i++)
        pthread_join(clients[i].thread, NULL);
    int verdict = judge();
    for (int i = 0; i < client_count; i++) {
        link_close(clients[i].link);
        arena_free(clients[i].arena);
        free(clients[i].op);
    }
    arena_free(lasting);
    return verdict;
}
