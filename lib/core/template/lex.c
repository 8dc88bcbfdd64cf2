/* Text until the next action, then a token a call. ASCII is told by a table, the rest decoded. */
#include "core/template/lex.h"

#include <string.h>

#include "core/gostd/literal.h"
#include "core/gostd/unicode.h"

static const uint32_t END = UINT32_MAX; /* what peek gives behind the last rune */

enum class { BLANK = 1, WORD = 2, DIGIT = 4, TERMINATOR = 8 };

static const uint8_t classes[256] = {
    ['\t'] = BLANK | TERMINATOR,  ['\n'] = BLANK | TERMINATOR,
    ['\r'] = BLANK | TERMINATOR,  [' '] = BLANK | TERMINATOR,
    ['.'] = TERMINATOR,           [','] = TERMINATOR,
    ['|'] = TERMINATOR,           [':'] = TERMINATOR,
    [')'] = TERMINATOR,           ['('] = TERMINATOR,
    ['0' ... '9'] = WORD | DIGIT, ['a' ... 'z'] = WORD,
    ['A' ... 'Z'] = WORD,         ['_'] = WORD,
};

void lexer_init(struct lexer *l, struct arena *a, struct str text)
{
    *l = (struct lexer){.a = a, .text = text};
}

uint32_t lexer_line(const struct lexer *l, uint32_t pos)
{
    const char *at = l->text.ptr;
    const char *end = l->text.ptr + pos;
    uint32_t line = 1;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        at++;
        line++;
    }
    return line;
}

/* 0 behind the end. */
static unsigned char byte_at(const struct lexer *l, size_t at)
{
    return at < l->text.len ? (unsigned char)l->text.ptr[at] : 0;
}

static bool is_alphanumeric(uint32_t r)
{
    if (r < 0x80)
        return (classes[r] & WORD) != 0;
    return r != END && (rune_is_letter(r) || rune_is_digit(r));
}

static bool space_at(const struct lexer *l, size_t at)
{
    return (classes[byte_at(l, at)] & BLANK) != 0;
}

static bool pair_at(const struct lexer *l, size_t at, char first, char second)
{
    return at + 1 < l->text.len && l->text.ptr[at] == first && l->text.ptr[at + 1] == second;
}

static uint32_t peek(const struct lexer *l, size_t *out_len)
{
    *out_len = 0;
    return l->pos < l->text.len ? rune_at(l->text, l->pos, out_len) : END;
}

/* The text since the last token, as one; what follows begins here. */
static struct token emit(struct lexer *l, enum token_kind kind)
{
    struct token t = {(uint8_t)kind, l->after_space, (uint32_t)l->start,
                      (uint32_t)(l->pos - l->start)};

    l->start = l->pos;
    return t;
}

static void ignore_to(struct lexer *l, size_t to)
{
    l->pos = to;
    l->start = to;
}

static struct token refuse(struct lexer *l, struct str message)
{
    l->is_over = true;
    l->message = message;
    return (struct token){TOKEN_ERROR, l->after_space, (uint32_t)l->start, 0};
}

static struct token refuse_rune(struct lexer *l, const char *what, uint32_t r)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (r == END) /* %#U of -1 */
        return refuse(l, arena_printf(l->a, "%s U+FFFFFFFFFFFFFFFF", what));
    buf_printf(&text, "%s U+%04X", what, r);
    if (rune_is_print(r)) {
        buf_add_cstr(&text, " '");
        buf_add_rune(&text, r);
        buf_add_byte(&text, '\'');
    }
    return refuse(l, arena_dup(l->a, buf_str(&text)));
}

/* ---- text and delimiters ---- */

static bool trim_marker_left(const struct lexer *l, size_t at)
{
    return byte_at(l, at) == '-' && space_at(l, at + 1);
}

static bool trim_marker_right(const struct lexer *l, size_t at)
{
    return byte_at(l, at) == '-' && pair_at(l, at + 1, '}', '}');
}

static size_t skip_space(const struct lexer *l, size_t at)
{
    while (space_at(l, at))
        at++;
    return at;
}

/* Behind a comment, which begins at `at` with its slash; or the token of its error. */
static bool skip_comment(struct lexer *l, size_t at, struct token *out_error)
{
    ignore_to(l, at);
    size_t end = str_find(l->text, STR("*/"), at + 2);
    if (end == SIZE_MAX) {
        *out_error = refuse(l, STR("unclosed comment"));
        return false;
    }
    end += 2;
    bool is_trimming = space_at(l, end) && trim_marker_right(l, end + 1);
    if (!is_trimming && !pair_at(l, end, '}', '}')) {
        *out_error = refuse(l, STR("comment ends before closing delimiter"));
        return false;
    }
    end += is_trimming ? 4 : 2;
    ignore_to(l, is_trimming ? skip_space(l, end) : end);
    return true;
}

/* Where the next "{{" is, or the end. */
static size_t find_left(const struct lexer *l)
{
    const char *at = l->text.ptr + l->pos;
    const char *last = l->text.ptr + l->text.len - 1;

    while (at < last && (at = memchr(at, '{', (size_t)(last - at)))) {
        if (at[1] == '{')
            return (size_t)(at - l->text.ptr);
        at++;
    }
    return l->text.len;
}

