#include "dnsd/given.h"

#include "zones/base/array.h"
#include "zones/base/util.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct given_socket {
	int fd; /* -1: taken */
	int type;
	ino_t inode;
	union sockaddr_any address;
	char name[GIVEN_NAME];
};

char *
given_name(char out[GIVEN_NAME], const char *kind, const union sockaddr_any *address)
{
	char text[LISTEN_TEXT];

	snprintf(out, GIVEN_NAME, "%s-%s", kind, listen_text(address, text));
	for (char *at = out; *at != '\0'; at++)
		if (*at == ':') /* the service manager separates names by it */
			*at = '_';
	return out;
}

static bool
number_of(int fd, int level, int option, int *value)
{
	socklen_t len = sizeof *value;

	return getsockopt(fd, level, option, value, &len) == 0;
}

static const char *
unfit(int fd, struct given_socket *socket)
{
	socklen_t len = sizeof socket->address;
	int listening = 0, v6_only = 0;
	struct stat info;

	if (fstat(fd, &info) < 0 || !number_of(fd, SOL_SOCKET, SO_TYPE, &socket->type) ||
	    getsockname(fd, &socket->address.generic, &len) < 0)
		return "it is not a socket";
	socket->inode = info.st_ino;
	if ((socket->address.generic.sa_family != AF_INET && socket->address.generic.sa_family != AF_INET6) ||
	    (socket->type != SOCK_STREAM && socket->type != SOCK_DGRAM))
		return "it is neither UDP nor TCP";
	if (socket->type == SOCK_STREAM &&
	    (!number_of(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening) || !listening))
		return "it does not listen";
	if (socket->address.generic.sa_family == AF_INET6 &&
	    (!number_of(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only) || !v6_only))
		return "it also accepts IPv4 (set BindIPv6Only=ipv6-only in the systemd unit)";
	return NULL;
}

bool
given_add(struct given *given, int fd, const char *name)
{
	struct given_socket socket = {.fd = fd};
	const char *fault = unfit(fd, &socket);

	if (fault != NULL) {
		warnx("the inherited socket \"%s\" (descriptor %d) is not used: %s", name, fd, fault);
		close(fd);
		return false;
	}
	for (size_t i = 0; i < given->count; i++)
		if (given->sockets[i].inode == socket.inode) { /* inherited twice */
			close(fd);
			return true;
		}
	snprintf(socket.name, sizeof socket.name, "%s", name);
	given->sockets = array_grow(given->sockets, given->count, sizeof socket);
	given->sockets[given->count++] = socket;
	return true;
}

/* Take a socket of an address. If kind is set (port 0), take one with any port that had that use. */
static int
take(struct given *given, int type, union sockaddr_any *address, const char *kind)
{
	for (size_t i = 0; i < given->count; i++) {
		struct given_socket *socket = &given->sockets[i];
		int fd = socket->fd;

		if (fd < 0 || socket->type != type || !listen_same_host(&socket->address, address))
			continue;
		if (kind != NULL ? strncmp(socket->name, kind, strlen(kind)) != 0
				 : listen_port(&socket->address) != listen_port(address))
			continue;
		*address = socket->address;
		socket->fd = -1;
		return fd;
	}
	return -1;
}

/* The modes that a socket has if listen_open() makes it. */
static int
prepare(const struct listener *listener, int fd, bool udp)
{
	bool v4 = listener->address.generic.sa_family == AF_INET;
	int flags = fcntl(fd, F_GETFL), on = 1;

	fcntl(fd, F_SETFL, udp ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
	if (udp && listener->wildcard)
		setsockopt(
		    fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof on);
	return fd;
}

static void
offer_udp(struct given *given, struct listener *listener, unsigned threads)
{
	char text[LISTEN_TEXT];
	int fd;

	while ((fd = take(given, SOCK_DGRAM, &listener->address, NULL)) >= 0) {
		listener->udp = array_grow(listener->udp, listener->nudp, sizeof *listener->udp);
		listener->udp[listener->nudp++] = prepare(listener, fd, true);
	}
	listener->nsockets = listener->nudp;
	if (listener->nudp > threads)
		warnx("udp %s keeps %u sockets, so it has %u threads; for --threads %u, stop this server and "
		      "start it again",
		    listen_text(&listener->address, text), listener->nudp, listener->nudp, threads);
	if (listener->nudp == 0 || listener->nudp >= threads)
		return;
	listener->udp =
	    array_grow_by(listener->udp, listener->nudp, threads - listener->nudp, sizeof *listener->udp);
	for (; listener->nudp < threads; listener->nudp++)
		if ((listener->udp[listener->nudp] = fcntl(
			 listener->udp[listener->nudp % listener->nsockets], F_DUPFD_CLOEXEC, 0)) < 0)
			break;
}

static void
offer(struct given *given, struct listener *listener, unsigned threads, bool any_port)
{
	if (any_port != (listen_port(&listener->address) == 0))
		return;
	listener->tcp = take(given, SOCK_STREAM, &listener->address,
	    !any_port           ? NULL
		: listener->tls ? "tls-"
				: "tcp-");
	if (listener->tcp >= 0)
		prepare(listener, listener->tcp, false);
	if (!listener->tls && listen_port(&listener->address) != 0)
		offer_udp(given, listener, threads);
}

void
given_offer(struct given *given, struct listener *listeners, size_t count, unsigned threads)
{
	for (int any_port = 0; any_port <= 1; any_port++)
		for (size_t i = 0; i < count; i++)
			offer(given, &listeners[i], threads, any_port);
}

int
given_offer_metrics(struct given *given, const struct listener *where)
{
	union sockaddr_any address = where->address;
	int fd = take(given, SOCK_STREAM, &address, listen_port(&address) == 0 ? "metrics-" : NULL);

	return fd < 0 ? fd : prepare(where, fd, false);
}

size_t
given_close(struct given *given, void (*forget)(const char *name))
{
	size_t closed = 0;

	for (size_t i = 0; i < given->count; i++) {
		if (given->sockets[i].fd < 0)
			continue;
		if (forget != NULL)
			forget(given->sockets[i].name);
		close(given->sockets[i].fd);
		closed++;
	}
	free(given->sockets);
	*given = (struct given){0};
	return closed;
}
