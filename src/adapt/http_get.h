/* SPDX-License-Identifier: Apache-2.0 */
/* http_get.h - one small GET of our own admin API (and of other things on this machine).
 *
 * Blocking, with a timeout for the whole of it; never through a proxy, never redirected;
 * https is verified.
 * Not here: live grid providers, which need more. */
#ifndef SPROUT_ADAPT_HTTP_GET_H
#define SPROUT_ADAPT_HTTP_GET_H

#include "base/status.h"
#include "base/str.h"
#include "core/units.h"

/* `address` is HOST:PORT, http(s)://HOST:PORT or unix:PATH; `path` begins with a slash.  The
 * body is appended to `out`, the status code goes to *out_code, whatever it is.
 * SPROUT_UNAVAILABLE (no answer), SPROUT_LIMIT (the body is larger than `out`). */
SPROUT_MUST_USE enum sprout_status sprout_http_get(const char *address, const char *path,
                                                   sprout_span timeout,
                                                   struct sprout_buf *out, int *out_code,
                                                   struct sprout_error *err);

#endif
