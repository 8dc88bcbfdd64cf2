/* Floor 0 in one include: memory, strings, errors, tables, hashes, seeded randomness, time. */
#ifndef HL_BASE_BASE_H
#define HL_BASE_BASE_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/time.h"

#endif
