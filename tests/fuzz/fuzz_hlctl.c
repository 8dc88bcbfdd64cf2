/*
 * What people and other programs hand to hlctl: the first byte chooses the door, the rest is the
 * input. A configuration that is taken can be edited or is refused whole; a command line becomes an
 * invocation or a complaint with a code; text from outside never keeps a control character.
 */
#include "hlctl/config.h"
#include "hlctl/parse.h"
#include "hlctl/safe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static void check_config(struct arena *a, struct str text)
{
    struct context add = {.name = STR("added"), .roster = STR("/r"), .identity = STR("/i")};
    struct config c;
    struct trouble t = {0};
    struct str edited;

    if (config_parse(a, STR("/c"), text, &c, &t) != 0) {
        HL_ASSERT(t.page != NULL && t.what[0] != '\0');
        return;
    }
    if (config_text_add(a, &c, &add, &edited)) {
        struct config again;
        HL_ASSERT(config_parse(a, STR("/c"), edited, &again, &t) == 0);
        HL_ASSERT(again.context_count == c.context_count + 1);
    }
    for (size_t i = 0; i < c.context_count; i++)
        if (config_text_remove(a, &c, c.context[i].name, &edited)) {
            struct config again;
            HL_ASSERT(config_parse(a, STR("/c"), edited, &again, &t) == 0);
            HL_ASSERT(again.context_count + 1 == c.context_count);
        }
}

/* Words stand between line feeds. */
static void check_line(struct arena *a, struct str text)
{
    const char *argv[WORDS_MAX] = {"hlctl"};
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct invocation *in;
    struct trouble t = {0};
    int argc = 1;

    while (text.len > 0 && argc < WORDS_MAX)
        argv[argc++] = arena_cstr(a, str_cut(&text, '\n'));
    int rc = parse_line(a, argc, argv, no_environment, &in, &t);
    HL_ASSERT((rc == 0) == (t.page == NULL));
    if (rc == 0)
        return;
    HL_ASSERT(rc == t.page->exit);
    trouble_print(&out, a, &t, false);
    for (size_t i = 0; i < out.len; i++)
        HL_ASSERT(out.ptr[i] == '\n' || (unsigned char)out.ptr[i] >= 0x20);
    trouble_print(&out, a, &t, true);
}

static void check_text(struct arena *a, struct str text)
{
    struct str safe = safe_text(a, text);

    HL_ASSERT(str_is_utf8(safe) && str_eq(safe_text(a, safe), safe));
    for (size_t i = 0; i < safe.len; i++)
        HL_ASSERT((unsigned char)safe.ptr[i] >= 0x20 && safe.ptr[i] != 0x7f);
    struct str lines = safe_lines(a, text);
    HL_ASSERT(safe_is_text(lines) && safe_is_text(text) == str_eq(lines, text));
    for (size_t i = 0; i < lines.len; i++)
        HL_ASSERT((unsigned char)lines.ptr[i] >= 0x20 || lines.ptr[i] == '\n' ||
                  lines.ptr[i] == '\t');
    HL_ASSERT(safe_width(safe_cut(safe, 10)) <= 10);
    HL_ASSERT(str_is_utf8(safe_cut(safe, 10)) && str_is_utf8(safe_utf8(a, text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    if (size == 0)
        return 0;
    struct str rest = {(const char *)data + 1, size - 1};
    if (data[0] == 'c')
        check_config(a, rest);
    else if (data[0] == 'l')
        check_line(a, rest);
    else
        check_text(a, rest);
    return 0;
}
