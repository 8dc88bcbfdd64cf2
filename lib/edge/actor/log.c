/* One buffer on the stack, one write: lines of several threads never mix. */
#include "edge/actor/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/actor/actor.h"

static _Atomic int lowest_level = LOG_INFO;

void log_set_level(enum log_level lowest)
{
    lowest_level = (int)lowest;
}

/* Control characters become \xNN; what does not fit is cut. */
static size_t add_escaped(char *line, size_t len, const char *text)
{
    for (; *text && len + 5 < LOG_LINE_MAX; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c != 0x7f)
            line[len++] = *text;
        else
            len += (size_t)snprintf(line + len, 5, "\\x%02x", c);
    }
    return len;
}

void log_line(enum log_level level, const char *message, const char *fields, ...)
{
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    char text[LOG_LINE_MAX];
    char line[LOG_LINE_MAX];
    char stamp[TIME_RFC3339_MAX];
    int64_t wall_ms = clock_wall_ms();
    va_list args;

    if ((int)level < lowest_level)
        return;
    va_start(args, fields);
    vsnprintf(text, sizeof(text), fields, args);
    va_end(args);

    time_rfc3339(wall_ms, stamp);
    size_t len = (size_t)snprintf(line, sizeof(line), "%.19s.%03dZ %s ", stamp,
                                  (int)(wall_ms % 1000), names[level]);
    len = add_escaped(line, len, message);
    if (text[0] != '\0') {
        line[len++] = ' ';
        len = add_escaped(line, len, text);
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nowhere left to complain to */
}
