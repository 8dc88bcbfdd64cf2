/*
 * The command table: everything a person can type, in one place.
 *
 * verbs.c fills it; parser (parse.h), help (help.h), completion (complete.h), docs/cli.md and the
 * tests that run every example are driven by it. To add a command: one entry there, one run
 * function in the file of its noun.
 *
 * Words: a command has a `path` of one or two words ("status", "app get") and aliases (other
 * paths).
 */
#ifndef HL_HLCTL_VERB_H
#define HL_HLCTL_VERB_H

#include "base/base.h"

struct hlctl;
struct trouble;

enum flag_kind {
    FLAG_SWITCH,   /* no value */
    FLAG_TEXT,     /* anything but nothing */
    FLAG_COUNT,    /* whole number from 1 to 1000000000 */
    FLAG_DURATION, /* "30s", "10m"; more than zero */
    FLAG_CHOICE,   /* one of `choices` */
    FLAG_LIST,     /* text, may be given again */
};

struct flag {
    const char *name; /* without the dashes */
    char letter;      /* 0 = none */
    enum flag_kind kind;
    const char *value;   /* what help calls the value */
    const char *choices; /* "a|b|c" for FLAG_CHOICE; what completion offers for FLAG_TEXT */
    const char *help;
    const char *env; /* environment variable with the same meaning, or NULL */
};

enum where { WHERE_OFFLINE, WHERE_MESH, WHERE_BY_HAND };

/*
 * An example is a command line without the leading "hlctl", as a person would type it.
 * WHERE_OFFLINE ones run one after the other in an empty folder; WHERE_MESH ones run against a
 * mesh, in which the words my-app, my-agent and my-token are replaced by names that are
 * there. WHERE_BY_HAND ones are only shown: they go on until they are interrupted, or need what
 * only an operator has (docs/operations.md has those in their place, and a test runs that).
 */
struct example {
    const char *line;
    const char *about;
    enum where where;
    int exit; /* what it ends with when all is well */
};

enum verb_group {
    GROUP_EVERYDAY,
    GROUP_INFRASTRUCTURE,
    GROUP_OPERATIONS,
    GROUP_META,
    GROUP_HIDDEN
};
enum { GROUP_COUNT = GROUP_HIDDEN };

struct verb {
    const char *path;
    const char *aliases; /* "apps|app ls", or NULL */
    enum verb_group group;
    const char *args; /* as in the usage line: "NAME", "[NAME...]", "" */
    const char
        *arg_kind; /* what completion offers: "app", "agent", "context", "file", "a|b", NULL */
    size_t min_args;
    size_t max_args;
    const char *summary; /* one line, no full stop */
    const char *about;   /* paragraphs */
    const struct flag *flags;
    size_t flag_count;
    const struct example *examples;
    size_t example_count;
    const char *exits; /* exit codes beyond 0, 1, 2 and what they mean here */
    const char *kind;  /* "kind" of the -o json document, or NULL when there is none */
    const char *role;  /* role that the key needs, or NULL when no key is needed */
    /* Returns an exit code; fills t when that is one of failure. NULL: hlctl-mesh does it. */
    int (*run)(struct hlctl *h, struct trouble *t);
};

enum { VERB_FLAGS_MAX = 24, VERB_ARGS_MAX = 256 };

extern const struct verb verbs[];
extern const size_t verb_count;
extern const struct flag global_flags[];
extern const size_t global_flag_count;
extern const char *const group_titles[GROUP_COUNT];

/* The command of exactly these words, by path or alias; second may be empty. NULL if none. */
const struct verb *verb_find(struct str first, struct str second);
/* True if some command has the path or alias "noun ...". */
bool verb_is_noun(struct str noun);
/* The command path, alias or topic nearest to what was typed, within two edits; NULL if none is. */
const char *verb_suggest(struct arena *a, struct str typed);
/* Edits (insert, delete, replace, swap neighbours) between two words; Damerau's restricted form. */
size_t edit_distance(struct str a, struct str b);

#endif
