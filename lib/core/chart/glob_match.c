/*
 * Matchers on names. match_all asks whether a text is matched whole; find, as upstream's Index,
 * where in a text the first match begins and which lengths it may have. Trees try these lengths one
 * by one, which is exponential in the worst case, so every character looked at is counted.
 */
#include "core/chart/glob_tree.h"

#include <string.h>

struct matching {
    struct arena *scratch; /* lengths that were found */
    uint64_t step_count;
    int rc; /* once < 0, nothing matches any more */
    struct err *err;
};

/* Where a matcher's text begins, and its possible lengths, rising. */
struct found {
    bool is_found;
    size_t at;
    uint32_t *length;
    size_t count;
};

static bool match_all(struct matching *g, const struct matcher *m, struct str s);
static struct found find(struct matching *g, const struct matcher *m, struct str s);

static bool spend(struct matching *g, size_t steps)
{
    g->step_count += steps;
    if (g->rc == 0 && g->step_count > CHART_GLOB_STEPS_MAX)
        g->rc =
            err_set(g->err, HL_ELIMIT, "pattern needs more than %d steps", CHART_GLOB_STEPS_MAX);
    return g->rc == 0;
}

/* ---- single characters ---- */

static bool set_has(struct str set, uint32_t rune)
{
    for (size_t at = 0, len; at < set.len; at += len) {
        if (glob_rune(set, at, &len) == rune)
            return true;
    }
    return false;
}

/* Of SINGLE, LIST and RANGE. */
static bool takes_rune(const struct matcher *m, uint32_t rune)
{
    if (m->kind == MATCH_SINGLE)
        return rune != '/';
    if (m->kind == MATCH_LIST)
        return set_has(m->text, rune) != m->is_not;
    return (rune >= m->low && rune <= m->high) != m->is_not;
}

/* The empty text counts as U+FFFD, as upstream decodes it. */
static bool takes_all(const struct matcher *m, struct str s)
{
    size_t len = 0;
    uint32_t rune = s.len > 0 ? glob_rune(s, 0, &len) : 0xfffd;

    return len == s.len && takes_rune(m, rune);
}

/* ---- whole texts ---- */

static size_t slash_in(struct str s)
{
    return str_find(s, STR("/"), 0);
}

/* Bytes of the part of s that begins at `at` and has `count` characters: up to where the last of
 * them begins, and one more. That is how upstream cuts, so a character of several bytes is cut
 * short. 0 if there are fewer; a part of no characters takes all there is, and is a panic where
 * nothing is. */
static size_t part_len(struct matching *g, struct str s, size_t at, int count)
{
    size_t last = at;
    int seen = 0;

    for (size_t i = at, len; i < s.len && (count == 0 || seen < count); i += len, seen++) {
        last = i;
        glob_rune(s, i, &len);
    }
    if (seen < count)
        return 0;
    if (at == s.len) {
        g->rc = err_set(g->err, HL_EINVAL,
                        "runtime error: slice bounds out of range [:%zu] with length %zu", at + 1,
                        s.len);
        return 0;
    }
    return last + 1 - at;
}

/* Whether s begins with the parts of a row. */
static bool row_begins(struct matching *g, const struct matcher *m, struct str s)
{
    size_t at = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct matcher *part = m->child[i];
        if (!spend(g, (size_t)part->len + 1))
            return false;
        size_t len = part_len(g, s, at, part->len);
        if (len == 0 || !match_all(g, part, str_sub(s, at, at + len)))
            return false;
        at += len;
    }
    return true;
}

static bool row_is(struct matching *g, const struct matcher *m, struct str s)
{
    return spend(g, s.len) && glob_rune_count(s) == m->len && row_begins(g, m, s);
}

static bool any_is(struct matching *g, const struct matcher *m, struct str s)
{
    for (size_t i = 0; i < m->count; i++) {
        if (match_all(g, m->child[i], s))
            return true;
    }
    return false;
}

