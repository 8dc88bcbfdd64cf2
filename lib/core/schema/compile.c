/*
 * Keywords become rules, draft by draft, in upstream's order: it decides which of several errors is
 * told. A keyword of the wrong type is as good as absent; the metaschema has refused it before.
 */
#include <math.h>
#include <stdio.h>

#include "core/schema/compiler.h"
#include "core/schema/format.h"
#include "core/gostd/regex.h"
#include "core/schema/text.h"
#include "core/gostd/literal.h"
#include "core/gostd/url.h"

struct builder {
    struct compiler *c;
    struct root *root;
    struct node *node;
    const struct value *schema;
    const struct resource *resource;
};

/* Keywords ----------------------------------------------------------------------------------- */

static const struct value *keyword(const struct builder *b, const char *name, enum value_kind kind)
{
    const struct value *v = value_get(b->schema, str_from(name));

    return v && v->kind == kind ? v : NULL;
}

static bool is_set(const struct builder *b, const char *name)
{
    const struct value *v = keyword(b, name, VALUE_BOOL);

    return v && v->boolean;
}

static bool has(const struct builder *b, unsigned vocabulary)
{
    return dialect_has(&b->resource->dialect, vocabulary);
}

bool dialect_has(const struct dialect *d, unsigned vocabulary)
{
    if (vocabulary == VOCABULARY_CORE || d->draft->version < 2019)
        return true;
    return (d->has_vocabularies ? d->vocabularies : d->draft->usual_vocabularies) & vocabulary;
}

static const struct value *number(const struct builder *b, const char *name)
{
    const struct value *v = value_get(b->schema, str_from(name));

    return v && (v->kind == VALUE_INT || v->kind == VALUE_UINT || v->kind == VALUE_FLOAT) ? v
                                                                                          : NULL;
}

/* A count, at most INT64_MAX; UNBOUNDED if absent. */
static int64_t count(const struct builder *b, const char *name)
{
    const struct value *v = number(b, name);

    if (!v || (v->kind == VALUE_FLOAT && v->number != floor(v->number)))
        return UNBOUNDED;
    if (v->kind == VALUE_INT)
        return v->integer < 0 ? UNBOUNDED : v->integer;
    if (v->kind == VALUE_UINT || v->number >= 0x1p63)
        return INT64_MAX;
    return v->number < 0 ? UNBOUNDED : (int64_t)v->number;
}

static struct bound bound(const struct builder *b, const char *name)
{
    struct bound bound = {.number = number(b, name)};

    if (bound.number)
        bound.decimal = decimal_of(bound.number);
    return bound;
}

static struct strings strings(const struct builder *b, const struct value *list)
{
    struct strings out = {0};
    size_t cap = 0;

    for (size_t i = 0; list && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (list->list.item[i]->kind == VALUE_STRING)
            ARENA_PUSH(b->c->a, out.item, out.count, cap, list->list.item[i]->string);
    }
    return out;
}

/* Subschemas --------------------------------------------------------------------------------- */

static struct str place_of(const struct builder *b, const char *name)
{
    return pointer_add(b->c->a, b->node->pointer, str_from(name));
}

static struct node *child(const struct builder *b, const char *name)
{
    if (!value_get(b->schema, str_from(name)))
        return NULL;
    return compiler_node(b->c, b->root, place_of(b, name));
}

static struct nodes children(const struct builder *b, const char *name)
{
    const struct value *list = keyword(b, name, VALUE_LIST);
    struct nodes out = {0};
    char index[24];

    if (!list)
        return out;
    struct str here = place_of(b, name);
    out.item = arena_array(b->c->a, struct node *, list->list.count);
    for (; out.count < list->list.count; out.count++) {
        snprintf(index, sizeof(index), "%zu", out.count);
        struct str pointer = pointer_add(b->c->a, here, str_from(index));
        out.item[out.count] = compiler_node(b->c, b->root, pointer);
    }
    return out;
}

/* What is a list of strings in "dependencies" and the like has no node. */
static struct table members(const struct builder *b, const char *name)
{
    const struct value *map = keyword(b, name, VALUE_MAP);
    struct table out = {0};

    if (!map)
        return out;
    struct str here = place_of(b, name);
    const uint32_t *order = member_order(b->c->a, map);
    out.item = arena_array(b->c->a, struct named, map->map.count);
    for (; out.count < map->map.count; out.count++) {
        const struct member *m = &map->map.member[order[out.count]];
        struct named *named = &out.item[out.count];
        named->name = m->key;
        if (m->value->kind == VALUE_LIST)
            named->needs = strings(b, m->value);
        else
            named->node = compiler_node(b->c, b->root, pointer_add(b->c->a, here, m->key));
    }
    return out;
}

