/* SPDX-License-Identifier: Apache-2.0 */
/* The optimizer of two floors against glpk, and against its own dual, on random instances.
 *
 *     build/tests/property/optimize_two [INSTANCES [SEED]]
 *
 * As optimize.c: glpk is another algorithm, and the certificate is sharper.  For prices
 * p, r >= 0, p Q + r A + sum_i w_i min_l (c_il - p q_il - r a_il) bounds the cost from below,
 * so a feasible mix that meets it is optimal.  Accuracies are drawn to tie with costs and
 * qualities now and then.
 * Prints the number of instances and of what they were; exits 1 at the first that fails,
 * with its seed. */
#include <stdio.h>

#include "core/optimize_two.h"
#include "lp_instance.h"

#define INSTANCES_DEFAULT 100000
#define GLPK_TOLERANCE    1e-9
#define GLPK_STEPS_MAX    2000

static double mixes[LP_ITEMS_MAX][LP_OPTIONS_MAX];
static double *mix[LP_ITEMS_MAX];
static double accuracies[LP_ITEMS_MAX][LP_OPTIONS_MAX];
static const double *accuracy[LP_ITEMS_MAX];
static double floor_of_accuracy;
static char block[1 << 17];

/* As rows of constants, which the language does not see for itself. */
#define ACCURACY ((const double(*)[LP_OPTIONS_MAX])accuracies)

struct tally {
    long optimal;
    long quality_short;
    long accuracy_short;
    long binding; /* the floor of accuracy */
    long both;    /* both floors */
    long split;
    long exact;
    long borderline;
    int steps_max;
};

/* ---- instances ------------------------------------------------------------------------- */

static void draw_accuracy(const struct lp_instance *p, uint64_t *rng)
{
    const uint64_t kind = draw_below(rng, 6);
    for (size_t i = 0; i < p->item_count; i++) {
        for (size_t l = 0; l < p->items[i].options; l++) {
            const double c = p->cost[i][l], q = p->quality[i][l], u = draw_unit(rng);
            accuracies[i][l] = kind == 0   ? (double)draw_below(rng, 6)
                               : kind == 1 ? q
                               : kind == 2 ? 3 * c - q
                               : kind == 3 ? 0.3 + 0.1 * u - 0.05 * (double)l
                               : kind == 4 ? -q + 0.1 * u
                                           : u;
        }
    }
}

static double corner(const struct lp_instance *p, uint64_t *rng, double *low,
                     double *high)
{
    double sum = 0;
    *low = *high = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        const double *const a = accuracies[i];
        double least = a[0], most = a[0];
        for (size_t l = 1; l < p->items[i].options; l++) {
            least = fmin(least, a[l]);
            most = fmax(most, a[l]);
        }
        *low += p->items[i].weight * least;
        *high += p->items[i].weight * most;
        sum += p->items[i].weight * a[draw_below(rng, p->items[i].options)];
    }
    return sum;
}

/* Often what some mix has that keeps the floor of quality, so that both can be kept. */
static void draw_floor(const struct lp_instance *p, uint64_t *rng)
{
    double low, high;
    const double at = corner(p, rng, &low, &high);
    switch (draw_below(rng, 6)) {
    case 0:
        floor_of_accuracy = at;
        break;
    case 1:
        floor_of_accuracy = high;
        break;
    default:
        floor_of_accuracy = low + (high - low) * (1.05 * draw_unit(rng));
    }
}

static double largest(const struct lp_instance *p, const double (*v)[LP_OPTIONS_MAX])
{
    double sum = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        double most = 0;
        for (size_t l = 0; l < p->items[i].options; l++) {
            most = fmax(most, fabs(v[i][l]));
        }
        sum += p->items[i].weight * most;
    }
    return sum;
}

static double sum_of(const struct lp_instance *p, const double (*v)[LP_OPTIONS_MAX])
{
    double sum = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        for (size_t l = 0; l < p->items[i].options; l++) {
            sum += p->items[i].weight * v[i][l] * mix[i][l];
        }
    }
    return sum;
}

/* ---- certificates ---------------------------------------------------------------------- */

static const char *check_mixes(const struct lp_instance *p, struct tally *t)
{
    int free_shares = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        double sum = 0;
        int active = 0;
        for (size_t l = 0; l < p->items[i].options; l++) {
            if (!(mix[i][l] >= 0 && mix[i][l] <= 1)) {
                return "a share is not within 0 and 1";
            }
            sum += mix[i][l];
            active += mix[i][l] > 0;
        }
        if (fabs(sum - 1) > 1e-15) {
            return "shares do not sum to 1";
        }
        free_shares += active - 1;
    }
    t->split += free_shares;
    return free_shares > 2 ? "more than two shares are free" : NULL;
}

