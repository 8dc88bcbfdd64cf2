/*
 * Line by line with a stack of open collections, as libyaml's scanner has its stack of indents. A
 * collection is open as long as lines are indented as far; "- " may stand right below its key.
 */
#include "core/value/yaml_simple.h"

#include <string.h>

#include "core/value/value.h"

enum { KEY_BYTES_MAX = 1000, FLOW_DEPTH_MAX = 8, NOT_SIMPLE = 1 };

struct open {
    size_t column;
    bool is_map;
    bool is_level; /* a list right below its key */
};

struct simple {
    struct str text;
    size_t line_start;
    size_t line_end;
    size_t line; /* from 0, as libyaml counts */
    struct open open[VALUE_DEPTH_MAX];
    size_t depth;
    yaml_mark_t empty; /* where the value is, if there is none */
    bool is_ascii;
    bool has_tabs;
    bool wants_value; /* behind a key or a dash */
    bool is_in_document;
    bool has_content;
    bool is_enough;
    bool is_at_end; /* there is no next line */
    struct buf scalar;
    yaml_event_t event; /* never with an anchor or a tag */
    yaml_sink sink;
    void *context;
};

/* ---- events ---- */

static yaml_mark_t mark_at(const struct simple *s, size_t at)
{
    size_t column = s->is_ascii ? at - s->line_start : 0;

    for (size_t i = s->line_start; i < at && !s->is_ascii; i++)
        column += ((unsigned char)s->text.ptr[i] & 0xc0) != 0x80;
    return (yaml_mark_t){.index = at, .line = s->line, .column = column};
}

static int emit(struct simple *s, yaml_event_type_t type, yaml_mark_t mark)
{
    s->event.type = type;
    s->event.start_mark = mark;
    s->event.end_mark = mark;
    int rc = s->sink(s->context, &s->event);

    s->is_enough = s->is_enough || rc > 0;
    return rc < 0 ? rc : 0;
}

static int emit_scalar(struct simple *s, struct str text, bool is_plain, yaml_mark_t mark)
{
    s->event.data.scalar.value = (yaml_char_t *)(uintptr_t)(text.ptr ? text.ptr : "");
    s->event.data.scalar.length = text.len;
    s->event.data.scalar.plain_implicit = is_plain;
    s->event.data.scalar.quoted_implicit = !is_plain;
    return emit(s, YAML_SCALAR_EVENT, mark);
}

/* ---- the stack ---- */

static int settle_empty(struct simple *s)
{
    if (!s->wants_value)
        return 0;
    s->wants_value = false;
    return emit_scalar(s, STR_NONE, true, s->empty);
}

static int close_top(struct simple *s)
{
    yaml_mark_t mark = {.line = s->line};
    bool is_map = s->open[--s->depth].is_map;

    return emit(s, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, mark);
}

static int open_new(struct simple *s, size_t column, size_t at, bool is_map)
{
    bool is_level = s->depth > 0 && s->open[s->depth - 1].column == column;

    if (s->depth == VALUE_DEPTH_MAX)
        return NOT_SIMPLE;
    s->open[s->depth++] = (struct open){column, is_map, is_level};
    s->wants_value = false;
    return emit(s, is_map ? YAML_MAPPING_START_EVENT : YAML_SEQUENCE_START_EVENT, mark_at(s, at));
}

static const struct open *top_of(const struct simple *s)
{
    return s->depth > 0 ? &s->open[s->depth - 1] : NULL;
}

/* Makes the collection that an entry in this column belongs to the innermost one. */
static int place_entry(struct simple *s, size_t column, size_t at, bool is_map)
{
    const struct open *top = top_of(s);
    int rc = 0;

    if (!top && s->has_content)
        return NOT_SIMPLE;
    s->has_content = true;
    if (!top)
        return open_new(s, column, at, is_map);
    if (s->wants_value &&
        (column > top->column || (column == top->column && top->is_map && !is_map)))
        return open_new(s, column, at, is_map);
    rc = settle_empty(s);
    while (rc == 0 && (top = top_of(s)) != NULL &&
           (top->column > column || (top->is_level && top->column == column && is_map)))
        rc = close_top(s);
    if (rc == 0 && (!top || top->column != column || top->is_map != is_map))
        rc = NOT_SIMPLE;
    return rc;
}

