#include "zones/ask/ask.h"

#include "zones/base/array.h"
#include "zones/dns/rrset.h"
#include "zones/dns/wire.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	AT_ONCE = 64,
	EDNS_SIZE = 1232, /* the size that no path fragments */
	QUERY_MAX = WIRE_HEADER + NAME_MAX_LEN + 4 + 11,
	KEY_MAX = 1 + 16 + 2 + 2 + 1 + NAME_MAX_LEN,
	SILENT_ENOUGH = 3 /* after this number of questions without an answer, a server is not asked again */
};

/* A server that has answered nothing so far, by one way. */
struct silent_server {
	struct address server;
	uint16_t port;
	unsigned flags, questions;
	bool answers;
};

/* --- the questions --- */

static struct bytes
key_of(const void *item)
{
	return ((const struct question *)item)->key;
}

static struct bytes
key_write(uint8_t key[KEY_MAX], const struct question *question)
{
	struct writer writer = {key, key, key + KEY_MAX, false};
	uint8_t lower[NAME_MAX_LEN];

	write8(&writer, question->server.family);
	write_bytes(&writer, question->server.bytes, sizeof question->server.bytes);
	write16(&writer, question->port);
	write16(&writer, question->type);
	write8(&writer, (uint8_t)question->flags);
	write_bytes(&writer, lower, name_lower(lower, question->name));
	return (struct bytes){key, (size_t)(writer.at - key)};
}

struct question *
ask(struct asking *asking, const struct address *server, uint16_t port, const uint8_t *name, uint16_t type,
    unsigned flags)
{
	struct question one = {.server = *server,
			    .port = port,
			    .type = type,
			    .flags = flags,
			    .asking = asking},
			*question;
	uint8_t key[KEY_MAX];
	struct bytes bytes;

	memcpy(one.name, name, name_len(name));
	bytes = key_write(key, &one);
	if ((question = map_find(&asking->questions, bytes)) != NULL)
		return question;
	question = xmemdup(&one, sizeof one);
	question->key = (struct bytes){xmemdup(bytes.data, bytes.len), bytes.len};
	map_add(&asking->questions, question);
	return question;
}

static void
free_question(void *item)
{
	struct question *question = item;

	free((void *)(uintptr_t)question->key.data);
	free(question->octets);
	free(question);
}

static size_t
write_query(const struct question *question, uint8_t query[QUERY_MAX])
{
	struct writer writer = {query, query, query + QUERY_MAX, false};
	uint16_t id;

	random_bytes(&id, sizeof id);
	write16(&writer, id);
	write16(&writer, question->flags & ASK_RECURSE ? 0x0100 : 0);
	write16(&writer, 1);
	write32(&writer, 0);
	write16(&writer, question->flags & ASK_EDNS ? 1 : 0);
	write_bytes(&writer, question->name, name_len(question->name));
	write16(&writer, question->type);
	write16(&writer, CLASS_IN);
	if (question->flags & ASK_EDNS) { /* RFC 6891 6.1.2 */
		write8(&writer, 0);
		write16(&writer, TYPE_OPT);
		write16(&writer, EDNS_SIZE);
		write32(&writer, question->flags & ASK_DO ? 0x8000 : 0);
		write16(&writer, 0);
	}
	return (size_t)(writer.at - query);
}

/* --- servers that do not answer --- */

static struct silent_server *
silent_server(struct asking *asking, const struct question *question)
{
	struct silent_server *one;

	for (size_t i = 0; i < asking->nsilent; i++) {
		one = &asking->silent[i];
		if (memcmp(&one->server, &question->server, sizeof one->server) == 0 &&
		    one->port == question->port && one->flags == question->flags)
			return one;
	}
	asking->silent = array_grow(asking->silent, asking->nsilent, sizeof *asking->silent);
	one = &asking->silent[asking->nsilent++];
	*one = (struct silent_server){
	    .server = question->server, .port = question->port, .flags = question->flags};
	return one;
}

/* --- one question --- */

