/*
 * A table says which keys exist and where their values go; the walk over the document refuses what
 * the table does not know.
 */
#include "coordinator/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/value/yaml.h"

enum setting_kind { SETTING_TEXT, SETTING_PATH, SETTING_DURATION, SETTING_MEMBER };

struct setting {
    const char *section; /* NULL: top level */
    const char *key;
    enum setting_kind kind;
    size_t offset;
    bool is_required;
};

#define AT(field) offsetof(struct coordinator_config, field)
static const struct setting settings[] = {
    {NULL, "dir", SETTING_PATH, AT(dir), true},
    {NULL, "member", SETTING_MEMBER, AT(member), true},
    {NULL, "secret", SETTING_PATH, AT(secret_path), true},
    {NULL, "roster", SETTING_PATH, AT(roster_path), true},
    {NULL, "mesh", SETTING_TEXT, AT(mesh), true},
    {NULL, "clusters", SETTING_PATH, AT(clusters_path), false},
    {"git", "url", SETTING_TEXT, AT(git.url), true},
    {"git", "ref", SETTING_TEXT, AT(git.ref), false},
    {"git", "poll", SETTING_DURATION, AT(git.poll_ms), false},
    {"git", "sshKey", SETTING_PATH, AT(git.ssh_key_path), false},
    {"git", "knownHosts", SETTING_PATH, AT(git.known_hosts_path), false},
    {"git", "usernameFile", SETTING_PATH, AT(git.username_path), false},
    {"git", "tokenFile", SETTING_PATH, AT(git.token_path), false},
    {"git", "caFile", SETTING_PATH, AT(git.ca_path), false},
    {"webhook", "listen", SETTING_TEXT, AT(webhook.listen), false},
    {"webhook", "secretFile", SETTING_PATH, AT(webhook.secret_path), false},
    {"charts", "caFile", SETTING_PATH, AT(charts.ca_path), false},
    {"charts", "dockerConfig", SETTING_PATH, AT(charts.docker_config_path), false},
    {"timers", "heartbeat", SETTING_DURATION, AT(heartbeat_ms), false},
    {"timers", "election", SETTING_DURATION, AT(election_ms), false},
    {"timers", "agentHeartbeat", SETTING_DURATION, AT(agent_heartbeat_ms), false},
};

static bool is_same_name(const char *a, struct str b)
{
    return a && str_eq(str_from(a), b);
}

static const struct setting *find_setting(const char *section, struct str key)
{
    for (size_t i = 0; i < HL_COUNT(settings); i++) {
        bool is_here = section ? is_same_name(settings[i].section, str_from(section))
                               : settings[i].section == NULL;
        if (is_here && is_same_name(settings[i].key, key))
            return &settings[i];
    }
    return NULL;
}

static const char *find_section(struct str key)
{
    for (size_t i = 0; i < HL_COUNT(settings); i++) {
        if (is_same_name(settings[i].section, key))
            return settings[i].section;
    }
    return NULL;
}

static struct str in_folder_of(struct arena *a, struct str file, struct str path)
{
    size_t end = file.len;

    if (path.len > 0 && path.ptr[0] == '/')
        return arena_dup(a, path);
    while (end > 0 && file.ptr[end - 1] != '/')
        end--;
    return arena_concat(a, str_sub(file, 0, end), path);
}

static int take(struct coordinator_config *config, const struct setting *s, const struct value *v,
                struct str file, struct arena *a, struct err *err)
{
    char *field = (char *)config + s->offset;

    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_PATH:
        if (v->kind != VALUE_STRING || v->string.len == 0)
            return value_err(err, HL_EINVAL, v, "%s must be a text", s->key);
        *(struct str *)(void *)field =
            s->kind == SETTING_PATH ? in_folder_of(a, file, v->string) : arena_dup(a, v->string);
        return 0;
    case SETTING_DURATION:
        if (!time_parse_duration(value_str(v), (int64_t *)(void *)field))
            return value_err(err, HL_EINVAL, v, "%s must be a duration like 30s or 100ms", s->key);
        return 0;
    case SETTING_MEMBER:
        if (v->kind != VALUE_INT || v->integer <= 0)
            return value_err(err, HL_EINVAL, v, "%s must be the coordinator's id in the roster",
                             s->key);
        *(uint64_t *)(void *)field = (uint64_t)v->integer;
        return 0;
    }
    return HL_EINVAL;
}

