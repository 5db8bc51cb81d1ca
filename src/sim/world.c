/* SPDX-License-Identifier: Apache-2.0 */
/* world.c - see world.h. */
#include "sim/world.h"

#include <stdlib.h>

#include "adapt/reader.h"
#include "core/instant.h"

enum { SECONDS_PER_HOUR = 3600, SECONDS_PER_DAY = 86400, TIME_TEXT_MAX = 32 };

/* Published intensities have two decimals; the same hour may differ by a rounding. */
#define CI_TOLERANCE 0.0051

static int mix_task(const struct sprout_mix_table *mix, const char *name)
{
    for (size_t k = 0; k < mix->tasks; k++) {
        if (strcmp(mix->task[k], name) == 0) {
            return (int)k;
        }
    }
    return -1;
}

/* ---- tasks --------------------------------------------------------------------------- */

static void means_of_requests(struct sprout_world *w, bool with_quality)
{
    const struct sprout_requests *const r = w->in.requests;
    for (size_t i = 0; i < r->count; i++) {
        const struct sprout_request *const q = &r->request[i];
        const int k = w->task_of_request[q->task];
        if (k < 0) {
            continue;
        }
        struct sprout_task_means *const t = &w->task[k];
        for (int o = 0; o < SPROUT_SIM_OPTIONS; o++) {
            t->energy[o].v += q->energy[o].v / (double)r->task_count[q->task];
            t->time[o].v += q->time[o].v / (double)r->task_count[q->task];
        }
        if (with_quality && q->preferred >= 0) {
            t->preferred[q->preferred] += 1.0 / (double)r->task_judged[q->task];
        }
    }
}

static void accuracy_of_requests(struct sprout_world *w)
{
    const struct sprout_requests *const r = w->in.requests;
    const struct sprout_accuracy *const a = w->in.accuracy;

    for (size_t t = 0; a != NULL && t < r->tasks; t++) {
        const int k = w->task_of_request[t];
        for (int o = 0; k >= 0 && a->task_known[t] > 0 && o < SPROUT_SIM_OPTIONS; o++) {
            w->right[k][o] = 0;
        }
    }
    for (size_t i = 0; a != NULL && i < r->count; i++) {
        const int t = r->request[i].task;
        const int k = w->task_of_request[t];
        for (int o = 0; k >= 0 && a->known[i] && o < SPROUT_SIM_OPTIONS; o++) {
            w->right[k][o] += (a->right[i] >> o & 1) / (double)a->task_known[t];
        }
    }
}

static enum sprout_status join_requests(struct sprout_world *w, struct sprout_error *err)
{
    const struct sprout_requests *const r = w->in.requests;
    bool found[SPROUT_TASKS_MAX] = {false};

    for (size_t t = 0; t < r->tasks; t++) {
        w->task_of_request[t] = mix_task(w->in.mix, r->task[t]);
        if (w->task_of_request[t] >= 0) {
            found[w->task_of_request[t]] = true;
        }
    }
    for (size_t k = 0; k < w->tasks; k++) {
        if (!found[k]) {
            return sprout_fail(err, SPROUT_NOT_FOUND,
                               "%s: task '%s' has no %s.jsonl among the requests",
                               w->in.mix_path, w->task[k].task, w->task[k].task);
        }
    }
    means_of_requests(w, w->in.means == NULL);
    accuracy_of_requests(w);
    return SPROUT_OK;
}

static enum sprout_status join_means(struct sprout_world *w, struct sprout_error *err)
{
    for (size_t k = 0; k < w->tasks; k++) {
        const struct sprout_task_means *found = NULL;
        for (size_t j = 0; j < w->in.means->tasks; j++) {
            if (strcmp(w->in.means->task[j].task, w->task[k].task) == 0) {
                found = &w->in.means->task[j];
            }
        }
        if (found == NULL) {
            return sprout_fail(err, SPROUT_NOT_FOUND, "%s: task '%s' is not in the means",
                               w->in.mix_path, w->task[k].task);
        }
        memcpy(w->task[k].preferred, found->preferred, sizeof found->preferred);
        if (w->in.requests == NULL) {
            w->task[k] = *found;
        }
    }
    return SPROUT_OK;
}

