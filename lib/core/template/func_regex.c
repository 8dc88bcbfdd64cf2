/* sprig's regular expressions, after its regex.go and Go's regexp: finding, replacing, splitting.
 */
#include <string.h>

#include "core/gostd/literal.h"
#include "core/gostd/regex.h"
#include "core/gostd/unicode.h"
#include "core/template/func.h"
#include "core/template/strings.h"

enum { BYTES_PER_STEP = 16, MATCHER_STEPS_MAX = 2000000, MATCHER_STEPS_PER_STEP = 8 };

/* A pattern at work on a text: walks over the matches as Go's allMatches and replaceAll do. */
struct search {
    struct arena *scratch;
    const struct regex *re;
    struct regex_search *matcher;
    struct str text;
    uint64_t steps_left;
    size_t at;       /* where the next attempt begins */
    size_t last_end; /* of the match before */
    bool has_match;  /* there was one */
    const struct regex_span *span;
};

static void search_deinit(struct search *s)
{
    regex_search_free(s->matcher);
    arena_free(s->scratch);
}

static int fail_as(struct call *c, const struct err *err)
{
    int rc = call_fail(c, "%s", err->text);

    return err->code == HL_ELIMIT ? HL_ELIMIT : rc;
}

static bool is_must(const struct call *c)
{
    return strncmp(c->function->name, "must", 4) == 0;
}

/* strconv.CanBackquote */
static bool can_backquote(struct str s)
{
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        uint32_t r = rune_at(s, at, &len);
        if ((r == RUNE_ERROR && len == 1) || r == 0xfeff || r == '`' || r == 0x7f ||
            (r < ' ' && r != '\t'))
            return false;
    }
    return true;
}

/* regexp.MustCompile's panic */
static int fail_compile(struct call *c, struct str pattern, struct str error)
{
    HL_CLEANUP(buf_deinit) struct buf quoted = {0};

    if (is_must(c))
        return call_fail(c, STR_FMT, STR_ARG(error));
    if (can_backquote(pattern))
        buf_printf(&quoted, "`" STR_FMT "`", STR_ARG(pattern));
    else
        literal_quote(&quoted, pattern, false);
    return call_fail(c, "regexp: Compile(" STR_FMT "): " STR_FMT, STR_ARG(buf_str(&quoted)),
                     STR_ARG(error));
}

/* Pattern and text are the first two arguments. */
static int compile(struct call *c, struct search *s, enum regex_use use)
{
    struct str error = STR_NONE;

    s->text = call_str(c, 1);
    s->steps_left = MATCHER_STEPS_MAX;
    int rc = call_steps(c, 1 + s->text.len / BYTES_PER_STEP);
    if (rc < 0)
        return rc;
    s->scratch = arena_new();
    s->re = regex_new(s->scratch, call_str(c, 0), use, &error);
    return s->re ? 0 : fail_compile(c, call_str(c, 0), error);
}

static int begin(struct call *c, struct search *s)
{
    struct err err;
    int rc = compile(c, s, REGEX_SEARCH);

    if (rc < 0)
        return rc;
    s->matcher = regex_search_new(s->re, s->text, &err);
    return s->matcher ? 0 : fail_as(c, &err);
}

/* The result of a matcher that has left so many steps, paid for. */
static int pay(struct call *c, int matched, uint64_t steps_before, uint64_t steps_left,
               const struct err *err)
{
    int rc = call_steps(c, (steps_before - steps_left) / MATCHER_STEPS_PER_STEP);

    if (rc < 0)
        return rc;
    return matched < 0 ? fail_as(c, err) : matched;
}

