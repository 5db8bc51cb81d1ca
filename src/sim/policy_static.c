/* SPDX-License-Identifier: Apache-2.0 */
/* policy_static.c - the authors' SPROUT_STA: one mix for the whole window.
 *
 * Solved once, from the true means of quality, energy and time over the window and the
 * long-run mean of the grid (the year's).  It looks ahead in all but the grid; it is the
 * bar that reacting to the grid has to clear. */
#include "sim/policy.h"

enum sprout_status sprout_sim_static(const struct sprout_world *w,
                                     const struct sprout_sim_settings *s,
                                     struct sprout_sim_run *run, struct sprout_error *err)
{
    struct sprout_world_hour mean = {.ci = w->long_mean};
    double mix[SPROUT_SIM_LEVELS];

    for (size_t h = 0; h < w->hours; h++) {
        for (int l = 0; l < SPROUT_SIM_LEVELS; l++) {
            mean.energy[l].v += w->hour[h].energy[l].v / (double)w->hours;
            mean.time[l].v += w->hour[h].time[l].v / (double)w->hours;
            mean.quality[l] += w->hour[h].quality[l] / (double)w->hours;
        }
    }
    for (int l = 0; l < SPROUT_SIM_LEVELS; l++) {
        mean.grams[l] = sprout_world_grams(w, &mean, mean.energy[l], mean.time[l]);
    }
    const double floor = sprout_sim_floor(s, mean.ci, w->hour[0].lo, w->hour[0].hi);
    const enum sprout_status st =
        sprout_sim_solve(mean.grams, mean.quality, SPROUT_SIM_LEVELS, floor, mix, err);
    for (size_t h = 0; st == SPROUT_OK && h < w->hours; h++) {
        run->hour[h].floor = floor;
        sprout_sim_serve(w, h, mix, &run->hour[h]);
    }
    return st;
}
