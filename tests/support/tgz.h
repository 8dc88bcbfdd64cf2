/*
 * Chart archives made by tests, the broken ones too: a tar written block by block, packed by
 * libarchive.
 *
 * Threads: none.
 */
#ifndef HL_TESTS_SUPPORT_TGZ_H
#define HL_TESTS_SUPPORT_TGZ_H

#include "base/base.h"

/* Appends an entry of that type ('0' a file, '5' a folder, 'x' a pax header, ...) with its content
 * in whole blocks. */
void tgz_add(struct buf *tar, const char *name, char type, struct str bytes);
/* The header alone, which claims that many bytes. */
void tgz_add_header(struct buf *tar, const char *name, char type, uint64_t size_bytes);
/* One record of a pax header: "SIZE KEY=VALUE\n". */
void tgz_add_record(struct buf *pax, const char *key, struct str value);
/* The two blocks of zeros behind all. */
void tgz_end(struct buf *tar);

struct str tgz_pack(struct arena *a, struct str bytes);

/* A chart with Chart.yaml and one template. */
struct str tgz_chart(struct arena *a, const char *name, const char *version);

#endif
