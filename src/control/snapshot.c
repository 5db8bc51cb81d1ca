/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - a snapshot as JSON. */
#include "control/snapshot.h"

#include "control/feedback_json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "core/choice.h"
#include "core/instant.h"

enum { INSTANT_TEXT = 40, REASONS_MAX = 8 };

/* ---- values that may be unknown -------------------------------------------------------- */

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *count(int64_t n)
{
    return n < 0 ? json_null() : json_integer((json_int_t)n);
}

static json_t *text(struct sprout_str s)
{
    return s.len == 0 ? json_null() : json_stringn(s.ptr, s.len);
}

static json_t *c_text(const char *s)
{
    return text(sprout_str_of(s));
}

static json_t *moment(sprout_instant t)
{
    char memory[INSTANT_TEXT];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_instant_put(&b, t);
    return text(sprout_buf_str(&b));
}

static double seconds_between(sprout_instant later, sprout_instant earlier)
{
    return (double)sprout_instant_since(later, earlier).ns / SPROUT_NS_PER_SECOND;
}

static void set(json_t *object, const char *name, json_t *value)
{
    /* Text that is no UTF-8 gives NULL: unknown, then. */
    json_object_set_new(object, name, value == NULL ? json_null() : value);
}

/* ---- parts ----------------------------------------------------------------------------- */

static json_t *provider_object(const struct sprout_snapshot *s,
                               const struct sprout_snapshot_provider *p)
{
    const struct sprout_grid_live_state *const t = &p->state;
    const struct sprout_grid_value *const v = &p->value;
    json_t *const o = json_object();

    set(o, "provider", c_text(t->provider));
    set(o, "zone", c_text(t->zone));
    set(o, "state",
        c_text(t->asked ? sprout_grid_trouble_text(t->trouble) : "not-asked"));
    set(o, "why", c_text(t->why));
    set(o, "quality", c_text(sprout_grid_quality_text(v->quality)));
    set(o, "g_per_kwh", number(v->intensity.v));
    set(o, "age_s",
        t->last_success.ns == 0 ? json_null()
                                : number(seconds_between(s->now, t->last_success)));
    set(o, "last_success",
        t->last_success.ns == 0 ? json_null() : moment(t->last_success));
    set(o, "last_failure",
        t->last_failure.ns == 0 ? json_null() : moment(t->last_failure));
    set(o, "last_error", c_text(t->last_error));
    set(o, "answers", count(t->answers));
    set(o, "invalid", count(t->invalid));
    set(o, "failures_in_a_row", count(t->failures));
    return o;
}

static json_t *providers_array(const struct sprout_snapshot *s,
                               const struct sprout_snapshot_place *p)
{
    json_t *const a = json_array();
    for (size_t i = 0; i < p->providers; i++) {
        json_array_append_new(a, provider_object(s, &p->provider[i]));
    }
    return a;
}

static json_t *place_object(const struct sprout_snapshot *s,
                            const struct sprout_snapshot_place *p,
                            const struct sprout_plan_why *why)
{
    const struct sprout_grid_value *const g = &p->grid;
    json_t *const o = json_object();
    const bool known = g->quality != SPROUT_GRID_NONE;

    set(o, "zone", text(g->zone));
    set(o, "g_per_kwh", number(g->intensity.v));
    set(o, "quality", c_text(sprout_grid_quality_text(g->quality)));
    set(o, "source", text(g->source));
    set(o, "kind", known ? c_text(sprout_grid_kind_text(g->kind)) : json_null());
    set(o, "scope", known ? c_text(sprout_grid_scope_text(g->scope)) : json_null());
    set(o, "slot_start", known ? moment(g->slot_start) : json_null());
    set(o, "clock", moment(p->clock));
    set(o, "age_s",
        known ? number(seconds_between(s->now, g->received_at)) : json_null());
    set(o, "low_g_per_kwh", number(why->range.lo.v));
    set(o, "high_g_per_kwh", number(why->range.hi.v));
    set(o, "about", text(p->about));
    set(o, "errors", count(p->errors));
    set(o, "backfilled", count(p->backfilled));
    set(o, "providers", providers_array(s, p));
    return o;
}

