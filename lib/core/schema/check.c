/* What applies to all values, in upstream's order; references and their scopes. */
#include "core/schema/check.h"

#include <math.h>
#include <string.h>

#include "core/schema/format.h"
#include "core/gostd/regex.h"

enum { FRAMES_A_STEP = 8, WORD_BITS = 64 };

bool check_spend(struct check *c, uint64_t steps)
{
    if (c->failed != 0)
        return false;
    if (steps <= c->steps_left) {
        c->steps_left -= steps;
        return true;
    }
    c->failed = err_set(c->err, HL_ELIMIT, "the schema asks for too many steps");
    return false;
}

/* Faults ------------------------------------------------------------------------------------- */

struct fault *check_fault(struct check *c, const struct frame *f, enum fault_kind kind)
{
    if (f->is_silent)
        return c->blank;
    if (arena_used_bytes(c->a) > SCHEMA_ROOM_BYTES && c->failed == 0)
        c->failed =
            err_set(c->err, HL_ELIMIT, "the check needs more than %d MiB", SCHEMA_ROOM_BYTES >> 20);
    struct fault *fault = arena_one(c->a, struct fault);
    fault->kind = kind;
    fault->node = f->node;
    fault->spot = f->spot;
    fault->value = f->value;
    return fault;
}

void check_collect(struct check *c, struct faults *list, struct fault *fault)
{
    if (!fault)
        return;
    if (fault == c->blank)
        list->count++;
    else
        faults_add(list, fault);
}

void check_add(struct check *c, struct frame *f, struct fault *fault)
{
    check_collect(c, &f->faults, fault);
}

struct fault *check_report(struct check *c, struct frame *f, enum fault_kind kind)
{
    struct fault *fault = check_fault(c, f, kind);

    check_add(c, f, fault);
    return fault;
}

void check_report_counts(struct check *c, struct frame *f, enum fault_kind kind, size_t got,
                         int64_t want)
{
    struct fault *fault = check_report(c, f, kind);

    fault->got = (int64_t)got;
    fault->want = want;
}

static struct fault *verdict(struct check *c, const struct frame *f)
{
    if (f->faults.count == 0)
        return NULL;
    if (f->is_silent)
        return c->blank;
    if (f->faults.count == 1)
        return f->faults.first;
    struct fault *group = check_fault(c, f, FAULT_GROUP);
    group->causes = f->faults;
    return group;
}

/* Open sets ---------------------------------------------------------------------------------- */

static struct open_set open_range(struct check *c, size_t from, size_t to)
{
    struct open_set set = {.words = (to + WORD_BITS - 1) / WORD_BITS, .left = to - from};

    if (from >= to || !check_spend(c, set.words))
        return (struct open_set){0};
    set.bit = arena_array(c->a, uint64_t, set.words);
    for (size_t i = from; i < to; i++)
        set.bit[i / WORD_BITS] |= (uint64_t)1 << (i % WORD_BITS);
    return set;
}

static struct open_set open_new(struct check *c, const struct value *v, const struct node *node,
                                bool is_wanted)
{
    if (v->kind == VALUE_MAP && !node->evaluates_all_properties &&
        (is_wanted || (node->object && node->object->unevaluated)))
        return open_range(c, 0, v->map.count);
    if (v->kind == VALUE_LIST && !node->evaluates_all_items &&
        (is_wanted || (node->array && node->array->unevaluated)))
        return open_range(c, node->prefix_count, v->list.count);
    return (struct open_set){0};
}

bool open_has(const struct open_set *set, size_t index)
{
    return set->left > 0 && (set->bit[index / WORD_BITS] >> (index % WORD_BITS) & 1);
}

void open_remove(struct open_set *set, size_t index)
{
    if (!open_has(set, index))
        return;
    set->bit[index / WORD_BITS] &= ~((uint64_t)1 << (index % WORD_BITS));
    set->left--;
}

static void open_merge(struct open_set *set, const struct open_set *other)
{
    if (set->left == 0)
        return;
    set->left = 0;
    for (size_t i = 0; i < set->words; i++) {
        set->bit[i] &= other->left > 0 ? other->bit[i] : 0;
        set->left += (size_t)__builtin_popcountll(set->bit[i]);
    }
}

/* Scopes ------------------------------------------------------------------------------------- */

static struct fault *apply(struct check *c, struct frame *f);

