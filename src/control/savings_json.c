/* SPDX-License-Identifier: Apache-2.0 */
/* savings_json.c - the report for programs; docs/ledger.md describes each member.
 *
 * Unknown is null.  Amounts are sums over the requests for which they are known, and
 * `metered` and `graded` say how many these are. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "control/basis.h"
#include "control/feedback_json.h"
#include "control/savings.h"
#include "core/instant.h"

enum { NAME_TEXT = SPROUT_PATTERN_MAX + 64, PRECISION = 15 };

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *count(int64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *text(const char *s)
{
    json_t *const t = json_string(s);
    return t == NULL ? json_string("(not UTF-8)") : t;
}

static json_t *moment(sprout_instant t)
{
    char memory[64];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    if (t.ns == INT64_MIN || t.ns == INT64_MAX) {
        return json_null();
    }
    sprout_instant_put(&b, t);
    return json_stringn(b.ptr, b.len);
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value == NULL ? json_null() : value);
}

/* ---- sums ------------------------------------------------------------------------------ */

static void set_sum(json_t *o, const struct sprout_store_sum *s)
{
    set(o, "requests", count(s->requests));
    for (int i = 0; i <= SPROUT_OUTCOME_REFUSED; i++) {
        set(o, sprout_outcome_text((enum sprout_outcome)i), count(s->outcome[i]));
    }
    set(o, "seconds_mean", number(sprout_savings_mean_seconds(s)));
    set(o, "metered", count(s->metered));
    set(o, "prompt_tokens", count(s->prompt));
    set(o, "output_tokens", count(s->completion));
    set(o, "output_tokens_mean", number(sprout_savings_mean_tokens(s)));
    set(o, "energy_j", number(sprout_savings_joules(s)));
    set(o, "graded", count(s->graded));
    set(o, "carbon_g", number(sprout_savings_grams(s)));
    set(o, "operational_g",
        number(s->graded == 0 ? NAN : (double)s->operational_ug / 1e6));
    set(o, "embodied_g", number(s->metered == 0 ? NAN : (double)s->embodied_ug / 1e6));
    set(o, "expected_l0_g", number(s->graded == 0 ? NAN : (double)s->grams_l0_ug / 1e6));
}

static json_t *rows_array(const struct sprout_savings *r)
{
    json_t *const rows = json_array();

    for (size_t i = 0; i < r->rows; i++) {
        char memory[NAME_TEXT];
        struct sprout_buf name = sprout_buf_of(memory, sizeof memory - 1);
        sprout_savings_row_name(r, &r->row[i], &name);
        memory[name.len] = '\0';
        json_t *const row = json_object();
        set(row, sprout_savings_by_text(r->by), text(memory));
        set_sum(row, &r->row[i].sum);
        json_array_append_new(rows, row);
    }
    return rows;
}

/* ---- the saving ------------------------------------------------------------------------ */

static json_t *interval(struct sprout_interval i)
{
    json_t *const o = json_object();
    set(o, "value", number(i.value));
    set(o, "low", number(i.low));
    set(o, "high", number(i.high));
    return o;
}

static json_t *saved_object(const struct sprout_estimate_result *e)
{
    json_t *const o = json_object();
    set(o, "energy_state", text(sprout_estimate_state_text(e->energy_state)));
    set(o, "carbon_state", text(sprout_estimate_state_text(e->carbon_state)));
    set(o, "energy_percent", interval(e->energy_percent));
    set(o, "energy_j", interval(e->joules));
    set(o, "carbon_percent", interval(e->carbon_percent));
    set(o, "carbon_g", interval(e->grams));
    set(o, "energy_anytime_percent", interval(e->energy_anytime_percent));
    set(o, "carbon_anytime_percent", interval(e->carbon_anytime_percent));
    set(o, "adjusted", json_boolean(e->adjusted));
    set(o, "energy_narrower_percent", number(e->energy_narrower_percent));
    set(o, "carbon_narrower_percent", number(e->carbon_narrower_percent));
    set(o, "holdout_conversations", count(e->holdout));
    set(o, "holdout_predicted", count(e->holdout_predicted));
    set(o, "mix_conversations", count(e->mix));
    set(o, "uncovered_conversations", count(e->uncovered));
    set(o, "unknown_conversations", count(e->unknown));
    set(o, "dropped_conversations", count(e->dropped));
    set(o, "cells", count(e->cells));
    return o;
}

static json_t *explore_object(const struct sprout_savings *r)
{
    json_t *const o = json_object();
    set(o, "requests", count(r->explore.requests));
    set(o, "cost_j", number(sprout_savings_explore_joules(r)));
    return o;
}

static json_t *evaluation_object(const struct sprout_savings *r)
{
    const struct sprout_store_evaluation_cost *const e = &r->evaluation;
    json_t *const o = json_object();
    set(o, "answers", count(e->answers));
    set(o, "verdicts", count(e->verdicts));
    set(o, "tokens", count(e->answer_tokens + e->judge_tokens));
    set(o, "unknown", count(e->unknown));
    set(o, "energy_j", number(sprout_savings_evaluation_joules(r)));
    set(o, "carbon_g", number(sprout_savings_evaluation_grams(r)));
    set(o, "judge_energy_j", number((double)e->judge_energy_uj / 1e6));
    set(o, "saved_net_energy_j", interval(sprout_savings_net_joules(r)));
    set(o, "saved_net_carbon_g", interval(sprout_savings_net_grams(r)));
    return o;
}

