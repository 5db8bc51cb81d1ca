/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator.h - prompts answered at every level, and a judge asked which answer is best.
 *
 *   prepare      run and items into the ledger, texts into the spool
 *      |
 *      v
 *   +-----> [pick] --- an item lacks answers, upstream not resting ---> [answer] --+
 *   |          |  '--- an item lacks verdicts, judge not resting -----> [judge] ---+
 *   |          '------ both rest, or the upstream is busy ------------> [wait] ----+
 *   |          '------ nothing left ----> done: texts deleted, run closed           |
 *   +-------------------------------------------------------------------------------+
 *
 * Every answer and verdict is in the ledger as soon as it exists; a run that was killed or
 * stopped goes on where it was, in whichever process works on the folder next, and pays for
 * nothing twice.  An upstream or judge that does not answer rests and is asked again, for
 * longer and longer, or when it said (Retry-After); meanwhile the other one works on.
 * A reply of the judge that cannot be read is asked for once more and then counted.
 * One process works on the runs of a folder at a time (evaluator.lock, the kernel's).
 * Blocking: for a command, or a thread of its own; `stop` ends it at once.
 * Not here: when to evaluate (daemon_evaluate.c), what verdicts are worth (core/quality). */
#ifndef SPROUT_CONTROL_EVALUATOR_H
#define SPROUT_CONTROL_EVALUATOR_H

#include <stdatomic.h>

#include "adapt/chat.h"
#include "adapt/store_evaluate.h"
#include "core/judge.h"

enum {
    SPROUT_EVALUATOR_NOTE_MAX = 300,
    SPROUT_EVALUATOR_ITEMS_MAX = 20000,
    SPROUT_EVALUATOR_CONCURRENCY_MAX = 16,
};

/* How a run is made; texts are borrowed.  It is kept with the run, so that another process
 * can go on with it. */
struct sprout_evaluator_plan {
    const char *source;    /* "prompts" or "sample" */
    const char *upstream;  /* base URL */
    const char *model;     /* NULL or "": each prompt's own, else the first listed */
    const char *judge_url; /* "": none, references alone */
    const char *judge_model;
    const char *judge_key_file; /* "": none */
    const char *judge_key_env;  /* name of a variable; "": none */
    const char *rubric_file;    /* "": ours */
    enum sprout_judge_form form;
    int64_t judge_max_tokens;
    int concurrency; /* 0: 1 */
    int64_t n;       /* of the prompts, at most; 0: all */
};

struct sprout_evaluator_made {
    int64_t run;
    int64_t items;
    int64_t skipped; /* prompts that nginx would not touch, or that have no form */
};

/* Makes a run of these prompts, or of the `n` among them that say most (core/sampling, by the
 * policy's strata and the operator's kinds).  Those without a model are given one here.  SPROUT_NOT_FOUND
 * (no policy in `dir`), SPROUT_UNAVAILABLE (the upstream, where its models are needed),
 * SPROUT_INVALID (nothing to evaluate). */
SPROUT_MUST_USE enum sprout_status sprout_evaluator_prepare(
    struct sprout_store *store, const char *dir, const struct sprout_evaluator_plan *plan,
    struct sprout_chat *chats, size_t count, sprout_instant now,
    struct sprout_evaluator_made *out, struct sprout_error *err);

/* What is told as it goes on. */
struct sprout_evaluator_progress {
    int64_t run;
    int64_t items;
    int64_t done; /* judged or failed */
    int64_t failed;
    double seconds_left; /* NaN: not known yet */
    const char *note;    /* why it waits; "" */
};
typedef void sprout_evaluator_progress_fn(void *ctx,
                                          const struct sprout_evaluator_progress *p);

struct sprout_evaluator_opts {
    const char *dir;
    const atomic_bool *stop;
    int64_t keep_s;     /* sampled prompts lie no longer; 0: for ever */
    int64_t patience_s; /* nothing came for so long: SPROUT_UNAVAILABLE; 0: for ever */
    sprout_evaluator_progress_fn *progress; /* NULL: none */
    void *ctx;
};

/* Works on the run until it is done.  SPROUT_OK: it is; SPROUT_UNAVAILABLE: stopped, or out
 * of patience, and it stays open; SPROUT_BUSY: another process works in the folder;
 * SPROUT_INVALID: it cannot go on (the levels have changed) and was closed as failed. */
SPROUT_MUST_USE enum sprout_status sprout_evaluator_run(
    struct sprout_store *store, int64_t run, const struct sprout_evaluator_opts *opts,
    struct sprout_error *err);

/* Deletes what a killed process left: texts of runs that nobody finished making, of runs that
 * have ended or are in no ledger, and of sampled runs that were open for `keep_s` (0: for
 * ever).  Any time, in any process; what goes wrong is logged and tried again. */
void sprout_evaluator_sweep(struct sprout_store *store, const char *dir, int64_t keep_s,
                            sprout_instant now);

/* Closes an open run and deletes its texts. */
SPROUT_MUST_USE enum sprout_status sprout_evaluator_drop(struct sprout_store *store,
                                                         const char *dir, int64_t run,
                                                         const char *why,
                                                         struct sprout_error *err);

#endif
