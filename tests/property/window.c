/* SPDX-License-Identifier: Apache-2.0 */
/* One floor over a day against one in each hour: the planner of the service, hour by hour.
 *
 *     build/tests/property/window [DAYS]
 *
 * Each hour the real sprout_plan() is asked with what control would know then: the grid's
 * value, its forecast (adapt/grid_ahead), the account and the traffic of the hours before
 * (control/window).  The level of each request is drawn from its mix, or chosen by
 * core/predict at its price.  Once without a predictor, with the published prior (`mix`);
 * once with prompts of a made population that are what they are predicted to be (`made`); and
 * where they are there, with prompts that the authors of the paper measured, as the weights
 * that come with sprout predict them, at their measured energies and preferences (`measured`).
 * Grids are those of ../shared/data/grid where they are there, else one that swings by day;
 * traffic swings by day.
 * What must hold: no day under the floor but for chance in its last hour and on the first day,
 * on which each hour keeps it (two thousandths), no hour planned under the hourly floor, more
 * saved than hour by hour in the mean of all grids, and on none of them noticeably less (a
 * forecast may be wrong on a grid that hardly changes). */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/grid.h"
#include "adapt/requests.h"
#include "adapt/weights.h"
#include "control/planner.h"
#include "control/window.h"
#include "core/choice.h"
#include "core/energy.h"
#include "core/instant.h"
#include "draw.h"

enum {
    DAYS_DEFAULT = 7,
    MADE = 400,
    PROMPTS_MAX = 1500,
    WAYS = 3,
    STRIDE = 149,
    HOURS_A_DAY = 24
};

static const char folder[] = "../shared/data/grid";
static const char weights_file[] = "data/predictor/default.weights";
static const char requests_folder[] = "../shared/data/llama2";
static const double floor_of_day = 0.95;
static const double hourly_floor = 0.85;

/* ---- what is served -------------------------------------------------------------------- */

/* A population of prompts: as predicted, and as they are. */
struct population {
    const char *name;
    struct sprout_predict_sample sample[PROMPTS_MAX];
    struct {
        double quality[3];
        sprout_joules energy[3];
        sprout_seconds time[3];
    } truth[PROMPTS_MAX];
    size_t count; /* no multiple of STRIDE */
};

static struct population made = {.name = "made"}, measured = {.name = "measured"};

/* Prompts that differ in how long their answers are and in which answer is preferred, and
 * are what they are predicted to be. */
static void make_prompts(struct population *p)
{
    const struct sprout_energy_profile *const e = &sprout_energy_llama2_13b;
    uint64_t seed = 11;
    for (p->count = 0; p->count < MADE; p->count++) {
        const double length = exp(3.5 + 2 * draw_unit(&seed));
        const double brief = draw_unit(&seed);
        const double q[3] = {0.5 - 0.25 * brief, 0.36, 0.1 + 0.35 * brief};
        const double t[3] = {length, length * (0.3 + 0.3 * draw_unit(&seed)),
                             length * (0.1 + 0.15 * draw_unit(&seed))};
        for (int l = 0; l < 3; l++) {
            p->sample[p->count].quality[l] = (int32_t)(q[l] * SPROUT_PREDICT_ONE);
            p->sample[p->count].tokens[l] = (int32_t)(t[l] * SPROUT_PREDICT_TOKEN);
            p->truth[p->count].quality[l] = q[l];
            p->truth[p->count].energy[l].v = t[l] * e->joules[2];
            p->truth[p->count].time[l].v = t[l] * e->seconds[2];
        }
    }
}

static void take_prompt(struct population *p, const struct sprout_predictor *predictor,
                        const struct sprout_request *r)
{
    const struct sprout_prediction said = sprout_predict_str(predictor, r->prompt);
    if (r->preferred < 0 || said.unlike || p->count == PROMPTS_MAX) {
        return;
    }
    for (int l = 0; l < 3; l++) {
        p->sample[p->count].quality[l] = said.quality[l];
        p->sample[p->count].tokens[l] = said.tokens[l];
        p->truth[p->count].quality[l] = r->preferred == l;
        p->truth[p->count].energy[l] = r->energy[l];
        p->truth[p->count].time[l] = r->time[l];
    }
    p->count++;
}

/* The prompts that the authors of the paper measured, as the weights that come with sprout
 * predict them. */
