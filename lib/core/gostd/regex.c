/*
 * PCRE2 behind regex.h: compiling into the arena, and the two ways to match.
 *
 * Searches: the translated pattern carries callouts where backtracking comes by, and the callout
 * counts: itself, how far the text was scanned since the last one, and for every attempt how much
 * of the text it may look at before it comes by again. So a search ends after a bounded amount of
 * work, whichever way the pattern is hostile.
 *
 * Tests: PCRE2's breadth first matcher has fixed room for states and compares every state with all
 * others at every character. Room grows only as long as there are steps left to pay for it.
 */
#include "core/gostd/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/gostd/regex_syntax.h"
#include "core/gostd/unicode.h"

enum { PATTERN_SHOWN_BYTES = 100, REASON_BYTES = 120 };
enum { GROUPS_PER_STEP = 32, WIDTH_PER_STEP = 32, BYTES_PER_STEP = 32, ATTEMPT_CALLOUT = 1 };
enum { CLASS_ITEMS_PER_WEIGHT = 4 };
enum {
    TEST_DEPTH_MAX = 100,
    TEST_HEAP_KIB = 4096,
    INTS_A_STATE = 6,  /* of pcre2_dfa_match's workspace */
    STATES_FIRST = 8,  /* enough for most; */
    STATES_FACTOR = 4, /* else so many times more are tried, */
    STATES_MAX = 2048, /* up to these */
    COMPARES_A_STEP = 200,
};

struct regex {
    pcre2_code *code;
    enum regex_use use;
    struct str pattern;
    struct str *name; /* of group i + 1 */
    size_t group_count;
    uint64_t width;  /* see struct regex_pattern */
    uint64_t weight; /* how much longer than usual one character may take */
};

/* ---- compiling ---- */

static void *take(size_t size, void *arena)
{
    return arena_alloc(arena, size);
}

static void give_back(void *memory, void *arena) /* the arena's end does it */
{
    (void)memory;
    (void)arena;
}

static pcre2_code *compile(struct arena *a, struct str text, uint32_t options, int *out_code)
{
    pcre2_general_context *memory = pcre2_general_context_create(take, give_back, a);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    size_t at;

    HL_ASSERT(memory && context);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, 3 * REGEX_NESTING_MAX);
    return pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, out_code, &at, context);
}

const struct regex *regex_new(struct arena *a, struct str pattern, enum regex_use use,
                              struct str *out_error)
{
    const uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOTALL | PCRE2_ALT_CIRCUMFLEX |
                             PCRE2_NEVER_BACKSLASH_C;
    struct regex_pattern translated;
    struct regex *re = NULL;
    PCRE2_UCHAR reason[REASON_BYTES] = "";
    int code;

    if (regex_translate(a, pattern, use, &translated, out_error) == 0) {
        re = arena_one(a, struct regex);
        *re = (struct regex){.use = use,
                             .pattern = pattern,
                             .name = translated.name,
                             .group_count = translated.group_count,
                             .width = translated.width,
                             .weight = 1 + translated.class_max / CLASS_ITEMS_PER_WEIGHT};
        re->code = compile(a, buf_str(&translated.text),
                           use == REGEX_TEST ? options | PCRE2_ANCHORED : options, &code);
        if (!re->code) {
            re = NULL;
            pcre2_get_error_message(code, reason, sizeof(reason));
            *out_error = arena_printf(
                a, "error parsing regexp: expression too large (%s): `" STR_FMT "`",
                (const char *)reason, STR_ARG(str_sub(pattern, 0, PATTERN_SHOWN_BYTES)));
        }
    }
    buf_deinit(&translated.text);
    return re;
}

size_t regex_group_count(const struct regex *re)
{
    return re->group_count;
}

size_t regex_group_named(const struct regex *re, struct str name)
{
    for (size_t i = 0; i < re->group_count; i++) {
        if (re->name[i].len > 0 && str_eq(re->name[i], name))
            return i + 1;
    }
    return 0;
}

