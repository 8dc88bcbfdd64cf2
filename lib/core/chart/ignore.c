/*
 * Rules are kept as they were written, with what their first and last characters say taken off.
 * Go's filepath.Match cuts a pattern at its stars into chunks and never comes back behind a star
 * that was followed by a matching chunk, so its cost is the pattern times the name.
 */
#include "core/chart/ignore.h"

#include <string.h>

#include "core/chart/space.h"

struct rule {
    struct str pattern;
    bool is_negated;
    bool wants_dir;
    bool wants_path; /* the whole path, not only its last part */
    bool is_name;    /* the pattern stands for itself alone, */
    bool is_ending;  /* or it is a star and this: what names end with */
    struct str literal;
};

struct ignore_rules {
    struct rule *rule;
    size_t count;
    size_t cap;
};

/* ---- filepath.Match ---- */

static int fail_pattern(struct err *err)
{
    return err_set(err, HL_EINVAL, "syntax error in pattern");
}

/* The character at the start of s and its bytes: U+FFFD for what is no UTF-8, 0 at the end. */
static uint32_t first_rune(struct str s, size_t *out_len)
{
    uint32_t rune;

    *out_len = 0;
    if (s.len == 0)
        return 0xfffd;
    *out_len = str_rune(s, 0, &rune);
    if (*out_len > 0)
        return rune;
    *out_len = 1;
    return 0xfffd;
}

static void skip(struct str *s, size_t len)
{
    *s = str_sub(*s, len, s->len);
}

/* A character of a set, perhaps behind a backslash; something must follow it. */
static int take_set_rune(struct str *chunk, uint32_t *out, struct err *err)
{
    size_t len;

    if (chunk->len == 0 || chunk->ptr[0] == '-' || chunk->ptr[0] == ']')
        return fail_pattern(err);
    if (chunk->ptr[0] == '\\')
        skip(chunk, 1);
    *out = first_rune(*chunk, &len);
    if (len == 0 || (*out == 0xfffd && len == 1))
        return fail_pattern(err);
    skip(chunk, len);
    return chunk->len == 0 ? fail_pattern(err) : 0;
}

/* "[...]" at the start of *chunk, which moves behind it, and whether `rune` is one of its. */
static int take_set(struct str *chunk, uint32_t rune, bool *out, struct err *err)
{
    bool is_negated = chunk->len > 1 && chunk->ptr[1] == '^';
    bool is_in = false;

    skip(chunk, is_negated ? 2 : 1);
    for (size_t range_count = 0; !(chunk->len > 0 && chunk->ptr[0] == ']' && range_count > 0);
         range_count++) {
        uint32_t low = 0;
        int rc = take_set_rune(chunk, &low, err);
        uint32_t high = low;
        if (rc == 0 && chunk->ptr[0] == '-') {
            skip(chunk, 1);
            rc = take_set_rune(chunk, &high, err);
        }
        if (rc < 0)
            return rc;
        is_in = is_in || (low <= rune && rune <= high);
    }
    skip(chunk, 1);
    *out = is_in != is_negated;
    return 0;
}

/* What one element of a chunk says to the start of *s; both move on. */
static int take_element(struct str *chunk, struct str *s, bool *is_match, struct err *err)
{
    size_t len;
    uint32_t rune = first_rune(*s, &len);
    bool is_here = true;
    int rc = 0;

    if (chunk->ptr[0] == '[') {
        rc = take_set(chunk, rune, &is_here, err);
    } else if (chunk->ptr[0] == '?') {
        is_here = rune != '/';
        skip(chunk, 1);
    } else {
        if (chunk->ptr[0] == '\\')
            skip(chunk, 1);
        if (chunk->len == 0)
            return fail_pattern(err);
        is_here = s->len > 0 && chunk->ptr[0] == s->ptr[0];
        len = s->len > 0;
        skip(chunk, 1);
    }
    *is_match = *is_match && s->len > 0 && is_here;
    skip(s, len);
    return rc;
}

/* Whether s begins with the chunk; *rest is what is behind. A chunk that does not match is read to
 * its end all the same, for its syntax. */
static int match_chunk(struct str chunk, struct str s, bool *is_match, struct str *rest,
                       struct err *err)
{
    *is_match = true;
    while (chunk.len > 0) {
        int rc = take_element(&chunk, &s, is_match, err);
        if (rc < 0)
            return rc;
    }
    *rest = s;
    return 0;
}

/* Cuts stars and the chunk behind them off the pattern. */
static bool take_chunk(struct str *pattern, struct str *out_chunk)
{
    bool in_set = false;
    size_t i = 0;
    size_t from = 0;

    while (from < pattern->len && pattern->ptr[from] == '*')
        from++;
    for (i = from; i < pattern->len; i++) {
        char c = pattern->ptr[i];
        if (c == '\\' && i + 1 < pattern->len)
            i++;
        else if (c == '[' || c == ']')
            in_set = c == '[';
        else if (c == '*' && !in_set)
            break;
    }
    *out_chunk = str_sub(*pattern, from, i);
    *pattern = str_sub(*pattern, i, pattern->len);
    return from > 0;
}

