/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.c - see experiment.h. */
#include "sim/experiment.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "sim/bootstrap.h"
#include "sim/train_examples.h"

struct zone {
    char path[SPROUT_EXPERIMENT_PATH_MAX];
    struct sprout_grid_trace trace;
    struct sprout_evaluations evaluations;
    char evaluations_path[SPROUT_EXPERIMENT_PATH_MAX];
    struct sprout_world *world;
};

/* What `prompt` learned, kept as long as folders may be drawn again. */
struct training {
    struct sprout_requests requests;
    struct sprout_accuracy accuracy;
    struct sprout_train_example *example;
    struct sprout_trained trained;
    struct sprout_predictor predictor;
};

struct sprout_experiment {
    struct sprout_experiment_opts opts;
    struct zone *zone; /* owned, SPROUT_EXPERIMENT_ZONES_MAX of them */
    size_t zones;
    struct sprout_grid_trace bounds;
    struct sprout_mix_table mix;
    struct sprout_means means;
    struct sprout_requests requests;
    struct sprout_accuracy accuracy;
    struct training training;
    struct sprout_prompts *prompts;
    size_t known; /* requests under test whose prompt was trained on */
    /* Owned: replicates x (runs, then policies' means). */
    double *saved_again;
    double *quality_again;
    size_t replicates;
    struct sprout_sim_run *run; /* owned */
    size_t runs;
    struct sprout_experiment_input *input; /* owned */
    size_t inputs;
};

static void note_input(struct sprout_experiment *e, const char *role, const char *path,
                       const char *sha256)
{
    if (e->inputs == SPROUT_EXPERIMENT_INPUTS_MAX) {
        return;
    }
    struct sprout_experiment_input *const in = &e->input[e->inputs++];
    struct sprout_buf name = sprout_buf_of(in->path, sizeof in->path - 1);
    in->role = role;
    sprout_buf_put(&name, sprout_str_of(path));
    memcpy(in->sha256, sha256, sizeof in->sha256);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- files of a folder --------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    const struct zone *const x = a, *const y = b;
    return strcmp(x->path, y->path);
}

static bool join_path(char *out, size_t size, const char *folder, const char *name)
{
    struct sprout_buf b = sprout_buf_of(out, size - 1);
    sprout_buf_put(&b, sprout_str_of(folder));
    sprout_buf_byte(&b, '/');
    sprout_buf_put(&b, sprout_str_of(name));
    out[b.full ? 0 : b.len] = '\0';
    return !b.full;
}

static enum sprout_status fail_folder(struct sprout_error *err, const char *path)
{
    return sprout_fail(err, errno == ENOENT ? SPROUT_NOT_FOUND : SPROUT_IO,
                       "%s: cannot open the folder: %s", path, strerror(errno));
}

static enum sprout_status list_grids(struct sprout_experiment *e,
                                     struct sprout_error *err)
{
    DIR *const dir = opendir(e->opts.grid);
    if (dir == NULL) {
        return fail_folder(err, e->opts.grid);
    }
    const struct dirent *entry;
    enum sprout_status st = SPROUT_OK;
    while (st == SPROUT_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' ||
            !sprout_str_ends(sprout_str_of(entry->d_name), SPROUT_STR(".csv"))) {
            continue;
        }
        struct zone *const z = &e->zone[e->zones];
        if (e->zones == SPROUT_EXPERIMENT_ZONES_MAX ||
            !join_path(z->path, sizeof z->path, e->opts.grid, entry->d_name)) {
            st = sprout_fail(err, SPROUT_LIMIT,
                             "%s: more than %d zones, or a path too long", e->opts.grid,
                             SPROUT_EXPERIMENT_ZONES_MAX);
        } else {
            e->zones++;
        }
    }
    closedir(dir);
    if (st == SPROUT_OK && e->zones == 0) {
        st = sprout_fail(err, SPROUT_NOT_FOUND, "%s: no *.csv in this folder",
                         e->opts.grid);
    }
    qsort(e->zone, e->zones, sizeof *e->zone, by_path);
    return st;
}

