/* SPDX-License-Identifier: Apache-2.0 */
/* predict_view.c - may these bytes decide requests?
 *
 * The checksum catches damage; the bounds catch a trainer with a fault, so that the sums of
 * predict_score.c need no checks.  A pass over 2 MB: milliseconds, once per file. */
#include "core/predict_model.h"

#include "base/hash.h"

enum { WEIGHT_MAX = SPROUT_PREDICT_WEIGHT_MAX, SHIFT_MAX = 20, IDF2_MIN = 256 };

#define SCORE_SCALE_MAX (1 << 30)

uint64_t sprout_predict_checksum(const void *bytes, size_t len)
{
    const size_t from = offsetof(struct sprout_predict_model, checksum) + 8;
    struct sprout_hash h =
        sprout_hash_begin((struct sprout_hash_key){SPROUT_PREDICT_FORMAT, len});
    sprout_hash_feed(&h, (const char *)bytes + from, len - from);
    return sprout_hash_end(h);
}

static bool small(const int16_t *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (w[i] > WEIGHT_MAX || w[i] < -WEIGHT_MAX) {
            return false;
        }
    }
    return true;
}

static bool within(const int32_t *v, size_t count, int32_t least, int32_t most)
{
    for (size_t i = 0; i < count; i++) {
        if (v[i] < least || v[i] > most) {
            return false;
        }
    }
    return true;
}

static bool net_is_bounded(const struct sprout_predict_net *n)
{
    const int32_t most = SPROUT_PREDICT_HIDDEN_MAX;
    return small(&n->in[0][0], sizeof n->in / sizeof(int16_t)) &&
           small(&n->skip[0][0], sizeof n->skip / sizeof(int16_t)) &&
           small(&n->out[0][0], sizeof n->out / sizeof(int16_t)) &&
           within(n->hidden_bias, SPROUT_PREDICT_HIDDEN, -most, most) &&
           within(n->out_bias, SPROUT_PREDICT_LANES, -most, most) &&
           within(&n->in_shift, 1, 0, SHIFT_MAX) &&
           within(&n->skip_shift, 1, 0, SHIFT_MAX) &&
           within(&n->out_shift, 1, 0, SHIFT_MAX);
}

static bool model_is_bounded(const struct sprout_predict_model *m)
{
    const int columns = SPROUT_PREDICT_COLUMNS;
    for (int r = 0; r < SPROUT_PREDICT_REPEATS; r++) {
        if (!net_is_bounded(&m->length[r]) || !net_is_bounded(&m->prefer[r]) ||
            !net_is_bounded(&m->right[r])) {
            return false;
        }
    }
    return small(&m->mark_weight[0][0], sizeof m->mark_weight / sizeof(int16_t)) &&
           within(m->row_scale, columns, 0, SCORE_SCALE_MAX) &&
           within(m->mark_inverse, 48, 0, SCORE_SCALE_MAX) &&
           within(m->score_inverse, columns, 0, SCORE_SCALE_MAX) &&
           within(m->mark_shift, columns, 0, SHIFT_MAX) &&
           within(m->bias, columns, -SCORE_SCALE_MAX, SCORE_SCALE_MAX) &&
           within(m->score_mean, columns, -SCORE_SCALE_MAX, SCORE_SCALE_MAX) &&
           within(m->mark_mean, 48, -SCORE_SCALE_MAX, SCORE_SCALE_MAX) &&
           within(m->log_gap, 4, -SCORE_SCALE_MAX, SCORE_SCALE_MAX) &&
           memchr(m->figures.trained_on, 0, sizeof m->figures.trained_on) != NULL;
}

static bool rows_are_bounded(const int16_t *rows)
{
    for (size_t i = 0; i < SPROUT_PREDICT_ROWS; i++) {
        if ((uint16_t)rows[i * SPROUT_PREDICT_COLUMNS + SPROUT_COLUMN_IDF2] < IDF2_MIN) {
            return false;
        }
    }
    return true;
}

static enum sprout_status check_frame(const struct sprout_predict_model *m, size_t len,
                                      struct sprout_error *err)
{
    if (m->magic == __builtin_bswap64(SPROUT_PREDICT_MAGIC)) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "predictor weights of another byte order: train them here");
    }
    if (m->magic != SPROUT_PREDICT_MAGIC) {
        return sprout_fail(err, SPROUT_INVALID,
                           "no predictor weights: the file does not begin with their "
                           "mark; 'sprout train' makes some");
    }
    if (m->format != SPROUT_PREDICT_FORMAT) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "predictor weights of format %u, expected %d: train them "
                           "again with this version",
                           m->format, SPROUT_PREDICT_FORMAT);
    }
    if (m->levels != SPROUT_PREDICT_LEVELS || m->bytes != SPROUT_PREDICT_FILE_BYTES ||
        m->bytes != len) {
        return sprout_fail(err, SPROUT_INVALID,
                           "predictor weights of %zu bytes and %u levels, expected %zu "
                           "and %d: the file is cut short or damaged",
                           len, m->levels, SPROUT_PREDICT_FILE_BYTES,
                           SPROUT_PREDICT_LEVELS);
    }
    return SPROUT_OK;
}

enum sprout_status sprout_predictor_view(const void *bytes, size_t len,
                                         struct sprout_predictor *out,
                                         struct sprout_error *err)
{
    const struct sprout_predict_model *const m = bytes;
    if (len < sizeof *m || (uintptr_t)bytes % 8 != 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "predictor weights of %zu bytes, expected %zu", len,
                           SPROUT_PREDICT_FILE_BYTES);
    }
    const enum sprout_status st = check_frame(m, len, err);
    if (st != SPROUT_OK) {
        return st;
    }
    const uint64_t sum = sprout_predict_checksum(bytes, len);
    if (sum != m->checksum) {
        return sprout_fail(err, SPROUT_INVALID,
                           "predictor weights are damaged: checksum %016llx, expected "
                           "%016llx; restore or train them again",
                           (unsigned long long)sum, (unsigned long long)m->checksum);
    }
    const int16_t *const rows = (const int16_t *)(m + 1);
    if (!model_is_bounded(m) || !rows_are_bounded(rows)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "predictor weights beyond their bounds: train them again");
    }
    *out = (struct sprout_predictor){.model = m, .rows = rows, .id = sum};
    return SPROUT_OK;
}
