/*
 * charts.lock: which digest a version of a chart resolved to, once and for all.
 *
 * A text file, one chart a line, sorted bytewise, meant to be committed:
 *
 *   https://charts.example.com nginx 1.2.3 sha256:<64 hex digits>
 *
 * The fields are repository, name, version and the digest of the archive, with one blank between
 * them. The same version with another digest is refused (HL_ECONFLICT): whoever wants it removes
 * the line. Empty lines and lines that start with '#' are passed over, and are gone when it is
 * written.
 *
 * Ownership: a lock keeps everything in its own arena. Threads: confined to its owner's.
 * Limits: LOCK_BYTES_MAX a file, LOCK_LINES_MAX, LOCK_FIELD_MAX bytes a field.
 */
#ifndef HL_EDGE_REGISTRY_LOCK_H
#define HL_EDGE_REGISTRY_LOCK_H

#include "base/base.h"

enum { LOCK_BYTES_MAX = 4 << 20, LOCK_LINES_MAX = 4096, LOCK_FIELD_MAX = 1024 };

struct lock_line {
    struct str repository;
    struct str name;
    struct str version;
    struct digest digest;
};

struct lock;

struct lock *lock_new(void);
void lock_free(struct lock *l);
HL_DEFINE_FREEP(lock_free, struct lock)

/* Adds every line of a text; `file` names it in errors. HL_EINVAL with the line, HL_ECONFLICT,
 * HL_ELIMIT; the lock is then as it was or holds the lines before. */
HL_MUST int lock_parse(struct lock *l, struct str text, struct str file, struct err *err);
/* Appends the text of all lines. */
void lock_write(const struct lock *l, struct buf *out);

size_t lock_count(const struct lock *l);
/* In order of repository, name, version. */
const struct lock_line *lock_at(const struct lock *l, size_t i);
/* NULL if that version is not locked. */
const struct lock_line *lock_find(const struct lock *l, struct str repository, struct str name,
                                  struct str version);

enum lock_outcome { LOCK_SAME = 0, LOCK_ADDED = 1 };
/* A lock_outcome; HL_ECONFLICT naming both digests; HL_EINVAL: a field is empty or holds a blank or
 * control character; HL_ELIMIT. The line is copied. */
HL_MUST int lock_add(struct lock *l, const struct lock_line *line, struct err *err);

/* Reads the file; one that does not exist is empty. */
HL_MUST int lock_load(struct lock *l, struct str path, struct err *err);
/*
 * Takes in what others wrote to the file since, and replaces it as a whole; writers wait for one
 * another (a lock on its folder). HL_ECONFLICT: another process locked a version of ours to another
 * digest; HL_EIO, HL_ENOSPACE: the file is as it was.
 */
HL_MUST int lock_save(struct lock *l, struct str path, struct err *err);

#endif
