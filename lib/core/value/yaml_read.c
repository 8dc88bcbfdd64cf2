/*
 * libyaml's events become a tree without recursion: open collections lie on a stack of frames, what
 * they will hold waits in one heap array, so that each gets room of exactly its size at its end.
 *
 * An alias shares the anchored node. What consumers will walk is bounded when the alias is read:
 * every anchor knows how heavy and how high its tree is.
 */
#include "core/value/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "core/value/build.h"
#include "core/value/number.h"
#include "core/value/yaml_scalar.h"

enum { WEIGHT_STRING_BYTES = 32, TAG_DIRECTIVES_MAX = 64 };

struct anchor {
    struct str name;
    struct value *value;
    uint64_t weight;
    int height;
};

struct entry {
    struct member member; /* items have no key */
    bool is_merged;       /* came in through "<<" */
};

struct frame {
    struct value *value;
    struct str anchor;
    size_t waiting_start;
    uint64_t weight;
    int height;
    struct member key; /* of the member whose value comes next */
    bool has_key;
    bool is_merge_key;
    bool has_merged;
};

struct yaml_reader {
    struct arena *a;
    struct err *err;
    const struct str *file;
    yaml_parser_t parser;
    struct frame frame[VALUE_DEPTH_MAX];
    int depth;
    struct value *root;
    struct entry *waiting;
    size_t waiting_count;
    size_t waiting_cap;
    struct anchor *anchor; /* sorted by name */
    size_t anchor_count;
    size_t anchor_cap;
    uint64_t alias_weight;
    uint64_t alias_weight_max;
    uint64_t merged_count;
    size_t node_count;
    struct value_pos *twin; /* NULL: a key given twice is an error even with equal values */
    size_t twin_count;
};

/* A node that is complete: what its parent has to know. */
struct done {
    struct value *value;
    uint64_t weight;
    int height; /* 0 for scalars */
    bool is_alias;
    bool is_merge_key;
};

static int fail_at(struct yaml_reader *r, int code, const yaml_mark_t *mark, const char *text)
{
    return err_at(r->err, code, *r->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                  "%s", text);
}

static struct str str_of(const yaml_char_t *c)
{
    return str_from((const char *)c);
}

static int count_node(struct yaml_reader *r, const yaml_mark_t *mark)
{
    if (r->node_count == YAML_NODES_MAX)
        return fail_at(r, HL_ELIMIT, mark, "too many values in one stream");
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
            return fail_at(r, HL_EINVAL, mark, "the anchored value contains itself");
    }
    size_t place = anchor_place(r, name, &is_known);
    if (!is_known)
        return err_at(r->err, HL_EINVAL, *r->file, (uint32_t)mark->line + 1,
                      (uint32_t)mark->column + 1, "unknown anchor \"%.80s\"",
                      (const char *)event->data.alias.anchor);
    const struct anchor *anchor = &r->anchor[place];
    if (r->depth + anchor->height > VALUE_DEPTH_MAX)
        return fail_at(r, HL_ELIMIT, mark, "too many nested collections");
    r->alias_weight += anchor->weight;
    if (r->alias_weight > r->alias_weight_max)
        return fail_at(r, HL_ELIMIT, mark, "aliases repeat too much of the document");
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
        return fail_at(r, HL_ELIMIT, mark, "too many nested collections");
    struct frame *parent = r->depth ? &r->frame[r->depth - 1] : NULL;
    bool is_in_map = parent && parent->value->kind == VALUE_MAP;
    if (is_in_map && !parent->has_key)
        return fail_at(r, HL_EINVAL, mark, "a list or map cannot be a key");

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

