/*
 * The simulated world: coordinators with their disks, state machines and schedules, the messages
 * under way, clients and agents. It moves only by actions (action.h) and draws no random number:
 * the same configuration and the same actions give the same history.
 *
 * A coordinator is what the program is, with its actors replaced: raft_step; a disk that writes in
 * order and makes durable when told; a state machine that applies committed entries when told; an
 * image of the state as base for snapshots; requests that wait for their entry or read index; on
 * the leader the schedule of core/sched.
 *
 * What a crash leaves: of the writes that were not durable as many as the action says, the last of
 * them perhaps torn; the applied state (as after a killed process) or only the base (as after a
 * power cut). A store that was refused goes on as another, empty member.
 *
 * Ownership: the world owns everything. Messages and entries live in its arena until it ends, so
 * any message may come again at any time.
 */
#ifndef HL_TESTS_SIM_WORLD_H
#define HL_TESTS_SIM_WORLD_H

#include "core/sched/sched.h"
#include "sim/action.h"
#include "sim/check.h"
#include "sim/model.h"
#include "sim/store.h"
#include "support/linear.h"

enum { LEASES_KEPT = 8, CLIENT_KEYS = 4 };

struct world_config {
    uint64_t seed;
    size_t founder_count;
    size_t slot_count; /* founders and spare coordinators, which begin without members */
    size_t client_count;
    size_t agent_count;
    size_t app_count;
    int64_t heartbeat_ms; /* these as in struct raft_config */
    int64_t election_ms;
    int64_t stall_ms;
    int64_t news_ms;
    size_t cache_bytes_max;
    size_t inflight_bytes_max;
    size_t uncommitted_bytes_max;
    uint64_t keep_bytes;
    int64_t lost_after_ms;  /* of agents */
    size_t piece_bytes_max; /* of snapshots */
    bool is_history_kept;   /* for linear_check */
};

/* A durable image of a state machine. */
struct image {
    struct store store;
    struct raft_snapshot meta;
};

struct state_machine {
    struct store store;
    uint64_t applied;
    uint64_t term; /* of that entry */
    struct raft_members members;
};

struct waiting {
    uint64_t tag;
    size_t client;
    uint64_t sequence;
    bool is_read;
    bool is_ready; /* of a read: index is known */
    uint64_t index;
    bool is_lost; /* the answer gets lost */
};

struct doom {
    bool is_set;
    size_t left; /* effects still carried out */
    int64_t kept;
    int64_t parts;
    bool is_state_lost;
};

struct coordinator {
    struct world *world;
    size_t slot;
    uint64_t id;
    uint64_t life;
    bool is_up;
    struct raft *raft;
    int64_t wake_us;
    int64_t drift_ppm;
    int64_t wall_ms; /* what its wall clock is ahead */

    /* the disk */
    struct raft_hard_state hard;
    struct raft_entry *log; /* data in the world's arena */
    uint64_t log_first;
    size_t log_count;
    size_t log_cap;
    uint64_t before_term;
    struct raft_persist *queue;
    size_t queue_count;
    size_t queue_cap;
    struct image *base; /* NULL: none */
    struct image *saving;
    struct image *staged; /* a snapshot on its way in; meta.id 0: none */
    struct str staged_cursor;
    size_t life_of_stage;
    bool is_full;

    /* the state machine */
    struct state_machine state;
    struct raft_entry *committed; /* handed over, not applied */
    size_t committed_count;
    size_t committed_cap;
    struct raft_install install;
    bool is_next_version;
    bool is_stopped; /* at a command that it does not know */

    /* the program around it */
    struct waiting *waiting;
    size_t waiting_count;
    size_t waiting_cap;
    struct sched *sched;
    bool is_leading; /* the schedule is loaded */
    int64_t sched_wake_ms;
    uint64_t transfer_to;
    struct doom doom;
};

struct client {
    bool is_busy;
    int64_t kind; /* 0 put, 1 compare-and-set, 2 delete, 3 read, 4 whatever the member has */
    uint64_t key;
    uint64_t sequence;
    uint64_t value;
    bool has_expected;
    uint64_t expected;
    uint64_t expected_value;
    int64_t called;
    uint64_t floor; /* positions answered before it was called */
    uint64_t seen_revision[CLIENT_KEYS];
    uint64_t seen_value[CLIENT_KEYS];
    uint64_t answered_count;
};

