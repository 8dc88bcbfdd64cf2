/* A selector is a flat list of terms that must all hold; matchLabels become In with one value. */
#include "core/desired/selector.h"

static const struct {
    const char *name;
    enum selector_operator operator;
    bool has_values;
} operators[] = {
    {"In", SELECTOR_IN, true},
    {"NotIn", SELECTOR_NOT_IN, true},
    {"Exists", SELECTOR_EXISTS, false},
    {"DoesNotExist", SELECTOR_DOES_NOT_EXIST, false},
};

static int add_term(struct selector *s, struct arena *a, struct selector_term term,
                    const struct value *where, struct err *err)
{
    if (s->count == SELECTOR_TERMS_MAX)
        return value_err(err, HL_ELIMIT, where, "a selector of more than %d terms",
                         SELECTOR_TERMS_MAX);
    ARENA_PUSH(a, s->term, s->count, s->cap, term);
    return 0;
}

/* YAML turns `enable_x: true` into a bool; the label is the text "true". */
static int label_text(struct arena *a, const struct value *v, struct str *out, struct err *err)
{
    switch (v->kind) {
    case VALUE_STRING:
        *out = v->string;
        return 0;
    case VALUE_BOOL:
        *out = v->boolean ? STR("true") : STR("false");
        return 0;
    case VALUE_INT:
        *out = arena_printf(a, "%lld", (long long)v->integer);
        return 0;
    default:
        return value_err(err, HL_EINVAL, v, "a label value must be a string, here is a %s",
                         value_kind_name(v->kind));
    }
}

