/*
 * One pass over the pattern by recursive descent, writing PCRE2's form on the way.
 *
 * What differs between the two is written out: "^" and "$" become \A and \z unless (?m) is on, "."
 * excludes "\n" unless (?s) is on. Literals are escaped. Counts are checked
 * as Go does: nested ones may multiply to 1000.
 */
#include <stdio.h>
#include <string.h>

#include "core/schema/regex.h"
#include "core/schema/regex_syntax.h"

enum { REPEAT_MAX = 1000 };

/* The last atom of a concatenation: where it stands in the output. */
struct piece {
    size_t start;
    size_t end;
    int weight; /* how often its counts multiply */
    bool is_there;
    bool is_repeated;
    bool is_assertion; /* to repeat it makes no sense, but is allowed */
    bool is_group;
};

bool translate_fail(struct translator *t, const char *code, size_t from, size_t to)
{
    buf_printf(t->reason, "error parsing regexp: %s: `", code);
    buf_add(t->reason, str_sub(t->pattern, from, to));
    buf_add_byte(t->reason, '`');
    return false;
}

bool translate_looking_at(const struct translator *t, const char *text)
{
    return str_starts(str_sub(t->pattern, t->at, t->pattern.len), str_from(text));
}

bool translate_rune(struct translator *t, uint32_t *out)
{
    size_t len = translate_at_end(t) ? 0 : str_rune(t->pattern, t->at, out);

    if (len == 0) {
        translate_fail(t, "invalid UTF-8", 0, t->pattern.len);
        return false;
    }
    t->at += len;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool translate_is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static void put_rune(struct translator *t, uint32_t rune)
{
    if (translate_is_word(rune))
        buf_add_byte(t->out, (char)rune);
    else
        buf_printf(t->out, "\\x{%x}", (unsigned)rune);
}

/* Repeats ------------------------------------------------------------------------------------ */

/* Digits without leading zeros; counts too large come out as REPEAT_MAX + 1. */
static bool count(struct translator *t, size_t *at, int *out)
{
    struct str p = t->pattern;

    if (*at >= p.len || !is_digit(p.ptr[*at]))
        return false;
    if (p.ptr[*at] == '0' && *at + 1 < p.len && is_digit(p.ptr[*at + 1]))
        return false;
    for (*out = 0; *at < p.len && is_digit(p.ptr[*at]); (*at)++) {
        if (*out <= REPEAT_MAX)
            *out = *out * 10 + (p.ptr[*at] - '0');
    }
    if (*out > REPEAT_MAX)
        *out = REPEAT_MAX + 1;
    return true;
}

/* "{n}", "{n,}", "{n,m}" (most is -1 without end); where it ends, or 0 if it is none. */
static size_t braces(struct translator *t, int *least, int *most)
{
    size_t at = t->at + 1;

    if (!count(t, &at, least))
        return 0;
    *most = *least;
    if (at < t->pattern.len && t->pattern.ptr[at] == ',') {
        at++;
        *most = -1;
        if (at < t->pattern.len && t->pattern.ptr[at] != '}' && !count(t, &at, most))
            return 0;
    }
    return at < t->pattern.len && t->pattern.ptr[at] == '}' ? at + 1 : 0;
}

static void insert(struct buf *out, size_t at, struct str text)
{
    size_t behind = out->len - at;

    buf_add(out, text);
    memmove(out->ptr + at + text.len, out->ptr + at, behind);
    memcpy(out->ptr + at, text.ptr, text.len);
}

/* An operator applies to the atom before it, even if flags were set between the two. */
static void put_repeat(struct translator *t, struct piece *piece, struct str text)
{
    if (piece->is_repeated) {
        insert(t->out, piece->end, STR(")"));
        insert(t->out, piece->start, STR("(?:"));
        piece->end += 4;
    }
    insert(t->out, piece->end, text);
    piece->end += text.len;
    piece->is_repeated = true;
}

/*
 * "*", "+" or "?". Of an assertion only whether it must hold is left. x+ becomes xx*: PCRE2 counts
 * the characters of the former, and takes every count for a state of its own.
 */
static bool put_operator(struct translator *t, struct piece *piece, char op)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (piece->is_assertion && op == '+')
        return true;
    if (!piece->is_assertion && op == '+' && !piece->is_group && !piece->is_repeated) {
        buf_add_bytes(&text, t->out->ptr + piece->start, piece->end - piece->start);
        insert(t->out, piece->end, buf_str(&text));
        piece->start = piece->end;
        piece->end += text.len;
        op = '*';
    }
    put_repeat(t, piece, piece->is_assertion ? STR("?") : (struct str){&op, 1});
    return true;
}

static bool put_counts(struct translator *t, struct piece *piece, int least, int most)
{
    char text[32];

    if (piece->is_assertion)
        return put_operator(t, piece, least == 0 ? '?' : '+');
    if (most < 0)
        snprintf(text, sizeof(text), "{%d,}", least);
    else
        snprintf(text, sizeof(text), "{%d,%d}", least, most);
    put_repeat(t, piece, str_from(text));
    return true;
}

