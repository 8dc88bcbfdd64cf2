/* sprig's functions of strings, after its strings.go, functions.go and the libraries they call. */
#include <stdlib.h>
#include <string.h>

#include "core/template/format.h"
#include "core/template/func.h"
#include "core/gostd/literal.h"
#include "core/template/strings.h"
#include "core/gostd/unicode.h"

/* ---- trimming and cutting ---- */

static bool in_set(struct str set, uint32_t r)
{
    size_t len;

    for (size_t at = 0; at < set.len; at += len) {
        if (rune_at(set, at, &len) == r)
            return true;
    }
    return false;
}

/* The rune that ends at `end`. */
static uint32_t rune_before(struct str s, size_t end, size_t *out_len)
{
    for (size_t len = 1; len <= RUNE_BYTES_MAX && len <= end; len++) {
        size_t got;
        uint32_t r = rune_at(s, end - len, &got);
        if (got == len && (len > 1 || (unsigned char)s.ptr[end - 1] < 0x80)) {
            *out_len = len;
            return r;
        }
    }
    *out_len = 1;
    return RUNE_ERROR;
}

/* NULL as set: white space as Unicode has it. */
static bool is_trimmed(const struct str *set, uint32_t r)
{
    return set ? in_set(*set, r) : rune_is_space(r);
}

static struct str trimmed(struct str s, const struct str *set)
{
    size_t from = 0;
    size_t end = s.len;
    size_t len;

    while (from < end && is_trimmed(set, rune_at(s, from, &len)))
        from += len;
    while (end > from && is_trimmed(set, rune_before(s, end, &len)))
        end -= len;
    return str_sub(s, from, end);
}

static int call_trim(struct call *c)
{
    return call_return_str(c, trimmed(call_str(c, 0), NULL));
}

static int call_trim_all(struct call *c)
{
    struct str set = call_str(c, 0);

    return call_return_str(c, trimmed(call_str(c, 1), &set));
}

static int call_trim_suffix(struct call *c)
{
    struct str cut = call_str(c, 0);
    struct str s = call_str(c, 1);

    return call_return_str(c, str_ends(s, cut) ? str_sub(s, 0, s.len - cut.len) : s);
}

static int call_trim_prefix(struct call *c)
{
    struct str cut = call_str(c, 0);
    struct str s = call_str(c, 1);

    return call_return_str(c, str_starts(s, cut) ? str_sub(s, cut.len, s.len) : s);
}

static int call_trunc(struct call *c)
{
    int64_t n = c->arg[0].integer;
    struct str s = call_str(c, 1);
    int64_t len = (int64_t)s.len;

    if (n < 0 && len + n > 0)
        return call_return_str(c, str_sub(s, (size_t)(len + n), s.len));
    if (n >= 0 && len > n)
        return call_return_str(c, str_sub(s, 0, (size_t)n));
    return call_return_str(c, s);
}

static int out_of_range(struct call *c, int64_t from, int64_t to, int64_t len)
{
    if (to > len)
        return call_fail(c, "runtime error: slice bounds out of range [:%lld] with length %lld",
                         (long long)to, (long long)len);
    return call_fail(c, "runtime error: slice bounds out of range [%lld:%lld]", (long long)from,
                     (long long)to);
}

static int call_substr(struct call *c)
{
    int64_t from = c->arg[0].integer;
    int64_t to = c->arg[1].integer;
    struct str s = call_str(c, 2);
    int64_t len = (int64_t)s.len;

    if (from < 0)
        from = 0;
    else if (to < 0 || to > len)
        to = len;
    if (c->arg[0].integer < 0 && (to < 0 || to > len))
        return out_of_range(c, from, to, len);
    if (from > to)
        return out_of_range(c, from, to, len);
    return call_return_str(c, str_sub(s, (size_t)from, (size_t)to));
}

