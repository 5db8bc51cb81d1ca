/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation_report.c - see evaluation_report.h. */
#include "control/evaluation_report.h"

#include <math.h>
#include <stdio.h>

#include "core/accuracy.h"

#define WILSON_Z        1.959963984540054 /* 95 % */
#define POSTERIOR_LEVEL 0.9

/* ---- counting -------------------------------------------------------------------------- */

static struct sprout_evaluation_stratum *stratum_of(struct sprout_evaluation_report *r,
                                                    struct sprout_str name)
{
    for (size_t i = 0; i < r->strata; i++) {
        if (sprout_str_eq(name, sprout_str_of(r->stratum[i].name))) {
            return &r->stratum[i];
        }
    }
    if (r->strata == SPROUT_STRATA_MAX) {
        return &r->stratum[SPROUT_STRATA_MAX - 1];
    }
    struct sprout_evaluation_stratum *const s = &r->stratum[r->strata++];
    *s = (struct sprout_evaluation_stratum){.name = ""};
    snprintf(s->name, sizeof s->name, "%.*s", (int)name.len, name.ptr);
    return s;
}

static void take_sum(void *ctx, const struct sprout_store_answer_sum *sum)
{
    struct sprout_evaluation_report *const r = ctx;
    if (sum->level < 0 || sum->level >= SPROUT_LEVELS_MAX) {
        return;
    }
    struct sprout_evaluation_level *const l =
        &stratum_of(r, sum->stratum)->level[sum->level];
    l->answers = sum->answers;
    l->right = sum->right;
    l->settled = sum->settled;
    l->tokens = sum->tokens;
    l->counted = sum->counted;
    l->energy_uj = sum->energy_uj;
    l->metered = sum->metered;
    l->grams_ug = sum->grams_ug;
}

static uint32_t shown_bits(const struct sprout_store_verdict *v)
{
    uint32_t bits = 0;
    for (int s = 0; s < v->slots; s++) {
        bits |= UINT32_C(1) << v->shown[s];
    }
    return bits;
}

/* The longest of those shown; -1 where a length is unknown or shared. */
static int longest_of(const struct sprout_store_verdict *v)
{
    int best = v->shown[0];
    bool shared = false;
    for (int s = 0; s < v->slots; s++) {
        const int64_t n = v->tokens[v->shown[s]].n;
        if (n < 0) {
            return -1;
        }
        if (s > 0 && n >= v->tokens[best].n) {
            shared = n == v->tokens[best].n;
            best = n > v->tokens[best].n ? v->shown[s] : best;
        }
    }
    return shared ? -1 : best;
}

static void count_card(struct sprout_evaluation_card *c,
                       const struct sprout_store_verdict *v, double part)
{
    const uint32_t shown = shown_bits(v);
    const bool split = (v->right & shown) != 0 && (v->wrong & shown) != 0;
    const int longest = longest_of(v);

    c->readable++;
    c->slots = v->slots;
    c->settled += split;
    c->measured += longest >= 0;
    for (int s = 0; s < v->slots; s++) {
        const uint32_t bit = UINT32_C(1) << v->shown[s];
        if ((v->best & bit) == 0) {
            continue;
        }
        c->slot[s] += part;
        c->right += split && (v->right & bit) != 0 ? part : 0;
        c->longest += longest == v->shown[s] ? part : 0;
    }
}

/* Questions 2k and 2k+1 show the same answers. */
static void count_pair(struct sprout_evaluation_report *r,
                       const struct sprout_store_verdict *v)
{
    if (r->last_item == v->item && r->last_question / 2 == v->question / 2 &&
        r->last_question != v->question && r->last_best != 0 && v->best != 0) {
        r->card.pairs++;
        r->card.agreed += r->last_best == v->best;
    }
    r->last_item = v->item;
    r->last_question = v->question;
    r->last_best = v->best;
}

static void take_verdict(void *ctx, const struct sprout_store_verdict *v)
{
    struct sprout_evaluation_report *const r = ctx;
    struct sprout_evaluation_stratum *const s = stratum_of(r, v->stratum);
    const int named = __builtin_popcount(v->best);

    r->card.questions++;
    r->card.unreadable += named == 0;
    count_pair(r, v);
    if (named == 0) {
        return;
    }
    count_card(&r->card, v, 1.0 / named);
    for (int i = 0; i < v->slots; i++) {
        struct sprout_evaluation_level *const l = &s->level[v->shown[i]];
        const bool won = (v->best >> v->shown[i] & 1) != 0;
        l->compared++;
        l->wins += won && named == 1;
        l->ties += won && named > 1;
        l->points += won ? 1.0 / named : 0;
    }
}

static void take_names(struct sprout_evaluation_report *r, struct sprout_str levels)
{
    while (levels.len > 0 && r->levels < SPROUT_LEVELS_MAX) {
        const char *const comma = memchr(levels.ptr, ',', levels.len);
        const size_t n = comma == NULL ? levels.len : (size_t)(comma - levels.ptr);
        snprintf(r->level_name[r->levels++], sizeof r->level_name[0], "%.*s", (int)n,
                 levels.ptr);
        const size_t used = n < levels.len ? n + 1 : n;
        levels = (struct sprout_str){levels.ptr + used, levels.len - used};
    }
}

