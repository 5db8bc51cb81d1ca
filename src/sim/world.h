/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - what happens whatever a policy decides: grid, task mix, energies, preferences.
 *
 * A world is one zone's grid over N hours, a task mix for each hour, and what requests of
 * each task cost and are worth under each option (L0, L1, L2, and the smaller model without
 * a directive).  Figures of an hour are exact expectations, never draws: a request of task
 * k has probability mix[h][k], and any prompt of the task is as likely as another.
 * Energies come from the requests when there are any (all of the folder), else from the
 * means; judged shares from the means when there are any (they rest on all published
 * prompts), else from the judged requests of the folder.
 *
 * No policy sees the task of a request; what they may see is the hour's expectation, as the
 * authors' did, or the prompt.
 * Invariants: every hour has a grid value; a file with a hole is refused.  Memory: what it
 * borrows must outlive it.  Threads: immutable once made. */
#ifndef SPROUT_SIM_WORLD_H
#define SPROUT_SIM_WORLD_H

#include "adapt/evaluations.h"
#include "adapt/grid_csv.h"
#include "adapt/means.h"
#include "adapt/mix.h"
#include "adapt/requests.h"
#include "core/carbon.h"
#include "sim/accuracy.h"

/* What quality is: a judge's preference, or being right by match with the reference.  In
 * the latter case tasks without references are left out and the others' shares scaled. */
enum sprout_sim_quality { SPROUT_SIM_PREFERENCE, SPROUT_SIM_ACCURACY };

enum {
    SPROUT_SIM_LEVELS = SPROUT_BENCH_LEVELS,
    SPROUT_SIM_OPTIONS = SPROUT_BENCH_OPTIONS,
    SPROUT_SIM_HOURS_MAX = 24 * 366 * 10,
};

/* Everything is borrowed. */
struct sprout_world_opts {
    const struct sprout_grid_trace *trace;
    const char *trace_path;                 /* for messages */
    const struct sprout_grid_trace *bounds; /* extremes of k0; NULL: the trace */
    const char *bounds_path;
    enum sprout_grid_scope scope;
    sprout_instant start;
    size_t hours;
    int64_t
        trailing_days; /* extremes and mean from the past only; 0: from all of bounds */
    const struct sprout_mix_table *mix;
    const char *mix_path;
    const struct sprout_means *means;             /* this or requests may be NULL */
    const struct sprout_requests *requests;       /* NULL: means only */
    const struct sprout_accuracy *accuracy;       /* of the requests; NULL: not known */
    const struct sprout_evaluations *evaluations; /* NULL: evaluations are drawn */
    const char *evaluations_path;
    struct sprout_carbon_params carbon;
    enum sprout_sim_quality quality;
};

/* Expectations over the requests of one hour. */
struct sprout_world_hour {
    sprout_g_per_kwh ci;
    sprout_g_per_kwh lo; /* extremes for the floor's rule; NaN: no history yet */
    sprout_g_per_kwh hi;
    sprout_g_per_kwh mean; /* for the invocation's rule: of the window, or trailing */
    const double *mix;     /* share per task */
    sprout_joules energy[SPROUT_SIM_OPTIONS];
    sprout_seconds time[SPROUT_SIM_OPTIONS];
    double grams[SPROUT_SIM_OPTIONS];   /* operational and embodied */
    double quality[SPROUT_SIM_OPTIONS]; /* of the 7B model NaN unless it is accuracy */
};

struct sprout_world {
    struct sprout_world_opts in;
    const char *zone;
    struct sprout_world_hour *hour; /* owned */
    size_t hours;
    double *mix;                /* owned: hours x tasks */
    sprout_g_per_kwh long_mean; /* of the bounds trace, or trailing at the start */
    struct sprout_task_means task[SPROUT_TASKS_MAX];    /* in the order of the mix */
    double right[SPROUT_TASKS_MAX][SPROUT_SIM_OPTIONS]; /* share right; NaN: not known */
    size_t tasks;
    int task_of_request[SPROUT_TASKS_MAX]; /* the folder's task -> the mix's, or -1 */
};

SPROUT_MUST_USE enum sprout_status sprout_world_new(const struct sprout_world_opts *opts,
                                                    struct sprout_world **out,
                                                    struct sprout_error *err);
void sprout_world_free(struct sprout_world *w); /* NULL is fine */

/* When hour `h` begins. */
sprout_instant sprout_world_begins(const struct sprout_world *w, size_t h);

/* The grid's values up to hour `h`, oldest first, at most `most`; returns how many, 0 where the
 * trace has none for the hour. */
size_t sprout_world_past(const struct sprout_world *w, size_t h, sprout_g_per_kwh *out,
                         size_t most);

/* Equation 1 for this hour, in grams. */
double sprout_world_grams(const struct sprout_world *w, const struct sprout_world_hour *h,
                          sprout_joules energy, sprout_seconds time);

/* Probability that a request of hour `h` is this one; 0 if its task is not in the mix. */
double sprout_world_weight(const struct sprout_world *w,
                           const struct sprout_world_hour *h,
                           const struct sprout_request *r);

#endif
