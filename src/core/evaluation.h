/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation.h - what judging a prompt takes, and how many prompts the traffic pays for.
 *
 * A prompt is answered once at every level; then the judge is shown prompt, answers and its
 * criteria, and writes a word.  Answers cost what the levels are believed to cost, the judge
 * what its model's profile says; of a remote judge that is an estimate.
 *
 *     prompts = floor((share * served - spent) / energy of one)     within 0 .. most
 *
 * with `served` and `spent` over the same time, answers and judge alike.  What an evaluation
 * cost beyond its estimate is in `spent` and makes the next one smaller, so over that time
 * the share is passed by no more than the error of one evaluation.
 * Pure.  Not here: when (invocation.h), which prompts (strata). */
#ifndef SPROUT_CORE_EVALUATION_H
#define SPROUT_CORE_EVALUATION_H

#include "core/energy.h"
#include "core/judge.h"
#include "core/policy.h"

/* Expected, of one prompt. */
struct sprout_evaluation_price {
    int64_t questions; /* put to the judge */
    double tokens;     /* read and written, by both */
    sprout_joules answers;
    sprout_joules judge;
    sprout_seconds time; /* one question after another */
};

/* `level`: of `levels` levels; `prompt_tokens`: mean length of a prompt; `judge`: borrowed,
 * not looked at without a judge. */
struct sprout_evaluation_price sprout_evaluation_price(
    const struct sprout_belief *level, int levels, enum sprout_judge_form form,
    const struct sprout_energy_profile *judge, double prompt_tokens);

/* Prompts that may be judged now; 0 where anything is unknown or nothing was served. */
int64_t sprout_evaluation_size(double share, sprout_joules served, sprout_joules spent,
                               sprout_joules one, int64_t most);

#endif
