/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_report.c - `sprout report`: what was served and saved, from the ledger. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "cli/cli.h"
#include "cli/report_sci.h"
#include "cli/report_users.h"
#include "cli/run_opts.h"
#include "control/basis.h"
#include "control/daemon.h"
#include "control/figure.h"
#include "control/page.h"
#include "control/savings.h"
#include "core/instant.h"

enum {
    PATH_MAX_HERE = 4096,
    NAME_WIDTH = 22,
    CELL = SPROUT_FIGURE,
    SECONDS_PER_HOUR = 3600
};

static const char help[] =
    "usage: sprout report [OPTION...]\n\n"
    "States what was served and what it cost, and what was saved against the holdout\n"
    "of the same period, with a 95 % interval.\n\n"
    "  --since TIME   from this moment on; RFC 3339, or 24h, 7d before now\n"
    "  --until TIME   up to this moment; both ends are taken as whole hours\n"
    "  --by WHAT      hour, level (the default), model, route,\n                 arm or "
    "zone\n"
    "  --dir DIR      folder of the ledger (sprout-data)\n"
    "  --config FILE  sprout.yaml, for its prices of tokens: money saved, too\n"
    "  --sci          as a Software Carbon Intensity (SCI 1.1): O, M, per request and\n"
    "                 per 1000 tokens\n"
    "  --csv          the rows as CSV; what is unknown is empty\n"
    "  --html         one page with charts that opens offline\n"
    "  --json         one object\n"
    "  --help         this text\n";

struct args {
    const char *dir;
    const char *config; /* NULL: not given */
    struct sprout_store_range range;
    enum sprout_store_by by;
    bool json;
    bool sci;
    bool csv;
    bool html;
    bool help;
};

/* ---- arguments ------------------------------------------------------------------------- */

static enum sprout_status parse_moment(const char *text, sprout_instant now,
                                       sprout_instant *out, struct sprout_error *err)
{
    const struct sprout_str s = sprout_str_of(text);
    const char unit = s.len == 0 ? '\0' : s.ptr[s.len - 1];
    const int64_t hours = unit == 'h' ? 1 : unit == 'd' ? 24 : 0;
    int64_t n = 0;

    if (hours > 0 &&
        sprout_str_to_i64((struct sprout_str){s.ptr, s.len - 1}, &n) == SPROUT_OK &&
        n >= 0 && n < 1000000) {
        out->ns = now.ns - n * hours * SECONDS_PER_HOUR * SPROUT_NS_PER_SECOND;
        return SPROUT_OK;
    }
    if (sprout_instant_parse(s, out) == SPROUT_OK) {
        return SPROUT_OK;
    }
    return sprout_fail(err, SPROUT_USAGE,
                       "'%.60s' is no moment: expected 2026-11-23T08:00Z, 24h or 7d",
                       text);
}

static enum sprout_status parse_by(const char *text, enum sprout_store_by *out,
                                   struct sprout_error *err)
{
    static const enum sprout_store_by known[] = {SPROUT_BY_HOUR,  SPROUT_BY_LEVEL,
                                                 SPROUT_BY_MODEL, SPROUT_BY_ROUTE,
                                                 SPROUT_BY_ARM,   SPROUT_BY_ZONE};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(text, sprout_savings_by_text(known[i])) == 0) {
            *out = known[i];
            return SPROUT_OK;
        }
    }
    return sprout_fail(err, SPROUT_USAGE,
                       "--by %.40s: expected hour, level, model, route, arm or zone",
                       text);
}

static enum sprout_status parse_value(const char *flag, const char *value, struct args *a,
                                      struct sprout_error *err)
{
    if (strcmp(flag, "--dir") == 0) {
        a->dir = value;
        return SPROUT_OK;
    }
    if (strcmp(flag, "--config") == 0) {
        a->config = value;
        return SPROUT_OK;
    }
    if (strcmp(flag, "--by") == 0) {
        return parse_by(value, &a->by, err);
    }
    return parse_moment(value, sprout_clock_wall(),
                        strcmp(flag, "--since") == 0 ? &a->range.since : &a->range.until,
                        err);
}

static enum sprout_status parse(int argc, char **argv, struct args *out,
                                struct sprout_error *err)
{
    static const char *const with_value[] = {"--dir", "--config", "--by", "--since",
                                             "--until"};
    struct args a = {
        .dir = "sprout-data", .range = SPROUT_STORE_ALL_TIME, .by = SPROUT_BY_LEVEL};
    enum sprout_status status = SPROUT_OK;

