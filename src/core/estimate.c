/* SPDX-License-Identifier: Apache-2.0 */
/* estimate.c - see estimate.h; docs/estimate.md has the derivation.
 *
 * Cells stand in an open-addressed table of fixed size.  A result is made in one pass over
 * it: small cells are pooled, cells without holdout left out, and what remains is summed
 * into terms (mix, holdout, L1 and their variances), from which all intervals come.  Where
 * enough lengths were predicted a second pass makes the same terms of energy less what the
 * length explains.  Sums of a cell and their spread: estimate_cell.h. */
#include "core/estimate.h"

#include <stdint.h>

#include "core/estimate_cell.h"

#define Z_95 1.959963984540054
/* Precision of the mixing normal: the sequence is tightest where log N/D has a standard
 * error of 0.1, 1 / (0.1^2 * (2 log 20 + log(2 log 20 + 1))). */
#define MIXTURE 12.6
#define ALPHA   0.05
#define DF_MIN  4.0 /* below, the expansion of t is not good enough */

struct sprout_estimate {
    struct sprout_estimate_cell *cells;
    size_t slots; /* a power of two, at least a third more than max_cells */
    size_t max_cells;
    size_t used;
    int64_t unknown;
    int64_t dropped;
};

const char *sprout_estimate_state_text(enum sprout_estimate_state s)
{
    switch (s) {
    case SPROUT_ESTIMATE_OK:
        return "ok";
    case SPROUT_ESTIMATE_FEW_HOLDOUT:
        return "not enough holdout yet";
    case SPROUT_ESTIMATE_FEW_MIX:
        break;
    }
    return "not enough conversations under the mix yet";
}

/* ---- feeding --------------------------------------------------------------------------- */

static size_t slots_for(size_t max_cells)
{
    size_t slots = 8;
    while (slots < max_cells + max_cells / 2 && slots <= SIZE_MAX / 4) {
        slots *= 2;
    }
    return slots;
}

size_t sprout_estimate_memory(size_t max_cells)
{
    return sizeof(struct sprout_estimate) +
           slots_for(max_cells) * sizeof(struct sprout_estimate_cell) +
           2 * _Alignof(max_align_t);
}

struct sprout_estimate *sprout_estimate_new(struct sprout_arena *arena, size_t max_cells)
{
    struct sprout_estimate *e = sprout_arena_alloc(arena, sizeof *e);
    struct sprout_estimate_cell *cells = sprout_arena_array(
        arena, slots_for(max_cells), sizeof(struct sprout_estimate_cell));
    if (e == NULL || cells == NULL || max_cells == 0) {
        return NULL;
    }
    *e = (struct sprout_estimate){
        .cells = cells, .slots = slots_for(max_cells), .max_cells = max_cells};
    return e;
}

/* Conversations with a predicted length and those without are cells apart: whether there
 * was one was known before the choice, too.  NULL when there is no room for another. */
static struct sprout_estimate_cell *find_cell(struct sprout_estimate *e, uint64_t label,
                                              bool predicted)
{
    /* The label may be any number, not only a good hash. */
    const uint64_t mixed = (label * 2 + predicted) * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(mixed >> 20) & (e->slots - 1);
    while (e->cells[at].used &&
           (e->cells[at].label != label || e->cells[at].predicted != predicted)) {
        at = (at + 1) & (e->slots - 1);
    }
    if (!e->cells[at].used) {
        if (e->used == e->max_cells) {
            return NULL;
        }
        e->used++;
        e->cells[at] = (struct sprout_estimate_cell){
            .used = true, .label = label, .predicted = predicted};
    }
    return &e->cells[at];
}

void sprout_estimate_add(struct sprout_estimate *e,
                         const struct sprout_estimate_unit *unit)
{
    const double joules = unit->energy.v;
    if (!(joules >= 0 && isfinite(joules))) {
        e->unknown++;
        return;
    }
    const bool predicted = unit->predicted > 0 && isfinite(unit->predicted);
    const double x = predicted ? unit->predicted : 0;
    struct sprout_estimate_cell *c = find_cell(e, unit->cell, predicted);
    if (c == NULL) {
        e->dropped++;
        return;
    }
    if (unit->arm == SPROUT_ESTIMATE_HOLDOUT) {
        sprout_joint_add(&c->holdout, joules, x);
        c->holdout_predicted += predicted;
        return;
    }
    if (unit->at_l1) {
        sprout_sums_add(&c->l1, joules);
    }
    if (unit->arm == SPROUT_ESTIMATE_MIX) {
        sprout_joint_add(&c->mix, joules, x);
        /* A conversation without energy says nothing of its hours' grams per joule. */
        if (joules > 0 && isfinite(unit->grams.v)) {
            sprout_graded_add(&c->graded, joules, unit->grams.v, x);
        }
    }
}

