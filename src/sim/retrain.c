/* SPDX-License-Identifier: Apache-2.0 */
/* retrain.c - see retrain.h. */
#include "sim/retrain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "core/predict_model.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS, ONE = SPROUT_PREDICT_ONE, MATHS_MIN = 20 };

/* What protecting maths asks of a predictor (docs/predictor.md). */
#define MATHS_RECALL_MIN 0.95
#define MATHS_FALSE_MAX  0.03

#define PROBABILITY_MIN 1e-4

/* Of a loss: a gain that is certain but smaller than this twice is not worth a change. */
#define ERROR_MIN 0.005

/* A prompt, once. */
struct prompt {
    uint64_t key;
    size_t newest; /* its example */
    sprout_instant first;
};

struct retraining {
    const struct sprout_retrain_in *in;
    struct sprout_retrain_out *out;
    struct prompt *prompt; /* distinct ones */
    size_t prompts;
    struct sprout_train_example *fit, *held;
    size_t fits, helds;
};

/* ---- parts ----------------------------------------------------------------------------- */

static int by_key_and_time(const void *a, const void *b)
{
    const struct prompt *const x = a, *const y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->newest > y->newest) - (x->newest < y->newest);
}

static int by_newest(const void *a, const void *b)
{
    const struct prompt *const x = a, *const y = b;
    return (x->newest > y->newest) - (x->newest < y->newest);
}

/* Examples of one prompt become one: the newest, known since the first. */
static void find_prompts(struct retraining *r)
{
    const struct sprout_hash_key none = {0, 0};
    for (size_t i = 0; i < r->in->count; i++) {
        const struct sprout_train_example *const e = &r->in->example[i];
        const struct sprout_str s = e->features.len > 0 ? e->features : e->text;
        r->prompt[i] = (struct prompt){sprout_hash_str(none, s), i, r->in->at[i]};
    }
    qsort(r->prompt, r->in->count, sizeof *r->prompt, by_key_and_time);
    for (size_t i = 0; i < r->in->count; i++) {
        struct prompt *const last = &r->prompt[r->prompts > 0 ? r->prompts - 1 : 0];
        if (r->prompts > 0 && last->key == r->prompt[i].key) {
            last->newest = r->prompt[i].newest;
        } else {
            r->prompt[r->prompts++] = r->prompt[i];
        }
    }
    qsort(r->prompt, r->prompts, sizeof *r->prompt, by_newest);
}

static bool is_held_out(const struct retraining *r, const struct prompt *p)
{
    const struct sprout_predictor *const now = r->in->in_force;
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){now->id, 0});
    sprout_hash_u64(&h, p->key);
    return p->first.ns > now->model->figures.trained_at &&
           sprout_hash_end(h) % SPROUT_RETRAIN_ONE_IN == 0;
}

/* The operator's word on maths, or that of the predictor in force. */
static bool label(const struct retraining *r, struct sprout_train_example *e)
{
    const struct sprout_predictor *const now = r->in->in_force;
    struct sprout_predict_features f;
    if (!sprout_train_read(e, &f)) {
        return false;
    }
    if (e->maths < 0 && now->model->maths_from != INT32_MAX) {
        e->maths = sprout_predict_of(now, &f).maths >= now->model->maths_from;
    }
    return true;
}

static enum sprout_status divide(struct retraining *r, struct sprout_error *err)
{
    for (size_t i = 0; i < r->prompts; i++) {
        struct sprout_train_example e = r->in->example[r->prompt[i].newest];
        if (!label(r, &e)) {
            return sprout_fail(err, SPROUT_INVALID,
                               "what is kept of a prompt is damaged");
        }
        if (is_held_out(r, &r->prompt[i])) {
            r->held[r->helds++] = e;
        } else {
            r->fit[r->fits++] = e;
        }
    }
    r->out->fitted = r->fits;
    r->out->held_out = r->helds;
    return SPROUT_OK;
}

/* ---- losses ---------------------------------------------------------------------------- */

