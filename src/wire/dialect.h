/* SPDX-License-Identifier: Apache-2.0 */
/* dialect.h - the APIs Sprout understands, as rows of one table.
 *
 * A row says how a path is recognised, how a body is read, where a directive may go, how
 * usage arrives, and how an error looks.  Adding an API is adding a row and its corpus; no
 * code outside wire asks which dialect it has.
 * Not here: the bytes of a request (inspect.h) or of a reply (tap.h). */
#ifndef SPROUT_WIRE_DIALECT_H
#define SPROUT_WIRE_DIALECT_H

#include "base/str.h"

struct sprout_dialect; /* opaque: rows are in dialect.c, their shape in dialect_row.h */

/* The dialect of a request, or NULL (such requests pass byte-identical).  `path` is the
 * decoded URI path without query, under any prefix: "/team-a/v1/chat/completions". */
const struct sprout_dialect *sprout_dialect_find(struct sprout_str method,
                                                 struct sprout_str path);

/* By its name, "openai-chat"; NULL: none of that name. */
const struct sprout_dialect *sprout_dialect_named(struct sprout_str name);

/* Appends all their names, with commas. */
void sprout_dialect_names(struct sprout_buf *b);

/* Why the dialect is not touched unless the operator switched it on; 0: it is. */
unsigned sprout_dialect_off(const struct sprout_dialect *d);

/* "openai-chat", ...; "none" for NULL. */
struct sprout_str sprout_dialect_name(const struct sprout_dialect *d);

/* Appends an error of Sprout's own in the API's shape (H5), e.g.
 * {"error":{"message":..,"type":"sprout_error","param":null,"code":..}}; NULL gives OpenAI's. */
void sprout_dialect_put_error(struct sprout_buf *b, const struct sprout_dialect *d,
                              struct sprout_str code, struct sprout_str message);

#endif
