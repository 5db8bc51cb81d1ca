/* SPDX-License-Identifier: Apache-2.0 */
/* train_dir.c - see train_dir.h. */
#include "cli/train_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "adapt/store_examples.h"
#include "adapt/weights.h"
#include "cli/predictor_print.h"
#include "cli/train_ledger.h"
#include "control/daemon.h"
#include "control/evaluator_inner.h"
#include "core/predict_model.h"
#include "sim/retrain.h"

enum { PATH_TEXT = 4096, LEAST_PRIORITY = 19, CPU_SECONDS = 3600 };

static void say_source(const struct sprout_train_ledger *l, const char *note,
                       struct sprout_buf *b)
{
    sprout_buf_printf(b, "%zu prompts evaluated here, answers of %s, judged by %s",
                      l->count, l->model[0] == '\0' ? "several models" : l->model,
                      l->judge[0] == '\0' ? "nobody" : l->judge);
    if (note != NULL) {
        sprout_buf_printf(b, "; %s", note);
    }
}

/* ---- into a file ----------------------------------------------------------------------- */

static enum sprout_status write_trained(const struct sprout_trained *t, const char *out,
                                        bool json, struct sprout_error *err)
{
    struct sprout_predictor p;
    enum sprout_status st = sprout_predictor_view(t->bytes, t->len, &p, err);
    if (st == SPROUT_OK) {
        st = sprout_weights_write(out, t->bytes, t->len, err);
    }
    if (st == SPROUT_OK) {
        (json ? sprout_predictor_print_json : sprout_predictor_print)(&p);
    }
    return st;
}

enum sprout_status sprout_train_ledger(const char *ledger, const char *out,
                                       const char *note, struct sprout_train_opts *opts,
                                       bool json, struct sprout_error *err)
{
    char source[SPROUT_PREDICT_SOURCE_MAX];
    struct sprout_buf b = sprout_buf_of(source, sizeof source - 1);
    struct sprout_store *store = NULL;
    struct sprout_train_ledger l = {0};
    struct sprout_trained trained;

    enum sprout_status st = sprout_store_open(ledger, SPROUT_STORE_READ, &store, err);
    if (st == SPROUT_OK) {
        st = sprout_train_ledger_read(store, &l, err);
    }
    if (st == SPROUT_OK) {
        say_source(&l, note, &b);
        opts->trained_on = sprout_buf_str(&b);
        st = sprout_train(l.example, l.count, opts, &trained, err);
    }
    if (st == SPROUT_OK) {
        st = write_trained(&trained, out, json, err);
        sprout_trained_free(&trained);
    }
    sprout_train_ledger_free(&l);
    sprout_store_close(store);
    return st;
}

/* ---- against the one in force ---------------------------------------------------------- */

struct attempt {
    const char *dir;
    struct sprout_store *store;
    char *memory; /* of the policy */
    const struct sprout_policy *policy;
    struct sprout_weights weights;
    struct sprout_train_ledger examples;
    struct sprout_retrain_out out;
};

static enum sprout_status open_in_force(struct attempt *a, struct sprout_error *err)
{
    enum sprout_status st = sprout_evaluator_policy(a->dir, &a->memory, &a->policy, err);
    if (st == SPROUT_OK && a->policy->predictor.file.len == 0) {
        st = sprout_fail(err, SPROUT_INVALID,
                         "the policy in %.200s names no predictor to compare with",
                         a->dir);
    }
    return st == SPROUT_OK
               ? sprout_weights_open_id(a->dir, a->policy->predictor.id, &a->weights, err)
               : st;
}

static enum sprout_status open_ledger(struct attempt *a, struct sprout_error *err)
{
    char path[PATH_TEXT];
    snprintf(path, sizeof path, "%.4000s/%s", a->dir, SPROUT_PATH_LEDGER);
    return sprout_store_open(path, SPROUT_STORE_SHARE, &a->store, err);
}

static bool protects_maths(const struct sprout_policy *p)
{
    const struct sprout_str maths = sprout_str_of(sprout_kind_text(SPROUT_KIND_MATHS));
    bool found = false;
    for (size_t i = 0; i < p->rule_count; i++) {
        found = found || sprout_str_eq(p->rules[i].match.kind, maths);
    }
    return found;
}

