/*
 * Roster and secret files: JSON read with core/value, the roster signed over its canonical bytes
 * without the signature.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "core/value/json.h"
#include "edge/keys/keys.h"
#include "edge/keys/roster.h"

void roster_fingerprint(const unsigned char public_key[crypto_sign_PUBLICKEYBYTES],
                        char out[MESH_TEXT_MAX])
{
    struct digest d = sha256_of((struct str){(const char *)public_key, crypto_sign_PUBLICKEYBYTES});

    memcpy(out, "hl-mesh:", 8);
    sodium_bin2base64(out + 8, MESH_TEXT_MAX - 8, d.bytes, DIGEST_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The document without "signature", as it was signed. */
void roster_signed_bytes(struct buf *out, struct arena *a, const struct value *document)
{
    struct value *rest = value_map(a);

    for (size_t i = 0; i < document->map.count; i++) {
        const struct member *m = &document->map.member[i];
        if (!str_eq(m->key, STR("signature")))
            value_map_set(a, rest, m->key, m->value);
    }
    value_canonical(out, rest);
}

static int check_signature(const struct value *document, struct str file, struct str mesh,
                           struct arena *a, struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    unsigned char root[crypto_sign_PUBLICKEYBYTES];
    unsigned char signature[crypto_sign_BYTES];
    char found[MESH_TEXT_MAX];

    if (!hex_decode(value_get_str(document, "root"), root, sizeof(root)) ||
        !hex_decode(value_get_str(document, "signature"), signature, sizeof(signature)))
        return err_at(err, HL_EINVAL, file, 0, 0, "root key or signature is missing or malformed");
    roster_fingerprint(root, found);
    if (!str_eq(mesh, str_from(found)))
        return err_at(err, HL_EDENIED, file, 0, 0,
                      "this roster belongs to mesh %s, but " STR_FMT " is pinned here", found,
                      STR_ARG(mesh));
    roster_signed_bytes(&bytes, a, document);
    if (crypto_sign_verify_detached(signature, (const unsigned char *)bytes.ptr, bytes.len, root) !=
        0)
        return err_at(err, HL_EDENIED, file, 0, 0,
                      "the signature of the mesh's root key does not match: the file was changed");
    return 0;
}

/* Names of coordinators and people are names of files, too. */
bool roster_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && i > 0);
        if (!is_plain)
            return false;
    }
    return name.len > 0 && name.len <= 63;
}

/* "tcp://ADDRESS:PORT", IPv6 in brackets; port "*" or 0 lets the system choose. */
bool roster_is_endpoint(struct str s)
{
    struct str rest = str_sub(s, 6, s.len);
    size_t colon = rest.len;
    uint64_t port;

    if (!str_starts(s, STR("tcp://")) || s.len > 200)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    }
    while (colon > 0 && rest.ptr[colon - 1] != ':')
        colon--;
    struct str number = str_sub(rest, colon, rest.len);
    return colon > 1 &&
           (str_eq(number, STR("*")) || (str_to_u64(number, &port) && port <= UINT16_MAX));
}

static int read_member(const struct value *v, struct roster_member *out, struct err *err)
{
    const struct value *keys = value_get(v, STR("keys"));

    int64_t id = value_get_int(v, "id", 0);
    out->id = (uint64_t)id;
    out->name = value_get_str(v, "name");
    if (id <= 0 || !roster_is_name(out->name))
        return value_err(err, HL_EINVAL, v, "a coordinator needs an id above 0 and a name");
    for (int d = 0; d < DOOR_COUNT; d++) {
        out->endpoint[d] = value_get_str(v, door_name((enum door)d));
        if (!roster_is_endpoint(out->endpoint[d]))
            return value_err(err, HL_EINVAL, v, "%s must be tcp://ADDRESS:PORT",
                             door_name((enum door)d));
        if (!key_parse(value_get_str(keys, door_name((enum door)d)), &out->key[d]))
            return value_err(err, HL_EINVAL, v, "keys.%s is not a key", door_name((enum door)d));
    }
    return 0;
}

