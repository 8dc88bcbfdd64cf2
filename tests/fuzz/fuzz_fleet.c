/*
 * A hostile commit may fail its own compile and nothing else. The input is a fleet: lines of the
 * form "=== path" start files ("=>> path" a symbolic link). What compiles must compile to the same
 * plan again, and every bundle must open and render to the number of objects that the plan says.
 */
#include "core/desired/desired.h"
#include "core/desired/objects.h"

/* Every chart is there, but for one. */
static int fuzz_resolve(void *context, struct str repository, struct str name, struct str range,
                        struct arena *a, struct chart_pin *out, struct err *err)
{
    (void)context;
    if (range.len == 0)
        return err_set(err, HL_EABSENT, "no version");
    *out = (struct chart_pin){arena_dup(a, repository), arena_dup(a, name), arena_dup(a, range),
                              sha256_of(name)};
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_FILES_MAX = 64 };

struct fuzz_file {
    struct str path;
    struct str text;
    bool is_link;
};

struct fuzz_fleet {
    struct fuzz_file file[FUZZ_FILES_MAX];
    size_t count;
};

static int fuzz_read(void *context, struct str path, struct arena *a, struct str *out,
                     struct err *err)
{
    const struct fuzz_fleet *f = context;
    for (size_t i = 0; i < f->count; i++) {
        if (!str_eq(f->file[i].path, path))
            continue;
        if (f->file[i].is_link)
            return err_set(err, HL_EDENIED, "a symbolic link");
        *out = arena_dup(a, f->file[i].text);
        return SOURCE_FOUND;
    }
    return SOURCE_ABSENT;
}

static int fuzz_list(void *context, struct str path, struct arena *a, struct source_entry **out,
                     size_t *out_count, struct err *err)
{
    const struct fuzz_fleet *f = context;
    struct source_entry *entry = arena_array(a, struct source_entry, f->count);
    size_t count = 0;

    (void)err;
    for (size_t i = 0; i < f->count; i++) {
        struct str rest = f->file[i].path;
        if (path.len > 0 &&
            (!str_starts(rest, path) || rest.len <= path.len + 1 || rest.ptr[path.len] != '/'))
            continue;
        rest = path.len > 0 ? str_sub(rest, path.len + 1, rest.len) : rest;
        struct source_entry e = {.name = str_cut(&rest, '/')};
        e.kind = rest.len > 0 ? SOURCE_FOLDER : f->file[i].is_link ? SOURCE_LINK : SOURCE_FILE;
        e.size_bytes = f->file[i].text.len;
        bool is_there = e.name.len == 0;
        for (size_t k = 0; k < count; k++)
            is_there = is_there || str_eq(entry[k].name, e.name);
        if (!is_there)
            entry[count++] = e;
    }
    *out = entry;
    *out_count = count;
    return count > 0 ? SOURCE_FOUND : SOURCE_ABSENT;
}

static void split(struct str text, struct fuzz_fleet *f)
{
    while (text.len > 0) {
        const char *start = text.ptr;
        struct str line = str_cut(&text, '\n');
        bool is_link = str_starts(line, STR("=>> "));
        if (is_link || str_starts(line, STR("=== "))) {
            if (f->count == FUZZ_FILES_MAX)
                return;
            f->file[f->count++] =
                (struct fuzz_file){str_sub(line, 4, line.len), {text.ptr, 0}, is_link};
        } else if (f->count > 0) {
            struct fuzz_file *last = &f->file[f->count - 1];
            last->text.len = (size_t)(start - last->text.ptr) + line.len;
        }
    }
}

static void check_apps(struct arena *a, const struct desired_plan *plan)
{
    for (size_t i = 0; i < plan->app_count; i++) {
        struct object *object;
        struct bundle bundle;
        size_t count;
        size_t implied_count = 0;
        struct err err;
        if (plan->app[i].status != DESIRED_APPLICABLE)
            continue;
        HL_ASSERT(bundle_open(a, plan->app[i].bundle, &bundle, &err) == 0);
        if (bundle.chart_count > 0)
            continue; /* charts are fuzzed on their own */
        int rc = objects_render(a, &bundle, NULL, &object, &count, &err);
        HL_ASSERT(rc == 0 || rc == HL_ELIMIT); /* only the size of an object is judged later */
        for (size_t k = 0; rc == 0 && k < count; k++)
            implied_count += object[k].implied ? 1 : 0;
        HL_ASSERT(rc != 0 || count - implied_count == plan->app[i].object_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct fuzz_fleet *fleet = arena_one(a, struct fuzz_fleet);
    const struct source source = {fleet, fuzz_read, fuzz_list};
    const struct chart_source charts = {NULL, fuzz_resolve};
    const struct desired_input input = {.commit = STR("c"), .charts = &charts};
    struct desired_plan plan;
    struct desired_plan again;
    struct err err;

    split((struct str){(const char *)data, size}, fleet);
    HL_ASSERT(desired_compile(&source, &input, a, &plan, &err) == 0);
    HL_ASSERT(desired_compile(&source, &input, a, &again, &err) == 0);
    HL_ASSERT(value_eq(desired_plan_value(a, &plan), desired_plan_value(a, &again)));
    check_apps(a, &plan);
    return 0;
}
