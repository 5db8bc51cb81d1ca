/* SPDX-License-Identifier: Apache-2.0 */
/* whatif.c - see whatif.h. */
#include "control/whatif.h"

#include "wire/patch.h"

static bool find_header(void *ctx, struct sprout_str name, struct sprout_str *out)
{
    const struct sprout_whatif_request *const r = ctx;
    for (size_t i = 0; i < r->headers; i++) {
        if (sprout_str_ieq(r->header[i].name, name)) {
            *out = r->header[i].value;
            return true;
        }
    }
    return false;
}

static struct sprout_str header_or_empty(struct sprout_whatif_request *r,
                                         const char *name)
{
    struct sprout_str value;
    return find_header(r, sprout_str_of(name), &value) ? value : SPROUT_STR("");
}

static struct sprout_facts inspect(const struct sprout_policy *p,
                                   const struct sprout_whatif_request *r,
                                   const struct sprout_dialect *dialect, void *memory)
{
    struct sprout_arena arena = sprout_arena_of(memory, SPROUT_WHATIF_MEMORY);
    const struct sprout_inspect_opts opts = {
        .salt = p->salt,
        .max_bytes = UINT64_MAX,
        .last_user = true,
        .levels = p->levels,
        .level_count = p->level_count,
        .with_text = r->predictor != NULL,
    };
    struct sprout_inspect *const i = sprout_inspect_new(&arena, dialect, &opts);
    if (i == NULL) {
        return (struct sprout_facts){.blocked = SPROUT_REASON_INTERNAL};
    }
    sprout_inspect_feed(i, r->body.ptr, r->body.len);
    return sprout_inspect_finish(i);
}

/* Without a body only what the caller says is known, and a directive is taken to fit. */
static struct sprout_facts facts_of(const struct sprout_policy *p,
                                    const struct sprout_whatif_request *r,
                                    const struct sprout_dialect *dialect, void *memory)
{
    if (dialect == NULL) {
        return (struct sprout_facts){.blocked = SPROUT_REASON_NOT_CHAT,
                                     .bytes = r->body.len};
    }
    if (r->has_body) {
        return inspect(p, r, dialect, memory);
    }
    const struct sprout_spot spot = {.place = {.form = SPROUT_PLACE_STRING}};
    return (struct sprout_facts){
        .stream = r->stream,
        .tools = r->tools,
        .system = spot,
        .first_user = spot,
        .last_user = spot,
        .off = sprout_dialect_off(dialect),
    };
}

/* As the module does it: the rule first, then what its switches make of the request. */
static void settle(const struct sprout_policy *p, struct sprout_traits *t,
                   struct sprout_whatif *w)
{
    const int rule = sprout_choice_rule(p, t);
    w->switches = sprout_rule_switches(rule < 0 ? NULL : &p->rules[rule],
                                       (struct sprout_switches){0});
    if (w->dialect != NULL) {
        sprout_facts_settle(&w->facts, &w->switches);
    }
    t->eligible = w->facts.eligible;
    t->blocked = w->facts.blocked;
}

static void count_shares(const struct sprout_policy *p, struct sprout_traits t,
                         sprout_instant now, struct sprout_whatif *out)
{
    int64_t level[SPROUT_LEVELS_MAX] = {0};
    int64_t holdout = 0;
    int64_t explore = 0;
    for (uint64_t i = 0; i < SPROUT_WHATIF_DRAWS; i++) {
        t.conversation = i; /* draws are hashes of it */
        const struct sprout_choice c = sprout_choose(p, &t, now);
        level[c.level]++;
        holdout += c.arm == SPROUT_ARM_HOLDOUT;
        explore += c.arm == SPROUT_ARM_EXPLORE;
    }
    for (size_t l = 0; l < SPROUT_LEVELS_MAX; l++) {
        out->share[l] = (double)level[l] / SPROUT_WHATIF_DRAWS;
    }
    out->holdout = (double)holdout / SPROUT_WHATIF_DRAWS;
    out->explore = (double)explore / SPROUT_WHATIF_DRAWS;
}

void sprout_whatif(const struct sprout_policy *p,
                   const struct sprout_whatif_request *request, sprout_instant now,
                   void *memory, struct sprout_whatif *out)
{
    struct sprout_whatif_request r = *request;
    const struct sprout_str key = header_or_empty(&r, "sprout-key");
    const struct sprout_str floor = sprout_str_trim(header_or_empty(&r, "sprout-floor"));
    struct sprout_whatif w = {0};
    double ask_floor = NAN;
    w.dialect =
        sprout_dialect_find(r.method.len > 0 ? r.method : SPROUT_STR("POST"), r.path);
    w.facts = facts_of(p, &r, w.dialect, memory);
    if (sprout_str_to_f64(floor, &ask_floor) != SPROUT_OK) {
        ask_floor = NAN;
    }
    struct sprout_traits t = {
        .route = r.path,
        .model = r.model.len > 0 ? r.model : w.facts.model,
        .api = sprout_dialect_name(w.dialect),
        .api_key_sha256 = r.api_key_sha256,
        .header = find_header,
        .header_ctx = &r,
        .stream = w.facts.stream,
        .tools = w.facts.tools,
        .body_bytes = r.has_body ? (int64_t)r.body.len : -1,
        .conversation = w.facts.conversation,
        .ask_level = header_or_empty(&r, "sprout-level"),
        .ask_floor = ask_floor,
    };
    if (r.predictor != NULL && w.facts.first_text != NULL) {
        w.said = sprout_predict(r.predictor, w.facts.first_text);
        w.predicted = true;
        t.prediction = &w.said;
    }
    if (key.len > 0) {
        t.conversation = sprout_hash_str(p->salt, key);
    }
    settle(p, &t, &w);
    w.known = key.len > 0 || (r.has_body && w.facts.eligible);
    w.choice = sprout_choose(p, &t, now);
    if (!r.alone) {
        count_shares(p, t, now, &w);
    }
    *out = w;
}

size_t sprout_whatif_patches(const struct sprout_policy *p,
                             const struct sprout_whatif_request *request,
                             const struct sprout_whatif *w, size_t level,
                             const struct sprout_patch **out)
{
    struct sprout_facts facts = w->facts;
    unsigned done = 0;
    size_t n = 0;
    if (request->model.len > 0) {
        facts.model = request->model;
    }
    for (size_t i = 0; facts.eligible && i < p->patch_count; i++) {
        const struct sprout_patch *const patch = &p->patches[i];
        unsigned slot = 0;
        if (patch->level == level && n < SPROUT_LEVEL_PATCHES_MAX &&
            sprout_patch_fits(patch, w->dialect, &facts, request->path, &slot) &&
            (done >> slot & 1) == 0) {
            out[n++] = patch;
            done |= 1u << slot;
        }
    }
    return n;
}