/* null where the floor is kept in each hour. */
static json_t *window_object(const struct sprout_plan_windowed *w)
{
    if (!w->used) {
        return json_null();
    }
    json_t *const o = json_object();
    set(o, "over", c_text(sprout_window_kind_text(w->kind)));
    set(o, "acts", json_boolean(w->acts));
    set(o, "traffic_hours", count(w->traffic_hours));
    set(o, "start", moment(w->start));
    set(o, "end", moment(w->end));
    set(o, "hours_ahead", count(w->hours));
    set(o, "foretold", count(w->foretold));
    set(o, "forecast", count(w->ours));
    set(o, "expected_requests", number(w->expected));
    set(o, "floor", number(w->floor));
    set(o, "hourly_floor", number(w->hourly_floor));
    set(o, "requests", count(w->requests));
    set(o, "quality", number(w->quality));
    set(o, "account", number(w->account));
    set(o, "in_reach", json_boolean(w->in_reach));
    set(o, "raised", json_boolean(w->raised));
    return o;
}

/* A place other than home: its grid, and what the policy has there. */
static json_t *zone_object(const struct sprout_snapshot *s,
                           const struct sprout_snapshot_place *p)
{
    const struct sprout_policy_zone *const z = p->policy;
    json_t *const o = json_object();
    json_t *const levels = json_array();

    for (size_t l = 0; z != NULL && l < s->policy->level_count; l++) {
        json_t *const level = json_object();
        set(level, "level", text(s->policy->levels[l].name));
        set(level, "share", number(z->mix[0][l]));
        set(level, "grams", number(p->why.grams[l].v));
        json_array_append_new(levels, level);
    }
    set(o, "zone", text(p->grid.zone));
    set(o, "grid", place_object(s, p, &p->why));
    set(o, "floor", number(z == NULL ? NAN : z->floor));
    set(o, "price", number(z == NULL ? NAN : z->price));
    set(o, "grams_expected", number(z == NULL ? NAN : p->why.grams_mix.v));
    set(o, "quality_expected", number(z == NULL ? NAN : p->why.quality_mix));
    set(o, "window", window_object(&p->why.window));
    set(o, "levels", levels);
    return o;
}

static json_t *zones_array(const struct sprout_snapshot *s)
{
    json_t *const a = json_array();
    for (size_t i = 1; i < s->places; i++) {
        json_array_append_new(a, zone_object(s, &s->place[i]));
    }
    return a;
}

static json_t *level_object(const struct sprout_snapshot *s, size_t level)
{
    const struct sprout_stratum *const stratum = &s->policy->strata[0];
    const struct sprout_belief *const belief = &stratum->level[level];
    json_t *const o = json_object();

    set(o, "level", text(s->policy->levels[level].name));
    set(o, "directive", text(s->policy->levels[level].directive));
    set(o, "share", number(stratum->mix[level]));
    set(o, "quality", number(s->why.quality[level]));
    set(o, "grams", number(s->why.grams[level].v));
    set(o, "energy_j", number(belief->energy.v));
    set(o, "time_s", number(belief->time.v));
    set(o, "output_tokens", number(belief->output_tokens));
    set(o, "requests", count(belief->requests));
    return o;
}

/* null without a predictor; what it promises only where it decides. */
static json_t *predictor_object(const struct sprout_snapshot *s)
{
    const struct sprout_plan_predicted *const why = &s->why.predicted;
    char id[17];
    if (s->policy->predictor.file.len == 0) {
        return json_null();
    }
    json_t *const o = json_object();
    snprintf(id, sizeof id, "%016llx", (unsigned long long)s->policy->predictor.id);
    set(o, "id", json_string(id));
    set(o, "decides", json_boolean(why->decides));
    set(o, "samples", count(why->samples));
    if (why->decides) {
        json_t *const mix = json_array();
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            json_array_append_new(mix, number(why->price.mix[l]));
        }
        set(o, "feasible", json_boolean(why->price.feasible));
        set(o, "quality_expected", number(why->price.quality));
        set(o, "tokens_expected", number(why->price.tokens));
        set(o, "tokens_l0", number(why->price.tokens_l0));
        set(o, "caution_g", number(why->caution.v));
        set(o, "mix", mix);
    }
    return o;
}

