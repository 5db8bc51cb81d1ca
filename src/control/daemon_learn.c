/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_learn.c - the predictor learns: what evaluations leave behind, when to train on it,
 * and taking what came out.
 *
 *     enough judged --> [ sprout train --dir DIR --background ] --> weights, then a row in
 *                          a process of its own, low priority      `retrainings`
 *     its end --> plan: the ledger names other weights than mine --> opened whole, in force
 *             --> policy.json names them --> all files but these and the ones before deleted
 *
 * The row is what puts weights in force, so whoever is killed in between leaves the old ones.
 * Followed are replacements that begin at the configured weights: where the configuration
 * names others, they hold, and where it names the first ones again, what they became. */
#include "control/daemon_work.h"

#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapt/log.h"
#include "adapt/store_examples.h"
#include "control/evaluator_inner.h"

enum {
    SECONDS_PER_DAY = 86400,
    LOOK_SECONDS = 10,
    FAILED_SECONDS =
        3600,    /* a process that came to no verdict is not begun at once again */
    REFUSED = 1, /* its exit status */
};

static bool learns(const struct sprout_daemon *d)
{
    return d->config->predictor.learn && d->weights_configured != 0;
}

/* ---- examples -------------------------------------------------------------------------- */

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

/* ---- training -------------------------------------------------------------------------- */

static void take_at(void *ctx, const struct sprout_store_retraining *r)
{
    *(sprout_instant *)ctx = r->at;
}

/* By the verdicts that the policy in force rests on: those of a judge that may be believed. */
static bool is_due(struct sprout_daemon *d)
{
    sprout_instant last = {0};
    int64_t judged = 0;

    return learns(d) && d->store != NULL && d->policy != NULL && d->why.evidence.used &&
           d->policy->predictor.id == d->weights.predictor.id &&
           sprout_store_retrainings(d->store, 1, take_at, &last, NULL) == SPROUT_OK &&
           sprout_store_examples_since(d->store, last, &judged, NULL) == SPROUT_OK &&
           judged >= d->config->predictor.retrain_after;
}

static void start(struct sprout_daemon *d, sprout_mono mono)
{
    static char program[] = "/proc/self/exe", train[] = "train", dir[] = "--dir",
                background[] = "--background";
    char *const argv[] = {program, train, dir, d->config->dir, background, NULL};
    struct sprout_error err = {.message = ""};

    d->trainer.name = "the trainer";
    if (sprout_child_start(&d->trainer, program, argv, mono, &err) != SPROUT_OK) {
        sprout_log_warn("training-not-begun", "%s", err.message);
        d->train_next.ns = mono.ns + FAILED_SECONDS * SPROUT_NS_PER_SECOND;
    }
}

/* True once it has ended; whatever it found out is in the ledger then. */
static bool has_ended(struct sprout_daemon *d, sprout_mono mono)
{
    int exit_status = 0;
    const pid_t pid = waitpid(d->trainer.pid, &exit_status, WNOHANG);

    if (pid == 0) {
        return false;
    }
    (void)sprout_child_died(&d->trainer, d->trainer.pid, exit_status, mono);
    const int code = WIFEXITED(exit_status) ? WEXITSTATUS(exit_status) : -1;
    /* Busy: that of a control killed a moment ago is not gone yet, or a person trains. */
    const bool good =
        code == 0 || code == REFUSED || code == sprout_status_exit(SPROUT_BUSY);
    if (!good) {
        char words[64];
        sprout_child_last_words(&d->trainer, words, sizeof words);
        sprout_log_warn("training-failed", "%s; the predictor stays as it is", words);
    }
    if (code == REFUSED) {
        sprout_log_info("training-refused", "the predictor stays as it is; 'sprout "
                                            "predictor --dir' says why");
    }
    d->train_next.ns =
        mono.ns + (good ? LOOK_SECONDS : FAILED_SECONDS) * SPROUT_NS_PER_SECOND;
    return true;
}

