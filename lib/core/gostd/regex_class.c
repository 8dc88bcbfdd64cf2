/*
 * Classes are kept as PCRE2's text from the start: ranges of code points, and properties, which
 * PCRE2 knows itself. Folding is done here: PCRE2 would walk over every code point of a range.
 */
#include "core/gostd/regex_syntax.h"

#include <stdio.h>
#include <string.h>

#include "core/gostd/unicode.h"

enum { SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff, ASCII_COUNT = 128, NAME_MAX_LEN = 32 };
enum { LONG_S = 0x17f, KELVIN = 0x212a }; /* what s and k fold to beyond ASCII */
enum { FOLDS_MAX = 100000, LATIN_LAST = 0xff };

int regex_fail(struct regex_class_reader *in, const char *code, struct str expression)
{
    *in->error =
        arena_printf(in->a, "error parsing regexp: %s: `" STR_FMT "`", code, STR_ARG(expression));
    return HL_EINVAL;
}

static struct str until(struct str from, struct str rest)
{
    return str_sub(from, 0, from.len - rest.len);
}

static void skip(struct regex_class_reader *in, size_t len)
{
    in->rest = str_sub(in->rest, len, in->rest.len);
}

bool regex_is_alnum(uint32_t r)
{
    return (r >= '0' && r <= '9') || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z');
}

/* ---- runes ---- */

int regex_next_rune(struct regex_class_reader *in, uint32_t *out)
{
    size_t len;

    *out = rune_at(in->rest, 0, &len);
    if (*out == RUNE_ERROR && len == 1)
        return regex_fail(in, "invalid UTF-8", in->rest);
    skip(in, len);
    return 0;
}

int regex_check_utf8(struct regex_class_reader *in, struct str s)
{
    size_t len;

    for (size_t at = 0; at < s.len; at += len) {
        if (rune_at(s, at, &len) == RUNE_ERROR && len == 1)
            return regex_fail(in, "invalid UTF-8", str_sub(s, at, s.len));
    }
    return 0;
}

static int hex_value(uint32_t r)
{
    if (r >= '0' && r <= '9')
        return (int)(r - '0');
    if (r >= 'a' && r <= 'f')
        return (int)(r - 'a') + 10;
    return r >= 'A' && r <= 'F' ? (int)(r - 'A') + 10 : -1;
}

/* Behind "\x": 0 with the rune, 1 if it is none, or HL_EINVAL. */
static int read_hex(struct regex_class_reader *in, uint32_t *out)
{
    bool is_braced = in->rest.len > 0 && in->rest.ptr[0] == '{';
    size_t digits = 0;
    uint32_t r;

    *out = 0;
    if (is_braced)
        skip(in, 1);
    while (is_braced || digits < 2) {
        if (in->rest.len == 0)
            return 1;
        int rc = regex_next_rune(in, &r);
        if (rc < 0)
            return rc;
        if (is_braced && r == '}')
            return digits == 0;
        int digit = hex_value(r);
        digits++;
        if (digit < 0 && !is_braced && digits == 1 && in->rest.len > 0)
            rc = regex_next_rune(in, &r); /* Go looks at both before it complains */
        if (rc < 0)
            return rc;
        if (digit < 0 || (*out = *out * 16 + (uint32_t)digit) > RUNE_MAX)
            return 1;
    }
    return 0;
}

/* Behind the first digit. */
static uint32_t read_octal(struct regex_class_reader *in, uint32_t first)
{
    uint32_t value = first - '0';

    for (int i = 1; i < 3 && in->rest.len > 0; i++) {
        char c = in->rest.ptr[0];
        if (c < '0' || c > '7')
            break;
        value = value * 8 + (uint32_t)(c - '0');
        skip(in, 1);
    }
    return value;
}

static bool is_octal_next(const struct regex_class_reader *in)
{
    return in->rest.len > 0 && in->rest.ptr[0] >= '0' && in->rest.ptr[0] <= '7';
}

