/* SPDX-License-Identifier: Apache-2.0 */
/* predictor_dir.c - see predictor_dir.h. */
#include "cli/predictor_dir.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapt/store_examples.h"
#include "control/daemon.h"
#include "control/evaluator_inner.h"
#include "core/instant.h"

enum { PATH_TEXT = 4096, ROW_MAX = 2048, ATTEMPTS_MAX = 100 };

static enum sprout_status print_in_force(const char *dir, struct sprout_error *err)
{
    char *memory = NULL;
    const struct sprout_policy *policy = NULL;
    const enum sprout_status st = sprout_evaluator_policy(dir, &memory, &policy, err);
    if (st == SPROUT_OK && policy->predictor.file.len == 0) {
        puts("in force: no predictor");
    } else if (st == SPROUT_OK) {
        printf("in force: %s/%.*s\n", dir, (int)policy->predictor.file.len,
               policy->predictor.file.ptr);
    }
    free(memory);
    return st;
}

static void print_loss(double before, double after, double error)
{
    if (isnan(before)) {
        printf("  %24s", "-");
    } else {
        printf("  %6.3f %6.3f +- %7.4f", before, after, error);
    }
}

static void print_row(void *ctx, const struct sprout_store_retraining *r)
{
    char when[40];
    struct sprout_buf b = sprout_buf_of(when, sizeof when - 1);
    int *const rows = ctx;

    if ((*rows)++ == 0) {
        printf("\n%-21s %-8s %7s %7s  %-24s  %-24s\n", "trained", "", "fitted", "held",
               "log loss before, after", "squared error of ln");
    }
    sprout_instant_put(&b, r->at);
    when[b.len] = '\0';
    printf("%-21s %-8.*s %7lld %7lld", when, (int)r->state.len, r->state.ptr,
           (long long)r->fitted, (long long)r->held_out);
    print_loss(r->prefer_before, r->prefer_after, r->prefer_error);
    print_loss(r->length_before, r->length_after, r->length_error);
    printf("\n    %016llx to %016llx: %.*s\n", (unsigned long long)r->before,
           (unsigned long long)r->after, (int)r->why.len, r->why.ptr);
}

static void put_loss(struct sprout_buf *b, const char *name, double before, double after,
                     double error)
{
    const double v[] = {before, after, error};
    static const char *const part[] = {"before", "after", "error"};
    sprout_buf_printf(b, ",\"%s\":", name);
    for (int i = 0; i < 3; i++) {
        sprout_buf_printf(b, "%c\"%s\":", i == 0 ? '{' : ',', part[i]);
        sprout_buf_f64(b, v[i]);
    }
    sprout_buf_byte(b, '}');
}

static void print_json(void *ctx, const struct sprout_store_retraining *r)
{
    char text[ROW_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);

    (void)ctx;
    sprout_buf_put(&b, SPROUT_STR("{\"at\":\""));
    sprout_instant_put(&b, r->at);
    sprout_buf_put(&b, SPROUT_STR("\",\"state\":"));
    sprout_buf_json(&b, r->state);
    sprout_buf_printf(&b, ",\"before\":\"%016llx\",\"after\":\"%016llx\"",
                      (unsigned long long)r->before, (unsigned long long)r->after);
    sprout_buf_printf(&b, ",\"fitted\":%lld,\"held_out\":%lld", (long long)r->fitted,
                      (long long)r->held_out);
    put_loss(&b, "log_loss", r->prefer_before, r->prefer_after, r->prefer_error);
    put_loss(&b, "squared_error_ln", r->length_before, r->length_after, r->length_error);
    sprout_buf_put(&b, SPROUT_STR(",\"why\":"));
    sprout_buf_json(&b, r->why);
    printf("%.*s}\n", (int)b.len, b.ptr);
}

enum sprout_status sprout_predictor_print_dir(const char *dir, bool json,
                                              struct sprout_error *err)
{
    char path[PATH_TEXT];
    struct sprout_store *store = NULL;
    int rows = 0;

    snprintf(path, sizeof path, "%.4000s/%s", dir, SPROUT_PATH_LEDGER);
    enum sprout_status st = json ? SPROUT_OK : print_in_force(dir, err);
    if (st == SPROUT_OK) {
        st = sprout_store_open(path, SPROUT_STORE_READ, &store, err);
    }
    if (st == SPROUT_OK) {
        st = sprout_store_retrainings(store, ATTEMPTS_MAX, json ? print_json : print_row,
                                      &rows, err);
    }
    if (st == SPROUT_OK && !json && rows == 0) {
        puts("nothing was trained here yet");
    }
    sprout_store_close(store);
    return st;
}