static enum rest rest(const struct builder *b, const char *name, struct node **out_node)
{
    const struct value *v = value_get(b->schema, str_from(name));

    if (!v)
        return REST_ABSENT;
    if (v->kind == VALUE_BOOL)
        return v->boolean ? REST_ALLOWED : REST_REFUSED;
    *out_node = child(b, name);
    return REST_CHECKED;
}

/* Rules, made when the first keyword needs them ----------------------------------------------- */

static bool has_any(const struct builder *b, const char *const *names)
{
    for (; *names; names++) {
        if (value_get(b->schema, str_from(*names)))
            return true;
    }
    return false;
}

static void make_rules(const struct builder *b)
{
    static const char *const object[] = {
        "minProperties",    "maxProperties",        "required",
        "dependencies",     "properties",           "patternProperties",
        "propertyNames",    "additionalProperties", "unevaluatedProperties",
        "dependentSchemas", "dependentRequired",    NULL};
    static const char *const array[] = {"minItems", "maxItems",    "uniqueItems",      "items",
                                        "contains", "prefixItems", "unevaluatedItems", NULL};
    static const char *const string[] = {"minLength", "maxLength", "pattern", NULL};
    static const char *const number_names[] = {"minimum",          "maximum",    "exclusiveMinimum",
                                               "exclusiveMaximum", "multipleOf", NULL};
    static const char *const logic[] = {"not", "allOf", "anyOf", "oneOf", "if", NULL};
    static const char *const reference[] = {"$ref",        "$recursiveRef",  "$recursiveAnchor",
                                            "$dynamicRef", "$dynamicAnchor", NULL};
    struct node *node = b->node;
    struct arena *a = b->c->a;

    if (has_any(b, object)) {
        node->object = arena_one(a, struct object_rules);
        node->object->min = node->object->max = UNBOUNDED;
    }
    if (has_any(b, array)) {
        node->array = arena_one(a, struct array_rules);
        node->array->min = node->array->max = UNBOUNDED;
        node->array->min_contains = node->array->max_contains = UNBOUNDED;
    }
    if (has_any(b, string)) {
        node->string = arena_one(a, struct string_rules);
        node->string->min = node->string->max = UNBOUNDED;
    }
    if (has_any(b, number_names))
        node->number = arena_one(a, struct number_rules);
    if (has_any(b, logic))
        node->logic = arena_one(a, struct logic_rules);
    if (has_any(b, reference))
        node->references = arena_one(a, struct reference_rules);
}

/* References --------------------------------------------------------------------------------- */

static void refuse_reference(const struct builder *b, struct str reference, struct str why)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add(&text, STR("error in parsing "));
    literal_quote(&text, reference, false);
    buf_add(&text, STR(": "));
    buf_add(&text, why);
    compiler_refuse(b->c, &text);
}

/* NULL: absent, or see rc. *out_fragment is what stands behind "#". */
static struct node *reference(const struct builder *b, const char *name, struct str *out_fragment)
{
    const struct value *v = keyword(b, name, VALUE_STRING);
    struct root *root = NULL;
    struct str url;
    struct str pointer;
    struct str why;

    if (!v || b->c->rc != 0)
        return NULL;
    url_split(v->string, &url, out_fragment);
    if (!url_unescape(b->c->a, *out_fragment, out_fragment, &why)) {
        refuse_reference(b, v->string, why);
        return NULL;
    }
    if (!url_join(b->c->a, b->resource->id, url, &url, &why)) {
        refuse_reference(b, str_sub(v->string, 0, str_find(v->string, STR("#"), 0)), why);
        return NULL;
    }
    if (!roots_resolve(b->c, b->root, url, *out_fragment, &root, &pointer))
        return NULL;
    return compiler_node(b->c, root, pointer);
}

static void refuse_regex(const struct builder *b, const char *name, struct str pattern,
                         struct str why)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add(&text, STR("invalid regex "));
    literal_quote(&text, pattern, false);
    buf_add(&text, STR(" at "));
    quote_location(&text, b->root->url, place_of(b, name));
    buf_add(&text, STR(": "));
    buf_add(&text, why);
    compiler_refuse(b->c, &text);
}

static const struct regex *regex(const struct builder *b, const char *name, struct str pattern)
{
    struct str why;
    const struct regex *re = regex_new(b->c->a, pattern, REGEX_TEST, &why);

    if (!re)
        refuse_regex(b, name, pattern, why);
    compiler_check_room(b->c);
    return re;
}

/* Draft 4 ------------------------------------------------------------------------------------ */

