/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation.c - see evaluation.h. */
#include "core/evaluation.h"

enum { RUBRIC_TOKENS = 160, VERDICT_TOKENS = 12 };

struct sprout_evaluation_price sprout_evaluation_price(
    const struct sprout_belief *level, int levels, enum sprout_judge_form form,
    const struct sprout_energy_profile *judge, double prompt_tokens)
{
    struct sprout_evaluation_price p = {.questions =
                                            sprout_judge_questions(form, levels)};
    double shown = 0;

    for (int l = 0; l < levels; l++) {
        p.tokens += prompt_tokens + level[l].output_tokens;
        p.answers.v += level[l].energy.v;
        p.time.v += level[l].time.v;
        shown += level[l].output_tokens;
    }
    if (p.questions == 0) {
        return p;
    }
    if (form == SPROUT_JUDGE_PAIRWISE && levels > 1) { /* L0 and one other */
        shown = level[0].output_tokens + (shown - level[0].output_tokens) / (levels - 1);
    }
    const sprout_tokens asked = {(int64_t)(prompt_tokens + shown) + RUBRIC_TOKENS};
    const sprout_tokens said = {VERDICT_TOKENS};
    const double n = (double)p.questions;
    p.tokens += n * (double)(asked.n + said.n);
    p.judge.v = n * sprout_energy_joules(judge, asked, said).v;
    p.time.v += n * sprout_energy_seconds(judge, asked, said).v;
    return p;
}

int64_t sprout_evaluation_size(double share, sprout_joules served, sprout_joules spent,
                               sprout_joules one, int64_t most)
{
    const double n = (share * served.v - spent.v) / one.v;
    return !(one.v > 0) || !(n >= 1) ? 0 : n < (double)most ? (int64_t)n : most;
}
