/* SPDX-License-Identifier: Apache-2.0 */
/* mix.c - see mix.h. */
#include "adapt/mix.h"

#include <math.h>
#include <stdlib.h>

#include "adapt/csv.h"
#include "adapt/file.h"
#include "adapt/reader.h"

enum { MIX_BYTES_MAX = 256 * 1024 * 1024 };

/* Where the reader is. */
struct reading {
    const char *path;
    struct sprout_csv csv;
    struct sprout_csv_row row;
    int hour_column;
    struct sprout_mix_table table;
    struct sprout_error *err;
};

static enum sprout_status next_row(struct reading *r)
{
    const enum sprout_status st = sprout_csv_next(&r->csv, &r->row, r->err);
    return st == SPROUT_OK || st == SPROUT_NOT_FOUND
               ? st
               : sprout_reader_in(r->err, st, r->path);
}

/* Takes the field as the next task's name; a task has one column. */
static enum sprout_status read_task(struct reading *r, size_t field)
{
    char *const name = r->table.task[r->table.tasks];
    if (!sprout_reader_name(sprout_str_trim(r->row.field[field]), name,
                            sizeof r->table.task[0])) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "column %zu: a task's name has 1 to %d bytes",
                                  field + 1, SPROUT_TASK_NAME_MAX);
    }
    for (size_t k = 0; k < r->table.tasks; k++) {
        if (strcmp(r->table.task[k], name) == 0) {
            return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                      "column %zu: task '%s' has a column already",
                                      field + 1, name);
        }
    }
    r->table.tasks++;
    return SPROUT_OK;
}

static enum sprout_status read_header(struct reading *r)
{
    const enum sprout_status st = next_row(r);
    if (st == SPROUT_NOT_FOUND) {
        return sprout_reader_fail(
            r->err, SPROUT_SYNTAX, r->path, 1,
            "the file is empty; expected a header 'hour,<task>,...'");
    }
    if (st != SPROUT_OK) {
        return st;
    }
    r->hour_column = sprout_csv_column(&r->row, SPROUT_STR("hour"));
    if (r->hour_column < 0 || r->row.count < 2 || r->row.count - 1 > SPROUT_TASKS_MAX) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "expected a column 'hour' and 1 to %d task columns",
                                  SPROUT_TASKS_MAX);
    }
    enum sprout_status named = SPROUT_OK;
    for (size_t i = 0; named == SPROUT_OK && i < r->row.count; i++) {
        named = (int)i == r->hour_column ? SPROUT_OK : read_task(r, i);
    }
    return named;
}

/* Checks the sum and takes the rounding of the file away. */
static enum sprout_status finish_row(struct reading *r, double *share)
{
    double sum = 0;
    for (size_t k = 0; k < r->table.tasks; k++) {
        if (share[k] < 0 || share[k] > 1) {
            return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                      "share of '%s' is %g; expected 0 to 1",
                                      r->table.task[k], share[k]);
        }
        sum += share[k];
    }
    if (fabs(sum - 1) > SPROUT_MIX_TOLERANCE) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "the shares sum to %.9g; expected 1", sum);
    }
    for (size_t k = 0; k < r->table.tasks; k++) {
        share[k] /= sum;
    }
    return SPROUT_OK;
}

static enum sprout_status read_row(struct reading *r, double *share)
{
    if (r->row.count != r->table.tasks + 1) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                  "%zu fields; the header has %zu", r->row.count,
                                  r->table.tasks + 1);
    }
    for (size_t i = 0, k = 0; i < r->row.count; i++) {
        double v;
        const enum sprout_status st = sprout_csv_f64(&r->row, i, &v, r->err);
        if (st != SPROUT_OK) {
            return sprout_reader_in(r->err, st, r->path);
        }
        if ((int)i != r->hour_column) {
            share[k++] = v;
        } else if (v != (double)r->table.hours) {
            return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->row.line,
                                      "hour is %.9g; expected %zu: hours count from 0 "
                                      "without a gap",
                                      v, r->table.hours);
        }
    }
    return finish_row(r, share);
}

static enum sprout_status read_rows(struct reading *r, size_t lines_max)
{
    if (lines_max > SPROUT_MIX_HOURS_MAX) {
        return sprout_reader_fail(r->err, SPROUT_LIMIT, r->path, 0, "more than %d lines",
                                  SPROUT_MIX_HOURS_MAX);
    }
    r->table.share = calloc(lines_max * r->table.tasks, sizeof(double));
    if (r->table.share == NULL) {
        return sprout_fail(r->err, SPROUT_NO_MEMORY, "%s: out of memory", r->path);
    }
    for (;;) {
        enum sprout_status st = next_row(r);
        if (st == SPROUT_NOT_FOUND) {
            break;
        }
        if (st == SPROUT_OK) {
            st = read_row(r, r->table.share + r->table.hours * r->table.tasks);
        }
        if (st != SPROUT_OK) {
            return st;
        }
        r->table.hours++;
    }
    return r->table.hours > 0 ? SPROUT_OK
                              : sprout_reader_fail(r->err, SPROUT_INVALID, r->path, 0,
                                                   "no hour after the header");
}

enum sprout_status sprout_mix_read(const char *path, struct sprout_mix_table *out,
                                   struct sprout_error *err)
{
    struct sprout_file file = {0};
    enum sprout_status st = sprout_file_read(path, MIX_BYTES_MAX, &file, err);
    if (st != SPROUT_OK) {
        return st;
    }

    const struct sprout_str text = sprout_file_str(&file);
    struct reading r = {.path = path, .csv = sprout_csv_begin(text), .err = err};
    st = sprout_sha256_hex(text, r.table.sha256, err);
    if (st == SPROUT_OK) {
        st = read_header(&r);
    }
    if (st == SPROUT_OK) {
        st = read_rows(&r, sprout_reader_lines(text));
    }
    if (st == SPROUT_OK) {
        *out = r.table;
    } else {
        sprout_mix_free(&r.table);
    }
    sprout_file_free(&file);
    return st;
}

void sprout_mix_free(struct sprout_mix_table *t)
{
    free(t->share);
    t->share = NULL;
    t->hours = 0;
}
