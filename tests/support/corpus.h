/*
 * Files of a folder as test input: fuzz corpora, golden cases.
 *
 * Threads: none. A folder or file that cannot be read ends the test: it belongs to the tree.
 */
#ifndef HL_TESTS_SUPPORT_CORPUS_H
#define HL_TESTS_SUPPORT_CORPUS_H

#include "base/base.h"

typedef void (*corpus_fn)(struct str name, struct str bytes, void *context);

/* Calls fn for every regular file of the folder, in order of their names; returns how many. The
 * bytes live until fn returns and stand in memory of exactly their size. */
size_t corpus_each(const char *folder, corpus_fn fn, void *context);

/* One file, in the arena. */
struct str corpus_file(struct arena *a, const char *path);

#endif
