/* SPDX-License-Identifier: Apache-2.0 */
/* estimate_cell.h - what the conversations of one cell add up to.  For estimate.c alone.
 *
 * Kept are sums of products: of energy e and predicted length x in each arm, and of what the
 * mix spent at its grid.  From them come the moments of e - k x for any slope k, which is
 * what an adjusted comparison rests on; k = 0 is energy itself.  Where no length was
 * predicted x is 0.
 * Adding and merging are exact but for rounding; no conversation is kept.  Pure. */
#ifndef SPROUT_CORE_ESTIMATE_CELL_H
#define SPROUT_CORE_ESTIMATE_CELL_H

#include <stdbool.h>
#include <stdint.h>

/* Of one quantity. */
struct sprout_sums {
    int64_t n;
    double e;
    double e2; /* squared */
    double e3; /* to the third */
    double e4;
};

enum { SPROUT_JOINT_DEGREE = 4, SPROUT_JOINT_SUMS = 15 };

/* Sums of e^i x^j, i + j <= 4: by degree, and within one by j. */
struct sprout_joint {
    double s[SPROUT_JOINT_SUMS];
};

/* Under the mix, sums over products of grams spent g, grams per joule c, and z = c x. */
struct sprout_graded {
    int64_t n;
    double g, c, z;
    double g2, gz, z2;
    double gc, zc, c2;
    double gc2, zc2, c3, c4;
};

struct sprout_estimate_cell {
    bool used;
    bool predicted; /* its conversations have a predicted length */
    uint64_t label;
    int64_t holdout_predicted; /* conversations, after cells were merged */
    struct sprout_joint holdout;
    struct sprout_joint mix;
    struct sprout_sums l1;
    struct sprout_graded graded; /* the mix conversations with known grams */
};

void sprout_sums_add(struct sprout_sums *s, double v);
void sprout_joint_add(struct sprout_joint *s, double e, double x);
void sprout_graded_add(struct sprout_graded *s, double joules, double grams, double x);
void sprout_estimate_cell_merge(struct sprout_estimate_cell *to,
                                const struct sprout_estimate_cell *from);

static inline double sprout_joint_n(const struct sprout_joint *s)
{
    return s->s[0];
}

static inline double sprout_joint_e(const struct sprout_joint *s)
{
    return s->s[1];
}

static inline double sprout_joint_x(const struct sprout_joint *s)
{
    return s->s[2];
}

/* Of e - k x. */
struct sprout_sums sprout_joint_along(const struct sprout_joint *s, double k);

/* Of g - k z, in the place of g; z is left as it is. */
struct sprout_graded sprout_graded_along(const struct sprout_graded *s, double k);

/* Sum of squares of x about its mean, and of x with e; 0 where x is always the same. */
struct sprout_joint_spread {
    double xx;
    double xe;
};
struct sprout_joint_spread sprout_joint_spread_of(const struct sprout_joint *s);

/* Of one value; 0 where there are too few to tell. */
double sprout_sums_variance(const struct sprout_sums *s);

/* Fourth central moment over the squared second, of the sample: 3 for a normal one. */
double sprout_sums_kurtosis(const struct sprout_sums *s);

/* Variances of the mix's sum of energy and of grams, given the grid of each conversation.
 * That answers are briefer where the grid is dirty was planned and is no chance, so what
 * counts is the spread about a line: energy as a line in c, grams as c times that.  Where
 * the plan is no line the rest of it is counted too, and the interval is wider than it need
 * be.  `mix` and `g` are along one slope. */
double sprout_energy_variance(const struct sprout_sums *mix,
                              const struct sprout_graded *g);
double sprout_grams_variance(const struct sprout_sums *mix,
                             const struct sprout_graded *g);

#endif
