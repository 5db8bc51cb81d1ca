/* SPDX-License-Identifier: Apache-2.0 */
/* grid_ahead.c - see grid_ahead.h. */
#include "adapt/grid_ahead.h"

#include <stdlib.h>

#include "adapt/grid_list.h"
#include "core/instant.h"

enum {
    WEEK = SPROUT_FORECAST_WEEK,
    RULE_HOURS = 2 * WEEK,          /* that a forecast looks back */
    PAST_HOURS = RULE_HOURS + WEEK, /* and a week to try it on */
    KNOWN_MIN = 24,                 /* of them: less than a day says nothing of a day */
    SECONDS_PER_HOUR = 3600,
};

static void ask_provider(struct sprout_grid *g, sprout_instant now,
                         struct sprout_grid_hour *out, size_t hours)
{
    struct sprout_grid_list *const list = sprout_grid_as_list(g);
    struct sprout_grid_point *const points =
        list == NULL ? NULL : calloc(SPROUT_GRID_POINTS_MAX, sizeof points[0]);
    const size_t n = points == NULL ? 0
                                    : sprout_grid_list_ahead(list, now, points,
                                                             SPROUT_GRID_POINTS_MAX);

    for (size_t h = 0; h < hours; h++) {
        double sum = 0;
        int64_t count = 0;
        for (size_t i = 0; i < n; i++) {
            if (sprout_instant_hour(points[i].start) ==
                sprout_instant_hour(out[h].start)) {
                sum += points[i].intensity.v;
                count++;
            }
        }
        out[h].intensity.v = count > 0 ? sum / (double)count : (double)NAN;
    }
    free(points);
}

/* The hours that nobody foretold, from the past; NULL: not enough of it.  The caller frees
 * what it gets, PAST_HOURS of values. */
static sprout_g_per_kwh *fill(struct sprout_grid *g, sprout_instant now,
                              struct sprout_grid_hour *out, size_t hours)
{
    sprout_g_per_kwh *const past = calloc(PAST_HOURS, sizeof past[0]);
    sprout_g_per_kwh *const guess = calloc(hours, sizeof guess[0]);
    int known = 0;

    if (past != NULL) {
        sprout_grid_past(g, now, past, PAST_HOURS);
        for (int i = 0; i < PAST_HOURS; i++) {
            known += !isnan(past[i].v);
        }
    }
    if (guess == NULL || known < KNOWN_MIN) {
        free(guess);
        free(past);
        return NULL;
    }
    sprout_forecast_make(&sprout_forecast_default, past, PAST_HOURS,
                         sprout_instant_hour(sprout_grid_clock(g, now)), guess, hours);
    for (size_t h = 0; h < hours; h++) {
        if (isnan(out[h].intensity.v) && !isnan(guess[h].v)) {
            out[h].intensity = guess[h];
            out[h].ours = true;
        }
    }
    free(guess);
    return past;
}

static sprout_g_per_kwh *foretell(struct sprout_grid *g, sprout_instant now,
                                  struct sprout_grid_hour *out, size_t hours)
{
    const int64_t here = sprout_instant_hour(sprout_grid_clock(g, now));
    for (size_t h = 0; h < hours; h++) {
        const int64_t hour = here + 1 + (int64_t)h;
        out[h] = (struct sprout_grid_hour){
            .start = {hour * SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND}};
    }
    ask_provider(g, now, out, hours);
    return fill(g, now, out, hours);
}

bool sprout_grid_foretell(struct sprout_grid *g, sprout_instant now,
                          struct sprout_grid_hour *out, size_t hours)
{
    bool any = false;
    if (hours > 0) {
        free(foretell(g, now, out, hours));
    }
    for (size_t h = 0; h < hours; h++) {
        any = any || !isnan(out[h].intensity.v);
    }
    return any;
}

void sprout_grid_look_ahead(struct sprout_grid *g, sprout_instant now,
                            struct sprout_grid_ahead *out)
{
    *out = (struct sprout_grid_ahead){.any = false};
    sprout_g_per_kwh *const past = foretell(g, now, out->hour, SPROUT_GRID_DAY);
    if (past != NULL) {
        const int64_t here = sprout_instant_hour(sprout_grid_clock(g, now));
        sprout_forecast_measure(&sprout_forecast_default, past, PAST_HOURS,
                                here - (PAST_HOURS - 1), RULE_HOURS, out->error,
                                SPROUT_GRID_DAY);
    }
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        out->any = out->any || !isnan(out->hour[h].intensity.v);
        out->ours = out->ours || out->hour[h].ours;
    }
    free(past);
}
