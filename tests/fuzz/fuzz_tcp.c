/*
 * Streams from strangers: requests good and bad, cut into segments anywhere, from a client that reads when it
 * likes, closes its half or goes away.  Every whole request is answered, in order, with the response of
 * serve(); a client that leaves costs nothing.
 */
#include "dnsd/tcp.h"
#include "tests/fuzz/stage.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { STREAM_MAX = 1 << 18, EXPECTED_MAX = 1 << 20, CONNECTIONS = 2, STALLED = 100000 };

static struct {
	struct scenery *scenery;
	struct event_base *base;
	struct tcp *tcp;
	struct serve_context *served, *model; /* equal, so that they draw alike */
	uint8_t *stream, *expected;
	size_t stream_len, expected_len;
} stage;

static const struct sockaddr_in from = {
    .sin_family = AF_INET, .sin_port = 0x3412, .sin_addr = {.s_addr = 0x01020002}};
static struct peer peer = {.transport = TRANSPORT_TCP4, .address = {.family = FAMILY_V4}, .port = 0x1234};

static void
set_up(void)
{
	static struct serve_settings settings = {.nsid = "nsid", .keepalive = 100};
	static const struct tcp_limits limits = {.connections = CONNECTIONS, .idle_ms = 60000};
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct epochs *epochs = epochs_new();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	signal(SIGPIPE, SIG_IGN); /* as main does */
	memcpy(peer.address.bytes, &from.sin_addr, 4);
	peer.port = ntohs(from.sin_port);
	stage.scenery = stage_new(false);
	stage.base = event_base_new();
	stage.served = serve_context_new(&settings);
	stage.model = serve_context_new(&settings);
	stage.stream = xmalloc(STREAM_MAX);
	stage.expected = xmalloc(EXPECTED_MAX + 2 * (2 + UINT16_MAX));
	if (fd < 0 || bind(fd, (struct sockaddr *)&loopback, sizeof loopback) < 0 || listen(fd, 1) < 0)
		abort(); /* nobody connects to it: connections are handed over */
	epochs_publish(epochs, &stage.scenery->snapshot);
	stage.tcp = tcp_new(stage.base, fd, &limits, NULL, stage.served, epochs, epochs_slot(epochs));
	if (stage.tcp == NULL)
		abort();
}

/* One request more in the stream, and what it is to be answered. */
static bool
add_request(const uint8_t *request, size_t len)
{
	size_t outlen;

	if (STREAM_MAX - stage.stream_len < 2 + len || stage.expected_len > EXPECTED_MAX)
		return false;
	put16(stage.stream + stage.stream_len, (uint16_t)len);
	memcpy(stage.stream + stage.stream_len + 2, request, len);
	stage.stream_len += 2 + len;
	outlen = serve(stage.model, &stage.scenery->snapshot, &peer, request, len,
	    stage.expected + stage.expected_len + 2, UINT16_MAX);
	if (outlen > 0) {
		put16(stage.expected + stage.expected_len, (uint16_t)outlen);
		stage.expected_len += 2 + outlen;
	}
	return true;
}

static void
make_stream(struct choices *choices)
{
	static uint8_t request[UINT16_MAX];
	bool room = true;

	stage.stream_len = stage.expected_len = 0;
	while (room && choices->at < choices->end) {
		uint8_t how = choose(choices);
		size_t len = 0;

		if (how < 208) {
			len = stage_query(request, choices, NULL, &peer, 0);
			len = stage_mutate(request, len, choices);
		} else if (how < 224) { /* noise */
			len = choose(choices);
			for (size_t i = 0; i < len; i++)
				request[i] = choose(choices);
		} else if (how < 232) { /* as long as it can be */
			len = stage_query(request, choices, NULL, &peer, 0);
			memset(request + len, 0, sizeof request - len);
			len = UINT16_MAX - choose(choices);
		} /* else of no length at all */
		room = add_request(request, len);
		/* Many of them: the answers back up. */
		for (unsigned i = how % 8 == 7 ? choose(choices) : 0; room && i > 0; i--)
			room = add_request(request, len);
	}
	/* The last one may stay unfinished. */
	if (STREAM_MAX - stage.stream_len > 2 + UINT8_MAX) {
		size_t given = stage.expected_len % (2 + UINT8_MAX);

		put16(stage.stream + stage.stream_len, UINT8_MAX);
		memset(stage.stream + stage.stream_len + 2, 0, UINT8_MAX);
		stage.stream_len += given;
	}
}

