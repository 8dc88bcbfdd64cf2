/* One arena for everything that comes in: tests look back at it. */
#include "support/wire_mesh.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/actor/actor.h"

/* A port that nobody listens on now. */
static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        hl_die("no free port");
    close(fd);
    return ntohs(at.sin_port);
}

static void name_member(struct mesh *m, size_t i)
{
    struct roster_member *member = &m->roster.member[i];

    member->id = i + 1;
    member->name = arena_printf(m->arena, "c%zu", i + 1);
    for (int d = 0; d < DOOR_COUNT; d++) {
        m->keys[i].pair[d] = key_pair_new();
        member->key[d] = m->keys[i].pair[d].public_key;
        member->endpoint[d] = m->hub_count == 1
                                  ? STR("tcp://127.0.0.1:*")
                                  : arena_printf(m->arena, "tcp://127.0.0.1:%u", free_port());
    }
}

int mesh_open_hub(struct mesh *m, size_t i, struct err *err)
{
    const struct wire_hub_config config = {&m->roster, i + 1, &m->keys[i]};

    int r = hub_open(&config, &m->hub[i], err);
    for (int d = 0; r == 0 && d < DOOR_COUNT; d++)
        m->roster.member[i].endpoint[d] =
            arena_dup(m->arena, hub_endpoint(m->hub[i], (enum door)d));
    return r;
}

struct mesh *mesh_new(size_t hub_count)
{
    struct mesh *m = hl_calloc(1, sizeof(*m));
    struct err err;

    keys_init();
    m->arena = arena_new();
    m->seen = arena_array(m->arena, struct mesh_seen, MESH_SEEN_MAX);
    m->answer = arena_array(m->arena, struct mesh_answer, MESH_SEEN_MAX);
    m->hub_count = hub_count;
    m->roster.member_count = hub_count;
    m->roster.epoch = 1;
    for (size_t i = 0; i < hub_count; i++)
        name_member(m, i);
    for (size_t i = 0; i < hub_count; i++) {
        if (mesh_open_hub(m, i, &err) < 0)
            hl_die("hub %zu: %s", i, err.text);
    }
    return m;
}

void mesh_free(struct mesh *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->link_count; i++)
        link_close(m->link[i]);
    for (size_t i = 0; i < m->hub_count; i++)
        hub_close(m->hub[i]);
    arena_free(m->arena);
    free(m);
}

size_t mesh_link(struct mesh *m, enum door door, const struct key_pair *pair)
{
    struct err err;

    HL_ASSERT(m->link_count < MESH_LINKS_MAX);
    if (link_open(&m->roster, door, pair, &m->link[m->link_count], &err) < 0)
        hl_die("link: %s", err.text);
    return m->link_count++;
}

static void turn(struct mesh *m)
{
    for (size_t i = 0; i < m->hub_count; i++) {
        if (!m->hub[i])
            continue;
        hub_wait(m->hub[i], -1, i == 0 ? 1 : 0);
        while (m->seen_count < MESH_SEEN_MAX &&
               hub_next(m->hub[i], clock_now_ms(), m->arena, &m->seen[m->seen_count].in))
            m->seen[m->seen_count++].hub = i;
    }
    for (size_t i = 0; i < m->link_count; i++) {
        if (!m->link[i])
            continue;
        while (m->answer_count < MESH_SEEN_MAX &&
               link_next(m->link[i], m->arena, &m->answer[m->answer_count].member,
                         &m->answer[m->answer_count].message))
            m->answer[m->answer_count++].link = i;
    }
}

bool mesh_pump(struct mesh *m, int64_t ms, bool (*is_done)(const struct mesh *m))
{
    int64_t due_ms = clock_now_ms() + ms;

    do {
        if (is_done && is_done(m))
            return true;
        turn(m);
    } while (clock_now_ms() < due_ms);
    return is_done && is_done(m);
}

bool mesh_await_seen(struct mesh *m, size_t count, int64_t ms)
{
    int64_t due_ms = clock_now_ms() + ms;

    while (m->seen_count < count && clock_now_ms() < due_ms)
        turn(m);
    return m->seen_count >= count;
}

bool mesh_await_answers(struct mesh *m, size_t count, int64_t ms)
{
    int64_t due_ms = clock_now_ms() + ms;

    while (m->answer_count < count && clock_now_ms() < due_ms)
        turn(m);
    return m->answer_count >= count;
}

void mesh_forget(struct mesh *m)
{
    m->seen_count = 0;
    m->answer_count = 0;
}

bool mesh_say(struct mesh *m, size_t link, uint64_t member, const struct wire_message *message)
{
    int64_t due_ms = clock_now_ms() + 10000;
    size_t before = m->seen_count;

    /* A session that is cut takes what was under way with it: like every sender, say it again. */
    while (clock_now_ms() < due_ms) {
        if (!link_send(m->link[link], member, message))
            turn(m);
        else if (mesh_await_seen(m, before + 1, 1000))
            return true;
    }
    return false;
}

struct wire_message mesh_hello(struct str node)
{
    return (struct wire_message){.kind = WIRE_HELLO,
                                 .hello = {.node = node, .version = STR("0"), .boot_id = STR("b")}};
}

size_t mesh_agent(struct mesh *m, const char *name, struct key_pair *out_pair)
{
    struct wire_message hello = mesh_hello(str_from(name));

    *out_pair = key_pair_new();
    for (size_t i = 0; i < m->hub_count; i++)
        hub_admit(m->hub[i], DOOR_AGENT, &out_pair->public_key, str_from(name), STR("agent"));
    size_t link = mesh_link(m, DOOR_AGENT, out_pair);
    for (size_t i = 0; i < m->hub_count; i++) {
        if (!mesh_say(m, link, i + 1, &hello))
            hl_die("agent %s does not get through", name);
    }
    return link;
}

struct wire_hub_stats mesh_stats(const struct mesh *m, size_t hub)
{
    struct wire_hub_stats stats;

    hub_stats_get(m->hub[hub], clock_now_ms(), &stats);
    return stats;
}
