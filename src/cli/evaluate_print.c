/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_print.c - see evaluate_print.h. */
#include "cli/evaluate_print.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapt/clock.h"
#include "control/evaluation_report.h"
#include "core/instant.h"

enum { JSON_MAX = 1 << 20, PERCENT = 100 };

static void put_text(struct sprout_buf *b, const char *key, struct sprout_str v)
{
    sprout_buf_printf(b, ",\"%s\":", key);
    if (v.len == 0) {
        sprout_buf_put(b, SPROUT_STR("null"));
    } else {
        sprout_buf_json(b, v);
    }
}

static void put_time(struct sprout_buf *b, const char *key, sprout_instant t)
{
    sprout_buf_printf(b, ",\"%s\":", key);
    if (t.ns < 0) {
        sprout_buf_put(b, SPROUT_STR("null"));
        return;
    }
    sprout_buf_byte(b, '"');
    sprout_instant_put(b, t);
    sprout_buf_byte(b, '"');
}

void sprout_evaluation_put_head(struct sprout_buf *b,
                                const struct sprout_store_evaluation *e)
{
    sprout_buf_printf(b, "\"evaluation\":%lld", (long long)e->id);
    put_text(b, "state", e->state);
    put_time(b, "created", e->created);
    put_time(b, "finished", e->finished);
    put_text(b, "source", e->source);
    put_text(b, "form", e->form);
    put_text(b, "model", e->model);
    put_text(b, "judge_model", e->judge_model);
    put_text(b, "policy", e->policy);
    put_text(b, "note", e->note);
    sprout_buf_printf(b,
                      ",\"prompts\":%lld,\"judged\":%lld,\"failed\":%lld,"
                      "\"answers\":%lld,\"verdicts\":%lld,\"unreadable\":%lld",
                      (long long)e->items, (long long)e->judged, (long long)e->failed,
                      (long long)e->answers, (long long)e->verdicts,
                      (long long)e->unreadable);
    sprout_buf_printf(b, ",\"tokens\":%lld,\"energy_j\":", (long long)e->tokens);
    sprout_buf_f64(b, (double)e->energy_uj / 1e6);
    sprout_buf_put(b, SPROUT_STR(",\"grams\":"));
    sprout_buf_f64(b, (double)e->grams_ug / 1e6);
}

/* ---- for people ------------------------------------------------------------------------ */

static const char *percent(char out[16], double part, double of)
{
    if (of > 0) {
        snprintf(out, 16, "%.0f %%", PERCENT * part / of);
    } else {
        snprintf(out, 16, "-");
    }
    return out;
}

static void print_level(const char *stratum, const char *name,
                        const struct sprout_evaluation_level *l,
                        struct sprout_quality_interval posterior)
{
    char share[16], right[16], range[48] = "-";

    if (isfinite(posterior.value)) {
        snprintf(range, sizeof range, "%.0f (%.0f to %.0f)", PERCENT * posterior.value,
                 PERCENT * posterior.low, PERCENT * posterior.high);
    }
    printf("%-12s %-6s %6lld %6lld %8s %16s %8s %8.1f %9.2f %9.4f\n", stratum, name,
           (long long)l->wins, (long long)l->ties,
           percent(share, l->points, (double)l->compared), range,
           percent(right, (double)l->right, (double)l->settled),
           l->counted > 0 ? (double)l->tokens / (double)l->counted : NAN,
           l->metered > 0 ? (double)l->energy_uj / 1e6 / (double)l->metered : NAN,
           l->metered > 0 ? (double)l->grams_ug / 1e6 / (double)l->metered : NAN);
}

