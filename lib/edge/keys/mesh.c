/*
 * Making a mesh, and revising the roster of one: secrets first, the roster last, so that whoever
 * reads a new roster finds everything it speaks of.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "core/value/json.h"
#include "edge/keys/keys.h"
#include "edge/keys/roster.h"

enum { SIGNATURE_HEX = 2 * crypto_sign_BYTES };

/* ---- making a mesh ---- */

struct making {
    struct arena *arena;
    const struct mesh_spec *spec;
    unsigned char root_public[crypto_sign_PUBLICKEYBYTES];
    unsigned char root_secret[crypto_sign_SECRETKEYBYTES];
    struct coordinator_keys keys[KEYS_MEMBERS_MAX];
    struct identity admin;
};

/* "<dir>/<folder>/<file>"; an empty folder is left out. */
static struct str in_dir(const struct making *m, struct str folder, struct str file)
{
    return arena_printf(m->arena, STR_FMT "/" STR_FMT "%s" STR_FMT, STR_ARG(m->spec->dir),
                        STR_ARG(folder), folder.len && file.len ? "/" : "", STR_ARG(file));
}

static struct str admin_file(const struct making *m)
{
    return arena_concat(m->arena, m->admin.name, STR(".key"));
}

static struct value *member_value(struct arena *a, uint64_t id, const struct roster_member *spec,
                                  const struct coordinator_keys *pairs)
{
    struct value *member = value_map(a);
    struct value *keys = value_map(a);
    char text[KEY_TEXT + 1];

    value_map_set_int(a, member, "id", (int64_t)id);
    value_map_set_str(a, member, "name", spec->name);
    for (int d = 0; d < DOOR_COUNT; d++) {
        key_text(&pairs->pair[d].public_key, text);
        value_map_set_str(a, member, door_name((enum door)d), spec->endpoint[d]);
        value_map_set_str(a, keys, door_name((enum door)d), arena_dup(a, str_from(text)));
    }
    value_map_set(a, member, STR("keys"), keys);
    return member;
}

static struct value *roster_value(struct making *m, const char *mesh)
{
    struct arena *a = m->arena;
    struct value *document = value_map(a);
    struct value *members = value_list(a);
    struct value *founders = value_list(a);
    struct value *people = value_list(a);
    struct value *person = value_map(a);
    char text[KEY_TEXT + 1];
    char hex[SIGNATURE_HEX + 1];

    for (size_t i = 0; i < m->spec->member_count; i++) {
        value_list_add(a, members, member_value(a, i + 1, &m->spec->member[i], &m->keys[i]));
        value_list_add(a, founders, value_int(a, (int64_t)i + 1));
    }
    value_map_set_str(a, person, "name", m->admin.name);
    value_map_set_str(a, person, "role", m->admin.role);
    key_text(&m->admin.pair.public_key, text);
    value_map_set_str(a, person, "key", arena_dup(a, str_from(text)));
    value_list_add(a, people, person);

    hex_encode(m->root_public, sizeof(m->root_public), hex);
    value_map_set_str(a, document, "mesh", arena_dup(a, str_from(mesh)));
    value_map_set_int(a, document, "epoch", 1);
    value_map_set_str(a, document, "root", arena_dup(a, str_from(hex)));
    value_map_set(a, document, STR("coordinators"), members);
    value_map_set(a, document, STR("founders"), founders);
    value_map_set_int(a, document, "next", (int64_t)m->spec->member_count + 1);
    value_map_set(a, document, STR("people"), people);
    return document;
}

static void sign(struct arena *a, const unsigned char root_secret[crypto_sign_SECRETKEYBYTES],
                 struct value *document)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    unsigned char signature[crypto_sign_BYTES];
    char hex[SIGNATURE_HEX + 1];

    roster_signed_bytes(&bytes, a, document);
    crypto_sign_detached(signature, NULL, (const unsigned char *)bytes.ptr, bytes.len, root_secret);
    hex_encode(signature, sizeof(signature), hex);
    value_map_set_str(a, document, "signature", arena_dup(a, str_from(hex)));
}

