/* SPDX-License-Identifier: Apache-2.0 */
/* inflight.c - see inflight.h. */
#include "core/inflight.h"

#define STEPS_A_DOUBLING 4

void sprout_inflight_edges(struct sprout_inflight_edge *to, sprout_instant began,
                           sprout_span took)
{
    to[0] = (struct sprout_inflight_edge){began, 1};
    to[1] = (struct sprout_inflight_edge){sprout_instant_add(began, took), -1};
}

double sprout_inflight_mean(const struct sprout_inflight_edge *edges, size_t count)
{
    double once = 0, twice = 0, k = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        const double dt = (double)(edges[i + 1].at.ns - edges[i].at.ns);
        k += edges[i].step;
        once += k * dt;
        twice += k * k * dt;
    }
    return once > 0 ? twice / once : NAN;
}

double sprout_inflight_round(double batch, double most)
{
    const double step = round(STEPS_A_DOUBLING * log2(fmax(batch, 1)));
    return fmin(exp2(step / STEPS_A_DOUBLING), fmax(most, 1));
}
