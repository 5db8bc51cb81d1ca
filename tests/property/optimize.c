/* SPDX-License-Identifier: Apache-2.0 */
/* The optimizer against glpk, and against its own dual, on random instances.
 *
 *     build/tests/property/optimize [INSTANCES [SEED]]
 *
 * glpk is another implementation of another algorithm (simplex), good to its tolerances of
 * 1e-9 on the bound and the reduced costs.  The certificate is sharper: for any price p,
 * p * bound + sum_i w_i min_l (c_il - p q_il) bounds the cost from below (weak duality), so
 * a feasible mix that meets it is optimal, whoever found it.
 * Prints the number of instances and of what they were; exits 1 at the first that fails,
 * with its seed. */
#include <stdio.h>

#include "lp_instance.h"

#define INSTANCES_DEFAULT 100000
#define GLPK_TOLERANCE    1e-9
#define GLPK_STEPS_MAX    2000

static double mixes[LP_ITEMS_MAX][LP_OPTIONS_MAX];
static double *mix[LP_ITEMS_MAX];
static char block[1 << 16];

struct tally {
    long optimal;
    long infeasible;
    long binding;
    long split;
    long exact;      /* settled by glpk's exact simplex */
    long borderline; /* feasible for one solver by less than its tolerance */
};

static double largest(const struct lp_instance *p, bool cost)
{
    double sum = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        double most = 0;
        for (size_t l = 0; l < p->items[i].options; l++) {
            most = fmax(most, fabs(cost ? p->cost[i][l] : p->quality[i][l]));
        }
        sum += p->items[i].weight * most;
    }
    return sum;
}

/* Shares in [0, 1] that sum to 1; at most one item split, and that between two. */
static const char *check_mixes(const struct lp_instance *p, struct tally *t)
{
    int split = 0;
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
        if (active > 2) {
            return "an item is split in three";
        }
        split += active == 2;
    }
    t->split += split;
    return split > 1 ? "two items are split" : NULL;
}

/* min over the simplices of cost - price * quality, weighted. */
static double least_at(const struct lp_instance *p, double price)
{
    double sum = 0;
    for (size_t i = 0; i < p->item_count; i++) {
        double least = INFINITY;
        for (size_t l = 0; l < p->items[i].options; l++) {
            least = fmin(least, p->cost[i][l] - price * p->quality[i][l]);
        }
        sum += p->items[i].weight * least;
    }
    return sum;
}

/* Each item's mix, those of weight 0 too, is among the best at the price. */
static const char *check_price(const struct lp_instance *p, double price)
{
    for (size_t i = 0; i < p->item_count; i++) {
        double least = INFINITY, of_mix = 0, scale = 0;
        for (size_t l = 0; l < p->items[i].options; l++) {
            const double v = p->cost[i][l] - price * p->quality[i][l];
            least = fmin(least, v);
            of_mix += mix[i][l] * v;
            scale = fmax(scale, fabs(p->cost[i][l]) + price * fabs(p->quality[i][l]));
        }
        if (of_mix > least + 1e-12 * scale) {
            return "an item's mix is not the best at the price";
        }
    }
    return NULL;
}

/* Optimal because no mix can be better: weak duality. */
static const char *certify(const struct lp_instance *p, const struct sprout_optimum *b)
{
    const double price = b->price;
    const double scale = largest(p, true) + price * largest(p, false);
    const bool floor = p->goal == SPROUT_GOAL_FLOOR;
    const double used = floor ? b->quality : b->cost;
    const double miss = floor ? p->bound - used : used - p->bound;
    if (miss > 1e-9 * fmax(fmin(1, largest(p, !floor)), 1e-3 * largest(p, !floor))) {
        return "the bound is missed";
    }
    if (price == 0) { /* no constraint: the cheapest, or the best */
        return NULL;
    }
    /* floor: cost >= price * Q + least;  budget: price * quality <= B - least */
    const double gap = floor ? b->cost - (price * p->bound + least_at(p, price))
                             : (p->bound - least_at(p, price)) - price * b->quality;
    return fabs(gap) > 1e-11 * scale + price * fmax(miss, 0) ? "the dual bound is not met"
                                                             : check_price(p, price);
}

/* With price 0 the mix must be the extreme one. */
static const char *check_unbound(const struct lp_instance *p,
                                 const struct sprout_optimum *b)
{
    const bool floor = p->goal == SPROUT_GOAL_FLOOR;
    const bool cost = floor == b->feasible; /* least cost, else greatest quality */
    if (b->feasible && b->price != 0) {
        return NULL;
    }
    for (size_t i = 0; i < p->item_count; i++) {
        for (size_t l = 0; l < p->items[i].options; l++) {
            for (size_t k = 0; k < p->items[i].options; k++) {
                if (mix[i][l] > 0 && (cost ? p->cost[i][k] < p->cost[i][l]
                                           : p->quality[i][k] > p->quality[i][l])) {
                    return "the mix is not the extreme one";
                }
            }
        }
    }
    return NULL;
}

struct answer {
    bool done;
    bool feasible;
    double value;
};

static struct answer ask(glp_prob *lp, bool exact)
{
    glp_smcp parm;
    glp_init_smcp(&parm);
    parm.msg_lev = GLP_MSG_OFF;
    parm.tol_bnd = GLPK_TOLERANCE;
    parm.tol_dj = GLPK_TOLERANCE;
    parm.it_lim = GLPK_STEPS_MAX; /* with tolerances this tight it can cycle */
    if (exact) {
        glp_std_basis(lp);
    }
    const int rc = exact ? glp_exact(lp, &parm) : glp_simplex(lp, &parm);
    return (struct answer){rc == 0, glp_get_status(lp) == GLP_OPT, glp_get_obj_val(lp)};
}

