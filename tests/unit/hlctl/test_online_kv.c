/*
 * kv against scripted coordinators over real CURVE sockets. What they answer comes from the real
 * state machine; who leads, and when, comes from the script.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/state/setting.h"
#include "core/state/state.h"
#include "support/kv_array.h"
#include "unit/hlctl/mesh.h"

enum { CHANGES_MAX = 4000, LEADERS = 2 };

struct script {
    int settings;                  /* that are there from the start: k/0000, k/0001, ... */
    int handovers;                 /* that many watches end with a change, and another leader */
    uint64_t since;                /* changes up to this revision are no longer kept */
    const char *bytes;             /* instead of the settings that were asked for */
    bool is_silent_when_it_begins; /* the first question of all is never answered */
};

static struct fake {
    const struct script *script;
    struct kv_array kv;
    struct arena *keep;
    uint64_t index;
    size_t leader; /* from 0 */
    int handovers;
    int asked;
    int empty;
    struct setting change[CHANGES_MAX];
    size_t change_count;
} fake;

/* ---- scripted coordinators ---- */

static struct wire_reply refusal(int code, const char *text)
{
    return (struct wire_reply){.code = code,
                               .error_id = code == HL_ETEMP ? STR("HL-NET-02") : STR_NONE,
                               .error = str_from(text)};
}

static void remember(struct fake *f, struct str key)
{
    struct setting *s = &f->change[f->change_count++];
    struct err err;

    HL_ASSERT(f->change_count < CHANGES_MAX);
    int r = setting_get(&f->kv.kv, key, s, &err);
    HL_ASSERT(r >= 0);
    if (r == KV_ABSENT)
        *s = (struct setting){.revision = f->index};
    s->key = arena_dup(f->keep, key);
    s->value = arena_dup(f->keep, s->value);
}

static struct wire_reply apply(struct fake *f, const struct wire_request *r, const char *name,
                               struct arena *a)
{
    struct command c = {.name = str_from(name),
                        .client_id = r->client_id,
                        .sequence = r->sequence,
                        .body = r->body};
    struct state_result result = {0};
    struct err err;

    if (state_apply(&f->kv.kv, ++f->index, &c, a, &result, &err) != 0)
        hl_die("%s", err.text);
    for (size_t i = 0; i < result.change_count; i++)
        remember(f, result.change[i].name);
    return (struct wire_reply){
        .code = result.code, .error = result.text, .revision = result.revision};
}

static void put(struct fake *f, const char *key, const char *value)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct setting_change put = {.key = str_from(key), .value = str_from(value)};
    struct wire_request request = {0};

    setting_change_encode(&bytes, &put);
    request.body = buf_str(&bytes);
    (void)apply(f, &request, "setting.put", a);
}

static struct wire_reply get(struct fake *f, const struct value *body, struct buf *out)
{
    struct setting s;
    struct err err;

    if (setting_get(&f->kv.kv, value_get_str(body, "key"), &s, &err) != KV_FOUND)
        return refusal(HL_EABSENT, "no such setting");
    setting_list_add(out, &s);
    return (struct wire_reply){.body = buf_str(out)};
}

static struct wire_reply list(struct fake *f, const struct value *body, struct buf *out,
                              struct arena *a)
{
    struct str cursor = value_get_str(body, "after");
    int64_t left = value_get_int(body, "limit", 0);
    struct setting s;
    struct err err;

    while (left-- > 0 &&
           setting_next(&f->kv.kv, value_get_str(body, "prefix"), &cursor, a, &s, &err) == KV_FOUND)
        setting_list_add(out, &s);
    return (struct wire_reply){.body = buf_str(out)};
}

/*
 * A watch that has nothing to tell is answered at once, and refused the second time, so that no
 * test waits. Where the script has a handover, a change comes just then, and the leader that was
 * asked does not lead any more.
 */
static struct wire_reply watch(struct fake *f, const struct value *body, struct buf *out)
{
    int64_t after = value_get_int(body, "after", 0);
    uint64_t from = after > 0 ? (uint64_t)after : f->index;
    char key[20];

    if (from < f->script->since)
        return refusal(HL_EABSENT, "the changes behind that revision are no longer kept");
    if (f->handovers > 0) {
        snprintf(key, sizeof key, "new/%d", f->handovers--);
        put(f, key, "v");
        f->leader = (f->leader + 1) % LEADERS;
        return refusal(HL_ETEMP, "this coordinator leads no longer");
    }
    for (size_t i = 0; i < f->change_count; i++)
        if (f->change[i].revision > from &&
            str_starts(f->change[i].key, value_get_str(body, "prefix")))
            setting_list_add(out, &f->change[i]);
    if (out->len == 0 && f->empty++ > 0)
        return refusal(HL_EINVAL, "that is all");
    return (struct wire_reply){.body = buf_str(out)};
}

