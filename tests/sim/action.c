/* Words and numbers. */
#include "sim/action.h"

static const struct {
    const char *word;
    size_t count;
} verb[] = {
#define X(name, word, count, what) {word, count},
    ACTIONS(X)
#undef X
};

void action_print(struct buf *out, int64_t at_us, const struct action *a)
{
    buf_printf(out, "%lld %s", (long long)at_us, verb[a->kind].word);
    for (size_t i = 0; i < verb[a->kind].count; i++)
        buf_printf(out, " %lld", (long long)a->arg[i]);
}

bool action_parse(struct str line, int64_t *out_at_us, struct action *out)
{
    struct str rest = str_trim(str_cut(&line, '#'));

    if (!str_to_i64(str_cut(&rest, ' '), out_at_us))
        return false;
    struct str word = str_cut(&rest, ' ');
    for (size_t k = 0; k < ACTION_KINDS; k++) {
        if (!str_eq(word, str_from(verb[k].word)))
            continue;
        *out = (struct action){.kind = (enum action_kind)k};
        for (size_t i = 0; i < verb[k].count; i++) {
            if (!str_to_i64(str_cut(&rest, ' '), &out->arg[i]))
                return false;
        }
        return rest.len == 0;
    }
    return false;
}
