/*
 * hl-coordinator: builds and wires everything, then waits for a signal.
 *
 * Order matters twice. Everything that can refuse (configuration, keys, stores, ports) does so
 * before a thread starts, so that a refusal harms nothing; and actors are stopped in the order in
 * which they feed each other, so that nothing is posted to a thread that is gone.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/actors.h"
#include "coordinator/web.h"
#include "core/state/state.h"
#include "edge/actor/log.h"

struct coordinator {
    struct arena *arena;
    struct coordinator_config config;
    struct roster roster;
    struct coordinator_keys keys;
    struct store_dir *store;
    struct store_log *log;
    struct statedb *db;
    struct blobs *blobs;
    struct charts *charts;
    struct raft_members founders;
    struct raft *raft;
    struct standing *standing;
    struct wire_hub *hub;
    struct gitsrc *git;
    struct web *web;
    struct boxes boxes;
};

bool post_surely(struct mailbox *box, struct msg *m)
{
    enum mailbox_outcome outcome;

    while ((outcome = mailbox_post(box, m)) == MAILBOX_FULL)
        clock_sleep_ms(1);
    if (outcome == MAILBOX_CLOSED)
        msg_free(m);
    return outcome == MAILBOX_POSTED;
}

static int make_folder(struct coordinator *c, struct err *err)
{
    const char *dir = arena_cstr(c->arena, c->config.dir);

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_errno(err, HL_EIO, "cannot make the folder %s", dir);
    return 0;
}

static int open_stores(struct coordinator *c, struct raft_recovered *recovered, struct err *err)
{
    struct store_identity identity = {str_from(c->roster.mesh), c->config.member};

    int r = make_folder(c, err);
    if (r == 0)
        r = store_dir_open(c->config.dir, &identity, &c->store, err);
    if (r == 0)
        r = statedb_open(c->store, &c->db, err);
    if (r == 0)
        r = blobs_open(c->store, &c->blobs, err);
    if (r == 0)
        r = log_open(c->store, NULL, statedb_base(c->db), &c->log, recovered, err);
    if (r < 0)
        return r;
    recovered->base = *statedb_base(c->db);
    recovered->applied_index = recovered->base.index;
    return 0;
}

static int read_entries(void *context, uint64_t first, size_t max_count, size_t max_bytes,
                        struct arena *a, struct raft_entry **out, size_t *out_count,
                        struct err *err)
{
    struct coordinator *c = context;

    return log_read(c->log, first, max_count, max_bytes, a, out, out_count, err);
}

static int read_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                      struct arena *a, struct str *out_data, struct str *out_next,
                      bool *out_is_last, struct err *err)
{
    struct coordinator *c = context;

    return statedb_read_piece(c->db, id, cursor, max_bytes, a, out_data, out_next, out_is_last,
                              err);
}

/* Whoever came later waits until it is called: it founds nothing. */
static void find_founders(struct coordinator *c)
{
    for (size_t i = 0; i < c->roster.founder_count; i++)
        c->founders.member[c->founders.count++] =
            (struct raft_member){.id = c->roster.founder[i], .is_voter = true};
    if (!roster_is_founder(&c->roster, c->config.member))
        c->founders.count = 0;
}

static int open_raft(struct coordinator *c, const struct raft_recovered *recovered, struct err *err)
{
    enum { NEWS_MS = 5, STALL_MS = 10000 /* a card's pauses of seconds are no reason to leave */ };
    struct raft_config config = {
        .id = c->config.member,
        .seed = keys_random_u64(),
        .heartbeat_ms = c->config.heartbeat_ms,
        .election_ms = c->config.election_ms,
        .news_ms = NEWS_MS,
        .stall_ms = STALL_MS > c->config.election_ms ? STALL_MS : c->config.election_ms,
        .founders = c->founders,
        .storage = {c, read_entries, read_piece},
    };

    return raft_new(&config, recovered, clock_now_ms(), &c->raft, err);
}

static int open_git(struct coordinator *c, struct err *err)
{
    struct gitsrc_config config = {
        .dir = arena_concat(c->arena, c->config.dir, STR("/fleet.git")),
        .url = c->config.git.url,
        .branch = c->config.git.ref,
        .auth = {.ssh_key_file = c->config.git.ssh_key_path,
                 .ssh_known_hosts_file = c->config.git.known_hosts_path,
                 .http_token_file = c->config.git.token_path,
                 .ca_file = c->config.git.ca_path},
    };
    struct str user = STR_NONE;
    int r = 0;

    if (c->config.git.username_path.len > 0)
        r = file_read(c->config.git.username_path, c->arena, &user, err);
    config.auth.http_user = str_trim(user);
    if (r == 0)
        r = gitsrc_open(&config, &c->git, err);
    return r < 0 ? r : charts_open(&c->config, c->blobs, &c->charts, err);
}

/* Whoever is enrolled must be known before the first handshake is answered (the mesh actor does
 * that, and does not run yet): libzmq's clients take a refusal for good. */
static int admit_enrolled(struct coordinator *c, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str cursor = STR_NONE;
    struct state_agent agent;
    struct key key;
    int r;

    while ((r = state_agent_next(statedb_reader(c->db), &cursor, a, &agent, err)) == KV_FOUND) {
        if (str_eq(agent.status, STR("active")) && key_parse(agent.key, &key))
            hub_admit(c->hub, DOOR_AGENT, &key, agent.node, STR("agent"));
    }
    return r < 0 ? r : 0;
}

static bool is_empty(const struct raft_recovered *r)
{
    return r->hard.term == 0 && r->last_index == 0 && r->base.index == 0;
}