static enum sprout_status make_tasks(struct sprout_world *w, struct sprout_error *err)
{
    w->tasks = w->in.mix->tasks;
    for (size_t k = 0; k < w->tasks; k++) {
        memcpy(w->task[k].task, w->in.mix->task[k], sizeof w->task[k].task);
        for (int o = 0; o < SPROUT_SIM_OPTIONS; o++) {
            w->right[k][o] = NAN;
        }
    }
    enum sprout_status st = SPROUT_OK;
    if (w->in.requests != NULL) {
        st = join_requests(w, err);
    }
    if (st == SPROUT_OK && w->in.means != NULL) {
        st = join_means(w, err);
    }
    return st;
}

/* ---- hours --------------------------------------------------------------------------- */

sprout_instant sprout_world_begins(const struct sprout_world *w, size_t h)
{
    return sprout_instant_add(w->in.start,
                              sprout_span_seconds((int64_t)h * SECONDS_PER_HOUR));
}

size_t sprout_world_past(const struct sprout_world *w, size_t h, sprout_g_per_kwh *out,
                         size_t most)
{
    const struct sprout_grid_trace *const t = w->in.trace;
    const struct sprout_grid_slot *const now =
        sprout_grid_trace_at(t, sprout_world_begins(w, h));
    const size_t known = now == NULL ? 0 : (size_t)(now - t->slots) + 1;
    const size_t n = known < most ? known : most;
    for (size_t i = 0; i < n; i++) {
        out[i] = sprout_grid_slot_value(now + 1 - n + i, w->in.scope);
    }
    return n;
}

double sprout_world_grams(const struct sprout_world *w, const struct sprout_world_hour *h,
                          sprout_joules energy, sprout_seconds time)
{
    return sprout_carbon_of(&w->in.carbon, h->ci, energy, time).v;
}

static double worth(const struct sprout_world *w, size_t task, int option)
{
    if (w->in.quality == SPROUT_SIM_ACCURACY) {
        return w->right[task][option];
    }
    return option < SPROUT_SIM_LEVELS ? w->task[task].preferred[option] : NAN;
}

static void expect(const struct sprout_world *w, struct sprout_world_hour *h)
{
    for (size_t k = 0; k < w->tasks; k++) {
        for (int o = 0; o < SPROUT_SIM_OPTIONS; o++) {
            h->energy[o].v += h->mix[k] * w->task[k].energy[o].v;
            h->time[o].v += h->mix[k] * w->task[k].time[o].v;
            h->quality[o] += h->mix[k] > 0 ? h->mix[k] * worth(w, k, o) : 0;
        }
    }
    for (int o = 0; o < SPROUT_SIM_OPTIONS; o++) {
        h->grams[o] = sprout_world_grams(w, h, h->energy[o], h->time[o]);
    }
}

static sprout_g_per_kwh mean_until(const struct sprout_world *w,
                                   const struct sprout_grid_trace *t, sprout_instant at,
                                   int64_t days)
{
    const sprout_span window = sprout_span_seconds(days * SECONDS_PER_DAY);
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++) {
        const int64_t age = sprout_instant_since(at, t->slots[i].start).ns;
        if (days == 0 || (age >= 0 && age < window.ns)) {
            sum += sprout_grid_slot_value(&t->slots[i], w->in.scope).v;
            n++;
        }
    }
    return (sprout_g_per_kwh){n > 0 ? sum / (double)n : NAN};
}

static enum sprout_status fail_moment(const char *path, uint32_t line, sprout_instant at,
                                      const char *what, struct sprout_error *err)
{
    char text[TIME_TEXT_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_instant_put(&b, at);
    return sprout_reader_fail(err, SPROUT_INVALID, path, line, "%s at %.*s", what,
                              (int)b.len, text);
}

/* Of row `i`: whether it follows the one before by an hour. */
static enum sprout_status check_step(const struct sprout_grid_trace *t, size_t i,
                                     const char *path, struct sprout_error *err)
{
    const int64_t hour = SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
    const struct sprout_grid_slot *const before = &t->slots[i - 1];
    const int64_t d = sprout_instant_since(t->slots[i].start, before->start).ns;
    if (d == hour) {
        return SPROUT_OK;
    }
    return d % hour == 0
               ? sprout_reader_fail(err, SPROUT_INVALID, path, before->line,
                                    "%lld hours are missing after this row; expected "
                                    "a row for every hour",
                                    (long long)(d / hour - 1))
               : sprout_reader_fail(err, SPROUT_INVALID, path, t->slots[i].line,
                                    "%lld s after the row before; expected a row for "
                                    "every hour",
                                    (long long)(d / SPROUT_NS_PER_SECOND));
}

/* A grid with a hole is refused whole: extremes and means would silently differ. */
static enum sprout_status check_trace(const struct sprout_world *w,
                                      const struct sprout_grid_trace *t, const char *path,
                                      struct sprout_error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct sprout_grid_slot *const s = &t->slots[i];
        const enum sprout_status st = i > 0 ? check_step(t, i, path, err) : SPROUT_OK;
        if (st != SPROUT_OK) {
            return st;
        }
        if (isnan(sprout_grid_slot_value(s, w->in.scope).v)) {
            return fail_moment(path, s->line, s->start, "no intensity", err);
        }
    }
    return SPROUT_OK;
}

