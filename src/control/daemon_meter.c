/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_meter.c - the daemon's part in metering: started with the ledger, ended with it.
 *
 * A start that fails is said and leaves everything modelled; nothing waits for a meter. */
#include "adapt/clock.h"
#include "adapt/log.h"
#include "adapt/store_metered.h"
#include "control/daemon_work.h"

enum { IDLE_SECONDS = 10 }; /* between two notes of a machine at rest */

void sprout_daemon_meter_start(struct sprout_daemon *d)
{
    char journal[SPROUT_DAEMON_PATH_MAX];
    struct sprout_journal_position from;
    struct sprout_error err = {.message = ""};

    if (d->config->meters_count == 0 || d->ingest == NULL || d->metering != NULL) {
        return;
    }
    from = sprout_journal_position(sprout_ingest_journal(d->ingest));
    enum sprout_status status =
        sprout_daemon_path(d->config->dir, SPROUT_PATH_JOURNAL, journal, &err);
    if (status == SPROUT_OK) {
        status = sprout_metering_new(d->config, journal, from.inode == 0 ? NULL : &from,
                                     &d->metering, &err);
    }
    if (status != SPROUT_OK) {
        sprout_log_error("metering", "%s; energy is modelled", err.message);
        return;
    }
    sprout_ingest_set_metering(d->ingest, d->metering);
}

/* What the windows divided since the last time hold, before the receipts that claim it.
 * Where it cannot be written the next turn tries again, with more. */
static enum sprout_status keep(struct sprout_daemon *d, sprout_instant wall,
                               struct sprout_error *err)
{
    struct sprout_metering_state state;
    sprout_metering_state(d->metering, &state);
    const struct sprout_attribute_totals *const t = &state.totals;
    const struct sprout_attribute_totals *const old = &d->metered;
    struct sprout_store_metered more = {.measured = {t->whole.v - old->whole.v},
                                        .idle = {t->alone.v - old->alone.v},
                                        .windows = t->windows - old->windows,
                                        .gaps = t->gaps - old->gaps};
    more.unattributed.v = more.measured.v - more.idle.v;

    if (more.windows == 0) {
        return SPROUT_OK;
    }
    const enum sprout_status status =
        sprout_store_add_metered(d->store, wall, &more, err);
    if (status == SPROUT_OK) {
        d->metered = *t;
    }
    return status;
}

void sprout_daemon_meter_stop(struct sprout_daemon *d)
{
    struct sprout_error err;
    if (d->metering != NULL && d->store != NULL &&
        keep(d, sprout_clock_wall(), &err) != SPROUT_OK) {
        sprout_log_warn("metering", "%s; the last seconds are in no sum", err.message);
    }
    d->metered = (struct sprout_attribute_totals){0};
    if (d->ingest != NULL) {
        sprout_ingest_set_metering(d->ingest, NULL);
    }
    sprout_metering_free(d->metering);
    d->metering = NULL;
}

/* Energy of requests is kept at once, that of an idle machine now and then. */
static bool is_due(struct sprout_daemon *d, sprout_mono mono)
{
    struct sprout_metering_state state;
    sprout_metering_state(d->metering, &state);
    const bool due =
        state.totals.parts.v != d->metered.parts.v || mono.ns >= d->metered_next.ns;
    if (due) {
        d->metered_next.ns = mono.ns + IDLE_SECONDS * SPROUT_NS_PER_SECOND;
    }
    return due;
}

enum sprout_status sprout_daemon_meter_turn(struct sprout_daemon *d, sprout_mono mono,
                                            sprout_instant wall, struct sprout_error *err)
{
    if (!d->stopping) {
        sprout_daemon_meter_start(d);
    }
    if (d->metering != NULL) {
        sprout_metering_turn(d->metering, mono, wall);
    }
    return d->metering != NULL && is_due(d, mono) ? keep(d, wall, err) : SPROUT_OK;
}

void sprout_daemon_meter_snapshot(struct sprout_daemon *d, struct sprout_snapshot *out)
{
    out->metered = d->metering != NULL;
    if (out->metered) {
        sprout_metering_state(d->metering, &out->metering);
    }
}