/* null where it has no floor. */
static json_t *accuracy_object(const struct sprout_snapshot *s)
{
    const struct sprout_plan_accuracy *const a = &s->why.accuracy;
    if (!(a->floor > 0)) {
        return json_null();
    }
    json_t *const o = json_object();
    json_t *const withheld = json_array();
    for (size_t l = 0; l < s->policy->level_count; l++) {
        if ((a->withheld >> l & 1) != 0) {
            json_array_append_new(withheld, text(s->policy->levels[l].name));
        }
    }
    set(o, "floor", number(a->floor));
    set(o, "expected", number(a->mix));
    set(o, "price", number(a->price));
    set(o, "withheld", withheld);
    set(o, "why_not", c_text(a->why));
    return o;
}

static json_t *policy_object(const struct sprout_snapshot *s)
{
    const struct sprout_policy *const p = s->policy;
    if (p == NULL) {
        return json_null();
    }
    json_t *const o = json_object();
    json_t *const levels = json_array();
    for (size_t l = 0; l < p->level_count; l++) {
        json_array_append_new(levels, level_object(s, l));
    }
    set(o, "id", text(p->id));
    set(o, "created", moment(p->created));
    set(o, "valid_until", moment(p->valid_until));
    set(o, "in_force", json_boolean(s->now.ns < p->valid_until.ns));
    set(o, "age_s", number(seconds_between(s->now, p->created)));
    set(o, "floor", number(p->floor));
    set(o, "feasible", json_boolean(s->why.feasible));
    set(o, "price", number(p->price));
    set(o, "holdout", number(p->holdout));
    set(o, "explore", number(p->explore));
    set(o, "quality_source", text(p->quality_source));
    set(o, "quality_expected", number(s->why.quality_mix));
    set(o, "grams_expected", number(s->why.grams_mix.v));
    set(o, "accuracy", accuracy_object(s));
    set(o, "levels", levels);
    set(o, "window", window_object(&s->why.window));
    set(o, "predictor", predictor_object(s));
    return o;
}

static json_t *journal_object(const struct sprout_snapshot *s)
{
    json_t *const o = json_object();

    set(o, "following", json_boolean(s->following));
    set(o, "inode", json_integer((json_int_t)s->position.inode));
    set(o, "offset", count(s->position.offset));
    set(o, "lag_bytes", count(s->lag_bytes));
    set(o, "rotations", count(s->journal.rotations));
    set(o, "truncations", count(s->journal.truncations));
    set(o, "lost_files", count(s->journal.lost_files));
    set(o, "trouble", c_text(s->journal_trouble));
    set(o, "unsettled", count(s->ingest.unsettled));
    return o;
}

static json_t *ledger_object(const struct sprout_snapshot *s)
{
    const bool ok = s->ledger_open && s->ledger_error[0] == '\0';
    json_t *const o = json_object();

    set(o, "state", c_text(ok ? "ok" : "unavailable"));
    set(o, "error", c_text(s->ledger_error));
    set(o, "errors", count(s->ledger_errors));
    set(o, "receipts", count(s->ledger_open ? s->health.receipts : -1));
    set(o, "missing", count(s->ledger_open ? s->health.missing : -1));
    set(o, "damaged", count(s->ledger_open ? s->health.damaged : -1));
    set(o, "duplicates", count(s->ledger_open ? s->health.duplicates : -1));
    set(o, "bytes", count(s->ledger_open ? s->health.bytes : -1));
    return o;
}

