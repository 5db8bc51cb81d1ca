/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.c - see feedback.h. */
#include "control/feedback.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALPHA 0.05

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
    *c = (struct sprout_feedback_cell){.raised = false};
    snprintf(c->stratum, sizeof c->stratum, "%.*s", (int)r->stratum.len, r->stratum.ptr);
    snprintf(c->level, sizeof c->level, "%.*s", (int)r->level.len, r->level.ptr);
    return c;
}

/* A holdout's rating counts for every level of its stratum. */
static void take_rating(void *ctx, const struct sprout_store_feedback *r)
{
    struct sprout_feedback *const f = ctx;
    const double bad = (1 - r->value) / 2;

    f->ratings++;
    if (is_of("holdout", r->arm)) {
        for (size_t i = 0; i < f->cells; i++) {
            if (is_of(f->cell[i].stratum, r->stratum)) {
                sprout_alarm_add(&f->cell[i].alarm, false, bad);
            }
        }
        return;
    }
    const bool drawn = is_of("mix", r->arm) || is_of("explore", r->arm);
    if (drawn && !is_of("L0", r->level)) {
        struct sprout_feedback_cell *const c = cell_of(f, r);
        if (c != NULL) {
            sprout_alarm_add(&c->alarm, true, bad);
        }
    }
}

enum sprout_status sprout_feedback_read(struct sprout_store *s,
                                        struct sprout_feedback *out,
                                        struct sprout_error *err)
{
    memset(out, 0, sizeof *out);
    const enum sprout_status status =
        sprout_store_feedbacks(s, take_rating, out, &out->waiting, err);
    for (size_t i = 0; i < out->cells; i++) {
        const double k = (double)(i + 1);
        out->cell[i].raised =
            sprout_alarm_raised(&out->cell[i].alarm, ALPHA / (k * (k + 1)));
        out->raised += out->cell[i].raised;
    }
    return status;
}