/* goutils.AbbreviateFull */
static int abbreviated(struct call *c, struct str s, int64_t offset, int64_t width)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    int64_t len = (int64_t)s.len;

    if (width < 4 || len <= width || s.len == 0)
        return call_return_str(c, s);
    if (offset > len)
        offset = len;
    if (len - offset < width - 3)
        offset = len - (width - 3);
    if (offset <= 4) {
        buf_add(&out, str_sub(s, 0, (size_t)(width - 3)));
        buf_add_cstr(&out, "...");
        return call_return_buf(c, &out);
    }
    if (width < 7)
        return call_return_str(c, STR(""));
    buf_add_cstr(&out, "...");
    if (offset + width - 3 < len) {
        int64_t inner = width - 3;
        struct str rest = str_sub(s, (size_t)offset, s.len);
        if (inner >= 4 && (int64_t)rest.len > inner) {
            buf_add(&out, str_sub(rest, 0, (size_t)(inner - 3)));
            buf_add_cstr(&out, "...");
        } else {
            buf_add(&out, rest);
        }
        return call_return_buf(c, &out);
    }
    buf_add(&out, str_sub(s, (size_t)(len - (width - 3)), s.len));
    return call_return_buf(c, &out);
}

static int call_abbrev(struct call *c)
{
    return abbreviated(c, call_str(c, 1), 0, c->arg[0].integer);
}

static int call_abbrevboth(struct call *c)
{
    struct str s = call_str(c, 2);

    if (c->arg[1].integer < 4 || (c->arg[0].integer > 0 && c->arg[1].integer < 7))
        return call_return_str(c, s);
    return abbreviated(c, s, c->arg[0].integer, c->arg[1].integer);
}

/* goutils.Initials */
static int call_initials(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    bool is_start = true;
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        uint32_t r = rune_at(s, at, &len);
        if (!rune_is_space(r) && is_start)
            buf_add_rune(&out, r);
        is_start = rune_is_space(r);
    }
    return call_return_buf(c, &out);
}

/* ---- letters ---- */

typedef uint32_t (*rune_map)(uint32_t r);

static int mapped(struct call *c, rune_map map)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    size_t len;

    for (size_t at = 0; at < s.len; at += len)
        buf_add_rune(&out, map(rune_at(s, at, &len)));
    return call_return_buf(c, &out);
}

static int call_upper(struct call *c)
{
    return mapped(c, rune_to_upper);
}

static int call_lower(struct call *c)
{
    return mapped(c, rune_to_lower);
}

static bool is_separator(uint32_t r)
{
    if (r < 0x80)
        return !rune_is_letter(r) && !rune_is_digit(r) && r != '_';
    return !rune_is_letter(r) && !rune_is_digit(r) && rune_is_space(r);
}

static int by_words(struct call *c, rune_map first, bool (*ends_word)(uint32_t r))
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    uint32_t before = ' ';
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        uint32_t r = rune_at(s, at, &len);
        buf_add_rune(&out, ends_word(before) ? first(r) : r);
        before = r;
    }
    return call_return_buf(c, &out);
}

static int call_title(struct call *c)
{
    return by_words(c, rune_to_title, is_separator);
}

static int call_untitle(struct call *c)
{
    return by_words(c, rune_to_lower, rune_is_space);
}

/* goutils.SwapCase: lower case begins a word as title case. */
static int call_swapcase(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    bool is_after_space = true;
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        uint32_t r = rune_at(s, at, &len);
        uint32_t swapped = r;
        if (rune_is_upper(r))
            swapped = rune_to_lower(r);
        else if (rune_is_lower(r))
            swapped = is_after_space ? rune_to_title(r) : rune_to_upper(r);
        is_after_space = rune_is_space(r);
        buf_add_rune(&out, swapped);
    }
    return call_return_buf(c, &out);
}

/* goutils takes bytes for runes; only where it finds a blank does that show. */
static int call_nospace(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    bool has_blank = false;

    for (size_t i = 0; i < s.len; i++) {
        bool is_blank = rune_is_space((unsigned char)s.ptr[i]);
        has_blank |= is_blank;
        if (!is_blank)
            buf_add_rune(&out, (unsigned char)s.ptr[i]);
    }
    return has_blank ? call_return_buf(c, &out) : call_return_str(c, s);
}

/* ---- snake, kebab and camel case: huandu/xstrings ---- */

enum word_kind {
    WORD_INVALID,
    WORD_NUMBER,
    WORD_UPPER,
    WORD_ALPHABET,
    WORD_CONNECTOR,
    WORD_PUNCT,
    WORD_OTHER
};

struct word {
    enum word_kind kind;
    struct str text;
};

static bool is_connector(uint32_t r)
{
    return r == '-' || r == '_' || rune_is_space(r);
}

