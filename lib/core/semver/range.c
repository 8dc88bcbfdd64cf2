/*
 * Ranges. The grammar is upstream's regular expressions, read by hand: an operator is the longest
 * run of operator characters; a version stretches to the next blank, comma or end, or it is none.
 * So one pass decides, where the expressions would try again.
 */
#include "core/semver/scan.h"

enum op { OP_EQ, OP_NE, OP_GT, OP_LT, OP_GE, OP_LE, OP_TILDE, OP_CARET };

static const struct {
    const char *text;
    enum op op;
} operators[] = {
    {"", OP_EQ},   {"=", OP_EQ},  {"!=", OP_NE}, {">", OP_GT},    {"<", OP_LT},     {">=", OP_GE},
    {"=>", OP_GE}, {"<=", OP_LE}, {"=<", OP_LE}, {"~", OP_TILDE}, {"~>", OP_TILDE}, {"^", OP_CARET},
};

struct clause {
    enum op op;
    struct semver bound; /* with 0 for what is not given */
    bool is_partial;     /* ends early or has an x: upstream's dirty */
    bool lacks_minor;    /* the major part is given, the minor one is not */
    bool lacks_patch;    /* only the patch part is not given */
};

struct alternative {
    struct clause *clause;
    size_t count;
    size_t cap;
    bool names_prerelease;
};

struct semver_range {
    struct alternative *alternative;
    size_t count;
    size_t cap;
};

/* ---- reading ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static size_t skip_blanks(struct str s, size_t at)
{
    while (at < s.len && is_blank(s.ptr[at]))
        at++;
    return at;
}

/* Upstream's class of a part has "|" in it, too. */
static bool is_part_byte(char c)
{
    return scan_is_digit(c) || c == 'x' || c == 'X' || c == '*' || c == '|';
}

static size_t skip_part(struct str s, size_t at)
{
    while (at < s.len && is_part_byte(s.ptr[at]))
        at++;
    return at;
}

/* The pieces of a constraint's version, as they stand in the text. */
struct pieces {
    struct str whole;
    struct str part[3]; /* without dots; empty: not given */
    struct str pre;     /* with its "-" */
};

/* Reads the version that starts at `at`; returns where it ends, `at` if none starts there. */
static size_t read_pieces(struct str s, size_t at, struct pieces *out)
{
    size_t from = at < s.len && s.ptr[at] == 'v' ? at + 1 : at;
    size_t end = skip_part(s, from);

    *out = (struct pieces){.part[0] = str_sub(s, from, end)};
    if (end == from)
        return at;
    for (size_t i = 1; i < 3 && end < s.len && s.ptr[end] == '.'; i++) {
        size_t next = skip_part(s, end + 1);
        if (next == end + 1)
            break;
        out->part[i] = str_sub(s, end + 1, next);
        end = next;
    }
    size_t behind_pre = scan_identifiers(s, end, '-');
    out->pre = str_sub(s, end, behind_pre);
    end = scan_identifiers(s, behind_pre, '+');
    out->whole = str_sub(s, at, end);
    return end;
}

/* "A - B" at `at` with the blanks around it; 0 where none starts. */
static size_t read_hyphen(struct str s, size_t at, struct str *out_low, struct str *out_high)
{
    struct pieces low;
    struct pieces high;
    size_t from = skip_blanks(s, at);
    size_t end = read_pieces(s, from, &low);
    size_t hyphen = skip_blanks(s, end);

    if (end == from || hyphen == end || hyphen >= s.len || s.ptr[hyphen] != '-')
        return 0;
    from = skip_blanks(s, hyphen + 1);
    end = read_pieces(s, from, &high);
    if (from == hyphen + 1 || end == from)
        return 0;
    *out_low = low.whole;
    *out_high = high.whole;
    return skip_blanks(s, end);
}

/* `s` with the first `old` replaced; upstream replaces by content, not by place. */
static struct str replace_first(struct arena *a, struct str s, struct str old, struct str new)
{
    size_t at = str_find(s, old, 0);

    if (at == SIZE_MAX)
        return s;
    struct str tail = str_sub(s, at + old.len, s.len);
    return arena_concat(a, arena_concat(a, str_sub(s, 0, at), new), tail);
}

static struct str rewrite_hyphens(struct arena *a, struct str text)
{
    struct str result = text;
    struct str low;
    struct str high;

