/*
 * Trees into matchers, step by step as upstream does it, since what a pattern matches depends on
 * the steps. The separator is always "/".
 */
#include "core/chart/glob_tree.h"

#include <string.h>

typedef const struct matcher *const *matchers; /* a row of them */

static const struct matcher *make(struct arena *a, struct matcher m)
{
    struct matcher *made = arena_one(a, struct matcher);

    *made = m;
    return made;
}

static const struct matcher *make_text(struct arena *a, struct str text)
{
    return make(a,
                (struct matcher){.kind = MATCH_TEXT, .len = glob_rune_count(text), .text = text});
}

/* A matcher of texts whose length it does not know. */
static const struct matcher *make_open(struct arena *a, enum matcher_kind kind, struct str text)
{
    return make(a, (struct matcher){.kind = kind, .len = LEN_VARIES, .text = text});
}

static const struct matcher *make_limit(struct arena *a, enum matcher_kind kind, int limit)
{
    return make(a, (struct matcher){.kind = kind, .len = LEN_VARIES, .limit = limit});
}

static const struct matcher *make_group(struct arena *a, enum matcher_kind kind, matchers m,
                                        size_t count, int len)
{
    const struct matcher **child = arena_array(a, const struct matcher *, count);

    memcpy(child, m, count * sizeof(*child));
    return make(a, (struct matcher){.kind = kind, .len = len, .child = child, .count = count});
}

static int len_of(const struct matcher *m) /* NULL: nothing stands there */
{
    return m ? m->len : 0;
}

static const struct matcher *make_tree(struct arena *a, const struct matcher *value,
                                       const struct matcher *left, const struct matcher *right)
{
    int left_len = len_of(left);
    int right_len = len_of(right);
    bool is_fixed = value->len != LEN_VARIES && left_len != LEN_VARIES && right_len != LEN_VARIES;

    return make(a,
                (struct matcher){.kind = MATCH_TREE,
                                 .len = is_fixed ? left_len + value->len + right_len : LEN_VARIES,
                                 .value = value,
                                 .left = left,
                                 .right = right,
                                 .left_len = left_len,
                                 .right_len = right_len});
}

/* The common length; upstream forgets about leading children whose lengths vary. */
static int any_of_len(matchers m, size_t count)
{
    int len = LEN_VARIES;

    for (size_t i = 0; i < count; i++) {
        if (len == LEN_VARIES)
            len = m[i]->len;
        else if (m[i]->len != len)
            return LEN_VARIES;
    }
    return len;
}

/* ---- simplifying one matcher ---- */

static bool is_kind(const struct matcher *m, enum matcher_kind kind)
{
    return m && m->kind == kind;
}

static const struct matcher *simplify(struct arena *a, const struct matcher *m);

/* A text between what its neighbours are, if upstream has a matcher for the three. */
static const struct matcher *simplify_text(struct arena *a, const struct matcher *m)
{
    const struct matcher *left = m->left;
    const struct matcher *right = m->right;
    struct str text = m->value->text;

    if (!left && !right)
        return make_text(a, text);
    if (is_kind(left, MATCH_SUPER) && is_kind(right, MATCH_SUPER))
        return make_open(a, MATCH_CONTAINS, text);
    if (is_kind(left, MATCH_SUPER) && !right)
        return make_open(a, MATCH_SUFFIX, text);
    if (is_kind(right, MATCH_SUPER) && !left)
        return make_open(a, MATCH_PREFIX, text);
    if (!left && is_kind(right, MATCH_SUFFIX))
        return make(a, (struct matcher){.kind = MATCH_PREFIX_SUFFIX,
                                        .len = LEN_VARIES,
                                        .text = text,
                                        .suffix = right->text});
    if (!right && is_kind(left, MATCH_PREFIX))
        return make(a, (struct matcher){.kind = MATCH_PREFIX_SUFFIX,
                                        .len = LEN_VARIES,
                                        .text = left->text,
                                        .suffix = text});
    if (!right && is_kind(left, MATCH_ANY))
        return make_open(a, MATCH_SUFFIX_ANY, text);
    if (!left && is_kind(right, MATCH_ANY))
        return make_open(a, MATCH_PREFIX_ANY, text);
    return m;
}

