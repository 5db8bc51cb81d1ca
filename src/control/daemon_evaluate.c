/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_evaluate.c - the evaluator's part of a turn: when, how much, and what it changed.
 *
 * When: at each new hour of the grid's clock, by the rule that `evaluation.when` names
 * (core/invocation), on the hours the grid knows of its past and on those it foretells.  Hours
 * are the grid's, so that a replay keeps its own; after a start the time since the last
 * evaluation is what the ledger says.  Without a grid the deadline holds.
 * How much: as many prompts as a share of the energy served in the last 30 days pays for,
 * less what evaluations took of it (core/evaluation), by the beliefs of the policy; with
 * none served there is none.
 * The thread works, the loop only looks whether something ended: then the policy in force
 * rests on old verdicts, and a new plan is due at once. */
#include "control/daemon_work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/grid_ahead.h"
#include "adapt/store_evaluate.h"
#include "core/evaluation.h"
#include "core/instant.h"
#include "core/quality.h"

enum {
    SECONDS_PER_HOUR = 3600,
    HOURS_PER_DAY = 24,
    MEAN_HOURS = 720, /* the trailing month of the paper's mean */
    BUDGET_DAYS = 30, /* over which the share is kept */
};

enum sprout_status sprout_daemon_evaluator_start(struct sprout_daemon *d,
                                                 struct sprout_error *err)
{
    const struct sprout_config_sample *const s = &d->config->evaluation.sample;
    d->hours_since = -1;
    return sprout_evaluator_thread_start(
        d->config->dir, s->cap, s->keep_hours * SECONDS_PER_HOUR, &d->evaluator, err);
}

/* ---- when ------------------------------------------------------------------------------ */

struct newest {
    int64_t id;
    sprout_instant created;
};

static void take_begun(void *ctx, const struct sprout_store_evaluation *e)
{
    *(struct newest *)ctx = (struct newest){e->id, e->created};
}

/* A new hour of the grid's clock, or something ended in this one: what passed since the
 * newest evaluation is counted on. */
static bool take_hour(struct sprout_daemon *d, sprout_instant wall)
{
    const int64_t hour =
        sprout_instant_hour(sprout_grid_clock(d->places.home.grid, wall));
    const int64_t passed = hour >= d->hour ? hour - d->hour : 1;
    struct newest n = {0};

    if ((hour == d->hour && !d->look_again) ||
        sprout_store_evaluations(d->store, 1, take_begun, &n, NULL) != SPROUT_OK) {
        return false;
    }
    d->hour = hour;
    d->look_again = false;
    if (d->hours_since < 0) {
        const int64_t ns = wall.ns - n.created.ns;
        d->hours_since = n.id == 0 ? sprout_invocation_paper.max_wait
                                   : ns / SPROUT_NS_PER_SECOND / SECONDS_PER_HOUR;
    } else {
        d->hours_since = n.id == d->newest_evaluation ? d->hours_since + passed : 0;
    }
    d->newest_evaluation = n.id;
    return true;
}

/* What is known of the grid's last month: the values of the last three hours, the mean. */
static sprout_g_per_kwh look_back(const struct sprout_daemon *d, sprout_instant wall,
                                  sprout_g_per_kwh out_recent[3])
{
    sprout_g_per_kwh past[MEAN_HOURS];
    double sum = 0, n = 0;

    sprout_grid_past(d->places.home.grid, wall, past, MEAN_HOURS);
    for (int i = 0; i < MEAN_HOURS; i++) {
        sum += isnan(past[i].v) ? 0 : past[i].v;
        n += !isnan(past[i].v);
    }
    memcpy(out_recent, past + MEAN_HOURS - 3, 3 * sizeof past[0]);
    return (sprout_g_per_kwh){sum / n};
}

