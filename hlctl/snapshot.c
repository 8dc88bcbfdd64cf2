/* The state of the mesh as one file: fetched piece by piece, looked at and restored offline. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/keys/keys.h"
#include "edge/store/statedb.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

enum { BEGIN_AGAIN = 5 };

static int file_trouble(struct trouble *t, struct str path, const char *what)
{
    trouble_set(t, "HL-FILE-02", "cannot %s " STR_FMT, what, STR_ARG(path));
    return trouble_why(t, "%s", strerror(errno));
}

static int damaged(struct trouble *t, const struct err *err)
{
    trouble_set(t, "HL-SNAP-01", "the snapshot is of no use");
    return trouble_err(t, err);
}

/* ---- what a file says ---- */

static struct value *facts_value(struct arena *a, const struct snapshot_facts *facts)
{
    const struct raft_snapshot *s = &facts->header.snapshot;
    struct value *members = value_list(a);
    struct value *v = value_map(a);
    char time[TIME_RFC3339_MAX];

    for (size_t i = 0; i < s->members.count; i++) {
        struct value *m = value_map(a);
        value_map_set_int(a, m, "id", (int64_t)s->members.member[i].id);
        value_map_set_bool(a, m, "voter", s->members.member[i].is_voter);
        value_list_add(a, members, m);
    }
    value_map_set_str(a, v, "mesh", facts->header.mesh);
    value_map_set_str(a, v, "time",
                      arena_dup(a, str_from(time_rfc3339(facts->header.time_ms, time))));
    value_map_set_int(a, v, "index", (int64_t)s->index);
    value_map_set_int(a, v, "term", (int64_t)s->term);
    value_map_set_str(a, v, "id", arena_printf(a, "%016llx", (unsigned long long)s->id));
    value_map_set(a, v, STR("members"), members);
    value_map_set_int(a, v, "records", (int64_t)facts->record_count);
    value_map_set_int(a, v, "bytes", (int64_t)facts->bytes);
    return v;
}

static void show(struct hlctl *h, struct str path, const struct snapshot_facts *facts)
{
    struct value *v = facts_value(h->arena, facts);

    value_map_set_str(h->arena, v, "file", path);
    if (hlctl_is_document(h)) {
        output_document(h, NULL, "Snapshot", v);
        return;
    }
    if (h->format == FORMAT_NAME) {
        buf_printf(&h->out, "snapshot/" STR_FMT "\n", STR_ARG(value_get_str(v, "id")));
        return;
    }
    buf_printf(&h->out, "%-9s" STR_FMT "\n", "mesh", STR_ARG(facts->header.mesh));
    buf_printf(&h->out, "%-9s" STR_FMT "\n", "taken", STR_ARG(value_get_str(v, "time")));
    buf_printf(&h->out, "%-9s%llu, term %llu\n", "index",
               (unsigned long long)facts->header.snapshot.index,
               (unsigned long long)facts->header.snapshot.term);
    buf_printf(&h->out, "%-9s%zu\n", "members", facts->header.snapshot.members.count);
    buf_printf(&h->out, "%-9s%llu\n", "records", (unsigned long long)facts->record_count);
    buf_printf(&h->out, "%-9s" STR_FMT "\n", "size",
               STR_ARG(text_bytes(h->arena, (int64_t)facts->bytes)));
}

int snapshot_inspect_run(struct hlctl *h, struct trouble *t)
{
    struct str path = invocation_arg(h->in, 0);
    struct snapshot_facts facts;
    struct err err;

    if (snapshot_file_inspect(arena_cstr(h->arena, path), h->arena, &facts, &err) < 0)
        return damaged(t, &err);
    show(h, path, &facts);
    return EXIT_DONE;
}

/* ---- saving ---- */

