/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - see journal.h.
 *
 *      +--------- no file ----------+
 *      v                            |
 *   locate --> read lines --> end of file --> same name, same inode: wait (SPROUT_MORE)
 *      ^                            |
 *      +--- next file <-- quiet for the grace <-- the name has another inode
 *
 * The buffer holds file bytes [at, at + end - start); pos.offset == at whenever no line is
 * on loan, and bytes before it are never looked at again. */
#include "adapt/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

struct sprout_journal {
    char path[PATH_MAX];
    char dir[PATH_MAX];
    const char *base; /* last component, in path */
    int fd;           /* -1: none open */
    struct sprout_journal_position pos;
    struct sprout_journal_position first; /* beginning of the first file opened */
    bool resume;                          /* pos names a file that must be found */
    bool at_end;                          /* the last read found the end of the file */
    bool skipping;                        /* in a line that was handed out cut */
    bool waiting;                         /* for the old file to be quiet */
    sprout_mono quiet_since;
    size_t start, end; /* bytes in buf not handed out */
    struct sprout_journal_counts counts;
    char trouble[256];
    char buf[SPROUT_JOURNAL_BUFFER];
};

/* A journal file as the folder shows it. */
struct sibling {
    char path[PATH_MAX];
    uint64_t device, inode;
    struct timespec changed;
    bool current; /* it has the journal's own name */
};

static const struct sprout_hash_key print_key = {UINT64_C(0x6a6f75726e616c),
                                                 UINT64_C(0x7072696e74)};

/* ---- identity -------------------------------------------------------------------------- */

/* Hash of the first `size` bytes; false if they are not there. */
static bool print_of(int fd, int64_t size, uint64_t *out)
{
    char bytes[SPROUT_JOURNAL_PRINT_MAX];

    if (pread(fd, bytes, (size_t)size, 0) != (ssize_t)size) {
        return false;
    }
    *out = sprout_hash_str(print_key, (struct sprout_str){bytes, (size_t)size});
    return true;
}

/* True if the open file begins as the one that `pos` was taken in, and reaches as far. */
static bool is_file_of(int fd, const struct sprout_journal_position *pos)
{
    struct stat st;
    uint64_t print;

    if (fstat(fd, &st) != 0 || st.st_size < pos->offset) {
        return false;
    }
    return pos->print_size == 0 ||
           (print_of(fd, pos->print_size, &print) && print == pos->print);
}

/* The print grows with what was read until it covers PRINT_MAX bytes. */
static void renew_print(struct sprout_journal *j)
{
    if (j->pos.print_size == SPROUT_JOURNAL_PRINT_MAX) {
        return;
    }
    const int64_t size = j->pos.offset < SPROUT_JOURNAL_PRINT_MAX
                             ? j->pos.offset
                             : SPROUT_JOURNAL_PRINT_MAX;
    uint64_t print;
    if (print_of(j->fd, size, &print)) {
        j->pos.print = print;
        j->pos.print_size = size;
    }
}

/* ---- which files there are ------------------------------------------------------------- */

static bool is_journal_name(const struct sprout_journal *j, const char *name)
{
    static const char *const packed[] = {".gz", ".xz", ".bz2", ".zst", ".lz4", ".tmp"};
    const struct sprout_str s = sprout_str_of(name);

    if (!sprout_str_starts(s, sprout_str_of(j->base))) {
        return false;
    }
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        if (sprout_str_ends(s, sprout_str_of(packed[i]))) {
            return false;
        }
    }
    return true;
}

static bool look_at(const struct sprout_journal *j, const char *name, struct sibling *out)
{
    struct stat st;
    const int n = snprintf(out->path, sizeof out->path, "%s/%s", j->dir, name);

    if (n < 0 || (size_t)n >= sizeof out->path || stat(out->path, &st) != 0 ||
        !S_ISREG(st.st_mode)) {
        return false;
    }
    out->device = (uint64_t)st.st_dev;
    out->inode = (uint64_t)st.st_ino;
    out->changed = st.st_mtim;
    out->current = strcmp(name, j->base) == 0;
    return true;
}

/* Order of writing: by last change; of equals the one still in use comes last, and the
 * others by name, so that no two files are each younger than the other: a follower would
 * go from one to the other for ever. */
static bool older(const struct sibling *a, const struct sibling *b)
{
    if (a->changed.tv_sec != b->changed.tv_sec) {
        return a->changed.tv_sec < b->changed.tv_sec;
    }
    if (a->changed.tv_nsec != b->changed.tv_nsec) {
        return a->changed.tv_nsec < b->changed.tv_nsec;
    }
    if (a->current != b->current) {
        return !a->current;
    }
    return strcmp(a->path, b->path) < 0;
}

