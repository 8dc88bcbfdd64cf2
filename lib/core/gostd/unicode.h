/*
 * What Go's unicode and strconv packages know of characters (Unicode 15.0.0), as far as templates
 * can see it: which runes are letters, digits, upper or lower case, printable, and their other
 * case.
 *
 * Threads: pure functions of constant tables (unicode_tables.h, sorted spans).
 */
#ifndef HL_CORE_GOSTD_UNICODE_H
#define HL_CORE_GOSTD_UNICODE_H

#include "base/base.h"

enum { RUNE_ERROR = 0xfffd, RUNE_MAX = 0x10ffff, RUNE_BYTES_MAX = 4 };

bool rune_is_letter(uint32_t r);
bool rune_is_digit(uint32_t r);
bool rune_is_upper(uint32_t r);
bool rune_is_lower(uint32_t r);
bool rune_is_space(uint32_t r); /* unicode.IsSpace */
bool rune_is_print(uint32_t r); /* strconv.IsPrint: of the blanks only U+0020 */
uint32_t rune_to_upper(uint32_t r);
uint32_t rune_to_lower(uint32_t r);
uint32_t rune_to_title(uint32_t r);
/* unicode.SimpleFold: the next one, round and round, of those that differ in case alone. */
uint32_t rune_fold(uint32_t r);
/* The first rune at or behind r that may have another case; UINT32_MAX: none has. */
uint32_t rune_next_cased(uint32_t r);

/* The rune at byte `at` (< s.len) as Go decodes it: what is no UTF-8 is RUNE_ERROR of length 1. */
uint32_t rune_at(struct str s, size_t at, size_t *out_len);
/* Its UTF-8; what is no rune becomes RUNE_ERROR. Returns the length. */
size_t rune_put(uint32_t r, char out[RUNE_BYTES_MAX]);
void buf_add_rune(struct buf *b, uint32_t r);
/* How many runes Go counts in s. */
size_t rune_count(struct str s);

#endif