static struct wire_reply lead(struct fake *f, const struct wire_request *r, struct buf *out,
                              struct arena *a)
{
    struct value *body = NULL;
    struct err err;

    if (str_eq(r->method, STR("kv.put")))
        return apply(f, r, "setting.put", a);
    if (str_eq(r->method, STR("kv.delete")))
        return apply(f, r, "setting.delete", a);
    if (json_read(a, r->body, STR("body"), &body, &err) != 0)
        return refusal(HL_EINVAL, err.text);
    if (f->script->bytes)
        return (struct wire_reply){.body = str_from(f->script->bytes)};
    return str_eq(r->method, STR("kv.get"))    ? get(f, body, out)
           : str_eq(r->method, STR("kv.list")) ? list(f, body, out, a)
                                               : watch(f, body, out);
}

static void answer(void *context, size_t at, struct wire_hub *const hub[MESH_MEMBERS],
                   const struct wire_inbound *in, struct arena *a)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct wire_message m = {.kind = WIRE_REPLY};
    struct fake *f = context;

    if (at != f->leader)
        m.reply = refusal(HL_ETEMP, "this coordinator does not lead");
    else if (f->script->is_silent_when_it_begins && f->asked++ == 0)
        return;
    else
        m.reply = lead(f, &in->message.request, &out, a);
    m.reply.id = in->message.request.id;
    m.reply.leader = f->leader + 1;
    m.reply.is_leader = at == f->leader;
    m.reply.revision = m.reply.revision ? m.reply.revision : f->index;
    hub_answer(hub[at], &in->from, &m);
}

static void start(const struct script *script)
{
    static const bool is_there[MESH_MEMBERS] = {true, true, false};

    fake = (struct fake){.script = script, .keep = arena_new(), .handovers = script->handovers};
    kv_array_init(&fake.kv);
    for (int i = 0; i < script->settings; i++) {
        char key[20];
        snprintf(key, sizeof key, "k/%04d", i);
        put(&fake, key, "v");
    }
    mesh_start(is_there, answer, &fake);
}

static int stop(void **state)
{
    (void)state;
    mesh_stop();
    if (!fake.keep)
        return 0;
    kv_array_deinit(&fake.kv);
    arena_free(fake.keep);
    fake = (struct fake){0};
    return 0;
}

/* Any bytes into a file of the folder. */
static void write_file(const char *name, const char *bytes, size_t len)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", mesh_dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static const struct script all_well = {0};

/* ---- writing and reading ---- */

static void a_setting_is_put_read_listed_and_deleted(void **state)
{
    (void)state;
    start(&all_well);
    expect("kv put flags/blue on", 0, "setting/flags/blue put at revision 1\n");
    expect("kv put flags/blue off -o name", 0, "setting/flags/blue\n");
    expect_in(expect("kv put other 'two\nlines\n' -o json", 0, NULL)->out,
              "\"key\": \"other\",\n  \"kind\": \"SettingChange\",\n  \"revision\": 3\n");
    expect("kv get flags/blue", 0, "off");
    expect("kv get other", 0, "two\nlines\n");
    expect("kv get other -o name", 0, "setting/other\n");
    expect_in(expect("kv get flags/blue -o json", 0, NULL)->out,
              "\"created\": 1,\n  \"key\": \"flags/blue\",\n  \"kind\": \"Setting\",\n  \"name\": "
              "\"flags/blue\",\n  \"revision\": 2,\n  \"value\": \"off\",\n  \"version\": 2\n");
    expect_in(expect("kv get other -o yaml", 0, NULL)->out, "value: |\n  two\n  lines\n");
    expect("kv list", 0,
           "KEY\tREVISION\tVERSION\tVALUE\nflags/blue\t2\t2\toff\nother\t3\t1\ttwo…\n");
    expect("kv list flags/ --no-headers", 0, "flags/blue\t2\t2\toff\n");
    expect("kv list -o name", 0, "setting/flags/blue\nsetting/other\n");
    expect_in(expect("kv list oth -o json", 0, NULL)->out, "\"kind\": \"SettingList\"");
    expect("kv delete flags/blue", 0, "setting/flags/blue deleted at revision 4\n");
    struct run *r = expect("kv get flags/blue", 1, "");
    expect_trouble(r, "HL-OBJ-01", "kv.get");
    expect_in(r->err, "next  hlctl kv list");
}

