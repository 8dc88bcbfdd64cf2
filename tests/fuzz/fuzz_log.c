/*
 * Any bytes as raft.log: log_open answers, and what it accepts can be read and appended to, and
 * opens again with the same answer.
 *
 * The first byte chooses: 0, the rest is the file as it stands; otherwise the rest describes
 * records, eight bytes each, whose checksums are put right here, so that what lies behind the
 * checksum is reached too. A byte of 255 leaves a record damaged.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "edge/store/log.h"
#include "edge/store/log_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SALT = 77 };

static const struct store_identity me = {.mesh = {"mesh-a", 6}, .member = 2};
static char dir[] = "/tmp/hlmesh-fuzz-log-XXXXXX";
static char file[sizeof(dir) + 16];
static char lock[sizeof(dir) + 16];

static void clean_up(void)
{
    unlink(file);
    unlink(lock);
    rmdir(dir);
}

static void prepare(void)
{
    if (file[0] != '\0')
        return;
    HL_ASSERT(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/raft.log", dir);
    snprintf(lock, sizeof(lock), "%s/raft.lock", dir);
    atexit(clean_up);
}

/* kind, last, batch, index, term, payload length, damage, repeat */
static void describe(struct buf *out, const uint8_t *data, size_t size)
{
    static const char payload[256] = {1};
    struct log_header h = {
        .version = LOG_VERSION, .salt = SALT, .member = me.member, .mesh = me.mesh};

    log_header_add(out, &h);
    for (; size >= 8; data += 8, size -= 8) {
        struct log_record r = {
            .kind = (enum log_record_kind)(LOG_HARD_STATE + data[0] % 4),
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

static void write_file(struct str bytes)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    HL_ASSERT(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

static void read_everything(struct store_log *log, const struct raft_recovered *d)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct raft_entry *e;
    size_t count;

    for (uint64_t index = 1; index <= d->last_index; index += count) {
        HL_ASSERT(log_read(log, index, 100, 1 << 16, a, &e, &count, NULL) == 0);
        HL_ASSERT(count > 0 && e[0].index == index);
    }
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
    struct raft_config c = {
        .id = 2, .voter = {2}, .voter_count = 1, .storage = {.context = log, .read = log_read}};
    HL_CLEANUP(raft_freep) struct raft *r = NULL;

    read_everything(log, d);
    HL_ASSERT(raft_new(&c, d, 0, &r, NULL) == 0);
    if (d->hard.term < UINT64_MAX)
        HL_ASSERT(log_append(log, &p, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};
    struct store_log *log = NULL;
    struct raft_recovered d;
    struct err err = {0};

    if (size == 0)
        return 0;
    prepare();
    if (data[0] == 0)
        buf_add_bytes(&out, data + 1, size - 1);
    else
        describe(&out, data + 1, size - 1);
    write_file(buf_str(&out));
    int result = log_open(str_from(dir), &me, &log, &d, &err);
    if (result != 0) {
        HL_ASSERT(err.code == result && err.text[0] != '\0' && !log);
        return 0;
    }
    uint64_t last_index = d.last_index;
    bool has_grown = d.hard.term < UINT64_MAX;
    go_on(log, &d);
    log_close(log);
    log = NULL;
    HL_ASSERT(log_open(str_from(dir), &me, &log, &d, &err) == 0);
    HL_ASSERT(d.last_index == last_index + (has_grown ? 1 : 0));
    log_close(log);
    return 0;
}
