/* SPDX-License-Identifier: Apache-2.0 */
/* train_figures.c - how good the held-out predictions are, and whether that is enough.
 *
 * Beside every loss stands that of the base rate: of what the other folds say without
 * looking at the prompt.  A gain within two of its standard errors may be luck. */
#include <math.h>

#include "sim/train_inner.h"

enum {
    FOLDS = SPROUT_TRAIN_FOLDS,
    LEVELS = SPROUT_PREDICT_LEVELS,
    BINS = SPROUT_PREDICT_BINS,
    ONE = SPROUT_PREDICT_ONE,
};

#define ERRORS_OVER_LUCK 2.0

static bool is_known(const struct train_data *d, size_t i, int output)
{
    return (d->known[i] >> output & 1) != 0;
}

/* Share of 1 among the known targets outside of a fold, off 0 and 1 by one example. */
static void base_rates(const struct train_data *d, int output, double out[FOLDS])
{
    double ones[FOLDS] = {0}, known[FOLDS] = {0}, all_ones = 0, all = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (is_known(d, i, output)) {
            ones[d->fold[i]] += (double)d->target[i][output];
            known[d->fold[i]]++;
            all_ones += (double)d->target[i][output];
            all++;
        }
    }
    for (int f = 0; f < FOLDS; f++) {
        out[f] = (all_ones - ones[f] + 1) / (all - known[f] + 2);
    }
}

static double fraction(int32_t fixed)
{
    return fmin(fmax((double)fixed / ONE, 1e-4), 1 - 1e-4);
}

/* ---- preference ------------------------------------------------------------------------ */

/* Mean and standard error of the gain over the base rate, prompt by prompt. */
static void measure_preference(const struct train_data *d,
                               const struct sprout_prediction *p,
                               struct sprout_predict_figures *f)
{
    double base[LEVELS][FOLDS], loss = 0, base_loss = 0, gain2 = 0, n = 0;
    for (int l = 0; l < LEVELS; l++) {
        base_rates(d, SPROUT_OUT_PREFER + l, base[l]);
    }
    for (size_t i = 0; i < d->count; i++) {
        const int won = d->example[i].preferred;
        if (won < 0) {
            continue;
        }
        const double mine = -log(fraction(p[i].quality[won]));
        const double plain = -log(base[won][d->fold[i]]);
        loss += mine;
        base_loss += plain;
        gain2 += (plain - mine) * (plain - mine);
        n++;
    }
    f->judged = (int64_t)n;
    f->prefer_loss = loss / n;
    f->prefer_base = base_loss / n;
    const double gain = f->prefer_base - f->prefer_loss;
    f->prefer_gain_error = sqrt(fmax(gain2 / n - gain * gain, 0) / n);
}

/* ---- right ----------------------------------------------------------------------------- */

static void measure_right(const struct train_data *d, const struct sprout_prediction *p,
                          int l, struct sprout_predict_figures *f)
{
    double base[FOLDS], loss = 0, base_loss = 0, n = 0;
    const int output = SPROUT_OUT_RIGHT + l;
    base_rates(d, output, base);
    for (size_t i = 0; i < d->count; i++) {
        if (is_known(d, i, output)) {
            const bool right = d->target[i][output] > 0;
            const double mine = fraction(p[i].right[l]), plain = base[d->fold[i]];
            loss -= log(right ? mine : 1 - mine);
            base_loss -= log(right ? plain : 1 - plain);
            n++;
        }
    }
    f->referenced = n > (double)f->referenced ? (int64_t)n : f->referenced;
    f->right_loss[l] = n > 0 ? loss / n : NAN;
    f->right_base[l] = n > 0 ? base_loss / n : NAN;
}

/* ---- length ---------------------------------------------------------------------------- */

/* NaN where all are of one length. */
static double r2(double squares_left, double sum, double squares, double n)
{
    const double spread = n > 1 ? squares - sum * sum / n : 0;
    return spread > 0 ? 1 - squares_left / spread : NAN;
}

