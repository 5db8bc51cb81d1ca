/* SPDX-License-Identifier: Apache-2.0 */
/* predict_score.c - from rows and marks to scores, and from scores to a prediction.
 *
 * Every sum stays inside its type, given what sprout_predictor_view() has checked:
 *   rows    |sum| <= 4 103 * 32 767 < 2^28; times the reciprocal root (< 2^21) < 2^49
 *   marks   41 * 4 096 * 8 191 < 2^31
 *   a net's hidden unit  48 * 4 096 * 8 191 + 2^28 < 2^31
 * and what leaves one stage is clipped before it enters the next. */
#include "core/predict_model.h"

#include "core/predict_fixed.h"

enum {
    COLUMNS = SPROUT_PREDICT_COLUMNS,
    HIDDEN = SPROUT_PREDICT_HIDDEN,
    LANES = SPROUT_PREDICT_LANES,
    LEVELS = SPROUT_PREDICT_LEVELS,
    REPEATS = SPROUT_PREDICT_REPEATS,
    ONE = SPROUT_PREDICT_ONE,
    Q10 = 1 << 10,
    SCORE_MAX = 1 << 24, /* 256, far beyond any score that means something */
    UNIT_MAX = 32767,    /* of a hidden unit, Q10 */
    /* A probability of the linear model is kept off 0 and off 1. */
    PROBABILITY_MIN = ONE * 2 / 100,
    PREFER_MAX = ONE * 96 / 100,
    RIGHT_MAX = ONE * 98 / 100,
};