static const struct matcher *simplify(struct arena *a, const struct matcher *m)
{
    if (is_kind(m, MATCH_ANY_OF) && m->count == 1)
        return m->child[0];
    if (is_kind(m, MATCH_LIST) && !m->is_not && glob_rune_count(m->text) == 1)
        return make_text(a, m->text);
    if (!is_kind(m, MATCH_TREE))
        return m;
    struct matcher tree = *m;
    tree.left = simplify(a, tree.left);
    tree.right = simplify(a, tree.right);
    m = make(a, tree);
    return tree.value->kind == MATCH_TEXT ? simplify_text(a, m) : m;
}

/* ---- gluing neighbours ---- */

struct glue {
    enum matcher_kind kind;
    int len;
    int single_count; /* EVERY */
    bool is_open;     /* EVERY: has a star */
    struct str without;
};

/* What no character may be in the text that m matches; false if m is more than that. */
static bool excluded_by(const struct matcher *m, struct str *out)
{
    switch (m->kind) {
    case MATCH_SUPER:
        *out = STR("");
        return true;
    case MATCH_ANY:
    case MATCH_SINGLE:
        *out = STR("/");
        return true;
    case MATCH_LIST:
        *out = m->text;
        return m->is_not;
    default:
        return false;
    }
}

static bool glue_as_every(matchers m, size_t count, struct glue *out)
{
    size_t super_count = 0;
    size_t any_count = 0;
    struct str without;

    for (size_t i = 0; i < count; i++) {
        if (!excluded_by(m[i], &without) || (i > 0 && !str_eq(without, out->without)))
            return false;
        out->without = without;
        super_count += m[i]->kind == MATCH_SUPER;
        any_count += m[i]->kind == MATCH_ANY;
    }
    out->len = LEN_VARIES;
    out->is_open = super_count + any_count > 0;
    out->single_count = (int)(count - super_count - any_count);
    out->kind = out->single_count > 0 ? MATCH_EVERY : super_count > 0 ? MATCH_SUPER : MATCH_ANY;
    return true;
}

static bool glue_as_row(matchers m, size_t count, struct glue *out)
{
    *out = (struct glue){.kind = MATCH_ROW};
    for (size_t i = 0; i < count; i++) {
        if (m[i]->len == LEN_VARIES)
            return false;
        out->len += m[i]->len;
    }
    return true;
}

/* Whether upstream makes one matcher of these, and which. */
static bool can_glue(matchers m, size_t count, struct glue *out)
{
    *out = (struct glue){0};
    return count > 1 && (glue_as_every(m, count, out) || glue_as_row(m, count, out));
}

static const struct matcher *make_every(struct arena *a, const struct glue *glue)
{
    const struct matcher *part[3];
    size_t count = 0;
    struct matcher without = {
        .kind = MATCH_CONTAINS, .len = LEN_VARIES, .is_not = true, .text = glue->without};

    part[count++] = make_limit(a, MATCH_MIN, glue->single_count);
    if (!glue->is_open)
        part[count++] = make_limit(a, MATCH_MAX, glue->single_count);
    part[count++] = make(a, without);
    return make_group(a, MATCH_EVERY, part, count, LEN_VARIES);
}

static const struct matcher *make_glued(struct arena *a, const struct glue *glue, matchers m,
                                        size_t count)
{
    if (glue->kind == MATCH_EVERY)
        return make_every(a, glue);
    if (glue->kind == MATCH_ROW)
        return make_group(a, MATCH_ROW, m, count, glue->len);
    return make_open(a, glue->kind, STR_NONE);
}

/* The neighbours to glue first; false if there are none. */
static bool choose_glue(matchers m, size_t count, size_t *out_from, size_t *out_to,
                        struct glue *out)
{
    struct glue glue;
    size_t best_count = 0;

