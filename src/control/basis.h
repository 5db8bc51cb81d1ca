/* SPDX-License-Identifier: Apache-2.0 */
/* basis.h - what the figures of a report rest on, as shares of its requests.
 *
 * Said on the first line of every report, because a joule from a meter and a joule from a
 * guess look alike.  Energy: measured by a meter; modelled from tokens the server reported;
 * estimated from tokens counted on the way; unknown.  Grid: live; replayed (another
 * time's values from a file); fallback (an older value, a forecast, a profile, a constant); unknown.  Pure. */
#ifndef SPROUT_CONTROL_BASIS_H
#define SPROUT_CONTROL_BASIS_H

#include "control/savings.h"

struct sprout_basis {
    int64_t requests;
    double measured; /* shares, 0 to 1, that add up to 1; 0 without requests */
    double modelled;
    double estimated;
    double unknown;
    double live;
    double replayed;
    double fallback;
    double no_grid;
};

struct sprout_basis sprout_basis_of(const struct sprout_savings *r);

/* Appends "Location-based, 200 requests. Energy: 0 % measured, ...", without a line feed. */
void sprout_basis_put(struct sprout_buf *b, const struct sprout_savings *r);

#endif
