/* Helm's functions, after its engine/funcs.go and engine.go. */
#include <string.h>

#include "core/template/toml.h"
#include "core/template/json_go.h"
#include "core/gostd/literal.h"
#include "core/template/run.h"
#include "core/template/yaml_pretty.h"
#include "core/value/yaml.h"

enum { TOML_BYTES_MAX = 16 << 20, TOML_GROWTH = 16 /* bytes that reading one takes at most */ };

static const struct str no_value = {"<no value>", 10};

/* ---- include and tpl ---- */

/* The count of this name's includes that are not finished. */
static struct active_name *active_of(struct template_run *run, struct str name)
{
    for (size_t i = run->active_count; i-- > 0;) {
        if (str_eq(run->active[i].name, name))
            return &run->active[i];
    }
    struct active_name fresh = {name, 0};
    ARENA_PUSH(run->a, run->active, run->active_count, run->active_cap, fresh);
    return &run->active[run->active_count - 1];
}

/* Executes the body into a string of its own: behind what the run has written so far, and cut off
 * again. */
static int run_apart(struct call *c, const struct template_set *set, const struct body *body,
                     struct datum data, struct str *out)
{
    struct template_run *run = c->run;
    size_t mark = run->out->len;
    struct template_fault fault = {0};

    if (data.type == DATUM_NIL)
        data = (struct datum){0};
    int rc = run_body(run, set, body, data, &fault);
    struct str text = str_sub(buf_str(run->out), mark, run->out->len);
    if (rc < 0) {
        c->error = fault.text;
        c->has_message = fault.has_message;
        c->message = fault.message;
    } else {
        *out = arena_dup(run->a, text);
    }
    run->out->len = mark;
    return rc;
}

static struct str quoted(struct call *c, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    literal_quote(&text, s, false);
    return arena_dup(c->a, buf_str(&text));
}

static int call_include(struct call *c)
{
    struct str name = call_str(c, 0);
    struct active_name *active = active_of(c->run, name);
    const struct body *body = template_set_find(c->set, name);
    struct str text;

    if (active->count > TEMPLATE_INCLUDE_MAX)
        return call_fail(c,
                         "rendering template has a nested reference name: " STR_FMT
                         ": unable to execute template",
                         STR_ARG(name));
    if (!body)
        return call_fail(c, "template: no template " STR_FMT " associated with template \"gotpl\"",
                         STR_ARG(quoted(c, name)));
    size_t at = (size_t)(active - c->run->active);
    active->count++;
    int rc = run_apart(c, c->set, body, c->arg[1], &text);
    c->run->active[at].count--;
    return rc < 0 ? rc : call_return_str(c, text);
}

static struct str without_no_value(struct call *c, struct str s)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    size_t found = str_find(s, no_value, 0);
    size_t at = 0;

    if (found == SIZE_MAX)
        return s;
    for (; found != SIZE_MAX; found = str_find(s, no_value, at)) {
        buf_add(&out, str_sub(s, at, found));
        at = found + no_value.len;
    }
    buf_add(&out, str_sub(s, at, s.len));
    return arena_dup(c->a, buf_str(&out));
}

/* The text as a tree; parsed once a run. */
static int parse_tpl(struct call *c, struct str text, const struct template_tree **out)
{
    struct template_run *run = c->run;
    struct template_fault fault;
    struct template_tree *tree;

    if (!run->parsed)
        run->parsed = template_set_new(run->a, NULL);
    const struct body *known = template_set_find(run->parsed, text);
    if (known) {
        *out = known->tree;
        return 0;
    }
    int rc = call_room(c, text.len * 8);
    if (rc < 0)
        return rc;
    rc = template_parse(run->a, STR("gotpl"), text, TEMPLATE_HELM, &tree, &fault);
    if (rc < 0) {
        (void)!call_fail(c, "cannot parse template " STR_FMT ": " STR_FMT, STR_ARG(quoted(c, text)),
                         STR_ARG(fault.text));
        return rc;
    }
    struct body *entry = arena_one(run->a, struct body);
    *entry = (struct body){.name = text, .tree = tree};
    template_set_put(run->parsed, entry);
    *out = tree;
    return 0;
}

