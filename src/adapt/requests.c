/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c - see requests.h.
 *
 * Two passes over the folder: the files are read whole and counted, then parsed line by
 * line.  A decoded JSON text is never longer than its source, so one arena of the files'
 * total size (and room for alignment and NULs) holds every view. */
#include "adapt/requests.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "adapt/file.h"
#include "adapt/reader.h"
#include "base/arena.h"

enum {
    PATH_SIZE = 4096,
    TEXTS_PER_REQUEST = 3 + SPROUT_BENCH_OPTIONS, /* id, prompt, reference, responses */
    TEXT_OVERHEAD = 32,                           /* NUL and alignment */
};

#define JOULES_PER_WH 3600.0
#define NUMBER_MAX    1e9 /* Wh or seconds of one request, as in adapt/means */

struct reading {
    const char *folder;
    struct sprout_file file[SPROUT_TASKS_MAX];
    char path[PATH_SIZE]; /* of the file being parsed */
    size_t line;
    struct sprout_arena text;
    struct sprout_requests out;
    struct sprout_error *err;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Names of the *.jsonl files, sorted: readdir's order is not the same on two machines. */
static enum sprout_status list_tasks(struct reading *r)
{
    static const struct sprout_str suffix = {".jsonl", 6};
    DIR *const dir = opendir(r->folder);
    if (dir == NULL) {
        return sprout_reader_fail(r->err, errno == ENOENT ? SPROUT_NOT_FOUND : SPROUT_IO,
                                  r->folder, 0, "cannot open the folder: %s",
                                  strerror(errno));
    }

    enum sprout_status st = SPROUT_OK;
    const struct dirent *entry;
    while (st == SPROUT_OK && (entry = readdir(dir)) != NULL) {
        struct sprout_str name = sprout_str_of(entry->d_name);
        if (!sprout_str_ends(name, suffix) || name.ptr[0] == '.') {
            continue;
        }
        name.len -= suffix.len;
        if (r->out.tasks == SPROUT_TASKS_MAX ||
            !sprout_reader_name(name, r->out.task[r->out.tasks], sizeof r->out.task[0])) {
            st = sprout_reader_fail(r->err, SPROUT_LIMIT, r->folder, 0,
                                    "more than %d tasks, or a name of more than %d bytes",
                                    SPROUT_TASKS_MAX, SPROUT_TASK_NAME_MAX);
        } else {
            r->out.tasks++;
        }
    }
    closedir(dir);
    if (st == SPROUT_OK && r->out.tasks == 0) {
        st = sprout_reader_fail(r->err, SPROUT_NOT_FOUND, r->folder, 0,
                                "no file <task>.jsonl in this folder");
    }
    qsort(r->out.task, r->out.tasks, sizeof r->out.task[0], by_name);
    return st;
}

static void set_path(struct reading *r, size_t task)
{
    struct sprout_buf b = sprout_buf_of(r->path, sizeof r->path);
    sprout_buf_printf(&b, "%s/%s.jsonl", r->folder, r->out.task[task]);
}

/* Reads every file, and makes room for the requests and their texts. */
static enum sprout_status load(struct reading *r)
{
    char hashes[SPROUT_TASKS_MAX * SPROUT_SHA256_HEX];
    struct sprout_buf all = sprout_buf_of(hashes, sizeof hashes);
    size_t bytes = 0, lines = 0;

    for (size_t k = 0; k < r->out.tasks; k++) {
        char hex[SPROUT_SHA256_HEX];
        set_path(r, k);
        enum sprout_status st =
            sprout_file_read(r->path, SPROUT_REQUESTS_FILE_MAX, &r->file[k], r->err);
        if (st == SPROUT_OK) {
            st = sprout_sha256_hex(sprout_file_str(&r->file[k]), hex, r->err);
        }
        if (st != SPROUT_OK) {
            return st;
        }
        sprout_buf_put(&all, sprout_str_of(hex));
        bytes += r->file[k].len;
        lines += sprout_reader_lines(sprout_file_str(&r->file[k]));
    }
    if (lines > SPROUT_REQUESTS_MAX) {
        return sprout_reader_fail(r->err, SPROUT_LIMIT, r->folder, 0,
                                  "more than %d lines", SPROUT_REQUESTS_MAX);
    }
    bytes += lines * TEXTS_PER_REQUEST * TEXT_OVERHEAD;
    r->out.request = calloc(lines + 1, sizeof *r->out.request);
    r->out.text = malloc(bytes + 1);
    if (r->out.request == NULL || r->out.text == NULL) {
        return sprout_fail(r->err, SPROUT_NO_MEMORY, "%s: out of memory", r->folder);
    }
    r->text = sprout_arena_of(r->out.text, bytes);
    return sprout_sha256_hex(sprout_buf_str(&all), r->out.sha256, r->err);
}

static enum sprout_status fail(struct reading *r, const char *member,
                               const char *expected)
{
    return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, r->line,
                              "'%s': expected %s", member, expected);
}

static struct sprout_str text_of(struct reading *r, const json_t *v)
{
    if (!json_is_string(v)) {
        return (struct sprout_str){NULL, 0};
    }
    return sprout_arena_str(
        &r->text, (struct sprout_str){json_string_value(v), json_string_length(v)});
}

static enum sprout_status read_numbers(struct reading *r, const json_t *line,
                                       const char *member,
                                       double out[SPROUT_BENCH_OPTIONS])
{
    const json_t *const object = json_object_get(line, member);
    for (int o = 0; o < SPROUT_BENCH_OPTIONS; o++) {
        const json_t *const v = json_object_get(object, sprout_bench_option_name[o]);
        out[o] = json_is_number(v) ? json_number_value(v) : NAN;
        if (!(out[o] >= 0 && out[o] <= NUMBER_MAX)) {
            return fail(r, member, "numbers from 0 to 1e9 for L0, L1, L2 and L0_7b");
        }
    }
    return SPROUT_OK;
}

