/*
 * What is wrong with a chart before anybody installs it: the rules of `helm lint` that need no more
 * than the chart (pkg/lint/rules): Chart.yaml, values and schema, every template rendered with the
 * values given, the names and heads of what comes out, dependencies.
 *
 * Ownership: messages live in the arena. Threads: pure functions of their arguments.
 * Limits: those of release.h.
 */
#ifndef HL_CORE_CHART_LINT_H
#define HL_CORE_CHART_LINT_H

#include "core/chart/release.h"

enum lint_severity { LINT_INFO, LINT_WARNING, LINT_ERROR };

struct lint_message {
    enum lint_severity severity;
    struct str path; /* a file or folder of the chart */
    struct str text;
};

struct lint_messages {
    struct lint_message *item;
    size_t count;
    size_t cap;
};

/* Judges a loaded chart, in the order of Helm's rules; request->chart is the chart. */
void lint_chart(struct arena *a, const struct release_request *request, struct lint_messages *out);

#endif