/* ---- within a line ---- */

static char byte_at(const struct simple *s, size_t at)
{
    return at < s->line_end ? s->text.ptr[at] : '\n';
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\n';
}

static size_t skip_blanks(const struct simple *s, size_t at)
{
    while (at < s->line_end && s->text.ptr[at] == ' ')
        at++;
    return at;
}

/* Whether the rest of the line holds nothing, or a comment behind a blank. */
static bool is_rest_empty(const struct simple *s, size_t at)
{
    size_t next = skip_blanks(s, at);

    return next == s->line_end || (s->text.ptr[next] == '#' && next > at);
}

static bool starts_plain(const struct simple *s, size_t at)
{
    static const bool is_mark[256] = {
        ['\0'] = true, ['\n'] = true, [' '] = true, [','] = true, ['['] = true,
        [']'] = true,  ['{'] = true,  ['}'] = true, ['#'] = true, ['&'] = true,
        ['*'] = true,  ['!'] = true,  ['|'] = true, ['>'] = true, ['\''] = true,
        ['"'] = true,  ['%'] = true,  ['@'] = true, ['`'] = true,
    };
    char c = byte_at(s, at);

    if (c == '-' || c == '?' || c == ':')
        return !ends_word(byte_at(s, at + 1));
    return !is_mark[(unsigned char)c];
}

/* The end of a plain scalar, blanks taken off; *out_colon: it is a key, and its colon stands there
 * (else SIZE_MAX). */
static size_t scan_plain(const struct simple *s, size_t at, size_t *out_colon)
{
    size_t end = at;

    *out_colon = SIZE_MAX;
    for (size_t i = at; i < s->line_end; i++) {
        char c = s->text.ptr[i];
        if (c == '#' && s->text.ptr[i - 1] == ' ')
            break;
        if (c == ':' && ends_word(byte_at(s, i + 1))) {
            *out_colon = i;
            break;
        }
        if (c != ' ')
            end = i + 1;
    }
    return end;
}

static char unescaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '"':
    case '\\':
    case '/':
        return c;
    default:
        return '\0';
    }
}

/* A quoted scalar of one line: its text, and where it ends. False: not for here. */
static bool scan_quoted(struct simple *s, size_t at, struct str *out, size_t *out_end)
{
    char quote = s->text.ptr[at++];
    size_t start = at;

    buf_reset(&s->scalar);
    for (; at < s->line_end; at++) {
        char c = s->text.ptr[at];
        bool is_doubled = c == '\'' && quote == '\'' && byte_at(s, at + 1) == '\'';
        if (c == quote && !is_doubled) {
            *out_end = at + 1;
            buf_add(&s->scalar, str_sub(s->text, start, at));
            *out = buf_str(&s->scalar);
            return true;
        }
        if (!is_doubled && !(c == '\\' && quote == '"'))
            continue;
        char meant = is_doubled ? '\'' : unescaped(byte_at(s, at + 1));
        if (!meant)
            return false;
        buf_add(&s->scalar, str_sub(s->text, start, at));
        buf_add_byte(&s->scalar, meant);
        start = ++at + 1;
    }
    return false;
}

/* ---- blocks ---- */

struct block {
    bool is_literal;
    char chomping; /* '-', '+' or 0 */
    size_t indent;
};

static void set_line(struct simple *s, size_t start)
{
    const char *end =
        start < s->text.len ? memchr(s->text.ptr + start, '\n', s->text.len - start) : NULL;

    s->line_start = start;
    s->line_end = end ? (size_t)(end - s->text.ptr) : s->text.len;
}

static bool next_line(struct simple *s)
{
    s->is_at_end = s->line_end == s->text.len;
    if (s->is_at_end)
        return false;
    s->line++;
    set_line(s, s->line_end + 1);
    return true;
}

/* Moves on to the first line that is not blank; how many breaks were passed. Blank lines that are
 * longer than `indent` are content. False: not for here. */
