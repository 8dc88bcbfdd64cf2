/*
 * A file that a person named on the command line; "-" is stdin.
 *
 * Pipes and devices are read to their end, so that a shell's <(...) works. Ownership: the bytes
 * live in the run's arena. Threads: one.
 */
#ifndef HL_HLCTL_INPUT_H
#define HL_HLCTL_INPUT_H

#include "base/base.h"

/* 0; HL_EABSENT, HL_EIO, or HL_ELIMIT for more than `max` bytes. */
HL_MUST int input_read(struct arena *a, struct str path, size_t max, struct str *out,
                       struct err *err);

#endif