static struct token lex_text(struct lexer *l)
{
    struct token error;

    for (;;) {
        size_t left = l->text.len > 0 ? find_left(l) : 0;
        bool is_trimming = trim_marker_left(l, left + 2);

        if (left > l->pos) {
            size_t text_end = left;
            while (is_trimming && text_end > l->start && space_at(l, text_end - 1))
                text_end--;
            l->pos = text_end;
            bool has_text = text_end > l->start;
            struct token t = emit(l, TOKEN_TEXT);
            ignore_to(l, left);
            if (has_text)
                return t;
        }
        if (left == l->text.len)
            return emit(l, TOKEN_EOF);
        size_t inside = left + (is_trimming ? 4 : 2);
        if (pair_at(l, inside, '/', '*')) {
            if (!skip_comment(l, inside, &error))
                return error;
            continue;
        }
        l->pos = left + 2;
        struct token t = emit(l, TOKEN_LEFT);
        l->is_inside = true;
        l->paren_depth = 0;
        ignore_to(l, inside);
        return t;
    }
}

/* "}}", or "-}}" behind a blank, at the position. */
static struct token lex_right(struct lexer *l, bool is_trimming)
{
    if (l->paren_depth > 0)
        return refuse(l, STR("unclosed left paren"));
    if (is_trimming)
        ignore_to(l, l->pos + 1);
    l->pos += 2;
    struct token t = emit(l, TOKEN_RIGHT);
    l->after_space = false;
    if (is_trimming)
        ignore_to(l, skip_space(l, l->pos));
    l->is_inside = false;
    return t;
}

/* ---- inside an action ---- */

/* Whether a word may end before r, which stands at the position. */
static inline bool ends_word(const struct lexer *l, uint32_t r)
{
    if (r >= 0x80)
        return r == END;
    return (classes[r] & TERMINATOR) || (r == '}' && byte_at(l, l->pos + 1) == '}');
}

/* What stands behind them, or END. */
static inline uint32_t skip_alphanumeric(struct lexer *l)
{
    const unsigned char *text = (const unsigned char *)l->text.ptr;
    size_t len;
    uint32_t r;

    for (;;) {
        size_t at = l->pos;
        while (at < l->text.len && (classes[text[at]] & WORD))
            at++;
        l->pos = at;
        if (at < l->text.len && text[at] < 0x80)
            return text[at];
        r = peek(l, &len);
        if (!is_alphanumeric(r))
            return r;
        l->pos += len;
    }
}

static enum token_kind keyword(struct str word, struct str known, enum token_kind kind)
{
    return str_eq(word, known) ? kind : TOKEN_IDENTIFIER;
}

static enum token_kind word_kind(struct str word)
{
    switch (word.ptr[0]) {
    case 'b':
        return str_eq(word, STR("block")) ? TOKEN_BLOCK : keyword(word, STR("break"), TOKEN_BREAK);
    case 'c':
        return keyword(word, STR("continue"), TOKEN_CONTINUE);
    case 'd':
        return keyword(word, STR("define"), TOKEN_DEFINE);
    case 'e':
        return str_eq(word, STR("end")) ? TOKEN_END : keyword(word, STR("else"), TOKEN_ELSE);
    case 'f':
        return keyword(word, STR("false"), TOKEN_BOOL);
    case 'i':
        return keyword(word, STR("if"), TOKEN_IF);
    case 'n':
        return keyword(word, STR("nil"), TOKEN_NIL);
    case 'r':
        return keyword(word, STR("range"), TOKEN_RANGE);
    case 't':
        return str_eq(word, STR("true")) ? TOKEN_BOOL
                                         : keyword(word, STR("template"), TOKEN_TEMPLATE);
    case 'w':
        return keyword(word, STR("with"), TOKEN_WITH);
    default:
        return TOKEN_IDENTIFIER;
    }
}

static struct token lex_identifier(struct lexer *l)
{
    uint32_t r = skip_alphanumeric(l);

    if (!ends_word(l, r))
        return refuse_rune(l, "bad character", r);
    return emit(l, word_kind(str_sub(l->text, l->start, l->pos)));
}

/* The dot or dollar is consumed. */
static struct token lex_name(struct lexer *l, enum token_kind kind, enum token_kind alone)
{
    size_t from = l->pos;
    uint32_t r = skip_alphanumeric(l);

    if (!ends_word(l, r))
        return refuse_rune(l, "bad character", r);
    return emit(l, l->pos > from ? kind : alone);
}

static struct token lex_quoted(struct lexer *l, char quote)
{
    while (l->pos < l->text.len && l->text.ptr[l->pos] != '\n') {
        char c = l->text.ptr[l->pos++];
        if (c == quote)
            return emit(l, quote == '"' ? TOKEN_STRING : TOKEN_CHAR_CONSTANT);
        if (c == '\\' && byte_at(l, l->pos) != '\n')
            l->pos += l->pos < l->text.len;
    }
    return refuse(l, quote == '"' ? STR("unterminated quoted string")
                                  : STR("unterminated character constant"));
}

