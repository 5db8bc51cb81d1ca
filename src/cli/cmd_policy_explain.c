/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy_explain.c - `sprout policy explain`: why this mix, in words. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "adapt/clock.h"
#include "cli/cmd_policy.h"
#include "control/explain.h"
#include "core/choice.h"
#include "core/energy.h"

enum { JSON_MAX = 16 * 1024, NAPS = 20, NAP_NS = 20 * 1000 * 1000 };

static void explain_grid(const struct sprout_policy *p,
                         const struct sprout_explanation *e)
{
    char at[40];
    char until[40];
    sprout_policy_cli_moment(at, p->grid.at);
    sprout_policy_cli_moment(until, p->valid_until);
    printf("Policy %.*s %s %s.\n\n", (int)p->id.len, p->id.ptr,
           e->in_force ? "is in force until" : "EXPIRED, so all is served at L0, since",
           until);
    if (isnan(p->grid.intensity.v)) {
        printf("The grid is not known now, so nothing is given up: all requests get "
               "L0.\n");
        return;
    }
    printf("The grid emits %.4g g/kWh in zone %.*s (%.*s, from %.*s, since %s).\n",
           p->grid.intensity.v, (int)p->grid.zone.len, p->grid.zone.ptr,
           (int)p->grid.quality.len, p->grid.quality.ptr, (int)p->grid.source.len,
           p->grid.source.ptr, at);
}

static void explain_floor(const struct sprout_policy *p,
                          const struct sprout_explanation *e)
{
    printf("Quality may not fall under %.4g of L0's", p->floor);
    if (e->floor_why[0] != '\0') {
        printf(" (%s)", e->floor_why);
    }
    printf(".\n");
    if (!isnan(e->range.lo.v)) {
        printf("The range of the grid it is measured against is %.4g to %.4g g/kWh, ",
               e->range.lo.v, e->range.hi.v);
        if (e->range.points > 0) {
            printf("from the %lld latest values.\n", (long long)e->range.points);
        } else {
            printf("as configured.\n");
        }
    }
    printf("Qualities: %.*s.\n", (int)p->quality_source.len, p->quality_source.ptr);
}

static const char *forecast_text(const struct sprout_plan_windowed *w)
{
    if (w->hours <= 1) {
        return "it is the last hour";
    }
    return w->foretold > 0 && w->ours > 0
               ? "the grid there as its provider foretells it and "
                 "its past suggests"
           : w->foretold > 0 ? "the grid there as its provider foretells it"
           : w->ours > 0     ? "the grid there as its past suggests"
                             : "the grid there taken to be as now";
}

/* One floor over many hours: where it stands, and what this hour owes. */
static void explain_window(const struct sprout_plan_windowed *w)
{
    char start[40];
    char end[40];
    if (!w->used) {
        return;
    }
    sprout_policy_cli_moment(start, w->start);
    sprout_policy_cli_moment(end, w->end);
    printf(
        "That floor is kept over the %s from %s to %s,\nand no hour falls under %.4g.\n",
        sprout_window_kind_text(w->kind), start, end, w->hourly_floor);
    if (w->requests > 0) {
        printf("Served in it: %lld requests at %.4g of L0's quality, which leaves %.4g "
               "requests' worth in %s.\n",
               (long long)w->requests, w->quality, fabs(w->account),
               w->account < 0 ? "debt" : "hand");
    } else {
        printf("Nothing was served in it yet.\n");
    }
    printf("Ahead: %lld hour%s with %.4g requests expected, %s.\n", (long long)w->hours,
           w->hours == 1 ? "" : "s", w->expected, forecast_text(w));
    if (!w->acts) {
        printf("Until a day of requests was seen (%lld hours yet), each hour keeps the "
               "floor "
               "itself.\n",
               (long long)w->traffic_hours);
        return;
    }
    if (!w->in_reach) {
        printf("The floor cannot be kept over it any more: what is ahead gets the best "
               "there "
               "is.\n");
    }
    if (w->raised) {
        printf("This hour would have had less; its own floor raised it.\n");
    }
}

static void explain_kinds(const struct sprout_policy *p,
                          const struct sprout_plan_evidence *e)
{
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        const struct sprout_plan_kind *const kind = &e->kind[k];
        if (kind->verdicts == 0) {
            continue;
        }
        printf("  of kind %s (%lld verdicts):", sprout_kind_text((enum sprout_kind)k),
               (long long)kind->verdicts);
        for (size_t l = 1; l < p->level_count; l++) {
            printf(" %.*s %.3f (%.3f to %.3f)%s", (int)p->levels[l].name.len,
                   p->levels[l].name.ptr, kind->relative[l].value, kind->relative[l].low,
                   kind->relative[l].high, l + 1 < p->level_count ? "," : "\n");
        }
    }
}

