/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - walk the rows of a CSV text (RFC 4180), for whole-file readers.
 *
 * LF and CRLF, an optional BOM, quoted fields with doubled quotes, commas and line breaks
 * inside; blank lines are skipped.  A row's fields are views into the text, or into the
 * row's own scratch where quotes had to be taken away: they live until the next call.
 * Columns are found by name, whatever their order and case.
 * Not here: what a column means.  Memory: none but the caller's.  Threads: one walk, one
 * thread. */
#ifndef SPROUT_ADAPT_CSV_H
#define SPROUT_ADAPT_CSV_H

#include "base/status.h"
#include "base/str.h"

enum {
    SPROUT_CSV_FIELDS_MAX = 64,
    SPROUT_CSV_QUOTED_MAX = 4096, /* bytes of all quoted fields of a row */
};

struct sprout_csv {
    struct sprout_str text; /* borrowed */
    size_t at;
    size_t line; /* of the next row, from 1 */
};

struct sprout_csv_row {
    struct sprout_str field[SPROUT_CSV_FIELDS_MAX];
    size_t count;
    size_t line; /* where the row begins */
    char scratch[SPROUT_CSV_QUOTED_MAX];
};

struct sprout_csv sprout_csv_begin(struct sprout_str text);

/* SPROUT_NOT_FOUND at the end, SPROUT_SYNTAX (a quote that is not closed or followed by
 * text) and SPROUT_LIMIT with err->line. */
SPROUT_MUST_USE enum sprout_status sprout_csv_next(struct sprout_csv *csv,
                                                   struct sprout_csv_row *out_row,
                                                   struct sprout_error *err);

/* Index of the column of that name, ASCII case folded, or -1. */
int sprout_csv_column(const struct sprout_csv_row *header, struct sprout_str name);

/* The field as a finite number.  SPROUT_INVALID with line, column (the field's number) and
 * what was found. */
SPROUT_MUST_USE enum sprout_status sprout_csv_f64(const struct sprout_csv_row *row,
                                                  size_t column, double *out,
                                                  struct sprout_error *err);

#endif
