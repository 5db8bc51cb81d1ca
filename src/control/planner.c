/* SPDX-License-Identifier: Apache-2.0 */
/* planner.c - estimates, floor, optimum, policy; see planner.h.
 *
 * The first stratum is of all prompts.  Where a predictor tells kinds apart each has one of its
 * own beside it, so that receipts, evaluations and alarms are by kind.  The optimum is solved in
 * quality relative to L0, so the price is grams per unit of that.
 * A level whose cost is not known cannot be weighed and is left out of the optimum; when L0
 * itself cannot be weighed, or the grid is unknown, everything stays at L0 (or at the
 * lowest level a rule allows).  Nothing is invented. */
#include "control/planner_inner.h"

#include "base/hash.h"
#include "core/instant.h"
#include "core/preset.h"
#include "core/prior.h"
#include "core/profile.h"

/* With less than a day of hourly values the extremes say nothing (grid-history rule). */
enum { RANGE_POINTS_MIN = 24 };

enum {
    KIND_NAME = sizeof ":maths" - 1
}; /* what a rule of a kind is called more, at most */

enum { SECONDS_A_YEAR = 365 * 86400 };

enum { SECONDS_AN_HOUR = 3600 };

static struct sprout_str keep(struct plan *p, const char *text)
{
    return sprout_arena_str(p->arena, sprout_str_of(text));
}

/* ---- what is known ------------------------------------------------------------------- */

static size_t count_patches(const struct sprout_config *c)
{
    size_t n = 0;
    for (uint32_t l = 0; l < c->levels_count; l++) {
        n += c->levels[l].patches_count;
    }
    return n;
}

static void copy_patches(struct plan *p)
{
    const struct sprout_config *const c = p->in->config;
    const size_t n = count_patches(c);
    struct sprout_patch *const to = sprout_arena_array(p->arena, n, sizeof *to);
    size_t at = 0;
    for (uint32_t l = 0; to != NULL && l < c->levels_count; l++) {
        for (uint32_t i = 0; i < c->levels[l].patches_count; i++) {
            const struct sprout_config_patch *const from = &c->levels[l].patches[i];
            to[at++] = (struct sprout_patch){
                .level = l,
                .api = keep(p, from->api),
                .parameter = keep(p, from->parameter),
                .value = keep(p, from->value),
                .model = keep(p, from->model),
                .route = keep(p, from->route),
            };
        }
    }
    p->policy->patches = to;
    p->policy->patch_count = at;
}

static void copy_levels(struct plan *p)
{
    for (size_t l = 0; l < p->levels; l++) {
        p->policy->levels[l] = (struct sprout_level){
            .name = keep(p, p->in->config->levels[l].name),
            .directive = keep(p, p->in->config->levels[l].directive),
        };
    }
}

/* When what holds began: a replayed slot lies in another year and a constant in none, so
 * that is when they began to hold here.  Of what is unknown only the hour is told, so that
 * each does not make a grid value of its own in the ledger. */
static sprout_instant grid_since(const struct sprout_plan_in *in)
{
    const int64_t hour = (int64_t)SECONDS_AN_HOUR * SPROUT_NS_PER_SECOND;
    switch (in->grid.quality) {
    case SPROUT_GRID_NONE:
        return (sprout_instant){sprout_instant_hour(in->now) * hour};
    case SPROUT_GRID_REPLAYED:
    case SPROUT_GRID_ASSUMED:
        return in->grid.received_at;
    case SPROUT_GRID_LIVE:
    case SPROUT_GRID_LAST_GOOD:
    case SPROUT_GRID_FORECAST:
    case SPROUT_GRID_PROFILE:
        break;
    }
    return in->grid.slot_start;
}

static void copy_grid(struct plan *p)
{
    const struct sprout_grid_value *const g = &p->in->grid;
    p->policy->grid = (struct sprout_policy_grid){
        .zone = sprout_arena_str(p->arena, g->zone),
        .source = sprout_arena_str(p->arena, g->source),
        .quality = keep(p, sprout_grid_quality_text(g->quality)),
        .intensity = g->intensity,
        .at = grid_since(p->in),
    };
}

