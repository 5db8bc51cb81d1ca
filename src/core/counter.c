/* SPDX-License-Identifier: Apache-2.0 */
/* counter.c - see counter.h. */
#include "core/counter.h"

#define NS_PER_S 1e9

static double mean_watts(double uj, int64_t ns)
{
    return uj / 1e6 / ((double)ns / NS_PER_S);
}

enum sprout_counter_answer sprout_counter_take(struct sprout_counter *c, uint64_t value,
                                               sprout_mono now, sprout_microjoules *out)
{
    const bool first = !c->has_last;
    const uint64_t last = c->last;
    const int64_t ns = now.ns - c->at.ns;

    c->has_last = true;
    c->last = value;
    c->at = now;
    if (first || ns <= 0) {
        return SPROUT_COUNTER_BASE;
    }
    uint64_t uj = 0;
    if (c->kind == SPROUT_COUNTER_POWER) {
        uj =
            (uint64_t)llround(((double)last + (double)value) / 2 * (double)ns / NS_PER_S);
    } else if (value >= last) {
        uj = value - last;
    } else if (c->range_uj > last) {
        uj = value + (c->range_uj - last);
    } else {
        return SPROUT_COUNTER_RESET;
    }
    if (uj > INT64_MAX ||
        (c->max_watts > 0 && mean_watts((double)uj, ns) > c->max_watts)) {
        return SPROUT_COUNTER_WILD;
    }
    out->v = (int64_t)uj;
    return SPROUT_COUNTER_GOOD;
}

void sprout_counter_void(struct sprout_counter *c)
{
    c->has_last = false;
}
