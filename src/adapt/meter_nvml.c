/* SPDX-License-Identifier: Apache-2.0 */
/* meter_nvml.c - NVIDIA GPUs, by the driver's own library, opened when asked for.
 *
 * The energy counter (mJ, Volta and later); where a GPU has none its power (mW) integrated.
 * GPUs are named by UUID.  A GPU in MIG mode is refused: its counters are the whole board's,
 * and which slice took what cannot be known. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/meter_driver.h"

enum {
    NVML_OK = 0,
    NVML_NOT_SUPPORTED = 3,
    NVML_FUNCTION_NOT_FOUND = 13,
    UUID_LEN = 96,
    UJ_PER_MJ = 1000,
};

typedef void *nvml_device;

struct nvml {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    int (*count)(unsigned *);
    int (*handle)(unsigned, nvml_device *);
    int (*uuid)(nvml_device, char *, unsigned);
    int (*energy)(nvml_device, unsigned long long *); /* may be NULL */
    int (*power)(nvml_device, unsigned *);            /* may be NULL */
    int (*mig)(nvml_device, unsigned *, unsigned *);  /* may be NULL */
    const char *(*text)(int);
    bool started;
    nvml_device device[SPROUT_METER_CHANNELS_MAX];
};

static const char *text_of(const struct nvml *n, int code)
{
    return n->text == NULL ? "error" : n->text(code);
}

static bool load(struct nvml *n)
{
    const struct {
        const char *name;
        void **slot;
        bool needed;
    } symbols[] = {
        {"nvmlInit_v2", (void **)&n->init, true},
        {"nvmlShutdown", (void **)&n->shutdown, true},
        {"nvmlDeviceGetCount_v2", (void **)&n->count, true},
        {"nvmlDeviceGetHandleByIndex_v2", (void **)&n->handle, true},
        {"nvmlDeviceGetUUID", (void **)&n->uuid, true},
        {"nvmlDeviceGetTotalEnergyConsumption", (void **)&n->energy, false},
        {"nvmlDeviceGetPowerUsage", (void **)&n->power, false},
        {"nvmlDeviceGetMigMode", (void **)&n->mig, false},
        {"nvmlErrorString", (void **)&n->text, false},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        *symbols[i].slot = dlsym(n->library, symbols[i].name);
        if (symbols[i].needed && *symbols[i].slot == NULL) {
            return false;
        }
    }
    return true;
}

static enum sprout_status failed(const struct nvml *n, const char *what, int code,
                                 struct sprout_error *err)
{
    return sprout_fail(err, SPROUT_UNAVAILABLE, "nvml: %s: %s (code %d)%s", what,
                       text_of(n, code), code,
                       code == 9    ? "; load the NVIDIA driver (nvidia-smi)"
                       : code == 18 ? "; driver and library differ: reboot, or reload it"
                       : code == 4  ? "; let the process read /dev/nvidia*"
                       : code == 15 ? "; the GPU fell off the bus"
                                    : "");
}

static bool counts(const struct nvml *n, nvml_device d, int *code)
{
    unsigned long long mj = 0;
    *code = n->energy == NULL ? NVML_FUNCTION_NOT_FOUND : n->energy(d, &mj);
    return *code == NVML_OK;
}

static enum sprout_status add_gpu(struct meter *m, struct nvml *n, unsigned index,
                                  struct sprout_error *err)
{
    char uuid[UUID_LEN] = "";
    nvml_device d = NULL;
    unsigned mig = 0, pending = 0, mw = 0;
    int code = n->handle(index, &d);

