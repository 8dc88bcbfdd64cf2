/*
 * The applied state: what the log means, ready to be asked.
 *
 *   reads ──► recent (memory) ──► frozen (memory, while a checkpoint runs) ──► base (LMDB file)
 *
 * The base is one LMDB file, `state/<index>.mdb`, that never changes once it is there: the durable
 * image of the state at a log index, written in key order, flushed, then renamed into place. It is
 * at once what a restart begins from, what the log may be dropped below, and what a follower that
 * lacks the log is sent. Changes since the base stay in memory, in order of keys, and are redone
 * from the log after a restart. A checkpoint freezes them, merges them with the base into the next
 * one in another thread, and the owner then adopts it. So a state of n bytes and a log of m cost n
 * + m on disk, twice n for a moment; nothing is ever written for a read or an unchanged state; and
 * neither a killed process nor a power cut leaves anything to repair: files without their final
 * name are removed at open, save what a snapshot newer than the base left in this boot.
 *
 * Every value carries a CRC-32C of key and value; one that is wrong is HL_ECORRUPT, naming the file
 * and the command that recovers this member.
 *
 * Threads: one owner for everything but checkpoint_run, install_* (one other thread at a time) and
 * statedb_read_piece (any thread).
 * Limits:  keys and values as in core/state/kv.h; memory for changes is the caller's to bound:
 *          statedb_changed_bytes tells.
 */
#ifndef HL_EDGE_STORE_STATEDB_H
#define HL_EDGE_STORE_STATEDB_H

#include "core/raft/raft.h"
#include "core/state/kv.h"
#include "edge/store/dir.h"

struct statedb;

/* Opens the newest base, or an empty state. */
HL_MUST int statedb_open(struct store_dir *dir, struct statedb **out, struct err *err);
void statedb_close(struct statedb *db);
HL_DEFINE_FREEP(statedb_close, struct statedb)

/* Index 0 when there is none yet; borrowed until the next adoption. */
const struct raft_snapshot *statedb_base(const struct statedb *db);
uint64_t statedb_applied(const struct statedb *db);

/* Reading the present; valid as long as db. put and del of it fail with HL_EINVAL. Borrowed outputs
 * live until the next statedb_begin or adoption. */
struct kv *statedb_reader(struct statedb *db);

/* One transaction at a time. commit makes it the present and moves the applied index (which only
 * grows); abort undoes what was put since begin. Neither can fail. */
struct kv *statedb_begin(struct statedb *db);
void statedb_commit(struct statedb *db, uint64_t applied_index);
void statedb_abort(struct statedb *db);

/* Memory that changes since the base occupy, frozen ones included. */
size_t statedb_changed_bytes(const struct statedb *db);
/* Bytes of the base file. */
uint64_t statedb_base_bytes(const struct statedb *db);

/* ---- checkpoints ---- */

struct checkpoint;

/*
 * How much the next base is needed, in percent: at 100 it is time. A checkpoint writes the whole
 * state, so the rarer they are, the less goes to the disk for each change; against that stand the
 * memory of the changes, and `redo_bytes`, the log since the last checkpoint began, which takes
 * room and is what a restart has to redo. When it `is_quiet`, memory is given back.
 */
unsigned statedb_checkpoint_need(const struct statedb *db, uint64_t redo_bytes, bool is_quiet);
/* Freezes the present, at the applied index, whose entry has `term` and finds `members` in force.
 * NULL if the applied index is the base's already, or another checkpoint is under way. */
struct checkpoint *statedb_freeze(struct statedb *db, uint64_t term,
                                  const struct raft_members *members);
/* In another thread: writes the next base. May be called again after a failure (HL_ENOSPACE,
 * HL_EIO: nothing is left behind). */
HL_MUST int checkpoint_run(struct checkpoint *c, struct err *err);
/* Back at the owner. A checkpoint that ran becomes the base; one that did not is dropped, and its
 * changes are recent again. */
void statedb_adopt(struct statedb *db, struct checkpoint *c);
/* In any thread, because it takes its time: gives back what the adoption made superfluous, the
 * older base's file included. */
void checkpoint_free(struct checkpoint *c);

/* ---- sending the base ---- */

/* For raft_storage.read_piece. A cursor is the last key of the piece before it. */
HL_MUST int statedb_read_piece(struct statedb *db, uint64_t id, struct str cursor, size_t max_bytes,
                               struct arena *a, struct str *out_data, struct str *out_next,
                               bool *out_is_last, struct err *err);

/* ---- receiving one ---- */

struct install;

/*
 * Begins, or goes on with what an earlier life stored of the same snapshot; remains of another one
 * are removed. *out_cursor: where the next piece shall begin.
 */
HL_MUST int install_open(struct store_dir *dir, const struct raft_snapshot *snapshot,
                         struct install **out, struct arena *a, struct str *out_cursor,
                         struct err *err);
/* 0, and the piece is kept over a restart of the process (not over a power cut, which only costs a
 * transfer); HL_EINVAL: it does not begin where the last one ended, or is malformed; HL_ENOSPACE.
 */
HL_MUST int install_piece(struct install *i, struct str cursor, struct str data, struct arena *a,
                          struct str *out_next, struct err *err);
/* After the last piece: verifies that the content is the snapshot's (its id) and makes it durable.
 * HL_ECORRUPT: it is not; everything is dropped. */
HL_MUST int install_finish(struct install *i, struct err *err);
/* The owner: the finished snapshot is the state now, applied index included, and all changes in
 * memory are gone. Frees i. */
HL_MUST int statedb_adopt_install(struct statedb *db, struct install *i, struct err *err);
/* Keeps what was stored for a later life. */
void install_close(struct install *i);
HL_DEFINE_FREEP(install_close, struct install)

/* ---- a snapshot as one file ---- */

/*
 * The portable form: the mesh, the snapshot's numbers and members, its pieces, each with its
 * CRC-32C, and at the end the number of records and the id of the content. Written by whoever
 * fetched the pieces, read by `hlctl snapshot inspect` and `restore`. docs/operations.md has the
 * commands.
 */
struct snapshot_header {
    struct str mesh;
    struct raft_snapshot snapshot;
    int64_t time_ms; /* wall clock, when it was taken */
};

void snapshot_file_header(struct buf *out, const struct snapshot_header *header);
void snapshot_file_piece(struct buf *out, struct str data);
void snapshot_file_end(struct buf *out);

struct snapshot_facts {
    struct snapshot_header header; /* strings in the arena */
    uint64_t record_count;
    uint64_t bytes; /* of the file */
};
/* Reads and verifies all of it: HL_ECORRUPT with the offset, HL_EUNSUPPORTED for a newer format. */
HL_MUST int snapshot_file_inspect(const char *path, struct arena *a, struct snapshot_facts *out,
                                  struct err *err);
/* Makes `dir`, which holds no state and no log yet, begin from the file, with these members instead
 * of those in it. */
HL_MUST int snapshot_file_restore(const char *path, struct store_dir *dir,
                                  const struct raft_members *members, struct err *err);

#endif
