/* The messages of upstream's package kind, and the tree as Helm's users see it. */
#include "core/schema/fault.h"

#include <math.h>

#include "core/schema/format.h"
#include "core/schema/text.h"
#include "core/gostd/literal.h"
#include "core/gostd/url.h"
#include "core/value/json.h"

static const struct {
    unsigned type;
    const char *name;
} type_names[] = {
    {TYPE_NULL, "null"},       {TYPE_BOOLEAN, "boolean"}, {TYPE_NUMBER, "number"},
    {TYPE_INTEGER, "integer"}, {TYPE_STRING, "string"},   {TYPE_ARRAY, "array"},
    {TYPE_OBJECT, "object"},
};

void faults_add(struct faults *list, struct fault *f)
{
    if (list->last)
        list->last->next = f;
    else
        list->first = f;
    list->last = f;
    list->count++;
}

void node_location(struct buf *out, const struct node *node)
{
    buf_add(out, node->url);
    if (node->is_made_up)
        return;
    buf_add_byte(out, '#');
    url_escape_segments(out, node->pointer);
}

static void put_types(struct buf *out, unsigned types)
{
    const char *before = "";

    for (size_t i = 0; i < HL_COUNT(type_names); i++) {
        if (!(types & type_names[i].type))
            continue;
        buf_printf(out, "%s%s", before, type_names[i].name);
        before = " or ";
    }
}

/*
 * Of an enum or const, as it stands in the schema: a float that an integer could hold was written
 * with a fraction.
 */
static void put_literal(struct buf *out, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_add(out, STR("<nil>"));
        break;
    case VALUE_STRING:
        text_single(out, v->string);
        break;
    case VALUE_FLOAT:
        json_write(out, v, JSON_COMPACT);
        if (fabs(v->number) < 0x1p64 && v->number == floor(v->number))
            buf_add(out, STR(".0"));
        break;
    default:
        json_write(out, v, JSON_COMPACT);
    }
}

static bool is_collection(const struct value *v)
{
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP;
}

static void put_enum(struct buf *out, const struct value *list)
{
    for (size_t i = 0; i < list->list.count; i++) {
        if (is_collection(list->list.item[i])) {
            buf_add(out, STR("'enum' failed"));
            return;
        }
    }
    buf_add_cstr(out, list->list.count == 1 ? "value must be " : "value must be one of ");
    for (size_t i = 0; i < list->list.count && out->len <= SCHEMA_TEXT_MAX; i++) {
        if (i > 0)
            buf_add(out, STR(", "));
        put_literal(out, list->list.item[i]);
    }
}

static void put_const(struct buf *out, const struct value *want)
{
    if (is_collection(want)) {
        buf_add(out, STR("'const' failed"));
        return;
    }
    buf_add(out, STR("value must be "));
    put_literal(out, want);
}

static void put_counts(struct buf *out, const char *keyword, const struct fault *f)
{
    buf_printf(out, "%s: got ", keyword);
    text_int(out, f->got);
    buf_add(out, STR(", want "));
    text_int(out, f->want);
}

static void put_numbers(struct buf *out, const char *keyword, const struct fault *f,
                        const struct bound *want)
{
    buf_printf(out, "%s: got ", keyword);
    text_number(out, f->value);
    buf_add(out, STR(", want "));
    text_number(out, want->number);
}

static void put_required(struct buf *out, const struct fault *f)
{
    buf_add_cstr(out, f->names.count == 1 ? "missing property " : "missing properties ");
    text_join(out, f->names.item, f->names.count);
}

static void put_dependency(struct buf *out, const struct fault *f)
{
    buf_add(out, STR("properties "));
    text_join(out, f->names.item, f->names.count);
    buf_add(out, STR(" required, if "));
    text_single(out, f->text);
    buf_add(out, STR(" exists"));
}

static void put_two(struct buf *out, const char *before, const struct fault *f, const char *between,
                    const char *after)
{
    buf_add_cstr(out, before);
    text_int(out, f->got);
    buf_add_cstr(out, between);
    text_int(out, f->want);
    buf_add_cstr(out, after);
}

