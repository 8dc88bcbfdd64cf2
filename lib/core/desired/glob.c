/*
 * Glob matching by backtracking with a budget. Alternatives "{a,b}" are tried one after the other,
 * each with what follows the braces: patterns are short, and the budget bounds what is left.
 */
#include "core/desired/path.h"

#include <string.h>

enum { GLOB_BRACES_MAX = 32 };

static bool match(struct str p, struct str s, uint32_t *steps);

/* Offset behind the class that starts at p[at] == '[', SIZE_MAX if it does not end. */
static size_t class_end(struct str p, size_t at)
{
    size_t i = at + 1;
    if (i < p.len && p.ptr[i] == '!')
        i++;
    if (i < p.len && p.ptr[i] == ']') /* an empty class */
        return SIZE_MAX;
    for (; i < p.len; i++) {
        if (p.ptr[i] == '\\')
            i++;
        else if (p.ptr[i] == ']')
            return i + 1;
    }
    return SIZE_MAX;
}

/* Offset of the "}" that closes the "{" at p[at], SIZE_MAX if none does. */
static size_t brace_end(struct str p, size_t at)
{
    size_t depth = 0;
    for (size_t i = at; i < p.len; i++) {
        if (p.ptr[i] == '\\')
            i++;
        else if (p.ptr[i] == '{')
            depth++;
        else if (p.ptr[i] == '}' && --depth == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Bytes of the UTF-8 character at the start of s (1 for a stray byte). */
static size_t char_len(struct str s)
{
    size_t n = 1;
    while (n < s.len && n < 4 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n++;
    return (unsigned char)s.ptr[0] >= 0xc0 ? n : 1;
}

static bool class_has(struct str class, char c)
{
    size_t i = 1;
    bool wanted = true;
    bool found = false;

    if (class.ptr[i] == '!') {
        wanted = false;
        i++;
    }
    while (i + 1 < class.len) {
        if (class.ptr[i] == '\\' && i + 2 < class.len)
            i++;
        unsigned char low = (unsigned char)class.ptr[i++];
        unsigned char high = low;
        if (i + 2 < class.len && class.ptr[i] == '-') {
            high = (unsigned char)class.ptr[i + 1];
            i += 2;
        }
        found = found || (low <= (unsigned char)c && (unsigned char)c <= high);
    }
    return found == wanted;
}

static bool match_braces(struct str p, struct str s, uint32_t *steps)
{
    char joined[GLOB_BYTES_MAX];
    size_t end = brace_end(p, 0);
    if (end == SIZE_MAX)
        return false;

    struct str after = str_sub(p, end + 1, p.len);
    size_t depth = 0;
    for (size_t from = 1, i = 1; i <= end; i++) {
        char c = p.ptr[i];
        if (c == '\\' && i + 1 < end) {
            i++;
        } else if (c == '{') {
            depth++;
        } else if (depth > 0 && c == '}') {
            depth--;
        } else if (depth == 0 && (c == ',' || i == end)) {
            memcpy(joined, p.ptr + from, i - from);
            if (after.len > 0)
                memcpy(joined + (i - from), after.ptr, after.len);
            if (match((struct str){joined, i - from + after.len}, s, steps))
                return true;
            from = i + 1;
        }
    }
    return false;
}

static bool match_star(struct str p, struct str s, uint32_t *steps)
{
    size_t stars = 0;
    while (stars < p.len && p.ptr[stars] == '*')
        stars++;
    p = str_sub(p, stars, p.len);
    if (p.len == 0)
        return true;
    for (size_t from = 0; from <= s.len; from++) {
        if (*steps == 0)
            return false;
        if (match(p, str_sub(s, from, s.len), steps))
            return true;
    }
    return false;
}

static bool match(struct str p, struct str s, uint32_t *steps)
{
    while (p.len > 0) {
        if (*steps == 0)
            return false;
        (*steps)--;

        size_t used = 1;
        if (p.ptr[0] == '*')
            return match_star(p, s, steps);
        if (p.ptr[0] == '{')
            return match_braces(p, s, steps);
        if (s.len == 0)
            return false;
        if (p.ptr[0] == '?') {
            s = str_sub(s, char_len(s), s.len);
        } else if (p.ptr[0] == '[') {
            used = class_end(p, 0);
            if (used == SIZE_MAX || !class_has(str_sub(p, 0, used), s.ptr[0]))
                return false;
            s = str_sub(s, 1, s.len);
        } else {
            size_t literal = p.ptr[0] == '\\' && p.len > 1 ? 1 : 0;
            if (p.ptr[literal] != s.ptr[0])
                return false;
            used = literal + 1;
            s = str_sub(s, 1, s.len);
        }
        p = str_sub(p, used, p.len);
    }
    return s.len == 0;
}

int glob_check(struct str pattern, struct err *err)
{
    size_t depth = 0;
    size_t brace_count = 0;

    if (pattern.len > GLOB_BYTES_MAX)
        return err_set(err, HL_ELIMIT, "pattern of %zu bytes, at most %d are allowed", pattern.len,
                       GLOB_BYTES_MAX);
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '\\') {
            i++;
        } else if (c == '[') {
            size_t end = class_end(pattern, i);
            if (end == SIZE_MAX)
                return err_set(err, HL_EINVAL, "pattern: \"[\" at byte %zu is not closed", i + 1);
            i = end - 1;
        } else if (c == '{') {
            depth++;
            if (++brace_count > GLOB_BRACES_MAX)
                return err_set(err, HL_ELIMIT, "pattern with more than %d braces", GLOB_BRACES_MAX);
        } else if (c == '}' && depth > 0) {
            depth--;
        }
    }
    if (depth > 0)
        return err_set(err, HL_EINVAL, "pattern: \"{\" is not closed");
    return 0;
}

bool glob_match(struct str pattern, struct str path)
{
    uint32_t steps = GLOB_STEPS_MAX;
    if (glob_check(pattern, NULL) < 0)
        return false;
    return match(pattern, path, &steps);
}
