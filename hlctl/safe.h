/*
 * Text that came from outside, made safe for a terminal.
 *
 * Chart names, events, commit subjects and error texts are written by others; a control character
 * in them can rewrite what the reader sees (Helm GHSA-c38g-469g-cmgx). Nothing outside leaves hlctl
 * with C0, DEL or C1 characters, bidirectional overrides (Unicode UAX 9) or line separators.
 *
 * Threads: pure. Cost: linear in the bytes.
 */
#ifndef HL_HLCTL_SAFE_H
#define HL_HLCTL_SAFE_H

#include "base/base.h"

/*
 * For people: control characters and bytes that are no UTF-8 are shown as \x1b, bidirectional
 * controls and line separators as <U+202E> in single angle quotes. Returns s itself if it is clean.
 */
struct str safe_text(struct arena *a, struct str s);

/* The same of each line, with line feeds and tabs left as they are. */
struct str safe_lines(struct arena *a, struct str s);
/* True if s is plain text: safe_lines has nothing to change in it. */
bool safe_is_text(struct str s);

/* Bytes that are no UTF-8 replaced by U+FFFD, for documents that must be UTF-8. */
struct str safe_utf8(struct arena *a, struct str s);

/* JSON text as json_write makes it, with the same characters written as \u escapes. */
void safe_json(struct buf *out, struct str json);

/* Columns that s takes on a terminal; s is clean UTF-8. */
size_t safe_width(struct str s);
/* The longest prefix of s that takes at most `columns`. */
struct str safe_cut(struct str s, size_t columns);

#endif
