/*
 * Escapes and character classes. A class is written anew, every character as its number; \s is
 * spelled out, since PCRE2's has a vertical tab more.
 */
#include <string.h>

#include "core/schema/regex_syntax.h"

enum { RUNE_MAX = 0x10FFFF };

static int hex_digit(uint32_t c)
{
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (int)(c - 'a') + 10 : -1;
}

/* Escapes ------------------------------------------------------------------------------------ */

/* \x{10FFFF} or \x7F; the place is behind the "x". */
static bool hex_escape(struct translator *t, uint32_t *out, bool *is_bad)
{
    uint32_t c = 0;
    uint32_t rune = 0;
    int digits = 0;

    *is_bad = true;
    if (translate_at_end(t))
        return true;
    bool is_braced = translate_peek(t, 0) == '{';
    if (is_braced)
        t->at++;
    for (; is_braced || digits < 2; digits++) {
        if (is_braced && translate_at_end(t))
            return true;
        if (!translate_rune(t, &c))
            return false;
        if (is_braced && c == '}')
            break;
        if (hex_digit(c) < 0) {
            if (is_braced || digits > 0 || translate_at_end(t))
                return true;
            return translate_rune(t, &c); /* Go reads two before it looks */
        }
        rune = rune * 16 + (uint32_t)hex_digit(c);
        if (rune > RUNE_MAX)
            return true;
    }
    *is_bad = digits == 0;
    *out = rune;
    return true;
}

static uint32_t octal_escape(struct translator *t, uint32_t first)
{
    uint32_t rune = first - '0';

    for (int i = 1; i < 3 && translate_peek(t, 0) >= '0' && translate_peek(t, 0) <= '7'; i++)
        rune = rune * 8 + (uint32_t)(t->pattern.ptr[t->at++] - '0');
    return rune;
}

/* A backslash and what follows, meaning one character. */
bool translate_escape(struct translator *t, uint32_t *out)
{
    static const char letters[] = "afnrtv";
    static const char meanings[] = "\a\f\n\r\t\v";
    size_t start = t->at++;
    uint32_t c = 0;
    bool is_bad = false;

    if (translate_at_end(t))
        return translate_fail(t, "trailing backslash at end of expression", start, start);
    if (!translate_rune(t, &c))
        return false;
    if (c < 0x80 && (!translate_is_word(c) || c == '_')) {
        *out = c;
        return true;
    }
    if (c == '0' ||
        (c >= '1' && c <= '7' && translate_peek(t, 0) >= '0' && translate_peek(t, 0) <= '7')) {
        *out = octal_escape(t, c);
        return true;
    }
    const char *letter = c < 0x80 ? strchr(letters, (int)c) : NULL;
    if (letter) {
        *out = (uint32_t)meanings[letter - letters];
        return true;
    }
    if (c == 'x') {
        if (!hex_escape(t, out, &is_bad))
            return false;
        if (!is_bad)
            return true;
    }
    return translate_fail(t, "invalid escape sequence", start, t->at);
}

/* \d \S ...: writes what stands for it inside a class, and whether the place was at one. */
bool translate_perl_class(struct translator *t)
{
    static const char *const names[] = {"\\d", "\\D", "\\s", "\\S", "\\w", "\\W"};
    static const char *const written[] = {
        "\\d", "\\D", "\\t\\n\\f\\r\\x{20}", "\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}",
        "\\w", "\\W"};

    for (size_t i = 0; i < HL_COUNT(names); i++) {
        if (!translate_looking_at(t, names[i]))
            continue;
        buf_add_cstr(t->out, written[i]);
        t->at += 2;
        return true;
    }
    return false;
}

static bool is_category(struct str name)
{
    static const char *const categories[] = {
        "C",  "Cc", "Cf", "Cn", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",
        "Mc", "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf", "Pi",
        "Po", "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs", "Any"};

    for (size_t i = 0; i < HL_COUNT(categories); i++) {
        if (str_eq(name, str_from(categories[i])))
            return true;
    }
    return false;
}

static bool is_cased(struct str name)
{
    return str_eq(name, STR("Lu")) || str_eq(name, STR("Ll")) || str_eq(name, STR("Lt"));
}

