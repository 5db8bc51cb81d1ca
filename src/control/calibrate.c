/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate.c - see calibrate.h. */
#include "control/calibrate.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/http.h"

enum { REPLY_MAX = 256 * 1024, UNKNOWNS = 3, NS_PER_US = 1000 };

/* ---- the meter ------------------------------------------------------------------------- */

struct sampler {
    struct sprout_meters *meters;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stop;
    double joules;
    int voids;
    char why[300];
};

static void sample(struct sampler *s)
{
    struct sprout_error err = {.message = ""};
    sprout_microjoules uj = {0};
    pthread_mutex_lock(&s->lock);
    const enum sprout_status status =
        sprout_meters_read(s->meters, sprout_clock_mono(), &uj, &err);
    s->joules += (double)uj.v / 1e6;
    if (status != SPROUT_OK) {
        s->voids++;
        snprintf(s->why, sizeof s->why, "%.299s", err.message);
    }
    pthread_mutex_unlock(&s->lock);
}

static void *keep_sampling(void *arg)
{
    struct sampler *const s = arg;
    const sprout_span span = sprout_meters_interval(s->meters);
    for (;;) {
        usleep((useconds_t)(span.ns / NS_PER_US));
        pthread_mutex_lock(&s->lock);
        const bool stop = s->stop;
        pthread_mutex_unlock(&s->lock);
        if (stop) {
            return NULL;
        }
        sample(s);
    }
}

/* Joules so far, all of them until this moment; NaN without a meter. */
static double joules_now(struct sampler *s)
{
    if (s->meters == NULL) {
        return NAN;
    }
    sample(s);
    pthread_mutex_lock(&s->lock);
    const double j = s->joules;
    pthread_mutex_unlock(&s->lock);
    return j;
}

static double seconds_now(void)
{
    return (double)sprout_clock_mono().ns / SPROUT_NS_PER_SECOND;
}

/* ---- one run --------------------------------------------------------------------------- */

struct batch {
    struct sprout_http_call *calls;
    char *bodies;
    char *replies;
    size_t count;
};

/* `words` short words: about as many tokens; the server says how many. */
static char *body_of(const char *model, int words, int output)
{
    char *const text = malloc((size_t)words * 3 + 1);
    if (text == NULL) {
        return NULL;
    }
    for (int i = 0; i < words; i++) {
        memcpy(text + 3 * i, "go ", 3);
    }
    text[3 * words] = '\0';
    json_t *const o = json_pack("{s:s,s:i,s:b,s:f,s:[{s:s,s:s}]}", "model", model,
                                "max_tokens", output, "ignore_eos", 1, "temperature", 0.0,
                                "messages", "role", "user", "content", text);
    char *const body = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    json_decref(o);
    free(text);
    return body;
}

static enum sprout_status take_reply(const struct sprout_http_call *call,
                                     struct sprout_calibrate_run *r,
                                     struct sprout_error *err)
{
    if (call->status != SPROUT_OK || call->code != 200) {
        return sprout_fail(err, SPROUT_UNAVAILABLE, "the server: %.200s (status %d)",
                           call->status == SPROUT_OK ? "expected status 200" : call->why,
                           call->code);
    }
    json_t *const root = json_loadb(call->reply.ptr, call->reply.len, 0, NULL);
    json_t *const usage = json_object_get(root, "usage");
    json_t *const in = json_object_get(usage, "prompt_tokens");
    json_t *const out = json_object_get(usage, "completion_tokens");
    const bool known = json_is_integer(in) && json_is_integer(out);
    if (known) {
        r->in += (double)json_integer_value(in);
        r->out += (double)json_integer_value(out);
        r->request_s += (double)call->took.ns / SPROUT_NS_PER_SECOND;
    }
    json_decref(root);
    return known ? SPROUT_OK
                 : sprout_fail(err, SPROUT_UNAVAILABLE,
                               "the server's reply has no usage: without token counts "
                               "there is nothing to fit");
}

static enum sprout_status run_calls(const struct sprout_calibrate_opts *o,
                                    struct sampler *s, struct sprout_http_call *calls,
                                    size_t n, struct sprout_calibrate_run *r,
                                    struct sprout_error *err)
{
    const struct sprout_http_opts http = {.at_most = r->concurrency};
    enum sprout_status status = SPROUT_OK;
    (void)o;
    const double from = seconds_now(), before = joules_now(s);
    sprout_http_run(calls, n, &http);
    r->seconds = seconds_now() - from;
    r->joules = joules_now(s) - before;
    for (size_t i = 0; i < n && status == SPROUT_OK; i++) {
        status = take_reply(&calls[i], r, err);
    }
    r->requests = (double)n;
    r->batch = fmax(1, r->request_s / r->seconds);
    r->request_s /= r->requests;
    return status;
}

