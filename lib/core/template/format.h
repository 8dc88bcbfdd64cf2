/*
 * Go's fmt for datums: Print, Println, Printf and what an action prints.
 *
 * Follows fmt/print.go and fmt/format.go: verbs, flags, widths, argument indexes, and the texts of
 * misuse ("%!d(string=a)", "%!s(MISSING)", "%!(EXTRA int=1)"). Pointers have no address here: %p
 * and nested pointers print 0x0.
 *
 * Threads: pure functions.
 * Limits: what is appended to `out` ends soon behind FORMAT_BYTES_MAX; the caller bounds the rest.
 */
#ifndef HL_CORE_TEMPLATE_FORMAT_H
#define HL_CORE_TEMPLATE_FORMAT_H

#include "core/template/datum.h"

enum { FORMAT_BYTES_MAX = 8 << 20 };

/* As an action prints it: "<no value>" for DATUM_INVALID, "<nil>" for DATUM_NIL. */
void format_action(struct buf *out, struct datum d);
/* %v of one value; "<nil>" for no value. */
void format_value(struct buf *out, struct datum d);

/* Sprint: a blank between two operands that are no strings. */
void format_print(struct buf *out, const struct datum *arg, size_t count);
/* Sprintln: blanks between all, a newline behind. */
void format_println(struct buf *out, const struct datum *arg, size_t count);
void format_printf(struct buf *out, struct str format, const struct datum *arg, size_t count);

#endif
