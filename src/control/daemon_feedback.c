/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_feedback.c - the daemon's part of feedback: the ledger's word, kept at hand. */
#include "adapt/log.h"
#include "control/daemon_work.h"

enum { TURNS_AT_ONCE = 2000, SECONDS_A_LOOK = 1 };

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

/* Ratings whose receipt is not there yet are looked at again when there are new receipts;
 * made-up ids wait for ever and must not cost a reading each time somebody asks. */
static bool is_stale(struct sprout_daemon *d)
{
    int64_t newest = 0;

    if (d->feedback_new || d->feedback.waiting == 0) {
        return d->feedback_new;
    }
    return sprout_store_newest_receipt(d->store, &newest, NULL) == SPROUT_OK &&
           newest != d->feedback_newest;
}

void sprout_daemon_feedback_refresh(struct sprout_daemon *d)
{
    if (d->store == NULL || !is_stale(d)) {
        return;
    }
    int64_t newest = 0;
    if (sprout_store_newest_receipt(d->store, &newest, NULL) != SPROUT_OK ||
        sprout_feedback_read(d->store, &d->feedback, NULL) != SPROUT_OK) {
        return; /* asked again */
    }
    d->feedback_newest = newest;
    d->feedback_new = false;
}

static void read_signs(struct sprout_daemon *d, sprout_instant wall)
{
    bool more = false;

    if (d->signs == NULL && sprout_signs_new(&d->signs, NULL) != SPROUT_OK) {
        return;
    }
    d->signs->feedback.judged_at = d->feedback.judged_at;
    if (sprout_signs_read(d->signs, d->store, TURNS_AT_ONCE, &more, NULL) != SPROUT_OK) {
        return; /* read again */
    }
    if (more) {
        d->feedback_next.ns = 0; /* there may be others */
    } else {
        sprout_signs_settle(d->signs, wall);
    }
}

void sprout_daemon_feedback_turn(struct sprout_daemon *d, sprout_mono mono,
                                 sprout_instant wall)
{
    const size_t raised = d->feedback.raised,
                 shown = d->signs == NULL ? 0 : d->signs->feedback.raised;

    if (d->store == NULL || mono.ns < d->feedback_next.ns) {
        return;
    }
    d->feedback_next.ns = mono.ns + (int64_t)SECONDS_A_LOOK * SPROUT_NS_PER_SECOND;
    sprout_daemon_feedback_refresh(d);
    read_signs(d, wall);
    if (d->feedback.raised > raised) {
        sprout_log_warn("feedback-alarm",
                        "short answers are disliked more than those of the holdout: see "
                        "feedback in /v1/status");
    }
    if (d->signs != NULL && d->signs->feedback.raised > shown) {
        sprout_log_warn("signs-alarm",
                        "after short answers people come back sooner than in the "
                        "holdout: see feedback in /v1/status");
    }
    const struct sprout_withdrawn now = sprout_daemon_feedback_withdrawn(d);
    d->plan_now = d->plan_now || memcmp(&now, &d->withdrawn, sizeof now) != 0;
}

void sprout_daemon_feedback_close(struct sprout_daemon *d)
{
    sprout_signs_free(d->signs);
    d->signs = NULL;
}

static uint32_t disliked(const struct sprout_daemon *d, const char *stratum)
{
    const char *name[SPROUT_LEVELS_MAX];
    const size_t levels = d->config->levels_count;

    for (size_t l = 0; l < levels && l < SPROUT_LEVELS_MAX; l++) {
        name[l] = d->config->levels[l].name;
    }
    return sprout_feedback_disliked(&d->feedback, stratum, name, levels) |
           (d->signs == NULL
                ? 0
                : sprout_feedback_disliked(&d->signs->feedback, stratum, name, levels));
}

struct sprout_withdrawn sprout_daemon_feedback_withdrawn(const struct sprout_daemon *d)
{
    struct sprout_withdrawn w = {0};

    if (!d->config->feedback.withdraw) {
        return w;
    }
    w.of_all = disliked(d, SPROUT_PLAN_STRATUM);
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        w.of_kind[k] = disliked(d, sprout_kind_text((enum sprout_kind)k));
    }
    return w;
}