static int make_folder(struct arena *a, struct str path, struct err *err)
{
    const char *name = arena_cstr(a, path);

    if (mkdir(name, 0700) != 0 && access(name, W_OK) != 0)
        return err_errno(err, HL_EIO, "cannot make the folder %s", name);
    return 0;
}

/* <folder>/coordinator.key */
static int write_keys(struct arena *a, struct str folder, const struct coordinator_keys *keys,
                      struct err *err)
{
    struct value *v = value_map(a);

    for (int d = 0; d < DOOR_COUNT; d++)
        value_map_set(a, v, str_from(door_name((enum door)d)),
                      secret_pair_value(a, &keys->pair[d]));
    int r = make_folder(a, folder, err);
    if (r == 0)
        r = secret_document_write(arena_concat(a, folder, STR("/coordinator.key")), v, 0600, err);
    return r;
}

static int write_mesh(struct making *m, const char *mesh, struct err *err)
{
    struct value *root = value_map(m->arena);
    char hex[2 * crypto_sign_SECRETKEYBYTES + 1];

    int r = make_folder(m->arena, m->spec->dir, err);
    for (size_t i = 0; r == 0 && i < m->spec->member_count; i++)
        r = write_keys(m->arena, in_dir(m, m->spec->member[i].name, STR_NONE), &m->keys[i], err);
    hex_encode(m->root_secret, sizeof(m->root_secret), hex);
    value_map_set_str(m->arena, root, "mesh", str_from(mesh));
    value_map_set_str(m->arena, root, "secret", str_from(hex));
    if (r == 0)
        r = secret_document_write(in_dir(m, STR_NONE, STR("root.key")), root, 0600, err);
    if (r == 0)
        r = identity_save(in_dir(m, STR_NONE, admin_file(m)), &m->admin, err);
    if (r == 0) {
        struct value *document = roster_value(m, mesh);
        sign(m->arena, m->root_secret, document);
        /* Last: a folder with a roster is a mesh. */
        r = secret_document_write(in_dir(m, STR_NONE, STR("mesh.json")), document, 0644, err);
    }
    keys_wipe(hex, sizeof(hex));
    return r;
}

static void remove_what_was_made(struct making *m)
{
    for (size_t i = 0; i < m->spec->member_count; i++) {
        unlink(in_dir(m, m->spec->member[i].name, STR("coordinator.key")).ptr);
        rmdir(in_dir(m, m->spec->member[i].name, STR_NONE).ptr);
    }
    unlink(in_dir(m, STR_NONE, STR("root.key")).ptr);
    unlink(in_dir(m, STR_NONE, admin_file(m)).ptr);
}

static int check_spec(const struct mesh_spec *spec, struct err *err)
{
    if (spec->member_count == 0 || spec->member_count > KEYS_MEMBERS_MAX)
        return err_set(err, HL_EINVAL, "a mesh has 1 to %d coordinators, not %zu", KEYS_MEMBERS_MAX,
                       spec->member_count);
    if (!roster_is_name(spec->admin))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no name for a person",
                       STR_ARG(spec->admin));
    for (size_t i = 0; i < spec->member_count; i++) {
        const struct roster_member *m = &spec->member[i];

        if (!roster_is_name(m->name) || str_eq(m->name, spec->admin))
            return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no name for a coordinator here",
                           STR_ARG(m->name));
        for (size_t j = 0; j < i; j++) {
            if (str_eq(m->name, spec->member[j].name))
                return err_set(err, HL_EINVAL, "two coordinators are called " STR_FMT,
                               STR_ARG(m->name));
        }
        for (int d = 0; d < DOOR_COUNT; d++) {
            if (!roster_is_endpoint(m->endpoint[d]))
                return err_set(err, HL_EINVAL,
                               STR_FMT ": \"" STR_FMT "\" is not tcp://ADDRESS:PORT",
                               STR_ARG(m->name), STR_ARG(m->endpoint[d]));
        }
    }
    return 0;
}