    for (int i = 1; status == SPROUT_OK && i < argc; i++) {
        bool known = false;
        for (size_t f = 0; !known && f < sizeof with_value / sizeof with_value[0]; f++) {
            known = strcmp(argv[i], with_value[f]) == 0;
        }
        if (strcmp(argv[i], "--json") == 0) {
            a.json = true;
        } else if (strcmp(argv[i], "--sci") == 0) {
            a.sci = true;
        } else if (strcmp(argv[i], "--csv") == 0) {
            a.csv = true;
        } else if (strcmp(argv[i], "--html") == 0) {
            a.html = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            a.help = true;
        } else if (!known) {
            status = sprout_fail(err, SPROUT_USAGE,
                                 "unknown argument '%.60s'; --help lists them", argv[i]);
        } else if (i + 1 == argc) {
            status = sprout_fail(err, SPROUT_USAGE, "%s needs a value", argv[i]);
        } else {
            status = parse_value(argv[i], argv[i + 1], &a, err);
            i++;
        }
    }
    if (status == SPROUT_OK && a.csv + a.html > 0 &&
        a.csv + a.html + a.sci + a.json > 1) {
        status =
            sprout_fail(err, SPROUT_USAGE, "%s is a form of its own: not beside another",
                        a.csv ? "--csv" : "--html");
    }
    if (status == SPROUT_OK) {
        *out = a;
    }
    return status;
}

/* ---- the table ------------------------------------------------------------------------- */

static void print_line(const char *name, const struct sprout_store_sum *s)
{
    char cell[6][CELL];
    const double grams = sprout_savings_grams(s), joules = sprout_savings_joules(s);
    const double seconds = sprout_savings_mean_seconds(s);

    printf("%-*.*s %9s %10s %8s %9s | %11s %11s\n", NAME_WIDTH, NAME_WIDTH, name,
           sprout_figure((double)s->requests, 0, cell[0]),
           sprout_figure(s->metered == 0 ? NAN : (double)s->completion, 0, cell[1]),
           sprout_figure(sprout_savings_mean_tokens(s), 1, cell[2]),
           sprout_figure(seconds, sprout_figure_digits(seconds), cell[3]),
           sprout_figure(joules, sprout_figure_digits(joules), cell[4]),
           sprout_figure(grams, sprout_figure_digits(grams), cell[5]));
}

static bool is_measured(const struct sprout_savings *r, size_t method)
{
    return sprout_str_starts(sprout_str_of(r->method[method]), SPROUT_STR("measured:"));
}

static size_t measured_methods(const struct sprout_savings *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->methods; i++) {
        n += is_measured(r, i);
    }
    return n;
}

/* Where the columns of energy and grams come from. */
static const char *energy_is(const struct sprout_savings *r)
{
    const size_t measured = measured_methods(r);
    return measured == 0           ? "modelled"
           : measured < r->methods ? "partly modelled"
                                   : "measured";
}

static void print_table(const struct sprout_savings *r, bool terminal)
{
    const char *const bold = terminal ? "\033[1m" : "";
    const char *const plain = terminal ? "\033[0m" : "";

    printf("%-*s %9s %10s %8s %9s | %11s %11s\n", NAME_WIDTH, "", "measured", "", "", "",
           energy_is(r), "");
    printf("%s%-*s %9s %10s %8s %9s | %11s %11s%s\n", bold, NAME_WIDTH,
           sprout_savings_by_text(r->by), "requests", "tokens out", "mean", "s mean", "J",
           "g CO2e", plain);
    for (size_t i = 0; i < r->rows; i++) {
        char memory[SPROUT_PATTERN_MAX + 64];
        struct sprout_buf name = sprout_buf_of(memory, sizeof memory - 1);
        sprout_savings_row_name(r, &r->row[i], &name);
        memory[name.len] = '\0';
        print_line(memory, &r->row[i].sum);
    }
    if (r->rows_dropped > 0) {
        printf("(%zu more rows)\n", r->rows_dropped);
    }
    print_line("all", &r->total);
}

static void print_interval(const char *what, struct sprout_interval percent,
                           struct sprout_interval amount, const char *unit,
                           enum sprout_estimate_state state)
{
    char cell[CELL];

