/* The keywords of objects. Members are looked at in the order of their keys' bytes. */
#include "core/schema/check.h"

const struct named *table_find(const struct table *table, struct str name)
{
    size_t low = 0;
    size_t high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(table->item[middle].name, name);
        if (order == 0)
            return &table->item[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void check_counts(struct check *c, struct frame *f, const struct object_rules *rules)
{
    size_t count = f->value->map.count;

    if (rules->min != UNBOUNDED && count < (uint64_t)rules->min)
        check_report_counts(c, f, FAULT_MIN_PROPERTIES, count, rules->min);
    if (rules->max != UNBOUNDED && count > (uint64_t)rules->max)
        check_report_counts(c, f, FAULT_MAX_PROPERTIES, count, rules->max);
}

/* Reports the names that the map lacks; `cause` is the property that asks for them. */
static void check_presence(struct check *c, struct frame *f, const struct strings *names,
                           enum fault_kind kind, struct str cause)
{
    struct strings missing = {0};
    size_t cap = 0;

    for (size_t i = 0; i < names->count && check_spend(c, 1); i++) {
        if (value_get(f->value, names->item[i]))
            continue;
        if (f->is_silent) {
            check_report(c, f, kind);
            return;
        }
        ARENA_PUSH(c->a, missing.item, missing.count, cap, names->item[i]);
    }
    if (missing.count == 0)
        return;
    struct fault *fault = check_report(c, f, kind);
    fault->names = missing;
    fault->text = cause;
}

static void check_dependencies(struct check *c, struct frame *f, const struct table *table)
{
    for (size_t i = 0; i < table->count && check_spend(c, 1); i++) {
        const struct named *named = &table->item[i];
        if (!value_get(f->value, named->name))
            continue;
        if (named->node)
            check_add(c, f, check_self(c, f, named->node, NULL, false));
        else
            check_presence(c, f, &named->needs, FAULT_DEPENDENCY, named->name);
    }
}

/* Whether properties or patternProperties have something to say about the member. */
static bool check_known(struct check *c, struct frame *f, const struct member *member)
{
    const struct object_rules *rules = f->node->object;
    const struct named *property = table_find(&rules->properties, member->key);
    bool is_known = property != NULL;

    if (property)
        check_add(c, f, check_member(c, f, property->node, member->value, member->key));
    for (size_t i = 0; i < rules->patterns.count && c->failed == 0; i++) {
        const struct named *pattern = &rules->patterns.item[i];
        if (!check_matches(c, pattern->regex, member->key))
            continue;
        is_known = true;
        check_add(c, f, check_member(c, f, pattern->node, member->value, member->key));
    }
    return is_known;
}

static void report_additional(struct check *c, struct frame *f, struct strings names)
{
    if (names.count == 0)
        return;
    struct fault *fault = check_report(c, f, FAULT_ADDITIONAL_PROPERTIES);
    fault->names = names;
}

static void check_members(struct check *c, struct frame *f, const uint32_t *order)
{
    const struct object_rules *rules = f->node->object;
    struct strings additional = {0};
    size_t cap = 0;

    for (size_t i = 0; i < f->value->map.count && check_spend(c, 1); i++) {
        const struct member *member = &f->value->map.member[order[i]];
        if (f->is_silent && f->faults.count > 0)
            return;
        bool is_known = check_known(c, f, member);
        if (!is_known && rules->rest == REST_REFUSED)
            ARENA_PUSH(c->a, additional.item, additional.count, cap, member->key);
        else if (!is_known && rules->rest == REST_CHECKED)
            check_add(c, f, check_member(c, f, rules->rest_node, member->value, member->key));
        if (is_known || rules->rest != REST_ABSENT)
            open_remove(&f->open, order[i]);
    }
    report_additional(c, f, additional);
}

static void check_names(struct check *c, struct frame *f, const uint32_t *order)
{
    const struct node *names = f->node->object->names;

    for (size_t i = 0; names && i < f->value->map.count && c->failed == 0; i++)
        check_add(c, f, check_name(c, f, names, f->value->map.member[order[i]].key));
}

void check_object(struct check *c, struct frame *f)
{
    const struct object_rules *rules = f->node->object;

    check_counts(c, f, rules);
    check_presence(c, f, &rules->required, FAULT_REQUIRED, STR_NONE);
    if (f->is_silent && f->faults.count > 0)
        return;
    check_dependencies(c, f, &rules->dependencies);
    const uint32_t *order = check_order(c, f->value);
    check_members(c, f, order);
    if (f->is_silent && f->faults.count > 0)
        return;
    check_names(c, f, order);
    check_dependencies(c, f, &rules->dependent_schemas);
    check_dependencies(c, f, &rules->dependent_required);
}
