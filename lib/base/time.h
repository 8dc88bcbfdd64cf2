/*
 * Time as numbers: milliseconds in int64_t. Names end in _ms. A time that ends in now_ms is
 * monotonic (never compared between machines); one that ends in wall_ms counts from the Unix epoch
 * and is for people and certificates only. Clocks are read in edge/actor, never here.
 *
 * Threads: pure functions.
 */
#ifndef HL_BASE_TIME_H
#define HL_BASE_TIME_H

#include "base/attr.h"
#include "base/str.h"

/* "2026-11-22T10:03:11Z" (RFC 3339, UTC, whole seconds) and a NUL; years 0000 to 9999. */
enum { TIME_RFC3339_MAX = 32 };
const char *time_rfc3339(int64_t wall_ms, char out[TIME_RFC3339_MAX]);
/* The same back; a fraction is cut to milliseconds, offsets other than Z are accepted. */
HL_MUST bool time_parse_rfc3339(struct str s, int64_t *wall_ms);

/* Go's durations as Argo CD and Prometheus write them: "30s", "1h30m", "250ms"; "0" is legal. */
HL_MUST bool time_parse_duration(struct str s, int64_t *out_ms);
/* Short form for people: "3s", "14m", "2h10m", "12d"; negative counts as zero. */
enum { TIME_AGE_MAX = 24 };
const char *time_age(int64_t age_ms, char out[TIME_AGE_MAX]);

#endif
