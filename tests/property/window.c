/* SPDX-License-Identifier: Apache-2.0 */
/* One floor over a day against one in each hour: the planner of the service, hour by hour.
 *
 *     build/tests/property/window [DAYS]
 *
 * Each hour the real sprout_plan() is asked with what control would know then: the grid's
 * value, its forecast (adapt/grid_ahead), the account and the traffic of the hours before
 * (control/window).  The level of each request is drawn from its mix, or chosen by
 * core/predict at its price.  Once without a predictor, with the published prior; once with
 * prompts of a made population, known to the planner as predicted and served as they are.
 * Grids are those of ../shared/data/grid where they are there, else one that swings by day;
 * traffic swings by day.
 * What must hold: no day under the floor (but for chance in its last hour, a thousandth), no
 * hour planned under the hourly floor, more saved than hour by hour in the mean of all grids,
 * and on none of them noticeably less (a forecast may be wrong on a grid that hardly
 * changes). */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapt/grid.h"
#include "control/planner.h"
#include "control/window.h"
#include "core/choice.h"
#include "core/instant.h"
#include "draw.h"

enum { DAYS_DEFAULT = 7, PROMPTS = 400, STRIDE = 147, HOURS_A_DAY = 24 };

static const char folder[] = "../shared/data/grid";
static const double floor_of_day = 0.95;
static const double hourly_floor = 0.85;

/* ---- what is served -------------------------------------------------------------------- */

static struct sprout_predict_sample sample[PROMPTS];

/* Prompts that differ in how long their answers are and in which answer is preferred. */
static void make_prompts(void)
{
    uint64_t seed = 11;
    for (int i = 0; i < PROMPTS; i++) {
        const double length = exp(3.5 + 2 * draw_unit(&seed));
        const double brief = draw_unit(&seed);
        const double q[3] = {0.5 - 0.25 * brief, 0.36, 0.1 + 0.35 * brief};
        const double t[3] = {length, length * (0.3 + 0.3 * draw_unit(&seed)),
                             length * (0.1 + 0.15 * draw_unit(&seed))};
        for (int l = 0; l < 3; l++) {
            sample[i].quality[l] = (int32_t)(q[l] * SPROUT_PREDICT_ONE);
            sample[i].tokens[l] = (int32_t)(t[l] * SPROUT_PREDICT_TOKEN);
        }
    }
}

/* Sums of one (hour, level): the ledger of this run. */
struct row {
    int64_t hour;
    struct sprout_store_sum sum;
};

struct run {
    const struct sprout_config *config;
    bool windowed, predicted;
    struct row *row;
    size_t rows;
    double grams, grams_l0;
    double day_least;  /* quality relative to L0, as served */
    double hour_least; /* as planned: chance makes an hour's prompts better or worse */
    double quality, quality_l0;
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
    struct sprout_prediction said = {0};
    memcpy(said.quality, sample[prompt].quality, sizeof said.quality);
    memcpy(said.tokens, sample[prompt].tokens, sizeof said.tokens);
    return sprout_predict_choose(&said, &terms, (uint32_t)(u * SPROUT_PREDICT_ONE));
}

static double grams_of(const struct run *r, const struct sprout_policy *p,
                       const struct sprout_plan_why *why, size_t prompt, int level)
{
    return r->predicted ? 1e-9 * (double)p->predictor.ng_per_token *
                              (double)sample[prompt].tokens[level] / SPROUT_PREDICT_TOKEN
                        : why->grams[level].v;
}

struct served {
    double quality, quality_l0;
};

