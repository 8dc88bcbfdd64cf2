/* Modes glob, helmignore, set, setstring, setjson and setliteral: the small languages of charts. */
#include "conformance/vectors.h"
#include "core/chart/glob.h"
#include "core/chart/ignore.h"
#include "core/chart/setvalues.h"
#include "core/value/json.h"

static int fail(struct arena *a, const struct err *err, struct outcome *out)
{
    out->error = arena_dup(a, str_from(err->text));
    return err->code;
}

static int run_glob(struct arena *a, const struct vector *v, struct outcome *out)
{
    const struct chart_glob *g;
    bool is_match;
    struct err err;

    if (chart_glob_parse(a, vector_arg(v, 0), &g, &err) < 0 ||
        chart_glob_match(g, vector_arg(v, 1), &is_match, &err) < 0)
        return fail(a, &err, out);
    out->out = is_match ? STR("true") : STR("false");
    return 0;
}

static int run_ignore(struct arena *a, const struct vector *v, struct outcome *out)
{
    const struct ignore_rules *rules;
    struct err err;

    if (ignore_parse(a, vector_text(v, "template"), &rules, &err) < 0)
        return fail(a, &err, out);
    bool is_dir = str_eq(vector_arg(v, 1), STR("d"));
    out->out = ignore_has(rules, vector_arg(v, 0), is_dir) ? STR("true") : STR("false");
    return 0;
}

static int run_setvalues(struct arena *a, const struct vector *v, enum setvalues_kind kind,
                         struct outcome *out)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct value *set = value_get(v->json, STR("set"));
    struct datum_map *map = datum_map_new(a);
    struct value *plain = NULL;
    struct err err;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < set->list.count; i++)
        rc = setvalues_apply(a, kind, value_str(set->list.item[i]), NULL, map, &err);
    if (rc == 0)
        rc = datum_to_value(a, datum_of_map(map), &plain, &err);
    if (rc < 0)
        return fail(a, &err, out);
    json_write(&text, plain, JSON_COMPACT);
    out->out = arena_dup(a, buf_str(&text));
    return 0;
}

static int run_set(struct arena *a, const struct vector *v, struct outcome *out)
{
    return run_setvalues(a, v, SETVALUES_TYPED, out);
}

static int run_setstring(struct arena *a, const struct vector *v, struct outcome *out)
{
    return run_setvalues(a, v, SETVALUES_STRING, out);
}

static int run_setjson(struct arena *a, const struct vector *v, struct outcome *out)
{
    return run_setvalues(a, v, SETVALUES_JSON, out);
}

static int run_setliteral(struct arena *a, const struct vector *v, struct outcome *out)
{
    return run_setvalues(a, v, SETVALUES_LITERAL, out);
}

const struct mode chart_text_modes[] = {{"glob", run_glob},
                                        {"helmignore", run_ignore},
                                        {"set", run_set},
                                        {"setstring", run_setstring},
                                        {"setjson", run_setjson},
                                        {"setliteral", run_setliteral},
                                        {NULL, NULL}};
