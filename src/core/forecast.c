/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.c - see forecast.h. */
#include "core/forecast.h"

enum { DAY = 24, WEEK = SPROUT_FORECAST_WEEK };

const struct sprout_forecast_rule sprout_forecast_default = {
    .weeks = 2,
    .persistence = 0.98,
    .shrink = 8,
};

struct mean {
    double sum;
    double n;
};

static void add(struct mean *m, double v)
{
    m->sum += v;
    m->n++;
}

/* The mean, pulled towards `prior` as if `weight` more values had said so. */
static double towards(const struct mean *m, double prior, double weight)
{
    return (m->sum + weight * prior) / (m->n + weight);
}

static size_t week_hour(int64_t hour)
{
    return (size_t)(((hour % WEEK) + WEEK) % WEEK);
}

static void make_profile(const struct sprout_forecast_rule *rule,
                         const sprout_g_per_kwh *past, size_t count, int64_t now_hour,
                         double profile[WEEK])
{
    struct mean all = {0}, day[DAY] = {{0}}, week[WEEK] = {{0}};
    const size_t span = (size_t)rule->weeks * WEEK;

    for (size_t i = count > span ? count - span : 0; i < count; i++) {
        const size_t h = week_hour(now_hour - (int64_t)(count - 1 - i));
        if (!isnan(past[i].v)) {
            add(&all, past[i].v);
            add(&day[h % DAY], past[i].v);
            add(&week[h], past[i].v);
        }
    }
    for (size_t h = 0; h < WEEK; h++) {
        const double of_day = towards(&day[h % DAY], all.sum / all.n, 1);
        profile[h] = towards(&week[h], of_day, rule->shrink);
    }
}

/* The newest known value's deviation from the profile, faded to now. */
static double deviation_now(const struct sprout_forecast_rule *rule,
                            const sprout_g_per_kwh *past, size_t count, int64_t now_hour,
                            const double profile[WEEK])
{
    for (size_t age = 0; age < count; age++) {
        const double v = past[count - 1 - age].v;
        if (!isnan(v)) {
            const double off = v - profile[week_hour(now_hour - (int64_t)age)];
            return off * pow(rule->persistence, (double)age);
        }
    }
    return NAN;
}

void sprout_forecast_make(const struct sprout_forecast_rule *rule,
                          const sprout_g_per_kwh *past, size_t count, int64_t now_hour,
                          sprout_g_per_kwh *out, size_t out_count)
{
    double profile[WEEK];
    make_profile(rule, past, count, now_hour, profile);
    double off = deviation_now(rule, past, count, now_hour, profile);
    for (size_t k = 0; k < out_count; k++) {
        off *= rule->persistence;
        const double v = profile[week_hour(now_hour + 1 + (int64_t)k)] + off;
        out[k].v = v < 0 ? 0 : v;
    }
}

void sprout_forecast_measure(const struct sprout_forecast_rule *rule,
                             const sprout_g_per_kwh *values, size_t count,
                             int64_t first_hour, size_t past,
                             struct sprout_forecast_error *out, size_t ahead)
{
    sprout_g_per_kwh guess[WEEK];

    for (size_t k = 0; k < ahead; k++) {
        out[k] = (struct sprout_forecast_error){.n = 0};
    }
    for (size_t i = past; i + 1 < count; i++) {
        const size_t rest = count - i - 1 < ahead ? count - i - 1 : ahead;
        if (isnan(values[i].v)) {
            continue;
        }
        sprout_forecast_make(rule, values + i + 1 - past, past, first_hour + (int64_t)i,
                             guess, rest);
        for (size_t k = 0; k < rest; k++) {
            const double real = values[i + 1 + k].v;
            if (!isnan(real) && !isnan(guess[k].v)) {
                out[k].ours += fabs(guess[k].v - real);
                out[k].as_now += fabs(values[i].v - real);
                out[k].n++;
            }
        }
    }
    for (size_t k = 0; k < ahead; k++) {
        out[k].ours = out[k].n > 0 ? out[k].ours / (double)out[k].n : (double)NAN;
        out[k].as_now = out[k].n > 0 ? out[k].as_now / (double)out[k].n : (double)NAN;
    }
}
