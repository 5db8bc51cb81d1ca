/* SPDX-License-Identifier: Apache-2.0 */
/* metering.h - the meters of a configuration at work: read, divided, ready for receipts.
 *
 *     thread:  read meters -> windows -> queue
 *     daemon:  queue + lines of the journal, read ahead -> core/attribute -> joules by line
 *
 * Reading may block (a page that does not answer), so it has a thread of its own; a queue
 * that is full loses its oldest window, which is a gap and no zero.
 * A line is ripe when its energy has been settled, or can no longer be; ingest waits for
 * that, so that a receipt is written once.  After a restart what was measured before is
 * gone and those lines are modelled, as they are where the meter failed.
 * Threads: all functions are the daemon's; the other thread is inside.
 * Not here: the rules of counters (core/counter.h) and of division (core/attribute.h). */
#ifndef SPROUT_CONTROL_METERING_H
#define SPROUT_CONTROL_METERING_H

#include "adapt/journal.h"
#include "control/config.h"
#include "core/attribute.h"
#include "wire/record.h"

enum { SPROUT_METERING_TEXT = 400 };

struct sprout_metering;

struct sprout_metering_state {
    bool up;                          /* the last reading was good */
    char method[64];                  /* "measured:nvml" */
    char covers[32];                  /* "gpu+cpu" */
    char error[SPROUT_METERING_TEXT]; /* of the last reading that was not; "" */
    double watts;                     /* of the last good window; NaN */
    struct sprout_attribute_totals totals;
};

/* Starts the thread; meters that cannot be opened are tried again, and that is said in the
 * state.  `journal` and `from` as sprout_journal_open.  SPROUT_NO_MEMORY, SPROUT_IO. */
SPROUT_MUST_USE enum sprout_status sprout_metering_new(
    const struct sprout_config *config, const char *journal,
    const struct sprout_journal_position *from, struct sprout_metering **out,
    struct sprout_error *err);
void sprout_metering_free(struct sprout_metering *m); /* NULL is fine */

/* Takes what came from the meters and from the journal, and divides what is ripe. */
void sprout_metering_turn(struct sprout_metering *m, sprout_mono mono,
                          sprout_instant wall);

/* False: wait.  *out is negative where it was not measured. */
bool sprout_metering_ripe(const struct sprout_metering *m, const struct sprout_record *r,
                          sprout_instant wall, sprout_microjoules *out);

const char *sprout_metering_method(struct sprout_metering *m);
void sprout_metering_state(struct sprout_metering *m, struct sprout_metering_state *out);

#endif
