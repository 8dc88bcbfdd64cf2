/* How the process ends when our own code is wrong or memory is gone. */
#include "base/attr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hl_die(const char *fmt, ...)
{
    int saved_errno = errno;
    va_list args;

    va_start(args, fmt);
    fputs("hlmesh: ", stderr);
    vfprintf(stderr, fmt, args);
    va_end(args);
    if (saved_errno != 0)
        fprintf(stderr, ": %s", strerror(saved_errno));
    fputc('\n', stderr);
    abort();
}

void hl_assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "hlmesh: %s:%d: assertion failed: %s\n", file, line, what);
    abort();
}

void *hl_alloc(size_t size_bytes)
{
    void *p = malloc(size_bytes ? size_bytes : 1);
    if (!p)
        hl_die("out of memory: %zu bytes", size_bytes);
    return p;
}

void *hl_calloc(size_t count, size_t size_bytes)
{
    void *p = calloc(count ? count : 1, size_bytes ? size_bytes : 1);
    if (!p)
        hl_die("out of memory: %zu x %zu bytes", count, size_bytes);
    return p;
}

void *hl_realloc(void *old, size_t size_bytes)
{
    void *p = realloc(old, size_bytes ? size_bytes : 1);
    if (!p)
        hl_die("out of memory: %zu bytes", size_bytes);
    return p;
}
