#include "dnsd/server.h"

void
server_each_socket(const struct server *server,
    void (*fn)(void *arg, const char *name, const int *fds, size_t count), void *arg)
{
	char name[GIVEN_NAME];
	int fd;

	for (size_t i = 0; i < server->options.nlisteners; i++) {
		const struct listener *listener = &server->options.listeners[i];

		if (listener->nsockets > 0)
			fn(arg, given_name(name, "udp", &listener->address), listener->udp,
			    listener->nsockets);
		fn(arg, given_name(name, listener->tls ? "tls" : "tcp", &listener->address), &listener->tcp,
		    1);
	}
	if (server->metrics == NULL)
		return;
	fd = metrics_socket(server->metrics);
	fn(arg, given_name(name, "metrics", &server->metrics_address.address), &fd, 1);
}
