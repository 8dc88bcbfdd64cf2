/*
 * Errors: a code for programs and a sentence for people.
 *
 * A fallible function returns 0 when done, > 0 for an outcome its header documents, < 0 for a
 * failure; only a failure fills the struct err, which is its last parameter. Whoever knows writes
 * the message: what was tried, on what, why not. Callers add context in front with err_wrap and
 * pass the code on unchanged. `err` may be NULL everywhere: then only the code is kept.
 *
 * Errors in user files carry file, line and column (1-based; 0 means unknown); err_at sets them and
 * the first position stays, since the innermost is the most exact.
 *
 * Threads: a struct err belongs to its caller. Limits: text is cut at ERR_TEXT_MAX bytes.
 */
#ifndef HL_BASE_ERR_H
#define HL_BASE_ERR_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

enum hl_code {
    HL_EINVAL = -1,    /* the input is not what it must be; the same input fails again */
    HL_ELIMIT = -2,    /* a documented limit was reached */
    HL_EIO = -3,       /* a file, socket or library call failed */
    HL_ECORRUPT = -4,  /* stored bytes are damaged or foreign */
    HL_EDENIED = -5,   /* not allowed: key, role, file mode */
    HL_ETEMP = -6,     /* not now; the same call may work later */
    HL_ENOSPACE = -7,  /* the disk is full */
    HL_ECONFLICT = -8, /* somebody else changed it first */
    HL_EABSENT = -9,   /* what was named does not exist */
    HL_ETIMEOUT = -10,
    HL_EUNSUPPORTED = -11, /* well-formed, but nothing here can do it */
};

enum { ERR_TEXT_MAX = 600, ERR_FILE_MAX = 256 };

struct err {
    int code;
    uint32_t line;
    uint32_t column;
    char file[ERR_FILE_MAX];
    char text[ERR_TEXT_MAX];
};

/* Fills err (no position) and returns code. */
int err_set(struct err *err, int code, const char *fmt, ...) HL_PRINTF(3, 4);
/* The same with a position in a user's file. */
int err_at(struct err *err, int code, struct str file, uint32_t line, uint32_t column,
           const char *fmt, ...) HL_PRINTF(6, 7);
/* err_set with ": strerror(errno)" behind the text; ENOSPC and EDQUOT become HL_ENOSPACE. */
int err_errno(struct err *err, int code, const char *fmt, ...) HL_PRINTF(3, 4);
/* Puts "context: " before the text; code and position stay. Returns err->code (HL_EIO if NULL). */
int err_wrap(struct err *err, const char *fmt, ...) HL_PRINTF(2, 3);

/* "file:line:col: text", or the text alone when no file is known. Buffer of ERR_LINE_MAX bytes. */
enum { ERR_LINE_MAX = ERR_TEXT_MAX + ERR_FILE_MAX + 32 };
const char *err_line(const struct err *err, char out[ERR_LINE_MAX]);

/* The stable name of a code ("EINVAL", ...), for logs and JSON. */
const char *err_code_name(int code);

#endif