    for (size_t at = 0; at < text.len;) {
        size_t end = read_hyphen(text, at, &low, &high);
        if (end == 0) {
            at++;
            continue;
        }
        struct str clauses =
            arena_printf(a, ">= " STR_FMT ", <= " STR_FMT " ", STR_ARG(low), STR_ARG(high));
        result = replace_first(a, result, str_sub(text, at, end), clauses);
        at = end;
    }
    return result;
}

static bool is_wildcard(struct str part)
{
    return part.len == 0 || str_eq(part, STR("x")) || str_eq(part, STR("X")) ||
           str_eq(part, STR("*"));
}

/* The text of the bound: what is not given is 0, and with it goes the build metadata. */
static struct str bound_text(struct arena *a, const struct pieces *p, struct clause *c)
{
    c->is_partial = true;
    if (is_wildcard(p->part[0]))
        return arena_concat(a, STR("0.0.0"), p->pre);
    if (is_wildcard(p->part[1])) {
        c->lacks_minor = true;
        return arena_printf(a, STR_FMT ".0.0" STR_FMT, STR_ARG(p->part[0]), STR_ARG(p->pre));
    }
    if (is_wildcard(p->part[2])) {
        c->lacks_patch = true;
        return arena_printf(a, STR_FMT "." STR_FMT ".0" STR_FMT, STR_ARG(p->part[0]),
                            STR_ARG(p->part[1]), STR_ARG(p->pre));
    }
    c->is_partial = false;
    return p->whole;
}

static bool read_operator(struct str s, size_t *at, enum op *out)
{
    size_t end = *at;

    while (end < s.len && str_has_byte(STR("=!<>~^"), s.ptr[end]))
        end++;
    struct str text = str_sub(s, *at, end);
    for (size_t i = 0; i < HL_COUNT(operators); i++) {
        if (str_eq(text, str_from(operators[i].text))) {
            *at = end;
            *out = operators[i].op;
            return true;
        }
    }
    return false;
}

static int fail_improper(struct str text, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf quoted = {0};

    buf_add_quoted(&quoted, text);
    return err_set(err, HL_EINVAL, "improper constraint: " STR_FMT, STR_ARG(buf_str(&quoted)));
}

/* One clause at *at, which moves behind it and the blanks that follow. Returns 1 if there is none.
 */
static int read_clause(struct arena *a, struct str s, size_t *at, struct clause *out,
                       struct err *err)
{
    struct pieces p;
    struct clause c = {0};
    size_t from = *at;

    if (!read_operator(s, &from, &c.op))
        return 1;
    from = skip_blanks(s, from);
    size_t end = read_pieces(s, from, &p);
    if (end == from || (end < s.len && !is_blank(s.ptr[end]) && s.ptr[end] != ','))
        return 1;
    *at = skip_blanks(s, end);
    if (semver_parse(a, bound_text(a, &p, &c), &c.bound, err) < 0)
        return err_set(err, HL_EINVAL, "constraint parser error");
    *out = c;
    return 0;
}

/* The grammar is checked to the end of the alternative before a bound that is no version counts. */
static int read_alternative(struct arena *a, struct str s, struct alternative *out, struct err *err)
{
    struct clause c = {0};
    size_t at = skip_blanks(s, 0);
    int result = 0;

    do {
        int rc = read_clause(a, s, &at, &c, err);
        if (rc > 0)
            return fail_improper(s, err);
        if (rc < 0)
            result = rc;
        if (c.bound.pre.len > 0)
            out->names_prerelease = true;
        ARENA_PUSH(a, out->clause, out->count, out->cap, c);
        bool has_comma = at < s.len && s.ptr[at] == ',';
        if (has_comma)
            at = skip_blanks(s, at + 1);
        if (has_comma && at == s.len)
            return fail_improper(s, err);
    } while (at < s.len);
    return result;
}

/* The alternative at *at, which moves behind its "||"; false behind the last one. */
static bool next_alternative(struct str s, size_t *at, struct str *out)
{
    if (*at > s.len)
        return false;
    size_t end = str_find(s, STR("||"), *at);
    *out = str_sub(s, *at, end);
    *at = end == SIZE_MAX ? s.len + 1 : end + 2;
    return true;
}

