/* SPDX-License-Identifier: Apache-2.0 */
/* policy_fixed.c - the policies that never change their mind: base, co2, l1.
 *
 * base serves everything at L0; l1 at L1, the baseline that a fixed brief prompt sets
 * (method.md 7.2); co2 at whatever level has the least carbon in the hour's expectation.
 * None of them knows a floor. */
#include "sim/policy.h"

static void serve_all_at(const struct sprout_world *w, size_t h, int level,
                         struct sprout_sim_hour *out)
{
    double mix[SPROUT_SIM_LEVELS] = {0};
    mix[level] = 1;
    sprout_sim_serve(w, h, mix, out);
}

static void serve_every_hour_at(const struct sprout_world *w, int level,
                                struct sprout_sim_run *run)
{
    for (size_t h = 0; h < w->hours; h++) {
        serve_all_at(w, h, level, &run->hour[h]);
    }
}

enum sprout_status sprout_sim_base(const struct sprout_world *w,
                                   const struct sprout_sim_settings *s,
                                   struct sprout_sim_run *run, struct sprout_error *err)
{
    (void)s;
    (void)err;
    serve_every_hour_at(w, 0, run);
    return SPROUT_OK;
}

enum sprout_status sprout_sim_l1(const struct sprout_world *w,
                                 const struct sprout_sim_settings *s,
                                 struct sprout_sim_run *run, struct sprout_error *err)
{
    (void)s;
    (void)err;
    serve_every_hour_at(w, 1, run);
    return SPROUT_OK;
}

enum sprout_status sprout_sim_co2(const struct sprout_world *w,
                                  const struct sprout_sim_settings *s,
                                  struct sprout_sim_run *run, struct sprout_error *err)
{
    (void)s;
    (void)err;
    for (size_t h = 0; h < w->hours; h++) {
        int least = 0;
        for (int l = 1; l < SPROUT_SIM_LEVELS; l++) {
            if (w->hour[h].grams[l] < w->hour[h].grams[least]) {
                least = l;
            }
        }
        serve_all_at(w, h, least, &run->hour[h]);
    }
    return SPROUT_OK;
}