static void put_spot(struct buf *out, const struct spot *spot)
{
    if (!spot)
        return;
    put_spot(out, spot->parent);
    buf_add_byte(out, '/');
    if (!spot->name.ptr)
        buf_printf(out, "%zu", spot->index);
    for (size_t i = 0; i < spot->name.len; i++) {
        if (spot->name.ptr[i] == '~' || spot->name.ptr[i] == '/')
            buf_add_cstr(out, spot->name.ptr[i] == '~' ? "~0" : "~1");
        else
            buf_add_byte(out, spot->name.ptr[i]);
    }
}

/* A schema that names its own dialect is checked by that dialect's metaschema. */
static void enter_dialect(struct check *c, struct frame *f)
{
    HL_CLEANUP(buf_deinit) struct buf pointer = {0};

    if (!c->dialects || f->node != f->meta)
        return;
    put_spot(&pointer, f->spot);
    if (!check_spend(c, 1 + pointer.len / 8))
        return;
    const struct node *meta = c->dialects->find(c->dialects->context, buf_str(&pointer));
    if (!meta)
        return;
    f->node = meta;
    f->meta = meta;
}

static struct fault *enter(struct check *c, struct frame *f)
{
    if (c->depth == SCHEMA_DEPTH_MAX && c->failed == 0)
        c->failed = err_set(c->err, HL_ELIMIT, "more than %d subschemas in one another at work",
                            SCHEMA_DEPTH_MAX);
    if (!check_spend(c, 1))
        return NULL;
    f->scope = f->node;
    enter_dialect(c, f);
    c->depth++;
    struct fault *fault = apply(c, f);
    c->depth--;
    return fault;
}

struct fault *check_self(struct check *c, struct frame *f, const struct node *node,
                         const char *keyword, bool is_silent)
{
    struct frame sub = {.value = f->value,
                        .spot = f->spot,
                        .node = node,
                        .parent = f,
                        .keyword = keyword,
                        .value_depth = f->value_depth,
                        .is_silent = f->is_silent || is_silent,
                        .meta = f->meta,
                        .open = open_new(c, f->value, node, f->open.left > 0)};
    struct fault *fault = enter(c, &sub);

    if (!fault)
        open_merge(&f->open, &sub.open);
    return fault;
}

static struct fault *check_below(struct check *c, const struct frame *f, const struct node *node,
                                 const struct value *v, struct spot spot)
{
    struct frame sub = {.value = v,
                        .node = node,
                        .parent = f,
                        .value_depth = f->value_depth + 1,
                        .is_silent = f->is_silent,
                        .meta = f->meta,
                        .open = open_new(c, v, node, false)};

    if (f->is_silent && !c->dialects) {
        sub.spot = &spot;
    } else {
        struct spot *kept = arena_one(c->a, struct spot);
        *kept = spot;
        sub.spot = kept;
    }
    return enter(c, &sub);
}

struct fault *check_member(struct check *c, const struct frame *f, const struct node *node,
                           const struct value *v, struct str name)
{
    return check_below(c, f, node, v,
                       (struct spot){.parent = f->spot, .name = name.ptr ? name : STR("")});
}

struct fault *check_item(struct check *c, const struct frame *f, const struct node *node,
                         const struct value *v, size_t index)
{
    return check_below(c, f, node, v, (struct spot){.parent = f->spot, .index = index});
}

struct fault *check_name(struct check *c, const struct frame *f, const struct node *node,
                         struct str name)
{
    struct value *v = value_string(c->a, name);
    struct frame sub = {.value = v, .node = node, .meta = f->meta};
    struct fault *wrong = enter(c, &sub);

    if (!wrong)
        return NULL;
    struct fault *fault = check_fault(c, &sub, FAULT_PROPERTY_NAME);
    fault->text = name;
    if (wrong->kind == FAULT_GROUP)
        fault->causes = wrong->causes;
    else
        faults_add(&fault->causes, wrong);
    return f->is_silent ? c->blank : fault;
}

/* References --------------------------------------------------------------------------------- */

/* The keywords from the root to f. */
static void put_way(struct check *c, struct buf *out, const struct frame *f)
{
    HL_CLEANUP(buf_deinit) struct buf here = {0};
    HL_CLEANUP(buf_deinit) struct buf above = {0};

    if (!f->parent || !check_spend(c, 4))
        return;
    put_way(c, out, f->parent);
    if (f->keyword) {
        buf_printf(out, "/%s", f->keyword);
        return;
    }
    node_location(&here, f->scope);
    node_location(&above, f->parent->scope);
    buf_add(out, str_sub(buf_str(&here), above.len, here.len));
}

/* The frame that applies the same node to the same value already. */
static const struct frame *find_cycle(struct check *c, const struct frame *f)
{
    uint64_t frames = 0;
    const struct frame *above = f->parent;

    for (; above && above->value_depth == f->value_depth; above = above->parent, frames++) {
        if (above->scope == f->scope)
            return above;
    }
    check_spend(c, frames / FRAMES_A_STEP);
    return NULL;
}

