/* SPDX-License-Identifier: Apache-2.0 */
/* grid_csv.c - an Electricity Maps file in, slots out; see grid_csv.h.
 *
 * Every fact about the file that can be wrong is checked here and named with its line,
 * because a grid that is wrong by an hour or a zone is wrong in every gram reported later.
 * The files' traps: U+2082 in the header, a comma inside quotes, an empty last field, 0.0 as
 * a value, two spellings of the header, CRLF, a byte order mark (quoting and line ends are
 * adapt/csv's). */
#include "adapt/grid_csv.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/csv.h"
#include "adapt/file.h"
#include "core/instant.h"

/* Values outside are errors of the file: no grid emits more, none takes carbon back. */
#define INTENSITY_MAX 2000.0

enum { SHOWN_MAX = 40 }; /* bytes of a wrong field that a message repeats */

enum column { COL_TIME, COL_ZONE, COL_DIRECT, COL_LIFECYCLE, COL_ESTIMATED, COL_COUNT };

/* Both vintages of the header, each with U+2082 and with a plain 2; case is folded. */
static const struct {
    enum column column;
    const char *name;
} header_names[] = {
    {COL_TIME, "Datetime (UTC)"},
    {COL_ZONE, "Zone id"},
    {COL_DIRECT, "Carbon intensity gCO\xE2\x82\x82"
                 "eq/kWh (direct)"},
    {COL_DIRECT, "Carbon intensity gCO2eq/kWh (direct)"},
    {COL_LIFECYCLE, "Carbon intensity gCO\xE2\x82\x82"
                    "eq/kWh (LCA)"},
    {COL_LIFECYCLE, "Carbon intensity gCO2eq/kWh (LCA)"},
    {COL_LIFECYCLE, "Carbon intensity gCO\xE2\x82\x82"
                    "eq/kWh (Life cycle)"},
    {COL_LIFECYCLE, "Carbon intensity gCO2eq/kWh (Life cycle)"},
    {COL_ESTIMATED, "Data estimated"},
};

struct parser {
    struct sprout_csv csv;
    struct sprout_csv_row row;
    int column[COL_COUNT]; /* index of the field, or -1 */
    size_t header_fields;
    struct sprout_error *err;
};

static enum sprout_status fail_line(struct parser *p, enum sprout_status status,
                                    const char *what, struct sprout_str found,
                                    const char *expected)
{
    const int len = found.len > SHOWN_MAX ? SHOWN_MAX : (int)found.len;
    sprout_fail(p->err, status, "line %zu: %s is '%.*s': expected %s", p->row.line, what,
                len, found.ptr == NULL ? "" : found.ptr, expected);
    if (p->err != NULL) {
        p->err->line = p->row.line;
    }
    return status;
}

static enum sprout_status read_header(struct parser *p)
{
    const enum sprout_status status = sprout_csv_next(&p->csv, &p->row, p->err);
    if (status == SPROUT_NOT_FOUND) {
        return sprout_fail(p->err, SPROUT_INVALID,
                           "the file is empty: expected an Electricity Maps CSV");
    }
    if (status != SPROUT_OK) {
        return status;
    }
    p->header_fields = p->row.count;
    for (size_t i = 0; i < sizeof header_names / sizeof header_names[0]; i++) {
        const int at = sprout_csv_column(&p->row, sprout_str_of(header_names[i].name));
        if (at >= 0) {
            p->column[header_names[i].column] = at;
        }
    }
    if (p->column[COL_TIME] < 0 || p->column[COL_ZONE] < 0 ||
        (p->column[COL_DIRECT] < 0 && p->column[COL_LIFECYCLE] < 0)) {
        return fail_line(p, SPROUT_INVALID, "the header", p->row.field[0],
                         "the columns 'Datetime (UTC)', 'Zone id' and 'Carbon intensity "
                         "gCO2eq/kWh (direct)' or '(Life cycle)'");
    }
    return SPROUT_OK;
}

/* ---- rows ---------------------------------------------------------------------------- */

static struct sprout_str cell(const struct parser *p, enum column c)
{
    return p->column[c] < 0 ? (struct sprout_str){"", 0} : p->row.field[p->column[c]];
}

static enum sprout_status read_intensity(struct parser *p, enum column c,
                                         sprout_g_per_kwh *out)
{
    const struct sprout_str text = sprout_str_trim(cell(p, c));
    if (text.len == 0) {
        out->v = NAN;
        return SPROUT_OK;
    }
    double v = 0;
    if (sprout_str_to_f64(text, &v) != SPROUT_OK || v < 0 || v > INTENSITY_MAX) {
        return fail_line(p, SPROUT_INVALID, "the carbon intensity", text,
                         "a number of g/kWh from 0 to 2000, or nothing");
    }
    out->v = v;
    return SPROUT_OK;
}

