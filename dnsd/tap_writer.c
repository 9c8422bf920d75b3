#include "dnsd/tap_writer.h"

#include "zones/base/thread.h"
#include "zones/base/util.h"
#include "zones/daemon/seal.h"

#include <arpa/inet.h>
#include <dnstap.pb-c.h>
#include <err.h>
#include <errno.h>
#include <fstrm.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_NS = 10000000, AGAIN_MS = 1000, STOP_S = 1, TURN = 256, FRAME = 2 * 65536 + 1024 };

static const char content_type[] = "protobuf:dnstap.Dnstap";

struct tap_writer {
	struct tap *tap;
	const struct tap_target *target;
	char identity[256];
	pthread_t thread;
	_Atomic bool stop, reopen;
	_Atomic uint64_t sent, unsent;
	/* the thread's own */
	struct fstrm_writer *stream; /* NULL: not connected */
	uint64_t next_try;           /* boot_ms */
	bool reported;               /* it was logged that the target cannot be written */
	uint8_t frame[FRAME];
};

/* ---- the target ---- */

bool
tap_target_read(struct tap_target *target, const char *text)
{
	struct listener peer;
	uint16_t port;

	*target = (struct tap_target){.text = text, .path = strchr(text, ':')};
	if (target->path == NULL || *++target->path == '\0')
		return false;
	if (strncmp(text, "unix:", 5) == 0) {
		target->way = TAP_UNIX;
		return strlen(target->path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
	}
	if (strncmp(text, "file:", 5) == 0) {
		target->way = TAP_FILE;
		return true;
	}
	if (strncmp(text, "tcp:", 4) != 0 || !listen_parse(&peer, target->path, 0) ||
	    (port = listen_port(&peer.address)) == 0)
		return false;
	target->way = TAP_TCP;
	snprintf(target->port, sizeof target->port, "%u", port);
	return inet_ntop(peer.address.generic.sa_family,
		   peer.address.generic.sa_family == AF_INET ? (const void *)&peer.address.v4.sin_addr
							     : (const void *)&peer.address.v6.sin6_addr,
		   target->host, sizeof target->host) != NULL;
}

void
tap_target_check(const struct tap_target *target, struct problems *problems)
{
	char *copy = xstrdup(target->path);
	const char *directory = dirname(copy);
	struct stat info;

	if (target->way == TAP_FILE && access(directory, W_OK | X_OK) < 0)
		problems_error(problems, "--dnstap %s: cannot write to %s: %s", target->text, directory,
		    strerror(errno));
	else if (target->way == TAP_FILE && stat(target->path, &info) == 0 && !S_ISREG(info.st_mode))
		problems_error(problems, "--dnstap %s: not a file", target->text);
	else if (target->way == TAP_UNIX && stat(target->path, &info) < 0)
		problems_warn(
		    problems, "--dnstap %s: no reader listens there yet: %s", target->text, strerror(errno));
	free(copy);
}

/* ---- the stream ---- */

static struct fstrm_writer *
new_file(const char *path, const struct fstrm_writer_options *options)
{
	struct fstrm_file_options *file = fstrm_file_options_init();
	struct fstrm_writer *stream;
	char *old = xasprintf("%s.old", path);
	struct stat info;

	/* Data of another process or an earlier run stays. */
	if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && rename(path, old) < 0)
		warn("rename %s", path);
	fstrm_file_options_set_file_path(file, path);
	stream = fstrm_file_writer_init(file, options);
	fstrm_file_options_destroy(&file);
	free(old);
	return stream;
}

static struct fstrm_writer *
new_unix(const char *path, const struct fstrm_writer_options *options)
{
	struct fstrm_unix_writer_options *unix_options = fstrm_unix_writer_options_init();
	struct fstrm_writer *stream;

	fstrm_unix_writer_options_set_socket_path(unix_options, path);
	stream = fstrm_unix_writer_init(unix_options, options);
	fstrm_unix_writer_options_destroy(&unix_options);
	return stream;
}

