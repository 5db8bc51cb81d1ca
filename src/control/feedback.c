/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.c - see feedback.h. */
#include "control/feedback.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "adapt/store_evaluate.h"

enum { RECENT_RUNS = 200 };

/* ---- taking in ------------------------------------------------------------------------- */

/* NaN for what is none of up, down, a number in [-1, 1]. */
static double value_of(const json_t *v)
{
    if (json_is_number(v)) {
        const double n = json_number_value(v);
        return n >= -1 && n <= 1 ? n : NAN;
    }
    const char *const word = json_string_value(v);
    if (word == NULL) {
        return NAN;
    }
    return strcmp(word, "up") == 0 ? 1 : strcmp(word, "down") == 0 ? -1 : NAN;
}

static enum sprout_status understand(const json_t *o, struct sprout_str *out_request,
                                     double *out_value, struct sprout_error *err)
{
    const char *const id = json_string_value(json_object_get(o, "request"));
    const size_t len = json_string_length(json_object_get(o, "request"));

    if (!json_is_object(o)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "expected a JSON object: {\"request\": \"ID\", \"feedback\": "
                           "\"up\"}");
    }
    if (id == NULL || len == 0 || len > SPROUT_NAME_MAX || strlen(id) != len) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "request: expected the id of a request, a text of 1 to %d bytes",
            SPROUT_NAME_MAX);
    }
    *out_value = value_of(json_object_get(o, "feedback"));
    if (isnan(*out_value)) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "feedback: expected \"up\", \"down\" or a number from -1 to 1");
    }
    *out_request = (struct sprout_str){id, len};
    return SPROUT_OK;
}

enum sprout_status sprout_feedback_take(struct sprout_store *s, struct sprout_str body,
                                        sprout_instant now, struct sprout_buf *answer,
                                        struct sprout_error *err)
{
    struct sprout_str request;
    double value = NAN;
    bool known = false;
    json_t *const o = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    enum sprout_status status = understand(o, &request, &value, err);

    if (status == SPROUT_OK) {
        status = sprout_store_put_feedback(s, request, value, now, &known, err);
    }
    if (status == SPROUT_OK) {
        sprout_buf_put(answer, SPROUT_STR("{\"request\":"));
        sprout_buf_json(answer, request);
        sprout_buf_put(answer, SPROUT_STR(",\"value\":"));
        sprout_buf_f64(answer, value);
        sprout_buf_printf(answer, ",\"known\":%s}\n", known ? "true" : "false");
    }
    json_decref(o);
    return status;
}

/* ---- comparing ------------------------------------------------------------------------- */

static bool is_of(const char *name, struct sprout_str s)
{
    return sprout_str_eq(s, sprout_str_of(name));
}

static struct sprout_feedback_cell *cell_of(struct sprout_feedback *f,
                                            const struct sprout_store_feedback *r)
{
    for (size_t i = 0; i < f->cells; i++) {
        if (is_of(f->cell[i].stratum, r->stratum) && is_of(f->cell[i].level, r->level)) {
            return &f->cell[i];
        }
    }
    if (f->cells == SPROUT_FEEDBACK_CELLS_MAX) {
        return NULL;
    }
    struct sprout_feedback_cell *const c = &f->cell[f->cells++];
    *c = (struct sprout_feedback_cell){.test = ++f->tests};
    snprintf(c->stratum, sizeof c->stratum, "%.*s", (int)r->stratum.len, r->stratum.ptr);
    snprintf(c->level, sizeof c->level, "%.*s", (int)r->level.len, r->level.ptr);
    return c;
}

static void rate(struct sprout_feedback *f, struct sprout_feedback_cell *c, bool treated,
                 const struct sprout_store_feedback *r)
{
    if (c->raised && c->raised_at.ns <= f->judged_at.ns && r->at.ns > f->judged_at.ns) {
        c->alarm = (struct sprout_alarm){0};
        c->raised = false;
        c->test = ++f->tests;
        f->raised--;
    }
    sprout_alarm_add(&c->alarm, treated, (1 - r->value) / 2);
    const double k = (double)c->test;
    if (!c->raised &&
        sprout_alarm_raised(&c->alarm, SPROUT_FEEDBACK_ALPHA / (k * (k + 1)))) {
        c->raised = true;
        c->raised_at = r->at;
        f->raised++;
    }
}

/* A holdout's rating counts for every level of its stratum. */
void sprout_feedback_add(struct sprout_feedback *f, const struct sprout_store_feedback *r)
{
    f->ratings++;
    if (is_of("holdout", r->arm)) {
        for (size_t i = 0; i < f->cells; i++) {
            if (is_of(f->cell[i].stratum, r->stratum)) {
                rate(f, &f->cell[i], false, r);
            }
        }
        return;
    }
    const bool drawn = is_of("mix", r->arm) || is_of("explore", r->arm);
    if (drawn && !is_of("L0", r->level)) {
        struct sprout_feedback_cell *const c = cell_of(f, r);
        if (c != NULL) {
            rate(f, c, true, r);
        }
    }
}

static void take_rating(void *ctx, const struct sprout_store_feedback *r)
{
    sprout_feedback_add(ctx, r);
}

static void take_judged(void *ctx, const struct sprout_store_evaluation *e)
{
    sprout_instant *const at = ctx;
    if (is_of("done", e->state) && e->verdicts > 0 && e->finished.ns > at->ns) {
        *at = e->finished;
    }
}

sprout_instant sprout_feedback_judged_at(struct sprout_store *s)
{
    sprout_instant at = {0};
    return sprout_store_evaluations(s, RECENT_RUNS, take_judged, &at, NULL) == SPROUT_OK
               ? at
               : (sprout_instant){0};
}

enum sprout_status sprout_feedback_read(struct sprout_store *s,
                                        struct sprout_feedback *out,
                                        struct sprout_error *err)
{
    memset(out, 0, sizeof *out);
    out->judged_at = sprout_feedback_judged_at(s);
    return sprout_store_feedbacks(s, take_rating, out, &out->waiting, err);
}

uint32_t sprout_feedback_disliked(const struct sprout_feedback *f, const char *stratum,
                                  const char *const *level, size_t levels)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < f->cells; i++) {
        const struct sprout_feedback_cell *const c = &f->cell[i];
        for (size_t l = 0; l < levels; l++) {
            const bool here = c->raised && c->raised_at.ns > f->judged_at.ns &&
                              strcmp(c->stratum, stratum) == 0 &&
                              strcmp(c->level, level[l]) == 0;
            mask |= here ? UINT32_C(1) << l : 0;
        }
    }
    return mask;
}
