/* SPDX-License-Identifier: Apache-2.0 */
/* How often the interval of the estimate holds the truth, with energies of real answers.
 *
 *     [SPROUT_RUNS=10000] build/tests/property/estimate
 *
 * The authors of the paper measured what Llama-2-13B took on each of some thousand prompts
 * at every level.  A period draws conversations from these; what its mix saves on average is
 * then known exactly, and the estimate must find it from the arms alone.  The data lies
 * beside the repository, not in it: without ../shared/data/llama2 this says so and stops. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/estimate.h"
#include "draw.h"

enum {
    TASKS = 6,
    LEVELS = 3,
    PROMPTS_MAX = 20000,
    PERIODS = 2000,
    PERIODS_LEAST = 500, /* fewer scatter out of the bands */
    PERIODS_LONG = 10000,
    CELLS = 16
};
enum { SKIPPED = 77 }; /* exit status that scripts/run-tests counts as such */

#define JOULES_PER_WH 3600.0

static const char *const tasks[TASKS] = {"alpaca",    "gsm8k",    "mmlu",
                                         "naturalqa", "triviaqa", "scienceqa"};

/* What is known of an answer's length before the choice. */
enum known { NOTHING, NOISE, HALF, PARTLY, KNOWN };

static const char *const known_text[KNOWN] = {"none", "noise", "half", "half, or none"};

static struct prompt {
    int task;
    double joules[LEVELS];
    double predicted[KNOWN]; /* NOTHING: 0; NOISE: of another prompt; HALF: R2 is half;
                                PARTLY: that, or nothing for one in three */
} prompts[PROMPTS_MAX];
static size_t prompt_count;
static size_t task_first[TASKS + 1];
static double task_mean[TASKS][LEVELS];
static double
    long_mean[TASKS]; /* under a mix that is brief where HALF foretells length */

static bool add_prompt(int task, const char *line)
{
    static const char *const names[LEVELS] = {"L0", "L1", "L2"};
    json_t *root = json_loads(line, 0, NULL);
    const json_t *energy = json_object_get(root, "energy_wh");
    struct prompt p = {.task = task};
    bool good = energy != NULL && prompt_count < PROMPTS_MAX;
    for (int l = 0; l < LEVELS && good; l++) {
        const json_t *wh = json_object_get(energy, names[l]);
        good = json_is_number(wh);
        p.joules[l] = JOULES_PER_WH * json_number_value(wh);
    }
    json_decref(root);
    if (good) {
        prompts[prompt_count++] = p;
    }
    return good;
}

static bool load_task(int task)
{
    char path[128];
    snprintf(path, sizeof path, "../shared/data/llama2/%s.jsonl", tasks[task]);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }
    const size_t first = task_first[task] = prompt_count;
    char *line = NULL;
    size_t cap = 0;
    bool good = true;
    while (good && getline(&line, &cap, f) > 0) {
        good = add_prompt(task, line);
    }
    free(line);
    fclose(f);
    task_first[task + 1] = prompt_count;
    for (size_t i = first; i < prompt_count; i++) {
        for (int l = 0; l < LEVELS; l++) {
            task_mean[task][l] += prompts[i].joules[l] / (double)(prompt_count - first);
        }
    }
    return good;
}

static uint64_t rng_state = 1;

static double uniform(void)
{
    return draw_unit(&rng_state);
}

/* ---- predictions ----------------------------------------------------------------------- */

#define ERROR_SIGMA 0.55 /* of log length: leaves half of the variance within a task */

static double normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

static bool foretold_long(const struct prompt *p)
{
    return p->predicted[HALF] > task_mean[p->task][0];
}

