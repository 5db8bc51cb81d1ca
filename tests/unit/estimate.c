/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/estimate: known answers, what is left out, and how often the interval
 * holds the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/estimate.h"
#include "draw.h"

enum { CELLS = 64 };

static struct sprout_estimate *new_estimate(size_t max_cells)
{
    static char block[1 << 17];
    struct sprout_arena arena = sprout_arena_of(block, sizeof block);
    assert_true(sprout_estimate_memory(max_cells) <= sizeof block);
    struct sprout_estimate *e = sprout_estimate_new(&arena, max_cells);
    assert_non_null(e);
    return e;
}

static void feed(struct sprout_estimate *e, uint64_t cell, enum sprout_estimate_arm arm,
                 double joules, double grams)
{
    const struct sprout_estimate_unit unit = {
        .cell = cell, .arm = arm, .energy = {joules}, .grams = {grams}};
    sprout_estimate_add(e, &unit);
}

static void feed_predicted(struct sprout_estimate *e, enum sprout_estimate_arm arm,
                           double joules, double grams, double predicted)
{
    const struct sprout_estimate_unit unit = {.cell = 1,
                                              .arm = arm,
                                              .energy = {joules},
                                              .grams = {grams},
                                              .predicted = predicted};
    sprout_estimate_add(e, &unit);
}

static void feed_n(struct sprout_estimate *e, int n, uint64_t cell,
                   enum sprout_estimate_arm arm, double joules, double grams)
{
    for (int i = 0; i < n; i++) {
        feed(e, cell, arm, joules, grams);
    }
}

static void is(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fmax(1, fabs(expected)))) {
        fail_msg("found %.12g, expected %.12g", found, expected);
    }
}

static void unknown(struct sprout_interval i)
{
    assert_true(isnan(i.value) && isnan(i.low) && isnan(i.high));
}

static void too_few_conversations_give_no_number(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, SPROUT_ESTIMATE_UNITS_MIN - 1, 1, SPROUT_ESTIMATE_HOLDOUT, 100, 10);
    feed_n(e, SPROUT_ESTIMATE_UNITS_MIN - 1, 1, SPROUT_ESTIMATE_MIX, 25, 2.5);
    struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_int_equal(r.energy_state, SPROUT_ESTIMATE_FEW_HOLDOUT);
    assert_string_equal(sprout_estimate_state_text(r.energy_state),
                        "not enough holdout yet");
    unknown(r.energy_percent);
    unknown(r.grams);

    feed(e, 1, SPROUT_ESTIMATE_HOLDOUT, 100, 10);
    assert_int_equal(sprout_estimate_result(e).energy_state, SPROUT_ESTIMATE_FEW_MIX);
    feed(e, 1, SPROUT_ESTIMATE_MIX, 25, 2.5);
    r = sprout_estimate_result(e);
    assert_int_equal(r.energy_state, SPROUT_ESTIMATE_OK);
    is(r.energy_percent.value, 75);
}

static void nothing_fed_is_not_enough(void **state)
{
    (void)state;
    const struct sprout_estimate_result r = sprout_estimate_result(new_estimate(1));
    assert_int_equal(r.energy_state, SPROUT_ESTIMATE_FEW_HOLDOUT);
    assert_int_equal(r.holdout + r.mix + r.cells, 0);
}

static void amounts_without_spread_have_intervals_without_width(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, 40, 1, SPROUT_ESTIMATE_HOLDOUT, 100, 5);
    feed_n(e, 60, 1, SPROUT_ESTIMATE_MIX, 20, 2);
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    is(r.energy_percent.value, 80);
    is(r.energy_percent.low, 80);
    is(r.energy_percent.high, 80);
    is(r.joules.value, 60 * 80);
    assert_int_equal(r.holdout, 40);
    assert_int_equal(r.mix, 60);
    /* 0.1 g per joule under the mix: the same grid for the 100 J of the holdout. */
    is(r.carbon_percent.value, 80);
    is(r.grams.value, 60 * (10 - 2));
}

