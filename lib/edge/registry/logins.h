/*
 * Who we are at which host: user names and passwords by origin.
 *
 * A login belongs to one origin (scheme, host and port) and is never given to another. Logins also
 * come from Docker's config.json (`auths`, with `auth` or `username` and `password`), which names
 * hosts: they stand for https://HOST, if they do not say http://. Its credential helpers are
 * programs, which we do not start: they are passed over, and so are identity tokens.
 *
 * Ownership: secrets are copied, kept apart from arenas and overwritten at the end.
 * Threads: confined to the owner's. Limits: LOGINS_MAX; LOGINS_CONFIG_MAX bytes of config.json.
 */
#ifndef HL_EDGE_REGISTRY_LOGINS_H
#define HL_EDGE_REGISTRY_LOGINS_H

#include "edge/registry/weburl.h"

enum { LOGINS_MAX = 256, LOGINS_CONFIG_MAX = 1 << 20 };

struct logins;

struct logins *logins_new(void);
void logins_free(struct logins *l);
HL_DEFINE_FREEP(logins_free, struct logins)

/* `origin`: "https://host[:port]"; of two for one origin the last counts. HL_EINVAL: the user holds
 * a ':' or either a control character, or the origin is none; HL_ELIMIT. */
HL_MUST int logins_add(struct logins *l, struct str origin, struct str user, struct str password,
                       struct err *err);
/* The text of a config.json. HL_EINVAL, HL_ELIMIT; never quotes the text. */
HL_MUST int logins_add_docker(struct logins *l, struct str json, struct err *err);

/* "user:password" for that origin, borrowed; STR_NONE if there is none. Docker Hub's registry is
 * what config.json calls index.docker.io. */
struct str logins_find(const struct logins *l, const struct weburl *url);

#endif
