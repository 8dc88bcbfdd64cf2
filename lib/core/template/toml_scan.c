/* States of the lexer as functions; a state that calls itself is a loop here. */
#include "core/template/toml_scan.h"

#include <stdio.h>

#include "core/gostd/literal.h"
#include "core/gostd/unicode.h"

/* ---- faults ---- */

/* errorf: behind the last line's end it is the last line that is meant. */
uint32_t toml_line(const struct toml_scan *s)
{
    bool is_behind = s->is_at_end && s->pos >= 1 && s->text.ptr[s->pos - 1] == '\n';

    return s->line - (is_behind ? 1 : 0);
}

/* Only a text that is the first fault is worth making. */
void toml_fault(struct toml_scan *s, uint32_t line, const char *before, struct str about,
                const char *behind)
{
    if (s->code < 0)
        return;
    s->code = HL_EINVAL;
    s->fault_line = line;
    struct str parts = arena_concat(s->a, str_from(before), about);
    s->fault = arena_concat(s->a, parts, str_from(behind));
}

struct str toml_quoted(struct toml_scan *s, struct str text)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    literal_quote(&out, text, false);
    return arena_dup(s->a, buf_str(&out));
}

struct str toml_quoted_rune(struct toml_scan *s, uint32_t r)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    literal_quote_rune(&out, r, false);
    return arena_dup(s->a, buf_str(&out));
}

struct str toml_rune_text(struct toml_scan *s, uint32_t r)
{
    char rune[RUNE_BYTES_MAX];

    return arena_dup(s->a, (struct str){rune, rune_put(r, rune)});
}

static void fault_here(struct toml_scan *s, const char *text)
{
    toml_fault(s, toml_line(s), text, STR_NONE, "");
}

/* error(): the line before at the end of the text. */
static uint32_t line_of_error(const struct toml_scan *s)
{
    return s->line - (s->is_at_end ? 1 : 0);
}

/* ---- runes ---- */

static bool is_control(uint32_t r)
{
    return (r < ' ' && r != '\t' && r != '\r' && r != '\n') || r == 0x7f;
}

static struct str hex_text(struct toml_scan *s, unsigned char c)
{
    return arena_printf(s->a, "%02x", c);
}

uint32_t toml_next(struct toml_scan *s)
{
    size_t width;

    if (s->code < 0 || s->pos >= s->text.len) {
        s->is_at_end = true;
        return TOML_END;
    }
    if (s->text.ptr[s->pos] == '\n')
        s->line++;
    for (size_t i = TOML_BACK_MAX - 1; i > 0; i--)
        s->width[i] = s->width[i - 1];
    uint32_t r = rune_at(s->text, s->pos, &width);
    unsigned char first = (unsigned char)s->text.ptr[s->pos];
    if (r == RUNE_ERROR && width == 1) {
        toml_fault(s, line_of_error(s), "invalid UTF-8 byte: 0x", hex_text(s, first), "");
        return RUNE_ERROR;
    }
    bool is_lone = r == '\r' && (s->pos + 1 == s->text.len || s->text.ptr[s->pos + 1] != '\n');
    if (is_control(r) || is_lone) {
        toml_fault(s, s->line, "TOML files cannot contain control characters: '0x",
                   hex_text(s, first), "'");
        return RUNE_ERROR;
    }
    s->width[0] = width;
    s->pos += width;
    return r;
}

void toml_back(struct toml_scan *s)
{
    if (s->code < 0)
        return;
    if (s->is_at_end) {
        s->is_at_end = false;
        return;
    }
    s->pos -= s->width[0];
    for (size_t i = 0; i + 1 < TOML_BACK_MAX; i++)
        s->width[i] = s->width[i + 1];
    if (s->pos < s->text.len && s->text.ptr[s->pos] == '\n')
        s->line--;
}

uint32_t toml_peek(struct toml_scan *s)
{
    uint32_t r = toml_next(s);

    toml_back(s);
    return r;
}

static bool accept(struct toml_scan *s, uint32_t wanted)
{
    if (toml_next(s) == wanted)
        return true;
    toml_back(s);
    return false;
}

void toml_skip_blanks(struct toml_scan *s)
{
    while (toml_is_blank(toml_next(s)))
        ;
    toml_back(s);
    s->start = s->pos;
}

