/* SPDX-License-Identifier: Apache-2.0 */
/* prompts.c - see prompts.h. */
#include "sim/prompts.h"

#include <math.h>
#include <stdlib.h>

enum {
    RATIOS = SPROUT_PROMPT_RATIOS,
    FORMS = SPROUT_PROMPT_FORMS,
    LEVELS = SPROUT_PREDICT_LEVELS,
    NG_PER_TOKEN = 1000000, /* any number serves: only the ratio decides */
    NUMERIC_LENGTH = 90,
};

#define RATIO_MIN 1.0             /* tokens: all at the shortest level ... */
#define RATIO_MAX 300000.0        /* ... to all at what is predicted to be the best */
#define RATIO_L0  (2 * RATIO_MAX) /* all at L0, whatever is predicted */

/* The forms tell apart what judges treat differently; they read no task. */
enum form {
    FORM_OTHER,
    FORM_CHOICES,
    FORM_LETTERS,
    FORM_NUMERIC,
    FORM_LOWER,
    FORM_QUESTION
};

static bool holds(struct sprout_str s, struct sprout_str part)
{
    return memmem(s.ptr, s.len, part.ptr, part.len) != NULL;
}

static enum form form_of(struct sprout_str s)
{
    size_t digits = 0, capitals = 0, end = s.len;
    for (size_t i = 0; i < s.len; i++) {
        digits += s.ptr[i] >= '0' && s.ptr[i] <= '9';
        capitals += s.ptr[i] >= 'A' && s.ptr[i] <= 'Z';
    }
    while (end > 0 &&
           (s.ptr[end - 1] == ' ' || s.ptr[end - 1] == '"' || s.ptr[end - 1] == '\n')) {
        end--;
    }
    if (holds(s, SPROUT_STR("(A)"))) {
        return holds(s, SPROUT_STR("Choices:")) ? FORM_CHOICES : FORM_LETTERS;
    }
    if (digits > 1 && s.len > NUMERIC_LENGTH && memchr(s.ptr, '?', s.len) != NULL) {
        return FORM_NUMERIC;
    }
    if (capitals == 0) {
        return FORM_LOWER;
    }
    return end > 0 && s.ptr[end - 1] == '?' ? FORM_QUESTION : FORM_OTHER;
}

static double value_of(const struct sprout_prediction *p, enum sprout_predict_by by,
                       int level)
{
    const int32_t v = by == SPROUT_BY_ACCURACY ? p->right[level] : p->quality[level];
    return (double)v / SPROUT_PREDICT_ONE;
}

/* What is unlike anything trained on stays at L0, as what is protected does. */
static uint32_t allowed_of(const struct sprout_prediction *p, uint32_t protect)
{
    return p->unlike || (protect >> p->kind & 1) ? 1u : 0;
}

static int level_at(const struct sprout_prediction *p,
                    const struct sprout_prompts_opts *o, double ratio)
{
    if (ratio >= RATIO_L0) {
        return 0;
    }
    const struct sprout_predict_terms terms = {
        .ng_per_token = NG_PER_TOKEN,
        .ng_per_quality = (int64_t)llround(ratio * NG_PER_TOKEN),
        .split = SPROUT_PREDICT_ONE,
        .levels = allowed_of(p, o->protect),
        .by = o->by,
    };
    return sprout_predict_choose(p, &terms, 0);
}

/* ---- means in place of predictions --------------------------------------------------- */

/* The training set's mean prediction, where parts of a prediction are to be left out. */
static struct sprout_prediction mean_prediction(const struct sprout_prompts_opts *o)
{
    double quality[LEVELS] = {0}, right[LEVELS] = {0}, tokens[LEVELS] = {0};
    struct sprout_prediction mean = {.kind = SPROUT_KIND_OTHER};
    for (size_t i = 0; i < o->examples; i++) {
        for (int l = 0; l < LEVELS; l++) {
            quality[l] += o->held_out[i].quality[l];
            right[l] += o->held_out[i].right[l];
            tokens[l] += o->held_out[i].tokens[l];
        }
    }
    for (int l = 0; l < LEVELS && o->examples > 0; l++) {
        mean.quality[l] = (int32_t)(quality[l] / (double)o->examples);
        mean.right[l] = (int32_t)(right[l] / (double)o->examples);
        mean.tokens[l] = (int32_t)(tokens[l] / (double)o->examples);
    }
    return mean;
}