static int refuse_existing(struct str path, struct err *err)
{
    if (access(path.ptr, F_OK) != 0)
        return 0;
    return err_set(err, HL_ECONFLICT, STR_FMT " is there already; choose another folder",
                   STR_ARG(path));
}

/* Keys that somebody may still need are never replaced. */
static int check_folder(const struct making *m, struct err *err)
{
    int r = refuse_existing(in_dir(m, STR_NONE, STR("mesh.json")), err);

    if (r == 0)
        r = refuse_existing(in_dir(m, STR_NONE, STR("root.key")), err);
    if (r == 0)
        r = refuse_existing(in_dir(m, STR_NONE, admin_file(m)), err);
    for (size_t i = 0; r == 0 && i < m->spec->member_count; i++)
        r = refuse_existing(in_dir(m, m->spec->member[i].name, STR("coordinator.key")), err);
    return r;
}

int mesh_create(const struct mesh_spec *spec, char out_mesh[MESH_TEXT_MAX], struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct making *m = hl_calloc(1, sizeof(*m));

    m->arena = a;
    m->spec = spec;
    int r = check_spec(spec, err);
    m->admin = (struct identity){.name = spec->admin, .role = STR("admin")};
    if (r == 0)
        r = check_folder(m, err);
    if (r == 0) {
        crypto_sign_keypair(m->root_public, m->root_secret);
        for (size_t i = 0; i < spec->member_count; i++) {
            for (int d = 0; d < DOOR_COUNT; d++)
                m->keys[i].pair[d] = key_pair_new();
        }
        m->admin.pair = key_pair_new();
        roster_fingerprint(m->root_public, out_mesh);
        r = write_mesh(m, out_mesh, err);
        if (r < 0)
            remove_what_was_made(m);
    }
    keys_wipe(m, sizeof(*m));
    free(m);
    return r;
}

/* ---- revising one ---- */

struct revising {
    struct arena *arena;
    const struct mesh_revision *spec;
    struct roster roster; /* as it was */
    struct value *document;
    unsigned char root_secret[crypto_sign_SECRETKEYBYTES];
    struct coordinator_keys keys;
};

static struct str below(const struct revising *r, const char *file)
{
    return arena_printf(r->arena, STR_FMT "/%s", STR_ARG(r->spec->dir), file);
}

static int read_root(struct revising *r, struct str *out_mesh, struct err *err)
{
    struct secret_document file;

    int e = secret_document_read(below(r, "root.key"), r->arena, &file, err);
    if (e < 0)
        return e;
    struct str secret = value_get_str(file.root, "secret");
    bool is_key = hex_decode(secret, r->root_secret, sizeof(r->root_secret));
    *out_mesh = arena_dup(r->arena, value_get_str(file.root, "mesh"));
    secret_wipe(secret);
    secret_wipe(file.text);
    return is_key
               ? 0
               : err_at(err, HL_EINVAL, below(r, "root.key"), 0, 0, "not the root key of a mesh");
}

static int read_mesh(struct revising *r, struct err *err)
{
    struct str path = below(r, "mesh.json");
    struct str text;
    struct str mesh;

    int e = read_root(r, &mesh, err);
    if (e == 0)
        e = file_read(path, r->arena, &text, err);
    if (e == 0)
        e = roster_parse(text, path, mesh, r->arena, &r->roster, err);
    return e < 0 ? e : json_read(r->arena, text, path, &r->document, err);
}

static int check_newcomer(const struct revising *r, struct err *err)
{
    const struct roster_member *new = r->spec->add;

    if (!roster_is_name(new->name))
        return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is no name for a coordinator",
                       STR_ARG(new->name));
    for (size_t i = 0; i < r->roster.member_count; i++) {
        const struct roster_member *m = &r->roster.member[i];

        if (str_eq(m->name, new->name))
            return err_set(err, HL_ECONFLICT, "there is a coordinator " STR_FMT " already",
                           STR_ARG(m->name));
        for (int d = 0; d < DOOR_COUNT; d++) {
            for (int e = 0; e < DOOR_COUNT; e++) {
                if (str_eq(m->endpoint[d], new->endpoint[e]) && !str_eq(m->name, r->spec->drop))
                    return err_set(err, HL_ECONFLICT, STR_FMT " is an endpoint of " STR_FMT,
                                   STR_ARG(m->endpoint[d]), STR_ARG(m->name));
            }
        }
    }
    for (int d = 0; d < DOOR_COUNT; d++) {
        if (!roster_is_endpoint(new->endpoint[d]))
            return err_set(err, HL_EINVAL, "\"" STR_FMT "\" is not tcp://ADDRESS:PORT",
                           STR_ARG(new->endpoint[d]));
    }
    return 0;
}

