/* SPDX-License-Identifier: Apache-2.0 */
/* profile_file.c - see profile_file.h. */
#include "adapt/profile_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "adapt/file.h"

static bool text_of(const json_t *o, const char *key, char *out)
{
    const char *const text = json_string_value(json_object_get(o, key));
    const size_t n = text == NULL ? 0 : strlen(text);
    if (n == 0 || n >= SPROUT_PROFILE_TEXT_MAX) {
        return false;
    }
    memcpy(out, text, n + 1);
    return true;
}

static bool triple_of(const json_t *o, const char *key, double out[3])
{
    const json_t *const list = json_object_get(o, key);
    if (json_array_size(list) != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        const json_t *const v = json_array_get(list, i);
        if (!json_is_number(v)) {
            return false;
        }
        out[i] = json_number_value(v);
    }
    return true;
}

static bool number_of(const json_t *o, const char *key, double *out)
{
    const json_t *const v = json_object_get(o, key);
    *out = json_number_value(v);
    return json_is_number(v) && *out >= 0;
}

static int whole_of(const json_t *o, const char *key)
{
    const json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 && v < 1000000 ? (int)v : 0;
}

/* NULL, or the name of what is missing or wrong. */
static const char *take(const json_t *o, struct sprout_profile_file *f)
{
    char kind[SPROUT_PROFILE_TEXT_MAX] = "";
    struct sprout_profile *const p = &f->profile;

    if (!text_of(o, "name", f->name)) {
        return "name";
    }
    if (!text_of(o, "version", f->version)) {
        return "version";
    }
    if (!text_of(o, "source", f->source)) {
        return "source";
    }
    f->seconds_known = triple_of(o, "seconds", p->seconds);
    p->gpus = whole_of(o, "gpus");
    p->batch_from = whole_of(o, "batch_from");
    p->batch_to = whole_of(o, "batch_to");
    (void)text_of(o, "kind", kind);
    if (strcmp(kind, "linear") == 0) {
        p->kind = SPROUT_PROFILE_LINEAR;
        return !triple_of(o, "joules", p->joules) ? "joules"
               : !f->seconds_known                ? "seconds"
                                                  : NULL;
    }
    if (strcmp(kind, "batch") != 0) {
        return "kind";
    }
    p->kind = SPROUT_PROFILE_BATCH;
    return !number_of(o, "a_j", &p->a)   ? "a_j"
           : !number_of(o, "b_j", &p->b) ? "b_j"
           : p->batch_from == 0          ? "batch_from"
           : p->batch_to < p->batch_from ? "batch_to"
                                         : NULL;
}

enum sprout_status sprout_profile_file_read(const char *path,
                                            struct sprout_profile_file *out,
                                            struct sprout_error *err)
{
    struct sprout_file file = {0};
    json_error_t where;
    enum sprout_status status =
        sprout_file_read(path, SPROUT_PROFILE_FILE_MAX, &file, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const struct sprout_str text = sprout_file_str(&file);
    json_t *const o = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &where);
    struct sprout_profile_file f = {.seconds_known = false};
    if (o == NULL) {
        status = sprout_fail(err, SPROUT_INVALID, "%.300s:%d: %.100s", path, where.line,
                             where.text);
    } else {
        const char *const wrong = take(o, &f);
        if (wrong != NULL) {
            status = sprout_fail(err, SPROUT_INVALID,
                                 "%.300s: '%s' is missing or wrong: docs/meters.md shows "
                                 "the form",
                                 path, wrong);
        }
    }
    json_decref(o);
    sprout_file_free(&file);
    if (status == SPROUT_OK) {
        *out = f;
        out->profile.name = out->name;
        out->profile.version = out->version;
        out->profile.source = out->source;
    }
    return status;
}