    for (size_t from = 0; from < count; from++) {
        for (size_t to = count; to > from + 1; to--) {
            if (!can_glue(&m[from], to - from, &glue))
                continue;
            bool is_longer = best_count > 0 && out->len != LEN_VARIES && glue.len != LEN_VARIES &&
                             glue.len > out->len;
            if (!is_longer && to - from <= best_count)
                continue;
            *out = glue;
            *out_from = from;
            *out_to = to;
            best_count = to - from;
        }
    }
    return best_count > 0;
}

/* Glues in place until nothing can be; returns how many remain. */
static size_t glue_all(struct arena *a, const struct matcher **m, size_t count)
{
    struct glue glue;
    size_t from;
    size_t to;

    while (choose_glue(m, count, &from, &to, &glue)) {
        m[from] = make_glued(a, &glue, &m[from], to - from);
        memmove(&m[from + 1], &m[to], (count - to) * sizeof(*m));
        count -= to - from - 1;
    }
    return count;
}

/* ---- hanging a row around its longest part of fixed length ---- */

static const struct matcher *join(struct arena *a, matchers m, size_t count)
{
    struct glue glue;
    size_t longest = count;
    int len = -1;

    if (count <= 1)
        return count == 1 ? m[0] : NULL;
    if (can_glue(m, count, &glue))
        return make_glued(a, &glue, m, count);
    for (size_t i = 0; i < count; i++) {
        if (m[i]->len != LEN_VARIES && m[i]->len >= len) {
            longest = i;
            len = m[i]->len;
        }
    }
    if (longest == count)
        longest = 0;
    return make_tree(a, m[longest], join(a, m, longest),
                     join(a, &m[longest + 1], count - longest - 1));
}

/* ---- alternatives with equal beginnings or ends ---- */

static bool node_eq(const struct glob_node *a, const struct glob_node *b)
{
    if (a->kind != b->kind || a->is_not != b->is_not || a->low != b->low || a->high != b->high ||
        !str_eq(a->text, b->text) || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!node_eq(a->child[i], b->child[i]))
            return false;
    }
    return true;
}

static const struct glob_node *shortest(const struct glob_node *any_of)
{
    const struct glob_node *least = any_of->child[0];

    for (size_t i = 1; i < any_of->count; i++) {
        if (any_of->child[i]->count < least->count)
            least = any_of->child[i];
    }
    return least;
}

/* Clears *is_left where part i of the shortest alternative is not part i of all, *is_right likewise
 * for part j, counted from the end, or where the beginnings have come to it first. */
static void compare_parts(const struct glob_node *any_of, const struct glob_node *least, size_t i,
                          size_t j, bool *is_left, bool *is_right)
{
    for (size_t k = 0; k < any_of->count && (*is_left || *is_right); k++) {
        const struct glob_node *n = any_of->child[k];
        if (n == least)
            continue;
        *is_left = *is_left && node_eq(least->child[i], n->child[i]);
        *is_right = *is_right && !(*is_left && j <= i) &&
                    node_eq(least->child[j], n->child[j + n->count - least->count]);
    }
}

/* How many parts all alternatives begin and end with. */
static void count_common(const struct glob_node *any_of, size_t *out_left, size_t *out_right)
{
    const struct glob_node *least = shortest(any_of);
    bool is_left = any_of->count > 1;
    bool is_right = is_left;

    *out_left = 0;
    *out_right = 0;
    for (size_t i = 0; i < least->count && *out_left + *out_right < least->count; i++) {
        compare_parts(any_of, least, i, least->count - 1 - i, &is_left, &is_right);
        *out_left += is_left;
        *out_right += is_right;
    }
}

static struct glob_node *pattern_of(struct arena *a, struct glob_node *const *child, size_t count)
{
    struct glob_node *n = glob_node_new(a, NODE_PATTERN);