static void wait_as_paper(struct sprout_daemon *d, sprout_instant wall)
{
    const struct sprout_invocation_rule *const rule = &sprout_invocation_paper;
    const int64_t since = d->hours_since;
    sprout_g_per_kwh recent[3];
    const sprout_g_per_kwh mean = look_back(d, wall, recent);
    const int64_t most = since < rule->max_wait ? rule->max_wait - since : 0;
    const bool due = sprout_invocation_due(rule, since, recent, mean);

    d->wait = (struct sprout_invocation_wait){due ? 0 : most, most, {NAN}};
    d->wait_known = !isnan(recent[2].v);
}

static void wait_for_cleanest(struct sprout_daemon *d, sprout_instant wall,
                              sprout_g_per_kwh worth)
{
    struct sprout_grid_ahead *const ahead = malloc(sizeof *ahead);
    sprout_g_per_kwh value[SPROUT_GRID_DAY], recent[3];
    const sprout_g_per_kwh mean = look_back(d, wall, recent);

    if (ahead != NULL) {
        sprout_grid_look_ahead(d->places.home.grid, wall, ahead);
    }
    for (int i = 0; i < SPROUT_GRID_DAY; i++) {
        value[i] = ahead == NULL ? (sprout_g_per_kwh){NAN} : ahead->hour[i].intensity;
    }
    d->wait = sprout_invocation_wait(&sprout_invocation_paper, d->hours_since, recent[2],
                                     value, SPROUT_GRID_DAY, mean, worth);
    d->wait_known = ahead != NULL && ahead->any;
    free(ahead);
}

/* ---- how much -------------------------------------------------------------------------- */

struct served {
    double joules, prompt_tokens;
    int64_t metered, requests;
    int64_t day_from, day_requests; /* of the last day */
};

static void add_served(void *ctx, const struct sprout_store_sum *sum)
{
    struct served *const s = ctx;
    s->joules += (double)sum->energy_uj / 1e6;
    s->prompt_tokens += (double)sum->prompt;
    s->metered += sum->metered;
    s->day_requests += sum->hour >= s->day_from ? sum->requests : 0;
}

/* What an evaluation would be now. */
struct sizing {
    int64_t n; /* prompts */
    sprout_joules one;
    double requests; /* an hour */
};

static struct sizing size_up(struct sprout_daemon *d, sprout_instant wall)
{
    const struct sprout_config_evaluation *const e = &d->config->evaluation;
    const int64_t month = BUDGET_DAYS * HOURS_PER_DAY * SECONDS_PER_HOUR;
    const struct sprout_store_range range = {{wall.ns - month * SPROUT_NS_PER_SECOND},
                                             {INT64_MAX}};
    struct served s = {.day_from = sprout_instant_hour(wall) - HOURS_PER_DAY};
    struct sprout_store_evaluation_cost cost;

    if (sprout_store_sums(d->store, range, SPROUT_BY_HOUR, add_served, &s, NULL) !=
            SPROUT_OK ||
        sprout_store_evaluation_cost(d->store, range, &cost, NULL) != SPROUT_OK) {
        return (struct sizing){0};
    }
    const struct sprout_evaluation_price p = sprout_evaluation_price(
        d->policy->strata[0].level, (int)d->policy->level_count,
        e->judge.url[0] == '\0' ? SPROUT_JUDGE_NONE : e->judge.form,
        sprout_policy_profile(d->policy, sprout_str_of(e->judge.model)),
        s.metered > 0 ? s.prompt_tokens / (double)s.metered : 0);
    const double spent = (double)(cost.answer_energy_uj + cost.judge_energy_uj) / 1e6;
    const sprout_joules one = {p.answers.v + p.judge.v};
    return (struct sizing){
        .n = sprout_evaluation_size(e->share, (sprout_joules){s.joules},
                                    (sprout_joules){spent}, one, e->n),
        .one = one,
        .requests = (double)s.day_requests / HOURS_PER_DAY,
    };
}

/* Nothing is known before there are verdicts to use; those of a judge that was found out are
 * worth nothing, so it is only heard again, in case it got better. */
