/*
 * Strings in quotes as Go's strconv writes them, for messages that must be equal to a Go program's.
 *
 * Which runes are printable follows Unicode's blocks, not its single assignments.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_VALUE_QUOTE_H
#define HL_CORE_VALUE_QUOTE_H

#include "base/base.h"

/* strconv.Quote: "a\n", bytes that are no UTF-8 as \xff. */
void quote_go(struct buf *out, struct str s);
/* strconv.QuoteRune: 'a' */
void quote_go_rune(struct buf *out, uint32_t rune);

#endif
