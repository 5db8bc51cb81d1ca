/* SPDX-License-Identifier: Apache-2.0 */
/* estimate.c - see estimate.h; docs/estimate.md has the derivation.
 *
 * Cells stand in an open-addressed table of fixed size.  A result is made in one pass over
 * it: small cells are pooled, cells without holdout left out, and what remains is summed
 * into four terms (mix, holdout, L1 and their variances), from which all intervals come. */
#include "core/estimate.h"

#include <stdint.h>

#define Z_95 1.959963984540054
/* Precision of the mixing normal: the sequence is tightest where log N/D has a standard
 * error of 0.1, 1 / (0.1^2 * (2 log 20 + log(2 log 20 + 1))). */
#define MIXTURE 12.6
#define ALPHA   0.05
#define DF_MIN  4.0 /* below, the expansion of t is not good enough */

/* Sums over the conversations of one arm in one cell. */
struct sums {
    int64_t n;
    double e;  /* joules */
    double e2; /* squared */
    double e3; /* to the third */
    double e4;
};

/* Under the mix, sums over products of grams spent (g) and grams per joule (c). */
struct graded {
    int64_t n;
    double g;
    double c;
    double g2, gc, gc2;
    double c2, c3, c4;
};

struct cell {
    bool used;
    uint64_t label;
    struct sums holdout;
    struct sums mix;
    struct sums l1;
    struct graded graded; /* the mix conversations with known grams */
};

struct sprout_estimate {
    struct cell *cells;
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
    return sizeof(struct sprout_estimate) + slots_for(max_cells) * sizeof(struct cell) +
           2 * _Alignof(max_align_t);
}

struct sprout_estimate *sprout_estimate_new(struct sprout_arena *arena, size_t max_cells)
{
    struct sprout_estimate *e = sprout_arena_alloc(arena, sizeof *e);
    struct cell *cells =
        sprout_arena_array(arena, slots_for(max_cells), sizeof(struct cell));
    if (e == NULL || cells == NULL || max_cells == 0) {
        return NULL;
    }
    *e = (struct sprout_estimate){
        .cells = cells, .slots = slots_for(max_cells), .max_cells = max_cells};
    return e;
}

