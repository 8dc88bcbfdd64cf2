/*
 * Log lines: one fact, one line on stderr, in logfmt.
 *
 *   2026-11-22T10:03:11.123Z info  agent lost agent=node2 after_ms=3012
 *
 * The message says what happened; the fields (key=value, quoted where needed) say to what. Control
 * characters are escaped, so no outside text can forge a line. Never a secret. Only actors and
 * main functions log; core and edge return errors instead.
 *
 * Threads: any; a line is one write(2). Limits: LOG_LINE_MAX bytes a line, longer ones are cut.
 */
#ifndef HL_EDGE_ACTOR_LOG_H
#define HL_EDGE_ACTOR_LOG_H

#include "base/base.h"

enum { LOG_LINE_MAX = 2048 };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level lowest);

/* `fields` is printf for "key=value key=value"; */
void log_line(enum log_level level, const char *message, const char *fields, ...) HL_PRINTF(3, 4);
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
