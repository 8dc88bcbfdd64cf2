/*
 * For the glob files only: a pattern's tree, as it was parsed, and the matchers made of it.
 *
 * Upstream compiles a pattern in steps that change what it matches: equal beginnings and ends of
 * alternatives are taken out, neighbours are glued into one matcher, what remains is hung around
 * its longest part of fixed length. So each step is done here as it is done there.
 *
 * Ownership: nodes and matchers live in one arena and do not change once made.
 */
#ifndef HL_CORE_CHART_GLOB_TREE_H
#define HL_CORE_CHART_GLOB_TREE_H

#include "core/chart/glob.h"

enum glob_node_kind {
    NODE_NOTHING,
    NODE_PATTERN, /* its children one after the other */
    NODE_LIST,
    NODE_RANGE,
    NODE_TEXT,
    NODE_ANY,
    NODE_SUPER,
    NODE_SINGLE,
    NODE_ANY_OF, /* one of its children */
};

struct glob_node {
    enum glob_node_kind kind;
    bool is_not;     /* LIST, RANGE */
    struct str text; /* TEXT, LIST: its characters */
    uint32_t low;    /* RANGE */
    uint32_t high;
    struct glob_node **child;
    size_t count;
    size_t cap;
    struct glob_node *parent; /* while parsing */
};

struct glob_node *glob_node_new(struct arena *a, enum glob_node_kind kind);
void glob_node_add(struct arena *a, struct glob_node *parent, struct glob_node *child);

enum matcher_kind {
    MATCH_NOTHING, /* the empty text */
    MATCH_TEXT,
    MATCH_LIST,
    MATCH_RANGE,
    MATCH_SINGLE,
    MATCH_ANY,
    MATCH_SUPER,
    MATCH_PREFIX,        /* text** */
    MATCH_SUFFIX,        /* **text */
    MATCH_PREFIX_SUFFIX, /* text**suffix, which may overlap */
    MATCH_PREFIX_ANY,    /* text* */
    MATCH_SUFFIX_ANY,    /* *text */
    MATCH_CONTAINS,      /* **text**; is_not: without text in it */
    MATCH_MIN,           /* at least `limit` characters */
    MATCH_MAX,
    MATCH_EVERY,  /* all children on the same text */
    MATCH_ROW,    /* children of fixed lengths, one after the other */
    MATCH_ANY_OF, /* one of the children */
    MATCH_TREE,   /* left, value, right, one after the other */
};

enum { LEN_VARIES = -1 };

struct matcher {
    enum matcher_kind kind;
    bool is_not;
    int len; /* in characters, as upstream counts; LEN_VARIES */
    struct str text;
    struct str suffix;
    uint32_t low;
    uint32_t high;
    int limit;
    const struct matcher **child;
    size_t count;
    const struct matcher *value; /* TREE */
    const struct matcher *left;  /* NULL: nothing stands there */
    const struct matcher *right;
    int left_len; /* before left was simplified; 0 without one */
    int right_len;
};

struct chart_glob {
    const struct matcher *root;
};

/* The character at `at` < s.len and its bytes; what is no UTF-8 is U+FFFD of one byte. */
uint32_t glob_rune(struct str s, size_t at, size_t *out_len);
int glob_rune_count(struct str s);

const struct matcher *glob_compile(struct arena *a, const struct glob_node *root);

#endif
