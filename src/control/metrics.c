/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - a snapshot as Prometheus text (exposition format 0.0.4).
 *
 * Every metric is a row of a table: name, type, help, and where its number comes from.
 * Names carry their unit; counters over requests come from the ledger and so go on where
 * they were after a restart.  Labels are level and arm only: both are ours and few, where
 * a model's name would be a client's (telemetry.c has those, bounded). */
#include "control/snapshot.h"

#include <math.h>
#include <stdio.h>

enum { MICRO = 1000000 };

static void put(struct sprout_buf *b, const char *s)
{
    sprout_buf_put(b, sprout_str_of(s));
}

static void put_head(struct sprout_buf *b, const char *name, const char *type,
                     const char *help)
{
    sprout_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_value(struct sprout_buf *b, double v)
{
    sprout_buf_byte(b, ' ');
    if (isfinite(v)) {
        sprout_buf_f64(b, v);
    } else {
        put(b, "NaN");
    }
    sprout_buf_byte(b, '\n');
}

/* ---- per level and arm ----------------------------------------------------------------- */

typedef double sum_fn(const struct sprout_store_sum *sum);

static double prompt(const struct sprout_store_sum *s)
{
    return (double)s->prompt;
}
static double completion(const struct sprout_store_sum *s)
{
    return (double)s->completion;
}
static double duration(const struct sprout_store_sum *s)
{
    return (double)s->duration_us / MICRO;
}
static double overhead(const struct sprout_store_sum *s)
{
    return (double)s->overhead_us / MICRO;
}
static double energy(const struct sprout_store_sum *s)
{
    return (double)s->energy_uj / MICRO;
}
static double operational(const struct sprout_store_sum *s)
{
    return (double)s->operational_ug / MICRO;
}
static double embodied(const struct sprout_store_sum *s)
{
    return (double)s->embodied_ug / MICRO;
}
static double expected_l0(const struct sprout_store_sum *s)
{
    return (double)s->grams_l0_ug / MICRO;
}
static double unmetered(const struct sprout_store_sum *s)
{
    return (double)(s->requests - s->metered);
}

static const struct {
    const char *name;
    const char *help;
    sum_fn *value;
} sums[] = {
    {"sprout_prompt_tokens_total", "Prompt tokens of metered requests.", prompt},
    {"sprout_completion_tokens_total", "Completion tokens of metered requests.",
     completion},
    {"sprout_duration_seconds_total", "Time from request to last byte.", duration},
    {"sprout_overhead_seconds_total", "Time spent in the module itself.", overhead},
    {"sprout_energy_joules_total", "Energy, by the method its receipts name.", energy},
    {"sprout_operational_grams_total", "Operational g CO2e of requests with known grid.",
     operational},
    {"sprout_embodied_grams_total", "Embodied g CO2e.", embodied},
    {"sprout_expected_l0_grams_total",
     "g CO2e the same requests were expected to cost at L0 (a belief; sprout report "
     "measures).",
     expected_l0},
    {"sprout_unmetered_requests_total", "Requests whose energy is unknown.", unmetered},
};

static void put_labels(struct sprout_buf *b, const char *name,
                       const struct sprout_snapshot_group *g)
{
    put(b, name);
    put(b, "{level=");
    sprout_buf_json(b, sprout_str_of(g->level));
    put(b, ",arm=");
    sprout_buf_json(b, sprout_str_of(g->arm));
}

static void put_groups(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    put_head(b, "sprout_requests_total", "counter", "Requests in the ledger.");
    for (size_t i = 0; i < s->groups; i++) {
        for (int o = 0; o <= SPROUT_OUTCOME_REFUSED; o++) {
            put_labels(b, "sprout_requests_total", &s->group[i]);
            put(b, ",outcome=");
            sprout_buf_json(b,
                            sprout_str_of(sprout_outcome_text((enum sprout_outcome)o)));
            sprout_buf_byte(b, '}');
            put_value(b, (double)s->group[i].sum.outcome[o]);
        }
    }
    for (size_t m = 0; m < sizeof sums / sizeof sums[0]; m++) {
        put_head(b, sums[m].name, "counter", sums[m].help);
        for (size_t i = 0; i < s->groups; i++) {
            put_labels(b, sums[m].name, &s->group[i]);
            sprout_buf_byte(b, '}');
            put_value(b, sums[m].value(&s->group[i].sum));
        }
    }
}

/* ---- single values --------------------------------------------------------------------- */

static double age(sprout_instant now, sprout_instant then)
{
    return (double)sprout_instant_since(now, then).ns / SPROUT_NS_PER_SECOND;
}

static void put_gauge(struct sprout_buf *b, const char *name, const char *help, double v)
{
    put_head(b, name, "gauge", help);
    put(b, name);
    put_value(b, v);
}

static void put_counter(struct sprout_buf *b, const char *name, const char *help,
                        int64_t n)
{
    put_head(b, name, "counter", help);
    put(b, name);
    put_value(b, (double)n);
}

static void put_zone(struct sprout_buf *b, const char *name, struct sprout_str zone)
{
    put(b, name);
    put(b, "{zone=");
    sprout_buf_json(b, zone);
}

static double grid_age(const struct sprout_snapshot *s,
                       const struct sprout_snapshot_place *p)
{
    return p->grid.quality == SPROUT_GRID_NONE ? NAN : age(s->now, p->grid.received_at);
}

/* A place's providers, bounded by the configuration. */
static const struct {
    const char *name;
    const char *type;
    const char *help;
} provider_series[] = {
    {"sprout_grid_provider_up", "gauge",
     "1 when its last answer was good; NaN while it need not be asked."},
    {"sprout_grid_provider_age_seconds", "gauge", "Time since its last good answer."},
    {"sprout_grid_provider_answers_total", "counter", "Answers, good and bad."},
    {"sprout_grid_provider_invalid_total", "counter", "Answers that cannot be right."},
};

static double provider_value(const struct sprout_snapshot *s,
                             const struct sprout_grid_live_state *t, size_t series)
{
    switch (series) {
    case 0:
        return t->asked ? t->trouble == SPROUT_GRID_TROUBLE_FINE : NAN;
    case 1:
        return t->last_success.ns == 0 ? NAN : age(s->now, t->last_success);
    case 2:
        return (double)t->answers;
    default:
        return (double)t->invalid;
    }
}

static void put_providers(struct sprout_buf *b, const struct sprout_snapshot *s,
                          size_t series)
{
    for (size_t i = 0; i < s->places; i++) {
        const struct sprout_snapshot_place *const p = &s->place[i];
        for (size_t k = 0; k < p->providers; k++) {
            char order[40];
            const struct sprout_grid_live_state *const t = &p->provider[k].state;
            snprintf(order, sizeof order, ",order=\"%zu\"}", k + 1);
            put_zone(b, provider_series[series].name, p->grid.zone);
            put(b, ",provider=");
            sprout_buf_json(b, sprout_str_of(t->provider));
            put(b, order);
            put_value(b, provider_value(s, t, series));
        }
    }
}

/* Places beside home; those without a provider list have nothing of theirs to tell. */
static void put_zones(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    if (s->places < 2) {
        return;
    }
    put_head(b, "sprout_grid_zone_age_seconds", "gauge",
             "Time since the grid value of a zone was received.");
    for (size_t i = 0; i < s->places; i++) {
        put_zone(b, "sprout_grid_zone_age_seconds", s->place[i].grid.zone);
        put(b, "}");
        put_value(b, grid_age(s, &s->place[i]));
    }
    put_head(b, "sprout_policy_zone_share_ratio", "gauge",
             "Share of requests given a level in a zone beside the first.");
    for (size_t i = 1; i < s->places; i++) {
        const struct sprout_policy_zone *const z = s->place[i].policy;
        for (size_t l = 0; z != NULL && l < s->policy->level_count; l++) {
            put_zone(b, "sprout_policy_zone_share_ratio", s->place[i].grid.zone);
            put(b, ",level=");
            sprout_buf_json(b, s->policy->levels[l].name);
            put(b, "}");
            put_value(b, z->mix[0][l]);
        }
    }
}

static void put_grid(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    int64_t backfilled = 0;

    put_head(b, "sprout_grid_grams_per_kwh", "gauge",
             "Carbon intensity in force; quality \"assumed\" is no measurement.");
    for (size_t i = 0; i < s->places; i++) {
        const struct sprout_grid_value *const g = &s->place[i].grid;
        put_zone(b, "sprout_grid_grams_per_kwh", g->zone);
        put(b, ",quality=");
        sprout_buf_json(b, sprout_str_of(sprout_grid_quality_text(g->quality)));
        put(b, "}");
        put_value(b, g->intensity.v);
        backfilled += s->place[i].backfilled;
    }
    put_gauge(b, "sprout_grid_age_seconds", "Time since the grid value was received.",
              grid_age(s, &s->place[0]));
    put_counter(b, "sprout_grid_errors_total", "Times the grid had no value.",
                s->place[0].errors);
    put_counter(b, "sprout_grid_backfilled_requests_total",
                "Requests whose grams came when the grid's past was known.", backfilled);
    for (size_t n = 0; n < sizeof provider_series / sizeof provider_series[0]; n++) {
        put_head(b, provider_series[n].name, provider_series[n].type,
                 provider_series[n].help);
        put_providers(b, s, n);
    }
    put_zones(b, s);
}

static void put_policy(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    const struct sprout_policy *const p = s->policy;

    put_gauge(b, "sprout_policy_age_seconds", "Time since the policy was made.",
              p == NULL ? NAN : age(s->now, p->created));
    put_gauge(b, "sprout_policy_valid_seconds", "Time until the policy expires.",
              p == NULL ? NAN : age(p->valid_until, s->now));
    put_gauge(b, "sprout_policy_floor_ratio", "Least quality relative to L0.",
              p == NULL ? NAN : p->floor);
    put_gauge(b, "sprout_window_account_requests",
              "Requests' worth of L0's quality over the floor of the day or month; less "
              "than 0 is a debt.",
              s->why.window.used ? s->why.window.account : NAN);
    put_gauge(b, "sprout_window_in_reach",
              "1 while the floor of the day or month can still be kept.",
              s->why.window.used ? (double)s->why.window.in_reach : NAN);
    put_head(b, "sprout_policy_share_ratio", "gauge", "Share of requests given a level.");
    for (size_t l = 0; p != NULL && l < p->level_count; l++) {
        put(b, "sprout_policy_share_ratio{level=");
        sprout_buf_json(b, p->levels[l].name);
        sprout_buf_byte(b, '}');
        put_value(b, p->strata[0].mix[l]);
    }
    put_counter(b, "sprout_plans_total", "Policies published.", s->plans);
    put_counter(b, "sprout_plan_errors_total", "Plans that failed.", s->plan_errors);
}

static void put_journal(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    put_gauge(b, "sprout_journal_lag_bytes", "Journal bytes not yet in the ledger.",
              s->following && s->lag_bytes >= 0 ? (double)s->lag_bytes : NAN);
    put_counter(b, "sprout_journal_rotations_total", "Rotations followed.",
                s->journal.rotations);
    put_counter(b, "sprout_journal_truncations_total",
                "Truncations in place (copytruncate), which lose lines.",
                s->journal.truncations);
    put_counter(b, "sprout_journal_lost_files_total", "Journal files gone unread.",
                s->journal.lost_files);
}

static void put_ledger(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    const bool ok = s->ledger_open && s->ledger_error[0] == '\0';

    put_gauge(b, "sprout_ledger_up", "1 when the ledger can be written.", ok);
    put_counter(b, "sprout_ledger_errors_total", "Failed transactions.",
                s->ledger_errors);
    if (!s->ledger_open) {
        return;
    }
    put_counter(b, "sprout_journal_missing_lines_total",
                "Lines never seen, by sequence number.", s->health.missing);
    put_counter(b, "sprout_journal_damaged_lines_total", "Lines that cannot be read.",
                s->health.damaged);
    put_counter(b, "sprout_journal_duplicate_lines_total", "Lines that came twice.",
                s->health.duplicates);
    put_gauge(b, "sprout_feedback_alarms",
              "Levels disliked more than the holdout, by a test valid at every look.",
              s->feedback == NULL ? 0 : (double)s->feedback->raised);
    put_gauge(b, "sprout_signs_alarms",
              "Levels after which people come back sooner than in the holdout.",
              s->signs == NULL ? 0 : (double)s->signs->feedback.raised);
    put_gauge(b, "sprout_ledger_bytes", "Size of the database.", (double)s->health.bytes);
}

static void put_meters(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    const struct sprout_attribute_totals *const t = &s->metering.totals;

    put_gauge(b, "sprout_meter_up", "1 when the last reading of the meters was good.",
              s->metering.up);
    put_gauge(b, "sprout_meter_power_watts", "Mean power of the last window.",
              s->metering.watts);
    put_head(b, "sprout_meter_energy_joules_total", "counter",
             "Measured energy that has been divided.");
    put(b, "sprout_meter_energy_joules_total");
    put_value(b, (double)t->whole.v / MICRO);
    put_head(b, "sprout_meter_share_joules", "gauge",
             "Of that, what requests took and what is nobody's; a request that cannot be "
             "settled moves its part.");
    put(b, "sprout_meter_share_joules{share=\"attributed\"}");
    put_value(b, (double)t->parts.v / MICRO);
    put(b, "sprout_meter_share_joules{share=\"unattributed\"}");
    put_value(b, (double)t->unattributed.v / MICRO);
    put_head(b, "sprout_meter_idle_joules_total", "counter",
             "Of that, what the machine takes anyway (metering.idle_watts).");
    put(b, "sprout_meter_idle_joules_total");
    put_value(b, (double)t->idle.v / MICRO);
    put_counter(b, "sprout_meter_windows_total", "Windows divided.", t->windows);
    put_counter(b, "sprout_meter_gaps_total", "Windows without a good reading.", t->gaps);
}

void sprout_snapshot_put_metrics(struct sprout_buf *b, const struct sprout_snapshot *s)
{
    put_head(b, "sprout_build_info", "gauge", "Always 1.");
    put(b, "sprout_build_info{version=\"" SPROUT_VERSION "\"} 1\n");
    put_gauge(b, "sprout_ready", "1 when serving is planned and accounted.",
              sprout_snapshot_ready(s));
    put_grid(b, s);
    put_policy(b, s);
    put_journal(b, s);
    put_ledger(b, s);
    if (s->metered) {
        put_meters(b, s);
    }
    if (s->ledger_open) {
        put_groups(b, s);
    }
    if (s->telemetry != NULL) {
        sprout_telemetry_put(b, s->telemetry);
    }
}