/* f->text: the indexes that matched */
static void put_contains(struct buf *out, const char *bound, const struct fault *f)
{
    buf_printf(out, "%s ", bound);
    text_int(out, f->want);
    buf_add(out, STR(" items required to match contains schema, but "));
    if (f->got == 0 && f->kind == FAULT_MIN_CONTAINS) {
        buf_add(out, STR("none matched"));
        return;
    }
    buf_add(out, STR("matched "));
    text_int(out, f->got);
    buf_add(out, STR(" items at "));
    buf_add(out, f->text);
}

static void put_format(struct buf *out, const struct fault *f)
{
    text_single(out, f->value->string);
    buf_printf(out, " is not valid %s: ", f->node->format->name);
    buf_add(out, f->text);
}

static void put_pattern(struct buf *out, const struct fault *f)
{
    text_single(out, f->value->string);
    buf_add(out, STR(" does not match pattern "));
    text_single(out, f->node->string->pattern);
}

/* f->text: the two ways that lead to the node */
static void put_cycle(struct buf *out, const struct fault *f)
{
    HL_CLEANUP(buf_deinit) struct buf location = {0};

    node_location(&location, f->node);
    buf_add(out, STR("both "));
    buf_add(out, f->text);
    buf_add(out, STR(" resolve to "));
    literal_quote(out, buf_str(&location), false);
    buf_add(out, STR(" causing reference cycle"));
}

/* Of the faults that are a sentence; NULL for the others. */
static const char *sentence(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_GROUP:
    case FAULT_REFERENCE:
        return "validation failed";
    case FAULT_FALSE:
        return "false schema";
    case FAULT_NOT:
        return "'not' failed";
    case FAULT_ALL_OF:
        return "'allOf' failed";
    case FAULT_ANY_OF:
        return "'anyOf' failed";
    case FAULT_ONE_OF_NONE:
        return "'oneOf' failed, none matched";
    case FAULT_CONTAINS:
        return "no items match contains schema";
    default:
        return NULL;
    }
}

/* Of the faults that compare; false for the others. */
static bool put_comparison(struct buf *out, const struct fault *f)
{
    const struct number_rules *number = f->node->number;

    switch (f->kind) {
    case FAULT_MIN_PROPERTIES:
        return put_counts(out, "minProperties", f), true;
    case FAULT_MAX_PROPERTIES:
        return put_counts(out, "maxProperties", f), true;
    case FAULT_MIN_ITEMS:
        return put_counts(out, "minItems", f), true;
    case FAULT_MAX_ITEMS:
        return put_counts(out, "maxItems", f), true;
    case FAULT_MIN_LENGTH:
        return put_counts(out, "minLength", f), true;
    case FAULT_MAX_LENGTH:
        return put_counts(out, "maxLength", f), true;
    case FAULT_MINIMUM:
        return put_numbers(out, "minimum", f, &number->min), true;
    case FAULT_MAXIMUM:
        return put_numbers(out, "maximum", f, &number->max), true;
    case FAULT_EXCLUSIVE_MINIMUM:
        return put_numbers(out, "exclusiveMinimum", f, &number->above), true;
    case FAULT_EXCLUSIVE_MAXIMUM:
        return put_numbers(out, "exclusiveMaximum", f, &number->below), true;
    case FAULT_MULTIPLE_OF:
        return put_numbers(out, "multipleOf", f, &number->multiple_of), true;
    default:
        return false;
    }
}

static void put_type(struct buf *out, const struct fault *f)
{
    buf_add(out, STR("got "));
    put_types(out, (unsigned)f->got);
    buf_add(out, STR(", want "));
    put_types(out, f->node->types);
}

static void put_properties(struct buf *out, const struct fault *f)
{
    buf_add(out, STR("additional properties "));
    text_join(out, f->names.item, f->names.count);
    buf_add(out, STR(" not allowed"));
}

