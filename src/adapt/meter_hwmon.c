/* SPDX-License-Identifier: Apache-2.0 */
/* meter_hwmon.c - chips of /sys/class/hwmon: energy*_input (uJ), else power (uW).
 *
 * Which chip is said by its name (`device`), and what it covers by the configuration: a
 * chip does not say.  Without a name every chip with such a file would be summed, parts
 * and wholes alike, so there must be exactly one. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/meter_driver.h"

struct hwmon {
    char path[SPROUT_METER_CHANNELS_MAX][METER_PATH_MAX];
    int chips;
};

static int is_energy(const struct dirent *e)
{
    return strncmp(e->d_name, "energy", 6) == 0 && strstr(e->d_name, "_input") != NULL;
}

static int is_power_input(const struct dirent *e)
{
    return strncmp(e->d_name, "power", 5) == 0 && strstr(e->d_name, "_input") != NULL;
}

static int is_power_average(const struct dirent *e)
{
    const size_t n = strlen(e->d_name);
    return strncmp(e->d_name, "power", 5) == 0 && n > 8 &&
           strcmp(e->d_name + n - 8, "_average") == 0;
}

/* Every file of that form in the chip's folder; returns how many. */
static int add_files(struct meter *m, const char *chip, const char *name,
                     int (*form)(const struct dirent *), enum sprout_counter_kind kind)
{
    struct hwmon *const h = m->own;
    struct dirent **files = NULL;
    int added = 0;
    const int n = scandir(chip, &files, form, alphasort);

    for (int i = 0; i < n; i++) {
        char label[METER_NAME_MAX];
        const size_t at = m->channels;
        snprintf(label, sizeof label, "%.40s/%.40s", name, files[i]->d_name);
        if (sprout_meter_add(m, label, kind) != NULL) {
            snprintf(h->path[at], sizeof h->path[at], "%.400s/%.100s", chip,
                     files[i]->d_name);
            added++;
        }
        free(files[i]);
    }
    free(files);
    return added;
}

static void add_chip(struct meter *m, const char *chip)
{
    struct hwmon *const h = m->own;
    char path[METER_PATH_MAX], name[64] = "";

    snprintf(path, sizeof path, "%.480s/name", chip);
    if (sprout_meter_read_line(path, name, sizeof name, NULL) != SPROUT_OK ||
        (m->opts.device[0] != '\0' && strcmp(name, m->opts.device) != 0)) {
        return;
    }
    const bool any =
        add_files(m, chip, name, is_energy, SPROUT_COUNTER_ENERGY) > 0 ||
        add_files(m, chip, name, is_power_average, SPROUT_COUNTER_POWER) > 0 ||
        add_files(m, chip, name, is_power_input, SPROUT_COUNTER_POWER) > 0;
    h->chips += any;
}

static int is_chip(const struct dirent *e)
{
    return strncmp(e->d_name, "hwmon", 5) == 0;
}

static enum sprout_status read_hwmon(struct meter *m, struct sprout_error *err)
{
    const struct hwmon *const h = m->own;
    for (size_t i = 0; i < m->channels; i++) {
        const enum sprout_status status =
            sprout_meter_read_u64(h->path[i], &m->channel[i].value, err);
        if (status != SPROUT_OK) {
            return status;
        }
    }
    return SPROUT_OK;
}

static enum sprout_status open_hwmon(struct meter *m, struct sprout_error *err)
{
    char dir[METER_PATH_MAX], chip[METER_PATH_MAX];
    struct dirent **entries = NULL;
    struct hwmon *const h = calloc(1, sizeof *h);

    m->own = h;
    if (h == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for hwmon");
    }
    snprintf(dir, sizeof dir, "%.300s/class/hwmon", m->opts.sysfs_root);
    const int n = scandir(dir, &entries, is_chip, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(chip, sizeof chip, "%.350s/%.100s", dir, entries[i]->d_name);
        add_chip(m, chip);
        free(entries[i]);
    }
    free(entries);
    if (m->channels == 0) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "hwmon: no chip%s%s in %s has energy*_input or power*_input",
                           m->opts.device[0] != '\0' ? " named " : "", m->opts.device,
                           dir);
    }
    if (m->opts.device[0] == '\0' && h->chips > 1) {
        return sprout_fail(err, SPROUT_CONFIG,
                           "hwmon: %d chips measure power, and one may hold another: say "
                           "which (device: its name)",
                           h->chips);
    }
    return read_hwmon(m, err);
}

static void close_hwmon(struct meter *m)
{
    free(m->own);
}

const struct meter_driver sprout_meter_hwmon = {"hwmon", false, open_hwmon, read_hwmon,
                                                close_hwmon};
