/* SPDX-License-Identifier: Apache-2.0 */
/* means.h - per task and option: mean energy and time of a request, and how often a judge
 * preferred the option.
 *
 * The file is CSV with the columns task, option (L0, L1, L2, L0_7b), energy_wh, time_s and
 * preferred_share (empty for L0_7b, which no judge compared).  L0_7b is the same prompt
 * answered by the smaller model without a directive.
 * Invariants: each task has all four options once, energies and times are >= 0, and the
 * shares of L0, L1, L2 sum to 1 within 1e-3 (they are rounded in the file, and scaled to
 * sum to 1 when read).  Whole-file reader.  Threads: a table is immutable. */
#ifndef SPROUT_ADAPT_MEANS_H
#define SPROUT_ADAPT_MEANS_H

#include "adapt/mix.h"
#include "core/units.h"

enum { SPROUT_BENCH_LEVELS = 3, SPROUT_BENCH_OPTIONS = 4, SPROUT_BENCH_7B = 3 };

/* "L0", "L1", "L2", "L0_7b". */
extern const char *const sprout_bench_option_name[SPROUT_BENCH_OPTIONS];

struct sprout_task_means {
    char task[SPROUT_TASK_NAME_MAX + 1];
    sprout_joules energy[SPROUT_BENCH_OPTIONS];
    sprout_seconds time[SPROUT_BENCH_OPTIONS];
    double preferred[SPROUT_BENCH_LEVELS];
};

struct sprout_means {
    struct sprout_task_means task[SPROUT_TASKS_MAX];
    size_t tasks;
    char sha256[SPROUT_SHA256_HEX];
};

SPROUT_MUST_USE enum sprout_status sprout_means_read(const char *path,
                                                     struct sprout_means *out,
                                                     struct sprout_error *err);

#endif
