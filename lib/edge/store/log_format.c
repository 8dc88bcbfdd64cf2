/* Encoding and decoding of segments; the layout is drawn in the header. */
#include "edge/store/log_format.h"

#include <string.h>

enum { RECORD_MAGIC = 0x6c72, HEADER_USED = 64 };

static const char header_magic[8] = {'H', 'L', 'R', 'A', 'F', 'T', 'S', 'G'};

size_t log_record_size(size_t payload_len)
{
    size_t size = LOG_RECORD_BYTES + payload_len;

    return (size + LOG_ALIGN - 1) & ~(size_t)(LOG_ALIGN - 1);
}

void log_record_add(struct buf *out, uint32_t salt, const struct log_record *record)
{
    static const char zero[LOG_ALIGN] = {0};
    size_t size = log_record_size(record->payload.len);
    size_t start = out->len;

    buf_reserve(out, size);
    buf_add_u32(out, 0);
    buf_add_byte(out, (char)(RECORD_MAGIC & 0xff));
    buf_add_byte(out, (char)(RECORD_MAGIC >> 8));
    buf_add_byte(out, (char)record->kind);
    buf_add_byte(out, record->is_last ? LOG_LAST : 0);
    buf_add_u64(out, record->batch);
    buf_add_u64(out, record->index);
    buf_add_u64(out, record->term);
    buf_add_u32(out, (uint32_t)record->payload.len);
    buf_add_u32(out, 0);
    buf_add(out, record->payload);
    buf_add_bytes(out, zero, size - (out->len - start));

    uint32_t crc = crc32c(salt, out->ptr + start + 4, size - 4);
    for (int i = 0; i < 4; i++)
        out->ptr[start + (size_t)i] = (char)(crc >> (8 * i));
}

static bool is_zero(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

enum log_read_outcome log_record_read(const char *p, size_t available, uint32_t salt,
                                      struct log_record *out)
{
    if (is_zero(p, available < LOG_RECORD_BYTES ? available : LOG_RECORD_BYTES))
        return LOG_ZERO;
    if (available < LOG_RECORD_BYTES)
        return LOG_DAMAGED;
    const unsigned char *u = (const unsigned char *)p;
    uint32_t length = bytes_u32(p + 32);
    if ((u[4] | u[5] << 8) != RECORD_MAGIC || u[6] < LOG_HARD_STATE || u[6] > LOG_KIND_MAX ||
        u[7] > LOG_LAST || length > RAFT_ENTRY_BYTES_MAX || bytes_u32(p + 36) != 0)
        return LOG_DAMAGED;
    size_t size = log_record_size(length);
    if (size > available || crc32c(salt, p + 4, size - 4) != bytes_u32(p))
        return LOG_DAMAGED;
    *out = (struct log_record){
        .kind = (enum log_record_kind)u[6],
        .is_last = u[7] == LOG_LAST,
        .batch = bytes_u64(p + 8),
        .index = bytes_u64(p + 16),
        .term = bytes_u64(p + 24),
        .payload = {p + LOG_RECORD_BYTES, length},
    };
    return LOG_RECORD;
}

void log_header_add(struct buf *out, const struct log_header *h)
{
    size_t start = out->len;
    char *p = buf_reserve(out, LOG_HEADER_BYTES);

    memset(p, 0, LOG_HEADER_BYTES);
    buf_add_bytes(out, header_magic, sizeof(header_magic));
    buf_add_u32(out, h->version);
    buf_add_u32(out, h->salt);
    buf_add_u64(out, h->number);
    buf_add_u64(out, h->first_batch);
    buf_add_u64(out, h->hard.term);
    buf_add_u64(out, h->hard.vote);
    buf_add_u64(out, h->before_index);
    buf_add_u64(out, h->before_term);
    buf_add_u32(out, crc32c(0, out->ptr + start, HEADER_USED));
    buf_commit(out, LOG_HEADER_BYTES - (out->len - start));
}

bool log_header_read(const char p[LOG_HEADER_BYTES], struct log_header *out)
{
    if (memcmp(p, header_magic, sizeof(header_magic)) != 0 ||
        crc32c(0, p, HEADER_USED) != bytes_u32(p + HEADER_USED))
        return false;
    *out = (struct log_header){
        .version = bytes_u32(p + 8),
        .salt = bytes_u32(p + 12),
        .number = bytes_u64(p + 16),
        .first_batch = bytes_u64(p + 24),
        .hard = {.term = bytes_u64(p + 32), .vote = bytes_u64(p + 40)},
        .before_index = bytes_u64(p + 48),
        .before_term = bytes_u64(p + 56),
    };
    return true;
}
