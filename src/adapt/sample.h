/* SPDX-License-Identifier: Apache-2.0 */
/* sample.h - prompts of live requests, between nginx and the evaluator.
 *
 *     DIR/spool/live.ndjson   0600: nginx appends, one line a request that was sampled
 *     DIR/spool/kept.ndjson   0600: what waits to be judged, at most `cap` lines, none older
 *                             than `keep`
 *
 * Collecting moves the live lines over and empties the live file.  A line that nginx writes
 * in that very moment may be lost, which for a sample is no harm; none is ever kept longer.
 * Taking hands the kept lines out and deletes them.  Both are one process's business: who
 * holds the evaluator's lock.
 * Not here: what a line means (chat.h), who is sampled (nginx). */
#ifndef SPROUT_ADAPT_SAMPLE_H
#define SPROUT_ADAPT_SAMPLE_H

#include "adapt/prompts_file.h"
#include "core/units.h"

/* The folder and an empty live file with their modes, before nginx opens it. */
SPROUT_MUST_USE enum sprout_status sprout_sample_prepare(const char *dir,
                                                         struct sprout_error *err);

/* Deletes what a collector that was killed left half written; by the only collector. */
void sprout_sample_clean(const char *dir);

/* No live file, no sampling: nothing happens. */
SPROUT_MUST_USE enum sprout_status sprout_sample_collect(const char *dir,
                                                         sprout_instant now, int64_t cap,
                                                         sprout_span keep,
                                                         struct sprout_error *err);

/* At most `most` prompts out of the kept ones, and all of these deleted.  *out_count 0:
 * there are none. */
SPROUT_MUST_USE enum sprout_status sprout_sample_take(const char *dir, size_t most,
                                                      struct sprout_chat **out,
                                                      size_t *out_count,
                                                      struct sprout_error *err);

#endif
