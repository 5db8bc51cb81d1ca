/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the only place where a clock is asked.
 *
 * Wall time is for grid data, validity and the ledger; monotonic time is for durations and
 * timeouts.  A loop samples once per turn and hands `now` down; nobody stores it.
 * Threads: any. */
#ifndef SPROUT_ADAPT_CLOCK_H
#define SPROUT_ADAPT_CLOCK_H

#include "core/units.h"

sprout_instant sprout_clock_wall(void);
sprout_mono sprout_clock_mono(void);

#endif