/* <folder>/<zone>_*.json, the first in the order of names. */
static enum sprout_status find_evaluations(const char *folder, const char *zone,
                                           char *out, size_t size,
                                           struct sprout_error *err)
{
    char best[256] = "";
    const size_t n = strlen(zone);
    DIR *const dir = opendir(folder);
    if (dir == NULL) {
        return fail_folder(err, folder);
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        const struct sprout_str name = sprout_str_of(entry->d_name);
        if (name.len < sizeof best && sprout_str_ends(name, SPROUT_STR(".json")) &&
            strncmp(name.ptr, zone, n) == 0 && name.ptr[n] == '_' &&
            (best[0] == '\0' || strcmp(name.ptr, best) < 0)) {
            memcpy(best, name.ptr, name.len + 1);
        }
    }
    closedir(dir);
    return best[0] != '\0' && join_path(out, size, folder, best)
               ? SPROUT_OK
               : sprout_fail(err, SPROUT_NOT_FOUND, "%s: no %s_*.json for this zone",
                             folder, zone);
}

/* ---- reading ------------------------------------------------------------------------- */

static enum sprout_status read_shared(struct sprout_experiment *e,
                                      struct sprout_error *err)
{
    const struct sprout_experiment_opts *const o = &e->opts;
    enum sprout_status st = sprout_mix_read(o->mix, &e->mix, err);
    if (st != SPROUT_OK) {
        return st;
    }
    note_input(e, "mix", o->mix, e->mix.sha256);
    if (o->means != NULL) {
        st = sprout_means_read(o->means, &e->means, err);
        if (st != SPROUT_OK) {
            return st;
        }
        note_input(e, "means", o->means, e->means.sha256);
    }
    if (o->requests != NULL) {
        st = sprout_requests_read(o->requests, &e->requests, err);
        if (st != SPROUT_OK) {
            return st;
        }
        note_input(e, "requests", o->requests, e->requests.sha256);
        st = sprout_accuracy_make(&e->requests, &e->accuracy, err);
        if (st != SPROUT_OK) {
            return st;
        }
    }
    if (o->bounds_from != NULL) {
        const struct sprout_str any = {"", 0};
        st = sprout_grid_trace_read(o->bounds_from, any, &e->bounds, err);
        if (st != SPROUT_OK) {
            return st;
        }
        note_input(e, "bounds", o->bounds_from, e->bounds.sha256);
    }
    return SPROUT_OK;
}

static bool wants_prompts(const struct sprout_experiment *e)
{
    bool any = false;
    for (size_t i = 0; i < e->opts.policies; i++) {
        any = any || e->opts.policy[i]->needs_training;
    }
    return any && e->opts.train != NULL && e->opts.requests != NULL;
}

