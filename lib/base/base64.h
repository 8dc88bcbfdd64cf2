/*
 * Base64 (RFC 4648 section 4) with padding.
 *
 * Reading skips line ends, as Go's encoding/base64 does, and wants everything else exact: digits of
 * the standard alphabet, padding to a multiple of four, nothing behind it.
 *
 * Threads: pure functions.
 */
#ifndef HL_BASE_BASE64_H
#define HL_BASE_BASE64_H

#include "base/arena.h"

struct str base64_encode(struct arena *a, struct str bytes);

/* False for what is not base64; *out_bad (may be NULL) is then the offset of the first byte that
 * Go's decoder complains about. */
HL_MUST bool base64_decode(struct arena *a, struct str text, struct str *out, size_t *out_bad);

#endif
