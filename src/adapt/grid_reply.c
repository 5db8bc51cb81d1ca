/* SPDX-License-Identifier: Apache-2.0 */
/* grid_reply.c - the table of live providers and what their parsers share. */
#include "adapt/grid_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/grid_json.h"
#include "core/instant.h"

enum { WORDS_MAX = 120, STALE_STEPS = 3 };

static const struct sprout_grid_live_provider *const providers[] = {
    &sprout_grid_electricitymaps,
    &sprout_grid_watttime,
    &sprout_grid_neso,
    &sprout_grid_energy_charts,
    &sprout_grid_carbon_aware,
    &sprout_grid_eco2mix,
    &sprout_grid_eia,
};

enum { PROVIDER_COUNT = sizeof providers / sizeof providers[0] };

const struct sprout_grid_live_provider *sprout_grid_live_row(size_t i)
{
    return i < PROVIDER_COUNT ? providers[i] : NULL;
}

const struct sprout_grid_live_provider *sprout_grid_live_find(struct sprout_str name)
{
    for (size_t i = 0; i < PROVIDER_COUNT; i++) {
        if (sprout_str_eq(name, sprout_str_of(providers[i]->name))) {
            return providers[i];
        }
    }
    return NULL;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_printable(char *out, size_t cap, const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < cap; n++) {
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    }
    out[n] = '\0';
}

/* The words of `{"error":"text"}`, `{"error":{"message":"text"}}`, `{"detail":"text"}` and
 * the like. */
static const char *words_of(const json_t *root)
{
    static const char *const names[] = {"message", "detail", "title"};
    const json_t *const error = json_object_get(root, "error");

    if (json_is_string(error)) {
        return json_string_value(error);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *text = json_object_get(error, names[i]);
        text = text == NULL ? json_object_get(root, names[i]) : text;
        if (json_is_string(text)) {
            return json_string_value(text);
        }
    }
    return "";
}

void sprout_grid_reply_words(struct sprout_str body, char *out, size_t cap)
{
    json_t *const root =
        json_loadb(body.len == 0 ? "" : body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    put_printable(out, cap, words_of(root));
    json_decref(root);
}

static bool is_problem(const json_t *root)
{
    return json_object_get(root, "error") != NULL ||
           (json_is_integer(json_object_get(root, "status")) &&
            json_is_string(json_object_get(root, "title")));
}

enum sprout_status sprout_grid_json_load(struct sprout_str body, json_t **out,
                                         struct sprout_error *err)
{
    json_error_t why;
    char words[WORDS_MAX];
    const struct sprout_str text = sprout_str_trim(body);

    if (text.len > 0 && text.ptr[0] == '<') {
        return sprout_fail(
            err, SPROUT_SYNTAX,
            "the reply is a page of HTML or XML: expected JSON (is there a "
            "login page or a proxy in between?)");
    }
    if (text.len == 0) {
        return sprout_fail(err, SPROUT_SYNTAX, "the reply is empty: expected JSON");
    }
    json_t *const root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        return sprout_fail(err, SPROUT_SYNTAX, "the reply is no JSON: line %d, column %d",
                           why.line, why.column);
    }
    if (is_problem(root)) {
        put_printable(words, sizeof words, words_of(root));
        json_decref(root);
        return sprout_fail(err, SPROUT_INVALID, "the provider answers an error: %s",
                           words[0] == '\0' ? "(no words)" : words);
    }
    *out = root;
    return SPROUT_OK;
}

struct sprout_str sprout_grid_json_text(const json_t *object, const char *name)
{
    const json_t *const v = json_object_get(object, name);
    return json_is_string(v)
               ? (struct sprout_str){json_string_value(v), json_string_length(v)}
               : (struct sprout_str){"", 0};
}

enum sprout_status sprout_grid_json_moment(const json_t *object, const char *name,
                                           sprout_instant *out, struct sprout_error *err)
{
    const struct sprout_str text = sprout_grid_json_text(object, name);
    if (sprout_instant_parse(text, out) != SPROUT_OK) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply's %s is '%.*s': expected a time", name,
                           text.len > 40 ? 40 : (int)text.len, text.ptr);
    }
    return SPROUT_OK;
}

enum sprout_status sprout_grid_same(const char *what, struct sprout_str got,
                                    struct sprout_str asked, struct sprout_error *err)
{
    if (sprout_str_eq(got, asked)) {
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_INVALID,
                       "the reply is for %s '%.*s': expected '%.*s', which was asked for",
                       what, got.len > 60 ? 60 : (int)got.len, got.ptr, (int)asked.len,
                       asked.ptr);
}