static enum sprout_status read_judged(struct reading *r, const json_t *line,
                                      struct sprout_request *q)
{
    const json_t *const v = json_object_get(line, "preferred");
    q->preferred = -1;
    if (v == NULL || json_is_null(v)) {
        return SPROUT_OK;
    }
    for (int l = 0; l < SPROUT_BENCH_LEVELS; l++) {
        if (json_is_string(v) &&
            strcmp(json_string_value(v), sprout_bench_option_name[l]) == 0) {
            q->preferred = l;
        }
    }
    return q->preferred >= 0 ? SPROUT_OK
                             : fail(r, "preferred", "\"L0\", \"L1\" or \"L2\"");
}

static void read_texts(struct reading *r, const json_t *line, struct sprout_request *q)
{
    const json_t *const responses = json_object_get(line, "response");
    q->id = text_of(r, json_object_get(line, "id"));
    q->prompt = text_of(r, json_object_get(line, "prompt"));
    q->reference = text_of(r, json_object_get(line, "reference"));
    for (int o = 0; o < SPROUT_BENCH_OPTIONS; o++) {
        q->response[o] =
            text_of(r, json_object_get(responses, sprout_bench_option_name[o]));
    }
}

static enum sprout_status read_request(struct reading *r, const json_t *line, size_t task)
{
    struct sprout_request *const q = &r->out.request[r->out.count];
    double wh[SPROUT_BENCH_OPTIONS] = {0}, s[SPROUT_BENCH_OPTIONS] = {0};

    read_texts(r, line, q);
    if (q->id.len == 0 || q->prompt.ptr == NULL) {
        return fail(r, q->id.len == 0 ? "id" : "prompt", "a text");
    }
    enum sprout_status st = read_numbers(r, line, "energy_wh", wh);
    if (st == SPROUT_OK) {
        st = read_numbers(r, line, "time_s", s);
    }
    if (st == SPROUT_OK) {
        st = read_judged(r, line, q);
    }
    if (st != SPROUT_OK) {
        return st;
    }
    for (int o = 0; o < SPROUT_BENCH_OPTIONS; o++) {
        q->energy[o] = (sprout_joules){wh[o] * JOULES_PER_WH};
        q->time[o] = (sprout_seconds){s[o]};
    }
    q->task = (int)task;
    r->out.task_count[task]++;
    r->out.task_judged[task] += q->preferred >= 0;
    r->out.count++;
    return SPROUT_OK;
}

static enum sprout_status read_line(struct reading *r, struct sprout_str text,
                                    size_t task)
{
    json_error_t e;
    json_t *const line = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(line)) {
        json_decref(line);
        /* jansson's own text may quote the line, which may be a prompt. */
        return sprout_reader_fail(r->err, SPROUT_SYNTAX, r->path, r->line,
                                  "not a JSON object (damaged at byte %d)",
                                  line == NULL ? e.position : 0);
    }
    const enum sprout_status st = read_request(r, line, task);
    json_decref(line);
    return st;
}

static bool is_blank(struct sprout_str line)
{
    const bool cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
    return sprout_str_trim((struct sprout_str){line.ptr, line.len - cr}).len == 0;
}

static enum sprout_status read_file(struct reading *r, size_t task)
{
    struct sprout_str rest = sprout_file_str(&r->file[task]);
    if (sprout_str_starts(rest, SPROUT_STR("\xEF\xBB\xBF"))) { /* a byte order mark */
        rest = (struct sprout_str){rest.ptr + 3, rest.len - 3};
    }
    set_path(r, task);
    r->line = 0;
    while (rest.len > 0) {
        const char *const end = memchr(rest.ptr, '\n', rest.len);
        const size_t n = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        const size_t step = end == NULL ? n : n + 1;
        const struct sprout_str line = {rest.ptr, n};
        r->line++;
        if (!is_blank(line)) {
            const enum sprout_status st = read_line(r, line, task);
            if (st != SPROUT_OK) {
                return st;
            }
        }
        rest.ptr += step;
        rest.len -= step;
    }
    if (r->out.task_judged[task] == 0) {
        return sprout_reader_fail(
            r->err, SPROUT_INVALID, r->path, 0,
            "no judged prompt: the quality of this task is unknown");
    }
    return SPROUT_OK;
}

enum sprout_status sprout_requests_read(const char *folder, struct sprout_requests *out,
                                        struct sprout_error *err)
{
    struct reading r = {.folder = folder, .err = err};
    enum sprout_status st = list_tasks(&r);
    if (st == SPROUT_OK) {
        st = load(&r);
    }
    for (size_t k = 0; st == SPROUT_OK && k < r.out.tasks; k++) {
        st = read_file(&r, k);
    }
    if (st == SPROUT_OK && r.text.spent) {
        st = sprout_fail(err, SPROUT_NO_MEMORY, "%s: out of memory", folder);
    }
    for (size_t k = 0; k < r.out.tasks; k++) {
        sprout_file_free(&r.file[k]);
    }
    if (st == SPROUT_OK) {
        *out = r.out;
    } else {
        sprout_requests_free(&r.out);
    }
    return st;
}

void sprout_requests_free(struct sprout_requests *r)
{
    free(r->request);
    free(r->text);
    r->request = NULL;
    r->text = NULL;
    r->count = 0;
}
