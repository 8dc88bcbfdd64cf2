/* Pinning happens once, in `context add`; afterwards a roster of another mesh is refused. */
#include "hlctl/trust.h"

#include "core/value/json.h"

int trust_config(struct hlctl *h, struct config *out, struct trouble *t)
{
    struct str path = config_path(h->arena, flag_text(h->in, "config"));
    int rc = config_load(h->arena, path, out, t);

    if (rc < 0)
        return t->page->exit;
    if (rc > 0) {
        trouble_set(t, "HL-CFG-01", "there is no configuration file " STR_FMT, STR_ARG(path));
        return trouble_next(t, "hlctl context add NAME --roster FILE --identity FILE, or set "
                               "HLCTL_CONFIG");
    }
    return 0;
}

/* The fingerprint that the roster claims; roster_load proves it. */
static int claimed_mesh(struct hlctl *h, struct str path, struct str *out, struct err *err)
{
    struct value *root = NULL;
    struct str text;
    int rc = file_read(path, h->arena, &text, err);

    if (rc == 0)
        rc = json_read(h->arena, text, path, &root, err);
    if (rc != 0)
        return rc;
    struct value *body = value_get(root, STR("mesh")) ? root : value_get(root, STR("roster"));
    *out = value_get_str(body, "mesh");
    return out->len > 0 ? 0 : err_set(err, HL_EINVAL, "it names no mesh");
}

int trust_check(struct hlctl *h, struct context *context, struct roster *roster,
                struct identity *identity, struct trouble *t)
{
    struct err err;
    int rc = 0;

    keys_init();
    if (context->mesh.len == 0)
        rc = claimed_mesh(h, context->roster, &context->mesh, &err);
    if (rc == 0)
        rc = roster_load(context->roster, context->mesh, h->arena, roster, &err);
    if (rc != 0) {
        trouble_set(t, "HL-CFG-04", "roster " STR_FMT " is not trusted", STR_ARG(context->roster));
        return trouble_err(t, &err);
    }
    rc = identity_load(context->identity, h->arena, identity, &err);
    if (rc != 0) {
        trouble_set(t, rc == HL_EDENIED ? "HL-CFG-02" : "HL-KEY-01",
                    "identity " STR_FMT " cannot be used", STR_ARG(context->identity));
        trouble_err(t, &err);
        if (rc == HL_EDENIED)
            trouble_next(t, "chmod 600 " STR_FMT, STR_ARG(context->identity));
        return t->page->exit;
    }
    return 0;
}

int trust_load(struct hlctl *h, struct trust *out, struct trouble *t)
{
    struct config config;
    const struct context *picked;
    int rc = trust_config(h, &config, t);

    if (rc != 0)
        return rc;
    picked = config_pick(&config, flag_text(h->in, "context"), t);
    if (!picked)
        return t->page->exit;
    out->context = *picked;
    return trust_check(h, &out->context, &out->roster, &out->identity, t);
}
