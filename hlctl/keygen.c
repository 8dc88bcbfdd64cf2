/* Keys of a new mesh, and of a person. No network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/keys/keys.h"
#include "hlctl/config.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum { PORT_MAX = 65535 - DOOR_COUNT };

static int bad_coordinator(struct trouble *t, struct str text, const char *why)
{
    trouble_set(t, "HL-USE-02", "--coordinator cannot be \"" STR_FMT "\"", STR_ARG(text));
    trouble_why(t, "%s", why);
    return trouble_next(t, "write it as c1=10.0.4.101:7400");
}

/* Names become folders and words of commands. */
static bool is_name(struct str name)
{
    if (name.len == 0 || name.len > 63 || name.ptr[0] == '-' || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!is_plain)
            return false;
    }
    return true;
}

static struct str split_last(struct str text, char sep, struct str *out_tail)
{
    size_t at = text.len;

    while (at > 0 && text.ptr[at - 1] != sep)
        at--;
    *out_tail = str_sub(text, at, text.len);
    return str_sub(text, 0, at > 0 ? at - 1 : 0);
}

/* "NAME=HOST:PORT"; the four doors are PORT to PORT+3. */
static int read_member(struct arena *a, struct str text, struct roster_member *out,
                       struct trouble *t)
{
    struct str address = text;
    struct str name = str_cut(&address, '=');
    struct str port_text;
    int64_t port = 0;

    if (!is_name(name))
        return bad_coordinator(t, text, "the name takes small letters, digits, - and .");
    struct str host = split_last(address, ':', &port_text);
    if (host.len == 0 || !str_to_i64(port_text, &port))
        return bad_coordinator(t, text, "behind the name stands =HOST:PORT");
    if (port < 1 || port > PORT_MAX)
        return bad_coordinator(t, text, "the port must leave room for the three behind it");
    out->name = name;
    for (int door = 0; door < DOOR_COUNT; door++)
        out->endpoint[door] =
            arena_printf(a, "tcp://" STR_FMT ":%d", STR_ARG(host), (int)port + door);
    return 0;
}

/* Two coordinators may not share a name or any of the four ports on one host. */
static int check_member(const struct mesh_spec *spec, struct str text, struct trouble *t)
{
    const struct roster_member *last = &spec->member[spec->member_count - 1];

    for (size_t i = 0; i + 1 < spec->member_count; i++) {
        if (str_eq(spec->member[i].name, last->name))
            return bad_coordinator(t, text, "another coordinator has this name");
        for (int x = 0; x < DOOR_COUNT; x++)
            for (int y = 0; y < DOOR_COUNT; y++)
                if (str_eq(spec->member[i].endpoint[x], last->endpoint[y]))
                    return bad_coordinator(t, text, "its four ports overlap with another's");
    }
    return 0;
}

