/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of core/accuracy: the interval holds the truth as often as it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "../draw.h"
#include "core/accuracy.h"

enum { RUNS = 20000 };

static void pairs_give_the_ratio(void **state)
{
    (void)state;
    const struct sprout_accuracy_pairs p = {60, 20, 10, 10};
    assert_true(sprout_accuracy_prompts(&p) == 100);
    const struct sprout_quality_interval r = sprout_accuracy_relative(&p, 0.95);
    assert_true(r.value == 0.875 && r.low < 0.875 && r.high > 0.875);
    assert_true(fabs(sprout_accuracy_cautious(&p, 0.5) - 0.875) < 1e-12);
    assert_true(fabs(sprout_accuracy_cautious(&p, 0.975) - r.low) < 1e-12);
}

static void what_is_not_known_is_not_invented(void **state)
{
    (void)state;
    const struct sprout_accuracy_pairs never = {0, 0, 5, 20}, none = {0};
    assert_true(isnan(sprout_accuracy_cautious(&never, 0.9)));
    assert_true(isnan(sprout_accuracy_relative(&none, 0.9).value));
    /* Never a difference seen: likely none, and not certainly none. */
    const struct sprout_accuracy_pairs same = {30, 0, 0, 0}, more = {300, 0, 0, 0};
    const double few = sprout_accuracy_cautious(&same, 0.9);
    assert_true(few > 0.95 && few < 0.99);
    assert_true(sprout_accuracy_cautious(&more, 0.9) > few);
    /* Prompts that both had wrong say nothing of a ratio. */
    const struct sprout_accuracy_pairs hard = {30, 0, 0, 500};
    assert_true(sprout_accuracy_cautious(&hard, 0.9) == few);
}

/* n prompts, L0 right with 0.7; the level keeps `keep` of those and gains `gain` of others. */
static struct sprout_accuracy_pairs draw_pairs(int n, double keep, double gain,
                                               uint64_t *rng)
{
    struct sprout_accuracy_pairs p = {0};
    for (int i = 0; i < n; i++) {
        const bool l0 = draw_unit(rng) < 0.7;
        const bool level = draw_unit(rng) < (l0 ? keep : gain);
        *(l0 ? level ? &p.both : &p.l0 : level ? &p.level : &p.neither) += 1;
    }
    return p;
}

static void what_is_reached_with_ninety_percent_is_reached_that_often(void **state)
{
    (void)state;
    static const struct {
        int n;
        double keep, gain;
    } cases[] = {{40, 0.8, 0.2}, {200, 0.95, 0.1}, {1000, 0.9, 0.3}, {200, 1, 0.3}};
    uint64_t rng = 5;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const double truth = (0.7 * cases[c].keep + 0.3 * cases[c].gain) / 0.7;
        int reached = 0, held = 0;
        for (int i = 0; i < RUNS; i++) {
            const struct sprout_accuracy_pairs p =
                draw_pairs(cases[c].n, cases[c].keep, cases[c].gain, &rng);
            const struct sprout_quality_interval r = sprout_accuracy_relative(&p, 0.9);
            reached += sprout_accuracy_cautious(&p, 0.9) <= truth;
            held += r.low <= truth && truth <= r.high;
        }
        print_message("%d prompts: reached in %.1f %%, 90 %% held in %.1f %%\n",
                      cases[c].n, 100.0 * reached / RUNS, 100.0 * held / RUNS);
        assert_in_range(reached * 1000L / RUNS, 880, 930);
        assert_in_range(held * 1000L / RUNS, 880, 930);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_give_the_ratio),
        cmocka_unit_test(what_is_not_known_is_not_invented),
        cmocka_unit_test(what_is_reached_with_ninety_percent_is_reached_that_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
