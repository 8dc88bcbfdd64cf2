/* Text is formatted into the fixed buffer and cut there: an error never allocates. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void start(struct err *err, int code)
{
    err->code = code;
    err->line = 0;
    err->column = 0;
    err->file[0] = '\0';
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return code;
    start(err, code);
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return code;
}

int err_at(struct err *err, int code, struct str file, uint32_t line, uint32_t column,
           const char *fmt, ...)
{
    va_list args;

    if (!err)
        return code;
    start(err, code);
    snprintf(err->file, sizeof(err->file), STR_FMT, STR_ARG(file));
    err->line = line;
    err->column = column;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return code;
}

int err_errno(struct err *err, int code, const char *fmt, ...)
{
    int saved_errno = errno;
    va_list args;

    if (saved_errno == ENOSPC || saved_errno == EDQUOT)
        code = HL_ENOSPACE;
    if (!err)
        return code;
    start(err, code);
    va_start(args, fmt);
    int len = vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(err->text))
        snprintf(err->text + len, sizeof(err->text) - (size_t)len, ": %s", strerror(saved_errno));
    return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[ERR_TEXT_MAX];
    va_list args;

    if (!err)
        return HL_EIO;
    memcpy(inner, err->text, sizeof(inner));
    va_start(args, fmt);
    int len = vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(err->text))
        snprintf(err->text + len, sizeof(err->text) - (size_t)len, ": %s", inner);
    return err->code;
}

const char *err_line(const struct err *err, char out[ERR_LINE_MAX])
{
    if (err->file[0] == '\0')
        snprintf(out, ERR_LINE_MAX, "%s", err->text);
    else if (err->line == 0)
        snprintf(out, ERR_LINE_MAX, "%s: %s", err->file, err->text);
    else
        snprintf(out, ERR_LINE_MAX, "%s:%u:%u: %s", err->file, err->line, err->column, err->text);
    return out;
}

const char *err_code_name(int code)
{
    static const char *const names[] = {
        "OK",    "EINVAL",   "ELIMIT",    "EIO",     "ECORRUPT", "EDENIED",
        "ETEMP", "ENOSPACE", "ECONFLICT", "EABSENT", "ETIMEOUT", "EUNSUPPORTED",
    };
    int i = -code;

    return i >= 0 && (size_t)i < HL_COUNT(names) ? names[i] : "E?";
}