/* Of the entries that share a key: the later one wins; two written out in the map are an error. */
static int settle_merged(struct yaml_reader *r, const struct member *member,
                         const struct entry *entry, const uint32_t *order, size_t count,
                         uint32_t *winner)
{
    for (size_t i = 0; i < count;) {
        const struct member *written = NULL;
        size_t end = i;
        for (; end < count && str_eq(member[order[i]].key, member[order[end]].key); end++) {
            if (entry[order[end]].is_merged)
                continue;
            if (written)
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
static int resolve_merges(struct yaml_reader *r, const struct frame *f, struct member *member,
                          size_t *count)
{
    const struct entry *entry = r->waiting + f->waiting_start;
    uint32_t *order = arena_array(r->a, uint32_t, *count);
    uint32_t *winner = arena_array(r->a, uint32_t, *count);
    size_t kept = 0;

    members_sort(member, order, winner, *count, str_cmp);
    int result = settle_merged(r, member, entry, order, *count, winner);
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
    if (f->has_merged) {
        int result = resolve_merges(r, f, member, &count);
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

static int take_key(struct yaml_reader *r, struct frame *f, const struct done *d,
                    const yaml_mark_t *mark)
{
    f->has_key = true;
    f->is_merge_key = d->is_merge_key;
    f->key = (struct member){.key_line = (uint32_t)mark->line + 1,
                             .key_column = (uint32_t)mark->column + 1};
    return d->is_merge_key ? 0 : key_text(r, d->value, &f->key.key);
}

static int merge_map(struct yaml_reader *r, const struct member *key, const struct value *map)
{
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
static int merge(struct yaml_reader *r, struct frame *f, const struct done *d)
{
    const struct value *from = d->value;

    f->has_merged = true;
    if (from->kind != VALUE_LIST || d->is_alias)
        return merge_map(r, &f->key, from);
    for (size_t i = from->list.count; i-- > 0;) {
        int result = merge_map(r, &f->key, from->list.item[i]);
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
        return merge(r, f, d);
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

/* Streams ------------------------------------------------------------------------------------ */

static int parser_failed(struct yaml_reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const yaml_mark_t *mark = &p->problem_mark;

    if (p->error == YAML_READER_ERROR) /* knows a byte offset only: the parser is just before it */
        mark = &p->mark;
    return err_at(r->err, HL_EINVAL, *r->file, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                  "%s%s%s", p->problem ? p->problem : "not YAML", p->context ? " " : "",
                  p->context ? p->context : "");
}

static int take_event(struct yaml_reader *r, const yaml_event_t *event)
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

struct documents {
    struct value **item;
    size_t count;
    size_t cap;
    size_t most;
    bool is_first_only; /* what follows the first document is not looked at */
};

static int start_document(struct yaml_reader *r, const struct documents *docs,
                          const yaml_mark_t *mark)
{
    if (docs->count == docs->most && docs->most == 1)
        return fail_at(r, HL_EINVAL, mark, "a second document where one is expected");
    if (docs->count == docs->most)
        return fail_at(r, HL_ELIMIT, mark, "too many documents in one stream");
    r->root = NULL;
    r->depth = 0;
    r->waiting_count = 0;
    r->anchor_count = 0;
    return 0;
}

static void end_document(struct yaml_reader *r, struct documents *docs)
{
    HL_ASSERT(r->root);
    ARENA_PUSH(r->a, docs->item, docs->count, docs->cap, r->root);
}

static int read_events(struct yaml_reader *r, struct documents *docs)
{
    yaml_event_t event;
    yaml_event_type_t type;
    int result = 0;

    do {
        if (!yaml_parser_parse(&r->parser, &event))
            return parser_failed(r);
        type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT)
            result = start_document(r, docs, &event.start_mark);
        else if (type == YAML_DOCUMENT_END_EVENT)
            end_document(r, docs);
        else
            result = take_event(r, &event);
        yaml_event_delete(&event);
        if (docs->is_first_only && docs->count)
            break;
    } while (result == 0 && type != YAML_STREAM_END_EVENT);
    return result;
}

/*
 * libyaml compares every %TAG with all before it, and does so before the first event. Lines are
 * told by the last byte of YAML's breaks: LF, CR, NEL (C2 85), LS and PS (E2 80 A8, A9).
 */
static bool has_too_many_directives(struct str text)
{
    size_t count = 0;

    for (size_t at = 0; at < text.len && count <= TAG_DIRECTIVES_MAX; at++) {
        const char *hit = memchr(text.ptr + at, '%', text.len - at);
        if (!hit)
            break;
        at = (size_t)(hit - text.ptr);
        if (at == 0 || strchr("\n\r\x85\xA8\xA9", hit[-1]))
            count++;
    }
    return count > TAG_DIRECTIVES_MAX;
}

static int check_door(struct str text, struct str file, struct err *err)
{
    if (text.len > YAML_BYTES_MAX)
        return err_at(err, HL_ELIMIT, file, 0, 0, "%zu bytes of YAML, at most %d are read",
                      text.len, YAML_BYTES_MAX);
    if (str_starts(text, STR("\xFF\xFE")) || str_starts(text, STR("\xFE\xFF")))
        return err_at(err, HL_EINVAL, file, 1, 1, "UTF-16 is not read, only UTF-8");
    if (has_too_many_directives(text))
        return err_at(err, HL_ELIMIT, file, 0, 0, "more than %d lines start with %%",
                      TAG_DIRECTIVES_MAX);
    return 0;
}

static int read_stream(struct arena *a, struct str text, struct str file, struct documents *docs,
                       struct value_pos *twin, struct err *err)
{
    struct yaml_reader r = {.a = a, .err = err, .twin = twin};
    int result = check_door(text, file, err);

    if (result != 0)
        return result;
    if (str_starts(text, STR("\xEF\xBB\xBF"))) /* libyaml would count it as a column */
        text = str_sub(text, 3, text.len);
    struct str *name = arena_one(a, struct str);
    *name = arena_dup(a, file);
    r.file = name;
    r.alias_weight_max =
        text.len * 10 < YAML_ALIAS_WEIGHT_MAX ? text.len * 10 : YAML_ALIAS_WEIGHT_MAX;
    if (!yaml_parser_initialize(&r.parser))
        hl_die("libyaml: out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                                 text.len);
    result = read_events(&r, docs);
    yaml_parser_delete(&r.parser);
    free(r.waiting);
    free(r.anchor);
    return result;
}

int yaml_read_all(struct arena *a, struct str text, struct str file, struct value ***out_documents,
                  size_t *out_count, struct err *err)
{
    struct documents docs = {.most = YAML_DOCUMENTS_MAX};
    int result = read_stream(a, text, file, &docs, NULL, err);

    if (result != 0)
        return result;
    *out_documents = docs.item;
    *out_count = docs.count;
    return 0;
}

int yaml_read_manifests(struct arena *a, struct str text, struct str file,
                        struct value ***out_documents, size_t *out_count,
                        struct value_pos *out_twin, struct err *err)
{
    struct documents docs = {.most = YAML_DOCUMENTS_MAX};
    struct value_pos twin = {0};
    int result = read_stream(a, text, file, &docs, &twin, err);

    if (result != 0)
        return result;
    *out_documents = docs.item;
    *out_count = docs.count;
    *out_twin = twin;
    return 0;
}

static int read_one(struct arena *a, struct str text, struct str file, bool is_first_only,
                    struct value **out, struct err *err)
{
    struct documents docs = {.most = 1, .is_first_only = is_first_only};
    int result = read_stream(a, text, file, &docs, NULL, err);

    if (result != 0)
        return result;
    *out = docs.count ? docs.item[0] : value_null(a);
    return 0;
}

int yaml_read(struct arena *a, struct str text, struct str file, struct value **out,
              struct err *err)
{
    return read_one(a, text, file, false, out, err);
}

int yaml_read_first(struct arena *a, struct str text, struct str file, struct value **out,
                    struct err *err)
{
    return read_one(a, text, file, true, out, err);
}
