/*
 * A command: what a log entry says (decision D1). Small, named, with an author; the only way in
 * which replicated state changes.
 *
 * (client_id, sequence) makes a retried command apply once; an empty client_id opts out (commands
 * that are harmless twice). wall_ms is the proposer's clock and the only time that the state
 * machine may use. `body` is JSON, its shape given by the name; of setting.*, bytes (setting.h).
 */
#ifndef HL_CORE_STATE_COMMAND_H
#define HL_CORE_STATE_COMMAND_H

#include "base/base.h"

enum { COMMAND_NAME_MAX = 64, COMMAND_BODY_MAX = 500 << 10 };

struct command {
    struct str name; /* "desired.put", "work.assign", ... */
    struct str client_id;
    uint64_t sequence;
    struct str author;
    int64_t wall_ms;
    struct str body;
};

#endif
