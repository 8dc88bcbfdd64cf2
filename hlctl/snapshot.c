/*
 * The state of the mesh as one file (edge/store/statedb.h): fetched piece by piece from the leader,
 * looked at and restored offline.
 *
 * What is fetched goes to FILE.partial, each piece as it comes, so that memory is that of one piece
 * however large the state is. FILE appears when all of it was read back and found good, is on the
 * disk, and so is its name. A failure or ctrl-C removes what is not finished; a base that is no
 * longer there (another coordinator leads now) means to begin again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/keys/keys.h"
#include "edge/store/statedb.h"
#include "hlctl/output.h"
#include "hlctl/run.h"
#include "hlctl/safe.h"

enum { ATTEMPTS_MAX = 5 };

static int file_trouble(struct trouble *t, const char *path, const char *what)
{
    int error = errno;

    trouble_set(t, "HL-FILE-02", "cannot %s %s", what, path);
    return trouble_why(t, "%s", strerror(error));
}

/* snapshot_file_inspect unpacks beside the file, into one that it removes itself. */
static const char *check_of(struct hlctl *h, const char *path)
{
    return arena_printf(h->arena, "%s.check", path).ptr;
}

static int inspect(struct hlctl *h, const char *path, struct snapshot_facts *out, struct trouble *t)
{
    struct err err;
    int r = snapshot_file_inspect(path, h->arena, out, &err);

    if (r >= 0)
        return 0;
    if (r == HL_EIO || r == HL_ENOSPACE)
        trouble_set(t, "HL-FILE-02", "cannot check %s", path);
    else
        trouble_set(t, "HL-SNAP-01", "%s is of no use as a snapshot", path);
    return trouble_err(t, &err);
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
    value_map_set_str(a, v, "mesh", safe_utf8(a, facts->header.mesh));
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

    value_map_set_str(h->arena, v, "file", safe_utf8(h->arena, path));
    if (hlctl_is_document(h)) {
        output_document(h, NULL, "Snapshot", v);
        return;
    }
    if (h->format == FORMAT_NAME) {
        buf_printf(&h->out, "snapshot/" STR_FMT "\n", STR_ARG(value_get_str(v, "id")));
        return;
    }
    buf_printf(&h->out, "%-9s" STR_FMT "\n", "mesh",
               STR_ARG(safe_text(h->arena, facts->header.mesh)));
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
    const char *path = arena_cstr(h->arena, invocation_arg(h->in, 0));
    struct snapshot_facts facts;

    hlctl_unfinished(check_of(h, path), NULL);
    int rc = inspect(h, path, &facts, t);
    if (rc == 0)
        show(h, str_from(path), &facts);
    return rc;
}

/* ---- saving ---- */

struct save {
    struct hlctl *h;
    const char *path;
    const char *partial;
    int fd;
    struct snapshot_header header;
    char id[2 * sizeof(uint64_t) + 1];
};

static int not_understood(struct trouble *t, const char *why)
{
    trouble_set(t, "HL-NET-04", "the snapshot that the leader offers is not understood");
    return trouble_why(t, "%s", why);
}

static bool parse_members(const struct value *members, struct raft_members *out)
{
    *out = (struct raft_members){0};
    if (!members || members->kind != VALUE_LIST || members->list.count > RAFT_MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < members->list.count; i++) {
        const struct value *m = members->list.item[i];

        out->member[out->count++] = (struct raft_member){(uint64_t)value_get_int(m, "id", 0),
                                                         value_get_bool(m, "voter", false)};
    }
    return true;
}

static bool parse_header(const struct value *v, struct save *out)
{
    struct raft_snapshot *s = &out->header.snapshot;
    unsigned char id[sizeof(uint64_t)];

    out->header = (struct snapshot_header){.mesh = value_get_str(v, "mesh")};
    s->index = (uint64_t)value_get_int(v, "index", 0);
    s->term = (uint64_t)value_get_int(v, "term", 0);
    if (s->index == 0 || !hex_decode(value_get_str(v, "id"), id, sizeof(id)) ||
        !parse_members(value_get(v, STR("members")), &s->members) ||
        !time_parse_rfc3339(value_get_str(v, "time"), &out->header.time_ms))
        return false;
    for (size_t i = 0; i < sizeof(id); i++)
        s->id = s->id << 8 | id[i];
    hex_encode(id, sizeof(id), out->id);
    return true;
}

