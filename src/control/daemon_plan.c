/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_plan.c - the planner's part of a turn: configuration, salt, policy.
 *
 * A plan is made on every new grid value, after a reload, where a floor is kept over a
 * window with every hour, and at least every plan_interval_s.  It is stored before it is published, so that the policy a journal line
 * names is in the ledger; when the ledger cannot take it, it waits in `pending`, because
 * serving must not wait for a ledger. */
#include "control/daemon_work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/file.h"
#include "adapt/log.h"
#include "adapt/rng.h"
#include "core/learn.h"
#include "core/prior.h"
#include "wire/policy_json.h"

enum {
    PLAN_RETRY_SECONDS = 5,
    LEARN_DAYS = 7, /* what was served before says little of now */
    SECONDS_PER_DAY = 86400,
    SALT_DIGITS = 32,
};

/* ---- configuration --------------------------------------------------------------------- */

static bool make_plan_memory(struct sprout_daemon *d)
{
    for (int i = 0; i < 2; i++) {
        if (d->plan_memory[i] == NULL) {
            d->plan_memory[i] = malloc(SPROUT_PLAN_MEMORY);
        }
    }
    return d->plan_memory[0] != NULL && d->plan_memory[1] != NULL;
}

enum sprout_status sprout_daemon_use(struct sprout_daemon *d,
                                     struct sprout_config *config, sprout_instant wall,
                                     struct sprout_error *err)
{
    struct sprout_places places;
    struct sprout_weights weights;

    if (!make_plan_memory(d)) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for planning");
    }
    enum sprout_status status = sprout_daemon_predictor_open(config, &weights, err);
    if (status == SPROUT_OK) {
        status = sprout_daemon_grid_open(config, d->epoch, &places, err);
    }
    if (status != SPROUT_OK) {
        sprout_weights_close(&weights);
        return status;
    }
    d->weights_configured = weights.predictor.id;
    sprout_daemon_predictor_use(d, &weights);
    sprout_daemon_meter_stop(d); /* the new one may name others */
    sprout_daemon_grid_use(d, &places, wall);
    sprout_config_free(d->config);
    d->config = config;
    d->learns_kept = false;
    d->look_again = true;
    d->plan_now = true;
    return SPROUT_OK;
}

/* ---- the salt -------------------------------------------------------------------------- */

static bool parse_salt(struct sprout_str text, struct sprout_hash_key *out)
{
    uint64_t half[2] = {0, 0};

    if (text.len != SALT_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < SALT_DIGITS; i++) {
        const char c = text.ptr[i];
        const bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f')) {
            return false;
        }
        half[i / 16] = half[i / 16] << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    *out = (struct sprout_hash_key){half[0], half[1]};
    return true;
}

/* The salt of the policy in the folder: it is what nginx uses now, and changing it would
 * draw every conversation anew. */
static bool salt_of_last_policy(struct sprout_daemon *d, struct sprout_hash_key *out)
{
    char path[SPROUT_DAEMON_PATH_MAX];
    struct sprout_file file = {0};
    const struct sprout_policy *policy = NULL;
    struct sprout_arena arena =
        sprout_arena_of(d->plan_memory[1 - d->plan_slot], SPROUT_PLAN_MEMORY);

    if (sprout_daemon_path(d->config->dir, SPROUT_PATH_POLICY, path, NULL) != SPROUT_OK ||
        sprout_file_read(path, SPROUT_POLICY_BYTES_MAX, &file, NULL) != SPROUT_OK) {
        return false;
    }
    const bool read =
        sprout_policy_read(sprout_file_str(&file), &arena, &policy, NULL) == SPROUT_OK;
    if (read) {
        *out = policy->salt;
    }
    sprout_file_free(&file);
    return read;
}

static enum sprout_status make_salt(struct sprout_daemon *d, struct sprout_error *err)
{
    if (d->salt_known) {
        return SPROUT_OK;
    }
    if (!salt_of_last_policy(d, &d->salt) && sprout_rng_key(&d->salt) != SPROUT_OK) {
        return sprout_fail(err, SPROUT_IO, "the kernel gives no random bytes");
    }
    d->salt_known = true;
    return SPROUT_OK;
}

/* The ledger's salt, once there is one, is the salt. */
static enum sprout_status keep_salt(struct sprout_daemon *d, struct sprout_error *err)
{
    char digits[SALT_DIGITS];
    struct sprout_buf b = sprout_buf_of(digits, sizeof digits);
    struct sprout_hash_key kept;

    if (d->salt_kept) {
        return SPROUT_OK;
    }
    enum sprout_status status = sprout_store_meta(d->store, "salt", &b, err);
    if (status == SPROUT_OK && parse_salt(sprout_buf_str(&b), &kept)) {
        if (d->salt_known && memcmp(&kept, &d->salt, sizeof kept) != 0) {
            d->plan_now = true;
        }
        d->salt = kept;
        d->salt_known = d->salt_kept = true;
        return SPROUT_OK;
    }
    if (status != SPROUT_OK && status != SPROUT_NOT_FOUND) {
        return status;
    }
    status = make_salt(d, err);
    if (status == SPROUT_OK) {
        b.len = 0;
        sprout_buf_hex64(&b, d->salt.k0);
        sprout_buf_hex64(&b, d->salt.k1);
        status = sprout_store_put_meta(d->store, "salt", sprout_buf_str(&b), err);
    }
    d->salt_kept = status == SPROUT_OK;
    return status;
}

