/* SPDX-License-Identifier: Apache-2.0 */
/* http_get.c - see http_get.h; libcurl does the work. */
#include "adapt/http_get.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>

enum { NS_PER_MS = 1000000 };

static const char unix_prefix[] = "unix:";

/* curl's type for it. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t take(char *bytes, size_t size, size_t count, void *ctx)
{
    struct sprout_buf *const out = ctx;
    sprout_buf_put(out, (struct sprout_str){bytes, size * count});
    return out->full ? 0 : size * count;
}

static bool make_url(char *url, size_t cap, const char *address, const char *path)
{
    const bool is_unix = sprout_str_starts(sprout_str_of(address), SPROUT_STR("unix:"));
    const bool has_scheme = sprout_str_starts(sprout_str_of(address), SPROUT_STR("http"));
    const size_t slashes =
        sprout_str_ends(sprout_str_of(address), SPROUT_STR("/")) ? 1 : 0;
    const int n =
        snprintf(url, cap, "%s%.*s%s", has_scheme ? "" : "http://",
                 is_unix ? (int)sizeof "localhost" - 1 : (int)(strlen(address) - slashes),
                 is_unix ? "localhost" : address, path);
    return n > 0 && (size_t)n < cap;
}

enum sprout_status sprout_http_get(const char *address, const char *path,
                                   sprout_span timeout, struct sprout_buf *out,
                                   int *out_code, struct sprout_error *err)
{
    char url[PATH_MAX];
    long code = 0;
    CURL *const curl = curl_easy_init();

    if (curl == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for a request");
    }
    if (!make_url(url, sizeof url, address, path)) {
        curl_easy_cleanup(curl);
        return sprout_fail(err, SPROUT_INVALID, "the address %.100s is too long",
                           address);
    }
    if (sprout_str_starts(sprout_str_of(address), SPROUT_STR("unix:"))) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
                         address + sizeof unix_prefix - 1);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout.ns / NS_PER_MS));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    const CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_cleanup(curl);

    if (out->full) {
        return sprout_fail(err, SPROUT_LIMIT,
                           "the answer of %s%s is larger than %zu bytes", address, path,
                           out->cap);
    }
    if (result != CURLE_OK) {
        return sprout_fail(err, SPROUT_UNAVAILABLE, "%s%s: %s", address, path,
                           curl_easy_strerror(result));
    }
    *out_code = (int)code;
    return SPROUT_OK;
}
