/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - see explain.h. */
#include "control/explain.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "adapt/file.h"
#include "control/planner.h"
#include "core/instant.h"
#include "core/optimize.h"

enum { PLAN_JSON_MAX = 64 * 1024 };

static const char accuracy_unknown[] =
    "too few references say how often it is right, so nobody is given it";
static const char cost_unknown[] = "its cost is not known, so it is left alone";

/* What it is worth at its price is taken off, so that the reasons hold under both floors. */
static double cost_of_accuracy(const struct sprout_plan_accuracy *a, size_t l)
{
    return a->price > 0 && isfinite(a->cautious[l]) ? a->price * a->cautious[l] : 0;
}

/* The optimizer's own reasons, for the levels it could weigh. */
static void find_reasons(const struct sprout_policy *p, const double *mix,
                         struct sprout_explanation *e)
{
    double cost[SPROUT_LEVELS_MAX];
    double quality[SPROUT_LEVELS_MAX];
    double share[SPROUT_LEVELS_MAX];
    size_t level[SPROUT_LEVELS_MAX];
    size_t n = 0;
    for (size_t l = 0; l < p->level_count; l++) {
        e->why[l] = cost_unknown;
        if ((e->accuracy.withheld >> l & 1) != 0) {
            e->why[l] = accuracy_unknown;
        } else if (isfinite(e->grams[l].v) && isfinite(e->quality[l])) {
            cost[n] = e->grams[l].v - cost_of_accuracy(&e->accuracy, l);
            quality[n] = e->quality[l];
            share[n] = mix[l];
            level[n++] = l;
        }
    }
    const struct sprout_item item = {1, cost, quality, n};
    for (size_t i = 0; i < n; i++) {
        e->why[level[i]] = sprout_option_why_text(sprout_optimize_why(&item, share, i));
    }
}

static void add_up(const struct sprout_policy *p, const struct sprout_stratum *s,
                   struct sprout_explanation *e)
{
    e->grams_mix.v = 0;
    e->quality_mix = 0;
    for (size_t l = 0; l < p->level_count; l++) {
        e->rests += s->level[l].requests;
        if (s->mix[l] > 0) { /* what is not used need not be known */
            e->grams_mix.v += s->mix[l] * e->grams[l].v;
            e->quality_mix += s->mix[l] * e->quality[l];
        }
    }
    e->saved = e->grams[0].v > 0 ? 1 - e->grams_mix.v / e->grams[0].v : NAN;
}

