/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - see floor.h. */
#include "core/floor.h"

#include <assert.h>

const char *sprout_floor_case_text(enum sprout_floor_case c)
{
    switch (c) {
    case SPROUT_FLOOR_CASE_FIXED:
        return "fixed";
    case SPROUT_FLOOR_CASE_RANGE:
        return "the paper's rule: 1 - xi * (k0 - k0_min) / (k0_max - k0_min)";
    case SPROUT_FLOOR_CASE_NO_RANGE:
        return "the paper's rule without a range of grid values: 1 - xi / 2";
    case SPROUT_FLOOR_CASE_GRID_UNKNOWN:
        break;
    }
    return "no grid value is known: nothing is given up";
}

struct sprout_floor sprout_floor_paper(double xi, sprout_g_per_kwh now,
                                       sprout_g_per_kwh lo, sprout_g_per_kwh hi)
{
    assert(xi >= 0 && xi <= 1);
    if (isnan(now.v)) {
        return (struct sprout_floor){1, SPROUT_FLOOR_CASE_GRID_UNKNOWN};
    }
    if (!(hi.v > lo.v)) { /* also when one of them is NaN */
        return (struct sprout_floor){1 - xi / 2, SPROUT_FLOOR_CASE_NO_RANGE};
    }
    const double dirt = fmin(fmax((now.v - lo.v) / (hi.v - lo.v), 0), 1);
    return (struct sprout_floor){1 - xi * dirt, SPROUT_FLOOR_CASE_RANGE};
}

struct sprout_floor sprout_floor_fixed(double floor)
{
    return (struct sprout_floor){floor, SPROUT_FLOOR_CASE_FIXED};
}
