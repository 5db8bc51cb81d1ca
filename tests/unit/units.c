/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of instants, carbon and the token model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/carbon.h"
#include "core/energy.h"
#include "core/instant.h"

/* cmocka compares floats only. */
static void assert_near(double a, double b, double tolerance)
{
    assert_true(fabs(a - b) <= tolerance);
}

static int64_t seconds_of(const char *text)
{
    sprout_instant t = {0};
    assert_int_equal(sprout_instant_parse(sprout_str_of(text), &t), SPROUT_OK);
    return sprout_instant_seconds(t);
}

static void every_form_of_a_moment_is_read(void **state)
{
    (void)state;
    assert_int_equal(seconds_of("2024-10-23T14:00:00.000Z"), 1729692000);
    assert_int_equal(seconds_of("2018-01-20T12:00Z"), 1516449600);
    assert_int_equal(seconds_of("2022-08-23T14:30:00+00:00"), 1661265000);
    assert_int_equal(seconds_of("2022-08-23T16:30:00+02:00"), 1661265000);
    assert_int_equal(seconds_of("2025-01-01T00"), 1735689600);
    assert_int_equal(seconds_of("2023-01-01 00:00:00"), 1672531200);
    assert_int_equal(seconds_of("2024-02-29"), 1709164800);
    assert_int_equal(seconds_of("1970-01-01T00:00:00Z"), 0);
}

static void what_is_no_moment_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2023",
        "2023-13-01",
        "2023-02-29",
        "2023-01-01T24:00",
        "2023-01-01T00:00:00x",
        "2023-01-01T00:00:00+25:00",
        "yesterday",
        "2023-01-01T",
        "2023-01-01T00:00:00.Z",
        "2300-01-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sprout_instant t = {42};
        assert_int_not_equal(sprout_instant_parse(sprout_str_of(bad[i]), &t), SPROUT_OK);
        assert_int_equal(t.ns, 42);
    }
}

static void a_moment_written_reads_back(void **state)
{
    (void)state;
    for (int64_t s = 0; s < INT64_C(9000000000); s += 7777777) {
        char memory[64];
        struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
        const sprout_instant t = {s * SPROUT_NS_PER_SECOND + 125000000};
        sprout_instant back;
        sprout_instant_put_ms(&b, t);
        assert_int_equal(sprout_instant_parse(sprout_buf_str(&b), &back), SPROUT_OK);
        assert_int_equal(back.ns, t.ns);
    }
}

static void equation_one_gives_the_reference_values(void **state)
{
    (void)state;
    const struct sprout_carbon_params *p = &sprout_carbon_paper;
    const sprout_grams g =
        sprout_carbon_operational(p, (sprout_g_per_kwh){200}, (sprout_joules){1500});
    assert_near(g.v, 0.0833333333, 1e-9);
    const sprout_grams per_kwh =
        sprout_carbon_operational(p, (sprout_g_per_kwh){1}, (sprout_joules){1500});
    assert_near(per_kwh.v, 4.1667e-4, 1e-8); /* 1 500 J are so many kWh */
    assert_near(sprout_carbon_embodied(p, (sprout_seconds){1}).v, 1.6715e-4, 1e-8);
    assert_int_equal(sprout_micrograms_of(g).v, 83333);
    assert_int_equal(sprout_micrograms_of((sprout_grams){NAN}).v, SPROUT_MICRO_UNKNOWN);
}

static void the_token_model_is_clamped_and_unknown_stays_unknown(void **state)
{
    (void)state;
    const struct sprout_energy_profile *p = &sprout_energy_llama2_13b;
    assert_near(sprout_energy_joules(p, (sprout_tokens){100}, (sprout_tokens){200}).v,
                -3.52 + 4.3 + 1174, 1e-9);
    assert_near(sprout_energy_joules(p, (sprout_tokens){0}, (sprout_tokens){0}).v, 0, 0);
    assert_true(
        isnan(sprout_energy_joules(p, SPROUT_TOKENS_UNKNOWN, (sprout_tokens){1}).v));
    assert_true(
        isnan(sprout_energy_seconds(p, (sprout_tokens){1}, SPROUT_TOKENS_UNKNOWN).v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_moment_is_read),
        cmocka_unit_test(what_is_no_moment_is_refused),
        cmocka_unit_test(a_moment_written_reads_back),
        cmocka_unit_test(equation_one_gives_the_reference_values),
        cmocka_unit_test(the_token_model_is_clamped_and_unknown_stays_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