/* From verdicts to the qualities that the optimum takes. */
static void explain_verdicts(const struct sprout_policy *p,
                             const struct sprout_plan_evidence *e)
{
    if (e->questions == 0) {
        return;
    }
    printf(
        "\n%lld verdicts, worth %.0f comparisons now, say of quality relative to L0:\n",
        (long long)e->verdicts, e->n);
    for (size_t l = 1; l < p->level_count; l++) {
        printf("  %-6.*s %.3f, 90 %% from %.3f to %.3f; taken as %.3f\n",
               (int)p->levels[l].name.len, p->levels[l].name.ptr, e->relative[l].value,
               e->relative[l].low, e->relative[l].high, e->cautious[l]);
    }
    explain_kinds(p, e);
    if (!e->used) {
        printf("They are not used: %s.\n", e->why);
        return;
    }
    printf(
        "Taken is what is reached with a certainty of %.3g %%; that caution costs %.3g "
        "mg a request.\n",
        100 * e->certainty, 1e3 * e->caution.v);
    if (e->jumped) {
        printf("The newest evaluation disagrees with those before, so they count a "
               "tenth.\n");
    }
}

/* What references say, and what the floor of accuracy costs. */
static void explain_accuracy(const struct sprout_policy *p,
                             const struct sprout_plan_accuracy *a)
{
    if (!(a->floor > 0)) {
        return;
    }
    printf(
        "\nAccuracy may not fall under %.4g of L0's.  References say of it, relative to "
        "L0:\n",
        a->floor);
    for (size_t l = 1; l < p->level_count; l++) {
        printf("  %-6.*s ", (int)p->levels[l].name.len, p->levels[l].name.ptr);
        if ((a->withheld >> l & 1) == 0) {
            printf("%.3f, 90 %% from %.3f to %.3f, by %.0f prompts; taken as %.3f\n",
                   a->relative[l].value, a->relative[l].low, a->relative[l].high,
                   a->prompts[l], a->cautious[l]);
        } else if (a->why[0] != '\0') {
            printf("nothing (%s): nobody is given it\n", a->why);
        } else {
            printf("too little (%.0f prompts, of %d that it takes): nobody is given it\n",
                   a->prompts[l], SPROUT_PLAN_REFERENCES_MIN);
        }
    }
    if (!isnan(a->mix)) {
        printf(
            "The mix keeps %.4g of it; one per cent more would cost %.3g mg a request.\n",
            a->mix, 10 * a->price);
    }
}

/* "3.1 mg": a request costs milligrams to grams. */
static void print_grams(sprout_grams g)
{
    if (isnan(g.v)) {
        printf("%9s   ", "unknown");
    } else if (g.v < 1) {
        printf("%9.3f mg", 1e3 * g.v);
    } else {
        printf("%9.3f g ", g.v);
    }
}

static void explain_levels(const struct sprout_policy *p,
                           const struct sprout_explanation *e)
{
    const struct sprout_stratum *const s = &p->strata[0];
    printf("\n%-6s %7s %8s %12s %8s %9s  %s\n", "level", "share", "quality", "a request",
           "tokens", "rests on", "because");
    for (size_t l = 0; l < p->level_count; l++) {
        printf("%-6.*s %5.1f %% %8.3f ", (int)p->levels[l].name.len,
               p->levels[l].name.ptr, 100 * s->mix[l], e->quality[l]);
        print_grams(e->grams[l]);
        printf(" %8.1f %9lld  %s\n", s->level[l].output_tokens,
               (long long)s->level[l].requests, e->why[l]);
    }
    printf("\n'rests on' is the number of requests served here behind energy, time and "
           "tokens;\nwith few of them the estimate leans on the profile.\n");
}

/* Only where verdicts move something. */
static void explain_corrections(const struct sprout_policy *p)
{
    struct sprout_predict_terms t = sprout_choice_terms(p, NULL);
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        const int32_t *const more = t.correction[k];
        if (more[0] != 0 || more[1] != 0 || more[2] != 0) {
            printf("Verdicts move the preference predicted of %s by %+.3f, %+.3f and "
                   "%+.3f.\n",
                   sprout_kind_text((enum sprout_kind)k),
                   (double)more[0] / SPROUT_PREDICT_ONE,
                   (double)more[1] / SPROUT_PREDICT_ONE,
                   (double)more[2] / SPROUT_PREDICT_ONE);
        }
    }
}

/* Of the strata of kinds: none where the policy is of one stratum. */
static void explain_mixes(const struct sprout_policy *p)
{
    for (size_t i = 1; i < p->stratum_count; i++) {
        const struct sprout_stratum *const s = &p->strata[i];
        printf("  of kind %-6.*s", (int)s->name.len, s->name.ptr);
        for (size_t l = 0; l < p->level_count; l++) {
            printf(" %.*s %.0f %%%s", (int)p->levels[l].name.len, p->levels[l].name.ptr,
                   100 * s->mix[l], l + 1 < p->level_count ? "," : "\n");
        }
    }
}

