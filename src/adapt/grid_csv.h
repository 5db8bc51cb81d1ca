/* SPDX-License-Identifier: Apache-2.0 */
/* grid_csv.h - an Electricity Maps CSV file as a table of slots.
 *
 * RFC 4180 with CRLF or LF and an optional BOM.  Columns are found by name, whatever their
 * order and case, in both header vintages, with CO2 spelled with U+2082 or with 2.  0.0 is a
 * value; an empty field is none (NaN).
 * Invariants of a trace: at least one row, starts strictly ascending, one zone, and each
 * start a whole number of steps after the first; `step` is the smallest distance of two
 * neighbours (an hour for a single row).  Missing slots are holes and stay holes.
 * Whole-file reader, shared with the simulator; not the replay (grid.h). */
#ifndef SPROUT_ADAPT_GRID_CSV_H
#define SPROUT_ADAPT_GRID_CSV_H

#include "adapt/grid.h"

enum {
    SPROUT_GRID_CSV_BYTES_MAX = 64 * 1024 * 1024,
    SPROUT_GRID_CSV_ROWS_MAX = 1000 * 1000,
};

struct sprout_grid_slot {
    sprout_instant start;
    sprout_g_per_kwh direct;    /* NaN: the field was empty */
    sprout_g_per_kwh lifecycle; /* NaN: the field was empty */
    bool estimated;
    uint32_t line; /* of the file */
};

struct sprout_grid_trace {
    struct sprout_grid_slot *slots; /* owned */
    size_t count;
    sprout_span step;
    char zone[32];
    char sha256[65];   /* of the bytes, lower-case hex */
    size_t holes;      /* slots missing between the first and the last row */
    size_t first_hole; /* line after which the first one lies; 0: none */
    size_t estimated;  /* rows marked so */
};

/* `zone` empty: the file's.  SPROUT_SYNTAX (quoting, fields), SPROUT_INVALID (columns, zone,
 * duplicate, order, number: with the line), SPROUT_LIMIT, SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_grid_trace_parse(struct sprout_str text,
                                                           struct sprout_str zone,
                                                           struct sprout_grid_trace *out,
                                                           struct sprout_error *err);

/* The same from a file. */
SPROUT_MUST_USE enum sprout_status sprout_grid_trace_read(const char *path,
                                                          struct sprout_str zone,
                                                          struct sprout_grid_trace *out,
                                                          struct sprout_error *err);

void sprout_grid_trace_free(struct sprout_grid_trace *t);

/* The slot that contains `at`, or NULL (before, after, in a hole).  O(log n). */
const struct sprout_grid_slot *sprout_grid_trace_at(const struct sprout_grid_trace *t,
                                                    sprout_instant at);

/* Extremes of one column over the slots that began in (at - window, at]. */
struct sprout_grid_range sprout_grid_trace_range(const struct sprout_grid_trace *t,
                                                 enum sprout_grid_scope scope,
                                                 sprout_instant at, sprout_span window);

static inline sprout_g_per_kwh sprout_grid_slot_value(const struct sprout_grid_slot *s,
                                                      enum sprout_grid_scope scope)
{
    return scope == SPROUT_GRID_DIRECT ? s->direct : s->lifecycle;
}

#endif
