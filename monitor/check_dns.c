/*
 * S37: dns asks one question and is good when the rcode is as expected and, where data is, one answer has it.
 *
 * A datagram first, on a socket of its own (a port that nobody knows, connected, so that only the endpoint is heard);
 * TCP where the answer says TC.  A datagram that is not the answer (id, question) is passed over; over TCP it is a
 * fault.  The query has no EDNS: every server answers it.
 */
#include "check.h"

#include "rrset.h"
#include "schema.h"
#include "zonefile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	HEADER_LEN = 12,
	QUERY_MAX = HEADER_LEN + NAME_MAX_LEN + 4,
	MESSAGE_MAX = 65535,
	DATAGRAM_MAX = 4096, /* 512 are expected */
	CHAIN_MAX = 16       /* CNAMEs on the way to the data */
};

struct dns {
	struct check *check;
	struct event_base *base;
	int udp;
	struct event *readable;
	struct bufferevent *tcp;
	uint8_t query[2 + QUERY_MAX]; /* with its length before it, as TCP wants it */
	size_t len;                   /* of the message */
};

/* --- a message --- */

/* Octets of a message that are read once, from the front; wrong sticks. */
struct reader {
	const uint8_t *message;
	size_t len, at;
	bool wrong;
};

/* One record of the answer section. */
struct record {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type, class;
	size_t at, end; /* of its data in the message */
};

static uint16_t
read16(struct reader *reader)
{
	reader->wrong = reader->wrong || reader->len - reader->at < 2;
	if (reader->wrong)
		return 0;
	reader->at += 2;
	return get16(reader->message + reader->at - 2);
}

/* RFC 1035 4.1.4: every pointer goes back, so that there is an end.  Returns the length. */
static size_t
read_name(struct reader *reader, uint8_t out[NAME_MAX_LEN])
{
	size_t at = reader->at, len = 0, end = 0, before = at;

	while (at < reader->len) {
		uint8_t octet = reader->message[at];

		if (octet >= 0xc0 && at + 1 < reader->len) {
			size_t to = get16(reader->message + at) & 0x3fffu;

			if (end == 0)
				end = at + 2;
			if (to >= before)
				break;
			at = before = to;
		} else if (octet > 63 || at + 1 + octet > reader->len || len + 1 + octet + (octet != 0) > NAME_MAX_LEN)
			break;
		else {
			memcpy(out + len, reader->message + at, 1u + octet);
			len += 1u + octet;
			at += 1u + octet;
			if (octet != 0)
				continue;
			reader->at = end == 0 ? at : end;
			return len;
		}
	}
	reader->wrong = true;
	out[0] = 0;
	return 1;
}

static void
read_record(struct reader *reader, struct record *record)
{
	size_t len;

	read_name(reader, record->owner);
	record->type = read16(reader);
	record->class = read16(reader);
	read16(reader);
	read16(reader);
	len = read16(reader);
	if (reader->wrong || len > reader->len - reader->at) {
		reader->wrong = true;
		return;
	}
	record->at = reader->at;
	record->end = reader->at += len;
}

/* RFC 3597 4: the types whose names may be compressed: octets before the names, and how many names. */
static const struct {
	uint16_t type;
	uint8_t before, names;
} compressible[] = {{TYPE_NS, 0, 1}, {TYPE_CNAME, 0, 1}, {TYPE_PTR, 0, 1}, {TYPE_DNAME, 0, 1}, {TYPE_SOA, 0, 2},
    {TYPE_MX, 2, 1}, {14 /* MINFO */, 0, 2}, {17 /* RP */, 0, 2}, {18 /* AFSDB */, 2, 1}, {21 /* RT */, 2, 1},
    {26 /* PX */, 2, 2}, {TYPE_SRV, 6, 1}, {36 /* KX */, 2, 1}};

/* The data of a record, uncompressed; 0 where it is none. */
static size_t
record_data(const struct reader *whole, const struct record *record, uint8_t *out, size_t room)
{
	struct reader reader = {.message = whole->message, .len = record->end, .at = record->at};
	size_t len = 0, rest, before = 0, names = 0;

	for (size_t i = 0; i < NITEMS(compressible); i++)
		if (compressible[i].type == record->type) {
			before = compressible[i].before;
			names = compressible[i].names;
		}
	if (record->end - record->at < before || room < before + names * NAME_MAX_LEN)
		return 0;
	memcpy(out, reader.message + reader.at, before);
	reader.at += before;
	len = before;
	for (; names > 0; names--)
		len += read_name(&reader, out + len);
	rest = record->end - MIN(reader.at, record->end);
	if (reader.wrong || rest > room - len)
		return 0;
	memcpy(out + len, reader.message + reader.at, rest);
	return len + rest;
}

