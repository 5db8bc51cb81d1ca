/* SPDX-License-Identifier: Apache-2.0 */
/* planner_publish.c - the plan as files: policy.json for nginx, plan.json for people.
 *
 * What nginx will read is read here first by the same reader: a policy that does not survive
 * it is a fault of ours and never reaches the file.  plan.json comes second; if it cannot be
 * written, the policy is in force all the same. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/file.h"
#include "control/planner.h"
#include "core/instant.h"
#include "wire/policy_json.h"

enum { PLAN_JSON_MAX = 16 * 1024, FILE_MODE = 0644 };

static void put_member(struct sprout_buf *b, const char *name, double v)
{
    sprout_buf_printf(b, "\"%s\":", name);
    sprout_buf_f64(b, v);
}

static void put_interval(struct sprout_buf *b, const struct sprout_quality_interval *x)
{
    put_member(b, "relative", x->value);
    sprout_buf_byte(b, ',');
    put_member(b, "low", x->low);
    sprout_buf_byte(b, ',');
    put_member(b, "high", x->high);
}

static void put_accuracy_level(struct sprout_buf *b, const struct sprout_policy *p,
                               const struct sprout_plan_accuracy *a, size_t l)
{
    sprout_buf_put(b, l > 0 ? SPROUT_STR(",{\"level\":") : SPROUT_STR("{\"level\":"));
    sprout_buf_json(b, p->levels[l].name);
    sprout_buf_printf(b, ",\"withheld\":%s,",
                      (a->withheld >> l & 1) != 0 ? "true" : "false");
    put_member(b, "prompts", l == 0 ? NAN : a->prompts[l]);
    sprout_buf_byte(b, ',');
    put_interval(b, &a->relative[l]);
    sprout_buf_byte(b, ',');
    put_member(b, "cautious", a->cautious[l]);
    sprout_buf_byte(b, '}');
}

void sprout_plan_accuracy_put(struct sprout_buf *b, const struct sprout_policy *p,
                              const struct sprout_plan_accuracy *a)
{
    if (!(a->floor > 0)) {
        sprout_buf_put(b, SPROUT_STR("null"));
        return;
    }
    sprout_buf_byte(b, '{');
    put_member(b, "floor", a->floor);
    sprout_buf_put(b, SPROUT_STR(",\"why_not\":"));
    sprout_buf_json(b, sprout_str_of(a->why));
    sprout_buf_byte(b, ',');
    put_member(b, "certainty", a->certainty);
    sprout_buf_byte(b, ',');
    put_member(b, "mix", a->mix);
    sprout_buf_byte(b, ',');
    put_member(b, "price", a->price);
    sprout_buf_put(b, SPROUT_STR(",\"levels\":["));
    for (size_t l = 0; l < p->level_count; l++) {
        put_accuracy_level(b, p, a, l);
    }
    sprout_buf_put(b, SPROUT_STR("]}"));
}

void sprout_plan_corrections_put(struct sprout_buf *b,
                                 const struct sprout_policy_predictor *p)
{
    sprout_buf_put(b, SPROUT_STR("\"corrections\":{"));
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        sprout_buf_printf(b, "%s\"%s\":[", k > 0 ? "," : "",
                          sprout_kind_text((enum sprout_kind)k));
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            sprout_buf_put(b, l > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
            sprout_buf_f64(b, p->correction[l] + p->kind_correction[k][l]);
        }
        sprout_buf_byte(b, ']');
    }
    sprout_buf_byte(b, '}');
}

static void put_predicted(struct sprout_buf *b, const struct sprout_policy *p,
                          const struct sprout_plan_predicted *why)
{
    sprout_buf_put(b, SPROUT_STR(",\"predictor\":"));
    if (p->predictor.file.len == 0) {
        sprout_buf_put(b, SPROUT_STR("null"));
        return;
    }
    sprout_buf_printf(b, "{\"id\":\"%016llx\",\"decides\":%s,\"samples\":%lld",
                      (unsigned long long)p->predictor.id,
                      why->decides ? "true" : "false", (long long)why->samples);
    if (why->decides) {
        const struct sprout_predict_price *const x = &why->price;
        sprout_buf_printf(b, ",\"feasible\":%s,", x->feasible ? "true" : "false");
        put_member(b, "quality", x->quality);
        sprout_buf_byte(b, ',');
        put_member(b, "accuracy", x->accuracy);
        sprout_buf_byte(b, ',');
        put_member(b, "tokens", x->tokens);
        sprout_buf_byte(b, ',');
        put_member(b, "tokens_l0", x->tokens_l0);
        sprout_buf_byte(b, ',');
        put_member(b, "caution_g", why->caution.v);
        sprout_buf_byte(b, ',');
        sprout_plan_corrections_put(b, &p->predictor);
        sprout_buf_put(b, SPROUT_STR(",\"mix\":["));
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            sprout_buf_put(b, l > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
            sprout_buf_f64(b, x->mix[l]);
        }
        sprout_buf_byte(b, ']');
    }
    sprout_buf_byte(b, '}');
}

/* Those that verdicts are about. */
static void put_kinds(struct sprout_buf *b, const struct sprout_policy *p,
                      const struct sprout_plan_evidence *e)
{
    bool any = false;
    sprout_buf_put(b, SPROUT_STR(",\"kinds\":["));
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        const struct sprout_plan_kind *const kind = &e->kind[k];
        if (kind->verdicts == 0) {
            continue;
        }
        sprout_buf_printf(b, "%s{\"kind\":\"%s\",\"verdicts\":%lld,\"levels\":[",
                          any ? "," : "", sprout_kind_text((enum sprout_kind)k),
                          (long long)kind->verdicts);
        for (size_t l = 0; l < p->level_count; l++) {
            sprout_buf_put(b, l > 0 ? SPROUT_STR(",{") : SPROUT_STR("{"));
            put_interval(b, &kind->relative[l]);
            sprout_buf_byte(b, '}');
        }
        sprout_buf_put(b, SPROUT_STR("]}"));
        any = true;
    }
    sprout_buf_byte(b, ']');
}

