/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_dry.c - what an evaluation would cost, from the policy's beliefs.
 *
 * Answers: the expected tokens, energy and time of each level.  Judge: what it is shown is
 * the prompt and the answers, what it writes is short; its energy is read through the
 * profile of its model, which for a remote one is an estimate and marked so. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/prompts_file.h"
#include "cli/evaluate_args.h"
#include "control/evaluator_inner.h"
#include "core/carbon.h"

enum { BYTES_PER_TOKEN = 4, RUBRIC_TOKENS = 160, VERDICT_TOKENS = 12 };

struct estimate {
    int64_t prompts;
    int64_t answers;
    int64_t questions;
    double tokens; /* of answers and judge */
    double joules;
    double judge_joules;
    double seconds; /* at one question at a time */
    double grams;
};

static double prompt_tokens(const struct sprout_chat *chats, size_t count)
{
    double bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += (double)strlen(chats[i].prompt);
    }
    return count == 0 ? 0 : bytes / (double)count / BYTES_PER_TOKEN;
}

static struct estimate estimate(const struct sprout_policy *p,
                                const struct sprout_evaluate_args *a,
                                const struct sprout_chat *chats, size_t count)
{
    const struct sprout_evaluator_plan plan = sprout_evaluate_plan(a);
    const struct sprout_belief *const b = p->strata[0].level;
    const int levels = (int)p->level_count;
    const double n = (double)count, in = prompt_tokens(chats, count);
    struct estimate e = {
        .prompts = (int64_t)count,
        .answers = (int64_t)count * levels,
        .questions = (int64_t)count * sprout_judge_questions(plan.form, levels),
    };
    double shown = 0;

    for (int l = 0; l < levels; l++) {
        e.tokens += n * (in + b[l].output_tokens);
        e.joules += n * b[l].energy.v;
        e.seconds += n * b[l].time.v;
        shown += b[l].output_tokens;
    }
    if (plan.form == SPROUT_JUDGE_PAIRWISE && levels > 1) { /* L0 and one other */
        shown = b[0].output_tokens + (shown - b[0].output_tokens) / (levels - 1);
    }
    const struct sprout_energy_profile *const profile =
        sprout_policy_profile(p, sprout_str_of(a->judge_model));
    const sprout_tokens asked = {(int64_t)(in + shown) + RUBRIC_TOKENS};
    const sprout_tokens said = {VERDICT_TOKENS};
    const double questions = (double)e.questions;
    e.tokens += questions * (double)(asked.n + said.n);
    e.judge_joules = questions * sprout_energy_joules(profile, asked, said).v;
    e.seconds += questions * sprout_energy_seconds(profile, asked, said).v;
    const sprout_joules all = {e.joules + e.judge_joules};
    e.grams = sprout_carbon_operational(&p->carbon, p->grid.intensity, all).v +
              sprout_carbon_embodied(&p->carbon, (sprout_seconds){e.seconds}).v;
    return e;
}

static void print(const struct estimate *e, bool json)
{
    char text[1024];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);

    if (!json) {
        printf(
            "%lld prompts: %lld answers, %lld questions to the judge\n"
            "about %.0f tokens, %.0f J (of these %.0f J the judge's, estimated), %.3g g, "
            "%.0f min one at a time\nby the policy's beliefs; nobody was asked\n",
            (long long)e->prompts, (long long)e->answers, (long long)e->questions,
            e->tokens, e->joules + e->judge_joules, e->judge_joules, e->grams,
            e->seconds / 60);
        return;
    }
    sprout_buf_printf(&b,
                      "{\"dry_run\":true,\"prompts\":%lld,\"answers\":%lld,"
                      "\"questions\":%lld,\"tokens\":",
                      (long long)e->prompts, (long long)e->answers,
                      (long long)e->questions);
    sprout_buf_f64(&b, round(e->tokens));
    sprout_buf_put(&b, SPROUT_STR(",\"energy_j\":"));
    sprout_buf_f64(&b, e->joules + e->judge_joules);
    sprout_buf_put(&b, SPROUT_STR(",\"judge_energy_j\":"));
    sprout_buf_f64(&b, e->judge_joules);
    sprout_buf_put(&b, SPROUT_STR(",\"judge_energy_estimated\":true,\"grams\":"));
    sprout_buf_f64(&b, e->grams);
    sprout_buf_put(&b, SPROUT_STR(",\"seconds\":"));
    sprout_buf_f64(&b, e->seconds);
    printf("%.*s}\n", (int)b.len, b.ptr);
}

enum sprout_status sprout_evaluate_dry_run(const struct sprout_evaluate_args *a,
                                           struct sprout_error *err)
{
    char *memory = NULL;
    const struct sprout_policy *policy = NULL;
    struct sprout_chat *chats = NULL;
    size_t count = 0;

    if (a->prompts == NULL) {
        return sprout_fail(err, SPROUT_USAGE, "--dry-run needs --prompts FILE");
    }
    enum sprout_status status = sprout_evaluator_policy(a->dir, &memory, &policy, err);
    if (status == SPROUT_OK) {
        status = sprout_prompts_file_load(a->prompts, a->model, (size_t)a->n, &chats,
                                          &count, err);
    }
    if (status == SPROUT_OK) {
        const struct estimate e = estimate(policy, a, chats, count);
        print(&e, a->json);
    }
    sprout_prompts_file_free(chats, count);
    free(memory);
    return status;
}