static struct sprout_prediction leave_out(struct sprout_prediction said,
                                          const struct sprout_prompts_opts *o,
                                          const struct sprout_prediction *mean)
{
    if (o->no_preference) {
        memcpy(said.quality, mean->quality, sizeof said.quality);
        memcpy(said.right, mean->right, sizeof said.right);
    }
    if (o->no_length) {
        memcpy(said.tokens, mean->tokens, sizeof said.tokens);
    }
    return said;
}

/* ---- the folder ---------------------------------------------------------------------- */

static bool is_judged(const struct sprout_prompts_opts *o,
                      const struct sprout_accuracy *a, const struct sprout_request *q,
                      size_t i)
{
    return o->by == SPROUT_BY_ACCURACY ? a->known[i] : q->preferred >= 0;
}

static double found_at(const struct sprout_prompts_opts *o,
                       const struct sprout_accuracy *a, const struct sprout_request *q,
                       size_t i, int level)
{
    return o->by == SPROUT_BY_ACCURACY ? (double)(a->right[i] >> level & 1)
                                       : (double)(q->preferred == level);
}

static void add_verdict(struct sprout_prompts *p, const struct sprout_prompts_opts *o,
                        const struct sprout_accuracy *a,
                        const struct sprout_prediction *said, size_t i, size_t *used)
{
    const struct sprout_request *const q = &p->requests->request[i];
    struct sprout_prompt_verdict *const v = &p->verdict[(*used)++];
    v->request = (uint32_t)i;
    v->form = (uint8_t)form_of(q->prompt);
    for (int l = 0; l < LEVELS; l++) {
        v->predicted[l] = value_of(said, o->by, l);
        v->found[l] = found_at(o, a, q, i, l);
    }
}

/* Predicts every prompt and keeps its level at every ratio; requests lie task by task. */
static void read_prompts(struct sprout_prompts *p, const struct sprout_prompts_opts *o,
                         const struct sprout_accuracy *a)
{
    const struct sprout_requests *const r = p->requests;
    const struct sprout_prediction mean = mean_prediction(o);
    size_t used = 0;
    int task = -1;
    for (size_t i = 0; i < r->count; i++) {
        const struct sprout_request *const q = &r->request[i];
        const struct sprout_prediction said =
            leave_out(sprout_predict_str(o->predictor, q->prompt), o, &mean);
        while (task < q->task) {
            p->verdict_from[++task] = used;
        }
        for (size_t k = 0; k < RATIOS; k++) {
            p->level[k * r->count + i] = (uint8_t)level_at(&said, o, p->ratio[k]);
        }
        p->protected_share += (allowed_of(&said, o->protect) != 0) / (double)r->count;
        if (is_judged(o, a, q, i)) {
            add_verdict(p, o, a, &said, i, &used);
        }
    }
    while (task < (int)r->tasks) {
        p->verdict_from[++task] = used;
    }
}

static void add_up_costs(struct sprout_prompts *p)
{
    const struct sprout_requests *const r = p->requests;
    for (size_t k = 0; k < RATIOS; k++) {
        for (size_t i = 0; i < r->count; i++) {
            const struct sprout_request *const q = &r->request[i];
            const int l = sprout_prompts_level(p, k, i);
            struct sprout_prompt_truth *const t = &p->truth[q->task];
            const double n = (double)r->task_count[q->task];
            t->joules[k] += q->energy[l].v / n;
            t->seconds[k] += q->time[l].v / n;
            t->level[k][l] += 1 / n;
        }
    }
}

static void add_up_quality(struct sprout_prompts *p, size_t task)
{
    struct sprout_prompt_view *const view = &p->view[task];
    struct sprout_prompt_truth *const truth = &p->truth[task];
    const size_t from = p->verdict_from[task], to = p->verdict_from[task + 1];
    const double n = (double)(to - from); /* 0: such a task is not in the mix */

    for (size_t v = from; v < to; v++) {
        const struct sprout_prompt_verdict *const d = &p->verdict[v];
        view->share[d->form] += 1 / n;
        view->predicted_l0[d->form] += d->predicted[0] / n;
        for (size_t k = 0; k < RATIOS; k++) {
            const int l = sprout_prompts_level(p, k, d->request);
            view->predicted[k][d->form] += d->predicted[l] / n;
            truth->quality[k] += d->found[l] / n;
        }
    }
}

