/* Line by line; every matching line is looked at, since a @revoked one may come last. */
#include "edge/gitsrc/knownhosts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "edge/gitsrc/sha1.h"

enum { NAME_MAX_BYTES = 300 };

struct line {
    bool is_revoked;
    struct str hosts;
    struct str type;
    struct str base64;
};

const char *knownhosts_print(const unsigned char sha256[32], char out[KNOWNHOSTS_PRINT_MAX])
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    struct str text = base64_encode(scratch, (struct str){(const char *)sha256, 32});

    text.len--; /* OpenSSH prints no padding */
    snprintf(out, KNOWNHOSTS_PRINT_MAX, "SHA256:" STR_FMT, STR_ARG(text));
    return out;
}

static struct str next_word(struct str *rest)
{
    size_t from = 0;

    while (from < rest->len && (rest->ptr[from] == ' ' || rest->ptr[from] == '\t'))
        from++;
    size_t to = from;
    while (to < rest->len && !strchr(" \t\r", rest->ptr[to]))
        to++;
    struct str word = str_sub(*rest, from, to);
    *rest = str_sub(*rest, to, rest->len);
    return word;
}

/* False for comments, @cert-authority and what is not understood. */
static bool parse_line(struct str text, struct line *out)
{
    *out = (struct line){0};
    out->hosts = next_word(&text);
    if (out->hosts.len == 0 || out->hosts.ptr[0] == '#')
        return false;
    if (out->hosts.ptr[0] == '@') {
        if (!str_eq(out->hosts, STR("@revoked")))
            return false;
        out->is_revoked = true;
        out->hosts = next_word(&text);
    }
    out->type = next_word(&text);
    out->base64 = next_word(&text);
    return out->base64.len > 0;
}

/* Iterative glob: on a mismatch go back to the last "*" and let it eat one byte more. */
static bool glob_matches(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, mark = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            mark = n;
        } else if (p < pattern.len &&
                   (pattern.ptr[p] == '?' || tolower((unsigned char)pattern.ptr[p]) ==
                                                 tolower((unsigned char)name.ptr[n]))) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* "|1|<salt>|<HMAC-SHA-1 of the name under the salt>", both base64. */
static bool hash_matches(struct arena *scratch, struct str hashed, struct str name)
{
    unsigned char have[SHA1_BYTES];
    struct str rest = str_sub(hashed, 3, hashed.len);
    struct str salt_text = str_cut(&rest, '|');
    struct str salt, want;

    if (!str_starts(hashed, STR("|1|")) || !base64_decode(scratch, salt_text, &salt, NULL) ||
        !base64_decode(scratch, rest, &want, NULL) || salt.len != SHA1_BYTES ||
        want.len != SHA1_BYTES)
        return false;
    hmac_sha1(salt, name, have);
    return memcmp(want.ptr, have, SHA1_BYTES) == 0;
}

static bool hosts_match(struct arena *scratch, struct str hosts, struct str name)
{
    bool is_match = false;

    if (hosts.ptr[0] == '|')
        return hash_matches(scratch, hosts, name);
    while (hosts.len > 0) {
        struct str pattern = str_cut(&hosts, ',');
        bool is_negated = pattern.len > 0 && pattern.ptr[0] == '!';

        if (!glob_matches(str_sub(pattern, is_negated ? 1 : 0, pattern.len), name))
            continue;
        if (is_negated)
            return false;
        is_match = true;
    }
    return is_match;
}

static struct str host_name(struct str host, uint16_t port, char room[NAME_MAX_BYTES])
{
    if (port == 0 || port == 22)
        snprintf(room, NAME_MAX_BYTES, STR_FMT, STR_ARG(host));
    else
        snprintf(room, NAME_MAX_BYTES, "[" STR_FMT "]:%u", STR_ARG(host), port);
    for (char *c = room; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return str_from(room);
}

/* The key type, which the key itself begins with (RFC 4253 section 6.6). */
static struct str type_of(struct str key)
{
    if (key.len < 4)
        return STR_NONE;
    const unsigned char *p = (const unsigned char *)key.ptr;
    size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    return len <= key.len - 4 ? (struct str){key.ptr + 4, len} : STR_NONE;
}

enum knownhosts_verdict knownhosts_check(struct str file, struct str host, uint16_t port,
                                         struct str key)
{
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    enum knownhosts_verdict verdict = KNOWNHOSTS_UNKNOWN;
    char room[NAME_MAX_BYTES];
    struct str name = host_name(host, port, room);

    while (file.len > 0) {
        struct line line;
        struct str listed;

        if (!parse_line(str_cut(&file, '\n'), &line) || !hosts_match(scratch, line.hosts, name) ||
            !base64_decode(scratch, line.base64, &listed, NULL))
            continue;
        bool is_same = str_eq(listed, key);
        if (line.is_revoked && is_same)
            return KNOWNHOSTS_REVOKED;
        if (line.is_revoked)
            continue;
        if (is_same)
            verdict = KNOWNHOSTS_KNOWN;
        else if (verdict != KNOWNHOSTS_KNOWN && str_eq(line.type, type_of(key)))
            verdict = KNOWNHOSTS_CHANGED;
        else if (verdict == KNOWNHOSTS_UNKNOWN)
            verdict = KNOWNHOSTS_OTHER_KEY;
    }
    return verdict;
}

size_t knownhosts_select(struct str file, struct str host, uint16_t port, struct buf *out)
{
    static const char *const order[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521", "ssh-rsa"};
    HL_CLEANUP(arena_freep) struct arena *scratch = arena_new();
    char room[NAME_MAX_BYTES];
    struct str name = host_name(host, port, room);
    size_t count = 0;

    for (size_t i = 0; i < HL_COUNT(order); i++) {
        for (struct str rest = file; rest.len > 0;) {
            struct line line;
            struct str key;

            if (!parse_line(str_cut(&rest, '\n'), &line) || line.is_revoked ||
                !str_eq(line.type, str_from(order[i])) || !hosts_match(scratch, line.hosts, name) ||
                !base64_decode(scratch, line.base64, &key, NULL))
                continue;
            buf_printf(out, STR_FMT " " STR_FMT " " STR_FMT "\n", STR_ARG(name), STR_ARG(line.type),
                       STR_ARG(line.base64));
            count++;
        }
    }
    return count;
}