    if (state != SPROUT_ESTIMATE_OK) {
        printf("  %-7s %s\n", what, sprout_estimate_state_text(state));
        return;
    }
    printf("  %-7s %.1f %%  (95 %%: %.1f to %.1f)", what, percent.value, percent.low,
           percent.high);
    if (unit != NULL) {
        printf("   %s %s",
               sprout_figure(amount.value, sprout_figure_digits(amount.value), cell),
               unit);
    }
    putchar('\n');
}

static void print_anytime(const struct sprout_estimate_result *e)
{
    if (!isnan(e->energy_anytime_percent.low)) {
        printf("  however often one looks (95 %%): energy %.1f to %.1f %%",
               e->energy_anytime_percent.low, e->energy_anytime_percent.high);
        if (!isnan(e->carbon_anytime_percent.low)) {
            printf(", carbon %.1f to %.1f %%", e->carbon_anytime_percent.low,
                   e->carbon_anytime_percent.high);
        }
        putchar('\n');
    } else {
        printf(
            "  an interval for any number of looks is given from %d conversations of the "
            "holdout on\n",
            SPROUT_ESTIMATE_ANYTIME_MIN);
    }
}

static void print_adjusted(const struct sprout_estimate_result *e)
{
    char cell[CELL];

    if (e->adjusted) {
        printf("  adjusted by predicted length: energy's interval is %s for it",
               sprout_figure_narrower(e->energy_narrower_percent, cell));
        if (!isnan(e->carbon_narrower_percent)) {
            printf(", carbon's %s",
                   sprout_figure_narrower(e->carbon_narrower_percent, cell));
        }
        putchar('\n');
    } else {
        printf(
            "  not adjusted by predicted length: %lld conversations of the holdout have "
            "one, %d are needed\n",
            (long long)e->holdout_predicted, SPROUT_ESTIMATE_ADJUST_MIN);
    }
}

/* " 12 J and 0.3 g"; grams only where they are known. */
static void print_joules_grams(double joules, double grams)
{
    char cell[2][CELL];
    printf(" %s J", sprout_figure(joules, sprout_figure_digits(joules), cell[0]));
    if (!isnan(grams)) {
        printf(" and %s g", sprout_figure(grams, sprout_figure_digits(grams), cell[1]));
    }
}

/* What judging cost, and what is left of the saving. */
static void print_net(const struct sprout_savings *r)
{
    const double net = sprout_savings_net_joules(r).value;

    if (r->evaluation.answers + r->evaluation.verdicts == 0) {
        return;
    }
    printf("Judging quality took %lld answers and %lld verdicts,",
           (long long)r->evaluation.answers, (long long)r->evaluation.verdicts);
    print_joules_grams(sprout_savings_evaluation_joules(r),
                       sprout_savings_evaluation_grams(r));
    if (!isnan(net)) {
        printf("; net of it");
        print_joules_grams(net, sprout_savings_net_grams(r).value);
        printf(" were saved");
    }
    putchar('\n');
}

static void print_explored(const struct sprout_savings *r)
{
    char cell[CELL];
    const double joules = sprout_savings_explore_joules(r);

    if (r->explore.requests == 0) {
        return;
    }
    printf("Exploring, to keep unused levels known: %lld requests, %.1f %% of all",
           (long long)r->explore.requests,
           100 * (double)r->explore.requests / (double)r->total.requests);
    if (!isnan(joules)) {
        printf("; %s J more than as many of the mix",
               sprout_figure(joules, sprout_figure_digits(joules), cell));
    }
    putchar('\n');
}

static void print_money(const struct sprout_money *m)
{
    char cell[3][CELL];

    if (!m->priced) {
        return;
    }
    if (m->state != SPROUT_ESTIMATE_OK) {
        printf("  %-7s %s\n", "money", sprout_estimate_state_text(m->state));
        return;
    }
    printf("  %-7s %.1f %%  (95 %%: %.1f to %.1f)   %s %s (%s to %s)\n", "money",
           m->percent.value, m->percent.low, m->percent.high,
           sprout_figure(m->saved.value, sprout_figure_digits(m->saved.value), cell[0]),
           m->currency,
           sprout_figure(m->saved.low, sprout_figure_digits(m->saved.low), cell[1]),
           sprout_figure(m->saved.high, sprout_figure_digits(m->saved.high), cell[2]));
    if (m->unpriced > 0) {
        printf("  not spoken of in money: %lld conversations without a price\n",
               (long long)m->unpriced);
    }
}