static bool every_is(struct matching *g, const struct matcher *m, struct str s)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!match_all(g, m->child[i], s))
            return false;
    }
    return true;
}

static bool side_is(struct matching *g, const struct matcher *side, struct str s)
{
    return side ? match_all(g, side, s) : s.len == 0;
}

/* Whether the tree's value, found there with one of the lengths, leaves a fitting right side. */
static bool right_fits(struct matching *g, const struct matcher *m, struct str s, size_t at,
                       const struct found *value)
{
    for (size_t i = value->count; i > 0; i--) {
        if (side_is(g, m->right, str_sub(s, at + value->length[i - 1], s.len)))
            return true;
    }
    return false;
}

static bool tree_is(struct matching *g, const struct matcher *m, struct str s)
{
    if (m->len != LEN_VARIES && (size_t)m->len > s.len)
        return false;
    size_t offset = m->left_len > 0 ? (size_t)m->left_len : 0;
    size_t right_len = m->right_len > 0 ? (size_t)m->right_len : 0;
    size_t limit = right_len < s.len ? s.len - right_len : 0;
    while (offset < limit && g->rc == 0) {
        struct found value = find(g, m->value, str_sub(s, offset, limit));
        if (!value.is_found)
            return false;
        size_t at = offset + value.at;
        size_t step = 0;
        if (side_is(g, m->left, str_sub(s, 0, at)) && right_fits(g, m, s, at, &value))
            return true;
        if (at < s.len)
            glob_rune(s, at, &step);
        offset = at + step;
    }
    return false;
}

static bool match_all(struct matching *g, const struct matcher *m, struct str s)
{
    if (!spend(g, s.len + 1))
        return false;
    switch (m->kind) {
    case MATCH_NOTHING:
        return s.len == 0;
    case MATCH_TEXT:
        return str_eq(s, m->text);
    case MATCH_LIST:
    case MATCH_RANGE:
    case MATCH_SINGLE:
        return takes_all(m, s);
    case MATCH_ANY:
        return slash_in(s) == SIZE_MAX;
    case MATCH_SUPER:
        return true;
    case MATCH_PREFIX:
        return str_starts(s, m->text);
    case MATCH_SUFFIX:
        return str_ends(s, m->text);
    case MATCH_PREFIX_SUFFIX:
        return str_starts(s, m->text) && str_ends(s, m->suffix);
    case MATCH_PREFIX_ANY:
        return str_starts(s, m->text) && slash_in(str_sub(s, m->text.len, s.len)) == SIZE_MAX;
    case MATCH_SUFFIX_ANY:
        return str_ends(s, m->text) && slash_in(str_sub(s, 0, s.len - m->text.len)) == SIZE_MAX;
    case MATCH_CONTAINS:
        return (str_find(s, m->text, 0) != SIZE_MAX) != m->is_not;
    case MATCH_MIN:
        return glob_rune_count(s) >= m->limit;
    case MATCH_MAX:
        return glob_rune_count(s) <= m->limit;
    case MATCH_EVERY:
        return every_is(g, m, s);
    case MATCH_ROW:
        return row_is(g, m, s);
    case MATCH_ANY_OF:
        return any_is(g, m, s);
    case MATCH_TREE:
        return tree_is(g, m, s);
    }
    HL_ASSERT(false);
    return false;
}

/* ---- places in texts ---- */

static const struct found not_found = {0};

static struct found found_at(struct matching *g, size_t at, size_t room)
{
    return (struct found){
        .is_found = true, .at = at, .length = arena_array(g->scratch, uint32_t, room)};
}

static struct found found_one(struct matching *g, size_t at, size_t length)
{
    struct found f = found_at(g, at, 1);

    f.length[f.count++] = (uint32_t)length;
    return f;
}

/* The bytes of the character at `at` in the lists of lengths: what is no UTF-8 counts like the
 * U+FFFD that stands for it. A row that cut a character short can bring it about in any name. */
static size_t listed_len(struct str s, size_t at, size_t *out_len)
{
    return glob_rune(s, at, out_len) == 0xfffd ? 3 : *out_len;
}

