/* SPDX-License-Identifier: Apache-2.0 */
/* train.c - the order of training; see train.h.
 *
 * A "part" is a model that leaves one fold out, or (the last) none.  The regression of part
 * f scores fold f; from all these held-out scores the nets learn: those of part f from the
 * other folds only.  So the prediction of part f for a prompt of fold f owes that prompt
 * nothing, and it is made by the integers that will decide requests. */
#include "sim/train.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/train_inner.h"

enum {
    OUTPUTS = SPROUT_PREDICT_OUTPUTS,
    MARKS = SPROUT_PREDICT_MARKS,
    LEVELS = SPROUT_PREDICT_LEVELS,
    LANES = SPROUT_PREDICT_LANES,
    REPEATS = SPROUT_PREDICT_REPEATS,
    NETS = TRAIN_PARTS * TRAIN_LOSSES * REPEATS,
    THREADS_MAX = 8,
};

/* Of prompts held out, this share is more familiar than what counts as unlike. */
#define FAMILIAR 0.995

/* Least share unseen that may count as unlike: a short prompt with one new name is not. */
#define UNLIKE_LEAST 0.5

#define MATHS_FROM 0.45

struct training {
    const struct sprout_train_opts *opts;
    struct train_data data;
    struct sprout_predict_model *part; /* TRAIN_PARTS; the last is the one to keep */
    struct train_linear linear[TRAIN_PARTS];
    int32_t (*score)[OUTPUTS]; /* held out, Q16 */
    int16_t *rows;             /* of the weights */
    struct sprout_prediction *held_out;
    int stages; /* told to progress */
};

static void tell(void *ctx, int done)
{
    const struct training *const t = ctx;
    if (t->opts->progress != NULL) {
        t->opts->progress(t->opts->progress_ctx, t->stages + done, TRAIN_PARTS + NETS);
    }
}

static enum sprout_status run_jobs(struct training *t, train_job_fn *run, int count)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int threads = t->opts->threads > 0 ? t->opts->threads
                        : online < 1         ? 1
                                             : (int)online;
    const struct train_jobs jobs = {
        .run = run,
        .ctx = t,
        .count = count,
        .threads = threads < THREADS_MAX ? threads : THREADS_MAX,
        .progress = tell,
        .progress_ctx = t,
    };
    const enum sprout_status st = sprout_train_jobs_run(&jobs);
    t->stages += count;
    return st;
}

/* ---- first stage ----------------------------------------------------------------------- */

static enum sprout_status fit_part(void *ctx, int part)
{
    struct training *const t = ctx;
    return sprout_train_ridge(&t->data, part, &t->linear[part]);
}

static int32_t q16(double v)
{
    return (int32_t)lround(fmax(-255, fmin(255, v)) * SPROUT_PREDICT_ONE);
}

static void score_held_out(struct training *t)
{
    for (size_t i = 0; i < t->data.count; i++) {
        float score[TRAIN_LANES];
        sprout_train_linear_score(&t->data, &t->linear[t->data.fold[i]], i, score);
        for (int o = 0; o < OUTPUTS; o++) {
            t->score[i][o] = q16((double)score[o]);
        }
    }
}

static void measure_scores(struct training *t, struct sprout_predict_model *m)
{
    const double n = (double)t->data.count;
    for (int o = 0; o < OUTPUTS; o++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < t->data.count; i++) {
            sum += t->score[i][o];
        }
        const double mean = sum / n;
        for (size_t i = 0; i < t->data.count; i++) {
            squares += (t->score[i][o] - mean) * (t->score[i][o] - mean);
        }
        const double deviation = sqrt(squares / n) / SPROUT_PREDICT_ONE;
        m->score_mean[o] = (int32_t)lround(mean);
        m->score_inverse[o] =
            deviation < 1e-3 ? 0 : (int32_t)lround(SPROUT_PREDICT_ONE / deviation);
    }
}

/* ---- second stage ---------------------------------------------------------------------- */

/* Owns the arrays behind a task. */
struct lesson {
    struct train_task task;
    float *input;
    float (*base)[LANES];
    float (*target)[LANES];
    uint8_t *known;
};

static void lesson_free(struct lesson *l)
{
    free(l->input);
    free(l->base);
    free(l->target);
    free(l->known);
}