/* --- what it says --- */

/* The asked name, or where CNAMEs lead it within this answer.  at is the first record. */
static bool
owner_asked(const struct reader *at, unsigned count, const uint8_t *asked, const uint8_t *owner)
{
	uint8_t name[NAME_MAX_LEN], target[NAME_MAX_LEN];

	name_lower(name, asked);
	for (unsigned hops = 0; hops <= CHAIN_MAX; hops++) {
		struct reader reader = *at;
		bool moved = false;

		if (name_equal(name, owner))
			return true;
		for (unsigned i = 0; i < count && !moved && !reader.wrong; i++) {
			struct record record;

			read_record(&reader, &record);
			if (reader.wrong || record.type != TYPE_CNAME || !name_equal(record.owner, name))
				continue;
			moved = record_data(&reader, &record, target, sizeof target) > 0;
		}
		if (!moved)
			return false;
		memcpy(name, target, name_len(target));
	}
	return false;
}

static void
tell_other_data(struct check *check, const struct reader *reader, const struct record *record, unsigned found)
{
	int family = record->type == TYPE_A ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (found > 1)
		check_detail(check, "%u answers, none of them this", found);
	else if ((record->type == TYPE_A && record->end - record->at == 4) ||
	    (record->type == TYPE_AAAA && record->end - record->at == 16))
		check_detail(check, "%s", inet_ntop(family, reader->message + record->at, text, sizeof text));
	else
		check_detail(check, "another answer");
}

/* Is the expected data there?  reader stands at the answer section. */
static enum health_reason
data_reason(struct check *check, struct reader *reader, unsigned count)
{
	const struct monitor *monitor = check->subject.monitor;
	const struct reader first = *reader;
	uint8_t data[MESSAGE_MAX];
	unsigned found = 0;

	if (monitor->dns_data == NULL)
		return REASON_NONE;
	for (unsigned i = 0; i < count; i++) {
		struct record record;
		size_t len;

		read_record(reader, &record);
		if (reader->wrong)
			return REASON_DNS_INVALID_RESPONSE;
		if (record.type != monitor->dns_type || record.class != CLASS_IN ||
		    !owner_asked(&first, count, monitor->dns_name, record.owner))
			continue;
		len = record_data(reader, &record, data, sizeof data);
		if (len > 0 &&
		    zonefile_compare_rdata(record.type, data, len, monitor->dns_data, monitor->dns_data_len) == 0)
			return REASON_NONE;
		tell_other_data(check, reader, &record, ++found);
	}
	if (found == 0)
		check_detail(check, "no answer of that type");
	return REASON_DNS_DATA_MISMATCH;
}

/* Is it the response to our query: id, opcode, and the question as we asked it?  reader goes on to the answers. */
static bool
is_response(const struct dns *dns, struct reader *reader)
{
	const uint8_t *query = dns->query + 2, *message = reader->message;
	uint8_t name[NAME_MAX_LEN];

	if (reader->len < HEADER_LEN || get16(message) != get16(query) || (message[2] & 0xf8) != 0x80)
		return false;
	reader->at = HEADER_LEN;
	/* RFC 2136 aside, a server that understood nothing of it may leave the question out: rcode FORMERR. */
	if (get16(message + 4) == 0)
		return (message[3] & 15) == 1;
	if (get16(message + 4) != 1)
		return false;
	read_name(reader, name);
	return !reader->wrong && reader->len - reader->at >= 4 && name_equal(name, query + HEADER_LEN) &&
	    read16(reader) == dns->check->subject.monitor->dns_type && read16(reader) == CLASS_IN;
}

static enum health_reason
response_reason(struct check *check, struct reader *reader)
{
	uint8_t rcode = reader->message[3] & 15;
	const char *text = schema_dns_rcode_text(rcode);

	check->result.code = rcode;
	if (rcode == check->subject.monitor->dns_rcode)
		return data_reason(check, reader, get16(reader->message + 6));
	if (text != NULL)
		check_detail(check, "%s", text);
	else
		check_detail(check, "rcode %u", rcode);
	return REASON_DNS_RCODE_MISMATCH;
}

/* --- over TCP --- */

static void
on_tcp_read(struct bufferevent *connection, void *arg)
{
	struct dns *dns = arg;
	struct evbuffer *input = bufferevent_get_input(connection);
	size_t have = evbuffer_get_length(input), want;
	const uint8_t *octets = evbuffer_pullup(input, (ev_ssize_t)have);
	struct reader reader = {0};

	if (have < 2 || have - 2 < (want = get16(octets)))
		return;
	reader.message = octets + 2;
	reader.len = want;
	check_finish(dns->check, is_response(dns, &reader) ? response_reason(dns->check, &reader) : REASON_DNS_INVALID_RESPONSE);
}

