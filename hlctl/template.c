/* `hlctl template`: what `helm template` prints, after cmd/helm/template.go. */
#include <string.h>
#include <sys/stat.h>

#include "core/chart/ignore.h"
#include "hlctl/chart_input.h"
#include "hlctl/run.h"

enum { FAULT_HEAD = 700, FAULT_TAIL = 1300 };

/* Templates that call one another a thousand times say so a thousand times. */
static struct str shortened(struct arena *a, struct str text)
{
    if (text.len <= FAULT_HEAD + FAULT_TAIL)
        return text;
    return arena_printf(a, STR_FMT "\n... %zu bytes ...\n" STR_FMT,
                        STR_ARG(str_sub(text, 0, FAULT_HEAD)), text.len - FAULT_HEAD - FAULT_TAIL,
                        STR_ARG(str_sub(text, text.len - FAULT_TAIL, text.len)));
}

static int bad_render(struct hlctl *h, struct trouble *t, const struct template_fault *fault,
                      const char *chart)
{
    trouble_set(t, "HL-CHART-03", "cannot render %s", chart);
    t->at.line = 0; /* Helm's text names the place in its own way */
    return trouble_why(t, STR_FMT, STR_ARG(shortened(h->arena, fault->text)));
}

/* ---- what hlctl leaves to hlctl-mesh ---- */

/* Keys, certificates and ciphers; it is found out when a template calls for them. */
static bool needs_mesh(struct hlctl *h, int code)
{
    h->needs_mesh = code == HL_EUNSUPPORTED && !hlctl_crypto;
    return h->needs_mesh;
}

static bool is_pipe(struct hlctl *h, struct str path)
{
    struct stat st;

    if (str_eq(path, STR("-")))
        return true;
    return stat(arena_cstr(h->arena, path), &st) == 0 && !S_ISREG(st.st_mode) &&
           !S_ISDIR(st.st_mode);
}

/* Whether hlctl-mesh would not find again what this program has read. */
static bool reads_pipes(struct hlctl *h)
{
    struct str *path;
    size_t count = flag_list(h->in, "values", &path);

    for (size_t i = 0; i < count; i++) {
        if (is_pipe(h, path[i]))
            return true;
    }
    if (is_pipe(h, invocation_arg(h->in, invocation_arg_count(h->in) - 1))) /* the chart */
        return true;
    return flag_list(h->in, "set-file", &path) > 0; /* somewhere within its language */
}

/* ---- the name of the release ---- */

static int name_by_template(struct hlctl *h, struct str text, struct str *out, struct trouble *t)
{
    HL_CLEANUP(buf_deinit) struct buf name = {0};
    struct template_world world = chart_input_world();
    struct template_set *set = template_set_new(h->arena, NULL);
    struct template_tree *tree;
    struct template_fault fault;
    struct str of = STR("name-template");

    int rc = template_parse(h->arena, of, text, TEMPLATE_SPRIG, &tree, &fault);
    if (rc == 0) {
        template_set_add(set, tree);
        struct template_run *run =
            template_run_new(h->arena, &template_limits_default, TEMPLATE_MISSING_INVALID, &world);
        rc = template_execute(run, set, of, datum_nil(), &name, &fault);
    }
    *out = arena_dup(h->arena, buf_str(&name));
    if (needs_mesh(h, rc))
        return rc;
    return rc < 0 ? bad_render(h, t, &fault, "the name") : 0;
}

/* NameAndChart */
static int name_and_chart(struct hlctl *h, struct str *name, struct str *chart, struct trouble *t)
{
    struct str text = flag_text(h->in, "name-template");
    size_t count = invocation_arg_count(h->in);

    *chart = invocation_arg(h->in, count - 1);
    *name = count == 2 ? invocation_arg(h->in, 0) : STR("release-name");
    if (text.len == 0)
        return 0;
    if (count == 2) {
        trouble_set(t, "HL-USE-03", "cannot set --name-template and also specify a name");
        return trouble_next(t, "leave one of them out");
    }
    return name_by_template(h, text, name, t);
}

/* ---- --show-only ---- */

/* The path behind "# Source: CHART/" in a document; empty if there is none. */
static struct str source_of(struct str document)
{
    struct str mark = STR("# Source: ");

    for (size_t at = str_find(document, mark, 0); at != SIZE_MAX;
         at = str_find(document, mark, at + 1)) {
        struct str rest = str_sub(document, at + mark.len, document.len);
        struct str chart = str_cut(&rest, '/');
        struct str path = str_cut(&rest, '\n');
        if (chart.len > 0 && path.len > 0)
            return path;
    }
    return STR_NONE;
}

