/*
 * Which fields of the schema are messages: what the pre-scan walks into. Internal to edge/wire; a
 * test compares the table with proto/hlmesh.proto.
 *
 * Threads: constant data.
 */
#ifndef HL_EDGE_WIRE_PRESCAN_H
#define HL_EDGE_WIRE_PRESCAN_H

#include "edge/wire/messages.h"

struct prescan_body {
    uint32_t field;   /* number in Envelope */
    uint32_t element; /* number of its repeated message, 0 if it has none */
};

extern const struct prescan_body prescan_bodies[];
extern const size_t prescan_body_count;

#endif