/* Prior, what was learned on top, and the configuration's word on quality. */
static void believe(struct plan *p)
{
    const struct sprout_config_quality *const q = &p->in->config->quality;
    const struct sprout_energy_profile *const profile =
        sprout_policy_profile(p->policy, SPROUT_STR(""));
    struct sprout_belief prior[SPROUT_LEVELS_MAX];
    sprout_prior_beliefs(profile, p->levels, prior);
    if (p->in->learned != NULL) {
        sprout_learn_beliefs(prior, p->in->learned, p->levels, SPROUT_LEARN_STRENGTH,
                             p->stratum->level);
    } else {
        memcpy(p->stratum->level, prior, p->levels * sizeof prior[0]);
    }
    for (size_t l = 0; l < p->levels && q->shares_count == p->levels; l++) {
        p->stratum->level[l].quality = q->shares[l];
    }
    p->policy->quality_source = q->shares_count == p->levels
                                    ? SPROUT_STR("configured, not measured here")
                                    : sprout_str_of(sprout_prior_source);
    sprout_plan_judge(p);
}

static void find_floor(struct plan *p)
{
    const struct sprout_config_quality *const q = &p->in->config->quality;
    const bool given = !isnan(q->k0_min_g_per_kwh) && !isnan(q->k0_max_g_per_kwh);
    struct sprout_grid_range range = SPROUT_GRID_RANGE_NONE;
    if (given) {
        range.lo.v = q->k0_min_g_per_kwh;
        range.hi.v = q->k0_max_g_per_kwh;
    } else if (p->in->range.points >= RANGE_POINTS_MIN) {
        range = p->in->range;
    }
    const bool unknown = isnan(p->in->grid.intensity.v);
    p->why->range = range;
    p->why->floor =
        q->rule == SPROUT_FLOOR_FIXED && !unknown
            ? sprout_floor_fixed(q->floor)
            : sprout_floor_paper(q->xi, p->in->grid.intensity, range.lo, range.hi);
    p->policy->floor = p->why->floor.v;
}

void sprout_plan_weigh(const struct sprout_policy *p, size_t stratum,
                       sprout_grams *out_grams, double *out_quality)
{
    const struct sprout_belief *const b = p->strata[stratum].level;
    for (size_t l = 0; l < p->level_count; l++) {
        out_grams[l] =
            sprout_carbon_of(&p->carbon, p->grid.intensity, b[l].energy, b[l].time);
        out_quality[l] = b[0].quality > 0 ? b[l].quality / b[0].quality : NAN;
    }
}

/* ---- the optimum --------------------------------------------------------------------- */

static bool weighable(const struct plan *p, size_t l)
{
    return isfinite(p->why->grams[l].v) && isfinite(p->why->quality[l]);
}

uint32_t sprout_plan_levels(const struct plan *p)
{
    const uint32_t all = (UINT32_C(1) << p->levels) - 1;
    return (all & ~p->withheld) | 1;
}

static enum sprout_status solve_item(struct plan *p, const struct sprout_item *item,
                                     const double *accuracy, double floor, double *mix,
                                     struct sprout_optimum_two *out)
{
    struct sprout_optimum best = {0};
    if (sprout_plan_asks_accuracy(p)) {
        return sprout_plan_solve_two(p, item, accuracy, floor, mix, out);
    }
    const size_t size = sprout_optimize_scratch(1, item->options);
    struct sprout_arena scratch =
        sprout_arena_of(sprout_arena_alloc(p->arena, size), size);
    if (scratch.block == NULL) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    const enum sprout_status status =
        sprout_optimize(item, 1, SPROUT_GOAL_FLOOR, floor, &scratch, &mix, &best, p->err);
    *out = sprout_optimize_without(&best);
    return status;
}

/* Solves for the levels in `allowed`; shares of the others are 0. */
static enum sprout_status solve(struct plan *p, uint32_t allowed, double floor,
                                double *out_mix, struct sprout_optimum_two *out_best)
{
    double cost[SPROUT_LEVELS_MAX], quality[SPROUT_LEVELS_MAX];
    double accuracy[SPROUT_LEVELS_MAX];
    double share[SPROUT_LEVELS_MAX] = {0};
    size_t level[SPROUT_LEVELS_MAX];
    size_t n = 0;
    memset(out_mix, 0, SPROUT_LEVELS_MAX * sizeof *out_mix);
    for (size_t l = 0; l < p->levels && weighable(p, 0); l++) {
        if ((allowed >> l & 1) != 0 && weighable(p, l)) {
            cost[n] = p->why->grams[l].v;
            quality[n] = p->why->quality[l];
            accuracy[n] = p->why->accuracy.cautious[l];
            level[n++] = l;
        }
    }
    if (n == 0) {
        out_mix[__builtin_ctz(allowed)] = 1;
        *out_best = (struct sprout_optimum_two){true, NAN, NAN, NAN, 0, 0, 0};
        return SPROUT_OK;
    }
    const struct sprout_item item = {1, cost, quality, n};
    const enum sprout_status status =
        solve_item(p, &item, accuracy, floor, share, out_best);
    for (size_t i = 0; i < n && status == SPROUT_OK; i++) {
        out_mix[level[i]] = share[i];
    }
    return status;
}