/* In joules instead of tokens: one is as good as the other. */
static void predict_task(int task)
{
    const size_t first = task_first[task], n = task_first[task + 1] - first;
    for (size_t i = first; i < first + n; i++) {
        struct prompt *p = &prompts[i];
        p->predicted[NOISE] = prompts[first + (size_t)(uniform() * (double)n)].joules[0];
        p->predicted[HALF] = p->joules[0] * exp(ERROR_SIGMA * normal());
        p->predicted[PARTLY] = i % 3 == 0 ? 0 : p->predicted[HALF];
        long_mean[task] += p->joules[foretold_long(p) ? 1 : 0] / (double)n;
    }
}

/* Share of the variance within tasks that a line in the prediction explains. */
static double explained(enum known known)
{
    double xx = 0, xe = 0, ee = 0;
    for (int t = 0; t < TASKS; t++) {
        double mean = 0;
        const size_t end = task_first[t + 1], n = end - task_first[t];
        for (size_t i = task_first[t]; i < end; i++) {
            mean += prompts[i].predicted[known] / (double)n;
        }
        for (size_t i = task_first[t]; i < end; i++) {
            const double x = prompts[i].predicted[known] - mean;
            const double e = prompts[i].joules[0] - task_mean[t][0];
            xx += x * x;
            xe += x * e;
            ee += e * e;
        }
    }
    return xe * xe / (xx * ee);
}

/* ---- periods --------------------------------------------------------------------------- */

enum plan {
    BY_GRID,  /* the dirtier the hour, the briefer */
    BY_GUESS, /* brief where a long answer is foretold, as where the predictor decides */
    GENTLE,   /* saves about 30 %, whatever the hour */
};

struct world {
    int holdout; /* expected conversations */
    double share;
    enum plan plan;
    enum known known;
    int known_from; /* of the holdout; before, there was no predictor */
};

struct truth {
    double l0, mix; /* what the mix conversations are expected to take */
};

struct period {
    struct sprout_estimate *estimate;
    struct sprout_estimate *blind; /* the same without predictions; NULL: not asked for */
    struct truth joules, grams;
};

static void begin(struct period *p, bool with_blind)
{
    static char block[2][1 << 15];
    struct sprout_arena arena[2] = {sprout_arena_of(block[0], sizeof block[0]),
                                    sprout_arena_of(block[1], sizeof block[1])};
    *p = (struct period){
        .estimate = sprout_estimate_new(&arena[0], CELLS),
        .blind = with_blind ? sprout_estimate_new(&arena[1], CELLS) : NULL,
    };
}

static void mix_at(enum plan plan, double dirt, const struct prompt *p,
                   double out[LEVELS])
{
    out[0] = plan == GENTLE     ? 0.61
             : plan == BY_GUESS ? !foretold_long(p)
                                : 0.2 * (1 - dirt);
    out[2] = plan == BY_GRID ? 0.3 * dirt : 0;
    out[1] = 1 - out[0] - out[2];
}

static void expect(struct period *to, const struct world *w, int task, double ci,
                   const double share[LEVELS])
{
    const double l0 = task_mean[task][0];
    double mix = w->plan == BY_GUESS ? long_mean[task] : 0;
    for (int l = 0; l < LEVELS && w->plan != BY_GUESS; l++) {
        mix += share[l] * task_mean[task][l];
    }
    to->joules = (struct truth){to->joules.l0 + l0, to->joules.mix + mix};
    to->grams = (struct truth){to->grams.l0 + ci * l0, to->grams.mix + ci * mix};
}

static void one_conversation(struct period *to, const struct world *w, int i)
{
    const struct prompt *p = &prompts[(size_t)(uniform() * (double)prompt_count)];
    const double dirt = i % 24 / 24.0, ci = 0.1 + 0.2 * dirt, u = uniform();
    const bool held = uniform() < w->share;
    double share[LEVELS];
    mix_at(w->plan, dirt, p, share);
    const int level = held ? 0 : u < share[0] ? 0 : u < share[0] + share[1] ? 1 : 2;
    struct sprout_estimate_unit unit = {
        .cell = (uint64_t)p->task,
        .arm = held ? SPROUT_ESTIMATE_HOLDOUT : SPROUT_ESTIMATE_MIX,
        .energy = {p->joules[level]},
        .grams = {ci * p->joules[level]},
    };
    if (to->blind != NULL) {
        sprout_estimate_add(to->blind, &unit);
    }
    unit.predicted = i >= w->known_from / w->share ? p->predicted[w->known] : 0;
    sprout_estimate_add(to->estimate, &unit);
    if (!held) {
        expect(to, w, p->task, ci, share);
    }
}

