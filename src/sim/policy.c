/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - see policy.h. */
#include "sim/policy.h"

#include "core/floor.h"
#include "core/optimize.h"

enum { SOLVE_SCRATCH = 4096 };

double sprout_sim_floor(const struct sprout_sim_settings *s, sprout_g_per_kwh now,
                        sprout_g_per_kwh lo, sprout_g_per_kwh hi)
{
    return isnan(s->floor) ? sprout_floor_paper(s->xi, now, lo, hi).v
                           : sprout_floor_fixed(s->floor).v;
}

enum sprout_status sprout_sim_solve(const double *cost, const double *quality,
                                    size_t options, double floor, double *out_mix,
                                    struct sprout_error *err)
{
    _Alignas(max_align_t) char block[SOLVE_SCRATCH];
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    const struct sprout_item item = {
        .weight = 1, .cost = cost, .quality = quality, .options = options};
    struct sprout_optimum best;

    return sprout_optimize(&item, 1, SPROUT_GOAL_FLOOR, floor * quality[0], &scratch,
                           &out_mix, &best, err);
}

void sprout_sim_serve(const struct sprout_world *w, size_t h,
                      const double mix[SPROUT_SIM_LEVELS], struct sprout_sim_hour *out)
{
    const struct sprout_world_hour *const hour = &w->hour[h];
    for (int l = 0; l < SPROUT_SIM_LEVELS; l++) {
        out->mix[l] = mix[l];
        out->grams += mix[l] * hour->grams[l];
        out->quality += mix[l] * hour->quality[l];
    }
}
