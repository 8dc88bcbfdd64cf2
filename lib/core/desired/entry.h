/*
 * The addon entry's schema: one table says which keys exist, of what kind, and what becomes of
 * them. Private to core/desired.
 */
#ifndef HL_CORE_DESIRED_ENTRY_H
#define HL_CORE_DESIRED_ENTRY_H

#include "core/desired/build.h"

/* A map with the key `enabled` is an addon; toString(enabled) == "true" turns it on. */
bool entry_is_addon(const struct value *v);
bool entry_is_enabled(const struct value *entry);

/* replace "_" "-" | trunc 63 | trimSuffix "-" */
struct str entry_name(struct arena *a, struct str key);

/*
 * Judges what one layer says about one entry: unknown keys and wrong kinds are appended to `error`
 * (at most ENTRY_ERRORS_MAX, further ones are dropped), keys without effect become notes.
 */
enum { ENTRY_ERRORS_MAX = 16 };
struct entry_errors {
    struct err error[ENTRY_ERRORS_MAX];
    size_t count;
};
void entry_check(struct build *b, struct str addon, const struct value *fragment,
                 struct entry_errors *out);

/* Notes maps that look like entries but are none, and settings that nothing reads. */
void entry_check_rest(struct build *b, const struct value *merged);

/* Kinds of the chart's own settings (globalSelectors, syncPolicy, ...). HL_EINVAL with position. */
HL_MUST int entry_check_settings(const struct value *merged, struct err *err);

#endif