/* An operator: "*", "+", "?", counts; a "?" behind it is dropped. `last_repeat` is where the
 * operator just before it began, if there is one. */
static bool repeat(struct translator *t, struct piece *piece, size_t last_repeat)
{
    size_t start = t->at;
    int least = 0;
    int most = -1;
    size_t end = start + 1;

    if (translate_peek(t, 0) == '{') {
        end = braces(t, &least, &most);
        HL_ASSERT(end > 0);
        if (least > REPEAT_MAX || most > REPEAT_MAX || (most >= 0 && least > most))
            return translate_fail(t, "invalid repeat count", start, end);
    }
    t->at = end;
    if (translate_peek(t, 0) == '?')
        t->at++;
    if (last_repeat != SIZE_MAX)
        return translate_fail(t, "invalid nested repetition operator", last_repeat, t->at);
    if (!piece->is_there)
        return translate_fail(t, "missing argument to repetition operator", start, t->at);
    if (t->pattern.ptr[start] != '{')
        return put_operator(t, piece, t->pattern.ptr[start]);
    int factor = most >= 0 ? most : least;
    if ((least >= 2 || most >= 2) && piece->weight * factor > REPEAT_MAX)
        return translate_fail(t, "invalid repeat count", start, t->at);
    piece->weight *= factor > 0 ? factor : 1;
    return put_counts(t, piece, least, most);
}

/* Atoms -------------------------------------------------------------------------------------- */

static bool alternation(struct translator *t, int *weight);

static bool is_repeat(struct translator *t)
{
    int least;
    int most;
    char c = translate_peek(t, 0);

    if (translate_at_end(t))
        return false;
    return c == '*' || c == '+' || c == '?' || (c == '{' && braces(t, &least, &most) > 0);
}

static bool named_group(struct translator *t, size_t name_at)
{
    size_t end = str_find(t->pattern, STR(">"), t->at);
    size_t i = name_at;

    if (end == SIZE_MAX)
        return translate_fail(t, "invalid named capture", t->at, t->pattern.len);
    while (i < end && translate_is_word((unsigned char)t->pattern.ptr[i]))
        i++;
    if (i < end || end <= name_at)
        return translate_fail(t, "invalid named capture", t->at, end + 1);
    t->at = end + 1;
    buf_add(t->out, STR("(?:"));
    return true;
}

static bool *flag_of(struct translator *flags, uint32_t c, bool *ignored)
{
    switch (c) {
    case 'i':
        return &flags->ignores_case;
    case 'm':
        return &flags->is_multiline;
    case 's':
        return &flags->has_dot_newline;
    case 'U': /* greediness does not matter */
        return ignored;
    default:
        return NULL;
    }
}

/* "(?i)", "(?i-s:": sets the flags; *is_group tells which of the two forms it was. */
static bool group_flags(struct translator *t, bool *is_group)
{
    size_t start = t->at;
    bool is_on = true;
    bool has_flag = false;
    bool ignored;
    uint32_t c = 0;

    for (t->at += 2; !translate_at_end(t);) {
        if (!translate_rune(t, &c))
            return false;
        bool *flag = flag_of(t, c, &ignored);
        if (flag) {
            *flag = is_on;
            has_flag = true;
        } else if (c == '-' && is_on) {
            is_on = false;
            has_flag = false;
        } else if ((c == ':' || c == ')') && (is_on || has_flag)) {
            *is_group = c == ':';
            return true;
        } else {
            break;
        }
    }
    return translate_fail(t, "invalid or unsupported Perl syntax", start, t->at);
}

/* The flags that PCRE2 is told; the others are written out where they matter. */
static void put_case_flag(struct translator *t)
{
    buf_add_cstr(t->out, t->ignores_case ? "(?i)" : "(?-i)");
}

static bool group_body(struct translator *t, const struct translator *outside, int *weight)
{
    if (t->depth == REGEX_DEPTH_MAX)
        return translate_fail(t, "expression nests too deeply", 0, t->pattern.len);
    t->depth++;
    if (!alternation(t, weight))
        return false;
    t->depth--;
    if (translate_at_end(t))
        return translate_fail(t, "missing closing )", 0, t->pattern.len);
    t->at++;
    buf_add_byte(t->out, ')');
    t->was_assertion = false;
    t->is_multiline = outside->is_multiline;
    t->has_dot_newline = outside->has_dot_newline;
    t->ignores_case = outside->ignores_case;
    return true;
}

/* *is_atom: false for "(?i)". */
static bool group(struct translator *t, int *weight, bool *is_atom)
{
    const struct translator outside = *t;

    *is_atom = true;
    if (translate_looking_at(t, "(?P<") || translate_looking_at(t, "(?<")) {
        if (!named_group(t, t->at + (translate_peek(t, 2) == 'P' ? 4 : 3)))
            return false;
    } else if (translate_looking_at(t, "(?")) {
        if (!group_flags(t, is_atom))
            return false;
        if (*is_atom)
            buf_add(t->out, STR("(?:"));
        put_case_flag(t);
        if (!*is_atom)
            return true;
    } else {
        t->at++;
        buf_add(t->out, STR("(?:"));
    }
    return group_body(t, &outside, weight);
}

