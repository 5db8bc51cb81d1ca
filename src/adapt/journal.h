/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - follow the file that nginx appends one line a request to.
 *
 * A follower hands out whole lines with the place they stood at.  Where it is, is a value
 * (struct sprout_journal_position) that the ledger stores in the same transaction as the
 * rows made from the lines; a follower that is opened with that value goes on at that byte.
 *
 * What it copes with:
 *  - rotation by rename and USR1.  It finishes the old file first: it stays until the old
 *    file has been quiet for SPROUT_JOURNAL_GRACE, because each worker reopens in its own
 *    time, and then takes the oldest file that is younger, so that several rotations while
 *    control was away are read in order.  Files are told apart by device, inode and a
 *    print (hash of their first bytes): inode numbers are used again, and disks numbered
 *    anew;
 *  - a half line at the end waits for its rest; if its file is finished, it is damaged;
 *  - copytruncate (the file shrank, or begins differently) is refused: it is counted and
 *    told, the follower starts the truncated file anew, and what was cut off unread is lost.
 *    Lines read twice that way are recognised by the ledger (worker and sequence number);
 *  - a file that vanished unread is counted as lost.
 * Nothing here is fatal: an unreadable file is tried again at the next call.
 * Not here: what a line means (wire/record.h), damaged lines (control/ingest).
 * Memory: one buffer of SPROUT_JOURNAL_BUFFER bytes.  Threads: one. */
#ifndef SPROUT_ADAPT_JOURNAL_H
#define SPROUT_ADAPT_JOURNAL_H

#include "base/status.h"
#include "base/str.h"
#include "core/units.h"

enum {
    SPROUT_JOURNAL_BUFFER = 256 * 1024,
    SPROUT_JOURNAL_LINE_MAX = 64 * 1024, /* a longer one is damage: handed out cut */
    SPROUT_JOURNAL_PRINT_MAX = 256,      /* first bytes that identify a file */
};

#define SPROUT_JOURNAL_GRACE ((sprout_span){2 * SPROUT_NS_PER_SECOND})

/* All bytes before `offset` of that file have been handed out.  device and inode 0: none. */
struct sprout_journal_position {
    uint64_t device;
    uint64_t inode;
    int64_t offset;
    uint64_t print;     /* hash of the file's first print_size bytes */
    int64_t print_size; /* at most SPROUT_JOURNAL_PRINT_MAX */
};

struct sprout_journal_line {
    struct sprout_str text; /* without LF; borrowed until the next call */
    int64_t offset;         /* of its first byte */
    bool whole;             /* false: too long, or the end of a finished file */
};

/* Since the follower was opened. */
struct sprout_journal_counts {
    int64_t lines;
    int64_t bytes;
    int64_t rotations;
    int64_t truncations; /* copytruncate seen */
    int64_t lost_files;  /* vanished before they were read to their end */
};

struct sprout_journal;

/* `path` is copied; the file need not be there yet.  `from` NULL: from the beginning of the
 * oldest file there is, so that a new ledger begins with all that the journal holds.  SPROUT_NO_MEMORY, SPROUT_LIMIT (path too long). */
SPROUT_MUST_USE enum sprout_status sprout_journal_open(
    const char *path, const struct sprout_journal_position *from,
    struct sprout_journal **out_journal, struct sprout_error *err);
void sprout_journal_close(struct sprout_journal *j);

/* The next line, or SPROUT_MORE when there is none now.  SPROUT_IO fills *err and may be
 * tried again later. */
SPROUT_MUST_USE enum sprout_status sprout_journal_next(struct sprout_journal *j,
                                                       sprout_mono now,
                                                       struct sprout_journal_line *out,
                                                       struct sprout_error *err);

/* Just after the last line handed out. */
struct sprout_journal_position sprout_journal_position(const struct sprout_journal *j);

/* Go back (the transaction failed): the lines since `to` are handed out again. */
void sprout_journal_rewind(struct sprout_journal *j,
                           const struct sprout_journal_position *to);

/* Bytes not handed out yet in this file and in those after it; -1 if unknown. */
int64_t sprout_journal_lag(const struct sprout_journal *j);

struct sprout_journal_counts sprout_journal_counts(const struct sprout_journal *j);

/* Removes files that were rotated away (JOURNAL.<digit>...) and read to their end, but for
 * the `keep` newest of them.  What is not read yet is never removed.  How many went. */
int64_t sprout_journal_forget(const struct sprout_journal *j, int64_t keep);

/* The last trouble in words ("truncated in place ..."); empty when there was none. */
const char *sprout_journal_trouble(const struct sprout_journal *j);

#endif