/* ---- what the ledger must know --------------------------------------------------------- */

static void drop_pending(struct sprout_daemon *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(d->pending[i].json);
    }
    d->pending_count -= n;
    memmove(d->pending, d->pending + n, d->pending_count * sizeof d->pending[0]);
}

enum sprout_status sprout_daemon_keep(struct sprout_daemon *d, struct sprout_error *err)
{
    size_t kept = 0;
    enum sprout_status status = keep_salt(d, err);

    if (status == SPROUT_OK) {
        status = sprout_daemon_learn_keep(d, err);
    }
    if (status == SPROUT_OK) {
        status = sprout_daemon_grid_seed(d, err);
    }
    for (; status == SPROUT_OK && kept < d->pending_count; kept++) {
        const struct sprout_pending *const p = &d->pending[kept];
        status = sprout_store_put_policy(d->store, (struct sprout_str){p->id, p->id_len},
                                         p->created,
                                         (struct sprout_str){p->json, p->json_len}, err);
        if (status != SPROUT_OK) {
            break;
        }
    }
    drop_pending(d, kept);
    return status == SPROUT_OK ? sprout_daemon_grid_keep(d, err) : status;
}

/* Puts a copy of the policy in the queue to the ledger. */
static enum sprout_status queue_policy(struct sprout_daemon *d,
                                       const struct sprout_policy *policy,
                                       struct sprout_error *err)
{
    char *const json = malloc(SPROUT_POLICY_BYTES_MAX);
    if (json == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory to keep a policy");
    }
    struct sprout_buf b = sprout_buf_of(json, SPROUT_POLICY_BYTES_MAX);
    const enum sprout_status status = sprout_policy_write(policy, &b);
    if (status != SPROUT_OK || policy->id.len > SPROUT_NAME_MAX) {
        free(json);
        return sprout_fail(err, SPROUT_INVALID, "a policy that cannot be written down");
    }
    if (d->pending_count == SPROUT_DAEMON_PENDING_MAX) {
        drop_pending(d, 1); /* its requests will be settled with a stand-in */
    }
    char *const fitted = realloc(json, b.len == 0 ? 1 : b.len);
    struct sprout_pending *const p = &d->pending[d->pending_count++];
    *p = (struct sprout_pending){.id_len = policy->id.len,
                                 .created = policy->created,
                                 .json = fitted == NULL ? json : fitted,
                                 .json_len = b.len};
    memcpy(p->id, policy->id.ptr, policy->id.len);
    return SPROUT_OK;
}

/* ---- plan ------------------------------------------------------------------------------ */

struct learning {
    const struct sprout_config *config;
    bool predicted; /* levels may have been chosen by what the prompt is */
    struct sprout_learn_sum sum[SPROUT_LEVELS_MAX];
};

static void learn_from(void *ctx, const struct sprout_store_sum *sum)
{
    struct learning *const l = ctx;
    /* Where prompts are told apart, only what chance drew shows what a level costs. */
    const bool drawn = (!l->predicted && sprout_str_eq(sum->arm, SPROUT_STR("mix"))) ||
                       sprout_str_eq(sum->arm, SPROUT_STR("explore")) ||
                       sprout_str_eq(sum->arm, SPROUT_STR("holdout"));

    for (uint32_t i = 0; drawn && i < l->config->levels_count; i++) {
        if (!sprout_str_eq(sum->level, sprout_str_of(l->config->levels[i].name))) {
            continue;
        }
        const struct sprout_learn_sum more = {
            .requests = sum->metered,
            .joules = (double)sum->energy_uj / 1e6,
            .seconds = (double)sum->time_us / 1e6,
            .output_tokens = (double)sum->completion,
        };
        sprout_learn_merge(&l->sum[i], &more);
    }
}

/* What the ledger teaches; false if it cannot be read now. */
static bool learn(struct sprout_daemon *d, sprout_instant wall, struct learning *out)
{
    const int64_t window = (int64_t)LEARN_DAYS * SECONDS_PER_DAY * SPROUT_NS_PER_SECOND;
    const struct sprout_store_range range = {{wall.ns - window}, {INT64_MAX}};

    *out = (struct learning){.config = d->config, .predicted = d->weights.map != NULL};
    return d->store != NULL &&
           sprout_store_sums(d->store, range, SPROUT_BY_LEVEL | SPROUT_BY_ARM, learn_from,
                             out, NULL) == SPROUT_OK;
}