    for (size_t i = 0; i < count; i++)
        glob_node_add(a, n, child[i]);
    return n;
}

static void add_unless_there(struct arena *a, struct glob_node *any_of, struct glob_node *n)
{
    for (size_t i = 0; i < any_of->count; i++) {
        if (node_eq(any_of->child[i], n))
            return;
    }
    glob_node_add(a, any_of, n);
}

/* The pattern "left{rests}right" for alternatives that share left and right; NULL if none do. */
static const struct glob_node *factor(struct arena *a, const struct glob_node *any_of)
{
    struct glob_node *result = glob_node_new(a, NODE_PATTERN);
    struct glob_node *rests = glob_node_new(a, NODE_ANY_OF);
    size_t left;
    size_t right;

    for (size_t i = 0; i < any_of->count; i++) {
        if (any_of->child[i]->kind != NODE_PATTERN)
            return NULL;
    }
    count_common(any_of, &left, &right);
    if (left + right == 0)
        return NULL;
    const struct glob_node *first = any_of->child[0];
    if (left > 0)
        glob_node_add(a, result, pattern_of(a, first->child, left));
    for (size_t i = 0; i < any_of->count; i++) {
        const struct glob_node *n = any_of->child[i];
        size_t rest = n->count - left - right;
        add_unless_there(a, rests,
                         rest > 0 ? pattern_of(a, n->child + left, rest)
                                  : glob_node_new(a, NODE_NOTHING));
    }
    if (rests->count > 1)
        glob_node_add(a, result, rests);
    else if (rests->child[0]->kind != NODE_NOTHING)
        glob_node_add(a, result, rests->child[0]);
    if (right > 0)
        glob_node_add(a, result, pattern_of(a, first->child + first->count - right, right));
    return result;
}

/* ---- trees ---- */

static const struct matcher *compile(struct arena *a, const struct glob_node *n);

static const struct matcher **compile_children(struct arena *a, const struct glob_node *n)
{
    const struct matcher **m = arena_array(a, const struct matcher *, n->count);

    for (size_t i = 0; i < n->count; i++)
        m[i] = simplify(a, compile(a, n->child[i]));
    return m;
}

static const struct matcher *compile_any_of(struct arena *a, const struct glob_node *n)
{
    const struct glob_node *factored = factor(a, n);

    if (factored)
        return compile(a, factored);
    const struct matcher **m = compile_children(a, n);
    return make_group(a, MATCH_ANY_OF, m, n->count, any_of_len(m, n->count));
}

static const struct matcher *compile_pattern(struct arena *a, const struct glob_node *n)
{
    if (n->count == 0)
        return make(a, (struct matcher){.kind = MATCH_NOTHING});
    const struct matcher **m = compile_children(a, n);
    return simplify(a, join(a, m, glue_all(a, m, n->count)));
}

static const struct matcher *compile(struct arena *a, const struct glob_node *n)
{
    struct matcher one = {
        .len = 1, .is_not = n->is_not, .text = n->text, .low = n->low, .high = n->high};

    switch (n->kind) {
    case NODE_NOTHING:
        return make(a, (struct matcher){.kind = MATCH_NOTHING});
    case NODE_PATTERN:
        return compile_pattern(a, n);
    case NODE_ANY_OF:
        return compile_any_of(a, n);
    case NODE_TEXT:
        return make_text(a, n->text);
    case NODE_ANY:
        return make_open(a, MATCH_ANY, STR_NONE);
    case NODE_SUPER:
        return make_open(a, MATCH_SUPER, STR_NONE);
    case NODE_SINGLE:
        one.kind = MATCH_SINGLE;
        return make(a, one);
    case NODE_LIST:
        one.kind = MATCH_LIST;
        return make(a, one);
    case NODE_RANGE:
        one.kind = MATCH_RANGE;
        return make(a, one);
    }
    HL_ASSERT(false);
    return NULL;
}

const struct matcher *glob_compile(struct arena *a, const struct glob_node *root)
{
    return compile(a, root);
}
