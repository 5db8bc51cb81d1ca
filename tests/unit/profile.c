/* SPDX-License-Identifier: Apache-2.0 */
/* Published energy figures against their published check values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/carbon.h"
#include "core/energy.h"
#include "core/preset.h"
#include "core/profile.h"

#define assert_near(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static const struct sprout_profile *find(const char *name)
{
    for (size_t i = 0; i < sprout_profile_count; i++) {
        if (strcmp(sprout_profiles[i].name, name) == 0) {
            return &sprout_profiles[i];
        }
    }
    return NULL;
}

static void the_formula_of_ecologits(void **state)
{
    (void)state;
    const struct sprout_ecologits e =
        sprout_ecologits_of(8, 8, (sprout_tokens){400}, 1.2);
    assert_near(e.latency_s, 17.946, 5e-4);
    assert_near(e.gpu_wh, 0.018034, 5e-7);
    assert_near(e.server_wh, 0.011684, 5e-7);
    assert_near(e.request_wh, 0.035661, 5e-7);
    assert_near(e.embodied_mg, 2.598, 5e-4);
    const double operational_mg = e.request_wh / 1000 * 384 * 1000;
    assert_near(e.embodied_mg / (e.embodied_mg + operational_mg), 0.16, 5e-3);
    assert_true(isnan(sprout_ecologits_of(8, 8, (sprout_tokens){-1}, 1).request_wh));
}

/* Within 5 % of every figure of the leaderboard from batch 8 up. */
static void batches_are_fitted_within_five_percent(void **state)
{
    static const struct {
        const char *name;
        double measured[5]; /* at 8, 16, 32, 64, 128 */
    } rows[] = {
        {"llama-3.1-8b/h100", {.455, .263, .165, .119, .095}},
        {"qwen3-8b/h100", {.444, .259, .163, .119, .097}},
        {"qwen3-14b/h100", {.706, .398, .244, .167, .128}},
        {"gemma-3-12b/h100", {.702, .418, .271, .201, .166}},
        {"qwen3-32b/2xh100", {1.627, .910, .554, .367, .275}},
        {"llama-3.1-70b/4xh100", {3.76, 2.09, 1.21, .797, .563}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sprout_profile *const p = find(rows[i].name);
        assert_non_null(p);
        for (int k = 0; k < 5; k++) {
            const struct sprout_profile_use use = {.batch = 8 << k};
            const double j = sprout_profile_figures(p, &use).joules[2];
            assert_true(fabs(j - rows[i].measured[k]) < 0.05 * rows[i].measured[k]);
        }
    }
}

static void one_at_a_time_is_what_receipts_use(void **state)
{
    (void)state;
    const struct sprout_profile *const p = find("llama-2-13b-chat/a100/batch-1");
    const struct sprout_profile_use alone = {.batch = 1};
    const struct sprout_energy_profile e = sprout_profile_figures(p, &alone);
    const sprout_tokens in = {100}, out = {200};
    assert_near(sprout_energy_joules(&e, in, out).v, 1174.78, 1e-9);
    assert_near(sprout_energy_joules(&e, in, out).v,
                sprout_energy_joules(&sprout_energy_llama2_13b, in, out).v, 0);
    assert_near(sprout_energy_joules(&e, (sprout_tokens){1}, (sprout_tokens){0}).v, 0,
                0); /* the intercept is negative */
    assert_near(e.range[0] + e.range[1], 0, 0);
}

static void embodied_carbon_by_the_published_check(void **state)
{
    (void)state;
    const struct sprout_carbon_params p = {1, {1e6}, {4 * 365.25 * 86400}};
    assert_near(sprout_carbon_embodied(&p, (sprout_seconds){3600}).v, 28.5, 0.05);
}

/* In mg a second, as published beside the kilograms. */
static void presets_are_the_published_values(void **state)
{
    (void)state;
    const struct sprout_preset *p =
        sprout_preset_find(SPROUT_PRESET_EMBODIED, SPROUT_STR("sprout-paper"));
    assert_near(p->value * 1000 / (p->years * 365 * 86400), 0.167, 5e-4);
    assert_near(p->value, sprout_carbon_paper.embodied.v, 0);
    p = sprout_preset_find(SPROUT_PRESET_EMBODIED, SPROUT_STR("ecologits-h100"));
    assert_near(p->value * 1000 / (p->years * 365 * 86400), 9.26, 5e-3);
    assert_near(p->value, (164 + 5700 / 8.0) * 1000, 0);
    p = sprout_preset_find(SPROUT_PRESET_PUE, SPROUT_STR("google"));
    assert_near(p->value, 1.09, 0);
    assert_null(sprout_preset_find(SPROUT_PRESET_HOST, SPROUT_STR("google")));
    assert_null(sprout_preset_find(SPROUT_PRESET_PUE, SPROUT_STR("")));
}

/* Published in kg/kWh. */
static void mixes_are_in_grams(void **state)
{
    (void)state;
    const struct sprout_preset *p =
        sprout_preset_find(SPROUT_PRESET_MIX, SPROUT_STR("usa"));
    assert_near(p->value, 384, 1e-9);
    p = sprout_preset_find(SPROUT_PRESET_MIX, SPROUT_STR("swe"));
    assert_near(p->value, 35.8, 1e-9);
    assert_null(sprout_preset_find(SPROUT_PRESET_MIX, SPROUT_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formula_of_ecologits),
        cmocka_unit_test(batches_are_fitted_within_five_percent),
        cmocka_unit_test(one_at_a_time_is_what_receipts_use),
        cmocka_unit_test(embodied_carbon_by_the_published_check),
        cmocka_unit_test(presets_are_the_published_values),
        cmocka_unit_test(mixes_are_in_grams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
