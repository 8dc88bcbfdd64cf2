/* The keywords of arrays; equality of values, and duplicates among items. */
#include "core/schema/check.h"

#include <stdlib.h>
#include <string.h>

static void check_counts(struct check *c, struct frame *f, const struct array_rules *rules)
{
    size_t count = f->value->list.count;
    size_t first = 0;
    size_t second = 0;

    if (rules->min != UNBOUNDED && count < (uint64_t)rules->min)
        check_report_counts(c, f, FAULT_MIN_ITEMS, count, rules->min);
    if (rules->max != UNBOUNDED && count > (uint64_t)rules->max)
        check_report_counts(c, f, FAULT_MAX_ITEMS, count, rules->max);
    if (rules->is_unique && check_duplicates(c, f->value, &first, &second))
        check_report_counts(c, f, FAULT_UNIQUE_ITEMS, first, (int64_t)second);
}

/* Upstream counts the items behind the prefix from 0 in messages. */
static void check_items(struct check *c, struct frame *f, const struct array_rules *rules)
{
    struct value **item = f->value->list.item;
    size_t count = f->value->list.count;
    size_t done = rules->prefix.count < count ? rules->prefix.count : count;

    for (size_t i = 0; i < count && rules->each && c->failed == 0; i++)
        check_add(c, f, check_item(c, f, rules->each, item[i], i));
    for (size_t i = 0; i < done && c->failed == 0; i++)
        check_add(c, f, check_item(c, f, rules->prefix.item[i], item[i], i));
    if (rules->rest == REST_REFUSED && done < count)
        check_report_counts(c, f, FAULT_ADDITIONAL_ITEMS, count - done, 0);
    for (size_t i = done; i < count && rules->rest == REST_CHECKED && c->failed == 0; i++)
        check_add(c, f, check_item(c, f, rules->rest_node, item[i], i - done));
}

static void report_contains(struct check *c, struct frame *f, enum fault_kind kind, size_t got,
                            int64_t want, const struct buf *places)
{
    struct fault *fault = check_report(c, f, kind);

    fault->got = (int64_t)got;
    fault->want = want;
    if (!f->is_silent)
        fault->text = arena_dup(c->a, buf_str(places));
}

static void check_contains(struct check *c, struct frame *f, const struct array_rules *rules)
{
    HL_CLEANUP(buf_deinit) struct buf places = {0};
    struct faults wrong = {0};
    size_t got = 0;

    for (size_t i = 0; i < f->value->list.count && c->failed == 0; i++) {
        struct fault *fault = check_item(c, f, rules->contains, f->value->list.item[i], i);
        if (fault) {
            check_collect(c, &wrong, fault);
            continue;
        }
        buf_printf(&places, got > 0 ? " %zu" : "%zu", i);
        got++;
        if (f->node->version >= 2020)
            open_remove(&f->open, i);
    }
    if (rules->min_contains != UNBOUNDED ? got < (uint64_t)rules->min_contains : got == 0) {
        report_contains(c, f,
                        rules->min_contains != UNBOUNDED ? FAULT_MIN_CONTAINS : FAULT_CONTAINS, got,
                        rules->min_contains, &places);
        if (!f->is_silent)
            f->faults.last->causes = wrong;
    }
    if (rules->max_contains != UNBOUNDED && got > (uint64_t)rules->max_contains)
        report_contains(c, f, FAULT_MAX_CONTAINS, got, rules->max_contains, &places);
}

void check_array(struct check *c, struct frame *f)
{
    const struct array_rules *rules = f->node->array;

    check_counts(c, f, rules);
    check_items(c, f, rules);
    if (rules->contains)
        check_contains(c, f, rules);
}

/* Order -------------------------------------------------------------------------------------- */

