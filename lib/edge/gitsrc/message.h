/*
 * What passes between us and the child: frames over a stream socket.
 *
 *     u32 payload length | u32 sequence | u32 kind | payload      (little-endian)
 *
 * A request has a new sequence number, every answer repeats it. Inside a payload integers are u32
 * or u64 and texts are <u32 length><bytes>. Neither side trusts the other's lengths: a reader that
 * runs over its end stays at zero and reports it once at the end.
 *
 *     parent                       child
 *     CONFIG                  ->
 *                             <-   READY sandbox
 *     FETCH, READ, LIST,      ->
 *     APPLY, READ_HEAD, WALK
 *                             <-   ASK           (APPLY only, any number of times: go on?)
 *     ANSWER                  ->
 *                             <-   DONE payload  or  ERROR code text
 */
#ifndef HL_EDGE_GITSRC_MESSAGE_H
#define HL_EDGE_GITSRC_MESSAGE_H

#include "base/base.h"

enum gitmsg_kind {
    GITMSG_CONFIG = 1,
    GITMSG_READY,
    GITMSG_ERROR,
    GITMSG_DONE,
    GITMSG_ASK,
    GITMSG_ANSWER,
    GITMSG_FETCH,
    GITMSG_READ,
    GITMSG_LIST,
    GITMSG_APPLY,
    GITMSG_READ_HEAD,
    GITMSG_WALK,
};

enum gitmsg_mode { GITMSG_READER = 1, GITMSG_WRITER = 2 };
enum { GITMSG_MAX_BYTES = 64 * 1024 * 1024, GITMSG_FD = 3 };

struct gitmsg {
    uint32_t sequence;
    uint32_t kind;
    struct str payload; /* borrowed from the buffer given to gitmsg_receive */
};

void gitmsg_add(struct buf *b, struct str text);

struct gitmsg_reader {
    struct str rest;
    bool is_bad;
};
uint32_t gitmsg_u32(struct gitmsg_reader *r);
uint64_t gitmsg_u64(struct gitmsg_reader *r);
struct str gitmsg_str(struct gitmsg_reader *r);
/* True if everything was read and nothing was missing. */
HL_MUST bool gitmsg_end(const struct gitmsg_reader *r);

/* Milliseconds of the monotonic clock. */
int64_t gitmsg_now_ms(void);

/*
 * Sends or receives one frame on a socket until `deadline_ms` (gitmsg_now_ms; < 0 = for ever).
 * HL_ETIMEOUT, HL_EIO (also when the peer is gone), HL_ECORRUPT (a length over the limit).
 */
HL_MUST int gitmsg_send(int fd, uint32_t sequence, uint32_t kind, struct str payload,
                        int64_t deadline_ms, struct err *err);
HL_MUST int gitmsg_receive(int fd, int64_t deadline_ms, struct buf *room, struct gitmsg *out,
                           struct err *err);

#endif
