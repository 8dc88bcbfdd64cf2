/*
 * For the files of this folder only: a compilation at work.
 *
 * Documents become roots; a root knows which of its places are schemas, which of them begin a
 * resource (have an id of their own), and the anchors of each resource (roots.c). Before anything
 * of a document is compiled it is checked against its metaschema (meta.c); metaschemas are compiled
 * by a compiler of their own, of which one exists at most. Places become nodes, breadth first, as
 * others refer to them (compile.c).
 *
 * Errors stick: the first one is kept in `rc`, and everything after it does as little as possible.
 *
 * Ownership: maps are on the heap until compiler_deinit; the rest lives in the arena.
 */
#ifndef HL_CORE_SCHEMA_COMPILER_H
#define HL_CORE_SCHEMA_COMPILER_H

#include "core/schema/draft.h"
#include "core/schema/node.h"

struct dialect {
    const struct draft *draft;
    bool has_vocabularies; /* its metaschema lists them */
    unsigned vocabularies;
};

struct anchor {
    struct str name;
    struct str pointer;
    bool is_dynamic;
    struct anchor *next;
};

struct resource {
    struct str pointer;
    struct str id; /* absolute */
    struct dialect dialect;
    struct anchor *anchors;
    struct map *anchor_by_name; /* NULL: none yet */
    const struct node *meta;
    struct resource *next;
};

struct place {
    bool is_collected;
    struct resource *resource; /* NULL: none begins here */
    struct node *node;         /* NULL: nobody referred to it yet */
};

struct root {
    struct str url;
    const struct value *document;
    struct map *places; /* pointer -> struct place */
    struct map *ids;    /* -> struct resource */
    struct resource *resources;
};

struct job {
    struct root *root;
    struct node *node;
};

struct compiler {
    struct arena *a;
    const struct schema_options *options;
    uint64_t seed; /* of maps */
    bool is_meta;  /* compiles metaschemas, trusts them, asserts formats */
    int rc;
    struct str text; /* when rc is SCHEMA_INVALID */
    struct err *err; /* when rc is negative */
    struct map *documents;
    struct map *roots; /* by URL */
    struct job *queue;
    size_t queue_count;
    size_t queue_cap;
    size_t jobs_done;
    size_t arena_start;
    struct compiler *meta; /* NULL until needed */
    uint64_t meta_steps_left;
};

void compiler_init(struct compiler *c, struct arena *a, const struct schema_options *options,
                   uint64_t seed, struct err *err);
void compiler_deinit(struct compiler *c);

/* The node of a document's root, with all that it needs; NULL: see rc. */
struct node *compiler_compile(struct compiler *c, struct str url);

/* Sets rc to SCHEMA_INVALID with the text, unless it is set already. */
void compiler_refuse(struct compiler *c, const struct buf *text);
/* Sets rc to the code, unless it is set already; err is filled. */
void compiler_fail(struct compiler *c, int code);
/* HL_ELIMIT if the compilation has taken too much memory. */
void compiler_check_room(struct compiler *c);

/* The place's node, queued when it is new. Always a node, whatever rc. */
struct node *compiler_node(struct compiler *c, struct root *root, struct str pointer);

/* roots.c: ----------------------------------------------------------------------------------- */

/* Makes a document known under a URL before anybody asks for it. */
void roots_add_document(struct compiler *c, struct str url, const struct value *document);
/* The root of a URL, loaded if need be; NULL: see rc. */
struct root *roots_get(struct compiler *c, struct str url);
/* What the reference `url`#`fragment` made in `root` means; false: see rc. */
bool roots_resolve(struct compiler *c, struct root *root, struct str url, struct str fragment,
                   struct root **out_root, struct str *out_pointer);
/* The resource that the place belongs to. */
struct resource *roots_resource(const struct root *root, struct str pointer);
/* The value of a place, which a reference may be the first to call a schema; NULL: see rc. */
const struct value *roots_lookup(struct compiler *c, struct root *root, struct str pointer);
/* Room for a place. */
struct place *roots_place(struct compiler *c, struct root *root, struct str pointer);
void root_free(struct root *root);

/* "URL#/pointer" in Go's quotes. */
void quote_location(struct buf *out, struct str url, struct str pointer);
/* pointer + "/" + token, escaped. */
struct str pointer_add(struct arena *a, struct str pointer, struct str token);
/* Member numbers in the order of their keys' bytes. */
const uint32_t *member_order(struct arena *a, const struct value *map);

/* compile.c: ---------------------------------------------------------------------------------- */

/* Fills the node from its value. */
void compile_node(struct compiler *c, struct root *root, struct node *node, const struct value *v);
bool dialect_has(const struct dialect *d, unsigned vocabulary);

/* meta.c: ------------------------------------------------------------------------------------ */

/* Checks a schema of `root` against the metaschema of its place's dialect. */
void meta_check(struct compiler *c, struct root *root, struct str pointer, const struct value *v);

#endif
