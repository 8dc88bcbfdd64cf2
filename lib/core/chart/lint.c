/* Rule after rule; each says what it finds and goes on. */
#include "core/chart/lint.h"

#include "core/semver/semver.h"

struct linting {
    struct arena *a;
    const struct chart *chart;
    struct lint_messages *out;
};

static void say(struct linting *l, enum lint_severity severity, struct str path, const char *fmt,
                ...) HL_PRINTF(4, 5);

static void say(struct linting *l, enum lint_severity severity, struct str path, const char *fmt,
                ...)
{
    va_list args;

    va_start(args, fmt);
    struct lint_message m = {severity, path, arena_vprintf(l->a, fmt, args)};
    va_end(args);
    ARENA_PUSH(l->a, l->out->item, l->out->count, l->out->cap, m);
}

/* ---- Chart.yaml ---- */

static bool is_url(struct str s)
{
    return str_starts(s, STR("http://")) || str_starts(s, STR("https://")) ||
           str_starts(s, STR("oci://")) || str_starts(s, STR("git"));
}

static void lint_version(struct linting *l)
{
    struct str version = l->chart->metadata.version;
    struct semver v;
    struct err ignored;

    if (semver_parse(l->a, version, &v, &ignored) < 0)
        say(l, LINT_ERROR, STR("Chart.yaml"), "version '" STR_FMT "' is not a valid SemVer",
            STR_ARG(version));
    else if (v.major == 0 && v.minor == 0 && v.patch == 0 && v.pre.len == 0)
        say(l, LINT_ERROR, STR("Chart.yaml"),
            "version " STR_FMT " is less than or equal to 0.0.0-0", STR_ARG(version));
}

static void lint_metadata(struct linting *l)
{
    const struct chart_metadata *m = &l->chart->metadata;
    struct str file = STR("Chart.yaml");
    bool is_v2 = str_eq(m->api_version, STR("v2"));

    if (!is_v2 && !str_eq(m->api_version, STR("v1")))
        say(l, LINT_ERROR, file,
            "apiVersion '" STR_FMT "' is not valid. The value must be either \"v1\" or \"v2\"",
            STR_ARG(m->api_version));
    lint_version(l);
    for (size_t i = 0; i < m->maintainer_count; i++)
        if (m->maintainer[i].name.len == 0)
            say(l, LINT_ERROR, file, "each maintainer requires a name");
    for (size_t i = 0; i < m->source_count; i++)
        if (!is_url(m->source[i]))
            say(l, LINT_ERROR, file, "invalid source URL '" STR_FMT "'", STR_ARG(m->source[i]));
    if (m->icon.len == 0)
        say(l, LINT_INFO, file, "icon is recommended");
    if (m->type.len > 0 && !is_v2)
        say(l, LINT_ERROR, file,
            "chart type is not valid in apiVersion '" STR_FMT "'. It is valid in apiVersion 'v2'",
            STR_ARG(m->api_version));
}

/* ---- templates ---- */

static struct str extension(struct str name)
{
    for (size_t i = name.len; i > 0 && name.ptr[i - 1] != '/'; i--)
        if (name.ptr[i - 1] == '.')
            return str_sub(name, i - 1, name.len);
    return STR_NONE;
}

static void lint_file_names(struct linting *l)
{
    static const char *const valid[] = {".yaml", ".yml", ".tpl", ".txt"};

    for (size_t i = 0; i < l->chart->template_count; i++) {
        struct str name = l->chart->template[i].name;
        struct str ending = extension(name);
        bool is_valid = false;
        for (size_t k = 0; k < HL_COUNT(valid); k++)
            is_valid = is_valid || str_eq(ending, str_from(valid[k]));
        if (!is_valid)
            say(l, LINT_ERROR, name,
                "file extension '" STR_FMT
                "' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt",
                STR_ARG(ending));
    }
}

/* A name of DNS (RFC 1123), with dots between its parts. */
static bool is_object_name(struct str name)
{
    bool is_good = name.len > 0 && name.len <= 253;
    char before = '.';

    for (size_t i = 0; i <= name.len && is_good; i++) {
        char c = i < name.len ? name.ptr[i] : '.';
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == '.')
            is_good = before != '.' && before != '-';
        else
            is_good = is_alnum || (c == '-' && before != '.');
        before = c;
    }
    return is_good;
}

/* Roles and their bindings may be called "system:x". */
static void lint_object(struct linting *l, const struct manifest *m)
{
    bool is_free = str_find(m->kind, STR("Role"), 0) != SIZE_MAX ||
                   str_eq(m->kind, STR("APIService")) || str_ends(m->kind, STR("List"));

    if (m->kind.len == 0 || is_free || is_object_name(m->name))
        return;
    say(l, LINT_WARNING, m->path,
        "object name does not conform to Kubernetes naming requirements: \"" STR_FMT "\"",
        STR_ARG(m->name));
}

static void lint_templates(struct linting *l, const struct release_request *request)
{
    struct template_fault fault;
    struct release r;

    if (release_render(l->a, request, &r, &fault) < 0) {
        if (fault.has_message) /* Helm's lint lets `required` and `fail` pass, too */
            say(l, LINT_WARNING, STR("templates/"), "with these values: " STR_FMT,
                STR_ARG(fault.message));
        else
            say(l, LINT_ERROR, STR("templates/"), STR_FMT, STR_ARG(fault.text));
        return;
    }
    lint_file_names(l);
    for (size_t i = 0; i < r.object_count; i++)
        lint_object(l, &r.object[i]);
    for (size_t i = 0; i < r.hook_count; i++)
        lint_object(l, &r.hook[i]);
}

/* ---- dependencies ---- */

static bool is_declared(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->metadata.dependency_count; i++)
        if (str_eq(c->metadata.dependency[i].name, name))
            return true;
    return false;
}

static struct str effective_name(const struct chart_dependency *d)
{
    return d->alias.len > 0 ? d->alias : d->name;
}

static void lint_dependencies(struct linting *l)
{
    const struct chart *c = l->chart;
    struct str missing = chart_missing(l->a, c);

    for (size_t i = 0; i < c->subchart_count; i++)
        if (!is_declared(c, c->subchart[i]->metadata.name))
            say(l, LINT_ERROR, STR("charts/"),
                "chart metadata is missing these dependencies: " STR_FMT,
                STR_ARG(c->subchart[i]->metadata.name));
    for (size_t i = 0; i < c->metadata.dependency_count; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(effective_name(&c->metadata.dependency[i]),
                       effective_name(&c->metadata.dependency[k])))
                say(l, LINT_ERROR, STR("charts/"),
                    "multiple dependencies with name or alias: " STR_FMT,
                    STR_ARG(effective_name(&c->metadata.dependency[i])));
    if (missing.len > 0)
        say(l, LINT_WARNING, STR("charts/"),
            "chart directory is missing these dependencies: " STR_FMT, STR_ARG(missing));
}

void lint_chart(struct arena *a, const struct release_request *request, struct lint_messages *out)
{
    struct linting l = {.a = a, .chart = request->chart, .out = out};

    lint_metadata(&l);
    if (!request->chart->values)
        say(&l, LINT_INFO, STR("values.yaml"), "file does not exist");
    lint_templates(&l, request);
    lint_dependencies(&l);
}
