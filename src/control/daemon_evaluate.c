/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_evaluate.c - the evaluator's part of a turn.
 *
 * The thread works, the loop only looks whether something ended: then the policy in force
 * rests on old verdicts, and a new plan is due at once. */
#include "control/daemon_work.h"

enum { SECONDS_PER_HOUR = 3600 };

enum sprout_status sprout_daemon_evaluator_start(struct sprout_daemon *d,
                                                 struct sprout_error *err)
{
    const struct sprout_config_sample *const s = &d->config->evaluation.sample;
    return sprout_evaluator_thread_start(
        d->config->dir, s->cap, s->keep_hours * SECONDS_PER_HOUR, &d->evaluator, err);
}

void sprout_daemon_evaluate(struct sprout_daemon *d, sprout_instant wall)
{
    const int64_t ended = sprout_evaluator_thread_ended(d->evaluator);

    (void)wall;
    if (ended != d->evaluations_seen) {
        d->evaluations_seen = ended;
        d->plan_now = true;
    }
}
