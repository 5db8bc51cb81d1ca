/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid_export.c - `sprout grid export`: the ledger's history as Electricity Maps CSV.
 *
 * One zone a file, as the readers of that form expect; the column of the other factors stays
 * empty, since nobody asked for those. */
#include <stdio.h>

#include "adapt/store_history.h"
#include "cli/cmd_grid.h"
#include "core/instant.h"

enum { PATH_CAP = 4096, TIME_CHARS = 19 };

struct out {
    struct sprout_str zone;
    enum sprout_grid_scope scope;
    int64_t rows;
};

static void put_row(void *ctx, const struct sprout_grid_value *v)
{
    char at[40], number[40];
    struct out *const o = ctx;
    struct sprout_buf b = sprout_buf_of(at, sizeof at);
    struct sprout_buf g = sprout_buf_of(number, sizeof number);

    if (o->zone.len > 0 && !sprout_str_ieq(o->zone, v->zone)) {
        return;
    }
    sprout_instant_put(&b, v->slot_start);
    at[10] = ' '; /* the T */
    sprout_buf_f64(&g, v->intensity.v);
    const bool direct = o->scope == SPROUT_GRID_DIRECT;
    printf("%.*s,,,%.*s,%.*s,%.*s,,,%.*s,%s,\n", TIME_CHARS, at, (int)v->zone.len,
           v->zone.ptr, direct ? (int)g.len : 0, number, direct ? 0 : (int)g.len, number,
           (int)v->source.len, v->source.ptr,
           v->estimated || v->forecast ? "true" : "false");
    o->rows++;
}

static enum sprout_status moment(const char *text, sprout_instant *out,
                                 struct sprout_error *err)
{
    if (text == NULL || sprout_instant_parse(sprout_str_of(text), out) == SPROUT_OK) {
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_USAGE,
                       "'%.60s' is no moment: expected 2026-11-27T00:00Z", text);
}

static enum sprout_status export_all(const struct sprout_grid_args *a,
                                     const struct sprout_config *c,
                                     struct sprout_error *err)
{
    char path[PATH_CAP];
    struct sprout_store_range range = SPROUT_STORE_ALL_TIME;
    struct sprout_store *store = NULL;
    struct out o = {.zone = sprout_str_of(c->grid.zone), .scope = c->grid.factors};

    snprintf(path, sizeof path, "%s/ledger.db", c->dir);
    enum sprout_status status = moment(a->from, &range.since, err);
    if (status == SPROUT_OK) {
        status = moment(a->to, &range.until, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_open(path, SPROUT_STORE_READ, &store, err);
    }
    if (status == SPROUT_OK) {
        puts("Datetime (UTC),Country,Zone name,Zone id,"
             "Carbon intensity gCO\xE2\x82\x82"
             "eq/kWh (direct),Carbon intensity gCO\xE2\x82\x82"
             "eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),"
             "Renewable energy percentage (RE%),Data source,Data estimated,"
             "Data estimation method");
        status = sprout_store_history(store, range, c->grid.signal, c->grid.factors,
                                      put_row, &o, err);
    }
    sprout_store_close(store);
    if (status == SPROUT_OK && o.rows == 0) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "the ledger kept no %s value of zone '%.40s' in that time",
                           sprout_grid_kind_text(c->grid.signal), c->grid.zone);
    }
    return status;
}

enum sprout_status sprout_grid_export(const struct sprout_grid_args *a,
                                      const struct sprout_config *c)
{
    struct sprout_error err = {.message = ""};
    const enum sprout_status status = export_all(a, c, &err);
    if (status != SPROUT_OK) {
        fprintf(stderr, "sprout grid: %s\n", err.message);
    }
    return status;
}