static struct sprout_prediction predict(const struct sprout_predictor *p,
                                        const struct sprout_train_example *e)
{
    struct sprout_predict_features f;
    const bool good = sprout_train_read(e, &f);
    assert(good); /* divide() has read it */
    return sprout_predict_of(p, &f);
}

/* What serving adds to the quality of each level, so that its mean is the verdicts'. */
static void measure_shift(const struct retraining *r, const struct sprout_predictor *p,
                          double shift[LEVELS])
{
    double won[LEVELS] = {0}, said[LEVELS] = {0}, n = 0;
    for (size_t i = 0; i < r->fits; i++) {
        if (r->fit[i].preferred >= 0) {
            const struct sprout_prediction q = predict(p, &r->fit[i]);
            for (int l = 0; l < LEVELS; l++) {
                said[l] += (double)q.quality[l] / ONE;
            }
            won[r->fit[i].preferred]++;
            n++;
        }
    }
    for (int l = 0; l < LEVELS; l++) {
        shift[l] = n > 0 ? (won[l] - said[l]) / n : 0;
    }
}

static double prefer_loss(const struct sprout_prediction *p, const double shift[LEVELS],
                          int preferred)
{
    double q[LEVELS], sum = 0;
    for (int l = 0; l < LEVELS; l++) {
        q[l] = fmax((double)p->quality[l] / ONE + shift[l], PROBABILITY_MIN);
        sum += q[l];
    }
    return -log(q[preferred] / sum);
}

/* NaN where no length is known. */
static double length_loss(const struct sprout_prediction *p,
                          const struct sprout_train_example *e)
{
    double sum = 0, known = 0;
    for (int l = 0; l < LEVELS; l++) {
        if (e->tokens[l] >= 0) {
            const double off =
                log(fmax(e->tokens[l], 1)) - (double)p->log_tokens[l] / ONE;
            sum += off * off;
            known++;
        }
    }
    return sum / known;
}

/* Sums over prompts of one loss. */
struct sums {
    double n, before, after, gain2;
};

static void add(struct sums *s, double before, double after)
{
    if (!isnan(before)) {
        s->n++;
        s->before += before;
        s->after += after;
        s->gain2 += (before - after) * (before - after);
    }
}

static struct sprout_retrain_loss loss_of(const struct sums *s)
{
    if (s->n < 2) {
        return (struct sprout_retrain_loss){NAN, NAN, NAN};
    }
    const double gain = (s->before - s->after) / s->n;
    return (struct sprout_retrain_loss){
        .before = s->before / s->n,
        .after = s->after / s->n,
        .error = sqrt(fmax(s->gain2 / s->n - gain * gain, 0) / (s->n - 1)),
    };
}

static bool too_few(const struct retraining *r)
{
    size_t judged = 0;
    for (size_t i = 0; i < r->helds; i++) {
        judged += r->held[i].preferred >= 0;
    }
    return judged < SPROUT_RETRAIN_HELD_OUT_MIN;
}

static void measure(struct retraining *r, const struct sprout_predictor *candidate)
{
    double shift_before[LEVELS], shift_after[LEVELS];
    struct sums prefer = {0}, length = {0};

    measure_shift(r, r->in->in_force, shift_before);
    measure_shift(r, candidate, shift_after);
    for (size_t i = 0; i < r->helds; i++) {
        const struct sprout_train_example *const e = &r->held[i];
        const struct sprout_prediction before = predict(r->in->in_force, e);
        const struct sprout_prediction after = predict(candidate, e);
        if (e->preferred >= 0) {
            add(&prefer, prefer_loss(&before, shift_before, e->preferred),
                prefer_loss(&after, shift_after, e->preferred));
        }
        add(&length, length_loss(&before, e), length_loss(&after, e));
    }
    r->out->prefer = loss_of(&prefer);
    r->out->length = loss_of(&length);
}

/* ---- the verdict ----------------------------------------------------------------------- */

/* How many standard errors it is better. */
static double gain_of(const struct sprout_retrain_loss *l)
{
    return (l->before - l->after) / fmax(l->error, ERROR_MIN * l->before);
}