static void look_back(struct sprout_world *w, sprout_instant at,
                      struct sprout_world_hour *h)
{
    const struct sprout_grid_trace *const t = w->in.trace;
    const int64_t days = w->in.trailing_days;
    const struct sprout_grid_range r = sprout_grid_trace_range(
        t, w->in.scope, at, sprout_span_seconds(days * SECONDS_PER_DAY));
    h->lo = r.lo;
    h->hi = r.hi;
    h->mean = mean_until(w, t, at, days);
}

static void look_ahead(struct sprout_world *w)
{
    const struct sprout_grid_trace *const t = w->in.bounds;
    double lo = INFINITY, hi = -INFINITY, mean = 0;
    for (size_t i = 0; i < t->count; i++) {
        const double v = sprout_grid_slot_value(&t->slots[i], w->in.scope).v;
        lo = fmin(lo, v);
        hi = fmax(hi, v);
    }
    for (size_t h = 0; h < w->hours; h++) {
        mean += w->hour[h].ci.v / (double)w->hours;
    }
    for (size_t h = 0; h < w->hours; h++) {
        w->hour[h].lo.v = lo;
        w->hour[h].hi.v = hi;
        w->hour[h].mean.v = mean;
    }
}

/* The hour's shares; with accuracy, those of the tasks whose accuracy is known. */
static enum sprout_status take_mix(struct sprout_world *w, size_t i,
                                   struct sprout_error *err)
{
    const double *const from = sprout_mix_row(w->in.mix, i);
    double *const to = w->mix + i * w->tasks;
    double sum = 0;
    for (size_t k = 0; k < w->tasks; k++) {
        const bool counts =
            w->in.quality == SPROUT_SIM_PREFERENCE || !isnan(w->right[k][0]);
        to[k] = counts ? from[k] : 0;
        sum += to[k];
    }
    if (!(sum > 0)) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "%s: line %zu: no request of this hour has a reference, so accuracy "
            "cannot be its quality",
            w->in.mix_path, i + 2);
    }
    for (size_t k = 0; k < w->tasks; k++) {
        to[k] /= sum;
    }
    w->hour[i].mix = to;
    return SPROUT_OK;
}

/* Saved and quality are relative to L0: where it costs or is worth nothing there are none. */
static enum sprout_status check_base(const struct sprout_world *w, size_t i,
                                     struct sprout_error *err)
{
    const bool worth_something = w->hour[i].quality[0] > 0;
    if (worth_something && w->hour[i].grams[0] > 0) {
        return SPROUT_OK;
    }
    return sprout_fail(
        err, SPROUT_INVALID,
        "hour %zu: no request of its tasks %s at L0, so nothing can be said "
        "relative to it",
        i,
        !worth_something && w->in.quality == SPROUT_SIM_ACCURACY ? "is right"
        : !worth_something                                       ? "is preferred"
                                                                 : "needs energy");
}

static enum sprout_status make_hours(struct sprout_world *w, struct sprout_error *err)
{
    for (size_t i = 0; i < w->hours; i++) {
        const sprout_instant at = sprout_world_begins(w, i);
        const struct sprout_grid_slot *const slot = sprout_grid_trace_at(w->in.trace, at);
        if (slot == NULL) {
            return fail_moment(w->in.trace_path, 0, at,
                               "the trace has no row for this window's hour", err);
        }
        w->hour[i].ci = sprout_grid_slot_value(slot, w->in.scope);
        enum sprout_status st = take_mix(w, i, err);
        if (st == SPROUT_OK) {
            expect(w, &w->hour[i]);
            st = check_base(w, i, err);
        }
        if (st != SPROUT_OK) {
            return st;
        }
        if (w->in.trailing_days > 0) {
            look_back(w, at, &w->hour[i]);
        }
    }
    if (w->in.trailing_days == 0) {
        look_ahead(w);
    }
    w->long_mean = mean_until(w, w->in.bounds, w->in.start, w->in.trailing_days);
    return SPROUT_OK;
}

