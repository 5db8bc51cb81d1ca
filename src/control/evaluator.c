/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator.c - the machine that works on a run; see evaluator.h for its drawing.
 *
 * Judging goes first, so that texts are deleted early; answers are made while the judge
 * rests.  Nothing is kept in memory that the ledger does not have: it is read once, when the
 * run is taken up. */
#include "control/evaluator_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "adapt/clock.h"
#include "adapt/log.h"
#include "adapt/spool.h"

enum {
    SLEEP_MS = 100, /* how soon a rest ends, and `stop` is noticed */
    NS_PER_MS = 1000000,
    REST_MAX_SECONDS = 300,
    REST_ASKED_MAX_SECONDS = 3600,
    REFUSED_SECONDS = 60,
};

/* ---- small things ---------------------------------------------------------------------- */

static bool stopped(const struct evaluator *e)
{
    return e->opts->stop != NULL && atomic_load(e->opts->stop);
}

static void nap(void)
{
    const struct timespec t = {0, (long)SLEEP_MS * NS_PER_MS};
    nanosleep(&t, NULL);
}

void sprout_evaluator_broke(struct evaluator *e, enum sprout_status status,
                            const struct sprout_error *why)
{
    if (status != SPROUT_OK && e->broken == SPROUT_OK) {
        e->broken = status;
        *e->err = *why;
    }
}

static void set_note(struct evaluator *e, const char *note)
{
    struct sprout_error err;

    if (strcmp(e->note, note) == 0) {
        return;
    }
    snprintf(e->note, sizeof e->note, "%s", note);
    if (note[0] != '\0') {
        sprout_log_warn("evaluation-waits", "evaluation %lld: %s", (long long)e->run,
                        note);
    }
    sprout_evaluator_broke(e,
                           sprout_store_set_evaluation(e->store, e->run, "open", note,
                                                       (sprout_instant){-1}, &err),
                           &err);
}

static double seconds_left(const struct evaluator *e)
{
    const int64_t here = e->done - e->done_before;
    const double passed = (double)(sprout_clock_mono().ns - e->began.ns) / 1e9;
    return here > 0 ? passed * (double)((int64_t)e->items - e->done) / (double)here : NAN;
}

static void tell(const struct evaluator *e)
{
    if (e->opts->progress == NULL) {
        return;
    }
    const struct sprout_evaluator_progress p = {
        .run = e->run,
        .items = (int64_t)e->items,
        .done = e->done,
        .failed = e->failed,
        .seconds_left = seconds_left(e),
        .note = e->note,
    };
    e->opts->progress(e->opts->ctx, &p);
}

/* ---- peers ----------------------------------------------------------------------------- */

static bool says(const struct sprout_http_call *call, const char *const *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (sprout_str_glob(sprout_str_of(word[i]), sprout_buf_str(&call->reply))) {
            return true;
        }
    }
    return false;
}

bool sprout_evaluator_out_of_quota(const struct sprout_http_call *call)
{
    /* A refusal may quote the request, so only what no prompt is likely to say counts. */
    static const char *const words[] = {"*insufficient_quota*", "*credit balance is too*",
                                        "*quota*", "*billing*", "*credits*"};

    switch (call->code) {
    case 402:
        return true;
    case 400:
        return says(call, words, 2);
    case 403:
    case 429:
        return says(call, words, sizeof words / sizeof words[0]);
    default:
        return false;
    }
}

static int64_t rest_seconds(const struct evaluator_peer *p,
                            const struct sprout_http_call *call)
{
    if (call->retry_after.ns >= 0) {
        const int64_t asked = call->retry_after.ns / SPROUT_NS_PER_SECOND;
        return asked < REST_ASKED_MAX_SECONDS ? asked : REST_ASKED_MAX_SECONDS;
    }
    if (call->code == 401 || call->code == 403 || sprout_evaluator_out_of_quota(call)) {
        return REFUSED_SECONDS; /* a person must do something */
    }
    const int doublings = p->failures < 9 ? p->failures - 1 : 8;
    const int64_t seconds = INT64_C(1) << doublings;
    return seconds < REST_MAX_SECONDS ? seconds : REST_MAX_SECONDS;
}

