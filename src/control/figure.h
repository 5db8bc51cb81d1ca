/* SPDX-License-Identifier: Apache-2.0 */
/* figure.h - numbers as people read them, in reports.
 *
 * Unknown (NaN) is "-", never 0.  Pure. */
#ifndef SPROUT_CONTROL_FIGURE_H
#define SPROUT_CONTROL_FIGURE_H

enum { SPROUT_FIGURE = 64 }; /* bytes that any of these takes */

/* With a space between thousands, `digits` after the point.  Returns `out`, or "-". */
const char *sprout_figure(double v, int digits, char out[SPROUT_FIGURE]);

/* Grams of a small test and of a year both want three digits that mean something. */
int sprout_figure_digits(double v);

/* "12.3 kJ": three digits and the unit ("J", "g", "s") with its prefix, m to T. */
const char *sprout_figure_unit(double v, const char *unit, char out[SPROUT_FIGURE]);

/* "25 % narrower", of -3 "3 % wider". */
const char *sprout_figure_narrower(double percent, char out[SPROUT_FIGURE]);

#endif