static void print_saved(const struct sprout_savings *r)
{
    const struct sprout_estimate_result *const e = &r->saved;
    const struct sprout_interval none = {NAN, NAN, NAN};

    printf("\nSaved against the holdout: %lld conversations of it, %lld under the mix, "
           "%lld cells\n",
           (long long)e->holdout, (long long)e->mix, (long long)e->cells);
    print_interval("energy", e->energy_percent, e->joules, "J", e->energy_state);
    print_interval("carbon", e->carbon_percent, e->grams, "g", e->carbon_state);
    print_money(&r->money);
    print_anytime(e);
    print_adjusted(e);
    print_net(r);
    print_explored(r);
    if (e->uncovered + e->dropped > 0) {
        printf("  not spoken of: %lld conversations of kinds that the holdout has none "
               "of\n",
               (long long)e->uncovered + (long long)e->dropped);
    }
    if (e->unknown > 0) {
        printf("  not spoken of: %lld conversations of unknown energy\n",
               (long long)e->unknown);
    }
    printf("Always the first level with a directive would have saved (%lld conversations "
           "at it)\n",
           (long long)e->at_l1);
    if (isnan(e->l1_energy_percent.value)) {
        printf("  not known yet\n");
        return;
    }
    print_interval("energy", e->l1_energy_percent, none, NULL, SPROUT_ESTIMATE_OK);
    if (!isnan(e->l1_carbon_percent.value)) {
        print_interval("carbon", e->l1_carbon_percent, none, NULL, SPROUT_ESTIMATE_OK);
    }
}

static void print_methods_that(const struct sprout_savings *r, bool measured,
                               const char *as_if)
{
    bool first = true;
    for (size_t i = 0; i < r->methods; i++) {
        if (is_measured(r, i) == measured) {
            printf("%s%s%s", first ? "" : ", ", first ? as_if : "", r->method[i]);
            first = false;
        }
    }
}

/* Measured methods and modelled ones; a report may have both. */
static void print_methods(const struct sprout_savings *r)
{
    const size_t measured = measured_methods(r);
    printf(measured == 0 ? "\nEnergy is modelled from tokens, not measured:"
                         : "\nEnergy:");
    print_methods_that(r, true, " ");
    print_methods_that(r, false,
                       measured == 0 ? " as if " : "; the rest is modelled as if ");
    printf("%s.\n", r->methods == 0 ? " none known yet" : "");
}

static void print_metered(const struct sprout_store_metered *m)
{
    char cell[4][CELL];
    const int64_t uj[] = {m->measured.v, m->attributed.v, m->idle.v, m->unattributed.v};
    const char *text[4];

    if (m->windows == 0) {
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        text[i] = sprout_figure((double)uj[i] / 1e6, 1, cell[i]);
    }
    printf("Meters: %s J = %s of these requests + %s idle while there was none + %s "
           "unattributed",
           text[0], text[1], text[2], text[3]);
    if (m->gaps > 0) {
        printf("; %lld of %lld readings failed", (long long)m->gaps,
               (long long)m->windows);
    }
    puts(".");
}

static void print_basis(const struct sprout_savings *r)
{
    const struct sprout_store_sum *const t = &r->total;

    print_methods(r);
    print_metered(&r->metered);
    printf("Grid:");
    for (size_t i = 0; i < r->grids; i++) {
        printf("%s %s (%s, %lld requests)", i == 0 ? "" : ",", r->grid[i].zone,
               r->grid[i].quality, (long long)r->grid[i].requests);
    }
    printf("%s.\n", r->grids == 0 ? " none" : "");
    if (t->requests > t->metered) {
        printf("Energy is unknown for %lld of %lld requests; they are not in J and g.\n",
               (long long)(t->requests - t->metered), (long long)t->requests);
    }
    if (r->health.missing + r->health.damaged > 0) {
        printf("The journal lacks %lld lines and has %lld damaged ones (whole ledger).\n",
               (long long)r->health.missing, (long long)r->health.damaged);
    }
}

static void print_basis_line(const struct sprout_savings *r)
{
    char memory[512];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    sprout_basis_put(&b, r);
    printf("%.*s\n", (int)b.len, b.ptr);
}

static void print_seconds(const char *what, struct sprout_interval i)
{
    printf("   %s %.3f s", what, i.value);
    if (!isnan(i.low)) {
        printf(" (%.3f to %.3f)", i.low, i.high);
    }
}

