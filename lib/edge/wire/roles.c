/* One table says who may send what; what is not listed is denied. */
#include "edge/wire/messages.h"

struct rule {
    enum wire_kind kind;
    const char *name;
    unsigned senders;
};

enum { PEOPLE = WIRE_ROLE_VIEWER | WIRE_ROLE_OPERATOR | WIRE_ROLE_ADMIN };

/* What a coordinator says at its doors, nobody says to it: no key is admitted with that role. */
static const struct rule rules[] = {
    {WIRE_NONE, "none", 0},
    {WIRE_RAFT, "raft", WIRE_ROLE_PEER},
    {WIRE_REFRESH, "refresh", WIRE_ROLE_PEER},
    {WIRE_STANDING, "standing", WIRE_ROLE_PEER},
    {WIRE_HELLO, "hello", WIRE_ROLE_AGENT},
    {WIRE_HEARTBEAT, "heartbeat", WIRE_ROLE_AGENT},
    {WIRE_REPORT, "report", WIRE_ROLE_AGENT},
    {WIRE_BLOB_GET, "blob_get", WIRE_ROLE_AGENT},
    {WIRE_WELCOME, "welcome", WIRE_ROLE_COORDINATOR},
    {WIRE_WORK, "work", WIRE_ROLE_COORDINATOR},
    {WIRE_CANCEL, "cancel", WIRE_ROLE_COORDINATOR},
    {WIRE_REPORT_ACK, "report_ack", WIRE_ROLE_COORDINATOR},
    {WIRE_BLOB_CHUNK, "blob_chunk", WIRE_ROLE_COORDINATOR},
    {WIRE_REQUEST, "request", PEOPLE},
    {WIRE_REPLY, "reply", WIRE_ROLE_COORDINATOR},
    {WIRE_ENROL, "enrol", WIRE_ROLE_STRANGER},
    {WIRE_ENROL_REPLY, "enrol_reply", WIRE_ROLE_COORDINATOR},
};
_Static_assert(HL_COUNT(rules) == WIRE_KIND_COUNT, "one rule a kind");

const char *wire_kind_name(enum wire_kind kind)
{
    return (unsigned)kind < WIRE_KIND_COUNT ? rules[kind].name : "?";
}

bool wire_may_send(unsigned role, enum wire_kind kind)
{
    return (unsigned)kind < WIRE_KIND_COUNT && (rules[kind].senders & role) != 0;
}

unsigned wire_role_of(struct str name)
{
    static const struct {
        struct str name;
        unsigned role;
    } names[] = {
        {STR("peer"), WIRE_ROLE_PEER},     {STR("agent"), WIRE_ROLE_AGENT},
        {STR("viewer"), WIRE_ROLE_VIEWER}, {STR("operator"), WIRE_ROLE_OPERATOR},
        {STR("admin"), WIRE_ROLE_ADMIN},   {STR("stranger"), WIRE_ROLE_STRANGER},
    };

    for (size_t i = 0; i < HL_COUNT(names); i++) {
        if (str_eq(name, names[i].name))
            return names[i].role;
    }
    return 0;
}
