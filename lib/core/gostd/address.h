/*
 * IP addresses as Go's net/netip parses them, with its messages.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_GOSTD_ADDRESS_H
#define HL_CORE_GOSTD_ADDRESS_H

#include "base/base.h"

struct address {
    bool is_v4;
    bool has_zone;
};

/* False: the reason is appended to `why`. */
HL_MUST bool address_parse(struct str text, struct address *out, struct buf *why);

#endif
