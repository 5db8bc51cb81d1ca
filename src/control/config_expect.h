/* SPDX-License-Identifier: Apache-2.0 */
/* config_expect.h - checks of the texts in sprout.yaml, for config*.c only.
 *
 * Each gives what was expected instead, for a person ("ADDRESS:PORT"), or NULL: the text is
 * good.  Pure but for the tables of providers and meters.
 * Not here: which key has which check (config_schema.c). */
#ifndef SPROUT_CONTROL_CONFIG_EXPECT_H
#define SPROUT_CONTROL_CONFIG_EXPECT_H

#include "base/str.h"

const char *sprout_expect_listen(struct sprout_str s);
const char *sprout_expect_admin(struct sprout_str s);
const char *sprout_expect_url(struct sprout_str s);
const char *sprout_expect_folder(struct sprout_str s);
const char *sprout_expect_instant(struct sprout_str s);
const char *sprout_expect_sha256(struct sprout_str s);
/* Names stand in headers, labels and journal lines. */
const char *sprout_expect_name(struct sprout_str s);
const char *sprout_expect_text(struct sprout_str s);
const char *sprout_expect_pattern(struct sprout_str s);
const char *sprout_expect_zone(struct sprout_str s);
const char *sprout_expect_provider(struct sprout_str s);
const char *sprout_expect_kind(struct sprout_str s);
const char *sprout_expect_protect(struct sprout_str s);
const char *sprout_expect_meter(struct sprout_str s);
const char *sprout_expect_parts(struct sprout_str s);
const char *sprout_expect_facility(struct sprout_str s);
const char *sprout_expect_host(struct sprout_str s);
const char *sprout_expect_mix(struct sprout_str s);
const char *sprout_expect_embodied(struct sprout_str s);
/* A URL with path and query; keys do not belong into it. */
const char *sprout_expect_source(struct sprout_str s);
/* Of paths, which are relative to the file's folder. */
const char *sprout_expect_path(struct sprout_str s);

#endif