static void add_up_right(struct sprout_prompts *p, const struct sprout_accuracy *a)
{
    const struct sprout_requests *const r = p->requests;
    for (size_t t = 0; t < r->tasks; t++) {
        for (size_t k = 0; k < RATIOS; k++) {
            p->truth[t].right[k] = a->task_known[t] > 0 ? 0 : NAN;
        }
    }
    for (size_t i = 0; i < r->count; i++) {
        const int t = r->request[i].task;
        for (size_t k = 0; a->known[i] && k < RATIOS; k++) {
            const int l = sprout_prompts_level(p, k, i);
            p->truth[t].right[k] += (a->right[i] >> l & 1) / (double)a->task_known[t];
        }
    }
}

/* ---- the training set ---------------------------------------------------------------- */

static bool example_found(const struct sprout_prompts_opts *o,
                          const struct sprout_train_example *e, int level, double *out)
{
    if (o->by == SPROUT_BY_ACCURACY) {
        *out = e->right[level];
        return e->right[level] >= 0;
    }
    *out = e->preferred == level;
    return e->preferred >= 0;
}

static void learn_flattery(struct sprout_prompts *p, const struct sprout_prompts_opts *o)
{
    const struct sprout_prediction mean = mean_prediction(o);
    double n = 0, y = 0;
    for (size_t i = 0; i < o->examples; i++) {
        n += example_found(o, &o->example[i], 0, &y);
    }
    p->trained = n > 0;
    for (size_t i = 0; p->trained && i < o->examples; i++) {
        const struct sprout_prediction seen = leave_out(o->held_out[i], o, &mean);
        const struct sprout_prediction *const said = &seen;
        if (!example_found(o, &o->example[i], 0, &y)) {
            continue;
        }
        const enum form form = form_of(o->example[i].text);
        p->start.share[form] += 1 / n;
        p->start.predicted_l0[form] += value_of(said, o->by, 0) / n;
        p->flattery_l0 += (y - value_of(said, o->by, 0)) / n;
        for (size_t k = 0; k < RATIOS; k++) {
            const int l = level_at(said, o, p->ratio[k]);
            p->start.predicted[k][form] += value_of(said, o->by, l) / n;
            if (example_found(o, &o->example[i], l, &y)) {
                p->flattery[k] += (y - value_of(said, o->by, l)) / n;
            }
        }
    }
}

/* ---- the whole ----------------------------------------------------------------------- */

enum sprout_status sprout_prompts_new(const struct sprout_requests *r,
                                      const struct sprout_accuracy *a,
                                      const struct sprout_prompts_opts *opts,
                                      struct sprout_prompts **out,
                                      struct sprout_error *err)
{
    struct sprout_prompts *const p = calloc(1, sizeof *p);
    if (p == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    p->requests = r;
    p->level = calloc(RATIOS * r->count, 1);
    p->view = calloc(r->tasks, sizeof *p->view);
    p->truth = calloc(r->tasks, sizeof *p->truth);
    p->verdict = calloc(r->count, sizeof *p->verdict);
    if (p->level == NULL || p->view == NULL || p->truth == NULL || p->verdict == NULL) {
        sprout_prompts_free(p);
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t k = 1; k < SPROUT_PROMPT_ALL_L0; k++) {
        const double at = (double)(k - 1) / (SPROUT_PROMPT_ALL_L0 - 2);
        p->ratio[k] = RATIO_MIN * pow(RATIO_MAX / RATIO_MIN, at);
    }
    p->ratio[SPROUT_PROMPT_ALL_L0] = RATIO_L0;
    read_prompts(p, opts, a);
    add_up_costs(p);
    for (size_t t = 0; t < r->tasks; t++) {
        add_up_quality(p, t);
    }
    add_up_right(p, a);
    learn_flattery(p, opts);
    *out = p;
    return SPROUT_OK;
}

void sprout_prompts_free(struct sprout_prompts *p)
{
    if (p != NULL) {
        free(p->level);
        free(p->view);
        free(p->truth);
        free(p->verdict);
        free(p);
    }
}