    if (code == NVML_OK) {
        code = n->uuid(d, uuid, sizeof uuid);
    }
    if (code != NVML_OK) {
        return failed(n, "a GPU cannot be opened", code, err);
    }
    if (m->opts.device[0] != '\0' && strcmp(m->opts.device, uuid) != 0) {
        return SPROUT_OK;
    }
    if (n->mig != NULL && n->mig(d, &mig, &pending) == NVML_OK && mig != 0) {
        return sprout_fail(err, SPROUT_UNSUPPORTED,
                           "nvml: %s is in MIG mode, where only the whole board is "
                           "measured and no slice: turn MIG off (nvidia-smi -mig 0) or "
                           "name another GPU (device: UUID)",
                           uuid);
    }
    const bool counter = counts(n, d, &code);
    if (!counter && code != NVML_NOT_SUPPORTED && code != NVML_FUNCTION_NOT_FOUND) {
        return failed(n, "the energy counter", code, err);
    }
    if (!counter) {
        code = n->power == NULL ? NVML_FUNCTION_NOT_FOUND : n->power(d, &mw);
        if (code != NVML_OK) {
            return failed(n, "neither energy nor power can be read", code, err);
        }
    }
    const size_t at = m->channels;
    if (sprout_meter_add(
            m, uuid, counter ? SPROUT_COUNTER_ENERGY : SPROUT_COUNTER_POWER) == NULL) {
        return sprout_fail(err, SPROUT_LIMIT, "nvml: more than %d GPUs",
                           SPROUT_METER_CHANNELS_MAX);
    }
    n->device[at] = d;
    return SPROUT_OK;
}

static enum sprout_status add_gpus(struct meter *m, struct nvml *n,
                                   struct sprout_error *err)
{
    unsigned count = 0;
    const int code = n->count(&count);
    enum sprout_status status =
        code == NVML_OK ? SPROUT_OK : failed(n, "counting GPUs", code, err);

    for (unsigned i = 0; i < count && status == SPROUT_OK; i++) {
        status = add_gpu(m, n, i, err);
    }
    if (status == SPROUT_OK && m->channels == 0) {
        return sprout_fail(err, SPROUT_NOT_FOUND, "nvml: no GPU%s%s",
                           m->opts.device[0] != '\0' ? " with UUID " : "",
                           m->opts.device);
    }
    return status;
}

static enum sprout_status open_nvml(struct meter *m, struct sprout_error *err)
{
    const char *const name =
        m->opts.library[0] != '\0' ? m->opts.library : "libnvidia-ml.so.1";
    struct nvml *const n = calloc(1, sizeof *n);

    m->own = n;
    if (n == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for nvml");
    }
    n->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (n->library == NULL) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "nvml: %s is not there (it comes with the NVIDIA driver): "
                           "install the driver, or leave this meter out",
                           name);
    }
    if (!load(n)) {
        return sprout_fail(err, SPROUT_UNSUPPORTED, "nvml: %s is no NVML, or too old",
                           name);
    }
    const int code = n->init();
    if (code != NVML_OK) {
        return failed(n, "cannot start", code, err);
    }
    n->started = true;
    return add_gpus(m, n, err);
}

static enum sprout_status read_nvml(struct meter *m, struct sprout_error *err)
{
    struct nvml *const n = m->own;

    for (size_t i = 0; i < m->channels; i++) {
        struct meter_channel *const c = &m->channel[i];
        unsigned long long mj = 0;
        unsigned mw = 0;
        const bool counter = c->counter.kind == SPROUT_COUNTER_ENERGY;
        const int code =
            counter ? n->energy(n->device[i], &mj) : n->power(n->device[i], &mw);
        if (code != NVML_OK) {
            return failed(n, c->name, code, err);
        }
        c->value = (counter ? (uint64_t)mj : (uint64_t)mw) * UJ_PER_MJ;
    }
    return SPROUT_OK;
}

static void close_nvml(struct meter *m)
{
    struct nvml *const n = m->own;
    if (n == NULL) {
        return;
    }
    if (n->started) {
        n->shutdown();
    }
    if (n->library != NULL) {
        dlclose(n->library);
    }
    free(n);
}

const struct meter_driver sprout_meter_nvml = {"nvml", false, open_nvml, read_nvml,
                                               close_nvml};
