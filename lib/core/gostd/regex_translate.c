/*
 * Go's pattern syntax read as regexp/syntax reads it, written as PCRE2 wants it: one pass, a stack
 * of open groups, nothing else kept. Every atom is written so that a quantifier can follow it;
 * classes are written as ranges of code points, so that nothing depends on what PCRE2 thinks \w is.
 */
#include "core/gostd/regex_syntax.h"

#include <string.h>

#include "core/gostd/unicode.h"

enum flag { FLAG_FOLD = 1, FLAG_LINES = 2, FLAG_DOT_ALL = 4, FLAG_LAZY = 8 };
enum { REPEAT_MAX = 1000, WIDTH_MAX = 1 << 20, PARSE_INT_MAX = 100000000 };

struct atom { /* the last one of a branch */
    bool is_there;
    bool is_group;
    bool is_quantified; /* or something else that takes no quantifier without a group around it */
    size_t start;       /* in the output */
    uint32_t repeats;   /* greatest product of repeat counts within */
    uint64_t width;
    uint32_t wraps; /* groups written around it */
};

struct group {
    unsigned flags; /* of the pattern around it */
    bool is_folding;
    size_t start;
    struct atom last;
    uint64_t width; /* of the branch so far */
    uint64_t widest;
    uint32_t repeats;
};

struct translator {
    struct regex_class_reader in; /* the pattern; what is left of it; the error */
    struct regex_pattern *out;
    enum regex_use use;
    unsigned flags;
    bool is_folding; /* what PCRE2 thinks at this place */
    struct group top;
    struct group *open; /* what lies below top */
    size_t open_count;
    size_t open_cap;
};

static int fail(struct translator *t, const char *code, struct str expression)
{
    return regex_fail(&t->in, code, expression);
}

static struct str until(struct str from, struct str rest)
{
    return str_sub(from, 0, from.len - rest.len);
}

static void put(struct translator *t, const char *text)
{
    buf_add_cstr(&t->out->text, text);
}

static void put_callout(struct translator *t)
{
    if (t->use == REGEX_SEARCH)
        put(t, "(?C)");
}

/* Everything between two atoms is done with the one before. */
static void begin_atom_folding(struct translator *t, bool is_folding)
{
    struct group *g = &t->top;

    if (g->last.is_there) {
        g->width += g->last.width;
        if (g->width > WIDTH_MAX)
            g->width = WIDTH_MAX;
        if (g->last.repeats > g->repeats)
            g->repeats = g->last.repeats;
    }
    if (is_folding != t->is_folding)
        put(t, is_folding ? "(?i)" : "(?-i)");
    t->is_folding = is_folding;
    g->last = (struct atom){.is_there = true, .start = t->out->text.len, .repeats = 1, .width = 1};
}

static void begin_atom(struct translator *t)
{
    begin_atom_folding(t, (t->flags & FLAG_FOLD) != 0);
}

static void end_branch(struct translator *t)
{
    struct group *g = &t->top;

    if (g->last.is_there) {
        g->width += g->last.width;
        if (g->last.repeats > g->repeats)
            g->repeats = g->last.repeats;
    }
    if (g->width > g->widest)
        g->widest = g->width > WIDTH_MAX ? WIDTH_MAX : g->width;
    g->width = 0;
    g->last = (struct atom){0};
}

static void literal(struct translator *t, uint32_t r)
{
    begin_atom(t);
    regex_put_rune(&t->out->text, r);
}

static void assertion(struct translator *t, const char *text)
{
    begin_atom(t);
    t->top.last.width = 0;
    t->top.last.is_quantified = true;
    put(t, text);
}

/* ---- groups ---- */

static int open_group(struct translator *t, unsigned flags)
{
    begin_atom(t);
    struct group outer = t->top;
    outer.flags = t->flags;
    outer.is_folding = t->is_folding;
    ARENA_PUSH(t->in.a, t->open, t->open_count, t->open_cap, outer);
    t->top = (struct group){.repeats = 1};
    t->flags = flags;
    return 0;
}

static int open_capture(struct translator *t, struct str name)
{
    int rc = open_group(t, t->flags);

    if (rc < 0)
        return rc;
    ARENA_PUSH(t->in.a, t->out->name, t->out->group_count, t->out->name_cap, name);
    put(t, "(");
    return 0;
}