static bool skip_breaks(struct simple *s, struct block *b, size_t *out_breaks, bool *out_is_over)
{
    size_t longest = 0;
    bool is_indent_known = b->indent > 0;

    for (*out_breaks = 0;; ++*out_breaks) {
        size_t at = skip_blanks(s, s->line_start);
        size_t column = at - s->line_start;
        if (at < s->line_end && s->text.ptr[at] == '\t')
            return false;
        if (at < s->line_end || (is_indent_known && column > b->indent)) {
            *out_is_over = is_indent_known && column < b->indent;
            return is_indent_known || longest <= column;
        }
        longest = column > longest ? column : longest;
        if (!next_line(s)) {
            *out_is_over = true;
            return is_indent_known; /* a block without content */
        }
    }
}

static void add_breaks(struct simple *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add_byte(&s->scalar, '\n');
}

/* The lines of a block, folded if it is no literal one; stops at the first line behind it. False:
 * not for here. */
static bool scan_block(struct simple *s, struct block *b, size_t breaks)
{
    bool is_over = false;
    bool has_break = false; /* of the line before */
    bool was_blank = false;

    for (;;) {
        size_t from = s->line_start + b->indent;
        bool is_blank = byte_at(s, from) == ' ';
        if (has_break && !b->is_literal && !was_blank && !is_blank) {
            if (breaks == 0)
                buf_add_byte(&s->scalar, ' ');
        } else if (has_break) {
            buf_add_byte(&s->scalar, '\n');
        }
        add_breaks(s, breaks);
        was_blank = is_blank;
        buf_add(&s->scalar, str_sub(s->text, from, s->line_end));
        breaks = 0;
        has_break = next_line(s);
        if (!has_break)
            break;
        if (!skip_breaks(s, b, &breaks, &is_over))
            return false;
        if (is_over)
            break;
    }
    if (has_break && b->chomping != '-')
        buf_add_byte(&s->scalar, '\n');
    if (b->chomping == '+')
        add_breaks(s, breaks);
    return true;
}

/* "|" or ">" at `at`. Ends with the line behind the block as the current one. */
static int read_block(struct simple *s, size_t at)
{
    struct block b = {.is_literal = s->text.ptr[at] == '|'};
    yaml_mark_t mark = mark_at(s, at);
    size_t breaks;
    bool is_over;

    at++;
    if (byte_at(s, at) == '-' || byte_at(s, at) == '+')
        b.chomping = s->text.ptr[at++];
    if (!is_rest_empty(s, at) || !next_line(s) || !skip_breaks(s, &b, &breaks, &is_over))
        return NOT_SIMPLE;
    b.indent = skip_blanks(s, s->line_start) - s->line_start;
    if (is_over || b.indent <= top_of(s)->column)
        return NOT_SIMPLE;
    buf_reset(&s->scalar);
    if (!scan_block(s, &b, breaks))
        return NOT_SIMPLE;
    s->wants_value = false;
    return emit_scalar(s, buf_str(&s->scalar), false, mark);
}

/* ---- brackets ---- */

static bool is_flow_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_./$()+-=*", c);
}

/* A scalar within brackets; *at behind it and the blanks that follow. */
static int read_flow_scalar(struct simple *s, size_t *at)
{
    size_t start = *at;
    yaml_mark_t mark = mark_at(s, start);
    char c = byte_at(s, start);
    bool is_quoted = c == '"' || c == '\'';
    struct str text;

    if (is_quoted) {
        if (!scan_quoted(s, start, &text, at))
            return NOT_SIMPLE;
    } else {
        if (!is_flow_plain(c) || c == '*' || c == '-' || c == '\n')
            return NOT_SIMPLE;
        while (*at < s->line_end && is_flow_plain(s->text.ptr[*at]))
            ++*at;
        text = str_sub(s->text, start, *at);
    }
    *at = skip_blanks(s, *at);
    return str_eq(text, STR("<<")) ? NOT_SIMPLE : emit_scalar(s, text, !is_quoted, mark);
}

static int read_flow(struct simple *s, size_t *at, size_t depth);

/* An item, or a key, its colon and its value; and the comma behind. */
static int read_flow_entry(struct simple *s, size_t *at, char end, size_t depth)
{
    int rc = 0;

    if (end == '}') {
        rc = read_flow_scalar(s, at);
        if (rc == 0 && (byte_at(s, *at) != ':' || byte_at(s, *at + 1) != ' '))
            rc = NOT_SIMPLE;
        if (rc == 0)
            *at = skip_blanks(s, *at + 1);
    }
    if (rc == 0)
        rc = read_flow(s, at, depth + 1);
    if (rc == 0 && byte_at(s, *at) == ',')
        *at = skip_blanks(s, *at + 1);
    else if (rc == 0 && byte_at(s, *at) != end)
        rc = NOT_SIMPLE;
    return rc;
}