/* The mix ran when the grid was dirty and the holdout when it was clean. */
static void a_change_of_the_grid_is_not_taken_for_a_saving(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    for (int i = 0; i < 50; i++) {
        const double joules = 90 + i % 21;
        feed(e, 1, SPROUT_ESTIMATE_HOLDOUT, joules, joules * 0.01);
        feed(e, 1, SPROUT_ESTIMATE_MIX, joules, joules * 0.5);
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    is(r.carbon_percent.value, 0);
    is(r.grams.value, 0);
    assert_true(r.carbon_percent.low < 0 && r.carbon_percent.high > 0);
}

/* Brief answers go to dirty hours, as the planner does it. */
static void grams_weigh_each_conversation_by_the_grid_of_its_hours(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, 40, 1, SPROUT_ESTIMATE_HOLDOUT, 100, 1);
    feed_n(e, 50, 1, SPROUT_ESTIMATE_MIX, 100, 100 * 0.1); /* clean: not shortened */
    feed_n(e, 50, 1, SPROUT_ESTIMATE_MIX, 20, 20 * 0.4);   /* dirty: shortened */
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    is(r.energy_percent.value, 40);
    const double spent = 50 * 10 + 50 * 8, at_l0 = 50 * 100 * 0.1 + 50 * 100 * 0.4;
    is(r.carbon_percent.value, 100 * (1 - spent / at_l0));
    is(r.grams.value, at_l0 - spent);
}

/* Energy falls on a line with the grid's value, and nothing in it is chance. */
static void what_was_planned_by_the_grid_is_not_taken_for_chance(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, 40, 1, SPROUT_ESTIMATE_HOLDOUT, 100, 1);
    for (int hour = 0; hour < 8; hour++) {
        const double c = 0.1 * (1 + hour), joules = 100 - 10 * hour;
        feed_n(e, 10, 1, SPROUT_ESTIMATE_MIX, joules, joules * c);
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_true(r.energy_percent.high - r.energy_percent.low < 1e-3);
    assert_true(r.carbon_percent.high - r.carbon_percent.low < 1e-3);
}

/* Long prompts are the larger part of the mix arm: without cells that would hide a saving
 * of one half. */
static void cells_are_compared_with_themselves(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, 90, 1, SPROUT_ESTIMATE_HOLDOUT, 10, 1);
    feed_n(e, 10, 2, SPROUT_ESTIMATE_HOLDOUT, 1000, 100);
    feed_n(e, 10, 1, SPROUT_ESTIMATE_MIX, 5, 0.5);
    feed_n(e, 90, 2, SPROUT_ESTIMATE_MIX, 500, 50);
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    is(r.energy_percent.value, 50);
    is(r.energy_percent.low, 50);
    assert_int_equal(r.cells, 2);
}

static void small_cells_are_pooled(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    for (uint64_t cell = 0; cell < 30; cell++) {
        feed_n(e, 1, cell, SPROUT_ESTIMATE_HOLDOUT, 100, 10);
        feed_n(e, 3, cell, SPROUT_ESTIMATE_MIX, 25, 2.5);
    }
    feed_n(e, 9, 99, SPROUT_ESTIMATE_MIX, 25, 2.5); /* by chance without holdout */
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_int_equal(r.cells, 1);
    assert_int_equal(r.holdout, 30);
    assert_int_equal(r.mix, 99);
    assert_int_equal(r.uncovered, 0);
    is(r.energy_percent.value, 75);
}

static void a_cell_that_a_rule_keeps_out_of_the_holdout_is_not_spoken_of(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, 50, 1, SPROUT_ESTIMATE_HOLDOUT, 100, 10);
    feed_n(e, 50, 1, SPROUT_ESTIMATE_MIX, 25, 2.5);
    feed_n(e, 5000, 2, SPROUT_ESTIMATE_MIX, 1, 0.1);
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    is(r.energy_percent.value, 75);
    assert_int_equal(r.mix, 50);
    assert_int_equal(r.uncovered, 5000);
}