static void
on_answer(void *arg, int status, int timeouts, unsigned char *octets, int len)
{
	struct question *question = arg;
	struct silent_server *server = silent_server(question->asking, question);

	(void)timeouts;
	if (question->outcome != ASK_WAITING || status == ARES_EDESTRUCTION)
		return;
	question->asking->under_way--;
	if (status == ARES_SUCCESS && octets != NULL && len >= WIRE_HEADER) {
		question->outcome = ASK_ANSWERED;
		question->octets = xmemdup(octets, (size_t)len);
		question->len = (size_t)len;
		server->answers = true;
	} else {
		question->outcome = status == ARES_ETIMEOUT ? ASK_SILENT : ASK_UNREACHABLE;
		server->questions++;
	}
}

static bool
open_channel(struct question *question)
{
	struct ares_options options = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
		(question->flags & ASK_EDNS ? ARES_FLAG_EDNS : 0) |
		(question->server.family != FAMILY_NONE ? ARES_FLAG_NOCHECKRESP : 0) |
		(question->flags & ASK_TCP ? ARES_FLAG_USEVC : 0) |
		(question->flags & (ASK_TCP | ASK_RECURSE) ? 0 : ARES_FLAG_IGNTC),
	    .timeout = (int)question->asking->try_ms,
	    .tries = 2,
	    .ednspsz = EDNS_SIZE};
	char server[ADDRESS_PORT_TEXT];

	/* ARES_FLAG_EDNS adds no record to ares_send: it allows answers of more than 512 octets, and makes
	 * c-ares ask a server that answers FORMERR again without that record. */
	if (ares_init_options(&question->channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ) != ARES_SUCCESS) {
		question->channel = NULL;
		return false;
	}
	return question->server.family == FAMILY_NONE ||
	    ares_set_servers_ports_csv(question->channel,
		address_port_to_text(&question->server, question->port, server)) == ARES_SUCCESS;
}

static void
start(struct question *question)
{
	const struct silent_server *server = silent_server(question->asking, question);
	uint8_t query[QUERY_MAX];
	size_t len = write_query(question, query);

	if (!server->answers && server->questions >= SILENT_ENOUGH) {
		question->outcome = ASK_SILENT;
		return;
	}
	question->asking->under_way++;
	if (open_channel(question))
		ares_send(question->channel, query, (int)len, on_answer, question);
	else {
		question->asking->under_way--;
		question->outcome = ASK_UNREACHABLE;
	}
}

/* --- all of them --- */

/* The events of poll(2) for a question: at most two sockets. */
static void
fill_polled(const struct question *question, struct pollfd polled[2])
{
	ares_socket_t sockets[2];
	int bits = question->outcome == ASK_WAITING ? ares_getsock(question->channel, sockets, 2) : 0;

	for (int n = 0; n < 2; n++) {
		bool in = ARES_GETSOCK_READABLE(bits, n), out = ARES_GETSOCK_WRITABLE(bits, n);

		polled[n] = (struct pollfd){.fd = in || out ? sockets[n] : -1,
		    .events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0))};
	}
}

