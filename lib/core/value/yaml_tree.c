/*
 * libyaml's events become a tree without recursion: open collections lie on a stack of frames, what
 * they will hold waits in one heap array, so that each gets room of exactly its size at its end.
 *
 * An alias shares the anchored node. What consumers will walk is bounded when the alias is read:
 * every anchor knows how heavy and how high its tree is.
 */
#include "core/value/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/value/build.h"
#include "core/value/number.h"
#include "core/value/yaml.h"
#include "core/value/yaml_go.h"
#include "core/value/yaml_scalar.h"

enum { WEIGHT_STRING_BYTES = 32 };

/* A node that is complete: what its parent has to know. */
struct done {
    struct value *value;
    uint64_t weight;
    int height; /* 0 for scalars */
    bool is_alias;
    bool is_merge_key;
};

int yaml_fail_at(struct yaml_reader *r, int code, const yaml_mark_t *mark, const char *text)
{
    return err_at(r->err, code, *r->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                  "%s", text);
}

int yaml_go_fail(struct err *err, const struct yaml_reader *r, const yaml_mark_t *mark,
                 const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return err_at(err, HL_EINVAL, *r->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                  YAML_GO_PREFIX "%s", text);
}

static struct str str_of(const yaml_char_t *c)
{
    return str_from((const char *)c);
}

static int count_node(struct yaml_reader *r, const yaml_mark_t *mark)
{
    if (r->node_count == YAML_NODES_MAX)
        return yaml_fail_at(r, HL_ELIMIT, mark, "too many values in one stream");
    r->node_count++;
    return 0;
}

static struct value *node(struct yaml_reader *r, enum value_kind kind, const yaml_mark_t *mark)
{
    struct value *v = arena_one(r->a, struct value);

    v->kind = kind;
    v->line = (uint32_t)mark->line + 1;
    v->column = (uint32_t)mark->column + 1;
    v->file = r->file;
    return v;
}

/* Anchors ------------------------------------------------------------------------------------ */

