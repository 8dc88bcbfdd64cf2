/*
 * What install.c and snapshot_file.c need of statedb.c. For this folder only.
 *
 * Threads: as statedb.h says.
 */
#ifndef HL_EDGE_STORE_STATEDB_INTERNAL_H
#define HL_EDGE_STORE_STATEDB_INTERNAL_H

#include "edge/store/generation.h"
#include "edge/store/statedb.h"

struct str statedb_dir(struct arena *a, const struct store_dir *dir);
struct str statedb_base_path(struct arena *a, struct str dir, uint64_t index);
struct str statedb_folder(const struct statedb *db);

/* Gives a finished file its final name, durably. */
HL_MUST int statedb_publish(const char *from, const char *to, struct str dir, struct err *err);
/* `g` becomes the base, reference and all, unless that fails. */
HL_MUST int statedb_set_base(struct statedb *db, struct generation *g, struct err *err);
/* Drops all changes in memory. */
void statedb_reset(struct statedb *db, uint64_t applied);

/* Removes parts of snapshots that can be of no use any more: of another boot, or not newer than the
 * base. */
void install_sweep(struct str dir, uint64_t base_index);

/* Reads all of a finished file: is its id that of its content? *out_count records. HL_ECORRUPT. */
HL_MUST int generation_verify(struct generation *g, uint64_t *out_count, struct err *err);

#endif
