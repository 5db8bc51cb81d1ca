/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_simulate.c - `sprout simulate`: policies against a grid that has been.
 *
 * Arguments and printing; what happens in between is sim/experiment.h. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/floor.h"
#include "core/instant.h"
#include "sim/experiment.h"
#include "sim/plot.h"
#include "sim/report.h"

static const char usage[] =
    "usage: sprout simulate --grid FILE|DIR --start TIME --mix FILE\n"
    "                       (--means FILE | --requests DIR) --policy NAME[,NAME...] "
    "[OPTION...]\n"
    "\n"
    "Runs policies over a window of a recorded grid and says what each would have saved\n"
    "against always-L0, and what quality it would have kept.\n"
    "\n"
    "the world:\n"
    "  --grid FILE|DIR        hourly intensity (Electricity Maps CSV), or a folder of "
    "zones\n"
    "  --start TIME           first hour, UTC: 2023-02-03T08:00\n"
    "  --hours N              length of the window (default: as long as the mix)\n"
    "  --mix FILE             task mix of each hour (CSV: hour,<task>,...)\n"
    "  --means FILE           mean energy, time and preference per task and option\n"
    "  --requests DIR         measured requests, one <task>.jsonl per task; beside "
    "--means,\n"
    "                         energies come from here and preferences from there\n"
    "  --train DIR            the requests that `prompt` learns from: others than those\n"
    "  --evaluations FILE|DIR published hours whose quality stands in place of drawn "
    "ones\n"
    "  --bounds-from FILE     the grid whose extremes are k0_min and k0_max (default: "
    "--grid)\n"
    "  --trailing DAYS        extremes and means from the past DAYS only: no look-ahead\n"
    "  --column direct|lifecycle   which intensity (default: direct)\n"
    "  --pue P                facility energy over IT energy (default: 1)\n"
    "\n"
    "the policies:\n"
    "  --policy NAMES         of the list below, by commas, or 'all'\n"
    "  --floor F              quality to keep, of always-L0 (default: the paper's rule)\n"
    "  --hourly-floor H       least quality of any hour, for `prompt` (default: floor - "
    "0.10)\n"
    "  --budget-window hour|day|window   over what `prompt` keeps its floor (default: "
    "window)\n"
    "  --protect KIND         maths or code: `prompt` leaves these prompts at L0\n"
    "  --without PARTS        leave parts of `prompt` out, to see what they bring: any "
    "of\n"
    "                         preference,length,verdicts,caution\n"
    "  --quality preference|accuracy   what the floor is about (default: preference)\n"
    "  --xi X                 the rule's share to give up in the dirtiest hour (default: "
    "0.1)\n"
    "  --invocation RULE      when `sprout` evaluates: paper, or forecast, which waits "
    "for "
    "the\n"
    "                         hour that is foretold to be the cleanest (default: paper)\n"
    "  --worth G              with forecast: what an hour without an answer is worth, "
    "g/kWh\n"
    "                         (default: 0; with --traffic it follows from the plan)\n"
    "  --traffic N            requests an hour: `sprout` evaluates as control does, "
    "sized "
    "by\n"
    "                         what the traffic pays for, and takes quality with caution\n"
    "  --share S              of the energy served, for evaluation (default: 0.01)\n"
    "  --draws N              prompts judged per evaluation, with --traffic at most "
    "(default:\n"
    "                         1000)\n"
    "  --bootstrap N          draw the requests again N times, for 95 % intervals\n"
    "  --seed S               of every draw (default: 1)\n"
    "\n"
    "output:\n"
    "  --json                 everything, hour by hour, and how to repeat it\n"
    "  --csv FILE             a row per zone, policy and hour\n"
    "  --plot DIR             SVG plots\n"
    "  --help                 this text\n";

