/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - events on standard error, one line each.
 *
 *     2026-11-23T08:50:00.125Z warn ledger-unavailable: the disk is full ...
 *
 * time, weight, the event's name (stable, for searching), then what a person needs to know.
 * Prompt text, answers and keys never come here.  A line is one write(2) of at most
 * SPROUT_LOG_MAX bytes, so lines of several processes do not mix.
 * Threads: any.  Failure: a line that cannot be written is lost. */
#ifndef SPROUT_ADAPT_LOG_H
#define SPROUT_ADAPT_LOG_H

#include "base/status.h"

enum { SPROUT_LOG_MAX = 1024 };

void sprout_log_info(const char *event, const char *format, ...) SPROUT_PRINTF(2, 3);
void sprout_log_warn(const char *event, const char *format, ...) SPROUT_PRINTF(2, 3);
void sprout_log_error(const char *event, const char *format, ...) SPROUT_PRINTF(2, 3);

#endif