static void print_card(const struct sprout_evaluation_report *r,
                       const struct sprout_judged *judged)
{
    const struct sprout_evaluation_card *const c = &r->card;
    const enum sprout_judge_fault fault =
        judged == NULL ? SPROUT_JUDGE_USABLE : sprout_judged_fault(judged, r->run);
    char a[16], b[16], d[16], e[16];

    if (c->questions == 0) {
        puts("\nno judge was asked: preference is not known");
        return;
    }
    printf(
        "\njudge: %lld questions, unreadable %s, agrees with itself %s, with references "
        "%s\n       (of %lld), names the longest answer %s; slots",
        (long long)c->questions, percent(a, (double)c->unreadable, (double)c->questions),
        percent(b, (double)c->agreed, (double)c->pairs),
        percent(d, c->right, (double)c->settled), (long long)c->settled,
        percent(e, c->longest, (double)c->measured));
    for (int64_t s = 0; s < c->slots; s++) {
        printf(" %s", percent(a, c->slot[s], (double)c->readable));
    }
    putchar('\n');
    if (fault != SPROUT_JUDGE_USABLE) {
        printf("       its verdicts are kept and not used: %s\n",
               sprout_judge_fault_text(fault));
    }
}

static void print_table(const struct sprout_store_evaluation *e,
                        const struct sprout_evaluation_report *r,
                        const struct sprout_judged *judged)
{
    printf("evaluation %lld, %.*s: %lld prompts, %lld judged, %lld failed\n\n",
           (long long)e->id, (int)e->state.len, e->state.ptr, (long long)e->items,
           (long long)e->judged, (long long)e->failed);
    printf("%-12s %-6s %6s %6s %8s %16s %8s %8s %9s %9s\n", "stratum", "level", "wins",
           "ties", "prefers", "posterior 90 %", "right", "tokens", "J", "g");
    for (size_t i = 0; i < r->strata; i++) {
        for (int l = 0; l < r->levels; l++) {
            print_level(r->stratum[i].name, r->level_name[l], &r->stratum[i].level[l],
                        sprout_evaluation_posterior(judged, r, i, l));
        }
    }
    print_card(r, judged);
    printf("cost: %lld tokens, %.1f J, %.4f g\n", (long long)e->tokens,
           (double)e->energy_uj / 1e6, (double)e->grams_ug / 1e6);
}

/* ---- one run --------------------------------------------------------------------------- */

struct printing {
    struct sprout_store *store;
    const struct sprout_config *config;
    struct sprout_evaluation_report *report;
    bool json;
    char *memory;
    enum sprout_status status;
    struct sprout_error *err;
};

/* As a plan by the configuration sees them. */
static struct sprout_judged *read_judged(const struct printing *p)
{
    const struct sprout_quality_opts opts =
        sprout_judged_opts(p->config, p->report->levels, sprout_clock_wall());
    struct sprout_judged *out = NULL;

    return sprout_judged_read(p->store, &opts, &out, NULL) == SPROUT_OK ? out : NULL;
}

static void print_run(void *ctx, const struct sprout_store_evaluation *e)
{
    struct printing *const p = ctx;

    p->status =
        sprout_evaluation_report_make(p->store, e->id, e->levels, p->report, p->err);
    if (p->status != SPROUT_OK) {
        return;
    }
    struct sprout_judged *const judged = read_judged(p);
    if (!p->json) {
        print_table(e, p->report, judged);
        sprout_judged_free(judged);
        return;
    }
    struct sprout_buf b = sprout_buf_of(p->memory, JSON_MAX);
    sprout_buf_byte(&b, '{');
    sprout_evaluation_put_head(&b, e);
    sprout_buf_byte(&b, ',');
    sprout_evaluation_report_put(&b, p->report, judged);
    sprout_judged_free(judged);
    sprout_buf_byte(&b, '}');
    printf("%.*s\n", (int)b.len, b.ptr);
}

enum sprout_status sprout_evaluate_print(struct sprout_store *store, int64_t run,
                                         const struct sprout_config *config, bool json,
                                         struct sprout_error *err)
{
    struct printing p = {.store = store,
                         .config = config,
                         .report = malloc(sizeof *p.report),
                         .json = json,
                         .memory = malloc(JSON_MAX),
                         .err = err};
    enum sprout_status status =
        p.report == NULL || p.memory == NULL
            ? sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a report")
            : sprout_store_evaluation(store, run, print_run, &p, err);

    free(p.report);
    free(p.memory);
    return status == SPROUT_OK ? p.status : status;
}