static size_t anchor_place(const struct yaml_reader *r, struct str name, bool *out_found)
{
    size_t low = 0;
    size_t high = r->anchor_count;

    *out_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(r->anchor[middle].name, name);
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int keep_anchor(struct yaml_reader *r, struct str name, const struct done *d)
{
    bool is_known;
    size_t place = anchor_place(r, name, &is_known);

    if (!is_known && r->anchor_count == YAML_ANCHORS_MAX)
        return value_err(r->err, HL_ELIMIT, d->value, "more than %d anchors in one document",
                         YAML_ANCHORS_MAX);
    if (!is_known) {
        if (r->anchor_count == r->anchor_cap) {
            r->anchor_cap = r->anchor_cap ? r->anchor_cap * 2 : 16;
            r->anchor = hl_realloc(r->anchor, r->anchor_cap * sizeof(*r->anchor));
        }
        memmove(r->anchor + place + 1, r->anchor + place,
                (r->anchor_count - place) * sizeof(*r->anchor));
        r->anchor_count++;
    }
    r->anchor[place] = (struct anchor){name, d->value, d->weight, d->height};
    return 0;
}

static int read_alias(struct yaml_reader *r, const yaml_event_t *event, struct done *out)
{
    struct str name = str_of(event->data.alias.anchor);
    const yaml_mark_t *mark = &event->start_mark;
    bool is_known;

    for (int i = 0; i < r->depth; i++) {
        if (r->frame[i].anchor.len && str_eq(r->frame[i].anchor, name))
            return r->go
                       ? yaml_go_fail(r->err, r, mark, "yaml: anchor '%.80s' value contains itself",
                                      (const char *)event->data.alias.anchor)
                       : yaml_fail_at(r, HL_EINVAL, mark, "the anchored value contains itself");
    }
    size_t place = anchor_place(r, name, &is_known);
    if (!is_known)
        return r->go ? yaml_go_fail(r->err, r, mark, "yaml: unknown anchor '%.80s' referenced",
                                    (const char *)event->data.alias.anchor)
                     : err_at(r->err, HL_EINVAL, *r->file, (uint32_t)mark->line + 1,
                              (uint32_t)mark->column + 1, "unknown anchor \"%.80s\"",
                              (const char *)event->data.alias.anchor);
    const struct anchor *anchor = &r->anchor[place];
    if (r->depth + anchor->height > VALUE_DEPTH_MAX)
        return yaml_fail_at(r, HL_ELIMIT, mark, "too many nested collections");
    r->alias_weight += anchor->weight;
    if (r->alias_weight > r->alias_weight_max)
        return yaml_fail_at(r, HL_ELIMIT, mark, "aliases repeat too much of the document");
    *out = (struct done){anchor->value, anchor->weight, anchor->height, true, false};
    return 0;
}

/* Collections -------------------------------------------------------------------------------- */

static void wait_entry(struct yaml_reader *r, struct entry e)
{
    if (r->waiting_count == r->waiting_cap) {
        r->waiting_cap = r->waiting_cap ? r->waiting_cap * 2 : 64;
        r->waiting = hl_realloc(r->waiting, r->waiting_cap * sizeof(*r->waiting));
    }
    r->waiting[r->waiting_count++] = e;
}

static int open_collection(struct yaml_reader *r, enum value_kind kind, const yaml_char_t *anchor,
                           const yaml_mark_t *mark)
{
    int result = count_node(r, mark);

    if (result != 0)
        return result;
    if (r->depth == VALUE_DEPTH_MAX)
        return yaml_fail_at(r, HL_ELIMIT, mark, "too many nested collections");
    struct frame *parent = r->depth ? &r->frame[r->depth - 1] : NULL;
    bool is_in_map = parent && parent->value->kind == VALUE_MAP;
    if (is_in_map && !parent->has_key && !r->go)
        return yaml_fail_at(r, HL_EINVAL, mark, "a list or map cannot be a key");

    struct frame *f = &r->frame[r->depth++];
    *f = (struct frame){.value = node(r, kind, mark), .waiting_start = r->waiting_count};
    if (anchor)
        f->anchor = arena_dup(r->a, str_of(anchor));
    return 0;
}

static void close_list(struct yaml_reader *r, const struct frame *f)
{
    size_t count = r->waiting_count - f->waiting_start;
    struct value *list = f->value;

    list->list.count = list->list.cap = count;
    list->list.item = count ? arena_array(r->a, struct value *, count) : NULL;
    for (size_t i = 0; i < count; i++)
        list->list.item[i] = r->waiting[f->waiting_start + i].member.value;
    r->waiting_count = f->waiting_start;
}

static int duplicate_key(struct yaml_reader *r, const struct member *first,
                         const struct member *second)
{
    return err_at(r->err, HL_EINVAL, *r->file, second->key_line, second->key_column,
                  "duplicate key \"" STR_FMT "\", first on line %u, column %u",
                  (int)(first->key.len < 200 ? first->key.len : 200), first->key.ptr,
                  first->key_line, first->key_column);
}

/* Of the entries that share a key: the later one wins; two written out in the map are an error, but
 * not to Go. */
static int settle_twins(struct yaml_reader *r, const struct member *member,
                        const struct entry *entry, const uint32_t *order, size_t count,
                        uint32_t *winner)
{
    for (size_t i = 0; i < count;) {
        const struct member *written = NULL;
        size_t end = i;
        for (; end < count && str_eq(member[order[i]].key, member[order[end]].key); end++) {
            if (entry[order[end]].is_merged)
                continue;
            if (written && !r->go)
                return duplicate_key(r, written, &member[order[end]]);
            written = &member[order[end]];
        }
        for (size_t k = i; k < end; k++)
            winner[order[k]] = k == i ? order[end - 1] : UINT32_MAX;
        i = end;
    }
    return 0;
}

/* goyaml.v2 sets members in document order, merged ones where the "<<" stands: the last wins. */
static int resolve_twins(struct yaml_reader *r, const struct frame *f, struct member *member,
                         size_t *count)
{
    const struct entry *entry = r->waiting + f->waiting_start;
    uint32_t *order = arena_array(r->a, uint32_t, *count);
    uint32_t *winner = arena_array(r->a, uint32_t, *count);
    size_t kept = 0;

    members_sort(member, order, winner, *count, str_cmp);
    int result = settle_twins(r, member, entry, order, *count, winner);
    if (result != 0)
        return result;
    for (size_t i = 0; i < *count; i++) {
        if (winner[i] != UINT32_MAX)
            member[kept++] = entry[winner[i]].member;
    }
    *count = kept;
    return 0;
}

/* Of a tolerant reader: takes note of the first one. */
static bool is_harmless_twin(struct yaml_reader *r, const struct member *first,
                             const struct member *second)
{
    if (!r->twin || r->twin_count == YAML_TWINS_MAX || !value_eq(first->value, second->value))
        return false;
    if (r->twin_count++ == 0)
        *r->twin = (struct value_pos){*r->file, second->key_line, second->key_column};
    return true;
}

static int close_map(struct yaml_reader *r, const struct frame *f)
{
    size_t count = r->waiting_count - f->waiting_start;
    struct member *member = arena_array(r->a, struct member, count);
    size_t first = 0;
    size_t second = 0;

    for (size_t i = 0; i < count; i++)
        member[i] = r->waiting[f->waiting_start + i].member;
    if (f->has_merged || r->go) {
        int result = resolve_twins(r, f, member, &count);
        if (result != 0)
            return result;
    }
    r->waiting_count = f->waiting_start;
    while (!map_fill(r->a, f->value, member, count, &first, &second)) {
        if (!is_harmless_twin(r, &member[first], &member[second]))
            return duplicate_key(r, &member[first], &member[second]);
        memmove(&member[second], &member[second + 1], (--count - second) * sizeof(*member));
    }
    return 0;
}

static int close_collection(struct yaml_reader *r, struct done *out)
{
    struct frame *f = &r->frame[r->depth - 1];

    if (f->value->kind == VALUE_LIST) {
        close_list(r, f);
    } else {
        int result = close_map(r, f);
        if (result != 0)
            return result;
    }
    *out = (struct done){f->value, f->weight + 1, f->height + 1, false, false};
    r->depth--;
    return f->anchor.len ? keep_anchor(r, f->anchor, out) : 0;
}

/* Members ------------------------------------------------------------------------------------ */

/* How sigs.k8s.io/yaml turns a key into a JSON key. */
static int key_text(struct yaml_reader *r, const struct value *key, struct str *out)
{
    char room[NUMBER_TEXT_MAX];

    switch (key->kind) {
    case VALUE_STRING:
        *out = key->string;
        return 0;
    case VALUE_BOOL:
        *out = key->boolean ? STR("true") : STR("false");
        return 0;
    case VALUE_INT:
        *out = arena_printf(r->a, "%lld", (long long)key->integer);
        return 0;
    case VALUE_FLOAT:
        *out = arena_dup(r->a, number_go(key->number, 32, room));
        return 0;
    default:
        return value_err(r->err, HL_EINVAL, key, "a %s cannot be a key",
                         value_kind_name(key->kind));
    }
}

static bool is_go_key(const struct value *key)
{
    return key->kind == VALUE_BOOL || key->kind == VALUE_INT || key->kind == VALUE_FLOAT ||
           key->kind == VALUE_STRING;
}

/* The first fault of its kind is told, when the text has no worse ones. */
static void note_bad_key(struct yaml_reader *r, const struct value *key, const yaml_mark_t *mark)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (r->go->decoding.code != 0 || (key->kind != VALUE_LIST && key->kind != VALUE_MAP))
        return;
    yaml_go_value(&text, key);
    yaml_go_fail(&r->go->decoding, r, mark, "yaml: invalid map key: " STR_FMT,
                 STR_ARG(buf_str(&text)));
}

