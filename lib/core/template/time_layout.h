/*
 * The parts of Go's time layouts, for time_layout.c (which writes by them) and time_parse.c (which
 * reads by them).
 *
 * Threads: pure functions.
 */
#ifndef HL_CORE_TEMPLATE_TIME_LAYOUT_H
#define HL_CORE_TEMPLATE_TIME_LAYOUT_H

#include "base/base.h"

enum layout_part {
    PART_NONE,
    PART_LONG_MONTH,
    PART_MONTH,
    PART_NUMBER_MONTH,
    PART_ZERO_MONTH,
    PART_LONG_WEEKDAY,
    PART_WEEKDAY,
    PART_DAY,
    PART_BLANK_DAY,
    PART_ZERO_DAY,
    PART_BLANK_YEAR_DAY,
    PART_ZERO_YEAR_DAY,
    PART_LONG_YEAR,
    PART_YEAR,
    PART_HOUR,
    PART_HOUR12,
    PART_ZERO_HOUR12,
    PART_MINUTE,
    PART_ZERO_MINUTE,
    PART_SECOND,
    PART_ZERO_SECOND,
    PART_UPPER_PM,
    PART_LOWER_PM,
    PART_ZONE_NAME,
    PART_ZONE,      /* an offset; its form is in the chunk's text */
    PART_FRACTION0, /* .000: so many digits */
    PART_FRACTION9, /* .999: at most so many, without zeros at the end */
};

struct layout_chunk {
    enum layout_part part;
    struct str prefix; /* what stands before it */
    struct str text;   /* the part itself */
};

/* Takes the next part off the layout; PART_NONE: only a prefix is left. */
struct layout_chunk layout_next(struct str *layout);

#endif
