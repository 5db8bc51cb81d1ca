/* SPDX-License-Identifier: Apache-2.0 */
/* train_pack.c - floats to the integers that decide.
 *
 * One scale an output, as fine as its largest weight allows.  What is lost is checked where
 * it matters: the figures are of packed nets. */
#include <math.h>

#include "sim/train_inner.h"

enum {
    ROWS = SPROUT_PREDICT_ROWS,
    MARKS = SPROUT_PREDICT_MARKS,
    ROW_WEIGHT_MAX = 32000,
    SHIFT_MAX = 20,
};

#define Q24 16777216.0

/* The largest shift at which weights of at most `most` stay inside their bound. */
static int shift_of(double most)
{
    int shift = SHIFT_MAX;
    while (shift > 0 && most * (double)(1 << shift) > SPROUT_PREDICT_WEIGHT_MAX) {
        shift--;
    }
    return shift;
}

static int32_t round_within(double v, double most)
{
    return (int32_t)lround(fmax(-most, fmin(most, v)));
}

static int16_t weight_of(float v, int shift)
{
    return (int16_t)round_within((double)v * (double)(1 << shift),
                                 SPROUT_PREDICT_WEIGHT_MAX);
}

static double largest(const float *v, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)v[i]));
    }
    return most;
}

static int pack(const float *from, size_t count, int16_t *to)
{
    const int shift = shift_of(largest(from, count));
    for (size_t i = 0; i < count; i++) {
        to[i] = weight_of(from[i], shift);
    }
    return shift;
}

void sprout_train_pack_net(const struct train_net *from, struct sprout_predict_net *to)
{
    *to = (struct sprout_predict_net){0};
    to->in_shift = pack(&from->in[0][0], sizeof from->in / sizeof(float), &to->in[0][0]);
    to->skip_shift =
        pack(&from->skip[0][0], sizeof from->skip / sizeof(float), &to->skip[0][0]);
    to->out_shift =
        pack(&from->out[0][0], sizeof from->out / sizeof(float), &to->out[0][0]);
    for (int h = 0; h < SPROUT_PREDICT_HIDDEN; h++) {
        to->hidden_bias[h] =
            round_within((double)from->hidden_bias[h] * 1024 * (1 << to->in_shift),
                         SPROUT_PREDICT_HIDDEN_MAX);
    }
    for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
        to->out_bias[l] = round_within((double)from->out_bias[l] * SPROUT_PREDICT_ONE,
                                       SPROUT_PREDICT_HIDDEN_MAX);
    }
}

static void pack_rows(const struct train_linear *l, int o, struct sprout_predict_model *m,
                      int16_t *rows)
{
    double most = 0;
    for (size_t r = 0; r < ROWS; r++) {
        most = fmax(most, fabs((double)l->weight[r][o]));
    }
    /* A weight is stored as weight * unit, and the sum comes 2^8 too large for Q16 over
     * 16 / sqrt(256 * norm). */
    const double unit = most > 0 ? ROW_WEIGHT_MAX / most : ROW_WEIGHT_MAX;
    m->row_scale[o] = (int32_t)lround(256 / unit * Q24);
    for (size_t r = 0; r < ROWS; r++) {
        rows[r * SPROUT_PREDICT_COLUMNS + (size_t)o] =
            (int16_t)lround((double)l->weight[r][o] * unit);
    }
}

static void pack_marks(const struct train_linear *l, int o,
                       struct sprout_predict_model *m)
{
    float weight[MARKS];
    int16_t packed[MARKS];
    for (int k = 0; k < MARKS; k++) {
        weight[k] = l->weight[ROWS + k][o] * TRAIN_MARK_SIZE;
    }
    m->mark_shift[o] = pack(weight, MARKS, packed);
    for (int k = 0; k < MARKS; k++) {
        m->mark_weight[k][o] = packed[k];
    }
}

void sprout_train_pack_linear(const struct train_data *d, const struct train_linear *l,
                              struct sprout_predict_model *m, int16_t *rows)
{
    memset(rows, 0, (size_t)ROWS * SPROUT_PREDICT_COLUMNS * sizeof *rows);
    for (int o = 0; o < SPROUT_PREDICT_OUTPUTS; o++) {
        m->bias[o] = (int32_t)lround(l->bias[o] * SPROUT_PREDICT_ONE);
        pack_rows(l, o, m, rows);
        pack_marks(l, o, m);
    }
    for (size_t r = 0; r < ROWS; r++) {
        int16_t *const row = rows + r * SPROUT_PREDICT_COLUMNS;
        uint32_t tags = 0;
        for (int t = 0; t < SPROUT_PREDICT_TAGS; t++) {
            tags |= (uint32_t)(d->seen[r][t] != 0) << t;
        }
        row[SPROUT_COLUMN_SEEN] = (int16_t)(uint16_t)tags;
        row[SPROUT_COLUMN_SEEN + 1] = (int16_t)(uint16_t)(tags >> 16);
        row[SPROUT_COLUMN_IDF2] = (int16_t)(uint16_t)lround((double)d->idf2[r] * 256);
    }
}
