/*
 * The coordinator's actors: each a thread that runs until MSG_STOP. The context structs are filled
 * by main.c and belong to it; an actor is the only one to touch what its context owns.
 */
#ifndef HL_COORDINATOR_ACTORS_H
#define HL_COORDINATOR_ACTORS_H

#include "coordinator/config.h"
#include "coordinator/messages.h"
#include "core/sched/sched.h"
#include "edge/gitsrc/gitsrc.h"
#include "edge/store/log.h"
#include "edge/store/statedb.h"

struct net_context {
    struct boxes *boxes;
    struct wire_hub *hub;
};
void *net_run(void *context);

struct consensus_context {
    struct boxes *boxes;
    struct raft *raft;
};
void *consensus_run(void *context);

struct disk_context {
    struct boxes *boxes;
    struct store_log *log;
};
void *disk_run(void *context);

struct source_context {
    struct boxes *boxes;
    const struct coordinator_config *config;
    struct gitsrc *git;
};
void *source_run(void *context);

struct fleet_context {
    struct boxes *boxes;
    const struct coordinator_config *config;
    const struct roster *roster;
    struct store_log *log;
    struct statedb *db;
    uint64_t applied_index;
};
void *fleet_run(void *context);

#endif
