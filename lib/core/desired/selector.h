/*
 * Label selectors with Kubernetes' semantics: every matchLabels entry and every matchExpressions
 * entry must hold (the same key may occur several times). In and Exists need the label; NotIn and
 * DoesNotExist also hold without it.
 *
 * Threads: pure functions. Limits: SELECTOR_TERMS_MAX terms.
 */
#ifndef HL_CORE_DESIRED_SELECTOR_H
#define HL_CORE_DESIRED_SELECTOR_H

#include "core/value/value.h"

enum { SELECTOR_TERMS_MAX = 256 };

enum selector_operator { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };

struct selector_term {
    enum selector_operator operator;
    struct str key;
    struct str *value;
    size_t value_count;
};

struct selector {
    struct selector_term *term;
    size_t count;
    size_t cap;
};

/* Adds key = value for every member of a map of scalars; NULL adds nothing. HL_EINVAL with
 * position. */
HL_MUST int selector_add_labels(struct selector *s, struct arena *a, const struct value *labels,
                                struct err *err);
/* Adds a matchExpressions list ({key, operator, values}); NULL adds nothing. HL_EINVAL with
 * position: no list, unknown key or operator, values missing for In and NotIn or given for the
 * other two. */
HL_MUST int selector_add_expressions(struct selector *s, struct arena *a,
                                     const struct value *expressions, struct err *err);
/* Adds a {matchLabels, matchExpressions} map; NULL adds nothing. */
HL_MUST int selector_add(struct selector *s, struct arena *a, const struct value *selector,
                         struct err *err);

/* `labels` is a map of strings or NULL. */
bool selector_matches(const struct selector *s, const struct value *labels);

/* "cluster_role in (vcluster), !aws_cluster_name", for people. */
struct str selector_text(const struct selector *s, struct arena *a);

#endif