/* Scripts are left to PCRE2, which refuses those that it does not know. */
static bool is_property(struct str name)
{
    if (name.len < 3)
        return is_category(name);
    for (size_t i = 0; i < name.len; i++) {
        if (!translate_is_word((unsigned char)name.ptr[i]))
            return false;
    }
    return true;
}

/* \pN, \p{Greek}, \P{^Greek} */
bool translate_unicode_class(struct translator *t)
{
    size_t start = t->at;
    bool is_negative = translate_peek(t, 1) == 'P';
    struct str name;
    uint32_t c = 0;

    t->at += 2;
    if (translate_at_end(t))
        return translate_fail(t, "invalid character class range", start, t->at);
    if (translate_peek(t, 0) == '{') {
        size_t end = str_find(t->pattern, STR("}"), t->at);
        if (end == SIZE_MAX)
            return translate_fail(t, "invalid character class range", start, t->pattern.len);
        name = str_sub(t->pattern, t->at + 1, end);
        t->at = end + 1;
    } else {
        size_t from = t->at;
        if (!translate_rune(t, &c))
            return false;
        name = str_sub(t->pattern, from, t->at);
    }
    if (str_starts(name, STR("^"))) {
        is_negative = !is_negative;
        name = str_sub(name, 1, name.len);
    }
    if (!is_property(name))
        return translate_fail(t, "invalid character class range", start, t->at);
    if (t->ignores_case && is_cased(name))
        name = STR("L&"); /* any letter that has a case; PCRE2 does not fold properties */
    buf_printf(t->out, "\\%c{" STR_FMT "}", is_negative ? 'P' : 'p', STR_ARG(name));
    return true;
}

/* Classes ------------------------------------------------------------------------------------ */

static bool class_rune(struct translator *t, size_t start, uint32_t *out)
{
    if (translate_at_end(t))
        return translate_fail(t, "missing closing ]", start, t->pattern.len);
    return translate_peek(t, 0) == '\\' ? translate_escape(t, out) : translate_rune(t, out);
}

static bool class_range(struct translator *t, size_t start)
{
    size_t from = t->at;
    uint32_t low = 0;
    uint32_t high;

    if (!class_rune(t, start, &low))
        return false;
    high = low;
    if (translate_peek(t, 0) == '-' && t->at + 1 < t->pattern.len && translate_peek(t, 1) != ']') {
        t->at++;
        if (!class_rune(t, start, &high))
            return false;
        if (high < low)
            return translate_fail(t, "invalid character class range", from, t->at);
    }
    buf_printf(t->out, "\\x{%x}", (unsigned)low);
    if (high != low)
        buf_printf(t->out, "-\\x{%x}", (unsigned)high);
    return true;
}

/* [:alpha:], [:^alpha:]; *is_one tells whether the place was at one. */
static bool posix_class(struct translator *t, bool *is_one)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};
    size_t end =
        translate_looking_at(t, "[:") ? str_find(t->pattern, STR(":]"), t->at + 2) : SIZE_MAX;

    *is_one = end != SIZE_MAX;
    if (end == SIZE_MAX)
        return true;
    struct str name = str_sub(t->pattern, t->at + 2, end);
    if (str_starts(name, STR("^")))
        name = str_sub(name, 1, name.len);
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        if (!str_eq(name, str_from(names[i])))
            continue;
        buf_add(t->out, str_sub(t->pattern, t->at, end + 2));
        t->at = end + 2;
        return true;
    }
    return translate_fail(t, "invalid character class range", t->at, end + 2);
}

static bool class_item(struct translator *t, size_t start)
{
    bool is_posix;

    if (!posix_class(t, &is_posix))
        return false;
    if (is_posix)
        return true;
    if (translate_peek(t, 0) == '\\' &&
        (translate_peek(t, 1) == 'p' || translate_peek(t, 1) == 'P'))
        return translate_unicode_class(t);
    return translate_perl_class(t) || class_range(t, start);
}

bool translate_bracket(struct translator *t)
{
    size_t start = t->at++;

    buf_add_byte(t->out, '[');
    if (translate_peek(t, 0) == '^') {
        buf_add_byte(t->out, '^');
        t->at++;
    }
    do {
        if (!class_item(t, start))
            return false;
    } while (translate_at_end(t) || translate_peek(t, 0) != ']');
    t->at++;
    buf_add_byte(t->out, ']');
    return true;
}
