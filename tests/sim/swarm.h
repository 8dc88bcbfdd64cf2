/*
 * Which world and which faults a seed means. Every seed draws for itself which kinds of fault there
 * are and how often, so that a swarm of seeds also meets each kind without the others. One seed in
 * ten has no fault at all (then there must be one election and no more), one in ten a single kind.
 */
#ifndef HL_TESTS_SIM_SWARM_H
#define HL_TESTS_SIM_SWARM_H

#include "sim/world.h"

/* X(name, word, what it is) */
#define FAULTS(X)                                                                                  \
    X(LOSS, "loss", "messages get lost")                                                           \
    X(DUPLICATE, "duplicate", "messages come twice")                                               \
    X(DELAY, "delay", "messages come much later, and out of order")                                \
    X(REPLAY, "replay", "messages from the past come again")                                       \
    X(CUT, "cut", "one direction of one link")                                                     \
    X(ISOLATE, "isolate", "all links of one member, or of a group")                                \
    X(SWIZZLE, "swizzle", "links clog one after the other, and open in another order")             \
    X(QUEUE, "queue", "links hold few messages and drop the rest")                                 \
    X(SLOW, "slow", "a disk takes 200 ms a write for a while")                                     \
    X(STALL, "stall", "a write takes 5 s")                                                         \
    X(FULL, "full", "a disk is full for a while")                                                  \
    X(EIO, "eio", "a write fails: the process ends")                                               \
    X(ROT, "rot", "a store, or a half-received snapshot, is refused")                              \
    X(DRIFT, "drift", "clocks run at different speeds")                                            \
    X(WALL, "wall", "wall clocks jump")                                                            \
    X(PAUSE, "pause", "a process stops and sees everything later at once")                         \
    X(CRASH, "crash", "a process ends between two events")                                         \
    X(DOOM, "doom", "a process ends between an output and its execution")                          \
    X(TORN, "torn", "a crash tears the write that was under way")                                  \
    X(FORGET, "forget", "a crash takes the applied state: base and log are left")                  \
    X(POWER, "power", "everybody loses power")                                                     \
    X(HINT, "hint", "a broken connection is reported, true or not")                                \
    X(TRANSFER, "transfer", "leadership is handed over")                                           \
    X(MEMBERS, "members", "members are added, promoted, removed")                                  \
    X(VERSION, "version", "some members do not know a command yet")                                \
    X(AGENTS, "agents", "agents fall silent, are revoked, come back")                              \
    X(LAG, "lag", "what is committed is applied late")                                             \
    X(NEMESIS, "nemesis", "strikes on elections, commits, installs and changes")

enum fault {
#define X(name, word, what) FAULT_##name,
    FAULTS(X)
#undef X
        FAULT_COUNT
};

const char *fault_word(enum fault f);
/* "a,b,c" to a set of bits; false for an unknown word. */
HL_MUST bool fault_parse(struct str words, uint64_t *out_set);

struct swarm {
    struct world_config world;
    uint64_t seed;
    uint64_t faults; /* bits by enum fault */
    int64_t latency_min_us;
    int64_t latency_max_us;
    int64_t sync_min_us;
    int64_t sync_max_us;
    unsigned loss_permille;
    unsigned duplicate_permille;
    unsigned delay_permille;
    unsigned replay_permille;
    size_t link_max;
    int64_t between_us[FAULT_COUNT]; /* mean time between two of a kind */
    unsigned quick_percent;          /* of restarts: within 30 ms */
    unsigned strike_permille;
    uint64_t checkpoint_entries;
    int64_t think_us; /* of clients */
    int64_t beat_us;  /* of agents */
    int64_t plan_us;  /* of the operator */
    bool is_faultless;
};

/* `allowed`: what may be drawn; is_forced: all of it is, and more often. */
void swarm_draw(struct swarm *s, uint64_t seed, uint64_t allowed, bool is_forced);

#endif
