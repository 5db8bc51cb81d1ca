/* SPDX-License-Identifier: Apache-2.0 */
/* level_body.c - see level_body.h. */
#include "wire/level_body.h"

#include "wire/rewrite.h"

static struct sprout_traits traits_of(struct sprout_str route,
                                      const struct sprout_facts *facts)
{
    return (struct sprout_traits){
        .route = route,
        .model = facts->model,
        .api = sprout_dialect_name(sprout_dialect_find(SPROUT_STR("POST"), route)),
        .stream = facts->stream,
        .tools = facts->tools,
        .body_bytes = (int64_t)facts->bytes,
        .eligible = facts->eligible,
        .blocked = facts->blocked,
        .conversation = facts->conversation,
        .ask_floor = NAN,
    };
}

/* What may be done to it, as the rule that matches it has it. */
static struct sprout_facts inspect(const struct sprout_policy *p, struct sprout_str route,
                                   struct sprout_str body,
                                   const struct sprout_dialect *dialect,
                                   struct sprout_arena *arena)
{
    const struct sprout_inspect_opts opts = {
        .salt = p->salt,
        .max_bytes = UINT64_MAX,
        .last_user = true,
        .with_text = true,
        .levels = p->levels,
        .level_count = p->level_count,
    };
    struct sprout_inspect *const i = sprout_inspect_new(arena, dialect, &opts);
    if (i == NULL) {
        return (struct sprout_facts){.blocked = SPROUT_REASON_INTERNAL};
    }
    sprout_inspect_feed(i, body.ptr, body.len);
    struct sprout_facts facts = sprout_inspect_finish(i);
    const struct sprout_traits t = traits_of(route, &facts);
    const int rule = sprout_choice_rule(p, &t);
    const struct sprout_switches switches = sprout_rule_switches(
        rule < 0 ? NULL : &p->rules[rule], (struct sprout_switches){0});
    sprout_facts_settle(&facts, &switches);
    return facts;
}

static void apply(const struct sprout_edits *edits, struct sprout_str body,
                  struct sprout_buf *out)
{
    uint64_t from = 0;

    for (size_t i = 0; i < edits->n; i++) {
        const struct sprout_edit *const e = &edits->v[i];
        sprout_buf_put(out, (struct sprout_str){body.ptr + from, (size_t)(e->at - from)});
        sprout_buf_put(out, e->put);
        from = e->at + e->drop;
    }
    sprout_buf_put(out, (struct sprout_str){body.ptr + from, body.len - (size_t)from});
}

enum sprout_status sprout_level_body(const struct sprout_policy *policy, size_t level,
                                     struct sprout_str route, struct sprout_str body,
                                     struct sprout_arena *arena, struct sprout_buf *out,
                                     struct sprout_facts *out_facts)
{
    const struct sprout_dialect *const dialect =
        sprout_dialect_find(SPROUT_STR("POST"), route);
    struct sprout_rewrite_text text = {0};

    if (dialect == NULL) {
        *out_facts = (struct sprout_facts){.blocked = SPROUT_REASON_NOT_CHAT};
        return SPROUT_UNSUPPORTED;
    }
    *out_facts = inspect(policy, route, body, dialect, arena);
    if (!out_facts->eligible) {
        return SPROUT_UNSUPPORTED;
    }
    if (level > 0 &&
        sprout_rewrite_level_make(arena, dialect, policy, level, &text) != SPROUT_OK) {
        return SPROUT_NO_MEMORY;
    }
    struct sprout_edits edits =
        sprout_rewrite_plan(dialect, out_facts, level > 0 ? &text : NULL, false);
    if (level > 0) {
        sprout_rewrite_patch(&edits, dialect, out_facts, &text, route);
    }
    apply(&edits, body, out);
    return out->full ? SPROUT_LIMIT : SPROUT_OK;
}

struct sprout_str sprout_level_body_stratum(const struct sprout_policy *policy,
                                            const struct sprout_predictor *predictor,
                                            const struct sprout_facts *facts)
{
    struct sprout_prediction said;
    const bool known = predictor != NULL && facts->first_text != NULL;

    if (known) {
        said = sprout_predict(predictor, facts->first_text);
    }
    return policy->strata[sprout_choice_stratum(policy, known ? &said : NULL)].name;
}
