/* A walk over the document that refuses what it does not know. */
#include "agent/config.h"

#include "core/value/yaml.h"
#include "edge/keys/keys.h"

struct reading {
    struct agent_config *config;
    struct arena *arena;
    struct str file;
    struct err *err;
    size_t destination_count;
};

static struct str in_folder_of(struct arena *a, struct str file, struct str path)
{
    size_t end = file.len;

    if (path.len == 0 || path.ptr[0] == '/')
        return path;
    while (end > 0 && file.ptr[end - 1] != '/')
        end--;
    return arena_concat(a, str_sub(file, 0, end), path);
}

static int unknown(struct reading *r, const struct member *m)
{
    return err_at(r->err, HL_EINVAL, r->file, m->key_line, m->key_column,
                  "unknown setting \"" STR_FMT "\"; see agent/config.h for those there are",
                  STR_ARG(m->key));
}

static int take_text(struct reading *r, const struct member *m, bool is_path, struct str *out)
{
    if (m->value->kind != VALUE_STRING || m->value->string.len == 0)
        return value_err(r->err, HL_EINVAL, m->value, STR_FMT " must be a text", STR_ARG(m->key));
    *out = is_path ? in_folder_of(r->arena, r->file, m->value->string) : m->value->string;
    return 0;
}

struct text_setting {
    struct str key;
    bool is_path;
    struct str *out;
};

static int take_texts(struct reading *r, const struct member *m, const struct text_setting *s,
                      size_t count, bool *out_found)
{
    *out_found = false;
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(m->key, s[i].key))
            continue;
        *out_found = true;
        return take_text(r, m, s[i].is_path, s[i].out);
    }
    return 0;
}

static int take_repository(struct reading *r, const struct value *v)
{
    struct git_destination_config *g = &r->config->git;
    const struct text_setting settings[] = {
        {STR("url"), false, &g->url},
        {STR("branch"), false, &g->branch},
        {STR("username"), false, &g->username},
        {STR("sshKey"), true, &g->ssh_key_path},
        {STR("knownHosts"), true, &g->known_hosts_path},
        {STR("tokenFile"), true, &g->token_path},
        {STR("caFile"), true, &g->ca_path},
    };

    if (v->kind != VALUE_MAP)
        return value_err(r->err, HL_EINVAL, v, "stateRepository must be a mapping");
    for (size_t i = 0; i < v->map.count; i++) {
        bool is_known;
        int e = take_texts(r, &v->map.member[i], settings, HL_COUNT(settings), &is_known);
        if (e < 0 || !is_known)
            return e < 0 ? e : unknown(r, &v->map.member[i]);
    }
    if (g->url.len == 0)
        return value_err(r->err, HL_EINVAL, v, "stateRepository.url is missing");
    r->config->is_git = true;
    return 0;
}

static int take_destination(struct reading *r, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return value_err(r->err, HL_EINVAL, v, "destination must be a mapping");
    for (size_t i = 0; i < v->map.count; i++) {
        const struct member *m = &v->map.member[i];
        int e = 0;

        r->destination_count++;
        if (str_eq(m->key, STR("stateRepository")))
            e = take_repository(r, m->value);
        else if (str_eq(m->key, STR("kubeconfig")))
            e = take_text(r, m, true, &r->config->kubeconfig);
        else if (!str_eq(m->key, STR("inCluster")))
            e = unknown(r, m);
        if (e < 0)
            return e;
    }
    return 0;
}

static int take_roles(struct reading *r, const struct value *v)
{
    if (v->kind != VALUE_LIST)
        return value_err(r->err, HL_EINVAL, v, "roles must be a list");
    r->config->role = arena_array(r->arena, struct str, v->list.count);
    for (size_t i = 0; i < v->list.count; i++) {
        if (!str_eq(value_str(v->list.item[i]), STR("kubernetes")))
            return value_err(r->err, HL_EUNSUPPORTED, v->list.item[i],
                             "there is one role so far: kubernetes");
        r->config->role[r->config->role_count++] = value_str(v->list.item[i]);
    }
    return 0;
}

static int take_all(struct reading *r, const struct value *v)
{
    struct agent_config *c = r->config;
    const struct text_setting settings[] = {
        {STR("dir"), true, &c->dir},
        {STR("node"), false, &c->node},
        {STR("roster"), true, &c->roster_path},
        {STR("mesh"), false, &c->mesh},
        {STR("tokenFile"), true, &c->token_path},
        {STR("cluster"), false, &c->cluster},
    };

    if (v->kind != VALUE_MAP)
        return err_at(r->err, HL_EINVAL, r->file, 1, 1, "the file must be a mapping");
    for (size_t i = 0; i < v->map.count; i++) {
        const struct member *m = &v->map.member[i];
        bool is_known;
        int e = take_texts(r, m, settings, HL_COUNT(settings), &is_known);

        if (e == 0 && !is_known) {
            if (str_eq(m->key, STR("destination")))
                e = take_destination(r, m->value);
            else if (str_eq(m->key, STR("roles")))
                e = take_roles(r, m->value);
            else if (!str_eq(m->key, STR("apiVersion")) && !str_eq(m->key, STR("kind")))
                e = unknown(r, m);
        }
        if (e < 0)
            return e;
    }
    for (size_t i = 0; i < 4; i++) {
        if (settings[i].out->len == 0)
            return err_at(r->err, HL_EINVAL, r->file, 0, 0, STR_FMT " is missing",
                          STR_ARG(settings[i].key));
    }
    if (r->destination_count != 1 || c->role_count == 0)
        return err_at(r->err, HL_EINVAL, r->file, 0, 0,
                      "an agent needs roles and exactly one destination");
    if (!c->is_git && c->cluster.len == 0)
        return err_at(r->err, HL_EINVAL, r->file, 0, 0,
                      "cluster is missing: which cluster of the registry is this Kubernetes API?");
    return 0;
}

int agent_config_load(struct str path, struct arena *a, struct agent_config *out, struct err *err)
{
    struct agent_config config = {0};
    struct reading r = {&config, a, path, err, 0};
    struct value *document;
    struct str text;

    int e = file_read(path, a, &text, err);
    if (e == 0)
        e = yaml_read(a, text, path, &document, err);
    if (e == 0)
        e = take_all(&r, document);
    if (e < 0)
        return e;
    config.git.node = config.node;
    config.git.dir = arena_concat(a, config.dir, STR("/state.git"));
    *out = config;
    return 0;
}