static json_t *group_object(const struct sprout_snapshot_group *g)
{
    const struct sprout_store_sum *const sum = &g->sum;
    json_t *const o = json_object();

    set(o, "level", c_text(g->level));
    set(o, "arm", c_text(g->arm));
    set(o, "requests", count(sum->requests));
    for (int i = 0; i <= SPROUT_OUTCOME_REFUSED; i++) {
        set(o, sprout_outcome_text((enum sprout_outcome)i), count(sum->outcome[i]));
    }
    set(o, "metered", count(sum->metered));
    set(o, "prompt_tokens", count(sum->prompt));
    set(o, "completion_tokens", count(sum->completion));
    set(o, "seconds", number((double)sum->duration_us / 1e6));
    set(o, "energy_j", number((double)sum->energy_uj / 1e6));
    set(o, "graded", count(sum->graded));
    set(o, "operational_g", number((double)sum->operational_ug / 1e6));
    set(o, "embodied_g", number((double)sum->embodied_ug / 1e6));
    set(o, "expected_l0_g", number((double)sum->grams_l0_ug / 1e6));
    return o;
}

/* ---- ready ----------------------------------------------------------------------------- */

/* What is not there yet, in words; the count of them. */
static size_t waiting_for(const struct sprout_snapshot *s, const char **out)
{
    size_t n = 0;

    if (s->policy == NULL) {
        out[n++] = s->plan_error[0] == '\0' ? "a first policy" : s->plan_error;
    } else if (s->now.ns >= s->policy->valid_until.ns) {
        out[n++] = "a policy that has not expired";
    }
    if (s->ledger_error[0] != '\0') {
        out[n++] = s->ledger_error;
    } else if (!s->ledger_open) {
        out[n++] = "the ledger";
    }
    return n;
}

bool sprout_snapshot_ready(const struct sprout_snapshot *s)
{
    const char *reasons[REASONS_MAX];
    return waiting_for(s, reasons) == 0;
}

static json_t *reasons_array(const struct sprout_snapshot *s)
{
    const char *reasons[REASONS_MAX];
    const size_t n = waiting_for(s, reasons);
    json_t *const a = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(a, c_text(reasons[i]));
    }
    return a;
}

static void put_object(struct sprout_buf *b, json_t *o)
{
    char *const dump = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
    sprout_buf_put(b, sprout_str_of(dump));
    b->full = b->full || dump == NULL;
    free(dump);
    json_decref(o);
}

void sprout_snapshot_put_ready(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    json_t *const o = json_object();
    set(o, "ready", json_boolean(sprout_snapshot_ready(s)));
    set(o, "waiting_for", reasons_array(s));
    put_object(b, o);
}

/* null without meters.  attributed_j + unattributed_j = measured_j. */
static json_t *meters_object(const struct sprout_snapshot *s)
{
    const struct sprout_metering_state *const m = &s->metering;
    const struct sprout_attribute_totals *const t = &m->totals;
    if (!s->metered) {
        return json_null();
    }
    json_t *const o = json_object();
    set(o, "up", json_boolean(m->up));
    set(o, "method", m->method[0] == '\0' ? json_null() : c_text(m->method));
    set(o, "covers", c_text(m->covers));
    set(o, "error", c_text(m->error));
    set(o, "power_w", number(m->watts));
    set(o, "measured_j", number((double)t->whole.v / 1e6));
    set(o, "attributed_j", number((double)t->parts.v / 1e6));
    set(o, "unattributed_j", number((double)t->unattributed.v / 1e6));
    set(o, "idle_j", number((double)t->idle.v / 1e6));
    set(o, "measured_uj", json_integer(t->whole.v));
    set(o, "attributed_uj", json_integer(t->parts.v));
    set(o, "unattributed_uj", json_integer(t->unattributed.v));
    set(o, "windows", count(t->windows));
    set(o, "gaps", count(t->gaps));
    set(o, "requests_measured", count(t->measured));
    set(o, "requests_not_measured", count(t->unmeasured + t->refused));
    return o;
}