static enum sprout_status one_run(const struct sprout_calibrate_opts *o,
                                  struct sampler *s, struct sprout_calibrate_run *r,
                                  struct sprout_error *err)
{
    const size_t n = (size_t)r->concurrency * (size_t)o->rounds;
    char url[600];
    char *const body = body_of(o->model, r->prompt, r->output);
    struct sprout_http_call *const calls = calloc(n, sizeof *calls);
    char *const replies = malloc(n * REPLY_MAX);
    enum sprout_status status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a run");

    snprintf(url, sizeof url, "%.500s/v1/chat/completions", o->upstream);
    if (body != NULL && calls != NULL && replies != NULL) {
        for (size_t i = 0; i < n; i++) {
            calls[i].url = url;
            calls[i].body = sprout_str_of(body);
            calls[i].reply = sprout_buf_of(replies + i * REPLY_MAX, REPLY_MAX);
        }
        status = run_calls(o, s, calls, n, r, err);
    }
    free(replies);
    free(calls);
    free(body);
    return status;
}

/* ---- fitting --------------------------------------------------------------------------- */

/* Solves the normal equations in place; false: the unknowns cannot be told apart. */
static bool solve(double m[UNKNOWNS][UNKNOWNS + 1], int n)
{
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int r = c + 1; r < n; r++) {
            best = fabs(m[r][c]) > fabs(m[best][c]) ? r : best;
        }
        for (int k = 0; k <= n; k++) {
            const double t = m[c][k];
            m[c][k] = m[best][k];
            m[best][k] = t;
        }
        if (fabs(m[c][c]) < 1e-9) {
            return false;
        }
        for (int r = 0; r < n; r++) {
            const double f = r == c ? 0 : m[r][c] / m[c][c];
            for (int k = c; k <= n; k++) {
                m[r][k] -= f * m[c][k];
            }
        }
    }
    return true;
}

/* Least squares of y on x[][0..n-1], each row scaled by its weight; x is unscaled inside by
 * dividing columns by their greatest value, so that the pivots compare. */
static bool fit(double (*x)[UNKNOWNS], const double *y, const double *weight, int rows,
                int n, double *out)
{
    double m[UNKNOWNS][UNKNOWNS + 1] = {{0}}, scale[UNKNOWNS] = {0};
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < n; i++) {
            scale[i] = fmax(scale[i], fabs(x[r][i] * weight[r]));
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < n; i++) {
            const double xi = scale[i] > 0 ? x[r][i] * weight[r] / scale[i] : 0;
            for (int k = 0; k < n; k++) {
                m[i][k] += xi * (scale[k] > 0 ? x[r][k] * weight[r] / scale[k] : 0);
            }
            m[i][n] += xi * y[r] * weight[r];
        }
    }
    if (!solve(m, n)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        out[i] = m[i][n] / m[i][i] / scale[i];
    }
    return true;
}

static bool fit_seconds(struct sprout_calibration *c, int least)
{
    double x[SPROUT_CALIBRATE_RUNS][UNKNOWNS], y[SPROUT_CALIBRATE_RUNS],
        one[SPROUT_CALIBRATE_RUNS];
    int rows = 0;
    for (int i = 0; i < c->runs; i++) {
        const struct sprout_calibrate_run *const r = &c->run[i];
        if (r->concurrency == least) {
            x[rows][0] = 1;
            x[rows][1] = r->in / r->requests;
            x[rows][2] = r->out / r->requests;
            y[rows] = r->request_s;
            one[rows++] = 1;
        }
    }
    return fit(x, y, one, rows, UNKNOWNS, c->seconds);
}