static int64_t clip(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* ---- linear ---------------------------------------------------------------------------- */

/* Adds four rows to the sums, so that these go through memory a quarter as often. */
static uint64_t add_four(const int16_t *a, const int16_t *b, const int16_t *c,
                         const int16_t *d, int32_t sum[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        sum[i] += a[i] + b[i] + c[i] + d[i];
    }
    enum { IDF2 = SPROUT_COLUMN_IDF2 };
    return (uint64_t)(uint16_t)a[IDF2] + (uint16_t)b[IDF2] + (uint16_t)c[IDF2] +
           (uint16_t)d[IDF2];
}

/* Column by column, all rows of the text; the idf column by itself, as it is unsigned. */
static uint64_t add_rows(const int16_t *rows, const struct sprout_predict_features *f,
                         int32_t sum[COLUMNS])
{
    static const int16_t none[COLUMNS];
    uint64_t norm = 0;
    for (uint32_t i = 0; i < f->count; i += 4) {
        const int16_t *four[4];
        for (uint32_t k = 0; k < 4; k++) {
            four[k] = i + k < f->count ? rows + (size_t)f->row[i + k] * COLUMNS : none;
        }
        norm += add_four(four[0], four[1], four[2], four[3], sum);
    }
    return norm;
}

/* 2^24 / sqrt(norm); norm is 0 only for no rows. */
static int64_t reciprocal_root(uint64_t norm)
{
    return norm == 0 ? 0 : (INT64_C(1) << 40) / sprout_fixed_sqrt(norm << 32);
}

void sprout_predict_marks(const struct sprout_predict_model *m,
                          const struct sprout_predict_features *f,
                          int16_t out[SPROUT_PREDICT_MARKS])
{
    for (int i = 0; i < SPROUT_PREDICT_MARKS; i++) {
        const int64_t off = (int64_t)f->mark[i] - m->mark_mean[i];
        out[i] = (int16_t)clip((off * m->mark_inverse[i]) >> 22, -SPROUT_PREDICT_CLIP,
                               SPROUT_PREDICT_CLIP);
    }
}

static void add_marks(const struct sprout_predict_model *m,
                      const int16_t marks[SPROUT_PREDICT_MARKS], int32_t sum[COLUMNS])
{
    int i = 0;
    for (; i + 4 <= SPROUT_PREDICT_MARKS; i += 4) {
        for (int c = 0; c < COLUMNS; c++) {
            sum[c] += marks[i] * m->mark_weight[i][c] +
                      marks[i + 1] * m->mark_weight[i + 1][c] +
                      marks[i + 2] * m->mark_weight[i + 2][c] +
                      marks[i + 3] * m->mark_weight[i + 3][c];
        }
    }
    for (; i < SPROUT_PREDICT_MARKS; i++) {
        for (int c = 0; c < COLUMNS; c++) {
            sum[c] += marks[i] * m->mark_weight[i][c];
        }
    }
}

void sprout_predict_scores(const struct sprout_predict_model *m, const int16_t *rows,
                           const struct sprout_predict_features *f,
                           int32_t out[SPROUT_PREDICT_OUTPUTS])
{
    int32_t words[COLUMNS] = {0}, form[COLUMNS] = {0};
    int16_t marks[SPROUT_PREDICT_MARKS];
    const int64_t scale = reciprocal_root(add_rows(rows, f, words));
    sprout_predict_marks(m, f, marks);
    add_marks(m, marks, form);
    for (int o = 0; o < SPROUT_PREDICT_OUTPUTS; o++) {
        const int64_t said = ((words[o] * scale >> 12) * m->row_scale[o]) >> 24;
        const int64_t shown = ((int64_t)form[o] * 64) >> m->mark_shift[o];
        out[o] = (int32_t)clip(m->bias[o] + said + shown, -SCORE_MAX, SCORE_MAX);
    }
}

void sprout_predict_inputs(const struct sprout_predict_model *m,
                           const int32_t scores[SPROUT_PREDICT_OUTPUTS],
                           int16_t out[SPROUT_PREDICT_SCORES_IN])
{
    for (int i = 0; i < SPROUT_PREDICT_SCORES_IN; i++) {
        const int64_t off = (int64_t)scores[i] - m->score_mean[i];
        out[i] = (int16_t)clip((off * m->score_inverse[i]) >> 22, -SPROUT_PREDICT_CLIP,
                               SPROUT_PREDICT_CLIP);
    }
}

/* ---- nets ------------------------------------------------------------------------------ */

/* Adds four inputs to the hidden units and to the straight path. */
static void add_inputs(const struct sprout_predict_net *net, int i, const int16_t in[4],
                       int32_t hidden[HIDDEN], int32_t skip[LANES])
{
    for (int h = 0; h < HIDDEN; h++) {
        hidden[h] += in[0] * net->in[i][h] + in[1] * net->in[i + 1][h] +
                     in[2] * net->in[i + 2][h] + in[3] * net->in[i + 3][h];
    }
    for (int l = 0; l < LANES; l++) {
        skip[l] += in[0] * net->skip[i][l] + in[1] * net->skip[i + 1][l] +
                   in[2] * net->skip[i + 2][l] + in[3] * net->skip[i + 3][l];
    }
}

/* out[l], Q16.  `count` inputs, Q10, within SPROUT_PREDICT_CLIP; a multiple of four. */
static void run_net(const struct sprout_predict_net *net, const int16_t *in, int count,
                    int64_t out[LANES])
{
    int32_t hidden[HIDDEN], skip[LANES] = {0};
    memcpy(hidden, net->hidden_bias, sizeof hidden);
    for (int i = 0; i < count; i += 4) {
        add_inputs(net, i, in + i, hidden, skip);
    }
    int64_t sum[LANES] = {0};
    for (int h = 0; h < HIDDEN; h++) {
        const int64_t unit = clip(hidden[h] >> net->in_shift, 0, UNIT_MAX);
        for (int l = 0; l < LANES; l++) {
            sum[l] += unit * net->out[h][l];
        }
    }
    for (int l = 0; l < LANES; l++) {
        out[l] = net->out_bias[l] + ((sum[l] * 64) >> net->out_shift) +
                 (((int64_t)skip[l] * 64) >> net->skip_shift);
    }
}

/* Mean over the repeats of e^(score + net), in tokens. */
static void answer_length(const struct sprout_predict_model *m, const int32_t *scores,
                          const int16_t *in, struct sprout_prediction *out)
{
    int64_t sum[LEVELS] = {0};
    for (int r = 0; r < REPEATS; r++) {
        int64_t eta[LANES];
        run_net(&m->length[r], in, SPROUT_PREDICT_INPUTS, eta);
        for (int l = 0; l < LEVELS; l++) {
            const int64_t ln = clip(eta[l] + scores[SPROUT_OUT_LOG + l], 0, 14 * ONE);
            sum[l] += sprout_fixed_exp(ln);
        }
    }
    for (int l = 0; l < LEVELS; l++) {
        const int64_t tokens = sum[l] / REPEATS; /* Q16; e^14 * 2^8 < 2^31 */
        out->tokens[l] = (int32_t)(tokens >> 8);
        out->log_tokens[l] =
            sprout_fixed_ln((uint64_t)tokens) - sprout_fixed_ln(ONE) - m->log_gap[l];
    }
}

/* Half the mean of the nets' shares, half the linear model's clipped one. */
static void answer_prefer(const struct sprout_predict_model *m, const int32_t *scores,
                          const int16_t *in, struct sprout_prediction *out)
{
    int64_t share[LEVELS] = {0};
    for (int r = 0; r < REPEATS; r++) {
        int64_t eta[LANES], power[LEVELS], sum = 0;
        run_net(&m->prefer[r], in, SPROUT_PREDICT_SCORES_IN, eta);
        const int64_t top01 = eta[0] > eta[1] ? eta[0] : eta[1];
        const int64_t top = top01 > eta[2] ? top01 : eta[2];
        for (int l = 0; l < LEVELS; l++) {
            power[l] = sprout_fixed_exp(eta[l] - top);
            sum += power[l];
        }
        for (int l = 0; l < LEVELS; l++) {
            share[l] += power[l] * ONE / sum;
        }
    }
    for (int l = 0; l < LEVELS; l++) {
        const int64_t linear =
            clip(scores[SPROUT_OUT_PREFER + l], PROBABILITY_MIN, PREFER_MAX);
        out->quality[l] = (int32_t)((share[l] / REPEATS + linear) / 2);
    }
}

static void answer_right(const struct sprout_predict_model *m, const int32_t *scores,
                         const int16_t *in, struct sprout_prediction *out)
{
    int64_t share[LEVELS] = {0};
    for (int r = 0; r < REPEATS; r++) {
        int64_t eta[LANES];
        run_net(&m->right[r], in, SPROUT_PREDICT_SCORES_IN, eta);
        for (int l = 0; l < LEVELS; l++) {
            const int64_t odds = sprout_fixed_exp(eta[l]);
            share[l] += odds * ONE / (ONE + odds);
        }
    }
    for (int l = 0; l < LEVELS; l++) {
        const int64_t linear =
            clip(scores[SPROUT_OUT_RIGHT + l], PROBABILITY_MIN, RIGHT_MAX);
        out->right[l] =
            m->knows_right ? (int32_t)((share[l] / REPEATS + linear) / 2) : -1;
    }
}

void sprout_predict_answer(const struct sprout_predict_model *m,
                           const int32_t scores[SPROUT_PREDICT_OUTPUTS],
                           const int16_t marks[SPROUT_PREDICT_MARKS],
                           struct sprout_prediction *out)
{
    int16_t in[SPROUT_PREDICT_SCORES_IN];
    sprout_predict_inputs(m, scores, in);
    int16_t length_in[SPROUT_PREDICT_INPUTS] = {0}; /* the last have weight 0 */
    memcpy(length_in, in, SPROUT_PREDICT_LENGTH_IN * sizeof *in);
    memcpy(length_in + SPROUT_PREDICT_LENGTH_IN, marks,
           SPROUT_PREDICT_MARKS * sizeof *marks);
    answer_length(m, scores, length_in, out);
    answer_prefer(m, scores, in, out);
    answer_right(m, scores, in, out);
    out->maths = scores[SPROUT_OUT_MATHS];
}

/* ---- whole ----------------------------------------------------------------------------- */

int32_t sprout_predict_unseen(const int16_t *rows,
                              const struct sprout_predict_features *f)
{
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const int16_t *const row = rows + (size_t)f->row[i] * COLUMNS;
        const uint32_t tags = (uint16_t)row[SPROUT_COLUMN_SEEN] |
                              (uint32_t)(uint16_t)row[SPROUT_COLUMN_SEEN + 1] << 16;
        unseen += (tags >> f->tag[i] & 1) ^ 1;
    }
    return f->count == 0 ? ONE : (int32_t)((uint64_t)unseen * ONE / f->count);
}