static int read_escaped(struct regex_class_reader *in, uint32_t *out)
{
    static const char control[] = "a\af\fn\nr\rt\tv\v";
    struct str s = in->rest;
    uint32_t r;

    skip(in, 1);
    if (in->rest.len == 0)
        return regex_fail(in, "trailing backslash at end of expression", STR(""));
    int rc = regex_next_rune(in, &r);
    if (rc < 0)
        return rc;
    *out = r;
    if (r < 0x80 && !regex_is_alnum(r))
        return 0;
    if (r == '0' || (r >= '1' && r <= '7' && is_octal_next(in))) {
        *out = read_octal(in, r);
        return 0;
    }
    if (r == 'x') {
        rc = read_hex(in, out);
        if (rc <= 0)
            return rc;
    }
    for (const char *c = control; *c; c += 2) {
        if (r == (unsigned char)c[0]) {
            *out = (unsigned char)c[1];
            return 0;
        }
    }
    return regex_fail(in, "invalid escape sequence", until(s, in->rest));
}

int regex_read_rune(struct regex_class_reader *in, uint32_t *out)
{
    return in->rest.ptr[0] == '\\' ? read_escaped(in, out) : regex_next_rune(in, out);
}

static bool is_surrogate(uint32_t r)
{
    return r >= SURROGATE_FIRST && r <= SURROGATE_LAST;
}

void regex_put_rune(struct buf *out, uint32_t r)
{
    if (is_surrogate(r)) /* no text holds one */
        buf_add_cstr(out, "(?:(?!))");
    else if (regex_is_alnum(r))
        buf_add_byte(out, (char)r);
    else
        buf_printf(out, "\\x{%x}", r);
}

/* ---- groups of ASCII characters ---- */

