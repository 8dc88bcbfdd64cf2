/* The same rules as in the table of api.c, which answers everything that is turned down here. */
#include "coordinator/direct.h"

#include "core/state/setting.h"
#include "core/state/state.h"
#include "edge/actor/actor.h"

static const char *name_of(struct str method)
{
    if (str_eq(method, STR("kv.put")))
        return "setting.put";
    return str_eq(method, STR("kv.delete")) ? "setting.delete" : NULL;
}

bool direct_command(const struct wire_inbound *in, struct command *out)
{
    const struct wire_request *request = &in->message.request;
    struct setting_change change;

    if (in->message.kind != WIRE_REQUEST || in->door != DOOR_CLIENT)
        return false;
    const char *name = name_of(request->method);
    if (!name || (wire_role_of(in->role) & (WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN)) == 0 ||
        request->client_id.len == 0 || request->client_id.len > STATE_CLIENT_MAX ||
        setting_change_decode(request->body, &change, NULL) < 0)
        return false;
    *out = (struct command){
        .name = str_from(name),
        .client_id = request->client_id,
        .sequence = request->sequence,
        .author = in->name,
        .wall_ms = clock_wall_ms(),
        .body = request->body,
    };
    return true;
}
