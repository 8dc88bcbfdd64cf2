/*
 * The driver: turns a seed into actions. It owns chance and the future (a heap of what will happen
 * when), the network's and the disks' pace, faults, and the habits of clients, agents and operator.
 * One stream of random numbers for each concern, so that a draw more in one does not move the
 * others.
 */
#ifndef HL_TESTS_SIM_DRIVER_H
#define HL_TESTS_SIM_DRIVER_H

#include "sim/swarm.h"

struct driver;

/* Every action done is also written to `trace`, if it is not NULL. */
struct driver *driver_new(const struct swarm *swarm, struct buf *trace);
void driver_free(struct driver *d);
HL_DEFINE_FREEP(driver_free, struct driver)

/* Up to `actions` of them, with faults; false on a violation. */
bool driver_run(struct driver *d, size_t actions);
/* Then: all faults end, or stay for good on a minority; the others must come together, answer their
 * clients and take something new; false on a violation. */
bool driver_settle(struct driver *d);
struct world *driver_world(struct driver *d);
const uint64_t *driver_fault_counts(const struct driver *d); /* by enum fault */

/* ---- for scenarios: a driver that draws nothing */
struct driver *driver_new_scripted(const struct world_config *config, struct buf *trace);
void driver_do(struct driver *d, int64_t at_us, const struct action *a);
/* Time passes on healthy disks; messages sent from now on arrive after 1 ms where no link is cut.
 */
void driver_calm(struct driver *d, int64_t for_ms);
void driver_cut(struct driver *d, uint64_t from, uint64_t to, bool is_cut); /* slots, from 1 */

#endif