/* At 0, with the lengths base + where in s a character begins, and its end. */
static struct found found_starts(struct matching *g, size_t base, struct str s)
{
    if (!spend(g, s.len))
        return not_found;
    struct found f = found_at(g, 0, s.len + 1);
    for (size_t at = 0, len; at < s.len; at += len) {
        f.length[f.count++] = (uint32_t)(base + at);
        glob_rune(s, at, &len);
    }
    f.length[f.count++] = (uint32_t)(base + s.len);
    return f;
}

/* At `at`, with the lengths base + where character min to max of s ends; the 0th ends at 0. */
static struct found found_ends(struct matching *g, size_t at, size_t base, struct str s, int min,
                               int max)
{
    if (!spend(g, s.len))
        return not_found;
    struct found f = found_at(g, at, s.len + 1);
    size_t start = 0;
    size_t end = 0;
    for (int number = 0; number <= max; number++) {
        size_t len;
        if (number >= min)
            f.length[f.count++] = (uint32_t)(base + end);
        if (start == s.len)
            break;
        end = start + listed_len(s, start, &len);
        start += len;
    }
    return f;
}

static struct found find_rune(struct matching *g, const struct matcher *m, struct str s)
{
    for (size_t at = 0, len; at < s.len; at += len) {
        uint32_t rune = glob_rune(s, at, &len);
        if (takes_rune(m, rune))
            return found_one(g, at, listed_len(s, at, &len));
    }
    return not_found;
}

/* Every end of the suffix behind the prefix; they do not overlap, counted from the back. */
static struct found find_prefix_suffix(struct matching *g, const struct matcher *m, struct str s,
                                       size_t at)
{
    struct str rest = str_sub(s, at, s.len);
    struct found f = found_at(g, at, rest.len);
    size_t to = rest.len;

    for (size_t i = rest.len; i-- > 0 && f.is_found;) {
        if (i + m->suffix.len > to || !str_starts(str_sub(rest, i, to), m->suffix))
            continue;
        f.length[f.count++] = (uint32_t)(i + m->suffix.len);
        to = i;
    }
    for (size_t i = 0; i < f.count / 2; i++) {
        uint32_t swapped = f.length[i];
        f.length[i] = f.length[f.count - 1 - i];
        f.length[f.count - 1 - i] = swapped;
    }
    return f.count > 0 ? f : not_found;
}

static struct found find_suffix_any(struct matching *g, const struct matcher *m, struct str s,
                                    size_t at)
{
    size_t from = at;

    while (from > 0 && s.ptr[from - 1] != '/')
        from--;
    return found_one(g, from, at + m->text.len - from);
}

/* The matchers that look for their text, which lies at `at`. */
static struct found find_around(struct matching *g, const struct matcher *m, struct str s,
                                size_t at)
{
    struct str behind = str_sub(s, at + m->text.len, s.len);

    switch (m->kind) {
    case MATCH_TEXT:
        return found_one(g, at, m->text.len);
    case MATCH_PREFIX:
        return found_ends(g, at, m->text.len, behind, 0, CHART_GLOB_NAME_MAX);
    case MATCH_SUFFIX:
        return found_one(g, 0, at + m->text.len);
    case MATCH_PREFIX_SUFFIX:
        return find_prefix_suffix(g, m, s, at);
    case MATCH_PREFIX_ANY:
        return found_ends(g, at, m->text.len, str_sub(behind, 0, slash_in(behind)), 0,
                          CHART_GLOB_NAME_MAX);
    case MATCH_SUFFIX_ANY:
        return find_suffix_any(g, m, s, at);
    default:
        HL_ASSERT(m->kind == MATCH_CONTAINS);
        return found_starts(g, at + m->text.len, behind);
    }
}

static struct found find_text(struct matching *g, const struct matcher *m, struct str s)
{
    size_t at = str_find(s, m->text, 0);