static void explain_predictor(const struct sprout_policy *p,
                              const struct sprout_explanation *e)
{
    const struct sprout_predict_price *const x = &e->predicted.price;
    if (p->predictor.file.len == 0) {
        return;
    }
    if (!p->predictor.decides) {
        printf("\nPredictor %016llx looks at prompts and decides none yet: it was shown "
               "%lld "
               "lately\n(predictor.samples_min says how many it takes).  The mix above "
               "holds.\n",
               (unsigned long long)p->predictor.id, (long long)e->predicted.samples);
        return;
    }
    printf(
        "\nPrompts are told apart one by one (predictor %016llx): each gets the level of "
        "least\ncarbon - price * quality, at %.3g mg a token and %.3g mg for one per "
        "cent "
        "of preference.\nPrompts unlike what it was trained on have the mix of their "
        "kind, "
        "those it cannot\nread the mix above.\n",
        (unsigned long long)p->predictor.id, 1e-6 * (double)p->predictor.ng_per_token,
        1e-8 * (double)p->predictor.ng_per_quality);
    explain_mixes(p);
    if (e->predicted.decides) {
        printf("Of the last %lld prompts that makes L0 %.0f %%, L1 %.0f %%, L2 %.0f %%: "
               "%.0f "
               "tokens\ninstead of %.0f, at %.1f %% of L0's quality as predicted.\n",
               (long long)e->predicted.samples, 100 * x->mix[0], 100 * x->mix[1],
               100 * x->mix[2], x->tokens, x->tokens_l0, 100 * x->quality);
        if (!isnan(x->accuracy)) {
            printf("Of L0's accuracy that keeps %.1f %%, as references have it.\n",
                   100 * x->accuracy);
        }
        explain_corrections(p);
        printf("What is kept in hand (predictor.caution, and verdicts taken cautiously) "
               "costs\n%.3g mg a request.\n",
               1e3 * e->predicted.caution.v);
    }
}

static void explain_result(const struct sprout_policy *p,
                           const struct sprout_explanation *e)
{
    if (!isnan(e->saved)) {
        printf("\nExpected: %.1f %% less carbon a request than always L0, at %.1f %% of "
               "its quality.\n",
               100 * e->saved, 100 * e->quality_mix);
    }
    if (p->price > 0) {
        printf("Price: one per cent more quality would cost %.3g mg a request.\n",
               10 * p->price);
    } else {
        printf("Price: none; the floor does not bind.\n");
    }
    printf(
        "Apart from the mix, %.3g %% of conversations are held out at L0 (what savings "
        "are\nmeasured against) and %.3g %% get a random level.\n",
        100 * p->holdout, 100 * p->explore);
    if (isfinite(e->explore.v) && p->explore > 0) {
        printf(
            "Exploring costs %.3g mg a request of all, a share of %.3g %% that is never "
            "exceeded.\n",
            1e3 * e->explore.v, 100 * p->explore);
    }
    if (p->rule_count > 0) {
        printf("%zu rule%s something else for some requests: 'sprout policy' lists them, "
               "'sprout policy test' tries them.\n",
               p->rule_count, p->rule_count == 1 ? " says" : "s say");
    }
}

/* The policy and its reasons are two files, written one after the other: where they are not of
 * one plan, both are read again.  Beyond that the reasons are not known. */
static int open_with_reasons(const struct policy_opts *opts,
                             struct sprout_policy_file *file,
                             struct sprout_explanation *e)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    char dir[PATH_MAX];
    for (int i = 0;; i++) {
        const int rc = sprout_policy_cli_open(opts, file, dir);
        if (rc != 0 || file->policy == NULL) {
            return rc;
        }
        sprout_explain(file->policy, 0, sprout_clock_wall(),
                       opts->zone == NULL ? dir : NULL, e);
        if (!e->behind || i == NAPS) {
            return 0;
        }
        sprout_policy_file_close(file);
        nanosleep(&nap, NULL);
    }
}

int sprout_policy_cli_explain(const struct policy_opts *opts)
{
    char json[JSON_MAX];
    struct sprout_policy_file file = {0};
    struct sprout_explanation e;
    const int rc = open_with_reasons(opts, &file, &e);
    if (rc != 0 || file.policy == NULL) {
        return rc;
    }
    if (opts->json) {
        struct sprout_buf b = sprout_buf_of(json, sizeof json);
        sprout_explain_put(&b, file.policy, 0, &e);
        printf("%.*s", (int)b.len, b.ptr);
    } else {
        explain_grid(file.policy, &e);
        explain_floor(file.policy, &e);
        explain_window(&e.window);
        explain_verdicts(file.policy, &e.evidence);
        explain_accuracy(file.policy, &e.accuracy);
        explain_levels(file.policy, &e);
        explain_predictor(file.policy, &e);
        explain_result(file.policy, &e);
    }
    sprout_policy_file_close(&file);
    return 0;
}
