/* SPDX-License-Identifier: Apache-2.0 */
/* quality.c - slots, whole, strata, drift; see quality.h. */
#include "core/quality.h"

#include <string.h>

#define STRATUM_WEIGHT 50.0
#define ORDERS         2.0   /* a comparison is put twice */
#define OLDER_COUNT    0.1   /* after a jump */
#define Z_BIAS         2.326 /* 1 % */
#define Z_JUMP         3.090 /* 0.1 % */
#define ALPHA_LEAST    0.01
#define FIT_ENOUGH     1e-9

enum { FIT_STEPS = 100, L = SPROUT_LEVELS_MAX };

struct fit {
    const struct sprout_quality_verdict *v;
    size_t count;
    struct sprout_quality_opts o;
    int64_t newest;
    double older; /* what verdicts of older runs count */
    double theta[SPROUT_STRATA_MAX][L];
    struct sprout_quality_fit *out;
};

static bool readable(const struct fit *f, const struct sprout_quality_verdict *v)
{
    return v->best != 0 && v->slots >= 2 && v->slots <= f->o.levels && v->stratum >= 0 &&
           v->stratum < f->o.strata;
}

static double weight(const struct fit *f, const struct sprout_quality_verdict *v)
{
    const double age = fmax((double)(f->o.now.ns - v->at.ns), 0);
    const double fresh = exp2(-age / (double)f->o.half_life.ns) / ORDERS;
    return v->run == f->newest ? fresh : fresh * f->older;
}

/* Prompts it stands for. */
static double stands_for(const struct sprout_quality_verdict *v)
{
    return v->weight > 0 ? v->weight : 1;
}

/* What slot j won of a verdict: a tie is shared. */
static double points(const struct sprout_quality_verdict *v, int j)
{
    return (v->best >> v->shown[j] & 1) != 0 ? 1.0 / __builtin_popcount(v->best) : 0;
}