static void unknown_energy_and_unknown_grams_are_counted_and_not_zero(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_n(e, 30, 1, SPROUT_ESTIMATE_HOLDOUT, 100, NAN);
    feed_n(e, 30, 1, SPROUT_ESTIMATE_MIX, 25, NAN);
    feed_n(e, 7, 1, SPROUT_ESTIMATE_MIX, NAN, NAN);
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_int_equal(r.unknown, 7);
    is(r.energy_percent.value, 75);
    assert_int_equal(r.carbon_state, SPROUT_ESTIMATE_FEW_MIX);
    unknown(r.carbon_percent);
}

/* L0 takes twice the predicted length, the mix half of L0; chance gave the holdout the longer
 * questions, so unadjusted it seems that more was saved. */
static void feed_unlucky(struct sprout_estimate *e, int holdout, bool predicted)
{
    for (int i = 0; i < holdout; i++) {
        const double x = 100 + i % 50;
        feed_predicted(e, SPROUT_ESTIMATE_HOLDOUT, 2 * x, NAN, predicted ? x : NAN);
    }
    for (int i = 0; i < 1000; i++) {
        const double x = 50 + i % 40, ci = 0.1 + 0.02 * (i % 7);
        feed_predicted(e, SPROUT_ESTIMATE_MIX, x, x * ci, predicted ? x : 0);
    }
}

static void a_holdout_of_longer_questions_is_not_taken_for_a_saving(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_unlucky(e, SPROUT_ESTIMATE_ADJUST_MIN, true);
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_true(r.adjusted);
    assert_int_equal(r.holdout_predicted, SPROUT_ESTIMATE_ADJUST_MIN);
    is(r.energy_percent.value, 50);
    is(r.carbon_percent.value, 50);
    assert_true(r.energy_percent.low < 50 && r.energy_percent.high > 50);
    assert_true(r.energy_narrower_percent > 20 && r.carbon_narrower_percent > 20);
}

static void few_predictions_adjust_nothing(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    feed_unlucky(e, SPROUT_ESTIMATE_ADJUST_MIN - 1, true);
    const struct sprout_estimate_result few = sprout_estimate_result(e);
    e = new_estimate(CELLS);
    feed_unlucky(e, SPROUT_ESTIMATE_ADJUST_MIN - 1, false);
    const struct sprout_estimate_result none = sprout_estimate_result(e);
    assert_false(few.adjusted);
    assert_int_equal(none.holdout_predicted, 0);
    assert_true(isnan(few.energy_narrower_percent));
    assert_true(few.energy_percent.value > 60);
    is(few.energy_percent.value, none.energy_percent.value);
    is(few.energy_percent.low, none.energy_percent.low);
    is(few.carbon_percent.low, none.carbon_percent.low);
}