static int read_members(const struct value *document, struct roster *r, struct err *err)
{
    const struct value *list = value_get(document, STR("coordinators"));

    if (!list || list->kind != VALUE_LIST || list->list.count == 0 ||
        list->list.count > KEYS_MEMBERS_MAX)
        return value_err(err, HL_EINVAL, document, "coordinators must list 1 to %d of them",
                         KEYS_MEMBERS_MAX);
    for (size_t i = 0; i < list->list.count; i++) {
        int e = read_member(list->list.item[i], &r->member[i], err);
        if (e < 0)
            return e;
        for (size_t j = 0; j < i; j++) {
            if (r->member[j].id == r->member[i].id || str_eq(r->member[j].name, r->member[i].name))
                return value_err(err, HL_EINVAL, list->list.item[i], "id or name is there twice");
        }
        r->member_count++;
    }
    return 0;
}

/* Who founded the mesh never changes, whoever comes and goes later. */
static int read_founders(const struct value *document, struct roster *r, struct err *err)
{
    const struct value *list = value_get(document, STR("founders"));
    int64_t next = value_get_int(document, "next", 0);

    for (size_t i = 0; i < r->member_count; i++) {
        if (!list)
            r->founder[r->founder_count++] = r->member[i].id;
        if (r->next_id <= r->member[i].id)
            r->next_id = r->member[i].id + 1;
    }
    if (list &&
        (list->kind != VALUE_LIST || list->list.count == 0 || list->list.count > KEYS_MEMBERS_MAX))
        return value_err(err, HL_EINVAL, list, "founders must list 1 to %d ids", KEYS_MEMBERS_MAX);
    for (size_t i = 0; list && i < list->list.count; i++) {
        const struct value *id = list->list.item[i];
        if (id->kind != VALUE_INT || id->integer <= 0)
            return value_err(err, HL_EINVAL, id, "a founder is an id above 0");
        r->founder[r->founder_count++] = (uint64_t)id->integer;
    }
    if (next > 0 && (uint64_t)next > r->next_id)
        r->next_id = (uint64_t)next;
    return 0;
}

static int read_people(const struct value *document, struct arena *a, struct roster *r,
                       struct err *err)
{
    const struct value *list = value_get(document, STR("people"));

    if (!list)
        return 0;
    if (list->kind != VALUE_LIST)
        return value_err(err, HL_EINVAL, list, "people must be a list");
    if (list->list.count > KEYS_PEOPLE_MAX)
        return value_err(err, HL_ELIMIT, list, "more than %d people", KEYS_PEOPLE_MAX);
    r->person = arena_array(a, struct roster_person, list->list.count);
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *v = list->list.item[i];
        struct roster_person *p = &r->person[r->person_count++];

        p->name = value_get_str(v, "name");
        p->role = value_get_str(v, "role");
        if (p->name.len == 0 || p->role.len == 0 || !key_parse(value_get_str(v, "key"), &p->key))
            return value_err(err, HL_EINVAL, v, "a person needs name, role and key");
    }
    return 0;
}

int roster_parse(struct str text, struct str file, struct str mesh, struct arena *a,
                 struct roster *out, struct err *err)
{
    struct roster roster = {0};
    struct value *document;

    int r = json_read(a, text, file, &document, err);
    if (r < 0)
        return r;
    if (document->kind != VALUE_MAP)
        return value_err(err, HL_EINVAL, document, "a roster is a JSON object");
    r = check_signature(document, file, mesh, a, err);
    if (r == 0)
        r = read_members(document, &roster, err);
    if (r == 0)
        r = read_founders(document, &roster, err);
    if (r == 0)
        r = read_people(document, a, &roster, err);
    if (r < 0)
        return r;
    snprintf(roster.mesh, sizeof(roster.mesh), STR_FMT, STR_ARG(mesh));
    int64_t epoch = value_get_int(document, "epoch", 0);
    if (epoch < 1)
        return value_err(err, HL_EINVAL, document, "a roster needs an epoch above 0");
    roster.epoch = (uint64_t)epoch;
    *out = roster;
    return 0;
}

int roster_load(struct str path, struct str mesh, struct arena *a, struct roster *out,
                struct err *err)
{
    struct str text;

    int r = file_read(path, a, &text, err);
    return r < 0 ? r : roster_parse(text, path, mesh, a, out, err);
}

const struct roster_member *roster_find(const struct roster *r, uint64_t id)
{
    for (size_t i = 0; i < r->member_count; i++) {
        if (r->member[i].id == id)
            return &r->member[i];
    }
    return NULL;
}

bool roster_is_founder(const struct roster *r, uint64_t id)
{
    for (size_t i = 0; i < r->founder_count; i++) {
        if (r->founder[i] == id)
            return true;
    }
    return false;
}

const struct roster_member *roster_find_name(const struct roster *r, struct str name)
{
    for (size_t i = 0; i < r->member_count; i++) {
        if (str_eq(r->member[i].name, name))
            return &r->member[i];
    }
    return NULL;
}

