/* SPDX-License-Identifier: Apache-2.0 */
/* train_dir.c - see train_dir.h. */
#include "cli/train_dir.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "adapt/requests.h"
#include "adapt/store_examples.h"
#include "adapt/weights.h"
#include "base/hash.h"
#include "cli/predictor_print.h"
#include "cli/train_ledger.h"
#include "control/daemon.h"
#include "control/evaluator_inner.h"
#include "core/predict_model.h"
#include "sim/retrain.h"

enum { PATH_TEXT = 4096, LOW_PRIORITY = 10, CPU_SECONDS = 3600 };

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

static void print(const struct sprout_retrain_out *o, bool json)
{
    struct sprout_predictor p;
    if (o->id != 0 &&
        sprout_predictor_view(o->trained.bytes, o->trained.len, &p, NULL) == SPROUT_OK) {
        (json ? sprout_predictor_print_json : sprout_predictor_print)(&p);
    }
    if (json) {
        return;
    }
    printf("\n%zu prompts fitted, %zu held out: ", o->fitted, o->held_out);
    if (isnan(o->prefer.after)) { /* refused before */
        printf("not compared\n%s\n", o->why);
    } else {
        printf("log loss %.4f before, %.4f after, squared error of log length %.4f and "
               "%.4f\n%s\n",
               o->prefer.before, o->prefer.after, o->length.before, o->length.after,
               o->why);
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
    (void)setpriority(PRIO_PROCESS, 0, LOW_PRIORITY);
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
        print(&a.out, json);
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

/* ---- against a file -------------------------------------------------------------------- */

static uint64_t key_of(struct sprout_str text)
{
    return sprout_hash_str((struct sprout_hash_key){0, 0}, text);
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* When each was judged, as far as it matters: with what the weights had seen, or after. */
static enum sprout_status date(const struct sprout_train_against *how, int64_t trained_at,
                               const struct sprout_train_example *example, size_t count,
                               sprout_instant *at, struct sprout_error *err)
{
    struct sprout_requests r = {0};
    enum sprout_status st =
        how->seen == NULL ? SPROUT_OK : sprout_requests_read(how->seen, &r, err);
    uint64_t *const key = calloc(r.count + 1, sizeof *key);
    if (st == SPROUT_OK && key == NULL) {
        st = sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; st == SPROUT_OK && i < r.count; i++) {
        key[i] = key_of(r.request[i].prompt);
    }
    if (st == SPROUT_OK) {
        qsort(key, r.count, sizeof *key, ascending);
    }
    for (size_t i = 0; st == SPROUT_OK && i < count; i++) {
        const uint64_t k = key_of(example[i].text);
        const bool seen = bsearch(&k, key, r.count, sizeof *key, ascending) != NULL;
        at[i].ns = trained_at + (seen ? 0 : 1);
    }
    free(key);
    sprout_requests_free(&r);
    return st;
}

static enum sprout_status against(const struct sprout_train_against *how,
                                  const struct sprout_retrain_in *in,
                                  struct sprout_error *err)
{
    struct sprout_retrain_out o;
    enum sprout_status st = sprout_retrain(in, &o, err);
    if (st != SPROUT_OK) {
        return st;
    }
    if (o.replace) {
        st = sprout_weights_write(how->out, o.trained.bytes, o.trained.len, err);
    } else {
        st = sprout_fail(err, SPROUT_FAILED, "%s", o.why);
    }
    print(&o, how->json);
    sprout_trained_free(&o.trained);
    return st;
}

enum sprout_status sprout_train_against(const struct sprout_train_against *how,
                                        const struct sprout_train_example *example,
                                        size_t count, struct sprout_train_opts *opts,
                                        struct sprout_error *err)
{
    struct sprout_weights w;
    enum sprout_status st = sprout_weights_open(how->weights, &w, err);
    if (st != SPROUT_OK) {
        return st;
    }
    sprout_instant *const at = calloc(count + 1, sizeof *at);
    st = at == NULL
             ? sprout_fail(err, SPROUT_NO_MEMORY, "out of memory")
             : date(how, w.predictor.model->figures.trained_at, example, count, at, err);
    const struct sprout_retrain_in in = {.example = example,
                                         .at = at,
                                         .count = count,
                                         .in_force = &w.predictor,
                                         .train = *opts};
    if (st == SPROUT_OK) {
        st = against(how, &in, err);
    }
    free(at);
    sprout_weights_close(&w);
    return st;
}