static int open_all(struct coordinator *c, struct str config_path, struct err *err)
{
    struct raft_recovered recovered;

    int r = coordinator_config_load(config_path, c->arena, &c->config, err);
    if (r == 0)
        r = roster_load(c->config.roster_path, c->config.mesh, c->arena, &c->roster, err);
    if (r < 0)
        return r;
    const struct roster_member *self = roster_find(&c->roster, c->config.member);
    if (!self)
        return err_at(err, HL_EINVAL, config_path, 0, 0, "member %llu is not in the roster",
                      (unsigned long long)c->config.member);
    find_founders(c);
    r = coordinator_keys_load(c->config.secret_path, self, &c->keys, err);
    if (r == 0)
        r = open_stores(c, &recovered, err);
    if (r == 0)
        r = open_raft(c, &recovered, err);
    if (r == 0)
        r = standing_open(c->config.dir, &c->roster, c->config.member, is_empty(&recovered),
                          &c->standing, err);
    if (r == 0)
        r = open_git(c, err);
    struct wire_hub_config hub = {&c->roster, c->config.member, &c->keys};
    if (r == 0)
        r = hub_open(&hub, &c->hub, err);
    if (r == 0)
        r = admit_enrolled(c, err);
    if (r == 0 && c->config.webhook.listen.len > 0)
        r = web_open(&c->config, &c->boxes, &c->web, err);
    keys_wipe(&c->keys, sizeof(c->keys)); /* libzmq has its own copies now */
    return r;
}

static void close_all(struct coordinator *c)
{
    web_close(c->web);
    hub_close(c->hub);
    gitsrc_free(c->git);
    raft_free(c->raft);
    standing_free(c->standing);
    log_close(c->log);
    charts_close(c->charts);
    blobs_close(c->blobs);
    statedb_close(c->db);
    store_dir_close(c->store);
    mailbox_free(c->boxes.mesh);
    mailbox_free(c->boxes.disk);
    mailbox_free(c->boxes.keeper);
    mailbox_free(c->boxes.fleet);
    mailbox_free(c->boxes.source);
    arena_free(c->arena);
}

static void stop(struct mailbox *box, struct actor *actor)
{
    struct msg *m = msg_new(MSG_STOP, false);

    while (mailbox_post(box, m) == MAILBOX_FULL)
        clock_sleep_ms(1);
    mailbox_close(box);
    actor_join(actor);
}

static void wait_for_signal(int fd)
{
    for (;;) {
        struct pollfd in = {.fd = fd, .events = POLLIN};
        int number = 0;

        if (poll(&in, 1, -1) > 0)
            number = signals_take(fd);
        if (number == SIGTERM || number == SIGINT)
            return;
    }
}

static void serve(struct coordinator *c, int signal_fd)
{
    struct mesh_context mesh = {&c->boxes, &c->roster, c->hub, c->raft, c->standing};
    struct disk_context disk = {&c->boxes, c->log};
    struct keeper_context keeper = {&c->boxes, c->store};
    struct source_context source = {&c->boxes, &c->config, c->git, c->charts};
    struct fleet_context fleet = {&c->boxes, &c->config, &c->roster, c->log,
                                  c->db,     c->blobs,   c->founders};

    struct actor *disk_actor = actor_start("disk", disk_run, &disk);
    struct actor *keeper_actor = actor_start("keeper", keeper_run, &keeper);
    struct actor *mesh_actor = actor_start("mesh", mesh_run, &mesh);
    struct actor *fleet_actor = actor_start("fleet", fleet_run, &fleet);
    struct actor *source_actor = actor_start("source", source_run, &source);
    const struct roster_member *self = roster_find(&c->roster, c->config.member);
    log_info("started", "member=%llu name=" STR_FMT " mesh=%s base=%llu version=%s",
             (unsigned long long)c->config.member, STR_ARG(self->name), c->roster.mesh,
             (unsigned long long)statedb_base(c->db)->index, HL_VERSION);

    wait_for_signal(signal_fd);
    log_info("stopping", "member=%llu", (unsigned long long)c->config.member);
    web_close(c->web);
    c->web = NULL;
    stop(c->boxes.source, source_actor);
    stop(c->boxes.keeper, keeper_actor); /* what it has of the fleet actor's comes back */
    stop(c->boxes.fleet, fleet_actor);
    stop(c->boxes.mesh, mesh_actor);
    stop(c->boxes.disk, disk_actor);
}

static int run(struct str config_path)
{
    enum { BOX = 8192, LARGE_BYTES = 256 << 10 };
    struct coordinator c = {.arena = arena_new()};
    char line[ERR_LINE_MAX];
    struct err err;

    /* Large chunks go back to the system when they are freed, however often that was before. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    keys_init();
    keys_harden_process();
    int signal_fd = signals_open();
    c.boxes = (struct boxes){mailbox_new(BOX), mailbox_new(BOX), mailbox_new(64), mailbox_new(BOX),
                             mailbox_new(64)};
    int r = open_all(&c, config_path, &err);
    if (r < 0)
        fprintf(stderr, "hl-coordinator: %s\n", err_line(&err, line));
    else
        serve(&c, signal_fd);
    close_all(&c);
    close(signal_fd);
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("hl-coordinator %s\n", HL_VERSION);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--config") == 0)
        return run(str_from(argv[2]));
    fprintf(stderr, "usage: hl-coordinator --config FILE | --version\n"
                    "The file is described in coordinator/config.h.\n");
    return 2;
}
