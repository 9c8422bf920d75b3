#include "dnsd/listen.h"

#include "zones/base/address.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 4 << 20, BACKLOG = 1024 };

static void
set_port(union sockaddr_any *address, uint16_t port)
{
	if (address->generic.sa_family == AF_INET)
		address->v4.sin_port = htons(port);
	else
		address->v6.sin6_port = htons(port);
}

uint16_t
listen_port(const union sockaddr_any *address)
{
	return ntohs(address->generic.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

bool
listen_same_host(const union sockaddr_any *a, const union sockaddr_any *b)
{
	if (a->generic.sa_family != b->generic.sa_family)
		return false;
	return a->generic.sa_family == AF_INET
	    ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr
	    : memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

bool
listen_parse(struct listener *listener, const char *text, uint16_t default_port)
{
	struct address address;
	uint16_t port;

	*listener = (struct listener){.tcp = -1};
	if (!address_port_from_text(&address, &port, text, default_port))
		return false;
	if (address.family == FAMILY_V4) {
		listener->address.v4.sin_family = AF_INET;
		memcpy(&listener->address.v4.sin_addr, address.bytes, 4);
		listener->address_len = sizeof listener->address.v4;
		listener->wildcard = listener->address.v4.sin_addr.s_addr == htonl(INADDR_ANY);
	} else {
		listener->address.v6.sin6_family = AF_INET6;
		memcpy(&listener->address.v6.sin6_addr, address.bytes, 16);
		listener->address_len = sizeof listener->address.v6;
		listener->wildcard = IN6_IS_ADDR_UNSPECIFIED(&listener->address.v6.sin6_addr);
	}
	set_port(&listener->address, port);
	return true;
}

char *
listen_text(const union sockaddr_any *address, char out[LISTEN_TEXT])
{
	struct address plain = {.family = FAMILY_V4};

	if (address->generic.sa_family == AF_INET) {
		memcpy(plain.bytes, &address->v4.sin_addr, 4);
	} else {
		plain.family = FAMILY_V6;
		memcpy(plain.bytes, &address->v6.sin6_addr, 16);
	}
	return address_port_to_text(&plain, listen_port(address), out);
}

/* Does an address of /proc/net (hex, in words of the machine's order) conflict with this one?  Wildcards
 * always do. */
static bool
in_the_way(const char *hex, const union sockaddr_any *address)
{
	bool v4 = address->generic.sa_family == AF_INET;
	const uint8_t *ours = v4 ? (const uint8_t *)&address->v4.sin_addr : address->v6.sin6_addr.s6_addr;
	char text[33] = "";

	for (size_t i = 0; i < (v4 ? 4 : 16); i += 4) {
		uint32_t word;

		memcpy(&word, ours + i, 4);
		sprintf(text + 2 * i, "%08X", word);
	}
	return strspn(hex, "0") == strlen(hex) || strspn(text, "0") == strlen(text) || strcmp(hex, text) == 0;
}

/* The inode of the socket that holds the port, from /proc/net; 0 if none is visible. */
static unsigned long
inode_of_port(const char *table, const union sockaddr_any *address)
{
	FILE *file = fopen(table, "re");
	char line[512];
	unsigned long found = 0;

	if (file == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof line, file) != NULL) {
		unsigned port, state;
		unsigned long inode;
		char local[40];

		if (sscanf(line, "%*d: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu", local,
			&port, &state, &inode) == 4 &&
		    port == listen_port(address) && in_the_way(local, address) &&
		    (state == 0x0A || state == 0x07)) /* listening, or UDP unconnected */
			found = inode;
	}
	fclose(file);
	return found;
}

/* Does process pid have the socket open? */
static bool
process_has(const char *pid, unsigned long inode)
{
	char path[300], target[64], wanted[64];
	struct dirent *entry;
	bool has = false;
	DIR *fds;

	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
	if ((fds = opendir(path)) == NULL)
		return false;
	while (!has && (entry = readdir(fds)) != NULL) {
		ssize_t len;

		snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		len = readlink(path, target, sizeof target - 1);
		has = len > 0 && (size_t)len == strlen(wanted) && memcmp(target, wanted, (size_t)len) == 0;
	}
	closedir(fds);
	return has;
}

/*
 * " (held by NAME, process PID)", or nothing if this user may not see it. It takes 0.05 s to 0.1 s among 150
 * processes, and only where the start fails.
 */
static void
holder_text(bool udp, const union sockaddr_any *address, char out[100])
{
	static const char *const tables[2][2] = {
	    {"/proc/net/tcp", "/proc/net/tcp6"}, {"/proc/net/udp", "/proc/net/udp6"}};
	unsigned long inode = inode_of_port(tables[udp][0], address);
	struct dirent *entry;
	DIR *proc;

	out[0] = '\0';
	if (inode == 0)
		inode = inode_of_port(tables[udp][1], address);
	if (inode == 0 || (proc = opendir("/proc")) == NULL)
		return;
	while ((entry = readdir(proc)) != NULL) {
		char path[64], name[32] = "";
		FILE *comm;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !process_has(entry->d_name, inode))
			continue;
		snprintf(path, sizeof path, "/proc/%.20s/comm", entry->d_name);
		if ((comm = fopen(path, "re")) != NULL) {
			if (fgets(name, sizeof name, comm) != NULL)
				name[strcspn(name, "\n")] = '\0';
			fclose(comm);
		}
		snprintf(out, 100, " (held by %.31s, process %.20s)", name, entry->d_name);
		break;
	}
	closedir(proc);
}

static int
open_socket(const struct listener *listener, int type, bool share)
{
	int family = listener->address.generic.sa_family, on = 1, buffer = RECEIVE_BUFFER;
	int fd = socket(family, type | SOCK_CLOEXEC | (type == SOCK_STREAM ? SOCK_NONBLOCK : 0), 0);

	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (listener->wildcard && type == SOCK_DGRAM) {
		if (family == AF_INET)
			setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
		else
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	}
	if ((share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) ||
	    bind(fd, &listener->address.generic, listener->address_len) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static bool
refuse(const struct listener *listener, bool udp, int error, struct problems *problems)
{
	char text[LISTEN_TEXT], holder[100] = "";

	if (error == -EADDRINUSE)
		holder_text(udp, &listener->address, holder);
	problems_error(problems, "cannot listen on %s %s: %s%s%s", udp ? "udp" : "tcp",
	    listen_text(&listener->address, text), strerror(-error), holder,
	    error == -EACCES ? "; ports below 1024 need root or CAP_NET_BIND_SERVICE" : "");
	return false;
}

/* TCP first: it sets the port if the kernel chooses one. */
static int
open_tcp(struct listener *listener)
{
	bool chosen = listen_port(&listener->address) != 0;
	int error = 0;

	for (int attempt = 0; attempt < 20; attempt++) {
		int probe;

		if (!chosen)
			set_port(&listener->address, 0);
		if ((listener->tcp = open_socket(listener, SOCK_STREAM, false)) < 0)
			return listener->tcp;
		if (listen(listener->tcp, BACKLOG) < 0) {
			error = -errno;
			break;
		}
		getsockname(listener->tcp, &listener->address.generic, &listener->address_len);
		if (chosen || listener->tls)
			return 0;
		/* The port that the kernel chose for TCP may be in use for UDP: then choose again. */
		if ((probe = open_socket(listener, SOCK_DGRAM, false)) >= 0) {
			close(probe);
			return 0;
		}
		error = probe;
		close(listener->tcp);
		listener->tcp = -1;
	}
	return error;
}

bool
listen_open(struct listener *listener, unsigned threads, struct problems *problems)
{
	int error = listener->tcp >= 0 ? 0 : open_tcp(listener), probe;

	if (error < 0)
		return refuse(listener, false, error, problems);
	if (listener->tls || listener->nudp > 0)
		return true;
	/* First without SO_REUSEPORT: with it, another program of the same user could share the port. */
	if ((probe = open_socket(listener, SOCK_DGRAM, false)) < 0)
		return refuse(listener, true, probe, problems);
	close(probe);
	listener->udp = xcalloc(threads, sizeof *listener->udp);
	for (; listener->nudp < threads; listener->nudp++) {
		int fd = open_socket(listener, SOCK_DGRAM, true);

		if (fd < 0)
			return refuse(listener, true, fd, problems);
		listener->udp[listener->nudp] = fd;
	}
	listener->nsockets = listener->nudp;
	return true;
}

void
listen_close(struct listener *listener)
{
	for (unsigned i = 0; i < listener->nudp; i++)
		close(listener->udp[i]);
	free(listener->udp);
	listener->udp = NULL;
	listener->nudp = listener->nsockets = 0;
	if (listener->tcp >= 0)
		close(listener->tcp);
	listener->tcp = -1;
}