static double missed(double found, double bound, double size)
{
    const double miss = bound - found;
    return miss > 1e-9 * fmax(fmin(1, size), 1e-3 * size) ? miss : 0;
}

static const char *check_sums(const struct lp_instance *p,
                              const struct sprout_optimum_two *b)
{
    const double c = largest(p, p->cost), q = largest(p, p->quality),
                 a = largest(p, ACCURACY);
    return fabs(sum_of(p, p->cost) - b->cost) > 1e-11 * (1 + c)         ? "the cost"
           : fabs(sum_of(p, p->quality) - b->quality) > 1e-11 * (1 + q) ? "the quality"
           : fabs(sum_of(p, ACCURACY) - b->accuracy) > 1e-11 * (1 + a)  ? "the accuracy"
                                                                        : NULL;
}

/* min over the simplices of c - p q - r a, weighted; and each mix, those of weight 0 too, is
 * among the best at the prices. */
static const char *least_at(const struct lp_instance *p,
                            const struct sprout_optimum_two *b, double *out)
{
    *out = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        double least = INFINITY, of_mix = 0, scale = 0;
        for (size_t l = 0; l < p->items[i].options; l++) {
            const double q = b->price * p->quality[i][l];
            const double a = b->accuracy_price * accuracies[i][l];
            const double v = p->cost[i][l] - q - a;
            least = fmin(least, v);
            of_mix += mix[i][l] * v;
            scale = fmax(scale, fabs(p->cost[i][l]) + fabs(q) + fabs(a));
        }
        if (p->items[i].weight == 0 && of_mix > least + 1e-11 * scale) {
            return "a mix of weight 0 is not the best at the prices";
        }
        *out += p->items[i].weight * least;
    }
    return NULL;
}

static const char *certify(const struct lp_instance *p,
                           const struct sprout_optimum_two *b)
{
    const double q = largest(p, p->quality), a = largest(p, ACCURACY);
    const double scale = largest(p, p->cost) + b->price * q + b->accuracy_price * a;
    if (missed(b->quality, p->bound, q) > 0) {
        return "the floor of quality is missed";
    }
    if (missed(b->accuracy, floor_of_accuracy, a) > 0) {
        return "the floor of accuracy is missed";
    }
    double least;
    const char *const bad = least_at(p, b, &least);
    const double bound =
        b->price * p->bound + b->accuracy_price * floor_of_accuracy + least;
    const double slack = b->price * fmax(0, p->bound - b->quality) +
                         b->accuracy_price * fmax(0, floor_of_accuracy - b->accuracy);
    return bad != NULL                                     ? bad
           : fabs(b->cost - bound) > 1e-10 * scale + slack ? "the dual bound is not met"
                                                           : NULL;
}

/* Where it is not, the answer is about quality alone. */
static bool keeps_quality(const struct lp_instance *p, const struct sprout_optimum_two *b)
{
    const double size = largest(p, p->quality);
    return b->quality >= p->bound - 2 * fmax(1e-9 * fmin(1, size), 1e-12 * size);
}

/* ---- the other solver ------------------------------------------------------------------ */

static glp_prob *glpk_of(const struct lp_instance *p, bool with_cost)
{
    glp_prob *const lp = lp_glpk(p);
    int index[LP_ITEMS_MAX * LP_OPTIONS_MAX + 1];
    double value[LP_ITEMS_MAX * LP_OPTIONS_MAX + 1];
    int n = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        for (size_t l = 0; l < p->items[i].options; l++) {
            n++;
            index[n] = n;
            value[n] = p->items[i].weight * accuracies[i][l];
            if (!with_cost) {
                glp_set_obj_coef(lp, n, -value[n]);
            }
        }
    }
    if (with_cost) {
        const int row = glp_add_rows(lp, 1);
        glp_set_mat_row(lp, row, n, index, value);
        glp_set_row_bnds(lp, row, GLP_LO, floor_of_accuracy, 0);
    }
    return lp;
}

struct answer {
    bool done;
    bool feasible;
    double value;
};