static void a_value_comes_back_byte_for_byte_where_no_terminal_reads_it(void **state)
{
    static const char bytes[] = "\xff\0\x01 \x1b[2J\r\nend";

    (void)state;
    start(&all_well);
    write_file("bytes", bytes, sizeof bytes - 1);
    expect("kv put bin --value-file bytes", 0, NULL);
    struct run *r = expect("kv get bin >copy; cmp copy bytes && echo same", 0, "same\n");
    assert_string_equal(r->err, "");
    expect("kv put bin --value-file - <bytes && " HL_BIN_DIR "/hlctl kv get bin | cmp - bytes", 0,
           "setting/bin put at revision 2\n");
    expect_in(expect("kv get bin -o json", 0, NULL)->out,
              "\"value_base64\": \"/wABIBtbMkoNCmVuZA==\"");
    expect_in(expect("kv get bin -o yaml", 0, NULL)->out, "value_base64: /wAB");
    expect("kv list --no-headers", 0, "bin\t2\t2\t\\xff\\x00\\x01 \\x1b[2J\\x0d…\n");
}

static void nothing_in_a_value_rewrites_a_terminal(void **state)
{
    static const struct {
        const char *value;
        const char *shown;
        bool is_plain;
    } cases[] = {
        {"plain ü 漢\n\ttext\n", "plain ü 漢\n\ttext\n", true},
        {"plain", "plain\n", true},
        {"\033]0;title\007", "\\x1b]0;title\\x07\n", false},
        {"good\rbad", "good\\x0dbad\n", false},
        {"\xc2\x9b"
         "2J",
         "\\x9b2J\n", false}, /* CSI as a C1 character */
        {"a\xe2\x80\xae"
         "b\n",
         "a‹U+202E›b\n", false},
        {"\xff\n", "\\xff\n", false},
    };

    (void)state;
    start(&all_well);
    setenv("HLCTL_FORCE_TTY", "80", 1);
    setenv("NO_COLOR", "1", 1);
    for (size_t i = 0; i < HL_COUNT(cases); i++) {
        write_file("bytes", cases[i].value, strlen(cases[i].value));
        expect("kv put k --value-file bytes -q", 0, NULL);
        struct run *r = expect("kv get k", 0, cases[i].shown);
        assert_string_equal(r->err, cases[i].is_plain ? "" : "not a plain text; shown escaped\n");
        r = expect("kv list k -q", 0, NULL);
        assert_true(str_is_utf8(str_from(r->out)));
        assert_null(strpbrk(r->out, "\033\r\007"));
        assert_null(strstr(r->out, "\xe2\x80\xae"));
    }
    unsetenv("HLCTL_FORCE_TTY");
    unsetenv("NO_COLOR");
}

static void compare_and_set_is_refused_with_6_when_somebody_was_first(void **state)
{
    (void)state;
    start(&all_well);
    expect("kv cas k --revision 0 a", 0, "setting/k put at revision 1\n");
    struct run *r = expect("kv cas k --revision 0 b", 6, "");
    expect_trouble(r, "HL-CONFLICT-01", "kv.put");
    expect_in(r->err, "revision 1");
    expect("kv get k", 0, "a");
    expect("kv cas k --revision 1 b -o name", 0, "setting/k\n");
    expect("kv delete k --revision 1", 6, "");
    expect("kv delete k --revision 3", 0, "setting/k deleted at revision 5\n");
}

static void what_cannot_be_a_setting_is_told_before_anything_is_sent(void **state)
{
    static const char *const misused[] = {
        "kv put k",
        "kv put k v --value-file mesh/mesh.json",
        "kv put '' v",
        "kv put \"$(printf 'a\\nb')\" v",
        "kv cas k v",
        "kv cas k v --revision -1",
        "kv cas k v --revision 99999999999999999999",
        "kv put \"$(printf '%0300d' 1)\" v",
        "kv put \"$(printf 'a\\377')\" v",
        "kv put k --value-file - </dev/zero",
    };

    (void)state; /* nobody is there */
    for (size_t i = 0; i < HL_COUNT(misused); i++)
        expect_trouble(expect(misused[i], 2, ""), "HL-USE-0", "  next  ");
    expect_trouble(expect("kv put k --value-file nothing", 1, ""), "HL-FILE-02", "nothing");
}

