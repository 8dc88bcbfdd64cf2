/* ASCII is answered at once; the rest by bisecting the tables. */
#include "core/gostd/unicode.h"

#include "core/gostd/unicode_tables.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool in_spans(const struct span *table, size_t count, uint32_t r)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r > table[middle].last)
            low = middle + 1;
        else if (r < table[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

static uint32_t shifted(const struct shift *table, size_t count, uint32_t r)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct shift *s = &table[middle];
        if (r > s->last) {
            low = middle + 1;
        } else if (r < s->first) {
            high = middle;
        } else {
            bool is_hit = (r - s->first) % s->stride == 0;
            return is_hit ? (uint32_t)((int64_t)r + s->distance) : r;
        }
    }
    return r;
}

static bool is_between(uint32_t r, uint32_t first, uint32_t last)
{
    return r >= first && r <= last;
}

bool rune_is_letter(uint32_t r)
{
    if (r < 0x80)
        return is_between(r | 0x20, 'a', 'z');
    return in_spans(letter, COUNT(letter), r);
}

bool rune_is_digit(uint32_t r)
{
    if (r < 0x80)
        return is_between(r, '0', '9');
    return in_spans(digit, COUNT(digit), r);
}

bool rune_is_upper(uint32_t r)
{
    if (r < 0x80)
        return is_between(r, 'A', 'Z');
    return in_spans(upper, COUNT(upper), r);
}

bool rune_is_lower(uint32_t r)
{
    if (r < 0x80)
        return is_between(r, 'a', 'z');
    return in_spans(lower, COUNT(lower), r);
}

bool rune_is_space(uint32_t r)
{
    if (r < 0x80)
        return r == ' ' || is_between(r, '\t', '\r');
    return r == 0x85 || r == 0xa0 || r == 0x1680 || is_between(r, 0x2000, 0x200a) ||
           is_between(r, 0x2028, 0x2029) || r == 0x202f || r == 0x205f || r == 0x3000;
}

bool rune_is_print(uint32_t r)
{
    if (r < 0x80)
        return is_between(r, 0x20, 0x7e);
    return in_spans(printable, COUNT(printable), r);
}

uint32_t rune_to_upper(uint32_t r)
{
    if (r < 0x80)
        return is_between(r, 'a', 'z') ? r - 0x20 : r;
    return shifted(to_upper, COUNT(to_upper), r);
}

uint32_t rune_to_lower(uint32_t r)
{
    if (r < 0x80)
        return is_between(r, 'A', 'Z') ? r + 0x20 : r;
    return shifted(to_lower, COUNT(to_lower), r);
}

/* Title case is upper case but for the Croatian digraphs and the Georgian letters. */
uint32_t rune_to_title(uint32_t r)
{
    if (is_between(r, 0x1c4, 0x1cc))
        return 0x1c5 + (r - 0x1c4) / 3 * 3;
    if (is_between(r, 0x1f1, 0x1f3))
        return 0x1f2;
    if (is_between(r, 0x10d0, 0x10fa) || is_between(r, 0x10fd, 0x10ff))
        return r;
    return rune_to_upper(r);
}

/* The index of the first entry that does not lie before r. */
static size_t find_fold(uint32_t r)
{
    size_t low = 0;
    size_t high = COUNT(folding);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (folding[middle].from < r)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t rune_fold(uint32_t r)
{
    size_t i = find_fold(r);

    if (i < COUNT(folding) && folding[i].from == r)
        return folding[i].to;
    uint32_t small = rune_to_lower(r);
    return small != r ? small : rune_to_upper(r);
}

static uint32_t next_shifted(const struct shift *table, size_t count, uint32_t r)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r > table[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count)
        return UINT32_MAX;
    const struct shift *s = &table[low];
    if (r <= s->first)
        return s->first;
    return s->first + (r - s->first + s->stride - 1) / s->stride * s->stride;
}

uint32_t rune_next_cased(uint32_t r)
{
    if (r <= 'z' && rune_is_letter(r))
        return r;
    if (r < 'a')
        return r < 'A' ? 'A' : 'a';
    uint32_t next = next_shifted(to_upper, COUNT(to_upper), r);
    uint32_t other = next_shifted(to_lower, COUNT(to_lower), r);
    if (other < next)
        next = other;
    size_t i = find_fold(r);
    return i < COUNT(folding) && folding[i].from < next ? folding[i].from : next;
}

uint32_t rune_at(struct str s, size_t at, size_t *out_len)
{
    unsigned char first = (unsigned char)s.ptr[at];
    uint32_t r;

    if (first < 0x80) {
        *out_len = 1;
        return first;
    }
    *out_len = str_rune(s, at, &r);
    if (*out_len > 0)
        return r;
    *out_len = 1;
    return RUNE_ERROR;
}

size_t rune_put(uint32_t r, char out[RUNE_BYTES_MAX])
{
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    if (r < 0x800) {
        out[0] = (char)(0xc0 | r >> 6);
        out[1] = (char)(0x80 | (r & 0x3f));
        return 2;
    }
    if (r > RUNE_MAX || is_between(r, 0xd800, 0xdfff))
        r = RUNE_ERROR;
    if (r < 0x10000) {
        out[0] = (char)(0xe0 | r >> 12);
        out[1] = (char)(0x80 | (r >> 6 & 0x3f));
        out[2] = (char)(0x80 | (r & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | r >> 18);
    out[1] = (char)(0x80 | (r >> 12 & 0x3f));
    out[2] = (char)(0x80 | (r >> 6 & 0x3f));
    out[3] = (char)(0x80 | (r & 0x3f));
    return 4;
}

void buf_add_rune(struct buf *b, uint32_t r)
{
    char text[RUNE_BYTES_MAX];

    buf_add_bytes(b, text, rune_put(r, text));
}

size_t rune_count(struct str s)
{
    size_t count = 0;
    size_t len;

    for (size_t at = 0; at < s.len; at += len, count++)
        rune_at(s, at, &len);
    return count;
}