/* A client's habits. */
struct client {
	int fd;
	uint64_t draw;
	size_t segment, sip;  /* octets it writes and reads at once, at most */
	unsigned reads_every; /* in turns */
	bool half_closes, leaves;
	size_t sent, got;
	bool shut, ended;
};

static uint64_t
draw(struct client *client)
{
	return mix64(client->draw += UINT64_C(0x9e3779b97f4a7c15));
}

static bool
client_writes(struct client *client)
{
	size_t wanted = 1 + draw(client) % client->segment,
	       len = MIN(wanted, stage.stream_len - client->sent);
	ssize_t written;

	if (len == 0) {
		if (!client->half_closes || client->shut)
			return false;
		client->shut = true;
		return shutdown(client->fd, SHUT_WR) == 0;
	}
	written = send(client->fd, stage.stream + client->sent, len, MSG_NOSIGNAL);
	assert(written > 0 || errno == EAGAIN);
	client->sent += written > 0 ? (size_t)written : 0;
	return written > 0;
}

static bool
client_reads(struct client *client)
{
	static uint8_t octets[1 << 16];
	ssize_t got = recv(client->fd, octets, 1 + draw(client) % client->sip, 0);

	assert(got >= 0 || errno == EAGAIN);
	client->ended = got == 0;
	if (got <= 0)
		return got == 0;
	assert(client->got + (size_t)got <= stage.expected_len);
	assert(memcmp(octets, stage.expected + client->got, (size_t)got) == 0);
	client->got += (size_t)got;
	return true;
}

static void
converse(struct client *client)
{
	unsigned idle = 0;

	for (unsigned turn = 0; !client->ended; turn++) {
		bool moved = client_writes(client);

		event_base_loop(stage.base, EVLOOP_NONBLOCK);
		if (turn % client->reads_every == 0)
			moved |= client_reads(client);
		if (client->leaves && draw(client) % 16 == 0)
			return;
		if (!client->half_closes && client->sent == stage.stream_len &&
		    client->got == stage.expected_len)
			return;
		idle = moved ? 0 : idle + 1;
		assert(idle < STALLED);
	}
	/* The server closes when the client has closed its half, and only then. */
	assert(client->shut && client->got == stage.expected_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const size_t sizes[] = {1, 3, 40, 600, 5000, 65536};
	struct choices choices = {data, data + len};
	uint8_t how = choose(&choices), pace = choose(&choices);
	struct client client = {.draw = pace,
	    .segment = sizes[how % 6],
	    .sip = sizes[2 + pace % 4],
	    .reads_every = 1 + pace / 4 % 4 * 8,
	    .half_closes = how & 0x40,
	    .leaves = how >= 0xe0};
	int fds[2], small = 1;

	if (stage.scenery == NULL)
		set_up();
	stage.served->draw = stage.model->draw = 42;
	make_stream(&choices);
	if (stage.stream_len > 20000)
		client.segment = MAX(client.segment, 600);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	if (pace & 0x80) /* as little room on the way as there can be */
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	client.fd = fds[1];
	tcp_take(stage.tcp, fds[0], (const struct sockaddr *)&from);
	converse(&client);
	close(client.fd);
	/* With a place lost each time, the next clients would find none. */
	for (unsigned i = 0; i < 3; i++)
		event_base_loop(stage.base, EVLOOP_NONBLOCK);
	return 0;
}
