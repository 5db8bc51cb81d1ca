/* SPDX-License-Identifier: Apache-2.0 */
/* window.h - the window over which the floor is kept, from what a ledger and a grid know.
 *
 * A day or a month begins and ends by the grid's clock, in UTC; that is the wall's but for a
 * replay.  What was served comes from the ledger's hourly sums, so the account is the same
 * after a restart, and reading it twice counts nothing twice.
 * In it is what the planner decided: requests of the arms `mix` and `explore`, under no rule
 * or one that has neither levels nor a floor of its own.  Not the holdout, which is at L0 so
 * that savings can be measured and must not pay for short answers elsewhere, nor what a
 * client forced.
 * Requests expected in an hour ahead: the mean of that hour of the day over the last
 * SPROUT_WINDOW_TRAFFIC_DAYS.
 * Not here: the plan (planner_window.c), reading the ledger (daemon_window.c).
 * Pure; threads: one window, one thread. */
#ifndef SPROUT_CONTROL_WINDOW_H
#define SPROUT_CONTROL_WINDOW_H

#include "adapt/grid_ahead.h"
#include "adapt/store.h"
#include "control/planner.h"

enum { SPROUT_WINDOW_HOURS_MAX = 31 * 24, SPROUT_WINDOW_TRAFFIC_DAYS = 7 };

struct sprout_window {
    struct sprout_plan_window plan; /* points into the arrays below */
    sprout_instant clock;           /* the grid's */
    struct sprout_grid_hour hour[SPROUT_WINDOW_HOURS_MAX];
    double weight[SPROUT_WINDOW_HOURS_MAX];
    double by_day_hour[24]; /* requests of whole hours before this one */
    int64_t first_hour;     /* with requests; INT64_MAX: none yet */
};

/* The window around `clock`, of a `kind` that is DAY or MONTH, with nothing in it. */
void sprout_window_begin(struct sprout_window *w, enum sprout_window_kind kind,
                         sprout_instant clock);

/* Grid time from which on the ledger has something to say. */
sprout_instant sprout_window_since(const struct sprout_window *w);

/* A sum by (hour, slot, level, arm, rule) of requests at `at` of the grid's clock. */
void sprout_window_note(struct sprout_window *w, const struct sprout_config *config,
                        sprout_instant at, const struct sprout_store_sum *sum);

/* After all sums: what is expected of the hours ahead. */
void sprout_window_finish(struct sprout_window *w);

#endif
