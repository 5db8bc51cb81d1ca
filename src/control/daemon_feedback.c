/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_feedback.c - the daemon's part of feedback: the ledger's word, kept at hand. */
#include "adapt/log.h"
#include "control/daemon_work.h"

enum sprout_status sprout_daemon_feedback(struct sprout_daemon *d, struct sprout_str body,
                                          sprout_instant wall, struct sprout_buf *answer,
                                          struct sprout_error *err)
{
    if (d->store == NULL) {
        return sprout_fail(err, SPROUT_UNAVAILABLE,
                           "the ledger is not open now; say it again later");
    }
    const enum sprout_status status =
        sprout_feedback_take(d->store, body, wall, answer, err);
    d->feedback_new = d->feedback_new || status == SPROUT_OK;
    return status;
}

void sprout_daemon_feedback_refresh(struct sprout_daemon *d)
{
    const size_t raised = d->feedback.raised;

    if (d->store == NULL || (!d->feedback_new && d->feedback.waiting == 0)) {
        return;
    }
    if (sprout_feedback_read(d->store, &d->feedback, NULL) != SPROUT_OK) {
        return; /* asked again */
    }
    d->feedback_new = false;
    if (d->feedback.raised > raised) {
        sprout_log_warn("feedback-alarm",
                        "short answers are disliked more than those of the holdout: see "
                        "feedback in /v1/status");
    }
}
