/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.h - what the grid will be in the coming hours, from its own past.
 *
 * A profile (the mean of each hour of the week over the last weeks, pulled towards the mean
 * of that hour of the day where there are few weeks) plus what is left of today's deviation
 * from it, which fades with every hour ahead:
 *     f(t + k) = profile(t + k) + persistence^k * (x(t) - profile(t)), not below 0.
 * Where a provider has a forecast of its own, that one is used instead, and this is not
 * asked.
 * Unknown values (NaN) are left out; with no known value the forecast is NaN.
 * Pure, no allocation; O(past + ahead). */
#ifndef SPROUT_CORE_FORECAST_H
#define SPROUT_CORE_FORECAST_H

#include <stddef.h>

#include "core/units.h"

enum { SPROUT_FORECAST_WEEK = 168 };

struct sprout_forecast_rule {
    int64_t weeks;      /* of the past that make the profile */
    double persistence; /* of a deviation, per hour */
    double shrink;      /* weeks' worth of trust in the hour of the day */
};

/* Chosen on the ten zones of 2023 (tests/unit/forecast.c shows the errors). */
extern const struct sprout_forecast_rule sprout_forecast_default;

/* `past`: hourly values, the last one is now and began at `now_hour` (hours since 1970).
 * out[0] is the hour after now. */
void sprout_forecast_make(const struct sprout_forecast_rule *rule,
                          const sprout_g_per_kwh *past, size_t count, int64_t now_hour,
                          sprout_g_per_kwh *out, size_t out_count);

/* How wrong the rule would have been on `values` (hourly, the first began at `first_hour`):
 * every known hour from the `past`-th on, its next `ahead` (at most a week) hours foretold
 * from the `past` hours up to it alone.  out[k] is about k + 1 hours ahead; n 0 and NaN
 * where there was nothing to compare. */
struct sprout_forecast_error {
    double ours;   /* mean absolute error, g/kWh */
    double as_now; /* that of the guess that nothing changes */
    int64_t n;
};
void sprout_forecast_measure(const struct sprout_forecast_rule *rule,
                             const sprout_g_per_kwh *values, size_t count,
                             int64_t first_hour, size_t past,
                             struct sprout_forecast_error *out, size_t ahead);

#endif
