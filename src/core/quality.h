/* SPDX-License-Identifier: Apache-2.0 */
/* quality.h - from a judge's verdicts to what each level is worth, and how sure that is.
 *
 * A verdict names the best of the answers shown, or several (a tie of k gives each 1/k).
 * Every comparison is put twice, in opposite orders, so a verdict counts half, times
 * 2^(-age / half_life).  What follows is closed but for one fixed-point iteration:
 *
 *   slots     a judge favours places.  P(level l in slot j) ~ theta_sl * bias_j; theta and
 *             bias are fitted together (minorise-maximise) where a chi-square test at 1 %
 *             sees a bias, and bias is 1 elsewhere.  Effective counts are N theta_l, N the
 *             least number of plain draws that says as much of every level (Fisher).
 *             Prompts sampled out of proportion (sampling.h) stand for more or for fewer:
 *             counts are weighted so, and N is (sum w)^2 / sum w^2.
 *   whole     alpha_0 = prior_weight * prior, plus the counts of every stratum, each
 *             discounted to what it says of the whole: c (k + 1) / (n + k).
 *   stratum   theta_s ~ Dirichlet(k * theta_whole); with the whole known only as
 *             Dirichlet(A) by the other strata, moments give Dirichlet(K m), K + 1 =
 *             (A + 1)(k + 1) / (A + k + 1); the stratum's own counts come on top.
 *   share     q_l ~ Beta(alpha_l, sum - alpha_l); relative quality q_l / q_0 = B / (1 - B)
 *             with B ~ Beta(alpha_l, alpha_0): exact quantiles of a Dirichlet.
 *   drift     the newest run against the older ones (chi-square, 0.1 %): after a jump the
 *             older ones count a tenth.  Another model or other directives: the caller
 *             gives only verdicts about those in force.
 *
 * Whether the judge is worth listening to is its report card, made from the same verdicts.
 * Pure; the caller owns all memory; O(verdicts x levels x iterations).
 * Not here: the orders (judge.h), the ledger, what follows for the mix (the planner). */
#ifndef SPROUT_CORE_QUALITY_H
#define SPROUT_CORE_QUALITY_H

#include <stddef.h>

#include "core/policy.h"

struct sprout_quality_verdict {
    int64_t run;
    int64_t item;
    int question; /* 2k and 2k + 1 are one comparison in both orders */
    int stratum;  /* from 0 */
    int slots;
    uint8_t shown[SPROUT_LEVELS_MAX]; /* the level in each slot */
    uint32_t best;                    /* bit l: level l was named; 0: unreadable */
    uint32_t right, wrong;            /* levels whose answer a reference settles */
    sprout_tokens tokens[SPROUT_LEVELS_MAX];
    sprout_instant at;
    double weight; /* prompts like this one that it stands for; 0: 1 */
};

#define SPROUT_QUALITY_PRIOR_WEIGHT 30.0
#define SPROUT_QUALITY_HALF_LIFE_S  (30 * INT64_C(86400))

/* Zero members take the default in brackets. */
struct sprout_quality_opts {
    double prior[SPROUT_LEVELS_MAX]; /* shares; sum > 0 */
    double prior_weight;             /* verdicts that the prior counts for [30] */
    double stratum_weight;           /* k: how alike strata are taken to be [50] */
    sprout_span half_life;           /* [30 days] */
    sprout_instant now;
    int levels;
    int strata;
    bool uncorrected; /* leave slots alone, to see what they do */
};

struct sprout_quality {
    double alpha[SPROUT_LEVELS_MAX]; /* of the Dirichlet */
    int levels;
    double n;         /* effective comparisons behind it, the prior apart */
    int64_t verdicts; /* readable ones */
};

struct sprout_quality_fit {
    struct sprout_quality whole;
    struct sprout_quality stratum[SPROUT_STRATA_MAX];
    double bias[SPROUT_LEVELS_MAX + 1][SPROUT_LEVELS_MAX]; /* [slots][slot], sum 1 */
    bool biased[SPROUT_LEVELS_MAX + 1];                    /* the test saw it */
    bool jumped;                                           /* the newest run disagrees */
};

