/* SPDX-License-Identifier: Apache-2.0 */
/* choice.c - see choice.h.
 *
 * sprout_choose() reads as the precedence it promises.  Sets of levels are bit masks.  Every
 * draw hashes the conversation with a label of its own, so that the draws are independent
 * and changing one share (the mix, the holdout, the exploration) moves nobody in another. */
#include "core/choice.h"

const char *sprout_reason_text(enum sprout_reason reason)
{
    static const char *const texts[] = {
#define X(name, text) [SPROUT_REASON_##name] = text,
        SPROUT_REASON_TABLE(X)
#undef X
    };
    return (unsigned)reason < SPROUT_REASON_COUNT ? texts[reason] : "internal";
}

const char *sprout_arm_text(enum sprout_arm arm)
{
    switch (arm) {
    case SPROUT_ARM_MIX:
        return "mix";
    case SPROUT_ARM_HOLDOUT:
        return "holdout";
    case SPROUT_ARM_EXPLORE:
        return "explore";
    case SPROUT_ARM_FORCED:
        return "forced";
    case SPROUT_ARM_NONE:
        break;
    }
    return "none";
}

int sprout_mix_draw(const double *mix, size_t level_count, double u)
{
    int last = 0; /* takes what rounding leaves of the sum: never a level of share 0 */
    double upper = 0;
    for (size_t l = 0; l < level_count; l++) {
        if (mix[l] > 0) {
            last = (int)l;
            upper += mix[l];
            if (u < upper) {
                break;
            }
        }
    }
    return last;
}

/* u in [0, 1) for one conversation and one purpose. */
static double draw(const struct sprout_policy *p, uint64_t conversation,
                   struct sprout_str purpose)
{
    struct sprout_hash h = sprout_hash_begin(p->salt);
    sprout_hash_u64(&h, conversation);
    sprout_hash_feed(&h, purpose.ptr, purpose.len);
    return sprout_hash_unit(sprout_hash_end(h));
}

static bool glob_matches(struct sprout_str pattern, struct sprout_str s)
{
    return pattern.len == 0 || sprout_str_glob(pattern, s);
}

static bool tristate_matches(enum sprout_tristate t, bool v)
{
    return t == SPROUT_ANY || (t == SPROUT_YES) == v;
}

static bool header_matches(const struct sprout_match *m, const struct sprout_traits *t)
{
    if (m->header.len == 0) {
        return true;
    }
    if (t->header == NULL || m->header.len > SPROUT_NAME_MAX) {
        return false;
    }
    char name[SPROUT_NAME_MAX];
    for (size_t i = 0; i < m->header.len; i++) {
        const char c = m->header.ptr[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    struct sprout_str value = {NULL, 0};
    return t->header(t->header_ctx, (struct sprout_str){name, m->header.len}, &value) &&
           glob_matches(m->header_value, value);
}

static bool bytes_match(const struct sprout_match *m, int64_t bytes)
{
    return (m->min_bytes == 0 || bytes >= m->min_bytes) &&
           (m->max_bytes == 0 || (bytes >= 0 && bytes <= m->max_bytes));
}

static bool kind_matches(const struct sprout_match *m, const struct sprout_traits *t)
{
    return m->kind.len == 0 ||
           (t->prediction != NULL &&
            sprout_str_eq(m->kind, sprout_str_of(sprout_kind_text(t->prediction->kind))));
}

static bool rule_matches(const struct sprout_match *m, const struct sprout_traits *t)
{
    return glob_matches(m->route, t->route) && glob_matches(m->model, t->model) &&
           (m->api.len == 0 || sprout_str_eq(m->api, t->api)) &&
           (m->api_key_sha256.len == 0 ||
            sprout_str_ieq(m->api_key_sha256, t->api_key_sha256)) &&
           tristate_matches(m->stream, t->stream) &&
           tristate_matches(m->tools, t->tools) && bytes_match(m, t->body_bytes) &&
           kind_matches(m, t) && header_matches(m, t);
}

int sprout_choice_rule(const struct sprout_policy *p, const struct sprout_traits *t)
{
    for (size_t i = 0; i < p->rule_count; i++) {
        if (rule_matches(&p->rules[i].match, t)) {
            return (int)i;
        }
    }
    return -1;
}

int sprout_choice_stratum(const struct sprout_policy *p,
                          const struct sprout_prediction *said)
{
    for (size_t i = 0; said != NULL && i < p->stratum_count; i++) {
        if (sprout_str_eq(p->strata[i].name,
                          sprout_str_of(sprout_kind_text(said->kind)))) {
            return (int)i;
        }
    }
    return 0;
}

static bool may(enum sprout_tristate rule_says, bool policy_says)
{
    return rule_says == SPROUT_ANY ? policy_says : rule_says == SPROUT_YES;
}

/* Levels whose quality is not under `floor` times L0's.  NaN asks for nothing. */
static uint32_t levels_above(const struct sprout_policy *p, int stratum, double floor)
{
    const struct sprout_belief *level = p->strata[stratum].level;
    uint32_t mask = 1; /* L0 is what floors are relative to */
    for (size_t l = 1; l < p->level_count; l++) {
        const double least = floor * level[0].quality;
        if (isnan(floor) || level[l].quality >= least - SPROUT_SHARE_TOLERANCE) {
            mask |= UINT32_C(1) << l;
        }
    }
    return mask;
}

/* ---- prompts one by one --------------------------------------------------------------- */

/* Does the prediction decide this request, or the mix of its stratum? */
static bool is_predicted(const struct sprout_policy *p, const struct sprout_traits *t)
{
    return p->predictor.file.len > 0 && p->predictor.decides && t->prediction != NULL &&
           !t->prediction->unlike;
}

/* The levels that a predictor knows: a policy may have more. */
static uint32_t predictable(const struct sprout_policy *p)
{
    const size_t n =
        p->level_count < SPROUT_PREDICT_LEVELS ? p->level_count : SPROUT_PREDICT_LEVELS;
    return (UINT32_C(1) << n) - 1;
}

static int32_t correction_of(const struct sprout_policy_predictor *p, int kind, int level)
{
    const double sum = p->correction[level] + p->kind_correction[kind][level];
    return (int32_t)llround(sum * SPROUT_PREDICT_ONE);
}

struct sprout_predict_terms sprout_choice_terms(const struct sprout_policy *p,
                                                const struct sprout_rule *r)
{
    const bool own = r != NULL && r->ng_per_quality > 0;
    struct sprout_predict_terms t = {
        .ng_per_token = p->predictor.ng_per_token,
        .ng_per_quality = own ? r->ng_per_quality : p->predictor.ng_per_quality,
        .tie_ng = p->predictor.tie_ng,
        .split = (int32_t)p->predictor.split,
        .levels = predictable(p),
        .by = SPROUT_BY_PREFERENCE,
    };
    const int64_t price = own ? r->ng_per_accuracy : p->predictor.ng_per_accuracy;
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
            t.correction[k][l] = correction_of(&p->predictor, k, l);
        }
        t.ng[l] = llround((double)price * (1 - p->predictor.accuracy[l]));
    }
    return t;
}

