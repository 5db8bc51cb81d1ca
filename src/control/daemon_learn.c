/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_learn.c - what evaluations leave behind for the predictor's training. */
#include "control/daemon_work.h"

#include "adapt/store_examples.h"

enum { SECONDS_PER_DAY = 86400 };

static bool learns(const struct sprout_daemon *d)
{
    return d->config->predictor.learn && d->weights.map != NULL;
}

enum sprout_status sprout_daemon_learn_keep(struct sprout_daemon *d,
                                            struct sprout_error *err)
{
    if (d->learns_kept) {
        return SPROUT_OK;
    }
    enum sprout_status status =
        sprout_store_put_meta(d->store, SPROUT_STORE_LEARN,
                              learns(d) ? SPROUT_STR("on") : SPROUT_STR("off"), err);
    if (status == SPROUT_OK && !d->config->predictor.learn) {
        status =
            sprout_store_prune_examples(d->store, (sprout_instant){INT64_MAX}, 0, err);
    }
    d->learns_kept = status == SPROUT_OK;
    return status;
}

enum sprout_status sprout_daemon_learn_prune(struct sprout_daemon *d, sprout_instant wall,
                                             struct sprout_error *err)
{
    const struct sprout_config_predictor *const p = &d->config->predictor;
    const int64_t seconds = p->examples_days * SECONDS_PER_DAY;
    const sprout_instant before = {wall.ns - seconds * SPROUT_NS_PER_SECOND};
    return sprout_store_prune_examples(d->store, before, p->learn ? p->examples_max : 0,
                                       err);
}