static void read_prompts(struct population *p)
{
    struct sprout_weights weights;
    struct sprout_requests r;
    struct sprout_error err = {.message = ""};
    if (access(requests_folder, R_OK) != 0) {
        return;
    }
    if (sprout_weights_open(weights_file, &weights, &err) != SPROUT_OK ||
        sprout_requests_read(requests_folder, &r, &err) != SPROUT_OK) {
        printf("%s\n", err.message);
        exit(1);
    }
    const size_t step = r.count / PROMPTS_MAX + 1;
    for (size_t i = 0; i < r.count; i += step) {
        take_prompt(p, &weights.predictor, &r.request[i]);
    }
    p->count -= p->count % STRIDE == 0;
    sprout_requests_free(&r);
    sprout_weights_close(&weights);
}

/* Quality, as the account has it and as it is. */
struct served {
    double counted, counted_l0;
    double quality, quality_l0;
};

/* Sums of one (hour, level): the ledger of this run. */
struct row {
    int64_t hour;
    struct sprout_store_sum sum;
};

struct run {
    const struct sprout_config *config;
    const struct population *prompts; /* NULL: no predictor */
    bool windowed;
    struct row *row;
    size_t rows;
    double grams, grams_l0;
    struct served all;
    double day_least;  /* quality relative to L0, as the account has it */
    double hour_least; /* as planned: chance makes an hour's prompts better or worse */
    int raised;
    uint64_t seed;
    size_t turn;
};

static int choose(struct run *r, const struct sprout_policy *p, size_t prompt)
{
    const double u = draw_unit(&r->seed);
    if (!p->predictor.decides) {
        return sprout_mix_draw(p->strata[0].mix, p->level_count, u);
    }
    const struct sprout_predict_terms terms = sprout_choice_terms(p, NULL);
    const struct sprout_predict_sample *const s = &r->prompts->sample[prompt];
    struct sprout_prediction said = {0};
    memcpy(said.quality, s->quality, sizeof said.quality);
    memcpy(said.tokens, s->tokens, sizeof said.tokens);
    return sprout_predict_choose(&said, &terms, (uint32_t)(u * SPROUT_PREDICT_ONE));
}

static double grams_of(const struct run *r, const struct sprout_policy *p,
                       const struct sprout_plan_why *why, size_t prompt, int level)
{
    if (r->prompts == NULL) {
        return why->grams[level].v;
    }
    return sprout_carbon_operational(&p->carbon, p->grid.intensity,
                                     r->prompts->truth[prompt].energy[level])
               .v +
           sprout_carbon_embodied(&p->carbon, r->prompts->truth[prompt].time[level]).v;
}

static void serve_one(struct run *r, const struct sprout_policy *p,
                      const struct sprout_plan_why *why, struct served *s)
{
    const size_t prompt = r->prompts == NULL ? 0 : r->turn++ * STRIDE % r->prompts->count;
    const int l = choose(r, p, prompt);
    struct sprout_store_sum *const to = &r->row[r->rows + (size_t)l].sum;
    to->outcome[SPROUT_OUTCOME_OK]++;
    r->grams += grams_of(r, p, why, prompt, l);
    r->grams_l0 += grams_of(r, p, why, prompt, 0);
    if (r->prompts == NULL) {
        s->counted += why->quality[l];
        s->counted_l0 += 1;
        s->quality += why->quality[l];
        s->quality_l0 += 1;
        return;
    }
    const int32_t *const said = r->prompts->sample[prompt].quality;
    to->predicted++;
    to->quality += said[l];
    to->quality_l0 += said[0];
    s->counted += said[l];
    s->counted_l0 += said[0];
    s->quality += r->prompts->truth[prompt].quality[l];
    s->quality_l0 += r->prompts->truth[prompt].quality[0];
}

/* An hour's requests into the ledger. */
static struct served serve(struct run *r, const struct sprout_policy *p,
                           const struct sprout_plan_why *why, int64_t hour)
{
    const double day = 2 * 3.14159265358979 * (double)(hour % HOURS_A_DAY) / HOURS_A_DAY;
    const int n = (int)(300 - 200 * cos(day));
    static const char *const names[3] = {"L0", "L1", "L2"};
    struct served s = {0};
    for (int i = 0; i < n; i++) {
        serve_one(r, p, why, &s);
    }
    for (int l = 0; l < 3; l++) {
        r->row[r->rows].hour = hour;
        r->row[r->rows].sum.level = sprout_str_of(names[l]);
        r->row[r->rows++].sum.arm = SPROUT_STR("mix");
    }
    return s;
}

/* ---- one run --------------------------------------------------------------------------- */

static void look(const struct run *r, struct sprout_grid *g, sprout_instant now,
                 struct sprout_window *w)
{
    sprout_window_begin(w, sprout_config_window(&r->config->quality), now);
    (void)sprout_grid_foretell(g, now, w->hour + 1, w->plan.hours - 1);
    for (size_t i = 0; i < r->rows; i++) {
        const sprout_instant at = {r->row[i].hour * 3600 * SPROUT_NS_PER_SECOND};
        sprout_window_note(w, r->config, at, &r->row[i].sum);
    }
    sprout_window_finish(w);
}

