/*
 * A generation: the whole state at one log index, in one LMDB file that never changes once it is
 * there. For this folder only.
 *
 * Two tables: `kv` (value = CRC-32C of key and value, then the value), in order of keys, and
 * `meta`, which holds the snapshot's numbers. The id of a snapshot is a chain of SipHash-2-4 over
 * its index, its term and its records in order (generation.c, chain_*): equal ids are equal
 * content.
 *
 * Threads: a generation is shared and counted; each reader has its own struct reader.
 */
#ifndef HL_EDGE_STORE_GENERATION_H
#define HL_EDGE_STORE_GENERATION_H

#include "core/raft/raft.h"
#include "core/state/kv.h"

/* ---- what a snapshot's id is made of ---- */

struct chain {
    uint64_t key[2];
};
void chain_begin(struct chain *c, uint64_t index, uint64_t term);
void chain_add(struct chain *c, struct str key, struct str value);
uint64_t chain_end(const struct chain *c); /* never 0 */

/* ---- reading ---- */

struct generation;

/* Opens a finished file. HL_ECORRUPT: it is none. The caller has the first reference. */
HL_MUST int generation_open(const char *path, struct generation **out, struct err *err);
struct generation *generation_ref(struct generation *g);
/* The last one closes it. */
void generation_unref(struct generation *g);
HL_DEFINE_FREEP(generation_unref, struct generation)

const struct raft_snapshot *generation_snapshot(const struct generation *g);
const char *generation_path(const struct generation *g);
uint64_t generation_bytes(const struct generation *g); /* of the file */

struct reader;

HL_MUST int reader_open(struct generation *g, struct reader **out, struct err *err);
void reader_close(struct reader *r);
HL_DEFINE_FREEP(reader_close, struct reader)
/* KV_FOUND, KV_ABSENT; HL_ECORRUPT, HL_EIO. Borrowed until reader_close. */
HL_MUST int reader_get(struct reader *r, struct str key, struct str *out, struct err *err);
/* The first record whose key is >= `key`, or > `key` when is_behind. */
HL_MUST int reader_seek(struct reader *r, struct str key, bool is_behind, struct str *out_key,
                        struct str *out_value, struct err *err);
/* The record behind the one that reader_seek or reader_next gave last. */
HL_MUST int reader_next(struct reader *r, struct str *out_key, struct str *out_value,
                        struct err *err);

/* ---- writing ---- */

struct writer;

/* A new file, or (goes_on) one that a writer of this boot left behind. */
HL_MUST int writer_open(const char *path, bool goes_on, struct writer **out, struct err *err);
/* Keys ascend. HL_EINVAL when they do not; HL_ENOSPACE, HL_EIO. */
HL_MUST int writer_add(struct writer *w, struct str key, struct str value, struct err *err);
/* What was added so far can be read again after the process was killed. */
HL_MUST int writer_commit(struct writer *w, struct err *err);
/* The last key that is in; lives in `a`, empty if there is none. */
HL_MUST int writer_last_key(struct writer *w, struct arena *a, struct str *out, struct err *err);
/* Notes the snapshot's numbers and makes everything durable. */
HL_MUST int writer_finish(struct writer *w, const struct raft_snapshot *snapshot, struct err *err);
void writer_close(struct writer *w);
HL_DEFINE_FREEP(writer_close, struct writer)

#endif