struct sprout_prediction sprout_predict_of(const struct sprout_predictor *p,
                                           const struct sprout_predict_features *f)
{
    int32_t scores[SPROUT_PREDICT_OUTPUTS];
    int16_t marks[SPROUT_PREDICT_MARKS];
    struct sprout_prediction out = {0};

    sprout_predict_scores(p->model, p->rows, f, scores);
    sprout_predict_marks(p->model, f, marks);
    sprout_predict_answer(p->model, scores, marks, &out);
    out.unseen = sprout_predict_unseen(p->rows, f);
    out.unlike = out.unseen >= p->model->unlike_from;
    out.kind = f->code                             ? SPROUT_KIND_CODE
               : out.maths >= p->model->maths_from ? SPROUT_KIND_MATHS
                                                   : SPROUT_KIND_OTHER;
    return out;
}

struct sprout_prediction sprout_predict(const struct sprout_predictor *p,
                                        const struct sprout_predict_text *text)
{
    struct sprout_predict_features f;

    sprout_predict_read(text, p->rows, &f);
    return sprout_predict_of(p, &f);
}

struct sprout_prediction sprout_predict_str(const struct sprout_predictor *p,
                                            struct sprout_str text)
{
    struct sprout_predict_text t;
    t.bytes = 0; /* the rest is written before it is read */
    sprout_predict_feed(&t, text.ptr, text.len);
    return sprout_predict(p, &t);
}
