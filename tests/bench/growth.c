/* SPDX-License-Identifier: Apache-2.0 */
/* How the optimum's time grows: 10 to 100 000 strata-hours of three levels.
 *
 *     build/tests/bench/growth
 *
 * A stratum-hour is an item of the problem, as the planner sees many strata or a day of many
 * prompts.  For each size the median time of one optimum over the rounds, its spread, and
 * the time divided by n log2 n: flat if it grows like that, rising if it grows faster. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/optimize.h"
#include "draw.h"

enum { LEVELS = 3, ITEMS_MAX = 100000, ROUNDS = 11 };

static struct sprout_item items[ITEMS_MAX];
static double cost[ITEMS_MAX][LEVELS], quality[ITEMS_MAX][LEVELS],
    share[ITEMS_MAX][LEVELS];
static double *mix[ITEMS_MAX];

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Briefer is cheaper, and sometimes even better, as verdicts have it. */
static void draw(size_t n, uint64_t *rng)
{
    for (size_t i = 0; i < n; i++) {
        const double grams = 0.1 + draw_unit(rng);
        for (size_t l = 0; l < LEVELS; l++) {
            cost[i][l] = grams * pow(0.2 + 0.3 * draw_unit(rng), (double)l);
            quality[i][l] = 0.2 + 0.4 * draw_unit(rng) - 0.05 * (double)l;
        }
        items[i] =
            (struct sprout_item){0.1 + draw_unit(rng), cost[i], quality[i], LEVELS};
        mix[i] = share[i];
    }
}

static double sum_of_l0(size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += items[i].weight * quality[i][0];
    }
    return sum;
}

/* Seconds of one optimum; small problems are repeated, or the clock would be measured. */
static double time_one(size_t n, void *block, size_t size, double floor)
{
    const size_t repeat = n < 10000 ? 10000 / n : 1;
    const double from = seconds_now();
    for (size_t r = 0; r < repeat; r++) {
        struct sprout_arena scratch = sprout_arena_of(block, size);
        struct sprout_optimum best;
        if (sprout_optimize(items, n, SPROUT_GOAL_FLOOR, floor, &scratch, mix, &best,
                            NULL) != SPROUT_OK ||
            !best.feasible) {
            return NAN;
        }
    }
    return (seconds_now() - from) / (double)repeat;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool run(size_t n, uint64_t *rng)
{
    double seconds[ROUNDS];
    draw(n, rng);
    const size_t size = sprout_optimize_scratch(n, n * LEVELS);
    void *const block = malloc(size);
    const double floor = sum_of_l0(n); /* as good as always L0 */
    for (int r = -1; block != NULL && r < ROUNDS; r++) {
        seconds[r < 0 ? 0 : r] = time_one(n, block, size, floor);
    }
    free(block);
    if (block == NULL || isnan(seconds[0])) {
        fprintf(stderr, "growth: %zu strata-hours found no optimum\n", n);
        return false;
    }
    qsort(seconds, ROUNDS, sizeof *seconds, by_value);
    const double mid = seconds[ROUNDS / 2];
    printf("%6zu strata-hours  %10.1f us (%.1f to %.1f)  %.2f ns per n log2 n\n", n,
           1e6 * mid, 1e6 * seconds[0], 1e6 * seconds[ROUNDS - 1],
           1e9 * mid / ((double)n * log2((double)n)));
    return true;
}

int main(void)
{
    uint64_t rng = 1;
    bool ok = true;
    for (size_t n = 10; n <= ITEMS_MAX; n *= 10) {
        ok = run(n, &rng) && ok;
    }
    return ok ? 0 : 1;
}
