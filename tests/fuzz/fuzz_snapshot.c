/*
 * Any bytes as a snapshot file: inspect answers, and what it accepts can be restored, opens, holds
 * as many records as was said, and is sent on in pieces that another store takes.
 *
 * The first byte chooses: 0, the rest is the file as it stands; otherwise the rest describes parts
 * of records, six bytes each, whose checksums and id are put right here, so that what lies behind
 * them is reached too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge/store/generation.h"
#include "edge/store/statedb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAYLOAD_BYTES = 1024, KEY_BYTES_MAX = 4, PIECE_BYTES = 4096, PATH_BYTES = 128 };

static const struct store_identity me = {.mesh = {"mesh-a", 6}, .member = 2};
static const struct raft_members members = {.member = {{2, true}}, .count = 1};
static const char payload[PAYLOAD_BYTES] = {1};
static char root[] = "/tmp/hlmesh-fuzz-snapshot-XXXXXX";
static char file[PATH_BYTES];

/* ---- files ---- */

static void remove_all(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        char path[2 * PATH_BYTES];

        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static void remove_store(const char *name)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s/state", root, name);
    remove_all(path);
    snprintf(path, sizeof(path), "%s/%s", root, name);
    remove_all(path);
}

static void clean_up(void)
{
    remove_store("store");
    remove_store("other");
    remove_all(root);
}

static void prepare(void)
{
    if (file[0] != '\0')
        return;
    HL_ASSERT(mkdtemp(root));
    snprintf(file, sizeof(file), "%s/file", root);
    atexit(clean_up);
}

static void write_file(struct str bytes)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    HL_ASSERT(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

/* ---- a description ---- */

/* key, length of the value, offset, length of the part (in words), damage, end of the piece */
static void add_part(struct buf *piece, struct chain *chain, const uint8_t *p)
{
    const char key[KEY_BYTES_MAX] = {'k', (char)p[0], (char)p[0], (char)p[0]};
    struct str k = {key, p[0] % (KEY_BYTES_MAX + 1)};
    uint32_t lengths[4] = {(uint32_t)k.len, p[1] * 4u, p[2] * 4u, p[3] * 4u};
    struct str part = {payload, lengths[3]};
    size_t at = piece->len;

    for (size_t i = 0; i < HL_COUNT(lengths); i++)
        buf_add_u32(piece, lengths[i]);
    uint32_t sum = crc32c(0, piece->ptr + at, piece->len - at);
    sum = crc32c(crc32c(sum, k.ptr, k.len), part.ptr, part.len);
    buf_add_u32(piece, p[4] == 255 ? sum + 1 : sum);
    buf_add(piece, k);
    buf_add(piece, part);
    if (lengths[2] + lengths[3] == lengths[1])
        chain_add(chain, k, (struct str){payload, lengths[1]});
}

static void describe(struct buf *out, const uint8_t *data, size_t size)
{
    HL_CLEANUP(buf_deinit) struct buf pieces = {0};
    HL_CLEANUP(buf_deinit) struct buf piece = {0};
    struct snapshot_header h = {
        .mesh = me.mesh, .snapshot = {.index = 5, .term = 2, .members = members}, .time_ms = 1};
    struct chain chain;

    chain_begin(&chain, h.snapshot.index, h.snapshot.term);
    for (; size >= 6; data += 6, size -= 6) {
        add_part(&piece, &chain, data);
        if (data[5] & 1) {
            snapshot_file_piece(&pieces, buf_str(&piece));
            buf_reset(&piece);
        }
    }
    snapshot_file_piece(&pieces, buf_str(&piece));
    h.snapshot.id = chain_end(&chain);
    snapshot_file_header(out, &h);
    buf_add(out, buf_str(&pieces));
    if (size != 1)
        snapshot_file_end(out);
}

/* ---- what is accepted ---- */

static struct store_dir *open_dir(const char *name)
{
    struct store_dir *dir;
    char path[PATH_BYTES];
    struct err err;

    remove_store(name);
    snprintf(path, sizeof(path), "%s/%s", root, name);
    if (store_dir_open(str_from(path), &me, &dir, &err) != 0)
        hl_die("%s", err.text);
    return dir;
}

static uint64_t count_records(struct statedb *db, struct arena *a)
{
    struct kv *kv = statedb_reader(db);
    struct str after = STR_NONE;
    uint64_t count = 0;
    struct str key;
    struct str value;

    while (kv->next(kv->context, STR_NONE, after, &key, &value, NULL) == KV_FOUND) {
        after = arena_dup(a, key);
        count++;
    }
    return count;
}

static void send(struct statedb *from, struct arena *a)
{
    struct store_dir *dir = open_dir("other");
    struct statedb *to;
    struct install *install;
    struct str cursor;
    struct str data;
    struct str next;
    bool is_last = false;

    HL_ASSERT(statedb_open(dir, &to, NULL) == 0);
    HL_ASSERT(install_open(dir, statedb_base(from), &install, a, &cursor, NULL) == 0);
    while (!is_last) {
        HL_ASSERT(statedb_read_piece(from, statedb_base(from)->id, cursor, PIECE_BYTES, a, &data,
                                     &next, &is_last, NULL) == 0);
        HL_ASSERT(install_piece(install, cursor, data, a, &cursor, NULL) == 0);
        HL_ASSERT(str_eq(cursor, next));
    }
    HL_ASSERT(install_finish(install, NULL) == 0);
    HL_ASSERT(statedb_adopt_install(to, install, NULL) == 0);
    HL_ASSERT(count_records(from, a) == count_records(to, a));
    statedb_close(to);
    store_dir_close(dir);
}

static void restore(const struct snapshot_facts *facts, struct arena *a)
{
    struct store_dir *dir = open_dir("store");
    struct statedb *db;
    struct err err;

    int r = snapshot_file_restore(file, dir, &members, &err);
    if (r == 0) {
        HL_ASSERT(statedb_open(dir, &db, &err) == 0);
        HL_ASSERT(statedb_applied(db) == facts->header.snapshot.index);
        HL_ASSERT(count_records(db, a) == facts->record_count);
        send(db, a);
        statedb_close(db);
    } else {
        HL_ASSERT(r == HL_EDENIED); /* of another mesh */
    }
    store_dir_close(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct snapshot_facts facts;
    struct err err = {0};

    if (size == 0)
        return 0;
    prepare();
    if (data[0] == 0)
        buf_add_bytes(&out, data + 1, size - 1);
    else
        describe(&out, data + 1, size - 1);
    write_file(buf_str(&out));
    int r = snapshot_file_inspect(file, a, &facts, &err);
    HL_ASSERT(r == 0 || (err.code == r && err.text[0] != '\0'));
    HL_ASSERT(r == 0 || r == HL_ECORRUPT || r == HL_EUNSUPPORTED);
    if (r == 0)
        restore(&facts, a);
    return 0;
}
