/* What the table generates for the tree: docs/cli.md, docs/errors/, and the examples for tests. */
#include <string.h>
#include <sys/stat.h>

#include "edge/keys/keys.h"
#include "hlctl/help.h"
#include "hlctl/hlctl.h"
#include "hlctl/run.h"

static int store(struct hlctl *h, const char *folder, const char *name, const struct buf *text,
                 struct trouble *t)
{
    struct str path = arena_printf(h->arena, "%s/%s", folder, name);
    struct err err;

    if (file_write(path, buf_str(text), 0644, &err) == 0)
        return 0;
    trouble_set(t, "HL-FILE-02", "cannot write " STR_FMT, STR_ARG(path));
    return trouble_err(t, &err);
}

int docs_run(struct hlctl *h, struct trouble *t)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const char *folder = arena_cstr(h->arena, invocation_arg(h->in, 0));
    const char *errors = arena_printf(h->arena, "%s/errors", folder).ptr;

    mkdir(folder, 0755); /* store() tells if it is not there */
    mkdir(errors, 0755);
    help_markdown(&text);
    int rc = store(h, folder, "cli.md", &text, t);
    buf_reset(&text);
    trouble_index_markdown(&text);
    if (rc == 0)
        rc = store(h, errors, "README.md", &text, t);
    for (size_t i = 0; rc == 0 && i < trouble_page_count; i++) {
        buf_reset(&text);
        trouble_page_markdown(&text, &trouble_pages[i]);
        rc = store(h, errors, arena_printf(h->arena, "%s.md", trouble_pages[i].id).ptr, &text, t);
    }
    return rc;
}

/* The line with every "my-app=name" of the arguments put in. */
static struct str with_samples(struct hlctl *h, struct str line)
{
    for (size_t i = 1; i < invocation_arg_count(h->in); i++) {
        struct str name = invocation_arg(h->in, i);
        struct str sample = str_cut(&name, '=');
        size_t at = str_find(line, sample, 0);
        if (sample.len > 0 && at != SIZE_MAX)
            line = arena_printf(h->arena, STR_FMT STR_FMT STR_FMT, STR_ARG(str_sub(line, 0, at)),
                                STR_ARG(name), STR_ARG(str_sub(line, at + sample.len, line.len)));
    }
    return line;
}

int examples_run(struct hlctl *h, struct trouble *t)
{
    bool is_mesh = str_eq(invocation_arg(h->in, 0), STR("mesh"));

    if (!is_mesh && !str_eq(invocation_arg(h->in, 0), STR("offline")))
        return trouble_set(t, "HL-USE-03", "__examples takes offline or mesh");
    for (size_t i = 0; i < verb_count; i++)
        for (size_t k = 0; k < verbs[i].example_count; k++) {
            const struct example *e = &verbs[i].examples[k];
            if (e->where != (is_mesh ? WHERE_MESH : WHERE_OFFLINE))
                continue;
            struct str line = with_samples(h, str_from(e->line));
            buf_printf(&h->out, "%d\t" STR_FMT "\n", e->exit, STR_ARG(line));
        }
    return EXIT_DONE;
}
