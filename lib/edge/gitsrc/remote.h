/*
 * Where a repository is and what proves who we are to it: shared by reading (gitsrc.h) and writing
 * (staterepo.h).
 *
 * URLs: an absolute path, file:///path, http://, https://, ssh://[user@]host[:port]/path and
 * scp-like user@host:path. A URL that carries a password is refused: it would end up in messages;
 * so is a token over plain http to anything but loopback. Redirects are not followed.
 *
 * Secrets are files, read by the child at each authentication, so a rotated file is picked up;
 * a file that others (o+rwx) may touch is refused. Empty means "none".
 *
 * Ownership: the config structs borrow; _open copies what it needs.
 */
#ifndef HL_EDGE_GITSRC_REMOTE_H
#define HL_EDGE_GITSRC_REMOTE_H

#include "base/base.h"

struct git_auth {
    struct str ssh_key_file; /* private key without passphrase, PEM or OpenSSH format */
    /* known_hosts(5): plain, hashed, [host]:port, patterns, @revoked. Needed for ssh. */
    struct str ssh_known_hosts_file;
    struct str http_user;       /* "" = "git" */
    struct str http_token_file; /* password or token; blanks at both ends are cut off */
    struct str ca_file;         /* PEM; "" = the system's certificates */
};

enum { GIT_OID_TEXT_MAX = 41 }; /* 40 lower-case hex digits and a NUL */

#endif
