/*
 * Figure 8 of the Raft paper, played on Debian's libraft with its own in-memory fixture.
 *
 * Three servers. s0 appends A alone; s1, elected by s2, appends B alone; s0 is elected again and
 * replicates A, which is of an older term, to s2: a majority holds it. The paper forbids to call A
 * committed for that (section 5.4.2). A library that does so lets s1 be elected afterwards, by s2,
 * without A, and two servers apply different commands at one index.
 *
 * Built and run by figure8.sh. Exit 1: the library let it happen; 0: it did not; 2: the course of
 * events could not be set up.
 */
#include <raft.h>
#include <raft/fixture.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS = 3, LOG_MAX = 64, PAUSE_MS = 5000, PATIENCE_MS = 120000 };

struct server {
    struct raft *raft;
    char applied[LOG_MAX]; /* what its state machine saw, by index */
};

static struct server servers[SERVERS];
static struct raft_fsm machines[SERVERS];
static struct raft_fixture fixture;

static int apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result)
{
    struct server *s = fsm->data;
    raft_index index = s->raft->last_applied + 1;

    if (index < LOG_MAX)
        s->applied[index] = *(const char *)buffer->base;
    *result = NULL;
    return 0;
}

static int no_snapshot(struct raft_fsm *fsm, struct raft_buffer *buffers[], unsigned *count)
{
    (void)fsm;
    (void)buffers;
    *count = 0;
    return 0;
}

static int no_restore(struct raft_fsm *fsm, struct raft_buffer *buffer)
{
    (void)fsm;
    (void)buffer;
    return 0;
}

static void answered(struct raft_apply *request, int status, void *result)
{
    (void)request;
    (void)status;
    (void)result;
}

static void submit(unsigned server, char command)
{
    struct raft_apply *request = raft_malloc(sizeof(*request));
    struct raft_buffer buffer = {.base = raft_malloc(8), .len = 8};

    memset(buffer.base, 0, 8);
    *(char *)buffer.base = command;
    raft_apply(raft_fixture_get(&fixture, server), request, &buffer, 1, answered);
}

static void cut(unsigned a, unsigned b)
{
    raft_fixture_saturate(&fixture, a, b);
    raft_fixture_saturate(&fixture, b, a);
}

static void join(unsigned a, unsigned b)
{
    raft_fixture_desaturate(&fixture, a, b);
    raft_fixture_desaturate(&fixture, b, a);
}

/* `favourite` campaigns first. False if it never leads. */
static int elect(unsigned favourite)
{
    for (unsigned i = 0; i < SERVERS; i++)
        raft_fixture_set_randomized_election_timeout(&fixture, i, i == favourite ? 1000 : 2000);
    return raft_fixture_step_until_state_is(&fixture, favourite, RAFT_LEADER, PATIENCE_MS);
}

static int begin(void)
{
    struct raft_configuration members;

    if (raft_fixture_initialize(&fixture) != 0)
        return 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        machines[i] = (struct raft_fsm){.version = 1,
                                        .data = &servers[i],
                                        .apply = apply,
                                        .snapshot = no_snapshot,
                                        .restore = no_restore};
        if (raft_fixture_grow(&fixture, &machines[i]) != 0)
            return 0;
        servers[i].raft = raft_fixture_get(&fixture, i);
    }
    if (raft_fixture_configuration(&fixture, SERVERS, &members) != 0 ||
        raft_fixture_bootstrap(&fixture, &members) != 0 || raft_fixture_start(&fixture) != 0)
        return 0;
    raft_configuration_close(&members);
    raft_fixture_elect(&fixture, 0);
    for (int i = 0; i < 60; i++)
        raft_fixture_step(&fixture);
    return 1;
}

static void say(const char *what)
{
    printf("%s\n", what);
    for (unsigned i = 0; i < SERVERS; i++)
        printf("    s%u term %llu, last index %llu, commit index %llu, index 2 is %c\n", i,
               servers[i].raft->current_term, raft_last_index(servers[i].raft),
               servers[i].raft->commit_index, servers[i].applied[2] ? servers[i].applied[2] : '-');
}

int main(void)
{
    if (!begin())
        return 2;
    cut(0, 1);
    cut(0, 2);
    submit(0, 'A');
    if (!elect(1))
        return 2;
    cut(1, 2);
    submit(1, 'B');
    say("(a, b) s0 holds A of the first term, s1 holds B of the next; nobody else has either");
    raft_fixture_step_until_elapsed(&fixture, PAUSE_MS);
    join(0, 2);
    if (!elect(0))
        return 2;
    raft_fixture_step_until_applied(&fixture, 0, 2, PAUSE_MS);
    raft_fixture_step_until_applied(&fixture, 2, 2, PAUSE_MS);
    say("(c) s0 leads again and has replicated A to s2");
    cut(0, 2);
    raft_fixture_step_until_elapsed(&fixture, PAUSE_MS);
    join(1, 2);
    if (!elect(1)) {
        say("(d) s1 is not elected any more");
        printf("safe: a later entry protects A\n");
        return 0;
    }
    say("(d) s1 was elected by s2");
    if (servers[0].applied[2] != 'A' || servers[2].applied[2] != 'A') {
        printf("safe: nobody had applied A\n");
        return 0;
    }
    printf("unsafe: s0 and s2 applied A, and s1, which never had it, leads\n");
    return 1;
}