/* A list, map or scalar within brackets; *at behind it and the blanks that follow. */
static int read_flow(struct simple *s, size_t *at, size_t depth)
{
    bool is_map = byte_at(s, *at) == '{';
    char end = is_map ? '}' : ']';

    if (!is_map && byte_at(s, *at) != '[')
        return read_flow_scalar(s, at);
    if (depth > FLOW_DEPTH_MAX)
        return NOT_SIMPLE;
    int rc =
        emit(s, is_map ? YAML_MAPPING_START_EVENT : YAML_SEQUENCE_START_EVENT, mark_at(s, *at));
    *at = skip_blanks(s, *at + 1);
    while (rc == 0 && byte_at(s, *at) != end)
        rc = read_flow_entry(s, at, end, depth);
    if (rc == 0)
        rc = emit(s, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, mark_at(s, *at));
    *at = skip_blanks(s, *at + 1);
    return rc;
}

/* What is in brackets must end its line. */
static int read_brackets(struct simple *s, size_t at)
{
    int rc = read_flow(s, &at, 0);

    if (rc == 0 && at < s->line_end && !(byte_at(s, at) == '#' && byte_at(s, at - 1) == ' '))
        rc = NOT_SIMPLE;
    return rc;
}

/* ---- lines ---- */

/* A value behind its key or dash, or below and indented further. */
static int read_value(struct simple *s, size_t at)
{
    yaml_mark_t mark = mark_at(s, at);
    char c = s->text.ptr[at];
    struct str text;
    size_t end;
    size_t colon;
    int rc;

    if (c == '|' || c == '>')
        return read_block(s, at);
    s->wants_value = false;
    if (c == '"' || c == '\'') {
        if (!scan_quoted(s, at, &text, &end) || !is_rest_empty(s, end))
            return NOT_SIMPLE;
        rc = emit_scalar(s, text, false, mark);
    } else if (c == '[' || c == '{') {
        rc = read_brackets(s, at);
    } else {
        if (!starts_plain(s, at))
            return NOT_SIMPLE;
        end = scan_plain(s, at, &colon);
        if (colon != SIZE_MAX)
            return NOT_SIMPLE;
        rc = emit_scalar(s, str_sub(s->text, at, end), true, mark);
    }
    return rc;
}

/* The key that begins at `at`, if one does: its colon, and its text in *out. */
static bool scan_key(struct simple *s, size_t at, struct str *out, size_t *out_colon)
{
    char c = byte_at(s, at);
    size_t end;

    if (c == '"' || c == '\'') {
        if (!scan_quoted(s, at, out, &end))
            return false;
        *out_colon = skip_blanks(s, end);
        return byte_at(s, *out_colon) == ':' && ends_word(byte_at(s, *out_colon + 1));
    }
    if (!starts_plain(s, at))
        return false;
    end = scan_plain(s, at, out_colon);
    *out = str_sub(s->text, at, end);
    return *out_colon != SIZE_MAX;
}

static int read_key(struct simple *s, size_t column, size_t at, struct str key, size_t colon)
{
    char c = s->text.ptr[at];
    int rc = place_entry(s, column, at, true);

    if (rc != 0)
        return rc;
    if (colon - at > KEY_BYTES_MAX || str_eq(key, STR("<<")))
        return NOT_SIMPLE;
    rc = emit_scalar(s, key, c != '"' && c != '\'', mark_at(s, at));
    s->wants_value = true;
    s->empty = mark_at(s, colon + 1);
    if (rc != 0 || is_rest_empty(s, colon + 1))
        return rc;
    return read_value(s, skip_blanks(s, colon + 1));
}