static json_t *always_l1_object(const struct sprout_estimate_result *e)
{
    json_t *const o = json_object();
    set(o, "energy_percent", interval(e->l1_energy_percent));
    set(o, "carbon_percent", interval(e->l1_carbon_percent));
    set(o, "conversations", count(e->at_l1));
    return o;
}

static json_t *basis_object(const struct sprout_savings *r)
{
    const struct sprout_basis s = sprout_basis_of(r);
    json_t *const o = json_object();
    json_t *const energy = json_object();
    json_t *const grid = json_object();

    set(o, "method", text("location-based"));
    set(energy, "measured", number(s.measured));
    set(energy, "modelled", number(s.modelled));
    set(energy, "estimated", number(s.estimated));
    set(energy, "unknown", number(s.unknown));
    set(grid, "live", number(s.live));
    set(grid, "replayed", number(s.replayed));
    set(grid, "fallback", number(s.fallback));
    set(grid, "unknown", number(s.no_grid));
    set(o, "energy", energy);
    set(o, "grid", grid);
    return o;
}

static json_t *money_object(const struct sprout_money *m)
{
    if (!m->priced) {
        return json_null();
    }
    json_t *const o = json_object();
    set(o, "currency", text(m->currency));
    set(o, "state", text(sprout_estimate_state_text(m->state)));
    set(o, "percent", interval(m->percent));
    set(o, "saved", interval(m->saved));
    set(o, "spent", number(m->spent));
    set(o, "unpriced_conversations", count(m->unpriced));
    return o;
}

static json_t *latency_arm(const struct sprout_latency_arm *a)
{
    json_t *const o = json_object();
    set(o, "answers", count(a->answers));
    set(o, "conversations", count(a->conversations));
    set(o, "mean_s", interval(a->mean));
    set(o, "median_s", interval(a->median));
    return o;
}

static json_t *latency_object(const struct sprout_latency *l)
{
    json_t *const o = json_object();
    set(o, "holdout", latency_arm(&l->holdout));
    set(o, "mix", latency_arm(&l->mix));
    set(o, "faster_percent", interval(l->faster_percent));
    set(o, "newest_only", json_boolean(l->cut));
    return o;
}

/* ---- the whole ------------------------------------------------------------------------- */

static json_t *methods_array(const struct sprout_savings *r)
{
    json_t *const a = json_array();
    for (size_t i = 0; i < r->methods; i++) {
        json_array_append_new(a, text(r->method[i]));
    }
    return a;
}

static json_t *grids_array(const struct sprout_savings *r)
{
    json_t *const a = json_array();
    for (size_t i = 0; i < r->grids; i++) {
        json_t *const o = json_object();
        set(o, "zone", text(r->grid[i].zone));
        set(o, "quality", text(r->grid[i].quality));
        set(o, "requests", count(r->grid[i].requests));
        json_array_append_new(a, o);
    }
    return a;
}

/* measured_uj = attributed_uj + idle_uj + unattributed_uj. */
static json_t *metered_object(const struct sprout_store_metered *m)
{
    if (m->windows == 0) {
        return json_null();
    }
    json_t *const o = json_object();
    set(o, "measured_uj", json_integer(m->measured.v));
    set(o, "attributed_uj", json_integer(m->attributed.v));
    set(o, "idle_uj", json_integer(m->idle.v));
    set(o, "unattributed_uj", json_integer(m->unattributed.v));
    set(o, "windows", count(m->windows));
    set(o, "gaps", count(m->gaps));
    return o;
}

static json_t *journal_object(const struct sprout_store_health *h)
{
    json_t *const o = json_object();
    set(o, "missing", count(h->missing));
    set(o, "damaged", count(h->damaged));
    set(o, "duplicates", count(h->duplicates));
    return o;
}

char *sprout_savings_json(const struct sprout_savings *r)
{
    json_t *const o = json_object();
    json_t *const total = json_object();

    set_sum(total, &r->total);
    set(o, "basis", basis_object(r)); /* first: what the rest is worth */
    set(o, "since", moment(r->range.since));
    set(o, "until", moment(r->range.until));
    set(o, "by", text(sprout_savings_by_text(r->by)));
    set(o, "rows", rows_array(r));
    set(o, "rows_dropped", count((int64_t)r->rows_dropped));
    set(o, "total", total);
    set(o, "holdout_requests", count(r->holdout_requests));
    set(o, "saved", saved_object(&r->saved));
    set(o, "always_l1", always_l1_object(&r->saved));
    set(o, "money", money_object(&r->money));
    set(o, "latency", latency_object(&r->latency));
    set(o, "explore", explore_object(r));
    set(o, "evaluation", evaluation_object(r));
    set(o, "feedback", sprout_feedback_json(&r->said, r->shown));
    set(o, "energy_methods", methods_array(r));
    set(o, "grid", grids_array(r));
    set(o, "metered", metered_object(&r->metered));
    set(o, "journal", journal_object(&r->health));
    char *const dump = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(PRECISION));
    json_decref(o);
    return dump;
}
