/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h. */
#include "control/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 64 };

enum sprout_status sprout_address_find(const char *text, struct sprout_address *out,
                                       struct sprout_error *err)
{
    char host[SPROUT_ADDRESS_TEXT];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    const char *const colon = strrchr(text, ':');

    if (colon == NULL) {
        return sprout_fail(err, SPROUT_INVALID,
                           "address '%.100s': expected ADDRESS:PORT, such as "
                           "127.0.0.1:8080",
                           text);
    }
    const bool bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - text - (bracketed ? 2 : 0)),
             text + (bracketed ? 1 : 0));
    const int code =
        getaddrinfo(strcmp(host, "*") == 0 ? "0.0.0.0" : host, colon + 1, &hints, &found);
    if (code != 0) {
        return sprout_fail(err, SPROUT_INVALID, "address '%.100s': %s", text,
                           gai_strerror(code));
    }
    memset(out, 0, sizeof *out);
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return SPROUT_OK;
}

bool sprout_address_is_loopback(const struct sprout_address *a)
{
    if (a->at.ss_family == AF_INET) {
        const struct sockaddr_in *const in = (const void *)&a->at;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *const in6 = (const void *)&a->at;
    return a->at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

bool sprout_address_text(const struct sprout_address *a, char *out)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getnameinfo((const struct sockaddr *)&a->at, a->len, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    snprintf(out, SPROUT_ADDRESS_TEXT,
             a->at.ss_family == AF_INET6 ? "[%.200s]:%.8s" : "%.200s:%.8s", host, port);
    return true;
}

enum sprout_status sprout_address_listen(const char *text, int *out_fd,
                                         struct sprout_address *out_where,
                                         struct sprout_error *err)
{
    struct sprout_address a = {.len = 0};
    const int on = 1;
    enum sprout_status status = sprout_address_find(text, &a, err);

    if (status != SPROUT_OK) {
        return status;
    }
    const int fd = socket(a.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return sprout_fail(err, SPROUT_IO, "no socket: %s", strerror(errno));
    }
    /* The one before may have been killed a moment ago: its connections linger, its port
     * is free all the same. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&a.at, a.len) != 0 ||
        listen(fd, BACKLOG) != 0) {
        status = sprout_fail(err, errno == EADDRINUSE ? SPROUT_BUSY : SPROUT_IO,
                             "cannot listen on %.100s: %s", text, strerror(errno));
        close(fd);
        return status;
    }
    a.len = sizeof a.at;
    if (getsockname(fd, (struct sockaddr *)&a.at, &a.len) != 0) {
        status = sprout_fail(err, SPROUT_IO, "no address: %s", strerror(errno));
        close(fd);
        return status;
    }
    *out_fd = fd;
    *out_where = a;
    return SPROUT_OK;
}

bool sprout_address_accepts(const char *text)
{
    struct sprout_address a = {.len = 0};

    if (sprout_address_find(text, &a, NULL) != SPROUT_OK) {
        return false;
    }
    const int fd = socket(a.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    const bool yes = connect(fd, (const struct sockaddr *)&a.at, a.len) == 0;
    close(fd);
    return yes;
}
