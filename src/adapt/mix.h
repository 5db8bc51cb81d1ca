/* SPDX-License-Identifier: Apache-2.0 */
/* mix.h - a task mix over time: which share of an hour's requests is of which task.
 *
 * The file is CSV with a column `hour` (0, 1, 2, ...) and one column per task.
 * Invariants of a table: at least one row and one task, hours consecutive from 0, shares in
 * [0, 1], each row summing to 1 within SPROUT_MIX_TOLERANCE (what ten digits leave; rows
 * are then scaled to sum to 1).  Whole-file reader.  Threads: a table is immutable. */
#ifndef SPROUT_ADAPT_MIX_H
#define SPROUT_ADAPT_MIX_H

#include "adapt/sha256.h"
#include "base/status.h"
#include "base/str.h"

#define SPROUT_MIX_TOLERANCE 1e-6

enum {
    SPROUT_TASKS_MAX = 32,
    SPROUT_TASK_NAME_MAX = 31,
    SPROUT_MIX_HOURS_MAX = 1000 * 1000,
};

struct sprout_mix_table {
    char task[SPROUT_TASKS_MAX][SPROUT_TASK_NAME_MAX + 1];
    size_t tasks;
    size_t hours;
    double *share; /* owned: hours x tasks */
    char sha256[SPROUT_SHA256_HEX];
};

/* SPROUT_SYNTAX, SPROUT_INVALID: *err names file and line. */
SPROUT_MUST_USE enum sprout_status sprout_mix_read(const char *path,
                                                   struct sprout_mix_table *out,
                                                   struct sprout_error *err);
void sprout_mix_free(struct sprout_mix_table *t);

static inline const double *sprout_mix_row(const struct sprout_mix_table *t, size_t hour)
{
    return t->share + hour * t->tasks;
}

#endif