static bool parse_header(const struct value *v, struct snapshot_header *out)
{
    const struct value *members = value_get(v, STR("members"));
    struct raft_snapshot *s = &out->snapshot;
    unsigned char id[8];

    *out = (struct snapshot_header){.mesh = value_get_str(v, "mesh"), .time_ms = now_wall_ms()};
    s->index = (uint64_t)value_get_int(v, "index", 0);
    s->term = (uint64_t)value_get_int(v, "term", 0);
    if (!hex_decode(value_get_str(v, "id"), id, sizeof(id)) || !members ||
        members->kind != VALUE_LIST || members->list.count > RAFT_MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < sizeof(id); i++)
        s->id = s->id << 8 | id[i];
    for (size_t i = 0; i < members->list.count; i++) {
        const struct value *voter = value_get(members->list.item[i], STR("voter"));

        s->members.member[s->members.count++] =
            (struct raft_member){(uint64_t)value_get_int(members->list.item[i], "id", 0),
                                 voter && voter->kind == VALUE_BOOL && voter->boolean};
    }
    return s->index > 0;
}

static int write_all(FILE *file, struct buf *bytes)
{
    size_t n = fwrite(bytes->ptr, 1, bytes->len, file);
    bool is_whole = n == bytes->len;

    buf_reset(bytes);
    return is_whole ? 0 : -1;
}

/* All pieces of the base `begun` says. */
static int fetch(struct hlctl *h, const struct value *begun, FILE *file, struct str path,
                 struct trouble *t)
{
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct snapshot_header header;
    struct str cursor = STR_NONE;

    if (!parse_header(begun, &header))
        return trouble_set(t, "HL-NET-04", "the answer to \"snapshot.begin\" is not understood");
    snapshot_file_header(&bytes, &header);
    do {
        HL_CLEANUP(buf_deinit) struct buf text = {0};
        struct value *body = value_map(h->arena);
        struct answer answer;

        value_map_set_str(h->arena, body, "id", value_get_str(begun, "id"));
        value_map_set_str(h->arena, body, "cursor", cursor);
        value_canonical(&text, body);
        client_restart_clock(h);
        int rc = client_ask(h,
                            &(struct question){.kind = CALL_FRESH_READ,
                                               .method = "snapshot.piece",
                                               .body = buf_str(&text),
                                               .is_bytes = true},
                            &answer, t);
        if (rc != 0)
            return rc;
        snapshot_file_piece(&bytes, answer.bytes);
        cursor = answer.next;
        if (cursor.len == 0)
            snapshot_file_end(&bytes);
        if (write_all(file, &bytes) != 0)
            return file_trouble(t, path, "write");
    } while (cursor.len > 0);
    return 0;
}

static int begin(struct hlctl *h, struct answer *answer, struct trouble *t)
{
    client_restart_clock(h);
    return client_ask(h,
                      &(struct question){.kind = CALL_FRESH_READ,
                                         .method = "snapshot.begin",
                                         .body = STR("{}"),
                                         .is_slow = true},
                      answer, t);
}

/* A base that is replaced by a newer one while it is fetched is fetched again. */
static int fetch_patiently(struct hlctl *h, const char *partial, struct str path, struct trouble *t)
{
    int rc = 0;

    for (int i = 0; i < BEGIN_AGAIN; i++) {
        struct answer begun;
        FILE *file = fopen(partial, "wb");

        if (!file)
            return file_trouble(t, path, "create");
        rc = begin(h, &begun, t);
        if (rc == 0)
            rc = fetch(h, begun.body, file, path, t);
        if (rc == 0 && (fflush(file) != 0 || fsync(fileno(file)) != 0))
            rc = file_trouble(t, path, "write");
        fclose(file);
        bool is_gone = rc != 0 && str_eq(str_from(t->page->id), STR("HL-OBJ-01"));
        if (!is_gone)
            break;
    }
    return rc;
}