static const char *meaning_of(const struct sprout_http_call *call)
{
    if (sprout_evaluator_out_of_quota(call)) {
        return ": out of quota";
    }
    switch (call->code) {
    case 401:
    case 403:
        return ": the key is not accepted";
    case 404:
        return ": no such path or model there";
    case 429:
        return ": too many requests";
    default:
        return "";
    }
}

void sprout_evaluator_rest(struct evaluator_peer *p, const struct sprout_http_call *call,
                           const char *who)
{
    p->failures++;
    const int64_t seconds = rest_seconds(p, call);
    const int64_t until = sprout_clock_mono().ns + seconds * SPROUT_NS_PER_SECOND;
    p->enough = true;
    if (until <= p->rest_until.ns) {
        return; /* it asked for a longer rest a moment ago */
    }
    p->rest_until.ns = until;
    if (call->status != SPROUT_OK) {
        snprintf(p->why, sizeof p->why, "the %s does not answer (%s); next try in %lld s",
                 who, call->why, (long long)seconds);
    } else {
        snprintf(p->why, sizeof p->why, "the %s answers %d%s; next try in %lld s", who,
                 call->code, meaning_of(call), (long long)seconds);
    }
}

void sprout_evaluator_came(struct evaluator *e, struct evaluator_peer *p)
{
    e->last_came = sprout_clock_mono();
    if (!p->enough) { /* else it was an answer on its way when another was refused */
        p->failures = 0;
        p->rest_until.ns = 0;
        p->why[0] = '\0';
    }
}

static bool rests(const struct evaluator_peer *p)
{
    return p->rest_until.ns > sprout_clock_mono().ns;
}

/* ---- items ----------------------------------------------------------------------------- */

void sprout_evaluator_close(struct evaluator *e, struct evaluator_item *item,
                            const char *state, const char *why)
{
    struct sprout_error err;
    const enum sprout_status status =
        sprout_store_set_item(e->store, item->id, state, why, &err);

    sprout_evaluator_broke(e, status, &err);
    if (status != SPROUT_OK) {
        return;
    }
    sprout_spool_drop(e->opts->dir, e->run, item->no, e->levels);
    item->open = false;
    e->done++;
    e->failed += strcmp(state, "failed") == 0;
    tell(e);
}

static uint32_t all_of(int n)
{
    return (UINT32_C(1) << n) - 1;
}

static bool lacks_answers(const struct evaluator *e, const struct evaluator_item *i)
{
    return i->open && i->answered != all_of(e->levels);
}

static bool lacks_verdicts(const struct evaluator *e, const struct evaluator_item *i)
{
    return i->open && i->answered == all_of(e->levels) &&
           i->questions != all_of(e->questions);
}

typedef bool lacks_fn(const struct evaluator *e, const struct evaluator_item *i);

static size_t collect(struct evaluator *e, lacks_fn *lacks, struct evaluator_item **out)
{
    size_t n = 0;
    for (size_t i = 0; i < e->items && n < (size_t)e->concurrency; i++) {
        if (lacks(e, &e->item[i])) {
            out[n++] = &e->item[i];
        }
    }
    return n;
}

/* Items that have all they need. */
static void close_whole(struct evaluator *e)
{
    for (size_t i = 0; i < e->items && e->broken == SPROUT_OK; i++) {
        struct evaluator_item *const item = &e->item[i];
        if (item->open && item->answered == all_of(e->levels) &&
            item->questions == all_of(e->questions)) {
            sprout_evaluator_close(e, item, "judged", "");
        }
    }
}

/* ---- the machine ----------------------------------------------------------------------- */

enum step { STEP_JUDGE, STEP_ANSWER, STEP_WAIT, STEP_END };

static enum step pick(struct evaluator *e, struct evaluator_item **batch, size_t *out_n)
{
    struct evaluator_item *lacking[SPROUT_EVALUATOR_CONCURRENCY_MAX];
    const size_t judge = collect(e, lacks_verdicts, batch);
    const size_t answer = collect(e, lacks_answers, lacking);

    if (judge == 0 && answer == 0) {
        return STEP_END;
    }
    if (judge > 0 && !rests(&e->judge)) {
        *out_n = judge;
        return STEP_JUDGE;
    }
    if (answer > 0 && !rests(&e->upstream) && !sprout_evaluator_busy(e)) {
        memcpy(batch, lacking, answer * sizeof lacking[0]);
        *out_n = answer;
        return STEP_ANSWER;
    }
    return STEP_WAIT;
}

