/*
 * The first line is a name, the rest a pattern, and rules to ignore by. Whatever the pattern, there
 * is an answer or an error; and a name whose special characters are escaped is a pattern for it.
 */
#include "core/chart/glob.h"
#include "core/chart/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str escape(struct arena *a, struct str name, const char *special)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};

    for (size_t i = 0; i < name.len; i++) {
        if (str_has_byte(str_from(special), name.ptr[i]))
            buf_add_byte(&b, '\\');
        buf_add_byte(&b, name.ptr[i]);
    }
    return arena_dup(a, buf_str(&b));
}

static void check_glob(struct arena *a, struct str pattern, struct str name)
{
    const struct chart_glob *g = NULL;
    struct err err = {0};
    bool is_match;
    int rc = chart_glob_parse(a, pattern, &g, &err);

    HL_ASSERT((rc == 0) == (g != NULL) && (rc == 0 || err.code == rc));
    if (rc == 0) {
        rc = chart_glob_match(g, name, &is_match, &err);
        HL_ASSERT(rc == 0 || err.code == rc);
    }
}

static void check_escaped(struct arena *a, struct str name)
{
    struct str pattern = escape(a, name, "*?[]{}\\");
    const struct chart_glob *g;
    struct err err;
    bool is_match = false;

    if (pattern.len > CHART_GLOB_PATTERN_MAX || !str_is_utf8(name) || str_has_byte(name, 0) ||
        str_find(name, STR("\xEF\xBF\xBD"), 0) != SIZE_MAX)
        return;
    HL_ASSERT(chart_glob_parse(a, pattern, &g, &err) == 0);
    HL_ASSERT(chart_glob_match(g, name, &is_match, &err) == 0 && is_match);
}

static void check_ignore(struct arena *a, struct str text, struct str name)
{
    const struct ignore_rules *rules = NULL;
    struct err err = {0};
    bool is_match = false;
    int rc = ignore_parse(a, text, &rules, &err);

    HL_ASSERT((rc == 0) == (rules != NULL) && (rc == 0 || err.code == rc));
    if (rc == 0)
        HL_ASSERT(!ignore_has(rules, STR("."), true));
    if (rc == 0)
        (void)ignore_has(rules, name, text.len % 2);
    HL_ASSERT(ignore_match(escape(a, name, "*?[\\"), name, &is_match, &err) == 0 && is_match);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str text = {(const char *)data, size};
    struct str name = str_cut(&text, '\n');

    check_glob(a, text, name);
    check_escaped(a, name);
    check_ignore(a, text, name);
    return 0;
}