static void an_answer_that_is_no_setting_is_told(void **state)
{
    const struct script empty = {.bytes = ""};
    const struct script odd = {.bytes = "\x7f\x7f\x7f\x7f no setting"};

    start(&empty);
    expect_trouble(expect("kv get k", 1, ""), "HL-NET-04", "it is empty");
    stop(state);
    start(&odd);
    expect_trouble(expect("kv get k", 1, ""), "HL-NET-04", "setting");
    expect_trouble(expect("kv list", 1, ""), "HL-NET-04", "setting");
}

static void a_long_list_is_read_in_parts(void **state)
{
    const struct script script = {.settings = 2300};

    (void)state;
    start(&script);
    expect("kv list -o name | sort -u | wc -l", 0, "2300\n");
    expect_in(expect("kv list k/2299 -o json", 0, NULL)->out, "\"revision\": 2300,\n");
}

/* ---- watching ---- */

static void a_watch_misses_nothing_from_its_first_moment_on(void **state)
{
    const struct script script = {.settings = 3, .handovers = 3};

    (void)state;
    start(&script);
    /* Each of the first three questions ends with a change and another leader. */
    struct run *r = expect("kv watch", 1, "4 put new/3 v\n5 put new/2 v\n6 put new/1 v\n");
    expect_in(r->err, "error: that is all");
}

static void a_watch_says_changes_in_every_form(void **state)
{
    (void)state;
    start(&all_well);
    expect("kv put a 1 -q && for i in 'put b/x 2' 'put b/y 3' 'delete b/x'; do " HL_BIN_DIR
           "/hlctl kv $i -o name; done",
           0, NULL);
    expect("kv watch --after 1", 1, "2 put b/x 2\n3 put b/y 3\n4 delete b/x \n");
    expect("kv watch b/y --after 1 -o name", 1, "setting/b/y\n");
    expect("kv watch b/ --after 2 -o json", 1,
           "{\"created\":3,\"deleted\":false,\"key\":\"b/y\",\"name\":\"b/y\",\"revision\":3,"
           "\"value\":\"3\",\"version\":1}\n"
           "{\"created\":0,\"deleted\":true,\"key\":\"b/x\",\"name\":\"b/x\",\"revision\":4,"
           "\"value\":\"\",\"version\":0}\n");
    expect("kv watch --after 1 -o json | head -n 1 >/dev/null", 0,
           ""); /* a reader that goes away */
}

static void a_watch_behind_what_is_kept_ends_and_says_so(void **state)
{
    const struct script script = {.settings = 8, .since = 8};

    (void)state;
    start(&script);
    struct run *r = expect("kv watch --after 6", 1, "");
    expect_trouble(r, "HL-OBJ-01", "kv.watch");
    expect_in(r->err, "error: the changes behind that revision are no longer kept");
    expect_in(r->err, "next  hlctl kv list");
}

static void a_watch_goes_on_when_nobody_answers_for_a_while(void **state)
{
    const struct script script = {.settings = 1, .handovers = 1, .is_silent_when_it_begins = true};

    (void)state;
    start(&script);
    struct run *r = expect("kv watch --timeout 400ms", 1, "2 put new/1 v\n");
    expect_in(r->err, "going on when somebody answers\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_setting_is_put_read_listed_and_deleted, stop),
        cmocka_unit_test_teardown(a_value_comes_back_byte_for_byte_where_no_terminal_reads_it,
                                  stop),
        cmocka_unit_test_teardown(nothing_in_a_value_rewrites_a_terminal, stop),
        cmocka_unit_test_teardown(compare_and_set_is_refused_with_6_when_somebody_was_first, stop),
        cmocka_unit_test(what_cannot_be_a_setting_is_told_before_anything_is_sent),
        cmocka_unit_test_teardown(an_answer_that_is_no_setting_is_told, stop),
        cmocka_unit_test_teardown(a_long_list_is_read_in_parts, stop),
        cmocka_unit_test_teardown(a_watch_misses_nothing_from_its_first_moment_on, stop),
        cmocka_unit_test_teardown(a_watch_says_changes_in_every_form, stop),
        cmocka_unit_test_teardown(a_watch_behind_what_is_kept_ends_and_says_so, stop),
        cmocka_unit_test_teardown(a_watch_goes_on_when_nobody_answers_for_a_while, stop),
    };
    keys_init();
    return cmocka_run_group_tests_name("hlctl/online kv", tests, mesh_make, mesh_remove);
}
