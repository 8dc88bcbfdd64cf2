/* Lengths and bytes. */
#include "sim/command.h"

static void add_field(struct buf *out, struct str s)
{
    buf_add_u32(out, (uint32_t)s.len);
    buf_add(out, s);
}

static struct str take_field(struct str *rest)
{
    size_t len = bytes_u32(rest->ptr);
    struct str field = str_sub(*rest, 4, 4 + len);

    *rest = str_sub(*rest, 4 + len, rest->len);
    return field;
}

struct str command_encode(struct arena *a, const struct command *c)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    buf_add_u64(&out, c->sequence);
    buf_add_u64(&out, (uint64_t)c->wall_ms);
    add_field(&out, c->name);
    add_field(&out, c->client_id);
    add_field(&out, c->author);
    add_field(&out, c->body);
    return arena_dup(a, buf_str(&out));
}

void command_decode(struct str bytes, struct command *out)
{
    struct str rest = str_sub(bytes, 16, bytes.len);

    HL_ASSERT(bytes.len >= 32);
    *out = (struct command){.sequence = bytes_u64(bytes.ptr),
                            .wall_ms = (int64_t)bytes_u64(bytes.ptr + 8)};
    out->name = take_field(&rest);
    out->client_id = take_field(&rest);
    out->author = take_field(&rest);
    out->body = take_field(&rest);
}

struct str setting_body(struct arena *a, const struct setting_change *change)
{
    HL_CLEANUP(buf_deinit) struct buf out = {0};

    setting_change_encode(&out, change);
    return arena_dup(a, buf_str(&out));
}

struct str setting_key_of(struct arena *a, uint64_t key)
{
    return arena_printf(a, "k%llu", (unsigned long long)key);
}

struct str number_bytes(struct arena *a, uint64_t number)
{
    char *bytes = arena_alloc(a, 8);

    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)(number >> (8 * i));
    return (struct str){bytes, 8};
}

struct str agent_name(struct arena *a, uint64_t agent)
{
    return arena_printf(a, "n%llu", (unsigned long long)agent);
}

struct str app_name(struct arena *a, uint64_t app)
{
    return arena_printf(a, "p%llu", (unsigned long long)app);
}

uint64_t name_number(struct str name)
{
    uint64_t number = UINT64_MAX;

    if (name.len < 2 || !str_to_u64(str_sub(name, 1, name.len), &number))
        return UINT64_MAX;
    return number;
}
