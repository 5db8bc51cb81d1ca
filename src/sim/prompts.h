/* SPDX-License-Identifier: Apache-2.0 */
/* prompts.h - a folder's prompts as policy `prompt` meets them.
 *
 * At a given ratio (tokens one spends on a unit of quality, core/budget.h) every prompt has
 * one level, chosen by core/predict from its text alone.  So for a grid of ratios everything
 * an hour needs can be added up once: what those levels cost and are worth in truth, and,
 * kept apart, what a gateway that serves these prompts would see: predicted quality, by
 * form of the prompt.  A policy looks at views only; truths are the world's.
 *
 * Quality is preference, or being right where accuracy is the constraint; its truth is over
 * the judged (or matched) prompts, energy and time over all.
 * Threads: immutable once made. */
#ifndef SPROUT_SIM_PROMPTS_H
#define SPROUT_SIM_PROMPTS_H

#include "core/predict.h"
#include "sim/accuracy.h"
#include "sim/train.h"

enum {
    SPROUT_PROMPT_RATIOS = 321,
    SPROUT_PROMPT_ALL_L0 = SPROUT_PROMPT_RATIOS - 1, /* the last asks no prediction */
    SPROUT_PROMPT_FORMS = 6,
};

/* What is seen of the prompts of one group: sums over its prompts of a form, divided by the
 * number of all its prompts. */
struct sprout_prompt_view {
    double share[SPROUT_PROMPT_FORMS];
    double predicted_l0[SPROUT_PROMPT_FORMS];
    double predicted[SPROUT_PROMPT_RATIOS][SPROUT_PROMPT_FORMS];
};

/* What serving one request of a task at a ratio comes to, in the mean. */
struct sprout_prompt_truth {
    double joules[SPROUT_PROMPT_RATIOS];
    double seconds[SPROUT_PROMPT_RATIOS];
    double level[SPROUT_PROMPT_RATIOS][SPROUT_PREDICT_LEVELS]; /* shares */
    double quality[SPROUT_PROMPT_RATIOS];
    double right[SPROUT_PROMPT_RATIOS]; /* NaN: not known */
};

/* One judged prompt, as an evaluation of served prompts would find it. */
struct sprout_prompt_verdict {
    uint32_t request;
    uint8_t form;
    double predicted[SPROUT_PREDICT_LEVELS];
    double found[SPROUT_PREDICT_LEVELS];
};

struct sprout_prompts {
    const struct sprout_requests *requests; /* borrowed */
    double ratio[SPROUT_PROMPT_RATIOS];     /* ascending; the first is 0 */
    uint8_t *level;                         /* owned: ratios x requests */
    struct sprout_prompt_view *view;        /* owned: per task of the folder */
    struct sprout_prompt_truth *truth;      /* owned: per task */
    struct sprout_prompt_verdict *verdict;  /* owned: task by task */
    size_t verdict_from[SPROUT_TASKS_MAX + 1];
    double protected_share; /* of all requests */

    /* From held-out predictions of the training set: what traffic may look like before any
     * was seen, and how much the chosen level flatters itself (found - predicted). */
    bool trained;
    struct sprout_prompt_view start;
    double flattery[SPROUT_PROMPT_RATIOS];
    double flattery_l0;
};

struct sprout_prompts_opts {
    const struct sprout_predictor *predictor;
    enum sprout_predict_by by;
    uint32_t protect;   /* bit per sprout_kind: these stay at L0 */
    bool no_preference; /* predictions replaced by the training set's means */
    bool no_length;
    /* The training set and its held-out predictions; NULL, 0: not at hand. */
    const struct sprout_train_example *example;
    const struct sprout_prediction *held_out;
    size_t examples;
};

SPROUT_MUST_USE enum sprout_status sprout_prompts_new(
    const struct sprout_requests *r, const struct sprout_accuracy *a,
    const struct sprout_prompts_opts *opts, struct sprout_prompts **out,
    struct sprout_error *err);
void sprout_prompts_free(struct sprout_prompts *p); /* NULL is fine */

static inline int sprout_prompts_level(const struct sprout_prompts *p, size_t ratio,
                                       size_t request)
{
    return p->level[ratio * p->requests->count + request];
}

#endif
