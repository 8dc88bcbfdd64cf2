/*
 * What commands about charts take: a chart by its place, values by flags, a cluster's capabilities
 * by flags, and the world that templates see.
 *
 * Ownership: everything lives in the run's arena. Threads: one. Functions return 0, or the exit
 * code with t filled.
 */
#ifndef HL_HLCTL_CHART_INPUT_H
#define HL_HLCTL_CHART_INPUT_H

#include "core/chart/release.h"
#include "core/chart/setvalues.h"
#include "hlctl/hlctl.h"

/* The files of a folder or a .tgz; the chart that they make; both in one. */
HL_MUST int chart_input_files(struct hlctl *h, struct str place, struct chart_file **out,
                              size_t *out_count, struct trouble *t);
HL_MUST int chart_input_assemble(struct hlctl *h, struct str place, const struct chart_file *file,
                                 size_t count, struct chart **out, struct trouble *t);
HL_MUST int chart_input_load(struct hlctl *h, struct str place, struct chart **out,
                             struct trouble *t);

/* -f, --set-json, --set, --set-string, --set-file, --set-literal, one over another in this order,
 * which is Helm's. */
HL_MUST int chart_input_values(struct hlctl *h, struct datum_map **out, struct trouble *t);

/* One file of --values; one of the --set family, whose flag and text are given. For whoever wants
 * to know what each of them says. */
HL_MUST int chart_input_file(struct hlctl *h, struct str path, struct datum_map **out,
                             struct trouble *t);
extern const struct chart_set {
    const char *flag;
    enum setvalues_kind kind;
} chart_sets[];
extern const size_t chart_set_count; /* in the order in which they count, the last wins */
HL_MUST int chart_input_set(struct hlctl *h, const struct chart_set *set, struct str text,
                            struct datum_map *values, struct trouble *t);

/* --kube-version and --api-versions over what Helm assumes without a cluster. */
HL_MUST int chart_input_capabilities(struct hlctl *h, struct chart_capabilities *out,
                                     struct trouble *t);

/* Appends the table of a chart's dependencies; 0 (chart.c). */
int chart_deps_list(struct hlctl *h, const struct chart *c);

/* The clock and the kernel's randomness. Zones are UTC alone, and nothing is looked up in a
 * cluster. */
struct template_world chart_input_world(void);

/* The flags of chart_input_values, for tables of flags. */
#define CHART_VALUE_FLAGS                                                                            \
    {"values", 'f', FLAG_LIST, "FILE", "file", "values from a file, - is stdin; later ones win",     \
     NULL},                                                                                          \
        {"set", 0, FLAG_LIST, "KEY=VALUE", NULL, "a value: a.b=1,list={x,y},items[0].name=z", NULL}, \
        {"set-string", 0, FLAG_LIST, "KEY=TEXT", NULL, "a value that stays a string", NULL},         \
        {"set-file", 0, FLAG_LIST, "KEY=FILE", NULL, "a value that is what a file holds", NULL},     \
        {"set-json", 0, FLAG_LIST, "KEY=JSON", NULL, "a value written as JSON", NULL},               \
    {                                                                                                \
        "set-literal", 0, FLAG_LIST, "KEY=TEXT", NULL, "a string, nothing in it is special", NULL    \
    }

#endif