/* ---- secret files ---- */

static bool read_pair(const struct value *v, struct key_pair *out)
{
    struct key check;

    return key_parse(value_get_str(v, "public"), &out->public_key) &&
           key_parse(value_get_str(v, "secret"), &out->secret_key) &&
           crypto_scalarmult_base(check.bytes, out->secret_key.bytes) == 0 &&
           key_eq(&check, &out->public_key);
}

void secret_wipe(struct str s)
{
    if (s.len > 0)
        keys_wipe((void *)(uintptr_t)s.ptr, s.len);
}

int secret_document_read(struct str path, struct arena *a, struct secret_document *out,
                         struct err *err)
{
    int r = secret_read(path, a, &out->text, err);
    if (r < 0)
        return r;
    r = json_read(a, out->text, path, &out->root, err);
    if (r < 0)
        secret_wipe(out->text);
    return r;
}

/* Overwrites a pair's secret where the reader put it and where it stood in the text; what else the
 * text says stays, since names may be borrowed from it. */
static void wipe_pair(const struct secret_document *d, const struct value *pair)
{
    struct str secret = value_get_str(pair, "secret");
    size_t at = secret.len ? str_find(d->text, secret, 0) : SIZE_MAX;

    if (at != SIZE_MAX)
        secret_wipe(str_sub(d->text, at, at + secret.len));
    secret_wipe(secret);
}

static int take_door_pair(const struct secret_document *file, struct str path, enum door d,
                          const struct roster_member *member, struct key_pair *out, struct err *err)
{
    const struct value *v = value_get(file->root, str_from(door_name(d)));
    bool is_pair = read_pair(v, out);

    wipe_pair(file, v);
    if (!is_pair)
        return err_at(err, HL_EINVAL, path, 0, 0, "the %s key pair is missing or broken",
                      door_name(d));
    if (!key_eq(&out->public_key, &member->key[d]))
        return err_at(err, HL_EDENIED, path, 0, 0,
                      "the %s key is not the one that the roster lists for " STR_FMT
                      ": wrong file, or the roster is older than the keys",
                      door_name(d), STR_ARG(member->name));
    return 0;
}

int coordinator_keys_load(struct str path, const struct roster_member *member,
                          struct coordinator_keys *out, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct coordinator_keys keys;
    struct secret_document file;

    int r = secret_document_read(path, a, &file, err);
    if (r < 0)
        return r;
    for (int d = 0; r == 0 && d < DOOR_COUNT; d++)
        r = take_door_pair(&file, path, (enum door)d, member, &keys.pair[d], err);
    secret_wipe(file.text);
    if (r == 0)
        *out = keys;
    keys_wipe(&keys, sizeof(keys));
    return r;
}

int identity_load(struct str path, struct arena *a, struct identity *out, struct err *err)
{
    struct secret_document file;

    int r = secret_document_read(path, a, &file, err);
    if (r < 0)
        return r;
    struct identity id = {
        .name = value_get_str(file.root, "name"),
        .role = value_get_str(file.root, "role"),
    };
    bool is_pair = read_pair(file.root, &id.pair);
    wipe_pair(&file, file.root);
    if (id.name.len == 0 || !is_pair)
        return err_at(err, HL_EINVAL, path, 0, 0, "not an identity: name and key pair are needed");
    *out = id;
    keys_wipe(&id.pair, sizeof(id.pair));
    return 0;
}

struct value *secret_pair_value(struct arena *a, const struct key_pair *pair)
{
    struct value *v = value_map(a);
    char text[KEY_TEXT + 1];

    value_map_set_str(a, v, "public", arena_dup(a, str_from(key_text(&pair->public_key, text))));
    value_map_set_str(a, v, "secret", arena_dup(a, str_from(key_text(&pair->secret_key, text))));
    keys_wipe(text, sizeof(text));
    return v;
}

int secret_document_write(struct str path, const struct value *document, unsigned mode,
                          struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    json_write(&text, document, JSON_INDENTED);
    int r = file_write(path, buf_str(&text), mode, err);
    keys_wipe(text.ptr, text.len);
    return r;
}

int identity_save(struct str path, const struct identity *id, struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct value *v = secret_pair_value(a, &id->pair);

    value_map_set_str(a, v, "name", id->name);
    value_map_set_str(a, v, "role", id->role);
    return secret_document_write(path, v, 0600, err);
}
