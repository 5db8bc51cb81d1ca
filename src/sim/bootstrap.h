/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.h - the same folder as chance might have given it: prompts drawn again.
 *
 * Each task's judged prompts are drawn with replacement among its judged prompts, the
 * others among the others, so that every task keeps its counts.  What is then computed from
 * many such folders spreads as it would over other samples of prompts.
 * Texts stay the first folder's, which must outlive the copies.  Threads: any. */
#ifndef SPROUT_SIM_BOOTSTRAP_H
#define SPROUT_SIM_BOOTSTRAP_H

#include "sim/accuracy.h"

SPROUT_MUST_USE enum sprout_status sprout_bootstrap_new(
    const struct sprout_requests *r, const struct sprout_accuracy *a, uint64_t seed,
    struct sprout_requests *out_requests, struct sprout_accuracy *out_accuracy,
    struct sprout_error *err);
void sprout_bootstrap_free(struct sprout_requests *r, struct sprout_accuracy *a);

/* The shares `low` and `high` (0 to 1) of `values`, which are sorted in place. */
void sprout_bootstrap_interval(double *values, size_t count, double low, double high,
                               double *out_low, double *out_high);

#endif
