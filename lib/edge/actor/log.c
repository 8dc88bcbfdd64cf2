/*
 * One buffer on the stack, one write: lines of several threads never mix. The format is walked
 * here, not by vsnprintf, because only the walk knows which bytes are ours (the format) and which
 * came from outside (the conversions).
 */
#include "edge/actor/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/actor/actor.h"

static _Atomic int lowest_level = LOG_INFO;
static _Atomic uint64_t line_count[LOG_LEVEL_COUNT];

struct line {
    size_t len;
    bool is_cut;
    char text[LOG_LINE_MAX];
};

void log_set_level(enum log_level lowest)
{
    lowest_level = (int)lowest;
}

uint64_t log_count(enum log_level level)
{
    return (unsigned)level < LOG_LEVEL_COUNT ? line_count[level] : 0;
}

/* Room is kept for the newline; what does not fit is cut. */
static void add(struct line *l, const char *bytes, size_t len)
{
    size_t room = sizeof(l->text) - 1 - l->len;

    l->is_cut = l->is_cut || len > room;
    if (l->is_cut)
        return;
    memcpy(l->text + l->len, bytes, len);
    l->len += len;
}

/* C0, DEL and C1: terminals take some of them for commands. */
static bool is_control(uint32_t rune)
{
    return rune < 0x20 || (rune >= 0x7f && rune < 0xa0);
}

static void add_escaped(struct line *l, struct str s, bool is_value)
{
    for (size_t at = 0; at < s.len;) {
        char hex[8];
        uint32_t rune = 0;
        size_t n = str_rune(s, at, &rune);

        if (n == 0 || is_control(rune)) {
            n = n ? n : 1;
            for (size_t i = 0; i < n; i++) {
                snprintf(hex, sizeof(hex), "\\x%02x", (unsigned char)s.ptr[at + i]);
                add(l, hex, 4);
            }
        } else {
            if (is_value && (rune == '"' || rune == '\\'))
                add(l, "\\", 1);
            add(l, s.ptr + at, n);
        }
        at += n;
    }
}

static bool needs_quotes(struct str s)
{
    return s.len == 0 || str_has_byte(s, ' ') || str_has_byte(s, '"') || str_has_byte(s, '=');
}

/* One conversion: %[flags][width][.precision or .*][length]kind. */
struct conversion {
    const char *end; /* behind it in the format */
    char shape[12];  /* flags, width and precision of a number */
    int precision;   /* of a string; -1 = none */
    bool is_star;    /* the precision is an argument */
    enum { LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG, LENGTH_SIZE, LENGTH_MAX } length;
    char kind;
};

static struct conversion read_conversion(const char *at)
{
    struct conversion c = {.precision = -1};
    size_t shape_len = strspn(at, "-+ #0123456789.");

    if (shape_len < sizeof(c.shape))
        memcpy(c.shape, at, shape_len);
    const char *dot = strchr(c.shape, '.');
    at += shape_len;
    if (dot && *at == '*') {
        c.is_star = true;
        at++;
    } else if (dot) {
        uint64_t digits = 0;
        c.precision =
            str_to_u64(str_from(dot + 1), &digits) && digits < LOG_LINE_MAX ? (int)digits : 0;
    }
    for (; *at == 'l' || *at == 'h' || *at == 'z' || *at == 'j'; at++) {
        if (*at == 'l')
            c.length = c.length == LENGTH_LONG ? LENGTH_LONG_LONG : LENGTH_LONG;
        else if (*at != 'h')
            c.length = *at == 'z' ? LENGTH_SIZE : LENGTH_MAX;
    }
    c.kind = *at;
    c.end = *at ? at + 1 : at;
    return c;
}

static long long take_signed(const struct conversion *c, va_list *args)
{
    switch (c->length) {
    case LENGTH_LONG:
        return va_arg(*args, long);
    case LENGTH_LONG_LONG:
        return va_arg(*args, long long);
    case LENGTH_SIZE:
        return va_arg(*args, ssize_t);
    case LENGTH_MAX:
        return va_arg(*args, intmax_t);
    case LENGTH_INT:
        break;
    }
    return va_arg(*args, int);
}

static unsigned long long take_unsigned(const struct conversion *c, va_list *args)
{
    switch (c->length) {
    case LENGTH_LONG:
        return va_arg(*args, unsigned long);
    case LENGTH_LONG_LONG:
        return va_arg(*args, unsigned long long);
    case LENGTH_SIZE:
        return va_arg(*args, size_t);
    case LENGTH_MAX:
        return va_arg(*args, uintmax_t);
    case LENGTH_INT:
        break;
    }
    return va_arg(*args, unsigned);
}

static struct str take_text(const struct conversion *c, va_list *args)
{
    int precision = c->is_star ? va_arg(*args, int) : c->precision;
    const char *text = va_arg(*args, const char *);
    size_t max = precision < 0 ? LOG_LINE_MAX : (size_t)precision;

    return text ? (struct str){text, strnlen(text, max)} : STR_NONE;
}