/* Verdicts in any order; unreadable ones and those of a stratum out of range say nothing. */
void sprout_quality_fit(const struct sprout_quality_verdict *v, size_t count,
                        const struct sprout_quality_opts *opts,
                        struct sprout_quality_fit *out);

struct sprout_quality_interval {
    double value; /* mean */
    double low;
    double high;
};

/* Equal-tailed interval that holds q_l with probability `level` (0.9). */
struct sprout_quality_interval sprout_quality_share(const struct sprout_quality *q, int l,
                                                    double level);
/* The same of q_l / q_0; value is alpha_l / alpha_0.  Of level 0: 1. */
struct sprout_quality_interval sprout_quality_relative(const struct sprout_quality *q,
                                                       int l, double level);
/* q_l / q_0 that is reached with probability `certainty`: 0.5 is the median. */
double sprout_quality_cautious(const struct sprout_quality *q, int l, double certainty);

/* Regularised incomplete beta I_x(a, b), and its inverse in x; a, b > 0. */
double sprout_beta_cdf(double a, double b, double x);
double sprout_beta_quantile(double a, double b, double p);

/* ---- the judge's report card ---------------------------------------------------------- */

enum sprout_judge_fault {
    SPROUT_JUDGE_USABLE,
    SPROUT_JUDGE_FEW,        /* too few comparisons to tell */
    SPROUT_JUDGE_UNREADABLE, /* too many replies that say nothing */
    SPROUT_JUDGE_POSITION,   /* names a slot, whatever stands in it */
    SPROUT_JUDGE_RANDOM,  /* turned round, it agrees with itself no more than by chance */
    SPROUT_JUDGE_LONGEST, /* names the longest answer */
    SPROUT_JUDGE_WRONG,   /* names right answers no more often than chance */
};

/* In words, for a person. */
const char *sprout_judge_fault_text(enum sprout_judge_fault f);

/* Thresholds, fixed and documented. */
#define SPROUT_JUDGE_PAIRS_MIN      30
#define SPROUT_JUDGE_UNREADABLE_MAX 0.2
#define SPROUT_JUDGE_SLOT_MAX       0.8
#define SPROUT_JUDGE_LONGEST_MAX    0.85
#define SPROUT_JUDGE_KAPPA_MIN      0.05 /* and above 0 at 99 % */

/* Shares are NaN where nothing could be counted. */
struct sprout_judge_card {
    int64_t questions;
    double unreadable;              /* share */
    int64_t pairs;                  /* comparisons readable in both orders */
    double agreement;               /* with itself, the order turned round */
    double chance;                  /* what its favourite slots alone would give */
    double kappa;                   /* (agreement - chance) / (1 - chance) */
    int slots;                      /* of most questions */
    double slot[SPROUT_LEVELS_MAX]; /* share won by each of them */
    int64_t measured;
    double longest; /* share won by the longest answer */
    int64_t settled;
    double right; /* share won by right answers, where right and wrong ones were shown */
    double right_chance;
    enum sprout_judge_fault fault;
};

/* Verdicts of one judge, sorted by (item, question). */
struct sprout_judge_card sprout_judge_card(const struct sprout_quality_verdict *v,
                                           size_t count);

/* A run whose verdicts say nothing, because the judge failed in it. */
struct sprout_judge_failed {
    int64_t run;
    enum sprout_judge_fault fault;
};
#define SPROUT_JUDGE_FAILED_MAX 32
#define SPROUT_JUDGE_RUN_PAIRS                                                           \
    100 /* from here on a run must pass as a whole judge does */

/* A judge may go bad under his name: takes the runs out of `v` (sorted as above; the items of
 * a run lie together) in which he fails the card by himself.  A run of fewer than
 * SPROUT_JUDGE_PAIRS_MIN comparisons is too small to fail; one of fewer than
 * SPROUT_JUDGE_RUN_PAIRS agrees by chance only if kappa is under SPROUT_JUDGE_KAPPA_MIN.
 * Tells the newest `*failed` of them, at most SPROUT_JUDGE_FAILED_MAX, oldest first.
 * Returns how many verdicts are left; of 0 `v` is as it was. */
size_t sprout_judge_sieve(struct sprout_quality_verdict *v, size_t count,
                          struct sprout_judge_failed out[SPROUT_JUDGE_FAILED_MAX],
                          size_t *failed);

#endif
