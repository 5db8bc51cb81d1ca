/* SPDX-License-Identifier: Apache-2.0 */
/* window.c - see window.h. */
#include "control/window.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "core/instant.h"

enum { HOURS = 24, SECONDS_PER_HOUR = 3600, MONTHS = 12 };

/* Of the mean: no hour is quite without requests. */
#define HARDLY_ANY 1e-3

static const int64_t hour_ns = SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;

/* ---- from when to when ----------------------------------------------------------------- */

/* Days since 1970 of the first of the month that lies `later` months after that of `day`. */
static int64_t first_of_month(int64_t day, int later)
{
    const time_t t = (time_t)(day * HOURS * SECONDS_PER_HOUR);
    struct tm date;
    gmtime_r(&t, &date);
    const int month = date.tm_mon + later;
    date = (struct tm){
        .tm_year = date.tm_year + month / MONTHS, .tm_mon = month % MONTHS, .tm_mday = 1};
    return (int64_t)timegm(&date) / (HOURS * SECONDS_PER_HOUR);
}

void sprout_window_begin(struct sprout_window *w, enum sprout_window_kind kind,
                         sprout_instant clock)
{
    const int64_t here = sprout_instant_hour(clock);
    const int64_t day = (here - (here % HOURS + HOURS) % HOURS) / HOURS;
    const bool month = kind == SPROUT_WINDOW_MONTH;
    const int64_t from = month ? first_of_month(day, 0) : day;
    const int64_t until = month ? first_of_month(day, 1) : day + 1;

    memset(w, 0, sizeof *w);
    w->clock = clock;
    w->first_hour = INT64_MAX;
    w->plan = (struct sprout_plan_window){
        .kind = kind,
        .start = {from * HOURS * hour_ns},
        .end = {until * HOURS * hour_ns},
        .hour = w->hour,
        .weight = w->weight,
        .hours = (size_t)(until * HOURS - here),
    };
    for (size_t h = 0; h < w->plan.hours; h++) {
        w->hour[h] = (struct sprout_grid_hour){.start = {(here + (int64_t)h) * hour_ns},
                                               .intensity = {NAN}};
    }
}

sprout_instant sprout_window_since(const struct sprout_window *w)
{
    const int64_t traffic =
        (sprout_instant_hour(w->clock) - SPROUT_WINDOW_TRAFFIC_DAYS * HOURS) * hour_ns;
    const int64_t start = w->plan.start.ns;
    return (sprout_instant){start < traffic ? start : traffic};
}

/* ---- what was served ------------------------------------------------------------------- */

/* Rules of the configuration that leave levels and floor alone, and those that withhold
 * levels from all, have the plan of those without a rule. */
static bool planned_with_all(const struct sprout_config *config, struct sprout_str rule)
{
    for (uint32_t i = 0; i < config->rules_count; i++) {
        const struct sprout_config_rule *const r = &config->rules[i];
        if (sprout_str_eq(rule, sprout_str_of(r->name))) {
            return !r->off && r->levels_count == 0 && isnan(r->floor);
        }
    }
    return rule.len == 0 || sprout_str_eq(rule, SPROUT_STR(SPROUT_PLAN_WITHDRAWN)) ||
           sprout_str_eq(rule, SPROUT_STR(SPROUT_PLAN_UNKNOWN));
}

static int level_of(const struct sprout_config *config, struct sprout_str name)
{
    for (uint32_t l = 0; l < config->levels_count; l++) {
        if (sprout_str_eq(name, sprout_str_of(config->levels[l].name))) {
            return (int)l;
        }
    }
    return -1;
}

static void note_traffic(struct sprout_window *w, int64_t hour, int64_t requests)
{
    const int64_t here = sprout_instant_hour(w->clock);
    if (hour < here && hour >= here - SPROUT_WINDOW_TRAFFIC_DAYS * HOURS) {
        w->by_day_hour[(hour % HOURS + HOURS) % HOURS] += (double)requests;
        w->first_hour = hour < w->first_hour ? hour : w->first_hour;
    }
}

void sprout_window_note(struct sprout_window *w, const struct sprout_config *config,
                        sprout_instant at, const struct sprout_store_sum *sum)
{
    const bool ours = sprout_str_eq(sum->arm, SPROUT_STR("mix")) ||
                      sprout_str_eq(sum->arm, SPROUT_STR("explore"));
    const int level = level_of(config, sum->level);
    const int kind = sprout_kind_of(sum->stratum);
    const int64_t answered =
        sum->outcome[SPROUT_OUTCOME_OK] + sum->outcome[SPROUT_OUTCOME_CLIENT_CLOSED];
    if (!ours || level < 0 || answered <= 0 || !planned_with_all(config, sum->rule)) {
        return;
    }
    note_traffic(w, sprout_instant_hour(at), answered);
    if (at.ns >= w->plan.start.ns && at.ns < w->plan.end.ns) {
        struct sprout_plan_served *const s = &w->plan.served[level];
        s->requests += answered;
        s->predicted += sum->predicted;
        if (kind >= 0) {
            s->of_kind[kind] += sum->predicted;
        }
        s->quality += (double)sum->quality / SPROUT_PREDICT_ONE;
        s->quality_l0 += (double)sum->quality_l0 / SPROUT_PREDICT_ONE;
    }
}

/* ---- what is expected ------------------------------------------------------------------ */

/* How often the traffic of an hour of the day was seen whole. */
static int64_t times_seen(const struct sprout_window *w, int64_t day_hour)
{
    const int64_t here = sprout_instant_hour(w->clock);
    int64_t n = 0;
    for (int64_t h = w->first_hour; h < here; h++) {
        n += (h % HOURS + HOURS) % HOURS == day_hour;
    }
    return n;
}

void sprout_window_finish(struct sprout_window *w)
{
    const int64_t here = sprout_instant_hour(w->clock);
    const double passed = (double)(w->clock.ns - here * hour_ns) / (double)hour_ns;
    double expected[HOURS], mean = 0;

    w->plan.traffic_hours = w->first_hour < here ? here - w->first_hour : 0;
    for (int64_t h = 0; h < HOURS; h++) {
        const int64_t seen = w->plan.traffic_hours > 0 ? times_seen(w, h) : 0;
        expected[h] = seen > 0 ? w->by_day_hour[h] / (double)seen : 0;
        mean += expected[h] / HOURS;
    }
    for (size_t h = 0; h < w->plan.hours; h++) {
        const int64_t hour = here + (int64_t)h;
        w->weight[h] = fmax(expected[(hour % HOURS + HOURS) % HOURS], HARDLY_ANY * mean);
    }
    w->weight[0] *= fmax(1 - passed, HARDLY_ANY);
}