/* As levels_above(), of this prompt. */
static uint32_t predicted_above(const struct sprout_policy *p,
                                const struct sprout_prediction *said, double floor)
{
    const struct sprout_policy_predictor *const by = &p->predictor;
    const double l0 = said->quality[0] + correction_of(by, said->kind, 0);
    uint32_t mask = ~predictable(p) | 1; /* nothing is known of the others */
    for (int l = 1; l < SPROUT_PREDICT_LEVELS; l++) {
        if (isnan(floor) ||
            said->quality[l] + correction_of(by, said->kind, l) >= floor * l0) {
            mask |= UINT32_C(1) << l;
        }
    }
    return mask;
}

static bool in(uint32_t mask, int level)
{
    return (mask >> level & 1) != 0;
}

/* The nearest level at or below `level`, else the lowest above it, else -1. */
static int nearest(uint32_t mask, int level)
{
    for (int l = level; l >= 0; l--) {
        if (in(mask, l)) {
            return l;
        }
    }
    for (int l = level + 1; l < SPROUT_LEVELS_MAX; l++) {
        if (in(mask, l)) {
            return l;
        }
    }
    return -1;
}

/* What may be done to one request: found once, used by each step. */
struct limits {
    uint32_t allowed;   /* by the rule */
    uint32_t client_ok; /* by Sprout-Floor */
    uint32_t rule_ok;   /* by the rule's floor */
};

static struct limits limits_of(const struct sprout_policy *p, const struct sprout_rule *r,
                               const struct sprout_traits *t, int stratum)
{
    const uint32_t all = (UINT32_C(1) << p->level_count) - 1;
    const double floor = r == NULL ? NAN : r->floor;
    const bool predicted = is_predicted(p, t);
    return (struct limits){
        .allowed = r == NULL || r->levels == 0 ? all : r->levels & all,
        .client_ok = predicted ? predicted_above(p, t->prediction, t->ask_floor)
                               : levels_above(p, stratum, t->ask_floor),
        .rule_ok = predicted ? predicted_above(p, t->prediction, floor)
                             : levels_above(p, stratum, floor),
    };
}

static bool choose_forced(const struct sprout_policy *p, const struct sprout_rule *r,
                          const struct sprout_traits *t, const struct limits *m,
                          struct sprout_choice *c)
{
    const bool allowed = may(r == NULL ? SPROUT_ANY : r->force, p->force);
    const int level = sprout_policy_level(p, sprout_str_trim(t->ask_level));
    if (!allowed || level < 0 || !in(m->allowed & m->client_ok, level)) {
        return false;
    }
    c->level = level;
    c->arm = SPROUT_ARM_FORCED;
    c->reason = SPROUT_REASON_FORCED;
    return true;
}

