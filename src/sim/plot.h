/* SPDX-License-Identifier: Apache-2.0 */
/* plot.h - an experiment as SVG, in a form one would put in a paper.
 *
 * <zone>.svg: over time, the grid, carbon per request of each policy, and the mix of one of
 * them.  frontier.svg: saved against quality, every policy, a small mark per zone and a
 * large one for their mean.  Plain SVG 1.1 without scripts or fonts of its own; the same
 * experiment gives the same bytes. */
#ifndef SPROUT_SIM_PLOT_H
#define SPROUT_SIM_PLOT_H

#include "sim/experiment.h"

/* Writes into `folder`, which is made if it is not there. */
SPROUT_MUST_USE enum sprout_status sprout_plot_write(const char *folder,
                                                     const struct sprout_experiment *e,
                                                     struct sprout_error *err);

#endif
