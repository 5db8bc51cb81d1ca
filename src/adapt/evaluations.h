/* SPDX-License-Identifier: Apache-2.0 */
/* evaluations.h - the authors' published hours of one zone: what their evaluator saw.
 *
 * JSON as in the published results: `zone`, `ci_g_per_kwh`, `evaluation_hours`, and under
 * `schemes` the hourly preference of `base` (q0) and `co2_opt` (q2); q1 is the rest.
 * Invariants: the three arrays have one entry per hour, every q is in [0, 1] and every
 * triple sums to 1.  Whole-file reader.  Threads: immutable once read. */
#ifndef SPROUT_ADAPT_EVALUATIONS_H
#define SPROUT_ADAPT_EVALUATIONS_H

#include "adapt/means.h"

struct sprout_published_hour {
    sprout_g_per_kwh ci;
    double quality[SPROUT_BENCH_LEVELS];
    bool evaluated; /* the authors' evaluator ran in this hour */
};

struct sprout_evaluations {
    char zone[32];
    struct sprout_published_hour *hour; /* owned */
    size_t hours;
    char sha256[SPROUT_SHA256_HEX];
};

SPROUT_MUST_USE enum sprout_status sprout_evaluations_read(const char *path,
                                                           struct sprout_evaluations *out,
                                                           struct sprout_error *err);
void sprout_evaluations_free(struct sprout_evaluations *e);

#endif