static struct answer ask(const struct lp_instance *p, bool with_cost, bool exact)
{
    glp_prob *const lp = glpk_of(p, with_cost);
    glp_smcp parm;
    glp_init_smcp(&parm);
    parm.msg_lev = GLP_MSG_OFF;
    parm.tol_bnd = GLPK_TOLERANCE;
    parm.tol_dj = GLPK_TOLERANCE;
    parm.it_lim = GLPK_STEPS_MAX;
    const int rc = exact ? glp_exact(lp, &parm) : glp_simplex(lp, &parm);
    const struct answer a = {rc == 0, glp_get_status(lp) == GLP_OPT, glp_get_obj_val(lp)};
    glp_delete_prob(lp);
    return a;
}

/* Accuracy that one unit of quality is worth where accuracy is greatest: glpk's tolerance on
 * the floor of quality is worth that times it. */
static double worth_of_quality(const struct lp_instance *p)
{
    static double minus[LP_ITEMS_MAX][LP_OPTIONS_MAX], own[LP_ITEMS_MAX][LP_OPTIONS_MAX];
    struct sprout_item posed[LP_ITEMS_MAX];
    double *to[LP_ITEMS_MAX];
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    struct sprout_optimum one = {0};
    for (size_t i = 0; i < p->item_count; i++) {
        posed[i] = p->items[i];
        posed[i].cost = minus[i];
        to[i] = own[i];
        for (size_t l = 0; l < p->items[i].options; l++) {
            minus[i][l] = -accuracies[i][l];
        }
    }
    const enum sprout_status s = sprout_optimize(posed, p->item_count, SPROUT_GOAL_FLOOR,
                                                 p->bound, &scratch, to, &one, NULL);
    return s == SPROUT_OK ? one.price : NAN;
}

/* Feasible in both solvers or in neither, unless the floors lie at the very end of what can
 * be had; and the same value.  Where only accuracy falls short, the greatest there is. */
static const char *compare(const struct lp_instance *p,
                           const struct sprout_optimum_two *b, bool exact,
                           struct tally *t)
{
    const double a_size = largest(p, ACCURACY), q_size = largest(p, p->quality);
    const struct answer both = ask(p, true, exact);
    if (!both.done) {
        return "glpk came to no end";
    }
    if (both.feasible && b->feasible) {
        const double allowed =
            GLPK_TOLERANCE * (1 + largest(p, p->cost) + (1 + fabs(p->bound)) * b->price +
                              (1 + fabs(floor_of_accuracy)) * b->accuracy_price);
        return fabs(both.value - b->cost) > allowed ? "glpk found another optimum" : NULL;
    }
    const struct answer most = ask(p, false, exact);
    if (!most.feasible) {
        return b->feasible && b->quality < p->bound - 2e-9 * (1 + q_size)
                   ? "glpk finds quality out of reach"
                   : NULL;
    }
    if (both.feasible != b->feasible) {
        t->borderline++;
        return fabs(-most.value - floor_of_accuracy) > 2e-9 * (1 + a_size) &&
                       fabs(b->quality - p->bound) > 2e-9 * (1 + q_size)
                   ? "glpk disagrees on feasibility"
                   : NULL;
    }
    const double allowed =
        1e-8 * (1 + a_size) + GLPK_TOLERANCE * (1 + fabs(p->bound)) * worth_of_quality(p);
    return keeps_quality(p, b) && !(b->accuracy >= -most.value - allowed)
               ? "infeasible, and not the most accurate that keeps quality"
               : NULL;
}

static const char *against_glpk(const struct lp_instance *p,
                                const struct sprout_optimum_two *b, struct tally *t)
{
    const char *bad = compare(p, b, false, t);
    if (bad != NULL) {
        t->exact++;
        bad = compare(p, b, true, t);
    }
    return bad;
}

static void count(const struct lp_instance *p, const struct sprout_optimum_two *b,
                  struct tally *t)
{
    const bool quality = keeps_quality(p, b);
    t->optimal += b->feasible;
    t->quality_short += !b->feasible && !quality;
    t->accuracy_short += !b->feasible && quality;
    t->binding += b->feasible && b->accuracy_price > 0;
    t->both += b->feasible && b->accuracy_price > 0 && b->price > 0;
    t->steps_max = b->steps > t->steps_max ? b->steps : t->steps_max;
}