/* Finds the chunk at the start of *name or, behind a star, anywhere before a "/"; moves behind it.
 * `is_last`: nothing may remain. Behind a failure in the first place only a star goes on. */
static int find_chunk(struct str chunk, bool has_star, bool is_last, struct str *name,
                      bool *is_match, struct err *err)
{
    struct str s = *name;
    struct str rest;

    for (;;) {
        int rc = match_chunk(chunk, s, is_match, &rest, err);
        if (rc < 0)
            return rc;
        *is_match = *is_match && (rest.len == 0 || !is_last);
        if (*is_match || !has_star || s.len == 0 || s.ptr[0] == '/')
            break;
        skip(&s, 1);
    }
    *name = rest;
    return 0;
}

int ignore_match(struct str pattern, struct str name, bool *out, struct err *err)
{
    bool is_match = true;
    struct str chunk;

    while (pattern.len > 0 && is_match) {
        bool has_star = take_chunk(&pattern, &chunk);
        if (has_star && chunk.len == 0) {
            *out = !str_has_byte(name, '/');
            return 0;
        }
        int rc = find_chunk(chunk, has_star, pattern.len == 0, &name, &is_match, err);
        if (rc < 0)
            return rc;
    }
    *out = is_match && name.len == 0;
    return 0;
}

/* ---- rules ---- */

static int check_rule(struct str text, struct err *err)
{
    bool is_match;

    if (text.len > IGNORE_RULE_MAX)
        return err_set(err, HL_ELIMIT, "rule of more than %d bytes", IGNORE_RULE_MAX);
    if (str_find(text, STR("**"), 0) != SIZE_MAX)
        return err_set(err, HL_EINVAL, "double-star (**) syntax is not supported");
    return ignore_match(text, STR("abc"), &is_match, err);
}

static struct rule read_rule(struct str text)
{
    struct rule r = {.is_negated = str_starts(text, STR("!"))};

    if (r.is_negated)
        skip(&text, 1);
    r.wants_dir = str_ends(text, STR("/"));
    if (r.wants_dir)
        text.len--;
    r.wants_path = str_has_byte(text, '/');
    while (str_starts(text, STR("/")))
        skip(&text, 1);
    r.pattern = text;
    r.is_ending = str_starts(text, STR("*")) && !r.wants_path;
    r.literal = r.is_ending ? str_sub(text, 1, text.len) : text;
    r.is_name = !r.is_ending;
    for (size_t i = 0; i < r.literal.len; i++) {
        if (strchr("*?[\\", r.literal.ptr[i]))
            r.is_name = r.is_ending = false;
    }
    return r;
}

static int add_rule(struct arena *a, struct ignore_rules *rules, struct str line, struct err *err)
{
    struct str text = space_trim(line);

    if (text.len == 0 || text.ptr[0] == '#')
        return 0;
    int rc = check_rule(text, err);
    if (rc == 0 && rules->count == IGNORE_RULES_MAX)
        rc = err_set(err, HL_ELIMIT, "more than %d rules", IGNORE_RULES_MAX);
    if (rc < 0)
        return rc;
    ARENA_PUSH(a, rules->rule, rules->count, rules->cap, read_rule(text));
    return 0;
}

int ignore_parse(struct arena *a, struct str text, const struct ignore_rules **out, struct err *err)
{
    struct ignore_rules *rules = arena_one(a, struct ignore_rules);
    int rc = 0;

    if (text.len > IGNORE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "rules of more than %d bytes", IGNORE_BYTES_MAX);
    struct str rest = arena_dup(a, text);
    if (str_starts(rest, STR("\xEF\xBB\xBF")))
        skip(&rest, 3);
    while (rc == 0 && rest.len > 0)
        rc = add_rule(a, rules, str_cut(&rest, '\n'), err);
    if (rc == 0)
        rc = add_rule(a, rules, STR("templates/.?*"), err);
    if (rc == 0)
        *out = rules;
    return rc;
}

/* filepath.Base. */
static struct str last_part(struct str path)
{
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    for (size_t i = path.len; i > 0; i--) {
        if (path.ptr[i - 1] == '/' && path.len > 1)
            return str_sub(path, i, path.len);
    }
    return path;
}

static bool rule_matches(const struct rule *r, struct str path)
{
    struct str name = r->wants_path ? path : last_part(path);
    bool is_match;

    if (r->is_name)
        return str_eq(r->literal, name);
    if (r->is_ending)
        return str_ends(name, r->literal);
    if (ignore_match(r->pattern, name, &is_match, NULL) < 0)
        return false; /* what the trimmed pattern lacks, Helm logs and passes over */
    return is_match;
}

static bool rule_ignores(const struct rule *r, struct str path, bool is_dir)
{
    if (r->wants_dir && !is_dir)
        return r->is_negated;
    return rule_matches(r, path) != r->is_negated;
}

bool ignore_has(const struct ignore_rules *rules, struct str path, bool is_dir)
{
    if (path.len == 0 || path.len > IGNORE_PATH_MAX || str_eq(path, STR(".")) ||
        str_eq(path, STR("./")))
        return false;
    for (size_t i = 0; i < rules->count; i++) {
        if (rule_ignores(&rules->rule[i], path, is_dir))
            return true;
    }
    return false;
}
