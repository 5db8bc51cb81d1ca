/* SPDX-License-Identifier: Apache-2.0 */
/* planner_zones.c - one policy for machines in several places; see planner.h.
 *
 * The plan is made once more with the grid value of each zone, and what differs is taken
 * from it.  What a level costs in joules and is worth in quality is the same everywhere, so
 * beliefs, verdicts and samples are shared; grid value, floor, mixes and prices are not.
 * Memory: the plans of the zones are made one after the other in what the arena has left,
 * and only what is taken from them stays. */
#include "control/planner_inner.h"

#include "base/hash.h"

enum { TEXT_CAP = SPROUT_NAME_MAX, ID_TAIL = 8 };

/* What stays of a zone's plan, reserved before the plan is made. */
struct room {
    char *source;
    char *quality;
    double (*mix)[SPROUT_LEVELS_MAX];
    double (**rule_mix)[SPROUT_LEVELS_MAX]; /* one a rule */
    struct sprout_zone_rule *rules;
};

static bool reserve(const struct sprout_policy *p, struct sprout_arena *arena,
                    struct room *out)
{
    *out = (struct room){
        .source = sprout_arena_alloc(arena, TEXT_CAP),
        .quality = sprout_arena_alloc(arena, TEXT_CAP),
        .mix = sprout_arena_array(arena, p->stratum_count, sizeof *out->mix),
        .rule_mix = sprout_arena_array(arena, p->rule_count, sizeof *out->rule_mix),
        .rules = sprout_arena_array(arena, p->rule_count, sizeof *out->rules),
    };
    for (size_t i = 0; !arena->spent && i < p->rule_count; i++) {
        out->rule_mix[i] = sprout_arena_array(arena, p->stratum_count, sizeof *out->mix);
    }
    return !arena->spent;
}

static struct sprout_str keep(char *room, struct sprout_str s)
{
    const size_t len = s.len < TEXT_CAP ? s.len : TEXT_CAP;
    memcpy(room, s.ptr, len);
    return (struct sprout_str){room, len};
}

static void take_rules(const struct sprout_policy *plan, const struct room *room,
                       struct sprout_policy_zone *to)
{
    for (size_t i = 0; i < plan->rule_count; i++) {
        const struct sprout_rule *const r = &plan->rules[i];
        room->rules[i].ng_per_quality = r->ng_per_quality;
        room->rules[i].ng_per_accuracy = r->ng_per_accuracy;
        if (r->mix != NULL) {
            memcpy(room->rule_mix[i], r->mix, plan->stratum_count * sizeof r->mix[0]);
            room->rules[i].mix = (const double(*)[SPROUT_LEVELS_MAX])room->rule_mix[i];
        }
    }
    to->rules = room->rules;
    to->rule_count = plan->rule_count;
}

static void take(const struct sprout_policy *plan, const struct room *room,
                 struct sprout_str name, struct sprout_policy_zone *to)
{
    *to = (struct sprout_policy_zone){
        .grid = plan->grid,
        .explore = plan->explore,
        .floor = plan->floor,
        .price = plan->price,
        .mix = (const double(*)[SPROUT_LEVELS_MAX])room->mix,
        .predictor = plan->predictor,
    };
    to->grid.zone = name;
    to->grid.source = keep(room->source, plan->grid.source);
    to->grid.quality = keep(room->quality, plan->grid.quality);
    to->predictor.file = (struct sprout_str){0};
    to->predictor.id = 0;
    for (size_t i = 0; i < plan->stratum_count; i++) {
        memcpy(room->mix[i], plan->strata[i].mix, sizeof room->mix[i]);
    }
    take_rules(plan, room, to);
}

static enum sprout_status plan_zone(const struct sprout_plan_in *in,
                                    const struct sprout_plan_zone *zone,
                                    const struct sprout_policy *home,
                                    struct sprout_arena *arena,
                                    struct sprout_policy_zone *to,
                                    struct sprout_plan_why *out_why,
                                    struct sprout_error *err)
{
    const struct sprout_policy *plan = NULL;
    struct sprout_plan_in here = *in;
    struct room room;
    const struct sprout_str name = sprout_arena_str(arena, zone->name);

    if (!reserve(home, arena, &room)) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    here.grid = zone->grid;
    here.range = zone->range;
    here.window = zone->window;
    struct sprout_arena scratch = *arena;
    const enum sprout_status status = sprout_plan(&here, &scratch, &plan, out_why, err);
    if (status == SPROUT_OK) {
        take(plan, &room, name, to);
    }
    return status;
}

/* A policy that differs in a zone only is another policy, so its name is another. */
static void name_zones(struct sprout_policy *p, struct sprout_arena *arena)
{
    char text[SPROUT_NAME_MAX + 1];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    struct sprout_hash h = sprout_hash_begin((struct sprout_hash_key){0});
    sprout_hash_feed(&h, p->id.ptr, p->id.len);
    for (size_t i = 0; i < p->zone_count; i++) {
        const struct sprout_policy_zone *const z = &p->zones[i];
        sprout_hash_feed(&h, z->grid.zone.ptr, z->grid.zone.len);
        sprout_hash_feed(&h, &z->grid.intensity, sizeof z->grid.intensity);
        sprout_hash_feed(&h, z->mix, p->stratum_count * sizeof z->mix[0]);
    }
    sprout_buf_put(&b, (struct sprout_str){p->id.ptr, p->id.len - ID_TAIL});
    sprout_buf_printf(&b, "%08x", (unsigned)(sprout_hash_end(h) >> 32));
    p->id = sprout_arena_str(arena, sprout_buf_str(&b));
}

enum sprout_status sprout_plan_zones(const struct sprout_plan_in *in,
                                     const struct sprout_plan_zone *zones, size_t n,
                                     struct sprout_arena *arena,
                                     const struct sprout_policy **out_policy,
                                     struct sprout_plan_why *out_why,
                                     struct sprout_plan_why *out_zone_why,
                                     struct sprout_error *err)
{
    const struct sprout_policy *home = NULL;
    enum sprout_status status = sprout_plan(in, arena, &home, out_why, err);

    if (status != SPROUT_OK || n == 0) {
        *out_policy = status == SPROUT_OK ? home : *out_policy;
        return status;
    }
    struct sprout_policy *const p = sprout_arena_alloc(arena, sizeof *p);
    struct sprout_policy_zone *const to = sprout_arena_array(arena, n, sizeof *to);
    if (p == NULL || to == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    for (size_t i = 0; status == SPROUT_OK && i < n; i++) {
        status = plan_zone(in, &zones[i], home, arena, &to[i], &out_zone_why[i], err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    *p = *home;
    p->zones = to;
    p->zone_count = n;
    name_zones(p, arena);
    if (arena->spent) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "the plan needs more memory");
    }
    *out_policy = p;
    return sprout_policy_check(p, err);
}
