/* Documents: loading them, and finding resources and anchors in them. */
#include <stdio.h>

#include "core/schema/compiler.h"
#include "core/schema/text.h"
#include "core/gostd/literal.h"
#include "core/gostd/url.h"
#include "core/value/json.h"

/* Small things ------------------------------------------------------------------------------- */

void quote_location(struct buf *out, struct str url, struct str pointer)
{
    HL_CLEANUP(buf_deinit) struct buf location = {0};

    buf_add(&location, url);
    buf_add_byte(&location, '#');
    url_escape_segments(&location, pointer);
    literal_quote(out, buf_str(&location), false);
}

struct str pointer_add(struct arena *a, struct str pointer, struct str token)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    buf_add(&out, pointer);
    buf_add_byte(&out, '/');
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] == '~')
            buf_add(&out, STR("~0"));
        else if (token.ptr[i] == '/')
            buf_add(&out, STR("~1"));
        else
            buf_add_byte(&out, token.ptr[i]);
    }
    return arena_dup(a, buf_str(&out));
}

/* Large maps have an index; small ones are sorted by insertion. */
const uint32_t *member_order(struct arena *a, const struct value *map)
{
    size_t count = map->map.count;

    if (map->map.sorted)
        return map->map.sorted;
    uint32_t *order = arena_array(a, uint32_t, count);
    for (size_t i = 0; i < count; i++) {
        size_t k = i;
        for (; k > 0 && str_cmp(map->map.member[i].key, map->map.member[order[k - 1]].key) < 0; k--)
            order[k] = order[k - 1];
        order[k] = (uint32_t)i;
    }
    return order;
}

static bool is_string(const struct value *v)
{
    return v && v->kind == VALUE_STRING;
}

/* Loading ------------------------------------------------------------------------------------ */

void roots_add_document(struct compiler *c, struct str url, const struct value *document)
{
    map_set(c->documents, url, (void *)document);
}

static void refuse_load(struct compiler *c, struct str url)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add(&text, STR("failing loading "));
    literal_quote(&text, url, false);
    buf_add(&text, STR(": remote schemas are not loaded here"));
    compiler_refuse(c, &text);
}

static const struct value *load_remote(struct compiler *c, struct str url)
{
    const struct value *document = NULL;

    if (str_starts(url, STR("urn:")))
        return value_bool(c->a, true);
    if (!c->options || !c->options->load) {
        refuse_load(c, url);
        return NULL;
    }
    int rc = c->options->load(c->options->context, c->a, url, &document, c->err);
    if (rc == 0 && !json_can_hold(document))
        rc = err_set(c->err, HL_EINVAL, "numbers that are not finite");
    if (rc == 0)
        return document;
    compiler_fail(c, err_wrap(c->err, "failing loading \"" STR_FMT "\"", STR_ARG(url)));
    return NULL;
}

static const struct value *load(struct compiler *c, struct str url)
{
    const struct value *document = map_get(c->documents, url);
    struct value *read;
    struct str text;

    if (document)
        return document;
    if (draft_document(c->a, url, &text)) {
        int rc = json_read(c->a, text, url, &read, NULL);
        HL_ASSERT(rc == 0);
        document = read;
    } else {
        document = load_remote(c, url);
    }
    if (document)
        roots_add_document(c, url, document);
    return document;
}

/* Dialects ----------------------------------------------------------------------------------- */

static void refuse_url(struct compiler *c, const char *before, struct str url, const char *after)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add_cstr(&text, before);
    literal_quote(&text, url, false);
    buf_add_cstr(&text, after);
    compiler_refuse(c, &text);
}

/* The "$schema" of a schema without its fragment; false if there is none that names a metaschema of
 * somebody's own. *draft is set where it names one of ours. */
static bool own_metaschema(const struct value *schema, const struct draft **draft, struct str *out)
{
    const struct value *v = value_get(schema, STR("$schema"));
    struct str fragment;

    if (!is_string(v))
        return false;
    const struct draft *known = draft_find(v->string);
    if (known) {
        *draft = known;
        return false;
    }
    url_split(v->string, out, &fragment);
    return true;
}