static struct token lex_raw(struct lexer *l)
{
    const char *end = memchr(l->text.ptr + l->pos, '`', l->text.len - l->pos);

    if (!end)
        return refuse(l, STR("unterminated raw quoted string"));
    l->pos = (size_t)(end - l->text.ptr) + 1;
    return emit(l, TOKEN_RAW_STRING);
}

static bool accept(struct lexer *l, const char *valid)
{
    if (l->pos < l->text.len && l->text.ptr[l->pos] && strchr(valid, l->text.ptr[l->pos])) {
        l->pos++;
        return true;
    }
    return false;
}

static void accept_run(struct lexer *l, const char *valid)
{
    while (accept(l, valid))
        ;
}

static bool scan_number(struct lexer *l)
{
    const char *digits = "0123456789_";
    bool is_hex = false;
    size_t len;

    accept(l, "+-");
    if (accept(l, "0")) {
        if (accept(l, "xX")) {
            digits = "0123456789abcdefABCDEF_";
            is_hex = true;
        } else if (accept(l, "oO")) {
            digits = "01234567_";
        } else if (accept(l, "bB")) {
            digits = "01_";
        }
    }
    accept_run(l, digits);
    if (accept(l, "."))
        accept_run(l, digits);
    if ((strlen(digits) == 11 && accept(l, "eE")) || (is_hex && accept(l, "pP"))) {
        accept(l, "+-");
        accept_run(l, "0123456789_");
    }
    accept(l, "i");
    if (!is_alphanumeric(peek(l, &len)))
        return true;
    l->pos += len;
    return false;
}

static struct token bad_number(struct lexer *l)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add_cstr(&text, "bad number syntax: ");
    literal_quote(&text, str_sub(l->text, l->start, l->pos), false);
    return refuse(l, arena_dup(l->a, buf_str(&text)));
}

static struct token lex_number(struct lexer *l)
{
    size_t len;

    if (!scan_number(l))
        return bad_number(l);
    uint32_t sign = peek(l, &len);
    if (sign != '+' && sign != '-')
        return emit(l, TOKEN_NUMBER);
    if (!scan_number(l) || l->text.ptr[l->pos - 1] != 'i')
        return bad_number(l);
    return emit(l, TOKEN_COMPLEX);
}

/* A byte that begins neither a word nor a blank nor a number; it is consumed. */
static struct token lex_mark(struct lexer *l, char c)
{
    switch (c) {
    case '=':
        return emit(l, TOKEN_ASSIGN);
    case ':':
        if (byte_at(l, l->pos) != '=')
            return refuse(l, STR("expected :="));
        l->pos++;
        return emit(l, TOKEN_DECLARE);
    case '|':
        return emit(l, TOKEN_PIPE);
    case '"':
    case '\'':
        return lex_quoted(l, c);
    case '`':
        return lex_raw(l);
    case '$':
        return lex_name(l, TOKEN_VARIABLE, TOKEN_VARIABLE);
    case '.':
        return lex_name(l, TOKEN_FIELD, TOKEN_DOT);
    case '(':
        l->paren_depth++;
        return emit(l, TOKEN_LEFT_PAREN);
    case ')':
        if (l->paren_depth == 0)
            return refuse(l, STR("unexpected right paren"));
        l->paren_depth--;
        return emit(l, TOKEN_RIGHT_PAREN);
    default:
        if (c < 0x7f && c > ' ')
            return emit(l, TOKEN_CHAR);
        return refuse_rune(l, "unrecognized character in action:", (unsigned char)c);
    }
}

static struct token lex_inside(struct lexer *l)
{
    size_t from = skip_space(l, l->pos);
    size_t len;

    l->after_space = from > l->pos;
    ignore_to(l, from);
    if (from >= l->text.len)
        return refuse(l, STR("unclosed action"));
    unsigned char c = (unsigned char)l->text.ptr[from];
    uint8_t class = classes[c];
    if (class & WORD)
        return class & DIGIT ? lex_number(l) : lex_identifier(l);
    switch (c) {
    case '.':
        if ((classes[byte_at(l, from + 1)] & DIGIT) || from + 1 == l->text.len)
            return lex_number(l);
        break;
    case '}':
        if (byte_at(l, from + 1) == '}')
            return lex_right(l, false);
        break;
    case '-':
        if (l->after_space && pair_at(l, from + 1, '}', '}'))
            return lex_right(l, true);
        return lex_number(l);
    case '+':
        return lex_number(l);
    default:
        break;
    }
    if (c < 0x80) {
        l->pos++;
        return lex_mark(l, (char)c);
    }
    uint32_t r = peek(l, &len);
    if (is_alphanumeric(r))
        return lex_identifier(l);
    l->pos += len;
    return refuse_rune(l, "unrecognized character in action:", r);
}

struct token lexer_next(struct lexer *l)
{
    if (l->is_over)
        return (struct token){TOKEN_EOF, false, (uint32_t)l->pos, 0};
    return l->is_inside ? lex_inside(l) : lex_text(l);
}
