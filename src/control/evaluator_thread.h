/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_thread.h - the evaluator inside the daemon: a thread that works on open runs.
 *
 * It owns its own connection to the ledger and looks there, once a second, for a run to work
 * on; the ledger is how work reaches it, from `sprout evaluate` or from the daemon's own
 * schedule.  The loop and the thread share atomics and nothing else: `stop`, a count of the
 * runs that ended, at which the loop plans anew, and a flag that says whose the wish is. */
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

/* An evaluation that is due: what it is made of, copied. */
struct sprout_evaluator_wish {
    char upstream[512], judge_url[512], judge_model[256], judge_key_file[1024];
    char judge_key_env[128], rubric_file[1024], prompts[1024]; /* "": the sample */
    int form;                                                  /* sprout_judge_form */
    int64_t judge_max_tokens;
    int64_t concurrency;
    int64_t n;
};

/* Makes a run of it soon, unless one is open or wished for already. */
void sprout_evaluator_thread_wish(struct sprout_evaluator_thread *t,
                                  const struct sprout_evaluator_wish *wish);

/* Grows when a run has ended: its verdicts are all there. */
int64_t sprout_evaluator_thread_ended(const struct sprout_evaluator_thread *t);

#endif