/* The next match, an empty one right behind another left out: 1, 0 if there is none, or < 0. */
static int next_match(struct call *c, struct search *s)
{
    struct err err;

    while (s->at <= s->text.len) {
        uint64_t before = s->steps_left;
        int rc = regex_search_next(s->matcher, s->at, &s->steps_left, &s->span, &err);
        rc = pay(c, rc, before, s->steps_left, &err);
        if (rc <= 0)
            return rc;
        bool is_twin = s->has_match && s->span[0].to == s->at && s->span[0].from == s->last_end;
        if (s->span[0].to > s->at) {
            s->at = s->span[0].to;
        } else {
            size_t len = 1;
            if (s->at < s->text.len)
                rune_at(s->text, s->at, &len);
            s->at += len;
        }
        s->last_end = s->span[0].to;
        s->has_match = true;
        if (!is_twin)
            return 1;
    }
    return 0;
}

static int call_match(struct call *c)
{
    HL_CLEANUP(search_deinit) struct search s = {0};
    struct err err;
    int rc = compile(c, &s, REGEX_TEST);

    if (rc == HL_EINVAL && !is_must(c))
        return call_return(c, datum_bool(false));
    if (rc < 0)
        return rc;
    rc = regex_test(s.re, s.text, &s.steps_left, &err);
    rc = pay(c, rc, MATCHER_STEPS_MAX, s.steps_left, &err);
    return rc < 0 ? rc : call_return(c, datum_bool(rc > 0));
}

static struct str found_text(const struct search *s)
{
    return str_sub(s->text, s->span[0].from, s->span[0].to);
}

static int call_find(struct call *c)
{
    HL_CLEANUP(search_deinit) struct search s = {0};
    int rc = begin(c, &s);

    if (rc == 0)
        rc = next_match(c, &s);
    if (rc < 0)
        return rc;
    return call_return_str(c, rc > 0 ? found_text(&s) : STR(""));
}

static int call_find_all(struct call *c)
{
    HL_CLEANUP(search_deinit) struct search s = {0};
    int64_t most = c->arg[2].integer;
    struct str *found = NULL;
    size_t count = 0;
    size_t cap = 0;
    int rc = begin(c, &s);

    while (rc >= 0 && (most < 0 || (int64_t)count < most)) {
        rc = next_match(c, &s);
        if (rc <= 0)
            break;
        ARENA_PUSH(c->a, found, count, cap, found_text(&s));
        rc = call_steps(c, 1);
    }
    if (rc < 0)
        return rc;
    if (count == 0)
        return call_return(c, datum_of_list(DATUM_STRINGS, NULL));
    return call_return(c, strings_datum(c->a, found, count));
}

/* ---- replacing ---- */

/* regexp's extract, behind '$': a name of letters, digits and '_', in braces or not. */
static bool read_name(struct str *rest, struct str *out_name)
{
    struct str s = *rest;
    bool is_braced = s.len > 0 && s.ptr[0] == '{';
    size_t end = is_braced;
    size_t len;

    for (; end < s.len; end += len) {
        uint32_t r = rune_at(s, end, &len);
        if (!rune_is_letter(r) && !rune_is_digit(r) && r != '_')
            break;
    }
    *out_name = str_sub(s, is_braced, end);
    if (out_name->len == 0 || (is_braced && (end == s.len || s.ptr[end] != '}')))
        return false;
    *rest = str_sub(s, end + is_braced, s.len);
    return true;
}

/* The group of that number or name; SIZE_MAX: none. */
static size_t group_of(const struct search *s, struct str name)
{
    bool has_zero = name.ptr[0] == '0' && name.len > 1;
    uint64_t number;

    if (!has_zero && name.ptr[0] >= '0' && name.ptr[0] <= '9' && str_to_u64(name, &number) &&
        number < 1000000000)
        return number <= regex_group_count(s->re) ? number : SIZE_MAX;
    size_t group = regex_group_named(s->re, name);
    return group > 0 ? group : SIZE_MAX;
}

/* regexp's expand */
static void add_replacement(struct buf *out, const struct search *s, struct str replacement)
{
    while (replacement.len > 0) {
        size_t dollar = str_find(replacement, STR("$"), 0);
        buf_add(out, str_sub(replacement, 0, dollar));
        if (dollar == SIZE_MAX)
            return;
        replacement = str_sub(replacement, dollar + 1, replacement.len);
        struct str name;
        if (str_starts(replacement, STR("$"))) {
            buf_add_byte(out, '$');
            replacement = str_sub(replacement, 1, replacement.len);
        } else if (!read_name(&replacement, &name)) {
            buf_add_byte(out, '$');
        } else {
            size_t group = group_of(s, name);
            if (group != SIZE_MAX && s->span[group].from != SIZE_MAX)
                buf_add(out, str_sub(s->text, s->span[group].from, s->span[group].to));
        }
    }
}