static enum word_kind rune_kind(uint32_t r)
{
    if (is_connector(r))
        return WORD_CONNECTOR;
    if (r < 0x80 && r != 0 && strchr("!\"#%&'()*,./:;?@[\\]{}", (int)r))
        return WORD_PUNCT;
    if (rune_is_upper(r))
        return WORD_UPPER;
    if (rune_is_letter(r))
        return WORD_ALPHABET;
    return rune_is_digit(r) ? WORD_NUMBER : WORD_OTHER;
}

/* How far from `at` runes of this kind go on. */
static size_t skip_kind(struct str s, size_t at, enum word_kind kind)
{
    size_t len;

    while (at < s.len && rune_kind(rune_at(s, at, &len)) == kind)
        at += len;
    return at;
}

/* "HTTPStatus" is cut before its second word's capital. */
static size_t skip_upper(struct str s, size_t at)
{
    size_t end = skip_kind(s, at, WORD_UPPER);
    size_t len;

    if (end == at) /* a capital and small letters */
        return skip_kind(s, at, WORD_ALPHABET);
    if (end == s.len || rune_kind(rune_at(s, end, &len)) != WORD_ALPHABET)
        return end;
    do
        end--;
    while (end > 0 && ((unsigned char)s.ptr[end] & 0xc0) == 0x80);
    return end;
}

static struct word next_word(struct str *rest)
{
    size_t len;
    struct word w = {WORD_INVALID, *rest};

    if (rest->len == 0)
        return w;
    uint32_t r = rune_at(*rest, 0, &len);
    if (r != RUNE_ERROR) {
        w.kind = rune_kind(r);
        len = w.kind == WORD_UPPER ? skip_upper(*rest, len) : skip_kind(*rest, len, w.kind);
    }
    w.text = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return w;
}

static void add_word(struct buf *out, struct word w, uint32_t connector)
{
    size_t len;

    if (w.kind != WORD_UPPER && w.kind != WORD_CONNECTOR) {
        buf_add(out, w.text);
        return;
    }
    for (size_t at = 0; at < w.text.len; at += len) {
        uint32_t r = rune_at(w.text, at, &len);
        buf_add_rune(out, is_connector(r) ? connector : rune_to_lower(r));
    }
}

static bool starts_word(enum word_kind kind)
{
    return kind != WORD_INVALID && kind != WORD_PUNCT && kind != WORD_CONNECTOR;
}

/* Small letters and numbers that follow a number belong to it. */
static struct word add_number_tail(struct buf *out, struct word w, struct str *rest,
                                   uint32_t connector)
{
    while (w.kind == WORD_ALPHABET || w.kind == WORD_NUMBER) {
        add_word(out, w, connector);
        w = next_word(rest);
    }
    if (starts_word(w.kind))
        buf_add_rune(out, connector);
    return w;
}

/* A number behind a word belongs to the word ("Bld4"), unless small letters follow it ("HTTP2xx").
 */
static struct word add_number(struct buf *out, struct word number, struct str *rest,
                              uint32_t connector)
{
    struct word w = next_word(rest);

    if (w.kind != WORD_ALPHABET) {
        add_word(out, number, connector);
        if (w.kind != WORD_CONNECTOR && w.kind != WORD_PUNCT)
            buf_add_rune(out, connector);
        return w;
    }
    buf_add_rune(out, connector);
    add_word(out, number, connector);
    return add_number_tail(out, w, rest, connector);
}

static int connected(struct call *c, uint32_t connector)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str rest = call_str(c, 0);
    struct word w = next_word(&rest);

    while (rest.len > 0) {
        struct word before = w;
        if (w.kind != WORD_CONNECTOR)
            add_word(&out, w, connector);
        w = next_word(&rest);
        if (before.kind == WORD_NUMBER)
            w = add_number_tail(&out, w, &rest, connector);
        else if (before.kind == WORD_CONNECTOR)
            add_word(&out, before, connector);
        else if (before.kind == WORD_PUNCT)
            continue;
        else if (w.kind == WORD_NUMBER && rest.len > 0)
            w = add_number(&out, w, &rest, connector);
        else if (w.kind != WORD_NUMBER && w.kind != WORD_CONNECTOR && w.kind != WORD_PUNCT)
            buf_add_rune(&out, connector);
    }
    if (w.kind != WORD_INVALID || w.text.len > 0)
        add_word(&out, w, connector);
    return call_return_buf(c, &out);
}