static bool lesson_make_room(struct lesson *l, size_t count, int inputs)
{
    l->input = calloc(count * (size_t)inputs + 1, sizeof *l->input);
    l->base = calloc(count + 1, sizeof *l->base);
    l->target = calloc(count + 1, sizeof *l->target);
    l->known = calloc(count + 1, sizeof *l->known);
    return l->input != NULL && l->base != NULL && l->target != NULL && l->known != NULL;
}

static uint8_t known_levels(const struct train_data *d, size_t i, enum train_loss loss)
{
    const int first = loss == TRAIN_LENGTH   ? SPROUT_OUT_LOG
                      : loss == TRAIN_PREFER ? SPROUT_OUT_PREFER
                                             : SPROUT_OUT_RIGHT;
    return d->known[i] >> first & 7;
}

static void fill(const struct training *t, size_t i, struct lesson *l)
{
    const struct train_data *const d = &t->data;
    const size_t at = l->task.count++;
    float *const x = l->input + at * (size_t)l->task.inputs;
    int16_t in[SPROUT_PREDICT_SCORES_IN];
    sprout_predict_inputs(&t->part[TRAIN_ALL], t->score[i], in);
    const bool length = l->task.loss == TRAIN_LENGTH;
    const int scores = length ? SPROUT_PREDICT_LENGTH_IN : SPROUT_PREDICT_SCORES_IN;
    for (int k = 0; k < scores; k++) {
        x[k] = (float)in[k] / 1024;
    }
    for (int k = 0; length && k < MARKS; k++) {
        x[scores + k] = (float)d->mark[i][k] / 1024;
    }
    for (int v = 0; v < LEVELS; v++) {
        l->base[at][v] =
            (float)t->score[i][SPROUT_OUT_LOG + v] / (float)SPROUT_PREDICT_ONE;
        l->target[at][v] = length ? (float)fmax(d->example[i].tokens[v], 1)
                           : l->task.loss == TRAIN_PREFER
                               ? d->target[i][SPROUT_OUT_PREFER + v]
                               : d->target[i][SPROUT_OUT_RIGHT + v];
    }
    l->known[at] = known_levels(d, i, l->task.loss);
}

static enum sprout_status make_lesson(const struct training *t, enum train_loss loss,
                                      int part, struct lesson *l)
{
    const struct train_data *const d = &t->data;
    const int inputs = loss == TRAIN_LENGTH ? SPROUT_PREDICT_LENGTH_IN + MARKS
                                            : SPROUT_PREDICT_SCORES_IN;
    *l = (struct lesson){.task = {.loss = loss, .inputs = inputs}};
    if (!lesson_make_room(l, d->count, inputs)) {
        return SPROUT_NO_MEMORY;
    }
    for (size_t i = 0; i < d->count; i++) {
        if (d->fold[i] != part && known_levels(d, i, loss) != 0) {
            fill(t, i, l);
        }
    }
    l->task.input = l->input;
    l->task.base = (const float(*)[LANES])l->base;
    l->task.target = (const float(*)[LANES])l->target;
    l->task.known = l->known;
    return SPROUT_OK;
}

/* Job: part, loss and repeat in one number.  Longest first. */
static enum sprout_status fit_net(void *ctx, int job)
{
    struct training *const t = ctx;
    const enum train_loss loss = (enum train_loss)(job / (TRAIN_PARTS * REPEATS));
    const int part = job / REPEATS % TRAIN_PARTS;
    const int repeat = job % REPEATS;
    struct sprout_predict_model *const m = &t->part[part];
    struct sprout_predict_net *const to = loss == TRAIN_LENGTH   ? &m->length[repeat]
                                          : loss == TRAIN_PREFER ? &m->prefer[repeat]
                                                                 : &m->right[repeat];
    struct lesson l;
    struct train_net net;
    enum sprout_status st = make_lesson(t, loss, part, &l);
    if (st == SPROUT_OK) {
        struct train_rng seed = {t->opts->seed +
                                 (uint64_t)((int)loss * REPEATS + repeat)};
        st = sprout_train_net_fit(&l.task, sprout_train_rng_next(&seed), &net);
    }
    if (st == SPROUT_OK) {
        sprout_train_pack_net(&net, to);
    }
    lesson_free(&l);
    return st;
}