static double accuracy_of(const struct plan *p, const double *mix)
{
    double sum = 0;
    for (size_t l = 0; l < p->levels; l++) {
        sum += mix[l] > 0 ? mix[l] * p->why->accuracy.cautious[l] : 0;
    }
    return sum;
}

/* The window says what this hour must give of quality; accuracy is kept in each hour. */
static enum sprout_status solve_window(struct plan *p, double *out_mix,
                                       struct sprout_optimum_two *out_best)
{
    struct sprout_optimum one = {0};
    const enum sprout_status status = sprout_plan_window_mix(p, out_mix, &one);
    if (status != SPROUT_OK || !sprout_plan_asks_accuracy(p)) {
        *out_best = sprout_optimize_without(&one);
        return status;
    }
    if (accuracy_of(p, out_mix) < p->why->accuracy.floor) {
        return solve(p, sprout_plan_levels(p), one.quality, out_mix, out_best);
    }
    *out_best = sprout_optimize_without(&one);
    out_best->accuracy = accuracy_of(p, out_mix);
    return status;
}

static enum sprout_status solve_hour_or_window(struct plan *p, double *out_mix,
                                               struct sprout_optimum_two *out_best)
{
    return p->why->window.acts
               ? solve_window(p, out_mix, out_best)
               : solve(p, sprout_plan_levels(p), p->policy->floor, out_mix, out_best);
}

static enum sprout_status solve_all(struct plan *p)
{
    struct sprout_optimum_two best = {0};
    const enum sprout_status status = solve_hour_or_window(p, p->stratum->mix, &best);
    if (status == SPROUT_OK) {
        p->policy->price = best.price;
        p->why->price = best.price;
        p->why->feasible = best.feasible;
        p->why->grams_mix.v = best.cost;
        p->why->quality_mix = best.quality;
        p->why->accuracy.mix = best.accuracy;
        p->why->accuracy.price = best.accuracy_price;
    }
    return status;
}

/* How much dearer a request is because quality was taken cautiously. */
static enum sprout_status price_caution(struct plan *p)
{
    double taken[SPROUT_LEVELS_MAX], mix[SPROUT_LEVELS_MAX];
    struct sprout_optimum_two best = {0};
    if (!p->why->evidence.used) {
        return SPROUT_OK;
    }
    const struct sprout_plan_windowed window = p->why->window;
    memcpy(taken, p->why->quality, sizeof taken);
    for (size_t l = 0; l < p->levels; l++) {
        p->why->quality[l] = sprout_plan_judged_mean(p, l);
    }
    const enum sprout_status status = solve_hour_or_window(p, mix, &best);
    memcpy(p->why->quality, taken, sizeof taken);
    p->why->window = window;
    p->why->evidence.caution.v = p->why->grams_mix.v - best.cost;
    return status;
}

static enum sprout_status solve_kinds(struct plan *p)
{
    double mix[1 + SPROUT_KIND_COUNT][SPROUT_LEVELS_MAX];
    memcpy(mix[0], p->stratum->mix, sizeof mix[0]);
    const enum sprout_status status =
        sprout_plan_kinds(p, sprout_plan_levels(p), p->policy->floor, -1, mix);
    for (size_t i = 1; i < p->strata; i++) {
        memcpy(p->stratum[i].mix, mix[i], sizeof mix[i]);
    }
    return status;
}

/* ---- rules --------------------------------------------------------------------------- */

static void copy_match(struct plan *p, const struct sprout_config_match *from,
                       struct sprout_match *to)
{
    *to = (struct sprout_match){
        .route = keep(p, from->route),
        .model = keep(p, from->model),
        .api = keep(p, from->api),
        .api_key_sha256 = keep(p, from->api_key_sha256),
        .header = keep(p, from->header),
        .header_value = keep(p, from->header_value),
        .kind = keep(p, from->kind),
        .stream = from->stream,
        .tools = from->tools,
        .min_bytes = from->min_bytes,
        .max_bytes = from->max_bytes,
    };
}

