/*
 * The folder of one coordinator: who may use it, and whose it is.
 *
 *   raft.lock   held while a process uses the folder
 *   owner       the mesh, the member and the format of everything here
 *   log/        the Raft log, in segments        log.h
 *   state/      the applied state, a generation   statedb.h
 *   blobs/      content by SHA-256                blobs.h
 *
 * Threads: open and close from one; the accessors are pure.
 */
#ifndef HL_EDGE_STORE_DIR_H
#define HL_EDGE_STORE_DIR_H

#include "base/base.h"

enum { STORE_VERSION = 2, STORE_MESH_MAX = 256 };

struct store_identity {
    struct str mesh; /* fingerprint of the mesh */
    uint64_t member; /* Raft id of this coordinator */
};

struct store_dir;

/*
 * Opens or creates `path` (its parent must exist). HL_ECONFLICT: another process holds it.
 * HL_ECORRUPT: it is of another mesh or member, or `owner` is damaged. HL_EUNSUPPORTED: another
 * format version, or a network file system, where neither locks nor flushes can be trusted. Nothing
 * is changed then.
 */
HL_MUST int store_dir_open(struct str path, const struct store_identity *identity,
                           struct store_dir **out, struct err *err);
void store_dir_close(struct store_dir *dir);
HL_DEFINE_FREEP(store_dir_close, struct store_dir)

struct str store_dir_path(const struct store_dir *dir);
const struct store_identity *store_dir_identity(const struct store_dir *dir);

#endif