/* Rows weighed by 1/E, so that a small run counts as much as a large one. */
static bool fit_joules(struct sprout_calibration *c, bool batches)
{
    double x[SPROUT_CALIBRATE_RUNS][UNKNOWNS], y[SPROUT_CALIBRATE_RUNS],
        weight[SPROUT_CALIBRATE_RUNS], found[UNKNOWNS] = {0};
    for (int i = 0; i < c->runs; i++) {
        const struct sprout_calibrate_run *const r = &c->run[i];
        x[i][0] = r->in;
        x[i][1] = r->out;
        x[i][2] = r->out / r->batch;
        y[i] = r->joules - c->idle_w * r->seconds;
        weight[i] = 1 / fmax(r->joules, 1e-6);
    }
    if (!fit(x, y, weight, c->runs, batches ? 3 : 2, found)) {
        return false;
    }
    c->j_in = found[0];
    c->a = found[1];
    c->b = batches ? found[2] : 0;
    c->worst = c->mean = 0;
    for (int i = 0; i < c->runs; i++) {
        struct sprout_calibrate_run *const r = &c->run[i];
        r->fitted_j =
            c->idle_w * r->seconds + c->j_in * r->in + (c->a + c->b / r->batch) * r->out;
        const double e = fabs(r->fitted_j - r->joules) / r->joules;
        c->worst = fmax(c->worst, e);
        c->mean += e / c->runs;
    }
    return true;
}

/* ---- all of it ------------------------------------------------------------------------- */

static enum sprout_status drive(const struct sprout_calibrate_opts *o, struct sampler *s,
                                struct sprout_calibration *c, struct sprout_error *err)
{
    const int of = o->prompts.n * o->outputs.n * o->concurrency.n;
    enum sprout_status status = SPROUT_OK;
    for (int i = 0; i < of && status == SPROUT_OK; i++) {
        struct sprout_calibrate_run *const r = &c->run[c->runs++];
        *r = (struct sprout_calibrate_run){
            .prompt = o->prompts.v[i % o->prompts.n],
            .output = o->outputs.v[i / o->prompts.n % o->outputs.n],
            .concurrency = o->concurrency.v[i / o->prompts.n / o->outputs.n],
            .fitted_j = NAN};
        status = one_run(o, s, r, err);
        if (o->progress != NULL) {
            o->progress(o->ctx, i + 1, of);
        }
    }
    return status;
}

static enum sprout_status measure_idle(const struct sprout_calibrate_opts *o,
                                       struct sampler *s, struct sprout_calibration *c,
                                       struct sprout_error *err)
{
    sample(s); /* the base */
    s->voids = 0;
    if (pthread_create(&s->thread, NULL, keep_sampling, s) != 0) {
        return sprout_fail(err, SPROUT_IO, "no thread for the meter");
    }
    const double from = seconds_now(), before = joules_now(s);
    usleep((useconds_t)(o->idle_seconds * 1e6));
    const double joules = joules_now(s) - before;
    c->idle_w = joules / (seconds_now() - from);
    return SPROUT_OK;
}

static int least_of(const struct sprout_calibrate_list *l)
{
    int least = l->v[0];
    for (int i = 1; i < l->n; i++) {
        least = l->v[i] < least ? l->v[i] : least;
    }
    return least;
}

enum sprout_status sprout_calibrate(const struct sprout_calibrate_opts *o,
                                    struct sprout_calibration *out,
                                    struct sprout_error *err)
{
    struct sampler s = {.meters = o->meters};
    *out = (struct sprout_calibration){
        .idle_w = NAN, .j_in = NAN, .a = NAN, .b = NAN, .worst = NAN, .mean = NAN};
    pthread_mutex_init(&s.lock, NULL);
    enum sprout_status status =
        o->meters == NULL ? SPROUT_OK : measure_idle(o, &s, out, err);
    const bool threaded = o->meters != NULL && status == SPROUT_OK;
    if (status == SPROUT_OK) {
        status = drive(o, &s, out, err);
    }
    if (threaded) {
        pthread_mutex_lock(&s.lock);
        s.stop = true;
        pthread_mutex_unlock(&s.lock);
        pthread_join(s.thread, NULL);
    }
    pthread_mutex_destroy(&s.lock);
    if (status == SPROUT_OK && s.voids > 0) {
        status = sprout_fail(err, SPROUT_UNAVAILABLE,
                             "the meter had %d gaps (%.200s): nothing can be fitted",
                             s.voids, s.why);
    }
    if (status == SPROUT_OK && (!fit_seconds(out, least_of(&o->concurrency)) ||
                                (threaded && !fit_joules(out, o->concurrency.n > 1)))) {
        status = sprout_fail(err, SPROUT_INFEASIBLE,
                             "the runs do not tell input from output: give at least two "
                             "lengths of each");
    }
    return status;
}