static void
go_on(struct question *question, const struct pollfd polled[2])
{
	for (int n = 0; n < 2 && question->outcome == ASK_WAITING; n++)
		if (polled[n].fd >= 0 && polled[n].revents != 0)
			ares_process_fd(question->channel,
			    polled[n].revents & ~POLLOUT ? polled[n].fd : ARES_SOCKET_BAD,
			    polled[n].revents & POLLOUT ? polled[n].fd : ARES_SOCKET_BAD);
	if (question->outcome == ASK_WAITING) /* its time may be up */
		ares_process_fd(question->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* Wait for the first socket or time of those that wait, and continue with each. */
static void
turn(struct asking *asking, struct question **list, size_t count, uint64_t left_ms)
{
	struct pollfd polled[AT_ONCE * 2 + 1], *stop = &polled[2 * count];
	uint64_t wait = left_ms;

	for (size_t i = 0; i < count; i++) {
		struct timeval room, *its = NULL;

		fill_polled(list[i], &polled[2 * i]);
		if (list[i]->outcome == ASK_WAITING)
			its = ares_timeout(list[i]->channel, NULL, &room);
		if (its != NULL)
			wait = MIN(wait, (uint64_t)its->tv_sec * 1000 + (uint64_t)its->tv_usec / 1000 + 1);
	}
	*stop = (struct pollfd){.fd = asking->stop_fd, .events = POLLIN};
	poll(polled, (nfds_t)(2 * count + 1), (int)wait);
	if (stop->revents != 0)
		asking->end_ms = 0;
	for (size_t i = 0; i < count; i++)
		go_on(list[i], &polled[2 * i]);
}

/* A question that has an outcome, or whose time is up. */
static void
end(struct question *question)
{
	if (question->outcome == ASK_WAITING)
		question->outcome = ASK_NO_TIME;
	if (question->channel != NULL)
		ares_destroy(question->channel);
	question->channel = NULL;
}

void
asking_run(struct asking *asking)
{
	struct question *list[AT_ONCE];
	size_t count = 0;

	for (;;) {
		uint64_t now = awake_ms();
		size_t kept = 0;

		for (size_t i = 0; i < count; i++) {
			if (list[i]->outcome != ASK_WAITING || now >= asking->end_ms)
				end(list[i]);
			else
				list[kept++] = list[i];
		}
		count = kept;
		while (count < AT_ONCE && asking->asked < asking->questions.count && now < asking->end_ms) {
			list[count] = asking->questions.items[asking->asked++];
			start(list[count++]);
		}
		if (count == 0)
			break;
		if (asking->under_way > 0)
			turn(asking, list, count, asking->end_ms - MIN(now, asking->end_ms));
	}
	for (; asking->asked < asking->questions.count; asking->asked++)
		((struct question *)asking->questions.items[asking->asked])->outcome = ASK_NO_TIME;
}

size_t
asking_unasked(const struct asking *asking)
{
	size_t count = 0;

	for (size_t i = 0; i < asking->questions.count; i++)
		count += ((const struct question *)asking->questions.items[i])->outcome == ASK_NO_TIME;
	return count;
}

/* Those that c-ares takes from the file, or its own if it cannot. */
static void
list_resolvers(const struct ares_addr_port_node *servers, char out[ASK_RESOLVERS_TEXT])
{
	size_t len = 0;

	for (const struct ares_addr_port_node *server = servers; server != NULL; server = server->next) {
		char text[INET6_ADDRSTRLEN];

		if (inet_ntop(server->family, &server->addr, text, sizeof text) == NULL)
			continue;
		if (len + strlen(", ") + strlen(text) >= ASK_RESOLVERS_TEXT)
			break;
		len += (size_t)sprintf(out + len, "%s%s", len > 0 ? ", " : "", text);
	}
}

int
ask_resolvers(char out[ASK_RESOLVERS_TEXT])
{
	int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC), error = fd < 0 ? errno : 0;
	struct ares_addr_port_node *servers = NULL;
	ares_channel channel;

	*out = '\0';
	if (fd >= 0)
		close(fd);
	if (ares_init(&channel) != ARES_SUCCESS)
		return error;
	if (ares_get_servers_ports(channel, &servers) == ARES_SUCCESS)
		list_resolvers(servers, out);
	ares_free_data(servers);
	ares_destroy(channel);
	return error;
}

bool
ask_has_route(const struct address *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	bool four = address->family == FAMILY_V4;
	int fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = -1;

	memcpy(&v4.sin_addr, address->bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, address->bytes, sizeof v6.sin6_addr);
	if (fd >= 0) {
		rc = four ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
			  : connect(fd, (struct sockaddr *)&v6, sizeof v6);
		close(fd);
	}
	return rc == 0;
}

void
asking_start(struct asking *asking, unsigned timeout_ms, int stop_fd)
{
	/* Three rounds follow one another, and each question is tried twice, the second time twice as long.
	 */
	*asking = (struct asking){.questions = {.key = key_of},
	    .try_ms = timeout_ms / 9,
	    .end_ms = awake_ms() + timeout_ms,
	    .stop_fd = stop_fd};
	ares_library_init(ARES_LIB_INIT_ALL);
}

void
asking_free(struct asking *asking)
{
	map_free(&asking->questions, free_question);
	free(asking->silent);
	ares_library_cleanup();
	*asking = (struct asking){0};
}
