/* SPDX-License-Identifier: Apache-2.0 */
/* latency.c - see latency.h. */
#include "control/latency.h"

#include <math.h>
#include <stdlib.h>

#define NORMAL_95 1.959964

struct answer {
    uint64_t conversation;
    double seconds;
};

struct answers {
    struct answer *v;
    size_t n;
};

struct collector {
    struct answers arm[2]; /* holdout, mix */
    int64_t seen;
};

static void collect(void *ctx, const struct sprout_store_latency *l)
{
    struct collector *const c = ctx;

    c->seen++;
    if (c->seen > SPROUT_LATENCY_MAX) {
        return;
    }
    struct answers *const a = &c->arm[l->holdout ? 0 : 1];
    a->v[a->n++] = (struct answer){l->conversation, (double)l->duration_us / 1e6};
}

static int by_conversation(const void *a, const void *b)
{
    const uint64_t x = ((const struct answer *)a)->conversation;
    const uint64_t y = ((const struct answer *)b)->conversation;
    return x < y ? -1 : x > y;
}

static int by_seconds(const void *a, const void *b)
{
    const double x = ((const struct answer *)a)->seconds;
    const double y = ((const struct answer *)b)->seconds;
    return x < y ? -1 : x > y;
}

/* Standard error of (sum of f) / n over conversations, where f is an answer's seconds, or
 * with `at_most` 0 or more whether they are at most that.  Ordered by conversation. */
static double error_of(const struct answers *a, double ratio, double at_most,
                       int64_t *conversations)
{
    double squares = 0;
    int64_t groups = 0;

    for (size_t i = 0; i < a->n; groups++) {
        const uint64_t conversation = a->v[i].conversation;
        double residual = 0;
        for (; i < a->n && a->v[i].conversation == conversation; i++) {
            const double s = a->v[i].seconds;
            residual += (at_most < 0 ? s : s <= at_most ? 1.0 : 0.0) - ratio;
        }
        squares += residual * residual;
    }
    *conversations = groups;
    if (groups < SPROUT_LATENCY_UNITS_MIN) {
        return NAN;
    }
    const double g = (double)groups;
    return sqrt(squares * g / (g - 1)) / (double)a->n;
}

static double quantile(const struct answers *a, double p)
{
    const double at = p * (double)(a->n - 1);
    const size_t i = at <= 0 ? 0 : (size_t)at;
    if (i + 1 >= a->n) {
        return a->v[a->n - 1].seconds;
    }
    const double part = at <= 0 ? 0 : at - (double)i;
    return a->v[i].seconds + part * (a->v[i + 1].seconds - a->v[i].seconds);
}

static struct sprout_interval unknown_interval(void)
{
    return (struct sprout_interval){NAN, NAN, NAN};
}

/* *error is the standard error of the mean. */
static struct sprout_latency_arm arm_of(struct answers *a, double *error)
{
    struct sprout_latency_arm out = {.mean = unknown_interval(),
                                     .median = unknown_interval()};
    double sum = 0;

    *error = NAN;
    if (a->n == 0) {
        return out;
    }
    out.answers = (int64_t)a->n;
    for (size_t i = 0; i < a->n; i++) {
        sum += a->v[i].seconds;
    }
    out.mean.value = sum / (double)a->n;
    qsort(a->v, a->n, sizeof a->v[0], by_seconds);
    out.median.value = quantile(a, 0.5);

    qsort(a->v, a->n, sizeof a->v[0], by_conversation);
    *error = error_of(a, out.mean.value, -1, &out.conversations);
    const double share = error_of(a, 0.5, out.median.value, &out.conversations);
    out.mean.low = out.mean.value - NORMAL_95 * *error;
    out.mean.high = out.mean.value + NORMAL_95 * *error;
    if (!isnan(share)) {
        qsort(a->v, a->n, sizeof a->v[0], by_seconds);
        const double reach = NORMAL_95 * share < 0.5 ? NORMAL_95 * share : 0.5;
        out.median.low = quantile(a, 0.5 - reach);
        out.median.high = quantile(a, 0.5 + reach);
    }
    return out;
}

/* 1 - mix / holdout, its interval from that of the logarithm. */
static struct sprout_interval faster(const struct sprout_latency *l, double holdout_error,
                                     double mix_error)
{
    const double h = l->holdout.mean.value, m = l->mix.mean.value;
    if (!(h > 0) || !(m > 0)) {
        return unknown_interval();
    }
    const double relative =
        sqrt(holdout_error * holdout_error / (h * h) + mix_error * mix_error / (m * m));
    const double at = log(m / h);
    if (isnan(relative)) {
        return unknown_interval();
    }
    return (struct sprout_interval){100 * (1 - exp(at)),
                                    100 * (1 - exp(at + NORMAL_95 * relative)),
                                    100 * (1 - exp(at - NORMAL_95 * relative))};
}

enum sprout_status sprout_latency_of(struct sprout_store *store,
                                     struct sprout_store_range range,
                                     struct sprout_latency *out, struct sprout_error *err)
{
    struct collector c = {.seen = 0};
    double holdout_error, mix_error;
    enum sprout_status status;

    c.arm[0].v = calloc(SPROUT_LATENCY_MAX, sizeof(struct answer));
    c.arm[1].v = calloc(SPROUT_LATENCY_MAX, sizeof(struct answer));
    if (c.arm[0].v == NULL || c.arm[1].v == NULL) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for latencies");
    } else {
        status = sprout_store_latencies(store, range, SPROUT_LATENCY_MAX + 1, collect, &c,
                                        err);
    }
    if (status == SPROUT_OK) {
        out->holdout = arm_of(&c.arm[0], &holdout_error);
        out->mix = arm_of(&c.arm[1], &mix_error);
        out->faster_percent = faster(out, holdout_error, mix_error);
        out->cut = c.seen > SPROUT_LATENCY_MAX;
    }
    free(c.arm[0].v);
    free(c.arm[1].v);
    return status;
}
