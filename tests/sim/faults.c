/* What goes wrong, each kind by its own clock; and a nemesis that waits for the delicate moment. */
#include "sim/driver_internal.h"

static size_t any_slot(struct driver *d, enum stream s)
{
    return (size_t)driver_between(d, s, 0, (int64_t)d->world->config.slot_count - 1);
}

static void again_later(struct driver *d, enum fault f)
{
    int64_t us = driver_between(d, STREAM_FAULT, 1000, 2 * d->swarm.between_us[f]);

    driver_push(
        d, (struct coming){
               .at_us = d->world->now_us + us, .what = COMING_FAULT, .slot = SLOTS, .fault = f});
}

static bool has_clock(enum fault f)
{
    switch (f) {
    case FAULT_LOSS:
    case FAULT_DUPLICATE:
    case FAULT_DELAY:
    case FAULT_REPLAY:
    case FAULT_QUEUE:
    case FAULT_DRIFT:
    case FAULT_TORN:
    case FAULT_FORGET:
    case FAULT_LAG:
    case FAULT_NEMESIS:
        return false;
    default:
        return true;
    }
}

void faults_begin(struct driver *d)
{
    for (size_t f = 0; f < FAULT_COUNT; f++) {
        if (driver_has(d, (enum fault)f) && has_clock((enum fault)f))
            again_later(d, (enum fault)f);
    }
    for (size_t s = 0; driver_has(d, FAULT_DRIFT) && s < d->world->config.slot_count; s++) {
        int64_t most = d->swarm.seed % 3 == 0 ? 300000 : 20000;
        d->count[FAULT_DRIFT]++;
        driver_act(d, DO(CLOCK, (int64_t)s + 1, driver_between(d, STREAM_FAULT, -most, most), 0));
    }
}

/* ---- processes */

/* What is left of the disk's queue, of the write under way, and whether the state is gone. */
static struct action crash_of(struct driver *d, size_t slot)
{
    int64_t queued = (int64_t)d->world->node[slot].queue_count;
    int64_t kept =
        driver_chance(d, STREAM_FAULT, 500) ? 0 : driver_between(d, STREAM_FAULT, 0, queued);
    int64_t parts = driver_has(d, FAULT_TORN) ? driver_between(d, STREAM_FAULT, 0, 4) : 0;
    bool is_forgotten = driver_has(d, FAULT_FORGET) && driver_chance(d, STREAM_FAULT, 400);

    d->count[FAULT_TORN] += parts > 0;
    d->count[FAULT_FORGET] += is_forgotten;
    return DO(CRASH, (int64_t)slot + 1, kept, parts, is_forgotten);
}

static void crash(struct driver *d, size_t slot)
{
    if (!d->world->node[slot].is_up)
        return;
    driver_act(d, crash_of(d, slot));
}

static void doom(struct driver *d, size_t slot)
{
    struct action c = crash_of(d, slot);

    driver_act(d, DO(DOOM, c.arg[0], driver_between(d, STREAM_FAULT, 0, 4), c.arg[1] + 1, c.arg[2],
                     c.arg[3]));
}

static void pause(struct driver *d, size_t slot)
{
    d->pace[slot].paused_until_us =
        d->world->now_us + driver_between(d, STREAM_FAULT, 10000, 5000000);
}

static void lose_power(struct driver *d)
{
    for (size_t s = 0; s < d->world->config.slot_count; s++) {
        if (!d->world->node[s].is_up)
            continue;
        struct action a = crash_of(d, s);
        a.arg[3] = 1;
        driver_act(d, a);
    }
}

static void upgrade_or_use(struct driver *d, size_t slot)
{
    const struct coordinator *n = &d->world->node[slot];

    if (!n->is_next_version) {
        driver_act(d, DO(UPGRADE, (int64_t)slot + 1));
    } else {
        d->has_future = true;
        driver_act(d, DO(FUTURE, (int64_t)slot + 1));
    }
}

/* ---- links */

static void cut(struct driver *d, size_t from, size_t to, int64_t for_us)
{
    d->cut_until_us[from][to] = d->world->now_us + for_us;
}

static void isolate(struct driver *d, size_t slot)
{
    int64_t for_us = driver_between(d, STREAM_FAULT, 10000, 5000000);
    bool is_group = driver_chance(d, STREAM_FAULT, 300);
    uint64_t group = is_group ? (uint64_t)driver_between(d, STREAM_FAULT, 1, (1 << SLOTS) - 1)
                              : UINT64_C(1) << slot;

    for (size_t from = 0; from < SLOTS; from++) {
        for (size_t to = 0; to < SLOTS; to++) {
            if ((group >> from & 1) != (group >> to & 1))
                cut(d, from, to, for_us);
        }
    }
}

static void swizzle(struct driver *d)
{
    for (size_t s = 0; s < d->world->config.slot_count; s++) {
        int64_t for_us = driver_between(d, STREAM_FAULT, 100000, 3000000);
        for (size_t to = 0; to < SLOTS; to++) {
            cut(d, s, to, for_us);
            cut(d, to, s, for_us);
        }
    }
}

/* ---- disks */