static void whole_period(struct period *to, const struct world *w, bool with_blind)
{
    begin(to, with_blind);
    for (int i = 0; i < (int)(w->holdout / w->share); i++) {
        one_conversation(to, w, i);
    }
}

static double saved(const struct truth *t)
{
    return 100 * (1 - t->mix / t->l0);
}

static bool holds(const struct sprout_interval *i, const struct truth *t)
{
    return i->low <= saved(t) && saved(t) <= i->high;
}

static double width(const struct sprout_interval *i)
{
    return i->high - i->low;
}

/* ---- the plain interval ---------------------------------------------------------------- */

/* Three standard errors of 95 % in a simulation shorter than the one that is asked for. */
static double allowed(int runs, int asked)
{
    return runs < asked ? 3 * sqrt(95.0 * 5 / runs) : 0;
}

/* From the least number on at which the anytime interval is stated: 94 to 96 %. */
static bool covers(double percent, int holdout, int periods)
{
    const double error = allowed(periods, PERIODS_LONG);
    if (holdout < SPROUT_ESTIMATE_ANYTIME_MIN) {
        return percent >= (holdout < 100 ? 92 : 93) && percent <= 97;
    }
    return percent >= 94 - error && percent <= 96 + error;
}

static bool coverage(const struct world *w, int periods)
{
    int claims = 0, energy = 0, carbon = 0;
    double points = 0;
    for (int n = 0; n < periods; n++) {
        struct period p;
        whole_period(&p, w, false);
        const struct sprout_estimate_result r = sprout_estimate_result(p.estimate);
        if (r.energy_state == SPROUT_ESTIMATE_OK) {
            claims++;
            energy += holds(&r.energy_percent, &p.joules);
            carbon += holds(&r.carbon_percent, &p.grams);
            points += width(&r.carbon_percent);
        }
    }
    const double e = 100.0 * energy / claims, c = 100.0 * carbon / claims;
    printf("| %d | %.0f %% | %.1f %% | %.1f %% | %.1f |\n", w->holdout, 100 * w->share, e,
           c, points / claims);
    return claims > periods / 2 && covers(e, w->holdout, periods) &&
           covers(c, w->holdout, periods);
}

/* ---- adjusted by what was known before ------------------------------------------------- */

struct tally {
    int claims;
    int energy, carbon; /* that hold the truth */
    double narrower;
    double off[2]; /* [0] not adjusted, [1] adjusted: found less true, carbon */
    double off2;   /* of the first, squared */
};

static void tally_add(struct tally *t, const struct period *p)
{
    const struct sprout_estimate_result r = sprout_estimate_result(p->estimate);
    const struct sprout_estimate_result blind = sprout_estimate_result(p->blind);
    if (!r.adjusted) {
        return;
    }
    const double off[] = {blind.carbon_percent.value - saved(&p->grams),
                          r.carbon_percent.value - saved(&p->grams)};
    t->claims++;
    t->energy += holds(&r.energy_percent, &p->joules);
    t->carbon += holds(&r.carbon_percent, &p->grams);
    t->narrower += 100 * (1 - width(&r.carbon_percent) / width(&blind.carbon_percent));
    t->off[0] += off[0];
    t->off[1] += off[1];
    t->off2 += off[0] * off[0];
}

/* Holds as often, is no further off on average than a tenth of the standard error, and is
 * narrower where there is something to know. */