/* What verdicts say; NULL where there are none, or they cannot be read now. */
static struct sprout_judged *judged(struct sprout_daemon *d, sprout_instant wall)
{
    const int levels = (int)d->config->levels_count;
    const struct sprout_quality_opts opts = sprout_judged_opts(d->config, levels, wall);
    struct sprout_judged *out = NULL;

    if (d->store == NULL ||
        sprout_judged_read(d->store, &opts, &out, NULL) != SPROUT_OK) {
        return NULL;
    }
    return out;
}

/* The same of references; they are read only where accuracy has a floor. */
static const struct sprout_settled *settled(struct sprout_daemon *d, sprout_instant wall,
                                            struct sprout_settled *out)
{
    const struct sprout_config *const c = d->config;
    const struct sprout_quality_opts opts =
        sprout_judged_opts(c, (int)c->levels_count, wall);
    return d->store != NULL && !isnan(c->accuracy.floor) &&
                   sprout_settled_read(d->store, wall, opts.half_life, out, NULL) ==
                       SPROUT_OK
               ? out
               : NULL;
}

/* Plans, queues for the ledger, publishes; the new policy is in force afterwards. */
static enum sprout_status plan(struct sprout_daemon *d, sprout_instant wall,
                               struct sprout_error *err)
{
    struct learning learned;
    const struct sprout_policy *policy = NULL;
    struct sprout_plan_why why;
    enum sprout_status status = make_salt(d, err);
    if (status != SPROUT_OK) {
        return status;
    }
    const int slot = 1 - d->plan_slot;
    struct sprout_arena arena = sprout_arena_of(d->plan_memory[slot], SPROUT_PLAN_MEMORY);
    struct sprout_plan_zone zones[SPROUT_ZONES_MAX];
    struct sprout_plan_why zone_why[SPROUT_ZONES_MAX];
    double batches[SPROUT_PROFILES_MAX];
    const struct sprout_plan_zone home =
        sprout_daemon_grid_zone(d, &d->places.home, wall);
    if (d->ingest != NULL) {
        sprout_recent_batches(sprout_ingest_recent(d->ingest), d->config, batches);
    }
    struct sprout_plan_in in = {
        .config = d->config,
        .grid = home.grid,
        .range = home.range,
        .learned = learn(d, wall, &learned) ? learned.sum : NULL,
        .batches = d->ingest == NULL ? NULL : batches,
        .salt = d->salt,
        .now = wall,
    };

    struct sprout_settled references;
    struct sprout_judged *const verdicts = judged(d, wall);
    in.judged = verdicts;
    in.settled = settled(d, wall, &references);
    in.withdrawn = d->withdrawn = sprout_daemon_feedback_withdrawn(d);
    sprout_daemon_learn_take(d, wall);
    sprout_daemon_predictor_plan(d, &in);
    const bool windows = sprout_daemon_windows(d, wall);
    in.window = windows ? &d->window[0].plan : NULL;
    for (size_t i = 0; i < d->places.zones; i++) {
        zones[i] = sprout_daemon_grid_zone(d, &d->places.zone[i], wall);
        zones[i].window = windows ? &d->window[i + 1].plan : NULL;
    }
    status = sprout_plan_zones(&in, zones, d->places.zones, &arena, &policy, &why,
                               zone_why, err);
    sprout_judged_free(verdicts);
    if (status == SPROUT_OK) {
        status = queue_policy(d, policy, err);
    }
    if (status == SPROUT_OK && d->store != NULL) {
        /* If it fails it stays queued, and the next turn says what is wrong. */
        const enum sprout_status kept = sprout_daemon_keep(d, NULL);
        (void)kept;
    }
    if (status == SPROUT_OK) {
        status = sprout_plan_publish(d->config->dir, policy, &why, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    d->plan_slot = slot;
    d->policy = policy;
    d->why = why;
    sprout_daemon_learn_sweep(d);
    for (size_t i = 0; i < d->places.zones; i++) {
        d->places.zone[i].why = zone_why[i];
    }
    if (d->ingest != NULL) {
        sprout_ingest_set_policy(d->ingest, policy);
    }
    return SPROUT_OK;
}

void sprout_daemon_plan(struct sprout_daemon *d, sprout_mono mono, sprout_instant wall)
{
    struct sprout_error err = {.message = ""};

    if (!sprout_daemon_window_turned(d, wall) && !d->plan_now &&
        mono.ns < d->plan_next.ns) {
        return;
    }
    d->plan_now = false;
    if (plan(d, wall, &err) == SPROUT_OK) {
        d->plans++;
        d->plan_error[0] = '\0';
        d->plan_next.ns = mono.ns + d->config->plan_interval_s * SPROUT_NS_PER_SECOND;
        return;
    }
    d->plan_errors++;
    if (strcmp(d->plan_error, err.message) != 0) {
        sprout_log_error("plan-failed", "the last policy stays until it expires: %s",
                         err.message);
    }
    snprintf(d->plan_error, sizeof d->plan_error, "%s", err.message);
    d->plan_next.ns = mono.ns + PLAN_RETRY_SECONDS * SPROUT_NS_PER_SECOND;
}