/* Every part is the kept model but for its nets. */
static void share_model(struct training *t)
{
    for (int p = 0; p < TRAIN_ALL; p++) {
        t->part[p] = t->part[TRAIN_ALL];
    }
}

/* ---- predictions held out -------------------------------------------------------------- */

static int32_t unseen_by_others(const struct train_data *d, size_t i)
{
    const size_t n = d->from[i + 1] - d->from[i];
    size_t unseen = 0;
    for (size_t k = d->from[i]; k < d->from[i + 1]; k++) {
        const uint32_t folds = d->seen[d->row[k]][d->tag[k]];
        unseen += (folds & ~(1u << d->fold[i])) == 0;
    }
    return n == 0 ? SPROUT_PREDICT_ONE : (int32_t)(unseen * SPROUT_PREDICT_ONE / n);
}

static void predict_held_out(struct training *t)
{
    const struct train_data *const d = &t->data;
    for (size_t i = 0; i < d->count; i++) {
        struct sprout_prediction *const p = &t->held_out[i];
        sprout_predict_answer(&t->part[d->fold[i]], t->score[i], d->mark[i], p);
        p->unseen = unseen_by_others(d, i);
    }
}

static int ascending(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static enum sprout_status set_unlike(struct training *t, struct sprout_predict_model *m)
{
    const size_t n = t->data.count;
    int32_t *const share = calloc(n, sizeof *share);
    if (share == NULL) {
        return SPROUT_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        share[i] = t->held_out[i].unseen;
    }
    qsort(share, n, sizeof *share, ascending);
    const int32_t most = share[(size_t)(FAMILIAR * (double)(n - 1))] + 1;
    m->unlike_from = most > q16(UNLIKE_LEAST) ? most : q16(UNLIKE_LEAST);
    free(share);
    return SPROUT_OK;
}

/* The gap between the logarithm of the mean and the mean of the logarithm. */
static void set_gap(struct training *t, struct sprout_predict_model *m)
{
    const struct train_data *const d = &t->data;
    for (int l = 0; l < LEVELS; l++) {
        double gap = 0, known = 0;
        for (size_t i = 0; i < d->count; i++) {
            if ((d->known[i] >> (SPROUT_OUT_LOG + l) & 1) != 0) {
                gap += t->held_out[i].log_tokens[l] -
                       (double)d->target[i][SPROUT_OUT_LOG + l] * SPROUT_PREDICT_ONE;
                known++;
            }
        }
        m->log_gap[l] = known > 0 ? (int32_t)lround(gap / known) : 0;
    }
}

static void finish_held_out(struct training *t, const struct sprout_predict_model *m)
{
    for (size_t i = 0; i < t->data.count; i++) {
        struct sprout_prediction *const p = &t->held_out[i];
        for (int l = 0; l < LEVELS; l++) {
            p->log_tokens[l] -= m->log_gap[l];
        }
        p->unlike = p->unseen >= m->unlike_from;
        p->kind = t->data.code[i]             ? SPROUT_KIND_CODE
                  : p->maths >= m->maths_from ? SPROUT_KIND_MATHS
                                              : SPROUT_KIND_OTHER;
    }
}

/* ---- whole ----------------------------------------------------------------------------- */

static bool any_known(const struct train_data *d, int output, float at_least)
{
    for (size_t i = 0; i < d->count; i++) {
        if ((d->known[i] >> output & 1) != 0 && d->target[i][output] >= at_least) {
            return true;
        }
    }
    return false;
}

static enum sprout_status run_stages(struct training *t, struct sprout_error *err)
{
    struct sprout_predict_model *const m = &t->part[TRAIN_ALL];
    enum sprout_status st = run_jobs(t, fit_part, TRAIN_PARTS);
    if (st != SPROUT_OK) {
        return st;
    }
    score_held_out(t);
    measure_scores(t, m);
    sprout_train_pack_linear(&t->data, &t->linear[TRAIN_ALL], m, t->rows);
    m->knows_right = any_known(&t->data, SPROUT_OUT_RIGHT, 0);
    m->maths_from =
        any_known(&t->data, SPROUT_OUT_MATHS, 1) ? q16(MATHS_FROM) : INT32_MAX;
    share_model(t);
    st = run_jobs(t, fit_net, NETS);
    if (st != SPROUT_OK) {
        return st;
    }
    predict_held_out(t);
    set_gap(t, m);
    st = set_unlike(t, m);
    if (st != SPROUT_OK) {
        return st;
    }
    finish_held_out(t, m);
    m->figures.seed = t->opts->seed;
    m->figures.trained_at = t->opts->now.ns;
    const struct sprout_str said = t->opts->trained_on;
    memcpy(m->figures.trained_on, said.ptr,
           said.len < SPROUT_PREDICT_SOURCE_MAX ? said.len
                                                : SPROUT_PREDICT_SOURCE_MAX - 1);
    st = sprout_train_figures(&t->data, t->held_out, m, err);
    return st == SPROUT_FAILED && t->opts->keep_poor ? SPROUT_OK : st;
}

static void seal(struct sprout_predict_model *to, const struct sprout_predict_model *m)
{
    *to = *m;
    to->magic = SPROUT_PREDICT_MAGIC;
    to->format = SPROUT_PREDICT_FORMAT;
    to->levels = SPROUT_PREDICT_LEVELS;
    to->bytes = SPROUT_PREDICT_FILE_BYTES;
    to->checksum = sprout_predict_checksum(to, SPROUT_PREDICT_FILE_BYTES);
}

static enum sprout_status check_examples(const struct sprout_train_example *examples,
                                         size_t count, struct sprout_error *err)
{
    size_t judged = 0;
    for (size_t i = 0; i < count; i++) {
        judged += examples[i].preferred >= 0;
    }
    if (count > SPROUT_TRAIN_EXAMPLES_MAX) {
        return sprout_fail(err, SPROUT_LIMIT, "%zu prompts, expected at most %d", count,
                           SPROUT_TRAIN_EXAMPLES_MAX);
    }
    if (judged < SPROUT_TRAIN_JUDGED_MIN) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%zu judged prompts among %zu, expected at least %d: fewer "
                           "cannot show that a predictor beats the base rate",
                           judged, count, SPROUT_TRAIN_JUDGED_MIN);
    }
    return SPROUT_OK;
}

