/*
 * Any bytes as a segment of the log: log_open answers, and what it accepts can be read, is accepted
 * by the core, can be appended to, and opens again with the same answer.
 *
 * The first byte chooses: 0, the rest is the file as it stands; otherwise the rest describes
 * records, eight bytes each, whose checksums are put right here, so that what lies behind the
 * checksum is reached too. A byte of 255 leaves a record damaged.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store/log.h"
#include "edge/store/log_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SALT = 77, SEGMENT_BYTES = 64 << 10, SEGMENTS_MAX = 8 };

static const struct store_identity me = {.mesh = {"mesh-a", 6}, .member = 2};
static char root[] = "/tmp/hlmesh-fuzz-log-XXXXXX";
static struct store_dir *dir;
static char path[128];

static void remove_segments(void)
{
    for (int i = 1; i < SEGMENTS_MAX; i++) {
        snprintf(path, sizeof(path), "%s/log/%010d.seg", root, i);
        unlink(path);
        snprintf(path, sizeof(path), "%s/log/%d.spare", root, i);
        unlink(path);
    }
}

static void clean_up(void)
{
    static const char *const names[] = {"owner", "raft.lock"};

    remove_segments();
    store_dir_close(dir);
    for (size_t i = 0; i < HL_COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/log", root);
    rmdir(path);
    rmdir(root);
}

static void prepare(void)
{
    struct err err;

    if (dir)
        return;
    HL_ASSERT(mkdtemp(root));
    HL_ASSERT(store_dir_open(str_from(root), &me, &dir, &err) == 0);
    snprintf(path, sizeof(path), "%s/log", root);
    (void)!mkdir(path, 0700);
    atexit(clean_up);
}

/* kind, last, batch, index, term, payload length, damage, repeat */
static void describe(struct buf *out, const uint8_t *data, size_t size)
{
    static const char payload[256] = {1};
    struct log_header h = {
        .version = LOG_VERSION, .salt = SALT, .number = 1, .first_batch = 1, .hard = {1, 0}};

    log_header_add(out, &h);
    for (; size >= 8; data += 8, size -= 8) {
        struct log_record r = {
            .kind = (enum log_record_kind)(LOG_HARD_STATE + data[0] % LOG_KIND_MAX),
            .is_last = data[1] & 1,
            .batch = data[2],
            .index = data[3],
            .term = data[4],
            .payload = {payload, data[5]},
        };
        size_t at = out->len;

        log_record_add(out, SALT, &r);
        if (data[6] == 255)
            out->ptr[at + data[7] % LOG_RECORD_BYTES] ^= 1;
    }
    buf_add_bytes(out, data, size);
}

static void write_segment(struct str bytes)
{
    remove_segments();
    snprintf(path, sizeof(path), "%s/log/%010d.seg", root, 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    HL_ASSERT(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

static void read_everything(struct store_log *log, const struct raft_recovered *d)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct raft_entry *e;
    size_t count;

    for (uint64_t index = d->first_index; index <= d->last_index; index += count) {
        HL_ASSERT(log_read(log, index, 100, 1 << 16, a, &e, &count, NULL) == 0);
        HL_ASSERT(count > 0 && e[0].index == index);
    }
}

static int read_entries(void *log, uint64_t first, size_t max_count, size_t max_bytes,
                        struct arena *a, struct raft_entry **out, size_t *out_count,
                        struct err *err)
{
    return log_read(log, first, max_count, max_bytes, a, out, out_count, err);
}

static int no_piece(void *context, uint64_t id, struct str cursor, size_t max_bytes,
                    struct arena *a, struct str *out_data, struct str *out_next, bool *out_is_last,
                    struct err *err)
{
    (void)context;
    (void)id;
    (void)cursor;
    (void)max_bytes;
    (void)a;
    (void)out_data;
    (void)out_next;
    (void)out_is_last;
    return err_set(err, HL_EABSENT, "no base");
}

/* Accepted: then also by the core, and it can be gone on with. */
static void go_on(struct store_log *log, const struct raft_recovered *d)
{
    struct raft_entry e = {.index = d->last_index + 1, .term = d->hard.term + 1};
    struct raft_persist p = {.sequence = 1,
                             .has_hard_state = true,
                             .hard = {.term = d->hard.term + 1},
                             .entry = &e,
                             .entry_count = 1};
    const struct raft_persist *list = &p;
    struct raft_config c = {
        .id = 2,
        .founders = {.member = {{2, true}}, .count = 1},
        .storage = {.context = log, .read = read_entries, .read_piece = no_piece}};
    HL_CLEANUP(raft_freep) struct raft *r = NULL;

    read_everything(log, d);
    struct err err;
    if (raft_new(&c, d, 0, &r, &err) != 0)
        hl_die("the core refuses what the log accepted: %s", err.text);
    if (d->hard.term < UINT64_MAX && d->last_index < UINT64_MAX)
        HL_ASSERT(log_append(log, &list, 1, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    const struct log_options options = {SEGMENT_BYTES};
    const struct raft_snapshot base = {0};
    struct raft_recovered d;
    struct store_log *log;
    struct err err;

    prepare();
    if (size == 0)
        return 0;
    if (data[0] == 0)
        buf_add_bytes(&out, data + 1, size - 1);
    else
        describe(&out, data + 1, size - 1);
    write_segment(buf_str(&out));
    int r = log_open(dir, &options, &base, &log, &d, &err);
    HL_ASSERT(r == 0 || r == HL_ECORRUPT || r == HL_EUNSUPPORTED);
    if (r < 0)
        return 0;
    uint64_t last = d.last_index;
    uint64_t term = d.hard.term;
    go_on(log, &d);
    log_close(log);
    HL_ASSERT(log_open(dir, &options, &base, &log, &d, &err) == 0);
    HL_ASSERT(term == UINT64_MAX || last == UINT64_MAX || d.last_index == last + 1);
    log_close(log);
    return 0;
}