/* ---- cells to compare ------------------------------------------------------------------ */

/* An independent part of a result: one arm, over all cells that are compared. */
struct term {
    double value;
    double var;
    double var2_n1;  /* sum over cells of var_k^2 / (n_k - 1) */
    double var2_2n;  /* sum over cells of var_k^2 / (2 n_k) */
    double n;        /* conversations */
    double kurtosis; /* sum over cells of n_k times theirs */
};

/* Adds a sum over conversations of `s`, given the value it took and its variance. */
static void term_add(struct term *t, const struct sprout_sums *s, double value,
                     double var)
{
    const double n = (double)s->n;
    t->value += value;
    t->var += var;
    t->var2_n1 += var * var / (n - 1);
    t->var2_2n += var * var / (2 * n);
    t->n += n;
    t->kurtosis += n * sprout_sums_kurtosis(s);
}

/* var^2 over its degrees of freedom (Satterthwaite): the error of a sample's variance is
 * var sqrt(2 / (n - 1)) for a normal sample, and more where tails are heavy.  One kurtosis
 * serves all cells of an arm: a cell alone is too small to show its own. */
static double term_var2_over_df(const struct term *t)
{
    const double excess = fmax(t->kurtosis / t->n - 3, 0);
    return t->var2_n1 + excess * t->var2_2n;
}

/* Adds w times the mean of `s`, and what is known without it. */
static void term_add_mean(struct term *t, const struct sprout_sums *s, double w,
                          double known)
{
    const double n = (double)s->n;
    term_add(t, s, w * s->e / n + known, w * w / n * sprout_sums_variance(s));
}

/* What is taken out of energy per unit of predicted length; [0] for joules, [1] for grams.
 * All 0: the comparison is not adjusted. */
struct slopes {
    double holdout; /* beta */
    double mix[2];  /* R beta */
};

/* What a result is made of; [0] in joules, [1] in grams. */
struct totals {
    struct term mix[2];
    struct term holdout[2];
    struct term l1[2];
    struct sprout_joint_spread within; /* the holdout's, summed over cells */
    bool l1_known;                     /* in every cell that is spoken of */
    int64_t n_holdout;
    int64_t n_predicted; /* in the holdout */
    int64_t n_mix;
    int64_t n_graded;
    int64_t n_l1;
    int64_t uncovered;
    int64_t cells;
};

/* The mix gives a sum with the weights c_j (1 for energy); the other arms a mean, taken
 * W = sum c_j times. */
static void compare_arms(struct totals *t, const struct sprout_estimate_cell *c,
                         const struct slopes *slopes)
{
    const double beta = slopes->holdout;
    const double weight[2] = {sprout_joint_n(&c->mix), c->graded.c};
    const double lengths[2] = {sprout_joint_x(&c->mix), c->graded.z};
    const double spent[2] = {sprout_joint_e(&c->mix), c->graded.g};
    const struct sprout_sums holdout = sprout_joint_along(&c->holdout, beta);

    for (int k = 0; k < 2; k++) {
        const struct sprout_sums mix = sprout_joint_along(&c->mix, slopes->mix[k]);
        const struct sprout_graded g = sprout_graded_along(&c->graded, slopes->mix[k]);
        term_add(&t->mix[k], &mix, spent[k],
                 k == 0 ? sprout_energy_variance(&mix, &g)
                        : sprout_grams_variance(&mix, &g));
        term_add_mean(&t->holdout[k], &holdout, weight[k], beta * lengths[k]);
        if (c->l1.n >= 2) {
            term_add_mean(&t->l1[k], &c->l1, weight[k], 0);
        }
    }
}

static void compare_cell(struct totals *t, const struct sprout_estimate_cell *c,
                         const struct slopes *slopes)
{
    const struct sprout_joint_spread within = sprout_joint_spread_of(&c->holdout);
    compare_arms(t, c, slopes);
    t->within.xx += within.xx;
    t->within.xe += within.xe;
    t->l1_known = t->l1_known && c->l1.n >= 2;
    t->n_holdout += (int64_t)sprout_joint_n(&c->holdout);
    t->n_predicted += c->holdout_predicted;
    t->n_mix += (int64_t)sprout_joint_n(&c->mix);
    t->n_graded += c->graded.n;
    t->n_l1 += c->l1.n;
    t->cells++;
}