enum option_id {
    OPT_GRID = 256,
    OPT_START,
    OPT_HOURS,
    OPT_MIX,
    OPT_MEANS,
    OPT_REQUESTS,
    OPT_TRAIN,
    OPT_HOURLY_FLOOR,
    OPT_BUDGET_WINDOW,
    OPT_PROTECT,
    OPT_QUALITY,
    OPT_BOOTSTRAP,
    OPT_WITHOUT,
    OPT_EVALUATIONS,
    OPT_BOUNDS_FROM,
    OPT_TRAILING,
    OPT_COLUMN,
    OPT_PUE,
    OPT_POLICY,
    OPT_FLOOR,
    OPT_XI,
    OPT_INVOCATION,
    OPT_WORTH,
    OPT_TRAFFIC,
    OPT_SHARE,
    OPT_DRAWS,
    OPT_SEED,
    OPT_JSON,
    OPT_CSV,
    OPT_PLOT,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"grid", required_argument, NULL, OPT_GRID},
    {"start", required_argument, NULL, OPT_START},
    {"hours", required_argument, NULL, OPT_HOURS},
    {"mix", required_argument, NULL, OPT_MIX},
    {"means", required_argument, NULL, OPT_MEANS},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"train", required_argument, NULL, OPT_TRAIN},
    {"hourly-floor", required_argument, NULL, OPT_HOURLY_FLOOR},
    {"budget-window", required_argument, NULL, OPT_BUDGET_WINDOW},
    {"protect", required_argument, NULL, OPT_PROTECT},
    {"quality", required_argument, NULL, OPT_QUALITY},
    {"without", required_argument, NULL, OPT_WITHOUT},
    {"bootstrap", required_argument, NULL, OPT_BOOTSTRAP},
    {"evaluations", required_argument, NULL, OPT_EVALUATIONS},
    {"bounds-from", required_argument, NULL, OPT_BOUNDS_FROM},
    {"trailing", required_argument, NULL, OPT_TRAILING},
    {"column", required_argument, NULL, OPT_COLUMN},
    {"pue", required_argument, NULL, OPT_PUE},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"floor", required_argument, NULL, OPT_FLOOR},
    {"xi", required_argument, NULL, OPT_XI},
    {"invocation", required_argument, NULL, OPT_INVOCATION},
    {"worth", required_argument, NULL, OPT_WORTH},
    {"traffic", required_argument, NULL, OPT_TRAFFIC},
    {"share", required_argument, NULL, OPT_SHARE},
    {"draws", required_argument, NULL, OPT_DRAWS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"json", no_argument, NULL, OPT_JSON},
    {"csv", required_argument, NULL, OPT_CSV},
    {"plot", required_argument, NULL, OPT_PLOT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct command {
    struct sprout_experiment_opts opts;
    bool has_start;
    bool json;
    bool help;
    const char *csv;
    const char *plot;
    struct sprout_error err;
};

static enum sprout_status take_f64(struct command *c, const char *name, double lo,
                                   double hi, double *out)
{
    double v = 0;
    if (sprout_str_to_f64(sprout_str_of(optarg), &v) != SPROUT_OK || v < lo || v > hi) {
        return sprout_fail(&c->err, SPROUT_USAGE,
                           "--%s '%s': expected a number from %g to %g", name, optarg, lo,
                           hi);
    }
    *out = v;
    return SPROUT_OK;
}

static enum sprout_status take_i64(struct command *c, const char *name, int64_t lo,
                                   int64_t hi, int64_t *out)
{
    int64_t v = 0;
    if (sprout_str_to_i64(sprout_str_of(optarg), &v) != SPROUT_OK || v < lo || v > hi) {
        return sprout_fail(&c->err, SPROUT_USAGE,
                           "--%s '%s': expected a whole number from %lld to %lld", name,
                           optarg, (long long)lo, (long long)hi);
    }
    *out = v;
    return SPROUT_OK;
}

static enum sprout_status add_policy(struct command *c, struct sprout_str name)
{
    const struct sprout_sim_policy *const p = sprout_sim_policy_find(name);
    if (p == NULL) {
        return sprout_fail(
            &c->err, SPROUT_USAGE,
            "--policy: no policy '%.*s'; 'sprout simulate --help' lists them",
            (int)(name.len < 40 ? name.len : 40), name.ptr);
    }
    if (c->opts.policies == SPROUT_EXPERIMENT_POLICIES_MAX) {
        return sprout_fail(&c->err, SPROUT_USAGE, "--policy: more than %d policies",
                           SPROUT_EXPERIMENT_POLICIES_MAX);
    }
    c->opts.policy[c->opts.policies++] = p;
    return SPROUT_OK;
}

/* 'all' is what the data at hand can run, so it waits until every option is known. */
static enum sprout_status take_policies(struct command *c, const char *list)
{
    struct sprout_str rest = sprout_str_of(list);
    enum sprout_status st = SPROUT_OK;

    if (strcmp(list, "all") == 0) {
        for (size_t i = 0; i < sprout_sim_policy_count; i++) {
            const struct sprout_sim_policy *const p = &sprout_sim_policies[i];
            if ((!p->needs_requests || c->opts.requests != NULL) &&
                (!p->needs_training || c->opts.train != NULL)) {
                st = add_policy(c, sprout_str_of(p->name));
            }
        }
        return st;
    }
    while (st == SPROUT_OK) {
        const char *const comma = memchr(rest.ptr, ',', rest.len);
        const size_t n = comma == NULL ? rest.len : (size_t)(comma - rest.ptr);
        st = add_policy(c, (struct sprout_str){rest.ptr, n});
        if (comma == NULL) {
            break;
        }
        rest.ptr += n + 1;
        rest.len -= n + 1;
    }
    return st;
}

static enum sprout_status take_column(struct command *c)
{
    if (strcmp(optarg, "direct") == 0) {
        c->opts.scope = SPROUT_GRID_DIRECT;
    } else if (strcmp(optarg, "lifecycle") == 0) {
        c->opts.scope = SPROUT_GRID_LIFECYCLE;
    } else {
        return sprout_fail(&c->err, SPROUT_USAGE,
                           "--column '%s': expected direct or lifecycle", optarg);
    }
    return SPROUT_OK;
}

/* Index of optarg among `names`, or -1. */
static int take_word(struct command *c, const char *option, const char *const *names,
                     size_t count)
{
    char list[128];
    struct sprout_buf b = sprout_buf_of(list, sizeof list - 1);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(optarg, names[i]) == 0) {
            return (int)i;
        }
        sprout_buf_printf(&b, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    list[b.len] = '\0';
    sprout_fail(&c->err, SPROUT_USAGE, "--%s '%s': expected one of %s", option, optarg,
                list);
    return -1;
}

static enum sprout_status take_budget_window(struct command *c)
{
    static const char *const names[] = {"window", "day", "hour"};
    const int i = take_word(c, "budget-window", names, 3);
    c->opts.settings.budget = (enum sprout_budget_window)(i < 0 ? 0 : i);
    return i < 0 ? SPROUT_USAGE : SPROUT_OK;
}

static enum sprout_status take_protect(struct command *c)
{
    static const char *const names[] = {"maths", "code"};
    static const enum sprout_kind kind[] = {SPROUT_KIND_MATHS, SPROUT_KIND_CODE};
    const int i = take_word(c, "protect", names, 2);
    c->opts.protect |= i < 0 ? 0 : 1u << kind[i];
    return i < 0 ? SPROUT_USAGE : SPROUT_OK;
}

static enum sprout_status take_quality(struct command *c)
{
    static const char *const names[] = {"preference", "accuracy"};
    const int i = take_word(c, "quality", names, 2);
    c->opts.by = i == 1 ? SPROUT_BY_ACCURACY : SPROUT_BY_PREFERENCE;
    return i < 0 ? SPROUT_USAGE : SPROUT_OK;
}

static enum sprout_status take_without(struct command *c)
{
    static const struct {
        const char *name;
        enum sprout_without part;
    } parts[] = {{"preference", SPROUT_WITHOUT_PREFERENCE},
                 {"length", SPROUT_WITHOUT_LENGTH},
                 {"verdicts", SPROUT_WITHOUT_VERDICTS},
                 {"caution", SPROUT_WITHOUT_CAUTION}};
    struct sprout_str rest = sprout_str_of(optarg);
    while (rest.len > 0) {
        const char *const comma = memchr(rest.ptr, ',', rest.len);
        const struct sprout_str word = {
            rest.ptr, comma == NULL ? rest.len : (size_t)(comma - rest.ptr)};
        uint32_t found = 0;
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            found |=
                sprout_str_eq(word, sprout_str_of(parts[i].name)) ? parts[i].part : 0u;
        }
        if (found == 0) {
            return sprout_fail(&c->err, SPROUT_USAGE,
                               "--without '%s': expected preference, length, verdicts or "
                               "caution, separated by commas",
                               optarg);
        }
        c->opts.settings.without |= found;
        rest.ptr += word.len + (comma != NULL);
        rest.len -= word.len + (comma != NULL);
    }
    return SPROUT_OK;
}

