/*
 * URLs as Go's net/url parses, resolves and writes them, with its messages.
 *
 * Threads: pure functions; results live in the arena or in the text they were read from.
 * Cost: linear in the texts.
 */
#ifndef HL_CORE_GOSTD_URL_H
#define HL_CORE_GOSTD_URL_H

#include "base/base.h"

struct url {
    struct str scheme; /* lower case */
    struct str opaque;
    struct str user_name;
    struct str password;
    struct str host;     /* with its port */
    struct str path;     /* unescaped, as everything but opaque, query and raw parts */
    struct str raw_path; /* as written, where that is not the usual way to escape it */
    struct str query;
    struct str fragment;
    struct str raw_fragment; /* as raw_path */
    bool has_user;
    bool has_password;
    bool has_question; /* an empty query */
    bool omits_host;   /* scheme:/path */
};

/* Parse. False: *out_why is `parse "TEXT": reason`. */
HL_MUST bool url_parse(struct arena *a, struct str text, struct url *out, struct str *out_why);

/* ResolveReference: what `ref` means under `base`; both were parsed. */
struct url url_resolve(struct arena *a, const struct url *base, const struct url *ref);
/* The same from text to text. */
HL_MUST bool url_join(struct arena *a, struct str base, struct str ref, struct str *out,
                      struct str *out_why);

void url_write(struct buf *out, const struct url *u);
/* "name:password", escaped. */
void url_write_user(struct buf *out, const struct url *u);
/* The host without its port and brackets. */
struct str url_hostname(const struct url *u);

/* Cuts at the first "#"; the fragment stays escaped. */
void url_split(struct str text, struct str *out_url, struct str *out_fragment);

/* PathUnescape. False: *out_why is `invalid URL escape "%zz"`. */
HL_MUST bool url_unescape(struct arena *a, struct str s, struct str *out, struct str *out_why);
/* PathEscape, but for the slashes. */
void url_escape_segments(struct buf *out, struct str path);

#endif
