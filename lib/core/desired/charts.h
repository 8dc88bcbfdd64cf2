/*
 * Charts of repositories, as the compiler sees them: which archive a name and a range of versions
 * stand for. The compiler never looks into one.
 *
 * The coordinator implements struct chart_source over edge/registry, tests over an array.
 * Threads: as the implementation says.
 */
#ifndef HL_CORE_DESIRED_CHARTS_H
#define HL_CORE_DESIRED_CHARTS_H

#include "base/base.h"

/* A version of a chart and its content, once and for all (decision D6). */
struct chart_pin {
    struct str repository; /* "https://charts.example.com", "oci://registry.example.com/charts" */
    struct str name;
    struct str version;   /* exact */
    struct digest digest; /* SHA-256 of its archive */
};

struct chart_source {
    void *context;
    /*
     * The newest version that `range` allows. 0 with strings in `a`; HL_ETEMP, HL_ETIMEOUT (nobody
     * could be asked: the answer may come later), or what is wrong with the question or the answer
     * (HL_EABSENT: no such chart or version; HL_ECONFLICT: the version had another digest before).
     */
    int (*resolve)(void *context, struct str repository, struct str name, struct str range,
                   struct arena *a, struct chart_pin *out, struct err *err);
};

#endif
