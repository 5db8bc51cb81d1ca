/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_predict.c - the daemon's predictor: opened, put beside the policy, fed samples.
 *
 * The weights are copied into the daemon's folder under a name made of their checksum, so
 * that nginx finds them by the policy's word alone, a file is never written twice, and a
 * policy of an hour ago still finds its own. */
#include "control/daemon_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/log.h"
#include "control/nginx_conf.h"

/* The file that the configuration means; "" for none. */
static enum sprout_status weights_path(const struct sprout_config *c, char *out,
                                       struct sprout_error *err)
{
    out[0] = '\0';
    if (strcmp(c->predictor.weights, "none") == 0 ||
        c->levels_count != SPROUT_PREDICT_LEVELS) {
        return SPROUT_OK;
    }
    if (strcmp(c->predictor.weights, "default") != 0) {
        snprintf(out, SPROUT_DAEMON_PATH_MAX, "%s", c->predictor.weights);
        return SPROUT_OK;
    }
    /* What comes with sprout may be missing: then there is none, and it is said. */
    if (sprout_default_weights_find(out, SPROUT_DAEMON_PATH_MAX, err) != SPROUT_OK) {
        sprout_log_warn("no-predictor", "%s", err->message);
        out[0] = '\0';
    }
    return SPROUT_OK;
}

enum sprout_status sprout_daemon_predictor_open(const struct sprout_config *c,
                                                struct sprout_weights *out,
                                                struct sprout_error *err)
{
    char path[SPROUT_DAEMON_PATH_MAX];
    *out = (struct sprout_weights){0};
    const enum sprout_status status = weights_path(c, path, err);
    if (status != SPROUT_OK || path[0] == '\0') {
        return status;
    }
    return sprout_weights_open(path, out, err);
}

void sprout_daemon_predictor_use(struct sprout_daemon *d, struct sprout_weights *weights)
{
    const uint64_t old = d->weights.predictor.id;
    d->weights_before = old != weights->predictor.id ? old : d->weights_before;
    sprout_weights_close(&d->weights);
    d->weights = *weights;
    d->weights_there = false;
    d->weights_sweep = true;
    *weights = (struct sprout_weights){0};
}

/* True when the folder holds them whole. */
static bool publish(struct sprout_daemon *d)
{
    const uint64_t id = d->weights.predictor.id;
    struct sprout_error err = {.message = ""};
    struct sprout_weights there;

    sprout_weights_name(id, d->weights_name);
    if (sprout_weights_open_id(d->config->dir, id, &there, NULL) == SPROUT_OK) {
        sprout_weights_close(&there);
        return true;
    }
    if (sprout_weights_write_id(d->config->dir, id, d->weights.map, d->weights.len,
                                &err) != SPROUT_OK) {
        sprout_log_warn("predictor-not-published", "the mixes hold: %s", err.message);
        return false;
    }
    return true;
}

void sprout_daemon_predictor_plan(struct sprout_daemon *d, struct sprout_plan_in *in)
{
    if (d->weights.map == NULL || (!d->weights_there && !publish(d))) {
        return;
    }
    d->weights_there = true;
    in->predictor = &d->weights.predictor;
    in->weights_file = sprout_str_of(d->weights_name);
    if (d->samples == NULL) {
        d->samples = calloc(SPROUT_PREDICT_SAMPLES_MAX, sizeof *d->samples);
    }
    if (d->samples == NULL || d->store == NULL ||
        sprout_store_samples(d->store, d->weights.predictor.id, d->samples,
                             SPROUT_PREDICT_SAMPLES_MAX, &in->sample_count,
                             NULL) != SPROUT_OK) {
        return; /* a ledger that cannot be read now: the mixes hold meanwhile */
    }
    in->samples = d->samples;
}

void sprout_daemon_predictor_close(struct sprout_daemon *d)
{
    sprout_weights_close(&d->weights);
    free(d->samples);
    d->samples = NULL;
}