/* What a line holds from `at` on: dashes, and behind them a key or a value. */
static int read_entry(struct simple *s, size_t at)
{
    size_t line = s->line;
    struct str key;
    size_t colon;
    int rc = 0;

    for (;;) {
        size_t column = at - s->line_start;
        if (byte_at(s, at) == '-' && ends_word(byte_at(s, at + 1))) {
            rc = place_entry(s, column, at, false);
            s->wants_value = true;
            s->empty = mark_at(s, at + 1);
            if (rc != 0 || is_rest_empty(s, at + 1))
                break;
            at = skip_blanks(s, at + 1);
            continue;
        }
        if (scan_key(s, at, &key, &colon))
            rc = read_key(s, column, at, key, colon);
        else if (s->wants_value && (s->empty.line == s->line || column > top_of(s)->column))
            rc = read_value(s, at);
        else
            rc = NOT_SIMPLE;
        break;
    }
    if (s->line == line) /* else a block has moved on */
        next_line(s);
    return rc;
}

/* ---- documents ---- */

static int end_document(struct simple *s)
{
    yaml_mark_t mark = {.line = s->line};
    int rc = settle_empty(s);

    while (rc == 0 && s->depth > 0)
        rc = close_top(s);
    if (rc == 0)
        rc = s->has_content ? emit(s, YAML_DOCUMENT_END_EVENT, mark) : NOT_SIMPLE;
    s->is_in_document = false;
    s->has_content = false;
    return rc;
}

static int start_document(struct simple *s)
{
    s->is_in_document = true;
    return emit(s, YAML_DOCUMENT_START_EVENT, mark_at(s, s->line_start));
}

static int read_line(struct simple *s)
{
    size_t at = skip_blanks(s, s->line_start);
    struct str line = str_sub(s->text, s->line_start, s->line_end);
    bool is_mark = str_starts(line, STR("---"));
    int rc = 0;

    if (at == s->line_end || s->text.ptr[at] == '#')
        is_mark = false;
    else if ((s->has_tabs && memchr(line.ptr, '\t', line.len)) || line.ptr[0] == '%' ||
             str_starts(line, STR("...")))
        return NOT_SIMPLE;
    else if (is_mark && !is_rest_empty(s, s->line_start + 3))
        return NOT_SIMPLE;
    else if (!is_mark) {
        rc = s->is_in_document ? 0 : start_document(s);
        return rc != 0 ? rc : read_entry(s, at);
    }
    if (is_mark && s->is_in_document)
        rc = end_document(s);
    if (is_mark && rc == 0 && !s->is_enough)
        rc = start_document(s);
    next_line(s);
    return rc;
}

static bool has_simple_runes(struct str text)
{
    if (!str_is_utf8(text))
        return false;
    for (size_t i = 0; i + 1 < text.len; i++) {
        const unsigned char *c = (const unsigned char *)text.ptr + i;
        bool is_control = c[0] == 0xc2 && c[1] < 0xa0;
        bool is_break = c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9);
        if (is_control || is_break || c[0] == 0xef)
            return false;
    }
    return true;
}

/* Only characters that libyaml takes, too, and no line breaks but LF. */
static bool has_only_simple_bytes(struct simple *s)
{
    enum { PIECE = 64 };
    const unsigned char *c = (const unsigned char *)s->text.ptr;
    unsigned char all = 0;
    unsigned char odd = 0;
    unsigned char tabs = 0;
    size_t at = 0;

    for (; at + PIECE <= s->text.len; at += PIECE, c += PIECE) { /* no branch within a piece */
        for (size_t i = 0; i < PIECE; i++) {
            all |= c[i];
            tabs |= c[i] == '\t';
            odd |= ((c[i] < ' ') & (c[i] != '\t') & (c[i] != '\n')) | (c[i] == 0x7f);
        }
    }
    for (; at < s->text.len; at++, c++) {
        all |= *c;
        tabs |= *c == '\t';
        odd |= ((*c < ' ') & (*c != '\t') & (*c != '\n')) | (*c == 0x7f);
    }
    s->is_ascii = all < 0x80;
    s->has_tabs = tabs != 0;
    return !odd && (s->is_ascii || has_simple_runes(s->text));
}

int yaml_simple_read(struct str text, yaml_sink sink, void *context)
{
    struct simple s = {.text = text, .sink = sink, .context = context};
    int rc = 0;

    if (text.len == 0 || !has_only_simple_bytes(&s))
        return NOT_SIMPLE;
    set_line(&s, 0);
    while (rc == 0 && !s.is_enough && !s.is_at_end)
        rc = read_line(&s);
    if (rc == 0 && !s.is_enough && s.is_in_document)
        rc = end_document(&s);
    buf_deinit(&s.scalar);
    return rc;
}
