/* SPDX-License-Identifier: Apache-2.0 */
/* api.h - the admin API: four questions, answered from a snapshot.
 *
 *     GET /healthz     200 "ok" while the process turns its loop
 *     GET /readyz      200 or 503, {"ready":..,"waiting_for":[..]}
 *     GET /v1/status   the snapshot as JSON
 *     GET /metrics     the snapshot as Prometheus text
 *     POST /v1/feedback   what a user says of an answer (feedback.h)
 *
 * On a loopback address or a Unix socket (0600), and nowhere else: there is no password to
 * it, so nothing can be asked from another machine.  A request that names a foreign Host
 * (a web page that rebinds its name to 127.0.0.1) is refused.
 * libmicrohttpd with external polling: the daemon's own thread, one descriptor to poll.
 * Memory: one answer buffer.  Threads: one. */
#ifndef SPROUT_CONTROL_API_H
#define SPROUT_CONTROL_API_H

#include "control/snapshot.h"

enum {
    SPROUT_API_ANSWER_MAX = 1 << 20,
    SPROUT_API_CONNECTIONS_MAX = 64,
    SPROUT_API_BODY_MAX = 4096,
};

struct sprout_api;

/* Fills *out for an answer; what it points at lives until the next call of the daemon. */
typedef void sprout_api_snapshot_fn(void *ctx, struct sprout_snapshot *out);

/* `address` is ADDR:PORT (port 0: a free one) or unix:PATH (a stale socket is replaced).
 * SPROUT_BUSY if the address is taken, SPROUT_INVALID if it is not a loopback address. */
SPROUT_MUST_USE enum sprout_status sprout_api_new(const char *address,
                                                  sprout_api_snapshot_fn *snapshot,
                                                  void *ctx, struct sprout_api **out,
                                                  struct sprout_error *err);
/* Takes a feedback's body and appends the answer; without one, POST is refused. */
typedef enum sprout_status sprout_api_feedback_fn(void *ctx, struct sprout_str body,
                                                  struct sprout_buf *answer,
                                                  struct sprout_error *err);
void sprout_api_on_feedback(struct sprout_api *api, sprout_api_feedback_fn *take);
void sprout_api_free(struct sprout_api *api);

/* Where it listens, the port filled in. */
const char *sprout_api_address(const struct sprout_api *api);

/* Poll this for input ... */
int sprout_api_fd(const struct sprout_api *api);
/* ... and call this when there is some, or when this many milliseconds have passed. */
void sprout_api_run(struct sprout_api *api);
int sprout_api_timeout_ms(const struct sprout_api *api, int at_most);

#endif
