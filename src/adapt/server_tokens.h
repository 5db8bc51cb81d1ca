/* SPDX-License-Identifier: Apache-2.0 */
/* server_tokens.h - how many tokens an inference server says it has served, to anyone.
 *
 * From its page for Prometheus: vLLM's and llama.cpp's counters, summed over their series.
 * What they grew by beyond our own requests is another client's.  Blocking. */
#ifndef SPROUT_ADAPT_SERVER_TOKENS_H
#define SPROUT_ADAPT_SERVER_TOKENS_H

#include "base/status.h"
#include "core/units.h"

/* SPROUT_UNAVAILABLE; SPROUT_NOT_FOUND: a page without those counters. */
SPROUT_MUST_USE enum sprout_status sprout_server_tokens(const char *url,
                                                        sprout_tokens *prompt,
                                                        sprout_tokens *output,
                                                        struct sprout_error *err);

#endif
