/* SPDX-License-Identifier: Apache-2.0 */
/* alarm.c - see alarm.h.  Wealth is kept as a logarithm: a year of ratings overflows it. */
#include "core/alarm.h"

#include <math.h>

static const double bets[SPROUT_ALARM_BETS] = {0.05, 0.1, 0.2, 0.4, 0.7};

static double mean_log(const double *log_wealth)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < SPROUT_ALARM_BETS; i++) {
        top = fmax(top, log_wealth[i]);
    }
    for (int i = 0; i < SPROUT_ALARM_BETS; i++) {
        sum += exp(log_wealth[i] - top) / SPROUT_ALARM_BETS;
    }
    return top + log(sum);
}

static void bet(struct sprout_alarm *a)
{
    const double x =
        a->waiting[1] / (double)a->waiting_n[1] - a->waiting[0] / (double)a->waiting_n[0];
    for (int i = 0; i < SPROUT_ALARM_BETS; i++) {
        a->log_wealth[i] += log1p(bets[i] * x);
    }
    for (int arm = 0; arm < 2; arm++) {
        a->waiting[arm] = 0;
        a->waiting_n[arm] = 0;
    }
    a->most = fmax(a->most, mean_log(a->log_wealth));
}

void sprout_alarm_add(struct sprout_alarm *a, bool treated, double bad)
{
    a->n[treated]++;
    a->bad[treated] += bad;
    a->waiting[treated] += bad;
    a->waiting_n[treated]++;
    if (a->waiting_n[0] > 0 && a->waiting_n[1] > 0) {
        bet(a);
    }
}

bool sprout_alarm_raised(const struct sprout_alarm *a, double alpha)
{
    return a->most >= -log(alpha);
}
