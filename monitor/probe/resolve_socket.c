#include "monitor/probe/resolve_socket.h"

#include "monitor/probe/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static ares_socket_t
open_socket(int family, int type, int protocol, void *arg)
{
	(void)arg;
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int
close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int
connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len, void *arg)
{
	(void)arg;
	return connect(fd, to, len);
}

/* After its share of a turn the socket is empty, and the loop reports it again. */
static ares_ssize_t
read_socket(ares_socket_t fd, void *buffer, size_t len, int flags, struct sockaddr *from,
    ares_socklen_t *from_len, void *arg)
{
	unsigned *reads = arg;

	if (*reads == 0) {
		errno = EAGAIN;
		return -1;
	}
	(*reads)--;
	return recvfrom(fd, buffer, len, flags, from, from_len);
}

static ares_ssize_t
write_socket(ares_socket_t fd, const struct iovec *pieces, int count, void *arg)
{
	(void)arg;
	return writev(fd, pieces, count);
}

static const struct ares_socket_functions socket_functions = {
    open_socket, close_socket, connect_socket, read_socket, write_socket};

void
resolve_bound_reads(ares_channel channel, unsigned *reads)
{
	ares_set_socket_functions(channel, &socket_functions, reads);
}

char *
resolver_server_text(const char *text)
{
	char server[ADDRESS_PORT_TEXT];
	struct address address;
	uint16_t port;

	if (!address_port_from_text(&address, &port, text, 53) || port == 0)
		return NULL;
	return xstrdup(address_port_to_text(&address, port, server));
}
