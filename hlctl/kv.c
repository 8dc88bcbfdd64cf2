/*
 * Settings: the mesh's small key-value space. Values are bytes. What is no plain text (safe.h) is
 * base64 in documents, escaped on a terminal, and exactly what it is where no terminal reads it.
 *
 * A watch asks for what came behind a revision, again and again. It begins with a read, so that it
 * has a revision before anything can go wrong: "from now on" is another moment for each coordinator
 * that is asked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "core/state/setting.h"
#include "hlctl/app.h"
#include "hlctl/input.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum { SHOWN_BYTES = 60, WATCH_WAIT_MS = 1000, LIST_LIMIT = 1000 };

/* ---- values ---- */

static struct value *setting_value(struct arena *a, const struct setting *s)
{
    struct value *v = value_map(a);
    struct str key = safe_utf8(a, arena_dup(a, s->key));

    value_map_set_str(a, v, "key", key);
    value_map_set_str(a, v, "name", key);
    if (safe_is_text(s->value))
        value_map_set_str(a, v, "value", arena_dup(a, s->value));
    else
        value_map_set_str(a, v, "value_base64", base64_encode(a, s->value));
    value_map_set_int(a, v, "created", (int64_t)s->created);
    value_map_set_int(a, v, "revision", (int64_t)s->revision);
    value_map_set_int(a, v, "version", (int64_t)s->version);
    return v;
}

/* For one line of a table, which escapes it. */
static struct str shown(struct arena *a, struct str text)
{
    size_t line = str_find(text, STR("\n"), 0);
    size_t len = line < text.len ? line : text.len;

    if (len <= SHOWN_BYTES && len == text.len)
        return text;
    while (len > SHOWN_BYTES || (len > 0 && len < text.len && (text.ptr[len] & 0xc0) == 0x80))
        len--;
    return arena_concat(a, str_sub(text, 0, len), STR("…")); /* there may be a NUL in it */
}

static int not_a_setting(struct trouble *t, const struct err *err)
{
    trouble_set(t, "HL-NET-04", "the answer is no list of settings");
    return trouble_err(t, err);
}

/* Who has a key wrong wants to see those there are. */
static int show_keys(int rc, struct trouble *t)
{
    return trouble_is(t, "HL-OBJ-01") ? trouble_next(t, "hlctl kv list shows the keys there are")
                                      : rc;
}

/* ---- writing ---- */

static int read_value(struct hlctl *h, struct str *out, struct trouble *t)
{
    struct str path = flag_text(h->in, "value-file");
    struct err err;

    if ((path.len > 0) == (invocation_arg_count(h->in) > 1)) {
        trouble_set(t, "HL-USE-03", "a setting needs one value");
        trouble_why(t, path.len > 0 ? "two are given" : "none is given");
        return trouble_next(t, "give it behind the key, or with --value-file FILE");
    }
    if (path.len == 0) {
        *out = invocation_arg(h->in, 1);
        return 0;
    }
    int rc = input_read(h->arena, path, SETTING_VALUE_MAX, out, &err);
    if (rc == 0)
        return 0;
    if (rc == HL_ELIMIT)
        trouble_set(t, "HL-USE-03", "that cannot be a setting");
    else
        trouble_set(t, "HL-FILE-02", "cannot read the value");
    return trouble_err(t, &err);
}

static int key_too_long(struct trouble *t, size_t len)
{
    trouble_set(t, "HL-USE-03", "a key of %zu bytes: %d at most", len, SETTING_KEY_MAX);
    trouble_why(t, "keys are names; what is long belongs into the value");
    return trouble_next(t, "choose a shorter key");
}

static int change(struct hlctl *h, const char *method, const struct setting_change *what,
                  const char *done, struct trouble *t)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct setting_change check;
    struct answer answer;
    struct err err;

    if (what->key.len > SETTING_KEY_MAX)
        return key_too_long(t, what->key.len);
    setting_change_encode(&bytes, what);
    if (setting_change_decode(buf_str(&bytes), &check, &err) < 0) {
        trouble_set(t, "HL-USE-03", "that cannot be a setting");
        return trouble_err(t, &err);
    }
    int rc = client_ask(
        h,
        &(struct question){
            .kind = CALL_CHANGE, .method = method, .body = buf_str(&bytes), .is_bytes = true},
        &answer, t);
    if (rc != 0)
        return rc;
    struct value *body = value_map(h->arena);
    value_map_set_str(h->arena, body, "key", what->key);
    value_map_set_int(h->arena, body, "revision", (int64_t)answer.revision);
    answer.body = body;
    output_done(
        h, &answer, "SettingChange", "setting", what->key,
        arena_printf(h->arena, "%s at revision %llu", done, (unsigned long long)answer.revision)
            .ptr);
    return EXIT_DONE;
}