void toml_skip_comment(struct toml_scan *s)
{
    uint32_t r;

    do
        r = toml_next(s);
    while (s->code == 0 && r != TOML_END && !toml_is_line_end(r));
    toml_back(s);
    s->start = s->pos;
}

static struct str word_of(const struct toml_scan *s)
{
    return str_sub(s->text, s->start, s->pos);
}

static bool is_digit(uint32_t r)
{
    return r >= '0' && r <= '9';
}

static bool is_hex(uint32_t r)
{
    return is_digit(r) || ((r | 0x20) >= 'a' && (r | 0x20) <= 'f');
}

/* ---- strings ---- */

static void scan_hex(struct toml_scan *s, int digits, const char *what)
{
    for (int i = 0; i < digits; i++)
        if (!is_hex(toml_next(s))) {
            toml_fault(s, toml_line(s), what, toml_quoted(s, word_of(s)), " instead");
            return;
        }
}

static void scan_escape(struct toml_scan *s)
{
    uint32_t r = toml_next(s);

    if (r == 'x')
        scan_hex(s, 2, "expected two hexadecimal digits after '\\x', but got ");
    else if (r == 'u')
        scan_hex(s, 4, "expected four hexadecimal digits after '\\u', but got ");
    else if (r == 'U')
        scan_hex(s, 8, "expected eight hexadecimal digits after '\\U', but got ");
    else if (r == TOML_END || r > 0x7f || !str_has_byte(STR("ebtnfr\" \t\\"), (char)r))
        toml_fault(s, line_of_error(s), "invalid escape in string '\\", toml_rune_text(s, r), "'");
}

/* Behind the first quote, up to and over the last. */
static enum toml_word scan_string(struct toml_scan *s, uint32_t quote, struct str *out)
{
    bool is_escaped = false;

    s->start = s->pos;
    while (s->code == 0) {
        uint32_t r = toml_next(s);
        if (r == TOML_END) {
            fault_here(s, quote == '"' ? "unexpected EOF; expected '\"'"
                                       : "unexpected EOF; expected \"'\"");
        } else if (toml_is_line_end(r)) {
            toml_fault(s, s->line - 1, "strings cannot contain newlines", STR_NONE, "");
        } else if (r == '\\' && quote == '"') {
            is_escaped = true;
            scan_escape(s);
        } else if (r == quote) {
            *out = str_sub(s->text, s->start, s->pos - 1);
            s->start = s->pos;
            return is_escaped ? TOML_STRING_ESCAPED : TOML_STRING;
        }
    }
    return TOML_NONE;
}

/* Three quotes were read of those that may end the string. True if they do. */
static bool is_end_of_lines(struct toml_scan *s, uint32_t quote)
{
    static const char five[2][6] = {"\"\"\"\"\"", "'''''"};
    const char *tail = five[quote == '\''];
    struct str word = word_of(s);

    if (toml_peek(s) != quote)
        return true;
    /* Two of the string's own may stand before the three; one that is escaped does not count. */
    bool is_escaped = quote == '"' && word.len >= 6 && word.ptr[word.len - 6] == '\\';
    if (str_ends(word, str_from(tail)) && !is_escaped)
        fault_here(s, quote == '"' ? "unexpected '\"\"\"\"\"\"'" : "unexpected \"''''''\"");
    toml_back(s);
    toml_back(s);
    return false;
}

static enum toml_word scan_lines(struct toml_scan *s, uint32_t quote, struct str *out)
{
    s->start = s->pos;
    while (s->code == 0) {
        uint32_t r = toml_next(s);
        if (r == TOML_END) {
            fault_here(s, quote == '"' ? "unexpected EOF; expected '\"\"\"'"
                                       : "unexpected EOF; expected \"'''\"");
        } else if (r == '\\' && quote == '"') {
            if (!toml_is_line_end(toml_peek(s)))
                scan_escape(s);
        } else if (r == quote && accept(s, quote)) {
            if (!accept(s, quote)) {
                toml_back(s);
            } else if (is_end_of_lines(s, quote)) {
                *out = str_sub(s->text, s->start, s->pos - 3);
                s->start = s->pos;
                return quote == '"' ? TOML_STRING_LINES : TOML_STRING_RAW_LINES;
            }
        }
    }
    return TOML_NONE;
}