/* The deviate of chi-square x with df degrees of freedom (Wilson and Hilferty). */
static double deviate(double x, double df)
{
    return (cbrt(x / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

/* ---- slots ----------------------------------------------------------------------------- */

static void see_slots(struct fit *f, int slots)
{
    double won[L] = {0}, n = 0, x = 0;
    for (size_t i = 0; i < f->count; i++) {
        for (int j = 0; readable(f, &f->v[i]) && f->v[i].slots == slots && j < slots;
             j++) {
            won[j] += points(&f->v[i], j);
            n += points(&f->v[i], j);
        }
    }
    for (int j = 0; j < slots; j++) {
        const double expected = n / slots;
        x += n > 0 ? (won[j] - expected) * (won[j] - expected) / expected : 0;
        f->out->bias[slots][j] = 1.0 / slots;
    }
    f->out->biased[slots] = !f->o.uncorrected && n > 0 && deviate(x, slots - 1) > Z_BIAS;
}

static double odds_sum(const struct fit *f, const struct sprout_quality_verdict *v)
{
    double sum = 0;
    for (int j = 0; j < v->slots; j++) {
        sum += f->theta[v->stratum][v->shown[j]] * f->out->bias[v->slots][j];
    }
    return sum;
}

static void normalise(double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i];
    }
    for (int i = 0; i < n && sum > 0; i++) {
        x[i] /= sum;
    }
}

/* The largest change of a share. */
static double step_theta(struct fit *f)
{
    double won[SPROUT_STRATA_MAX][L] = {{0}}, met[SPROUT_STRATA_MAX][L] = {{0}};
    for (size_t i = 0; i < f->count; i++) {
        const struct sprout_quality_verdict *const v = &f->v[i];
        if (!readable(f, v)) {
            continue;
        }
        const double w = weight(f, v) * stands_for(v), sum = odds_sum(f, v);
        for (int j = 0; j < v->slots; j++) {
            won[v->stratum][v->shown[j]] += w * points(v, j);
            met[v->stratum][v->shown[j]] += w * f->out->bias[v->slots][j] / sum;
        }
    }
    double change = 0;
    for (int s = 0; s < f->o.strata; s++) {
        double next[L];
        for (int l = 0; l < f->o.levels; l++) {
            next[l] = met[s][l] > 0 ? fmax(won[s][l] / met[s][l], 1e-9) : f->theta[s][l];
        }
        normalise(next, f->o.levels);
        for (int l = 0; l < f->o.levels; l++) {
            change = fmax(change, fabs(next[l] - f->theta[s][l]));
            f->theta[s][l] = next[l];
        }
    }
    return change;
}

static void step_bias(struct fit *f)
{
    double won[L + 1][L] = {{0}}, met[L + 1][L] = {{0}};
    for (size_t i = 0; i < f->count; i++) {
        const struct sprout_quality_verdict *const v = &f->v[i];
        if (!readable(f, v) || !f->out->biased[v->slots]) {
            continue;
        }
        const double w = weight(f, v) * stands_for(v), sum = odds_sum(f, v);
        for (int j = 0; j < v->slots; j++) {
            won[v->slots][j] += w * points(v, j);
            met[v->slots][j] += w * f->theta[v->stratum][v->shown[j]] / sum;
        }
    }
    for (int n = 2; n <= f->o.levels; n++) {
        for (int j = 0; f->out->biased[n] && j < n; j++) {
            f->out->bias[n][j] = met[n][j] > 0 ? fmax(won[n][j] / met[n][j], 1e-9) : 0;
        }
        if (f->out->biased[n]) {
            normalise(f->out->bias[n], n);
        }
    }
}

/* How many plain draws say as much of every level as stratum s's comparisons do. */
static double effective(const struct fit *f, int s)
{
    double known[L] = {0}, n = 0, squares = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct sprout_quality_verdict *const v = &f->v[i];
        if (!readable(f, v) || v->stratum != s) {
            continue;
        }
        const double u = stands_for(v), w = weight(f, v) * u, sum = odds_sum(f, v);
        n += w;
        squares += w * u;
        for (int j = 0; j < v->slots; j++) {
            const double p = f->theta[s][v->shown[j]] * f->out->bias[v->slots][j] / sum;
            known[v->shown[j]] += w * p * (1 - p);
        }
    }
    double least = n;
    for (int l = 0; l < f->o.levels; l++) {
        const double t = f->theta[s][l];
        least = t > 1e-6 && t < 1 - 1e-6 ? fmin(least, known[l] / (t * (1 - t))) : least;
    }
    return squares > 0 ? least * (n / squares) : 0;
}

/* ---- drift ----------------------------------------------------------------------------- */

/* Has the newest run other shares than those before it?  Half of each count, as the two
 * orders of one comparison are hardly two observations. */
static bool jumped(const struct fit *f)
{
    double won[2][L] = {{0}}, n[2] = {0}, squares[2] = {0}, x = 0;
    int met = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct sprout_quality_verdict *const v = &f->v[i];
        const int k = v->run == f->newest;
        const double u = stands_for(v);
        for (int j = 0; readable(f, v) && j < v->slots; j++) {
            won[k][v->shown[j]] += u * points(v, j) / ORDERS;
            n[k] += u * points(v, j) / ORDERS;
            squares[k] += u * u * points(v, j) / ORDERS;
        }
    }
    for (int l = 0; l < f->o.levels && n[0] > 0 && n[1] > 0; l++) {
        const double pooled = (won[0][l] + won[1][l]) / (n[0] + n[1]);
        met += pooled > 0;
        for (int k = 0; k < 2 && pooled > 0; k++) {
            const double off = won[k][l] - n[k] * pooled;
            x += off * off / (squares[k] * pooled);
        }
    }
    return met > 1 && deviate(x, met - 1) > Z_JUMP;
}

/* ---- shrinking ------------------------------------------------------------------------- */

