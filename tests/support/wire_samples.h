/*
 * One message of every kind with every field set, for tests of the codec: what is lost on the way
 * shows. The bytes that they had when they were first written are in tests/fuzz/corpus/fuzz_wire.
 *
 * Threads: constant data, filled on the first call of a single thread.
 */
#ifndef HL_TESTS_SUPPORT_WIRE_SAMPLES_H
#define HL_TESTS_SUPPORT_WIRE_SAMPLES_H

#include "edge/wire/messages.h"

/* NULL for WIRE_NONE. */
const struct wire_message *wire_sample(enum wire_kind kind);

#endif
