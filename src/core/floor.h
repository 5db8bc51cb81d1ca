/* SPDX-License-Identifier: Apache-2.0 */
/* floor.h - how much quality may be given up now: the paper's rule, and a fixed one.
 *
 *     q_lb = (1 - xi * (k0 - k0_min) / (k0_max - k0_min)) * q_0
 *
 * All of it where the grid is cleanest, 1 - xi of it where it is dirtiest.  k0_min and
 * k0_max are the extremes of the same signal over a trailing window (the authors took the
 * whole year, which looks ahead); a value outside them counts as the extreme it passed.
 * A floor is relative to q_0, the quality of always-L0, so the right side of the
 * optimizer's constraint is floor * q_0.
 * What is not known gives nothing away: without a grid value the floor is 1.  Without a
 * range (a static grid, a history of one value) the rule says nothing of now, and the floor
 * is the middle of what it could say, 1 - xi / 2.
 * Pure.  Not here: where the extremes come from (adapt/grid). */
#ifndef SPROUT_CORE_FLOOR_H
#define SPROUT_CORE_FLOOR_H

#include "core/units.h"

#define SPROUT_FLOOR_XI_DEFAULT 0.1

/* Which case of the rules gave a floor; the text says it to a person. */
enum sprout_floor_case {
    SPROUT_FLOOR_CASE_FIXED,
    SPROUT_FLOOR_CASE_RANGE,        /* the rule as written */
    SPROUT_FLOOR_CASE_NO_RANGE,     /* 1 - xi / 2 */
    SPROUT_FLOOR_CASE_GRID_UNKNOWN, /* 1 */
};

const char *sprout_floor_case_text(enum sprout_floor_case c);

struct sprout_floor {
    double v; /* relative to q_0 */
    enum sprout_floor_case why;
};

/* The paper's rule for xi in [0, 1].  lo or hi NaN: no range. */
struct sprout_floor sprout_floor_paper(double xi, sprout_g_per_kwh now,
                                       sprout_g_per_kwh lo, sprout_g_per_kwh hi);

/* `floor` whatever the grid does. */
struct sprout_floor sprout_floor_fixed(double floor);

#endif
