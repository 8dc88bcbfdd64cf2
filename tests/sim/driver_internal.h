/* The inside of the driver, for driver.c, faults.c and habits.c only. */
#ifndef HL_TESTS_SIM_DRIVER_INTERNAL_H
#define HL_TESTS_SIM_DRIVER_INTERNAL_H

#include <stdio.h>

#include "sim/driver.h"

enum stream { STREAM_NET, STREAM_DISK, STREAM_FAULT, STREAM_NEMESIS, STREAM_LOAD, STREAM_COUNT };

/* Up to COMING_WAKE they are somebody's own, and wait while that one is stopped. */
enum coming_what { COMING_MESSAGE, COMING_ACTION, COMING_WAKE, COMING_FAULT, COMING_PERSON };
enum person { PERSON_CLIENT, PERSON_AGENT, PERSON_PLANNER, PERSON_ADMIN };

struct coming {
    int64_t at_us;
    uint64_t order;
    enum coming_what what;
    size_t slot; /* SLOTS or more: nobody's */
    uint64_t life;
    size_t from; /* of a message */
    enum fault fault;
    enum person person;
    size_t number; /* of the person */
    struct action action;
};

/* What the driver has under way for a member, in its present life. */
struct pace {
    uint64_t life;
    bool is_syncing;
    bool is_installing;
    bool is_saving;
    bool is_applying;
    bool is_starting;
    int64_t wake_us; /* of the earliest wake in the heap; 0: none */
    int64_t paused_until_us;
    int64_t slow_until_us;
    bool is_stalled; /* its next write will be */
};

struct driver {
    struct swarm swarm;
    struct world *world;
    struct buf *trace;
    bool is_scripted;
    bool is_calm;
    bool has_future; /* the log holds, or may hold, a command of the next version */
    bool is_left_out[SLOTS];
    struct rng rng[STREAM_COUNT];
    struct coming *heap;
    size_t heap_count;
    size_t heap_cap;
    uint64_t order;
    size_t actions;
    size_t message_seen;
    size_t under_way[SLOTS][SLOTS];
    int64_t cut_until_us[SLOTS][SLOTS];
    struct pace pace[SLOTS];
    size_t changes_asked; /* of the members, on their way */
    uint64_t next_id;     /* for a member that replaces another */
    uint64_t count[FAULT_COUNT];

    /* what the nemesis watches */
    uint64_t elections;
    size_t committed;
    uint64_t installs;
    uint64_t changes;
    bool is_striking;

    /* habits */
    int64_t asked_us[MODEL_CLIENTS];
    unsigned tries[MODEL_CLIENTS];
    int64_t silent_until_us[MODEL_AGENTS];
};

void driver_push(struct driver *d, struct coming c);
void driver_act(struct driver *d, struct action a);
void driver_act_at(struct driver *d, int64_t at_us, size_t slot, struct action a);
int64_t driver_between(struct driver *d, enum stream s, int64_t low, int64_t high);
bool driver_chance(struct driver *d, enum stream s, unsigned permille);
bool driver_has(const struct driver *d, enum fault f);

/* faults.c */
void faults_begin(struct driver *d);
void faults_strike(struct driver *d, enum fault f);
void faults_watch(struct driver *d); /* the nemesis, after every action */

/* habits.c */
void habits_begin(struct driver *d);
void habits_turn(struct driver *d, const struct coming *c);

#endif
