/* The door: what comes in is checked, what goes out is put into words; the queue of nodes. */
#include "core/schema/schema.h"

#include "core/schema/check.h"
#include "core/schema/compiler.h"
#include "core/schema/fault.h"
#include "core/value/json.h"

void compiler_init(struct compiler *c, struct arena *a, const struct schema_options *options,
                   uint64_t seed, struct err *err)
{
    *c = (struct compiler){.a = a,
                           .options = options,
                           .seed = seed,
                           .err = err,
                           .documents = map_new(seed),
                           .roots = map_new(seed),
                           .arena_start = arena_used_bytes(a),
                           .meta_steps_left = SCHEMA_META_STEPS_MAX};
}

void compiler_deinit(struct compiler *c)
{
    if (c->meta)
        compiler_deinit(c->meta);
    for (size_t i = 0; i < map_count(c->roots); i++)
        root_free(map_value_at(c->roots, i));
    map_free(c->roots);
    map_free(c->documents);
}

void compiler_refuse(struct compiler *c, const struct buf *text)
{
    if (c->rc != 0)
        return;
    c->rc = SCHEMA_INVALID;
    c->text = arena_dup(c->a, buf_str(text));
}

void compiler_fail(struct compiler *c, int code)
{
    HL_ASSERT(code < 0);
    if (c->rc == 0)
        c->rc = code;
}

void compiler_check_room(struct compiler *c)
{
    if (arena_used_bytes(c->a) - c->arena_start > SCHEMA_ROOM_BYTES && c->rc == 0)
        compiler_fail(c, err_set(c->err, HL_ELIMIT, "compiling the schema needs more than %d MiB",
                                 SCHEMA_ROOM_BYTES >> 20));
}

struct node *compiler_node(struct compiler *c, struct root *root, struct str pointer)
{
    struct place *place = roots_place(c, root, pointer);

    if (place->node)
        return place->node;
    if (c->queue_count == SCHEMA_PLACES_MAX && c->rc == 0)
        compiler_fail(c, err_set(c->err, HL_ELIMIT, "more than %d subschemas", SCHEMA_PLACES_MAX));
    struct node *node = arena_one(c->a, struct node);
    node->url = root->url;
    node->pointer = pointer;
    node->resource = node;
    place->node = node;
    ARENA_PUSH(c->a, c->queue, c->queue_count, c->queue_cap, ((struct job){root, node}));
    return node;
}

struct node *compiler_compile(struct compiler *c, struct str url)
{
    struct root *root = roots_get(c, url);

    if (!root)
        return NULL;
    struct node *node = compiler_node(c, root, STR_NONE);
    while (c->jobs_done < c->queue_count && c->rc == 0) {
        struct job job = c->queue[c->jobs_done++];
        const struct value *v = roots_lookup(c, job.root, job.node->pointer);
        if (v)
            compile_node(c, job.root, job.node, v);
    }
    return c->rc == 0 ? node : NULL;
}

static uint64_t seed_of(const struct value *document)
{
    struct digest digest = value_digest(document);

    return bytes_u64(digest.bytes);
}

int schema_compile(struct arena *a, const struct value *document,
                   const struct schema_options *options, const struct schema **out,
                   struct str *out_text, struct err *err)
{
    HL_CLEANUP(compiler_deinit) struct compiler c;

    compiler_init(&c, a, options, seed_of(document), err);
    if (!json_can_hold(document))
        return err_set(err, HL_EINVAL, "the schema has numbers that are not finite");
    roots_add_document(&c, STR(SCHEMA_URL), document);
    const struct node *root = compiler_compile(&c, STR(SCHEMA_URL));
    if (c.rc == SCHEMA_INVALID)
        *out_text = c.text;
    if (!root)
        return c.rc;
    struct schema *schema = arena_one(a, struct schema);
    schema->root = root;
    *out = schema;
    return 0;
}

int schema_check(const struct schema *schema, const struct value *instance, struct arena *a,
                 struct str *out_text, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct check check = {.a = scratch, .err = err, .steps_left = SCHEMA_STEPS_MAX};
    struct fault *fault = NULL;

    if (!json_can_hold(instance))
        return err_set(err, HL_EINVAL, "the values have numbers that are not finite");
    int rc = check_run(&check, schema->root, instance, &fault);
    if (rc != SCHEMA_INVALID)
        return rc;
    if (!fault_print(&text, NULL, fault))
        return err_set(err, HL_ELIMIT, "the values have too many mistakes to list");
    buf_add_byte(&text, '\n');
    *out_text = arena_dup(a, str_sub(buf_str(&text), 1, text.len));
    return SCHEMA_INVALID;
}