enum sprout_status sprout_grid_parse_token(struct sprout_str body, char *out, size_t cap,
                                           struct sprout_error *err)
{
    json_t *root = NULL;
    enum sprout_status status = sprout_grid_json_load(body, &root, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const struct sprout_str token = sprout_grid_json_text(root, "token");
    bool good = token.len > 0 && token.len < cap;
    for (size_t i = 0; good && i < token.len; i++) {
        good = token.ptr[i] > ' ' && token.ptr[i] <= '~'; /* it goes into a header */
    }
    if (good) {
        memcpy(out, token.ptr, token.len);
        out[token.len] = '\0';
    } else {
        status =
            sprout_fail(err, SPROUT_INVALID, "the login's reply has no usable token");
    }
    json_decref(root);
    return status;
}

/* ---- points ---------------------------------------------------------------------------- */

enum sprout_status sprout_grid_points_add(struct sprout_grid_points *p,
                                          const struct sprout_grid_slot_at *slot,
                                          const json_t *value, struct sprout_error *err)
{
    const double v = json_number_value(value) * slot->scale;

    if (value == NULL || json_is_null(value)) {
        p->nulls++;
        return SPROUT_OK;
    }
    if (!json_is_number(value) || !(v >= 0 && v <= SPROUT_GRID_G_PER_KWH_MAX)) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "the reply's intensity is %s (%g): expected a number from 0 to "
            "%d g/kWh",
            json_is_number(value) ? "out of bounds" : "no number", v,
            SPROUT_GRID_G_PER_KWH_MAX);
    }
    if (slot->seconds <= 0 || slot->seconds > 86400) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply has a slot of %lld s: expected 1 s to a day",
                           (long long)slot->seconds);
    }
    if (p->n == SPROUT_GRID_POINTS_MAX) {
        return sprout_fail(err, SPROUT_INVALID, "the reply has more than %d slots",
                           SPROUT_GRID_POINTS_MAX);
    }
    p->v[p->n++] = (struct sprout_grid_point){
        .start = slot->start,
        .end = sprout_instant_add(slot->start, sprout_span_seconds(slot->seconds)),
        .intensity = {v},
        .estimated = slot->estimated,
        .forecast = slot->forecast,
    };
    return SPROUT_OK;
}

/* By start; of two with one start the measured one first. */
static int by_start(const void *a, const void *b)
{
    const struct sprout_grid_point *const x = a;
    const struct sprout_grid_point *const y = b;
    if (x->start.ns != y->start.ns) {
        return x->start.ns < y->start.ns ? -1 : 1;
    }
    return (int)x->forecast - (int)y->forecast;
}

enum sprout_status sprout_grid_points_finish(struct sprout_grid_points *p,
                                             struct sprout_error *err)
{
    size_t kept = 0;

    if (p->n == 0 && p->nulls > 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the reply has slots and no value: all are null");
    }
    if (p->n == 0) {
        return sprout_fail(err, SPROUT_STALE,
                           "the provider has no data for this zone now");
    }
    qsort(p->v, p->n, sizeof p->v[0], by_start);
    for (size_t i = 0; i < p->n; i++) {
        if (kept == 0 || p->v[kept - 1].start.ns != p->v[i].start.ns) {
            p->v[kept++] = p->v[i];
        }
    }
    p->n = kept;
    return SPROUT_OK;
}

/* The newest slot that says something of now: begun, or else the first to come. */
static const struct sprout_grid_point *newest(const struct sprout_grid_points *p,
                                              sprout_instant now)
{
    size_t i = p->n;
    while (i > 0 && p->v[i - 1].start.ns > now.ns) {
        i--;
    }
    return &p->v[i > 0 ? i - 1 : 0];
}

enum sprout_status sprout_grid_points_check(const struct sprout_grid_points *p,
                                            sprout_instant now, sprout_span step,
                                            sprout_span lag, struct sprout_error *err)
{
    const struct sprout_grid_point *const last = &p->v[p->n - 1];
    const struct sprout_grid_point *const here = newest(p, now);
    const int64_t age = sprout_instant_since(now, here->start).ns;
    const struct sprout_grid_point *ahead = age < -step.ns ? here : NULL;

    if (!last->forecast && last->start.ns > now.ns + step.ns) {
        ahead = last; /* measured before it happened */
    }
    if (ahead != NULL) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "the reply's slot begins %lld s from now: expected at most one "
            "step, %lld s (is a clock wrong?)",
            (long long)((ahead->start.ns - now.ns) / SPROUT_NS_PER_SECOND),
            (long long)(step.ns / SPROUT_NS_PER_SECOND));
    }
    if (age > STALE_STEPS * step.ns + lag.ns) {
        return sprout_fail(
            err, SPROUT_INVALID,
            "the reply's newest slot began %lld s ago: expected at most %lld s",
            (long long)(age / SPROUT_NS_PER_SECOND),
            (long long)((STALE_STEPS * step.ns + lag.ns) / SPROUT_NS_PER_SECOND));
    }
    return SPROUT_OK;
}

const struct sprout_grid_point *sprout_grid_points_at(const struct sprout_grid_points *p,
                                                      sprout_instant at)
{
    for (size_t i = p->n; i > 0; i--) {
        if (p->v[i - 1].start.ns <= at.ns) {
            return at.ns < p->v[i - 1].end.ns ? &p->v[i - 1] : NULL;
        }
    }
    return NULL;
}

/* ---- requests -------------------------------------------------------------------------- */

bool sprout_grid_put_url(struct sprout_grid_request *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(out->url, sizeof out->url, format, args);
    va_end(args);
    return n > 0 && (size_t)n < sizeof out->url;
}

void sprout_grid_put_moment(char out[32], sprout_instant t, int chars)
{
    char text[32];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);

    sprout_instant_put(&b, t);
    snprintf(out, 32, "%.*s", chars, text);
}