const uint32_t *check_order(struct check *c, const struct value *map)
{
    size_t count = map->map.count;

    if (map->map.sorted)
        return map->map.sorted;
    uint32_t *order = arena_array(c->a, uint32_t, count);
    for (size_t i = 0; i < count && check_spend(c, i / 8); i++) {
        size_t k = i;
        for (; k > 0 && str_cmp(map->map.member[i].key, map->map.member[order[k - 1]].key) < 0; k--)
            order[k] = order[k - 1];
        order[k] = (uint32_t)i;
    }
    return order;
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare(struct check *c, const struct value *a, const struct value *b);

static int compare_lists(struct check *c, const struct value *a, const struct value *b)
{
    int order = compare_sizes(a->list.count, b->list.count);

    for (size_t i = 0; order == 0 && i < a->list.count; i++)
        order = compare(c, a->list.item[i], b->list.item[i]);
    return order;
}

static int compare_maps(struct check *c, const struct value *a, const struct value *b)
{
    int order = compare_sizes(a->map.count, b->map.count);

    if (order != 0 || a->map.count == 0)
        return order;
    const uint32_t *of_a = check_order(c, a);
    const uint32_t *of_b = check_order(c, b);
    for (size_t i = 0; order == 0 && i < a->map.count && c->failed == 0; i++) {
        const struct member *x = &a->map.member[of_a[i]];
        const struct member *y = &b->map.member[of_b[i]];
        order = str_cmp(x->key, y->key);
        if (order == 0)
            order = compare(c, x->value, y->value);
    }
    return order;
}

/* A float64 that is exactly the number; its order is that of the decimals. */
static bool as_float(const struct value *v, double *out)
{
    const int64_t most = (int64_t)1 << 53;

    *out = v->kind == VALUE_FLOAT ? v->number : (double)v->integer;
    return v->kind == VALUE_FLOAT ||
           (v->kind == VALUE_INT && v->integer >= -most && v->integer <= most);
}

static int compare_numbers(const struct value *a, const struct value *b)
{
    double p;
    double q;

    if (as_float(a, &p) && as_float(b, &q))
        return (p > q) - (p < q);
    struct decimal x = decimal_of(a);
    struct decimal y = decimal_of(b);

    return decimal_cmp(&x, &y);
}

/* A total order in which equal values are those that JSON Schema calls equal. */
static int compare(struct check *c, const struct value *a, const struct value *b)
{
    enum type type = check_type(a);
    size_t text = type == TYPE_STRING ? a->string.len / 64 : 0;

    if (type != check_type(b))
        return type < check_type(b) ? -1 : 1;
    if (!check_spend(c, 1 + text))
        return 0;
    switch (type) {
    case TYPE_BOOLEAN:
        return (int)a->boolean - (int)b->boolean;
    case TYPE_NUMBER:
        return compare_numbers(a, b);
    case TYPE_STRING:
        return str_cmp(a->string, b->string);
    case TYPE_ARRAY:
        return compare_lists(c, a, b);
    case TYPE_OBJECT:
        return compare_maps(c, a, b);
    default:
        return 0;
    }
}

bool check_equal(struct check *c, const struct value *a, const struct value *b)
{
    return compare(c, a, b) == 0 && c->failed == 0;
}

/* Merges the sorted halves of order[from..to); equal items keep their order. */
static void merge_halves(struct check *c, const struct value *list, size_t *order, size_t *room,
                         size_t from, size_t middle, size_t to)
{
    size_t left = from;
    size_t right = middle;

    for (size_t i = from; i < to; i++) {
        bool is_right =
            right < to && (left == middle || compare(c, list->list.item[order[left]],
                                                     list->list.item[order[right]]) > 0);
        room[i] = is_right ? order[right++] : order[left++];
    }
    memcpy(order + from, room + from, (to - from) * sizeof(*order));
}

static size_t *sorted_items(struct check *c, const struct value *list)
{
    size_t count = list->list.count;
    size_t *order = arena_array(c->a, size_t, count);
    size_t *room = arena_array(c->a, size_t, count);

    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t width = 1; width < count && c->failed == 0; width *= 2) {
        for (size_t from = 0; from + width < count; from += 2 * width) {
            size_t to = from + 2 * width < count ? from + 2 * width : count;
            merge_halves(c, list, order, room, from, from + width, to);
        }
    }
    return order;
}

bool check_duplicates(struct check *c, const struct value *list, size_t *out_first,
                      size_t *out_second)
{
    size_t count = list->list.count;
    size_t best = SIZE_MAX;

    if (count < 2 || !check_spend(c, count))
        return false;
    const size_t *order = sorted_items(c, list);
    for (size_t i = 0; i + 1 < count && c->failed == 0;) {
        size_t end = i + 1;
        while (end < count &&
               check_equal(c, list->list.item[order[i]], list->list.item[order[end]]))
            end++;
        if (end > i + 1 && order[i + 1] < best) {
            best = order[i + 1];
            *out_first = order[i];
        }
        i = end;
    }
    *out_second = best;
    return best != SIZE_MAX;
}
