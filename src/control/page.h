/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the report as one page of HTML that needs nothing else.
 *
 * Charts are inline SVG with their labels in HTML, so that text keeps its size at any width;
 * there is no script and nothing is fetched.  Light and dark follow the reader's setting.
 * Names in it (models, routes) were chosen by clients and are escaped.
 *
 * What L0 would have emitted in an hour is what was expected of L0 in that hour, scaled so that
 * the whole period is what the holdout says, and so is the band: the interval is that of the
 * whole, not of one hour.  Without enough holdout the line is the expectation alone, and the
 * page says so.
 * Memory: owned by the page.  Not here: the sums (savings.c), the words of the first line
 * (basis.c). */
#ifndef SPROUT_CONTROL_PAGE_H
#define SPROUT_CONTROL_PAGE_H

#include <stdio.h>

#include "control/savings.h"

enum {
    SPROUT_PAGE_BINS_MAX = 240, /* hours are put together above this */
    SPROUT_PAGE_ROWS_MAX = 12,  /* of a table; the rest is one line */
    SPROUT_PAGE_TABLES = 4, /* by level, model, route, and zone where there are several */
};

/* One step of the time axis. */
struct sprout_page_bin {
    int64_t requests;
    int64_t level[SPROUT_LEVELS_MAX]; /* requests by the page's levels */
    double gridded;                   /* requests with known intensity */
    double intensity;                 /* sum over those, g/kWh */
    int64_t graded;
    double grams;        /* all, of graded requests */
    double grams_mix;    /* of those under the mix */
    double grams_l0_mix; /* what these were expected to take at L0 */
};

struct sprout_page {
    const struct sprout_savings *report; /* borrowed */
    struct sprout_savings_row *table[SPROUT_PAGE_TABLES];
    size_t rows[SPROUT_PAGE_TABLES];
    char level[SPROUT_LEVELS_MAX][SPROUT_NAME_MAX + 1];
    size_t levels;
    int64_t first_hour; /* of the first bin */
    int64_t step;       /* hours in a bin */
    struct sprout_page_bin bin[SPROUT_PAGE_BINS_MAX];
    size_t bins;
    bool measured;              /* the L0 line is the holdout's, with an interval */
    double l0, l0_low, l0_high; /* factors from expected to what the line shows */
};

SPROUT_MUST_USE enum sprout_status sprout_page_make(struct sprout_store *store,
                                                    const struct sprout_savings *report,
                                                    struct sprout_page **out,
                                                    struct sprout_error *err);
void sprout_page_free(struct sprout_page *p); /* NULL is fine */

/* Grams of the bin had the mix been L0, by one of the three factors. */
double sprout_page_l0(const struct sprout_page_bin *b, double factor);

/* Writes the page. */
void sprout_page_put(FILE *out, const struct sprout_page *p);

#endif
