/* conformance FILE.json...: runs vectors, lists failures, ends with "N passed, M failed". */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/vectors.h"
#include "core/value/json.h"

enum { SHOW_MAX = 2000 };

static const struct mode *const all_modes[] = {template_modes, document_modes,   chart_modes,
                                               semver_modes,   chart_text_modes, schema_modes};

struct tally {
    size_t passed;
    size_t failed;
    size_t other_text; /* error vectors that passed with another text */
    bool is_verbose;
};

static struct str read_file(struct arena *a, const char *path)
{
    HL_CLEANUP(buf_deinit) struct buf b = {0};
    FILE *f = fopen(path, "rb");
    size_t n = 1;

    if (!f) {
        fprintf(stderr, "conformance: cannot open %s\n", path);
        exit(2);
    }
    while (n > 0) {
        n = fread(buf_reserve(&b, 1 << 16), 1, 1 << 16, f);
        buf_commit(&b, n);
    }
    fclose(f);
    return arena_dup(a, buf_str(&b));
}

static struct value *read_json(struct arena *a, const char *path)
{
    struct value *v;
    struct err err;
    char line[ERR_LINE_MAX];

    if (json_read(a, read_file(a, path), str_from(path), &v, &err) < 0) {
        fprintf(stderr, "conformance: %s\n", err_line(&err, line));
        exit(2);
    }
    return v;
}

/* The members of every _shared_*.json in the folder of `path`; the first file that has one wins. */
static struct value *read_shared(struct arena *a, const char *path)
{
    struct value *all = value_map(a);
    const char *slash = strrchr(path, '/');
    struct str folder = slash ? (struct str){path, (size_t)(slash - path)} : STR(".");
    DIR *d = opendir(arena_cstr(a, folder));

    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, "_shared_", 8) != 0)
            continue;
        struct value *v =
            read_json(a, arena_printf(a, STR_FMT "/%s", STR_ARG(folder), e->d_name).ptr);
        struct str stem = str_sub(str_from(e->d_name), 8, strlen(e->d_name) - 5);
        for (size_t i = 0; i < v->map.count; i++) {
            struct str key = v->map.member[i].key;
            value_map_set(a, all, arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(stem), STR_ARG(key)),
                          v->map.member[i].value);
            if (!value_get(all, key))
                value_map_set(a, all, key, v->map.member[i].value);
        }
    }
    if (d)
        closedir(d);
    return all;
}

struct str vector_text(const struct vector *v, const char *member)
{
    return value_get_str(v->json, member);
}

struct str vector_arg(const struct vector *v, size_t i)
{
    const struct value *args = value_get(v->json, STR("args"));

    return args && i < args->list.count ? value_str(args->list.item[i]) : STR_NONE;
}

enum datum_numbers vector_numbers(const struct vector *v)
{
    return value_get_bool(v->json, "ints", false) ? DATUM_INTEGERS : DATUM_FLOATS;
}

static vector_run run_of(struct str mode)
{
    for (size_t i = 0; i < sizeof(all_modes) / sizeof(all_modes[0]); i++) {
        for (const struct mode *m = all_modes[i]; m->name; m++) {
            if (str_eq(mode, str_from(m->name)))
                return m->run;
        }
    }
    return NULL;
}

/* The texts that scripts and people match on. */
static bool error_must_match(struct str error)
{
    return str_starts(error, STR("execution error at")) ||
           str_starts(error, STR("parse error at")) || str_starts(error, STR("values don't meet"));
}

static void show(const char *what, struct str s)
{
    printf("    %s: " STR_FMT "%s\n", what, STR_ARG(str_sub(s, 0, SHOW_MAX)),
           s.len > SHOW_MAX ? " ..." : "");
}

/* The vectors are JSON: what is no UTF-8 stands there as U+FFFD. */
static struct str as_json_text(struct arena *a, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    if (str_is_utf8(s))
        return s;
    for (size_t at = 0; at < s.len;) {
        uint32_t r;
        size_t len = str_rune(s, at, &r);
        if (len > 0)
            buf_add(&out, str_sub(s, at, at + len));
        else
            buf_add_cstr(&out, "\xef\xbf\xbd");
        at += len > 0 ? len : 1;
    }
    return arena_dup(a, buf_str(&out));
}

static void judge(struct tally *t, struct arena *a, const struct vector *v, struct outcome *got,
                  int rc)
{
    const struct value *error = value_get(v->json, STR("error"));
    struct str expected = value_str(error ? error : value_get(v->json, STR("expected")));
    bool is_same;

    if (error) {
        bool is_equal = str_eq(got->error, expected);
        is_same = rc < 0 && (is_equal || !error_must_match(expected));
        if (is_same && !is_equal) {
            t->other_text++;
            if (t->is_verbose) {
                printf("text " STR_FMT "\n", STR_ARG(v->name));
                show("expected", expected);
                show("got     ", got->error);
            }
        }
    } else {
        got->out = as_json_text(a, got->out);
        is_same = rc >= 0 && str_eq(got->out, expected);
    }
    if (is_same) {
        t->passed++;
        return;
    }
    t->failed++;
    printf("FAIL " STR_FMT " (" STR_FMT ")\n", STR_ARG(v->name), STR_ARG(v->mode));
    if (value_get(v->json, STR("template")))
        show("template", vector_text(v, "template"));
    show(error ? "expected error" : "expected", expected);
    show(rc < 0 ? "got error" : "got", rc < 0 ? got->error : got->out);
}

static void run_vector(struct tally *t, const struct value *json, const struct value *shared,
                       struct str stem)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct vector v = {.name = value_get_str(json, "name"),
                       .mode = value_get_str(json, "mode"),
                       .json = json,
                       .data = value_get(json, STR("data"))};
    struct outcome got = {0};
    struct str ref = value_get_str(json, "data_ref");
    vector_run run = run_of(v.mode);

    (void)stem;
    v.has_data = v.data != NULL;
    if (ref.len > 0)
        v.data = value_get(shared, ref);
    if (!run) {
        got.error = STR("unknown mode");
        judge(t, a, &v, &got, 0);
        return;
    }
    int rc = run(a, &v, &got);
    judge(t, a, &v, &got, rc);
}

static void run_file(struct tally *t, const char *path)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct value *list = read_json(a, path);
    const struct value *shared = read_shared(a, path);

    for (size_t i = 0; i < list->list.count; i++)
        run_vector(t, list->list.item[i], shared, str_from(path));
}

int main(int argc, char **argv)
{
    struct tally t = {0};
    int first = 1;

    if (argc > 1 && strcmp(argv[1], "-v") == 0) {
        t.is_verbose = true;
        first = 2;
    }
    if (first >= argc) {
        fprintf(stderr, "conformance [-v] FILE.json...\n");
        return 2;
    }
    for (int i = first; i < argc; i++)
        run_file(&t, argv[i]);
    printf("%zu error texts differ where they may\n", t.other_text);
    printf("%zu passed, %zu failed\n", t.passed, t.failed);
    return t.failed > 0;
}