static int close_group(struct translator *t)
{
    if (t->open_count == 0)
        return fail(t, "unexpected )", t->in.whole);
    if (t->open_count >= REGEX_NESTING_MAX)
        return fail(t, "expression nests too deeply", t->in.whole);
    end_branch(t);
    struct group inner = t->top;
    t->top = t->open[--t->open_count];
    t->flags = t->top.flags;
    t->is_folding = t->top.is_folding;
    t->top.last.is_group = true;
    t->top.last.width = inner.widest;
    t->top.last.repeats = inner.repeats;
    put(t, ")");
    return 0;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_' && !regex_is_alnum((unsigned char)s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

/* (?P<name> and (?<name> */
static int named_capture(struct translator *t, size_t name_at)
{
    struct str s = t->in.rest;
    size_t end = str_find(s, STR(">"), 0);

    if (end == SIZE_MAX) {
        int rc = regex_check_utf8(&t->in, s);
        return rc < 0 ? rc : fail(t, "invalid named capture", s);
    }
    struct str name = str_sub(s, name_at, end);
    int rc = regex_check_utf8(&t->in, name);
    if (rc < 0)
        return rc;
    if (!is_name(name))
        return fail(t, "invalid named capture", str_sub(s, 0, end + 1));
    t->in.rest = str_sub(s, end + 1, s.len);
    return open_capture(t, name);
}

static unsigned flag_of(uint32_t r)
{
    switch (r) {
    case 'i':
        return FLAG_FOLD;
    case 'm':
        return FLAG_LINES;
    case 's':
        return FLAG_DOT_ALL;
    case 'U':
        return FLAG_LAZY;
    default:
        return 0;
    }
}

/* (?flags) and (?flags: */
static int flag_group(struct translator *t)
{
    struct str s = t->in.rest;
    unsigned flags = t->flags;
    bool is_minus = false;
    bool has_flag = false;
    uint32_t r;

    t->in.rest = str_sub(s, 2, s.len);
    while (t->in.rest.len > 0) {
        int rc = regex_next_rune(&t->in, &r);
        if (rc < 0)
            return rc;
        unsigned flag = flag_of(r);
        if (flag) {
            flags = is_minus ? flags & ~flag : flags | flag;
            has_flag = true;
        } else if (r == '-' && !is_minus) {
            is_minus = true;
            has_flag = false;
        } else if ((r == ':' || r == ')') && (!is_minus || has_flag)) {
            if (r == ')') {
                t->flags = flags;
                return 0;
            }
            rc = open_group(t, flags);
            put(t, "(?:");
            return rc;
        } else {
            break;
        }
    }
    return fail(t, "invalid or unsupported Perl syntax", until(s, t->in.rest));
}

static int parenthesis(struct translator *t)
{
    struct str s = t->in.rest;

    if (!str_starts(s, STR("(?"))) {
        t->in.rest = str_sub(s, 1, s.len);
        return open_capture(t, STR_NONE);
    }
    if (s.len > 4 && s.ptr[2] == 'P' && s.ptr[3] == '<')
        return named_capture(t, 4);
    if (s.len > 3 && s.ptr[2] == '<')
        return named_capture(t, 3);
    return flag_group(t);
}

/* ---- repetition ---- */

/* A decimal without leading zeros; -1 if it is far too large. */
static bool parse_int(struct str *s, int64_t *out)
{
    size_t len = 0;

    *out = 0;
    while (len < s->len && s->ptr[len] >= '0' && s->ptr[len] <= '9') {
        if (*out >= PARSE_INT_MAX)
            *out = -1;
        if (*out >= 0)
            *out = *out * 10 + (s->ptr[len] - '0');
        len++;
    }
    if (len == 0 || (len > 1 && s->ptr[0] == '0'))
        return false;
    *s = str_sub(*s, len, s->len);
    return true;
}

/* {min}, {min,} (max -1) or {min,max}; false if it is none of them. */
static bool parse_repeat(struct str *s, int64_t *min, int64_t *max)
{
    struct str at = str_sub(*s, 1, s->len);

    if (!parse_int(&at, min) || at.len == 0)
        return false;
    *max = *min;
    if (at.ptr[0] == ',') {
        at = str_sub(at, 1, at.len);
        if (at.len == 0)
            return false;
        if (at.ptr[0] == '}') {
            *max = -1;
        } else {
            if (!parse_int(&at, max))
                return false;
            if (*max < 0)
                *min = -1;
        }
    }
    if (at.len == 0 || at.ptr[0] != '}')
        return false;
    *s = str_sub(at, 1, at.len);
    return true;
}

/* Something quantified cannot be quantified again in PCRE2 without a group around it. */
static int wrap(struct translator *t)
{
    struct buf *text = &t->out->text;
    struct atom *last = &t->top.last;

    if (++last->wraps > REGEX_NESTING_MAX)
        return fail(t, "expression nests too deeply", t->in.whole);
    size_t len = text->len - last->start;
    buf_add_cstr(text, "(?:)");
    memmove(text->ptr + last->start + 3, text->ptr + last->start, len);
    memcpy(text->ptr + last->start, "(?:", 3);
    text->ptr[text->len - 1] = ')';
    return 0;
}

/* At least one: "xx*" for the breadth first matcher, which otherwise counts its x. */
static void put_quantifier(struct translator *t, struct str sign, bool is_lazy, bool is_some)
{
    struct buf *text = &t->out->text;
    struct atom *last = &t->top.last;
    bool is_copied = t->use == REGEX_TEST && is_some && !last->is_group && !last->is_quantified;

    if (is_copied) {
        size_t len = text->len - last->start;
        char *copy = buf_reserve(text, len);
        memcpy(copy, text->ptr + last->start, len);
        buf_commit(text, len);
    }
    buf_add(text, is_copied ? STR("*") : sign);
    if (is_lazy)
        put(t, "?");
    put_callout(t);
    last->is_quantified = true;
}

/* Behind `operator` lies t->in.rest. `before` is the repetition that stands right before it. */
static int repeat(struct translator *t, struct str operator, struct str before, int64_t min,
                  int64_t max)
{
    struct atom *last = &t->top.last;
    struct str sign = until(operator, t->in.rest);
    bool is_lazy = (t->flags & FLAG_LAZY) != 0;

    if (t->in.rest.len > 0 && t->in.rest.ptr[0] == '?') {
        t->in.rest = str_sub(t->in.rest, 1, t->in.rest.len);
        is_lazy = !is_lazy;
    }
    if (before.len > 0)
        return fail(t, "invalid nested repetition operator", until(before, t->in.rest));
    if (!last->is_there)
        return fail(t, "missing argument to repetition operator", until(operator, t->in.rest));
    uint32_t count = (uint32_t)(max < 0 ? min : max);
    if (sign.ptr[0] == '{') {
        if (count > 1 && last->repeats * count > REPEAT_MAX)
            return fail(t, "invalid repeat count", until(operator, t->in.rest));
        last->repeats = count == 0 ? 1 : last->repeats * count;
        last->width *= min > 1 ? (uint64_t)min : 1;
        if (last->width > WIDTH_MAX)
            last->width = WIDTH_MAX;
    }
    if (last->is_quantified) {
        int rc = wrap(t);
        if (rc < 0)
            return rc;
    }
    put_quantifier(t, sign, is_lazy, min == 1 && max < 0);
    return 0;
}

/* *before is the repetition right before this one, and this one afterwards. */
static int star(struct translator *t, struct str *before)
{
    struct str operator= t->in.rest;
    struct str last = *before;

    *before = operator;
    t->in.rest = str_sub(operator, 1, operator.len);
    return repeat(t, operator, last, operator.ptr[0] == '+', operator.ptr[0] == '?' ? 1 : - 1);
}

static int counted(struct translator *t, struct str *before)
{
    struct str operator= t->in.rest;
    struct str last = *before;
    int64_t min;
    int64_t max;

    *before = STR_NONE;
    if (!parse_repeat(&t->in.rest, &min, &max)) {
        literal(t, '{');
        t->in.rest = str_sub(operator, 1, operator.len);
        return 0;
    }
    if (min < 0 || min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && min > max))
        return fail(t, "invalid repeat count", until(operator, t->in.rest));
    *before = operator;
    return repeat(t, operator, last, min, max);
}

