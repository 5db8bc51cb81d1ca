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
                         struct sprout_grid_ahead *out)
{
    struct sprout_grid_list *const list = sprout_grid_as_list(g);
    struct sprout_grid_point *const points =
        list == NULL ? NULL : calloc(SPROUT_GRID_POINTS_MAX, sizeof points[0]);
    const size_t n = points == NULL ? 0
                                    : sprout_grid_list_ahead(list, now, points,
                                                             SPROUT_GRID_POINTS_MAX);

    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        struct sprout_grid_hour *const hour = &out->hour[h];
        double sum = 0;
        int64_t count = 0;
        for (size_t i = 0; i < n; i++) {
            if (sprout_instant_hour(points[i].start) ==
                sprout_instant_hour(hour->start)) {
                sum += points[i].intensity.v;
                count++;
            }
        }
        hour->intensity.v = count > 0 ? sum / (double)count : (double)NAN;
    }
    free(points);
}

static void foretell(const sprout_g_per_kwh *past, int64_t hour,
                     struct sprout_grid_ahead *out)
{
    sprout_g_per_kwh guess[SPROUT_GRID_DAY];

    sprout_forecast_make(&sprout_forecast_default, past, PAST_HOURS, hour, guess,
                         SPROUT_GRID_DAY);
    sprout_forecast_measure(&sprout_forecast_default, past, PAST_HOURS,
                            hour - (PAST_HOURS - 1), RULE_HOURS, out->error,
                            SPROUT_GRID_DAY);
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        if (isnan(out->hour[h].intensity.v) && !isnan(guess[h].v)) {
            out->hour[h].intensity = guess[h];
            out->hour[h].ours = out->ours = true;
        }
    }
}

void sprout_grid_look_ahead(struct sprout_grid *g, sprout_instant now,
                            struct sprout_grid_ahead *out)
{
    const int64_t here = sprout_instant_hour(sprout_grid_clock(g, now));
    sprout_g_per_kwh *const past = calloc(PAST_HOURS, sizeof past[0]);
    int known = 0;

    *out = (struct sprout_grid_ahead){.any = false};
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        out->hour[h].start.ns = (here + 1 + h) * SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
    }
    ask_provider(g, now, out);
    if (past != NULL) {
        sprout_grid_past(g, now, past, PAST_HOURS);
        for (int i = 0; i < PAST_HOURS; i++) {
            known += !isnan(past[i].v);
        }
    }
    if (known >= KNOWN_MIN) {
        foretell(past, here, out);
    }
    for (int h = 0; h < SPROUT_GRID_DAY; h++) {
        out->any = out->any || !isnan(out->hour[h].intensity.v);
    }
    free(past);
}
