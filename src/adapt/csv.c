/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c - see csv.h. */
#include "adapt/csv.h"

enum { SHOWN_MAX = 40 }; /* bytes of a bad field that a message repeats */

struct sprout_csv sprout_csv_begin(struct sprout_str text)
{
    if (sprout_str_starts(text, SPROUT_STR("\xEF\xBB\xBF"))) {
        text.ptr += 3;
        text.len -= 3;
    }
    return (struct sprout_csv){.text = text, .line = 1};
}

static bool at_end(const struct sprout_csv *csv)
{
    return csv->at >= csv->text.len;
}

static char here(const struct sprout_csv *csv)
{
    return csv->text.ptr[csv->at];
}

/* Past one line end, if there is one; a lone CR is none. */
static bool take_line_end(struct sprout_csv *csv)
{
    const size_t left = csv->text.len - csv->at;
    const char *const p = csv->text.ptr + csv->at;
    const size_t n = left >= 1 && p[0] == '\n'                   ? 1
                     : left >= 2 && p[0] == '\r' && p[1] == '\n' ? 2
                                                                 : 0;
    csv->at += n;
    csv->line += n > 0;
    return n > 0;
}

static enum sprout_status fail_at(struct sprout_error *err, size_t line,
                                  enum sprout_status status, const char *message)
{
    sprout_fail(err, status, "line %zu: %s", line, message);
    if (err != NULL) {
        err->line = line;
    }
    return status;
}

static enum sprout_status take_quoted(struct sprout_csv *csv, struct sprout_buf *scratch,
                                      struct sprout_str *out, struct sprout_error *err)
{
    const size_t opened = csv->line;
    const size_t from = scratch->len;

    for (csv->at++; !at_end(csv); csv->at++) {
        const char c = here(csv);
        if (c == '"') {
            const bool doubled =
                csv->at + 1 < csv->text.len && csv->text.ptr[csv->at + 1] == '"';
            if (!doubled) {
                csv->at++;
                *out = (struct sprout_str){scratch->ptr + from, scratch->len - from};
                return scratch->full
                           ? fail_at(err, opened, SPROUT_LIMIT,
                                     "the quoted fields of this row are too long")
                           : SPROUT_OK;
            }
            csv->at++;
        }
        csv->line += c == '\n';
        sprout_buf_byte(scratch, c);
    }
    return fail_at(err, opened, SPROUT_SYNTAX, "a quote is opened here and never closed");
}

static struct sprout_str take_plain(struct sprout_csv *csv)
{
    const size_t from = csv->at;
    while (!at_end(csv) && here(csv) != ',' && here(csv) != '\n') {
        csv->at++;
    }
    size_t to = csv->at;
    if (to > from && !at_end(csv) && here(csv) == '\n' && csv->text.ptr[to - 1] == '\r') {
        to = --csv->at;
    }
    return (struct sprout_str){csv->text.ptr + from, to - from};
}

enum sprout_status sprout_csv_next(struct sprout_csv *csv, struct sprout_csv_row *out_row,
                                   struct sprout_error *err)
{
    struct sprout_buf scratch = sprout_buf_of(out_row->scratch, sizeof out_row->scratch);

    while (take_line_end(csv)) { /* blank lines */
    }
    if (at_end(csv)) {
        return SPROUT_NOT_FOUND;
    }
    out_row->line = csv->line;
    out_row->count = 0;
    for (;;) {
        if (out_row->count == SPROUT_CSV_FIELDS_MAX) {
            return fail_at(err, out_row->line, SPROUT_LIMIT, "more than 64 fields");
        }
        struct sprout_str *const field = &out_row->field[out_row->count++];
        if (!at_end(csv) && here(csv) == '"') {
            const enum sprout_status st = take_quoted(csv, &scratch, field, err);
            if (st != SPROUT_OK) {
                return st;
            }
        } else {
            *field = take_plain(csv);
        }
        if (at_end(csv) || take_line_end(csv)) {
            return SPROUT_OK;
        }
        if (here(csv) != ',') {
            return fail_at(
                err, csv->line, SPROUT_SYNTAX,
                "text after a closing quote; expected a comma or the line's end");
        }
        csv->at++;
    }
}

int sprout_csv_column(const struct sprout_csv_row *header, struct sprout_str name)
{
    for (size_t i = 0; i < header->count; i++) {
        if (sprout_str_ieq(sprout_str_trim(header->field[i]), name)) {
            return (int)i;
        }
    }
    return -1;
}

enum sprout_status sprout_csv_f64(const struct sprout_csv_row *row, size_t column,
                                  double *out, struct sprout_error *err)
{
    const struct sprout_str none = {"", 0};
    const struct sprout_str field =
        column < row->count ? sprout_str_trim(row->field[column]) : none;

    if (sprout_str_to_f64(field, out) == SPROUT_OK) {
        return SPROUT_OK;
    }
    sprout_fail(err, SPROUT_INVALID, "line %zu, field %zu: '%.*s' is no number",
                row->line, column + 1,
                (int)(field.len < SHOWN_MAX ? field.len : SHOWN_MAX),
                field.len > 0 ? field.ptr : "");
    if (err != NULL) {
        err->line = row->line;
        err->column = column + 1;
    }
    return SPROUT_INVALID;
}
