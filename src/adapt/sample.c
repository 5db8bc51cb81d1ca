/* SPDX-License-Identifier: Apache-2.0 */
/* sample.c - see sample.h. */
#include "adapt/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapt/file.h"
#include "adapt/spool.h"

enum { PATH_TEXT = 4096, DIR_MODE = 0700, FILE_MODE = 0600, SAMPLE_MAX = 256 << 20 };

static void path_of(char out[PATH_TEXT], const char *dir, const char *name)
{
    snprintf(out, PATH_TEXT, "%.4000s/%s%s%s", dir, SPROUT_PATH_SPOOL,
             name[0] == '\0' ? "" : "/", name);
}

enum sprout_status sprout_sample_prepare(const char *dir, struct sprout_error *err)
{
    char path[PATH_TEXT];

    path_of(path, dir, "");
    if (mkdir(path, DIR_MODE) != 0 && errno != EEXIST) {
        return sprout_fail(err, SPROUT_IO, "cannot make the folder %.300s: %s", path,
                           strerror(errno));
    }
    path_of(path, dir, "live.ndjson");
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0 || fchmod(fd, FILE_MODE) != 0) {
        return sprout_fail(err, SPROUT_IO, "cannot make %.300s: %s", path,
                           strerror(errno));
    }
    close(fd);
    return SPROUT_OK;
}

void sprout_sample_clean(const char *dir)
{
    char path[PATH_TEXT], file[PATH_TEXT + 300];
    const struct dirent *entry;

    path_of(path, dir, "");
    DIR *const folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (sprout_str_starts(sprout_str_of(entry->d_name),
                              SPROUT_STR("kept.ndjson.tmp"))) {
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            unlink(file);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* ---- lines ----------------------------------------------------------------------------- */

static bool next_line(struct sprout_str *rest, struct sprout_str *out)
{
    const char *const end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    if (end == NULL) {
        return false; /* a line without its end is not whole */
    }
    const size_t n = (size_t)(end - rest->ptr) + 1;
    *out = (struct sprout_str){rest->ptr, n};
    *rest = (struct sprout_str){rest->ptr + n, rest->len - n};
    return true;
}

/* {"at":1764245000,... : seconds; -1 for anything else. */
static int64_t time_of(struct sprout_str line)
{
    const struct sprout_str head = SPROUT_STR("{\"at\":");
    int64_t at = -1;

    if (!sprout_str_starts(line, head)) {
        return -1;
    }
    size_t n = head.len;
    while (n < line.len && line.ptr[n] >= '0' && line.ptr[n] <= '9') {
        n++;
    }
    const struct sprout_str digits = {line.ptr + head.len, n - head.len};
    return sprout_str_to_i64(digits, &at) == SPROUT_OK ? at : -1;
}

static int64_t count_young(struct sprout_str text, int64_t oldest)
{
    struct sprout_str line;
    int64_t n = 0;
    while (next_line(&text, &line)) {
        n += time_of(line) >= oldest;
    }
    return n;
}

/* The young lines of `text` but the first `skip` of them; what was skipped. */
static void copy_young(struct sprout_buf *b, struct sprout_str text, int64_t oldest,
                       int64_t *skip)
{
    struct sprout_str line;
    while (next_line(&text, &line)) {
        if (time_of(line) < oldest) {
            continue;
        }
        if (*skip > 0) {
            --*skip;
        } else {
            sprout_buf_put(b, line);
        }
    }
}

/* ---- collecting ------------------------------------------------------------------------ */

static enum sprout_status read_if_there(const char *path, struct sprout_file *out,
                                        struct sprout_error *err)
{
    const enum sprout_status status = sprout_file_read(path, SAMPLE_MAX, out, err);
    return status == SPROUT_NOT_FOUND ? SPROUT_OK : status;
}

static enum sprout_status merge(const char *path, const struct sprout_file *kept,
                                const struct sprout_file *live, int64_t oldest,
                                int64_t cap, struct sprout_error *err)
{
    const struct sprout_str a = sprout_file_str(kept), b = sprout_file_str(live);
    char *const memory = malloc(a.len + b.len + 1);
    struct sprout_buf out = sprout_buf_of(memory, a.len + b.len);
    int64_t skip = count_young(a, oldest) + count_young(b, oldest) - cap;

    if (memory == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the sample");
    }
    copy_young(&out, a, oldest, &skip);
    copy_young(&out, b, oldest, &skip);
    const bool same = b.len == 0 && out.len == a.len;
    const enum sprout_status status =
        same ? SPROUT_OK : sprout_file_write(path, sprout_buf_str(&out), FILE_MODE, err);
    free(memory);
    return status;
}

enum sprout_status sprout_sample_collect(const char *dir, sprout_instant now, int64_t cap,
                                         sprout_span keep, struct sprout_error *err)
{
    char live_path[PATH_TEXT], kept_path[PATH_TEXT];
    struct sprout_file live = {0}, kept = {0};
    const int64_t oldest = (now.ns - keep.ns) / SPROUT_NS_PER_SECOND;

    path_of(live_path, dir, "live.ndjson");
    path_of(kept_path, dir, "kept.ndjson");
    enum sprout_status status = read_if_there(live_path, &live, err);
    if (status == SPROUT_OK) {
        status = read_if_there(kept_path, &kept, err);
    }
    if (status == SPROUT_OK && (live.len > 0 || kept.len > 0)) {
        status = merge(kept_path, &kept, &live, oldest, cap, err);
    }
    /* Also after a failure: a sample may be lost, it may not grow without end. */
    if (live.len > 0 || status == SPROUT_LIMIT) {
        if (truncate(live_path, 0) != 0 && status == SPROUT_OK) {
            status = sprout_fail(err, SPROUT_IO, "cannot empty %.300s: %s", live_path,
                                 strerror(errno));
        }
    }
    sprout_file_free(&live);
    sprout_file_free(&kept);
    return status;
}

enum sprout_status sprout_sample_take(const char *dir, size_t most,
                                      struct sprout_chat **out, size_t *out_count,
                                      struct sprout_error *err)
{
    char path[PATH_TEXT];
    struct stat st;

    path_of(path, dir, "kept.ndjson");
    *out = NULL;
    *out_count = 0;
    if (stat(path, &st) != 0 || st.st_size == 0) {
        return SPROUT_OK;
    }
    const enum sprout_status status =
        sprout_prompts_file_load(path, NULL, most, out, out_count, err);
    if (truncate(path, 0) != 0 && status == SPROUT_OK) {
        sprout_prompts_file_free(*out, *out_count);
        return sprout_fail(err, SPROUT_IO, "cannot empty %.300s: %s", path,
                           strerror(errno));
    }
    return status;
}
