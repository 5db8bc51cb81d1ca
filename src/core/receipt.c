/* SPDX-License-Identifier: Apache-2.0 */
/* receipt.c - see receipt.h. */
#include "core/receipt.h"

/* What the stratum's L0 is believed to cost at the policy's grid value. */
static sprout_grams grams_at_l0(const struct sprout_policy *p, int stratum)
{
    if (stratum < 0 || (size_t)stratum >= p->stratum_count) {
        return (sprout_grams){NAN};
    }
    const struct sprout_belief *l0 = &p->strata[stratum].level[0];
    return sprout_carbon_of(&p->carbon, p->grid.intensity, l0->energy, l0->time);
}

struct sprout_receipt sprout_receipt_make(const struct sprout_policy *policy,
                                          struct sprout_str model, int stratum,
                                          struct sprout_usage usage, bool estimated)
{
    struct sprout_receipt r = {
        .usage = usage,
        .estimated = estimated,
        .energy = {NAN},
        .time = {NAN},
        .operational = {NAN},
        .embodied = {NAN},
        .grams = {NAN},
        .grams_l0 = {NAN},
        .range = {1, 1},
    };
    if (policy == NULL) {
        return r;
    }

    const struct sprout_energy_profile *f = sprout_policy_profile(policy, model);
    r.method = f->name;
    r.grid = policy->grid.quality;
    if (f->range[0] > 0) {
        memcpy(r.range, f->range, sizeof r.range);
    }
    r.energy = sprout_energy_joules(f, usage.prompt, usage.completion);
    r.time = sprout_energy_seconds(f, usage.prompt, usage.completion);
    r.operational =
        sprout_carbon_operational(&policy->carbon, policy->grid.intensity, r.energy);
    r.embodied = sprout_carbon_embodied(&policy->carbon, r.time);
    r.grams.v = r.operational.v + r.embodied.v;
    r.grams_l0 = grams_at_l0(policy, stratum);
    return r;
}

static void put_count(struct sprout_buf *b, sprout_tokens t)
{
    if (sprout_tokens_known(t)) {
        sprout_buf_i64(b, t.n);
    } else {
        sprout_buf_put(b, SPROUT_STR("null"));
    }
}

static void put_name(struct sprout_buf *b, struct sprout_str name)
{
    if (name.len > 0) {
        sprout_buf_json(b, name);
    } else {
        sprout_buf_put(b, SPROUT_STR("null"));
    }
}

void sprout_receipt_put(struct sprout_buf *b, const struct sprout_receipt *r)
{
    sprout_buf_put(b, SPROUT_STR("{\"prompt_tokens\":"));
    put_count(b, r->usage.prompt);
    sprout_buf_put(b, SPROUT_STR(",\"completion_tokens\":"));
    put_count(b, r->usage.completion);
    sprout_buf_put(b, r->estimated ? SPROUT_STR(",\"estimated\":true,\"joules\":")
                                   : SPROUT_STR(",\"estimated\":false,\"joules\":"));
    sprout_buf_f64(b, r->energy.v);
    sprout_buf_put(b, SPROUT_STR(",\"grams\":"));
    sprout_buf_f64(b, r->grams.v);
    sprout_buf_put(b, SPROUT_STR(",\"grams_l0\":"));
    sprout_buf_f64(b, r->grams_l0.v);
    sprout_buf_put(b, SPROUT_STR(",\"method\":"));
    put_name(b, r->method);
    sprout_buf_put(b, SPROUT_STR(",\"grid\":"));
    put_name(b, r->grid);
    sprout_buf_byte(b, '}');
}

static void put_range(struct sprout_buf *b, double min, double max)
{
    sprout_buf_put(b, SPROUT_STR("{\"min\":"));
    sprout_buf_f64(b, min);
    sprout_buf_put(b, SPROUT_STR(",\"max\":"));
    sprout_buf_f64(b, max);
    sprout_buf_byte(b, '}');
}

void sprout_receipt_put_carbon(struct sprout_buf *b, const struct sprout_receipt *r)
{
    const double grams_per_kg = 1000, kwh = r->energy.v / SPROUT_JOULES_PER_KWH;

    sprout_buf_put(b, SPROUT_STR("{\"kWh\":"));
    put_range(b, kwh * r->range[0], kwh * r->range[1]);
    sprout_buf_put(b, SPROUT_STR(",\"kgCO2eq\":"));
    put_range(b, (r->operational.v * r->range[0] + r->embodied.v) / grams_per_kg,
              (r->operational.v * r->range[1] + r->embodied.v) / grams_per_kg);
    sprout_buf_byte(b, '}');
}