static enum toml_word scan_any_string(struct toml_scan *s, uint32_t quote, struct str *out)
{
    if (accept(s, quote)) {
        if (accept(s, quote))
            return scan_lines(s, quote, out);
        toml_back(s);
    }
    return scan_string(s, quote, out);
}

struct str toml_scan_name(struct toml_scan *s)
{
    uint32_t r = toml_peek(s);
    struct str text = STR_NONE;

    if (r == '"' || r == '\'') {
        (void)toml_next(s);
        enum toml_word word = scan_string(s, r, &text);
        if (word == TOML_STRING_ESCAPED)
            text = datum_str(toml_value_of(s, word, text, s->line));
        return text;
    }
    while ((r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z') || is_digit(r) || r == '_' ||
           r == '-') {
        (void)toml_next(s);
        r = toml_peek(s);
    }
    text = word_of(s);
    s->start = s->pos;
    return text;
}

/* ---- numbers and dates ---- */

/* Takes runes while they are digits or among `more`; the next one is not. */
static void take(struct toml_scan *s, bool (*is_in)(uint32_t r), const char *more)
{
    uint32_t r;

    do
        r = toml_next(s);
    while (s->code == 0 && r != TOML_END &&
           (is_in(r) || (r < 0x80 && str_has_byte(str_from(more), (char)r))));
    toml_back(s);
}

static enum toml_word end_word(struct toml_scan *s, enum toml_word word, struct str *out)
{
    *out = word_of(s);
    s->start = s->pos;
    return word;
}

static enum toml_word scan_float(struct toml_scan *s, struct str *out)
{
    take(s, is_digit, "_.-+eE");
    return end_word(s, TOML_FLOAT, out);
}

static enum toml_word scan_decimal(struct toml_scan *s, struct str *out)
{
    take(s, is_digit, "_");
    uint32_t r = toml_peek(s);
    return r == '.' || r == 'e' || r == 'E' ? scan_float(s, out) : end_word(s, TOML_INTEGER, out);
}

static enum toml_word scan_time(struct toml_scan *s, struct str *out)
{
    take(s, is_digit, "-:Tt .Zz+");
    *out = str_trim(word_of(s));
    s->start = s->pos;
    return TOML_TIME;
}

static enum toml_word scan_number_or_time(struct toml_scan *s, struct str *out)
{
    take(s, is_digit, "");
    uint32_t r = toml_peek(s);
    if (r == '-' || r == ':')
        return scan_time(s, out);
    return scan_decimal(s, out);
}

static bool is_binary(uint32_t r)
{
    return r == '0' || r == '1';
}

static bool is_octal(uint32_t r)
{
    return r >= '0' && r <= '7';
}

/* Behind a 0. */
static enum toml_word scan_base(struct toml_scan *s, struct str *out)
{
    static const struct {
        uint32_t letter;
        bool (*is_digit)(uint32_t r);
        const char *what;
    } base[] = {{'b', is_binary, "not a binary number: '"},
                {'o', is_octal, "not an octal number: '"},
                {'x', is_hex, "not a hexadecimal number: '"}};
    uint32_t r = toml_peek(s);

    if (is_digit(r))
        return scan_number_or_time(s, out);
    for (size_t i = 0; i < HL_COUNT(base); i++) {
        if (r != base[i].letter)
            continue;
        (void)toml_next(s);
        r = toml_peek(s);
        if (!base[i].is_digit(r))
            toml_fault(s, toml_line(s), base[i].what,
                       arena_concat(s->a, word_of(s), toml_rune_text(s, r)), "'");
        take(s, base[i].is_digit, "_");
        return end_word(s, TOML_INTEGER, out);
    }
    return scan_decimal(s, out);
}

static enum toml_word scan_special(struct toml_scan *s, const char *rest, struct str *out)
{
    if (accept(s, (uint32_t)rest[0]) && accept(s, (uint32_t)rest[1]))
        return end_word(s, TOML_FLOAT, out);
    toml_fault(s, toml_line(s), "invalid float: '", word_of(s), "'");
    return TOML_NONE;
}

/* Behind a sign. */
static enum toml_word scan_signed(struct toml_scan *s, struct str *out)
{
    uint32_t r = toml_next(s);