static int read_spec(struct hlctl *h, struct mesh_spec *spec, struct trouble *t)
{
    struct str *text;
    size_t count = flag_list(h->in, "coordinator", &text);
    struct str admin = flag_text(h->in, "admin");

    spec->dir = invocation_arg(h->in, 0);
    spec->admin = admin.len > 0 ? admin : STR("admin");
    if (!is_name(spec->admin))
        return trouble_set(t, "HL-USE-02", "--admin cannot be \"" STR_FMT "\"",
                           STR_ARG(spec->admin));
    if (count == 0 || count > KEYS_MEMBERS_MAX || (count % 2 == 0 && count > 0)) {
        trouble_set(t, "HL-USE-03", "a mesh needs 1, 3, 5, 7 or 9 coordinators, not %zu", count);
        trouble_why(t, "an even number survives no more failures than the odd one below it");
        return trouble_next(t, "--coordinator c1=10.0.4.101:7400, once for each");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = read_member(h->arena, text[i], &spec->member[spec->member_count++], t);
        if (rc == 0)
            rc = check_member(spec, text[i], t);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int file_trouble(struct trouble *t, int code, struct str path, const struct err *err)
{
    trouble_set(t, code == HL_ECONFLICT ? "HL-FILE-01" : "HL-FILE-02", "cannot make " STR_FMT,
                STR_ARG(path));
    return trouble_err(t, err);
}

/* A configuration beside the keys, so that HLCTL_CONFIG=FOLDER/hlctl.yaml is all that is needed. */
static int write_context(struct hlctl *h, const struct mesh_spec *spec, const char *mesh,
                         struct str *out_path, struct trouble *t)
{
    struct config config = {.path =
                                arena_printf(h->arena, STR_FMT "/hlctl.yaml", STR_ARG(spec->dir))};
    struct context context = {
        .name = STR("mesh"),
        .roster = STR("mesh.json"),
        .identity = arena_printf(h->arena, STR_FMT ".key", STR_ARG(spec->admin)),
        .mesh = str_from(mesh),
    };
    struct str text;
    bool is_made = config_text_add(h->arena, &config, &context, &text);

    HL_ASSERT(is_made);
    *out_path = config.path;
    return config_write(&config, text, t);
}

static struct value *mesh_facts(struct hlctl *h, const struct mesh_spec *spec, const char *mesh,
                                struct str config)
{
    struct arena *a = h->arena;
    struct value *facts = value_map(a);
    struct value *list = value_list(a);

    for (size_t i = 0; i < spec->member_count; i++) {
        const struct roster_member *m = &spec->member[i];
        struct value *one = value_map(a);
        value_map_set_str(a, one, "name", m->name);
        value_map_set_str(a, one, "keys",
                          arena_printf(a, STR_FMT "/" STR_FMT "/coordinator.key",
                                       STR_ARG(spec->dir), STR_ARG(m->name)));
        for (int door = 0; door < DOOR_COUNT; door++)
            value_map_set_str(a, one, door_name((enum door)door), m->endpoint[door]);
        value_list_add(a, list, one);
    }
    value_map_set_str(a, facts, "mesh", arena_dup(a, str_from(mesh)));
    value_map_set_str(a, facts, "roster",
                      arena_printf(a, STR_FMT "/mesh.json", STR_ARG(spec->dir)));
    value_map_set_str(a, facts, "root", arena_printf(a, STR_FMT "/root.key", STR_ARG(spec->dir)));
    value_map_set_str(
        a, facts, "identity",
        arena_printf(a, STR_FMT "/" STR_FMT ".key", STR_ARG(spec->dir), STR_ARG(spec->admin)));
    value_map_set_str(a, facts, "config", config);
    value_map_set(a, facts, STR("coordinators"), list);
    return facts;
}

static void show_mesh(struct hlctl *h, struct value *facts)
{
    struct value *list = value_get(facts, STR("coordinators"));

    buf_printf(&h->out, "%-13s" STR_FMT "\n", "mesh", STR_ARG(value_get_str(facts, "mesh")));
    for (size_t i = 0; i < list->list.count; i++)
        buf_printf(&h->out, "%-13s" STR_FMT "   " STR_FMT "\n", i == 0 ? "coordinators" : "",
                   STR_ARG(value_get_str(list->list.item[i], "name")),
                   STR_ARG(value_get_str(list->list.item[i], "keys")));
    buf_printf(&h->out, "%-13s" STR_FMT "\n", "roster", STR_ARG(value_get_str(facts, "roster")));
    buf_printf(&h->out, "%-13s" STR_FMT "\n", "identity",
               STR_ARG(value_get_str(facts, "identity")));
    buf_printf(&h->out, "%-13s" STR_FMT "\n", "root key", STR_ARG(value_get_str(facts, "root")));
    hlctl_remark(h, "take the root key offline: whoever has it is the mesh");
    hlctl_remark(h, "to use it: export HLCTL_CONFIG=" STR_FMT,
                 STR_ARG(value_get_str(facts, "config")));
}

int keygen_mesh_run(struct hlctl *h, struct trouble *t)
{
    struct mesh_spec spec = {0};
    char mesh[MESH_TEXT_MAX];
    struct str config;
    struct err err;
    int rc = read_spec(h, &spec, t);

    if (rc != 0)
        return rc;
    keys_init();
    rc = mesh_create(&spec, mesh, &err);
    if (rc != 0)
        return file_trouble(t, rc, spec.dir, &err);
    rc = write_context(h, &spec, mesh, &config, t);
    if (rc != 0)
        return rc;
    char *real = realpath(arena_cstr(h->arena, config), NULL);
    struct value *facts =
        mesh_facts(h, &spec, mesh, real ? arena_dup(h->arena, str_from(real)) : config);
    free(real);
    if (hlctl_is_document(h))
        output_document(h, NULL, "Mesh", facts);
    else if (h->format == FORMAT_NAME)
        buf_printf(&h->out, "mesh/%s\n", mesh);
    else
        show_mesh(h, facts);
    return EXIT_DONE;
}

static void show_revision(struct hlctl *h, const struct value *facts)
{
    buf_printf(&h->out, "roster " STR_FMT ", epoch %lld\n", STR_ARG(value_get_str(facts, "roster")),
               (long long)value_get_int(facts, "epoch", 0));
    if (value_get_str(facts, "keys").len > 0)
        buf_printf(&h->out, "member %lld, keys " STR_FMT "\n",
                   (long long)value_get_int(facts, "id", 0), STR_ARG(value_get_str(facts, "keys")));
    hlctl_remark(h, "give the new mesh.json to every coordinator and restart them one by one");
}

int keygen_coordinator_run(struct hlctl *h, struct trouble *t)
{
    struct str add = flag_text(h->in, "add");
    struct roster_member newcomer = {0};
    struct mesh_revision revision = {
        .dir = invocation_arg(h->in, 0),
        .add = add.len > 0 ? &newcomer : NULL,
        .drop = flag_text(h->in, "drop"),
    };
    struct value *facts = value_map(h->arena);
    uint64_t epoch;
    uint64_t id;
    struct err err;

    if (add.len == 0 && revision.drop.len == 0) {
        trouble_set(t, "HL-USE-03", "nobody comes and nobody goes");
        return trouble_next(t, "--add c4=10.0.4.104:7400, --drop c2, or both");
    }
    int rc = add.len > 0 ? read_member(h->arena, add, &newcomer, t) : 0;
    if (rc != 0)
        return rc;
    keys_init();
    rc = mesh_revise(&revision, &id, &epoch, &err);
    if (rc != 0)
        return file_trouble(t, rc, revision.dir, &err);
    value_map_set_str(h->arena, facts, "roster",
                      arena_concat(h->arena, revision.dir, STR("/mesh.json")));
    value_map_set_int(h->arena, facts, "epoch", (int64_t)epoch);
    if (add.len > 0) {
        value_map_set_int(h->arena, facts, "id", (int64_t)id);
        value_map_set_str(h->arena, facts, "keys",
                          arena_printf(h->arena, STR_FMT "/" STR_FMT "/coordinator.key",
                                       STR_ARG(revision.dir), STR_ARG(newcomer.name)));
    }
    if (hlctl_is_document(h))
        output_document(h, NULL, "MeshRevision", facts);
    else if (h->format == FORMAT_NAME)
        buf_printf(&h->out, "mesh/%llu\n", (unsigned long long)epoch);
    else
        show_revision(h, facts);
    return EXIT_DONE;
}

int keygen_identity_run(struct hlctl *h, struct trouble *t)
{
    struct str path = invocation_arg(h->in, 0);
    struct str base;
    struct identity id = {0};
    char text[KEY_TEXT + 1];
    struct err err;

    (void)split_last(path, '/', &base);
    if (str_ends(base, STR(".key")))
        base = str_sub(base, 0, base.len - 4);
    if (access(arena_cstr(h->arena, path), F_OK) == 0)
        return trouble_set(t, "HL-FILE-01", STR_FMT " exists", STR_ARG(path));
    keys_init();
    id.name = base;
    id.role = STR("viewer"); /* what the key may do is decided by the mesh, not by this file */
    id.pair = key_pair_new();
    int rc = identity_save(path, &id, &err);
    struct str public_key = arena_dup(h->arena, str_from(key_text(&id.pair.public_key, text)));
    keys_wipe(&id.pair.secret_key, sizeof id.pair.secret_key);
    if (rc != 0)
        return file_trouble(t, rc, path, &err);
    if (hlctl_is_document(h)) {
        struct value *facts = value_map(h->arena);
        value_map_set_str(h->arena, facts, "name", base);
        value_map_set_str(h->arena, facts, "public", public_key);
        value_map_set_str(h->arena, facts, "file", path);
        output_document(h, NULL, "Identity", facts);
        return EXIT_DONE;
    }
    if (h->format == FORMAT_NAME)
        buf_printf(&h->out, "identity/" STR_FMT "\n", STR_ARG(safe_text(h->arena, base)));
    else
        buf_printf(&h->out, STR_FMT "\n", STR_ARG(public_key));
    hlctl_remark(h, "secret key in " STR_FMT "; give the public key above to an administrator",
                 STR_ARG(path));
    return EXIT_DONE;
}
