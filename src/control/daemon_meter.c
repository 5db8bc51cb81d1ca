/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_meter.c - the daemon's part in metering: started with the ledger, ended with it.
 *
 * A start that fails is said and leaves everything modelled; nothing waits for a meter. */
#include "adapt/log.h"
#include "control/daemon_work.h"

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

void sprout_daemon_meter_stop(struct sprout_daemon *d)
{
    if (d->ingest != NULL) {
        sprout_ingest_set_metering(d->ingest, NULL);
    }
    sprout_metering_free(d->metering);
    d->metering = NULL;
}

void sprout_daemon_meter_turn(struct sprout_daemon *d, sprout_mono mono,
                              sprout_instant wall)
{
    if (!d->stopping) {
        sprout_daemon_meter_start(d);
    }
    if (d->metering != NULL) {
        sprout_metering_turn(d->metering, mono, wall);
    }
}

void sprout_daemon_meter_snapshot(struct sprout_daemon *d, struct sprout_snapshot *out)
{
    out->metered = d->metering != NULL;
    if (out->metered) {
        sprout_metering_state(d->metering, &out->metering);
    }
}
