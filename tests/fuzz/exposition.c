/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a Prometheus text page.  Every view lies in the page, and it ends. */
#include "fuzz.h"
#include "wire/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sprout_str rest = {(const char *)data, size};
    const char *const end = rest.ptr + size;
    struct sprout_sample s;
    size_t left = size + 1;
    while (sprout_exposition_next(&rest, &s)) {
        struct sprout_str value;
        fuzz_check(rest.len < left && s.name.len > 0);
        fuzz_check(s.labels.ptr >= (const char *)data &&
                   s.labels.ptr + s.labels.len <= end);
        if (sprout_exposition_label(s.labels, SPROUT_STR("gpu"), &value)) {
            fuzz_check(value.ptr >= s.labels.ptr &&
                       value.ptr + value.len <= s.labels.ptr + s.labels.len);
        }
        left = rest.len;
    }
    return 0;
}