/* What prompts of a kind (-1: of any) are not given. */
static uint32_t withheld_from(const struct plan *p, int kind)
{
    return p->withheld | (kind < 0 ? 0 : p->withheld_of[kind]);
}

/* The levels that a rule leaves a kind, without those withheld; 0: all. */
static uint32_t level_mask(struct plan *p, const struct sprout_config_rule *rule,
                           int kind)
{
    const uint32_t withheld = withheld_from(p, kind);
    const uint32_t all = (UINT32_C(1) << p->levels) - 1;
    uint32_t mask = 0;
    if (rule->levels_count == 0) {
        return withheld == 0 ? 0 : (all & ~withheld) | 1;
    }
    for (uint32_t i = 0; i < rule->levels_count; i++) {
        const int l = sprout_policy_level(p->policy, sprout_str_of(rule->levels[i]));
        mask |= l < 0 ? 0 : UINT32_C(1) << l;
    }
    return (mask & ~withheld) == 0 ? 1 : mask & ~withheld;
}

/* A rule of a kind's own: "mine:maths", which no rule of a configuration is called. */
static void set_kind(struct plan *p, int kind, struct sprout_rule *to)
{
    char name[SPROUT_NAME_MAX];
    struct sprout_buf b = sprout_buf_of(name, sizeof name);
    if (kind < 0) {
        return;
    }
    to->match.kind = sprout_str_of(sprout_kind_text((enum sprout_kind)kind));
    sprout_buf_put(&b, to->name);
    sprout_buf_byte(&b, ':');
    sprout_buf_put(&b, to->match.kind);
    to->name = sprout_arena_str(p->arena, sprout_buf_str(&b));
}

/* For requests that no other rule matches: what users dislike, or nobody knows to be right,
 * is not even explored. */
static void withhold(struct plan *p, int kind, struct sprout_rule *to)
{
    const struct sprout_config_rule any = {.levels_count = 0};
    const bool users = p->in->withdrawn.of_all != 0 || kind >= 0;
    *to = (struct sprout_rule){.name = users ? SPROUT_STR(SPROUT_PLAN_WITHDRAWN)
                                             : SPROUT_STR(SPROUT_PLAN_UNKNOWN),
                               .levels = level_mask(p, &any, kind),
                               .floor = NAN};
    set_kind(p, kind, to);
}

/* The optimum under a rule's own levels and floor; a rule never lowers the floor.  Where the
 * floor is a window's, a rule's own is kept in each hour. */
static enum sprout_status solve_rule(struct plan *p, struct sprout_rule *rule)
{
    struct sprout_optimum_two best;
    double(*const mix)[SPROUT_LEVELS_MAX] =
        sprout_arena_array(p->arena, p->strata, sizeof *mix);
    if (mix == NULL) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    if (sprout_plan_as_all(p, rule)) {
        for (size_t i = 0; i < p->strata; i++) {
            memcpy(mix[i], p->stratum[i].mix, sizeof *mix);
        }
        rule->mix = (const double(*)[SPROUT_LEVELS_MAX])mix;
        return SPROUT_OK;
    }
    const uint32_t levels = rule->levels == 0 ? sprout_plan_levels(p) : rule->levels;
    const double floor = fmax(rule->floor, p->policy->floor);
    enum sprout_status status = solve(p, levels, floor, *mix, &best);
    if (status == SPROUT_OK) {
        status =
            sprout_plan_kinds(p, levels, floor, sprout_kind_of(rule->match.kind), mix);
    }
    rule->mix = (const double(*)[SPROUT_LEVELS_MAX])mix;
    return status;
}

/* What is protected is a rule of its own before all others: always L0. */
static void protect(struct plan *p, const char *what, struct sprout_rule *to)
{
    char name[SPROUT_NAME_MAX];
    struct sprout_buf b = sprout_buf_of(name, sizeof name);
    sprout_buf_printf(&b, "protect-%s", what);
    *to = (struct sprout_rule){.name = sprout_arena_str(p->arena, sprout_buf_str(&b)),
                               .levels = 1,
                               .floor = NAN};
    if (what[0] == '/') {
        to->match.route = keep(p, what);
    } else {
        to->match.kind = keep(p, what);
    }
}