static bool adjusted_coverage(const struct world *w, int periods)
{
    struct tally t = {0};
    for (int n = 0; n < periods; n++) {
        struct period p;
        whole_period(&p, w, true);
        tally_add(&t, &p);
    }
    const double n = t.claims, e = 100 * t.energy / n, c = 100 * t.carbon / n;
    const double error = sqrt(t.off2 / n), narrower = t.narrower / n;
    printf("| %d | %.0f %% | %s | %s | %.1f %% | %.1f %% | %.1f %% | %+.2f | %+.2f | "
           "%.2f |\n",
           w->holdout, 100 * w->share, known_text[w->known],
           w->plan == BY_GUESS ? "prediction" : "grid", e, c, narrower, t.off[0] / n,
           t.off[1] / n, error);
    return t.claims > periods / 4 && covers(e, w->holdout, periods) &&
           covers(c, w->holdout, periods) && fabs(t.off[1] / n) < 0.1 * error &&
           narrower > (w->known == NOISE ? -1 : 5);
}

/* ---- however often one looks ----------------------------------------------------------- */

enum { PEEK_HOLDOUT = 1500, PEEK_STEP = 40 };

/* Whether the truth was outside of [0] the anytime intervals and [1] the plain one. */
static void peek(const struct world *w, bool out[2])
{
    struct period p;
    begin(&p, false);
    for (int i = 0; i < (int)(w->holdout / w->share); i++) {
        one_conversation(&p, w, i);
        if (i % PEEK_STEP != 0) {
            continue;
        }
        const struct sprout_estimate_result r = sprout_estimate_result(p.estimate);
        if (!isnan(r.carbon_anytime_percent.low)) {
            out[0] = out[0] || !holds(&r.carbon_anytime_percent, &p.grams) ||
                     !holds(&r.energy_anytime_percent, &p.joules);
            out[1] = out[1] || !holds(&r.carbon_percent, &p.grams);
        }
    }
}

/* One who looks every few conversations from the least number on: is the truth outside even
 * once?  Of the plain interval it is, far too often; that is what the other is for. */
static bool peeking(const struct world *w, const char *known, int periods)
{
    int anytime = 0, plain = 0;
    for (int n = 0; n < periods; n++) {
        bool out[2] = {false, false};
        peek(w, out);
        anytime += !out[0];
        plain += !out[1];
    }
    const double held = 100.0 * anytime / periods;
    printf(
        "%s: looked at every %d conversations from %d to %d in the holdout, the anytime "
        "interval held always in %.1f %%, the plain one in %.1f %%\n",
        known, PEEK_STEP, SPROUT_ESTIMATE_ANYTIME_MIN, w->holdout, held,
        100.0 * plain / periods);
    return held >= 95 - allowed(periods, PERIODS_LONG / 10);
}

/* ---- how much traffic ------------------------------------------------------------------ */

struct shown {
    int stated;
    int above_0, above_20, anytime; /* intervals of grams whose lower end is */
    double points;
};

static void shown_add(struct shown *to, const struct sprout_estimate_result *r)
{
    if (r->carbon_state != SPROUT_ESTIMATE_OK) {
        return;
    }
    to->stated++;
    to->above_0 += r->carbon_percent.low > 0;
    to->above_20 += r->carbon_percent.low > 20;
    to->anytime += r->carbon_anytime_percent.low > 0;
    to->points += width(&r->carbon_percent);
}

/* Of a saving of 30 %, by the holdout's size: not adjusted / adjusted. */
static void needed(const struct world *w, int periods)
{
    struct shown blind = {0}, seen = {0};
    for (int n = 0; n < periods; n++) {
        struct period p;
        whole_period(&p, w, true);
        const struct sprout_estimate_result r[] = {sprout_estimate_result(p.estimate),
                                                   sprout_estimate_result(p.blind)};
        shown_add(&seen, &r[0]);
        shown_add(&blind, &r[1]);
    }
    const double percent = 100.0 / periods;
    printf("| %d | %.0f | %.1f / %.1f | %.0f / %.0f %% | %.0f / %.0f %% | %.0f / %.0f %% "
           "|\n",
           w->holdout, w->holdout / w->share, blind.points / blind.stated,
           seen.points / seen.stated, percent * blind.above_0, percent * seen.above_0,
           percent * blind.above_20, percent * seen.above_20, percent * blind.anytime,
           percent * seen.anytime);
}