static int take_map(struct coordinator_config *config, const char *section, const struct value *map,
                    struct str file, struct arena *a, struct err *err)
{
    if (map->kind != VALUE_MAP) /* an empty document has no place of its own */
        return err_at(err, HL_EINVAL, file, map->line ? map->line : 1,
                      map->column ? map->column : 1, "%s must be a mapping",
                      section ? section : "the file");
    for (size_t i = 0; i < map->map.count; i++) {
        const struct member *m = &map->map.member[i];
        const struct setting *s = find_setting(section, m->key);
        const char *inner = section ? NULL : find_section(m->key);
        int r = 0;

        if (s)
            r = take(config, s, m->value, file, a, err);
        else if (inner)
            r = take_map(config, inner, m->value, file, a, err);
        else if (section || !(str_eq(m->key, STR("apiVersion")) || str_eq(m->key, STR("kind"))))
            r = err_at(err, HL_EINVAL, file, m->key_line, m->key_column,
                       "unknown setting \"" STR_FMT
                       "\"; see coordinator/config.h for those there are",
                       STR_ARG(m->key));
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_unset(const struct coordinator_config *c, const struct setting *s)
{
    const void *field = (const char *)c + s->offset;

    if (s->kind == SETTING_MEMBER)
        return *(const uint64_t *)field == 0;
    return s->kind != SETTING_DURATION && ((const struct str *)field)->len == 0;
}

static int check(const struct coordinator_config *c, struct str file, struct err *err)
{
    for (size_t i = 0; i < HL_COUNT(settings); i++) {
        const struct setting *s = &settings[i];

        if (s->is_required && is_unset(c, s))
            return err_at(err, HL_EINVAL, file, 0, 0, "%s%s%s is missing",
                          s->section ? s->section : "", s->section ? "." : "", s->key);
    }
    if (c->git.poll_ms < 1000)
        return err_at(err, HL_EINVAL, file, 0, 0, "git.poll must be at least 1s");
    if (c->heartbeat_ms < 10 || c->heartbeat_ms > 10000 || c->election_ms < 3 * c->heartbeat_ms)
        return err_at(
            err, HL_EINVAL, file, 0, 0,
            "timers.heartbeat must be 10ms to 10s and timers.election at least three of it");
    if (c->agent_heartbeat_ms < 100)
        return err_at(err, HL_EINVAL, file, 0, 0, "timers.agentHeartbeat must be at least 100ms");
    if (c->webhook.listen.len > 0 && c->webhook.secret_path.len == 0)
        return err_at(err, HL_EINVAL, file, 0, 0,
                      "webhook.secretFile is missing: an unsigned webhook is never accepted");
    return 0;
}

static int read_file(struct str path, struct buf *out, struct err *err)
{
    char name[4096];
    char block[4096];
    size_t got;

    if (path.len >= sizeof(name))
        return err_set(err, HL_EINVAL, "path of %zu bytes", path.len);
    snprintf(name, sizeof(name), STR_FMT, STR_ARG(path));
    FILE *f = fopen(name, "re");
    if (!f)
        return err_errno(err, HL_EABSENT, "cannot open %s", name);
    while ((got = fread(block, 1, sizeof(block), f)) > 0 && out->len < YAML_BYTES_MAX)
        buf_add_bytes(out, block, got);
    int is_bad = ferror(f);
    fclose(f);
    return is_bad ? err_set(err, HL_EIO, "cannot read %s", name) : 0;
}

int coordinator_config_load(struct str path, struct arena *a, struct coordinator_config *out,
                            struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    struct coordinator_config config = {
        .git = {.poll_ms = 30000},
        .heartbeat_ms = 50,
        .election_ms = 200, /* lost unheard: the next one leads within half a second */
        .agent_heartbeat_ms = 1000,
    };
    struct value *document;

    int r = read_file(path, &text, err);
    if (r < 0)
        return r;
    r = yaml_read(a, buf_str(&text), path, &document, err);
    if (r < 0)
        return r;
    r = take_map(&config, NULL, document, path, a, err);
    if (r < 0)
        return r;
    r = check(&config, path, err);
    if (r < 0)
        return r;
    *out = config;
    return 0;
}