static void put_property_name(struct buf *out, const struct fault *f)
{
    buf_add(out, STR("invalid propertyName "));
    text_single(out, f->text);
}

static void put_additional_items(struct buf *out, const struct fault *f)
{
    buf_add(out, STR("last "));
    text_int(out, f->got);
    buf_add(out, STR(" additionalItem(s) not allowed"));
}

static void put_detail(struct buf *out, const struct fault *f)
{
    switch (f->kind) {
    case FAULT_CYCLE:
        return put_cycle(out, f);
    case FAULT_TYPE:
        return put_type(out, f);
    case FAULT_CONST:
        return put_const(out, f->node->constant);
    case FAULT_ENUM:
        return put_enum(out, f->node->enumeration);
    case FAULT_FORMAT:
        return put_format(out, f);
    case FAULT_REQUIRED:
        return put_required(out, f);
    case FAULT_DEPENDENCY:
        return put_dependency(out, f);
    case FAULT_ADDITIONAL_PROPERTIES:
        return put_properties(out, f);
    case FAULT_PROPERTY_NAME:
        return put_property_name(out, f);
    case FAULT_UNIQUE_ITEMS:
        return put_two(out, "items at ", f, " and ", " are equal");
    case FAULT_ADDITIONAL_ITEMS:
        return put_additional_items(out, f);
    case FAULT_MIN_CONTAINS:
        return put_contains(out, "min", f);
    case FAULT_MAX_CONTAINS:
        return put_contains(out, "max", f);
    case FAULT_PATTERN:
        return put_pattern(out, f);
    case FAULT_ONE_OF_TWO:
        return put_two(out, "'oneOf' failed, subschemas ", f, ", ", " matched");
    default:
        HL_ASSERT(false); /* all other kinds are sentences or comparisons */
    }
}

static void put_pointer(struct buf *out, const struct spot *spot)
{
    if (!spot)
        return;
    put_pointer(out, spot->parent);
    buf_add_byte(out, '/');
    if (!spot->name.ptr) {
        buf_printf(out, "%zu", spot->index);
        return;
    }
    for (size_t i = 0; i < spot->name.len; i++) {
        if (spot->name.ptr[i] == '~')
            buf_add(out, STR("~0"));
        else if (spot->name.ptr[i] == '/')
            buf_add(out, STR("~1"));
        else
            buf_add_byte(out, spot->name.ptr[i]);
    }
}

static void put_line(struct buf *out, const struct fault *f, int indent)
{
    HL_CLEANUP(buf_deinit) struct buf pointer = {0};
    const char *text = sentence(f->kind);

    buf_add_byte(out, '\n');
    for (int i = 1; i < indent; i++)
        buf_add(out, STR("  "));
    put_pointer(&pointer, f->spot);
    buf_add(out, STR("- at "));
    text_single(out, buf_str(&pointer));
    buf_add(out, STR(": "));
    if (text)
        buf_add_cstr(out, text);
    else if (!put_comparison(out, f))
        put_detail(out, f);
}

/* A reference with one cause is not worth a line. Recursion is as deep as the check was. */
static bool put_fault(struct buf *out, const struct fault *f, int indent)
{
    if (out->len > SCHEMA_TEXT_MAX)
        return false;
    if (f->kind != FAULT_REFERENCE || f->causes.count != 1)
        put_line(out, f, indent++);
    for (const struct fault *cause = f->causes.first; cause; cause = cause->next) {
        if (!put_fault(out, cause, indent))
            return false;
    }
    return out->len <= SCHEMA_TEXT_MAX;
}

bool fault_print(struct buf *out, const struct node *location, const struct fault *f)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (location) {
        node_location(&text, location);
        buf_add(out, STR("jsonschema validation failed with "));
        text_single(out, buf_str(&text));
    }
    if (f->kind != FAULT_GROUP)
        return put_fault(out, f, 1);
    for (const struct fault *cause = f->causes.first; cause; cause = cause->next) {
        if (!put_fault(out, cause, 1))
            return false;
    }
    return true;
}