static int call_snakecase(struct call *c)
{
    return connected(c, '_');
}

static int call_kebabcase(struct call *c)
{
    return connected(c, '-');
}

/* ToPascalCase: connectors at the start stay, the others go. */
static int call_camelcase(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str s = call_str(c, 0);
    bool is_first_upper = false;
    uint32_t r = 0;
    size_t at = 0;
    size_t len = 0;

    for (; at < s.len; at += len) {
        r = rune_at(s, at, &len);
        if (!is_connector(r))
            break;
        buf_add_rune(&out, r);
    }
    if (at == s.len)
        return call_return_buf(c, &out);
    is_first_upper = rune_is_upper(r);
    r = rune_to_upper(r);
    for (at += len; at < s.len; at += len) {
        uint32_t before = r;
        r = rune_at(s, at, &len);
        if (is_connector(r) && is_connector(before)) {
            buf_add_rune(&out, before);
            continue;
        }
        if (is_connector(before)) {
            is_first_upper = rune_is_upper(r);
            r = rune_to_upper(r);
            continue;
        }
        if (is_first_upper && rune_is_upper(r))
            r = rune_to_lower(r);
        else
            is_first_upper = false;
        buf_add_rune(&out, before);
    }
    buf_add_rune(&out, r);
    return call_return_buf(c, &out);
}

/* ---- repeating, indenting, wrapping ---- */

static int call_repeat(struct call *c)
{
    int64_t n = c->arg[0].integer;
    struct str s = call_str(c, 1);
    size_t bytes;

    if (n < 0)
        return call_fail(c, "strings: negative Repeat count");
    if (__builtin_mul_overflow((size_t)n, s.len, &bytes))
        return call_fail(c, "strings: Repeat output length overflow");
    int rc = call_room(c, bytes);
    if (rc < 0)
        return rc;
    char *text = arena_alloc(c->a, bytes + 1);
    for (size_t at = 0; at < bytes; at += s.len)
        memcpy(text + at, s.ptr, s.len);
    return call_return_str(c, (struct str){text, bytes});
}

static int indented(struct call *c, bool is_new_line)
{
    int64_t n = c->arg[0].integer;
    struct str s = call_str(c, 1);
    size_t lines = 1;

    if (n < 0)
        return call_fail(c, "strings: negative Repeat count");
    for (const char *at = s.ptr; at && (at = memchr(at, '\n', (size_t)(s.ptr + s.len - at))); at++)
        lines++;
    size_t bytes;
    if (__builtin_mul_overflow(lines, (size_t)n, &bytes))
        return call_fail(c, "strings: Repeat output length overflow");
    bytes += s.len + 1;
    int rc = call_room(c, bytes);
    if (rc < 0)
        return rc;
    char *text = arena_alloc(c->a, bytes + 1);
    char *to = text;
    if (is_new_line)
        *to++ = '\n';
    for (struct str rest = s;;) {
        const char *end = rest.len > 0 ? memchr(rest.ptr, '\n', rest.len) : NULL;
        size_t len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
        memset(to, ' ', (size_t)n);
        to += n;
        if (len > 0)
            memcpy(to, rest.ptr, len);
        to += len;
        if (!end)
            break;
        rest = str_sub(rest, len, rest.len);
    }
    return call_return_str(c, (struct str){text, (size_t)(to - text)});
}

static int call_indent(struct call *c)
{
    return indented(c, false);
}

static int call_nindent(struct call *c)
{
    return indented(c, true);
}

/* goutils.WrapCustom */
static int wrapped(struct call *c, struct str s, int64_t width, struct str line_end,
                   bool is_breaking_words)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    int64_t len = (int64_t)s.len;
    int64_t offset = 0;

    if (width < 1)
        width = 1;
    while (len - offset > width) {
        int rc = call_steps(c, 1);
        if (rc < 0)
            return rc;
        if (s.ptr[offset] == ' ') {
            offset++;
            continue;
        }
        int64_t space = offset + width;
        while (space > offset && s.ptr[space] != ' ')
            space--;
        if (s.ptr[space] == ' ' && space > offset) {
            buf_add(&out, str_sub(s, (size_t)offset, (size_t)space));
            buf_add(&out, line_end);
            offset = space + 1;
            continue;
        }
        if (is_breaking_words) {
            buf_add(&out, str_sub(s, (size_t)offset, (size_t)(offset + width)));
            buf_add(&out, line_end);
            offset += width;
            continue;
        }
        space = offset + width;
        while (space < len && s.ptr[space] != ' ')
            space++;
        if (space == len)
            break;
        buf_add(&out, str_sub(s, (size_t)offset, (size_t)space));
        buf_add(&out, line_end);
        offset = space + 1;
    }
    buf_add(&out, str_sub(s, (size_t)offset, s.len));
    return call_return_buf(c, &out);
}