/* One length for all says nothing, however many have it. */
static void lengths_without_spread_adjust_nothing(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    for (int i = 0; i < 300; i++) {
        feed_predicted(e, SPROUT_ESTIMATE_HOLDOUT, 90 + i % 21, NAN, 77.3);
        feed_predicted(e, SPROUT_ESTIMATE_MIX, 40 + i % 21, NAN, 77.3);
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_false(r.adjusted);
    assert_int_equal(r.holdout_predicted, 300);
}

/* Questions unlike any that the predictor knows are all the longer ones. */
static void conversations_without_a_prediction_are_a_cell_of_their_own(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    for (int i = 0; i < 400; i++) {
        const double x = 100 + i % 50;
        feed_predicted(e, SPROUT_ESTIMATE_HOLDOUT, 2 * x, NAN, x);
        feed_predicted(e, SPROUT_ESTIMATE_MIX, x, NAN, x);
    }
    for (int i = 0; i < 300; i++) {
        feed_predicted(e, SPROUT_ESTIMATE_HOLDOUT, 5000, NAN, NAN);
        feed_predicted(e, SPROUT_ESTIMATE_MIX, 2500, NAN, NAN);
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_true(r.adjusted);
    assert_int_equal(r.cells, 2);
    assert_int_equal(r.holdout_predicted, 400);
    is(r.energy_percent.value, 50);
    assert_true(r.energy_percent.high - r.energy_percent.low < 1e-3);
}

static void always_l1_is_weighted_to_the_cells_of_the_mix(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(CELLS);
    for (uint64_t cell = 1; cell <= 2; cell++) {
        const double l0 = cell == 1 ? 100 : 1000;
        feed_n(e, 30, cell, SPROUT_ESTIMATE_HOLDOUT, l0, l0 / 10);
        feed_n(e, cell == 1 ? 90 : 30, cell, SPROUT_ESTIMATE_MIX, l0, l0 / 10);
        for (int i = 0; i < 20; i++) {
            const struct sprout_estimate_unit unit = {.cell = cell,
                                                      .arm = SPROUT_ESTIMATE_EXPLORE,
                                                      .at_l1 = true,
                                                      .energy = {cell == 1 ? 20 : 400},
                                                      .grams = {1}};
            sprout_estimate_add(e, &unit);
        }
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    is(r.energy_percent.value, 0);
    is(r.l1_energy_percent.value,
       100 * (1 - (90 * 20 + 30 * 400.0) / (90 * 100 + 30 * 1000.0)));
    assert_int_equal(r.at_l1, 40);

    feed_n(e, 50, 3, SPROUT_ESTIMATE_HOLDOUT, 100, 10); /* a cell without L1 */
    feed_n(e, 50, 3, SPROUT_ESTIMATE_MIX, 100, 10);
    unknown(sprout_estimate_result(e).l1_energy_percent);
}

static void cells_beyond_the_maximum_are_dropped_and_counted(void **state)
{
    (void)state;
    struct sprout_estimate *e = new_estimate(3);
    for (uint64_t cell = 0; cell < 5; cell++) {
        feed_n(e, 30, cell << 40, SPROUT_ESTIMATE_HOLDOUT, 100, 10);
        feed_n(e, 30, cell << 40, SPROUT_ESTIMATE_MIX, 50, 5);
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    assert_int_equal(r.cells, 3);
    assert_int_equal(r.dropped, 120);
    is(r.energy_percent.value, 50);
}

static void too_little_memory_is_no_estimate(void **state)
{
    (void)state;
    char block[64];
    struct sprout_arena arena = sprout_arena_of(block, sizeof block);
    assert_null(sprout_estimate_new(&arena, CELLS));
}

/* ---- coverage -------------------------------------------------------------------------- */

static uint64_t rng_state;

static double uniform(void)
{
    return draw_unit(&rng_state);
}

static double lognormal(double mean, double sigma)
{
    const double z = sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
    return mean * exp(sigma * z - sigma * sigma / 2);
}

struct world {
    int holdout;  /* expected conversations in it */
    double share; /* of conversations */
    int cells;
    double sigma; /* of log energy: 0.8 is a coefficient of variation of 0.95 */
    double least; /* percent of intervals that must hold the truth */
};

struct covered {
    int claims; /* runs with holdout enough for a number */
    int energy;
    int carbon;
};

/* Cells differ fourfold in length; the dirtier the hour, the more answers are brief. */
static struct covered one_run(const struct world *w)
{
    struct sprout_estimate *e = new_estimate(CELLS);
    double at_l0 = 0, at_mix = 0, grams_l0 = 0, grams_mix = 0; /* expected */
    const int n = (int)(w->holdout / w->share);
    for (int i = 0; i < n; i++) {
        const int cell = (int)(uniform() * w->cells);
        const double l0 = 100 * (1 + cell % 4), l1 = l0 * (0.2 + 0.1 * (cell % 3));
        const double dirt = (i % 24) / 24.0, ci = 0.1 + 0.2 * dirt;
        const double brief = 0.3 + 0.6 * dirt;
        if (uniform() < w->share) {
            const double joules = lognormal(l0, w->sigma);
            feed(e, (uint64_t)cell, SPROUT_ESTIMATE_HOLDOUT, joules, joules * ci);
            continue;
        }
        const double joules = lognormal(uniform() < brief ? l1 : l0, w->sigma);
        feed(e, (uint64_t)cell, SPROUT_ESTIMATE_MIX, joules, joules * ci);
        const double expected = brief * l1 + (1 - brief) * l0;
        at_l0 += l0;
        at_mix += expected;
        grams_l0 += l0 * ci;
        grams_mix += expected * ci;
    }
    const struct sprout_estimate_result r = sprout_estimate_result(e);
    if (r.energy_state != SPROUT_ESTIMATE_OK) {
        return (struct covered){0};
    }
    const double truth = 100 * (1 - at_mix / at_l0);
    const double grams_truth = 100 * (1 - grams_mix / grams_l0);
    return (struct covered){
        1, r.energy_percent.low <= truth && truth <= r.energy_percent.high,
        r.carbon_percent.low <= grams_truth && grams_truth <= r.carbon_percent.high};
}

static void the_interval_holds_the_truth_as_often_as_it_says(void **state)
{
    (void)state;
    enum { RUNS = 2000 };
    static const struct world worlds[] = {
        {100, 0.25, 1, 0.5, 93}, {100, 0.25, 1, 0.8, 93}, {100, 0.25, 6, 0.8, 93},
        {100, 0.10, 6, 0.8, 93}, {300, 0.10, 6, 1.0, 93}, {1000, 0.25, 1, 1.0, 93},
        {25, 0.25, 6, 0.8, 90},  {50, 0.25, 6, 0.8, 90},
    };
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        const struct world *w = &worlds[i];
        rng_state = 1 + i;
        struct covered all = {0};
        for (int run = 0; run < RUNS; run++) {
            const struct covered c = one_run(w);
            all.claims += c.claims;
            all.energy += c.energy;
            all.carbon += c.carbon;
        }
        assert_true(all.claims > RUNS / 2);
        const double energy_percent = 100.0 * all.energy / all.claims;
        const double carbon_percent = 100.0 * all.carbon / all.claims;
        print_message("holdout %4d (%2.0f %%), %d cells, sigma %.1f: covers %.1f %% "
                      "(energy), %.1f %% (carbon)\n",
                      w->holdout, 100 * w->share, w->cells, w->sigma, energy_percent,
                      carbon_percent);
        assert_true(energy_percent >= w->least && energy_percent <= 97);
        assert_true(carbon_percent >= w->least && carbon_percent <= 97);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_conversations_give_no_number),
        cmocka_unit_test(nothing_fed_is_not_enough),
        cmocka_unit_test(amounts_without_spread_have_intervals_without_width),
        cmocka_unit_test(a_change_of_the_grid_is_not_taken_for_a_saving),
        cmocka_unit_test(grams_weigh_each_conversation_by_the_grid_of_its_hours),
        cmocka_unit_test(what_was_planned_by_the_grid_is_not_taken_for_chance),
        cmocka_unit_test(cells_are_compared_with_themselves),
        cmocka_unit_test(small_cells_are_pooled),
        cmocka_unit_test(a_cell_that_a_rule_keeps_out_of_the_holdout_is_not_spoken_of),
        cmocka_unit_test(unknown_energy_and_unknown_grams_are_counted_and_not_zero),
        cmocka_unit_test(a_holdout_of_longer_questions_is_not_taken_for_a_saving),
        cmocka_unit_test(few_predictions_adjust_nothing),
        cmocka_unit_test(lengths_without_spread_adjust_nothing),
        cmocka_unit_test(conversations_without_a_prediction_are_a_cell_of_their_own),
        cmocka_unit_test(always_l1_is_weighted_to_the_cells_of_the_mix),
        cmocka_unit_test(cells_beyond_the_maximum_are_dropped_and_counted),
        cmocka_unit_test(too_little_memory_is_no_estimate),
        cmocka_unit_test(the_interval_holds_the_truth_as_often_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