/* Prints the documents of `text` that stand in files of this pattern; how many. */
static size_t show(struct buf *out, const struct str *document, size_t count, struct str pattern)
{
    size_t shown = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_match = false;
        struct str path = source_of(document[i]);
        struct err ignored;
        if (path.len == 0 || ignore_match(pattern, path, &is_match, &ignored) < 0 || !is_match)
            continue;
        buf_printf(out, "---\n" STR_FMT "\n", STR_ARG(document[i]));
        shown++;
    }
    return shown;
}

static int show_only(struct hlctl *h, struct str text, struct trouble *t)
{
    struct str *pattern;
    size_t pattern_count = flag_list(h->in, "show-only", &pattern);
    size_t count;
    struct str *document = manifest_split(h->arena, text, &count);

    for (size_t i = 0; i < pattern_count; i++) {
        if (show(&h->out, document, count, pattern[i]) > 0)
            continue;
        buf_reset(&h->out);
        trouble_set(t, "HL-CHART-03", "could not find template " STR_FMT " in chart",
                    STR_ARG(pattern[i]));
        return trouble_next(t, "name it by its path in the chart: templates/deployment.yaml");
    }
    return 0;
}

/* ---- the command ---- */

static int render(struct hlctl *h, const struct chart *c, struct str name,
                  const struct datum_map *values, struct release *out, struct trouble *t)
{
    struct str namespace = flag_text(h->in, "namespace");
    struct template_world world = chart_input_world();
    struct chart_capabilities capabilities;
    struct template_fault fault;

    int rc = chart_input_capabilities(h, &capabilities, t);
    if (rc != 0)
        return rc;
    const struct release_request request = {
        .chart = c,
        .values = values,
        .release = {.name = name,
                    .namespace = namespace.len > 0 ? namespace : STR("default"),
                    .revision = 1,
                    .is_upgrade = flag_is_set(h->in, "is-upgrade")},
        .capabilities = &capabilities,
        .world = &world,
        .limits = &template_limits_default,
        .skips_schema = flag_is_set(h->in, "skip-schema-validation")};
    rc = release_render(h->arena, &request, out, &fault);
    if (needs_mesh(h, rc))
        return rc;
    if (c->metadata.is_deprecated)
        hlctl_remark(h, "WARNING: This chart is deprecated");
    for (size_t i = 0; i < out->warnings.count; i++)
        hlctl_remark(h, STR_FMT, STR_ARG(out->warnings.text[i]));
    return rc < 0 ? bad_render(h, t, &fault, c->metadata.name.ptr) : 0;
}

static int check(struct hlctl *h, const struct chart *c, struct str name, struct trouble *t)
{
    struct err err;

    if (release_chart_check(h->arena, c, &err) == 0 && release_name_check(name, &err) == 0)
        return 0;
    trouble_set(t, "HL-CHART-01", "cannot make a release of " STR_FMT, STR_ARG(c->metadata.name));
    return trouble_err(t, &err);
}

static void print(struct hlctl *h, const struct release *r, struct buf *out)
{
    unsigned parts = 0;

    if (flag_is_set(h->in, "include-crds"))
        parts |= RELEASE_CRDS;
    if (!flag_is_set(h->in, "no-hooks"))
        parts |= RELEASE_HOOKS;
    if (!flag_is_set(h->in, "skip-tests"))
        parts |= RELEASE_TESTS;
    release_write(out, r, parts);
}

int chart_template_run(struct hlctl *h, struct trouble *t)
{
    struct datum_map *values;
    struct release release;
    struct str place;
    struct str *ignored;
    struct chart *c;
    struct str name;

    if (reads_pipes(h) && needs_mesh(h, HL_EUNSUPPORTED))
        return HL_EUNSUPPORTED;
    int rc = name_and_chart(h, &name, &place, t);
    if (rc == 0)
        rc = chart_input_values(h, &values, t);
    if (rc == 0)
        rc = chart_input_load(h, place, &c, t);
    if (rc == 0)
        rc = check(h, c, name, t);
    if (rc != 0)
        return rc;
    rc = render(h, c, name, values, &release, t);
    if (rc != 0)
        return rc;
    if (flag_list(h->in, "show-only", &ignored) == 0) {
        print(h, &release, &h->out);
        return 0;
    }
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    print(h, &release, &text);
    return show_only(h, buf_str(&text), t);
}
