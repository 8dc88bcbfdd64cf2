/*
 * The first line is a pattern, the rest a text. Testing and searching agree unless a limit is
 * reached, matches lie in the text, follow each other and hold their groups' ends in order, and
 * everything is paid for.
 */
#include "core/gostd/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_STEPS = 50000 };

static void check_spans(const struct regex *re, const struct regex_span *span, size_t from,
                        struct str text)
{
    HL_ASSERT(span[0].from >= from);
    for (size_t i = 0; i <= regex_group_count(re); i++) {
        bool is_there = span[i].from != SIZE_MAX;
        HL_ASSERT(is_there == (span[i].to != SIZE_MAX) && (is_there || i > 0));
        HL_ASSERT(!is_there || (span[i].from <= span[i].to && span[i].to <= text.len));
    }
}

/* Whether there is a match; < 0 at a limit. */
static int check_search(const struct regex *re, struct str text)
{
    struct err err = {0};
    HL_CLEANUP(regex_search_freep) struct regex_search *s = regex_search_new(re, text, &err);
    uint64_t steps = FUZZ_STEPS;
    const struct regex_span *span = NULL;
    size_t from = 0;
    int first = 0;

    HL_ASSERT(s || err.code == HL_ELIMIT);
    if (!s)
        return HL_ELIMIT;
    for (int matches = 0; from <= text.len; matches++) {
        int rc = regex_search_next(s, from, &steps, &span, &err);
        HL_ASSERT(rc >= 0 || rc == HL_ELIMIT);
        HL_ASSERT(steps <= FUZZ_STEPS);
        if (matches == 0)
            first = rc;
        if (rc <= 0 || matches == 20)
            break;
        check_spans(re, span, from, text);
        if (span[0].to == text.len)
            break;
        from = span[0].to > from ? span[0].to : text.len;
    }
    return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data, size};
    struct str pattern = str_cut(&text, '\n');
    struct str why = STR_NONE;
    struct err err = {0};
    uint64_t steps = FUZZ_STEPS;
    const struct regex *search = regex_new(a, pattern, REGEX_SEARCH, &why);

    if (!search)
        HL_ASSERT(str_starts(why, STR("error parsing regexp: ")));
    const struct regex *test = regex_new(a, pattern, REGEX_TEST, &why);
    if (!test)
        HL_ASSERT(str_starts(why, STR("error parsing regexp: ")));
    int tested = test ? regex_test(test, text, &steps, &err) : HL_ELIMIT;
    int found = search ? check_search(search, text) : HL_ELIMIT;
    if (tested >= 0 && found >= 0)
        HL_ASSERT(tested == found);
    return 0;
}