/* NULL when there is no room for another. */
static struct cell *find_cell(struct sprout_estimate *e, uint64_t label)
{
    /* The label may be any number, not only a good hash. */
    size_t at = (size_t)((label * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (e->slots - 1);
    while (e->cells[at].used && e->cells[at].label != label) {
        at = (at + 1) & (e->slots - 1);
    }
    if (!e->cells[at].used) {
        if (e->used == e->max_cells) {
            return NULL;
        }
        e->used++;
        e->cells[at] = (struct cell){.used = true, .label = label};
    }
    return &e->cells[at];
}

static void add(struct sums *s, double joules)
{
    s->n++;
    s->e += joules;
    s->e2 += joules * joules;
    s->e3 += joules * joules * joules;
    s->e4 += joules * joules * joules * joules;
}

static void add_graded(struct graded *s, double joules, double grams)
{
    const double c = grams / joules;
    s->n++;
    s->g += grams;
    s->c += c;
    s->g2 += grams * grams;
    s->gc += grams * c;
    s->gc2 += grams * c * c;
    s->c2 += c * c;
    s->c3 += c * c * c;
    s->c4 += c * c * c * c;
}

void sprout_estimate_add(struct sprout_estimate *e,
                         const struct sprout_estimate_unit *unit)
{
    const double joules = unit->energy.v;
    if (!(joules >= 0 && isfinite(joules))) {
        e->unknown++;
        return;
    }
    struct cell *c = find_cell(e, unit->cell);
    if (c == NULL) {
        e->dropped++;
        return;
    }
    if (unit->arm == SPROUT_ESTIMATE_HOLDOUT) {
        add(&c->holdout, joules);
        return;
    }
    if (unit->at_l1) {
        add(&c->l1, joules);
    }
    if (unit->arm == SPROUT_ESTIMATE_MIX) {
        add(&c->mix, joules);
        /* A conversation without energy says nothing of its hours' grams per joule. */
        if (joules > 0 && isfinite(unit->grams.v)) {
            add_graded(&c->graded, joules, unit->grams.v);
        }
    }
}

/* ---- cells to compare ------------------------------------------------------------------ */

static void merge_sums(struct sums *to, const struct sums *from)
{
    to->n += from->n;
    to->e += from->e;
    to->e2 += from->e2;
    to->e3 += from->e3;
    to->e4 += from->e4;
}

static void merge_graded(struct graded *to, const struct graded *from)
{
    to->n += from->n;
    to->g += from->g;
    to->c += from->c;
    to->g2 += from->g2;
    to->gc += from->gc;
    to->gc2 += from->gc2;
    to->c2 += from->c2;
    to->c3 += from->c3;
    to->c4 += from->c4;
}

static void merge_cell(struct cell *to, const struct cell *from)
{
    merge_sums(&to->holdout, &from->holdout);
    merge_sums(&to->mix, &from->mix);
    merge_sums(&to->l1, &from->l1);
    merge_graded(&to->graded, &from->graded);
}

/* Of one conversation's energy; 0 where there are too few to tell. */
static double variance(const struct sums *s)
{
    const double n = (double)s->n;
    return s->n < 2 ? 0 : fmax(s->e2 - s->e * s->e / n, 0) / (n - 1);
}

/* Variances of the sums of the mix, given each conversation's c.  That answers are briefer
 * where the grid is dirty was planned and is no chance, so what counts is the spread about a
 * line: energy as a line in c, grams as c times that.  Where the plan is no line the rest of
 * it is counted too, and the interval is wider than it need be. */
enum { LINE = 2, LINE_LEAST = 2 * LINE };

#define ONE_VALUE 1e-9 /* spread of c, relative, below which it is one */

/* What is left of a sum of squares when `both` / `other` of the other is taken out. */
static double about(double squares, double both, double other)
{
    return fmax(squares - both * both / other, 0);
}

static double energy_variance(const struct cell *cell)
{
    const struct graded *g = &cell->graded;
    const struct sums *s = &cell->mix;
    const double n = (double)s->n;
    if (g->n != s->n || g->n < LINE_LEAST) { /* the grid of some hours is not known */
        return n * variance(s);
    }
    const double spread = about(g->c2, g->c, n);
    if (spread <= ONE_VALUE * g->c2) {
        return n * variance(s);
    }
    return n / (n - LINE) * about(about(s->e2, s->e, n), g->g - g->c * s->e / n, spread);
}

static double grams_variance(const struct cell *cell)
{
    const struct graded *g = &cell->graded;
    if (g->n < LINE_LEAST) {
        return g->c2 * variance(&cell->mix);
    }
    const double n = (double)g->n, about_c = about(g->g2, g->gc, g->c2);
    const double spread = about(g->c4, g->c3, g->c2);
    if (spread <= ONE_VALUE * g->c4) {
        return n / (n - 1) * about_c;
    }
    return n / (n - LINE) * about(about_c, g->gc2 - g->gc * g->c3 / g->c2, spread);
}

/* Fourth central moment over the squared second, of the sample: 3 for a normal one. */
static double kurtosis(const struct sums *s)
{
    const double n = (double)s->n, m = s->e / n, mm = m * m;
    const double second = s->e2 / n - mm;
    const double fourth =
        s->e4 / n - 4 * m * s->e3 / n + 6 * mm * s->e2 / n - 3 * mm * mm;
    return second > 1e-12 * mm ? fourth / (second * second) : 3;
}

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
static void term_add(struct term *t, const struct sums *s, double value, double var)
{
    const double n = (double)s->n;
    t->value += value;
    t->var += var;
    t->var2_n1 += var * var / (n - 1);
    t->var2_2n += var * var / (2 * n);
    t->n += n;
    t->kurtosis += n * kurtosis(s);
}

/* var^2 over its degrees of freedom (Satterthwaite): the error of a sample's variance is
 * var sqrt(2 / (n - 1)) for a normal sample, and more where tails are heavy.  One kurtosis
 * serves all cells of an arm: a cell alone is too small to show its own. */
static double term_var2_over_df(const struct term *t)
{
    const double excess = fmax(t->kurtosis / t->n - 3, 0);
    return t->var2_n1 + excess * t->var2_2n;
}

/* Adds w times the mean of `s`. */
static void term_add_mean(struct term *t, const struct sums *s, double w)
{
    const double n = (double)s->n;
    term_add(t, s, w * s->e / n, w * w / n * variance(s));
}

/* What a result is made of; [0] in joules, [1] in grams. */
struct totals {
    struct term mix[2];
    struct term holdout[2];
    struct term l1[2];
    bool l1_known; /* in every cell that is spoken of */
    int64_t n_holdout;
    int64_t n_mix;
    int64_t n_graded;
    int64_t n_l1;
    int64_t uncovered;
    int64_t cells;
};

/* The mix gives a sum with the weights c_j (1 for energy); the other arms a mean, taken
 * W = sum c_j times. */
static void compare_cell(struct totals *t, const struct cell *c)
{
    const double n = (double)c->mix.n;
    term_add(&t->mix[0], &c->mix, c->mix.e, energy_variance(c));
    term_add(&t->mix[1], &c->mix, c->graded.g, grams_variance(c));

    const double weight[2] = {n, c->graded.c};
    const bool l1 = c->l1.n >= 2;
    for (int k = 0; k < 2; k++) {
        term_add_mean(&t->holdout[k], &c->holdout, weight[k]);
        if (l1) {
            term_add_mean(&t->l1[k], &c->l1, weight[k]);
        }
    }
    t->l1_known = t->l1_known && l1;
    t->n_holdout += c->holdout.n;
    t->n_mix += c->mix.n;
    t->n_graded += c->graded.n;
    t->n_l1 += c->l1.n;
    t->cells++;
}

/* Pooling must not look at what chance did, or it would bend the comparison: it goes by the
 * conversations of both arms, and asks how many in the holdout they lead one to expect. */
static struct totals total(const struct sprout_estimate *e)
{
    struct cell all = {0}, pool = {0};
    for (size_t i = 0; i < e->slots; i++) {
        if (e->cells[i].holdout.n > 0) {
            merge_cell(&all, &e->cells[i]);
        }
    }
    const double share =
        (double)all.holdout.n / fmax(1, (double)(all.holdout.n + all.mix.n));

    struct totals t = {.l1_known = true};
    for (size_t i = 0; i < e->slots; i++) {
        const struct cell *c = &e->cells[i];
        const double expected = share * (double)(c->holdout.n + c->mix.n);
        const bool large = expected >= SPROUT_ESTIMATE_CELL_MIN;
        if (large && c->holdout.n == 0) { /* a rule keeps it out of the holdout */
            t.uncovered += c->mix.n;
        } else if (large && c->holdout.n >= 2 && c->mix.n >= 2) {
            compare_cell(&t, c);
        } else {
            merge_cell(&pool, c);
        }
    }
    if (pool.holdout.n >= 2 && pool.mix.n >= 2) {
        compare_cell(&t, &pool);
    } else {
        t.uncovered += pool.mix.n;
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

struct sprout_estimate_result sprout_estimate_result(const struct sprout_estimate *e)
{
    const struct totals t = total(e);
    struct sprout_estimate_result r = {
        .energy_state = state_of(t.n_holdout, t.n_mix),
        .carbon_state = state_of(t.n_holdout, t.n_graded),
        .energy_percent = unknown,
        .joules = unknown,
        .carbon_percent = unknown,
        .grams = unknown,
        .energy_anytime_percent = unknown,
        .carbon_anytime_percent = unknown,
        .l1_energy_percent = unknown,
        .l1_carbon_percent = unknown,
        .holdout = t.n_holdout,
        .mix = t.n_mix,
        .at_l1 = t.n_l1,
        .uncovered = t.uncovered,
        .unknown = e->unknown,
        .dropped = e->dropped,
        .cells = t.cells,
    };
    const bool l1 = t.l1_known && t.n_l1 >= SPROUT_ESTIMATE_UNITS_MIN;
    if (r.energy_state == SPROUT_ESTIMATE_OK) {
        const struct saved saved = percent_saved(&t.mix[0], &t.holdout[0]);
        r.energy_percent = saved.plain;
        r.energy_anytime_percent = saved.anytime;
        r.joules = amount_saved(&r.energy_percent, t.mix[0].value);
        r.l1_energy_percent = l1 ? percent_saved(&t.l1[0], &t.holdout[0]).plain : unknown;
    }
    if (r.carbon_state == SPROUT_ESTIMATE_OK) {
        const struct saved saved = percent_saved(&t.mix[1], &t.holdout[1]);
        r.carbon_percent = saved.plain;
        r.carbon_anytime_percent = saved.anytime;
        r.grams = amount_saved(&r.carbon_percent, t.mix[1].value);
        r.l1_carbon_percent = l1 ? percent_saved(&t.l1[1], &t.holdout[1]).plain : unknown;
    }
    return r;
}