static double number_at(const json_t *object, const char *key)
{
    const json_t *const v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void take_predicted(const json_t *plan, struct sprout_plan_predicted *out)
{
    const json_t *const o = json_object_get(plan, "predictor");
    const json_t *const mix = json_object_get(o, "mix");
    out->samples = json_integer_value(json_object_get(o, "samples"));
    out->decides = json_array_size(mix) == SPROUT_PREDICT_LEVELS;
    out->price.quality = number_at(o, "quality");
    out->price.accuracy = number_at(o, "accuracy");
    out->price.tokens = number_at(o, "tokens");
    out->price.tokens_l0 = number_at(o, "tokens_l0");
    out->caution.v = number_at(o, "caution_g");
    for (size_t l = 0; out->decides && l < SPROUT_PREDICT_LEVELS; l++) {
        out->price.mix[l] = json_number_value(json_array_get(mix, l));
    }
}

static struct sprout_quality_interval interval_of(const json_t *o)
{
    return (struct sprout_quality_interval){number_at(o, "relative"), number_at(o, "low"),
                                            number_at(o, "high")};
}

static void take_kind(const json_t *o, struct sprout_plan_evidence *out)
{
    const char *const name = json_string_value(json_object_get(o, "kind"));
    const json_t *const levels = json_object_get(o, "levels");
    const int k = sprout_kind_of(sprout_str_of(name));
    if (k < 0) {
        return;
    }
    out->kind[k].verdicts = json_integer_value(json_object_get(o, "verdicts"));
    for (size_t l = 0; l < json_array_size(levels) && l < SPROUT_LEVELS_MAX; l++) {
        out->kind[k].relative[l] = interval_of(json_array_get(levels, l));
    }
}

static void take_evidence(const json_t *plan, struct sprout_plan_evidence *out)
{
    const json_t *const o = json_object_get(plan, "verdicts");
    const json_t *const levels = json_object_get(o, "levels");
    const char *const why = json_string_value(json_object_get(o, "why_not"));
    out->questions = json_integer_value(json_object_get(o, "questions"));
    out->verdicts = json_integer_value(json_object_get(o, "verdicts"));
    out->used = json_is_true(json_object_get(o, "used"));
    out->jumped = json_is_true(json_object_get(o, "jumped"));
    snprintf(out->why, sizeof out->why, "%s", why == NULL ? "" : why);
    out->n = number_at(o, "n");
    out->certainty = number_at(o, "certainty");
    out->caution.v = number_at(o, "caution_g");
    for (size_t l = 0; l < json_array_size(levels) && l < SPROUT_LEVELS_MAX; l++) {
        const json_t *const level = json_array_get(levels, l);
        out->relative[l] = interval_of(level);
        out->cautious[l] = number_at(level, "cautious");
    }
    const json_t *const kinds = json_object_get(o, "kinds");
    for (size_t k = 0; k < json_array_size(kinds); k++) {
        take_kind(json_array_get(kinds, k), out);
    }
}

static enum sprout_window_kind kind_of(const char *text)
{
    enum sprout_window_kind k = SPROUT_WINDOW_MONTH;
    while (
        k > SPROUT_WINDOW_AUTO &&
        !sprout_str_eq(sprout_str_of(sprout_window_kind_text(k)), sprout_str_of(text))) {
        k--;
    }
    return k;
}

static void take_window(const json_t *plan, struct sprout_plan_windowed *out)
{
    const json_t *const o = json_object_get(plan, "window");
    const char *const start = json_string_value(json_object_get(o, "start"));
    const char *const end = json_string_value(json_object_get(o, "end"));
    struct sprout_plan_windowed w = {
        .used = true,
        .acts = json_is_true(json_object_get(o, "acts")),
        .traffic_hours = json_integer_value(json_object_get(o, "traffic_hours")),
        .kind = kind_of(json_string_value(json_object_get(o, "over"))),
        .hours = json_integer_value(json_object_get(o, "hours_ahead")),
        .foretold = json_integer_value(json_object_get(o, "foretold")),
        .ours = json_integer_value(json_object_get(o, "forecast")),
        .expected = number_at(o, "expected_requests"),
        .floor = number_at(o, "floor"),
        .hourly_floor = number_at(o, "hourly_floor"),
        .requests = json_integer_value(json_object_get(o, "requests")),
        .quality = number_at(o, "quality"),
        .account = number_at(o, "account"),
        .in_reach = json_is_true(json_object_get(o, "in_reach")),
        .raised = json_is_true(json_object_get(o, "raised")),
    };
    if (json_is_object(o) &&
        sprout_instant_parse(sprout_str_of(start), &w.start) == SPROUT_OK &&
        sprout_instant_parse(sprout_str_of(end), &w.end) == SPROUT_OK) {
        *out = w;
    }
}

static void take_accuracy(const json_t *plan, struct sprout_plan_accuracy *out)
{
    const json_t *const o = json_object_get(plan, "accuracy");
    const json_t *const levels = json_object_get(o, "levels");
    const char *const why = json_string_value(json_object_get(o, "why_not"));
    if (!json_is_object(o)) {
        return;
    }
    out->floor = number_at(o, "floor");
    out->certainty = number_at(o, "certainty");
    out->mix = number_at(o, "mix");
    out->price = number_at(o, "price");
    snprintf(out->why, sizeof out->why, "%s", why == NULL ? "" : why);
    for (size_t l = 0; l < json_array_size(levels) && l < SPROUT_LEVELS_MAX; l++) {
        const json_t *const level = json_array_get(levels, l);
        const bool withheld = json_is_true(json_object_get(level, "withheld"));
        out->withheld |= withheld ? UINT32_C(1) << l : 0;
        out->prompts[l] = number_at(level, "prompts");
        out->relative[l] = interval_of(level);
        out->cautious[l] = number_at(level, "cautious");
    }
}

static void take_plan(const json_t *plan, const struct sprout_policy *p,
                      struct sprout_explanation *e)
{
    const char *const id = json_string_value(json_object_get(plan, "policy"));
    const char *const why =
        json_string_value(json_object_get(json_object_get(plan, "floor"), "why"));
    const json_t *const range = json_object_get(plan, "range");
    e->behind = !sprout_str_eq(p->id, sprout_str_of(id));
    if (e->behind || why == NULL) {
        return;
    }
    snprintf(e->floor_why, sizeof e->floor_why, "%s", why);
    take_predicted(plan, &e->predicted);
    take_evidence(plan, &e->evidence);
    take_window(plan, &e->window);
    take_accuracy(plan, &e->accuracy);
    e->range = (struct sprout_grid_range){
        .lo = {number_at(range, "lo_g_per_kwh")},
        .hi = {number_at(range, "hi_g_per_kwh")},
        .points = json_integer_value(json_object_get(range, "points")),
    };
}

static void read_plan(const char *dir, const struct sprout_policy *p,
                      struct sprout_explanation *e)
{
    char path[PATH_MAX];
    struct sprout_file file = {0};
    const int n = snprintf(path, sizeof path, "%s/plan.json", dir);
    if (n < 0 || (size_t)n >= sizeof path ||
        sprout_file_read(path, PLAN_JSON_MAX, &file, NULL) != SPROUT_OK) {
        return;
    }
    json_t *const plan = json_loadb(file.bytes, file.len, 0, NULL);
    take_plan(plan, p, e);
    json_decref(plan);
    sprout_file_free(&file);
}

/* Levels evenly drawn, less the mix, for the share that explores. */
static sprout_grams cost_of_exploring(const struct sprout_policy *p,
                                      const struct sprout_explanation *e)
{
    double even = 0;
    for (size_t l = 0; l < p->level_count; l++) {
        even += e->grams[l].v / (double)p->level_count;
    }
    return (sprout_grams){p->explore * (even - e->grams_mix.v)};
}

void sprout_explain(const struct sprout_policy *p, size_t stratum, sprout_instant now,
                    const char *dir, struct sprout_explanation *out)
{
    *out = (struct sprout_explanation){
        .in_force = now.ns < p->valid_until.ns,
        .range = SPROUT_GRID_RANGE_NONE,
    };
    if (dir != NULL) {
        read_plan(dir, p, out);
    }
    sprout_plan_weigh(p, stratum, out->grams, out->quality);
    find_reasons(p, p->strata[stratum].mix, out);
    add_up(p, &p->strata[stratum], out);
    out->explore = cost_of_exploring(p, out);
}

/* ---- as JSON --------------------------------------------------------------------------- */

static void put_number(struct sprout_buf *b, const char *name, double v)
{
    sprout_buf_printf(b, "\"%s\":", name);
    sprout_buf_f64(b, v);
    sprout_buf_byte(b, ',');
}

static void put_text(struct sprout_buf *b, const char *name, struct sprout_str v)
{
    sprout_buf_printf(b, "\"%s\":", name);
    sprout_buf_json(b, v);
    sprout_buf_byte(b, ',');
}

static void put_moment(struct sprout_buf *b, const char *name, sprout_instant t)
{
    sprout_buf_printf(b, "\"%s\":\"", name);
    sprout_instant_put(b, t);
    sprout_buf_put(b, SPROUT_STR("\","));
}

/* The comma after the last member gives way to the closing bracket. */
static void close_with(struct sprout_buf *b, char bracket)
{
    if (b->len > 0 && b->ptr[b->len - 1] == ',') {
        b->len--;
    }
    sprout_buf_byte(b, bracket);
}

static void put_grid(struct sprout_buf *b, const struct sprout_policy *p)
{
    sprout_buf_put(b, SPROUT_STR("\"grid\":{"));
    put_number(b, "g_per_kwh", p->grid.intensity.v);
    put_text(b, "zone", p->grid.zone);
    put_text(b, "source", p->grid.source);
    put_text(b, "quality", p->grid.quality);
    put_moment(b, "at", p->grid.at);
    close_with(b, '}');
    sprout_buf_byte(b, ',');
}

static void put_levels(struct sprout_buf *b, const struct sprout_policy *p,
                       const struct sprout_stratum *s, const struct sprout_explanation *e)
{
    sprout_buf_put(b, SPROUT_STR("\"levels\":["));
    for (size_t l = 0; l < p->level_count; l++) {
        sprout_buf_byte(b, '{');
        put_text(b, "name", p->levels[l].name);
        put_number(b, "share", s->mix[l]);
        put_number(b, "quality", e->quality[l]);
        put_number(b, "grams", e->grams[l].v);
        put_number(b, "energy_j", s->level[l].energy.v);
        put_number(b, "time_s", s->level[l].time.v);
        put_number(b, "output_tokens", s->level[l].output_tokens);
        sprout_buf_printf(b, "\"requests\":%lld,", (long long)s->level[l].requests);
        put_text(b, "why", sprout_str_of(e->why[l]));
        close_with(b, '}');
        sprout_buf_byte(b, ',');
    }
    close_with(b, ']');
    sprout_buf_byte(b, ',');
}

/* Their mixes; the first is that of `levels`. */
static void put_strata(struct sprout_buf *b, const struct sprout_policy *p)
{
    sprout_buf_put(b, SPROUT_STR("\"strata\":["));
    for (size_t i = 0; i < p->stratum_count; i++) {
        sprout_buf_byte(b, '{');
        put_text(b, "name", p->strata[i].name);
        sprout_buf_put(b, SPROUT_STR("\"mix\":["));
        for (size_t l = 0; l < p->level_count; l++) {
            sprout_buf_f64(b, p->strata[i].mix[l]);
            sprout_buf_byte(b, ',');
        }
        close_with(b, ']');
        sprout_buf_put(b, SPROUT_STR("},"));
    }
    close_with(b, ']');
    sprout_buf_byte(b, ',');
}

static void put_floor(struct sprout_buf *b, const struct sprout_policy *p,
                      const struct sprout_explanation *e)
{
    sprout_buf_put(b, SPROUT_STR("\"floor\":{"));
    put_number(b, "value", p->floor);
    put_text(b, "why", sprout_str_of(e->floor_why));
    put_number(b, "lo_g_per_kwh", e->range.lo.v);
    put_number(b, "hi_g_per_kwh", e->range.hi.v);
    sprout_buf_printf(b, "\"points\":%lld},", (long long)e->range.points);
}

static void put_predictor(struct sprout_buf *b, const struct sprout_policy *p,
                          const struct sprout_explanation *e)
{
    const struct sprout_predict_price *const x = &e->predicted.price;
    if (p->predictor.file.len == 0) {
        sprout_buf_put(b, SPROUT_STR("\"predictor\":null,"));
        return;
    }
    sprout_buf_printf(
        b, "\"predictor\":{\"id\":\"%016llx\",\"decides\":%s,\"samples\":%lld,",
        (unsigned long long)p->predictor.id, p->predictor.decides ? "true" : "false",
        (long long)e->predicted.samples);
    sprout_buf_printf(b, "\"ng_per_token\":%lld,\"ng_per_quality\":%lld,",
                      (long long)p->predictor.ng_per_token,
                      (long long)p->predictor.ng_per_quality);
    if (e->predicted.decides) {
        put_number(b, "quality", x->quality);
        put_number(b, "accuracy", x->accuracy);
        put_number(b, "tokens", x->tokens);
        put_number(b, "tokens_l0", x->tokens_l0);
        put_number(b, "caution_g", e->predicted.caution.v);
        sprout_plan_corrections_put(b, &p->predictor);
        sprout_buf_put(b, SPROUT_STR(",\"mix\":["));
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            sprout_buf_f64(b, x->mix[l]);
            sprout_buf_byte(b, ',');
        }
        close_with(b, ']');
    }
    close_with(b, '}');
    sprout_buf_byte(b, ',');
}

