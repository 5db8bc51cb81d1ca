/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - requests to other machines, several at a time, with limits.
 *
 * Blocking: it returns when every call has ended, so it belongs into a thread that may wait
 * (the evaluator's, a fetcher's), never into the daemon's loop.  `stop` ends it at once, from
 * any thread.
 * A body goes out as POST application/json, none as GET.  https is verified, redirects are
 * not followed, proxies are those of the environment except for this machine itself.
 * A key is sent as a bearer token and stands in no message: messages name host and path,
 * never query, user or key.
 * Memory: each reply goes into the buffer its caller gave; a longer one fails that call.
 * Not here: what a reply means; when to try again (the caller's, with retry_after). */
#ifndef SPROUT_ADAPT_HTTP_H
#define SPROUT_ADAPT_HTTP_H

#include <stdatomic.h>

#include "base/status.h"
#include "base/str.h"
#include "core/units.h"

enum { SPROUT_HTTP_WHY_MAX = 200, SPROUT_HTTP_CALLS_MAX = 256 };

struct sprout_http_call {
    const char *url;
    const char *header;     /* one more, "Name: value"; NULL: none */
    const char *bearer;     /* the key; NULL or empty: none */
    struct sprout_str body; /* ptr NULL: GET */
    struct sprout_buf reply;
    struct sprout_buf location; /* where a redirect points to; ptr NULL: not wanted */
    const char *ca_file;        /* who vouches for https; NULL or empty: the system's */
    void *ctx;                  /* the caller's own */

    /* Filled in: */
    enum sprout_status status; /* OK: a reply came, whatever its code */
    int code;                  /* HTTP; 0: no reply came */
    sprout_span took;
    sprout_span retry_after; /* ns < 0: not said */
    char why[SPROUT_HTTP_WHY_MAX];
};

/* From the same thread, once a call, as it ends. */
typedef void sprout_http_done_fn(void *ctx, struct sprout_http_call *call);

struct sprout_http_opts {
    sprout_span connect_timeout; /* 0: 10 s */
    sprout_span timeout;         /* of each call; 0: 600 s */
    int at_most;                 /* at the same time; 0: 1 */
    const atomic_bool *stop;     /* NULL: none */
    const bool *enough; /* set by `done`: what has not begun is not begun; NULL: none */
    sprout_http_done_fn *done; /* NULL: none */
    void *ctx;
};

/* Once `stop` is set the calls that have not ended end as SPROUT_UNAVAILABLE, "stopped".
 * Calls that were not begun because of `enough` end so too, and `done` is not called. */
void sprout_http_run(struct sprout_http_call *calls, size_t count,
                     const struct sprout_http_opts *opts);

/* A key from a file (first line, blanks cut off) or, where `file` is empty, from the
 * environment variable `name` (empty: no key at all).  *out_key is owned, free() it; empty
 * text when there is none.  SPROUT_NOT_FOUND, SPROUT_IO, SPROUT_INVALID (bytes that no key
 * has): *err names the file or the variable, never the key. */
SPROUT_MUST_USE enum sprout_status sprout_http_key(const char *file, const char *name,
                                                   char **out_key,
                                                   struct sprout_error *err);

#endif
