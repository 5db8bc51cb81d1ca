/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - the only place where texts of prompts and answers lie, and not for long.
 *
 *     DIR/spool            0700
 *     DIR/spool/run-7      0700, one an evaluation; gone when it has ended
 *     DIR/spool/run-7/12       0600, item 12: its request and reference (chat.h)
 *     DIR/spool/run-7/12.2     0600, its answer at level 2
 *
 * A file is written before the ledger's row that tells of it, and deleted once the item is
 * judged.  Files are whole or not there, for whoever is killed; they are not fsynced (an
 * answer must be in the ledger a moment after it came), so a power cut may lose one, which
 * its end mark shows. */
#ifndef SPROUT_ADAPT_SPOOL_H
#define SPROUT_ADAPT_SPOOL_H

#include "adapt/file.h"

#define SPROUT_PATH_SPOOL "spool"

enum { SPROUT_SPOOL_TEXT_MAX = 8 << 20, SPROUT_SPOOL_PROMPT = -1 };

/* Makes the folders; those that are there stay. */
SPROUT_MUST_USE enum sprout_status sprout_spool_make(const char *dir, int64_t run,
                                                     struct sprout_error *err);
/* `level` SPROUT_SPOOL_PROMPT: the item itself. */
SPROUT_MUST_USE enum sprout_status sprout_spool_put(const char *dir, int64_t run,
                                                    int64_t no, int level,
                                                    struct sprout_str text,
                                                    struct sprout_error *err);
SPROUT_MUST_USE enum sprout_status sprout_spool_get(const char *dir, int64_t run,
                                                    int64_t no, int level,
                                                    struct sprout_file *out,
                                                    struct sprout_error *err);
/* Deletes what there is of an item, or of a run and its folder. */
void sprout_spool_drop(const char *dir, int64_t run, int64_t no, int levels);
void sprout_spool_drop_run(const char *dir, int64_t run);

#endif
