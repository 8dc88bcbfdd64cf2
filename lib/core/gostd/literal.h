/*
 * Go's literals as strconv reads and writes them: integers with base prefixes and underscores,
 * floats, characters and quoted strings.
 *
 * Floats are rounded by libc, which is correct in glibc and musl; the process must stay in the "C"
 * numeric locale.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_GOSTD_LITERAL_H
#define HL_CORE_GOSTD_LITERAL_H

#include "base/base.h"

/* ParseInt(s, base, 64) and ParseUint; base 0 takes the base from the prefix (0x, 0o, 0b, 0) and
 * allows underscores between digits. False on a bad form or overflow. */
HL_MUST bool literal_int(struct str s, int base, int64_t *out);
HL_MUST bool literal_uint(struct str s, int base, uint64_t *out);
/* ParseFloat(s, 64); decimal, hexadecimal, inf and nan in any case. Overflow is false, too. */
HL_MUST bool literal_float(struct str s, double *out);

/* Unquote: "..." with Go's escapes, or `...` (without its \r). False on a bad form. */
HL_MUST bool literal_unquote(struct arena *a, struct str quoted, struct str *out);
/* The rune of 'x' with its quotes. */
HL_MUST bool literal_char(struct str quoted, uint32_t *out);

/* AppendQuote, or AppendQuoteToASCII: what is not printable is escaped. */
void literal_quote(struct buf *out, struct str s, bool is_ascii);
/* QuoteRune; the same for one character in single quotes. */
void literal_quote_rune(struct buf *out, uint32_t r, bool is_ascii);

#endif