static const char *compare(const struct lp_instance *p, const struct sprout_optimum *b,
                           const struct answer *a, struct tally *t)
{
    const bool floor = p->goal == SPROUT_GOAL_FLOOR;
    if (!a->done) {
        return "glpk came to no end";
    }
    if (a->feasible != b->feasible) {
        /* Only where the bound lies at the very end of what can be had. */
        const double miss = fabs((floor ? b->quality : b->cost) - p->bound);
        t->borderline++;
        return miss > 2e-9 * (1 + largest(p, !floor)) ? "glpk disagrees on feasibility"
                                                      : NULL;
    }
    if (!a->feasible) {
        return NULL;
    }
    /* Missing the bound by a tolerance is worth that times the price. */
    const double price = floor ? b->price : (b->price > 0 ? 1 / b->price : 0);
    const double allowed =
        GLPK_TOLERANCE * (1 + largest(p, floor) + (1 + fabs(p->bound)) * price);
    return fabs(a->value - (floor ? b->cost : b->quality)) > allowed
               ? "glpk found another optimum"
               : NULL;
}

/* glpk's fast simplex first.  Where that differs, because it cycled or its tolerances added
 * up, its exact one, which computes in rationals, has the last word. */
static const char *against_glpk(const struct lp_instance *p,
                                const struct sprout_optimum *b, struct tally *t)
{
    glp_prob *lp = lp_glpk(p);
    struct answer a = ask(lp, false);
    const char *bad = compare(p, b, &a, t);
    if (bad != NULL) {
        t->exact++;
        a = ask(lp, true);
        bad = compare(p, b, &a, t);
    }
    glp_delete_prob(lp);
    return bad;
}

static const char *check(const struct lp_instance *p, struct tally *t)
{
    struct sprout_arena scratch = sprout_arena_of(block, sizeof block);
    struct sprout_optimum best;
    struct sprout_error err;
    if (sprout_optimize(p->items, p->item_count, p->goal, p->bound, &scratch, mix, &best,
                        &err) != SPROUT_OK) {
        return "it failed";
    }
    if (!isfinite(best.cost) || !isfinite(best.quality) || !isfinite(best.price) ||
        best.price < 0) {
        return "a result is not finite";
    }
    t->optimal += best.feasible;
    t->infeasible += !best.feasible;
    t->binding += best.feasible && best.price > 0;

    const char *bad = check_mixes(p, t);
    if (bad == NULL && best.feasible) {
        bad = certify(p, &best);
    }
    if (bad == NULL) {
        bad = check_unbound(p, &best);
    }
    return bad != NULL ? bad : against_glpk(p, &best, t);
}

static void print_instance(const struct lp_instance *p)
{
    printf("{\"items\":[");
    for (size_t i = 0; i < p->item_count; i++) {
        printf("%s{\"weight\":%.17g,\"cost\":[", i > 0 ? "," : "", p->items[i].weight);
        for (size_t l = 0; l < p->items[i].options; l++) {
            printf("%s%.17g", l > 0 ? "," : "", p->cost[i][l]);
        }
        printf("],\"quality\":[");
        for (size_t l = 0; l < p->items[i].options; l++) {
            printf("%s%.17g", l > 0 ? "," : "", p->quality[i][l]);
        }
        printf("]}");
    }
    printf("],\"%s\":%.17g}\n", p->goal == SPROUT_GOAL_FLOOR ? "floor" : "budget",
           p->bound);
}

int main(int argc, char **argv)
{
    int64_t instances = INSTANCES_DEFAULT, seed = 1;
    if ((argc > 1 &&
         sprout_str_to_i64(sprout_str_of(argv[1]), &instances) != SPROUT_OK) ||
        (argc > 2 && sprout_str_to_i64(sprout_str_of(argv[2]), &seed) != SPROUT_OK) ||
        argc > 3 || instances < 1) {
        fputs("usage: optimize [INSTANCES [SEED]]\n", stderr);
        return 2;
    }
    uint64_t rng = (uint64_t)seed;
    glp_term_out(GLP_OFF);
    static struct lp_instance p;
    struct tally t = {0};
    for (size_t i = 0; i < LP_ITEMS_MAX; i++) {
        mix[i] = mixes[i];
    }

    for (int64_t n = 0; n < instances; n++) {
        const int64_t drawn_from = (int64_t)rng;
        /* Mostly small, where corners are met exactly; some of many items. */
        lp_draw(&p, draw_below(&rng, 16) == 0 ? LP_ITEMS_MAX : 5, 6, &rng);
        const char *bad = check(&p, &t);
        if (bad != NULL) {
            printf("instance %lld (alone: 1 %lld): %s\n", (long long)n,
                   (long long)drawn_from, bad);
            print_instance(&p);
            return 1;
        }
    }
    printf("%lld instances agree with glpk and with their dual: %ld optimal (%ld with a "
           "binding bound, %ld split), %ld infeasible, %ld at the edge of feasible, %ld "
           "by exact simplex\n",
           (long long)instances, t.optimal, t.binding, t.split, t.infeasible,
           t.borderline, t.exact);
    return 0;
}