void sprout_plan_evidence_put(struct sprout_buf *b, const struct sprout_policy *p,
                              const struct sprout_plan_evidence *e)
{
    if (e->questions == 0) {
        sprout_buf_put(b, SPROUT_STR("null"));
        return;
    }
    sprout_buf_printf(
        b, "{\"questions\":%lld,\"verdicts\":%lld,\"used\":%s,\"jumped\":%s,\"why_not\":",
        (long long)e->questions, (long long)e->verdicts, e->used ? "true" : "false",
        e->jumped ? "true" : "false");
    sprout_buf_json(b, sprout_str_of(e->why));
    sprout_buf_byte(b, ',');
    put_member(b, "n", e->n);
    sprout_buf_byte(b, ',');
    put_member(b, "certainty", e->certainty);
    sprout_buf_byte(b, ',');
    put_member(b, "caution_g", e->caution.v);
    sprout_buf_put(b, SPROUT_STR(",\"levels\":["));
    for (size_t l = 0; l < p->level_count; l++) {
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",{\"level\":") : SPROUT_STR("{\"level\":"));
        sprout_buf_json(b, p->levels[l].name);
        sprout_buf_byte(b, ',');
        put_interval(b, &e->relative[l]);
        sprout_buf_byte(b, ',');
        put_member(b, "cautious", e->cautious[l]);
        sprout_buf_byte(b, '}');
    }
    sprout_buf_byte(b, ']');
    put_kinds(b, p, e);
    sprout_buf_byte(b, '}');
}

static void put_moment(struct sprout_buf *b, const char *name, sprout_instant t)
{
    sprout_buf_printf(b, "\"%s\":\"", name);
    sprout_instant_put(b, t);
    sprout_buf_put(b, SPROUT_STR("\","));
}

void sprout_plan_windowed_put(struct sprout_buf *b, const struct sprout_plan_windowed *w)
{
    if (!w->used) {
        sprout_buf_put(b, SPROUT_STR("null"));
        return;
    }
    sprout_buf_printf(b, "{\"over\":\"%s\",\"acts\":%s,\"traffic_hours\":%lld,",
                      sprout_window_kind_text(w->kind), w->acts ? "true" : "false",
                      (long long)w->traffic_hours);
    put_moment(b, "start", w->start);
    put_moment(b, "end", w->end);
    sprout_buf_printf(b, "\"hours_ahead\":%lld,\"foretold\":%lld,\"forecast\":%lld,",
                      (long long)w->hours, (long long)w->foretold, (long long)w->ours);
    put_member(b, "expected_requests", w->expected);
    sprout_buf_byte(b, ',');
    put_member(b, "floor", w->floor);
    sprout_buf_byte(b, ',');
    put_member(b, "hourly_floor", w->hourly_floor);
    sprout_buf_printf(b, ",\"requests\":%lld,", (long long)w->requests);
    put_member(b, "quality", w->quality);
    sprout_buf_byte(b, ',');
    put_member(b, "account", w->account);
    sprout_buf_printf(b, ",\"in_reach\":%s,\"raised\":%s}",
                      w->in_reach ? "true" : "false", w->raised ? "true" : "false");
}