static int call_tpl(struct call *c)
{
    struct str text = call_str(c, 0);
    const struct template_tree *tree;
    struct str result;

    if (str_find(text, STR("{{"), 0) == SIZE_MAX)
        return call_return_str(c, without_no_value(c, text));
    int rc = parse_tpl(c, text, &tree);
    if (rc < 0)
        return rc;
    const struct template_set *set = c->set;
    if (tree->body != tree->root || tree->root->next) { /* it defines something */
        struct template_set *own = template_set_new(c->run->a, c->set);
        template_set_add(own, tree);
        set = own;
    }
    rc = run_apart(c, set, tree->root, c->arg[1], &result);
    if (rc < 0) {
        struct str inner = c->error;
        (void)!call_fail(c, "error during tpl function execution for " STR_FMT ": " STR_FMT,
                         STR_ARG(quoted(c, text)), STR_ARG(inner));
        return rc;
    }
    return call_return_str(c, without_no_value(c, result));
}

/* ---- required and fail ---- */

static int fail_with(struct call *c, struct str message)
{
    c->has_message = true;
    c->message = message;
    c->error = message;
    return HL_EINVAL;
}

static int call_required(struct call *c)
{
    struct datum d = c->arg[1];

    if (datum_is_absent(d) || (d.type == DATUM_STRING && d.len == 0))
        return fail_with(c, call_str(c, 0));
    return call_return(c, d);
}

static int call_fail_message(struct call *c)
{
    return fail_with(c, call_str(c, 0));
}

/* ---- documents ---- */

static int call_to_yaml(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct value *v;
    struct err err;
    int rc = call_walk(c, c->arg[0]);

    if (rc < 0)
        return rc;
    datum_mark_read(c->arg[0]);
    if (datum_to_value(c->a, c->arg[0], &v, &err) < 0 || yaml_check(v, &err) < 0)
        return call_return_str(c, STR(""));
    yaml_write(&out, v);
    if (str_ends(buf_str(&out), STR("\n")))
        out.len--;
    return call_return_buf(c, &out);
}

static int call_to_yaml_pretty(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    int rc = call_walk(c, c->arg[0]);

    if (rc < 0)
        return rc;
    datum_mark_read(c->arg[0]);
    yaml_pretty_write(c->a, &out, c->arg[0]);
    out.len -= str_ends(buf_str(&out), STR("\n"));
    return call_return_buf(c, &out);
}

static int return_error_map(struct call *c, struct str text)
{
    struct datum_map *m = datum_map_new(c->a);

    datum_map_set(c->a, m, STR("Error"), datum_string(text));
    return call_return(c, datum_of_map(m));
}

static int return_error_list(struct call *c, struct str text)
{
    struct datum_list *list = datum_list_new(c->a, 1);

    list->item[0] = datum_string(text);
    return call_return(c, datum_of_list(DATUM_LIST, list));
}

/* What sigs.k8s.io/yaml says; empty if all went well. */
static struct str read_yaml(struct call *c, enum json_go_target target, struct value **out)
{
    struct err err;

    if (yaml_read_first(c->a, call_str(c, 0), STR(""), out, &err) < 0)
        return arena_dup(c->a, str_from(err.text));
    if (json_go_mismatch(*out, target, &err))
        return arena_printf(c->a, "error unmarshaling JSON: while decoding JSON: %s", err.text);
    return STR("");
}

static int call_from_yaml(struct call *c)
{
    struct value *v;
    struct str error = read_yaml(c, JSON_GO_MAP, &v);

    if (error.len > 0)
        return return_error_map(c, error);
    if (v->kind == VALUE_NULL)
        return call_return(c, datum_of_map(datum_map_new(c->a)));
    return call_return(c, datum_from_value(c->a, v, DATUM_FLOATS));
}

static int call_from_yaml_array(struct call *c)
{
    struct value *v;
    struct str error = read_yaml(c, JSON_GO_LIST, &v);

    if (error.len > 0)
        return return_error_list(c, error);
    if (v->kind == VALUE_NULL)
        return call_return(c, datum_of_list(DATUM_LIST, NULL));
    return call_return(c, datum_from_value(c->a, v, DATUM_FLOATS));
}

static int call_from_json(struct call *c)
{
    struct datum d;
    struct err err;

    if (json_go_read(c->a, call_str(c, 0), JSON_GO_MAP, &d, &err) < 0)
        return return_error_map(c, arena_dup(c->a, str_from(err.text)));
    return call_return(c, d.type == DATUM_NIL ? datum_of_map(NULL) : d);
}