static void print_latency(const struct sprout_latency *l)
{
    const struct sprout_latency_arm *const arm[] = {&l->holdout, &l->mix};
    static const char *const name[] = {"holdout", "mix"};

    if (l->holdout.answers == 0 || l->mix.answers == 0) {
        return; /* nothing to compare */
    }
    printf("How long whole answers took%s (95 %%)\n",
           l->cut ? ", of the newest ones" : "");
    for (size_t i = 0; i < 2; i++) {
        printf("  %-7s", name[i]);
        print_seconds("median", arm[i]->median);
        print_seconds("mean", arm[i]->mean);
        printf("   of %lld\n", (long long)arm[i]->answers);
    }
    if (!isnan(l->faster_percent.value)) {
        printf("  mean shorter by %.1f %%  (95 %%: %.1f to %.1f)\n",
               l->faster_percent.value, l->faster_percent.low, l->faster_percent.high);
    }
}

static void print_period(const struct sprout_savings *r)
{
    char memory[128];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);

    sprout_buf_put(&b, SPROUT_STR("From "));
    if (r->range.since.ns == INT64_MIN) {
        sprout_buf_put(&b, SPROUT_STR("the beginning"));
    } else {
        sprout_instant_put(&b, r->range.since);
    }
    sprout_buf_put(&b, SPROUT_STR(" to "));
    if (r->range.until.ns == INT64_MAX) {
        sprout_buf_put(&b, SPROUT_STR("now"));
    } else {
        sprout_instant_put(&b, r->range.until);
    }
    printf("%.*s\n\n", (int)b.len, b.ptr);
}

static int print_json(const struct sprout_savings *r)
{
    char *const text = sprout_savings_json(r);
    if (text == NULL) {
        return sprout_status_exit(SPROUT_NO_MEMORY);
    }
    puts(text);
    free(text);
    return 0;
}

/* Prices are the configuration's, which the ledger does not know. */
static enum sprout_status add_money(struct sprout_store *store, const char *path,
                                    struct sprout_savings *r, struct sprout_error *err)
{
    struct sprout_run_opts opts = {.config = path};
    struct sprout_config *config = NULL;
    enum sprout_status status;

    if (path == NULL) {
        return SPROUT_OK;
    }
    status = sprout_run_opts_load(&opts, &config, err);
    if (status == SPROUT_OK) {
        status = sprout_money_of(store, r->range, config, &r->money, err);
    }
    sprout_config_free(config);
    return status;
}

static enum sprout_status print_html(struct sprout_store *store,
                                     const struct sprout_savings *r,
                                     struct sprout_error *err)
{
    struct sprout_page *page = NULL;
    const enum sprout_status status = sprout_page_make(store, r, &page, err);
    if (status == SPROUT_OK) {
        sprout_page_put(stdout, page);
    }
    sprout_page_free(page);
    return status;
}

int sprout_cmd_report(int argc, char **argv)
{
    struct sprout_error err = {.message = ""};
    struct args a = {.dir = NULL};
    char path[PATH_MAX_HERE];
    struct sprout_store *store = NULL;
    struct sprout_savings *report = NULL;
    enum sprout_status status = parse(argc, argv, &a, &err);

    if (status == SPROUT_OK && a.help) {
        fputs(help, stdout);
        return 0;
    }
    if (status == SPROUT_OK) {
        snprintf(path, sizeof path, "%.4000s/%s", a.dir, SPROUT_PATH_LEDGER);
        status = sprout_store_open(path, SPROUT_STORE_READ, &store, &err);
    }
    if (status == SPROUT_OK) {
        status = sprout_savings_make(store, a.range, a.by, &report, &err);
    }
    if (status == SPROUT_OK) {
        status = add_money(store, a.config, report, &err);
    }
    if (status == SPROUT_OK && a.html) {
        status = print_html(store, report, &err);
    }
    sprout_store_close(store);
    if (status != SPROUT_OK) {
        sprout_savings_free(report);
        return sprout_cli_fail("report", &err, status);
    }
    int code = 0;
    if (a.html) {
        /* printed already */
    } else if (a.sci) {
        code = sprout_report_sci(report, a.json);
    } else if (a.csv) {
        sprout_report_rows_csv(report);
    } else if (a.json) {
        code = print_json(report);
    } else {
        print_basis_line(report);
        print_period(report);
        print_table(report, isatty(STDOUT_FILENO) == 1);
        print_saved(report);
        print_latency(&report->latency);
        sprout_report_users(report);
        print_basis(report);
    }
    sprout_savings_free(report);
    return code;
}
