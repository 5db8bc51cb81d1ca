/* SPDX-License-Identifier: Apache-2.0 */
/* sci.c - see sci.h. */
#include "control/sci.h"

#include <math.h>

#include "core/instant.h"

struct sprout_sci sprout_sci_of(const struct sprout_savings *r)
{
    const struct sprout_store_sum *const t = &r->total;
    const bool whole = t->graded == t->metered; /* sums over the same requests */
    const bool known = t->graded > 0 || t->requests == 0;
    struct sprout_sci s = {
        .requests = t->graded,
        .unknown = t->requests - t->graded,
        .output_tokens = whole ? t->completion : -1,
        .energy_kwh = whole ? (double)t->energy_uj / 1e6 / SPROUT_JOULES_PER_KWH : NAN,
        .operational_g = known ? (double)t->operational_ug / 1e6 : NAN,
        .embodied_g = whole ? (double)t->embodied_ug / 1e6 : NAN,
        .evaluation_g =
            (double)(r->evaluation.answer_grams_ug + r->evaluation.judge_grams_ug) / 1e6,
    };
    s.intensity = s.energy_kwh > 0 ? s.operational_g / s.energy_kwh : NAN;
    s.gateway_kwh =
        (double)t->overhead_us / 1e6 * SPROUT_SCI_CORE_WATTS / SPROUT_JOULES_PER_KWH;
    s.gateway_g = s.gateway_kwh > 0 ? s.gateway_kwh * s.intensity : 0;
    s.total_g = s.operational_g + s.embodied_g + s.evaluation_g + s.gateway_g;
    s.per_request_g = s.requests > 0 ? s.total_g / (double)s.requests : NAN;
    s.per_1000_tokens_g =
        s.output_tokens > 0 ? 1000 * s.total_g / (double)s.output_tokens : NAN;
    return s;
}

static void put_number(struct sprout_buf *b, const char *name, double v)
{
    sprout_buf_printf(b, ",\"%s\":", name);
    sprout_buf_f64(b, v);
}

static void put_names(struct sprout_buf *b, const struct sprout_savings *r)
{
    sprout_buf_put(b, SPROUT_STR(",\"methods\":["));
    for (size_t i = 0; i < r->methods; i++) {
        sprout_buf_put(b, i > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
        sprout_buf_json(b, sprout_str_of(r->method[i]));
    }
    sprout_buf_put(b, SPROUT_STR("],\"grids\":["));
    for (size_t i = 0; i < r->grids; i++) {
        sprout_buf_put(b, i > 0 ? SPROUT_STR(",{\"zone\":") : SPROUT_STR("{\"zone\":"));
        sprout_buf_json(b, sprout_str_of(r->grid[i].zone));
        sprout_buf_put(b, SPROUT_STR(",\"quality\":"));
        sprout_buf_json(b, sprout_str_of(r->grid[i].quality));
        sprout_buf_printf(b, ",\"requests\":%lld}", (long long)r->grid[i].requests);
    }
    sprout_buf_byte(b, ']');
}

void sprout_sci_put(struct sprout_buf *b, const struct sprout_savings *r)
{
    const struct sprout_sci s = sprout_sci_of(r);
    sprout_buf_put(
        b,
        SPROUT_STR("{\"sci\":{\"standard\":\"SCI 1.1 (ISO/IEC 21031:2024)\","
                   "\"boundary\":\"inference as accounted, its hardware's "
                   "making, evaluation and judge, the gateway's own time at an assumed "
                   "10 W; not training, network, clients\",\"location_based\":true"));
    sprout_buf_printf(b,
                      ",\"requests\":%lld,\"requests_unknown\":%lld,\"output_tokens\":",
                      (long long)s.requests, (long long)s.unknown);
    if (s.output_tokens < 0) {
        sprout_buf_put(b, SPROUT_STR("null"));
    } else {
        sprout_buf_i64(b, s.output_tokens);
    }
    put_number(b, "energy_kwh", s.energy_kwh);
    put_number(b, "intensity_g_per_kwh", s.intensity);
    put_number(b, "operational_g", s.operational_g);
    put_number(b, "embodied_g", s.embodied_g);
    put_number(b, "evaluation_g", s.evaluation_g);
    put_number(b, "gateway_kwh", s.gateway_kwh);
    put_number(b, "gateway_g", s.gateway_g);
    put_number(b, "total_g", s.total_g);
    put_number(b, "per_request_g", s.per_request_g);
    put_number(b, "per_1000_tokens_g", s.per_1000_tokens_g);
    put_names(b, r);
    sprout_buf_put(b, SPROUT_STR("}}"));
}