static int too_many_steps(const struct regex *re, struct str text, struct err *err)
{
    return err_set(err, HL_ELIMIT, "the pattern \"" STR_FMT "\" takes too many steps on %zu bytes",
                   STR_ARG(str_sub(re->pattern, 0, PATTERN_SHOWN_BYTES)), text.len);
}

/* ---- texts ---- */

struct subject {     /* what PCRE2 reads: the text with U+FFFD for what is no UTF-8 */
    struct arena *a; /* NULL: it is the text */
    struct str text;
    uint32_t *place; /* of every byte in the original */
};

static void subject_deinit(struct subject *s)
{
    arena_free(s->a);
}

static int subject_init(struct subject *s, struct str text, struct err *err)
{
    *s = (struct subject){.text = text.ptr ? text : STR("")};
    if (text.len > REGEX_TEXT_MAX)
        return err_set(err, HL_ELIMIT, "regexp: more than %d bytes of text", REGEX_TEXT_MAX);
    if (str_is_utf8(text))
        return 0;
    if (text.len > REGEX_BAD_TEXT_MAX)
        return err_set(err, HL_ELIMIT, "regexp: more than %d bytes of text that is no UTF-8",
                       REGEX_BAD_TEXT_MAX);
    s->a = arena_new();
    char *copy = arena_alloc(s->a, 3 * text.len);
    s->place = arena_array(s->a, uint32_t, 3 * text.len + 1);
    size_t len = 0;
    size_t rune_len;
    for (size_t at = 0; at < text.len; at += rune_len) {
        size_t end = len + rune_put(rune_at(text, at, &rune_len), copy + len);
        while (len < end)
            s->place[len++] = (uint32_t)at;
    }
    s->place[len] = (uint32_t)text.len;
    s->text = (struct str){copy, len};
    return 0;
}

static size_t place_in_original(const struct subject *s, size_t at)
{
    return s->place && at != SIZE_MAX ? s->place[at] : at;
}

