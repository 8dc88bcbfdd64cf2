/*
 * URLs as Go's net/url parses and writes them, for urlParse and urlJoin.
 *
 * Threads: pure functions; results live in the arena.
 */
#ifndef HL_CORE_GOSTD_URL_H
#define HL_CORE_GOSTD_URL_H

#include "base/base.h"

struct url {
    struct str scheme; /* lower case */
    struct str opaque;
    struct str user_name;
    struct str password;
    struct str host; /* with its port */
    struct str path; /* unescaped, as everything but opaque, query and raw parts */
    struct str raw_path;
    struct str query;
    struct str fragment;
    struct str raw_fragment;
    bool has_user;
    bool has_password;
    bool has_question; /* an empty query */
    bool omits_host;   /* scheme:/path */
};

/* 0, or HL_EINVAL with Go's text behind `parse "URL": `. */
HL_MUST int url_parse(struct arena *a, struct str text, struct url *out, struct err *err);
void url_write(struct buf *out, const struct url *u);
/* "name:password", escaped. */
void url_write_user(struct buf *out, const struct url *u);
/* The host without its port and brackets. */
struct str url_hostname(const struct url *u);

#endif
