/*
 * Repository URLs, taken apart and judged; used on both sides of the child's socket. Pure.
 */
#ifndef HL_EDGE_GITSRC_URL_H
#define HL_EDGE_GITSRC_URL_H

#include "base/base.h"

enum git_url_kind { GIT_URL_PATH, GIT_URL_HTTP, GIT_URL_HTTPS, GIT_URL_SSH };
enum { GIT_URL_MAX = 2048, GIT_URL_PART_MAX = 256 };

struct git_url {
    enum git_url_kind kind;
    uint16_t port; /* 0 = the scheme's */
    char user[GIT_URL_PART_MAX];
    char host[GIT_URL_PART_MAX];
    char path[GIT_URL_MAX + 1]; /* of a GIT_URL_PATH: absolute, without file:// */
};

/* 0 or HL_EINVAL; the error never quotes a password. */
HL_MUST int git_url_parse(struct str text, struct git_url *out, struct err *err);

/* True for localhost, 127.0.0.0/8 and ::1: what a token may cross without TLS. */
bool git_url_is_loopback(const struct git_url *url);

/*
 * Paths inside a repository: no leading "/", no empty, ".", ".." or ".git" part, parts up to 255
 * bytes, the whole up to 1024, no NUL, control byte or backslash. "" is the root and allowed only
 * with allow_root. 0 or HL_EINVAL.
 */
enum { REPO_PATH_MAX = 1024, REPO_PATH_PART_MAX = 255 };
HL_MUST int git_path_check(struct str path, bool allow_root, struct err *err);

/* A branch as "refs/heads/<name>" in out from "name" or "refs/heads/name". 0 or HL_EINVAL. */
enum { GIT_REF_MAX = 256 };
HL_MUST int git_branch_ref(struct str branch, char out[GIT_REF_MAX], struct err *err);

bool git_oid_text_ok(struct str oid); /* 40 lower-case hex digits */

#endif
