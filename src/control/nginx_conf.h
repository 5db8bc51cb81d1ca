/* SPDX-License-Identifier: Apache-2.0 */
/* nginx_conf.h - the nginx.conf that `sprout up` runs and `sprout check` prints.
 *
 * Private to DIR and without root: pid, logs and every temporary path lie in it, nothing of
 * /etc/nginx or /var is read or written.  It is also the shortest true example of how to put
 * the module into an nginx of one's own. */
#ifndef SPROUT_CONTROL_NGINX_CONF_H
#define SPROUT_CONTROL_NGINX_CONF_H

#include "base/str.h"
#include "control/config.h"

struct sprout_nginx_opts {
    const struct sprout_config *config; /* upstream, limits */
    const char *dir;                    /* absolute */
    const char *listen;                 /* ADDR:PORT, the port already chosen */
    const char *module;                 /* absolute path of the .so */
    const char *user; /* "root" when nginx runs as root privately, else NULL */
};

enum { SPROUT_NGINX_CONF_MAX = 48 * 1024 };

/* Appends the text.  SPROUT_INVALID for a value nginx could misread (a quote, a line end, a
 * semicolon in a path, a URL that is none), SPROUT_LIMIT if the buffer is too small. */
SPROUT_MUST_USE enum sprout_status sprout_nginx_conf_put(
    struct sprout_buf *b, const struct sprout_nginx_opts *opts, struct sprout_error *err);

/* Where the module is: $SPROUT_MODULE, beside the executable, or PREFIX/lib/sprout.
 * Writes the absolute path to out (of `cap` bytes).  SPROUT_NOT_FOUND names the places. */
SPROUT_MUST_USE enum sprout_status sprout_nginx_module_find(char *out, size_t cap,
                                                            struct sprout_error *err);

/* The same of the predictor that comes with sprout: data/predictor of a source tree, or
 * PREFIX/share/sprout. */
SPROUT_MUST_USE enum sprout_status sprout_default_weights_find(char *out, size_t cap,
                                                               struct sprout_error *err);

#endif
