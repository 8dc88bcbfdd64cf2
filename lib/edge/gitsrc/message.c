/* Framing. Sockets are used with MSG_DONTWAIT and poll, so that every byte has the deadline. */
#include "edge/gitsrc/message.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

enum { HEADER_BYTES = 12, CHUNK_BYTES = 1024 * 1024 };

void gitmsg_add(struct buf *b, struct str text)
{
    buf_add_u32(b, (uint32_t)text.len);
    buf_add(b, text);
}

static const char *take(struct gitmsg_reader *r, size_t len)
{
    if (r->is_bad || r->rest.len < len) {
        r->is_bad = true;
        return NULL;
    }
    const char *p = r->rest.ptr;
    r->rest = str_sub(r->rest, len, r->rest.len);
    return p;
}

uint32_t gitmsg_u32(struct gitmsg_reader *r)
{
    const char *p = take(r, 4);
    return p ? bytes_u32(p) : 0;
}

uint64_t gitmsg_u64(struct gitmsg_reader *r)
{
    const char *p = take(r, 8);
    return p ? bytes_u64(p) : 0;
}

struct str gitmsg_str(struct gitmsg_reader *r)
{
    uint32_t len = gitmsg_u32(r);
    const char *p = take(r, len);
    return p ? (struct str){p, len} : STR_NONE;
}

bool gitmsg_end(const struct gitmsg_reader *r)
{
    return !r->is_bad && r->rest.len == 0;
}

int64_t gitmsg_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        int64_t left_ms = deadline_ms < 0 ? -1 : deadline_ms - gitmsg_now_ms();
        struct pollfd p = {.fd = fd, .events = events};

        if (deadline_ms >= 0 && left_ms <= 0)
            return err_set(err, HL_ETIMEOUT, "no answer in time");
        if (left_ms > INT32_MAX)
            left_ms = INT32_MAX;
        int n = poll(&p, 1, (int)left_ms);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_errno(err, HL_EIO, "poll");
    }
}

static int send_all(int fd, const char *p, size_t len, int64_t deadline_ms, struct err *err)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            int rc = wait_for(fd, POLLOUT, deadline_ms, err);
            if (rc < 0)
                return rc;
        } else if (errno != EINTR) {
            return err_errno(err, HL_EIO, "send");
        }
    }
    return 0;
}

static int receive_all(int fd, char *p, size_t len, int64_t deadline_ms, struct err *err)
{
    while (len > 0) {
        ssize_t n = recv(fd, p, len, MSG_DONTWAIT);

        if (n == 0)
            return err_set(err, HL_EIO, "the other side is gone");
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            int rc = wait_for(fd, POLLIN, deadline_ms, err);
            if (rc < 0)
                return rc;
        } else if (errno != EINTR) {
            return err_errno(err, HL_EIO, "recv");
        }
    }
    return 0;
}

int gitmsg_send(int fd, uint32_t sequence, uint32_t kind, struct str payload, int64_t deadline_ms,
                struct err *err)
{
    HL_CLEANUP(buf_deinit) struct buf header = {0};

    if (payload.len > GITMSG_MAX_BYTES)
        return err_set(err, HL_ELIMIT, "message of %zu bytes, at most %d", payload.len,
                       GITMSG_MAX_BYTES);
    buf_add_u32(&header, (uint32_t)payload.len);
    buf_add_u32(&header, sequence);
    buf_add_u32(&header, kind);
    int rc = send_all(fd, header.ptr, header.len, deadline_ms, err);
    return rc < 0 ? rc : send_all(fd, payload.ptr, payload.len, deadline_ms, err);
}

int gitmsg_receive(int fd, int64_t deadline_ms, struct buf *room, struct gitmsg *out,
                   struct err *err)
{
    char header[HEADER_BYTES];
    int rc = receive_all(fd, header, sizeof(header), deadline_ms, err);

    if (rc < 0)
        return rc;
    size_t left = bytes_u32(header);
    if (left > GITMSG_MAX_BYTES)
        return err_set(err, HL_ECORRUPT, "frame claims %zu bytes", left);
    buf_reset(room);
    while (left > 0) { /* room grows with what has come, not with what was claimed */
        size_t n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        rc = receive_all(fd, buf_reserve(room, n), n, deadline_ms, err);
        if (rc < 0)
            return rc;
        buf_commit(room, n);
        left -= n;
    }
    *out = (struct gitmsg){bytes_u32(header + 4), bytes_u32(header + 8), buf_str(room)};
    return 0;
}