static bool forgets_maths(const struct retraining *r,
                          const struct sprout_predict_model *m)
{
    const struct sprout_predict_figures *const f = &m->figures;
    return r->in->needs_maths &&
           !(m->maths_from != INT32_MAX && f->maths >= MATHS_MIN &&
             f->maths_recall >= MATHS_RECALL_MIN && f->maths_false <= MATHS_FALSE_MAX);
}

static void judge(struct retraining *r, const struct sprout_predictor *candidate)
{
    struct sprout_retrain_out *const o = r->out;
    measure(r, candidate);
    if (forgets_maths(r, candidate->model)) {
        snprintf(o->why, sizeof o->why,
                 "a rule protects maths, which it does not tell apart well enough: %lld "
                 "prompts of maths to learn from",
                 (long long)candidate->model->figures.maths);
        return;
    }
    const double prefer = gain_of(&o->prefer), length = gain_of(&o->length);
    const bool better = prefer > SPROUT_RETRAIN_BETTER || length > SPROUT_RETRAIN_BETTER;
    const bool worse =
        !(prefer > -SPROUT_RETRAIN_WORSE && length > -SPROUT_RETRAIN_WORSE);
    o->replace = better && !worse;
    snprintf(o->why, sizeof o->why,
             "%s: preference better by %.1f standard errors, length by %.1f; one must be "
             "by more than %.0f, neither worse by %.0f",
             o->replace ? "better"
             : better   ? "better in one thing only"
                        : "not better",
             prefer, length, SPROUT_RETRAIN_BETTER, SPROUT_RETRAIN_WORSE);
}

static enum sprout_status fit_and_judge(struct retraining *r, struct sprout_error *err)
{
    struct sprout_error why = {.message = ""};
    struct sprout_predictor candidate;
    if (too_few(r)) { /* whatever is trained could not be compared */
        snprintf(
            r->out->why, sizeof r->out->why,
            "fewer than %d new prompts held out were judged: nothing can be said yet",
            SPROUT_RETRAIN_HELD_OUT_MIN);
        return SPROUT_OK;
    }
    enum sprout_status st =
        sprout_train(r->fit, r->fits, &r->in->train, &r->out->trained, &why);
    if (st == SPROUT_FAILED || st == SPROUT_INVALID) {
        snprintf(r->out->why, sizeof r->out->why, "%.290s", why.message);
        return SPROUT_OK;
    }
    if (st != SPROUT_OK) {
        return sprout_fail(err, st, "%s", why.message);
    }
    st = sprout_predictor_view(r->out->trained.bytes, r->out->trained.len, &candidate,
                               err);
    if (st == SPROUT_OK) {
        r->out->id = candidate.id;
        judge(r, &candidate);
    }
    return st;
}

enum sprout_status sprout_retrain(const struct sprout_retrain_in *in,
                                  struct sprout_retrain_out *out,
                                  struct sprout_error *err)
{
    const struct sprout_retrain_loss unknown = {NAN, NAN, NAN};
    struct sprout_retrain_out o = {.prefer = unknown, .length = unknown};
    struct retraining r = {
        .in = in,
        .out = &o,
        .prompt = calloc(in->count + 1, sizeof *r.prompt),
        .fit = calloc(in->count + 1, sizeof *r.fit),
        .held = calloc(in->count + 1, sizeof *r.held),
    };
    enum sprout_status st = SPROUT_OK;
    if (r.prompt == NULL || r.fit == NULL || r.held == NULL) {
        st = sprout_fail(err, SPROUT_NO_MEMORY, "out of memory with %zu prompts",
                         in->count);
    }
    if (st == SPROUT_OK) {
        find_prompts(&r);
        st = divide(&r, err);
    }
    if (st == SPROUT_OK) {
        st = fit_and_judge(&r, err);
    }
    if (st == SPROUT_OK) {
        *out = o;
    } else {
        sprout_trained_free(&o.trained);
    }
    free(r.prompt);
    free(r.fit);
    free(r.held);
    return st;
}
