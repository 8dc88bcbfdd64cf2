/*
 * For the files of this folder only: blanks as Go's unicode package sees them.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_CHART_SPACE_H
#define HL_CORE_CHART_SPACE_H

#include "base/base.h"

/* The bytes of the blank at `at` <= s.len (unicode.IsSpace); 0 if there is none. */
size_t space_len(struct str s, size_t at);
/* strings.TrimSpace. */
struct str space_trim(struct str s);

#endif
