/* SPDX-License-Identifier: Apache-2.0 */
/* latency.h - how long answers took, in the holdout and under the mix.
 *
 * Shorter answers are faster; this measures by how much, from receipts (the only part of a
 * report that reads them), so it speaks of at most the newest SPROUT_LATENCY_MAX answers that
 * are still kept.  Whole answers only.
 * The unit is the conversation, as chance assigned it: the interval of the mean is that of a
 * ratio of sums over conversations, the median's is Woodruff's (the share below the median,
 * with its error over conversations, turned back into seconds).  95 %.
 * Memory: freed before the functions return. */
#ifndef SPROUT_CONTROL_LATENCY_H
#define SPROUT_CONTROL_LATENCY_H

#include "adapt/store.h"
#include "core/estimate.h"

enum { SPROUT_LATENCY_MAX = 200000, SPROUT_LATENCY_UNITS_MIN = 20 };

struct sprout_latency_arm {
    int64_t answers;
    int64_t conversations;
    struct sprout_interval mean;   /* seconds; the interval is NaN below the minimum */
    struct sprout_interval median; /* the same */
};

struct sprout_latency {
    struct sprout_latency_arm holdout;
    struct sprout_latency_arm mix;
    struct sprout_interval
        faster_percent; /* of the mean: how much shorter under the mix */
    bool cut;           /* there were more answers than the maximum */
};

/* SPROUT_IO, SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_latency_of(struct sprout_store *store,
                                                     struct sprout_store_range range,
                                                     struct sprout_latency *out,
                                                     struct sprout_error *err);

#endif