int kv_put_run(struct hlctl *h, struct trouble *t)
{
    struct setting_change what = {.key = invocation_arg(h->in, 0)};
    int rc = read_value(h, &what.value, t);

    return rc != 0 ? rc : change(h, "kv.put", &what, "put", t);
}

/* "0" is a revision, too: that of a setting that is not there. */
static int read_expected(struct hlctl *h, struct setting_change *what, struct trouble *t)
{
    struct str text = flag_text(h->in, "revision");

    what->has_expected = text.len > 0;
    if (text.len == 0 || str_to_u64(text, &what->expected))
        return 0;
    trouble_set(t, "HL-USE-02", "--revision cannot be \"" STR_FMT "\"", STR_ARG(text));
    trouble_why(t, "it is a whole number");
    return trouble_next(t, "take it from `kv get KEY -o json`; 0 is that of a new setting");
}

int kv_cas_run(struct hlctl *h, struct trouble *t)
{
    struct setting_change what = {.key = invocation_arg(h->in, 0)};
    int rc = read_value(h, &what.value, t);

    if (rc == 0)
        rc = read_expected(h, &what, t);
    if (rc == 0 && !what.has_expected) {
        trouble_set(t, "HL-USE-03", "compare with what?");
        trouble_why(t, "kv cas needs --revision");
        return trouble_next(t, "--revision N as `kv get KEY -o json` shows it, or 0 for a new one");
    }
    return rc != 0 ? rc : change(h, "kv.put", &what, "put", t);
}

int kv_delete_run(struct hlctl *h, struct trouble *t)
{
    struct setting_change what = {.key = invocation_arg(h->in, 0)};
    int rc = read_expected(h, &what, t);

    return rc != 0 ? rc : change(h, "kv.delete", &what, "deleted", t);
}

/* ---- reading ---- */

static int ask(struct hlctl *h, const char *method, const struct value *body, struct answer *answer,
               struct trouble *t)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    value_canonical(&text, body);
    return client_ask(
        h,
        &(struct question){
            .kind = CALL_READ, .method = method, .body = buf_str(&text), .is_bytes = true},
        answer, t);
}

static void show_value(struct hlctl *h, struct str value)
{
    if (!h->style.is_terminal) {
        buf_add(&h->out, value);
        return;
    }
    struct str text = safe_lines(h->arena, value);
    if (!str_eq(text, value))
        hlctl_remark(h, "not a plain text; shown escaped");
    buf_add(&h->out, text);
    if (!str_ends(text, STR("\n")))
        buf_add_byte(&h->out, '\n');
}

int kv_get_run(struct hlctl *h, struct trouble *t)
{
    struct value *body = value_map(h->arena);
    struct answer answer;
    struct setting s;
    struct err err;

    value_map_set_str(h->arena, body, "key", invocation_arg(h->in, 0));
    int rc = ask(h, "kv.get", body, &answer, t);
    if (rc != 0)
        return show_keys(rc, t);
    struct str rest = answer.bytes;
    int r = setting_list_take(&rest, &s, &err);
    if (r == KV_ABSENT)
        r = err_set(&err, HL_EINVAL, "it is empty");
    if (r < 0)
        return not_a_setting(t, &err);
    if (hlctl_is_document(h)) {
        output_document(h, &answer, "Setting", setting_value(h->arena, &s));
    } else if (h->format == FORMAT_NAME) {
        buf_printf(&h->out, "setting/" STR_FMT "\n", STR_ARG(safe_text(h->arena, s.key)));
    } else {
        show_value(h, s.value);
    }
    return EXIT_DONE;
}

static const struct column columns[] = {
    {"KEY", "key", CELL_TEXT, false},         {"REVISION", "revision", CELL_TEXT, false},
    {"VERSION", "version", CELL_TEXT, false}, {"CREATED", "created", CELL_TEXT, true},
    {"VALUE", "shown", CELL_TEXT, false},
};

static struct str optional_prefix(const struct hlctl *h)
{
    return invocation_arg_count(h->in) > 0 ? invocation_arg(h->in, 0) : STR_NONE;
}

/* One page; *after is moved, and emptied behind the last one. */
static int read_page(struct hlctl *h, struct str *after, struct value *items, struct answer *answer,
                     struct trouble *t)
{
    struct value *body = value_map(h->arena);
    struct setting s;
    struct err err;
    int r;

    value_map_set_str(h->arena, body, "prefix", optional_prefix(h));
    value_map_set_str(h->arena, body, "after", *after);
    value_map_set_int(h->arena, body, "limit", LIST_LIMIT);
    int rc = ask(h, "kv.list", body, answer, t);
    if (rc != 0)
        return rc;
    *after = STR_NONE;
    for (struct str rest = answer->bytes; (r = setting_list_take(&rest, &s, &err)) == KV_FOUND;) {
        struct value *v = setting_value(h->arena, &s);

        if (!hlctl_is_document(h))
            value_map_set_str(h->arena, v, "shown", shown(h->arena, s.value));
        value_list_add(h->arena, items, v);
        *after = s.key;
    }
    return r < 0 ? not_a_setting(t, &err) : 0;
}