static bool choose_holdout(const struct sprout_policy *p, const struct sprout_traits *t,
                           const struct limits *m, struct sprout_choice *c)
{
    if (!in(m->allowed, 0) ||
        draw(p, t->conversation, SPROUT_STR("holdout")) >= p->holdout) {
        return false;
    }
    c->level = 0;
    c->arm = SPROUT_ARM_HOLDOUT;
    c->reason = SPROUT_REASON_HOLDOUT;
    return true;
}

/* Any usable level, all with the same chance; a rule's own floor is not explored under. */
static bool choose_explore(const struct sprout_policy *p, const struct sprout_traits *t,
                           const struct limits *m, struct sprout_choice *c)
{
    const uint32_t usable = m->allowed & m->client_ok & m->rule_ok;
    if (usable == 0 || draw(p, t->conversation, SPROUT_STR("explore")) >= p->explore) {
        return false;
    }
    double even[SPROUT_LEVELS_MAX] = {0};
    const double share = 1.0 / __builtin_popcount(usable);
    for (size_t l = 0; l < p->level_count; l++) {
        even[l] = in(usable, (int)l) ? share : 0;
    }
    c->level = sprout_mix_draw(even, p->level_count,
                               draw(p, t->conversation, SPROUT_STR("explore level")));
    c->arm = SPROUT_ARM_EXPLORE;
    c->reason = SPROUT_REASON_EXPLORE;
    return true;
}

/* argmin of carbon - price * quality.  Floors of the client take levels away; if they and
 * the rule leave none, the rule's list stands, as for a mix. */
static bool choose_predicted(const struct sprout_policy *p, const struct sprout_rule *r,
                             const struct sprout_traits *t, const struct limits *m,
                             struct sprout_choice *c)
{
    const uint32_t allowed = m->allowed & predictable(p);
    if (!is_predicted(p, t) || allowed == 0) {
        return false;
    }
    struct sprout_predict_terms terms = sprout_choice_terms(p, r);
    const uint32_t u =
        (uint32_t)(draw(p, t->conversation, SPROUT_STR("mix")) * SPROUT_PREDICT_ONE);
    terms.levels = allowed;
    const int free = sprout_predict_choose(t->prediction, &terms, u);
    terms.levels = (allowed & m->client_ok) != 0 ? allowed & m->client_ok : allowed;
    c->level = sprout_predict_choose(t->prediction, &terms, u);
    c->arm = SPROUT_ARM_MIX;
    c->reason = in(m->client_ok, free) ? SPROUT_REASON_PREDICTED : SPROUT_REASON_FLOOR;
    return true;
}

static void choose_mix(const struct sprout_policy *p, const struct sprout_rule *r,
                       const struct sprout_traits *t, const struct limits *m,
                       struct sprout_choice *c)
{
    const bool solved = r != NULL && r->mix != NULL; /* for the rule's levels and floor */
    const double *mix = solved ? r->mix[c->stratum] : p->strata[c->stratum].mix;
    const int drawn =
        sprout_mix_draw(mix, p->level_count, draw(p, t->conversation, SPROUT_STR("mix")));
    const uint32_t floors = solved ? m->client_ok : m->client_ok & m->rule_ok;

    int level = nearest(m->allowed & floors, drawn);
    if (level < 0) { /* the rule leaves only levels under the floor: its list stands */
        level = nearest(m->allowed, drawn);
    }
    c->level = level < 0 ? 0 : level;
    c->arm = SPROUT_ARM_MIX;
    c->reason = in(floors, drawn) ? SPROUT_REASON_MIX : SPROUT_REASON_FLOOR;
}

struct sprout_choice sprout_choose(const struct sprout_policy *policy,
                                   const struct sprout_traits *traits, sprout_instant now)
{
    struct sprout_choice c = {.arm = SPROUT_ARM_NONE, .rule = -1};

    if (policy == NULL || now.ns >= policy->valid_until.ns) {
        c.reason =
            policy == NULL ? SPROUT_REASON_POLICY_MISSING : SPROUT_REASON_POLICY_EXPIRED;
        return c;
    }

    c.stratum = sprout_choice_stratum(policy, traits->prediction);
    c.rule = sprout_choice_rule(policy, traits);
    const struct sprout_rule *rule = c.rule < 0 ? NULL : &policy->rules[c.rule];
    c.receipts = may(rule == NULL ? SPROUT_ANY : rule->receipts, policy->receipts);
    if (!traits->eligible) {
        c.reason = traits->blocked;
        return c;
    }
    if (rule != NULL && rule->off) {
        c.reason = SPROUT_REASON_RULE_OFF;
        return c;
    }

    const struct limits m = limits_of(policy, rule, traits, c.stratum);
    if (!choose_forced(policy, rule, traits, &m, &c) &&
        !choose_holdout(policy, traits, &m, &c) &&
        !choose_explore(policy, traits, &m, &c) &&
        !choose_predicted(policy, rule, traits, &m, &c)) {
        choose_mix(policy, rule, traits, &m, &c);
    }
    return c;
}
