/*
 * The applied state in one LMDB environment: what the log means, ready to be asked.
 *
 * A write transaction applies a batch of entries and stores the applied index with them, so state
 * and index never disagree. Writes are not flushed (the log is the durable truth): a killed process
 * loses nothing, a power cut may. Therefore a small file beside the environment, `owner`, names the
 * boot of the machine, the member, the mesh and the format. Another boot without a clean close,
 * another format, or a value whose CRC-32C was found wrong: the state is wiped at open and rebuilt
 * from the log (*out_applied_index = 0). Another member or mesh: HL_ECORRUPT, nothing is touched.
 *
 * Threads: one writer thread; any number of read views, each used by one thread at a time. A view
 * sees one moment; keep it short (a second), because it pins old pages.
 *          A blob is put by the writer thread; inside a transaction it belongs to it.
 * Limits:  map size STATEDB_MAP_BYTES of address space; HL_ENOSPACE when it or the disk is full:
 *          the transaction is undone and reads go on.
 */
#ifndef HL_EDGE_STORE_STATEDB_H
#define HL_EDGE_STORE_STATEDB_H

#include "core/state/kv.h"
#include "edge/store/log.h"

#define STATEDB_MAP_BYTES ((size_t)4 << 30)

struct statedb;
struct statedb_view;

/*
 * Opens or creates `dir`/state; `dir` is locked by its log (log_open comes first). HL_EUNSUPPORTED
 * on a network file system, where a memory map cannot be trusted.
 */
HL_MUST int statedb_open(struct str dir, const struct store_identity *identity,
                         struct statedb **out, uint64_t *out_applied_index, struct err *err);
/* The same with another size of the map, in bytes: for tests of a full one. */
HL_MUST int statedb_open_sized(struct str dir, const struct store_identity *identity,
                               size_t map_bytes, struct statedb **out, uint64_t *out_applied_index,
                               struct err *err);
/* Flushes, so that the state may be trusted after a reboot. */
void statedb_close(struct statedb *db);
HL_DEFINE_FREEP(statedb_close, struct statedb)

/* Starts the one write transaction; kv works until commit or abort. */
HL_MUST int statedb_begin(struct statedb *db, struct kv *kv, struct err *err);
/* Makes it visible to views begun later, together with the applied index. */
HL_MUST int statedb_commit(struct statedb *db, uint64_t applied_index, struct err *err);
void statedb_abort(struct statedb *db);

/* A read-only moment; put and del of its kv fail with HL_EINVAL. */
HL_MUST int statedb_view_begin(struct statedb *db, struct statedb_view **out, struct kv *kv,
                               uint64_t *out_applied_index, struct err *err);
void statedb_view_end(struct statedb_view *view);
HL_DEFINE_FREEP(statedb_view_end, struct statedb_view)

/*
 * Blobs: content by SHA-256, beside the state and not part of it (each coordinator fills its own).
 * put checks nothing (the caller hashed it); get checks the digest and returns HL_EABSENT or
 * HL_ECORRUPT. keep_only drops what is not listed.
 */
HL_MUST int statedb_blob_put(struct statedb *db, const struct digest *digest, struct str bytes,
                             struct err *err);
HL_MUST int statedb_blob_get(struct statedb *db, const struct digest *digest, struct arena *a,
                             struct str *out, struct err *err);
HL_MUST int statedb_blob_has(struct statedb *db, const struct digest *digest, bool *out,
                             struct err *err);
HL_MUST int statedb_blob_keep_only(struct statedb *db, const struct digest *keep, size_t count,
                                   struct err *err);

#endif