static void
on_tcp_event(struct bufferevent *connection, short what, void *arg)
{
	struct dns *dns = arg;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED)
		bufferevent_write(connection, dns->query, 2 + dns->len);
	else if (what & BEV_EVENT_ERROR)
		check_finish_errno(dns->check, error != 0 ? error : ECONNRESET);
	else {
		check_detail(dns->check, "closed before the answer");
		check_finish(dns->check, REASON_DNS_INVALID_RESPONSE);
	}
}

static int
tcp_begin(struct dns *dns)
{
	struct sockaddr_storage to;
	socklen_t len = check_sockaddr(&dns->check->subject, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	event_del(dns->readable);
	dns->tcp = bufferevent_socket_new(dns->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (dns->tcp == NULL) {
		close(fd);
		return -ENOMEM;
	}
	bufferevent_setcb(dns->tcp, on_tcp_read, NULL, on_tcp_event, dns);
	bufferevent_setwatermark(dns->tcp, EV_READ, 0, 2 + MESSAGE_MAX);
	bufferevent_enable(dns->tcp, EV_READ | EV_WRITE);
	/* A connect that fails at once is an event, too. */
	return bufferevent_socket_connect(dns->tcp, (const struct sockaddr *)&to, (int)len) < 0 ? -ECONNREFUSED : 0;
}

/* --- over UDP --- */

static void
on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;
	uint8_t message[DATAGRAM_MAX];
	ssize_t got = recv(fd, message, sizeof message, 0);
	struct reader reader = {.message = message, .len = (size_t)MAX(got, 0)};
	int error;

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 && errno == ECONNREFUSED)
		check_finish(dns->check, REASON_UDP_PORT_UNREACHABLE);
	else if (got < 0)
		check_finish_errno(dns->check, errno);
	else if (!is_response(dns, &reader))
		return; /* somebody else's, or late */
	else if ((message[2] & 2) == 0)
		check_finish(dns->check, response_reason(dns->check, &reader));
	else if ((error = tcp_begin(dns)) != 0) /* TC */
		check_finish_errno(dns->check, -error);
}

static void
build_query(struct dns *dns, const struct monitor *monitor)
{
	uint8_t *query = dns->query + 2;
	size_t len = HEADER_LEN + name_len(monitor->dns_name);

	random_bytes(query, 2);
	query[2] = 1; /* RD: a resolver then answers, and an authoritative server does not mind */
	put16(query + 4, 1);
	memcpy(query + HEADER_LEN, monitor->dns_name, len - HEADER_LEN);
	put16(query + len, monitor->dns_type);
	put16(query + len + 2, CLASS_IN);
	dns->len = len + 4;
	put16(dns->query, (uint16_t)dns->len);
}

static int
udp_begin(struct dns *dns)
{
	struct sockaddr_storage to;
	socklen_t len = check_sockaddr(&dns->check->subject, &to);

	dns->udp = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dns->udp < 0 || connect(dns->udp, (const struct sockaddr *)&to, len) < 0 ||
	    send(dns->udp, dns->query + 2, dns->len, 0) < 0)
		return -errno;
	dns->readable = event_new(dns->base, dns->udp, EV_READ | EV_PERSIST, on_udp, dns);
	return dns->readable == NULL || event_add(dns->readable, NULL) < 0 ? -ENOMEM : 0;
}

static void
stop(struct check *check)
{
	struct dns *dns = check->talk;

	check->talk = NULL;
	if (dns == NULL)
		return;
	if (dns->readable != NULL)
		event_free(dns->readable);
	if (dns->tcp != NULL)
		bufferevent_free(dns->tcp);
	if (dns->udp >= 0)
		close(dns->udp);
	free(dns);
}

static int
talk(struct check *check)
{
	struct dns *dns = calloc(1, sizeof *dns);
	int error;

	if (dns == NULL)
		return -ENOMEM;
	dns->check = check;
	dns->base = check->shared;
	dns->udp = -1;
	check->talk = dns;
	build_query(dns, check->subject.monitor);
	error = udp_begin(dns);
	if (error != 0)
		stop(check);
	return error;
}

static void *
dns_open(struct event_base *base)
{
	return base;
}

static void
dns_close(void *shared)
{
	(void)shared;
}

const struct check_type check_dns = {
    .open = dns_open,
    .close = dns_close,
    .talk = talk,
    .stop = stop,
    .timeout = REASON_DNS_TIMEOUT,
    .alone = true,
};
