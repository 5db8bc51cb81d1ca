/* SPDX-License-Identifier: Apache-2.0 */
/* train_examples.h - measured requests as examples to train on.
 *
 * Lengths are the published energies read through the 13B profile (core/energy), for a
 * prompt of a token for every four bytes; the same profile turns predicted lengths into
 * energies again.  Right and wrong are the accuracy's. */
#ifndef SPROUT_SIM_TRAIN_EXAMPLES_H
#define SPROUT_SIM_TRAIN_EXAMPLES_H

#include "sim/accuracy.h"
#include "sim/train.h"

enum { SPROUT_TRAIN_BYTES_PER_TOKEN = 4 };

/* Tokens of an answer that took `energy` on a prompt of `bytes`, at least 1. */
double sprout_train_tokens(const struct sprout_energy_profile *profile,
                           sprout_joules energy, size_t bytes);

/* out_kept[k] for each task of `r` that `names` (by commas) names.  False, and the name in
 * *out_unknown, if one is no task of `r`. */
bool sprout_train_tasks(const struct sprout_requests *r, struct sprout_str names,
                        bool out_kept[SPROUT_TASKS_MAX], struct sprout_str *out_unknown);

/* Of each task whether it is maths: its references are numbers. */
void sprout_train_maths(const struct sprout_requests *r, const struct sprout_accuracy *a,
                        bool out_maths[SPROUT_TASKS_MAX]);

/* `maths`: per task.  An array of r->count examples, owned by the caller
 * (free()), whose texts are borrowed from `r`; NULL when out of memory. */
struct sprout_train_example *sprout_train_examples(const struct sprout_requests *r,
                                                   const struct sprout_accuracy *a,
                                                   const bool maths[SPROUT_TASKS_MAX]);

#endif
