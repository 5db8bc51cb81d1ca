/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_thread.h - the evaluator inside the daemon: a thread that works on open runs.
 *
 * It owns its own connection to the ledger and looks there, once a second, for a run to work
 * on; the ledger is how work reaches it, from `sprout evaluate` or from the daemon's own
 * schedule.  The loop and the thread share two atomics and nothing else: `stop` and a count
 * of what came to the ledger, at which the loop plans anew. */
#ifndef SPROUT_CONTROL_EVALUATOR_THREAD_H
#define SPROUT_CONTROL_EVALUATOR_THREAD_H

#include <stdint.h>

#include "base/status.h"

struct sprout_evaluator_thread;

/* `dir` is copied. */
SPROUT_MUST_USE enum sprout_status sprout_evaluator_thread_start(
    const char *dir, int64_t cap, int64_t keep_s, struct sprout_evaluator_thread **out,
    struct sprout_error *err);
/* Stops at once: what is under way is let go and asked again by whoever goes on. */
void sprout_evaluator_thread_stop(struct sprout_evaluator_thread *t);

/* What may lie in the spool: at most so many sampled prompts, none for longer.  Any time. */
void sprout_evaluator_thread_sample(struct sprout_evaluator_thread *t, int64_t cap,
                                    int64_t keep_s);

/* Grows when a run has ended: its verdicts are all there. */
int64_t sprout_evaluator_thread_ended(const struct sprout_evaluator_thread *t);

#endif
