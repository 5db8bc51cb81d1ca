/* SPDX-License-Identifier: Apache-2.0 */
/* prompts_file.h - an operator's file of prompts, one JSON object a line (chat.h).
 *
 * Blank lines are skipped; the first line that is none of the forms ends it with FILE:LINE.
 * Of more prompts than are wanted, as many are taken at even distances, so that a file in
 * parts gives some of each. */
#ifndef SPROUT_ADAPT_PROMPTS_FILE_H
#define SPROUT_ADAPT_PROMPTS_FILE_H

#include "adapt/chat.h"

enum { SPROUT_PROMPTS_FILE_MAX = 256 << 20 };

/* *out is owned, free with sprout_prompts_file_free().  `most` 0: all. */
SPROUT_MUST_USE enum sprout_status sprout_prompts_file_load(
    const char *path, const char *model, size_t most, struct sprout_chat **out,
    size_t *out_count, struct sprout_error *err);
void sprout_prompts_file_free(struct sprout_chat *chats, size_t count);

#endif