/* The first byte of the subject that stands for the original's at `at`. */
static size_t place_in_subject(const struct subject *s, size_t at)
{
    size_t low = 0;
    size_t high = s->text.len;

    if (!s->place)
        return at;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->place[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- tests ---- */

/* One attempt with room for so many states. 1, 0, or PCRE2's code. */
static int test_with(const struct regex *re, struct str text, size_t states,
                     pcre2_match_data *found, pcre2_match_context *limits)
{
    size_t count = 2 + INTS_A_STATE * states;
    int *workspace = hl_alloc(count * sizeof(int));
    int rc =
        pcre2_dfa_match(re->code, (PCRE2_SPTR)text.ptr, text.len, 0,
                        PCRE2_DFA_SHORTEST | PCRE2_NO_UTF_CHECK, found, limits, workspace, count);

    free(workspace);
    if (rc >= 0)
        return 1;
    return rc == PCRE2_ERROR_NOMATCH ? 0 : rc;
}

static uint64_t cost_of_test(const struct regex *re, struct str text, size_t states)
{
    return 1 + (uint64_t)text.len * states * states * re->weight / COMPARES_A_STEP;
}

static int test(const struct regex *re, struct str text, uint64_t *steps_left)
{
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int rc = PCRE2_ERROR_DFA_WSSIZE;

    if (!found || !limits)
        hl_die("regex: out of memory");
    pcre2_set_depth_limit(limits, TEST_DEPTH_MAX);
    pcre2_set_heap_limit(limits, TEST_HEAP_KIB);
    for (size_t states = STATES_FIRST; rc == PCRE2_ERROR_DFA_WSSIZE; states *= STATES_FACTOR) {
        uint64_t cost = cost_of_test(re, text, states);
        if (states > STATES_MAX || cost > *steps_left)
            break;
        *steps_left -= cost;
        rc = test_with(re, text, states, found, limits);
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(found);
    return rc;
}

int regex_test(const struct regex *re, struct str text, uint64_t *steps_left, struct err *err)
{
    HL_CLEANUP(subject_deinit) struct subject subject = {0};

    HL_ASSERT(re->use == REGEX_TEST);
    int rc = subject_init(&subject, text, err);
    if (rc < 0)
        return rc;
    rc = test(re, subject.text, steps_left);
    return rc >= 0 ? rc : too_many_steps(re, text, err);
}

/* ---- searches ---- */

struct regex_search {
    const struct regex *re;
    struct subject subject;
    pcre2_match_data *data;
    pcre2_match_context *context;
    struct regex_span *span;
    uint64_t steps;      /* of this call */
    uint64_t steps_left; /* before it */
    size_t place;        /* of the last callout in the subject */
};

static int count(pcre2_callout_block *block, void *context)
{
    struct regex_search *s = context;
    size_t at = block->current_position;
    size_t way = at > s->place ? at - s->place : s->place - at;

    s->place = at;
    s->steps += 1 + s->re->group_count / GROUPS_PER_STEP;
    if (block->callout_number == ATTEMPT_CALLOUT)
        s->steps += s->re->width * s->re->weight / WIDTH_PER_STEP;
    else
        s->steps += way * s->re->weight / BYTES_PER_STEP;
    return s->steps > s->steps_left ? PCRE2_ERROR_MATCHLIMIT : 0;
}

struct regex_search *regex_search_new(const struct regex *re, struct str text, struct err *err)
{
    struct regex_search *s = hl_calloc(1, sizeof(*s));

    HL_ASSERT(re->use == REGEX_SEARCH);
    s->re = re;
    if (subject_init(&s->subject, text, err) < 0) {
        regex_search_free(s);
        return NULL;
    }
    s->data = pcre2_match_data_create((uint32_t)re->group_count + 1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (!s->data || !s->context)
        hl_die("regex: out of memory");
    pcre2_set_callout(s->context, count, s);
    pcre2_set_heap_limit(s->context, REGEX_HEAP_KIB_MAX);
    s->span = hl_calloc(re->group_count + 1, sizeof(*s->span));
    return s;
}

void regex_search_free(struct regex_search *s)
{
    if (!s)
        return;
    pcre2_match_context_free(s->context);
    pcre2_match_data_free(s->data);
    subject_deinit(&s->subject);
    free(s->span);
    free(s);
}

static int search_error(const struct regex_search *s, int code, struct err *err)
{
    PCRE2_UCHAR text[REASON_BYTES] = "";

    if (code == PCRE2_ERROR_MATCHLIMIT)
        return too_many_steps(s->re, s->subject.text, err);
    if (code == PCRE2_ERROR_HEAPLIMIT)
        return err_set(err, HL_ELIMIT, "regexp: the pattern needs more than %d KiB of memory",
                       REGEX_HEAP_KIB_MAX);
    pcre2_get_error_message(code, text, sizeof(text));
    return err_set(err, HL_ELIMIT, "regexp: %s", (const char *)text);
}

int regex_search_next(struct regex_search *s, size_t from, uint64_t *steps_left,
                      const struct regex_span **out, struct err *err)
{
    struct str text = s->subject.text;

    s->place = place_in_subject(&s->subject, from);
    s->steps = 0;
    s->steps_left = *steps_left;
    if ((text.len - s->place) * s->re->weight / BYTES_PER_STEP > *steps_left)
        return too_many_steps(s->re, text, err); /* a single loop is not interrupted */
    int rc = pcre2_match(s->re->code, (PCRE2_SPTR)text.ptr, text.len, s->place, PCRE2_NO_UTF_CHECK,
                         s->data, s->context);
    *steps_left -= s->steps < *steps_left ? s->steps : *steps_left;
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0)
        return search_error(s, rc, err);
    const size_t *pair = pcre2_get_ovector_pointer(s->data);
    for (size_t i = 0; i <= s->re->group_count; i++)
        s->span[i] = (struct regex_span){place_in_original(&s->subject, pair[2 * i]),
                                         place_in_original(&s->subject, pair[2 * i + 1])};
    *out = s->span;
    return 1;
}
