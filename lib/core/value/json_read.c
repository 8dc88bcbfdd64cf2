/*
 * JSON by recursive descent, at most VALUE_DEPTH_MAX deep. The text is copied into the arena once
 * and strings are cut out of that copy; escapes, never longer than what they stand for, are undone
 * in place. Members and items wait in one heap array until their collection ends, so that each
 * collection gets room of exactly its size.
 */
#include "core/value/json.h"

#include <stdlib.h>
#include <string.h>

#include "core/value/build.h"
#include "core/value/number.h"

struct json_reader {
    struct arena *a;
    char *at;
    char *end; /* a NUL stands here */
    const char *line_start;
    size_t continuation_count; /* bytes of this line that are no character of their own */
    uint32_t line;
    const struct str *file;
    struct err *err;
    struct member *waiting;
    size_t waiting_count;
    size_t waiting_cap;
    size_t node_count;
};

static uint32_t column_of(const struct json_reader *r, const char *at)
{
    return (uint32_t)((size_t)(at - r->line_start) - r->continuation_count + 1);
}

static int fail(struct json_reader *r, const char *what)
{
    unsigned char c = (unsigned char)*r->at;
    uint32_t column = column_of(r, r->at);

    if (r->at == r->end)
        return err_at(r->err, HL_EINVAL, *r->file, r->line, column, "%s, found the end", what);
    if (c >= 0x20 && c < 0x7F)
        return err_at(r->err, HL_EINVAL, *r->file, r->line, column, "%s, found '%c'", what, c);
    return err_at(r->err, HL_EINVAL, *r->file, r->line, column, "%s, found byte 0x%02x", what, c);
}

static void skip_blanks(struct json_reader *r)
{
    for (;; r->at++) {
        if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
            r->continuation_count = 0;
        } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r') {
            return;
        }
    }
}

static struct value *node(struct json_reader *r, enum value_kind kind)
{
    struct value *v = arena_one(r->a, struct value);

    v->kind = kind;
    v->line = r->line;
    v->column = column_of(r, r->at);
    v->file = r->file;
    return v;
}