static int check_count(struct str text, struct err *err)
{
    struct str part;
    size_t count = 0;

    for (size_t at = 0; next_alternative(text, &at, &part);)
        count++;
    if (count > SEMVER_RANGE_ALTERNATIVES_MAX)
        return err_set(err, HL_ELIMIT, "too many constraint groups (max %d)",
                       SEMVER_RANGE_ALTERNATIVES_MAX);
    return 0;
}

int semver_range_parse(struct arena *a, struct str text, const struct semver_range **out,
                       struct err *err)
{
    struct semver_range *range = arena_one(a, struct semver_range);
    struct str part;
    size_t at = 0;

    if (text.len > SEMVER_RANGE_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "constraint string is too long (max %d bytes)",
                       SEMVER_RANGE_BYTES_MAX);
    struct str plain = rewrite_hyphens(a, arena_dup(a, text));
    int rc = check_count(plain, err);
    while (rc == 0 && next_alternative(plain, &at, &part)) {
        struct alternative alternative = {0};
        rc = read_alternative(a, part, &alternative, err);
        ARENA_PUSH(a, range->alternative, range->count, range->cap, alternative);
    }
    if (rc == 0)
        *out = range;
    return rc;
}

/* ---- asking ---- */

static bool differs(const struct clause *c, const struct semver *v)
{
    if (!c->is_partial)
        return semver_cmp(v, &c->bound) != 0;
    if (v->major != c->bound.major)
        return true;
    if (c->lacks_minor)
        return false;
    if (v->minor != c->bound.minor)
        return true;
    if (c->lacks_patch)
        return !str_eq(v->pre, c->bound.pre);
    return semver_cmp(v, &c->bound) != 0;
}

static bool is_above(const struct clause *c, const struct semver *v)
{
    if (!c->is_partial || v->major != c->bound.major)
        return semver_cmp(v, &c->bound) > 0;
    if (c->lacks_minor)
        return false;
    if (c->lacks_patch)
        return v->minor > c->bound.minor;
    return semver_cmp(v, &c->bound) > 0;
}

static bool is_at_most(const struct clause *c, const struct semver *v)
{
    if (!c->is_partial)
        return semver_cmp(v, &c->bound) <= 0;
    if (v->major != c->bound.major)
        return v->major < c->bound.major;
    return c->lacks_minor || v->minor <= c->bound.minor;
}

static bool is_about(const struct clause *c, const struct semver *v)
{
    const struct semver *b = &c->bound;

    if (semver_cmp(v, b) < 0)
        return false;
    if (b->major == 0 && b->minor == 0 && b->patch == 0 && !c->lacks_minor && !c->lacks_patch)
        return true;
    return v->major == b->major && (v->minor == b->minor || c->lacks_minor);
}

static bool is_compatible(const struct clause *c, const struct semver *v)
{
    const struct semver *b = &c->bound;

    if (semver_cmp(v, b) < 0 || v->major != b->major)
        return false;
    if (b->major > 0 || c->lacks_minor)
        return true;
    if (b->minor > 0 || c->lacks_patch)
        return v->minor == b->minor;
    return v->minor == 0 && v->patch == b->patch;
}

static bool holds(const struct clause *c, const struct semver *v)
{
    switch (c->op) {
    case OP_EQ:
        return c->is_partial ? is_about(c, v) : semver_cmp(v, &c->bound) == 0;
    case OP_NE:
        return differs(c, v);
    case OP_GT:
        return is_above(c, v);
    case OP_LT:
        return semver_cmp(v, &c->bound) < 0;
    case OP_GE:
        return semver_cmp(v, &c->bound) >= 0;
    case OP_LE:
        return is_at_most(c, v);
    case OP_TILDE:
        return is_about(c, v);
    case OP_CARET:
        return is_compatible(c, v);
    }
    HL_ASSERT(false);
    return false;
}

static bool all_hold(const struct alternative *alternative, const struct semver *v)
{
    if (v->pre.len > 0 && !alternative->names_prerelease)
        return false;
    for (size_t i = 0; i < alternative->count; i++) {
        if (!holds(&alternative->clause[i], v))
            return false;
    }
    return true;
}

bool semver_range_has(const struct semver_range *range, const struct semver *v)
{
    for (size_t i = 0; i < range->count; i++) {
        if (all_hold(&range->alternative[i], v))
            return true;
    }
    return false;
}
