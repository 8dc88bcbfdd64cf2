/* hl-agent: configuration, identity, two actors, a signal. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "edge/actor/log.h"

#define CHARTS_BYTES ((uint64_t)256 << 20) /* of archives, on the disk */

struct agent {
    struct arena *arena;
    struct agent_config config;
    struct roster roster;
    struct identity identity;
    struct wire_link *link;
    struct destination destination;
    struct cache *charts;
};

static int open_destination(struct agent *g, struct err *err)
{
    if (g->config.is_git)
        return destination_open_git(&g->config.git, &g->destination, err);
    return destination_open_kube(g->config.kubeconfig, g->config.node, &g->destination, err);
}

static int open_all(struct agent *g, struct str path, struct err *err)
{
    int r = agent_config_load(path, g->arena, &g->config, err);

    if (r == 0)
        r = roster_load(g->config.roster_path, g->config.mesh, g->arena, &g->roster, err);
    if (r == 0 && mkdir(arena_cstr(g->arena, g->config.dir), 0700) != 0 && errno != EEXIST)
        r = err_errno(err, HL_EIO, "cannot make " STR_FMT, STR_ARG(g->config.dir));
    if (r == 0)
        r = open_destination(g, err);
    if (r == 0)
        r = cache_open(arena_concat(g->arena, g->config.dir, STR("/charts")), CHARTS_BYTES,
                       &g->charts, err);
    if (r == 0)
        r = enrol(&g->config, &g->roster, g->arena, &g->identity, err);
    if (r == 0)
        r = link_open(&g->roster, DOOR_AGENT, &g->identity.pair, &g->link, err);
    return r;
}

static void stop(struct mailbox *box, struct actor *actor)
{
    struct msg *m = msg_new(AGENT_STOP, false);

    while (mailbox_post(box, m) == MAILBOX_FULL)
        clock_sleep_ms(1);
    actor_join(actor);
    mailbox_close(box);
}

static void serve(struct agent *g, int signal_fd)
{
    struct mailbox *session_box = mailbox_new(1024);
    struct mailbox *role_box = mailbox_new(1024);
    struct session_context session = {&g->config, &g->roster, g->link, session_box, role_box};
    struct role_context role = {g->destination, g->charts, g->config.cluster, role_box,
                                session_box};
    struct actor *session_actor = actor_start("session", session_run, &session);
    struct actor *role_actor = actor_start("role", role_run, &role);

    log_info("started", "node=" STR_FMT " version=%s", STR_ARG(g->config.node), HL_VERSION);
    for (int number = 0; number != SIGTERM && number != SIGINT;) {
        struct pollfd in = {.fd = signal_fd, .events = POLLIN};
        if (poll(&in, 1, -1) > 0)
            number = signals_take(signal_fd);
    }
    log_info("stopping", "node=" STR_FMT, STR_ARG(g->config.node));
    stop(role_box, role_actor);
    stop(session_box, session_actor);
    mailbox_free(session_box);
    mailbox_free(role_box);
}

static int run(struct str path)
{
    struct agent g = {.arena = arena_new()};
    char line[ERR_LINE_MAX];
    struct err err;

    keys_init();
    keys_harden_process();
    int r = open_all(&g, path, &err);
    int signal_fd = signals_open();
    if (r < 0)
        fprintf(stderr, "hl-agent: %s\n", err_line(&err, line));
    else
        serve(&g, signal_fd);
    close(signal_fd);
    if (g.destination.free)
        g.destination.free(g.destination.context);
    cache_close(g.charts);
    link_close(g.link);
    keys_wipe(&g.identity, sizeof(g.identity));
    arena_free(g.arena);
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("hl-agent %s\n", HL_VERSION);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--config") == 0)
        return run(str_from(argv[2]));
    fprintf(stderr, "usage: hl-agent --config FILE | --version\n"
                    "The file is described in agent/config.h.\n");
    return 2;
}
