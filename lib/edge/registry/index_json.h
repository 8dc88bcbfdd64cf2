/*
 * For this folder only: JSON walked without a tree, so that one member of a large document can be
 * found and read alone.
 *
 * Only brackets, strings and separators are looked at: what is skipped may be wrong inside.
 *
 * Threads: pure functions. Limits: none of its own, the time is linear in the bytes.
 */
#ifndef HL_EDGE_REGISTRY_INDEX_JSON_H
#define HL_EDGE_REGISTRY_INDEX_JSON_H

#include "base/base.h"

enum json_step { JSON_STEP_ITEM, JSON_STEP_END, JSON_STEP_BROKEN };

/* Goes into the object ('{') or list ('[') that `text` starts with: what follows its bracket. */
HL_MUST bool json_enter(struct str text, char bracket, struct str *rest);

/* The next member of an object, or item of a list (key is then NULL). Both as they are written, the
 * key without its quotes. */
enum json_step json_next(struct str *rest, struct str *key, struct str *value);

#endif