static void fill(struct driver *d, size_t slot)
{
    const struct coordinator *n = &d->world->node[slot];

    if (!n->is_up || n->is_full)
        return;
    driver_act_at(d, d->world->now_us + driver_between(d, STREAM_FAULT, 200000, 5000000), slot,
                  DO(FULL, (int64_t)slot + 1, 0));
    driver_act(d, DO(FULL, (int64_t)slot + 1, 1));
}

static void fail_disk(struct driver *d, size_t slot)
{
    if (!d->world->node[slot].is_up)
        return;
    driver_act(d, DO(FAIL, (int64_t)slot + 1));
    driver_act_at(d, d->world->now_us + driver_between(d, STREAM_FAULT, 0, 500000), slot,
                  DO(CRASH, (int64_t)slot + 1, 0, 0, 0));
}

/* Only whom the others can spare, and while no change of members is on its way. */
static void rot(struct driver *d, size_t slot)
{
    bool is_gone[SLOTS] = {false};
    const struct check *k = &d->world->check;

    is_gone[slot] = true;
    if (d->world->node[slot].staged) {
        d->count[FAULT_ROT]++;
        driver_act(d, DO(SPOIL, (int64_t)slot + 1));
        return;
    }
    if (k->committed.count == 0 || d->changes_asked > 0 || !check_is_majority_without(k, is_gone) ||
        d->next_id >= ID_LIMIT)
        return;
    d->count[FAULT_ROT]++;
    driver_act(d, DO(WIPE, (int64_t)slot + 1, (int64_t)d->next_id++));
}

void faults_strike(struct driver *d, enum fault f)
{
    size_t slot = any_slot(d, STREAM_FAULT);
    size_t other = any_slot(d, STREAM_FAULT);
    uint64_t other_id = d->world->node[other].id;

    again_later(d, f);
    d->count[f] += f != FAULT_ROT;
    switch (f) {
    case FAULT_CUT:
        cut(d, slot, other, driver_between(d, STREAM_FAULT, 1000, 3000000));
        break;
    case FAULT_ISOLATE:
        isolate(d, slot);
        break;
    case FAULT_SWIZZLE:
        swizzle(d);
        break;
    case FAULT_SLOW:
        d->pace[slot].slow_until_us =
            d->world->now_us + driver_between(d, STREAM_FAULT, 500000, 5000000);
        break;
    case FAULT_STALL:
        d->pace[slot].is_stalled = true;
        break;
    case FAULT_FULL:
        fill(d, slot);
        break;
    case FAULT_EIO:
        fail_disk(d, slot);
        break;
    case FAULT_ROT:
        rot(d, slot);
        break;
    case FAULT_WALL:
        driver_act(d, DO(CLOCK, (int64_t)slot + 1, d->world->node[slot].drift_ppm,
                         driver_between(d, STREAM_FAULT, -600000, 600000)));
        break;
    case FAULT_PAUSE:
        pause(d, slot);
        break;
    case FAULT_CRASH:
        crash(d, slot);
        break;
    case FAULT_DOOM:
        doom(d, slot);
        break;
    case FAULT_POWER:
        lose_power(d);
        break;
    case FAULT_HINT:
        driver_act_at(d, d->world->now_us, slot, DO(LOST, (int64_t)slot + 1, (int64_t)other_id));
        break;
    case FAULT_TRANSFER: {
        size_t leader = world_leader(d->world);
        if (leader != SIZE_MAX)
            driver_act_at(d, d->world->now_us, leader,
                          DO(TRANSFER, (int64_t)leader + 1, (int64_t)other_id));
        break;
    }
    case FAULT_VERSION:
        upgrade_or_use(d, slot);
        break;
    default:
        break;
    }
}

/* ---- the nemesis */

static void strike(struct driver *d, size_t slot)
{
    size_t target = driver_chance(d, STREAM_NEMESIS, 700) ? slot : any_slot(d, STREAM_NEMESIS);

    d->count[FAULT_NEMESIS]++;
    switch (driver_between(d, STREAM_NEMESIS, 0, 5)) {
    case 0:
    case 1:
        crash(d, target);
        break;
    case 2:
        doom(d, target);
        break;
    case 3:
        pause(d, target);
        break;
    default:
        for (size_t s = 0; s < d->world->config.slot_count; s++) {
            if (driver_chance(d, STREAM_NEMESIS, 800))
                cut(d, target, s, driver_between(d, STREAM_NEMESIS, 10000, 3000000));
        }
        break;
    }
}

void faults_watch(struct driver *d)
{
    const struct check *k = &d->world->check;
    uint64_t installs = k->mark[MARK_PIECE];
    uint64_t changes = k->mark[MARK_LEARNER] + k->mark[MARK_REMOVED] + k->mark[MARK_PROMOTED];
    bool is_news = k->mark[MARK_ELECTION] > d->elections || k->committed.count > d->committed ||
                   installs > d->installs || changes > d->changes;
    size_t leader;

    d->elections = k->mark[MARK_ELECTION];
    d->committed = k->committed.count;
    d->installs = installs;
    d->changes = changes;
    if (!is_news || d->is_striking || !driver_has(d, FAULT_NEMESIS) ||
        !driver_chance(d, STREAM_NEMESIS, d->swarm.strike_permille))
        return;
    leader = world_leader(d->world);
    d->is_striking = true;
    strike(d, leader != SIZE_MAX ? leader : any_slot(d, STREAM_NEMESIS));
    d->is_striking = false;
}