struct lease {
    uint64_t app;
    int64_t epoch;
    struct str input;
    bool is_deleting;
};

struct agent {
    uint64_t enrolments;
    struct lease lease[LEASES_KEPT];
    size_t lease_count; /* ever; the newest at (count - 1) % LEASES_KEPT */
};

struct world {
    struct world_config config;
    int64_t now_us;
    uint64_t step; /* actions done */
    struct arena *arena;
    struct arena *scratch;
    struct coordinator node[SLOTS];
    struct client client[MODEL_CLIENTS];
    struct agent agent[MODEL_AGENTS];
    struct raft_message **message;
    size_t message_count;
    size_t message_cap;
    uint64_t tag;
    uint64_t *read_floor; /* by tag: what was committed when a read was asked */
    size_t read_floor_cap;
    uint64_t value;    /* the last that a client wrote */
    uint64_t plan;     /* desired.put so far */
    uint64_t position; /* the highest that was answered: 2 * index, a read one more */
    uint64_t answered_count;
    struct linear_op *op;
    size_t op_count;
    size_t op_cap;
    struct check check;
    struct model model;
    uint64_t steps;      /* calls of raft_step */
    uint64_t trace_hash; /* of every action and effect */
};

struct world *world_new(const struct world_config *config);
void world_free(struct world *w);
HL_DEFINE_FREEP(world_free, struct world)

/* An action that does not fit (a crash of who is down) does nothing. Time never goes back. */
void world_do(struct world *w, int64_t at_us, const struct action *a);
/* At the end: the history, if it was kept. */
void world_judge_history(struct world *w);

/* The slot that leads in the highest term; SIZE_MAX: none. */
size_t world_leader(const struct world *w);
const char *world_violation(const struct world *w); /* "" = none */

/* ---- between the files of the simulator */

#define DO(verb, ...)                                                                              \
    (struct action)                                                                                \
    {                                                                                              \
        ACTION_##verb,                                                                             \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* world.c */
int64_t node_now_ms(const struct coordinator *n);
void node_step(struct coordinator *n, const struct raft_event *e);
void node_propose(struct coordinator *n, const struct command *c, size_t count, uint64_t tag);
void node_stop(struct coordinator *n, int64_t kept, int64_t parts, bool is_state_lost);

/* disk.c */
void disk_start(struct coordinator *n, struct raft_recovered *out);
void disk_write(struct coordinator *n, const struct raft_persist *p);
void disk_sync(struct coordinator *n, size_t count);
void disk_crash(struct coordinator *n, int64_t kept, int64_t parts);
void disk_wipe(struct coordinator *n);
void disk_deinit(struct coordinator *n);
void disk_checkpoint(struct coordinator *n);
void disk_saved(struct coordinator *n);
void disk_installed(struct coordinator *n);
void disk_spoil(struct coordinator *n);   /* what was gathered of a snapshot is damaged */
void disk_applied(struct coordinator *n); /* the state moved: that may be of no use any more */
struct raft_storage disk_storage(struct coordinator *n);
struct raft_entry *copy_entries(struct arena *a, const struct raft_entry *entry, size_t count);

/* shell.c */
void shell_commit(struct coordinator *n, const struct raft_entry *entry, size_t count);
void shell_apply(struct coordinator *n);
void shell_reset(struct coordinator *n); /* the process ended */
void shell_read_ready(struct coordinator *n, uint64_t tag, uint64_t index);
void shell_refused(struct coordinator *n, uint64_t tag);
void shell_serve(struct coordinator *n); /* reads whose index is applied */
void shell_schedule(struct coordinator *n);

/* people.c */
void people_do(struct world *w, const struct action *a);
void people_answer_write(struct world *w, size_t client, uint64_t sequence, int code,
                         uint64_t revision);
void people_answer_read(struct world *w, size_t client, uint64_t sequence, struct coordinator *n);

#endif