static sprout_grams caution_of(const struct sprout_plan_evidence *e)
{
    const bool found_out = e->questions > 0 && e->fault != SPROUT_JUDGE_USABLE &&
                           e->fault != SPROUT_JUDGE_FEW;
    return e->used ? e->caution : (sprout_grams){found_out ? 0 : (double)NAN};
}

static sprout_g_per_kwh worth_of(const struct sprout_daemon *d, const struct sizing *size)
{
    const struct sprout_plan_evidence *const e = &d->why.evidence;
    const struct sprout_invocation_stake stake = {
        .requests = size->requests,
        .caution = caution_of(e),
        .known = SPROUT_QUALITY_PRIOR_WEIGHT + (e->questions > 0 ? e->n : 0),
        .more = (double)size->n,
        .energy = {(double)size->n * size->one.v},
    };
    return sprout_invocation_worth(&stake);
}

static void wish(struct sprout_daemon *d, int64_t n)
{
    const struct sprout_config_evaluation *const e = &d->config->evaluation;
    struct sprout_evaluator_wish w = {
        .form = e->judge.url[0] == '\0' ? SPROUT_JUDGE_NONE : (int)e->judge.form,
        .judge_max_tokens = e->judge.max_tokens,
        .concurrency = e->concurrency,
        .n = n,
    };
    snprintf(w.upstream, sizeof w.upstream, "%s", d->config->upstream);
    snprintf(w.judge_url, sizeof w.judge_url, "%s", e->judge.url);
    snprintf(w.judge_model, sizeof w.judge_model, "%s", e->judge.model);
    snprintf(w.judge_key_file, sizeof w.judge_key_file, "%s", e->judge.key_file);
    snprintf(w.judge_key_env, sizeof w.judge_key_env, "%s", e->judge.key_env);
    snprintf(w.rubric_file, sizeof w.rubric_file, "%s", e->judge.rubric_file);
    snprintf(w.prompts, sizeof w.prompts, "%s", e->prompts);
    sprout_evaluator_thread_wish(d->evaluator, &w);
}

void sprout_daemon_evaluate(struct sprout_daemon *d, sprout_instant wall)
{
    const int64_t ended = sprout_evaluator_thread_ended(d->evaluator);

    if (ended != d->evaluations_seen) {
        d->evaluations_seen = ended;
        d->plan_now = true;
        d->feedback_new = true; /* it answers alarms */
        d->look_again = true;   /* the next hour is another one now */
    }
    if (d->store == NULL || d->policy == NULL || !take_hour(d, wall)) {
        return;
    }
    const struct sizing size = size_up(d, wall);
    if (d->config->evaluation.when == SPROUT_INVOCATION_PAPER) {
        wait_as_paper(d, wall);
    } else {
        wait_for_cleanest(d, wall, worth_of(d, &size));
    }
    if (d->config->evaluation.enabled && d->wait.best == 0 && size.n > 0) {
        wish(d, size.n);
    }
}

static void take_newest(void *ctx, const struct sprout_store_evaluation *e)
{
    struct sprout_snapshot_evaluation *const out = ctx;

    out->id = e->id;
    snprintf(out->state, sizeof out->state, "%.*s", (int)e->state.len, e->state.ptr);
    snprintf(out->note, sizeof out->note, "%.*s", (int)e->note.len, e->note.ptr);
    out->created = e->created;
    out->finished = e->finished;
    out->prompts = e->items;
    out->done = e->judged + e->failed;
    out->verdicts = e->verdicts;
}

void sprout_daemon_evaluate_snapshot(struct sprout_daemon *d,
                                     struct sprout_snapshot_evaluation *out)
{
    *out = (struct sprout_snapshot_evaluation){
        .by_itself = d->config->evaluation.enabled,
        .when = d->config->evaluation.when,
        .wait = d->wait,
        .wait_known = d->wait_known,
    };
    if (d->store != NULL &&
        sprout_store_evaluations(d->store, 1, take_newest, out, NULL) != SPROUT_OK) {
        out->id = 0; /* told the next time */
    }
}
