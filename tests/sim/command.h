/*
 * Commands of the simulation: their bytes in log entries, and the bodies that its clients, agents
 * and operators write. The real wire format lives in edge/wire, which the simulator does not link.
 *
 * Ownership: everything lives in the arena; decoded commands borrow from the bytes.
 */
#ifndef HL_TESTS_SIM_COMMAND_H
#define HL_TESTS_SIM_COMMAND_H

#include "core/state/command.h"
#include "core/state/setting.h"

/* What only the next version of the software knows. */
#define COMMAND_FUTURE STR("mesh.future")
#define FUTURE_KEY STR("future")

struct str command_encode(struct arena *a, const struct command *c);
void command_decode(struct str bytes, struct command *out);

struct str setting_body(struct arena *a, const struct setting_change *change);
struct str setting_key_of(struct arena *a, uint64_t key);
struct str number_bytes(struct arena *a, uint64_t number); /* 8 bytes, a setting's value */

struct str agent_name(struct arena *a, uint64_t agent); /* from 0 */
struct str app_name(struct arena *a, uint64_t app);
uint64_t name_number(struct str name); /* the number behind the first letter */

#endif