static void note_rest(struct evaluator *e)
{
    set_note(e, rests(&e->upstream) ? e->upstream.why
                : rests(&e->judge)  ? e->judge.why
                                    : "");
}

static bool out_of_patience(const struct evaluator *e)
{
    const int64_t waited = sprout_clock_mono().ns - e->last_came.ns;
    return e->opts->patience_s > 0 && waited > e->opts->patience_s * SPROUT_NS_PER_SECOND;
}

/* The prompts may lie no longer: the run ends with what there is. */
static enum sprout_status give_up(struct evaluator *e)
{
    const enum sprout_status status = sprout_evaluator_drop(
        e->store, e->opts->dir, e->run, SPROUT_EVALUATOR_KEPT_TOO_LONG, e->err);
    return status == SPROUT_OK
               ? sprout_fail(e->err, SPROUT_INVALID, "evaluation %lld: %s",
                             (long long)e->run, SPROUT_EVALUATOR_KEPT_TOO_LONG)
               : status;
}

static enum sprout_status work(struct evaluator *e)
{
    struct evaluator_item *batch[SPROUT_EVALUATOR_CONCURRENCY_MAX];
    size_t n = 0;

    tell(e);
    while (!stopped(e) && e->broken == SPROUT_OK) {
        close_whole(e);
        if (sprout_evaluator_kept_too_long(sprout_str_of(e->source), e->created,
                                           e->opts->keep_s, sprout_clock_wall())) {
            return give_up(e);
        }
        switch (pick(e, batch, &n)) {
        case STEP_JUDGE:
            sprout_evaluator_judge(e, batch, n);
            break;
        case STEP_ANSWER:
            sprout_evaluator_answer(e, batch, n);
            break;
        case STEP_WAIT:
            if (out_of_patience(e)) {
                return sprout_fail(e->err, SPROUT_UNAVAILABLE,
                                   "%s; the evaluation stays open and goes on when it is "
                                   "asked for again",
                                   e->note);
            }
            nap();
            break;
        case STEP_END:
            return e->broken;
        }
        note_rest(e);
        tell(e);
    }
    return e->broken != SPROUT_OK
               ? e->broken
               : sprout_fail(e->err, SPROUT_UNAVAILABLE,
                             "stopped; the evaluation stays open and goes on when it is "
                             "asked for again");
}

/* ---- taking a run up ------------------------------------------------------------------- */

struct loading {
    struct evaluator *e;
    char directives[17];
    char state[16];
    char *options; /* owned */
    size_t cap;
    bool no_memory;
};

static void take_run(void *ctx, const struct sprout_store_evaluation *r)
{
    struct loading *const l = ctx;

    snprintf(l->directives, sizeof l->directives, "%.*s", (int)r->directives.len,
             r->directives.ptr);
    snprintf(l->state, sizeof l->state, "%.*s", (int)r->state.len, r->state.ptr);
    snprintf(l->e->model, sizeof l->e->model, "%.*s", (int)r->model.len, r->model.ptr);
    snprintf(l->e->judge_model, sizeof l->e->judge_model, "%.*s", (int)r->judge_model.len,
             r->judge_model.ptr);
    snprintf(l->e->note, sizeof l->e->note, "%.*s", (int)r->note.len, r->note.ptr);
    l->e->form = sprout_judge_form_of(r->form);
    snprintf(l->e->source, sizeof l->e->source, "%.*s", (int)r->source.len,
             r->source.ptr);
    l->e->created = r->created;
    l->options = strndup(r->options.ptr, r->options.len);
    l->no_memory = l->options == NULL;
}

