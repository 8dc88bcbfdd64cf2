/* Keywords that apply other schemas to the same value, and what is left when all have spoken. */
#include "core/schema/check.h"

static struct fault *report_with(struct check *c, struct frame *f, enum fault_kind kind,
                                 struct faults causes)
{
    struct fault *fault = check_report(c, f, kind);

    if (!f->is_silent)
        fault->causes = causes;
    return fault;
}

static void check_all_of(struct check *c, struct frame *f, const struct nodes *all)
{
    struct faults wrong = {0};

    for (size_t i = 0; i < all->count && c->failed == 0; i++) {
        check_collect(c, &wrong, check_self(c, f, all->item[i], NULL, false));
        if (wrong.count > 0 && f->is_silent)
            break;
    }
    if (wrong.count > 0)
        report_with(c, f, FAULT_ALL_OF, wrong);
}

/* As long as somebody wants to know what was evaluated, all must be tried. */
static void check_any_of(struct check *c, struct frame *f, const struct nodes *any)
{
    struct faults wrong = {0};
    bool has_match = any->count == 0;

    for (size_t i = 0; i < any->count && c->failed == 0; i++) {
        struct fault *fault = check_self(c, f, any->item[i], NULL, false);
        check_collect(c, &wrong, fault);
        has_match = has_match || !fault;
        if (!fault && f->open.left == 0)
            break;
    }
    if (!has_match)
        report_with(c, f, FAULT_ANY_OF, wrong);
}

static void check_one_of(struct check *c, struct frame *f, const struct nodes *one)
{
    struct faults wrong = {0};
    size_t match = SIZE_MAX;

    for (size_t i = 0; i < one->count && c->failed == 0; i++) {
        bool has_match = match != SIZE_MAX;
        struct fault *fault = check_self(c, f, one->item[i], NULL, has_match);
        if (fault && !has_match) {
            check_collect(c, &wrong, fault);
        } else if (!fault && has_match) {
            check_report_counts(c, f, FAULT_ONE_OF_TWO, match, (int64_t)i);
            return;
        } else if (!fault) {
            match = i;
        }
    }
    if (one->count > 0 && match == SIZE_MAX)
        report_with(c, f, FAULT_ONE_OF_NONE, wrong);
}

static void check_condition(struct check *c, struct frame *f, const struct logic_rules *rules)
{
    const struct node *next = rules->then;

    if (!rules->condition)
        return;
    if (check_self(c, f, rules->condition, NULL, true))
        next = rules->otherwise;
    if (next)
        check_add(c, f, check_self(c, f, next, NULL, false));
}

void check_logic(struct check *c, struct frame *f)
{
    const struct logic_rules *rules = f->node->logic;

    if (rules->none && !check_self(c, f, rules->none, NULL, true))
        check_report(c, f, FAULT_NOT);
    check_all_of(c, f, &rules->all);
    check_any_of(c, f, &rules->any);
    check_one_of(c, f, &rules->one);
    check_condition(c, f, rules);
}

static void check_open_members(struct check *c, struct frame *f, const struct node *node)
{
    const uint32_t *order = check_order(c, f->value);

    for (size_t i = 0; i < f->value->map.count && f->open.left > 0 && c->failed == 0; i++) {
        const struct member *member = &f->value->map.member[order[i]];
        if (open_has(&f->open, order[i]))
            check_add(c, f, check_member(c, f, node, member->value, member->key));
    }
    f->open = (struct open_set){0};
}

static void check_open_items(struct check *c, struct frame *f, const struct node *node)
{
    for (size_t i = 0; i < f->value->list.count && f->open.left > 0 && c->failed == 0; i++) {
        if (open_has(&f->open, i))
            check_add(c, f, check_item(c, f, node, f->value->list.item[i], i));
    }
    f->open = (struct open_set){0};
}

void check_unevaluated(struct check *c, struct frame *f)
{
    const struct object_rules *object = f->node->object;
    const struct array_rules *array = f->node->array;

    if (f->value->kind == VALUE_MAP && object && object->unevaluated)
        check_open_members(c, f, object->unevaluated);
    if (f->value->kind == VALUE_LIST && array && array->unevaluated)
        check_open_items(c, f, array->unevaluated);
}