static void copy_rule(struct plan *p, const struct sprout_config_rule *from, int kind,
                      struct sprout_rule *to)
{
    *to = (struct sprout_rule){
        .name = keep(p, from->name),
        .off = from->off,
        .levels = level_mask(p, from, kind),
        .floor = from->floor,
        .force = from->force,
        .receipts = from->receipts,
        .placement = from->placement,
        .with_tools = from->with_tools,
        .with_completions = from->with_completions,
        .sample = from->sample,
    };
    copy_match(p, &from->match, &to->match);
    set_kind(p, kind, to);
}

/* A kind that is withheld something has each rule it may match once more before it, for itself.
 * Where there is no room for that, what is withheld from one kind is withheld from all. */
static bool stands_apart(const struct plan *p, int kind,
                         const struct sprout_config_rule *r)
{
    const struct sprout_str own = sprout_str_of(r == NULL ? "" : r->match.kind);
    const struct sprout_str name =
        sprout_str_of(sprout_kind_text((enum sprout_kind)kind));
    return p->withheld_of[kind] != 0 && (r == NULL || !r->off) &&
           (own.len == 0 || sprout_str_eq(own, name));
}

static size_t count_rules(const struct plan *p)
{
    const struct sprout_config *const c = p->in->config;
    size_t n = (size_t)c->protect_count + c->rules_count + (p->withheld != 0);
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        for (uint32_t i = 0; i < c->rules_count; i++) {
            n += stands_apart(p, k, &c->rules[i]);
        }
        n += stands_apart(p, k, NULL);
    }
    return n;
}

static bool has_room(const struct plan *p)
{
    const struct sprout_config *const c = p->in->config;
    bool room = count_rules(p) <= SPROUT_RULES_MAX;
    for (uint32_t i = 0; i < c->rules_count; i++) {
        room = room && strlen(c->rules[i].name) + KIND_NAME <= SPROUT_NAME_MAX;
    }
    return room;
}

static void find_withheld(struct plan *p)
{
    for (int k = 0; k < SPROUT_KIND_COUNT && p->in->predictor != NULL; k++) {
        p->withheld_of[k] = p->in->withdrawn.of_kind[k] & ~p->withheld & ~UINT32_C(1);
    }
    if (!has_room(p)) {
        for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
            p->withheld |= p->withheld_of[k];
            p->withheld_of[k] = 0;
        }
    }
}

/* All of them, in the order in which they are tried; returns how many, at most `room`. */
static size_t lay_out_rules(struct plan *p, struct sprout_rule *to, size_t room)
{
    const struct sprout_config *const c = p->in->config;
    size_t n = 0;
    for (uint32_t i = 0; i < c->protect_count; i++) {
        protect(p, c->protect[i], &to[n++]);
    }
    for (uint32_t i = 0; i < c->rules_count; i++) {
        for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
            if (stands_apart(p, k, &c->rules[i])) {
                copy_rule(p, &c->rules[i], k, &to[n++]);
            }
        }
        copy_rule(p, &c->rules[i], -1, &to[n++]);
    }
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        if (stands_apart(p, k, NULL)) {
            withhold(p, k, &to[n++]);
        }
    }
    if (p->withheld != 0 && n < room) {
        withhold(p, -1, &to[n++]);
    }
    return n;
}

static enum sprout_status copy_rules(struct plan *p)
{
    const size_t most = count_rules(p);
    const size_t room = most < SPROUT_RULES_MAX ? most : SPROUT_RULES_MAX;
    struct sprout_rule *const to = sprout_arena_array(p->arena, room, sizeof *to);
    const size_t count = to == NULL ? 0 : lay_out_rules(p, to, room);
    enum sprout_status status = SPROUT_OK;
    for (size_t i = 0; status == SPROUT_OK && i < count; i++) {
        if (!to[i].off && (to[i].levels != 0 || !isnan(to[i].floor))) {
            status = solve_rule(p, &to[i]);
        }
        if (status == SPROUT_OK) {
            status = sprout_plan_predict_rule(p, &to[i]);
        }
    }
    p->policy->rules = to;
    p->policy->rule_count = count;
    return status;
}

/* ---- the policy ---------------------------------------------------------------------- */