/* A string that stands alone between "=" and the end of its field is quoted where needed. */
static void add_text(struct line *l, struct str s, bool is_whole_value)
{
    bool is_quoted = is_whole_value && needs_quotes(s);

    if (is_quoted)
        add(l, "\"", 1);
    add_escaped(l, s, true);
    if (is_quoted)
        add(l, "\"", 1);
}

/* One number in the shape that the conversion gives it. */
#define ADD_NUMBER(l, c, letters, value)                                                           \
    do {                                                                                           \
        char number_[64];                                                                          \
        char spec_[20];                                                                            \
        snprintf(spec_, sizeof(spec_), "%%%s%s", (c)->shape, (letters));                           \
        int n_ = snprintf(number_, sizeof(number_), spec_, (value));                               \
        add((l), number_, n_ < (int)sizeof(number_) ? (size_t)n_ : sizeof(number_) - 1);           \
    } while (0)

/* Returns where the format goes on; NULL for what log lines do not have. */
static const char *add_conversion(struct line *l, const char *at, bool is_after_equals,
                                  va_list *args)
{
    struct conversion c = read_conversion(at);
    char one;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* rebuilt from a checked literal */
    switch (c.kind) {
    case 's':
        add_text(l, take_text(&c, args), is_after_equals && (*c.end == ' ' || *c.end == '\0'));
        return c.end;
    case 'c':
        one = (char)va_arg(*args, int);
        add_text(l, (struct str){&one, 1}, false);
        return c.end;
    case 'd':
    case 'i':
        ADD_NUMBER(l, &c, "lld", take_signed(&c, args));
        return c.end;
    case 'u':
        ADD_NUMBER(l, &c, "llu", take_unsigned(&c, args));
        return c.end;
    case 'x':
        ADD_NUMBER(l, &c, "llx", take_unsigned(&c, args));
        return c.end;
    case 'f':
    case 'g':
        ADD_NUMBER(l, &c, c.kind == 'f' ? "f" : "g", va_arg(*args, double));
        return c.end;
    case '%':
        add(l, "%", 1);
        return c.end;
    default:
        return NULL;
    }
#pragma GCC diagnostic pop
}

static void add_fields(struct line *l, const char *fields, va_list *args)
{
    char before = ' ';

    if (*fields != '\0')
        add(l, " ", 1);
    while (*fields != '\0') {
        if (*fields == '%') {
            fields = add_conversion(l, fields + 1, before == '=', args);
            if (!fields) {
                add(l, "(?)", 3); /* the arguments behind it cannot be found any more */
                return;
            }
            before = 's';
        } else {
            before = *fields;
            add(l, fields++, 1);
        }
    }
}

/*
 * The last few lines, so that a fact that comes again and again is told once a second. A slot is
 * chosen by the line's hash: two busy lines that share one merely tell more than they had to.
 */
enum { RECENT = 64 };
static pthread_mutex_t recent_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t hash;
    int64_t written_ms;
    uint64_t held_back;
} recent[RECENT];

/* False when the line is to be held back; *out_repeated is how often it was before. */
static bool may_write(struct str text, int64_t now_ms, uint64_t *out_repeated)
{
    static const uint64_t key[2] = {0x6c6f67, 0x6c696e65};
    uint64_t hash = siphash(key, text);
    bool is_fresh = true;

    pthread_mutex_lock(&recent_mutex);
    size_t slot = hash % RECENT;
    *out_repeated = 0;
    if (recent[slot].hash == hash && now_ms - recent[slot].written_ms < LOG_REPEAT_MS) {
        recent[slot].held_back++;
        is_fresh = false;
    } else {
        if (recent[slot].hash == hash)
            *out_repeated = recent[slot].held_back;
        recent[slot].hash = hash;
        recent[slot].written_ms = now_ms;
        recent[slot].held_back = 0;
    }
    pthread_mutex_unlock(&recent_mutex);
    return is_fresh;
}

void log_line(enum log_level level, const char *message, const char *fields, ...)
{
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    struct line l = {0};
    char stamp[TIME_RFC3339_MAX];
    int64_t wall_ms = clock_wall_ms();
    uint64_t repeated;
    va_list args;

    HL_ASSERT((unsigned)level < LOG_LEVEL_COUNT);
    line_count[level]++;
    if ((int)level < lowest_level)
        return;
    time_rfc3339(wall_ms, stamp);
    l.len = (size_t)snprintf(l.text, sizeof(l.text), "%.19s.%03dZ %s ", stamp,
                             (int)(wall_ms % 1000), names[level]);
    size_t said_from = l.len;
    add_escaped(&l, str_from(message), false);
    va_start(args, fields);
    add_fields(&l, fields, &args);
    va_end(args);

    struct str said = {l.text + said_from, l.len - said_from};
    if (!may_write(said, clock_now_ms(), &repeated))
        return;
    if (repeated > 0) {
        char text[40];
        int n = snprintf(text, sizeof(text), " repeated=%llu", (unsigned long long)repeated);
        add(&l, text, (size_t)n);
    }
    l.text[l.len++] = '\n';
    if (write(STDERR_FILENO, l.text, l.len) < 0)
        return; /* nowhere left to complain to */
}