/* Pooling must not look at what chance did, or it would bend the comparison: it goes by the
 * conversations of both arms, and asks how many in the holdout they lead one to expect. */
static struct totals total(const struct sprout_estimate *e, const struct slopes *slopes)
{
    struct sprout_estimate_cell pool = {0};
    double holdouts = 0, mixes = 0;
    for (size_t i = 0; i < e->slots; i++) {
        if (sprout_joint_n(&e->cells[i].holdout) > 0) {
            holdouts += sprout_joint_n(&e->cells[i].holdout);
            mixes += sprout_joint_n(&e->cells[i].mix);
        }
    }
    const double share = holdouts / fmax(1, holdouts + mixes);

    struct totals t = {.l1_known = true};
    for (size_t i = 0; i < e->slots; i++) {
        const struct sprout_estimate_cell *c = &e->cells[i];
        const double holdout = sprout_joint_n(&c->holdout);
        const double mix = sprout_joint_n(&c->mix);
        const bool large = share * (holdout + mix) >= SPROUT_ESTIMATE_CELL_MIN;
        if (large && holdout == 0) { /* a rule keeps it out of the holdout */
            t.uncovered += (int64_t)mix;
        } else if (large && holdout >= 2 && mix >= 2) {
            compare_cell(&t, c, slopes);
        } else {
            sprout_estimate_cell_merge(&pool, c);
        }
    }
    if (sprout_joint_n(&pool.holdout) >= 2 && sprout_joint_n(&pool.mix) >= 2) {
        compare_cell(&t, &pool, slopes);
    } else {
        t.uncovered += (int64_t)sprout_joint_n(&pool.mix);
    }
    return t;
}

/* ---- intervals ------------------------------------------------------------------------- */

/* Student's t, 97.5 %, by the expansion of Cornish and Fisher in 1 / df; within 0.1 % from
 * df = 4 on. */
static double t_quantile(double df)
{
    const double z = Z_95, z2 = z * z;
    const double a1 = z * (z2 + 1) / 4;
    const double a2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
    const double a3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    const double a4 =
        z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return z + (a1 + (a2 + (a3 + a4 / df) / df) / df) / df;
}

static const struct sprout_interval unknown = {NAN, NAN, NAN};

/* Half the width of the confidence sequence at variance `var`: with information I = 1/var
 * the error is as a Brownian motion at I, which leaves the mixture boundary
 * sqrt((I + r) / I^2 log((I + r) / (r alpha^2))) with probability alpha at most, ever. */
static double anytime_half(double var)
{
    const double info = 1 / var;
    return sqrt((info + MIXTURE) / (info * info) *
                log((info + MIXTURE) / (MIXTURE * ALPHA * ALPHA)));
}

/* 1 - N / D in percent.  The interval is that of log N - log D with the quantile of
 * Student's t, whose degrees of freedom allow for the heavy tails that lengths of answers
 * have. */
struct saved {
    struct sprout_interval plain;
    struct sprout_interval
        anytime; /* the same quantile allows for tails, in proportion */
};

static struct sprout_interval around(double ratio, double half)
{
    const double factor = exp(half);
    return (struct sprout_interval){
        .value = 100 * (1 - ratio),
        .low = 100 * (1 - ratio * factor),
        .high = 100 * (1 - ratio / factor),
    };
}

static struct saved percent_saved(const struct term *n, const struct term *d)
{
    if (!(n->value > 0 && d->value > 0)) {
        return (struct saved){unknown, unknown};
    }
    const double n2 = n->value * n->value, d2 = d->value * d->value;
    const double var = n->var / n2 + d->var / d2;
    const double over_df =
        term_var2_over_df(n) / (n2 * n2) + term_var2_over_df(d) / (d2 * d2);
    const double df = over_df > 0 ? fmax(var * var / over_df, DF_MIN) : INFINITY;
    const double ratio = n->value / d->value, t = t_quantile(df);
    const bool enough = d->n >= SPROUT_ESTIMATE_ANYTIME_MIN && var > 0;
    return (struct saved){
        .plain = around(ratio, t * sqrt(var)),
        .anytime = enough ? around(ratio, t / Z_95 * anytime_half(var)) : unknown,
    };
}

/* What was spent is known; what would have been spent is it over 1 - saved. */
static double saved_of(double spent, double percent)
{
    return spent * (1 / (1 - percent / 100) - 1);
}

