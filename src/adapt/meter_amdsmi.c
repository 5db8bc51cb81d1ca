/* SPDX-License-Identifier: Apache-2.0 */
/* meter_amdsmi.c - AMD GPUs, by ROCm's library, opened when asked for.
 *
 * Energy = accumulator * resolution (uJ).  The counter is absent in guests; there is no
 * fallback to the power structure, whose layout changes between releases: hwmon has it. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/meter_driver.h"

enum { AMDSMI_OK = 0, SOCKETS_MAX = 16 };

#define AMDSMI_INIT_GPUS UINT64_C(2)

typedef void *amdsmi_handle;

struct amdsmi {
    void *library;
    int (*init)(uint64_t);
    int (*shutdown)(void);
    int (*sockets)(uint32_t *, amdsmi_handle *);
    int (*processors)(amdsmi_handle, uint32_t *, amdsmi_handle *);
    int (*energy)(amdsmi_handle, uint64_t *, float *, uint64_t *);
    bool started;
    amdsmi_handle device[SPROUT_METER_CHANNELS_MAX];
};

static bool load(struct amdsmi *a)
{
    const struct {
        const char *name;
        void **slot;
    } symbols[] = {
        {"amdsmi_init", (void **)&a->init},
        {"amdsmi_shut_down", (void **)&a->shutdown},
        {"amdsmi_get_socket_handles", (void **)&a->sockets},
        {"amdsmi_get_processor_handles", (void **)&a->processors},
        {"amdsmi_get_energy_count", (void **)&a->energy},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        *symbols[i].slot = dlsym(a->library, symbols[i].name);
        good = good && *symbols[i].slot != NULL;
    }
    return good;
}

static enum sprout_status add_gpus(struct meter *m, struct amdsmi *a,
                                   amdsmi_handle socket, struct sprout_error *err)
{
    amdsmi_handle gpus[SPROUT_METER_CHANNELS_MAX];
    uint32_t count = SPROUT_METER_CHANNELS_MAX;
    const int code = a->processors(socket, &count, gpus);
    if (code != AMDSMI_OK) {
        return sprout_fail(err, SPROUT_UNAVAILABLE, "amdsmi: no processors (code %d)",
                           code);
    }
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        const size_t at = m->channels;
        snprintf(name, sizeof name, "gpu%zu", at);
        if (sprout_meter_add(m, name, SPROUT_COUNTER_ENERGY) == NULL) {
            return sprout_fail(err, SPROUT_LIMIT, "amdsmi: more than %d GPUs",
                               SPROUT_METER_CHANNELS_MAX);
        }
        a->device[at] = gpus[i];
    }
    return SPROUT_OK;
}

static enum sprout_status read_amdsmi(struct meter *m, struct sprout_error *err)
{
    struct amdsmi *const a = m->own;
    for (size_t i = 0; i < m->channels; i++) {
        uint64_t count = 0, ns = 0;
        float resolution = 0;
        const int code = a->energy(a->device[i], &count, &resolution, &ns);
        if (code != AMDSMI_OK || !(resolution > 0)) {
            return sprout_fail(err, SPROUT_UNAVAILABLE,
                               "amdsmi: %s has no energy counter (code %d); guests have "
                               "none: use hwmon",
                               m->channel[i].name, code);
        }
        m->channel[i].value =
            (uint64_t)llroundl((long double)count * (long double)resolution);
    }
    return SPROUT_OK;
}

static enum sprout_status open_amdsmi(struct meter *m, struct sprout_error *err)
{
    const char *const name =
        m->opts.library[0] != '\0' ? m->opts.library : "libamd_smi.so";
    struct amdsmi *const a = calloc(1, sizeof *a);
    amdsmi_handle sockets[SOCKETS_MAX];
    uint32_t count = SOCKETS_MAX;

    m->own = a;
    if (a == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for amdsmi");
    }
    a->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (a->library == NULL || !load(a)) {
        return sprout_fail(err, SPROUT_NOT_FOUND, "amdsmi: %s %s (it comes with ROCm)",
                           name,
                           a->library == NULL ? "is not there" : "lacks what is needed");
    }
    int code = a->init(AMDSMI_INIT_GPUS);
    a->started = code == AMDSMI_OK;
    if (code == AMDSMI_OK) {
        code = a->sockets(&count, sockets);
    }
    if (code != AMDSMI_OK) {
        return sprout_fail(err, SPROUT_UNAVAILABLE, "amdsmi: cannot start (code %d)",
                           code);
    }
    enum sprout_status status = SPROUT_OK;
    for (uint32_t i = 0; i < count && status == SPROUT_OK; i++) {
        status = add_gpus(m, a, sockets[i], err);
    }
    if (status == SPROUT_OK && m->channels == 0) {
        status = sprout_fail(err, SPROUT_NOT_FOUND, "amdsmi: no GPU");
    }
    return status == SPROUT_OK ? read_amdsmi(m, err) : status;
}

static void close_amdsmi(struct meter *m)
{
    struct amdsmi *const a = m->own;
    if (a == NULL) {
        return;
    }
    if (a->started) {
        a->shutdown();
    }
    if (a->library != NULL) {
        dlclose(a->library);
    }
    free(a);
}

const struct meter_driver sprout_meter_amdsmi = {"amdsmi", false, open_amdsmi,
                                                 read_amdsmi, close_amdsmi};