static bool check_metaschema_url(struct compiler *c, struct str url, struct str pointer,
                                 struct str metaschema)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct url ignored;
    struct str why;

    if (url_parse(c->a, metaschema, &ignored, &why))
        return true;
    buf_add(&text, STR("invalid $schema in "));
    quote_location(&text, url, pointer);
    buf_add(&text, STR(": "));
    buf_add(&text, why);
    compiler_refuse(c, &text);
    return false;
}

enum { METASCHEMAS_MAX = 20 };

/* The draft at the end of the chain of metaschemas; NULL: see rc. */
static const struct draft *draft_of(struct compiler *c, struct str url, struct str pointer,
                                    const struct value *schema, const struct draft *fallback)
{
    struct str seen[METASCHEMAS_MAX];
    size_t seen_count = 0;
    const struct draft *draft = fallback;
    struct str next;

    while (own_metaschema(schema, &draft, &next)) {
        if (!check_metaschema_url(c, url, pointer, next))
            return NULL;
        if (pointer.len == 0 && str_eq(next, url)) {
            refuse_url(c, "draft ", next, " is not supported");
            return NULL;
        }
        bool is_cycle = seen_count == METASCHEMAS_MAX;
        for (size_t i = 0; i < seen_count && !is_cycle; i++)
            is_cycle = str_eq(seen[i], next);
        if (is_cycle) {
            refuse_url(c, "cycle in resolving $schema in ", next, "");
            return NULL;
        }
        seen[seen_count++] = next;
        schema = load(c, next);
        if (!schema)
            return NULL;
        url = next;
        pointer = STR_NONE;
    }
    return draft;
}

static void refuse_vocabulary(struct compiler *c, struct str vocabulary, struct str url)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add(&text, STR("unsupported vocabulary "));
    literal_quote(&text, vocabulary, false);
    buf_add(&text, STR(" in "));
    literal_quote(&text, url, false);
    compiler_refuse(c, &text);
}

/* What the metaschema's "$vocabulary" says. */
static void read_vocabularies(struct compiler *c, const struct value *metaschema, struct str url,
                              struct dialect *dialect)
{
    const struct value *listed = value_get(metaschema, STR("$vocabulary"));

    if (dialect->draft->version < 2019 || !listed || listed->kind != VALUE_MAP)
        return;
    dialect->has_vocabularies = true;
    dialect->vocabularies = VOCABULARY_CORE;
    const uint32_t *order = member_order(c->a, listed);
    for (size_t i = 0; i < listed->map.count; i++) {
        const struct member *m = &listed->map.member[order[i]];
        if (m->value->kind != VALUE_BOOL || !m->value->boolean)
            continue;
        unsigned vocabulary = draft_vocabulary(dialect->draft, m->key);
        if (vocabulary == 0)
            refuse_vocabulary(c, m->key, url);
        dialect->vocabularies |= vocabulary;
    }
}

static struct dialect dialect_of(struct compiler *c, const struct value *schema,
                                 const struct draft *draft)
{
    struct dialect dialect = {.draft = draft};
    struct str url;

    if (own_metaschema(schema, &draft, &url)) {
        const struct value *metaschema = load(c, url);
        if (metaschema)
            read_vocabularies(c, metaschema, url, &dialect);
    }
    return dialect;
}

/* Places and resources ----------------------------------------------------------------------- */

struct place *roots_place(struct compiler *c, struct root *root, struct str pointer)
{
    struct place *place = map_get(root->places, pointer);

    if (place)
        return place;
    compiler_check_room(c);
    if (pointer.len > SCHEMA_POINTER_MAX && c->rc == 0)
        compiler_fail(c, err_set(c->err, HL_ELIMIT,
                                 "a subschema's place takes more than %d bytes to name",
                                 SCHEMA_POINTER_MAX));
    place = arena_one(c->a, struct place);
    map_set(root->places, pointer, place);
    return place;
}

