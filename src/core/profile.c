/* SPDX-License-Identifier: Apache-2.0 */
/* profile.c - see profile.h. */
#include "core/profile.h"

#include <string.h>

#define JOULES_PER_WH 3600.0

#define PAPER "data published with the Sprout paper; regression on ScienceQA, R2 0.9998"
#define LEADER                                                                           \
    "ML.ENERGY leaderboard v3, lm-arena-chat; our fit of a + b/B from batch 8 up"
#define BATCH(model, count, a_j, b_j, to)                                                \
    {                                                                                    \
        .name = model, .version = "1", .source = LEADER, .kind = SPROUT_PROFILE_BATCH,   \
        .gpus = (count), .a = (a_j), .b = (b_j), .batch_from = 8, .batch_to = (to)       \
    }

const struct sprout_profile sprout_profiles[] = {
    {.name = "llama-2-13b-chat/a100/batch-1",
     .version = "1",
     .source = PAPER,
     .kind = SPROUT_PROFILE_LINEAR,
     .gpus = 1,
     .joules = {-3.52, 0.043, 5.87},
     .seconds = {-0.015, 1.93e-4, 0.02377},
     .batch_from = 1,
     .batch_to = 1},
    {.name = "llama-2-7b-chat/a100/batch-1",
     .version = "1",
     .source = PAPER,
     .kind = SPROUT_PROFILE_LINEAR,
     .gpus = 1,
     .joules = {-3.97, 0.032, 3.21},
     .seconds = {-0.026, 1.93e-4, 0.01355},
     .batch_from = 1,
     .batch_to = 1},
    BATCH("llama-3.1-8b/h100", 1, .0665, 3.16, 512),
    BATCH("qwen3-8b/h100", 1, .0692, 3.05, 512),
    BATCH("qwen3-14b/h100", 1, .0910, 4.90, 256),
    BATCH("gemma-3-12b/h100", 1, .130, 4.56, 128),
    BATCH("qwen3-32b/2xh100", 2, .189, 11.5, 256),
    BATCH("llama-3.1-70b/4xh100", 4, .360, 27.4, 1024),
    BATCH("llama-3.1-405b-fp8/8xh100", 8, 1.68, 96.1, 256),
    {.name = "ecologits/hosted",
     .version = "2d0a1c7",
     .source = "EcoLogits, formula for hosted models at batch 64",
     .kind = SPROUT_PROFILE_ECOLOGITS,
     .batch_from = 64,
     .batch_to = 64},
};
const size_t sprout_profile_count = sizeof sprout_profiles / sizeof sprout_profiles[0];

const struct sprout_profile *sprout_profile_find(struct sprout_str name)
{
    for (size_t i = 0; i < sprout_profile_count; i++) {
        if (sprout_str_eq(name, sprout_str_of(sprout_profiles[i].name))) {
            return &sprout_profiles[i];
        }
    }
    return NULL;
}

const char *sprout_profile_kind_text(enum sprout_profile_kind kind)
{
    static const char *const texts[] = {"linear", "batch", "ecologits"};
    return texts[kind];
}

/* ---- EcoLogits ------------------------------------------------------------------------- */

#define ECO_BATCH        64.0
#define ECO_SERVER_KW    1.2
#define ECO_GPU_GIB      80.0
#define ECO_SERVER_KG    5700.0
#define ECO_GPU_KG       164.0
#define ECO_LIFE_SECONDS 94608000.0

struct sprout_ecologits sprout_ecologits_of(double active, double total,
                                            sprout_tokens output, double pue)
{
    struct sprout_ecologits e = {NAN, NAN, NAN, NAN, NAN};
    if (!sprout_tokens_known(output)) {
        return e;
    }
    const double tokens = (double)output.n;
    const double gib = 1.2 * total * 16 / 8; /* 16 bits a parameter */
    const double gpus = exp2(ceil(log2(fmax(1, ceil(gib / ECO_GPU_GIB)))));
    const double gpu_wh_per_token =
        1.1665273170451914e-6 * exp(-0.011205921025579175 * ECO_BATCH) * active +
        4.052928146734005e-5;
    e.latency_s = tokens * (6.785088094353663e-4 * active +
                            3.119310311688259e-4 * ECO_BATCH + 1.9473717579473387e-2);
    e.gpu_wh = tokens * gpu_wh_per_token;
    e.server_wh = e.latency_s / 3600 * ECO_SERVER_KW * 1000 * (gpus / 8) / ECO_BATCH;
    e.request_wh = pue * (e.server_wh + gpus * e.gpu_wh);
    e.embodied_mg = e.latency_s * (gpus / 8 * ECO_SERVER_KG + gpus * ECO_GPU_KG) /
                    (ECO_LIFE_SECONDS * ECO_BATCH) * 1e6;
    return e;
}

/* Of one output token, in joules; *out_seconds likewise. */
static double a_token(double active, double total, double *out_seconds)
{
    const struct sprout_ecologits e =
        sprout_ecologits_of(active, total, (sprout_tokens){1}, 1);
    *out_seconds = e.latency_s;
    return e.request_wh * JOULES_PER_WH;
}

static void use_formula(const struct sprout_profile_use *u,
                        struct sprout_energy_profile *to)
{
    const double total = fmax(u->total, u->active);
    const double active_high = fmax(u->active_high, u->active);
    const double total_high = fmax(u->total_high, fmax(total, active_high));
    double low_s, high_s;
    const double low = a_token(u->active, total, &low_s);
    const double high = a_token(active_high, total_high, &high_s);
    const double middle = (low + high) / 2;

    to->joules[2] = middle;
    to->seconds[2] = (low_s + high_s) / 2;
    to->range[0] = low / middle;
    to->range[1] = high / middle;
}

struct sprout_energy_profile sprout_profile_figures(const struct sprout_profile *p,
                                                    const struct sprout_profile_use *use)
{
    struct sprout_energy_profile to = {.name = sprout_str_of(p->name)};

    memcpy(to.seconds, p->seconds, sizeof to.seconds);
    switch (p->kind) {
    case SPROUT_PROFILE_LINEAR:
        memcpy(to.joules, p->joules, sizeof to.joules);
        break;
    case SPROUT_PROFILE_BATCH:
        to.joules[2] = p->a + p->b / fmax(use->batch, 1);
        break;
    case SPROUT_PROFILE_ECOLOGITS:
        use_formula(use, &to);
        break;
    }
    return to;
}
