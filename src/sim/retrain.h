/* SPDX-License-Identifier: Apache-2.0 */
/* retrain.h - a new predictor against the one in force, on prompts that neither has seen.
 *
 * New is a prompt of which no example is older than the weights in force.  A quarter of the
 * new ones, by the hash of what is kept of them and the id of those weights, is held out;
 * on all others the candidate is fitted.  Of a prompt that comes several times the newest
 * example counts, and all of them fall on one side.
 * Compared are the log loss of preference, after the shift per level that serving makes
 * (policy's `correction`; from the part fitted on), and the squared error of log length, mean
 * over levels.  Both are differences prompt by prompt, so each has a standard error.  The
 * candidate replaces if one is better by SPROUT_RETRAIN_BETTER standard errors and the other
 * not worse by SPROUT_RETRAIN_WORSE; an error counts as half a percent of the loss at least, so
 * a replacement brings one percent or more.
 * Where a rule protects maths it must also tell maths apart, as the one in force does: labels
 * that the operator did not give are that one's word.
 * Deterministic: the same examples, weights and options give the same candidate and verdict.
 * Memory: as train.h.  Not here: where examples come from (cli/train_ledger.h), who starts this
 * and puts weights in force (control). */
#ifndef SPROUT_SIM_RETRAIN_H
#define SPROUT_SIM_RETRAIN_H

#include "sim/train.h"

enum {
    SPROUT_RETRAIN_HELD_OUT_MIN = 50, /* judged ones; fewer say nothing */
    SPROUT_RETRAIN_ONE_IN = 4,        /* is held out */
    SPROUT_RETRAIN_WHY_MAX = 300,
};
#define SPROUT_RETRAIN_BETTER 2.0
#define SPROUT_RETRAIN_WORSE  1.0

struct sprout_retrain_in {
    const struct sprout_train_example *example; /* ascending by `at` */
    const sprout_instant *at;                   /* when each was judged */
    size_t count;
    const struct sprout_predictor *in_force;
    bool needs_maths; /* a rule protects it */
    struct sprout_train_opts train;
};

/* Of one loss: means over the prompts held out, and the standard error of their difference;
 * NaN: it did not come to that. */
struct sprout_retrain_loss {
    double before, after, error;
};

struct sprout_retrain_out {
    bool replace;
    char why[SPROUT_RETRAIN_WHY_MAX];
    size_t fitted, held_out; /* prompts */
    struct sprout_retrain_loss prefer, length;
    uint64_t id;                   /* of the candidate; 0: there is none */
    struct sprout_trained trained; /* owned: the candidate, if there is one */
};

/* SPROUT_OK also for a candidate that is refused: out->why says why.  SPROUT_NO_MEMORY,
 * SPROUT_LIMIT, SPROUT_INVALID for damaged features. */
SPROUT_MUST_USE enum sprout_status sprout_retrain(const struct sprout_retrain_in *in,
                                                  struct sprout_retrain_out *out,
                                                  struct sprout_error *err);

#endif