static bool hex4(const char *p, uint32_t *out)
{
    unsigned char bytes[2];

    if (!hex_decode((struct str){p, 4}, bytes, sizeof(bytes)))
        return false;
    *out = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

static char *put_rune(char *to, uint32_t rune)
{
    if (rune < 0x80) {
        *to++ = (char)rune;
    } else if (rune < 0x800) {
        *to++ = (char)(0xC0 | rune >> 6);
        *to++ = (char)(0x80 | (rune & 0x3F));
    } else if (rune < 0x10000) {
        *to++ = (char)(0xE0 | rune >> 12);
        *to++ = (char)(0x80 | (rune >> 6 & 0x3F));
        *to++ = (char)(0x80 | (rune & 0x3F));
    } else {
        *to++ = (char)(0xF0 | rune >> 18);
        *to++ = (char)(0x80 | (rune >> 12 & 0x3F));
        *to++ = (char)(0x80 | (rune >> 6 & 0x3F));
        *to++ = (char)(0x80 | (rune & 0x3F));
    }
    return to;
}

/* RFC 8259 section 7; r->at is behind "\u". Lone surrogates become U+FFFD. */
static int read_unicode(struct json_reader *r, uint32_t *rune)
{
    uint32_t low;

    if (r->end - r->at < 4 || !hex4(r->at, rune))
        return fail(r, "expected four hex digits");
    r->at += 4;
    if (*rune < 0xD800 || *rune > 0xDFFF)
        return 0;
    if (*rune < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' &&
        hex4(r->at + 2, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        *rune = 0x10000 + ((*rune - 0xD800) << 10) + (low - 0xDC00);
        r->at += 6;
        return 0;
    }
    *rune = 0xFFFD;
    return 0;
}

static int read_escape(struct json_reader *r, char **to)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    uint32_t rune = 0;

    if (*r->at == 'u') {
        r->at++;
        int result = read_unicode(r, &rune);
        if (result == 0)
            *to = put_rune(*to, rune);
        return result;
    }
    const char *known = *r->at ? strchr(plain, *r->at) : NULL;
    if (!known)
        return fail(r, "expected an escape");
    *(*to)++ = meant[known - plain];
    r->at++;
    return 0;
}

/* r->at is behind the opening quote. */
static int read_string(struct json_reader *r, struct str *out)
{
    char *start = r->at;
    char *to = r->at;
    uint32_t rune = 0;

    for (;;) {
        unsigned char c = (unsigned char)*r->at;
        if (c == '"')
            break;
        if (c == '\\') {
            r->at++;
            int result = read_escape(r, &to);
            if (result != 0)
                return result;
        } else if (c < 0x20) {
            return fail(r, "expected the end of a string");
        } else if (c < 0x80) {
            *to++ = *r->at++;
        } else {
            struct str rest = {r->at, (size_t)(r->end - r->at)};
            size_t len = str_rune(rest, 0, &rune);
            if (len == 0)
                return fail(r, "expected UTF-8");
            memmove(to, r->at, len);
            to += len;
            r->at += len;
            r->continuation_count += len - 1;
        }
    }
    r->at++;
    *out = (struct str){start, (size_t)(to - start)};
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(struct json_reader *r)
{
    if (!is_digit(*r->at))
        return false;
    while (is_digit(*r->at))
        r->at++;
    return true;
}

/* RFC 8259 section 6. */
static int read_number(struct json_reader *r, struct value **out)
{
    struct value *v = node(r, VALUE_INT);
    const char *start = r->at;
    bool is_integer = true;

    if (*r->at == '-')
        r->at++;
    if (*r->at == '0')
        r->at++;
    else if (!skip_digits(r))
        return fail(r, "expected a digit");
    if (*r->at == '.') {
        is_integer = false;
        r->at++;
        if (!skip_digits(r))
            return fail(r, "expected a digit");
    }
    if (*r->at == 'e' || *r->at == 'E') {
        is_integer = false;
        r->at++;
        if (*r->at == '+' || *r->at == '-')
            r->at++;
        if (!skip_digits(r))
            return fail(r, "expected a digit");
    }
    struct str text = {start, (size_t)(r->at - start)};
    *out = v;
    if (str_eq(text, STR("-0")))
        is_integer = false; /* int64 has no negative zero */
    if (is_integer && str_to_i64(text, &v->integer))
        return 0;
    v->kind = VALUE_UINT;
    if (is_integer && str_to_u64(text, &v->unsigned_integer))
        return 0;
    v->kind = VALUE_FLOAT;
    if (number_parse(text, &v->number))
        return 0;
    return err_at(r->err, HL_EINVAL, *r->file, v->line, v->column,
                  "number " STR_FMT " is out of float64's range",
                  (int)(text.len < 40 ? text.len : 40), text.ptr);
}

static int read_word(struct json_reader *r, struct value **out)
{
    static const struct {
        struct str text;
        enum value_kind kind;
        bool boolean;
    } words[] = {{STR("null"), VALUE_NULL, false},
                 {STR("true"), VALUE_BOOL, true},
                 {STR("false"), VALUE_BOOL, false}};
    struct str rest = {r->at, (size_t)(r->end - r->at)};

    for (size_t i = 0; i < HL_COUNT(words); i++) {
        if (!str_starts(rest, words[i].text))
            continue;
        *out = node(r, words[i].kind);
        if (words[i].kind == VALUE_BOOL)
            (*out)->boolean = words[i].boolean;
        r->at += words[i].text.len;
        return 0;
    }
    return fail(r, "expected a value");
}

static void wait_member(struct json_reader *r, struct member m)
{
    if (r->waiting_count == r->waiting_cap) {
        r->waiting_cap = r->waiting_cap ? r->waiting_cap * 2 : 64;
        r->waiting = hl_realloc(r->waiting, r->waiting_cap * sizeof(*r->waiting));
    }
    r->waiting[r->waiting_count++] = m;
}

static int read_value(struct json_reader *r, int depth, struct value **out);

static int read_items(struct json_reader *r, int depth, struct value *list)
{
    size_t start = r->waiting_count;

    skip_blanks(r);
    if (*r->at == ']') {
        r->at++;
        return 0;
    }
    for (;;) {
        struct member m = {0};
        int result = read_value(r, depth, &m.value);
        if (result != 0)
            return result;
        wait_member(r, m);
        if (*r->at != ',')
            break;
        r->at++;
    }
    if (*r->at != ']')
        return fail(r, "expected ',' or ']'");
    r->at++;
    list->list.count = list->list.cap = r->waiting_count - start;
    list->list.item = arena_array(r->a, struct value *, list->list.count);
    for (size_t i = 0; i < list->list.count; i++)
        list->list.item[i] = r->waiting[start + i].value;
    r->waiting_count = start;
    return 0;
}

static int read_member(struct json_reader *r, int depth, struct member *m)
{
    skip_blanks(r);
    if (*r->at != '"')
        return fail(r, "expected a string as key");
    m->key_line = r->line;
    m->key_column = column_of(r, r->at);
    r->at++;
    int result = read_string(r, &m->key);
    if (result != 0)
        return result;
    skip_blanks(r);
    if (*r->at != ':')
        return fail(r, "expected ':'");
    r->at++;
    return read_value(r, depth, &m->value);
}

static int finish_map(struct json_reader *r, struct value *map, size_t start)
{
    size_t count = r->waiting_count - start;
    struct member *member = arena_array(r->a, struct member, count);
    size_t first;
    size_t second;

    memcpy(member, r->waiting + start, count * sizeof(*member));
    r->waiting_count = start;
    if (map_fill(r->a, map, member, count, &first, &second))
        return 0;
    return err_at(r->err, HL_EINVAL, *r->file, member[second].key_line, member[second].key_column,
                  "duplicate key \"" STR_FMT "\", first on line %u, column %u",
                  (int)(member[first].key.len < 200 ? member[first].key.len : 200),
                  member[first].key.ptr, member[first].key_line, member[first].key_column);
}

static int read_members(struct json_reader *r, int depth, struct value *map)
{
    size_t start = r->waiting_count;

    skip_blanks(r);
    if (*r->at == '}') {
        r->at++;
        return 0;
    }
    for (;;) {
        struct member m = {0};
        int result = read_member(r, depth, &m);
        if (result != 0)
            return result;
        wait_member(r, m);
        if (*r->at != ',')
            break;
        r->at++;
    }
    if (*r->at != '}')
        return fail(r, "expected ',' or '}'");
    r->at++;
    return finish_map(r, map, start);
}

static int read_collection(struct json_reader *r, int depth, struct value **out)
{
    bool is_map = *r->at == '{';

    if (depth == VALUE_DEPTH_MAX)
        return err_at(r->err, HL_ELIMIT, *r->file, r->line, column_of(r, r->at),
                      "more than %d nested collections", VALUE_DEPTH_MAX);
    *out = node(r, is_map ? VALUE_MAP : VALUE_LIST);
    r->at++;
    return is_map ? read_members(r, depth + 1, *out) : read_items(r, depth + 1, *out);
}

/* Blanks around the value are read as well. */
static int read_value(struct json_reader *r, int depth, struct value **out)
{
    int result;

    skip_blanks(r);
    if (r->node_count++ == JSON_NODES_MAX)
        return err_at(r->err, HL_ELIMIT, *r->file, r->line, column_of(r, r->at),
                      "more than %d values", JSON_NODES_MAX);
    if (*r->at == '{' || *r->at == '[') {
        result = read_collection(r, depth, out);
    } else if (*r->at == '"') {
        *out = node(r, VALUE_STRING);
        r->at++;
        result = read_string(r, &(*out)->string);
    } else if (*r->at == '-' || is_digit(*r->at)) {
        result = read_number(r, out);
    } else {
        result = read_word(r, out);
    }
    if (result == 0)
        skip_blanks(r);
    return result;
}

int json_read(struct arena *a, struct str text, struct str file, struct value **out,
              struct err *err)
{
    struct value *v = NULL;

    if (text.len > JSON_BYTES_MAX)
        return err_at(err, HL_ELIMIT, file, 0, 0, "%zu bytes of JSON, at most %d are read",
                      text.len, JSON_BYTES_MAX);
    struct str *name = arena_one(a, struct str);
    *name = arena_dup(a, file);
    char *copy = arena_cstr(a, text);
    struct json_reader r = {.a = a,
                            .at = copy,
                            .end = copy + text.len,
                            .line_start = copy,
                            .line = 1,
                            .file = name,
                            .err = err};
    int result = read_value(&r, 0, &v);
    if (result == 0 && r.at != r.end)
        result = fail(&r, "expected nothing behind the document");
    free(r.waiting);
    if (result == 0)
        *out = v;
    return result;
}