/* Ids become names of files and fields of tables: no separators of either. */
static bool is_zone_id(struct sprout_str s)
{
    bool good = s.len > 0 && s.len < sizeof((struct sprout_grid_trace *)NULL)->zone;
    for (size_t i = 0; good && i < s.len; i++) {
        const char c = s.ptr[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == ':';
    }
    return good;
}

static enum sprout_status check_zone(struct parser *p, struct sprout_grid_trace *t)
{
    const struct sprout_str zone = sprout_str_trim(cell(p, COL_ZONE));
    if (t->zone[0] == '\0') {
        if (!is_zone_id(zone)) {
            return fail_line(p, SPROUT_INVALID, "the zone id", zone,
                             "1 to 31 letters, digits and any of - _ . :");
        }
        memcpy(t->zone, zone.ptr, zone.len); /* the rest is zero already */
    }
    if (!sprout_str_eq(zone, sprout_str_of(t->zone))) {
        return fail_line(p, SPROUT_INVALID, "the zone id", zone, t->zone);
    }
    return SPROUT_OK;
}

static enum sprout_status check_order(struct parser *p, const struct sprout_grid_trace *t,
                                      sprout_instant start)
{
    const struct sprout_str text = cell(p, COL_TIME);
    if (t->count == 0 || start.ns > t->slots[t->count - 1].start.ns) {
        return SPROUT_OK;
    }
    return start.ns == t->slots[t->count - 1].start.ns
               ? fail_line(p, SPROUT_INVALID, "the time", text,
                           "each hour once (this row repeats the one before)")
               : fail_line(p, SPROUT_INVALID, "the time", text,
                           "rows in ascending order (this one goes back)");
}

static enum sprout_status read_row(struct parser *p, struct sprout_grid_trace *t,
                                   struct sprout_grid_slot *out)
{
    struct sprout_grid_slot s = {.line = (uint32_t)p->row.line};
    if (p->row.count != p->header_fields) {
        char expected[60];
        snprintf(expected, sizeof expected, "%zu fields as in the header, not %zu",
                 p->header_fields, p->row.count);
        return fail_line(p, SPROUT_SYNTAX, "the row of", p->row.field[0], expected);
    }
    enum sprout_status status = SPROUT_OK;
    if (sprout_instant_parse(sprout_str_trim(cell(p, COL_TIME)), &s.start) != SPROUT_OK) {
        return fail_line(p, SPROUT_INVALID, "the time", cell(p, COL_TIME),
                         "YYYY-MM-DD hh:mm:ss in UTC");
    }
    const struct sprout_str estimated = sprout_str_trim(cell(p, COL_ESTIMATED));
    s.estimated = sprout_str_ieq(estimated, SPROUT_STR("true"));
    if (!s.estimated && estimated.len > 0 &&
        !sprout_str_ieq(estimated, SPROUT_STR("false"))) {
        return fail_line(p, SPROUT_INVALID, "'Data estimated'", estimated,
                         "true or false");
    }
    if ((status = check_zone(p, t)) != SPROUT_OK ||
        (status = check_order(p, t, s.start)) != SPROUT_OK ||
        (status = read_intensity(p, COL_DIRECT, &s.direct)) != SPROUT_OK ||
        (status = read_intensity(p, COL_LIFECYCLE, &s.lifecycle)) != SPROUT_OK) {
        return status;
    }
    *out = s;
    return SPROUT_OK;
}

static bool append(struct sprout_grid_trace *t, size_t *cap,
                   const struct sprout_grid_slot *s)
{
    if (t->count == *cap) {
        const size_t more = *cap == 0 ? 1024 : *cap * 2;
        struct sprout_grid_slot *const slots = realloc(t->slots, more * sizeof *slots);
        if (slots == NULL) {
            return false;
        }
        t->slots = slots;
        *cap = more;
    }
    t->slots[t->count++] = *s;
    t->estimated += s->estimated;
    return true;
}

static enum sprout_status read_rows(struct parser *p, struct sprout_grid_trace *t)
{
    size_t cap = 0;
    enum sprout_status status;
    while ((status = sprout_csv_next(&p->csv, &p->row, p->err)) == SPROUT_OK) {
        struct sprout_grid_slot s;
        if ((status = read_row(p, t, &s)) != SPROUT_OK) {
            return status;
        }
        if (t->count == SPROUT_GRID_CSV_ROWS_MAX) {
            return sprout_fail(p->err, SPROUT_LIMIT, "line %zu: more than %d rows",
                               p->row.line, SPROUT_GRID_CSV_ROWS_MAX);
        }
        if (!append(t, &cap, &s)) {
            return sprout_fail(p->err, SPROUT_NO_MEMORY, "no memory for %zu rows", cap);
        }
    }
    if (status != SPROUT_NOT_FOUND) {
        return status;
    }
    return t->count > 0
               ? SPROUT_OK
               : sprout_fail(p->err, SPROUT_INVALID, "the file has a header and no rows");
}

/* Step, holes, and whether all rows stand on one raster. */
static enum sprout_status measure(struct parser *p, struct sprout_grid_trace *t)
{
    t->step = sprout_span_seconds(3600);
    for (size_t i = 1; i < t->count; i++) {
        const sprout_span d =
            sprout_instant_since(t->slots[i].start, t->slots[i - 1].start);
        t->step = i == 1 || d.ns < t->step.ns ? d : t->step;
    }
    for (size_t i = 1; i < t->count; i++) {
        const int64_t d =
            sprout_instant_since(t->slots[i].start, t->slots[i - 1].start).ns;
        if (d % t->step.ns != 0) {
            if (p->err != NULL) {
                p->err->line = t->slots[i].line;
            }
            return sprout_fail(
                p->err, SPROUT_INVALID,
                "line %u: %lld s after the row before: expected a multiple "
                "of the file's step of %lld s",
                (unsigned)t->slots[i].line, (long long)(d / SPROUT_NS_PER_SECOND),
                (long long)(t->step.ns / SPROUT_NS_PER_SECOND));
        }
        if (d > t->step.ns) {
            t->holes += (size_t)(d / t->step.ns) - 1;
            t->first_hole = t->first_hole != 0 ? t->first_hole : t->slots[i - 1].line;
        }
    }
    return SPROUT_OK;
}

static bool hash_text(struct sprout_str text, char *out_hex)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (EVP_Digest(text.ptr, text.len, md, &len, EVP_sha256(), NULL) != 1) {
        return false;
    }
    struct sprout_buf b = sprout_buf_of(out_hex, 65);
    for (unsigned int i = 0; i < len; i++) {
        sprout_buf_printf(&b, "%02x", md[i]);
    }
    out_hex[64] = '\0';
    return true;
}

