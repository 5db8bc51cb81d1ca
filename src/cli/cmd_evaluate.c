/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_evaluate.c - `sprout evaluate`: prompts at every level, a judge, and what came out.
 *
 * The run is made in the folder's ledger.  Where a control works in that folder it is the
 * one that does the work and this command watches; otherwise it works itself.  Whoever is
 * interrupted, the run stays and `sprout evaluate` goes on with it.  Without --now a new run
 * begins in the hour that control's rule finds clean; it has the grid, this command has none. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/prompts_file.h"
#include "adapt/sample.h"
#include "cli/cli.h"
#include "cli/evaluate_args.h"
#include "cli/evaluate_print.h"
#include "cli/run_opts.h"
#include "control/daemon.h"
#include "control/evaluator.h"

enum {
    PATH_TEXT = 4096,
    NOTE_MAX = 200,
    WATCH_MS = 250,
    WAIT_NAPS = 2, /* between two looks at the control */
    NS_PER_MS = 1000000
};

static atomic_bool asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&asked_to_stop, true);
}

/* ---- progress -------------------------------------------------------------------------- */

struct watching {
    bool quiet;
    bool shown; /* a line stands on the terminal */
    int64_t last;
    char note[SPROUT_EVALUATOR_NOTE_MAX];
};

static void put_left(char *out, size_t cap, double seconds)
{
    if (!isfinite(seconds)) {
        out[0] = '\0';
    } else if (seconds < 120) {
        snprintf(out, cap, ", about %.0f s left", seconds);
    } else {
        snprintf(out, cap, ", about %.0f min left", seconds / 60);
    }
}

static void show(void *ctx, const struct sprout_evaluator_progress *p)
{
    struct watching *const w = ctx;
    char left[64];
    const bool terminal = isatty(STDERR_FILENO) != 0;

    if (w->quiet || (p->done == w->last && strcmp(p->note, w->note) == 0)) {
        return;
    }
    put_left(left, sizeof left, p->seconds_left);
    fprintf(stderr, "%sevaluation %lld: %lld of %lld prompts%s%s%s%s",
            terminal ? "\r\033[K" : "", (long long)p->run, (long long)p->done,
            (long long)p->items, left, p->note[0] == '\0' ? "" : " (", p->note,
            p->note[0] == '\0' ? "" : ")");
    fputs(terminal ? "" : "\n", stderr);
    fflush(stderr);
    w->shown = terminal;
    w->last = p->done;
    snprintf(w->note, sizeof w->note, "%s", p->note);
}

/* ---- who works ------------------------------------------------------------------------- */