static int stratum_of(const struct evaluator *e, struct sprout_str name)
{
    for (size_t i = 0; i < e->policy->stratum_count; i++) {
        if (sprout_str_eq(e->policy->strata[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

static void take_item(void *ctx, const struct sprout_store_item *item)
{
    struct loading *const l = ctx;
    struct evaluator *const e = l->e;

    if (e->items == l->cap) {
        const size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        struct evaluator_item *const more = realloc(e->item, cap * sizeof *more);
        if (more == NULL) {
            l->no_memory = true;
            return;
        }
        e->item = more;
        l->cap = cap;
    }
    const bool open = sprout_str_eq(item->state, SPROUT_STR("open"));
    e->done += !open;
    e->failed += sprout_str_eq(item->state, SPROUT_STR("failed"));
    e->item[e->items++] = (struct evaluator_item){
        .id = item->id,
        .no = item->no,
        .answered = item->answered,
        .questions = item->questions,
        .stratum = stratum_of(e, item->stratum),
        .open = open,
    };
}

/* The levels must be those that the first answers were made at. */
static enum sprout_status check_levels(struct evaluator *e, const struct loading *l)
{
    char now[17];

    sprout_evaluator_directives(e->policy, now);
    if (strcmp(now, l->directives) == 0) {
        return SPROUT_OK;
    }
    const char *const why = "the levels were changed while it ran: begin another one";
    struct sprout_error err;
    sprout_evaluator_broke(e,
                           sprout_store_set_evaluation(e->store, e->run, "failed", why,
                                                       sprout_clock_wall(), &err),
                           &err);
    sprout_spool_drop_run(e->opts->dir, e->run);
    return sprout_fail(e->err, SPROUT_INVALID, "evaluation %lld: %s", (long long)e->run,
                       why);
}

static enum sprout_status take_up(struct evaluator *e)
{
    struct loading l = {.e = e};
    enum sprout_status status =
        sprout_evaluator_policy(e->opts->dir, &e->memory, &e->policy, e->err);

    if (status == SPROUT_OK) {
        status = sprout_store_evaluation(e->store, e->run, take_run, &l, e->err);
    }
    if (status == SPROUT_OK && strcmp(l.state, "open") != 0) {
        status = sprout_fail(e->err, SPROUT_INVALID, "evaluation %lld is %s, not open",
                             (long long)e->run, l.state);
    }
    if (status == SPROUT_OK) {
        status = check_levels(e, &l);
    }
    if (status == SPROUT_OK) {
        e->levels = (int)e->policy->level_count;
        e->questions = sprout_judge_questions(e->form, e->levels);
        status = sprout_evaluator_take_options(e, sprout_str_of(l.options), e->err);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_items(e->store, e->run, take_item, &l, e->err);
    }
    if (status == SPROUT_OK && l.no_memory) {
        status = sprout_fail(e->err, SPROUT_NO_MEMORY, "no memory for an evaluation");
    }
    e->done_before = e->done;
    free(l.options);
    return status;
}

/* The kernel lets go of it when its holder dies. */
static enum sprout_status lock(const char *dir, int *out_fd, struct sprout_error *err)
{
    *out_fd = sprout_evaluator_lock(dir, SPROUT_EVALUATOR_WORKING, LOCK_EX | LOCK_NB);
    if (*out_fd >= 0) {
        return SPROUT_OK;
    }
    return errno == EWOULDBLOCK
               ? sprout_fail(err, SPROUT_BUSY,
                             "another process works on the evaluations of %.200s", dir)
               : sprout_fail(err, SPROUT_IO, "cannot write %.200s/%s: %s", dir,
                             SPROUT_EVALUATOR_WORKING, strerror(errno));
}

enum sprout_status sprout_evaluator_run(struct sprout_store *store, int64_t run,
                                        const struct sprout_evaluator_opts *opts,
                                        struct sprout_error *err)
{
    int fd = -1;
    struct sprout_error why = {.message = ""};
    struct evaluator e = {.store = store,
                          .opts = opts,
                          .run = run,
                          .began = sprout_clock_mono(),
                          .last_came = sprout_clock_mono(),
                          .err = err == NULL ? &why : err};
    enum sprout_status status = lock(opts->dir, &fd, e.err);

    if (status != SPROUT_OK) {
        return status;
    }
    status = take_up(&e);
    if (status == SPROUT_OK) {
        status = work(&e);
    }
    if (status == SPROUT_OK) {
        status = sprout_store_set_evaluation(store, run, "done", "", sprout_clock_wall(),
                                             e.err);
        sprout_spool_drop_run(opts->dir, run);
    }
    free(e.item);
    free(e.key);
    free(e.rubric);
    free(e.memory);
    close(fd);
    return status;
}
