/* SPDX-License-Identifier: Apache-2.0 */
/* means.c - see means.h. */
#include "adapt/means.h"

#include <math.h>

#include "adapt/csv.h"
#include "adapt/file.h"
#include "adapt/reader.h"

enum { MEANS_BYTES_MAX = 1024 * 1024 };

#define JOULES_PER_WH    3600.0
#define SHARES_TOLERANCE 1e-3

const char *const sprout_bench_option_name[SPROUT_BENCH_OPTIONS] = {"L0", "L1", "L2",
                                                                    "L0_7b"};

enum column { TASK, OPTION, ENERGY, TIME, PREFERRED, COLUMNS };
static const char *const column_name[COLUMNS] = {"task", "option", "energy_wh", "time_s",
                                                 "preferred_share"};

struct reading {
    const char *path;
    struct sprout_csv csv;
    struct sprout_csv_row row;
    size_t at[COLUMNS];
    unsigned seen[SPROUT_TASKS_MAX]; /* bit per option */
    struct sprout_means means;
    struct sprout_error *err;
};

static enum sprout_status read_header(struct reading *r)
{
    const enum sprout_status st = sprout_csv_next(&r->csv, &r->row, r->err);
    if (st != SPROUT_OK && st != SPROUT_NOT_FOUND) {
        return sprout_reader_in(r->err, st, r->path);
    }
    for (int c = 0; c < COLUMNS; c++) {
        const int at = st == SPROUT_OK
                           ? sprout_csv_column(&r->row, sprout_str_of(column_name[c]))
                           : -1;
        if (at < 0) {
            return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, 1,
                                      "no column '%s' in the header", column_name[c]);
        }
        r->at[c] = (size_t)at;
    }
    return SPROUT_OK;
}

/* The task of that name, added if new; NULL when there are too many or it is no name. */
static struct sprout_task_means *task_of(struct reading *r, struct sprout_str name)
{
    for (size_t k = 0; k < r->means.tasks; k++) {
        if (sprout_str_eq(sprout_str_of(r->means.task[k].task), name)) {
            return &r->means.task[k];
        }
    }
    if (r->means.tasks == SPROUT_TASKS_MAX) {
        return NULL;
    }
    struct sprout_task_means *const t = &r->means.task[r->means.tasks];
    if (!sprout_reader_name(name, t->task, sizeof t->task)) {
        return NULL;
    }
    r->means.tasks++;
    return t;
}

static int option_of(struct sprout_str name)
{
    for (int o = 0; o < SPROUT_BENCH_OPTIONS; o++) {
        if (sprout_str_eq(sprout_str_of(sprout_bench_option_name[o]), name)) {
            return o;
        }
    }
    return -1;
}

static enum sprout_status read_number(struct reading *r, enum column c, double max,
                                      double *out)
{
    const enum sprout_status st = sprout_csv_f64(&r->row, r->at[c], out, r->err);
    if (st != SPROUT_OK) {
        return sprout_reader_in(r->err, st, r->path);
    }
    if (*out < 0 || *out > max) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "%s is %g; expected 0 to %g", column_name[c], *out,
                                  max);
    }
    return SPROUT_OK;
}

static enum sprout_status read_values(struct reading *r, struct sprout_task_means *t,
                                      int option)
{
    double wh, s, share = 0;
    enum sprout_status st = read_number(r, ENERGY, 1e9, &wh);
    if (st == SPROUT_OK) {
        st = read_number(r, TIME, 1e9, &s);
    }
    if (st == SPROUT_OK && option < SPROUT_BENCH_LEVELS) {
        st = read_number(r, PREFERRED, 1, &share);
    }
    if (st != SPROUT_OK) {
        return st;
    }
    t->energy[option] = (sprout_joules){wh * JOULES_PER_WH};
    t->time[option] = (sprout_seconds){s};
    if (option < SPROUT_BENCH_LEVELS) {
        t->preferred[option] = share;
    }
    return SPROUT_OK;
}

static enum sprout_status read_row(struct reading *r)
{
    if (r->row.count <= r->at[TASK] || r->row.count <= r->at[OPTION]) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "only %zu fields", r->row.count);
    }
    const int option = option_of(r->row.field[r->at[OPTION]]);
    struct sprout_task_means *const t = task_of(r, r->row.field[r->at[TASK]]);
    if (option < 0 || t == NULL) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "expected a task's name and one of L0, L1, L2, L0_7b");
    }
    unsigned *const seen = &r->seen[t - r->means.task];
    if (*seen & 1u << option) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "task '%s' has option %s twice", t->task,
                                  sprout_bench_option_name[option]);
    }
    *seen |= 1u << option;
    return read_values(r, t, option);
}

static enum sprout_status finish(struct reading *r)
{
    for (size_t k = 0; k < r->means.tasks; k++) {
        struct sprout_task_means *const t = &r->means.task[k];
        double sum = 0;
        for (int l = 0; l < SPROUT_BENCH_LEVELS; l++) {
            sum += t->preferred[l];
        }
        if (r->seen[k] != (1u << SPROUT_BENCH_OPTIONS) - 1 ||
            fabs(sum - 1) > SHARES_TOLERANCE) {
            return sprout_reader_fail(
                r->err, SPROUT_INVALID, r->path, 0,
                "task '%s': expected each of L0, L1, L2, L0_7b once and "
                "preferred shares that sum to 1 (found %.6g)",
                t->task, sum);
        }
        for (int l = 0; l < SPROUT_BENCH_LEVELS; l++) {
            t->preferred[l] /= sum;
        }
    }
    return r->means.tasks > 0
               ? SPROUT_OK
               : sprout_reader_fail(r->err, SPROUT_INVALID, r->path, 0, "no task");
}

static enum sprout_status read_all(struct reading *r)
{
    enum sprout_status st = read_header(r);
    while (st == SPROUT_OK) {
        st = sprout_csv_next(&r->csv, &r->row, r->err);
        if (st == SPROUT_NOT_FOUND) {
            return finish(r);
        }
        st = st == SPROUT_OK ? read_row(r) : sprout_reader_in(r->err, st, r->path);
    }
    return st;
}

enum sprout_status sprout_means_read(const char *path, struct sprout_means *out,
                                     struct sprout_error *err)
{
    struct sprout_file file = {0};
    enum sprout_status st = sprout_file_read(path, MEANS_BYTES_MAX, &file, err);
    if (st != SPROUT_OK) {
        return st;
    }

    const struct sprout_str text = sprout_file_str(&file);
    struct reading r = {.path = path, .csv = sprout_csv_begin(text), .err = err};
    st = sprout_sha256_hex(text, r.means.sha256, err);
    if (st == SPROUT_OK) {
        st = read_all(&r);
    }
    if (st == SPROUT_OK) {
        *out = r.means;
    }
    sprout_file_free(&file);
    return st;
}