    if (r == 'i')
        return scan_special(s, "nf", out);
    if (r == 'n')
        return scan_special(s, "an", out);
    if (r == '0') {
        uint32_t p = toml_peek(s);
        if (p == 'b' || p == 'o' || p == 'x')
            toml_fault(s, toml_line(s), "cannot use sign with non-decimal numbers: '",
                       arena_concat(s->a, word_of(s), toml_rune_text(s, p)), "'");
    }
    if (r == '.')
        fault_here(s, "floats must start with a digit, not '.'");
    if (is_digit(r))
        return scan_decimal(s, out);
    toml_fault(s, toml_line(s), "expected a digit but got ", toml_quoted_rune(s, r), "");
    return TOML_NONE;
}

static enum toml_word scan_bool(struct toml_scan *s, struct str *out)
{
    size_t from = s->pos;

    take(s, rune_is_letter, "");
    struct str word = str_sub(s->text, from, s->pos);
    if (str_eq(word, STR("true")) || str_eq(word, STR("false")))
        return end_word(s, TOML_BOOL, out);
    toml_fault(s, toml_line(s), "expected value but found ", toml_quoted(s, word), " instead");
    return TOML_NONE;
}

/* What can begin with r, which was read. */
static enum toml_word scan_begun(struct toml_scan *s, uint32_t r, struct str *out)
{
    switch (r) {
    case '[':
    case '{':
        s->start = s->pos;
        return r == '[' ? TOML_ARRAY : TOML_INLINE_TABLE;
    case '"':
    case '\'':
        return scan_any_string(s, r, out);
    case '.':
        fault_here(s, "floats must start with a digit, not '.'");
        return TOML_NONE;
    case '-':
    case '+':
        return scan_signed(s, out);
    case TOML_END:
        fault_here(s, "unexpected EOF; expected value");
        return TOML_NONE;
    default:
        break;
    }
    /* Of what is neither inf nor nan the letters that fitted stay read, as there. */
    if ((r == 'i' || r == 'n') &&
        ((accept(s, 'n') && accept(s, 'f')) || (accept(s, 'a') && accept(s, 'n'))))
        return end_word(s, TOML_FLOAT, out);
    if (rune_is_letter(r)) {
        toml_back(s);
        return scan_bool(s, out);
    }
    toml_fault(s, r == '\n' ? s->line - 1 : toml_line(s), "expected value but found ",
               toml_quoted_rune(s, r), " instead");
    return TOML_NONE;
}

enum toml_word toml_scan_value(struct toml_scan *s, struct str *out)
{
    uint32_t r;

    *out = STR_NONE;
    toml_skip_blanks(s);
    r = toml_next(s);
    if (is_digit(r))
        return r == '0' ? scan_base(s, out) : scan_number_or_time(s, out);
    return scan_begun(s, r, out);
}

/* ---- what words mean ---- */

static bool has_leading_zero(struct str v)
{
    bool is_signed = v.len > 2 && (v.ptr[0] == '-' || v.ptr[0] == '+');

    if (is_signed)
        return v.ptr[1] == '0';
    return v.len > 1 && v.ptr[0] == '0' && !str_has_byte(STR("box"), v.ptr[1]);
}

static bool is_underscored_well(struct str v)
{
    static const char *const words[] = {"nan", "+nan", "-nan", "inf", "-inf", "+inf"};
    bool is_behind_digit = false;

    for (size_t i = 0; i < HL_COUNT(words); i++)
        if (str_eq(v, str_from(words[i])))
            return true;
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == '_' && !is_behind_digit)
            return false;
        is_behind_digit = is_hex((unsigned char)v.ptr[i]);
    }
    return is_behind_digit;
}

static const char UNDERSCORES[] = ": underscores must be surrounded by digits";
static const char LEADING_ZEROES[] = ": cannot have leading zeroes";

static void bad_number(struct toml_scan *s, uint32_t line, const char *kind, struct str v,
                       const char *why)
{
    toml_fault(s, line, kind, toml_quoted(s, v), why);
}

static struct datum integer_of(struct toml_scan *s, struct str v, uint32_t line)
{
    int64_t number = 0;

    if (!is_underscored_well(v))
        bad_number(s, line, "Invalid integer ", v, UNDERSCORES);
    else if (has_leading_zero(v))
        bad_number(s, line, "Invalid integer ", v, LEADING_ZEROES);
    else if (!literal_int(v, 0, &number))
        toml_fault(s, line, "", v, " is out of range for int64");
    return datum_int64(number);
}