/* The first floor alone: where its optimum keeps the second, that is the answer. */
static const char *check_first(const struct lp_instance *p,
                               const struct sprout_optimum_two *b)
{
    static double own[LP_ITEMS_MAX][LP_OPTIONS_MAX];
    double *to[LP_ITEMS_MAX];
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    struct sprout_optimum one;
    for (size_t i = 0; i < LP_ITEMS_MAX; i++) {
        to[i] = own[i];
    }
    if (sprout_optimize(p->items, p->item_count, SPROUT_GOAL_FLOOR, p->bound, &scratch,
                        to, &one, NULL) != SPROUT_OK) {
        return "one floor failed";
    }
    if (b->feasible && one.cost > b->cost + 1e-9 * (1 + largest(p, p->cost))) {
        return "two floors are cheaper than one";
    }
    for (size_t i = 0; b->steps == 1 && i < p->item_count; i++) {
        if (memcmp(own[i], mix[i], p->items[i].options * sizeof own[i][0]) != 0) {
            return "the second floor does not bind, and the mix is another";
        }
    }
    return NULL;
}

static const char *check(const struct lp_instance *p, struct tally *t)
{
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    struct sprout_optimum_two b;
    struct sprout_error err;
    if (sprout_optimize_two(p->items, accuracy, p->item_count, p->bound,
                            floor_of_accuracy, &scratch, mix, &b, &err) != SPROUT_OK) {
        return "it failed";
    }
    if (!isfinite(b.cost) || !isfinite(b.quality) || !isfinite(b.accuracy) ||
        !isfinite(b.price) || !isfinite(b.accuracy_price) || b.price < 0 ||
        b.accuracy_price < 0) {
        return "a result is not finite";
    }
    count(p, &b, t);
    const char *bad = check_mixes(p, t);
    bad = bad != NULL ? bad : check_sums(p, &b);
    bad = bad != NULL || !b.feasible ? bad : certify(p, &b);
    bad = bad != NULL ? bad : check_first(p, &b);
    return bad != NULL ? bad : against_glpk(p, &b, t);
}

static void print_instance(const struct lp_instance *p)
{
    for (size_t i = 0; i < p->item_count; i++) {
        printf("w %.17g:", p->items[i].weight);
        for (size_t l = 0; l < p->items[i].options; l++) {
            printf(" (%.17g %.17g %.17g)", p->cost[i][l], p->quality[i][l],
                   accuracies[i][l]);
        }
        putchar('\n');
    }
    printf("floors %.17g %.17g\n", p->bound, floor_of_accuracy);
}

static bool read_arguments(int argc, char **argv, int64_t *instances, int64_t *seed)
{
    return (argc <= 1 ||
            sprout_str_to_i64(sprout_str_of(argv[1]), instances) == SPROUT_OK) &&
           (argc <= 2 || sprout_str_to_i64(sprout_str_of(argv[2]), seed) == SPROUT_OK) &&
           argc <= 3 && *instances >= 1;
}

int main(int argc, char **argv)
{
    int64_t instances = INSTANCES_DEFAULT, seed = 1;
    static struct lp_instance p;
    struct tally t = {0};
    if (!read_arguments(argc, argv, &instances, &seed)) {
        fputs("usage: optimize_two [INSTANCES [SEED]]\n", stderr);
        return 2;
    }
    uint64_t rng = (uint64_t)seed;
    glp_term_out(GLP_OFF);
    for (size_t i = 0; i < LP_ITEMS_MAX; i++) {
        mix[i] = mixes[i];
        accuracy[i] = accuracies[i];
    }
    for (int64_t n = 0; n < instances; n++) {
        const int64_t drawn_from = (int64_t)rng;
        lp_draw(&p, draw_below(&rng, 16) == 0 ? LP_ITEMS_MAX : 5, 6, &rng);
        if (p.goal != SPROUT_GOAL_FLOOR) {
            p.goal = SPROUT_GOAL_FLOOR;
            p.bound = lp_bound(&p, &rng);
        }
        draw_accuracy(&p, &rng);
        draw_floor(&p, &rng);
        const char *bad = check(&p, &t);
        if (bad != NULL) {
            printf("instance %lld (alone: 1 %lld): %s\n", (long long)n,
                   (long long)drawn_from, bad);
            print_instance(&p);
            return 1;
        }
    }
    printf(
        "%lld instances agree with glpk and with their dual: %ld optimal (accuracy "
        "binds in %ld, both floors in %ld, %ld shares free), %ld short of quality, %ld "
        "of accuracy, %ld at the edge of feasible, %ld by exact simplex, at most %d "
        "steps\n",
        (long long)instances, t.optimal, t.binding, t.both, t.split, t.quality_short,
        t.accuracy_short, t.borderline, t.exact, t.steps_max);
    return 0;
}