int snapshot_save_run(struct hlctl *h, struct trouble *t)
{
    struct str path = invocation_arg(h->in, 0);
    const char *final = arena_cstr(h->arena, path);
    const char *partial = arena_printf(h->arena, STR_FMT ".partial", STR_ARG(path)).ptr;
    struct snapshot_facts facts;
    struct err err;

    if (access(final, F_OK) == 0)
        return trouble_set(t, "HL-FILE-01", STR_FMT " exists", STR_ARG(path));
    int rc = fetch_patiently(h, partial, path, t);
    if (rc == 0 && snapshot_file_inspect(partial, h->arena, &facts, &err) < 0)
        rc = damaged(t, &err);
    if (rc == 0 && rename(partial, final) != 0)
        rc = file_trouble(t, path, "create");
    if (rc != 0) {
        unlink(partial);
        return rc;
    }
    show(h, path, &facts);
    return EXIT_DONE;
}

/* ---- restoring ---- */

struct restoring {
    struct roster roster;
    const struct roster_member *self;
    struct raft_members voters;
};

static void add_voter(struct raft_members *voters, uint64_t id)
{
    size_t at = voters->count++;

    for (; at > 0 && voters->member[at - 1].id > id; at--)
        voters->member[at] = voters->member[at - 1];
    voters->member[at] = (struct raft_member){.id = id, .is_voter = true};
}

/* The roster must be signed by the mesh that the snapshot is of. */
static int prepare(struct hlctl *h, struct str mesh, struct restoring *out, struct trouble *t)
{
    struct str name = flag_text(h->in, "member");
    struct err err;

    if (roster_load(flag_text(h->in, "roster"), mesh, h->arena, &out->roster, &err) < 0) {
        trouble_set(t, "HL-CFG-04", "the roster is not that of the snapshot's mesh");
        return trouble_err(t, &err);
    }
    out->self = roster_find_name(&out->roster, name);
    if (!out->self)
        return trouble_set(t, "HL-OBJ-01", "no coordinator \"" STR_FMT "\" in the roster",
                           STR_ARG(name));
    for (size_t i = 0; i < out->roster.member_count; i++)
        add_voter(&out->voters, out->roster.member[i].id);
    return 0;
}

static int restore(struct hlctl *h, struct str path, struct str mesh, const struct restoring *r,
                   struct trouble *t)
{
    struct store_identity identity = {mesh, r->self->id};
    struct store_dir *dir;
    struct err err;

    keys_init();
    int code = store_dir_open(flag_text(h->in, "dir"), &identity, &dir, &err);
    if (code == 0) {
        code = snapshot_file_restore(arena_cstr(h->arena, path), dir, &r->voters, &err);
        store_dir_close(dir);
    }
    if (code == 0)
        return 0;
    trouble_set(t, code == HL_ECONFLICT ? "HL-FILE-01" : "HL-SNAP-01",
                "cannot restore into " STR_FMT, STR_ARG(flag_text(h->in, "dir")));
    return trouble_err(t, &err);
}

int snapshot_restore_run(struct hlctl *h, struct trouble *t)
{
    static const char *const needed[] = {"roster", "member", "dir"};
    struct str path = invocation_arg(h->in, 0);
    struct restoring r = {0};
    struct snapshot_facts facts;
    struct err err;

    for (size_t i = 0; i < HL_COUNT(needed); i++) {
        if (flag_text(h->in, needed[i]).len == 0)
            return trouble_set(t, "HL-USE-03", "hlctl snapshot restore needs --%s", needed[i]);
    }
    if (snapshot_file_inspect(arena_cstr(h->arena, path), h->arena, &facts, &err) < 0)
        return damaged(t, &err);
    int rc = prepare(h, facts.header.mesh, &r, t);
    if (rc == 0)
        rc = restore(h, path, facts.header.mesh, &r, t);
    if (rc != 0)
        return rc;
    struct answer done = {.body = facts_value(h->arena, &facts)};
    output_done(h, &done, "Snapshot", "coordinator", r.self->name,
                "begins from the snapshot; start all of them together");
    return EXIT_DONE;
}
