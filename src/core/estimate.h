/* SPDX-License-Identifier: Apache-2.0 */
/* estimate.h - what was saved, against the holdout, with an interval.
 *
 * The unit is the conversation: it is what chance assigned to an arm, and its requests are
 * not independent.  Conversations under the mix are compared with conversations of the
 * holdout (always L0) in the same cell; a cell is a (rule, stratum, model), so a group that
 * happens to be larger in one arm is not taken for a saving, nor is it noise: the interval
 * is post-stratified.  Energy comes first; grams then put the same grid on both arms:
 *
 *     actual          N = sum over mix conversations j of  c_j E_j
 *     counterfactual  D = sum over cells s of  W_s mean_H,s(E),   W_s = sum over j in s of c_j
 *     saved           1 - N / D                         (c_j = 1 for energy, N and D in J)
 *
 * with E_j the energy of conversation j and c_j its own grams per joule at the hours it ran
 * in, which is CI_h where a conversation lies within one hour: D is then the sum over hours
 * of CI_h n_h times what a conversation takes at L0.  docs/estimate.md derives the interval
 * (95 %, of log N/D, Satterthwaite's degrees of freedom) and shows its measured coverage.
 *
 * What was known before the choice narrows the interval: with a predicted length x_j, one
 * slope beta of energy on it, fitted within the cells of the holdout, and m, xbar its means,
 *
 *     D = sum over cells s of  W_s m_s + beta (sum over j in s of c_j x_j - W_s xbar_s)
 *
 * The arms are drawn by chance, so the bracket is 0 on average and D is moved by it only
 * where the holdout by chance had longer or shorter questions than the mix.
 *
 * The plain interval is for one look, at a moment that was not chosen by what it shows.  The
 * anytime interval holds the truth at every look from the 200th holdout conversation on with
 * 95 % (asymptotically): a normal-mixture confidence sequence of log N/D.
 *
 * Beside it, what always-L1 would have done: conversations that chance served at L1
 * throughout, weighted to the same cells; unknown where a cell has too few.
 *
 * Streaming: sums per cell and arm, no conversation is kept; memory is fixed at new.
 * Threads: one estimate, one thread.  Pure. */
#ifndef SPROUT_CORE_ESTIMATE_H
#define SPROUT_CORE_ESTIMATE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"
#include "core/units.h"

enum {
    /* Fewer conversations than this in either arm give no number. */
    SPROUT_ESTIMATE_UNITS_MIN = 20,
    /* Below this the interval for any number of looks is withheld. */
    SPROUT_ESTIMATE_ANYTIME_MIN = 200,
    /* With fewer predicted lengths than this in the holdout nothing is adjusted. */
    SPROUT_ESTIMATE_ADJUST_MIN = 200,
    /* A cell that expects fewer holdout conversations than this is pooled with others. */
    SPROUT_ESTIMATE_CELL_MIN = 5,
};

enum sprout_estimate_arm {
    SPROUT_ESTIMATE_HOLDOUT,
    SPROUT_ESTIMATE_MIX,
    SPROUT_ESTIMATE_EXPLORE, /* says something of L1 only */
};

/* One conversation, all its requests of the period summed.  Conversations with forced or
 * untouched requests are not fed: no chance decided about them. */
struct sprout_estimate_unit {
    uint64_t cell; /* any hash of (rule, stratum, model) */
    enum sprout_estimate_arm arm;
    bool at_l1;           /* every request of it was served at L1 (mix or exploration) */
    sprout_joules energy; /* unknown: NaN, and the conversation is only counted */
    sprout_grams grams; /* what it really cost, at the grid of its own hours; NaN if some
                             hour's grid is unknown */
    double predicted; /* tokens expected at L0 before the choice; not above 0: unknown */
};

enum sprout_estimate_state {
    SPROUT_ESTIMATE_OK,
    SPROUT_ESTIMATE_FEW_HOLDOUT, /* "not enough holdout yet" */
    SPROUT_ESTIMATE_FEW_MIX,     /* "not enough conversations under the mix yet" */
};

const char *sprout_estimate_state_text(enum sprout_estimate_state s);

/* All NaN where it is not known. */
struct sprout_interval {
    double value;
    double low; /* 95 % */
    double high;
};

struct sprout_estimate_result {
    enum sprout_estimate_state energy_state;
    enum sprout_estimate_state carbon_state; /* of conversations with known grams */

    struct sprout_interval energy_percent; /* saved, of what L0 would have used */
    struct sprout_interval joules;         /* saved by the mix conversations, in all */
    struct sprout_interval carbon_percent;
    struct sprout_interval grams;
    struct sprout_interval energy_anytime_percent; /* however often one looks */
    struct sprout_interval carbon_anytime_percent;
    struct sprout_interval l1_energy_percent; /* always-L1 against the same holdout */
    struct sprout_interval l1_carbon_percent;

    bool adjusted;                  /* by predicted lengths; always-L1 never is */
    double energy_narrower_percent; /* than without them; NaN: not adjusted */
    double carbon_narrower_percent;

    int64_t holdout;           /* conversations that the estimate rests on */
    int64_t holdout_predicted; /* those of them with a predicted length */
    int64_t mix;               /* conversations that the estimate speaks of */
    int64_t at_l1;             /* conversations behind always-L1 */
    int64_t uncovered; /* mix conversations whose cell has no holdout: not spoken of */
    int64_t unknown;   /* conversations with unknown energy */
    int64_t dropped;   /* beyond the maximum of cells: not spoken of */
    int64_t cells;     /* compared one by one; the small ones count as one */
};

struct sprout_estimate;

/* Bytes of arena that an estimate of up to `max_cells` cells takes.  A cell some of whose
 * conversations have no predicted length counts twice. */
size_t sprout_estimate_memory(size_t max_cells);

/* NULL when the arena is too small or max_cells is 0. */
struct sprout_estimate *sprout_estimate_new(struct sprout_arena *arena, size_t max_cells);

void sprout_estimate_add(struct sprout_estimate *e,
                         const struct sprout_estimate_unit *unit);

/* What the units so far say; may be asked again later. */
struct sprout_estimate_result sprout_estimate_result(const struct sprout_estimate *e);

#endif