void sprout_daemon_learn_turn(struct sprout_daemon *d, sprout_mono mono)
{
    if (d->trainer.pid != 0) {
        if (has_ended(d, mono)) {
            d->plan_now = true;
        }
        return;
    }
    if (mono.ns < d->train_next.ns) {
        return;
    }
    d->train_next.ns = mono.ns + LOOK_SECONDS * SPROUT_NS_PER_SECOND;
    if (is_due(d)) {
        start(d, mono);
    }
}

void sprout_daemon_learn_close(struct sprout_daemon *d)
{
    if (d->trainer.pid != 0) {
        sprout_child_signal(&d->trainer, SIGTERM);
        waitpid(d->trainer.pid, NULL, 0);
        d->trainer.pid = 0;
    }
}

/* ---- what came out --------------------------------------------------------------------- */

/* The ledger then says what is really in force, so that it is compared with. */
static void note_return(struct sprout_daemon *d, uint64_t from, const char *why,
                        sprout_instant wall)
{
    const struct sprout_store_retraining r = {
        .at = wall,
        .state = SPROUT_STR("returned"),
        .why = sprout_str_of(why),
        .before = from,
        .after = d->weights.predictor.id,
        .prefer_before = NAN,
        .prefer_after = NAN,
        .prefer_error = NAN,
        .length_before = NAN,
        .length_after = NAN,
        .length_error = NAN,
    };
    struct sprout_error err = {.message = ""};
    if (sprout_store_put_retraining(d->store, &r, &err) != SPROUT_OK) {
        sprout_log_warn("retraining-not-kept", "%s", err.message);
    }
}

static void open_learned(struct sprout_daemon *d, uint64_t now, uint64_t before,
                         sprout_instant wall)
{
    struct sprout_error err = {.message = ""};
    struct sprout_weights w;
    const bool whole = sprout_weights_open_id(d->config->dir, now, &w, &err) == SPROUT_OK;

    if (whole || sprout_weights_open_id(d->config->dir, before, &w, NULL) == SPROUT_OK) {
        sprout_daemon_predictor_use(d, &w);
    }
    if (whole) {
        d->weights_before = before;
        sprout_log_info("predictor-replaced", "%016llx, after %016llx",
                        (unsigned long long)now, (unsigned long long)before);
    } else {
        sprout_log_error("predictor-lost", "%s; back to %016llx", err.message,
                         (unsigned long long)d->weights.predictor.id);
        note_return(d, now, err.message, wall);
    }
}

void sprout_daemon_learn_take(struct sprout_daemon *d, sprout_instant wall)
{
    uint64_t now = d->weights_configured, before = d->weights_before;

    if (learns(d) && d->store != NULL &&
        sprout_store_learned(d->store, &now, &before, NULL) == SPROUT_OK &&
        now != d->weights.predictor.id) {
        open_learned(d, now, before, wall);
    }
}

/* False also where the ledger cannot say what is to be in force. */
static bool is_settled(struct sprout_daemon *d)
{
    uint64_t now = d->weights_configured, before = 0;
    return !learns(d) ||
           (d->store != NULL &&
            sprout_store_learned(d->store, &now, &before, NULL) == SPROUT_OK &&
            now == d->weights.predictor.id);
}

void sprout_daemon_learn_sweep(struct sprout_daemon *d)
{
    const uint64_t keep[] = {d->weights.predictor.id, d->weights_before};

    if (!d->weights_sweep || d->policy->predictor.id != d->weights.predictor.id) {
        return;
    }
    const int fd =
        sprout_evaluator_lock(d->config->dir, SPROUT_PATH_TRAIN, LOCK_EX | LOCK_NB);
    if (fd < 0) {
        return; /* someone trains: the next plan looks again */
    }
    if (is_settled(d)) {
        sprout_weights_sweep(d->config->dir, keep, sizeof keep / sizeof keep[0]);
        d->weights_sweep = false;
    }
    close(fd);
}
