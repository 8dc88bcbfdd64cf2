/*
 * known_hosts(5): which keys a host may show. Pure.
 *
 * Understood: host lists with "*" and "?" patterns and "!" negation, [host]:port, hashed names
 * (|1|salt|hash), the @revoked marker. @cert-authority lines are skipped: libssh2 knows no
 * certificates. Lines that are not understood are skipped: they can only make a host less known.
 * A key for a port other than 22 must be listed as [host]:port; the bare name does not cover it.
 */
#ifndef HL_EDGE_GITSRC_KNOWNHOSTS_H
#define HL_EDGE_GITSRC_KNOWNHOSTS_H

#include "base/base.h"

enum knownhosts_verdict {
    KNOWNHOSTS_KNOWN,     /* exactly this key is listed */
    KNOWNHOSTS_UNKNOWN,   /* nothing is listed for the host */
    KNOWNHOSTS_OTHER_KEY, /* keys of other types only */
    KNOWNHOSTS_CHANGED,   /* a different key of the same type: somebody may be listening in */
    KNOWNHOSTS_REVOKED,
};

enum knownhosts_verdict knownhosts_check(struct str file, struct str host, uint16_t port,
                                         struct str key);

/*
 * Appends the lines that match, in the plain form "<name> <type> <base64>", strongest type first,
 * for libraries that choose the key type to ask for by what is listed. Returns how many.
 */
size_t knownhosts_select(struct str file, struct str host, uint16_t port, struct buf *out);

/* "SHA256:..." as ssh-keygen -l prints it, from the digest of a key. */
enum { KNOWNHOSTS_PRINT_MAX = 52 };
const char *knownhosts_print(const unsigned char sha256[32], char out[KNOWNHOSTS_PRINT_MAX]);

#endif
