/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - ADDR:PORT as text and as the kernel wants it.
 *
 * Known: 127.0.0.1:8080, localhost:8080, [::1]:8080, *:8080; port 0 means a free one.
 * Not here: Unix sockets (api.c), URLs (nginx_conf.c). */
#ifndef SPROUT_CONTROL_ADDRESS_H
#define SPROUT_CONTROL_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/status.h"

enum { SPROUT_ADDRESS_TEXT = 256 };

struct sprout_address {
    struct sockaddr_storage at;
    socklen_t len;
};

/* SPROUT_INVALID with what was expected. */
SPROUT_MUST_USE enum sprout_status sprout_address_find(const char *text,
                                                       struct sprout_address *out,
                                                       struct sprout_error *err);

bool sprout_address_is_loopback(const struct sprout_address *a);

/* Numeric text into `out` of SPROUT_ADDRESS_TEXT bytes; false if there is none. */
bool sprout_address_text(const struct sprout_address *a, char *out);

/* A listening socket (close-on-exec, not blocking), and where it listens.  SPROUT_BUSY if
 * the address is taken. */
SPROUT_MUST_USE enum sprout_status sprout_address_listen(const char *text, int *out_fd,
                                                         struct sprout_address *out_where,
                                                         struct sprout_error *err);

/* Is anybody listening there now? */
bool sprout_address_accepts(const char *text);

#endif