static int call_from_json_array(struct call *c)
{
    struct datum d;
    struct err err;

    if (json_go_read(c->a, call_str(c, 0), JSON_GO_LIST, &d, &err) < 0)
        return return_error_list(c, arena_dup(c->a, str_from(err.text)));
    return call_return(c, d.type == DATUM_NIL ? datum_of_list(DATUM_LIST, NULL) : d);
}

/* What cannot be written is its error's text, as Helm has it. */
static int call_to_toml(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct str error;

    if (datum_is_absent(c->arg[0]))
        return call_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    int rc = call_walk(c, c->arg[0]);
    if (rc < 0)
        return rc;
    datum_mark_read(c->arg[0]);
    rc = toml_write(&out, c->a, c->arg[0], TOML_BYTES_MAX, &error);
    if (rc == HL_ELIMIT) {
        c->error = error;
        return rc;
    }
    return rc < 0 ? call_return_str(c, error) : call_return_buf(c, &out);
}

static int call_from_toml(struct call *c)
{
    struct datum_map *m;
    struct str error;

    int rc = call_room(c, TOML_GROWTH * c->arg[0].len);
    if (rc < 0)
        return rc;
    if (toml_read(call_world(c), c->a, call_str(c, 0), &m, &error) < 0)
        return return_error_map(c, error);
    return call_return(c, datum_of_map(m));
}

/* ---- methods of chartutil.Values ---- */

static int values_yaml(struct call *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct value *v;
    struct err err;
    int rc = call_walk(c, c->receiver);

    if (rc < 0)
        return rc;
    datum_mark_read(c->receiver);
    if (datum_to_value(c->a, c->receiver, &v, &err) < 0 || yaml_check(v, &err) < 0)
        return call_fail(c, "%s", err.text);
    yaml_write(&out, v);
    return call_return_buf(c, &out);
}

static int values_as_map(struct call *c)
{
    return call_return(c, datum_of_map(c->receiver.map ? c->receiver.map : datum_map_new(c->a)));
}

/* What stands at a dotted path; is_table: it must be a map. */
static int at_path(struct call *c, bool is_table)
{
    struct datum d = c->receiver;

    for (struct str rest = call_str(c, 0); rest.len > 0;) {
        struct str key = str_cut(&rest, '.');
        struct datum_entry *e = datum_is_map(d) ? datum_map_find(d.map, key) : NULL;
        if (!e || (is_table && !datum_is_map(e->value)))
            return call_fail(c, "\"" STR_FMT "\" is not a %s", STR_ARG(key),
                             is_table ? "table" : "value");
        e->is_read = true;
        d = e->value;
    }
    if (is_table)
        d.type = DATUM_VALUES;
    else if (datum_is_map(d))
        return call_fail(c, "\"" STR_FMT "\" is not a value", STR_ARG(call_str(c, 0)));
    return call_return(c, d);
}

static int values_table(struct call *c)
{
    return at_path(c, true);
}

static int values_path_value(struct call *c)
{
    return at_path(c, false);
}

static const struct datum_method values_methods[] = {
    {{"YAML", "", values_yaml}},    {{"AsMap", "", values_as_map}},
    {{"Table", "s", values_table}}, {{"PathValue", "s", values_path_value}},
    {{NULL, NULL, NULL}},
};

const struct datum_class datum_values_class = {
    .type_name = "chartutil.Values", .kind_name = "map", .method = values_methods};

/* ---- the cluster ---- */

static int call_lookup(struct call *c)
{
    const struct template_world *w = call_world(c);
    struct err err;

    c->result = datum_of_map(datum_map_new(c->a));
    if (!w->lookup)
        return 0;
    int rc = w->lookup(w->context, call_str(c, 0), call_str(c, 1), call_str(c, 2), call_str(c, 3),
                       c->a, &c->result, &err);
    if (rc < 0)
        c->error = arena_dup(c->a, str_from(err.text));
    return rc;
}

const struct function functions_helm[] = {
    {"include", "sa", call_include},   {"tpl", "sa", call_tpl},
    {"required", "sa", call_required}, {"fail", "s", call_fail_message},
    {"toYaml", "a", call_to_yaml},     {"toYamlPretty", "a", call_to_yaml_pretty},
    {"fromYaml", "s", call_from_yaml}, {"fromYamlArray", "s", call_from_yaml_array},
    {"toToml", "a", call_to_toml},     {"fromToml", "s", call_from_toml},
    {"fromJson", "s", call_from_json}, {"fromJsonArray", "s", call_from_json_array},
    {"lookup", "ssss", call_lookup},   {NULL, NULL, NULL},
};
