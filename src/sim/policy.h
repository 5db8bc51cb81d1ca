/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - what the policies share: the optimizer's problem of one hour, serving a mix.
 *
 * Not here: decisions; each is a policy_<name>.c. */
#ifndef SPROUT_SIM_POLICY_H
#define SPROUT_SIM_POLICY_H

#include "sim/run.h"

sprout_sim_policy_fn sprout_sim_base;
sprout_sim_policy_fn sprout_sim_co2;
sprout_sim_policy_fn sprout_sim_l1;
sprout_sim_policy_fn sprout_sim_model;
sprout_sim_policy_fn sprout_sim_static;
sprout_sim_policy_fn sprout_sim_sprout;
sprout_sim_policy_fn sprout_sim_oracle;
sprout_sim_policy_fn sprout_sim_prompt;

/* The floor in force at an hour's grid value: fixed, or the paper's rule. */
double sprout_sim_floor(const struct sprout_sim_settings *s, sprout_g_per_kwh now,
                        sprout_g_per_kwh lo, sprout_g_per_kwh hi);

/* Least cost with quality >= floor * quality[0]; where that cannot be had (floor above 1),
 * the most quality. */
SPROUT_MUST_USE enum sprout_status sprout_sim_solve(const double *cost,
                                                    const double *quality, size_t options,
                                                    double floor, double *out_mix,
                                                    struct sprout_error *err);

/* Each request of hour `h` draws its level from `mix` (SPROUT_SIM_LEVELS shares): writes
 * mix, carbon and quality. */
void sprout_sim_serve(const struct sprout_world *w, size_t h,
                      const double mix[SPROUT_SIM_LEVELS], struct sprout_sim_hour *out);

#endif
