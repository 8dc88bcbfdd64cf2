/* Layout: one pass for the widths, one for the text. */
#include "hlctl/table.h"

#include <string.h>

#include "hlctl/safe.h"

struct cell {
    struct str text;
    enum tone tone;
};

struct table {
    struct arena *arena;
    size_t column_count;
    struct cell *title;
    struct cell **row;
    size_t row_count;
    size_t row_cap;
    size_t at; /* next cell of the last row */
};

struct table *table_new(struct arena *a, const char *const *titles, size_t column_count)
{
    struct table *t = arena_one(a, struct table);

    t->arena = a;
    t->column_count = column_count;
    t->title = arena_array(a, struct cell, column_count);
    for (size_t i = 0; i < column_count; i++)
        t->title[i] = (struct cell){str_from(titles[i]), TONE_FAINT};
    return t;
}

void table_row(struct table *t)
{
    struct cell *row = arena_array(t->arena, struct cell, t->column_count);

    ARENA_PUSH(t->arena, t->row, t->row_count, t->row_cap, row);
    t->at = 0;
}

void table_cell(struct table *t, struct str text, enum tone tone)
{
    HL_ASSERT(t->row_count > 0 && t->at < t->column_count);
    t->row[t->row_count - 1][t->at++] = (struct cell){safe_text(t->arena, text), tone};
}

void tone_write(struct buf *out, struct str text, enum tone tone, bool has_color)
{
    static const char *const code[] = {
        [TONE_PLAIN] = "",       [TONE_GOOD] = "\033[32m", [TONE_WARN] = "\033[33m",
        [TONE_BAD] = "\033[31m", [TONE_FAINT] = "\033[2m", [TONE_BOLD] = "\033[1m",
    };

    if (!has_color || tone == TONE_PLAIN || text.len == 0) {
        buf_add(out, text);
        return;
    }
    buf_add_cstr(out, code[tone]);
    buf_add(out, text);
    buf_add_cstr(out, "\033[0m");
}

static void widths_of(const struct table *t, const struct table_style *style, size_t *width)
{
    for (size_t c = 0; c < t->column_count; c++) {
        width[c] = style->has_header ? safe_width(t->title[c].text) : 0;
        for (size_t r = 0; r < t->row_count; r++) {
            size_t w = safe_width(t->row[r][c].text);
            if (w > width[c])
                width[c] = w;
        }
    }
}

static bool is_rest_empty(const struct cell *row, size_t from, size_t count)
{
    for (size_t c = from; c < count; c++)
        if (row[c].text.len > 0)
            return false;
    return true;
}

static void write_aligned(struct buf *out, const struct table *t, const struct cell *row,
                          const size_t *width, const struct table_style *style)
{
    size_t used = 0;

    for (size_t c = 0; c < t->column_count; c++) {
        struct str text = row[c].text;
        size_t columns = safe_width(text);
        bool is_last = is_rest_empty(row, c + 1, t->column_count);
        bool is_cut = is_last && style->width > 0 && used + columns > style->width;
        if (is_cut) {
            size_t room = style->width > used + 1 ? style->width - used - 1 : 0;
            text = safe_cut(text, room);
        }
        tone_write(out, text, row[c].tone, style->has_color);
        if (is_cut)
            buf_add_cstr(out, "…");
        if (is_last)
            break;
        buf_printf(out, "%*s", (int)(width[c] - columns + 2), "");
        used += width[c] + 2;
    }
    buf_add_byte(out, '\n');
}

static void write_tabs(struct buf *out, const struct table *t, const struct cell *row,
                       const struct table_style *style)
{
    for (size_t c = 0; c < t->column_count; c++) {
        if (c > 0)
            buf_add_byte(out, '\t');
        tone_write(out, row[c].text, row[c].tone, style->has_color);
    }
    buf_add_byte(out, '\n');
}

void table_write(struct buf *out, const struct table *t, const struct table_style *style)
{
    size_t *width = arena_array(t->arena, size_t, t->column_count);

    widths_of(t, style, width);
    for (size_t r = style->has_header ? 0 : 1; r <= t->row_count; r++) {
        const struct cell *row = r == 0 ? t->title : t->row[r - 1];
        if (style->is_terminal)
            write_aligned(out, t, row, width, style);
        else
            write_tabs(out, t, row, style);
    }
}