static int call_wrap(struct call *c)
{
    return wrapped(c, call_str(c, 1), c->arg[0].integer, STR("\n"), false);
}

static int call_wrap_with(struct call *c)
{
    return wrapped(c, call_str(c, 2), c->arg[0].integer, call_str(c, 1), true);
}

/* ---- searching and replacing ---- */

static int call_contains(struct call *c)
{
    return call_return(c, datum_bool(str_find(call_str(c, 1), call_str(c, 0), 0) != SIZE_MAX));
}

static int call_has_prefix(struct call *c)
{
    return call_return(c, datum_bool(str_starts(call_str(c, 1), call_str(c, 0))));
}

static int call_has_suffix(struct call *c)
{
    return call_return(c, datum_bool(str_ends(call_str(c, 1), call_str(c, 0))));
}

static int call_replace(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str old = call_str(c, 0);
    struct str new = call_str(c, 1);
    struct str s = call_str(c, 2);
    size_t at = 0;

    if (old.len == 0) { /* between all runes */
        size_t len;
        buf_add(&out, new);
        for (; at < s.len; at += len) {
            rune_at(s, at, &len);
            buf_add(&out, str_sub(s, at, at + len));
            buf_add(&out, new);
        }
        return call_return_buf(c, &out);
    }
    for (;;) {
        size_t found = str_find(s, old, at);
        if (found == SIZE_MAX)
            break;
        buf_add(&out, str_sub(s, at, found));
        buf_add(&out, new);
        at = found + old.len;
        int rc = call_room(c, out.len);
        if (rc < 0)
            return rc;
    }
    buf_add(&out, str_sub(s, at, s.len));
    return call_return_buf(c, &out);
}

static int call_plural(struct call *c)
{
    return call_return_str(c, call_str(c, c->arg[2].integer == 1 ? 0 : 1));
}

/* ---- quoting and joining ---- */

static int call_quote(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    for (size_t i = 0; i < c->count; i++) {
        if (datum_is_absent(c->arg[i]))
            continue;
        if (out.len > 0)
            buf_add_byte(&out, ' ');
        literal_quote(&out, string_of(c->a, c->arg[i]), false);
    }
    return call_return_buf(c, &out);
}

static int call_squote(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    for (size_t i = 0; i < c->count; i++) {
        if (datum_is_absent(c->arg[i]))
            continue;
        if (out.len > 0)
            buf_add_byte(&out, ' ');
        buf_add_byte(&out, '\'');
        datum_mark_read(c->arg[i]);
        format_value(&out, c->arg[i]);
        buf_add_byte(&out, '\'');
    }
    return call_return_buf(c, &out);
}

static int call_cat(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    bool is_first = true;

    for (size_t i = 0; i < c->count; i++) {
        if (datum_is_absent(c->arg[i]))
            continue;
        if (!is_first)
            buf_add_byte(&out, ' ');
        is_first = false;
        datum_mark_read(c->arg[i]);
        format_value(&out, c->arg[i]);
    }
    return call_return_buf(c, &out);
}

static int call_to_string(struct call *c)
{
    return call_return_str(c, string_of(c->a, c->arg[0]));
}

static int call_to_strings(struct call *c)
{
    size_t count;
    struct str *s = strings_of(c->a, c->arg[0], &count);

    return call_return(c, strings_datum(c->a, s, count));
}

static int call_join(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    size_t count;
    struct str *s = strings_of(c->a, c->arg[1], &count);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(&out, call_str(c, 0));
        buf_add(&out, s[i]);
    }
    return call_return_buf(c, &out);
}

/* ---- splitting ---- */