/* ---- all of it ------------------------------------------------------------------------- */

static bool plain_intervals(int periods)
{
    static const struct world worlds[] = {
        {25, 0.25, .plan = BY_GRID},  {40, 0.25, .plan = BY_GRID},
        {100, 0.25, .plan = BY_GRID}, {200, 0.25, .plan = BY_GRID},
        {100, 0.05, .plan = BY_GRID}, {300, 0.05, .plan = BY_GRID},
        {1000, 0.05, .plan = BY_GRID}};
    bool good = true;
    puts("| holdout conversations | share | energy | grams | width in points |");
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        good = coverage(&worlds[i], periods) && good;
    }
    return good;
}

static bool adjusted_intervals(int periods)
{
    static const struct world worlds[] = {
        {230, 0.25, BY_GRID, NOISE, 0},  {230, 0.25, BY_GRID, HALF, 0},
        {230, 0.05, BY_GRID, NOISE, 0},  {230, 0.05, BY_GRID, HALF, 0},
        {1000, 0.05, BY_GRID, NOISE, 0}, {1000, 0.05, BY_GRID, HALF, 0},
        {230, 0.05, BY_GUESS, HALF, 0},  {400, 0.05, BY_GRID, PARTLY, 0}};
    bool good = true;
    printf("predictions explain %.2f (noise) and %.2f (half) of the variance\n",
           explained(NOISE), explained(HALF));
    puts("| holdout conversations | share | prediction | mix by | energy | grams "
         "| narrower | off, not adjusted | off, adjusted | standard error |");
    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        good = adjusted_coverage(&worlds[i], periods) && good;
    }
    return good;
}

static bool anytime_intervals(int periods)
{
    const struct world none = {PEEK_HOLDOUT, 0.25, BY_GRID, NOTHING, 0};
    const struct world half = {PEEK_HOLDOUT, 0.25, BY_GRID, HALF, 0};
    const struct world later = {PEEK_HOLDOUT, 0.25, BY_GRID, HALF, 400};
    bool good = peeking(&none, "not adjusted", periods);
    good = peeking(&half, "adjusted", periods) && good;
    return peeking(&later, "predicted from the 400th on", periods) && good;
}

static void traffic(int periods)
{
    static const int holdouts[] = {25, 50, 100, 200, 250, 300, 500, 1000};
    puts("| holdout conversations | in all | width in points | above 0 | above 20 "
         "| anytime above 0 |");
    for (size_t i = 0; i < sizeof holdouts / sizeof holdouts[0]; i++) {
        const struct world w = {holdouts[i], 0.05, GENTLE, HALF, 0};
        needed(&w, periods);
    }
}

static bool load(void)
{
    for (int t = 0; t < TASKS; t++) {
        if (!load_task(t)) {
            printf("skipped: ../shared/data/llama2/%s.jsonl is not there\n", tasks[t]);
            return false;
        }
        predict_task(t);
    }
    rng_state = 1;
    return true;
}

int main(void)
{
    const int asked = draw_runs(PERIODS);
    const int periods = asked < PERIODS_LEAST ? PERIODS_LEAST : asked;
    if (!load()) {
        return SKIPPED;
    }
    printf("%zu prompts, %d periods each\n", prompt_count, periods);
    bool good = plain_intervals(periods);
    good = adjusted_intervals(periods) && good;
    traffic(periods / 10);
    good = anytime_intervals(periods < PERIODS_LONG ? periods / 10 : periods) && good;
    printf("the interval %s the truth as often as it says\n", good ? "holds" : "misses");
    return good ? 0 : 1;
}