/* The moment and a hash of what was decided: two plans of one second differ by it. */
static void name_policy(struct plan *p)
{
    char text[SPROUT_NAME_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){0});
    sprout_hash_u64(&h, (uint64_t)p->in->now.ns);
    sprout_hash_feed(&h, p->stratum->mix, sizeof p->stratum->mix);
    sprout_hash_feed(&h, &p->in->grid.intensity, sizeof p->in->grid.intensity);
    sprout_hash_u64(&h, (uint64_t)p->policy->predictor.ng_per_quality);
    sprout_hash_u64(&h, (uint64_t)p->policy->predictor.ng_per_accuracy);
    sprout_instant_put(&b, p->in->now);
    sprout_buf_printf(&b, "-%08x", (unsigned)(sprout_hash_end(h) >> 32));
    p->policy->id = sprout_arena_str(p->arena, sprout_buf_str(&b));
}

/* Presets in place of figures.  The host's part is of the operational energy, as the
 * facility's is: one factor for both. */
static struct sprout_carbon_params carbon_of(const struct sprout_config_carbon *c)
{
    const struct sprout_preset *const made =
        sprout_preset_find(SPROUT_PRESET_EMBODIED, sprout_str_of(c->embodied));
    const struct sprout_preset *const facility =
        sprout_preset_find(SPROUT_PRESET_PUE, sprout_str_of(c->facility));
    const struct sprout_preset *const host =
        sprout_preset_find(SPROUT_PRESET_HOST, sprout_str_of(c->host));
    const double years =
        made != NULL && made->years > 0 ? made->years : c->lifetime_years;

    return (struct sprout_carbon_params){
        .pue = (facility != NULL ? facility->value : c->pue) *
               (host != NULL ? host->value : c->host_factor),
        .embodied = {made != NULL ? made->value : c->embodied_g},
        .lifetime = {years * SECONDS_A_YEAR},
    };
}

static void copy_settings(struct plan *p)
{
    const struct sprout_config *const c = p->in->config;
    struct sprout_policy *const to = p->policy;
    to->created = p->in->now;
    to->valid_until = sprout_instant_add(p->in->now, sprout_span_seconds(c->valid_s));
    to->salt = p->in->salt;
    to->holdout = c->holdout;
    /* No grid: nothing is known to be saved, so nobody is given a short answer for it. */
    to->explore = isnan(p->in->grid.intensity.v) ? 0 : c->explore;
    to->force = c->clients.force;
    to->receipts = c->clients.receipts;
    to->level_count = p->levels;
    to->strata = p->stratum;
    to->stratum_count = p->strata;
    to->carbon = carbon_of(&c->carbon);
    p->stratum->name = SPROUT_STR(SPROUT_PLAN_STRATUM);
}

static enum sprout_status fill(struct plan *p)
{
    copy_settings(p);
    copy_levels(p);
    copy_patches(p);
    sprout_plan_profiles(p);
    copy_grid(p);
    if (p->arena->spent) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    believe(p);
    find_floor(p);
    sprout_plan_accuracy(p);
    find_withheld(p);
    sprout_plan_weigh(p->policy, 0, p->why->grams, p->why->quality);
    sprout_plan_window_begin(p);
    enum sprout_status status = solve_all(p);
    if (status == SPROUT_OK) {
        status = price_caution(p);
    }
    if (status == SPROUT_OK) {
        status = sprout_plan_predict(p);
    }
    if (status == SPROUT_OK) {
        sprout_plan_kinds_begin(p);
        status = solve_kinds(p);
    }
    if (status == SPROUT_OK) {
        status = copy_rules(p);
    }
    name_policy(p);
    if (status == SPROUT_OK && p->arena->spent) {
        return sprout_fail(p->err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    return status == SPROUT_OK ? sprout_policy_check(p->policy, p->err) : status;
}

enum sprout_status sprout_plan(const struct sprout_plan_in *in,
                               struct sprout_arena *arena,
                               const struct sprout_policy **out_policy,
                               struct sprout_plan_why *out_why, struct sprout_error *err)
{
    struct sprout_plan_why why = {0};
    struct plan p = {
        .in = in,
        .arena = arena,
        .err = err,
        .policy = sprout_arena_alloc(arena, sizeof *p.policy),
        .stratum = sprout_arena_array(arena, 1 + SPROUT_KIND_COUNT, sizeof *p.stratum),
        .strata = in->predictor != NULL ? 1 + SPROUT_KIND_COUNT : 1,
        .why = &why,
        .levels = in->config->levels_count,
    };
    if (p.policy == NULL || p.stratum == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    const enum sprout_status status = fill(&p);
    if (status == SPROUT_OK) {
        *out_policy = p.policy;
        *out_why = why;
    }
    return status;
}