static void measure_length(const struct train_data *d, const struct sprout_prediction *p,
                           int l, struct sprout_predict_figures *f)
{
    double left = 0, sum = 0, squares = 0, left_ln = 0, sum_ln = 0, squares_ln = 0, n = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (!is_known(d, i, SPROUT_OUT_LOG + l)) {
            continue;
        }
        const double tokens = fmax(d->example[i].tokens[l], 1);
        const double ln = (double)d->target[i][SPROUT_OUT_LOG + l];
        const double off = tokens - (double)p[i].tokens[l] / SPROUT_PREDICT_TOKEN;
        const double off_ln = ln - (double)p[i].log_tokens[l] / ONE;
        left += off * off;
        sum += tokens;
        squares += tokens * tokens;
        left_ln += off_ln * off_ln;
        sum_ln += ln;
        squares_ln += ln * ln;
        n++;
    }
    f->r2_tokens[l] = r2(left, sum, squares, n);
    f->r2_log[l] = r2(left_ln, sum_ln, squares_ln, n);
}

/* ---- calibration and kinds --------------------------------------------------------------- */

static void calibrate(const struct train_data *d, const struct sprout_prediction *p,
                      int level, int output, struct sprout_predict_bin bin[BINS])
{
    for (size_t i = 0; i < d->count; i++) {
        if (!is_known(d, i, output)) {
            continue;
        }
        const int32_t *const said =
            output >= SPROUT_OUT_RIGHT ? p[i].right : p[i].quality;
        const double q = (double)said[level] / ONE;
        const int b = q >= 1 ? BINS - 1 : (int)(q * BINS);
        bin[b].predicted += q;
        bin[b].came_true += (double)d->target[i][output];
        bin[b].count++;
    }
    for (int b = 0; b < BINS; b++) {
        const double n = (double)bin[b].count;
        bin[b].predicted = n > 0 ? bin[b].predicted / n : NAN;
        bin[b].came_true = n > 0 ? bin[b].came_true / n : NAN;
    }
}

static void measure_maths(const struct train_data *d, const struct sprout_prediction *p,
                          int32_t from, struct sprout_predict_figures *f)
{
    double maths = 0, found = 0, others = 0, taken = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (is_known(d, i, SPROUT_OUT_MATHS)) {
            const bool is = d->target[i][SPROUT_OUT_MATHS] > 0;
            const bool said = p[i].maths >= from;
            maths += is;
            found += is && said;
            others += !is;
            taken += !is && said;
        }
    }
    f->maths = (int64_t)maths;
    f->maths_recall = maths > 0 ? found / maths : NAN;
    f->maths_false = maths > 0 && others > 0 ? taken / others : NAN;
}

/* ---- whole ----------------------------------------------------------------------------- */

static enum sprout_status beats_base_rate(const struct sprout_predict_figures *f,
                                          struct sprout_error *err)
{
    const double gain = f->prefer_base - f->prefer_loss;
    if (!(gain > ERRORS_OVER_LUCK * f->prefer_gain_error)) {
        return sprout_fail(err, SPROUT_FAILED,
                           "the predictor does not beat the base rate: log loss of "
                           "preference %.4f held out, %.4f by the base rate (standard "
                           "error %.4f); refused, as it would decide by noise",
                           f->prefer_loss, f->prefer_base, f->prefer_gain_error);
    }
    for (int l = 0; l < LEVELS; l++) {
        if (isnan(f->r2_log[l])) {
            return sprout_fail(
                err, SPROUT_FAILED,
                "the predictor does not beat the base rate: fewer than two "
                "lengths of answers at L%d, so none can be told; refused",
                l);
        }
        if (!(f->r2_log[l] > 0)) {
            return sprout_fail(
                err, SPROUT_FAILED,
                "the predictor does not beat the base rate: R2 of the log "
                "length at L%d is %.3f held out, expected above 0; refused",
                l, f->r2_log[l]);
        }
    }
    return SPROUT_OK;
}

enum sprout_status sprout_train_figures(const struct train_data *d,
                                        const struct sprout_prediction *held_out,
                                        struct sprout_predict_model *m,
                                        struct sprout_error *err)
{
    struct sprout_predict_figures *const f = &m->figures;
    f->prompts = (int64_t)d->count;
    measure_preference(d, held_out, f);
    for (int l = 0; l < LEVELS; l++) {
        measure_right(d, held_out, l, f);
        measure_length(d, held_out, l, f);
        calibrate(d, held_out, l, SPROUT_OUT_PREFER + l, f->prefer[l]);
        calibrate(d, held_out, l, SPROUT_OUT_RIGHT + l, f->right[l]);
    }
    measure_maths(d, held_out, m->maths_from, f);
    double unlike = 0;
    for (size_t i = 0; i < d->count; i++) {
        unlike += held_out[i].unlike;
    }
    f->unlike = unlike / (double)d->count;
    return beats_base_rate(f, err);
}
