/* SPDX-License-Identifier: Apache-2.0 */
/* config_expect.c - see config_expect.h. */
#include "control/config_expect.h"

#include "adapt/grid_list.h"
#include "adapt/meter.h"
#include "control/config.h"
#include "core/instant.h"
#include "core/predict.h"
#include "core/preset.h"

static bool is_port(struct sprout_str s)
{
    int64_t port = 0;
    return sprout_str_to_i64(s, &port) == SPROUT_OK && port >= 0 && port <= 65535 &&
           s.ptr[0] != '-' && s.ptr[0] != '+';
}

static bool has_any(struct sprout_str s, const char *bytes)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || strchr(bytes, s.ptr[i]) != NULL) {
            return true;
        }
    }
    return false;
}

const char *sprout_expect_listen(struct sprout_str s)
{
    static const char *const expected = "ADDRESS:PORT, such as 127.0.0.1:8080";
    size_t colon = s.len;
    while (colon > 0 && s.ptr[colon - 1] != ':') {
        colon--;
    }
    const bool good = colon > 1 && !has_any(s, ";{}\"'\\$/") &&
                      is_port((struct sprout_str){s.ptr + colon, s.len - colon});
    return good ? NULL : expected;
}

const char *sprout_expect_admin(struct sprout_str s)
{
    if (sprout_str_starts(s, SPROUT_STR("unix:"))) {
        return s.len > 5 ? NULL : "a path after unix:";
    }
    return sprout_expect_listen(s) == NULL ? NULL : "ADDRESS:PORT or unix:PATH";
}

const char *sprout_expect_url(struct sprout_str s)
{
    const struct sprout_str http = SPROUT_STR("http://");
    const struct sprout_str https = SPROUT_STR("https://");
    const size_t scheme = sprout_str_starts(s, http)    ? http.len
                          : sprout_str_starts(s, https) ? https.len
                                                        : 0;
    const bool good = scheme > 0 && s.len > scheme && s.ptr[scheme] != '/' &&
                      s.ptr[scheme] != ':' && !has_any(s, ";{}\"'\\$@?#");
    return good ? NULL : "a URL such as http://127.0.0.1:8000, without credentials";
}

const char *sprout_expect_folder(struct sprout_str s)
{
    const bool good = s.len > 2 && s.ptr[0] == '/' && s.ptr[s.len - 1] == '/' &&
                      !has_any(s, ";{}\"'\\$@?#%*~");
    return good ? NULL : "a path that begins and ends with /, such as /eu/";
}

const char *sprout_expect_instant(struct sprout_str s)
{
    sprout_instant t;
    return sprout_instant_parse(s, &t) == SPROUT_OK
               ? NULL
               : "a moment such as 2023-02-03T00:00Z";
}

const char *sprout_expect_sha256(struct sprout_str s)
{
    bool good = s.len == 64;
    for (size_t i = 0; good && i < s.len; i++) {
        const char c = s.ptr[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    return good ? NULL : "64 hex digits (SHA-256)";
}

const char *sprout_expect_name(struct sprout_str s)
{
    bool good = s.len > 0 && s.len <= SPROUT_NAME_MAX;
    for (size_t i = 0; good && i < s.len; i++) {
        const char c = s.ptr[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '/';
    }
    return good ? NULL : "1 to 64 letters, digits and any of - _ . /";
}

const char *sprout_expect_text(struct sprout_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7F) {
            return "text without control characters";
        }
    }
    return sprout_str_utf8(s) ? NULL : "UTF-8";
}

const char *sprout_expect_pattern(struct sprout_str s)
{
    return s.len > 0 && sprout_expect_text(s) == NULL ? NULL : "text";
}

const char *sprout_expect_zone(struct sprout_str s)
{
    return s.len == 0 || !has_any(s, "\"'\\&?#%;") ? NULL
                                                   : "a zone, such as GB or region/13";
}

const char *sprout_expect_provider(struct sprout_str s)
{
    static const char *const others[] = {"csv", "profile", "static"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (sprout_str_eq(s, sprout_str_of(others[i]))) {
            return NULL;
        }
    }
    return sprout_grid_live_find(s) != NULL
               ? NULL
               : "electricitymaps, watttime, neso, energy-charts, carbon-aware-sdk, "
                 "eco2mix, eia, csv, profile or static";
}

const char *sprout_expect_kind(struct sprout_str s)
{
    return s.len == 0 || sprout_kind_of(s) >= 0 ? NULL : "maths, code or other";
}

const char *sprout_expect_protect(struct sprout_str s)
{
    const bool kind = sprout_kind_of(s) > SPROUT_KIND_OTHER;
    const bool route = s.len > 0 && s.ptr[0] == '/' && s.len <= SPROUT_NAME_MAX / 2 &&
                       sprout_expect_text(s) == NULL;
    return kind || route ? NULL
                         : "maths, code, or a route such as /exam/*, at most 32 bytes";
}

const char *sprout_expect_path(struct sprout_str s)
{
    return s.len > 0 && sprout_expect_text(s) == NULL ? NULL : "a path";
}

const char *sprout_expect_meter(struct sprout_str s)
{
    for (size_t i = 0; i < sprout_meter_kind_count; i++) {
        const char *const kind = sprout_meter_kinds[i].name;
        if (strcmp(kind, "model") != 0 && sprout_str_eq(s, sprout_str_of(kind))) {
            return NULL;
        }
    }
    return "nvml, amdsmi, rapl, rapl-perf, hwmon or prometheus";
}

const char *sprout_expect_parts(struct sprout_str s)
{
    return s.len == 0 || sprout_meter_parts(s) != 0
               ? NULL
               : "gpu, cpu, dram or node, joined by +";
}

static bool is_preset(enum sprout_preset_kind kind, struct sprout_str s)
{
    return s.len == 0 || sprout_preset_find(kind, s) != NULL;
}

const char *sprout_expect_facility(struct sprout_str s)
{
    return is_preset(SPROUT_PRESET_PUE, s) ? NULL : "azure, google, aws or mistral";
}

const char *sprout_expect_host(struct sprout_str s)
{
    return is_preset(SPROUT_PRESET_HOST, s) ? NULL : "gemini-2025";
}

const char *sprout_expect_mix(struct sprout_str s)
{
    return is_preset(SPROUT_PRESET_MIX, s)
               ? NULL
               : "world, usa, fra, deu, gbr, nld, aus, swe, pol or ind";
}

const char *sprout_expect_embodied(struct sprout_str s)
{
    return is_preset(SPROUT_PRESET_EMBODIED, s)
               ? NULL
               : "sprout-paper, ecologits-h100 or chien-2023-a100";
}

const char *sprout_expect_source(struct sprout_str s)
{
    const bool http = sprout_str_starts(s, SPROUT_STR("http://")) ||
                      sprout_str_starts(s, SPROUT_STR("https://"));
    return s.len == 0 || (http && !has_any(s, "@\\"))
               ? NULL
               : "a URL such as http://127.0.0.1:9400/metrics, without credentials";
}