static struct fstrm_writer *
new_tcp(const struct tap_target *target, const struct fstrm_writer_options *options)
{
	struct fstrm_tcp_writer_options *tcp = fstrm_tcp_writer_options_init();
	struct fstrm_writer *stream;

	fstrm_tcp_writer_options_set_socket_address(tcp, target->host);
	fstrm_tcp_writer_options_set_socket_port(tcp, target->port);
	stream = fstrm_tcp_writer_init(tcp, options);
	fstrm_tcp_writer_options_destroy(&tcp);
	return stream;
}

static void
close_stream(struct tap_writer *writer)
{
	if (writer->stream != NULL)
		fstrm_writer_destroy(&writer->stream);
	writer->stream = NULL;
}

/* True if the stream is open; at most one try a second. */
static bool
open_stream(struct tap_writer *writer)
{
	const struct tap_target *target = writer->target;
	struct fstrm_writer_options *options;

	if (writer->stream != NULL)
		return true;
	if (boot_ms() < writer->next_try)
		return false;
	options = fstrm_writer_options_init();
	fstrm_writer_options_add_content_type(options, content_type, sizeof content_type - 1);
	errno = 0;
	writer->stream = target->way == TAP_FILE ? new_file(target->path, options)
	    : target->way == TAP_UNIX            ? new_unix(target->path, options)
						 : new_tcp(target, options);
	fstrm_writer_options_destroy(&options);
	if (writer->stream == NULL || fstrm_writer_open(writer->stream) != fstrm_res_success) {
		if (!writer->reported)
			warnx("--dnstap %s: cannot be opened (%s): records are dropped until it can",
			    target->text, errno != 0 ? strerror(errno) : "no handshake");
		writer->reported = true;
		writer->next_try = boot_ms() + AGAIN_MS;
		close_stream(writer);
		return false;
	}
	if (writer->reported)
		warnx("--dnstap %s: open again", target->text);
	writer->reported = false;
	return true;
}

static void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void
write_frame(struct tap_writer *writer, size_t len)
{
	if (!open_stream(writer)) {
		count(&writer->unsent);
		return;
	}
	if (fstrm_writer_write(writer->stream, writer->frame, len) == fstrm_res_success) {
		count(&writer->sent);
		return;
	}
	warnx("--dnstap %s: cannot be written any more", writer->target->text);
	count(&writer->unsent);
	writer->reported = true;
	writer->next_try = boot_ms() + AGAIN_MS;
	close_stream(writer);
}

/* ---- frames ---- */

