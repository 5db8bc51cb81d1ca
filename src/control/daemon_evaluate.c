/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_evaluate.c - the evaluator's part of a turn: when, how much, and what it changed.
 *
 * When: the paper's rule (core/invocation) at each new slot of the grid, with the mean of
 * the slots seen since the start, a month at most; the deadline holds without a grid.  The
 * time since the last evaluation is counted in slots, so that a replayed grid keeps its own
 * hours; after a start it is what the ledger says.
 * How much: as many prompts as a share of the energy served since the last evaluation pays
 * for, by the beliefs of the policy; with none served there is none.
 * The thread works, the loop only looks whether something ended: then the policy in force
 * rests on old verdicts, and a new plan is due at once. */
#include "control/daemon_work.h"

#include <math.h>
#include <stdio.h>

#include "adapt/store_evaluate.h"
#include "core/invocation.h"

enum { SECONDS_PER_HOUR = 3600, RECENT = 3 };

enum sprout_status sprout_daemon_evaluator_start(struct sprout_daemon *d,
                                                 struct sprout_error *err)
{
    const struct sprout_config_sample *const s = &d->config->evaluation.sample;
    d->slots_since = -1;
    return sprout_evaluator_thread_start(
        d->config->dir, s->cap, s->keep_hours * SECONDS_PER_HOUR, &d->evaluator, err);
}

/* ---- when ------------------------------------------------------------------------------ */

static void take_created(void *ctx, const struct sprout_store_evaluation *e)
{
    *(sprout_instant *)ctx = e->created;
}

/* When the newest evaluation began; ns 0: there was none. */
static sprout_instant last_begun(struct sprout_daemon *d)
{
    sprout_instant at = {0};
    return sprout_store_evaluations(d->store, 1, take_created, &at, NULL) == SPROUT_OK
               ? at
               : (sprout_instant){0};
}

static int64_t hours_between(sprout_instant from, sprout_instant to)
{
    return (to.ns - from.ns) / SPROUT_NS_PER_SECOND / SECONDS_PER_HOUR;
}

/* A slot that was not there a turn ago; false: none. */
static bool take_slot(struct sprout_daemon *d, sprout_instant wall)
{
    const sprout_instant at = d->places.home.value.slot_start;

    if (d->places.home.value.quality == SPROUT_GRID_NONE || at.ns == d->hour_at.ns) {
        return false;
    }
    const int64_t passed = d->hours == 0 ? 0 : hours_between(d->hour_at, at);
    if (d->slots_since < 0) {
        const sprout_instant last = last_begun(d);
        d->slots_since =
            last.ns == 0 ? sprout_invocation_paper.max_wait : hours_between(last, wall);
    }
    d->slots_since += passed > 0 ? passed : 1;
    if (d->hours == SPROUT_DAEMON_HOURS_MAX) {
        d->hours--;
        memmove(d->hour, d->hour + 1, (size_t)d->hours * sizeof d->hour[0]);
    }
    d->hour[d->hours++] = d->places.home.value.intensity;
    d->hour_at = at;
    return true;
}

static bool is_due(const struct sprout_daemon *d)
{
    sprout_g_per_kwh recent[RECENT] = {{NAN}, {NAN}, {NAN}};
    double sum = 0;

    for (int i = 0; i < RECENT && i < d->hours; i++) {
        recent[RECENT - 1 - i] = d->hour[d->hours - 1 - i];
    }
    for (int i = 0; i < d->hours; i++) {
        sum += d->hour[i].v;
    }
    return sprout_invocation_due(&sprout_invocation_paper, d->slots_since, recent,
                                 (sprout_g_per_kwh){sum / d->hours});
}

/* ---- how much -------------------------------------------------------------------------- */

static void add_energy(void *ctx, const struct sprout_store_sum *sum)
{
    *(double *)ctx += (double)sum->energy_uj / 1e6;
}

/* Prompts that the share of what was served since the last evaluation pays for. */
static int64_t affordable(struct sprout_daemon *d)
{
    const struct sprout_config_evaluation *const e = &d->config->evaluation;
    const struct sprout_store_range since = {last_begun(d), {INT64_MAX}};
    double served = 0, one = 0;

    if (sprout_store_sums(d->store, since, 0, add_energy, &served, NULL) != SPROUT_OK) {
        return 0;
    }
    for (size_t l = 0; l < d->policy->level_count; l++) {
        one += d->policy->strata[0].level[l].energy.v;
    }
    const double n = isfinite(one) && one > 0 ? e->share * served / one : 0;
    return n < (double)e->n ? (int64_t)n : e->n;
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
    }
    if (!d->config->evaluation.enabled || d->store == NULL || d->policy == NULL ||
        !take_slot(d, wall) || !is_due(d)) {
        return;
    }
    const int64_t n = affordable(d);
    if (n > 0) {
        wish(d, n);
        d->slots_since = 0;
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
    *out =
        (struct sprout_snapshot_evaluation){.by_itself = d->config->evaluation.enabled};
    if (d->store != NULL &&
        sprout_store_evaluations(d->store, 1, take_newest, out, NULL) != SPROUT_OK) {
        out->id = 0; /* told the next time */
    }
}
