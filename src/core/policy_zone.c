/* SPDX-License-Identifier: Apache-2.0 */
/* policy_zone.c - one policy seen from one of its zones.
 *
 * A view is a policy like any other: what chooses, accounts and prints needs not know that
 * there are zones.  What it takes from the zone is the grid value and what was solved with
 * it; strata's beliefs, levels, rules' matches and profiles are the policy's.
 * Not here: the check (policy.c), the file (wire/policy_json.h). */
#include "core/policy.h"

const struct sprout_policy_zone *sprout_policy_zone_find(const struct sprout_policy *p,
                                                         struct sprout_str name)
{
    for (size_t i = 0; i < p->zone_count; i++) {
        if (sprout_str_eq(p->zones[i].grid.zone, name)) {
            return &p->zones[i];
        }
    }
    return NULL;
}

/* The strata with the zone's mixes; without a zone all at L0. */
static bool put_strata(struct sprout_policy *to, const struct sprout_policy *p,
                       const struct sprout_policy_zone *z, struct sprout_arena *arena)
{
    static const double l0[SPROUT_LEVELS_MAX] = {1};
    struct sprout_stratum *const strata =
        sprout_arena_array(arena, p->stratum_count, sizeof *strata);

    for (size_t i = 0; strata != NULL && i < p->stratum_count; i++) {
        strata[i] = p->strata[i];
        memcpy(strata[i].mix, z == NULL ? l0 : z->mix[i], sizeof strata[i].mix);
    }
    to->strata = strata;
    return strata != NULL;
}

/* The lowest level that a rule allows, in every stratum. */
static const double (*lowest(const struct sprout_policy *p, const struct sprout_rule *r,
                             struct sprout_arena *arena))[SPROUT_LEVELS_MAX]
{
    double(*const mix)[SPROUT_LEVELS_MAX] =
        sprout_arena_array(arena, p->stratum_count, sizeof *mix);

    for (size_t i = 0; mix != NULL && i < p->stratum_count; i++) {
        mix[i][r->levels == 0 ? 0 : __builtin_ctz(r->levels)] = 1;
    }
    return (const double(*)[SPROUT_LEVELS_MAX])mix;
}

static bool put_rules(struct sprout_policy *to, const struct sprout_policy *p,
                      const struct sprout_policy_zone *z, struct sprout_arena *arena)
{
    struct sprout_rule *const rules =
        sprout_arena_array(arena, p->rule_count, sizeof *rules);

    for (size_t i = 0; rules != NULL && i < p->rule_count; i++) {
        const bool own = z != NULL && z->rule_count > 0;
        rules[i] = p->rules[i];
        rules[i].ng_per_quality = own ? z->rules[i].ng_per_quality : 0;
        rules[i].ng_per_accuracy = own ? z->rules[i].ng_per_accuracy : 0;
        if (own) {
            rules[i].mix = z->rules[i].mix;
        } else if (rules[i].mix != NULL) {
            rules[i].mix = lowest(p, &rules[i], arena);
        }
    }
    to->rules = rules;
    return rules != NULL || p->rule_count == 0;
}

static void put_numbers(struct sprout_policy *to, const struct sprout_policy_zone *z)
{
    const struct sprout_policy_predictor names = to->predictor;

    to->explore = z->explore;
    to->floor = z->floor;
    to->price = z->price;
    to->grid = z->grid;
    to->predictor = z->predictor;
    to->predictor.file = names.file;
    to->predictor.id = names.id;
}

static void put_unknown(struct sprout_policy *to, struct sprout_str zone)
{
    to->explore = 0;
    to->floor = 1;
    to->price = 0;
    to->predictor.decides = false;
    to->predictor.ng_per_token = 0;
    to->grid = (struct sprout_policy_grid){.zone = zone,
                                           .source = SPROUT_STR("none"),
                                           .quality = SPROUT_STR("none"),
                                           .intensity = {NAN},
                                           .at = to->created};
}

const struct sprout_policy *sprout_policy_in_zone(const struct sprout_policy *p,
                                                  struct sprout_str zone,
                                                  struct sprout_arena *arena)
{
    const struct sprout_policy_zone *const z = sprout_policy_zone_find(p, zone);
    struct sprout_policy *const to = sprout_arena_alloc(arena, sizeof *to);

    if (to == NULL) {
        return NULL;
    }
    *to = *p;
    to->zones = NULL;
    to->zone_count = 0;
    if (z != NULL) {
        put_numbers(to, z);
    } else {
        put_unknown(to, sprout_arena_str(arena, zone));
    }
    const bool whole = put_strata(to, p, z, arena) && put_rules(to, p, z, arena);
    return whole && !arena->spent ? to : NULL;
}
