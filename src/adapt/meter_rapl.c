/* SPDX-License-Identifier: Apache-2.0 */
/* meter_rapl.c - CPU packages and DRAM by the powercap files of Linux (Intel and AMD).
 *
 * Packages and their dram children; never psys (it holds the packages) nor core and uncore
 * (packages hold them).  A zone that comes twice (intel-rapl-mmio repeats a package) counts
 * once, by its name. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/meter_driver.h"

struct rapl {
    char path[SPROUT_METER_CHANNELS_MAX][METER_PATH_MAX]; /* of energy_uj */
};

static bool has_channel(const struct meter *m, const char *name)
{
    for (size_t i = 0; i < m->channels; i++) {
        if (strcmp(m->channel[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool wanted(const struct meter *m, const char *name)
{
    const bool package = strncmp(name, "package-", 8) == 0;
    const bool dram = strcmp(name, "dram") == 0;
    return (package && (m->covers & SPROUT_METER_CPU)) ||
           (dram && (m->covers & SPROUT_METER_DRAM));
}

/* "package-0", or "package-0/dram": a dram zone is named after the zone that holds it. */
static void full_name(const char *dir, const char *entry, const char *name, char *out,
                      size_t cap)
{
    char path[METER_PATH_MAX], parent[64] = "";
    const char *const last = strrchr(entry, ':');
    if (strcmp(name, "dram") != 0 || last == NULL || strchr(entry, ':') == last) {
        snprintf(out, cap, "%s", name);
        return;
    }
    char holder[100];
    snprintf(holder, sizeof holder, "%.99s", entry);
    *strrchr(holder, ':') = '\0';
    snprintf(path, sizeof path, "%.450s/%.100s/name", dir, holder);
    if (sprout_meter_read_line(path, parent, sizeof parent, NULL) != SPROUT_OK) {
        snprintf(parent, sizeof parent, "%.40s", entry);
    }
    snprintf(out, cap, "%.45s/%.45s", parent, name);
}

static enum sprout_status add_zone(struct meter *m, const char *dir, const char *entry,
                                   struct sprout_error *err)
{
    struct rapl *const r = m->own;
    char path[METER_PATH_MAX], name[64], full[METER_NAME_MAX];
    uint64_t value = 0, range = 0;

    snprintf(path, sizeof path, "%.450s/%.100s/name", dir, entry);
    if (sprout_meter_read_line(path, name, sizeof name, NULL) != SPROUT_OK ||
        !wanted(m, name)) {
        return SPROUT_OK; /* no zone, or one that others hold */
    }
    full_name(dir, entry, name, full, sizeof full);
    if (has_channel(m, full)) {
        return SPROUT_OK;
    }
    snprintf(path, sizeof path, "%.450s/%.100s/max_energy_range_uj", dir, entry);
    enum sprout_status status = sprout_meter_read_u64(path, &range, err);
    snprintf(path, sizeof path, "%.450s/%.100s/energy_uj", dir, entry);
    if (status == SPROUT_OK) {
        status = sprout_meter_read_u64(path, &value, err);
    }
    if (status != SPROUT_OK) {
        return status;
    }
    const size_t at = m->channels;
    struct meter_channel *const c = sprout_meter_add(m, full, SPROUT_COUNTER_ENERGY);
    if (c == NULL) {
        return sprout_fail(err, SPROUT_LIMIT, "rapl: more than %d zones",
                           SPROUT_METER_CHANNELS_MAX);
    }
    c->counter.range_uj = range;
    snprintf(r->path[at], sizeof r->path[at], "%s", path);
    return SPROUT_OK;
}

/* Kinds of what was found: a CPU without a DRAM zone is measured without it. */
static unsigned found(const struct meter *m)
{
    unsigned parts = 0;
    for (size_t i = 0; i < m->channels; i++) {
        parts |= strstr(m->channel[i].name, "dram") != NULL ? SPROUT_METER_DRAM
                                                            : SPROUT_METER_CPU;
    }
    return parts;
}

static int is_rapl(const struct dirent *e)
{
    return strncmp(e->d_name, "intel-rapl", 10) == 0 && strchr(e->d_name, ':') != NULL &&
           strlen(e->d_name) < 64;
}

/* intel-rapl before its repetition intel-rapl-mmio, so that it is the one that counts. */
static int msr_first(const struct dirent **a, const struct dirent **b)
{
    const int mmio_a = strstr((*a)->d_name, "-mmio") != NULL;
    const int mmio_b = strstr((*b)->d_name, "-mmio") != NULL;
    return mmio_a != mmio_b ? mmio_a - mmio_b : strcmp((*a)->d_name, (*b)->d_name);
}

static enum sprout_status open_rapl(struct meter *m, struct sprout_error *err)
{
    char dir[METER_PATH_MAX];
    struct dirent **entries = NULL;
    enum sprout_status status = SPROUT_OK;

    m->own = calloc(1, sizeof(struct rapl));
    if (m->own == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for rapl");
    }
    snprintf(dir, sizeof dir, "%.400s/class/powercap", m->opts.sysfs_root);
    const int n = scandir(dir, &entries, is_rapl, msr_first);
    for (int i = 0; i < n; i++) {
        if (status == SPROUT_OK) {
            status = add_zone(m, dir, entries[i]->d_name, err);
        }
        free(entries[i]);
    }
    free(entries);
    if (status == SPROUT_OK && m->channels == 0) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "rapl: no package in %s: virtual machines have none, a "
                           "container needs /sys/devices/virtual/powercap mounted too "
                           "(sysfs_root); try rapl-perf, or leave this meter out",
                           dir);
    }
    m->covers = found(m);
    return status;
}

static enum sprout_status read_rapl(struct meter *m, struct sprout_error *err)
{
    const struct rapl *const r = m->own;
    for (size_t i = 0; i < m->channels; i++) {
        const enum sprout_status status =
            sprout_meter_read_u64(r->path[i], &m->channel[i].value, err);
        if (status != SPROUT_OK) {
            return status;
        }
    }
    return SPROUT_OK;
}

static void close_rapl(struct meter *m)
{
    free(m->own);
}

const struct meter_driver sprout_meter_rapl = {"rapl", false, open_rapl, read_rapl,
                                               close_rapl};