static json_t *names_of(const struct sprout_snapshot *s, uint32_t levels)
{
    json_t *const a = json_array();
    for (size_t l = 0; s->policy != NULL && l < s->policy->level_count; l++) {
        if ((levels >> l & 1) != 0) {
            json_array_append_new(a, text(s->policy->levels[l].name));
        }
    }
    return a;
}

/* By kind, those that are withheld from it alone. */
static json_t *withdrawn_of(const struct sprout_snapshot *s)
{
    json_t *const o = json_object();
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        const uint32_t own = s->withdrawn.of_kind[k] & ~s->withdrawn.of_all;
        if (own != 0) {
            set(o, sprout_kind_text((enum sprout_kind)k), names_of(s, own));
        }
    }
    return o;
}

/* null: the grid tells of no hour that could be waited for. */
static json_t *next_object(const struct sprout_snapshot_evaluation *e)
{
    if (!e->wait_known) {
        return json_null();
    }
    const bool hour_known = e->wait.best == 0 || !isnan(e->wait.value.v);
    json_t *const o = json_object();
    set(o, "in_hours", hour_known ? count(e->wait.best) : json_null());
    set(o, "g_per_kwh", number(e->wait.value.v));
    set(o, "within_hours", count(e->wait.most));
    return o;
}

static json_t *evaluation_object(const struct sprout_snapshot_evaluation *e)
{
    json_t *const o = json_object();

    set(o, "by_itself", json_boolean(e->by_itself));
    set(o, "when", c_text(sprout_invocation_text(e->when)));
    set(o, "next", next_object(e));
    if (e->id == 0) {
        set(o, "newest", json_null());
        return o;
    }
    json_t *const n = json_object();
    set(n, "evaluation", count(e->id));
    set(n, "state", c_text(e->state));
    set(n, "created", moment(e->created));
    set(n, "finished", e->finished.ns < 0 ? json_null() : moment(e->finished));
    set(n, "prompts", count(e->prompts));
    set(n, "done", count(e->done));
    set(n, "verdicts", count(e->verdicts));
    set(n, "note", c_text(e->note));
    set(o, "newest", n);
    return o;
}

static json_t *feedback_object(const struct sprout_snapshot *s)
{
    if (s->feedback == NULL) {
        return json_null();
    }
    json_t *const o = sprout_feedback_json(s->feedback, s->signs);
    set(o, "withdrawn", names_of(s, s->withdrawn.of_all));
    set(o, "withdrawn_of", withdrawn_of(s));
    return o;
}

void sprout_snapshot_put(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    json_t *const o = json_object();
    json_t *const groups = json_array();

    for (size_t i = 0; i < s->groups; i++) {
        json_array_append_new(groups, group_object(&s->group[i]));
    }
    set(o, "version", c_text(SPROUT_VERSION));
    set(o, "pid", json_integer(s->pid));
    set(o, "now", moment(s->now));
    set(o, "started", moment(s->started));
    set(o, "ready", json_boolean(sprout_snapshot_ready(s)));
    set(o, "waiting_for", reasons_array(s));
    set(o, "dir", c_text(s->dir));
    set(o, "listen", c_text(s->listen));
    set(o, "admin", c_text(s->admin));
    set(o, "upstream", c_text(s->upstream));
    set(o, "grid", place_object(s, &s->place[0], &s->why));
    set(o, "zones", zones_array(s));
    set(o, "policy", policy_object(s));
    set(o, "plans", count(s->plans));
    set(o, "plan_errors", count(s->plan_errors));
    set(o, "plan_error", c_text(s->plan_error));
    set(o, "journal", journal_object(s));
    set(o, "ledger", ledger_object(s));
    set(o, "meters", meters_object(s));
    set(o, "evaluation", evaluation_object(&s->evaluation));
    set(o, "feedback", feedback_object(s));
    set(o, "requests", groups);
    put_object(b, o);
}
