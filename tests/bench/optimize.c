/* SPDX-License-Identifier: Apache-2.0 */
/* How many problems a second: the optimizer and glpk on the same instances.
 *
 *     build/tests/bench/optimize [ROUNDS]
 *
 * Rounds alternate between the two, so that a machine that slows down slows both.  A problem
 * goes from the same arrays of numbers to its optimum: for glpk that is building its problem
 * object and its simplex with default settings; the simplex alone is shown beside it.  Both
 * must come to the same optimum, or nothing is printed but that they differ.  Prints, for
 * each size, the median time of one problem, the spread over the rounds and the ratios of
 * the medians. */
#include <stdio.h>
#include <time.h>

#include "lp_instance.h"

enum { INSTANCES = 100, ROUNDS_DEFAULT = 11, ROUNDS_MAX = 101, REPEAT_OURS = 40 };

struct size {
    const char *name;
    size_t items;
    size_t options;
};

static const struct size sizes[] = {
    {"1 stratum x 3 levels", 1, 3},
    {"6 strata x 3 levels", 6, 3},
    {"64 strata x 3 levels", 64, 3},
    {"64 strata x 8 levels", 64, 8},
};

static struct lp_instance instances[INSTANCES];
static double optimum_ours[INSTANCES];
static double optimum_glpk[INSTANCES];
static double mixes[LP_ITEMS_MAX][LP_OPTIONS_MAX];
static double *mix[LP_ITEMS_MAX];
static char block[1 << 17];

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* All of the size, floors that bind, levels that cost less as they please less. */
static void draw_all(const struct size *size, uint64_t *rng)
{
    for (size_t n = 0; n < INSTANCES; n++) {
        struct lp_instance *p = &instances[n];
        double low = 0, high = 0;
        p->item_count = size->items;
        p->goal = SPROUT_GOAL_FLOOR;
        for (size_t i = 0; i < size->items; i++) {
            p->items[i] = (struct sprout_item){0.1 + draw_unit(rng), p->cost[i],
                                               p->quality[i], size->options};
            for (size_t l = 0; l < size->options; l++) {
                lp_option(p, i, l, LP_PAPER, rng);
            }
            low += p->items[i].weight * p->quality[i][size->options - 1];
            high += p->items[i].weight * p->quality[i][0];
        }
        p->bound = low + (0.3 + 0.6 * draw_unit(rng)) * (high - low);
    }
}

static double time_ours(void)
{
    const double from = seconds_now();
    for (int r = 0; r < REPEAT_OURS; r++) {
        for (size_t n = 0; n < INSTANCES; n++) {
            const struct lp_instance *p = &instances[n];
            struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
            struct sprout_optimum best;
            if (sprout_optimize(p->items, p->item_count, p->goal, p->bound, &scratch, mix,
                                &best, NULL) != SPROUT_OK) {
                return NAN;
            }
            optimum_ours[n] = best.cost;
        }
    }
    return (seconds_now() - from) / (REPEAT_OURS * INSTANCES);
}

/* Whole problems, and in *out_simplex what the simplex took of that. */
static double time_glpk(double *out_simplex)
{
    glp_smcp parm;
    glp_init_smcp(&parm);
    parm.msg_lev = GLP_MSG_OFF;
    double simplex = 0;
    const double from = seconds_now();
    for (size_t n = 0; n < INSTANCES; n++) {
        glp_prob *lp = lp_glpk(&instances[n]);
        const double built = seconds_now();
        const int rc = glp_simplex(lp, &parm);
        simplex += seconds_now() - built;
        optimum_glpk[n] = rc == 0 ? glp_get_obj_val(lp) : NAN;
        glp_delete_prob(lp);
    }
    *out_simplex = simplex / INSTANCES;
    return (seconds_now() - from) / INSTANCES;
}

static bool same_optima(void)
{
    for (size_t n = 0; n < INSTANCES; n++) {
        const double theirs = optimum_glpk[n];
        if (!(fabs(theirs - optimum_ours[n]) <= 1e-6 * (1 + fabs(theirs)))) {
            return false;
        }
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sort(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
}

static bool run(const struct size *size, int rounds, uint64_t *rng)
{
    double ours[ROUNDS_MAX], theirs[ROUNDS_MAX], simplex[ROUNDS_MAX];
    draw_all(size, rng);
    for (int r = -1; r < rounds; r++) { /* the first warms up and does not count */
        const int at = r < 0 ? 0 : r;
        ours[at] = time_ours();
        theirs[at] = time_glpk(&simplex[at]);
    }
    if (!same_optima()) {
        printf("%s: the two differ\n", size->name);
        return false;
    }
    sort(ours, rounds);
    sort(theirs, rounds);
    sort(simplex, rounds);
    const int mid = rounds / 2, last = rounds - 1;
    printf(
        "%-21s ours %6.0f ns (%.0f to %.0f)  glpk %8.0f ns (%.0f to %.0f)  ratio %.0f, "
        "against the simplex alone %.0f\n",
        size->name, 1e9 * ours[mid], 1e9 * ours[0], 1e9 * ours[last], 1e9 * theirs[mid],
        1e9 * theirs[0], 1e9 * theirs[last], theirs[mid] / ours[mid],
        simplex[mid] / ours[mid]);
    return true;
}

int main(int argc, char **argv)
{
    int64_t rounds = ROUNDS_DEFAULT;
    if (argc > 2 ||
        (argc > 1 && sprout_str_to_i64(sprout_str_of(argv[1]), &rounds) != SPROUT_OK) ||
        rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: optimize [ROUNDS], at most %d\n", ROUNDS_MAX);
        return 2;
    }
    glp_term_out(GLP_OFF);
    for (size_t i = 0; i < LP_ITEMS_MAX; i++) {
        mix[i] = mixes[i];
    }
    printf(
        "one problem, median of %lld alternating rounds (fastest to slowest), glpk %s\n",
        (long long)rounds, glp_version());
    uint64_t rng = 1;
    bool ok = true;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ok = run(&sizes[i], (int)rounds, &rng) && ok;
    }
    return ok ? 0 : 1;
}