/* The leader makes a base that holds everything that was acknowledged by now. */
static int begin(struct save *s, struct trouble *t)
{
    const struct question q = {
        .kind = CALL_FRESH_READ, .method = "snapshot.begin", .body = STR("{}"), .is_slow = true};
    struct answer answer;
    struct str mesh;

    client_restart_clock(s->h);
    int rc = client_ask(s->h, &q, &answer, t);
    if (rc == 0)
        rc = client_mesh_fingerprint(s->h, &mesh, t);
    if (rc != 0)
        return rc;
    if (!parse_header(answer.body, s))
        return not_understood(t, "id, index, time or members are not there or malformed");
    if (!str_eq(s->header.mesh, mesh))
        return not_understood(t, "it is of another mesh than the roster");
    return 0;
}

static int write_out(const struct save *s, const struct buf *bytes, struct trouble *t)
{
    for (size_t done = 0; done < bytes->len;) {
        ssize_t n = write(s->fd, bytes->ptr + done, bytes->len - done);

        if (n < 0 && errno != EINTR)
            return file_trouble(t, s->partial, "write");
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

struct cursor {
    char text[2 * RAFT_CURSOR_BYTES_MAX + 1]; /* hex; empty: the beginning, or the end */
};

/* One piece into `bytes`; the cursor is moved behind it. */
static int fetch_piece(struct save *s, struct cursor *cursor, struct buf *bytes, struct trouble *t)
{
    struct question q = {.kind = CALL_FRESH_READ, .method = "snapshot.piece", .is_bytes = true};
    struct answer answer;

    q.body = arena_printf(s->h->arena, "{\"id\":\"%s\",\"cursor\":\"%s\"}", s->id, cursor->text);
    client_restart_clock(s->h);
    int rc = client_ask(s->h, &q, &answer, t);
    if (rc != 0)
        return rc;
    bool leads_nowhere = answer.bytes.len == 0 || str_eq(answer.next, str_from(cursor->text));
    if (answer.next.len >= sizeof(cursor->text) || (answer.next.len > 0 && leads_nowhere))
        return not_understood(t, "a piece does not say where the next one begins");
    snprintf(cursor->text, sizeof(cursor->text), STR_FMT, STR_ARG(answer.next));
    snapshot_file_piece(bytes, answer.bytes);
    return 0;
}

/* Every piece is gone from memory before the next one is asked for. */
static int fetch_pieces(struct save *s, struct trouble *t)
{
    HL_CLEANUP(arena_freep) struct arena *piece = arena_new();
    HL_CLEANUP(buf_deinit) struct buf bytes = {0};
    struct arena *run = s->h->arena;
    struct cursor cursor = {0};
    int rc;

    s->h->arena = piece;
    snapshot_file_header(&bytes, &s->header);
    do {
        rc = fetch_piece(s, &cursor, &bytes, t);
        if (rc == 0 && cursor.text[0] == '\0')
            snapshot_file_end(&bytes);
        if (rc == 0)
            rc = write_out(s, &bytes, t);
        buf_reset(&bytes);
        arena_reset(piece);
    } while (rc == 0 && cursor.text[0] != '\0');
    s->h->arena = run;
    return rc;
}

/* A base that is replaced by a newer one while it is fetched is fetched again. */
static int fetch(struct save *s, struct trouble *t)
{
    for (int attempt = 1;; attempt++) {
        if (lseek(s->fd, 0, SEEK_SET) != 0 || ftruncate(s->fd, 0) != 0)
            return file_trouble(t, s->partial, "write");
        int rc = begin(s, t);
        if (rc == 0)
            rc = fetch_pieces(s, t);
        if (rc == 0 || attempt == ATTEMPTS_MAX || !trouble_is(t, "HL-OBJ-01"))
            return rc;
        hlctl_remark(s->h, "%s; beginning again", t->what);
        *t = (struct trouble){0};
    }
}

static int sync_folder(const struct save *s)
{
    const char *slash = strrchr(s->path, '/');
    size_t len = slash ? (size_t)(slash - s->path) + 1 : 0;
    const char *folder = slash ? arena_cstr(s->h->arena, (struct str){s->path, len}) : ".";
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    return r;
}

/* Makes it durable, reads it back, gives it its name, and makes that durable. */
static int finish(struct save *s, struct snapshot_facts *out, struct trouble *t)
{
    if (fsync(s->fd) != 0)
        return file_trouble(t, s->partial, "write");
    int rc = inspect(s->h, s->partial, out, t);
    if (rc != 0)
        return rc;
    if (rename(s->partial, s->path) != 0)
        return file_trouble(t, s->path, "create");
    return sync_folder(s) == 0 ? 0 : file_trouble(t, s->path, "make durable the name of");
}

static int save(struct save *s, struct snapshot_facts *out, struct trouble *t)
{
    s->fd = open(s->partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return file_trouble(t, s->partial, "create");
    int rc = fetch(s, t);
    if (rc == 0)
        rc = finish(s, out, t);
    close(s->fd);
    if (rc != 0)
        unlink(s->partial);
    return rc;
}

int snapshot_save_run(struct hlctl *h, struct trouble *t)
{
    struct save s = {.h = h, .path = arena_cstr(h->arena, invocation_arg(h->in, 0))};
    struct snapshot_facts facts;

    s.partial = arena_printf(h->arena, "%s.partial", s.path).ptr;
    if (access(s.path, F_OK) == 0) {
        trouble_set(t, "HL-FILE-01", "%s exists", s.path);
        return trouble_why(t, "it may be the only copy of another state");
    }
    hlctl_unfinished(s.partial, check_of(h, s.partial));
    int rc = save(&s, &facts, t);
    hlctl_unfinished(NULL, NULL);
    if (rc == 0)
        show(h, str_from(s.path), &facts);
    return rc;
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
    if (!out->self) {
        trouble_set(t, "HL-OBJ-01", "no coordinator \"" STR_FMT "\" in the roster", STR_ARG(name));
        trouble_why(t, STR_FMT " lists %zu others", STR_ARG(flag_text(h->in, "roster")),
                    out->roster.member_count);
        return trouble_next(t, "--member takes one of the names in that file");
    }
    for (size_t i = 0; i < out->roster.member_count; i++)
        add_voter(&out->voters, out->roster.member[i].id);
    return 0;
}

static int restore(struct hlctl *h, const char *path, struct str mesh, const struct restoring *r,
                   struct trouble *t)
{
    struct store_identity identity = {mesh, r->self->id};
    struct store_dir *dir;
    struct err err;

    keys_init();
    int code = store_dir_open(flag_text(h->in, "dir"), &identity, &dir, &err);
    if (code == 0) {
        code = snapshot_file_restore(path, dir, &r->voters, &err);
        store_dir_close(dir);
    }
    if (code == 0)
        return 0;
    bool is_disk = code == HL_EIO || code == HL_ENOSPACE;
    trouble_set(t,
                code == HL_ECONFLICT ? "HL-FILE-01"
                : is_disk            ? "HL-FILE-02"
                                     : "HL-SNAP-01",
                "cannot restore into " STR_FMT, STR_ARG(flag_text(h->in, "dir")));
    return trouble_err(t, &err);
}

int snapshot_restore_run(struct hlctl *h, struct trouble *t)
{
    static const char *const needed[] = {"roster", "member", "dir"};
    const char *path = arena_cstr(h->arena, invocation_arg(h->in, 0));
    struct restoring r = {0};
    struct snapshot_facts facts;

    for (size_t i = 0; i < HL_COUNT(needed); i++) {
        if (flag_text(h->in, needed[i]).len > 0)
            continue;
        trouble_set(t, "HL-USE-03", "hlctl snapshot restore needs --%s", needed[i]);
        return trouble_why(t, "who is restored, into which folder and with whom is never guessed");
    }
    hlctl_unfinished(check_of(h, path), NULL);
    int rc = inspect(h, path, &facts, t);
    if (rc == 0)
        rc = prepare(h, facts.header.mesh, &r, t);
    if (rc == 0)
        rc = restore(h, path, facts.header.mesh, &r, t);
    if (rc != 0)
        return rc;
    struct answer done = {.body = facts_value(h->arena, &facts)};
    output_done(h, &done, "Snapshot", "coordinator", r.self->name,
                "begins from the snapshot; start all of them together");
    return EXIT_DONE;
}
