/*
 * Tables on stdout.
 *
 * On a terminal: columns two blanks apart, aligned, the last column cut at the width of the
 * terminal, colours if wanted. Anywhere else: the same cells separated by one tab, nothing cut,
 * so that cut(1) and awk(1) work on them. Cells are made safe for a terminal here (safe.h).
 *
 * Ownership: a table lives in the arena given to table_new; cells are borrowed.
 * Threads: pure.
 */
#ifndef HL_HLCTL_TABLE_H
#define HL_HLCTL_TABLE_H

#include "base/base.h"

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_FAINT, TONE_BOLD };

struct table_style {
    bool is_terminal;
    bool has_color;
    bool has_header;
    size_t width; /* of the terminal in columns; 0 = unlimited */
};

struct table;

struct table *table_new(struct arena *a, const char *const *titles, size_t column_count);
/* Starts a row of empty cells; the first row must be started before table_cell. */
void table_row(struct table *t);
/* Puts the next cell of the row; surplus cells are an error of ours (asserted). */
void table_cell(struct table *t, struct str text, enum tone tone);
void table_write(struct buf *out, const struct table *t, const struct table_style *style);

/* Appends text in its tone; the escape sequences only if has_color. */
void tone_write(struct buf *out, struct str text, enum tone tone, bool has_color);

#endif