/* The oldest file that is younger than `after` and not the one at pos; `after` NULL: the
 * oldest of all. */
static bool oldest_sibling(const struct sprout_journal *j, const struct sibling *after,
                           struct sibling *out)
{
    struct sibling s;
    bool found = false;
    DIR *const dir = opendir(j->dir);

    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (!is_journal_name(j, e->d_name) || !look_at(j, e->d_name, &s) ||
            (s.inode == j->pos.inode && s.device == j->pos.device)) {
            continue;
        }
        if (after != NULL && !older(after, &s)) {
            continue;
        }
        if (!found || older(&s, out)) {
            *out = s;
            found = true;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return found;
}

/* True if that file begins as the one pos was taken in and reaches as far: the same file
 * after it was moved to another disk, or after a reboot renumbered the disks. */
static bool is_moved(const struct sprout_journal *j, const struct sibling *s)
{
    const int fd = j->pos.print_size == SPROUT_JOURNAL_PRINT_MAX
                       ? open(s->path, O_RDONLY | O_CLOEXEC)
                       : -1;
    const bool yes = fd >= 0 && is_file_of(fd, &j->pos);
    if (fd >= 0) {
        close(fd);
    }
    return yes;
}

/* The file that pos names, wherever it was renamed or moved to. */
static bool sibling_at_pos(const struct sprout_journal *j, struct sibling *out)
{
    struct sibling s;
    bool same = false, moved = false;
    DIR *const dir = opendir(j->dir);

    for (struct dirent *e; !same && dir != NULL && (e = readdir(dir)) != NULL;) {
        if (!is_journal_name(j, e->d_name) || !look_at(j, e->d_name, &s)) {
            continue;
        }
        same = s.inode == j->pos.inode && s.device == j->pos.device;
        if (same || (!moved && is_moved(j, &s))) {
            moved = true;
            *out = s;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return moved;
}

/* A name that rotation gave: ours with a dot and a digit after it. */
static bool is_rotated_name(const struct sprout_journal *j, const char *name)
{
    const size_t len = strlen(j->base);
    return is_journal_name(j, name) && name[len] == '.' && name[len + 1] >= '0' &&
           name[len + 1] <= '9';
}

/* The oldest rotated file before the one at pos, and how many there are of them. */
static int64_t oldest_read(const struct sprout_journal *j, struct sibling *out)
{
    struct sibling at, s;
    int64_t n = 0;
    if (!sibling_at_pos(j, &at)) {
        return 0;
    }
    DIR *const dir = opendir(j->dir);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (is_rotated_name(j, e->d_name) && look_at(j, e->d_name, &s) &&
            s.inode != at.inode && older(&s, &at)) {
            if (n++ == 0 || older(&s, out)) {
                *out = s;
            }
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

int64_t sprout_journal_forget(const struct sprout_journal *j, int64_t keep)
{
    struct sibling oldest;
    int64_t gone = 0;
    while (j->fd >= 0 && oldest_read(j, &oldest) > keep) {
        if (unlink(oldest.path) != 0) {
            break;
        }
        gone++;
    }
    return gone;
}

/* ---- opening --------------------------------------------------------------------------- */

static void forget_buffer(struct sprout_journal *j)
{
    j->start = j->end = 0;
    j->at_end = j->skipping = j->waiting = false;
}

static void let_go(struct sprout_journal *j)
{
    if (j->fd >= 0) {
        close(j->fd);
    }
    j->fd = -1;
    forget_buffer(j);
}

/* Start reading `path` at its beginning; false if it is not there or not readable. */
static bool start_file(struct sprout_journal *j, const char *path,
                       struct sprout_error *err)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        if (errno != ENOENT) {
            (void)sprout_fail(err, SPROUT_IO, "cannot read the journal %s: %s", path,
                              strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    let_go(j);
    j->fd = fd;
    j->resume = false;
    j->pos = (struct sprout_journal_position){.device = (uint64_t)st.st_dev,
                                              .inode = (uint64_t)st.st_ino};
    if (j->first.inode == 0) {
        j->first = j->pos;
    }
    return true;
}

/* The file was cut or written over in place: what it holds now is read from its start. */
static void restart_truncated(struct sprout_journal *j)
{
    j->counts.truncations++;
    snprintf(
        j->trouble, sizeof j->trouble,
        "the journal was truncated in place at byte %lld: lines may be lost; rotate by "
        "rename and USR1, not by copytruncate",
        (long long)j->pos.offset);
    forget_buffer(j);
    j->pos.offset = 0;
    j->pos.print_size = 0;
    j->pos.print = 0;
}

/* Find the file that pos names and go on in it; without it, begin with the oldest one: what
 * comes twice is recognised by its sequence number, what is skipped is lost. */
static bool resume_file(struct sprout_journal *j, struct sprout_error *err)
{
    struct sibling s;

    if (!sibling_at_pos(j, &s)) {
        if (!oldest_sibling(j, NULL, &s)) {
            return false;
        }
        j->counts.lost_files++;
        snprintf(j->trouble, sizeof j->trouble,
                 "the journal file that was read last (inode %llu, byte %lld) is gone; "
                 "lines after that byte are lost",
                 (unsigned long long)j->pos.inode, (long long)j->pos.offset);
        return start_file(j, s.path, err);
    }

    const struct sprout_journal_position wanted = j->pos;
    if (!start_file(j, s.path, err)) {
        return false;
    }
    j->pos.offset = wanted.offset;
    j->pos.print = wanted.print;
    j->pos.print_size = wanted.print_size;
    if (!is_file_of(j->fd, &wanted)) {
        restart_truncated(j);
    }
    return true;
}

/* With nothing to resume, everything that is there is news: also what was rotated away
 * before anybody looked. */
static bool first_file(struct sprout_journal *j, struct sprout_error *err)
{
    struct sibling s;
    return oldest_sibling(j, NULL, &s) && start_file(j, s.path, err);
}

enum sprout_status sprout_journal_open(const char *path,
                                       const struct sprout_journal_position *from,
                                       struct sprout_journal **out_journal,
                                       struct sprout_error *err)
{
    const size_t len = strlen(path);
    if (len == 0 || len >= PATH_MAX) {
        return sprout_fail(err, SPROUT_LIMIT, "journal path of %zu bytes: at most %d",
                           len, PATH_MAX - 1);
    }
    struct sprout_journal *const j = calloc(1, sizeof *j);
    if (j == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the journal's buffer");
    }
    memcpy(j->path, path, len + 1);
    const char *const slash = strrchr(j->path, '/');
    j->base = slash == NULL ? j->path : slash + 1;
    snprintf(j->dir, sizeof j->dir, "%.*s", slash == NULL ? 1 : (int)(slash - j->path),
             slash == NULL ? "." : j->path);
    if (j->dir[0] == '\0') {
        j->dir[0] = '/';
    }
    j->fd = -1;
    if (from != NULL && from->inode != 0) {
        j->pos = j->first = *from;
        j->resume = true;
    }
    *out_journal = j;
    return SPROUT_OK;
}

void sprout_journal_close(struct sprout_journal *j)
{
    if (j != NULL) {
        let_go(j);
        free(j);
    }
}

/* ---- reading --------------------------------------------------------------------------- */

/* More bytes into the buffer.  SPROUT_MORE at the end of the file. */
static enum sprout_status fill(struct sprout_journal *j, struct sprout_error *err)
{
    /* A file that was cut and grew again behind our back shows in its first bytes; looked
     * at once per wake-up, not once per read. */
    if (j->at_end && !is_file_of(j->fd, &j->pos)) {
        restart_truncated(j);
    }
    if (j->start > 0) {
        memmove(j->buf, j->buf + j->start, j->end - j->start);
        j->end -= j->start;
        j->start = 0;
    }
    const off_t from = (off_t)(j->pos.offset + (int64_t)j->end);
    const ssize_t n = pread(j->fd, j->buf + j->end, sizeof j->buf - j->end, from);
    if (n < 0) {
        return errno == EINTR
                   ? SPROUT_OK
                   : sprout_fail(err, SPROUT_IO, "cannot read the journal %s: %s",
                                 j->path, strerror(errno));
    }
    j->at_end = n == 0;
    j->end += (size_t)n;
    return n == 0 ? SPROUT_MORE : SPROUT_OK;
}

static void hand_out(struct sprout_journal *j, size_t len, size_t eat, bool whole,
                     struct sprout_journal_line *out)
{
    *out = (struct sprout_journal_line){
        .text = {j->buf + j->start, len}, .offset = j->pos.offset, .whole = whole};
    j->start += eat;
    j->pos.offset += (int64_t)eat;
    j->counts.bytes += (int64_t)eat;
    j->counts.lines++;
    j->waiting = false;
    renew_print(j);
}

/* A line from the buffer, if there is one. */
static bool take_line(struct sprout_journal *j, struct sprout_journal_line *out)
{
    for (;;) {
        const char *const from = j->buf + j->start;
        const size_t have = j->end - j->start;
        const char *const lf = have == 0 ? NULL : memchr(from, '\n', have);
        const size_t len = lf == NULL ? have : (size_t)(lf - from);

        if (j->skipping) { /* the rest of a line that was handed out cut */
            const size_t eat = lf == NULL ? have : len + 1;
            j->start += eat;
            j->pos.offset += (int64_t)eat;
            j->skipping = lf == NULL;
            if (lf == NULL) {
                return false;
            }
            continue;
        }
        if (len > SPROUT_JOURNAL_LINE_MAX) {
            j->skipping = true;
            hand_out(j, SPROUT_JOURNAL_LINE_MAX, SPROUT_JOURNAL_LINE_MAX, false, out);
            return true;
        }
        if (lf == NULL) {
            return false;
        }
        hand_out(j, len, len + 1, true, out);
        return true;
    }
}

/* True if the journal's name belongs to another file than the one being read. */
static bool rotated(const struct sprout_journal *j)
{
    struct stat st;
    return stat(j->path, &st) == 0 &&
           ((uint64_t)st.st_ino != j->pos.inode || (uint64_t)st.st_dev != j->pos.device);
}

/* At the end of the file: wait, hand out what a finished file left half written, or move on
 * to the next one (SPROUT_OK with *moved). */
static enum sprout_status at_end(struct sprout_journal *j, sprout_mono now,
                                 struct sprout_journal_line *out, bool *moved,
                                 struct sprout_error *err)
{
    struct sibling at, next;
    struct stat st;

    *moved = false;
    if (!rotated(j)) {
        j->waiting = false;
        return SPROUT_MORE;
    }
    if (!j->waiting) {
        j->waiting = true;
        j->quiet_since = now;
    }
    if (now.ns - j->quiet_since.ns < SPROUT_JOURNAL_GRACE.ns) {
        return SPROUT_MORE;
    }
    if (j->end > j->start) {
        const size_t len = j->end - j->start;
        hand_out(j, len, len, false, out);
        j->waiting = true; /* the grace is over already */
        return SPROUT_OK;
    }
    if (fstat(j->fd, &st) != 0) {
        return sprout_fail(err, SPROUT_IO, "cannot look at the journal %s: %s", j->path,
                           strerror(errno));
    }
    if (!sibling_at_pos(j,
                        &at)) { /* it was removed: no name, so before all of its time */
        at = (struct sibling){.changed = st.st_mtim};
    }
    if (!oldest_sibling(j, &at, &next) && !look_at(j, j->base, &next)) {
        return SPROUT_MORE;
    }
    if (!start_file(j, next.path, err)) {
        return SPROUT_MORE;
    }
    j->counts.rotations++;
    *moved = true;
    return SPROUT_OK;
}

enum sprout_status sprout_journal_next(struct sprout_journal *j, sprout_mono now,
                                       struct sprout_journal_line *out,
                                       struct sprout_error *err)
{
    if (j->fd < 0 && !(j->resume ? resume_file(j, err) : first_file(j, err))) {
        return SPROUT_MORE;
    }
    for (;;) {
        if (take_line(j, out)) {
            return SPROUT_OK;
        }
        enum sprout_status status = fill(j, err);
        if (status == SPROUT_OK) {
            j->waiting = false;
            continue;
        }
        if (status != SPROUT_MORE) {
            return status;
        }
        bool moved;
        status = at_end(j, now, out, &moved, err);
        if (!moved) {
            return status;
        }
    }
}

/* ---- where it is ----------------------------------------------------------------------- */

struct sprout_journal_position sprout_journal_position(const struct sprout_journal *j)
{
    return j->pos;
}

void sprout_journal_rewind(struct sprout_journal *j,
                           const struct sprout_journal_position *to)
{
    const struct sprout_journal_position *const target = to->inode == 0 ? &j->first : to;

    if (target->inode == 0) {
        return; /* nothing was ever handed out */
    }
    if (target->inode != j->pos.inode || target->device != j->pos.device) {
        let_go(j);
    }
    forget_buffer(j);
    j->pos = *target;
    j->resume = j->fd < 0;
}

int64_t sprout_journal_lag(const struct sprout_journal *j)
{
    struct stat st;
    int64_t lag = 0;

    if (j->fd >= 0) {
        if (fstat(j->fd, &st) != 0) {
            return -1;
        }
        lag = st.st_size > j->pos.offset ? (int64_t)st.st_size - j->pos.offset : 0;
    }
    if ((j->fd < 0 || rotated(j)) && stat(j->path, &st) == 0) {
        lag += (int64_t)st.st_size;
    }
    return lag;
}

struct sprout_journal_counts sprout_journal_counts(const struct sprout_journal *j)
{
    return j->counts;
}

const char *sprout_journal_trouble(const struct sprout_journal *j)
{
    return j->trouble;
}