enum sprout_status sprout_grid_trace_parse(struct sprout_str text, struct sprout_str zone,
                                           struct sprout_grid_trace *out,
                                           struct sprout_error *err)
{
    struct sprout_grid_trace t = {0};
    struct parser p = {
        .csv = sprout_csv_begin(text),
        .column = {-1, -1, -1, -1, -1},
        .err = err,
    };
    if (zone.len >= sizeof t.zone) {
        return sprout_fail(err, SPROUT_INVALID,
                           "the zone has %zu bytes: expected at most "
                           "31",
                           zone.len);
    }
    if (zone.len > 0) {
        memcpy(t.zone, zone.ptr, zone.len);
    }
    enum sprout_status status = read_header(&p);
    if (status == SPROUT_OK) {
        status = read_rows(&p, &t);
    }
    if (status == SPROUT_OK) {
        status = measure(&p, &t);
    }
    if (status == SPROUT_OK && !hash_text(text, t.sha256)) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "SHA-256 is not available");
    }
    if (status != SPROUT_OK) {
        sprout_grid_trace_free(&t);
        return status;
    }
    *out = t;
    return SPROUT_OK;
}

enum sprout_status sprout_grid_trace_read(const char *path, struct sprout_str zone,
                                          struct sprout_grid_trace *out,
                                          struct sprout_error *err)
{
    struct sprout_file file = {0};
    struct sprout_error inner = {0};
    enum sprout_status status =
        sprout_file_read(path, SPROUT_GRID_CSV_BYTES_MAX, &file, err);
    if (status != SPROUT_OK) {
        return status;
    }
    status = sprout_grid_trace_parse(sprout_file_str(&file), zone, out, &inner);
    if (status != SPROUT_OK) {
        sprout_fail(err, status, "%s: %s", path, inner.message);
        if (err != NULL) {
            err->line = inner.line;
        }
    }
    sprout_file_free(&file);
    return status;
}

void sprout_grid_trace_free(struct sprout_grid_trace *t)
{
    free(t->slots);
    *t = (struct sprout_grid_trace){0};
}

/* ---- look-up ------------------------------------------------------------------------- */

/* Number of slots that began at or before `at`. */
static size_t begun(const struct sprout_grid_trace *t, sprout_instant at)
{
    size_t lo = 0;
    size_t hi = t->count;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (t->slots[mid].start.ns <= at.ns) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

const struct sprout_grid_slot *sprout_grid_trace_at(const struct sprout_grid_trace *t,
                                                    sprout_instant at)
{
    const size_t n = begun(t, at);
    if (n == 0 || sprout_instant_since(at, t->slots[n - 1].start).ns >= t->step.ns) {
        return NULL;
    }
    return &t->slots[n - 1];
}

struct sprout_grid_range sprout_grid_trace_range(const struct sprout_grid_trace *t,
                                                 enum sprout_grid_scope scope,
                                                 sprout_instant at, sprout_span window)
{
    struct sprout_grid_range r = SPROUT_GRID_RANGE_NONE;
    for (size_t i = begun(t, at); i > 0; i--) {
        const struct sprout_grid_slot *const s = &t->slots[i - 1];
        if (sprout_instant_since(at, s->start).ns >= window.ns) {
            break;
        }
        const double v = sprout_grid_slot_value(s, scope).v;
        if (isnan(v)) {
            continue;
        }
        r.lo.v = r.points == 0 || v < r.lo.v ? v : r.lo.v;
        r.hi.v = r.points == 0 || v > r.hi.v ? v : r.hi.v;
        r.points++;
    }
    return r;
}
