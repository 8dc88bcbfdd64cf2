/*
 * The walk, the parser and every message: what is taken encodes, reads back the same and costs no
 * more memory than messages.h says; what the walk refuses is never parsed.
 */
#include "edge/wire/messages.h"

enum { PRICE_MAX = 24 << 20 }; /* the parser's share and the structs of the longest lists */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_trip(struct arena *a, const struct wire_message *m)
{
    HL_CLEANUP(buf_deinit) struct buf once = {0};
    HL_CLEANUP(buf_deinit) struct buf twice = {0};
    struct wire_message back;

    HL_ASSERT(wire_encode(&once, m, NULL) == 0);
    HL_ASSERT(wire_decode(buf_str(&once), a, &back, NULL) == 0 && back.kind == m->kind);
    HL_ASSERT(wire_encode(&twice, &back, NULL) == 0);
    HL_ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
}

static void check_command(struct arena *a, struct str bytes)
{
    HL_CLEANUP(buf_deinit) struct buf once = {0};
    struct command c;
    struct command back;

    if (wire_command_decode(bytes, a, &c, NULL) != 0)
        return;
    wire_command_encode(&once, &c);
    HL_ASSERT(wire_command_decode(buf_str(&once), a, &back, NULL) == 0);
    HL_ASSERT(str_eq(c.body, back.body) && c.sequence == back.sequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();
    struct str bytes = {(const char *)data, size};
    struct wire_message m;

    int walk = wire_prescan(bytes, NULL);
    int result = wire_decode(bytes, a, &m, NULL);
    HL_ASSERT(walk == 0 || result == walk);
    HL_ASSERT(arena_used_bytes(a) <= PRICE_MAX);
    HL_ASSERT((result == 0) == (m.kind != WIRE_NONE));
    if (result == 0)
        check_trip(a, &m);
    check_command(a, bytes);
    return 0;
}
