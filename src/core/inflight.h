/* SPDX-License-Identifier: Apache-2.0 */
/* inflight.h - how many requests ran together, as a request saw it.
 *
 * A token's energy in a batch is a + b/B.  B is wanted as the mean over requests and their
 * time, not over the clock: hours with nobody there say nothing about a token.  With k(t)
 * requests running at t,
 *
 *     B = integral of k^2 dt / integral of k dt
 *
 * which is 1 where each runs alone and n where n always run together.  Time that a request
 * waits in the server's queue counts as running.  Pure, no allocation, O(n). */
#ifndef SPROUT_CORE_INFLIGHT_H
#define SPROUT_CORE_INFLIGHT_H

#include <stddef.h>

#include "core/units.h"

/* Where a request begins (+1) or ends (-1). */
struct sprout_inflight_edge {
    sprout_instant at;
    int step;
};

/* Both edges of one request into `to` (room for two). */
void sprout_inflight_edges(struct sprout_inflight_edge *to, sprout_instant began,
                           sprout_span took);

/* The edges of whole requests, in the order of time.  NaN where none took any time. */
double sprout_inflight_mean(const struct sprout_inflight_edge *edges, size_t count);

/* To the nearest fourth of a doubling, within [1, most]: a policy does not change with
 * every request. */
double sprout_inflight_round(double batch, double most);

#endif