static bool plan_hour(struct run *r, struct sprout_grid *g, sprout_instant now,
                      struct sprout_arena *arena, const struct sprout_policy **out,
                      struct sprout_plan_why *why)
{
    static struct sprout_window window;
    static const struct sprout_predictor predictor = {.id = 7};
    struct sprout_error err = {.message = ""};
    struct sprout_plan_in in = {.config = r->config, .salt = {1, 2}, .now = now};
    if (sprout_grid_poll(g, now, &in.grid, &err) != SPROUT_OK) {
        return false; /* a hole: nothing is served, nothing is counted */
    }
    in.range = SPROUT_GRID_RANGE_NONE;
    if (r->windowed) {
        look(r, g, now, &window);
        in.window = &window.plan;
    }
    if (r->prompts != NULL) {
        in.predictor = &predictor;
        in.weights_file = SPROUT_STR("predictor-0000000000000007.weights");
        in.samples = r->prompts->sample;
        in.sample_count = r->prompts->count;
    }
    if (sprout_plan(&in, arena, out, why, &err) != SPROUT_OK) {
        printf("no plan: %s\n", err.message);
        exit(1);
    }
    return true;
}

static void add(struct served *to, const struct served *s)
{
    to->counted += s->counted;
    to->counted_l0 += s->counted_l0;
    to->quality += s->quality;
    to->quality_l0 += s->quality_l0;
}

static struct served run_day(struct run *r, struct sprout_grid *g, int64_t first)
{
    static char memory[SPROUT_PLAN_MEMORY];
    struct served day = {0};
    for (int64_t hour = first; hour < first + HOURS_A_DAY; hour++) {
        const sprout_instant now = {hour * 3600 * SPROUT_NS_PER_SECOND};
        struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
        const struct sprout_policy *p = NULL;
        struct sprout_plan_why why;
        if (!plan_hour(r, g, now, &arena, &p, &why)) {
            continue;
        }
        const struct served s = serve(r, p, &why, hour);
        const double promised =
            p->predictor.decides ? why.predicted.price.quality : why.quality_mix;
        add(&day, &s);
        r->raised += why.window.raised;
        r->hour_least = fmin(r->hour_least, promised);
    }
    return day;
}

static void run_days(struct run *r, struct sprout_grid *g, int64_t first, int days)
{
    r->day_least = r->hour_least = INFINITY;
    r->seed = 5;
    for (int d = 0; d < days; d++) {
        const struct served day = run_day(r, g, first + d * HOURS_A_DAY);
        add(&r->all, &day);
        if (day.counted_l0 > 0) {
            r->day_least = fmin(r->day_least, day.counted / day.counted_l0);
        }
    }
}

static struct sprout_config *config_of(bool windowed)
{
    static struct sprout_problems problems;
    struct sprout_config *c = NULL;
    char yaml[200];
    snprintf(yaml, sizeof yaml,
             "quality: {rule: fixed, floor: %g, hourly_floor: %g, budget_window: %s}\n"
             "predictor: {caution: 0}\n",
             floor_of_day, hourly_floor, windowed ? "day" : "hour");
    if (sprout_config_parse(sprout_str_of(yaml), "", &c, &problems) != SPROUT_OK) {
        printf("%s\n", problems.v[0].message);
        exit(1);
    }
    return c;
}

static double saved(const struct run *r)
{
    return 100 * (1 - r->grams / r->grams_l0);
}

/* Both ways over the same days; false: what must hold does not. */
static bool compare(const char *zone, struct sprout_grid *g, int64_t first, int days,
                    const struct population *prompts, double *out_gain)
{
    struct run run[2];
    for (int i = 0; i < 2; i++) {
        run[i] = (struct run){
            .config = config_of(i == 1),
            .windowed = i == 1,
            .prompts = prompts,
            .row = calloc((size_t)days * HOURS_A_DAY * 3, sizeof *run[i].row)};
        run_days(&run[i], g, first, days);
    }
    const struct run *const hour = &run[0], *const day = &run[1];
    printf("%-12s %-9s %6.2f %6.2f %6.2f   %6.2f %6.2f %6.2f %6.2f %4d\n", zone,
           prompts == NULL ? "mix" : prompts->name, saved(hour),
           100 * hour->all.quality / hour->all.quality_l0, 100 * hour->hour_least,
           saved(day), 100 * day->all.quality / day->all.quality_l0, 100 * day->day_least,
           100 * day->hour_least, day->raised);
    *out_gain = saved(day) - saved(hour);
    const bool good = day->day_least >= floor_of_day - 0.002 &&
                      day->hour_least >= hourly_floor - 1e-9 && *out_gain > -0.1;
    for (int i = 0; i < 2; i++) {
        free(run[i].row);
        sprout_config_free((struct sprout_config *)run[i].config);
    }
    return good;
}

