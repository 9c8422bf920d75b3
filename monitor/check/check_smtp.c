/*
 * [CF] 2.4: smtp is good if the server greets, answers HELO with 250 and QUIT with 221.
 *
 * This file has its own dialogue: libcurl greets with EHLO and does not wait for the answer to QUIT, so it
 * cannot check this. With starttls (S37) the greeting is EHLO, as RFC 3207 wants it, once before and once
 * after the handshake.
 */
#include "monitor/check/check_tls.h"
#include "monitor/check/meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	LINE_MAX_LEN = 2048,     /* RFC 5321 4.5.3.1.5 asks for 512 */
	REPLIES_MAX = 32 * 1024, /* octets of all replies */
};

/* The last command, which determines the expected reply. */
enum step { STEP_GREETING, STEP_HELLO, STEP_STARTTLS, STEP_HELLO_AGAIN, STEP_QUIT };

static const struct {
	const char *text;
	unsigned code;
} steps[] = {
    [STEP_GREETING] = {"the greeting", 220},
    [STEP_HELLO] = {"HELO", 250},
    [STEP_STARTTLS] = {"STARTTLS", 220},
    [STEP_HELLO_AGAIN] = {"EHLO", 250},
    [STEP_QUIT] = {"QUIT", 221},
};

struct smtp {
	struct check *check;
	struct event_base *base;
	struct bufferevent *connection;
	enum step step;
	size_t octets;
	bool offered; /* the reply to EHLO had STARTTLS */
	bool shaking; /* the TLS handshake is in progress */
	bool secured; /* the connection uses TLS */
};

static void on_event(struct bufferevent *connection, short what, void *arg);
static void on_read(struct bufferevent *connection, void *arg);

static void
listen_to(struct smtp *smtp)
{
	bufferevent_setcb(smtp->connection, on_read, NULL, on_event, smtp);
	bufferevent_setwatermark(smtp->connection, EV_READ, 0, LINE_MAX_LEN);
	bufferevent_enable(smtp->connection, EV_READ | EV_WRITE);
}

/* RFC 5321 4.1.4: a client without a public name sends its address. */
static void
say_hello(struct smtp *smtp, const char *verb)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";
	bool v6 = smtp->check->subject.address.family == FAMILY_V6;

	if (getsockname(bufferevent_getfd(smtp->connection), (struct sockaddr *)&own, &len) == 0)
		inet_ntop(own.ss_family,
		    v6 ? (const void *)&((const struct sockaddr_in6 *)&own)->sin6_addr
		       : (const void *)&((const struct sockaddr_in *)&own)->sin_addr,
		    text, sizeof text);
	evbuffer_add_printf(
	    bufferevent_get_output(smtp->connection), "%s [%s%s]\r\n", verb, v6 ? "IPv6:" : "", text);
}

/* Replace the plain bufferevent by a TLS one on the same connection. */
static void
start_tls(struct smtp *smtp)
{
	struct check *check = smtp->check;
	struct bufferevent *plain = smtp->connection;
	int fd = bufferevent_getfd(plain), error = check_tls_files(check);

	if (error != 0) {
		check_finish_errno(check, -error);
		return;
	}
	smtp->connection = check_tls_connect(smtp->base, fd, &check->subject);
	if (smtp->connection == NULL) {
		smtp->connection = plain;
		if (errno == EACCES && check->subject.monitor->client_certificate != NULL)
			check->result.reason = REASON_MONITOR_CONFIG_ERROR;
		check_finish_errno(check, errno);
		return;
	}
	bufferevent_setfd(plain, -1);
	bufferevent_free(plain);
	smtp->shaking = smtp->secured = true;
	listen_to(smtp);
}

/* The expected reply has arrived: take the next step. */
static void
go_on(struct smtp *smtp)
{
	struct check *check = smtp->check;
	bool starttls = check->subject.monitor->starttls;

	switch (smtp->step) {
	case STEP_GREETING:
		say_hello(smtp, starttls ? "EHLO" : "HELO");
		smtp->step = STEP_HELLO;
		break;
	case STEP_HELLO:
		if (starttls && !smtp->offered)
			check_finish(check, REASON_SMTP_NO_STARTTLS);
		else {
			bufferevent_write(
			    smtp->connection, starttls ? "STARTTLS\r\n" : "QUIT\r\n", starttls ? 10 : 6);
			smtp->step = starttls ? STEP_STARTTLS : STEP_QUIT;
		}
		break;
	case STEP_STARTTLS:
		start_tls(smtp);
		break;
	case STEP_HELLO_AGAIN:
		bufferevent_write(smtp->connection, "QUIT\r\n", 6);
		smtp->step = STEP_QUIT;
		break;
	case STEP_QUIT:
		check_finish(check, REASON_NONE);
		break;
	}
}