enum sprout_status sprout_evaluation_report_make(struct sprout_store *s, int64_t run,
                                                 struct sprout_str levels,
                                                 struct sprout_evaluation_report *out,
                                                 struct sprout_error *err)
{
    memset(out, 0, sizeof *out);
    out->run = run;
    take_names(out, levels);
    enum sprout_status status = sprout_store_answer_sums(s, run, take_sum, out, err);
    if (status == SPROUT_OK) {
        status = sprout_store_verdicts(s, run, (sprout_instant){INT64_MIN}, take_verdict,
                                       out, err);
    }
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static double ratio(double n, double of)
{
    return of > 0 ? n / of : NAN;
}

static void put_number(struct sprout_buf *b, const char *key, double v)
{
    sprout_buf_printf(b, ",\"%s\":", key);
    sprout_buf_f64(b, v);
}

static void put_level(struct sprout_buf *b, const char *name,
                      const struct sprout_evaluation_level *l,
                      struct sprout_quality_interval posterior)
{
    double low, high;

    sprout_buf_put(b, SPROUT_STR("{\"level\":"));
    sprout_buf_json(b, sprout_str_of(name));
    sprout_buf_printf(b, ",\"wins\":%lld,\"ties\":%lld,\"compared\":%lld",
                      (long long)l->wins, (long long)l->ties, (long long)l->compared);
    sprout_wilson(l->points, (double)l->compared, WILSON_Z, &low, &high);
    put_number(b, "share", ratio(l->points, (double)l->compared));
    put_number(b, "share_low", low);
    put_number(b, "share_high", high);
    put_number(b, "posterior", posterior.value);
    put_number(b, "posterior_low", posterior.low);
    put_number(b, "posterior_high", posterior.high);
    sprout_wilson((double)l->right, (double)l->settled, WILSON_Z, &low, &high);
    sprout_buf_printf(b, ",\"right\":%lld,\"with_reference\":%lld", (long long)l->right,
                      (long long)l->settled);
    put_number(b, "accuracy", ratio((double)l->right, (double)l->settled));
    put_number(b, "accuracy_low", low);
    put_number(b, "accuracy_high", high);
    sprout_buf_printf(b, ",\"answers\":%lld", (long long)l->answers);
    put_number(b, "tokens_mean", ratio((double)l->tokens, (double)l->counted));
    put_number(b, "energy_j_mean", ratio((double)l->energy_uj / 1e6, (double)l->metered));
    put_number(b, "grams_mean", ratio((double)l->grams_ug / 1e6, (double)l->metered));
    sprout_buf_byte(b, '}');
}

struct sprout_quality_interval sprout_evaluation_posterior(
    const struct sprout_judged *judged, const struct sprout_evaluation_report *r,
    size_t stratum, int level)
{
    for (int i = 0; judged != NULL && i < judged->strata; i++) {
        const struct sprout_quality *const q = &judged->fit.stratum[i];
        if (strcmp(judged->name[i], r->stratum[stratum].name) == 0 && level < q->levels) {
            return sprout_quality_share(q, level, POSTERIOR_LEVEL);
        }
    }
    return (struct sprout_quality_interval){NAN, NAN, NAN};
}

static void put_verdict_on_judge(struct sprout_buf *b, int64_t run,
                                 const struct sprout_judged *judged)
{
    if (judged == NULL) {
        sprout_buf_put(b, SPROUT_STR(",\"used\":null,\"why_not\":null"));
        return;
    }
    const enum sprout_judge_fault fault = sprout_judged_fault(judged, run);
    const bool used = fault == SPROUT_JUDGE_USABLE;
    sprout_buf_put(b, used ? SPROUT_STR(",\"used\":true,\"why_not\":null")
                           : SPROUT_STR(",\"used\":false,\"why_not\":"));
    if (!used) {
        sprout_buf_json(b, sprout_str_of(sprout_judge_fault_text(fault)));
    }
}

static void put_card(struct sprout_buf *b, const struct sprout_evaluation_report *r,
                     const struct sprout_judged *judged)
{
    const struct sprout_evaluation_card *const c = &r->card;
    sprout_buf_printf(b, "{\"questions\":%lld,\"unreadable\":%lld",
                      (long long)c->questions, (long long)c->unreadable);
    put_number(b, "unreadable_share", ratio((double)c->unreadable, (double)c->questions));
    put_number(b, "agrees_with_itself", ratio((double)c->agreed, (double)c->pairs));
    put_number(b, "agrees_with_references", ratio(c->right, (double)c->settled));
    sprout_buf_printf(b, ",\"references\":%lld", (long long)c->settled);
    put_number(b, "names_the_longest", ratio(c->longest, (double)c->measured));
    sprout_buf_put(b, SPROUT_STR(",\"slots\":["));
    for (int64_t s = 0; s < c->slots; s++) {
        sprout_buf_put(b, s == 0 ? SPROUT_STR("") : SPROUT_STR(","));
        sprout_buf_f64(b, ratio(c->slot[s], (double)c->readable));
    }
    sprout_buf_byte(b, ']');
    put_verdict_on_judge(b, r->run, judged);
    sprout_buf_byte(b, '}');
}

void sprout_evaluation_report_put(struct sprout_buf *b,
                                  const struct sprout_evaluation_report *r,
                                  const struct sprout_judged *judged)
{
    sprout_buf_put(b, SPROUT_STR("\"strata\":["));
    for (size_t i = 0; i < r->strata; i++) {
        sprout_buf_put(b, i == 0 ? SPROUT_STR("{\"stratum\":")
                                 : SPROUT_STR(",{\"stratum\":"));
        sprout_buf_json(b, sprout_str_of(r->stratum[i].name));
        sprout_buf_put(b, SPROUT_STR(",\"levels\":["));
        for (int l = 0; l < r->levels; l++) {
            sprout_buf_put(b, l == 0 ? SPROUT_STR("") : SPROUT_STR(","));
            put_level(b, r->level_name[l], &r->stratum[i].level[l],
                      sprout_evaluation_posterior(judged, r, i, l));
        }
        sprout_buf_put(b, SPROUT_STR("]}"));
    }
    sprout_buf_put(b, SPROUT_STR("],\"judge\":"));
    put_card(b, r, judged);
}