/* The value of a key that no JSON object can have. */
static void note_bad_member(struct yaml_reader *r, const struct value *key, const struct value *v,
                            const yaml_mark_t *mark)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    if (r->go->converting.code != 0)
        return;
    buf_add_cstr(&text, key->kind == VALUE_NULL ? "%!s(<nil>), key: " : "uint64, key: ");
    yaml_go_value(&text, key);
    buf_add(&text, STR(", value: "));
    yaml_go_value(&text, v);
    yaml_go_fail(&r->go->converting, r, mark, "unsupported map key of type: " STR_FMT,
                 STR_ARG(buf_str(&text)));
}

static int take_key(struct yaml_reader *r, struct frame *f, const struct done *d,
                    const yaml_mark_t *mark)
{
    f->has_key = true;
    f->is_merge_key = d->is_merge_key;
    f->bad_key = NULL;
    f->key = (struct member){.key_line = (uint32_t)mark->line + 1,
                             .key_column = (uint32_t)mark->column + 1};
    if (r->go && !d->is_merge_key && !is_go_key(d->value)) {
        f->bad_key = d->value;
        note_bad_key(r, d->value, mark);
        return 0;
    }
    return d->is_merge_key ? 0 : key_text(r, d->value, &f->key.key);
}

static int merge_map(struct yaml_reader *r, const struct member *key, const struct value *map,
                     const yaml_mark_t *mark)
{
    if (map->kind != VALUE_MAP && r->go) {
        if (r->go->decoding.code == 0)
            yaml_go_fail(&r->go->decoding, r, mark,
                         "yaml: map merge requires map or sequence of maps as the value");
        return 0;
    }
    if (map->kind != VALUE_MAP)
        return err_at(r->err, HL_EINVAL, *r->file, key->key_line, key->key_column,
                      "\"<<\" merges maps only, not %s", value_kind_name(map->kind));
    r->merged_count += map->map.count;
    if (r->merged_count > YAML_MERGED_MAX)
        return err_at(r->err, HL_ELIMIT, *r->file, key->key_line, key->key_column,
                      "\"<<\" brings in more than %d members", YAML_MERGED_MAX);
    for (size_t i = 0; i < map->map.count; i++)
        wait_entry(r, (struct entry){map->map.member[i], true});
    return 0;
}

