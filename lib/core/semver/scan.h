/*
 * For the files of this folder only: what versions and the versions of constraints share.
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_SEMVER_SCAN_H
#define HL_CORE_SEMVER_SCAN_H

#include "core/semver/semver.h"

bool scan_is_digit(char c);

/* Behind the identifiers (letters, digits, "-", joined by ".") that `mark` at `at` introduces; `at`
 * itself if there are none. */
size_t scan_identifiers(struct str s, size_t at, char mark);

#endif