static struct fault *report_cycle(struct check *c, const struct frame *f, const struct frame *above)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct fault *fault = check_fault(c, f, FAULT_CYCLE);

    if (f->is_silent)
        return fault;
    put_way(c, &text, f);
    buf_add(&text, STR(" and "));
    put_way(c, &text, above);
    fault->text = arena_dup(c->a, buf_str(&text));
    return fault;
}

static struct fault *follow(struct check *c, struct frame *f, const struct node *node,
                            const char *keyword)
{
    struct fault *wrong = check_self(c, f, node, keyword, false);

    if (!wrong || f->is_silent)
        return wrong;
    struct fault *fault = check_fault(c, f, FAULT_REFERENCE);
    if (wrong->kind == FAULT_GROUP)
        fault->causes = wrong->causes;
    else
        faults_add(&fault->causes, wrong);
    return fault;
}

static bool is_recursive_anchor(const struct node *node)
{
    return node->references && node->references->is_recursive_anchor;
}

static const struct node *resolve_recursive(struct check *c, const struct frame *f,
                                            const struct node *target)
{
    const struct node *found = target;

    if (!is_recursive_anchor(target))
        return target;
    for (; f && check_spend(c, 1); f = f->parent) {
        if (is_recursive_anchor(f->scope->resource))
            found = f->scope;
    }
    return found;
}

static const struct node *resolve_dynamic(struct check *c, const struct frame *f,
                                          const struct reference_rules *r)
{
    const struct node *found = r->dynamic;
    const struct reference_rules *there = r->dynamic->references;

    if (r->dynamic_ref_anchor.len == 0 || !there ||
        !str_eq(there->dynamic_anchor, r->dynamic_ref_anchor))
        return found;
    for (; f && check_spend(c, 1); f = f->parent) {
        const struct dynamic_anchor *d = f->scope->resource->dynamic_anchors;
        for (; d && check_spend(c, 1); d = d->next) {
            if (str_eq(d->name, r->dynamic_ref_anchor))
                found = d->node;
        }
    }
    return found;
}

static void check_late_references(struct check *c, struct frame *f)
{
    const struct reference_rules *r = f->node->references;

    if (!r)
        return;
    if (r->recursive)
        check_add(c, f, follow(c, f, resolve_recursive(c, f, r->recursive), "$recursiveRef"));
    if (r->dynamic)
        check_add(c, f, follow(c, f, resolve_dynamic(c, f, r), "$dynamicRef"));
}

/* Values of any kind ------------------------------------------------------------------------- */

enum type check_type(const struct value *v)
{
    static const enum type types[] = {
        [VALUE_NULL] = TYPE_NULL,   [VALUE_BOOL] = TYPE_BOOLEAN, [VALUE_INT] = TYPE_NUMBER,
        [VALUE_UINT] = TYPE_NUMBER, [VALUE_FLOAT] = TYPE_NUMBER, [VALUE_STRING] = TYPE_STRING,
        [VALUE_LIST] = TYPE_ARRAY,  [VALUE_MAP] = TYPE_OBJECT,
    };

    return types[v->kind];
}

static bool has_type(const struct value *v, unsigned types)
{
    enum type type = check_type(v);

    if (types == 0 || (types & type))
        return true;
    if (type != TYPE_NUMBER || !(types & TYPE_INTEGER))
        return false;
    return v->kind != VALUE_FLOAT || v->number == floor(v->number);
}

static bool is_in(struct check *c, const struct value *v, const struct value *list)
{
    for (size_t i = 0; i < list->list.count; i++) {
        if (check_equal(c, v, list->list.item[i]))
            return true;
    }
    return false;
}

static struct fault *check_format(struct check *c, const struct frame *f)
{
    HL_CLEANUP(buf_deinit) struct buf why = {0};
    HL_CLEANUP(arena_freep) struct arena *scratch = NULL;

    if (!check_spend(c, 1 + f->value->string.len / 32))
        return NULL;
    scratch = arena_new();
    if (f->node->format->check(scratch, f->value->string, &why))
        return NULL;
    struct fault *fault = check_fault(c, f, FAULT_FORMAT);
    if (!f->is_silent)
        fault->text = arena_dup(c->a, buf_str(&why));
    return fault;
}

/* The keywords after whose failure the others are not looked at. */
static struct fault *check_basics(struct check *c, const struct frame *f)
{
    const struct node *node = f->node;