int kv_list_run(struct hlctl *h, struct trouble *t)
{
    struct value *items = value_list(h->arena);
    struct str after = STR_NONE;
    struct answer answer;
    int rc;

    do
        rc = read_page(h, &after, items, &answer, t);
    while (rc == 0 && after.len > 0);
    if (rc != 0)
        return rc;
    answer.body = value_map(h->arena);
    value_map_set(h->arena, answer.body, STR("items"), items);
    output_list(h, &answer, "SettingList", "setting", items, columns, HL_COUNT(columns));
    return EXIT_DONE;
}

/* ---- watching ---- */

static void print_change(struct hlctl *h, const struct setting *s)
{
    if (hlctl_is_document(h)) {
        struct value *v = setting_value(h->arena, s);

        value_map_set_bool(h->arena, v, "deleted", s->version == 0);
        output_stream(h, v);
        return;
    }
    if (h->format == FORMAT_NAME) {
        buf_printf(&h->out, "setting/" STR_FMT "\n", STR_ARG(safe_text(h->arena, s->key)));
        return;
    }
    buf_printf(&h->out, "%llu %s " STR_FMT " " STR_FMT "\n", (unsigned long long)s->revision,
               s->version == 0 ? "delete" : "put", STR_ARG(safe_text(h->arena, s->key)),
               STR_ARG(safe_text(h->arena, shown(h->arena, s->value))));
}

struct watch {
    struct hlctl *h;
    uint64_t after; /* everything up to this revision was printed, or was there before; 0: not known
                       yet */
    bool is_away;   /* nobody answers, and that was said */
};

/* One setting at most is asked for: what counts is the revision that everybody had seen by now. */
static int begin_now(struct watch *w, struct trouble *t)
{
    struct value *body = value_map(w->h->arena);
    struct answer answer;

    value_map_set_str(w->h->arena, body, "prefix", optional_prefix(w->h));
    value_map_set_int(w->h->arena, body, "limit", 1);
    int rc = ask(w->h, "kv.list", body, &answer, t);
    if (rc == 0)
        w->after = answer.revision;
    return rc;
}

static int watch_once(struct watch *w, struct trouble *t)
{
    struct value *body = value_map(w->h->arena);
    struct answer answer;
    struct setting s;
    struct err err;
    int r;

    value_map_set_str(w->h->arena, body, "prefix", optional_prefix(w->h));
    value_map_set_int(w->h->arena, body, "after", (int64_t)w->after);
    value_map_set_int(w->h->arena, body, "wait_ms", WATCH_WAIT_MS);
    int rc = ask(w->h, "kv.watch", body, &answer, t);
    if (rc != 0 && trouble_is(t, "HL-OBJ-01"))
        return trouble_next(t, "hlctl kv list shows what is there now; then watch again");
    if (rc != 0)
        return rc;
    for (struct str rest = answer.bytes; (r = setting_list_take(&rest, &s, &err)) == KV_FOUND;)
        print_change(w->h, &s);
    if (answer.revision > w->after) /* a new leader may know less for a moment */
        w->after = answer.revision;
    return r < 0 ? not_a_setting(t, &err) : 0;
}

/* 0 if it is no reason to end; that is said once. */
static int bear(struct watch *w, int rc, struct trouble *t)
{
    if (rc != EXIT_UNREACHABLE && rc != EXIT_TIMED_OUT)
        return rc;
    if (!w->is_away)
        hlctl_remark(w->h, "%s; going on when somebody answers", t->what);
    w->is_away = true;
    *t = (struct trouble){0};
    return 0;
}

/* Until somebody ends it, or the changes in between are no longer kept. */
int kv_watch_run(struct hlctl *h, struct trouble *t)
{
    HL_CLEANUP(arena_freep) struct arena *round = arena_new();
    struct watch w = {.h = h, .after = (uint64_t)flag_number(h->in, "after", 0)};

    if (!client_roster(h, t)) /* what the client keeps must stay */
        return t->page->exit;
    h->arena = round; /* the process ends in here */
    for (;;) {
        arena_reset(round);
        client_restart_clock(h);
        int rc = w.after == 0 ? begin_now(&w, t) : watch_once(&w, t);
        if (rc == 0)
            w.is_away = false;
        else
            rc = bear(&w, rc, t);
        if (rc != 0)
            return rc;
        if (hlctl_flush(h))
            continue;
        if (errno == EPIPE)
            return EXIT_DONE;
        trouble_set(t, "HL-FILE-02", "cannot write to stdout");
        return trouble_why(t, "%s", strerror(errno));
    }
}
