/* Contexts: the meshes this person works with. Only the configuration file is touched. */
#include "hlctl/config.h"

#include <stdlib.h>

#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"
#include "hlctl/trust.h"

static int load(struct hlctl *h, struct config *out, struct trouble *t)
{
    struct str path = config_path(h->arena, flag_text(h->in, "config"));
    int rc = config_load(h->arena, path, out, t);

    return rc < 0 ? t->page->exit : 0;
}

int context_list_run(struct hlctl *h, struct trouble *t)
{
    static const struct column columns[] = {
        {"CURRENT", "current", CELL_TEXT, false},  {"NAME", "name", CELL_TEXT, false},
        {"MESH", "mesh", CELL_TEXT, false},        {"ROSTER", "roster", CELL_TEXT, false},
        {"IDENTITY", "identity", CELL_TEXT, true},
    };
    struct value *items = value_list(h->arena);
    struct arena *a = h->arena;
    struct config config;
    int rc = load(h, &config, t);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < config.context_count; i++) {
        const struct context *c = &config.context[i];
        struct value *one = value_map(a);
        value_map_set_bool(a, one, "current", str_eq(c->name, config.current));
        value_map_set_str(a, one, "name", c->name);
        value_map_set_str(a, one, "mesh", c->mesh);
        value_map_set_str(a, one, "roster", c->roster);
        value_map_set_str(a, one, "identity", c->identity);
        value_list_add(a, items, one);
    }
    output_list(h, NULL, "ContextList", "context", items, columns, HL_COUNT(columns));
    return EXIT_DONE;
}

static int store(struct hlctl *h, const struct config *config, bool is_editable, struct str text,
                 const char *done, struct trouble *t)
{
    if (!is_editable) {
        trouble_set(t, "HL-CFG-01", STR_FMT " is written in a form that hlctl does not edit",
                    STR_ARG(config->path));
        trouble_why(t, "contexts must be a block list, one key a line, without anchors");
        return trouble_next(t, "edit the file by hand; hlctl help configuration shows the form");
    }
    int rc = config_write(config, text, t);
    if (rc == 0)
        hlctl_remark(h, "%s: " STR_FMT, done, STR_ARG(config->path));
    return rc;
}

int context_use_run(struct hlctl *h, struct trouble *t)
{
    struct config config;
    struct str text;
    int rc = load(h, &config, t);

    if (rc != 0)
        return rc;
    if (!config_pick(&config, invocation_arg(h->in, 0), t))
        return t->page->exit;
    bool is_editable = config_text_use(h->arena, &config, invocation_arg(h->in, 0), &text);
    return store(h, &config, is_editable, text, "context selected", t);
}

static struct str resolved(struct hlctl *h, struct str path)
{
    char *real = realpath(arena_cstr(h->arena, path), NULL);
    struct str result = real ? arena_dup(h->arena, str_from(real)) : path;

    free(real);
    return result;
}

int context_add_run(struct hlctl *h, struct trouble *t)
{
    struct context add = {.name = invocation_arg(h->in, 0),
                          .mesh = flag_text(h->in, "mesh"),
                          .roster = flag_text(h->in, "roster"),
                          .identity = flag_text(h->in, "identity")};
    struct config config;
    struct roster roster;
    struct identity identity;
    struct str text;

    if (add.roster.len == 0 || add.identity.len == 0) {
        trouble_set(t, "HL-USE-03", "hlctl context add needs --roster and --identity");
        return trouble_next(t, "hlctl help context add");
    }
    int rc = load(h, &config, t);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < config.context_count; i++)
        if (str_eq(config.context[i].name, add.name))
            return trouble_set(t, "HL-FILE-01", "there is a context \"" STR_FMT "\" already",
                               STR_ARG(add.name));
    add.roster = resolved(h, add.roster);
    add.identity = resolved(h, add.identity);
    rc = trust_check(h, &add, &roster, &identity, t);
    if (rc != 0)
        return rc;
    keys_wipe(&identity.pair.secret_key, sizeof identity.pair.secret_key);
    bool is_editable = config_text_add(h->arena, &config, &add, &text);
    return store(h, &config, is_editable, text, "context added", t);
}

int context_rm_run(struct hlctl *h, struct trouble *t)
{
    struct config config;
    struct str text;
    int rc = load(h, &config, t);

    if (rc != 0)
        return rc;
    if (!config_pick(&config, invocation_arg(h->in, 0), t))
        return t->page->exit;
    bool is_editable = config_text_remove(h->arena, &config, invocation_arg(h->in, 0), &text);
    return store(h, &config, is_editable, text, "context removed", t);
}

int context_current_run(struct hlctl *h, struct trouble *t)
{
    struct config config;
    int rc = load(h, &config, t);

    if (rc != 0)
        return rc;
    const struct context *c = config_pick(&config, flag_text(h->in, "context"), t);
    if (!c)
        return t->page->exit;
    if (hlctl_is_document(h)) {
        struct value *facts = value_map(h->arena);
        value_map_set_str(h->arena, facts, "name", c->name);
        value_map_set_str(h->arena, facts, "mesh", c->mesh);
        output_document(h, NULL, "Context", facts);
        return EXIT_DONE;
    }
    buf_printf(&h->out, "%s" STR_FMT "\n", h->format == FORMAT_NAME ? "context/" : "",
               STR_ARG(safe_text(h->arena, c->name)));
    return EXIT_DONE;
}