    if (m->is_not)
        return found_starts(g, 0, str_sub(s, 0, at));
    return at == SIZE_MAX ? not_found : find_around(g, m, s, at);
}

static struct found find_row(struct matching *g, const struct matcher *m, struct str s)
{
    for (size_t at = 0, len; at < s.len && s.len - at >= (size_t)m->len; at += len) {
        if (row_begins(g, m, str_sub(s, at, s.len)))
            return found_one(g, at, (size_t)m->len);
        if (g->rc < 0)
            break;
        glob_rune(s, at, &len);
    }
    return not_found;
}

static bool has_length(const struct found *f, uint32_t length)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->length[i] == length)
            return true;
    }
    return false;
}

/* All parts of EVERY begin at the start of s, so the lengths common to them are those of all. */
static struct found find_every(struct matching *g, const struct matcher *m, struct str s)
{
    struct found all = find(g, m->child[0], s);

    for (size_t i = 1; i < m->count; i++) {
        struct found f = find(g, m->child[i], s);
        size_t kept = 0;
        if (!spend(g, all.count * f.count))
            return not_found;
        for (size_t j = 0; j < all.count; j++) {
            if (has_length(&f, all.length[j]))
                all.length[kept++] = all.length[j];
        }
        all.count = kept;
    }
    return all.count > 0 ? all : not_found;
}

/* The lengths of both, in upstream's order. */
static struct found merge(struct matching *g, const struct found *a, const struct found *b)
{
    if (!spend(g, a->count + b->count))
        return not_found;
    struct found f = found_at(g, a->at, a->count + b->count);
    size_t i = 0;
    size_t j = 0;
    while (i < a->count || j < b->count) {
        bool is_a = i < a->count && (j == b->count || a->length[i] <= b->length[j]);
        bool is_b = j < b->count && (i == a->count || b->length[j] <= a->length[i]);
        f.length[f.count++] = is_a ? a->length[i] : b->length[j];
        i += is_a;
        j += is_b;
    }
    return f;
}

static struct found find_any_of(struct matching *g, const struct matcher *m, struct str s)
{
    struct found first = not_found;

    for (size_t i = 0; i < m->count; i++) {
        struct found f = find(g, m->child[i], s);
        if (!f.is_found || (first.is_found && f.at > first.at))
            continue;
        first = !first.is_found || f.at < first.at ? f : merge(g, &first, &f);
    }
    return first;
}

static struct found find(struct matching *g, const struct matcher *m, struct str s)
{
    if (!spend(g, s.len + 1))
        return not_found;
    switch (m->kind) {
    case MATCH_NOTHING:
        return found_one(g, 0, 0);
    case MATCH_LIST:
    case MATCH_RANGE:
    case MATCH_SINGLE:
        return find_rune(g, m, s);
    case MATCH_ANY:
        return found_starts(g, 0, str_sub(s, 0, slash_in(s)));
    case MATCH_SUPER:
        return found_starts(g, 0, s);
    case MATCH_MIN:
        return glob_rune_count(s) < m->limit
                   ? not_found
                   : found_ends(g, 0, 0, s, m->limit, CHART_GLOB_NAME_MAX);
    case MATCH_MAX:
        return found_ends(g, 0, 0, s, 0, m->limit);
    case MATCH_EVERY:
        return find_every(g, m, s);
    case MATCH_ROW:
        return find_row(g, m, s);
    case MATCH_ANY_OF:
        return find_any_of(g, m, s);
    case MATCH_TREE:
        return not_found; /* upstream never looks for one */
    default:
        return find_text(g, m, s);
    }
}

int chart_glob_match(const struct chart_glob *g, struct str name, bool *out, struct err *err)
{
    if (name.len > CHART_GLOB_NAME_MAX)
        return err_set(err, HL_ELIMIT, "name of more than %d bytes", CHART_GLOB_NAME_MAX);
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct matching matching = {.scratch = scratch, .err = err};
    bool is_match = match_all(&matching, g->root, name);
    if (matching.rc == 0)
        *out = is_match;
    return matching.rc;
}
