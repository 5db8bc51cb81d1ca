/* SPDX-License-Identifier: Apache-2.0 */
/* savings.h - what was served and what was saved, from the ledger.
 *
 * Measured first (requests, tokens, seconds), then what is modelled (joules by the method
 * its receipts name, grams at the grid values of their hours).  The saving is estimated
 * against the holdout of the same period by core/estimate: the unit is the conversation,
 * cells are (rule, stratum, model), and where there is too little it says so instead of
 * giving a number.
 * Reads sums and conversations; receipts for latency alone.
 * Memory: owned by the report.  Threads: one; the ledger may be written meanwhile. */
#ifndef SPROUT_CONTROL_SAVINGS_H
#define SPROUT_CONTROL_SAVINGS_H

#include "adapt/store.h"
#include "adapt/store_evaluate.h"
#include "adapt/store_metered.h"
#include "control/latency.h"
#include "control/money.h"
#include "control/signs.h"
#include "core/estimate.h"

enum {
    SPROUT_SAVINGS_ROWS_MAX = 20000, /* two years of hours */
    SPROUT_SAVINGS_NAMES_MAX = 16,   /* methods, and grids, named */
    SPROUT_SAVINGS_CELLS_MAX = SPROUT_STORE_SERIES_MAX,
};

struct sprout_savings_row {
    char name[SPROUT_PATTERN_MAX + 1]; /* level, model, route or arm; "" for hours */
    struct sprout_store_sum sum;       /* its texts are not set */
};

struct sprout_savings_grid {
    char zone[SPROUT_NAME_MAX + 1];
    char quality[SPROUT_NAME_MAX + 1];
    int64_t requests;
};

/* Requests by how their energy is known; they add up to the metered ones. */
struct sprout_savings_from {
    int64_t measured;
    int64_t modelled;  /* from tokens that the upstream reported */
    int64_t estimated; /* from tokens counted on the way */
};

struct sprout_savings {
    struct sprout_store_range range;
    enum sprout_store_by by;
    struct sprout_savings_row *row;
    size_t rows;
    size_t rows_dropped; /* beyond the maximum; the total has them */
    struct sprout_store_sum total;
    int64_t holdout_requests;
    struct sprout_store_sum mix, explore; /* of those arms, without texts */
    struct sprout_savings_from energy_from;
    struct sprout_estimate_result saved;
    struct sprout_money money;     /* of prices, where the caller has them */
    struct sprout_latency latency; /* what receipts still say of it */
    struct sprout_store_evaluation_cost evaluation; /* what judging cost in the range */
    char method[SPROUT_SAVINGS_NAMES_MAX][SPROUT_NAME_MAX + 1];
    size_t methods;
    struct sprout_savings_grid grid[SPROUT_SAVINGS_NAMES_MAX];
    size_t grids;
    struct sprout_store_metered metered; /* no windows: there was no meter */
    struct sprout_store_health health;   /* of the whole ledger */
    struct sprout_feedback said;         /* by users; of the whole ledger */
    struct sprout_signs *shown;          /* owned; of receipts still there; NULL: none */
};

/* `by` is one of hour, level, model, route, arm, zone.  SPROUT_IO, SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_savings_make(struct sprout_store *store,
                                                       struct sprout_store_range range,
                                                       enum sprout_store_by by,
                                                       struct sprout_savings **out,
                                                       struct sprout_error *err);
void sprout_savings_free(struct sprout_savings *r);

/* The rows alone, by another grouping: owned by the caller (free()), also after a failure.
 * The caller freezes the store, so that they fit a report. */
SPROUT_MUST_USE enum sprout_status sprout_savings_group(
    struct sprout_store *store, struct sprout_store_range range, enum sprout_store_by by,
    struct sprout_savings_row **out, size_t *out_rows, struct sprout_error *err);

/* A conversation as the estimate takes it. */
struct sprout_estimate_unit sprout_savings_unit(
    const struct sprout_store_conversation *c);

/* The report as one JSON object, owned by the caller (free()); NULL without memory. */
char *sprout_savings_json(const struct sprout_savings *r);

/* The name of a `by`, "level"; and its column's value in a row, for people. */
const char *sprout_savings_by_text(enum sprout_store_by by);
void sprout_savings_row_name(const struct sprout_savings *r,
                             const struct sprout_savings_row *row,
                             struct sprout_buf *out);

/* What exploring cost in the range: its answers less as many of the mix, which chance chose
 * from the same conversations.  Below 0: it saved.  NaN: not known. */
double sprout_savings_explore_joules(const struct sprout_savings *r);

/* What answers and judging cost in the range, where it is known. */
double sprout_savings_evaluation_joules(const struct sprout_savings *r);
double sprout_savings_evaluation_grams(const struct sprout_savings *r);
/* Saved, less that. */
struct sprout_interval sprout_savings_net_joules(const struct sprout_savings *r);
struct sprout_interval sprout_savings_net_grams(const struct sprout_savings *r);

/* Grams of a sum, operational and embodied, of requests whose grid was known; NaN where
 * there is none.  Joules and mean tokens likewise of those with known energy. */
double sprout_savings_grams(const struct sprout_store_sum *sum);
double sprout_savings_joules(const struct sprout_store_sum *sum);
double sprout_savings_mean_tokens(const struct sprout_store_sum *sum);
double sprout_savings_mean_seconds(const struct sprout_store_sum *sum);

#endif