static enum sprout_status take_start(struct command *c)
{
    c->has_start = true;
    return sprout_instant_parse(sprout_str_of(optarg), &c->opts.start) == SPROUT_OK
               ? SPROUT_OK
               : sprout_fail(&c->err, SPROUT_USAGE,
                             "--start '%s': expected a time as in 2023-02-03T08:00",
                             optarg);
}

static enum sprout_status take_number(struct command *c, int id)
{
    struct sprout_sim_settings *const s = &c->opts.settings;
    int64_t n = 0;
    enum sprout_status st = SPROUT_OK;

    switch (id) {
    case OPT_HOURS:
        st = take_i64(c, "hours", 1, SPROUT_SIM_HOURS_MAX, &n);
        c->opts.hours = (size_t)n;
        break;
    case OPT_BOOTSTRAP:
        st = take_i64(c, "bootstrap", 2, SPROUT_EXPERIMENT_BOOTSTRAP_MAX, &n);
        c->opts.bootstrap = (size_t)n;
        break;
    case OPT_TRAILING:
        st = take_i64(c, "trailing", 1, 3660, &c->opts.trailing_days);
        break;
    case OPT_DRAWS:
        st = take_i64(c, "draws", 1, 1000000, &s->draws);
        break;
    case OPT_SEED:
        st = take_i64(c, "seed", 0, INT64_MAX, &n);
        s->seed = (uint64_t)n;
        break;
    case OPT_PUE:
        st = take_f64(c, "pue", 1, 10, &c->opts.carbon.pue);
        break;
    case OPT_WORTH:
        st = take_f64(c, "worth", 0, 1e9, &s->worth.v);
        break;
    case OPT_TRAFFIC:
        st = take_f64(c, "traffic", 1, 1e9, &s->traffic);
        break;
    case OPT_SHARE:
        st = take_f64(c, "share", 0, 1, &s->share);
        break;
    case OPT_FLOOR:
        st = take_f64(c, "floor", 0, 2, &s->floor);
        break;
    case OPT_HOURLY_FLOOR:
        st = take_f64(c, "hourly-floor", 0, 2, &s->hourly_floor);
        break;
    default: /* OPT_XI */
        st = take_f64(c, "xi", 0, 1, &s->xi);
        break;
    }
    return st;
}

