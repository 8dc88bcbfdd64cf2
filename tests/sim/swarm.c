/* One stream of random numbers decides the shape; drawing a fault more does not move the others. */
#include "sim/swarm.h"

static const char *const word[] = {
#define X(name, text, what) text,
    FAULTS(X)
#undef X
};

const char *fault_word(enum fault f)
{
    return word[f];
}

bool fault_parse(struct str words, uint64_t *out_set)
{
    *out_set = 0;
    while (words.len > 0) {
        struct str one = str_cut(&words, ',');
        size_t f = 0;
        while (f < FAULT_COUNT && !str_eq(one, str_from(word[f])))
            f++;
        if (f == FAULT_COUNT)
            return false;
        *out_set |= UINT64_C(1) << f;
    }
    return true;
}

static int64_t pick(struct rng *r, const int64_t *from, size_t count)
{
    return from[rng_below(r, count)];
}

static void draw_world(struct swarm *s, struct rng *r)
{
    static const int64_t sizes[] = {1, 2, 3, 3, 3, 3, 3, 4, 5, 5};
    static const int64_t beats[] = {30, 50, 100, 100};
    struct world_config *w = &s->world;

    w->seed = s->seed;
    w->founder_count = (size_t)pick(r, sizes, HL_COUNT(sizes));
    w->slot_count = w->founder_count + (size_t)rng_below(r, 3);
    w->client_count = 1 + (size_t)rng_below(r, 4);
    w->agent_count = rng_below(r, 3) == 0 ? 1 + (size_t)rng_below(r, 4) : 0;
    w->app_count = w->agent_count > 0 ? 1 + (size_t)rng_below(r, 3) : 0;
    w->heartbeat_ms = pick(r, beats, HL_COUNT(beats));
    w->election_ms = w->heartbeat_ms * rng_between(r, 3, 10);
    w->stall_ms = w->election_ms * rng_between(r, 3, 10);
    w->news_ms = rng_below(r, 2) ? 0 : rng_between(r, 1, w->heartbeat_ms);
    w->uncommitted_bytes_max = rng_below(r, 2) ? 64 << 20 : (size_t)rng_between(r, 500, 20000);
    w->inflight_bytes_max = rng_below(r, 2) ? 4 << 20 : (size_t)rng_between(r, 1, 5000);
    w->cache_bytes_max = rng_below(r, 2) ? 4 << 20 : (size_t)rng_between(r, 1, 5000);
    w->keep_bytes =
        rng_below(r, 4) ? (uint64_t)rng_between(r, 1, rng_below(r, 2) ? 400 : 4000) : 4 << 20;
    w->lost_after_ms = rng_between(r, 500, 3000);
    w->piece_bytes_max = (size_t)rng_between(r, 100, rng_below(r, 2) ? 400 : 4000);
    w->is_history_kept = rng_below(r, 16) == 0;
}

static void draw_pace(struct swarm *s, struct rng *r)
{
    s->latency_min_us = 50;
    s->latency_max_us = rng_between(r, 100, rng_below(r, 4) ? 2000 : 20000);
    s->sync_min_us = 50;
    s->sync_max_us = rng_between(r, 100, rng_below(r, 4) ? 3000 : 30000);
    s->checkpoint_entries = (uint64_t)rng_between(r, 4, rng_below(r, 2) ? 12 : 64);
    s->think_us = rng_between(r, 5000, 400000);
    s->beat_us = rng_between(r, 100000, 500000);
    s->plan_us = rng_between(r, 300000, 3000000);
    s->quick_percent = (unsigned)rng_below(r, 101);
    s->strike_permille = (unsigned)rng_between(r, 20, 250);
    s->link_max = (size_t)rng_between(r, 2, 32);
}

static void draw_faults(struct swarm *s, struct rng *r, bool is_forced)
{
    int64_t longest_us = is_forced ? 2000000 : 8000000;
    unsigned permille = is_forced ? 200 : 150;

    for (size_t f = 0; f < FAULT_COUNT; f++) {
        bool is_on = rng_below(r, 3) == 0;
        s->between_us[f] = rng_between(r, 100000, longest_us);
        if (!is_forced && !is_on)
            s->faults &= ~(UINT64_C(1) << f);
    }
    s->loss_permille = (unsigned)rng_between(r, 1, permille);
    s->duplicate_permille = (unsigned)rng_between(r, 1, permille);
    s->delay_permille = (unsigned)rng_between(r, 1, permille);
    s->replay_permille = (unsigned)rng_between(r, 1, permille / 3);
}

/* Slow disks alone cause no election: half of the faultless seeds have nothing else. */
static void make_faultless(struct swarm *s, struct rng *r)
{
    s->faults = 0;
    s->is_faultless = true;
    s->world.heartbeat_ms = 100;
    s->world.election_ms = 1000;
    s->world.stall_ms = 10000;
    s->latency_max_us = 2000;
    if (rng_below(r, 2) == 0) {
        s->sync_min_us = 150000;
        s->sync_max_us = 200000;
    }
}

void swarm_draw(struct swarm *s, uint64_t seed, uint64_t allowed, bool is_forced)
{
    struct rng r;

    rng_seed(&r, sim_mix(seed, 1));
    *s = (struct swarm){.seed = seed, .faults = allowed};
    draw_world(s, &r);
    draw_pace(s, &r);
    uint64_t one = rng_below(&r, FAULT_COUNT);
    draw_faults(s, &r, is_forced);
    if (is_forced)
        return;
    if (seed % 10 == 0)
        make_faultless(s, &r);
    else if (seed % 10 == 1)
        s->faults = allowed & UINT64_C(1) << one;
}