static int replace_all(struct call *c, bool is_literal)
{
    HL_CLEANUP(search_deinit) struct search s = {0};
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str replacement = call_str(c, 2);
    size_t copied = 0;
    int rc = begin(c, &s);

    while (rc >= 0) {
        rc = next_match(c, &s);
        if (rc <= 0)
            break;
        buf_add(&out, str_sub(s.text, copied, s.span[0].from));
        copied = s.span[0].to;
        if (is_literal)
            buf_add(&out, replacement);
        else
            add_replacement(&out, &s, replacement);
        rc = call_room(c, out.len);
        if (rc == 0)
            rc = call_steps(c, 1 + replacement.len / BYTES_PER_STEP);
    }
    if (rc < 0)
        return rc;
    buf_add(&out, str_sub(s.text, copied, s.text.len));
    return call_return_buf(c, &out);
}

static int call_replace_all(struct call *c)
{
    return replace_all(c, false);
}

static int call_replace_all_literal(struct call *c)
{
    return replace_all(c, true);
}

/* ---- splitting and quoting ---- */

/* Regexp.Split for most != 0 and a text that is not empty. */
static int split(struct call *c, struct search *s, int64_t most)
{
    struct str *part = NULL;
    size_t count = 0;
    size_t cap = 0;
    size_t from = 0;
    size_t end = 0;
    int rc = 0;

    while (rc >= 0 && (most < 0 || (int64_t)count < most - 1)) {
        rc = next_match(c, s);
        if (rc <= 0)
            break;
        end = s->span[0].from;
        if (s->span[0].to != 0)
            ARENA_PUSH(c->a, part, count, cap, str_sub(s->text, from, end));
        from = s->span[0].to;
        rc = call_steps(c, 1);
    }
    if (rc < 0)
        return rc;
    if (end != s->text.len)
        ARENA_PUSH(c->a, part, count, cap, str_sub(s->text, from, s->text.len));
    return call_return(c, strings_datum(c->a, part, count));
}

static int call_split(struct call *c)
{
    HL_CLEANUP(search_deinit) struct search s = {0};
    int64_t most = c->arg[2].integer;
    const struct str nothing = STR("");
    int rc = begin(c, &s);

    if (rc < 0)
        return rc;
    if (most == 0)
        return call_return(c, datum_of_list(DATUM_STRINGS, NULL));
    if (call_str(c, 0).len > 0 && call_str(c, 1).len == 0)
        return call_return(c, strings_datum(c->a, &nothing, 1));
    return split(c, &s, most);
}

static int call_quote_meta(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] && strchr("\\.+*?()|[]{}^$", s.ptr[i]))
            buf_add_byte(&out, '\\');
        buf_add_byte(&out, s.ptr[i]);
    }
    return call_return_buf(c, &out);
}

const struct function functions_regex[] = {
    {"regexMatch", "ss", call_match},
    {"mustRegexMatch", "ss", call_match},
    {"regexFind", "ss", call_find},
    {"mustRegexFind", "ss", call_find},
    {"regexFindAll", "ssi", call_find_all},
    {"mustRegexFindAll", "ssi", call_find_all},
    {"regexReplaceAll", "sss", call_replace_all},
    {"mustRegexReplaceAll", "sss", call_replace_all},
    {"regexReplaceAllLiteral", "sss", call_replace_all_literal},
    {"mustRegexReplaceAllLiteral", "sss", call_replace_all_literal},
    {"regexSplit", "ssi", call_split},
    {"mustRegexSplit", "ssi", call_split},
    {"regexQuoteMeta", "s", call_quote_meta},
    {NULL, NULL, NULL},
};