static enum sprout_status compare(struct attempt *a, struct sprout_train_opts *opts,
                                  struct sprout_error *err)
{
    char source[SPROUT_PREDICT_SOURCE_MAX];
    struct sprout_buf b = sprout_buf_of(source, sizeof source - 1);
    say_source(&a->examples, NULL, &b);
    opts->trained_on = sprout_buf_str(&b);
    const struct sprout_retrain_in in = {
        .example = a->examples.example,
        .at = a->examples.at,
        .count = a->examples.count,
        .in_force = &a->weights.predictor,
        .needs_maths = protects_maths(a->policy),
        .train = *opts,
    };
    return sprout_retrain(&in, &a->out, err);
}

/* Weights first: only the row puts them in force. */
static enum sprout_status keep(struct attempt *a, sprout_instant at,
                               struct sprout_error *err)
{
    const struct sprout_retrain_out *const o = &a->out;
    const struct sprout_store_retraining r = {
        .at = at,
        .state = o->replace ? SPROUT_STR("replaced") : SPROUT_STR("refused"),
        .why = sprout_str_of(o->why),
        .before = a->weights.predictor.id,
        .after = o->id,
        .fitted = (int64_t)o->fitted,
        .held_out = (int64_t)o->held_out,
        .prefer_before = o->prefer.before,
        .prefer_after = o->prefer.after,
        .prefer_error = o->prefer.error,
        .length_before = o->length.before,
        .length_after = o->length.after,
        .length_error = o->length.error,
    };
    enum sprout_status st = SPROUT_OK;
    if (o->replace) {
        st =
            sprout_weights_write_id(a->dir, o->id, o->trained.bytes, o->trained.len, err);
    }
    return st == SPROUT_OK ? sprout_store_put_retraining(a->store, &r, err) : st;
}

static void print(const struct attempt *a, bool json)
{
    struct sprout_predictor p;
    if (sprout_predictor_view(a->out.trained.bytes, a->out.trained.len, &p, NULL) ==
        SPROUT_OK) {
        (json ? sprout_predictor_print_json : sprout_predictor_print)(&p);
    }
    if (!json) {
        printf("\nagainst the one in force: %s\n", a->out.why);
    }
}

static enum sprout_status attempt(struct attempt *a, struct sprout_train_opts *opts,
                                  struct sprout_error *err)
{
    enum sprout_status st = open_in_force(a, err);
    if (st == SPROUT_OK) {
        st = open_ledger(a, err);
    }
    if (st == SPROUT_OK) {
        st = sprout_train_ledger_read(a->store, &a->examples, err);
    }
    if (st == SPROUT_OK) {
        st = compare(a, opts, err);
    }
    return st == SPROUT_OK ? keep(a, opts->now, err) : st;
}

/* Whatever else runs here goes first, and it does not run for ever. */
static void step_back(struct sprout_train_opts *opts)
{
    const struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS};
    (void)setpriority(PRIO_PROCESS, 0, LEAST_PRIORITY);
    (void)setrlimit(RLIMIT_CPU, &cpu);
    opts->threads = 1;
}

enum sprout_status sprout_train_dir(const char *dir, struct sprout_train_opts *opts,
                                    bool background, bool json, struct sprout_error *err)
{
    struct attempt a = {.dir = dir};
    const int fd = sprout_evaluator_lock(dir, SPROUT_PATH_TRAIN, LOCK_EX | LOCK_NB);
    if (fd < 0) {
        return errno == EWOULDBLOCK
                   ? sprout_fail(err, SPROUT_BUSY, "another process trains in %.200s",
                                 dir)
                   : sprout_fail(err, SPROUT_IO, "cannot write in %.200s: %s", dir,
                                 strerror(errno));
    }
    if (background) {
        step_back(opts);
    }
    enum sprout_status st = attempt(&a, opts, err);
    if (st == SPROUT_OK && !background) {
        print(&a, json);
    }
    if (st == SPROUT_OK && !a.out.replace) {
        st = sprout_fail(err, SPROUT_FAILED, "%s", a.out.why);
    }
    sprout_trained_free(&a.out.trained);
    sprout_train_ledger_free(&a.examples);
    sprout_store_close(a.store);
    sprout_weights_close(&a.weights);
    free(a.memory);
    close(fd);
    return st;
}