struct resource *roots_resource(const struct root *root, struct str pointer)
{
    for (;;) {
        const struct place *place = map_get(root->places, pointer);
        if (place && place->resource)
            return place->resource;
        HL_ASSERT(pointer.len > 0); /* the document itself is one */
        do
            pointer.len--;
        while (pointer.len > 0 && pointer.ptr[pointer.len] != '/');
    }
}

static struct resource *add_resource(struct compiler *c, struct root *root, struct str pointer,
                                     struct str id, struct dialect dialect)
{
    struct resource *resource = arena_one(c->a, struct resource);

    resource->pointer = pointer;
    resource->id = id;
    resource->dialect = dialect;
    resource->next = root->resources;
    root->resources = resource;
    roots_place(c, root, pointer)->resource = resource;
    map_set(root->ids, id, resource);
    return resource;
}

static void refuse_duplicate(struct compiler *c, const char *what, const struct str part[4])
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const char *const between[] = {"", " in ", " at ", " and "};

    buf_printf(&text, "duplicate %s ", what);
    for (int i = 0; i < 4; i++) {
        buf_add_cstr(&text, between[i]);
        literal_quote(&text, part[i], false);
    }
    compiler_refuse(c, &text);
}

static void add_anchor(struct compiler *c, struct root *root, struct resource *resource,
                       struct str pointer, struct str name, bool is_dynamic)
{
    struct anchor *known = NULL;

    if (!resource->anchor_by_name)
        resource->anchor_by_name = map_new(c->seed);
    else
        known = map_get(resource->anchor_by_name, name);
    if (known && !str_eq(known->pointer, pointer)) {
        refuse_duplicate(c, "anchor", (struct str[]){name, root->url, known->pointer, pointer});
        return;
    }
    if (!known) {
        known = arena_one(c->a, struct anchor);
        known->name = name;
        known->pointer = pointer;
        known->next = resource->anchors;
        resource->anchors = known;
        map_set(resource->anchor_by_name, name, known);
    }
    known->is_dynamic = known->is_dynamic || is_dynamic;
}

/* Before 2019-09 an anchor is the fragment of an id. */
static void collect_old_anchor(struct compiler *c, struct root *root, struct resource *resource,
                               struct str pointer, const struct value *schema)
{
    const struct value *id = value_get(schema, str_from(resource->dialect.draft->id));
    struct str ignored;
    struct str name;

    if (value_get(schema, STR("$ref")) || !is_string(id))
        return;
    url_split(id->string, &ignored, &name);
    if (!url_unescape(c->a, name, &name, &ignored)) {
        HL_CLEANUP(buf_deinit) struct buf text = {0};
        buf_add(&text, STR("error in parsing anchor at "));
        quote_location(&text, root->url, pointer);
        compiler_refuse(c, &text);
    } else if (name.len > 0 && name.ptr[0] != '/') {
        add_anchor(c, root, resource, pointer, name, false);
    }
}

static void collect_anchors(struct compiler *c, struct root *root, struct resource *resource,
                            struct str pointer, const struct value *schema)
{
    int version = resource->dialect.draft->version;
    const struct value *anchor = value_get(schema, STR("$anchor"));
    const struct value *dynamic = value_get(schema, STR("$dynamicAnchor"));

    if (version < 2019) {
        collect_old_anchor(c, root, resource, pointer, schema);
        return;
    }
    if (is_string(anchor))
        add_anchor(c, root, resource, pointer, anchor->string, false);
    if (version >= 2020 && is_string(dynamic))
        add_anchor(c, root, resource, pointer, dynamic->string, true);
}

/* Without its fragment; empty if the schema has none. */
static struct str id_of(const struct draft *draft, const struct value *schema)
{
    struct str id = STR_NONE;
    struct str fragment;