static struct sprout_interval amount_saved(const struct sprout_interval *percent,
                                           double spent)
{
    return (struct sprout_interval){
        .value = saved_of(spent, percent->value),
        .low = saved_of(spent, percent->low),
        .high = saved_of(spent, percent->high),
    };
}

static enum sprout_estimate_state state_of(int64_t holdout, int64_t mix)
{
    return holdout < SPROUT_ESTIMATE_UNITS_MIN ? SPROUT_ESTIMATE_FEW_HOLDOUT
           : mix < SPROUT_ESTIMATE_UNITS_MIN   ? SPROUT_ESTIMATE_FEW_MIX
                                               : SPROUT_ESTIMATE_OK;
}

/* By how much the second interval is narrower than the first. */
static double narrower(const struct sprout_interval *from,
                       const struct sprout_interval *to)
{
    return 100 * (1 - (to->high - to->low) / (from->high - from->low));
}

/* Replaces [0] energy's and [1] grams' saving by what the predicted lengths make of it.  One
 * slope for all cells, from the holdout alone: chance decided who is in it, so what the
 * slope multiplies is 0 on average, whatever the slope. */
static bool adjust(const struct sprout_estimate *e, const struct totals *t,
                   struct saved saved[2], double narrower_percent[2])
{
    if (t->n_predicted < SPROUT_ESTIMATE_ADJUST_MIN || !(t->within.xx > 0)) {
        return false;
    }
    const double beta = t->within.xe / t->within.xx;
    struct slopes slopes = {.holdout = beta};
    for (int k = 0; k < 2; k++) {
        slopes.mix[k] =
            t->holdout[k].value > 0 ? beta * t->mix[k].value / t->holdout[k].value : 0;
    }
    const struct totals adjusted = total(e, &slopes);
    for (int k = 0; k < 2; k++) {
        const struct saved s = percent_saved(&adjusted.mix[k], &adjusted.holdout[k]);
        narrower_percent[k] = narrower(&saved[k].plain, &s.plain);
        saved[k] = s;
    }
    return true;
}

static struct sprout_estimate_result nothing_known(const struct sprout_estimate *e,
                                                   const struct totals *t)
{
    return (struct sprout_estimate_result){
        .energy_state = state_of(t->n_holdout, t->n_mix),
        .carbon_state = state_of(t->n_holdout, t->n_graded),
        .energy_percent = unknown,
        .joules = unknown,
        .carbon_percent = unknown,
        .grams = unknown,
        .energy_anytime_percent = unknown,
        .carbon_anytime_percent = unknown,
        .l1_energy_percent = unknown,
        .l1_carbon_percent = unknown,
        .energy_narrower_percent = NAN,
        .carbon_narrower_percent = NAN,
        .holdout = t->n_holdout,
        .holdout_predicted = t->n_predicted,
        .mix = t->n_mix,
        .at_l1 = t->n_l1,
        .uncovered = t->uncovered,
        .unknown = e->unknown,
        .dropped = e->dropped,
        .cells = t->cells,
    };
}

struct sprout_estimate_result sprout_estimate_result(const struct sprout_estimate *e)
{
    const struct totals t = total(e, &(struct slopes){0});
    struct sprout_estimate_result r = nothing_known(e, &t);
    struct saved saved[2] = {percent_saved(&t.mix[0], &t.holdout[0]),
                             percent_saved(&t.mix[1], &t.holdout[1])};
    double narrower_percent[2] = {NAN, NAN};
    const bool l1 = t.l1_known && t.n_l1 >= SPROUT_ESTIMATE_UNITS_MIN;

    r.adjusted = adjust(e, &t, saved, narrower_percent);
    if (r.energy_state == SPROUT_ESTIMATE_OK) {
        r.energy_percent = saved[0].plain;
        r.energy_anytime_percent = saved[0].anytime;
        r.energy_narrower_percent = narrower_percent[0];
        r.joules = amount_saved(&r.energy_percent, t.mix[0].value);
        r.l1_energy_percent = l1 ? percent_saved(&t.l1[0], &t.holdout[0]).plain : unknown;
    }
    if (r.carbon_state == SPROUT_ESTIMATE_OK) {
        r.carbon_percent = saved[1].plain;
        r.carbon_anytime_percent = saved[1].anytime;
        r.carbon_narrower_percent = narrower_percent[1];
        r.grams = amount_saved(&r.carbon_percent, t.mix[1].value);
        r.l1_carbon_percent = l1 ? percent_saved(&t.l1[1], &t.holdout[1]).plain : unknown;
    }
    return r;
}