/* "<<: [*a, *b]": the earlier map wins, so it is laid down last. */
static int merge(struct yaml_reader *r, struct frame *f, const struct done *d,
                 const yaml_mark_t *mark)
{
    const struct value *from = d->value;

    f->has_merged = true;
    if (from->kind != VALUE_LIST || d->is_alias)
        return merge_map(r, &f->key, from, mark);
    for (size_t i = from->list.count; i-- > 0;) {
        int result = merge_map(r, &f->key, from->list.item[i], mark);
        if (result != 0)
            return result;
    }
    return 0;
}

static int take(struct yaml_reader *r, const struct done *d, const yaml_mark_t *mark)
{
    if (r->depth == 0) {
        r->root = d->value;
        return 0;
    }
    struct frame *f = &r->frame[r->depth - 1];
    f->weight += d->weight;
    if (d->height > f->height)
        f->height = d->height;
    if (f->value->kind == VALUE_LIST) {
        wait_entry(r, (struct entry){.member = {.value = d->value}});
        return 0;
    }
    if (!f->has_key)
        return take_key(r, f, d, mark);
    f->has_key = false;
    if (f->is_merge_key)
        return merge(r, f, d, mark);
    if (f->bad_key) {
        note_bad_member(r, f->bad_key, d->value, mark);
        return 0;
    }
    f->key.value = d->value;
    wait_entry(r, (struct entry){.member = f->key});
    return 0;
}

static int read_scalar(struct yaml_reader *r, const yaml_event_t *event, struct done *out)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct str tag = str_of(event->data.scalar.tag);
    bool is_plain = event->data.scalar.plain_implicit;
    int result = count_node(r, &event->start_mark);

    if (result != 0)
        return result;
    struct value *v = node(r, VALUE_STRING, &event->start_mark);
    result = scalar_read(r->a, tag, is_plain, arena_dup(r->a, text), v, r->err);
    if (result != 0)
        return result;
    *out = (struct done){.value = v, .weight = 1 + text.len / WEIGHT_STRING_BYTES};
    out->is_merge_key =
        str_eq(text, STR("<<")) && (is_plain || str_eq(tag, STR("tag:yaml.org,2002:merge")));
    if (!event->data.scalar.anchor)
        return 0;
    return keep_anchor(r, arena_dup(r->a, str_of(event->data.scalar.anchor)), out);
}

int yaml_take_event(struct yaml_reader *r, const yaml_event_t *event)
{
    struct done d;
    int result;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        result = read_alias(r, event, &d);
        break;
    case YAML_SCALAR_EVENT:
        result = read_scalar(r, event, &d);
        break;
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(r, VALUE_LIST, event->data.sequence_start.anchor,
                               &event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_collection(r, VALUE_MAP, event->data.mapping_start.anchor, &event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        result = close_collection(r, &d);
        break;
    default:
        return 0;
    }
    return result == 0 ? take(r, &d, &event->start_mark) : result;
}