/* Every part between '.', 'e' and 'E'; *out_first is the first that is not empty. */
static bool are_parts_well(struct str v, struct str *out_first)
{
    size_t from = 0;

    *out_first = STR_NONE;
    for (size_t i = 0; i <= v.len; i++) {
        if (i < v.len && !str_has_byte(STR(".eE"), v.ptr[i]))
            continue;
        struct str part = str_sub(v, from, i);
        from = i + 1;
        if (part.len == 0)
            continue;
        if (!is_underscored_well(part))
            return false;
        if (out_first->len == 0)
            *out_first = part;
    }
    return true;
}

static bool are_periods_well(struct str v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.ptr[i] == '.' && (i + 1 == v.len || !is_digit((unsigned char)v.ptr[i + 1])))
            return false;
    return true;
}

static struct str without_underscores(struct arena *a, struct str v)
{
    char *text = arena_alloc(a, v.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < v.len; i++)
        if (v.ptr[i] != '_')
            text[len++] = v.ptr[i];
    return (struct str){text, len};
}

static size_t skip_digits(struct str v, size_t at)
{
    while (at < v.len && is_digit((unsigned char)v.ptr[at]))
        at++;
    return at;
}

static size_t skip_sign(struct str v, size_t at)
{
    return at < v.len && (v.ptr[at] == '+' || v.ptr[at] == '-') ? at + 1 : at;
}

static bool has_float_form(struct str v)
{
    size_t at = skip_digits(v, skip_sign(v, 0));

    if (at < v.len && v.ptr[at] == '.')
        at = skip_digits(v, at + 1);
    if (at < v.len && (v.ptr[at] | 0x20) == 'e') {
        size_t digits = skip_sign(v, at + 1);
        at = skip_digits(v, digits);
        if (at == digits)
            return false;
    }
    return at == v.len && v.len > 0;
}

static void refuse_float(struct toml_scan *s, struct str v, struct str text, uint32_t line)
{
    if (has_float_form(text))
        toml_fault(s, line, "", v, " is out of range for float64");
    else
        toml_fault(s, line, "Invalid float value: ", toml_quoted(s, v), "");
}

static struct datum float_of(struct toml_scan *s, struct str v, uint32_t line)
{
    struct str first;
    double number = 0;

    if (!are_parts_well(v, &first)) {
        bad_number(s, line, "Invalid float ", v, UNDERSCORES);
    } else if (has_leading_zero(first)) {
        bad_number(s, line, "Invalid float ", v, LEADING_ZEROES);
    } else if (!are_periods_well(v)) {
        bad_number(s, line, "Invalid float ", v, ": '.' must be followed by one or more digits");
    } else {
        struct str text = without_underscores(s->a, v);
        bool is_nan = str_ends(text, STR("nan"));
        if (!literal_float(is_nan ? STR("nan") : text, &number))
            refuse_float(s, v, text, line);
        else if (is_nan && text.ptr[0] == '-')
            number = -number;
    }
    return datum_float(number);
}

/* Go's parser takes one digit where the layout has two. */
static bool lacks_zero(struct str v, const char *layout)
{
    for (size_t i = 0; layout[i] && layout[i] != '.' && layout[i] != 'Z'; i++)
        if (!is_digit((unsigned char)layout[i]) && (i >= v.len || v.ptr[i] != layout[i]))
            return true;
    return false;
}

static struct datum time_of(struct toml_scan *s, struct str v, uint32_t line)
{
    static const struct {
        const char *layout;
        const char *zone; /* NULL: the text's own */
    } form[] = {
        {"2006-01-02T15:04:05.999999999Z07:00", NULL},
        {"2006-01-02T15:04:05.999999999", "datetime-local"},
        {"2006-01-02", "date-local"},
        {"15:04:05.999999999", "time-local"},
        {"2006-01-02T15:04Z07:00", NULL},
        {"2006-01-02T15:04", "datetime-local"},
        {"15:04", "time-local"},
    };
    char *text = (char *)arena_dup(s->a, v).ptr;
    struct moment m;
    struct str ignored;

