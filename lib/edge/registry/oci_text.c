/* Header fields by hand, bodies through core/value. */
#include "edge/registry/oci_text.h"

#include <string.h>

#include "core/value/json.h"

/* ---- headers ---- */

static bool is_token_byte(char c)
{
    bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

    return is_letter || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static struct str skip(struct str s, const char *set)
{
    size_t i = 0;

    while (i < s.len && s.ptr[i] != '\0' && strchr(set, s.ptr[i]))
        i++;
    return str_sub(s, i, s.len);
}

static struct str take_token(struct str *rest)
{
    size_t i = 0;

    while (i < rest->len && is_token_byte(rest->ptr[i]))
        i++;
    struct str token = str_sub(*rest, 0, i);
    *rest = str_sub(*rest, i, rest->len);
    return token;
}

/* Without its quotes and backslashes; false: it does not end. */
static bool take_quoted(struct arena *a, struct str *rest, struct str *out)
{
    char *text = arena_alloc(a, rest->len);
    size_t len = 0;

    for (size_t i = 1; i < rest->len; i++) {
        if (rest->ptr[i] == '"') {
            *out = (struct str){text, len};
            *rest = str_sub(*rest, i + 1, rest->len);
            return true;
        }
        if (rest->ptr[i] == '\\' && i + 1 < rest->len)
            i++;
        text[len++] = rest->ptr[i];
    }
    return false;
}

static bool same_word(struct str s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

/* One `key=value`; false: there is none. */
static bool take_parameter(struct arena *a, struct str *rest, struct oci_challenge *out)
{
    struct str value;

    *rest = skip(*rest, " \t,");
    struct str key = take_token(rest);
    *rest = skip(*rest, " \t");
    if (key.len == 0 || rest->len == 0 || rest->ptr[0] != '=')
        return false;
    *rest = skip(str_sub(*rest, 1, rest->len), " \t");
    if (rest->len > 0 && rest->ptr[0] == '"') {
        if (!take_quoted(a, rest, &value))
            return false;
    } else {
        value = arena_dup(a, take_token(rest));
    }
    if (same_word(key, "realm"))
        out->realm = value;
    else if (same_word(key, "service"))
        out->service = value;
    else if (same_word(key, "scope"))
        out->scope = value;
    return true;
}

int oci_read_challenge(struct arena *a, struct str header, struct oci_challenge *out,
                       struct err *err)
{
    struct str rest = skip(header, " \t");
    struct str scheme = take_token(&rest);
    struct oci_challenge c = {.is_bearer = same_word(scheme, "bearer")};

    if (!c.is_bearer && !same_word(scheme, "basic"))
        return err_set(err, HL_EUNSUPPORTED,
                       "the registry asks for neither a token nor a password");
    while (take_parameter(a, &rest, &c))
        continue;
    if (c.is_bearer && c.realm.len == 0)
        return err_set(err, HL_EINVAL, "the registry's challenge names no token service");
    *out = c;
    return 0;
}

struct str oci_next_link(struct str header)
{
    struct str rest = header;

    while (rest.len > 0) {
        size_t from = str_find(rest, STR("<"), 0);
        size_t to = from == SIZE_MAX ? SIZE_MAX : str_find(rest, STR(">"), from);
        if (to == SIZE_MAX)
            return STR_NONE;
        struct str target = str_sub(rest, from + 1, to);
        rest = str_sub(rest, to + 1, rest.len);
        size_t end = str_find(rest, STR("<"), 0);
        struct str parameters = str_sub(rest, 0, end);
        if (str_find(parameters, STR("rel=\"next\""), 0) != SIZE_MAX ||
            str_find(parameters, STR("rel=next"), 0) != SIZE_MAX)
            return target;
    }
    return STR_NONE;
}

/* ---- bodies ---- */

int oci_read_token(struct arena *a, struct str json, struct str *out, struct err *err)
{
    struct value *v;

    if (json_read(a, json, STR("token"), &v, NULL) < 0)
        return err_set(err, HL_EINVAL, "the token service's answer is no JSON");
    struct str token = value_get_str(v, "token");
    if (token.len == 0)
        token = value_get_str(v, "access_token");
    if (token.len == 0)
        return err_set(err, HL_EINVAL, "the token service's answer holds no token");
    if (token.len > OCI_TOKEN_MAX)
        return err_set(err, HL_ELIMIT, "a token of more than %d bytes", OCI_TOKEN_MAX);
    *out = token;
    return 0;
}

int oci_read_tags(struct arena *a, struct str json, struct oci_tags *out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *own = arena_new();
    struct value *v;

    int rc = json_read(own, json, STR("tags"), &v, err);
    if (rc < 0)
        return rc;
    const struct value *tags = value_get(v, STR("tags"));
    if (!tags || tags->kind == VALUE_NULL)
        return 0;
    if (tags->kind != VALUE_LIST)
        return err_set(err, HL_EINVAL, "the registry's answer holds no list of tags");
    for (size_t i = 0; i < tags->list.count; i++) {
        if (out->count == OCI_TAGS_MAX)
            return err_set(err, HL_ELIMIT, "more than %d tags", OCI_TAGS_MAX);
        struct str tag = arena_dup(a, value_str(tags->list.item[i]));
        ARENA_PUSH(a, out->tag, out->count, out->cap, tag);
    }
    return 0;
}

bool oci_digest(struct str text, struct digest *out)
{
    return str_starts(text, STR("sha256:")) && digest_parse(str_sub(text, 7, text.len), out);
}

static int read_descriptor(const struct value *v, struct digest *digest, uint64_t *size,
                           struct err *err)
{
    int64_t bytes = value_get_int(v, "size", -1);

    if (!oci_digest(value_get_str(v, "digest"), digest))
        return err_set(err, HL_EUNSUPPORTED, "the manifest names content by no SHA-256");
    if (bytes < 0)
        return err_set(err, HL_EINVAL, "the manifest does not say how large its content is");
    *size = (uint64_t)bytes;
    return 0;
}

static bool is_chart_layer(const struct value *layer)
{
    struct str type = value_get_str(layer, "mediaType");

    return str_eq(type, STR("application/vnd.cncf.helm.chart.content.v1.tar+gzip")) ||
           str_eq(type, STR("application/tar+gzip"));
}

/* The last one counts, as with Helm. */
static const struct value *chart_layer(const struct value *layers)
{
    const struct value *found = NULL;

    for (size_t i = 0; layers && layers->kind == VALUE_LIST && i < layers->list.count; i++) {
        if (is_chart_layer(layers->list.item[i]))
            found = layers->list.item[i];
    }
    return found;
}

static int judge_manifest(const struct value *v, struct oci_manifest *out, struct err *err)
{
    const struct value *config = value_get(v, STR("config"));
    const struct value *layers = value_get(v, STR("layers"));
    const struct value *chart = chart_layer(layers);

    if (value_get(v, STR("manifests")))
        return err_set(err, HL_EUNSUPPORTED, "a list of manifests, where a chart has one");
    if (!str_eq(value_get_str(config, "mediaType"),
                STR("application/vnd.cncf.helm.config.v1+json")))
        return err_set(err, HL_EINVAL,
                       "could not load config with mediatype "
                       "application/vnd.cncf.helm.config.v1+json: it is no chart");
    if (layers && layers->kind == VALUE_LIST && layers->list.count > OCI_LAYERS_MAX)
        return err_set(err, HL_ELIMIT, "more than %d layers", OCI_LAYERS_MAX);
    if (!chart)
        return err_set(err, HL_EINVAL,
                       "manifest does not contain a layer with mediatype "
                       "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    int rc = read_descriptor(config, &out->config, &out->config_bytes, err);
    return rc < 0 ? rc : read_descriptor(chart, &out->chart, &out->chart_bytes, err);
}

int oci_read_manifest(struct str json, struct oci_manifest *out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *own = arena_new();
    struct oci_manifest m;
    struct value *v;

    int rc = json_read(own, json, STR("manifest"), &v, err);
    if (rc == 0)
        rc = judge_manifest(v, &m, err);
    if (rc == 0)
        *out = m;
    return rc;
}

/* ---- references ---- */

static bool is_path_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A separator stands behind a word; '-' and '_' may also stand behind themselves. */
bool oci_is_path(struct str path)
{
    char before = '/';

    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool is_separator = c != '\0' && strchr("/._-", c);
        bool is_repeated = c == before && (c == '-' || c == '_');
        if (!is_path_word(c) && !(is_separator && (is_path_word(before) || is_repeated)))
            return false;
        before = c;
    }
    return path.len > 0 && path.len <= 255 && is_path_word(before);
}

static struct str replaced(struct arena *a, struct str s, char from, char to)
{
    char *text = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++) {
        if (text[i] == from)
            text[i] = to;
    }
    return (struct str){text, s.len};
}

struct str oci_tag(struct arena *a, struct str version)
{
    return replaced(a, version, '+', '_');
}

struct str oci_version(struct arena *a, struct str tag)
{
    return replaced(a, tag, '_', '+');
}