    if (draft->version >= 2019 || !value_get(schema, STR("$ref")))
        url_split(value_get_str(schema, draft->id), &id, &fragment);
    return id;
}

/* The schema's id under `base`; false: see rc. */
static bool join_id(struct compiler *c, const struct root *root, struct str pointer, struct str id,
                    struct str *base)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct str why;

    if (url_join(c->a, *base, id, base, &why))
        return true;
    buf_add(&text, STR("error in parsing id at "));
    quote_location(&text, root->url, pointer);
    compiler_refuse(c, &text);
    return false;
}

static void collect(struct compiler *c, struct root *root, const struct value *schema,
                    struct str base, struct str pointer, const struct dialect *outer);

static void collect_below(struct compiler *c, struct root *root, const struct value *schema,
                          struct str pointer, const struct position *position,
                          const struct resource *resource)
{
    const struct value *v = value_get(schema, str_from(position->keyword));
    const struct dialect *dialect = &resource->dialect;
    char number[24];

    if (!v)
        return;
    struct str here = pointer_add(c->a, pointer, str_from(position->keyword));
    if (position->kind == POSITION_SELF)
        collect(c, root, v, resource->id, here, dialect);
    for (size_t i = 0; position->kind == POSITION_MEMBERS && v->kind == VALUE_MAP &&
                       i < v->map.count && c->rc == 0;
         i++)
        collect(c, root, v->map.member[i].value, resource->id,
                pointer_add(c->a, here, v->map.member[i].key), dialect);
    for (size_t i = 0; position->kind == POSITION_ITEMS && v->kind == VALUE_LIST &&
                       i < v->list.count && c->rc == 0;
         i++) {
        snprintf(number, sizeof(number), "%zu", i);
        collect(c, root, v->list.item[i], resource->id, pointer_add(c->a, here, str_from(number)),
                dialect);
    }
}

/* The draft that the schema itself follows, and its id; NULL: see rc. */
static const struct draft *read_head(struct compiler *c, const struct root *root,
                                     const struct value *schema, struct str pointer,
                                     const struct draft *outer, struct str *id, bool *has_schema)
{
    const struct draft *draft = draft_of(c, root->url, pointer, schema, outer);

    if (!draft)
        return NULL;
    *has_schema = is_string(value_get(schema, STR("$schema")));
    *id = id_of(draft, schema);
    if (id->len > 0 || pointer.len == 0)
        return draft;
    *has_schema = false; /* only resources choose a draft */
    *id = id_of(outer, schema);
    return outer;
}

static void collect_object(struct compiler *c, struct root *root, const struct value *schema,
                           struct str base, struct str pointer, const struct dialect *outer)
{
    struct str id = STR_NONE;
    bool has_schema = false;
    const struct draft *draft = read_head(c, root, schema, pointer, outer->draft, &id, &has_schema);

    if (!draft || (id.len > 0 && !join_id(c, root, pointer, id, &base)))
        return;
    struct resource *resource = map_get(root->ids, base);
    if (id.len > 0 || pointer.len == 0) {
        if (resource && !str_eq(resource->pointer, pointer)) {
            refuse_duplicate(c, "id", (struct str[]){base, root->url, pointer, resource->pointer});
            return;
        }
        if (!resource)
            resource = add_resource(c, root, pointer, base,
                                    has_schema ? dialect_of(c, schema, draft) : *outer);
    }
    HL_ASSERT(resource);
    collect_anchors(c, root, resource, pointer, schema);
    for (const struct position *p = draft_positions; p->keyword && c->rc == 0; p++) {
        if (p->since <= draft->version)
            collect_below(c, root, schema, pointer, p, resource);
    }
}

static void collect(struct compiler *c, struct root *root, const struct value *schema,
                    struct str base, struct str pointer, const struct dialect *outer)
{
    struct place *place = roots_place(c, root, pointer);

    if (place->is_collected || c->rc != 0)
        return;
    place->is_collected = true;
    if (schema->kind == VALUE_MAP)
        collect_object(c, root, schema, base, pointer, outer);
    else if (pointer.len == 0)
        add_resource(c, root, pointer, base, *outer);
}

