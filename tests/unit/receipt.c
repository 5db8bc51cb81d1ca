/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/receipt: amounts, and unknown that stays unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/receipt.h"
#include "policy_fixture.h"

static const struct sprout_usage usage = {{100}, {0}, {50}, {-1}};

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-12 * fabs(b))) {
        fail_msg("%.17g is not %.17g", a, b);
    }
}

static void a_receipt_is_equation_one(void **state)
{
    (void)state;
    struct policy_fixture f;
    const struct sprout_policy *p = policy_fixture_init(&f);
    const struct sprout_receipt r =
        sprout_receipt_make(p, SPROUT_STR("m"), 0, usage, false);
    const double joules = -3.52 + 0.043 * 100 + 5.87 * 50;
    const double seconds = -0.015 + 1.93e-4 * 100 + 0.02377 * 50;
    const double k1 = 26356.568 / (5 * 365 * 86400.0);
    near(r.energy.v, joules);
    near(r.time.v, seconds);
    near(r.operational.v, 360 * joules / 3.6e6);
    near(r.embodied.v, k1 * seconds);
    near(r.grams.v, 360 * joules / 3.6e6 + k1 * seconds);
    near(r.grams_l0.v, 360 * 1000 / 3.6e6 + k1 * 4);
    assert_true(sprout_str_eq(r.method, sprout_energy_llama2_13b.name));
}

static void what_is_unknown_is_never_zero(void **state)
{
    (void)state;
    struct policy_fixture f;
    struct sprout_policy *p = policy_fixture_init(&f);
    struct sprout_receipt r =
        sprout_receipt_make(p, SPROUT_STR("m"), 0, SPROUT_USAGE_UNKNOWN, false);
    assert_true(isnan(r.energy.v) && isnan(r.time.v) && isnan(r.grams.v));
    assert_true(!isnan(r.grams_l0.v));

    p->grid.intensity.v = NAN;
    r = sprout_receipt_make(p, SPROUT_STR("m"), 0, usage, false);
    assert_true(isnan(r.operational.v) && isnan(r.grams.v) && isnan(r.grams_l0.v));
    assert_true(!isnan(r.energy.v) && !isnan(r.embodied.v));

    r = sprout_receipt_make(p, SPROUT_STR("m"), -1, usage, false);
    assert_true(isnan(r.grams_l0.v));
    r = sprout_receipt_make(p, SPROUT_STR("m"), 1, usage, false);
    assert_true(isnan(r.grams_l0.v));
}

static void check_line(const struct sprout_receipt *r, const char *expected)
{
    char memory[512];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_receipt_put(&b, r);
    sprout_buf_byte(&b, '\0');
    assert_false(b.full);
    assert_string_equal(memory, expected);
}

static void a_receipt_is_one_line_of_json(void **state)
{
    (void)state;
    const struct sprout_receipt known = {
        .usage = usage,
        .estimated = true,
        .energy = {293.5},
        .grams = {0.03},
        .grams_l0 = {0.1},
        .method = SPROUT_STR("a \"model\""),
        .grid = SPROUT_STR("last-good"),
    };
    check_line(&known,
               "{\"prompt_tokens\":100,\"completion_tokens\":50,"
               "\"estimated\":true,\"joules\":293.5,\"grams\":0.03,"
               "\"grams_l0\":0.1,\"method\":\"a \\\"model\\\"\",\"grid\":\"last-good\"}");

    const struct sprout_receipt none =
        sprout_receipt_make(NULL, SPROUT_STR("m"), 0, SPROUT_USAGE_UNKNOWN, false);
    check_line(&none, "{\"prompt_tokens\":null,\"completion_tokens\":null,"
                      "\"estimated\":false,\"joules\":null,\"grams\":null,"
                      "\"grams_l0\":null,\"method\":null,\"grid\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_is_equation_one),
        cmocka_unit_test(what_is_unknown_is_never_zero),
        cmocka_unit_test(a_receipt_is_one_line_of_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
