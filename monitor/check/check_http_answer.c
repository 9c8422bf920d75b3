/* Checks over HTTP: read the answer while it arrives, and judge the endpoint by it. */
#include "monitor/check/check_http_inner.h"
#include "monitor/check/check_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { HEAD_TOO_LARGE = 100 }; /* CURLE_TOO_LARGE of libcurl 8.6, which older headers do not have */

/* --- while it arrives --- */

static long
status_of(const struct transfer *transfer)
{
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Is text in the body, without regard to case?  Looks again only where the newest octets could complete it.
 */
static bool
body_has(const struct transfer *transfer, const char *text, size_t from)
{
	size_t len = strlen(text);

	for (size_t at = from < len ? 0 : from - len; at + len <= transfer->body_len; at++)
		if (strncasecmp(transfer->body + at, text, len) == 0)
			return true;
	return false;
}

/* Take octets of the body, which are searched only if they decide.  A result other than len ends the
 * transfer. */
static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	const struct monitor *monitor = transfer->check->subject.monitor;
	size_t len = size * count, take, from = transfer->body_len;

	if (transfer->decided || transfer->redirected || transfer->body == NULL)
		return 0;
	take = MIN(len, BODY_MAX - transfer->body_len);
	memcpy(transfer->body + transfer->body_len, data, take);
	transfer->body_len += take;
	transfer->found = body_has(transfer, monitor->expected_body, from);
	transfer->decided = transfer->found || transfer->body_len == BODY_MAX;
	return transfer->decided ? 0 : len;
}

/* A head has ended.  Returns false if the rest is not needed: the status has decided, or redirects. */
static bool
take_head(struct transfer *transfer)
{
	const struct monitor *monitor = transfer->check->subject.monitor;
	long status = status_of(transfer);

	/* RFC 9110 15.2: another head follows, but not after 101. */
	if (status < 200 && status != 101)
		return true;
	transfer->redirected = monitor->follow_redirects && status / 100 == 3 && transfer->location != NULL;
	transfer->decided = !transfer->redirected &&
	    (status == 101 || !monitor_expects(monitor, status) || monitor->expected_body[0] == '\0');
	return !transfer->redirected && !transfer->decided;
}

static bool
take_location(struct transfer *transfer, const char *line, size_t len)
{
	static const char name[] = "Location:";
	size_t at = sizeof name - 1;

	if (len < at || strncasecmp(line, name, at) != 0 || transfer->location != NULL)
		return true;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (len > at && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	transfer->location = strndup(line + at, len - at);
	return transfer->location != NULL;
}

/* Take one line of a head, or of the trailers after a body.  Limit them: endless heads would exhaust the
 * memory. */
static size_t
take_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;
	bool ended = len > 0 && (data[0] == '\r' || data[0] == '\n');

	transfer->headers_len += len;
	if (transfer->headers_len > HEADERS_MAX)
		return 0;
	if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
		transfer->in_head = true;
		free(transfer->location);
		transfer->location = NULL;
	}
	if (!transfer->in_head)
		return len;
	if (!ended)
		return take_location(transfer, data, len) ? len : 0;
	transfer->in_head = false;
	return take_head(transfer) ? len : 0;
}

void
http_answer_constants(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

void
http_answer_again(struct transfer *transfer)
{
	free(transfer->location);
	transfer->location = NULL;
	transfer->in_head = transfer->redirected = transfer->wanted_certificate = false;
	transfer->error[0] = '\0';
}

void
http_answer_end(struct transfer *transfer)
{
	http_answer_again(transfer);
	free(transfer->body);
	transfer->body = NULL;
	transfer->decided = transfer->found = false;
	transfer->body_len = transfer->headers_len = 0;
}

/* --- the end --- */

/* Days until the server's certificate ends. */
static int32_t
certificate_days(CURL *easy)
{
	static const char label[] = "Expire date:";
	struct curl_certinfo *chain = NULL;
	struct tm when = {0};

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
	    chain->num_of_certs < 1)
		return INT32_MIN;
	for (const struct curl_slist *line = chain->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, label, sizeof label - 1) == 0 &&
		    strptime(line->data + sizeof label - 1, "%b %e %H:%M:%S %Y", &when) != NULL) {
			double days = difftime(timegm(&when), time(NULL)) / 86400;

			return (int32_t)MAX(-100000, MIN(days, 100000));
		}
	return INT32_MIN;
}

void
http_answer_note(struct transfer *transfer)
{
	struct check *check = transfer->check;
	long status = status_of(transfer);

	check->result.code = status > 0 ? (uint32_t)status : 0;
	/* The first host's. */
	if (check->subject.monitor->type == MONITOR_HTTPS && check->result.certificate_days == INT32_MIN)
		check->result.certificate_days = certificate_days(transfer->easy);
}

/* The server asked for a certificate, this monitor has none, and the server closed with an alert before it
 * answered. */
static bool
lacks_certificate(const struct transfer *transfer)
{
	return transfer->wanted_certificate && transfer->headers_len == 0 &&
	    transfer->check->subject.monitor->client_certificate == NULL &&
	    strstr(transfer->error, "alert") != NULL;
}