static enum sprout_status train(struct sprout_experiment *e, struct sprout_error *err)
{
    bool maths[SPROUT_TASKS_MAX];
    struct training *const t = &e->training;
    const struct sprout_train_opts opts = {.seed = e->opts.settings.seed,
                                           .trained_on = sprout_str_of(e->opts.train)};
    enum sprout_status st = sprout_requests_read(e->opts.train, &t->requests, err);
    if (st == SPROUT_OK) {
        note_input(e, "train", e->opts.train, t->requests.sha256);
        st = sprout_accuracy_make(&t->requests, &t->accuracy, err);
    }
    if (st == SPROUT_OK) {
        sprout_train_maths(&t->requests, &t->accuracy, maths);
        t->example = sprout_train_examples(&t->requests, &t->accuracy, maths);
        st = t->example != NULL ? SPROUT_OK
                                : sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    if (st == SPROUT_OK) {
        st = sprout_train(t->example, t->requests.count, &opts, &t->trained, err);
    }
    return st == SPROUT_OK ? sprout_predictor_view(t->trained.bytes, t->trained.len,
                                                   &t->predictor, err)
                           : st;
}

static enum sprout_status make_prompts(const struct sprout_experiment *e,
                                       const struct sprout_requests *r,
                                       const struct sprout_accuracy *a,
                                       struct sprout_prompts **out,
                                       struct sprout_error *err)
{
    const struct sprout_prompts_opts opts = {
        .predictor = &e->training.predictor,
        .by = e->opts.by,
        .protect = e->opts.protect,
        .no_preference = e->opts.settings.without & SPROUT_WITHOUT_PREFERENCE,
        .no_length = e->opts.settings.without & SPROUT_WITHOUT_LENGTH,
        .example = e->training.example,
        .held_out = e->training.trained.held_out,
        .examples = e->training.requests.count};
    return sprout_prompts_new(r, a, &opts, out, err);
}

static int by_hash(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Counts the prompts under test that were trained on, too. */
static enum sprout_status count_known(struct sprout_experiment *e,
                                      struct sprout_error *err)
{
    const struct sprout_hash_key key = {0};
    const struct sprout_requests *const from = &e->training.requests;
    uint64_t *const hash = calloc(from->count + 1, sizeof *hash);
    if (hash == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < from->count; i++) {
        hash[i] = sprout_hash_str(key, from->request[i].prompt);
    }
    qsort(hash, from->count, sizeof *hash, by_hash);
    for (size_t i = 0; i < e->requests.count; i++) {
        const uint64_t h = sprout_hash_str(key, e->requests.request[i].prompt);
        e->known += bsearch(&h, hash, from->count, sizeof h, by_hash) != NULL ? 1 : 0;
    }
    free(hash);
    return SPROUT_OK;
}

/* Trains, and predicts every prompt of the folder under test. */
static enum sprout_status read_prompts(struct sprout_experiment *e,
                                       struct sprout_error *err)
{
    enum sprout_status st = train(e, err);
    if (st == SPROUT_OK) {
        st = make_prompts(e, &e->requests, &e->accuracy, &e->prompts, err);
    }
    if (st == SPROUT_OK) {
        st = count_known(e, err);
    }
    e->opts.settings.prompts = e->prompts;
    return st;
}

static enum sprout_status read_evaluations(struct sprout_experiment *e, struct zone *z,
                                           struct sprout_error *err)
{
    const char *const given = e->opts.evaluations;
    char *const path = z->evaluations_path;
    enum sprout_status st = SPROUT_OK;

    if (is_folder(given)) {
        st =
            find_evaluations(given, z->trace.zone, path, sizeof z->evaluations_path, err);
    } else {
        struct sprout_buf b = sprout_buf_of(path, sizeof z->evaluations_path - 1);
        sprout_buf_put(&b, sprout_str_of(given));
    }
    if (st == SPROUT_OK) {
        st = sprout_evaluations_read(path, &z->evaluations, err);
    }
    if (st == SPROUT_OK) {
        note_input(e, "evaluations", path, z->evaluations.sha256);
    }
    return st;
}

static enum sprout_status read_zone(struct sprout_experiment *e, struct zone *z,
                                    struct sprout_error *err)
{
    const struct sprout_experiment_opts *const o = &e->opts;
    const struct sprout_str any = {"", 0};
    enum sprout_status st = sprout_grid_trace_read(z->path, any, &z->trace, err);
    if (st != SPROUT_OK) {
        return st;
    }
    note_input(e, "grid", z->path, z->trace.sha256);
    if (o->evaluations != NULL) {
        st = read_evaluations(e, z, err);
        if (st != SPROUT_OK) {
            return st;
        }
    }
    const struct sprout_world_opts world = {
        .trace = &z->trace,
        .trace_path = z->path,
        .bounds = o->bounds_from != NULL ? &e->bounds : NULL,
        .bounds_path = o->bounds_from,
        .scope = o->scope,
        .start = o->start,
        .hours = o->hours > 0 ? o->hours : e->mix.hours,
        .trailing_days = o->trailing_days,
        .mix = &e->mix,
        .mix_path = o->mix,
        .means = o->means != NULL ? &e->means : NULL,
        .requests = o->requests != NULL ? &e->requests : NULL,
        .accuracy = o->requests != NULL ? &e->accuracy : NULL,
        .evaluations = o->evaluations != NULL ? &z->evaluations : NULL,
        .evaluations_path = z->evaluations_path,
        .carbon = o->carbon,
        .quality =
            o->by == SPROUT_BY_ACCURACY ? SPROUT_SIM_ACCURACY : SPROUT_SIM_PREFERENCE,
    };
    return sprout_world_new(&world, &z->world, err);
}

static enum sprout_status read_all(struct sprout_experiment *e, struct sprout_error *err)
{
    enum sprout_status st = read_shared(e, err);
    if (st == SPROUT_OK && is_folder(e->opts.grid)) {
        st = list_grids(e, err);
    } else if (st == SPROUT_OK) {
        struct sprout_buf b = sprout_buf_of(e->zone[0].path, sizeof e->zone[0].path - 1);
        sprout_buf_put(&b, sprout_str_of(e->opts.grid));
        e->zones = 1;
    }
    for (size_t z = 0; st == SPROUT_OK && z < e->zones; z++) {
        st = read_zone(e, &e->zone[z], err);
    }
    if (st == SPROUT_OK && e->opts.bootstrap > 0 && e->opts.requests == NULL) {
        st = sprout_fail(err, SPROUT_USAGE,
                         "--bootstrap draws requests again: it needs "
                         "--requests DIR");
    }
    if (st == SPROUT_OK && wants_prompts(e)) {
        st = read_prompts(e, err);
    }
    return st;
}

enum sprout_status sprout_experiment_new(const struct sprout_experiment_opts *opts,
                                         struct sprout_experiment **out,
                                         struct sprout_error *err)
{
    struct sprout_experiment *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    e->opts = *opts;
    e->zone = calloc(SPROUT_EXPERIMENT_ZONES_MAX, sizeof *e->zone);
    e->input = calloc(SPROUT_EXPERIMENT_INPUTS_MAX, sizeof *e->input);
    enum sprout_status st = e->zone != NULL && e->input != NULL
                                ? read_all(e, err)
                                : sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    if (st == SPROUT_OK) {
        e->run = calloc(e->zones * opts->policies + 1, sizeof *e->run);
        if (e->run == NULL) {
            st = sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
        }
    }
    if (st != SPROUT_OK) {
        sprout_experiment_free(e);
        return st;
    }
    *out = e;
    return SPROUT_OK;
}

/* ---- running ------------------------------------------------------------------------- */

static enum sprout_status run_once(struct sprout_experiment *e,
                                   sprout_experiment_progress_fn *progress, void *ctx,
                                   size_t steps, struct sprout_error *err)
{
    const size_t all = e->zones * e->opts.policies;
    while (e->runs < all) {
        const struct sprout_world *const w = e->zone[e->runs / e->opts.policies].world;
        const struct sprout_sim_policy *const p =
            e->opts.policy[e->runs % e->opts.policies];
        if (progress != NULL) {
            progress(ctx, e->runs, steps, w->zone, p->name);
        }
        const enum sprout_status st =
            sprout_sim_run(w, p, &e->opts.settings, &e->run[e->runs], err);
        if (st != SPROUT_OK) {
            return st;
        }
        e->runs++;
    }
    return SPROUT_OK;
}

/* One zone with requests drawn again; adds to the policies' means. */
static enum sprout_status run_zone_again(struct sprout_experiment *e, size_t z,
                                         const struct sprout_world_opts *opts,
                                         const struct sprout_sim_settings *s,
                                         double *saved, double *quality,
                                         struct sprout_error *err)
{
    const size_t policies = e->opts.policies;
    struct sprout_world *w = NULL;
    enum sprout_status st = sprout_world_new(opts, &w, err);
    for (size_t p = 0; st == SPROUT_OK && p < policies; p++) {
        struct sprout_sim_run run;
        st = sprout_sim_run(w, e->opts.policy[p], s, &run, err);
        if (st == SPROUT_OK) {
            saved[z * policies + p] = run.saved;
            quality[z * policies + p] = run.quality;
            saved[e->zones * policies + p] += run.saved / (double)e->zones;
            quality[e->zones * policies + p] += run.quality / (double)e->zones;
            sprout_sim_run_free(&run);
        }
    }
    sprout_world_free(w);
    return st;
}

static enum sprout_status run_again(struct sprout_experiment *e, size_t replicate,
                                    struct sprout_error *err)
{
    const size_t width = (e->zones + 1) * e->opts.policies;
    struct sprout_requests requests = {.request = NULL};
    struct sprout_accuracy accuracy = {.right = NULL};
    struct sprout_prompts *prompts = NULL;
    struct sprout_sim_settings s = e->opts.settings;

    s.seed += 1 + replicate; /* evaluations are drawn again, too */
    enum sprout_status st = sprout_bootstrap_new(&e->requests, &e->accuracy, s.seed,
                                                 &requests, &accuracy, err);
    if (st == SPROUT_OK && e->prompts != NULL) {
        st = make_prompts(e, &requests, &accuracy, &prompts, err);
        s.prompts = prompts;
    }
    for (size_t z = 0; st == SPROUT_OK && z < e->zones; z++) {
        struct sprout_world_opts opts = e->zone[z].world->in;
        opts.requests = &requests;
        opts.accuracy = &accuracy;
        st = run_zone_again(e, z, &opts, &s, e->saved_again + replicate * width,
                            e->quality_again + replicate * width, err);
    }
    sprout_prompts_free(prompts);
    sprout_bootstrap_free(&requests, &accuracy);
    return st;
}

enum sprout_status sprout_experiment_run(struct sprout_experiment *e,
                                         sprout_experiment_progress_fn *progress,
                                         void *ctx, struct sprout_error *err)
{
    const size_t runs = e->zones * e->opts.policies;
    const size_t width = runs + e->opts.policies, n = e->opts.bootstrap;
    enum sprout_status st = run_once(e, progress, ctx, runs + n, err);

    if (st == SPROUT_OK && n > 0) {
        e->saved_again = calloc(n * width, sizeof(double));
        e->quality_again = calloc(n * width, sizeof(double));
        if (e->saved_again == NULL || e->quality_again == NULL) {
            st = sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
        }
    }
    for (size_t b = 0; st == SPROUT_OK && b < n; b++) {
        if (progress != NULL) {
            progress(ctx, runs + b, runs + n, "requests", "drawn again");
        }
        st = run_again(e, b, err);
        e->replicates += st == SPROUT_OK;
    }
    if (st == SPROUT_OK && progress != NULL) {
        progress(ctx, runs + n, runs + n, "", "");
    }
    return st;
}

void sprout_experiment_free(struct sprout_experiment *e)
{
    if (e == NULL) {
        return;
    }
    for (size_t i = 0; i < e->runs; i++) {
        sprout_sim_run_free(&e->run[i]);
    }
    for (size_t z = 0; e->zone != NULL && z < e->zones; z++) {
        sprout_world_free(e->zone[z].world);
        sprout_evaluations_free(&e->zone[z].evaluations);
        sprout_grid_trace_free(&e->zone[z].trace);
    }
    sprout_grid_trace_free(&e->bounds);
    sprout_mix_free(&e->mix);
    sprout_prompts_free(e->prompts);
    sprout_trained_free(&e->training.trained);
    free(e->training.example);
    sprout_accuracy_free(&e->training.accuracy);
    sprout_requests_free(&e->training.requests);
    free(e->saved_again);
    free(e->quality_again);
    sprout_accuracy_free(&e->accuracy);
    sprout_requests_free(&e->requests);
    free(e->run);
    free(e->zone);
    free(e->input);
    free(e);
}

size_t sprout_experiment_run_count(const struct sprout_experiment *e)
{
    return e->runs;
}

const struct sprout_sim_run *sprout_experiment_run_at(const struct sprout_experiment *e,
                                                      size_t i)
{
    return &e->run[i];
}

struct sprout_experiment_test sprout_experiment_tested(const struct sprout_experiment *e)
{
    return (struct sprout_experiment_test){e->requests.count, e->known};
}

size_t sprout_experiment_input_count(const struct sprout_experiment *e)
{
    return e->inputs;
}

const struct sprout_experiment_input *sprout_experiment_input_at(
    const struct sprout_experiment *e, size_t i)
{
    return &e->input[i];
}

const struct sprout_world *sprout_experiment_world(const struct sprout_experiment *e,
                                                   size_t run)
{
    return e->zone[run / e->opts.policies].world;
}

static void interval(const struct sprout_experiment *e, const double *again,
                     size_t column, double *low, double *high)
{
    const size_t width = (e->zones + 1) * e->opts.policies;
    double *const v = calloc(e->replicates + 1, sizeof *v);
    *low = *high = NAN;
    if (v != NULL && e->replicates > 0) {
        for (size_t b = 0; b < e->replicates; b++) {
            v[b] = again[b * width + column];
        }
        sprout_bootstrap_interval(v, e->replicates, 0.025, 0.975, low, high);
    }
    free(v);
}

struct sprout_experiment_spread sprout_experiment_spread_at(
    const struct sprout_experiment *e, size_t run)
{
    struct sprout_experiment_spread s;
    interval(e, e->saved_again, run, &s.saved_low, &s.saved_high);
    interval(e, e->quality_again, run, &s.quality_low, &s.quality_high);
    return s;
}

size_t sprout_experiment_mean_count(const struct sprout_experiment *e)
{
    return e->opts.policies;
}

struct sprout_experiment_mean sprout_experiment_mean_at(const struct sprout_experiment *e,
                                                        size_t policy)
{
    struct sprout_experiment_mean m = {.policy = e->opts.policy[policy]->name};
    for (size_t z = 0; z < e->zones; z++) {
        const struct sprout_sim_run *const r = &e->run[z * e->opts.policies + policy];
        m.saved += r->saved / (double)e->zones;
        m.quality += r->quality / (double)e->zones;
    }
    m.spread = sprout_experiment_spread_at(e, e->zones * e->opts.policies + policy);
    return m;
}
