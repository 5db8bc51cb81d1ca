/* SPDX-License-Identifier: Apache-2.0 */
/* train_data.c - texts to rows, marks and targets, once for all fits.
 *
 * Features come from core/predict's own reader, so training sees what serving will see.
 * How rare a row is, and the spread of the marks, are taken over all examples, those held
 * out included: they know no answers. */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "sim/train_inner.h"

enum { ROWS = SPROUT_PREDICT_ROWS, MARKS = SPROUT_PREDICT_MARKS };

/* ---- draws ----------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sprout_train_rng_next(struct train_rng *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double sprout_train_rng_normal(struct train_rng *r)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += sprout_hash_unit(sprout_train_rng_next(r));
    }
    return sum;
}

void sprout_train_rng_shuffle(struct train_rng *r, uint32_t *v, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        const size_t j = (size_t)(((sprout_train_rng_next(r) >> 32) * i) >> 32);
        const uint32_t swap = v[i - 1];
        v[i - 1] = v[j];
        v[j] = swap;
    }
}

/* ---- reading --------------------------------------------------------------------------- */

/* Rows of all examples end to end; grows by halves. */
static bool keep_rows(struct train_data *d, size_t *cap, size_t used,
                      const struct sprout_predict_features *f)
{
    if (used + f->count > *cap) {
        const size_t more = (used + f->count) * 3 / 2 + 1024;
        uint16_t *const row = realloc(d->row, more * sizeof *row);
        d->row = row != NULL ? row : d->row;
        uint8_t *const tag = realloc(d->tag, more * sizeof *tag);
        d->tag = tag != NULL ? tag : d->tag;
        if (row == NULL || tag == NULL) {
            return false;
        }
        *cap = more;
    }
    if (f->count > 0) { /* else there may be no memory either */
        memcpy(d->row + used, f->row, f->count * sizeof *f->row);
        memcpy(d->tag + used, f->tag, f->count * sizeof *f->tag);
    }
    return true;
}

bool sprout_train_read(const struct sprout_train_example *e,
                       struct sprout_predict_features *out)
{
    if (e->features.len > 0) {
        return sprout_predict_unpack(e->features, out);
    }
    struct sprout_predict_text text = {.bytes = 0};
    sprout_predict_feed(&text, e->text.ptr, e->text.len);
    sprout_predict_read(&text, NULL, out);
    return true;
}

static enum sprout_status read_texts(struct train_data *d, int32_t (*raw)[MARKS],
                                     bool *code)
{
    size_t cap = 0;
    struct sprout_predict_features f;
    for (size_t i = 0; i < d->count; i++) {
        if (!sprout_train_read(&d->example[i], &f)) {
            return SPROUT_INVALID;
        }
        if (!keep_rows(d, &cap, d->from[i], &f)) {
            return SPROUT_NO_MEMORY;
        }
        d->from[i + 1] = d->from[i] + f.count;
        memcpy(raw[i], f.mark, sizeof f.mark);
        code[i] = f.code;
    }
    return SPROUT_OK;
}

/* A mark that never varies tells nothing: its inverse spread is 0, not infinite. */
static void measure_marks(struct train_data *d, const int32_t (*raw)[MARKS])
{
    for (int m = 0; m < MARKS; m++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < d->count; i++) {
            sum += raw[i][m];
        }
        const double mean = sum / (double)d->count;
        for (size_t i = 0; i < d->count; i++) {
            squares += (raw[i][m] - mean) * (raw[i][m] - mean);
        }
        const double deviation = sqrt(squares / (double)d->count) / SPROUT_PREDICT_ONE;
        d->model->mark_mean[m] = (int32_t)lround(mean);
        d->model->mark_inverse[m] =
            deviation < 1e-3 ? 0 : (int32_t)lround(SPROUT_PREDICT_ONE / deviation);
    }
}

static void standardise_marks(struct train_data *d, const int32_t (*raw)[MARKS])
{
    struct sprout_predict_features f;
    for (size_t i = 0; i < d->count; i++) {
        memcpy(f.mark, raw[i], sizeof f.mark);
        sprout_predict_marks(d->model, &f, d->mark[i]);
    }
}

/* idf = ln((1 + examples) / (1 + examples with the row)) + 1, as it will be packed: the
 * square in steps of 1/256. */
