/*
 * A temporary folder with Git repositories made by the git command, as people make them. Shared by
 * the tests of this folder; a header, because test programs are single files.
 */
#ifndef HL_TESTS_GIT_FIXTURE_H
#define HL_TESTS_GIT_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

struct fixture {
    char dir[64];
    struct arena *a;
};

/* Runs a shell command inside the fixture's folder; the command must succeed. */
static inline void sh(struct fixture *f, const char *fmt, ...) HL_PRINTF(2, 3);
static inline void sh(struct fixture *f, const char *fmt, ...)
{
    char command[3000], whole[4000];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    snprintf(whole, sizeof(whole), "cd %s && { %s ; } >>sh.log 2>&1", f->dir, command);
    if (system(whole) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        snprintf(whole, sizeof(whole), "tail -5 %s/sh.log >&2", f->dir);
        if (system(whole) != 0)
            abort();
        abort();
    }
}

/* The first word that a command prints, in the fixture's arena. */
static inline struct str sh_word(struct fixture *f, const char *command)
{
    char whole[2000], word[256] = "";

    snprintf(whole, sizeof(whole), "cd %s && %s", f->dir, command);
    FILE *p = popen(whole, "r");
    if (!p || fscanf(p, "%255s", word) < 0)
        word[0] = '\0';
    if (p)
        pclose(p);
    return arena_dup(f->a, str_from(word));
}

static inline struct str path_in(struct fixture *f, const char *name)
{
    return arena_printf(f->a, "%s/%s", f->dir, name);
}

static inline int fixture_new(void **state)
{
    struct fixture *f = hl_calloc(1, sizeof(*f));

    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "Ada", 1);
    setenv("GIT_AUTHOR_EMAIL", "ada@example.org", 1);
    setenv("GIT_COMMITTER_NAME", "Ada", 1);
    setenv("GIT_COMMITTER_EMAIL", "ada@example.org", 1);
    snprintf(f->dir, sizeof(f->dir), "/tmp/hl-gitsrc-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->a = arena_new();
    *state = f;
    return 0;
}

static inline int fixture_free(void **state)
{
    struct fixture *f = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    int rc = system(command);
    arena_free(f->a);
    free(f);
    return rc;
}

#endif
