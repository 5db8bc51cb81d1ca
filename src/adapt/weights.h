/* SPDX-License-Identifier: Apache-2.0 */
/* weights.h - the file of a predictor: mapped read-only, or refused.
 *
 * The bytes are checked whole (sprout_predictor_view) before anything is predicted with
 * them, so a flipped bit never decides a request.  The map is shared by all processes that
 * open the file.  A file is replaced by rename (sprout_weights_write), which leaves a map of
 * the old one as it was; who writes into a mapped file in place breaks that promise.
 * In a control's folder each is named by its id, so that none is ever written over.
 * Not here: layout and checksum (core/predict_model.h).  Threads: a map is immutable. */
#ifndef SPROUT_ADAPT_WEIGHTS_H
#define SPROUT_ADAPT_WEIGHTS_H

#include "core/predict.h"

struct sprout_weights {
    struct sprout_predictor predictor; /* borrows the map */
    void *map;                         /* owned; NULL: closed */
    size_t len;
};

/* Errors name the file.  SPROUT_NOT_FOUND, SPROUT_IO, or as sprout_predictor_view(). */
SPROUT_MUST_USE enum sprout_status sprout_weights_open(const char *path,
                                                       struct sprout_weights *out,
                                                       struct sprout_error *err);
void sprout_weights_close(struct sprout_weights *w); /* a closed one is fine */

/* Whole, to a temporary name, then renamed.  Refuses bytes that it could not open again. */
SPROUT_MUST_USE enum sprout_status sprout_weights_write(const char *path,
                                                        const void *bytes, size_t len,
                                                        struct sprout_error *err);

enum { SPROUT_WEIGHTS_ID_NAME_MAX = 40, SPROUT_WEIGHTS_PATH_MAX = 4096 };

/* "predictor-0123456789abcdef.weights" */
void sprout_weights_name(uint64_t id, char out[SPROUT_WEIGHTS_ID_NAME_MAX]);

/* Those of that name in `dir`; SPROUT_INVALID if the file holds others. */
SPROUT_MUST_USE enum sprout_status sprout_weights_open_id(const char *dir, uint64_t id,
                                                          struct sprout_weights *out,
                                                          struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_weights_write_id(const char *dir, uint64_t id,
                                                           const void *bytes, size_t len,
                                                           struct sprout_error *err);

/* Deletes files of such names, and what was left half written, but those of `keep`. */
void sprout_weights_sweep(const char *dir, const uint64_t *keep, size_t count);

#endif