/* True while a control holds the folder's pid file. */
static bool control_runs(const char *dir)
{
    char path[PATH_TEXT];

    snprintf(path, sizeof path, "%.4000s/%s", dir, SPROUT_PATH_PID);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

struct seen {
    char state[16];
    char note[SPROUT_EVALUATOR_NOTE_MAX];
    int64_t items, done, failed;
};

static void take_seen(void *ctx, const struct sprout_store_evaluation *e)
{
    struct seen *const s = ctx;
    snprintf(s->state, sizeof s->state, "%.*s", (int)e->state.len, e->state.ptr);
    snprintf(s->note, sizeof s->note, "%.*s", (int)e->note.len, e->note.ptr);
    s->items = e->items;
    s->done = e->judged + e->failed;
    s->failed = e->failed;
}

/* Until the run is closed, by whoever works on it, or the control is gone (SPROUT_BUSY). */
static enum sprout_status watch(struct sprout_store *store, const char *dir, int64_t run,
                                struct watching *w, struct sprout_error *err)
{
    struct seen s = {0};
    const sprout_mono began = sprout_clock_mono();
    int64_t first = -1;

    for (;;) {
        enum sprout_status status =
            sprout_store_evaluation(store, run, take_seen, &s, err);
        if (status == SPROUT_BUSY) {
            continue;
        }
        if (status != SPROUT_OK) {
            return status;
        }
        first = first < 0 ? s.done : first;
        const double passed = (double)(sprout_clock_mono().ns - began.ns) / 1e9;
        const struct sprout_evaluator_progress p = {
            run,
            s.items,
            s.done,
            s.failed,
            s.done > first
                ? passed * (double)(s.items - s.done) / (double)(s.done - first)
                : NAN,
            s.note};
        show(w, &p);
        if (strcmp(s.state, "open") != 0) {
            return strcmp(s.state, "done") == 0
                       ? SPROUT_OK
                       : sprout_fail(err, SPROUT_INVALID, "evaluation %lld is %s: %s",
                                     (long long)run, s.state, s.note);
        }
        if (atomic_load(&asked_to_stop)) {
            return sprout_fail(err, SPROUT_UNAVAILABLE,
                               "no longer watched; control goes on with evaluation %lld",
                               (long long)run);
        }
        if (!control_runs(dir)) {
            return SPROUT_BUSY;
        }
        const struct timespec t = {0, (long)WATCH_MS * NS_PER_MS};
        nanosleep(&t, NULL);
    }
}

static enum sprout_status work(struct sprout_store *store,
                               const struct sprout_evaluate_args *a, int64_t run,
                               struct sprout_error *err)
{
    struct watching w = {.quiet = a->json, .last = -1};
    const struct sprout_evaluator_opts opts = {.dir = a->dir,
                                               .stop = &asked_to_stop,
                                               .keep_s = a->keep_s,
                                               .patience_s = a->patience_s,
                                               .progress = show,
                                               .ctx = &w};
    enum sprout_status status;

    do {
        status = control_runs(a->dir) ? watch(store, a->dir, run, &w, err)
                                      : sprout_evaluator_run(store, run, &opts, err);
    } while (status == SPROUT_BUSY && !atomic_load(&asked_to_stop));
    if (w.shown) {
        fputc('\n', stderr);
    }
    return status;
}

/* ---- the hour -------------------------------------------------------------------------- */

/* Of the control's `evaluation.next`: how long the hour lets itself be waited for; 0: it is
 * now, or nobody knows of one. */
static int64_t hours_to_wait(const json_t *next, char *out, size_t cap)
{
    const json_t *const in = json_object_get(next, "in_hours");
    const json_t *const g = json_object_get(next, "g_per_kwh");
    const json_t *const within = json_object_get(next, "within_hours");
    const int64_t most = (int64_t)json_integer_value(within);
    const int64_t best = json_is_integer(in) ? (int64_t)json_integer_value(in) : most;
    struct sprout_buf b = sprout_buf_of(out, cap - 1);

    sprout_buf_put(&b, SPROUT_STR("waiting for a clean hour: "));
    if (json_is_number(g)) {
        sprout_buf_printf(&b, "about %.0f g/kWh in %lld h, ", json_number_value(g),
                          (long long)best);
    }
    sprout_buf_printf(&b, "at most %lld h left; --now begins at once", (long long)most);
    out[b.len] = '\0';
    return best;
}

/* Until the rule of the folder's control says that now is the hour. */
static enum sprout_status wait_for_hour(const struct sprout_evaluate_args *a,
                                        struct sprout_error *err)
{
    const struct timespec nap = {0, (long)WATCH_MS * NS_PER_MS};
    char said[NOTE_MAX] = "", now[NOTE_MAX];
    const bool terminal = isatty(STDERR_FILENO) != 0;

    while (!atomic_load(&asked_to_stop)) {
        json_t *const status = sprout_evaluate_status(a->dir);
        const json_t *const e = json_object_get(status, "evaluation");
        const int64_t hours = hours_to_wait(json_object_get(e, "next"), now, sizeof now);
        json_decref(status);
        if (hours <= 0) {
            fputs(terminal && said[0] != '\0' ? "\n" : "", stderr);
            return SPROUT_OK;
        }
        if (!a->json && strcmp(said, now) != 0) {
            fprintf(stderr, "%s%s%s", terminal ? "\r\033[K" : "", now,
                    terminal ? "" : "\n");
            fflush(stderr);
            memcpy(said, now, sizeof said);
        }
        for (int i = 0; i < WAIT_NAPS && !atomic_load(&asked_to_stop); i++) {
            nanosleep(&nap, NULL);
        }
    }
    return sprout_fail(err, SPROUT_UNAVAILABLE,
                       "stopped before the hour came; nothing was asked");
}

/* ---- the run --------------------------------------------------------------------------- */

/* Live prompts have no references: without a judge they would be used up for nothing. */
static enum sprout_status take_sample(const struct sprout_evaluate_args *a,
                                      const struct sprout_evaluator_plan *plan,
                                      struct sprout_chat **out, size_t *out_count,
                                      struct sprout_error *err)
{
    if (plan->form == SPROUT_JUDGE_NONE) {
        return sprout_fail(err, SPROUT_USAGE,
                           "no evaluation is open, and sampled prompts need a judge: "
                           "--judge URL and --judge-model M, or --prompts FILE with "
                           "references");
    }
    return sprout_sample_take(a->dir, SPROUT_EVALUATOR_ITEMS_MAX, out, out_count, err);
}

static enum sprout_status make_run(struct sprout_store *store,
                                   const struct sprout_evaluate_args *a, int64_t *out_run,
                                   struct sprout_error *err)
{
    struct sprout_chat *chats = NULL;
    struct sprout_evaluator_made made = {0};
    size_t count = 0;
    struct sprout_evaluator_plan plan = sprout_evaluate_plan(a);
    enum sprout_status status =
        a->prompts != NULL
            ? sprout_prompts_file_load(a->prompts, a->model, SPROUT_EVALUATOR_ITEMS_MAX,
                                       &chats, &count, err)
            : take_sample(a, &plan, &chats, &count, err);

    if (a->prompts == NULL) {
        plan.source = "sample";
    }
    if (status == SPROUT_OK && count == 0) {
        status = sprout_fail(err, SPROUT_USAGE,
                             "no evaluation is open and no prompt was sampled: --prompts "
                             "FILE begins one");
    }
    if (status == SPROUT_OK) {
        status = sprout_evaluator_prepare(store, a->dir, &plan, chats, count,
                                          sprout_clock_wall(), &made, err);
    }
    sprout_prompts_file_free(chats, count);
    if (status == SPROUT_OK && made.skipped > 0 && !a->json) {
        fprintf(stderr, "%lld of the prompts are requests no directive is added to\n",
                (long long)made.skipped);
    }
    *out_run = made.run;
    return status;
}

/* What is wrong with the file is told before the wait for an hour, not after it. */
static enum sprout_status try_prompts(const struct sprout_evaluate_args *a,
                                      struct sprout_error *err)
{
    struct sprout_chat *chats = NULL;
    size_t count = 0;
    enum sprout_status status = sprout_prompts_file_load(
        a->prompts, a->model, SPROUT_EVALUATOR_ITEMS_MAX, &chats, &count, err);

    if (status == SPROUT_OK && count == 0) {
        status = sprout_fail(err, SPROUT_USAGE, "%.300s has no prompts", a->prompts);
    }
    sprout_prompts_file_free(chats, count);
    return status;
}

/* The run to work on: a new one of the prompts given, else the one that is open.  A new one
 * waits for its hour. */
static enum sprout_status find_run(struct sprout_store *store,
                                   const struct sprout_evaluate_args *a, int64_t *out_run,
                                   struct sprout_error *err)
{
    enum sprout_status status = SPROUT_NOT_FOUND;

    if (a->prompts == NULL) {
        status = sprout_store_open_evaluation(store, out_run, err);
    }
    if (status != SPROUT_NOT_FOUND) {
        return status;
    }
    status = a->prompts != NULL ? try_prompts(a, err) : SPROUT_OK;
    if (status == SPROUT_OK && !a->now) {
        status = wait_for_hour(a, err);
    }
    return status == SPROUT_OK ? make_run(store, a, out_run, err) : status;
}

static enum sprout_status evaluate(struct sprout_evaluate_args *a,
                                   struct sprout_error *err)
{
    char path[PATH_TEXT];
    struct sprout_store *store = NULL;
    int64_t run = 0;

    snprintf(path, sizeof path, "%.4000s/%s", a->dir, SPROUT_PATH_LEDGER);
    enum sprout_status status = sprout_store_open(path, SPROUT_STORE_WRITE, &store, err);
    if (status == SPROUT_OK) {
        sprout_evaluator_sweep(store, a->dir, control_runs(a->dir) ? 0 : a->keep_s,
                               sprout_clock_wall());
        status = find_run(store, a, &run, err);
    }
    if (status == SPROUT_OK) {
        status = work(store, a, run, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_evaluate_print(store, run, a->loaded, a->json, err);
    }
    sprout_store_close(store);
    return status;
}

int sprout_cmd_evaluate(int argc, char **argv)
{
    struct sprout_error err = {.message = ""};
    struct sprout_evaluate_args a;
    const struct sigaction action = {.sa_handler = on_signal};

    enum sprout_status status = sprout_evaluate_parse(argc, argv, &a, &err);
    if (status == SPROUT_OK && a.help) {
        fputs(sprout_evaluate_help, stdout);
        return 0;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (status == SPROUT_OK) {
        status = sprout_evaluate_settle(&a, &err);
    }
    if (status == SPROUT_OK) {
        status = a.dry_run ? sprout_evaluate_dry_run(&a, &err) : evaluate(&a, &err);
    }
    sprout_evaluate_args_free(&a);
    return status == SPROUT_OK ? 0 : sprout_cli_fail("evaluate", &err, status);
}