void sprout_plan_why_put(struct sprout_buf *b, const struct sprout_policy *p,
                         const struct sprout_plan_why *why)
{
    sprout_buf_put(b, SPROUT_STR("{\"policy\":"));
    sprout_buf_json(b, p->id);
    sprout_buf_put(b, SPROUT_STR(",\"floor\":{"));
    put_member(b, "value", why->floor.v);
    sprout_buf_put(b, SPROUT_STR(",\"why\":"));
    sprout_buf_json(b, sprout_str_of(sprout_floor_case_text(why->floor.why)));
    sprout_buf_put(b, SPROUT_STR("},\"range\":{"));
    put_member(b, "lo_g_per_kwh", why->range.lo.v);
    sprout_buf_byte(b, ',');
    put_member(b, "hi_g_per_kwh", why->range.hi.v);
    sprout_buf_printf(b, ",\"points\":%lld},\"feasible\":%s,\"levels\":[",
                      (long long)why->range.points, why->feasible ? "true" : "false");
    for (size_t l = 0; l < p->level_count; l++) {
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",{\"name\":") : SPROUT_STR("{\"name\":"));
        sprout_buf_json(b, p->levels[l].name);
        sprout_buf_byte(b, ',');
        put_member(b, "grams", why->grams[l].v);
        sprout_buf_byte(b, ',');
        put_member(b, "quality", why->quality[l]);
        sprout_buf_byte(b, '}');
    }
    sprout_buf_put(b, SPROUT_STR("],\"mix\":{"));
    put_member(b, "grams", why->grams_mix.v);
    sprout_buf_byte(b, ',');
    put_member(b, "quality", why->quality_mix);
    sprout_buf_byte(b, ',');
    put_member(b, "price", why->price);
    sprout_buf_byte(b, '}');
    put_predicted(b, p, &why->predicted);
    sprout_buf_put(b, SPROUT_STR(",\"window\":"));
    sprout_plan_windowed_put(b, &why->window);
    sprout_buf_put(b, SPROUT_STR(",\"verdicts\":"));
    sprout_plan_evidence_put(b, p, &why->evidence);
    sprout_buf_put(b, SPROUT_STR(",\"accuracy\":"));
    sprout_plan_accuracy_put(b, p, &why->accuracy);
    sprout_buf_put(b, SPROUT_STR("}\n"));
}

/* Encoded into `b` and read back. */
static enum sprout_status encode(const struct sprout_policy *p, struct sprout_buf *b,
                                 struct sprout_arena *arena, struct sprout_error *err)
{
    const struct sprout_policy *again = NULL;
    enum sprout_status status = sprout_policy_write(p, b);
    if (status != SPROUT_OK || b->len > SPROUT_POLICY_BYTES_MAX) {
        return sprout_fail(err, SPROUT_LIMIT, "the policy is larger than %d bytes",
                           SPROUT_POLICY_BYTES_MAX);
    }
    struct sprout_error inner = {0};
    status = sprout_policy_read(sprout_buf_str(b), arena, &again, &inner);
    if (status != SPROUT_OK) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the new policy does not survive its own reader: %s",
                           inner.message);
    }
    return SPROUT_OK;
}

static enum sprout_status write_in(const char *dir, const char *name,
                                   struct sprout_str text, struct sprout_error *err)
{
    char path[PATH_MAX];
    const int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        return sprout_fail(err, SPROUT_LIMIT, "%s: the path is too long", dir);
    }
    return sprout_file_write(path, text, FILE_MODE, err);
}

enum sprout_status sprout_plan_publish(const char *dir, const struct sprout_policy *p,
                                       const struct sprout_plan_why *why,
                                       struct sprout_error *err)
{
    char plan[PLAN_JSON_MAX];
    struct sprout_buf plan_text = sprout_buf_of(plan, sizeof plan);
    char *const json = malloc(SPROUT_POLICY_BYTES_MAX + 1);
    char *const block = malloc(SPROUT_POLICY_MEMORY);
    enum sprout_status status;
    if (json == NULL || block == NULL) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory to encode the policy");
        goto out;
    }
    struct sprout_buf text = sprout_buf_of(json, SPROUT_POLICY_BYTES_MAX + 1);
    struct sprout_arena arena = sprout_arena_of(block, SPROUT_POLICY_MEMORY);
    status = encode(p, &text, &arena, err);
    if (status == SPROUT_OK) {
        status = write_in(dir, "policy.json", sprout_buf_str(&text), err);
    }
    sprout_plan_why_put(&plan_text, p, why);
    if (status == SPROUT_OK && !plan_text.full) {
        /* For people only: the policy above is in force whether this succeeds or not. */
        const enum sprout_status told =
            write_in(dir, "plan.json", sprout_buf_str(&plan_text), NULL);
        (void)told;
    }
out:
    free(block);
    free(json);
    return status;
}