/* The code of a line of a reply ("250-SIZE", "250 ok", "250"); 0 if it is invalid. */
static unsigned
code_of(const char *line)
{
	if (line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '9' || line[2] < '0' ||
	    line[2] > '9' || (line[3] != '\0' && line[3] != ' ' && line[3] != '-'))
		return 0;
	return (unsigned)((line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0');
}

/* Check one line.  Returns REASON_NONE if it is as expected. */
static enum health_reason
line_reason(struct smtp *smtp, const char *line, size_t len)
{
	struct check *check = smtp->check;
	unsigned code = code_of(line);

	smtp->octets += len;
	if (code == 0 || smtp->octets > REPLIES_MAX) {
		check_detail(check, "%s", line);
		return REASON_SMTP_INVALID_REPLY;
	}
	check->result.code = code;
	if (code != steps[smtp->step].code) {
		check_detail(check, "%s: %s", steps[smtp->step].text, line);
		return REASON_SMTP_REPLY_MISMATCH;
	}
	if (strncasecmp(line + MIN(len, 4), "STARTTLS", 8) == 0)
		smtp->offered = true;
	return REASON_NONE;
}

/* Read the available lines.  Returns true with the reason if the reply has ended or is invalid. */
static bool
take_reply(struct smtp *smtp, struct evbuffer *input, enum health_reason *reason)
{
	bool whole = false;
	size_t len;
	char *line;

	*reason = REASON_NONE;
	while (!whole && (line = evbuffer_readln(input, &len, EVBUFFER_EOL_CRLF)) != NULL) {
		*reason = line_reason(smtp, line, len);
		whole = *reason != REASON_NONE || line[3] != '-';
		free(line);
	}
	/* Refuse extra octets after the reply: before a handshake an attacker in the path may have inserted
	 * them. */
	if (*reason == REASON_NONE && evbuffer_get_length(input) >= (whole ? 1 : LINE_MAX_LEN)) {
		*reason = REASON_SMTP_INVALID_REPLY;
		whole = true;
	}
	return whole;
}

static void
on_read(struct bufferevent *connection, void *arg)
{
	struct smtp *smtp = arg;
	enum health_reason reason;

	if (!take_reply(smtp, bufferevent_get_input(connection), &reason))
		return;
	if (reason == REASON_NONE)
		go_on(smtp);
	else
		check_finish(smtp->check, reason);
}

static void
on_event(struct bufferevent *connection, short what, void *arg)
{
	struct smtp *smtp = arg;
	struct check *check = smtp->check;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED) {
		smtp->shaking = false;
		check->result.certificate_days = check_tls_days(connection);
		say_hello(smtp, "EHLO");
		smtp->step = STEP_HELLO_AGAIN;
	} else if (smtp->secured && check_tls_flooded(connection)) {
		check_detail(check, "it sent more than %d KiB", METER_ALL / 1024);
		check_finish(check, REASON_SMTP_INVALID_REPLY);
	} else if (smtp->shaking || (smtp->secured && (what & BEV_EVENT_ERROR)))
		check_finish(check, check_tls_failure(connection));
	else if (what & BEV_EVENT_ERROR)
		check_finish_errno(check, error != 0 ? error : ECONNRESET);
	else {
		check_detail(check, "closed before %s%s", smtp->step == STEP_GREETING ? "" : "the reply to ",
		    steps[smtp->step].text);
		check_finish(check, REASON_SMTP_INVALID_REPLY);
	}
}

static void
stop(struct check *check)
{
	struct smtp *smtp = check->talk;

	check->talk = NULL;
	if (smtp == NULL)
		return;
	bufferevent_free(smtp->connection);
	free(smtp);
}

static int
talk(struct check *check)
{
	struct smtp *smtp = xcalloc(1, sizeof *smtp);

	smtp->check = check;
	smtp->base = check->shared;
	smtp->connection = bufferevent_socket_new(smtp->base, check->fd, BEV_OPT_CLOSE_ON_FREE);
	if (smtp->connection == NULL) {
		free(smtp);
		return -ENOMEM;
	}
	check->fd = -1;
	check->talk = smtp;
	listen_to(smtp);
	return 0;
}

static void *
smtp_open(struct event_base *base)
{
	return base;
}

static void
smtp_close(void *shared)
{
	(void)shared;
	check_tls_free();
}

const struct check_type check_smtp = {
    .open = smtp_open,
    .close = smtp_close,
    .talk = talk,
    .stop = stop,
    .timeout = REASON_SMTP_TIMEOUT,
};
