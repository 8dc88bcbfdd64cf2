/* Checking schemas against the metaschemas of their dialects. */
#include "core/schema/check.h"
#include "core/schema/compiler.h"

static struct compiler *meta_compiler(struct compiler *c)
{
    if (!c->meta) {
        c->meta = arena_one(c->a, struct compiler);
        compiler_init(c->meta, c->a, NULL, c->seed, c->err);
        c->meta->is_meta = true;
    }
    return c->meta;
}

static const struct node *compile_meta(struct compiler *c, struct str url)
{
    struct compiler *meta = meta_compiler(c);
    const struct node *node = compiler_compile(meta, url);

    if (!node)
        compiler_fail(c, meta->rc);
    HL_ASSERT(meta->rc <= 0); /* ours are good */
    return node;
}

/* A node that asks for the metaschemas of the vocabularies that the dialect has. */
static const struct node *compile_vocabularies(struct compiler *c, const struct dialect *dialect)
{
    struct node *node = arena_one(c->a, struct node);
    size_t cap = 0;

    node->url = STR("urn:mem:metaschema");
    node->is_made_up = true;
    node->version = dialect->draft->version;
    node->resource = node;
    node->logic = arena_one(c->a, struct logic_rules);
    for (unsigned bit = 1; bit <= VOCABULARY_CONTENT && c->rc == 0; bit <<= 1) {
        if (!(dialect->vocabularies & bit))
            continue;
        struct str url =
            arena_printf(c->a, "%s%s", dialect->draft->metaschemas, draft_vocabulary_name(bit));
        struct node *part = (struct node *)compile_meta(c, url);
        ARENA_PUSH(c->a, node->logic->all.item, node->logic->all.count, cap, part);
    }
    if (node->version < 2020)
        return node;
    node->references = arena_one(c->a, struct reference_rules);
    node->references->dynamic_anchor = STR("meta");
    node->dynamic_anchors = arena_one(c->a, struct dynamic_anchor);
    node->dynamic_anchors->name = STR("meta");
    node->dynamic_anchors->node = node;
    return node;
}

static const struct node *metaschema_of(struct compiler *c, struct resource *resource)
{
    const struct dialect *dialect = &resource->dialect;

    if (resource->meta)
        return resource->meta;
    if (dialect->has_vocabularies)
        resource->meta = compile_vocabularies(c, dialect);
    else
        resource->meta = compile_meta(c, str_from(dialect->draft->url));
    return resource->meta;
}

static const struct node *find_dialect(void *context, struct str pointer)
{
    const struct root *root = context;
    const struct place *place = map_get(root->places, pointer);

    return place && place->resource ? place->resource->meta : NULL;
}

static void refuse(struct compiler *c, const struct root *root, struct str pointer,
                   const struct node *meta, const struct fault *fault)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    quote_location(&text, root->url, pointer);
    buf_add(&text, STR(" is not valid against metaschema: "));
    if (fault_print(&text, meta, fault))
        compiler_refuse(c, &text);
    else
        compiler_fail(c, err_set(c->err, HL_ELIMIT, "the schema has too many mistakes to list"));
}

void meta_check(struct compiler *c, struct root *root, struct str pointer, const struct value *v)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct dialects dialects = {.find = find_dialect, .context = root};
    struct check check = {.a = scratch, .err = c->err, .steps_left = c->meta_steps_left};
    struct fault *fault = NULL;

    if (c->is_meta)
        return;
    for (struct resource *r = root->resources; r && c->rc == 0; r = r->next)
        metaschema_of(c, r);
    if (c->rc != 0)
        return;
    if (root->resources->next)
        check.dialects = &dialects;
    const struct node *meta = roots_resource(root, pointer)->meta;
    int rc = check_run(&check, meta, v, &fault);
    c->meta_steps_left = check.steps_left;
    if (rc < 0)
        compiler_fail(c, rc);
    else if (rc == SCHEMA_INVALID)
        refuse(c, root, pointer, meta, fault);
}
