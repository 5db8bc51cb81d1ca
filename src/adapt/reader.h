/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h - what the whole-file readers share.
 *
 * Not here: formats.  Threads: any. */
#ifndef SPROUT_ADAPT_READER_H
#define SPROUT_ADAPT_READER_H

#include "base/status.h"
#include "base/str.h"

/* Puts "path: " before a message that so far speaks of lines only; returns `status`. */
enum sprout_status sprout_reader_in(struct sprout_error *err, enum sprout_status status,
                                    const char *path);

/* Fails with "path: line N: message"; `line` 0 leaves the line out. */
enum sprout_status sprout_reader_fail(struct sprout_error *err, enum sprout_status status,
                                      const char *path, size_t line, const char *format,
                                      ...) SPROUT_PRINTF(5, 6);

/* Lines of a text, at most: line feeds plus one. */
size_t sprout_reader_lines(struct sprout_str text);

/* Copies `name` with a NUL; false if it is empty, too long or holds a NUL. */
bool sprout_reader_name(struct sprout_str name, char *out, size_t size);

#endif
