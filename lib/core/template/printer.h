/* One value on its way out, with the flags of its directive; for format.c and printf.c only. */
#ifndef HL_CORE_TEMPLATE_PRINTER_H
#define HL_CORE_TEMPLATE_PRINTER_H

#include "core/template/datum.h"

struct printer {
    struct buf *out;
    size_t start;
    bool sharp;
    bool zero;
    bool plus;
    bool minus;
    bool space;
    bool sharp_v;
    bool plus_v;
    bool has_width;
    bool has_precision;
    int width;
    int precision;
    bool is_direct; /* printing what an action shows */
    int depth;
};

/* Prints d by a verb, as fmt's printArg. */
void printer_arg(struct printer *p, struct datum d, uint32_t verb);

#endif