/* ---- the rest ---- */

/* \Q ... \E */
static int quoted(struct translator *t)
{
    struct str s = str_sub(t->in.rest, 2, t->in.rest.len);
    size_t end = str_find(s, STR("\\E"), 0);
    struct str behind = end == SIZE_MAX ? STR_NONE : str_sub(s, end + 2, s.len);
    uint32_t r;

    t->in.rest = str_sub(s, 0, end);
    while (t->in.rest.len > 0) {
        int rc = regex_next_rune(&t->in, &r);
        if (rc < 0)
            return rc;
        literal(t, r);
    }
    t->in.rest = behind;
    return 0;
}

static const char *assertion_of(char c)
{
    switch (c) {
    case 'A':
        return "\\A";
    case 'b':
        return "\\b";
    case 'B':
        return "\\B";
    case 'z':
        return "\\z";
    default:
        return NULL;
    }
}

static int class_atom(struct translator *t, bool is_bracketed)
{
    struct regex_class class = {.is_folding = (t->flags & FLAG_FOLD) != 0};
    int rc = is_bracketed ? regex_read_class(&t->in, &class) : regex_read_escape(&t->in, &class);

    if (rc == 0) {
        begin_atom_folding(t, false);
        regex_put_class(&t->out->text, &class);
        if (class.item_count > t->out->class_max)
            t->out->class_max = class.item_count;
    }
    buf_deinit(&class.items);
    return rc;
}