static void put_assertion(struct translator *t, const char *text, size_t len)
{
    buf_printf(t->out, "(?:%s)", text);
    t->at += len;
    t->was_assertion = true;
}

/* \Q...\E: the characters up to the last are written; the last may be repeated. */
static bool quoted(struct translator *t, bool *is_atom)
{
    size_t end = str_find(t->pattern, STR("\\E"), t->at + 2);
    uint32_t c = 0;

    t->at += 2;
    *is_atom = t->at < (end == SIZE_MAX ? t->pattern.len : end);
    while (!translate_at_end(t) && t->at < end) {
        if (!translate_rune(t, &c))
            return false;
        put_rune(t, c);
    }
    if (end != SIZE_MAX)
        t->at = end + 2;
    return true;
}

static bool backslash(struct translator *t, bool *is_atom)
{
    uint32_t c = 0;

    switch (translate_peek(t, 1)) {
    case 'A':
    case 'z':
    case 'b':
    case 'B':
        put_assertion(t, (const char[]){'\\', translate_peek(t, 1), '\0'}, 2);
        return true;
    case 'C':
        return translate_fail(t, "invalid escape sequence", t->at, t->at + 2);
    case 'Q':
        return quoted(t, is_atom);
    case 'p':
    case 'P':
        return translate_unicode_class(t);
    default:
        break;
    }
    size_t start = t->out->len;
    buf_add_byte(t->out, '[');
    if (translate_perl_class(t)) {
        buf_add_byte(t->out, ']');
        return true;
    }
    t->out->len = start;
    if (!translate_escape(t, &c))
        return false;
    put_rune(t, c);
    return true;
}

static bool atom(struct translator *t, int *weight, bool *is_atom)
{
    uint32_t c = 0;

    *weight = 1;
    *is_atom = true;
    switch (translate_peek(t, 0)) {
    case '(':
        return group(t, weight, is_atom);
    case '[':
        return translate_bracket(t);
    case '^':
        put_assertion(t, t->is_multiline ? "(?m)^" : "\\A", 1);
        return true;
    case '$':
        put_assertion(t, t->is_multiline ? "(?m)$" : "\\z", 1);
        return true;
    case '.':
        buf_add_cstr(t->out, t->has_dot_newline ? "(?s:.)" : "[^\\n]");
        t->at++;
        return true;
    case '\\':
        return backslash(t, is_atom);
    default:
        if (!translate_rune(t, &c))
            return false;
        put_rune(t, c);
        return true;
    }
}

/* An atom, or something that is none: "(?i)", "\\Q\\E". */
static bool next_piece(struct translator *t, struct piece *piece)
{
    struct piece next = {.start = t->out->len, .weight = 1};
    bool is_group = translate_peek(t, 0) == '(' || translate_looking_at(t, "\\Q");

    t->was_assertion = false;
    if (!atom(t, &next.weight, &next.is_there))
        return false;
    next.is_assertion = t->was_assertion;
    next.is_group = is_group;
    next.end = t->out->len;
    if (next.is_there)
        *piece = next;
    return true;
}

static bool concatenation(struct translator *t, int *weight)
{
    struct piece piece = {.weight = 1};
    size_t last_repeat = SIZE_MAX; /* where the operator just before began */

    while (!translate_at_end(t) && translate_peek(t, 0) != '|' && translate_peek(t, 0) != ')') {
        size_t start = t->at;
        if (is_repeat(t)) {
            if (!repeat(t, &piece, last_repeat))
                return false;
            last_repeat = start;
        } else {
            if (!next_piece(t, &piece))
                return false;
            last_repeat = SIZE_MAX;
        }
        *weight = piece.weight > *weight ? piece.weight : *weight;
    }
    return true;
}

static bool alternation(struct translator *t, int *weight)
{
    bool has_more;

    do {
        if (!concatenation(t, weight))
            return false;
        has_more = translate_peek(t, 0) == '|' && !translate_at_end(t);
        if (has_more) {
            t->at++;
            buf_add_byte(t->out, '|');
        }
    } while (has_more);
    return true;
}

bool schema_regex_translate(struct arena *a, struct str pattern, struct str *out,
                            struct str *reason)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    HL_CLEANUP(buf_deinit) struct buf message = {0};
    struct translator t = {.pattern = pattern, .out = &text, .reason = &message};
    int weight = 1;
    bool is_good = pattern.len <= REGEX_BYTES_MAX;

    if (!is_good)
        buf_printf(&message, "error parsing regexp: more than %d bytes", REGEX_BYTES_MAX);
    is_good = is_good && alternation(&t, &weight);
    if (is_good && !translate_at_end(&t))
        is_good = translate_fail(&t, "unexpected )", 0, pattern.len);
    *out = arena_dup(a, buf_str(&text));
    *reason = arena_dup(a, buf_str(&message));
    return is_good;
}
