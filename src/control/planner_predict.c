/* SPDX-License-Identifier: Apache-2.0 */
/* planner_predict.c - the predictor's part of a plan: whether it decides, at what price.
 *
 * Prompts served lately, as they were predicted, stand for those to come.  Until there are
 * enough of them, and where grid or floor leave nothing to decide, predictions only go to
 * the journal and the strata's mixes hold. */
#include "control/planner_inner.h"

#include "core/choice.h"
#include "core/predict_price.h"

enum { KIND_SAMPLES_MIN = 30 }; /* fewer do not say what is predicted of a kind */

/* The price under one floor and one set of levels, over the samples of one kind (-1: all).
 * SPROUT_NOT_FOUND where there are no such samples. */
static enum sprout_status find_price(struct plan *p, uint32_t levels, double floor,
                                     double caution, int kind,
                                     struct sprout_predict_price *out)
{
    const struct sprout_plan_in *const in = p->in;
    struct sprout_predict_goal goal = {
        .floor = floor,
        .caution = caution,
        .levels = levels,
        .ng_per_token = p->policy->predictor.ng_per_token,
    };
    struct sprout_arena scratch = *p->arena; /* given back when this returns */
    sprout_plan_accuracy_goal(p, &goal);
    sprout_plan_corrections(p, &goal);
    struct sprout_predict_sample *const some =
        sprout_arena_array(&scratch, in->sample_count + 1, sizeof *some);
    size_t n = 0;
    for (size_t i = 0; some != NULL && i < in->sample_count; i++) {
        if (kind < 0 || (int)in->samples[i].kind == kind) {
            some[n++] = in->samples[i];
        }
    }
    if (some == NULL || n == 0) {
        return some == NULL ? SPROUT_NO_MEMORY : SPROUT_NOT_FOUND;
    }
    return sprout_predict_price_find(some, n, &goal, &scratch, out, p->err);
}

static bool is_of(const struct sprout_predict_sample *s, int kind)
{
    return kind < 0 || (int)s->kind == kind;
}

int64_t sprout_plan_sampled(const struct plan *p, int kind)
{
    int64_t n = 0;
    for (size_t i = 0; i < p->in->sample_count; i++) {
        n += is_of(&p->in->samples[i], kind);
    }
    return n;
}

/* A sum over samples of one kind (-1: of all) as a mean; NaN: too few. */
static double mean_of(const struct plan *p, int kind, double sum)
{
    const int64_t n = sprout_plan_sampled(p, kind);
    return n < (kind < 0 ? 1 : KIND_SAMPLES_MIN) ? (double)NAN : sum / (double)n;
}

static double predicted_mean(const struct plan *p, size_t l, int kind)
{
    double sum = 0;
    for (size_t i = 0; i < p->in->sample_count; i++) {
        const struct sprout_predict_sample *const s = &p->in->samples[i];
        sum += is_of(s, kind) ? (double)s->quality[l] / SPROUT_PREDICT_ONE : 0;
    }
    return mean_of(p, kind, sum);
}

double sprout_plan_sampled_tokens(const struct plan *p, size_t l, int kind)
{
    double sum = 0;
    for (size_t i = 0; i < p->in->sample_count; i++) {
        const struct sprout_predict_sample *const s = &p->in->samples[i];
        sum += is_of(s, kind) ? (double)s->tokens[l] / SPROUT_PREDICT_TOKEN : 0;
    }
    return mean_of(p, kind, sum);
}

/* What verdicts on prompts served here say the predictions are off by: the judged share of a
 * level less the mean of what was predicted.  So the account of quality is the judge's, and
 * only the order of prompts within a level is the predictor's.  A kind that verdicts are about
 * is set to what they say of it, shrunk towards the whole (core/quality), with the caution of
 * the whole: the floor is kept over all of them.  The others have the whole's correction. */
static void correct(struct plan *p, size_t l, double judged)
{
    const double mean = predicted_mean(p, l, -1);
    p->policy->predictor.correction[l] = fmax(-1, fmin(1, judged - mean));
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        const double apart = predicted_mean(p, l, k) - mean;
        const double judged_apart = sprout_plan_judged_kind(p, (enum sprout_kind)k, l);
        p->policy->predictor.kind_correction[k][l] =
            isnan(apart) || isnan(judged_apart) ? 0 : judged_apart - apart;
    }
}

/* Cautious as the mix takes it, or (careless) as the verdicts' means have it. */
static void correct_all(struct plan *p, bool careless)
{
    const struct sprout_belief *const level = p->stratum->level;
    for (size_t l = 0; p->why->evidence.used && l < SPROUT_PREDICT_LEVELS; l++) {
        correct(p, l,
                careless ? level[0].quality * sprout_plan_judged_mean(p, l)
                         : level[l].quality);
    }
}

/* As of a mix: the window says what this hour must give of quality, and where that falls
 * short of accuracy, there is a price for both in this hour. */
