/* The terminal and the environment are read here and nowhere else. */
#include "hlctl/hlctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "hlctl/safe.h"

enum { TIMEOUT_DEFAULT_MS = 30000, WIDTH_DEFAULT = 80 };

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    if (clock_gettime(id, &ts) != 0)
        hl_die("clock_gettime");
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t now_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t now_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

static enum format format_of(struct str text)
{
    if (str_eq(text, STR("wide")))
        return FORMAT_WIDE;
    if (str_eq(text, STR("json")))
        return FORMAT_JSON;
    if (str_eq(text, STR("yaml")))
        return FORMAT_YAML;
    return str_eq(text, STR("name")) ? FORMAT_NAME : FORMAT_TABLE;
}

static bool is_env(const char *name)
{
    const char *text = getenv(name);

    return text && text[0] && strcmp(text, "0") != 0;
}

/* HLCTL_FORCE_TTY=COLUMNS stands for a terminal that wide; tests use it. */
static void find_terminal(struct table_style *style)
{
    const char *forced = getenv("HLCTL_FORCE_TTY");
    struct winsize size;
    int64_t columns = 0;

    style->is_terminal = isatty(STDOUT_FILENO) == 1;
    if (forced && str_to_i64(str_from(forced), &columns) && columns > 0 && columns < 10000)
        style->is_terminal = true;
    else if (style->is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    else
        columns = WIDTH_DEFAULT;
    style->width = style->is_terminal ? (size_t)columns : 0;
}

static bool wants_color(const struct invocation *in, bool is_terminal)
{
    struct str when = flag_text(in, "color");

    if (str_eq(when, STR("always")))
        return true;
    if (str_eq(when, STR("never")) || getenv("NO_COLOR") || is_env("HLCTL_NO_COLOR"))
        return false;
    if (is_env("CLICOLOR_FORCE"))
        return true;
    const char *term = getenv("TERM");
    const char *wanted = getenv("CLICOLOR");
    return is_terminal && term && strcmp(term, "dumb") != 0 &&
           !(wanted && strcmp(wanted, "0") == 0);
}

void hlctl_init(struct hlctl *h, struct arena *a, const struct invocation *in)
{
    *h = (struct hlctl){.arena = a, .in = in};
    h->format = format_of(flag_text(in, "output"));
    h->timeout_ms = flag_number(in, "timeout", TIMEOUT_DEFAULT_MS);
    find_terminal(&h->style);
    h->style.has_color = wants_color(in, h->style.is_terminal);
    h->style.has_header = !flag_is_set(in, "no-headers");
}

/* The one global: a signal handler is passed nothing. */
static const char *volatile unfinished[2];

void hlctl_unfinished(const char *path, const char *other_path)
{
    unfinished[0] = path;
    unfinished[1] = other_path;
}

void hlctl_drop_unfinished(void)
{
    for (size_t i = 0; i < HL_COUNT(unfinished); i++)
        if (unfinished[i])
            unlink(unfinished[i]);
}

void hlctl_deinit(struct hlctl *h)
{
    hlctl_unfinished(NULL, NULL);
    if (h->client)
        h->close_client(h->client);
    buf_deinit(&h->out);
}

bool hlctl_is_document(const struct hlctl *h)
{
    return h->format == FORMAT_JSON || h->format == FORMAT_YAML;
}

bool hlctl_flush(struct hlctl *h)
{
    size_t done = 0;

    while (done < h->out.len) {
        ssize_t n = write(STDOUT_FILENO, h->out.ptr + done, h->out.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += (size_t)n;
    }
    buf_reset(&h->out);
    return true;
}

void hlctl_remark(struct hlctl *h, const char *fmt, ...)
{
    va_list args;

    if (flag_is_set(h->in, "quiet"))
        return;
    va_start(args, fmt);
    struct str text = arena_vprintf(h->arena, fmt, args);
    va_end(args);
    fprintf(stderr, STR_FMT "\n", STR_ARG(safe_text(h->arena, text)));
}