static enum sprout_status take_invocation(struct command *c)
{
    static const char *const names[] = {"paper", "forecast"};
    const int i = take_word(c, "invocation", names, SPROUT_INVOCATION_KINDS);
    c->opts.settings.invocation = i < 0 ? 0 : (enum sprout_invocation_kind)i;
    return i < 0 ? SPROUT_USAGE : SPROUT_OK;
}

static enum sprout_status take_option(struct command *c, int id, const char **policies)
{
    switch (id) {
    case OPT_GRID:
        c->opts.grid = optarg;
        return SPROUT_OK;
    case OPT_MIX:
        c->opts.mix = optarg;
        return SPROUT_OK;
    case OPT_MEANS:
        c->opts.means = optarg;
        return SPROUT_OK;
    case OPT_REQUESTS:
        c->opts.requests = optarg;
        return SPROUT_OK;
    case OPT_TRAIN:
        c->opts.train = optarg;
        return SPROUT_OK;
    case OPT_BUDGET_WINDOW:
        return take_budget_window(c);
    case OPT_PROTECT:
        return take_protect(c);
    case OPT_QUALITY:
        return take_quality(c);
    case OPT_WITHOUT:
        return take_without(c);
    case OPT_INVOCATION:
        return take_invocation(c);
    case OPT_EVALUATIONS:
        c->opts.evaluations = optarg;
        return SPROUT_OK;
    case OPT_BOUNDS_FROM:
        c->opts.bounds_from = optarg;
        return SPROUT_OK;
    case OPT_POLICY:
        *policies = optarg;
        return SPROUT_OK;
    case OPT_CSV:
        c->csv = optarg;
        return SPROUT_OK;
    case OPT_PLOT:
        c->plot = optarg;
        return SPROUT_OK;
    case OPT_JSON:
        c->json = true;
        return SPROUT_OK;
    case OPT_HELP:
        c->help = true;
        return SPROUT_OK;
    case OPT_COLUMN:
        return take_column(c);
    case OPT_START:
        return take_start(c);
    case '?':
    case ':':
        return sprout_fail(&c->err, SPROUT_USAGE, "see 'sprout simulate --help'");
    default:
        return take_number(c, id);
    }
}

static enum sprout_status check_given(struct command *c)
{
    const char *missing = NULL;
    missing = c->opts.means == NULL && c->opts.requests == NULL ? "--means or --requests"
                                                                : missing;
    missing = c->opts.mix == NULL ? "--mix" : missing;
    missing = c->has_start ? missing : "--start";
    missing = c->opts.grid == NULL ? "--grid" : missing;
    return missing == NULL
               ? SPROUT_OK
               : sprout_fail(&c->err, SPROUT_USAGE,
                             "%s is missing; see 'sprout simulate --help'", missing);
}