static bool measure_rows(struct train_data *d)
{
    uint32_t *const with = calloc(ROWS, sizeof *with);
    if (with == NULL) {
        return false;
    }
    for (size_t i = 0; i < d->from[d->count]; i++) {
        with[d->row[i]]++;
    }
    for (size_t r = 0; r < ROWS; r++) {
        const double idf = log((1.0 + (double)d->count) / (1.0 + with[r])) + 1;
        d->idf2[r] = (float)(round(idf * idf * 256) / 256);
    }
    free(with);
    for (size_t i = 0; i < d->count; i++) {
        double sum = 0;
        for (size_t k = d->from[i]; k < d->from[i + 1]; k++) {
            sum += d->idf2[d->row[k]];
        }
        d->norm[i] = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
    }
    return true;
}

/* ---- targets and folds ----------------------------------------------------------------- */

static void set(struct train_data *d, size_t i, int output, double value, bool known)
{
    d->target[i][output] = known ? (float)value : 0;
    d->known[i] = (uint16_t)(d->known[i] | known << output);
}

static void set_targets(struct train_data *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct sprout_train_example *const e = &d->example[i];
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            const bool measured = e->tokens[l] >= 0;
            const double tokens = measured && e->tokens[l] > 1 ? e->tokens[l] : 1;
            set(d, i, SPROUT_OUT_LOG + l, log(tokens), measured);
            set(d, i, SPROUT_OUT_ROOT + l, sqrt(tokens), measured);
            set(d, i, SPROUT_OUT_PREFER + l, e->preferred == l, e->preferred >= 0);
            set(d, i, SPROUT_OUT_RIGHT + l, e->right[l] > 0, e->right[l] >= 0);
        }
        set(d, i, SPROUT_OUT_MATHS, e->maths > 0, e->maths >= 0);
    }
}

/* By the text's hash: equal texts lie in one fold, in whatever order they come. */
static void set_folds(struct train_data *d, uint64_t seed)
{
    const struct sprout_hash_key key = {seed, SPROUT_TRAIN_FOLDS};
    for (size_t i = 0; i < d->count; i++) {
        const struct sprout_train_example *const e = &d->example[i];
        const uint64_t h =
            sprout_hash_str(key, e->features.len > 0 ? e->features : e->text);
        d->fold[i] = (uint8_t)(h % SPROUT_TRAIN_FOLDS);
        for (size_t k = d->from[i]; k < d->from[i + 1]; k++) {
            d->seen[d->row[k]][d->tag[k]] |= (uint8_t)(1u << d->fold[i]);
        }
    }
}

/* ---- whole ----------------------------------------------------------------------------- */

void sprout_train_data_free(struct train_data *d)
{
    free(d->from);
    free(d->row);
    free(d->tag);
    free(d->idf2);
    free(d->norm);
    free(d->mark);
    free(d->target);
    free(d->known);
    free(d->fold);
    free(d->seen);
    free(d->code);
    *d = (struct train_data){0};
}

static bool make_room(struct train_data *d)
{
    d->from = calloc(d->count + 1, sizeof *d->from);
    d->idf2 = calloc(ROWS, sizeof *d->idf2);
    d->norm = calloc(d->count, sizeof *d->norm);
    d->mark = calloc(d->count, sizeof *d->mark);
    d->target = calloc(d->count, sizeof *d->target);
    d->known = calloc(d->count, sizeof *d->known);
    d->fold = calloc(d->count, sizeof *d->fold);
    d->seen = calloc(ROWS, sizeof *d->seen);
    d->code = calloc(d->count, sizeof *d->code);
    return d->from != NULL && d->idf2 != NULL && d->norm != NULL && d->mark != NULL &&
           d->target != NULL && d->known != NULL && d->fold != NULL && d->seen != NULL &&
           d->code != NULL;
}

enum sprout_status sprout_train_data_make(const struct sprout_train_example *examples,
                                          size_t count, uint64_t seed,
                                          struct sprout_predict_model *model,
                                          struct train_data *out)
{
    struct train_data d = {.example = examples, .count = count, .model = model};
    int32_t(*raw)[MARKS] = calloc(count, sizeof *raw);
    enum sprout_status st =
        raw != NULL && make_room(&d) ? read_texts(&d, raw, d.code) : SPROUT_NO_MEMORY;
    if (st == SPROUT_OK && !measure_rows(&d)) {
        st = SPROUT_NO_MEMORY;
    }
    if (st == SPROUT_OK) {
        measure_marks(&d, (const int32_t(*)[MARKS])raw);
        standardise_marks(&d, (const int32_t(*)[MARKS])raw);
        set_targets(&d);
        set_folds(&d, seed);
        *out = d;
    } else {
        sprout_train_data_free(&d);
    }
    free(raw);
    return st;
}
