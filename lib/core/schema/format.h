/*
 * For the files of this folder only: the keyword "format".
 *
 * format_net.c has addresses, hosts and URLs, format_time.c dates, times and durations, format.c
 * the rest and the table. Every check takes any string and says what is wrong with it as upstream
 * does.
 *
 * Threads: pure functions. Cost: linear in the string.
 */
#ifndef HL_CORE_SCHEMA_FORMAT_H
#define HL_CORE_SCHEMA_FORMAT_H

#include "base/base.h"

/* False: the reason is appended to `why`. `scratch` holds what may go when the call is over. */
typedef bool (*format_check)(struct arena *scratch, struct str s, struct buf *why);

struct format {
    const char *name;
    format_check check;
};

/* NULL: unknown formats are not checked. */
const struct format *format_find(struct str name);

/* Appends the reason and returns false. */
bool format_fail(struct buf *why, const char *reason);
/* Appends the reason, the rune quoted, and `after`; returns false. */
bool format_fail_rune(struct buf *why, const char *reason, uint32_t rune, const char *after);
/* The bytes that [0-9] matches at the start. */
size_t format_digits(struct str s);
bool format_is_letter(uint32_t rune);
/* The rune at *at, which moves behind it; a byte that starts none is U+FFFD. */
uint32_t format_rune(struct str s, size_t *at);

bool format_ipv4(struct arena *scratch, struct str s, struct buf *why);
bool format_ipv6(struct arena *scratch, struct str s, struct buf *why);
bool format_hostname(struct arena *scratch, struct str s, struct buf *why);
bool format_email(struct arena *scratch, struct str s, struct buf *why);
bool format_uri(struct arena *scratch, struct str s, struct buf *why);
bool format_uri_reference(struct arena *scratch, struct str s, struct buf *why);
bool format_uri_template(struct arena *scratch, struct str s, struct buf *why);

bool format_date(struct arena *scratch, struct str s, struct buf *why);
bool format_time(struct arena *scratch, struct str s, struct buf *why);
bool format_date_time(struct arena *scratch, struct str s, struct buf *why);
bool format_duration(struct arena *scratch, struct str s, struct buf *why);
bool format_period(struct arena *scratch, struct str s, struct buf *why);

#endif