static enum sprout_status parse(struct command *c, int argc, char **argv)
{
    const char *policies = NULL;
    enum sprout_status st = SPROUT_OK;
    int id;

    while (st == SPROUT_OK &&
           (id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        st = take_option(c, id, &policies);
    }
    if (st != SPROUT_OK || c->help) {
        return st;
    }
    if (optind < argc) {
        return sprout_fail(&c->err, SPROUT_USAGE, "'%s' is not an option", argv[optind]);
    }
    st = check_given(c);
    if (st == SPROUT_OK) {
        st = policies == NULL ? sprout_fail(&c->err, SPROUT_USAGE, "--policy is missing")
                              : take_policies(c, policies);
    }
    return st;
}

static void show_progress(void *ctx, size_t done, size_t all, const char *zone,
                          const char *policy)
{
    (void)ctx;
    if (done < all) {
        fprintf(stderr, "\r\033[K%zu/%zu %s %s", done + 1, all, zone, policy);
    } else {
        fputs("\r\033[K", stderr);
    }
    fflush(stderr);
}

/* A few prompts are in any two samples; more is a mistake that flatters `prompt`. */
static void warn_known(const struct sprout_experiment *e)
{
    const struct sprout_experiment_test t = sprout_experiment_tested(e);
    if (t.trained_on * 100 > t.requests) {
        fprintf(
            stderr,
            "sprout simulate: %zu of %zu prompts under test are in --train, too: what "
            "`prompt` saves on them says nothing of others\n",
            t.trained_on, t.requests);
    }
}

static enum sprout_status write_csv(struct command *c, const struct sprout_experiment *e)
{
    FILE *const f = fopen(c->csv, "w");
    if (f == NULL) {
        return sprout_fail(&c->err, SPROUT_IO, "%s: cannot open for writing", c->csv);
    }
    sprout_report_csv(f, e);
    const bool bad = ferror(f) != 0;
    return fclose(f) != 0 || bad
               ? sprout_fail(&c->err, SPROUT_IO, "%s: cannot write", c->csv)
               : SPROUT_OK;
}

static enum sprout_status write_all(struct command *c, const struct sprout_experiment *e,
                                    int argc, char **argv)
{
    enum sprout_status st = c->csv != NULL ? write_csv(c, e) : SPROUT_OK;
    if (st == SPROUT_OK && c->plot != NULL) {
        st = sprout_plot_write(c->plot, e, &c->err);
    }
    if (st != SPROUT_OK) {
        return st;
    }
    if (c->json) {
        sprout_report_json(
            stdout, e,
            &(struct sprout_report_context){
                .version = SPROUT_VERSION, .argc = argc, .argv = argv, .opts = &c->opts});
    } else {
        sprout_report_table(stdout, e);
    }
    return SPROUT_OK;
}

static void print_help(void)
{
    fputs(usage, stdout);
    fputs("\npolicies:\n", stdout);
    for (size_t i = 0; i < sprout_sim_policy_count; i++) {
        printf("  %-8s %s%s\n", sprout_sim_policies[i].name,
               sprout_sim_policies[i].summary,
               sprout_sim_policies[i].needs_requests ? " (needs --requests)" : "");
    }
}

int sprout_cmd_simulate(int argc, char **argv)
{
    struct command c = {.opts = {.scope = SPROUT_GRID_DIRECT,
                                 .carbon = sprout_carbon_paper,
                                 .settings = {.floor = NAN,
                                              .hourly_floor = NAN,
                                              .xi = SPROUT_FLOOR_XI_DEFAULT,
                                              .draws = 1000,
                                              .share = 0.01,
                                              .seed = 1}}};
    struct sprout_experiment *e = NULL;
    enum sprout_status st = parse(&c, argc, argv);

    if (st == SPROUT_OK && c.help) {
        print_help();
        return 0;
    }
    if (st == SPROUT_OK) {
        st = sprout_experiment_new(&c.opts, &e, &c.err);
    }
    if (st == SPROUT_OK) {
        st = sprout_experiment_run(e, isatty(STDERR_FILENO) ? show_progress : NULL, NULL,
                                   &c.err);
    }
    if (st == SPROUT_OK) {
        warn_known(e);
        st = write_all(&c, e, argc, argv);
    }
    if (st != SPROUT_OK) {
        fprintf(stderr, "sprout simulate: %s\n", c.err.message);
    }
    sprout_experiment_free(e);
    return sprout_status_exit(st);
}