static void compile_logic(const struct builder *b)
{
    struct logic_rules *rules = b->node->logic;

    if (!rules)
        return;
    rules->all = children(b, "allOf");
    rules->any = children(b, "anyOf");
    rules->one = children(b, "oneOf");
    rules->none = child(b, "not");
}

static void compile_items(const struct builder *b)
{
    struct array_rules *rules = b->node->array;

    if (!rules || b->node->version >= 2020)
        return;
    if (!keyword(b, "items", VALUE_LIST)) {
        rules->each = child(b, "items");
        return;
    }
    rules->prefix = children(b, "items");
    rules->rest = rest(b, "additionalItems", &rules->rest_node);
}

static void compile_properties(const struct builder *b)
{
    struct object_rules *rules = b->node->object;

    if (!rules)
        return;
    rules->properties = members(b, "properties");
    rules->patterns = members(b, "patternProperties");
    for (size_t i = 0; i < rules->patterns.count && b->c->rc == 0; i++)
        rules->patterns.item[i].regex = regex(b, "patternProperties", rules->patterns.item[i].name);
    rules->rest = rest(b, "additionalProperties", &rules->rest_node);
    rules->dependencies = members(b, "dependencies");
}

static unsigned type_of(const struct value *name)
{
    static const char *const names[] = {"null",   "boolean", "number", "integer",
                                        "string", "array",   "object"};

    for (unsigned i = 0; i < HL_COUNT(names); i++) {
        if (str_eq(value_str(name), str_from(names[i])))
            return 1U << i;
    }
    return 0;
}

static void compile_types(const struct builder *b)
{
    const struct value *type = value_get(b->schema, STR("type"));

    if (!type)
        return;
    b->node->types = type_of(type);
    for (size_t i = 0; type->kind == VALUE_LIST && i < type->list.count; i++)
        b->node->types |= type_of(type->list.item[i]);
}

static void compile_numbers(const struct builder *b)
{
    struct number_rules *rules = b->node->number;

    if (!rules)
        return;
    rules->multiple_of = bound(b, "multipleOf");
    if (rules->multiple_of.decimal.count == 0)
        rules->multiple_of.number = NULL;
    rules->max = bound(b, "maximum");
    rules->below = bound(b, "exclusiveMaximum");
    if (is_set(b, "exclusiveMaximum")) {
        rules->below = rules->max;
        rules->max.number = NULL;
    }
    rules->min = bound(b, "minimum");
    rules->above = bound(b, "exclusiveMinimum");
    if (is_set(b, "exclusiveMinimum")) {
        rules->above = rules->min;
        rules->min.number = NULL;
    }
}

static void compile_strings(const struct builder *b)
{
    struct string_rules *rules = b->node->string;
    const struct value *pattern = keyword(b, "pattern", VALUE_STRING);

    if (!rules)
        return;
    rules->min = count(b, "minLength");
    rules->max = count(b, "maxLength");
    if (!pattern)
        return;
    rules->pattern = pattern->string;
    rules->regex = regex(b, "pattern", pattern->string);
}

static void compile_counts(const struct builder *b)
{
    if (b->node->array) {
        b->node->array->min = count(b, "minItems");
        b->node->array->max = count(b, "maxItems");
        b->node->array->is_unique = is_set(b, "uniqueItems");
    }
    if (b->node->object) {
        b->node->object->min = count(b, "minProperties");
        b->node->object->max = count(b, "maxProperties");
        b->node->object->required = strings(b, value_get(b->schema, STR("required")));
    }
}

static void compile_format(const struct builder *b)
{
    const struct value *format = keyword(b, "format", VALUE_STRING);
    int version = b->node->version;
    bool is_asserted = b->c->is_meta || version < 2019;

    if (!is_asserted)
        is_asserted = has(b, version == 2019 ? VOCABULARY_FORMAT : VOCABULARY_FORMAT_ASSERTION);
    if (format && is_asserted)
        b->node->format = format_find(format->string);
}

static void compile_draft4(const struct builder *b)
{
    struct reference_rules *references = b->node->references;
    struct str fragment;

    if (references)
        references->ref = reference(b, "$ref", &fragment);
    if (references && references->ref && b->node->version < 2019)
        return; /* what stands beside a reference is ignored */
    if (has(b, VOCABULARY_APPLICATOR)) {
        compile_logic(b);
        compile_items(b);
        compile_properties(b);
    }
    if (has(b, VOCABULARY_VALIDATION)) {
        compile_types(b);
        b->node->enumeration = keyword(b, "enum", VALUE_LIST);
        compile_numbers(b);
        compile_strings(b);
        compile_counts(b);
    }
    compile_format(b);
}

/* Later drafts ------------------------------------------------------------------------------- */