/* An hour's requests into the ledger. */
static struct served serve(struct run *r, const struct sprout_policy *p,
                           const struct sprout_plan_why *why, int64_t hour)
{
    const double day = 2 * 3.14159265358979 * (double)(hour % HOURS_A_DAY) / HOURS_A_DAY;
    const int n = (int)(300 - 200 * cos(day));
    static const char *const names[3] = {"L0", "L1", "L2"};
    struct served s = {0};
    for (int i = 0; i < n; i++) {
        const size_t prompt = r->turn++ * STRIDE % PROMPTS; /* each as often */
        const int l = choose(r, p, prompt);
        struct sprout_store_sum *const to = &r->row[r->rows + (size_t)l].sum;
        to->outcome[SPROUT_OUTCOME_OK]++;
        to->predicted += r->predicted;
        to->quality += r->predicted ? sample[prompt].quality[l] : 0;
        to->quality_l0 += r->predicted ? sample[prompt].quality[0] : 0;
        s.quality += r->predicted ? sample[prompt].quality[l] : why->quality[l];
        s.quality_l0 += r->predicted ? sample[prompt].quality[0] : 1;
        r->grams += grams_of(r, p, why, prompt, l);
        r->grams_l0 += grams_of(r, p, why, prompt, 0);
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
    if (r->predicted) {
        in.predictor = &predictor;
        in.weights_file = SPROUT_STR("predictor-0000000000000007.weights");
        in.samples = sample;
        in.sample_count = PROMPTS;
    }
    if (sprout_plan(&in, arena, out, why, &err) != SPROUT_OK) {
        printf("no plan: %s\n", err.message);
        exit(1);
    }
    return true;
}

static void run_days(struct run *r, struct sprout_grid *g, int64_t first, int days)
{
    static char memory[SPROUT_PLAN_MEMORY];
    r->day_least = r->hour_least = INFINITY;
    r->seed = 5;
    for (int d = 0; d < days; d++) {
        struct served day = {0};
        for (int h = 0; h < HOURS_A_DAY; h++) {
            const int64_t hour = first + d * HOURS_A_DAY + h;
            const sprout_instant now = {hour * 3600 * SPROUT_NS_PER_SECOND};
            struct sprout_arena arena = sprout_arena_of(memory, sizeof memory);
            const struct sprout_policy *p = NULL;
            struct sprout_plan_why why;
            if (!plan_hour(r, g, now, &arena, &p, &why)) {
                continue;
            }
            const struct served s = serve(r, p, &why, hour);
            day.quality += s.quality;
            day.quality_l0 += s.quality_l0;
            r->raised += why.window.raised;
            r->hour_least = fmin(r->hour_least, r->predicted ? why.predicted.price.quality
                                                             : why.quality_mix);
        }
        r->quality += day.quality;
        r->quality_l0 += day.quality_l0;
        if (day.quality_l0 > 0) {
            r->day_least = fmin(r->day_least, day.quality / day.quality_l0);
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
                    bool predicted, double *out_gain)
{
    struct run run[2];
    for (int i = 0; i < 2; i++) {
        run[i] = (struct run){
            .config = config_of(i == 1),
            .windowed = i == 1,
            .predicted = predicted,
            .row = calloc((size_t)days * HOURS_A_DAY * 3, sizeof *run[i].row)};
        run_days(&run[i], g, first, days);
    }
    const struct run *const hour = &run[0], *const day = &run[1];
    printf("%-12s %-9s %6.2f %6.2f %6.2f   %6.2f %6.2f %6.2f %6.2f %4d\n", zone,
           predicted ? "predictor" : "mix", saved(hour),
           100 * hour->quality / hour->quality_l0, 100 * hour->hour_least, saved(day),
           100 * day->quality / day->quality_l0, 100 * day->day_least,
           100 * day->hour_least, day->raised);
    *out_gain = saved(day) - saved(hour);
    const bool good = day->day_least >= floor_of_day - 0.001 &&
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

static bool run_zone(const char *path, const char *zone, int days, double gain[2])
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
    for (int predicted = 0; predicted < 2; predicted++) {
        double gained = 0;
        good =
            compare(zone, g, sprout_instant_hour(epoch), days, predicted == 1, &gained) &&
            good;
        gain[predicted] += gained;
    }
    sprout_grid_free(g);
    return good;
}

static bool run_made(int days, double gain[2])
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
    double gain[2] = {0, 0};
    const bool real = access(folder, R_OK) == 0;
    int n = real ? 0 : 1;
    make_prompts();
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
    printf("a floor over the day saves %.2f points more by the mix, %.2f by a predictor "
           "(mean of %d grid%s): %s\n",
           gain[0] / n, gain[1] / n, n, n == 1 ? "" : "s",
           good ? "as it must" : "NOT AS IT MUST");
    return good ? 0 : 1;
}