int selector_add_labels(struct selector *s, struct arena *a, const struct value *labels,
                        struct err *err)
{
    if (!labels || labels->kind == VALUE_NULL)
        return 0;
    if (labels->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, labels, "labels to match must be a map, here is a %s",
                         value_kind_name(labels->kind));
    for (size_t i = 0; i < labels->map.count; i++) {
        const struct member *m = &labels->map.member[i];
        struct selector_term term = {SELECTOR_IN, m->key, arena_one(a, struct str), 1};
        int rc = label_text(a, m->value, term.value, err);
        if (rc == 0)
            rc = add_term(s, a, term, m->value, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_operator(const struct value *e, struct selector_term *term, bool *has_values,
                         struct err *err)
{
    const struct value *v = value_get(e, STR("operator"));
    struct str name = value_str(v);
    for (size_t i = 0; i < HL_COUNT(operators); i++) {
        if (str_eq(name, str_from(operators[i].name))) {
            term->operator= operators[i].operator;
            *has_values = operators[i].has_values;
            return 0;
        }
    }
    return value_err(err, HL_EINVAL, v ? v : e,
                     "operator \"" STR_FMT "\" is none of In, NotIn, Exists, DoesNotExist",
                     STR_ARG(name));
}

static int read_values(struct arena *a, const struct value *e, bool wants_values,
                       struct selector_term *term, struct err *err)
{
    const struct value *values = value_get(e, STR("values"));
    size_t count = values && values->kind == VALUE_LIST ? values->list.count : 0;

    if (values && values->kind != VALUE_LIST && values->kind != VALUE_NULL)
        return value_err(err, HL_EINVAL, values, "values must be a list, here is a %s",
                         value_kind_name(values->kind));
    if (wants_values && count == 0)
        return value_err(err, HL_EINVAL, e, "In and NotIn need values");
    if (!wants_values && count > 0)
        return value_err(err, HL_EINVAL, values, "Exists and DoesNotExist take no values");

    term->value = arena_array(a, struct str, count);
    term->value_count = count;
    for (size_t i = 0; i < count; i++) {
        int rc = label_text(a, values->list.item[i], &term->value[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_expression(struct arena *a, const struct value *e, struct selector_term *term,
                           struct err *err)
{
    bool wants_values = false;

    if (e->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, e, "a match expression must be a map, here is a %s",
                         value_kind_name(e->kind));
    for (size_t i = 0; i < e->map.count; i++) {
        struct str key = e->map.member[i].key;
        if (!str_eq(key, STR("key")) && !str_eq(key, STR("operator")) &&
            !str_eq(key, STR("values")))
            return value_err(err, HL_EINVAL, e->map.member[i].value,
                             "a match expression has key, operator and values, not \"" STR_FMT "\"",
                             STR_ARG(key));
    }
    term->key = value_get_str(e, "key");
    if (term->key.len == 0)
        return value_err(err, HL_EINVAL, e, "a match expression needs a key");
    int rc = read_operator(e, term, &wants_values, err);
    return rc < 0 ? rc : read_values(a, e, wants_values, term, err);
}

int selector_add_expressions(struct selector *s, struct arena *a, const struct value *expressions,
                             struct err *err)
{
    if (!expressions || expressions->kind == VALUE_NULL)
        return 0;
    if (expressions->kind != VALUE_LIST)
        return value_err(err, HL_EINVAL, expressions,
                         "matchExpressions must be a list, here is a %s",
                         value_kind_name(expressions->kind));
    for (size_t i = 0; i < expressions->list.count; i++) {
        const struct value *e = expressions->list.item[i];
        struct selector_term term = {0};
        int rc = read_expression(a, e, &term, err);
        if (rc == 0)
            rc = add_term(s, a, term, e, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int selector_add(struct selector *s, struct arena *a, const struct value *selector, struct err *err)
{
    if (!selector || selector->kind == VALUE_NULL)
        return 0;
    if (selector->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, selector, "a selector must be a map, here is a %s",
                         value_kind_name(selector->kind));
    for (size_t i = 0; i < selector->map.count; i++) {
        const struct member *m = &selector->map.member[i];
        int rc;
        if (str_eq(m->key, STR("matchLabels")))
            rc = selector_add_labels(s, a, m->value, err);
        else if (str_eq(m->key, STR("matchExpressions")))
            rc = selector_add_expressions(s, a, m->value, err);
        else
            rc = value_err(err, HL_EINVAL, m->value,
                           "a selector has matchLabels and matchExpressions, not \"" STR_FMT "\"",
                           STR_ARG(m->key));
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool term_holds(const struct selector_term *t, const struct value *labels)
{
    const struct value *label = value_get(labels, t->key);
    bool is_in = false;

    for (size_t i = 0; label && i < t->value_count && !is_in; i++)
        is_in = str_eq(value_str(label), t->value[i]);
    switch (t->operator) {
    case SELECTOR_IN:
        return is_in;
    case SELECTOR_NOT_IN:
        return !is_in;
    case SELECTOR_EXISTS:
        return label != NULL;
    case SELECTOR_DOES_NOT_EXIST:
        return label == NULL;
    }
    return false;
}

bool selector_matches(const struct selector *s, const struct value *labels)
{
    for (size_t i = 0; i < s->count; i++)
        if (!term_holds(&s->term[i], labels))
            return false;
    return true;
}

struct str selector_text(const struct selector *s, struct arena *a)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    for (size_t i = 0; i < s->count; i++) {
        const struct selector_term *t = &s->term[i];
        if (i > 0)
            buf_add_cstr(&text, ", ");
        if (t->operator== SELECTOR_DOES_NOT_EXIST)
            buf_add_byte(&text, '!');
        buf_add(&text, t->key);
        if (t->value_count == 0)
            continue;
        if (t->operator== SELECTOR_IN && t->value_count == 1) {
            buf_printf(&text, "=" STR_FMT, STR_ARG(t->value[0]));
            continue;
        }
        buf_add_cstr(&text, t->operator== SELECTOR_IN ? " in (" : " not in (");
        for (size_t v = 0; v < t->value_count; v++)
            buf_printf(&text, "%s" STR_FMT, v > 0 ? ", " : "", STR_ARG(t->value[v]));
        buf_add_byte(&text, ')');
    }
    return arena_dup(a, buf_str(&text));
}