/* ---- the whole ----------------------------------------------------------------------- */

static enum sprout_status check_evaluations(const struct sprout_world *w,
                                            struct sprout_error *err)
{
    const struct sprout_evaluations *const e = w->in.evaluations;
    if (e == NULL) {
        return SPROUT_OK;
    }
    if (strcmp(e->zone, w->zone) != 0 || e->hours < w->hours) {
        return sprout_reader_fail(
            err, SPROUT_INVALID, w->in.evaluations_path, 0,
            "the evaluations are of zone %s over %zu hours; expected %s over %zu",
            e->zone, e->hours, w->zone, w->hours);
    }
    for (size_t h = 0; h < w->hours; h++) {
        if (fabs(e->hour[h].ci.v - w->hour[h].ci.v) > CI_TOLERANCE) {
            return sprout_reader_fail(
                err, SPROUT_INVALID, w->in.evaluations_path, 0,
                "the evaluations are of another window: hour %zu has %g g/kWh "
                "there and %g in the trace",
                h, e->hour[h].ci.v, w->hour[h].ci.v);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status check_options(const struct sprout_world_opts *o,
                                        struct sprout_error *err)
{
    if (o->hours == 0 || o->hours > SPROUT_SIM_HOURS_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "%zu hours; expected 1 to %d", o->hours,
                           SPROUT_SIM_HOURS_MAX);
    }
    if (o->mix->hours < o->hours) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "%s: line %zu: the mix ends after %zu hours; %zu were asked for", o->mix_path,
            o->mix->hours + 1, o->mix->hours, o->hours);
    }
    if (o->quality == SPROUT_SIM_ACCURACY &&
        (o->requests == NULL || o->evaluations != NULL)) {
        return sprout_fail(
            err, SPROUT_USAGE,
            "accuracy as quality needs --requests, and no --evaluations: those "
            "are of preference");
    }
    if (o->means == NULL && o->requests == NULL) {
        return sprout_fail(err, SPROUT_INVALID, "neither means nor requests are given");
    }
    return SPROUT_OK;
}

enum sprout_status sprout_world_new(const struct sprout_world_opts *opts,
                                    struct sprout_world **out, struct sprout_error *err)
{
    enum sprout_status st = check_options(opts, err);
    if (st != SPROUT_OK) {
        return st;
    }
    struct sprout_world *w = calloc(1, sizeof *w);
    struct sprout_world_hour *const hour = calloc(opts->hours, sizeof *hour);
    double *const mix = calloc(opts->hours * opts->mix->tasks, sizeof *mix);
    if (w == NULL || hour == NULL || mix == NULL) {
        free(w);
        free(hour);
        free(mix);
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }

    *w = (struct sprout_world){
        .in = *opts, .hour = hour, .hours = opts->hours, .mix = mix};
    w->zone = opts->trace->zone;
    w->in.bounds = opts->bounds != NULL ? opts->bounds : opts->trace;
    st = check_trace(w, w->in.trace, w->in.trace_path, err);
    if (st == SPROUT_OK && w->in.bounds != w->in.trace) {
        st = check_trace(w, w->in.bounds, w->in.bounds_path, err);
    }
    if (st == SPROUT_OK) {
        st = make_tasks(w, err);
    }
    if (st == SPROUT_OK) {
        st = make_hours(w, err);
    }
    if (st == SPROUT_OK) {
        st = check_evaluations(w, err);
    }
    if (st != SPROUT_OK) {
        sprout_world_free(w);
        return st;
    }
    *out = w;
    return SPROUT_OK;
}

void sprout_world_free(struct sprout_world *w)
{
    if (w != NULL) {
        free(w->hour);
        free(w->mix);
        free(w);
    }
}

double sprout_world_weight(const struct sprout_world *w,
                           const struct sprout_world_hour *h,
                           const struct sprout_request *r)
{
    const int k = w->task_of_request[r->task];
    return k < 0 ? 0 : h->mix[k] / (double)w->in.requests->task_count[r->task];
}
