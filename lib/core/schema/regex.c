/* PCRE2's part: compiling into the arena, matching breadth first with fixed room. */
#include "core/schema/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    DFA_DEPTH_MAX = 100,
    DFA_HEAP_KIB = 4096,
    INTS_A_STATE = 6,  /* of pcre2_dfa_match's workspace */
    STATES_FIRST = 8,  /* enough for most; */
    STATES_FACTOR = 4, /* else so many times more are tried, */
    STATES_MAX = 2048, /* up to these */
    COMPARES_A_STEP = 200,
    PATTERN_SHOWN_BYTES = 100,
};

struct schema_regex {
    pcre2_code *code;
    struct str pattern;
};

static void *take(size_t size, void *arena)
{
    return arena_alloc(arena, size);
}

static void give_back(void *memory, void *arena) /* the arena's end does it */
{
    (void)memory;
    (void)arena;
}

/* "\\p{Foo}" out of the text that PCRE2 read up to its end. */
static struct str last_property(struct str read)
{
    size_t at = read.len;

    while (at > 0 && read.ptr[at - 1] != '\\')
        at--;
    return str_sub(read, at > 0 ? at - 1 : 0, read.len);
}

static struct str pcre_reason(struct arena *a, struct str pattern, int code, struct str read)
{
    PCRE2_UCHAR text[256];

    if (code == PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY)
        return arena_printf(a, "error parsing regexp: invalid character class range: `" STR_FMT "`",
                            STR_ARG(last_property(read)));
    if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
        text[0] = '\0';
    return arena_printf(a, "error parsing regexp: %s: `" STR_FMT "`", (const char *)text,
                        STR_ARG(pattern));
}

struct schema_regex *schema_regex_compile(struct arena *a, struct str pattern, struct str *reason)
{
    const uint32_t options =
        PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C;
    struct str text;
    int code = 0;
    PCRE2_SIZE offset;

    if (!schema_regex_translate(a, pattern, &text, reason))
        return NULL;
    text = arena_printf(a, "(?s:.*?)(?:" STR_FMT ")", STR_ARG(text));
    pcre2_general_context *memory = pcre2_general_context_create(take, give_back, a);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    HL_ASSERT(memory && context);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, 2 * REGEX_DEPTH_MAX + 8);
    struct schema_regex *re = arena_one(a, struct schema_regex);
    re->pattern = pattern;
    re->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &code, &offset, context);
    if (re->code)
        return re;
    *reason = pcre_reason(a, pattern, code, str_sub(text, 0, offset));
    return NULL;
}

/* One attempt with room for so many states. 1, 0, or PCRE2's code. */
static int match(const struct schema_regex *re, struct str s, size_t states,
                 pcre2_match_data *found, pcre2_match_context *limits)
{
    size_t count = 2 + INTS_A_STATE * states;
    int *workspace = hl_alloc(count * sizeof(int));
    int rc = pcre2_dfa_match(re->code, (PCRE2_SPTR)(s.ptr ? s.ptr : ""), s.len, 0,
                             PCRE2_DFA_SHORTEST, found, limits, workspace, count);

    free(workspace);
    if (rc >= 0)
        return 1;
    bool is_no_text = rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21;
    return rc == PCRE2_ERROR_NOMATCH || is_no_text ? 0 : rc;
}

/* PCRE2 compares every state with all others at every character. */
static uint64_t cost(struct str s, size_t states)
{
    return 1 + (uint64_t)s.len * states * states / COMPARES_A_STEP;
}

static int match_within(const struct schema_regex *re, struct str s, uint64_t *steps_left,
                        pcre2_match_data *found, pcre2_match_context *limits)
{
    int rc = PCRE2_ERROR_DFA_WSSIZE;

    for (size_t states = STATES_FIRST; rc == PCRE2_ERROR_DFA_WSSIZE; states *= STATES_FACTOR) {
        if (states > STATES_MAX || cost(s, states) > *steps_left)
            return PCRE2_ERROR_MATCHLIMIT;
        *steps_left -= cost(s, states);
        rc = match(re, s, states, found, limits);
    }
    return rc;
}

int schema_regex_match(const struct schema_regex *re, struct str s, uint64_t *steps_left,
                       struct err *err)
{
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);

    HL_ASSERT(found && limits);
    pcre2_set_depth_limit(limits, DFA_DEPTH_MAX);
    pcre2_set_heap_limit(limits, DFA_HEAP_KIB);
    int rc = match_within(re, s, steps_left, found, limits);
    pcre2_match_context_free(limits);
    pcre2_match_data_free(found);
    if (rc >= 0)
        return rc;
    return err_set(err, HL_ELIMIT, "the pattern \"" STR_FMT "\" takes too many steps on %zu bytes",
                   STR_ARG(str_sub(re->pattern, 0, PATTERN_SHOWN_BYTES)), s.len);
}
