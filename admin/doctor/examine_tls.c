/* The nameserver's TLS listeners: do they speak TLS, and how long is their certificate good for? */
#include "admin/doctor/doctor_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 1500, HANDSHAKE = 22, ALERT = 21, WARN_DAYS = 14 };
enum { DAY_MS = 86400 * 1000 };

/*
 * The smallest offer of TLS 1.2 (RFC 5246 7.4.1.2) with the groups and signatures that servers want. A server
 * answers it with a handshake, or with an alert if it wants more: both are records of TLS, and no other
 * service answers so. The rest is not read: the certificate is known from the serving store.
 */
static const uint8_t hello[] = {HANDSHAKE, 3, 1, 0, 77, 1, 0, 0, 73, 3, 3,
    /* random */
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 31, 32,
    /* no session, two suites (ECDHE with ECDSA or RSA, AES-128-GCM), no compression */
    0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0,
    /* 28 octets of extensions: groups P-256 and X25519; signatures */
    0, 28, 0, 10, 0, 6, 0, 4, 0, 23, 0, 29, 0, 13, 0, 14, 0, 12, 4, 3, 4, 1, 5, 3, 5, 1, 8, 4, 8, 5};

static bool
wait_for(int fd, short what)
{
	struct pollfd one = {.fd = fd, .events = what};

	return poll(&one, 1, PATIENCE_MS) == 1;
}

/* NULL if a record of TLS comes; else the fault, as the end of a sentence. */
static const char *
try_tls(const struct address *address, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = address->family == FAMILY_V4;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len = sizeof error;
	const char *fault = NULL;
	uint8_t kind = 0;

	memcpy(is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, address->bytes, address_len(address));
	if (fd < 0)
		return "cannot be asked: no socket is left";
	if (connect(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		is_v4 ? sizeof v4 : sizeof v6) < 0 &&
	    (errno != EINPROGRESS || !wait_for(fd, POLLOUT)))
		fault = "does not take connections";
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
		fault = "does not take connections";
	else if (send(fd, hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello ||
	    !wait_for(fd, POLLIN) || recv(fd, &kind, 1, 0) != 1 || (kind != HANDSHAKE && kind != ALERT))
		fault = "takes connections but does not speak TLS";
	close(fd);
	return fault;
}

void
assess_certificate(struct findings *findings, int64_t now, int64_t until)
{
	char when[32];

	wall_text(until, when);
	if (until > now + (int64_t)WARN_DAYS * DAY_MS) {
		finding_add(findings, FINDING_OK, "tls-certificate", "nameserver",
		    "its TLS certificate is good until %.10s", when);
		return;
	}
	if (until <= now)
		finding_add(findings, FINDING_ERROR, "tls-certificate", "nameserver",
		    "its TLS certificate ended at %.19sZ: clients that check it end the connection", when);
	else
		finding_add(findings, FINDING_WARNING, "tls-certificate", "nameserver",
		    "its TLS certificate ends at %.19sZ", when);
	finding_cure(findings,
	    "renew it and write it into the files of --cert and --key: the nameserver reads them again by "
	    "itself");
}

static void
examine_listener(struct findings *findings, const char *text)
{
	struct address address;
	uint16_t port;
	const char *fault;

	if (!address_port_from_text(&address, &port, text, PORT_REQUIRED))
		return;
	make_reachable(&address);
	if ((fault = try_tls(&address, port)) == NULL)
		return;
	finding_add(
	    findings, FINDING_ERROR, "tls-silent", "nameserver", "its TLS listener %s %s", text, fault);
	finding_cure(findings,
	    "see whether the address is still this machine's (ip address) and what its firewall drops (nft "
	    "list "
	    "ruleset)");
}

void
examine_tls(struct examination *examination)
{
	const struct picture *picture = examination->picture;
	bool any = false;
	char *copy, *rest;

	if (picture == NULL || picture->serving_dead || !picture->answering.ready)
		return;
	copy = xstrdup(picture->answering.listeners);
	for (char *word = strtok_r(copy, ", ", &rest); word != NULL; word = strtok_r(NULL, ", ", &rest)) {
		if (strcmp(word, "tls") != 0 || (word = strtok_r(NULL, ", ", &rest)) == NULL)
			continue;
		examine_listener(examination->findings, word);
		any = true;
	}
	free(copy);
	if (any && picture->answering.certificate_until != 0)
		assess_certificate(examination->findings, wall_ms(), picture->answering.certificate_until);
}
