/* SPDX-License-Identifier: Apache-2.0 */
/* evaluations.c - see evaluations.h. */
#include "adapt/evaluations.h"

#include <jansson.h>
#include <stdlib.h>

#include "adapt/file.h"
#include "adapt/reader.h"

enum { EVALUATIONS_BYTES_MAX = 64 * 1024 * 1024 };

struct reading {
    const char *path;
    json_t *root;
    struct sprout_evaluations out;
    struct sprout_error *err;
};

static enum sprout_status parse(struct reading *r, struct sprout_str text)
{
    json_error_t e;
    r->root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(r->root)) {
        return sprout_reader_fail(r->err, SPROUT_SYNTAX, r->path,
                                  r->root == NULL && e.line > 0 ? (size_t)e.line : 0,
                                  "expected a JSON object: %s",
                                  r->root == NULL ? e.text : "found something else");
    }
    return SPROUT_OK;
}

/* Element `i` of an array as a finite number, or NaN. */
static double number_at(const json_t *array, size_t i)
{
    const json_t *const v = json_array_get(array, i);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static enum sprout_status read_hours(struct reading *r)
{
    const json_t *const schemes = json_object_get(r->root, "schemes");
    const json_t *const ci = json_object_get(r->root, "ci_g_per_kwh");
    const json_t *const base =
        json_object_get(json_object_get(schemes, "base"), "preference");
    const json_t *const least =
        json_object_get(json_object_get(schemes, "co2_opt"), "preference");
    const size_t n = json_array_size(ci);

    if (n == 0 || json_array_size(base) != n || json_array_size(least) != n) {
        return sprout_reader_fail(
            r->err, SPROUT_INVALID, r->path, 0,
            "expected ci_g_per_kwh, schemes.base.preference and "
            "schemes.co2_opt.preference of one length (found %zu, %zu, "
            "%zu)",
            n, json_array_size(base), json_array_size(least));
    }
    r->out.hour = calloc(n, sizeof *r->out.hour);
    if (r->out.hour == NULL) {
        return sprout_fail(r->err, SPROUT_NO_MEMORY, "%s: out of memory", r->path);
    }
    r->out.hours = n;
    for (size_t h = 0; h < n; h++) {
        struct sprout_published_hour *const p = &r->out.hour[h];
        p->ci = (sprout_g_per_kwh){number_at(ci, h)};
        p->quality[0] = number_at(base, h);
        p->quality[2] = number_at(least, h);
        p->quality[1] = 1 - p->quality[0] - p->quality[2];
        if (!(p->ci.v >= 0 && p->quality[0] >= 0 && p->quality[2] >= 0 &&
              p->quality[1] >= -1e-9)) {
            return sprout_reader_fail(
                r->err, SPROUT_INVALID, r->path, 0,
                "hour %zu: expected an intensity and two preference "
                "shares that sum to 1 at most",
                h);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status read_evaluation_hours(struct reading *r)
{
    const json_t *const list = json_object_get(r->root, "evaluation_hours");
    const json_t *v;
    size_t i;

    if (!json_is_array(list)) {
        return sprout_reader_fail(r->err, SPROUT_INVALID, r->path, 0,
                                  "no array 'evaluation_hours'");
    }
    json_array_foreach(list, i, v)
    {
        const json_int_t h = json_is_integer(v) ? json_integer_value(v) : -1;
        if (h < 0 || (size_t)h >= r->out.hours) {
            return sprout_reader_fail(
                r->err, SPROUT_INVALID, r->path, 0,
                "evaluation_hours[%zu]: expected an hour from 0 to %zu", i,
                r->out.hours - 1);
        }
        r->out.hour[h].evaluated = true;
    }
    return SPROUT_OK;
}

static enum sprout_status read_zone(struct reading *r)
{
    const char *const zone = json_string_value(json_object_get(r->root, "zone"));
    return sprout_reader_name(sprout_str_of(zone), r->out.zone, sizeof r->out.zone)
               ? SPROUT_OK
               : sprout_reader_fail(r->err, SPROUT_INVALID, r->path, 0,
                                    "no 'zone': expected a name of 1 to %zu bytes",
                                    sizeof r->out.zone - 1);
}

enum sprout_status sprout_evaluations_read(const char *path,
                                           struct sprout_evaluations *out,
                                           struct sprout_error *err)
{
    struct sprout_file file = {0};
    enum sprout_status st = sprout_file_read(path, EVALUATIONS_BYTES_MAX, &file, err);
    if (st != SPROUT_OK) {
        return st;
    }

    struct reading r = {.path = path, .err = err};
    st = sprout_sha256_hex(sprout_file_str(&file), r.out.sha256, err);
    if (st == SPROUT_OK) {
        st = parse(&r, sprout_file_str(&file));
    }
    if (st == SPROUT_OK) {
        st = read_zone(&r);
    }
    if (st == SPROUT_OK) {
        st = read_hours(&r);
    }
    if (st == SPROUT_OK) {
        st = read_evaluation_hours(&r);
    }
    if (st == SPROUT_OK) {
        *out = r.out;
    } else {
        sprout_evaluations_free(&r.out);
    }
    json_decref(r.root);
    sprout_file_free(&file);
    return st;
}

void sprout_evaluations_free(struct sprout_evaluations *e)
{
    free(e->hour);
    e->hour = NULL;
    e->hours = 0;
}