static void compile_draft6(const struct builder *b)
{
    if (has(b, VOCABULARY_APPLICATOR)) {
        if (b->node->array)
            b->node->array->contains = child(b, "contains");
        if (b->node->object)
            b->node->object->names = child(b, "propertyNames");
    }
    if (has(b, VOCABULARY_VALIDATION))
        b->node->constant = value_get(b->schema, STR("const"));
}

/* Of a condition that is a boolean only the branch that it takes is compiled. */
static void compile_draft7(const struct builder *b)
{
    struct logic_rules *rules = b->node->logic;
    const struct value *fixed = keyword(b, "if", VALUE_BOOL);

    if (!rules || !has(b, VOCABULARY_APPLICATOR))
        return;
    rules->condition = child(b, "if");
    if (!rules->condition)
        return;
    if (!fixed || fixed->boolean)
        rules->then = child(b, "then");
    if (!fixed || !fixed->boolean)
        rules->otherwise = child(b, "else");
}

static void compile_draft2019(const struct builder *b)
{
    struct reference_rules *references = b->node->references;
    struct object_rules *object = b->node->object;
    struct array_rules *array = b->node->array;
    struct str fragment;

    if (references) {
        references->recursive = reference(b, "$recursiveRef", &fragment);
        references->is_recursive_anchor = is_set(b, "$recursiveAnchor");
    }
    if (has(b, VOCABULARY_VALIDATION)) {
        if (array && array->contains) {
            array->min_contains = count(b, "minContains");
            array->max_contains = count(b, "maxContains");
        }
        if (object)
            object->dependent_required = members(b, "dependentRequired");
    }
    if (object && has(b, VOCABULARY_APPLICATOR))
        object->dependent_schemas = members(b, "dependentSchemas");
    if (!has(b, b->node->version == 2019 ? VOCABULARY_APPLICATOR : VOCABULARY_UNEVALUATED))
        return;
    if (array)
        array->unevaluated = child(b, "unevaluatedItems");
    if (object)
        object->unevaluated = child(b, "unevaluatedProperties");
}

static void compile_draft2020(const struct builder *b)
{
    struct reference_rules *references = b->node->references;
    struct array_rules *array = b->node->array;
    struct str fragment = STR_NONE;

    if (references) {
        references->dynamic = reference(b, "$dynamicRef", &fragment);
        if (fragment.len > 0 && fragment.ptr[0] != '/')
            references->dynamic_ref_anchor = fragment;
        references->dynamic_anchor = value_get_str(b->schema, "$dynamicAnchor");
    }
    if (!array || !has(b, VOCABULARY_APPLICATOR))
        return;
    array->prefix = children(b, "prefixItems");
    array->rest_node = child(b, "items");
    array->rest = array->rest_node ? REST_CHECKED : REST_ABSENT;
}

static void compile_object(const struct builder *b)
{
    int version = b->node->version;

    if (b->schema->map.count == 0) {
        b->node->verdict = VERDICT_TRUE;
        return;
    }
    make_rules(b);
    compile_draft4(b);
    if (version >= 6)
        compile_draft6(b);
    if (version >= 7)
        compile_draft7(b);
    if (version >= 2019)
        compile_draft2019(b);
    if (version >= 2020)
        compile_draft2020(b);
}

static void compile_dynamic_anchors(const struct builder *b)
{
    for (const struct anchor *x = b->resource->anchors; x; x = x->next) {
        if (!x->is_dynamic)
            continue;
        struct dynamic_anchor *d = arena_one(b->c->a, struct dynamic_anchor);
        d->name = x->name;
        d->node = compiler_node(b->c, b->root, x->pointer);
        d->next = b->node->dynamic_anchors;
        b->node->dynamic_anchors = d;
    }
}

/* What the node evaluates whatever the instance. */
static void note_evaluated(struct node *node)
{
    const struct array_rules *array = node->array;

    node->evaluates_all_properties = node->object && node->object->rest != REST_ABSENT;
    if (!array)
        return;
    node->evaluates_all_items = array->rest != REST_ABSENT || array->each;
    node->prefix_count = array->prefix.count;
}

void compile_node(struct compiler *c, struct root *root, struct node *node, const struct value *v)
{
    const struct resource *resource = roots_resource(root, node->pointer);
    const struct builder b = {c, root, node, v, resource};

    node->version = resource->dialect.draft->version;
    node->resource = compiler_node(c, root, resource->pointer);
    if (node->version >= 2020 && node->resource == node)
        compile_dynamic_anchors(&b);
    if (v->kind == VALUE_BOOL)
        node->verdict = v->boolean ? VERDICT_TRUE : VERDICT_FALSE;
    else if (v->kind == VALUE_MAP)
        compile_object(&b);
    note_evaluated(node);
}