static const struct {
    const char *name; /* of [:name:], or a letter for \d */
    const char *span; /* pairs: first and last */
} ascii_group[] = {
    {"d", "09"},       {"s", "\t\n\f\r  "},  {"w", "09AZ__az"},     {"alnum", "09AZaz"},
    {"alpha", "AZaz"}, {"blank", "\t\t  "},  {"digit", "09"},       {"graph", "!~"},
    {"lower", "az"},   {"print", " ~"},      {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
    {"upper", "AZ"},   {"word", "09AZ__az"}, {"xdigit", "09AFaf"},  {"ascii", NULL},
    {"cntrl", NULL},
};

static void add_range(struct regex_class *class, uint32_t low, uint32_t high)
{
    if (low < SURROGATE_FIRST && high >= SURROGATE_FIRST) {
        add_range(class, low, SURROGATE_FIRST - 1);
        low = SURROGATE_FIRST;
    }
    if (is_surrogate(low))
        low = SURROGATE_LAST + 1;
    if (low > high)
        return;
    class->item_count += high > LATIN_LAST;
    buf_printf(&class->items, low == high ? "\\x{%x}" : "\\x{%x}-\\x{%x}", low, high);
}

static void fill_spans(bool in[ASCII_COUNT], const char *span)
{
    for (; *span; span += 2) {
        for (int c = span[0]; c <= span[1]; c++)
            in[c] = true;
    }
}

static void fill_unspannable(bool in[ASCII_COUNT], const char *name)
{
    for (int c = 0; c < ASCII_COUNT; c++)
        in[c] = name[0] == 'a' || c < ' ' || c == 0x7f;
}

static void fold(bool in[ASCII_COUNT])
{
    for (int c = 'A'; c <= 'Z'; c++)
        in[c] = in[c | 0x20] = in[c] || in[c | 0x20];
}

static void add_group(struct regex_class *class, size_t group, bool is_negated)
{
    bool in[ASCII_COUNT] = {false};

    if (ascii_group[group].span)
        fill_spans(in, ascii_group[group].span);
    else
        fill_unspannable(in, ascii_group[group].name);
    if (class->is_folding)
        fold(in);
    bool has_s = class->is_folding && in['s'];
    bool has_k = class->is_folding && in['k'];
    for (uint32_t c = 0; c < ASCII_COUNT; c++) {
        uint32_t low = c;
        while (c < ASCII_COUNT && in[c] != is_negated)
            c++;
        if (c > low)
            add_range(class, low, c - 1);
    }
    if (!is_negated) {
        if (has_s)
            add_range(class, LONG_S, LONG_S);
        if (has_k)
            add_range(class, KELVIN, KELVIN);
        return;
    }
    add_range(class, ASCII_COUNT, LONG_S - 1);
    add_range(class, has_s ? LONG_S + 1 : LONG_S, KELVIN - 1);
    add_range(class, has_k ? KELVIN + 1 : KELVIN, RUNE_MAX);
}

/* HL_COUNT(ascii_group): there is none. */
static size_t find_group(struct str name)
{
    size_t i = 0;

    while (i < HL_COUNT(ascii_group) && !str_eq(name, str_from(ascii_group[i].name)))
        i++;
    return i;
}

/* ---- properties ---- */

/* Names as Go compares them, and what PCRE2 calls them if that is not the same. */
static const struct {
    const char *name;
    const char *pcre;
} alias[] = {
    {"Casedletter", "L&"},
    {"Closepunctuation", "Pe"},
    {"Combiningmark", "M"},
    {"Connectorpunctuation", "Pc"},
    {"Control", "Cc"},
    {"Currencysymbol", "Sc"},
    {"Dashpunctuation", "Pd"},
    {"Decimalnumber", "Nd"},
    {"Enclosingmark", "Me"},
    {"Finalpunctuation", "Pf"},
    {"Format", "Cf"},
    {"Initialpunctuation", "Pi"},
    {"Letter", "L"},
    {"Letternumber", "Nl"},
    {"Lineseparator", "Zl"},
    {"Lowercaseletter", "Ll"},
    {"Mark", "M"},
    {"Mathsymbol", "Sm"},
    {"Modifierletter", "Lm"},
    {"Modifiersymbol", "Sk"},
    {"Nonspacingmark", "Mn"},
    {"Number", "N"},
    {"Openpunctuation", "Ps"},
    {"Other", "C"},
    {"Otherletter", "Lo"},
    {"Othernumber", "No"},
    {"Otherpunctuation", "Po"},
    {"Othersymbol", "So"},
    {"Paragraphseparator", "Zp"},
    {"Privateuse", "Co"},
    {"Punctuation", "P"},
    {"Separator", "Z"},
    {"Spaceseparator", "Zs"},
    {"Spacingmark", "Mc"},
    {"Surrogate", "Cs"},
    {"Symbol", "S"},
    {"Titlecaseletter", "Lt"},
    {"Unassigned", "Cn"},
    {"Uppercaseletter", "Lu"},
    {"Cntrl", "Cc"},
    {"Digit", "Nd"},
    {"Punct", "P"},
    {"Lc", "L&"},
    {"Any", "Any"},
};

static const char categories[] = " C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd "
                                 "Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";

/* Go finds no script whose name is of two words. */
static const char scripts[] =
    " Adlam Ahom Arabic Armenian Avestan Balinese Bamum Batak Bengali Bhaiksuki Bopomofo Brahmi "
    "Braille Buginese Buhid Carian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot "
    "Cyrillic Deseret Devanagari Dogra Duployan Elbasan Elymaic Ethiopic Georgian Glagolitic "
    "Gothic "
    "Grantha Greek Gujarati Gurmukhi Han Hangul Hanunoo Hatran Hebrew Hiragana Inherited Javanese "
    "Kaithi Kannada Katakana Kharoshthi Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Lisu Lycian "
    "Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Medefaidrin Miao Modi Mongolian "
    "Mro Multani Myanmar Nabataean Nandinagari Newa Nko Nushu Ogham Oriya Osage Osmanya Palmyrene "
    "Phoenician Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham Sinhala Sogdian Soyombo "
    "Sundanese Syriac Tagalog Tagbanwa Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan "
    "Tifinagh "
    "Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Yezidi Yi ";

/* One capital, then small letters; blanks, '-' and '_' do not count. False: too long for a name. */
static bool canonical(struct str name, char out[NAME_MAX_LEN])
{
    size_t len = 0;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_' || c == '-' || c == ' ')
            continue;
        if (len == 0 && c >= 'a' && c <= 'z')
            c = (char)(c - 0x20);
        else if (len > 0 && c >= 'A' && c <= 'Z')
            c = (char)(c + 0x20);
        if (len + 1 == NAME_MAX_LEN)
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return len > 0;
}

static bool is_listed(const char *list, const char *name)
{
    char word[NAME_MAX_LEN + 2];

    snprintf(word, sizeof(word), " %s ", name);
    return strstr(list, word) != NULL;
}

/* What stands behind \p in PCRE2's syntax. */
static bool find_property(const char *name, char out[NAME_MAX_LEN + 4])
{
    const char *pcre = NULL;

    for (size_t i = 0; i < HL_COUNT(alias); i++) {
        if (strcmp(alias[i].name, name) == 0)
            pcre = alias[i].pcre;
    }
    if (is_listed(categories, name))
        pcre = name;
    if (pcre)
        snprintf(out, NAME_MAX_LEN + 4, "%s", pcre);
    else if (is_listed(scripts, name))
        snprintf(out, NAME_MAX_LEN + 4, "sc:%s", name);
    else
        return false;
    return true;
}

static bool add_property(struct regex_class *class, struct str name, bool is_negated)
{
    char canon[NAME_MAX_LEN];
    char pcre[NAME_MAX_LEN + 4];

    if (!canonical(name, canon))
        return false;
    if (strcmp(canon, "Ascii") == 0) {
        add_group(class, find_group(STR("ascii")), is_negated);
        return true;
    }
    class->item_count++;
    if (strcmp(canon, "Assigned") == 0) {
        buf_add_cstr(&class->items, is_negated ? "\\p{Cn}" : "\\P{Cn}");
        return true;
    }
    if (!find_property(canon, pcre))
        return false;
    if (class->is_folding &&
        (strcmp(pcre, "Lu") == 0 || strcmp(pcre, "Ll") == 0 || strcmp(pcre, "Lt") == 0))
        snprintf(pcre, sizeof(pcre), "L&");
    buf_printf(&class->items, "\\%c{%s}", is_negated ? 'P' : 'p', pcre);
    return true;
}

static int read_property(struct regex_class_reader *in, struct regex_class *class)
{
    struct str s = in->rest;
    bool is_negated = s.ptr[1] == 'P';
    uint32_t r;

    skip(in, 2);
    if (in->rest.len == 0)
        return regex_fail(in, "invalid character class range", s);
    int rc = regex_next_rune(in, &r);
    if (rc < 0)
        return rc;
    struct str name = str_sub(s, 2, s.len - in->rest.len);
    if (r == '{') {
        size_t end = str_find(s, STR("}"), 0);
        rc = regex_check_utf8(in, str_sub(s, 3, end));
        if (rc < 0)
            return rc;
        if (end == SIZE_MAX)
            return regex_fail(in, "invalid character class range", s);
        name = str_sub(s, 3, end);
        in->rest = str_sub(s, end + 1, s.len);
    }
    if (name.len > 0 && name.ptr[0] == '^') {
        is_negated = !is_negated;
        name = str_sub(name, 1, name.len);
    }
    if (!add_property(class, name, is_negated))
        return regex_fail(in, "invalid character class range", until(s, in->rest));
    return 0;
}

/* ---- classes ---- */

static bool is_class_escape(struct str s)
{
    return s.len > 1 && s.ptr[0] == '\\' && s.ptr[1] && strchr("pPdDsSwW", s.ptr[1]);
}

int regex_read_escape(struct regex_class_reader *in, struct regex_class *out)
{
    char c = in->rest.ptr[1];
    char name = (char)(c | 0x20);

    if (name == 'p')
        return read_property(in, out);
    add_group(out, find_group((struct str){&name, 1}), c != name);
    skip(in, 2);
    return 0;
}

/* [:name:] or [:^name:]: 0, 1 if there is no ":]", or HL_EINVAL. */
static int read_named(struct regex_class_reader *in, struct regex_class *out)
{
    struct str s = in->rest;
    size_t end = str_find(s, STR(":]"), 2);

    if (end == SIZE_MAX)
        return 1;
    struct str name = str_sub(s, 2, end);
    bool is_negated = name.len > 0 && name.ptr[0] == '^';
    if (is_negated)
        name = str_sub(name, 1, name.len);
    size_t group = find_group(name);
    if (name.len < 2 || group == HL_COUNT(ascii_group))
        return regex_fail(in, "invalid character class range", str_sub(s, 0, end + 2));
    add_group(out, group, is_negated);
    skip(in, end + 2);
    return 0;
}

static int read_class_rune(struct regex_class_reader *in, struct str class, uint32_t *out)
{
    if (in->rest.len == 0)
        return regex_fail(in, "missing closing ]", class);
    return regex_read_rune(in, out);
}

/* Every other case of what is in the range, so far as it is not in it itself. */
static int add_other_cases(struct regex_class_reader *in, struct regex_class *class, uint32_t low,
                           uint32_t high)
{
    for (uint32_t r = rune_next_cased(low); r <= high; r = rune_next_cased(r + 1)) {
        if (++in->fold_count > FOLDS_MAX)
            return regex_fail(in, "expression too large", in->whole);
        for (uint32_t other = rune_fold(r); other != r; other = rune_fold(other)) {
            if (other < low || other > high)
                add_range(class, other, other);
        }
    }
    return 0;
}

static int read_range(struct regex_class_reader *in, struct str class, struct regex_class *out)
{
    struct str range = in->rest;
    uint32_t low;
    int rc = read_class_rune(in, class, &low);

    if (rc < 0)
        return rc;
    uint32_t high = low;
    if (in->rest.len >= 2 && in->rest.ptr[0] == '-' && in->rest.ptr[1] != ']') {
        skip(in, 1);
        rc = read_class_rune(in, class, &high);
        if (rc < 0)
            return rc;
        if (high < low)
            return regex_fail(in, "invalid character class range", until(range, in->rest));
    }
    add_range(out, low, high);
    return out->is_folding ? add_other_cases(in, out, low, high) : 0;
}

int regex_read_class(struct regex_class_reader *in, struct regex_class *out)
{
    struct str class = in->rest;
    bool is_first = true;

    skip(in, 1);
    if (in->rest.len > 0 && in->rest.ptr[0] == '^') {
        out->is_negated = true;
        skip(in, 1);
    }
    while (in->rest.len == 0 || in->rest.ptr[0] != ']' || is_first) {
        int rc = 1;
        is_first = false;
        if (in->rest.len > 2 && str_starts(in->rest, STR("[:")))
            rc = read_named(in, out);
        else if (is_class_escape(in->rest))
            rc = regex_read_escape(in, out);
        if (rc > 0)
            rc = read_range(in, class, out);
        if (rc < 0)
            return rc;
    }
    skip(in, 1);
    return 0;
}

void regex_put_class(struct buf *out, const struct regex_class *class)
{
    if (class->items.len == 0) { /* nothing but surrogates */
        buf_add_cstr(out, class->is_negated ? "." : "(?:(?!))");
        return;
    }
    buf_add_cstr(out, class->is_negated ? "[^" : "[");
    buf_add(out, buf_str(&class->items));
    buf_add_byte(out, ']');
}
