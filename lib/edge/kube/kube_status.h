/*
 * What an answer of the API means: its metav1.Status in our codes. Private to edge/kube.
 *
 * Threads: pure functions. Limits: CAUSES_SHOWN causes are named.
 */
#ifndef HL_EDGE_KUBE_KUBE_STATUS_H
#define HL_EDGE_KUBE_KUBE_STATUS_H

#include "core/value/value.h"

enum { KUBE_CAUSES_SHOWN = 5 };

struct kube_answer {
    unsigned status;
    struct str body;
    int64_t retry_after_ms; /* -1: not said */
    bool is_secret;         /* messages quote values: keep them out */
};

/*
 * For an answer that is no 2xx: fills err with "<what>: <status> <reason>: <message> (causes)" and
 * returns HL_ETEMP, HL_EDENIED or HL_EINVAL.
 */
int kube_refusal(const struct kube_answer *answer, struct str what, struct err *err);

/* Whether a 404 says that the named object is missing, rather than its kind or its namespace. */
bool kube_is_object_absent(const struct kube_answer *answer);
/* Whether a 409 says that the uid of a delete is not the object's. */
bool kube_is_other_uid(const struct kube_answer *answer);

#endif
