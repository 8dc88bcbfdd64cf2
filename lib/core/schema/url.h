/*
 * For the files of this folder only: URLs as Go's net/url takes them apart and joins them, with its
 * messages. Fragments are cut off by the caller (schema_url_split).
 *
 * Parts are kept in their escaped form. Strings live in the arena or in the text parsed.
 *
 * Threads: pure functions. Limits: none; cost is linear in the text.
 */
#ifndef HL_CORE_SCHEMA_URL_H
#define HL_CORE_SCHEMA_URL_H

#include "base/base.h"

struct schema_url {
    struct str scheme; /* lower case */
    struct str opaque;
    struct str user;
    struct str host; /* with the port */
    struct str path;
    struct str query;
    bool has_user;
    bool has_empty_query; /* ends with a lone "?" */
    bool omits_host;      /* "file:/x" */
};

/* Cuts at the first "#"; the fragment stays escaped. */
void schema_url_split(struct str text, struct str *out_url, struct str *out_fragment);

/* False: *why is "parse "TEXT": reason". */
HL_MUST bool schema_url_parse(struct arena *a, struct str text, struct schema_url *out,
                              struct str *why);

/* The absolute URL that `ref` means under `base`; both are without fragment. */
HL_MUST bool schema_url_join(struct arena *a, struct str base, struct str ref, struct str *out,
                             struct str *why);

/* Percent escapes undone; false: *why is "invalid URL escape "%zz"". */
HL_MUST bool schema_url_unescape(struct arena *a, struct str s, struct str *out, struct str *why);

/* Appends a JSON pointer with what does not belong into path segments escaped; "/" stays. */
void url_escape_pointer(struct buf *out, struct str pointer);

/* The host without port and brackets. */
struct str url_host_name(const struct schema_url *u);

/* net/url's RawPath: the path as written where that is not the usual way to escape it, else "". */
struct str url_raw_path(struct arena *a, const struct schema_url *u);

#endif