void sprout_explain_put(struct sprout_buf *b, const struct sprout_policy *p,
                        size_t stratum, const struct sprout_explanation *e)
{
    sprout_buf_byte(b, '{');
    put_text(b, "policy", p->id);
    sprout_buf_printf(b, "\"in_force\":%s,", e->in_force ? "true" : "false");
    put_moment(b, "created", p->created);
    put_moment(b, "valid_until", p->valid_until);
    put_grid(b, p);
    put_floor(b, p, e);
    sprout_buf_put(b, SPROUT_STR("\"window\":"));
    sprout_plan_windowed_put(b, &e->window);
    sprout_buf_byte(b, ',');
    put_number(b, "price", p->price);
    put_levels(b, p, &p->strata[stratum], e);
    put_strata(b, p);
    put_predictor(b, p, e);
    sprout_buf_put(b, SPROUT_STR("\"mix\":{"));
    put_number(b, "grams", e->grams_mix.v);
    put_number(b, "quality", e->quality_mix);
    put_number(b, "saved", e->saved);
    close_with(b, '}');
    sprout_buf_byte(b, ',');
    put_text(b, "quality_source", p->quality_source);
    sprout_buf_put(b, SPROUT_STR("\"verdicts\":"));
    sprout_plan_evidence_put(b, p, &e->evidence);
    sprout_buf_put(b, SPROUT_STR(",\"accuracy\":"));
    sprout_plan_accuracy_put(b, p, &e->accuracy);
    sprout_buf_byte(b, ',');
    put_number(b, "holdout", p->holdout);
    put_number(b, "explore", p->explore);
    put_number(b, "explore_cost_g", e->explore.v);
    sprout_buf_printf(b, "\"requests\":%lld,", (long long)e->rests);
    close_with(b, '}');
    sprout_buf_byte(b, '\n');
}
