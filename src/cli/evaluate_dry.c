/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_dry.c - what an evaluation would cost, from the policy's beliefs
 * (core/evaluation); a remote judge's part is an estimate and marked so. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/prompts_file.h"
#include "cli/evaluate_args.h"
#include "control/evaluator_inner.h"
#include "core/carbon.h"
#include "core/evaluation.h"

enum { BYTES_PER_TOKEN = 4 };

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
    const struct sprout_evaluation_price one =
        sprout_evaluation_price(p->strata[0].level, (int)p->level_count, plan.form,
                                sprout_policy_profile(p, sprout_str_of(a->judge_model)),
                                prompt_tokens(chats, count));
    const double n = (double)count;
    struct estimate e = {
        .prompts = (int64_t)count,
        .answers = (int64_t)(count * p->level_count),
        .questions = (int64_t)count * one.questions,
        .tokens = n * one.tokens,
        .joules = n * one.answers.v,
        .judge_joules = n * one.judge.v,
        .seconds = n * one.time.v,
    };
    const sprout_joules all = {e.joules + e.judge_joules};
    e.grams =
        sprout_carbon_of(&p->carbon, p->grid.intensity, all, (sprout_seconds){e.seconds})
            .v;
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
