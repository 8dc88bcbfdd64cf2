/* Looking things up in the command table, and guessing what was meant. */
#include "hlctl/verb.h"

#include <string.h>

enum { WORD_MAX = 40 };

static bool is_path(struct str path, struct str first, struct str second)
{
    struct str rest = path;
    struct str head = str_cut(&rest, ' ');

    return str_eq(head, first) && str_eq(rest, second);
}

const struct verb *verb_find(struct str first, struct str second)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (is_path(str_from(verbs[i].path), first, second))
            return &verbs[i];
        struct str aliases = str_from(verbs[i].aliases);
        while (aliases.len > 0)
            if (is_path(str_cut(&aliases, '|'), first, second))
                return &verbs[i];
    }
    return NULL;
}

bool verb_is_noun(struct str noun)
{
    for (size_t i = 0; i < verb_count; i++) {
        struct str rest = str_from(verbs[i].path);
        struct str head = str_cut(&rest, ' ');
        if (rest.len > 0 && str_eq(head, noun))
            return true;
    }
    return false;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

size_t edit_distance(struct str a, struct str b)
{
    size_t row[3][WORD_MAX + 1];

    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = row[i % 3];
        const size_t *up = row[(i + 2) % 3];
        const size_t *up2 = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = a.ptr[i - 1] != b.ptr[j - 1];
            now[j] = min3(up[j] + 1, now[j - 1] + 1, up[j - 1] + cost);
            bool is_swap =
                i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (is_swap && up2[j - 2] + 1 < now[j])
                now[j] = up2[j - 2] + 1;
        }
    }
    return row[a.len % 3][b.len];
}

struct guess {
    struct str typed;
    struct str best;
    size_t edits;
};

static void consider(struct guess *g, struct str path)
{
    size_t edits = edit_distance(g->typed, path);

    if (edits < g->edits) {
        g->edits = edits;
        g->best = path;
    }
}

const char *verb_suggest(struct arena *a, struct str typed)
{
    /* Two edits, but never so many that nothing of a short word is left. */
    struct guess g = {.typed = typed, .edits = typed.len < 3 ? 2 : 3};

    for (size_t i = 0; i < verb_count; i++) {
        if (verbs[i].group == GROUP_HIDDEN)
            continue;
        struct str aliases = str_from(verbs[i].aliases);
        while (aliases.len > 0)
            consider(&g, str_cut(&aliases, '|'));
        consider(&g, str_from(verbs[i].path));
    }
    return g.best.len > 0 ? arena_cstr(a, g.best) : NULL;
}