/* Roots -------------------------------------------------------------------------------------- */

void root_free(struct root *root)
{
    for (struct resource *r = root->resources; r; r = r->next)
        map_free(r->anchor_by_name);
    map_free(root->places);
    map_free(root->ids);
}

static bool is_trusted(struct str url)
{
    return str_starts(url, STR("http://json-schema.org/")) ||
           str_starts(url, STR("https://json-schema.org/"));
}

struct root *roots_get(struct compiler *c, struct str url)
{
    const struct dialect usual = {.draft = draft_latest};
    struct root *root = map_get(c->roots, url);

    if (root || c->rc != 0)
        return root;
    const struct value *document = load(c, url);
    if (!document)
        return NULL;
    root = arena_one(c->a, struct root);
    *root = (struct root){.url = arena_dup(c->a, url),
                          .document = document,
                          .places = map_new(c->seed),
                          .ids = map_new(c->seed)};
    map_set(c->roots, url, root);
    collect(c, root, document, root->url, STR_NONE, &usual);
    if (c->rc == 0 && !is_trusted(url))
        meta_check(c, root, STR_NONE, document);
    return c->rc == 0 ? root : NULL;
}

static bool refuse_anchor(struct compiler *c, const struct root *root,
                          const struct resource *resource, struct str name)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    buf_add(&text, STR("anchor in "));
    quote_location(&text, resource->id, name);
    buf_add(&text, STR(" not found in schema "));
    literal_quote(&text, root->url, false);
    compiler_refuse(c, &text);
    return false;
}

bool roots_resolve(struct compiler *c, struct root *root, struct str url, struct str fragment,
                   struct root **out_root, struct str *out_pointer)
{
    struct resource *resource = NULL;

    if (!str_eq(url, root->url))
        resource = map_get(root->ids, url);
    if (!str_eq(url, root->url) && !resource)
        root = roots_get(c, url);
    if (!root)
        return false;
    if (!resource)
        resource = roots_resource(root, STR_NONE);
    *out_root = root;
    if (fragment.len == 0 || fragment.ptr[0] == '/') {
        *out_pointer = arena_concat(c->a, resource->pointer, fragment);
        return true;
    }
    const struct anchor *anchor =
        resource->anchor_by_name ? map_get(resource->anchor_by_name, fragment) : NULL;
    if (!anchor)
        return refuse_anchor(c, root, resource, fragment);
    *out_pointer = anchor->pointer;
    return true;
}

/* Whether the pointer leads as far as a token with a "~" that is no escape. */
static bool is_malformed(const struct root *root, struct str pointer)
{
    size_t token = 0;

    for (size_t i = 0; i < pointer.len; i++) {
        if (pointer.ptr[i] == '/')
            token = i;
        if (pointer.ptr[i] == '~' &&
            (i + 1 == pointer.len || (pointer.ptr[i + 1] != '0' && pointer.ptr[i + 1] != '1')))
            return value_pointer((struct value *)root->document, str_sub(pointer, 0, token));
    }
    return false;
}

const struct value *roots_lookup(struct compiler *c, struct root *root, struct str pointer)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct value *v = value_pointer((struct value *)root->document, pointer);

    if (!v) {
        bool is_bad = is_malformed(root, pointer);
        buf_add_cstr(&text, is_bad ? "invalid json-pointer " : "json-pointer in ");
        quote_location(&text, root->url, pointer);
        buf_add_cstr(&text, is_bad ? "" : " not found");
        compiler_refuse(c, &text);
        return NULL;
    }
    if (roots_place(c, root, pointer)->is_collected)
        return v;
    const struct resource *outer = roots_resource(root, pointer);
    collect(c, root, v, outer->id, pointer, &outer->dialect);
    if (c->rc == 0)
        meta_check(c, root, pointer, v);
    return c->rc == 0 ? v : NULL;
}