/* Alerts and refusals of the handshake are only available as texts of OpenSSL. */
static enum health_reason
handshake_reason(const struct transfer *transfer, long os_error)
{
	enum health_reason reason = check_tls_handshake_reason(transfer->error);

	return reason == REASON_TLS_HANDSHAKE_FAILURE && os_error == ECONNRESET ? REASON_CONNECTION_RESET
										: reason;
}

static enum health_reason
certificate_reason(const struct transfer *transfer)
{
	long verified = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	return check_tls_certificate_reason(verified);
}

/* The connection was closed; libcurl has the same code for invalid chunks, but another text. */
static enum health_reason
broken_reason(const struct transfer *transfer, long os_error)
{
	if (strstr(transfer->error, "chunk") != NULL)
		return REASON_HTTP_INVALID_RESPONSE;
	if (strstr(transfer->error, "alert") != NULL) /* of TLS 1.3, which comes after the handshake */
		return check_tls_handshake_reason(transfer->error);
	return os_error == 0 || os_error == EPIPE || os_error == ECONNRESET ? REASON_CONNECTION_RESET
									    : REASON_OTHER_FAILURE;
}

static enum health_reason
answer_reason(const struct transfer *transfer)
{
	const struct monitor *monitor = transfer->check->subject.monitor;
	long version = CURL_HTTP_VERSION_NONE;

	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
	if (monitor->http_version == HTTP_VERSION_2 && version != CURL_HTTP_VERSION_2_0)
		return REASON_HTTP_VERSION_MISMATCH;
	if (!monitor_expects(monitor, status_of(transfer)))
		return REASON_RESPONSE_CODE_MISMATCH;
	return monitor->expected_body[0] == '\0' || transfer->found ? REASON_NONE
								    : REASON_RESPONSE_BODY_MISMATCH;
}

/* The reason for a code of libcurl. */
static enum health_reason
failure_reason(const struct transfer *transfer, CURLcode code, long os_error)
{
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return REASON_HTTP_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return REASON_DNS_UNKNOWN_HOST;
	case CURLE_PEER_FAILED_VERIFICATION:
		return certificate_reason(transfer);
	case CURLE_SSL_CONNECT_ERROR:
		return handshake_reason(transfer, os_error);
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return broken_reason(transfer, os_error);
	case CURLE_URL_MALFORMAT:
		return transfer->opened > 0 ? REASON_HTTP_INVALID_RESPONSE : REASON_MONITOR_CONFIG_ERROR;
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_PARTIAL_FILE:
		return transfer->meter.broken ? REASON_CONNECTION_RESET : REASON_HTTP_INVALID_RESPONSE;
	case CURLE_WRITE_ERROR: /* from this code: endless heads */
	case HEAD_TOO_LARGE:
	case CURLE_HTTP2_STREAM:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return REASON_HTTP_INVALID_RESPONSE;
	default:
		return REASON_OTHER_FAILURE;
	}
}

/* S26: a file that cannot be read on this machine shows nothing about the endpoint. */
static void
finish_unreadable(const struct transfer *transfer, const char *own)
{
	struct check *check = transfer->check;

	if (own != NULL) {
		check_detail(check, "%s", transfer->error);
		check->result.reason = REASON_MONITOR_CONFIG_ERROR;
	}
	check_finish_errno(check, EACCES);
}

static void
finish_failed(struct transfer *transfer, CURLcode code)
{
	struct check *check = transfer->check;
	const struct monitor *monitor = check->subject.monitor;
	enum health_reason reason;
	long os_error = 0, asked = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
	switch (code) {
	case CURLE_COULDNT_CONNECT: /* of a redirect: this program makes the first connection */
		check_finish_errno(check, os_error != 0 ? (int)os_error : ECONNREFUSED);
		break;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		/* libcurl also returns this for a header line of more than 100 KB. */
		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &asked);
		if (asked > 0)
			check_finish(check, REASON_HTTP_INVALID_RESPONSE);
		else
			check_finish_errno(check, ENOMEM);
		break;
	case CURLE_SSL_CACERT_BADFILE: /* the system's file: http_open has reported it */
		finish_unreadable(transfer, monitor->ca_file);
		break;
	case CURLE_SSL_CERTPROBLEM:
		finish_unreadable(transfer, monitor->client_certificate);
		break;
	default:
		reason = failure_reason(transfer, code, os_error);
		if (reason == REASON_OTHER_FAILURE || reason == REASON_TLS_HANDSHAKE_FAILURE)
			check_detail(check, "%s", transfer->error);
		check_finish(check, reason);
	}
}

void
http_answer_finish(struct transfer *transfer)
{
	struct check *check = transfer->check;

	http_answer_note(transfer);
	if (transfer->decided || transfer->code == CURLE_OK)
		check_finish(check, answer_reason(transfer));
	else if (transfer->meter.exceeded) {
		check_detail(check, "it sent more than %d KiB", METER_ALL / 1024);
		check_finish(check, REASON_HTTP_INVALID_RESPONSE);
	} else if (lacks_certificate(transfer))
		check_finish(check, REASON_TLS_CLIENT_CERTIFICATE);
	else
		finish_failed(transfer, transfer->code);
}