static bool make_room(struct training *t, size_t count, void *bytes)
{
    t->part = calloc(TRAIN_PARTS, sizeof *t->part);
    t->score = calloc(count, sizeof *t->score);
    t->held_out = calloc(count, sizeof *t->held_out);
    t->rows = bytes == NULL
                  ? NULL
                  : (int16_t *)((char *)bytes + sizeof(struct sprout_predict_model));
    return t->part != NULL && t->score != NULL && t->held_out != NULL && t->rows != NULL;
}

enum sprout_status sprout_train(const struct sprout_train_example *examples, size_t count,
                                const struct sprout_train_opts *opts,
                                struct sprout_trained *out, struct sprout_error *err)
{
    struct training t = {.opts = opts};
    enum sprout_status st = check_examples(examples, count, err);
    if (st != SPROUT_OK) {
        return st;
    }
    void *bytes = calloc(1, SPROUT_PREDICT_FILE_BYTES);
    st = make_room(&t, count, bytes) ? sprout_train_data_make(examples, count, opts->seed,
                                                              &t.part[TRAIN_ALL], &t.data)
                                     : SPROUT_NO_MEMORY;
    if (st == SPROUT_OK) {
        st = run_stages(&t, err);
    }
    if (st == SPROUT_OK) {
        seal(bytes, &t.part[TRAIN_ALL]);
        *out = (struct sprout_trained){bytes, SPROUT_PREDICT_FILE_BYTES, t.held_out};
        bytes = NULL;
        t.held_out = NULL;
    } else if (st == SPROUT_NO_MEMORY) {
        st = sprout_fail(err, st, "out of memory with %zu prompts", count);
    } else if (st == SPROUT_INVALID) {
        st = sprout_fail(err, st, "what is kept of a prompt is damaged");
    }
    for (int p = 0; p < TRAIN_PARTS; p++) {
        sprout_train_linear_free(&t.linear[p]);
    }
    sprout_train_data_free(&t.data);
    free(t.part);
    free(t.score);
    free(t.held_out);
    free(bytes);
    return st;
}

void sprout_trained_free(struct sprout_trained *t)
{
    free(t->bytes);
    free(t->held_out);
    *t = (struct sprout_trained){0};
}