/* ---- grids ----------------------------------------------------------------------------- */

/* A year's start with a sun in it: where ../shared is not. */
static void make_grid(char *path)
{
    FILE *const f = fopen(path, "w");
    uint64_t seed = 3;
    if (f == NULL) {
        exit(1);
    }
    fprintf(f, "Datetime (UTC),Zone Name,Zone Id,Carbon intensity gCO₂eq/kWh (direct)\n");
    for (int h = 0; h < 90 * HOURS_A_DAY; h++) {
        const double day = 2 * 3.14159265358979 * (h % HOURS_A_DAY - 12) / HOURS_A_DAY;
        const int m = h / HOURS_A_DAY < 31 ? 0 : h / HOURS_A_DAY < 59 ? 1 : 2;
        static const int before[] = {0, 31, 59};
        fprintf(f, "2023-%02d-%02d %02d:00:00,Made,MADE,%.2f\n", m + 1,
                h / HOURS_A_DAY - before[m] + 1, h % HOURS_A_DAY,
                250 - 180 * cos(day) + 40 * draw_unit(&seed));
    }
    fclose(f);
}

static bool run_zone(const char *path, const char *zone, int days, double gain[WAYS])
{
    const sprout_instant epoch = {INT64_C(1675382400) *
                                  SPROUT_NS_PER_SECOND}; /* 2023-02-03 */
    const struct sprout_grid_opts opts = {.source = SPROUT_GRID_CSV,
                                          .csv_file = path,
                                          .csv_scope = SPROUT_GRID_DIRECT,
                                          .csv_speed = 1,
                                          .epoch = epoch};
    struct sprout_grid *g = NULL;
    struct sprout_error err = {.message = ""};
    bool good = true;
    if (sprout_grid_new(&opts, &g, &err) != SPROUT_OK) {
        printf("%s: %s\n", zone, err.message);
        return false;
    }
    const struct population *const served[WAYS] = {NULL, &made, &measured};
    for (int i = 0; i < WAYS; i++) {
        double gained = 0;
        if (i > 0 && served[i]->count == 0) {
            continue;
        }
        good = compare(zone, g, sprout_instant_hour(epoch), days, served[i], &gained) &&
               good;
        gain[i] += gained;
    }
    sprout_grid_free(g);
    return good;
}

static bool run_made(int days, double gain[WAYS])
{
    char path[] = "/tmp/sprout-window-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0) {
        return false;
    }
    close(fd);
    make_grid(path);
    const bool good = run_zone(path, "MADE", days, gain);
    unlink(path);
    return good;
}

int main(int argc, char **argv)
{
    static const char *const zones[] = {"AU-SA",       "DE",         "ES", "FR",
                                        "GB",          "NL",         "NO", "US-CAL-CISO",
                                        "US-MIDA-PJM", "US-TEX-ERCO"};
    const int days = argc > 1 ? (int)strtol(argv[1], NULL, 10) : DAYS_DEFAULT;
    double gain[WAYS] = {0};
    const bool real = access(folder, R_OK) == 0;
    int n = real ? 0 : 1;
    make_prompts(&made);
    read_prompts(&measured);
    printf(
        "%d days; floor %.0f %%, hourly floor %.0f %%.  Saved carbon, delivered quality "
        "and the\nleast of it, in %%; 'raised': hours that the hourly floor raised.\n"
        "                         hour by hour          over the day\n"
        "zone         by         saved quality  hour    saved quality  day   hour "
        "raised\n",
        days, 100 * floor_of_day, 100 * hourly_floor);
    bool good = real || run_made(days, gain);
    for (size_t z = 0; real && z < sizeof zones / sizeof zones[0]; z++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s_2023_hourly.csv", folder, zones[z]);
        good = run_zone(path, zones[z], days, gain) && good;
        n++;
    }
    good = good && gain[0] > 0 && gain[1] > 0;
    printf("a floor over the day saves %.2f points more by the mix, %.2f and %.2f by a "
           "predictor (mean of %d grid%s): %s\n",
           gain[0] / n, gain[1] / n, gain[2] / n, n, n == 1 ? "" : "s",
           good ? "as it must" : "NOT AS IT MUST");
    return good ? 0 : 1;
}
