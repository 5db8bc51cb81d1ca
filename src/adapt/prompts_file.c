/* SPDX-License-Identifier: Apache-2.0 */
/* prompts_file.c - see prompts_file.h. */
#include "adapt/prompts_file.h"

#include <stdlib.h>

#include "adapt/file.h"

static bool is_blank(struct sprout_str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* The next line; false at the end. */
static bool next_line(struct sprout_str *rest, struct sprout_str *out)
{
    if (rest->len == 0) {
        return false;
    }
    const char *const end = memchr(rest->ptr, '\n', rest->len);
    const size_t n = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    const size_t used = n < rest->len ? n + 1 : n;
    *out = (struct sprout_str){rest->ptr, n};
    *rest = (struct sprout_str){rest->ptr + used, rest->len - used};
    return true;
}

static size_t count_lines(struct sprout_str text)
{
    struct sprout_str line;
    size_t n = 0;
    while (next_line(&text, &line)) {
        n += !is_blank(line);
    }
    return n;
}

static enum sprout_status parse_all(struct sprout_str text, const char *path,
                                    const char *model, size_t want, size_t have,
                                    struct sprout_chat *out, size_t *out_count,
                                    struct sprout_error *err)
{
    struct sprout_str line;
    struct sprout_error why = {.message = ""};
    size_t number = 0, seen = 0;

    while (next_line(&text, &line)) {
        number++;
        if (is_blank(line)) {
            continue;
        }
        struct sprout_chat c = {0};
        const enum sprout_status status = sprout_chat_parse(line, model, &c, &why);
        if (status != SPROUT_OK) {
            return sprout_fail(err, status, "%.200s:%zu: %.300s", path, number,
                               why.message);
        }
        if (*out_count < want && seen * want / have == *out_count) {
            out[(*out_count)++] = c;
        } else {
            sprout_chat_free(&c);
        }
        seen++;
    }
    return SPROUT_OK;
}

enum sprout_status sprout_prompts_file_load(const char *path, const char *model,
                                            size_t most, struct sprout_chat **out,
                                            size_t *out_count, struct sprout_error *err)
{
    struct sprout_file f = {0};
    size_t count = 0;
    enum sprout_status status = sprout_file_read(path, SPROUT_PROMPTS_FILE_MAX, &f, err);

    if (status != SPROUT_OK) {
        return status;
    }
    const size_t have = count_lines(sprout_file_str(&f));
    const size_t want = most == 0 || most > have ? have : most;
    struct sprout_chat *const chats = calloc(want + 1, sizeof *chats);
    if (have == 0) {
        status = sprout_fail(err, SPROUT_INVALID,
                             "%.200s is empty: expected one JSON object a line, such as "
                             "{\"prompt\": \"...\"}",
                             path);
    } else if (chats == NULL) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for prompts");
    } else {
        status =
            parse_all(sprout_file_str(&f), path, model, want, have, chats, &count, err);
    }
    sprout_file_free(&f);
    if (status != SPROUT_OK) {
        sprout_prompts_file_free(chats, count);
        return status;
    }
    *out = chats;
    *out_count = count;
    return SPROUT_OK;
}

void sprout_prompts_file_free(struct sprout_chat *chats, size_t count)
{
    for (size_t i = 0; i < count && chats != NULL; i++) {
        sprout_chat_free(&chats[i]);
    }
    free(chats);
}