    for (size_t i = 0; i < v.len; i++)
        text[i] = text[i] == 'z' ? 'Z' : text[i] == 't' || text[i] == ' ' ? 'T' : text[i];
    for (size_t i = 0; i < HL_COUNT(form); i++) {
        if (moment_parse(s->world, s->a, str_from(form[i].layout), (struct str){text, v.len}, &m,
                         &ignored) < 0)
            continue;
        if (lacks_zero((struct str){text, v.len}, form[i].layout))
            break;
        if (form[i].zone) {
            m.is_fixed = true;
            snprintf(m.abbreviation, sizeof(m.abbreviation), "%s", form[i].zone);
        }
        return datum_of_moment(s->a, &m);
    }
    toml_fault(s, line, "invalid datetime: ", toml_quoted(s, (struct str){text, v.len}), "");
    return datum_nil();
}

/* A backslash, blanks and a line's end are nothing, with all blanks behind them. */
static struct str join_lines(struct toml_scan *s, struct str v)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    size_t i = 0;

    while (i < v.len) {
        size_t j = i + 1;
        if (v.ptr[i] != '\\') {
            buf_add_byte(&out, v.ptr[i++]);
            continue;
        }
        if (j < v.len && v.ptr[j] == '\\') {
            buf_add_cstr(&out, "\\\\");
            i += 2;
            continue;
        }
        bool has_line_end = false;
        for (; j < v.len && str_has_byte(STR(" \t\r\n"), v.ptr[j]); j++)
            has_line_end = has_line_end || v.ptr[j] == '\n';
        if (has_line_end)
            i = j;
        else
            buf_add_byte(&out, v.ptr[i++]);
    }
    return arena_dup(s->a, buf_str(&out));
}

static uint32_t hex_of(struct str digits)
{
    uint32_t r = 0;

    for (size_t i = 0; i < digits.len; i++) {
        unsigned char c = (unsigned char)digits.ptr[i];
        r = r << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return r;
}

/* One escape behind its backslash; returns its length. */
static size_t put_escape(struct toml_scan *s, struct buf *out, struct str v, uint32_t line)
{
    static const char letters[] = "btnfre\"\\";
    static const char bytes[] = "\b\t\n\f\r\x1b\"\\";
    size_t digits = v.ptr[0] == 'x' ? 2 : v.ptr[0] == 'u' ? 4 : v.ptr[0] == 'U' ? 8 : 0;

    if (v.ptr[0] == ' ' || v.ptr[0] == '\t')
        toml_fault(s, line, "invalid escape: '\\", str_sub(v, 0, 1), "'");
    for (size_t i = 0; letters[i]; i++)
        if (v.ptr[0] == letters[i])
            buf_add_byte(out, bytes[i]);
    if (digits == 0)
        return 1;
    struct str code = str_sub(v, 1, 1 + digits);
    uint32_t r = hex_of(code);
    if (r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff))
        toml_fault(s, line, "Escaped character '\\u", code, "' is not valid UTF-8.");
    buf_add_rune(out, r);
    return 1 + digits;
}

static struct str unescape(struct toml_scan *s, struct str v, uint32_t line)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    for (size_t i = 0; i < v.len && s->code == 0;) {
        char c = v.ptr[i++];
        if (c == '\\')
            i += put_escape(s, &out, str_sub(v, i, v.len), line);
        else
            buf_add_byte(&out, c);
    }
    return arena_dup(s->a, buf_str(&out));
}

static struct str without_first_line_end(struct str v)
{
    if (str_starts(v, STR("\n")))
        return str_sub(v, 1, v.len);
    return str_starts(v, STR("\r\n")) ? str_sub(v, 2, v.len) : v;
}

struct datum toml_value_of(struct toml_scan *s, enum toml_word word, struct str text, uint32_t line)
{
    switch (word) {
    case TOML_STRING:
        return datum_string(text);
    case TOML_STRING_ESCAPED:
        return datum_string(unescape(s, text, line));
    case TOML_STRING_LINES:
        return datum_string(unescape(s, join_lines(s, without_first_line_end(text)), line));
    case TOML_STRING_RAW_LINES:
        return datum_string(without_first_line_end(text));
    case TOML_BOOL:
        return datum_bool(str_eq(text, STR("true")));
    case TOML_INTEGER:
        return integer_of(s, text, line);
    case TOML_FLOAT:
        return float_of(s, text, line);
    case TOML_TIME:
        return time_of(s, text, line);
    default:
        return datum_nil();
    }
}