static ProtobufCBinaryData
octets_of(const void *data, size_t len)
{
	return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

static Dnstap__Message__Protocol
protocol_of(enum transport transport)
{
	if (transport_is_udp(transport))
		return DNSTAP__MESSAGE__PROTOCOL__UDP;
	return transport == TRANSPORT_TLS4 || transport == TRANSPORT_TLS6 ? DNSTAP__MESSAGE__PROTOCOL__DOT
									  : DNSTAP__MESSAGE__PROTOCOL__TCP;
}

static bool
is_any(const union sockaddr_any *address)
{
	return address->generic.sa_family == AF_INET ? address->v4.sin_addr.s_addr == INADDR_ANY
						     : IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* Set the fields that are the same in both frames of a record. */
static void
fill(Dnstap__Message *message, const struct tap_record *record, const union sockaddr_any *server)
{
	bool v4 = record->peer.address.family == FAMILY_V4;

	message->has_socket_family = message->has_socket_protocol = true;
	message->socket_family = v4 ? DNSTAP__MESSAGE__FAMILY__INET : DNSTAP__MESSAGE__FAMILY__INET6;
	message->socket_protocol = protocol_of(record->peer.transport);
	message->has_query_address = message->has_query_port = message->has_response_port = true;
	message->query_address = octets_of(record->peer.address.bytes, address_len(&record->peer.address));
	message->query_port = record->peer.port;
	message->response_port = listen_port(server);
	message->has_response_address = !is_any(server);
	if (server->generic.sa_family == AF_INET)
		message->response_address = octets_of(&server->v4.sin_addr, 4);
	else
		message->response_address = octets_of(&server->v6.sin6_addr, 16);
	message->has_query_time_sec = message->has_query_time_nsec = true;
	message->query_time_sec = (uint64_t)(record->query_ns / 1000000000);
	message->query_time_nsec = (uint32_t)(record->query_ns % 1000000000);
}

static void
send_message(struct tap_writer *writer, Dnstap__Message *message)
{
	Dnstap__Frame frame = DNSTAP__FRAME__INIT;
	static const char version[] = "graycloud " VERSION;

	frame.type = DNSTAP__FRAME__KIND__MESSAGE;
	frame.message = message;
	frame.has_identity = frame.has_version = true;
	frame.identity = octets_of(writer->identity, strlen(writer->identity));
	frame.version = octets_of(version, sizeof version - 1);
	if (dnstap__frame__get_packed_size(&frame) <= sizeof writer->frame)
		write_frame(writer, dnstap__frame__pack(&frame, writer->frame));
	else
		count(&writer->unsent);
}

static void
send_record(struct tap_writer *writer, const struct tap_record *record, const union sockaddr_any *server)
{
	const uint8_t *query = (const uint8_t *)(record + 1);
	Dnstap__Message message = DNSTAP__MESSAGE__INIT;

	fill(&message, record, server);
	message.type = DNSTAP__MESSAGE__TYPE__AUTH_QUERY;
	message.has_query_message = true;
	message.query_message = octets_of(query, record->inlen);
	send_message(writer, &message);
	if (record->outlen == 0)
		return;
	message.type = DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE;
	message.has_query_message = false;
	message.has_response_message = message.has_response_time_sec = message.has_response_time_nsec = true;
	message.response_message = octets_of(query + record->inlen, record->outlen);
	message.response_time_sec = (uint64_t)(record->response_ns / 1000000000);
	message.response_time_nsec = (uint32_t)(record->response_ns % 1000000000);
	send_message(writer, &message);
}

/* ---- the thread ---- */

/* Returns true if there was a record. */
static bool
take_records(struct tap_writer *writer)
{
	bool found = false;

	for (struct tap_ring *ring = atomic_load(&writer->tap->rings); ring != NULL; ring = ring->next) {
		const struct tap_record *record;

		for (int i = 0; i < TURN && (record = tap_oldest(ring)) != NULL; i++) {
			send_record(writer, record, &ring->server);
			tap_taken(ring, record);
			found = true;
		}
	}
	return found;
}

static void *
run(void *arg)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct tap_writer *writer = arg;
	bool stopping = false;

	seal_enter(SEAL_TAP);
	for (;;) {
		/* Read this before the rings, so that records that were copied before the end are found. */
		stopping = atomic_load(&writer->stop);
		if (atomic_exchange(&writer->reopen, false) && writer->target->way == TAP_FILE)
			close_stream(writer);
		if (take_records(writer))
			continue;
		if (stopping)
			break;
		nanosleep(&pause, NULL);
	}
	close_stream(writer);
	return NULL;
}

struct tap_writer *
tap_writer_start(
    struct tap *tap, const struct tap_target *target, const char *identity, struct problems *problems)
{
	struct tap_writer *writer = xcalloc(1, sizeof *writer);
	const char *why;

	writer->tap = tap;
	writer->target = target;
	snprintf(writer->identity, sizeof writer->identity, "%s", identity != NULL ? identity : "");
	if (identity == NULL)
		gethostname(writer->identity, sizeof writer->identity - 1);
	if ((why = thread_start(&writer->thread, 0, run, writer)) == NULL)
		return writer;
	problems_error(problems, "cannot start the thread of the query log: %s", why);
	free(writer);
	return NULL;
}

void
tap_writer_reopen(struct tap_writer *writer)
{
	atomic_store(&writer->reopen, true);
}

void
tap_writer_counts(const struct tap_writer *writer, struct tap_counts *counts)
{
	*counts =
	    (struct tap_counts){.sent = atomic_load(&writer->sent), .unsent = atomic_load(&writer->unsent)};
	for (struct tap_ring *ring = atomic_load(&writer->tap->rings); ring != NULL; ring = ring->next)
		counts->full += atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}

void
tap_writer_stop(struct tap_writer *writer)
{
	struct timespec end;

	if (writer == NULL)
		return;
	atomic_store(&writer->stop, true);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += STOP_S;
	if (pthread_timedjoin_np(writer->thread, NULL, &end) != 0) {
		warnx("--dnstap %s: the reader does not take the remaining records", writer->target->text);
		return;
	}
	tap_free_rings(writer->tap);
	free(writer);
}
