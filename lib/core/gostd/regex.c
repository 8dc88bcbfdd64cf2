/*
 * PCRE2 behind regex.h. The translated pattern carries callouts where backtracking comes by, and
 * the callout counts: itself, how far the text was scanned since the last one, and for every
 * attempt how much of the text it may look at before it comes by again. So a search ends after a
 * bounded amount of work, whichever way the pattern is hostile.
 */
#include "core/gostd/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/gostd/unicode.h"

enum { GROUPS_PER_STEP = 32, WIDTH_PER_STEP = 32, BYTES_PER_STEP = 32, ATTEMPT_CALLOUT = 1 };

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    struct regex_pattern pattern;
    struct regex_span *span;
    uint64_t steps;
    size_t place; /* of the last callout in the text */
};

static int count(pcre2_callout_block *block, void *context)
{
    struct regex *re = context;
    size_t at = block->current_position;
    size_t way = at > re->place ? at - re->place : re->place - at;

    re->place = at;
    re->steps += 1 + re->pattern.group_count / GROUPS_PER_STEP;
    if (block->callout_number == ATTEMPT_CALLOUT)
        re->steps += re->pattern.width / WIDTH_PER_STEP;
    else
        re->steps += way / BYTES_PER_STEP;
    return re->steps > REGEX_STEPS_MAX ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static pcre2_code *compile(struct arena *a, const struct regex_pattern *p, struct str pattern,
                           struct str *out_error)
{
    const uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    char text[120] = "";
    size_t at;
    int code;

    if (!context)
        hl_die("regex: out of memory");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, 3 * REGEX_NESTING_MAX);
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)p->text.ptr, p->text.len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (re)
        return re;
    pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
    *out_error = arena_printf(a, "error parsing regexp: expression too large (%s): `" STR_FMT "`",
                              text, STR_ARG(str_sub(pattern, 0, 100)));
    return NULL;
}

struct regex *regex_new(struct arena *a, struct str pattern, struct str *out_error)
{
    struct regex *re = hl_calloc(1, sizeof(*re));

    if (regex_translate(a, pattern, &re->pattern, out_error) < 0) {
        regex_free(re);
        return NULL;
    }
    re->code = compile(a, &re->pattern, pattern, out_error);
    if (!re->code) {
        regex_free(re);
        return NULL;
    }
    re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);
    if (!re->data || !re->context)
        hl_die("regex: out of memory");
    pcre2_set_callout(re->context, count, re);
    pcre2_set_heap_limit(re->context, REGEX_HEAP_KIB_MAX);
    re->span = arena_array(a, struct regex_span, re->pattern.group_count + 1);
    return re;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->data);
    pcre2_code_free(re->code);
    buf_deinit(&re->pattern.text);
    free(re);
}

size_t regex_group_count(const struct regex *re)
{
    return re->pattern.group_count;
}

size_t regex_group_named(const struct regex *re, struct str name)
{
    for (size_t i = 0; i < re->pattern.group_count; i++) {
        if (re->pattern.name[i].len > 0 && str_eq(re->pattern.name[i], name))
            return i + 1;
    }
    return 0;
}

/* ---- texts ---- */

int regex_text_init(struct regex_text *t, struct arena *a, struct str s, struct err *err)
{
    *t = (struct regex_text){.text = s, .original = s};
    if (s.len > REGEX_TEXT_MAX)
        return err_set(err, HL_ELIMIT, "regexp: more than %d bytes of text", REGEX_TEXT_MAX);
    if (str_is_utf8(s))
        return 0;
    if (s.len > REGEX_BAD_TEXT_MAX)
        return err_set(err, HL_ELIMIT, "regexp: more than %d bytes of text that is no UTF-8",
                       REGEX_BAD_TEXT_MAX);
    char *text = arena_alloc(a, 3 * s.len);
    uint32_t *place = arena_array(a, uint32_t, 3 * s.len + 1);
    size_t len = 0;
    size_t rune_len;
    for (size_t at = 0; at < s.len; at += rune_len) {
        size_t end = len + rune_put(rune_at(s, at, &rune_len), text + len);
        while (len < end)
            place[len++] = (uint32_t)at;
    }
    place[len] = (uint32_t)s.len;
    t->text = (struct str){text, len};
    t->place = place;
    return 0;
}

struct str regex_text_sub(const struct regex_text *t, size_t from, size_t to)
{
    if (t->place)
        return str_sub(t->original, t->place[from], t->place[to]);
    return str_sub(t->original, from, to);
}

/* ---- matching ---- */

static int match_error(int code, struct err *err)
{
    char text[120] = "";

    if (code == PCRE2_ERROR_MATCHLIMIT)
        return err_set(err, HL_ELIMIT, "regexp: the pattern needs more than %d steps",
                       REGEX_STEPS_MAX);
    if (code == PCRE2_ERROR_HEAPLIMIT)
        return err_set(err, HL_ELIMIT, "regexp: the pattern needs more than %d KiB of memory",
                       REGEX_HEAP_KIB_MAX);
    pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
    return err_set(err, HL_ELIMIT, "regexp: %s", text);
}

int regex_match(struct regex *re, const struct regex_text *t, size_t from,
                const struct regex_span **out, struct err *err)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(t->text.len > 0 ? t->text.ptr : "");

    re->place = from;
    int rc =
        pcre2_match(re->code, text, t->text.len, from, PCRE2_NO_UTF_CHECK, re->data, re->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0)
        return match_error(rc, err);
    const size_t *pair = pcre2_get_ovector_pointer(re->data);
    for (size_t i = 0; i <= re->pattern.group_count; i++)
        re->span[i] = (struct regex_span){pair[2 * i], pair[2 * i + 1]};
    *out = re->span;
    return 1;
}