static double total(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

/* The whole as the prior and all strata but `but` know it. */
static void whole_without(const struct fit *f, const double *n, int but, double *out)
{
    const double k = f->o.stratum_weight;
    for (int l = 0; l < f->o.levels; l++) {
        out[l] = fmax(f->o.prior_weight * f->o.prior[l], ALPHA_LEAST);
        for (int s = 0; s < f->o.strata; s++) {
            out[l] += s == but ? 0 : n[s] * f->theta[s][l] * (k + 1) / (n[s] + k);
        }
    }
}

static void shrink(struct fit *f, const double *n, int s)
{
    struct sprout_quality *const q = &f->out->stratum[s];
    const double k = f->o.stratum_weight;
    double whole[L];

    whole_without(f, n, s, whole);
    const double a = total(whole, f->o.levels);
    const double strength = (a + 1) * (k + 1) / (a + k + 1) - 1;
    for (int l = 0; l < f->o.levels; l++) {
        q->alpha[l] = fmax(strength * whole[l] / a, ALPHA_LEAST) + n[s] * f->theta[s][l];
    }
    q->n = n[s];
    q->levels = f->o.levels;
}

/* One stratum is the whole: nothing is between them to be unlike. */
static void conclude(struct fit *f)
{
    double n[SPROUT_STRATA_MAX] = {0};
    struct sprout_quality *const whole = &f->out->whole;
    for (int s = 0; s < f->o.strata; s++) {
        n[s] = effective(f, s);
        whole->n += n[s];
    }
    whole->levels = f->o.levels;
    if (f->o.strata == 1) {
        for (int l = 0; l < f->o.levels; l++) {
            whole->alpha[l] = fmax(f->o.prior_weight * f->o.prior[l], ALPHA_LEAST) +
                              n[0] * f->theta[0][l];
        }
        whole->verdicts = f->out->stratum[0].verdicts;
        f->out->stratum[0] = *whole;
        return;
    }
    whole_without(f, n, -1, whole->alpha);
    for (int s = 0; s < f->o.strata; s++) {
        shrink(f, n, s);
        whole->verdicts += f->out->stratum[s].verdicts;
    }
}

static void prepare(struct fit *f)
{
    f->o.prior_weight =
        f->o.prior_weight > 0 ? f->o.prior_weight : SPROUT_QUALITY_PRIOR_WEIGHT;
    f->o.stratum_weight = f->o.stratum_weight > 0 ? f->o.stratum_weight : STRATUM_WEIGHT;
    if (f->o.half_life.ns <= 0) {
        f->o.half_life.ns = SPROUT_QUALITY_HALF_LIFE_S * SPROUT_NS_PER_SECOND;
    }
    f->o.strata = f->o.strata > SPROUT_STRATA_MAX ? SPROUT_STRATA_MAX : f->o.strata;
    normalise(f->o.prior, f->o.levels);
    for (int s = 0; s < f->o.strata; s++) {
        for (int l = 0; l < f->o.levels; l++) {
            f->theta[s][l] = 1.0 / f->o.levels;
        }
    }
    for (size_t i = 0; i < f->count; i++) {
        f->newest = f->v[i].run > f->newest ? f->v[i].run : f->newest;
        if (readable(f, &f->v[i])) {
            f->out->stratum[f->v[i].stratum].verdicts++;
        }
    }
}

void sprout_quality_fit(const struct sprout_quality_verdict *v, size_t count,
                        const struct sprout_quality_opts *opts,
                        struct sprout_quality_fit *out)
{
    struct fit f = {
        .v = v, .count = count, .o = *opts, .newest = INT64_MIN, .older = 1, .out = out};

    memset(out, 0, sizeof *out);
    prepare(&f);
    out->jumped = jumped(&f);
    f.older = out->jumped ? OLDER_COUNT : 1;
    for (int slots = 2; slots <= f.o.levels; slots++) {
        see_slots(&f, slots);
    }
    for (int i = 0; i < FIT_STEPS && step_theta(&f) > FIT_ENOUGH; i++) {
        step_bias(&f);
    }
    conclude(&f);
}