static int check_revision(const struct revising *r, struct err *err)
{
    bool is_dropping = r->spec->drop.len > 0;
    size_t count = r->roster.member_count - is_dropping + (r->spec->add != NULL);

    if (is_dropping && !roster_find_name(&r->roster, r->spec->drop))
        return err_set(err, HL_EABSENT, "there is no coordinator " STR_FMT " in mesh.json",
                       STR_ARG(r->spec->drop));
    if (count < 1 || count > KEYS_MEMBERS_MAX)
        return err_set(err, HL_ELIMIT, "a roster has 1 to %d coordinators, not %zu",
                       KEYS_MEMBERS_MAX, count);
    return r->spec->add ? check_newcomer(r, err) : 0;
}

/* The same list without the one that goes, and with the one that comes. */
static struct value *revised_members(struct revising *r)
{
    const struct value *list = value_get(r->document, STR("coordinators"));
    struct value *members = value_list(r->arena);

    for (size_t i = 0; i < list->list.count; i++) {
        if (!str_eq(value_get_str(list->list.item[i], "name"), r->spec->drop))
            value_list_add(r->arena, members, list->list.item[i]);
    }
    if (r->spec->add)
        value_list_add(r->arena, members,
                       member_value(r->arena, r->roster.next_id, r->spec->add, &r->keys));
    return members;
}

static void revise_document(struct revising *r)
{
    struct arena *a = r->arena;
    struct value *founders = value_list(a);

    for (size_t i = 0; i < r->roster.founder_count; i++)
        value_list_add(a, founders, value_int(a, (int64_t)r->roster.founder[i]));
    value_map_set_int(a, r->document, "epoch", (int64_t)r->roster.epoch + 1);
    value_map_set_int(a, r->document, "next", (int64_t)r->roster.next_id + (r->spec->add ? 1 : 0));
    value_map_set(a, r->document, STR("founders"), founders);
    value_map_set(a, r->document, STR("coordinators"), revised_members(r));
    sign(a, r->root_secret, r->document);
}

static int write_revision(struct revising *r, struct err *err)
{
    struct str folder = STR_NONE;
    int e = 0;

    if (r->spec->add) {
        folder = arena_printf(r->arena, STR_FMT "/" STR_FMT, STR_ARG(r->spec->dir),
                              STR_ARG(r->spec->add->name));
        e = refuse_existing(arena_concat(r->arena, folder, STR("/coordinator.key")), err);
        if (e == 0)
            e = write_keys(r->arena, folder, &r->keys, err);
        if (e < 0)
            return e;
    }
    e = secret_document_write(below(r, "mesh.json"), r->document, 0644, err);
    if (e < 0 && folder.len > 0) {
        unlink(arena_concat(r->arena, folder, STR("/coordinator.key")).ptr);
        rmdir(folder.ptr);
    }
    return e;
}

int mesh_revise(const struct mesh_revision *revision, uint64_t *out_id, uint64_t *out_epoch,
                struct err *err)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct revising r = {.arena = a, .spec = revision};

    int e = read_mesh(&r, err);
    if (e == 0)
        e = check_revision(&r, err);
    if (e == 0) {
        for (int d = 0; d < DOOR_COUNT; d++)
            r.keys.pair[d] = key_pair_new();
        revise_document(&r);
        e = write_revision(&r, err);
    }
    *out_id = r.spec->add ? r.roster.next_id : 0;
    *out_epoch = r.roster.epoch + 1;
    keys_wipe(&r, sizeof(r));
    return e;
}
