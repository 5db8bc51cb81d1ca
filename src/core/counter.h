/* SPDX-License-Identifier: Apache-2.0 */
/* counter.h - energy from readings of a counter or of power, without inventing any.
 *
 *     counter with a range    now < last is a wrap: now + range - last
 *     counter without         now < last is a reset (driver reload): the interval is void
 *     power                   trapezoid between two readings
 *     implausible             more than `max_watts` on average: void
 *     failed reading          void, and the next good one is only a new base
 *
 * Void is not zero: it says that nobody knows.  Pure. */
#ifndef SPROUT_CORE_COUNTER_H
#define SPROUT_CORE_COUNTER_H

#include "core/units.h"

enum sprout_counter_kind {
    SPROUT_COUNTER_ENERGY, /* values in uJ */
    SPROUT_COUNTER_POWER,  /* values in uW */
};

struct sprout_counter {
    enum sprout_counter_kind kind;
    uint64_t range_uj; /* the value after the greatest is 0; 0: it never wraps */
    double max_watts;  /* 0: any */
    bool has_last;
    uint64_t last;
    sprout_mono at;
};

enum sprout_counter_answer {
    SPROUT_COUNTER_GOOD,
    SPROUT_COUNTER_BASE,  /* the first reading, or the first after a failed one */
    SPROUT_COUNTER_RESET, /* void; the reading is the new base */
    SPROUT_COUNTER_WILD,  /* void: implausible power; the reading is the new base */
};

/* *out is set only when good. */
enum sprout_counter_answer sprout_counter_take(struct sprout_counter *c, uint64_t value,
                                               sprout_mono now, sprout_microjoules *out);

/* The reading failed. */
void sprout_counter_void(struct sprout_counter *c);

#endif