static int backslash(struct translator *t)
{
    struct str s = t->in.rest;
    char c = s.len > 1 ? s.ptr[1] : '\0';
    uint32_t r;

    if (s.len > 1 && assertion_of(c)) {
        assertion(t, assertion_of(c));
        t->in.rest = str_sub(s, 2, s.len);
        return 0;
    }
    if (c == 'C')
        return fail(t, "invalid escape sequence", str_sub(s, 0, 2));
    if (c == 'Q')
        return quoted(t);
    if (c && strchr("pPdDsSwW", c))
        return class_atom(t, false);
    int rc = regex_read_rune(&t->in, &r);
    if (rc == 0)
        literal(t, r);
    return rc;
}

static void bar(struct translator *t)
{
    end_branch(t);
    put(t, "|");
    put_callout(t);
}

static int any_rune(struct translator *t)
{
    uint32_t r;
    int rc = regex_next_rune(&t->in, &r);

    if (rc == 0)
        literal(t, r);
    return rc;
}

/* Everything that is one byte of the pattern and no repetition; 1 if it is something else. */
static int one_byte(struct translator *t, char c)
{
    switch (c) {
    case '|':
        bar(t);
        break;
    case ')': {
        int rc = close_group(t);
        if (rc < 0)
            return rc;
        break;
    }
    case '^':
        assertion(t, t->flags & FLAG_LINES ? "(?m:^)" : "\\A");
        break;
    case '$':
        assertion(t, t->flags & FLAG_LINES ? "(?m:$)" : "\\z");
        break;
    case '.':
        begin_atom(t);
        put(t, t->flags & FLAG_DOT_ALL ? "." : "\\N");
        break;
    default:
        return 1;
    }
    t->in.rest = str_sub(t->in.rest, 1, t->in.rest.len);
    return 0;
}

static int next(struct translator *t, struct str *repetition)
{
    char c = t->in.rest.ptr[0];

    if (c == '*' || c == '+' || c == '?')
        return star(t, repetition);
    if (c == '{')
        return counted(t, repetition);
    *repetition = STR_NONE;
    if (c == '(')
        return parenthesis(t);
    if (c == '[')
        return class_atom(t, true);
    if (c == '\\')
        return backslash(t);
    int rc = one_byte(t, c);
    return rc > 0 ? any_rune(t) : rc;
}

int regex_translate(struct arena *a, struct str pattern, enum regex_use use,
                    struct regex_pattern *out, struct str *out_error)
{
    struct translator t = {.in = {.a = a, .whole = pattern, .rest = pattern, .error = out_error},
                           .out = out,
                           .use = use,
                           .top = {.repeats = 1}};
    struct str repetition = STR_NONE;

    *out = (struct regex_pattern){0};
    if (pattern.len > REGEX_PATTERN_MAX)
        return fail(&t, "expression too large", str_sub(pattern, 0, 100));
    put(&t, use == REGEX_SEARCH ? "(?C1)" : ".*?(?:");
    while (t.in.rest.len > 0) {
        int rc = next(&t, &repetition);
        if (rc < 0)
            return rc;
    }
    if (t.open_count > 0)
        return fail(&t, "missing closing )", pattern);
    end_branch(&t);
    if (use == REGEX_TEST)
        put(&t, ")");
    out->width = t.top.widest;
    return 0;
}
