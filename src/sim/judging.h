/* SPDX-License-Identifier: Apache-2.0 */
/* judging.h - the evaluator in the loop of a simulated month, by the functions of control.
 *
 * Each hour: how many prompts the energy served so far pays for (core/evaluation), whether
 * this is the hour for it (core/invocation), verdicts drawn from the world, the posterior
 * and the judge's card (core/quality), and from them what the optimum takes of each level.
 * Here are only the world's draws: a prompt's task is drawn by the hour's mix, its winner by
 * the task's shares, and the judge names the winner in both orders.  An answer costs what
 * answers of its task cost; the judge is as large as the model that answers.
 * Until the card lets the verdicts be used the published prior holds, as in control.
 * Memory: owned, verdicts kept as control keeps them.  Deterministic by the seed. */
#ifndef SPROUT_SIM_JUDGING_H
#define SPROUT_SIM_JUDGING_H

#include "sim/run.h"

struct sprout_judging;

/* NULL without memory. */
struct sprout_judging *sprout_judging_new(const struct sprout_world *w,
                                          const struct sprout_sim_settings *s);
void sprout_judging_free(struct sprout_judging *j); /* NULL is fine */

/* Evaluates at the beginning of hour `h` if it is due; prompts judged, 0: none. */
int64_t sprout_judging_turn(struct sprout_judging *j, size_t h);

/* What the optimum takes of each level, and the middle of what is believed. */
void sprout_judging_quality(const struct sprout_judging *j,
                            double out_taken[SPROUT_SIM_LEVELS],
                            double out_mean[SPROUT_SIM_LEVELS]);

/* The hour was served with this mix; caution made a request dearer by so many grams. */
void sprout_judging_served(struct sprout_judging *j, size_t h,
                           const double mix[SPROUT_SIM_LEVELS], double caution);

/* Joules so far. */
double sprout_judging_spent(const struct sprout_judging *j);
double sprout_judging_served_joules(const struct sprout_judging *j);

/* True in the hours of the settings' rule, `since` hours after the last evaluation, at which
 * an answer is worth `worth`. */
bool sprout_judging_due(const struct sprout_world *w, const struct sprout_sim_settings *s,
                        size_t h, int64_t since, sprout_g_per_kwh worth);

/* A number in [0, 1) of the seed, the hour, the prompt and what is asked of it. */
double sprout_judging_draw(const struct sprout_sim_settings *s, size_t h, int64_t i,
                           uint64_t what);

#endif
