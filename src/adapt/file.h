/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - whole files: read with a maximum, written so that no reader sees half of one.
 *
 * Writing goes to a temporary name in the same folder, is fsynced, renamed, and the folder
 * is fsynced: after SPROUT_OK the new content survives a power cut; after a failure the old
 * file is as it was and the temporary one is gone.
 * Not here: the journal, which grows while it is read. */
#ifndef SPROUT_ADAPT_FILE_H
#define SPROUT_ADAPT_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"
#include "base/str.h"

/* Owned text: free with sprout_file_free().  A NUL follows the bytes and is not counted. */
struct sprout_file {
    char *bytes;
    size_t len;
};

/* SPROUT_NOT_FOUND, SPROUT_IO, SPROUT_LIMIT (more than `max` bytes; nothing is read),
 * SPROUT_NO_MEMORY. */
SPROUT_MUST_USE enum sprout_status sprout_file_read(const char *path, size_t max,
                                                    struct sprout_file *out,
                                                    struct sprout_error *err);

void sprout_file_free(struct sprout_file *f); /* an empty one is fine */

static inline struct sprout_str sprout_file_str(const struct sprout_file *f)
{
    return (struct sprout_str){f->bytes, f->len};
}

/* SPROUT_IO names the step that failed and errno's text; also for a path that is there and no
 * regular file: a device is not replaced. */
SPROUT_MUST_USE enum sprout_status sprout_file_write(const char *path,
                                                     struct sprout_str text, mode_t mode,
                                                     struct sprout_error *err);

#endif
