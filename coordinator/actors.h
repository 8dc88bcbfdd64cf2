/*
 * The coordinator's actors: each a thread that runs until MSG_STOP. The context structs are filled
 * by main.c and belong to it; an actor is the only one to touch what its context owns.
 */
#ifndef HL_COORDINATOR_ACTORS_H
#define HL_COORDINATOR_ACTORS_H

#include "coordinator/config.h"
#include "coordinator/messages.h"
#include "coordinator/standing.h"
#include "core/sched/sched.h"
#include "edge/gitsrc/gitsrc.h"
#include "edge/store/blobs.h"
#include "edge/store/log.h"

struct mesh_context {
    struct boxes *boxes;
    const struct roster *roster;
    struct wire_hub *hub;
    struct raft *raft;
    struct standing *standing;
};
void *mesh_run(void *context);

struct disk_context {
    struct boxes *boxes;
    struct store_log *log;
};
void *disk_run(void *context);

struct keeper_context {
    struct boxes *boxes;
    struct store_dir *dir;
};
void *keeper_run(void *context);

struct source_context {
    struct boxes *boxes;
    const struct coordinator_config *config;
    struct gitsrc *git;
    struct charts *charts;
};
void *source_run(void *context);

struct fleet_context {
    struct boxes *boxes;
    const struct coordinator_config *config;
    const struct roster *roster;
    struct store_log *log;
    struct statedb *db;
    struct blobs *blobs;
    struct raft_members founders;
};
void *fleet_run(void *context);

#endif
