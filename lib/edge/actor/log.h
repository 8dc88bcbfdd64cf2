/*
 * Log lines: one fact, one line on stderr, in logfmt.
 *
 *   2026-11-22T10:03:11.123Z info  agent lost agent=node2 after_ms=3012
 *   2026-11-22T10:03:12.004Z warn  work failed key=grafana-host reason="no such chart"
 *
 * The message says what happened; the fields say to what. `fields` is a printf format of the shape
 * "key=%s key=%d": what a conversion brings in from outside cannot end its field or the line. A
 * string that is a whole value is quoted when it holds blanks, quotes or "="; quotes and
 * backslashes in it are escaped; control characters (C1 too) and bytes that are no UTF-8 become
 * \xNN. The same line again within LOG_REPEAT_MS is counted instead of written; the next one of its
 * kind carries repeated=N. Never a secret. Only actors and main functions log; core and edge return
 * errors instead.
 *
 * Threads: any; a line is one write(2). Limits: LOG_LINE_MAX bytes a line, longer ones are cut.
 * Conversions: s c d i u x f g and %, with flags, width, precision and length; what else comes ends
 * the line with "(?)".
 */
#ifndef HL_EDGE_ACTOR_LOG_H
#define HL_EDGE_ACTOR_LOG_H

#include "base/base.h"

enum { LOG_LINE_MAX = 2048, LOG_REPEAT_MS = 1000 };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

void log_set_level(enum log_level lowest);

/* `fields` is printf for "key=value key=value"; "" for none. */
void log_line(enum log_level level, const char *message, const char *fields, ...) HL_PRINTF(3, 4);
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* Lines asked for at `level` since start, those held back as repeats included; for metrics. */
uint64_t log_count(enum log_level level);

#endif
