/*
 * Hubs and links in one thread on loopback, for the tests of edge/wire: the roster is made in
 * memory, ports are the system's choice, and mesh_pump turns every loop until something happens.
 *
 * Threads: one (libzmq's own aside). What cannot be set up ends the test.
 */
#ifndef HL_TESTS_SUPPORT_WIRE_MESH_H
#define HL_TESTS_SUPPORT_WIRE_MESH_H

#include "edge/wire/hub.h"
#include "edge/wire/link.h"

enum { MESH_HUBS_MAX = 3, MESH_LINKS_MAX = 64, MESH_SEEN_MAX = 4096 };

struct mesh_seen {
    struct wire_inbound in; /* at a hub; strings live as long as the mesh */
    size_t hub;
};

struct mesh_answer {
    struct wire_message message; /* at a link */
    uint64_t member;
    size_t link;
};

struct mesh {
    struct arena *arena;
    struct roster roster; /* with the real ports */
    struct coordinator_keys keys[MESH_HUBS_MAX];
    struct wire_hub *hub[MESH_HUBS_MAX];
    size_t hub_count;
    struct wire_link *link[MESH_LINKS_MAX];
    size_t link_count;
    struct mesh_seen *seen;
    size_t seen_count;
    struct mesh_answer *answer;
    size_t answer_count;
};

/* One hub listens on ports of the system's choice; several on free ones found before. */
struct mesh *mesh_new(size_t hub_count);
void mesh_free(struct mesh *m);
HL_DEFINE_FREEP(mesh_free, struct mesh)

/* Opens hub i again; returns what hub_open did. */
int mesh_open_hub(struct mesh *m, size_t i, struct err *err);
size_t mesh_link(struct mesh *m, enum door door, const struct key_pair *pair);
/* Turns every loop for at most `ms`, or until `is_done` says so. True if it did. */
bool mesh_pump(struct mesh *m, int64_t ms, bool (*is_done)(const struct mesh *m));
/* Until `count` messages of hubs, or answers at links, are there. */
bool mesh_await_seen(struct mesh *m, size_t count, int64_t ms);
bool mesh_await_answers(struct mesh *m, size_t count, int64_t ms);
void mesh_forget(struct mesh *m);

/* Says it until a hub has it, once a second; false after 10 s. */
bool mesh_say(struct mesh *m, size_t link, uint64_t member, const struct wire_message *message);
/* An agent: key admitted at every hub, link opened, hello said. */
size_t mesh_agent(struct mesh *m, const char *name, struct key_pair *out_pair);
struct wire_message mesh_hello(struct str node);
struct wire_hub_stats mesh_stats(const struct mesh *m, size_t hub);

#endif