static enum sprout_status price_in_window(struct plan *p, double caution,
                                          struct sprout_predict_price *out)
{
    const struct sprout_plan_accuracy *const a = &p->why->accuracy;
    const enum sprout_status status = sprout_plan_window_price(p, caution, out);
    out->accuracy = sprout_plan_asks_accuracy(p) ? 0 : (double)NAN;
    for (size_t l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        out->accuracy += out->mix[l] > 0 ? out->mix[l] * a->cautious[l] : 0;
    }
    return status == SPROUT_OK && out->accuracy < a->floor
               ? find_price(p, sprout_plan_levels(p), out->quality, 0, -1, out)
               : status;
}

/* The price of all prompts, under the floor of this hour or of the window. */
static enum sprout_status price_of_all(struct plan *p, double caution,
                                       struct sprout_predict_price *out)
{
    if (p->why->window.acts) {
        return price_in_window(p, caution, out);
    }
    return find_price(p, 0, p->policy->floor, caution, -1, out);
}

/* How much dearer an answer is for the margin on the floor and for taking verdicts
 * cautiously: against the plan without either. */
static enum sprout_status price_caution(struct plan *p)
{
    struct sprout_plan_predicted *const why = &p->why->predicted;
    struct sprout_predict_price careless = {0};
    const struct sprout_plan_windowed window = p->why->window;
    correct_all(p, true);
    const enum sprout_status status = price_of_all(p, 0, &careless);
    why->caution.v = 1e-9 * (double)p->policy->predictor.ng_per_token *
                     (why->price.tokens - careless.tokens);
    correct_all(p, false);
    p->why->window = window;
    return status;
}

void sprout_plan_corrections(const struct plan *p, struct sprout_predict_goal *goal)
{
    const struct sprout_policy_predictor *const from = &p->policy->predictor;
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            goal->correction[k][l] = from->correction[l] + from->kind_correction[k][l];
        }
    }
}

static void take_accuracy(struct plan *p, const struct sprout_predict_price *price)
{
    struct sprout_policy_predictor *const to = &p->policy->predictor;
    struct sprout_predict_goal goal = {.levels = 0};
    sprout_plan_accuracy_goal(p, &goal);
    to->ng_per_accuracy = price->ng_per_accuracy;
    memcpy(to->accuracy, goal.accuracy, sizeof to->accuracy);
}

bool sprout_plan_predict_begin(struct plan *p)
{
    if (p->in->predictor == NULL || p->levels != SPROUT_PREDICT_LEVELS ||
        p->in->sample_count < (size_t)p->in->config->predictor.samples_min) {
        return false;
    }
    correct_all(p, false);
    return true;
}

enum sprout_status sprout_plan_predict(struct plan *p)
{
    struct sprout_policy_predictor *const to = &p->policy->predictor;
    struct sprout_plan_predicted *const why = &p->why->predicted;

    if (p->in->predictor == NULL) {
        return SPROUT_OK;
    }
    to->file = sprout_arena_str(p->arena, p->in->weights_file);
    to->id = p->in->predictor->id;
    to->ng_per_token = sprout_predict_ng_per_token(
        &p->policy->carbon, sprout_policy_profile(p->policy, SPROUT_STR("")),
        p->policy->grid.intensity);
    why->samples = (int64_t)p->in->sample_count;
    if (isnan(p->in->grid.intensity.v) || to->ng_per_token <= 0 ||
        !sprout_plan_predict_begin(p)) {
        return SPROUT_OK;
    }
    enum sprout_status status =
        price_of_all(p, p->in->config->predictor.caution, &why->price);
    if (status == SPROUT_OK) {
        to->decides = why->decides = true;
        to->ng_per_quality = why->price.ng_per_quality;
        take_accuracy(p, &why->price);
        to->tie_ng = why->price.tie_ng;
        to->split = why->price.split;
        status = price_caution(p);
    }
    return status;
}

/* Levels that a rule leaves, as core/predict counts them. */
static uint32_t known_levels(const struct sprout_rule *r)
{
    const uint32_t every = (UINT32_C(1) << SPROUT_PREDICT_LEVELS) - 1;
    return r->levels == 0 ? every : r->levels & every;
}

enum sprout_status sprout_plan_predict_rule(struct plan *p, struct sprout_rule *rule)
{
    struct sprout_predict_price price;
    const uint32_t levels = known_levels(rule);
    if (!p->policy->predictor.decides || rule->off || sprout_plan_as_all(p, rule) ||
        (levels & (levels - 1)) == 0 || (rule->levels == 0 && isnan(rule->floor))) {
        return SPROUT_OK; /* nothing to decide, or nothing different */
    }
    const enum sprout_status status = find_price(
        p, levels, fmax(rule->floor, p->policy->floor), p->in->config->predictor.caution,
        rule->match.kind.len == 0 ? -1 : sprout_kind_of(rule->match.kind), &price);
    if (status == SPROUT_NOT_FOUND) {
        return SPROUT_OK; /* none of that kind yet: the policy's price */
    }
    if (status == SPROUT_OK) {
        rule->ng_per_quality = price.ng_per_quality > 0 ? price.ng_per_quality : 1;
        rule->ng_per_accuracy = price.ng_per_accuracy;
    }
    return status;
}