    if (!has_type(f->value, node->types)) {
        struct fault *fault = check_fault(c, f, FAULT_TYPE);
        if (!f->is_silent)
            fault->got = check_type(f->value);
        return fault;
    }
    if (node->constant && !check_equal(c, f->value, node->constant))
        return check_fault(c, f, FAULT_CONST);
    if (node->enumeration && !is_in(c, f->value, node->enumeration))
        return check_fault(c, f, FAULT_ENUM);
    if (node->format && f->value->kind == VALUE_STRING)
        return check_format(c, f);
    return NULL;
}

/* Strings and numbers ------------------------------------------------------------------------ */

static size_t count_runes(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

bool check_matches(struct check *c, const struct regex *regex, struct str s)
{
    if (!check_spend(c, 1))
        return false;
    int rc = regex_test(regex, s, &c->steps_left, c->err);
    if (rc < 0)
        c->failed = rc;
    return rc > 0;
}

static void check_string(struct check *c, struct frame *f)
{
    const struct string_rules *rules = f->node->string;

    if (!rules)
        return;
    size_t runes = count_runes(f->value->string);
    if (rules->min != UNBOUNDED && runes < (uint64_t)rules->min)
        check_report_counts(c, f, FAULT_MIN_LENGTH, runes, rules->min);
    if (rules->max != UNBOUNDED && runes > (uint64_t)rules->max)
        check_report_counts(c, f, FAULT_MAX_LENGTH, runes, rules->max);
    if (rules->regex && !check_matches(c, rules->regex, f->value->string))
        check_report(c, f, FAULT_PATTERN);
}

static void check_number(struct check *c, struct frame *f)
{
    const struct number_rules *rules = f->node->number;

    if (!rules)
        return;
    struct decimal d = decimal_of(f->value);
    if (rules->min.number && decimal_cmp(&d, &rules->min.decimal) < 0)
        check_report(c, f, FAULT_MINIMUM);
    if (rules->max.number && decimal_cmp(&d, &rules->max.decimal) > 0)
        check_report(c, f, FAULT_MAXIMUM);
    if (rules->above.number && decimal_cmp(&d, &rules->above.decimal) <= 0)
        check_report(c, f, FAULT_EXCLUSIVE_MINIMUM);
    if (rules->below.number && decimal_cmp(&d, &rules->below.decimal) >= 0)
        check_report(c, f, FAULT_EXCLUSIVE_MAXIMUM);
    if (rules->multiple_of.number && !decimal_is_multiple(&d, &rules->multiple_of.decimal))
        check_report(c, f, FAULT_MULTIPLE_OF);
}

static void check_by_kind(struct check *c, struct frame *f)
{
    switch (f->value->kind) {
    case VALUE_MAP:
        if (f->node->object)
            check_object(c, f);
        break;
    case VALUE_LIST:
        if (f->node->array)
            check_array(c, f);
        break;
    case VALUE_STRING:
        check_string(c, f);
        break;
    case VALUE_INT:
    case VALUE_UINT:
    case VALUE_FLOAT:
        check_number(c, f);
        break;
    default:
        break;
    }
}

static struct fault *apply(struct check *c, struct frame *f)
{
    const struct node *node = f->node;
    const struct node *ref = node->references ? node->references->ref : NULL;

    if (node->verdict != VERDICT_OPEN)
        return node->verdict == VERDICT_TRUE ? NULL : check_fault(c, f, FAULT_FALSE);
    const struct frame *cycle = find_cycle(c, f);
    if (cycle)
        return report_cycle(c, f, cycle);
    struct fault *fault = check_basics(c, f);
    if (fault)
        return fault;
    if (ref) {
        fault = follow(c, f, ref, "$ref");
        if (node->version < 2019)
            return fault;
        check_add(c, f, fault);
    }
    check_by_kind(c, f);
    if (f->faults.count == 0 || !f->is_silent) {
        if (node->version >= 2019)
            check_late_references(c, f);
        if (node->logic)
            check_logic(c, f);
        if (node->version >= 2019)
            check_unevaluated(c, f);
    }
    return verdict(c, f);
}

int check_run(struct check *c, const struct node *node, const struct value *v,
              struct fault **out_fault)
{
    struct frame f = {.value = v, .node = node, .meta = c->dialects ? node : NULL};

    c->blank = arena_one(c->a, struct fault);
    f.open = open_new(c, v, node, false);
    f.scope = node;
    c->depth++;
    struct fault *fault = check_spend(c, 1) ? apply(c, &f) : NULL;
    c->depth--;
    if (c->failed != 0)
        return c->failed;
    *out_fault = fault;
    return fault ? SCHEMA_INVALID : SCHEMA_VALID;
}
