/*
 * hlctl as a process against coordinators that a test makes up: keys of a mesh of three in a folder
 * of its own, their doors open in a child process, and a function there that answers. One mesh for
 * each test program; its functions are in this header, because each of them is one file.
 *
 * Threads: none; the child ends with mesh_stop.
 */
#ifndef HL_TESTS_UNIT_HLCTL_MESH_H
#define HL_TESTS_UNIT_HLCTL_MESH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/value/json.h"
#include "edge/wire/hub.h"

enum { MESH_MEMBERS = 3, MESH_PORTS_APART = 4, MESH_COMMAND_MAX = 4096 };

/* A request came to member `at` (from 0); answer with hub_answer. Runs in the child. */
typedef void (*mesh_answer)(void *context, size_t at, struct wire_hub *const hub[MESH_MEMBERS],
                            const struct wire_inbound *in, struct arena *a);

struct run {
    int exit;
    char out[40000]; /* NUL-terminated, cut */
    char err[4000];
    double seconds;
};

static char mesh_dir[] = "/tmp/hlctl-online-XXXXXX"; /* mesh/mesh.json is the roster */
static char mesh_id[MESH_TEXT_MAX];                  /* the fingerprint */
static pid_t mesh_child;

/* ---- coordinators ---- */

static inline void mesh_open_hubs(const bool is_there[MESH_MEMBERS],
                                  struct wire_hub *hub[MESH_MEMBERS])
{
    static struct arena *keep; /* the roster must outlive the hubs */
    static struct roster roster;
    char path[200];
    struct err err;

    keep = arena_new();
    snprintf(path, sizeof path, "%s/mesh/mesh.json", mesh_dir);
    if (roster_load(str_from(path), str_from(mesh_id), keep, &roster, &err) != 0)
        hl_die("roster: %s", err.text);
    for (size_t i = 0; i < MESH_MEMBERS; i++) {
        struct coordinator_keys keys;
        struct wire_hub_config config = {.roster = &roster, .member = i + 1, .keys = &keys};
        if (!is_there[i])
            continue;
        snprintf(path, sizeof path, "%s/mesh/c%zu/coordinator.key", mesh_dir, i + 1);
        if (coordinator_keys_load(str_from(path), &roster.member[i], &keys, &err) != 0 ||
            hub_open(&config, &hub[i], &err) != 0)
            hl_die("coordinator %zu: %s", i + 1, err.text);
    }
}

/* The child: serves until it is killed. `ready` is closed when the doors are open. */
static inline void mesh_serve(const bool is_there[MESH_MEMBERS], mesh_answer answer, void *context,
                              int ready)
{
    struct wire_hub *hub[MESH_MEMBERS] = {0};
    struct arena *a = arena_new();
    struct timespec now;

    mesh_open_hubs(is_there, hub);
    close(ready);
    for (;;) {
        for (size_t i = 0; i < MESH_MEMBERS; i++) {
            struct wire_inbound in;
            if (!hub[i])
                continue;
            hub_wait(hub[i], -1, 2);
            clock_gettime(CLOCK_MONOTONIC, &now);
            while (hub_next(hub[i], now.tv_sec * 1000 + now.tv_nsec / 1000000, a, &in))
                if (in.kind == WIRE_IN_MESSAGE && in.message.kind == WIRE_REQUEST)
                    answer(context, i, hub, &in, a);
            arena_reset(a);
        }
    }
}

/* Opens the doors of those that are there, and returns when they are. */
static inline void mesh_start(const bool is_there[MESH_MEMBERS], mesh_answer answer, void *context)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    mesh_child = fork();
    assert_true(mesh_child >= 0);
    if (mesh_child == 0) {
        close(ready[0]);
        mesh_serve(is_there, answer, context, ready[1]);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0);
    close(ready[0]);
}

static inline void mesh_stop(void)
{
    if (mesh_child > 0) {
        kill(mesh_child, SIGKILL);
        waitpid(mesh_child, NULL, 0);
        mesh_child = 0;
    }
}

/* ---- hlctl ---- */

/* A file of the folder, cut. A file that is not there is empty. */
static inline void mesh_read(const char *name, char *out, size_t size)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", mesh_dir, name);
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(out, 1, size - 1, file) : 0;
    out[n] = '\0';
    if (file)
        fclose(file);
}

/* Runs `hlctl ARGUMENTS` by a shell in the folder. The result is that of the last run. */
static inline struct run *hlctl(const char *arguments)
{
    static struct run r;
    char command[MESH_COMMAND_MAX];
    struct timespec from;
    struct timespec to;

    snprintf(command, sizeof command,
             "cd %s && export HLCTL_CONFIG=%s/mesh/hlctl.yaml XDG_CACHE_HOME=%s/cache && { timeout "
             "40 " HL_BIN_DIR "/hlctl %s; } >out 2>err",
             mesh_dir, mesh_dir, mesh_dir, arguments);
    clock_gettime(CLOCK_MONOTONIC, &from);
    int status = system(command);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(WIFEXITED(status));
    r.exit = WEXITSTATUS(status);
    r.seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    mesh_read("out", r.out, sizeof r.out);
    mesh_read("err", r.err, sizeof r.err);
    return &r;
}

static inline void expect_in(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* Runs it, and holds exit code and stdout to what is wanted; NULL: whatever it says. */
static inline struct run *expect(const char *arguments, int exit, const char *out)
{
    struct run *r = hlctl(arguments);

    if (r->exit != exit || (out && strcmp(r->out, out) != 0))
        fail_msg("hlctl %s: exit %d, not %d\n%s%s", arguments, r->exit, exit, r->out, r->err);
    return r;
}

/* A complaint has all its lines: what with its code, why, what to do next. */
static inline void expect_trouble(const struct run *r, const char *code, const char *why)
{
    if (strncmp(r->err, "error: ", 7) != 0)
        fail_msg("no error: %s", r->err);
    expect_in(r->err, code);
    expect_in(r->err, "\n  why   ");
    expect_in(r->err, why);
    expect_in(r->err, "\n  next  ");
}

/* ---- the mesh ---- */

static inline bool mesh_is_port_free(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return is_free;
}

static inline int mesh_free_ports(void)
{
    for (int base = 20000 + (int)(getpid() % 1000) * 12; base < 60000; base += MESH_MEMBERS * 4) {
        bool is_free = true;
        for (int i = 0; i < MESH_MEMBERS * MESH_PORTS_APART; i++)
            is_free = is_free && mesh_is_port_free(base + i);
        if (is_free)
            return base;
    }
    return -1;
}

/* Setup and teardown of the group, in the form of cmocka. */
static inline int mesh_make(void **state)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *facts = NULL;
    char command[500];
    int base = mesh_free_ports();
    struct err err;

    (void)state;
    if (!mkdtemp(mesh_dir) || base < 0)
        return -1;
    snprintf(command, sizeof command,
             "keygen mesh mesh -o json --coordinator c1=127.0.0.1:%d --coordinator "
             "c2=127.0.0.1:%d --coordinator c3=127.0.0.1:%d",
             base, base + MESH_PORTS_APART, base + 2 * MESH_PORTS_APART);
    struct run *r = hlctl(command);
    if (r->exit != 0 || json_read(a, str_from(r->out), STR("out"), &facts, &err) != 0)
        return -1;
    snprintf(mesh_id, sizeof mesh_id, STR_FMT, STR_ARG(value_get_str(facts, "mesh")));
    return 0;
}

static inline int mesh_remove(void **state)
{
    char command[200];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", mesh_dir);
    return system(command);
}

#endif