/* strings.SplitN; n < 0: all. */
static struct str *parts_of(struct call *c, struct str s, struct str sep, int64_t n, size_t *count)
{
    struct str *part = NULL;
    size_t cap = 0;
    size_t at = 0;

    *count = 0;
    while (n < 0 || (int64_t)*count + 1 < n) {
        size_t end;
        if (sep.len == 0) {
            if (at >= s.len)
                break;
            rune_at(s, at, &end);
            end += at;
            if (end >= s.len)
                break;
        } else {
            end = str_find(s, sep, at);
            if (end == SIZE_MAX)
                break;
        }
        ARENA_PUSH(c->a, part, *count, cap, str_sub(s, at, end));
        at = end + sep.len;
    }
    if (n != 0 && (sep.len > 0 || s.len > 0))
        ARENA_PUSH(c->a, part, *count, cap, str_sub(s, at, s.len));
    return part;
}

static int call_split_list(struct call *c)
{
    size_t count;
    struct str *part = parts_of(c, call_str(c, 1), call_str(c, 0), -1, &count);

    return call_return(c, strings_datum(c->a, part, count));
}

static int parts_map(struct call *c, const struct str *part, size_t count)
{
    struct datum_map *m = datum_map_new(c->a);

    for (size_t i = 0; i < count; i++)
        datum_map_set(c->a, m, arena_printf(c->a, "_%zu", i), datum_string(part[i]));
    return call_return(c, (struct datum){.type = DATUM_STRING_MAP, .map = m});
}

static int call_split(struct call *c)
{
    size_t count;
    struct str *part = parts_of(c, call_str(c, 1), call_str(c, 0), -1, &count);

    return parts_map(c, part, count);
}

static int call_splitn(struct call *c)
{
    size_t count;
    struct str *part = parts_of(c, call_str(c, 2), call_str(c, 0), c->arg[1].integer, &count);

    return parts_map(c, part, count);
}

static int str_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int call_sort_alpha(struct call *c)
{
    struct datum d = c->arg[0];
    size_t count;
    struct str *s = strings_of(c->a, d, &count);

    if (!datum_is_slice(d) && d.type != DATUM_BYTES) {
        struct str one = string_of(c->a, d);
        return call_return(c, strings_datum(c->a, &one, 1));
    }
    if (count > 1)
        qsort(s, count, sizeof(*s), str_order);
    return call_return(c, strings_datum(c->a, s, count));
}

static int call_hello(struct call *c)
{
    return call_return_str(c, STR("Hello!"));
}

const struct function functions_text[] = {
    {"trim", "s", call_trim},
    {"trimAll", "ss", call_trim_all},
    {"trimall", "ss", call_trim_all},
    {"trimSuffix", "ss", call_trim_suffix},
    {"trimPrefix", "ss", call_trim_prefix},
    {"trunc", "is", call_trunc},
    {"substr", "iis", call_substr},
    {"abbrev", "is", call_abbrev},
    {"abbrevboth", "iis", call_abbrevboth},
    {"initials", "s", call_initials},
    {"upper", "s", call_upper},
    {"lower", "s", call_lower},
    {"title", "s", call_title},
    {"untitle", "s", call_untitle},
    {"swapcase", "s", call_swapcase},
    {"nospace", "s", call_nospace},
    {"snakecase", "s", call_snakecase},
    {"kebabcase", "s", call_kebabcase},
    {"camelcase", "s", call_camelcase},
    {"repeat", "is", call_repeat},
    {"indent", "is", call_indent},
    {"nindent", "is", call_nindent},
    {"wrap", "is", call_wrap},
    {"wrapWith", "iss", call_wrap_with},
    {"contains", "ss", call_contains},
    {"hasPrefix", "ss", call_has_prefix},
    {"hasSuffix", "ss", call_has_suffix},
    {"replace", "sss", call_replace},
    {"plural", "ssi", call_plural},
    {"quote", "a*", call_quote},
    {"squote", "a*", call_squote},
    {"cat", "a*", call_cat},
    {"toString", "a", call_to_string},
    {"toStrings", "a", call_to_strings},
    {"join", "sa", call_join},
    {"split", "ss", call_split},
    {"splitList", "ss", call_split_list},
    {"splitn", "sis", call_splitn},
    {"sortAlpha", "a", call_sort_alpha},
    {"hello", "", call_hello},
    {NULL, NULL, NULL},
};
