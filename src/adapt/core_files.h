/* SPDX-License-Identifier: Apache-2.0 */
/* core_files.h - a process that holds texts of prompts leaves no core file when it dies.
 *
 * A core file is the memory of a process, prompts among it, with no end to its life and a
 * place that the machine chooses.  So there is none: no size is allowed for it, which
 * children inherit, and the process says that it is not to be dumped, which a pipe in
 * core_pattern obeys as well.  Another process of the same user cannot attach to it either;
 * root can.
 * Not here: nginx's workers (nginx/ngx_http_sprout_module.c, sprout_core_files). */
#ifndef SPROUT_ADAPT_CORE_FILES_H
#define SPROUT_ADAPT_CORE_FILES_H

/* Once, first thing. */
void sprout_core_files_off(void);

#endif
