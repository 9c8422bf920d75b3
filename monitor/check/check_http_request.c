/* Checks over HTTP: the request, and redirects. */
#include "monitor/check/check_http_inner.h"
#include "monitor/check/check_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static CURLcode
on_tls_context(CURL *easy, void *context, void *arg)
{
	struct transfer *transfer = arg;

	(void)easy;
	check_tls_note_request(context, &transfer->wanted_certificate);
	return CURLE_OK;
}

/* The options that are the same for every check. */
void
http_request_constants(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_USERAGENT, "graycloud-monitor/" VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* S34: http_request_follow decides */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 1024L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	/* A time-out must not wait for the thread that looks up a redirect's name. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* A resumed session is not verified: an expired certificate would not be noticed. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer);
	/* No person can enter the password of a key. */
	curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
	/* libcurl parses the authorities once for all handles only if they are in one file. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

/* --- headers --- */

static bool
add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = line == NULL ? NULL : curl_slist_append(*list, line);

	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
	char *line = NULL;
	bool added;

	/* libcurl drops a header written "Name:"; "Name;" is how it sends one without a value. */
	if (asprintf(&line, *value == '\0' ? "%s;" : "%s: %s", name, value) < 0)
		return false;
	added = add_line(list, line);
	free(line);
	return added;
}

/* RFC 9110 8.6: a method with a meaning for content must send the length 0. */
static bool
add_length(struct transfer *transfer, const struct monitor *monitor)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH"};

	for (size_t i = 0; i < monitor->nheaders; i++)
		if (strcasecmp(monitor->headers[i].name, "Content-Length") == 0 ||
		    strcasecmp(monitor->headers[i].name, "Transfer-Encoding") == 0)
			return true;
	for (size_t i = 0; i < NITEMS(methods); i++)
		if (strcmp(monitor->method, methods[i]) == 0)
			return add_header(&transfer->headers, "Content-Length", "0");
	return true;
}

/* host, if it is not NULL, is sent in place of the URL's.  Secrets are the monitor's own headers. */
static bool
set_headers(struct transfer *transfer, const char *host, bool secrets)
{
	const struct monitor *monitor = transfer->check->subject.monitor;

	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	if ((host != NULL && !add_header(&transfer->headers, "Host", host)) || !add_length(transfer, monitor))
		return false;
	for (size_t i = 0; secrets && i < monitor->nheaders; i++) {
		const struct header *header = &monitor->headers[i];

		/* S23: the User-Agent is graycloud's. */
		if (strcasecmp(header->name, "User-Agent") == 0 || strcasecmp(header->name, "Host") == 0)
			continue;
		if (!add_header(&transfer->headers, header->name, header->value))
			return false;
	}
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	return true;
}

/* --- TLS --- */

/* S37: a monitor's own authorities, and a client certificate, only for the first host. */
static void
set_tls(struct transfer *transfer, bool secrets)
{
	const struct monitor *monitor = transfer->check->subject.monitor;
	const char *certificate = secrets ? monitor->client_certificate : NULL;
	bool own = monitor->ca_file != NULL;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_CAINFO, own ? monitor->ca_file : transfer->authorities);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* One file is kept parsed, and that is the system's, which is large. */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, own ? 0L : 86400L);
#endif
	curl_easy_setopt(easy, CURLOPT_SSLCERT, certificate);
	curl_easy_setopt(easy, CURLOPT_SSLKEY,
	    certificate == NULL || monitor->client_key == NULL ? certificate : monitor->client_key);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, monitor->allow_insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, monitor->allow_insecure ? 0L : 2L);
}

/* --- the first request --- */

/* Keeps url. */
static bool
set_url(struct transfer *transfer, char *url)
{
	free(transfer->url);
	transfer->url = url;
	return curl_easy_setopt(transfer->easy, CURLOPT_URL, url) == CURLE_OK;
}

/*
 * [CF] 2.4: Host is the origin's, else the monitor's, else the hostname or address, and the name in it is
 * sent as SNI.  So the URL has it, and CONNECT_TO maps each of its ports, also after a redirect, to the
 * endpoint.
 */
static int
set_target(struct transfer *transfer, const struct check_subject *subject)
{
	const struct monitor *monitor = subject->monitor;
	bool v6 = subject->address.family == FAMILY_V6;
	char address[46], literal[64], name[256], *url = NULL, *to = NULL;
	bool added;

	address_to_text(&subject->address, address);
	snprintf(literal, sizeof literal, v6 ? "[%s]" : "%s", address);
	if (!check_host_name(subject, name))
		snprintf(name, sizeof name, "%s", literal);
	else {
		added = asprintf(&to, "%s::%s:", name, literal) >= 0 && add_line(&transfer->connect_to, to);
		free(to);
		if (!added)
			return -ENOMEM;
	}
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
	if (asprintf(&url, "%s://%s:%u%s%s", monitor->type == MONITOR_HTTPS ? "https" : "http", name,
		monitor->port, monitor->path[0] == '/' ? "" : "/", monitor->path) < 0)
		return -ENOMEM;
	return set_url(transfer, url) && set_headers(transfer, check_host_header(subject), true) ? 0
												 : -ENOMEM;
}

/* S37: HTTP/2 is negotiated by ALPN; without TLS it is used at once. */
static long
version_of(const struct monitor *monitor, bool tls)
{
	switch (monitor->http_version) {
	case HTTP_VERSION_2:
		return tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	case HTTP_VERSION_AUTO:
		return tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
	default:
		return CURL_HTTP_VERSION_1_1;
	}
}

int
http_request_begin(struct transfer *transfer)
{
	struct check *check = transfer->check;
	const struct monitor *monitor = check->subject.monitor;
	bool head = strcmp(monitor->method, "HEAD") == 0, get = strcmp(monitor->method, "GET") == 0;
	CURL *easy = transfer->easy;
	int error = check_tls_files(check);

	if (error == 0)
		error = set_target(transfer, &check->subject);
	if (error != 0)
		return error;
	/* libcurl 7.88 then reads the error of the socket, not only poll(): meter.h handles that. */
	curl_easy_setopt(easy, CURLOPT_TCP_FASTOPEN, 1L);
	/* HTTPGET undoes NOBODY, which the previous check may have set. */
	curl_easy_setopt(easy, head ? CURLOPT_NOBODY : CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version_of(monitor, monitor->type == MONITOR_HTTPS));
	if (monitor->type == MONITOR_HTTPS) /* for http it only costs time, and a redirect sets it anyway */
		set_tls(transfer, true);
	if (curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, head || get ? NULL : monitor->method) != CURLE_OK)
		return -ENOMEM;
	if (monitor->expected_body[0] != '\0')
		transfer->body = xmalloc(BODY_MAX);
	return 0;
}

void
http_request_end(struct transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	transfer->headers = transfer->connect_to = NULL;
	free(transfer->url);
	transfer->url = NULL;
	transfer->redirects = 0;
}

/* --- redirects --- */

/* The target of a redirect. */
struct target {
	CURLU *url;
	char *scheme, *host; /* the host without brackets and final dot */
	struct address address;
	bool first; /* the host is the first one: the endpoint, by name or by address */
};

static void
target_free(struct target *target)
{
	curl_free(target->scheme);
	free(target->host);
	curl_url_cleanup(target->url);
}

/* A relative URL is completed with the URL of this hop.  Returns false if it is not an HTTP URL. */
static bool
target_read(struct target *target, const struct transfer *transfer)
{
	const struct check_subject *subject = &transfer->check->subject;
	char *host = NULL, name[256];
	size_t len;

	*target = (struct target){.url = curl_url()};
	if (target->url == NULL || curl_url_set(target->url, CURLUPART_URL, transfer->url, 0) != CURLUE_OK ||
	    curl_url_set(target->url, CURLUPART_URL, transfer->location, 0) != CURLUE_OK ||
	    curl_url_get(target->url, CURLUPART_SCHEME, &target->scheme, 0) != CURLUE_OK ||
	    (strcmp(target->scheme, "http") != 0 && strcmp(target->scheme, "https") != 0) ||
	    curl_url_get(target->url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	len = strlen(host);
	target->host = host[0] == '[' ? strndup(host + 1, len - 2)
				      : strndup(host, len - (len > 0 && host[len - 1] == '.'));
	curl_free(host);
	if (target->host == NULL || *target->host == '\0')
		return false;
	if (address_from_text(&target->address, target->host))
		target->first = memcmp(&target->address, &subject->address, sizeof subject->address) == 0;
	else
		target->first = check_host_name(subject, name) && strcasecmp(name, target->host) == 0;
	return true;
}

static bool
target_allowed(const struct target *target, const struct monitor *monitor)
{
	char canonical[46];
	const char *host = target->address.family == FAMILY_NONE
	    ? target->host
	    : address_to_text(&target->address, canonical);

	if (target->first)
		return true;
	for (char **allowed = monitor->redirect_hosts; allowed != NULL && *allowed != NULL; allowed++)
		if (strcasecmp(*allowed, host) == 0)
			return true;
	return false;
}

/* Use the first Host while the target is the same host and port; else the URL's. */
static const char *
target_host_header(const struct target *target, const struct check_subject *subject)
{
	char *port = NULL;
	const char *header = NULL;
	uint64_t number;

	if (target->first &&
	    curl_url_get(target->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    whole_from_text(port, 65535, &number) && number == subject->monitor->port)
		header = check_host_header(subject);
	curl_free(port);
	return header;
}

/* The URL to request: without user and password, because an origin has no right to set them; the endpoint's
 * host is in the form that CONNECT_TO maps. */
static bool
target_url(struct target *target, struct transfer *transfer)
{
	char *text = NULL, *copy;

	curl_url_set(target->url, CURLUPART_USER, NULL, 0);
	curl_url_set(target->url, CURLUPART_PASSWORD, NULL, 0);
	if (target->address.family == FAMILY_NONE &&
	    curl_url_set(target->url, CURLUPART_HOST, target->host, 0) != CURLUE_OK)
		return false;
	if (curl_url_get(target->url, CURLUPART_URL, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	copy = xstrdup(text);
	curl_free(text);
	return copy != NULL && set_url(transfer, copy);
}

/* S34: a redirect may lead to the same host, or to a host that the monitor names. Send secrets only to the
 * first host, and never without TLS if they were first sent with TLS. */
static enum health_reason
follow(struct target *target, struct transfer *transfer)
{
	struct check *check = transfer->check;
	const struct monitor *monitor = check->subject.monitor;
	bool tls = strcmp(target->scheme, "https") == 0;
	bool secrets = target->first && (tls || monitor->type != MONITOR_HTTPS);

	if (!target_allowed(target, monitor)) {
		check_detail(check, "%s", target->host);
		return REASON_REDIRECT_TO_OTHER_HOST;
	}
	curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, version_of(monitor, tls));
	curl_easy_setopt(transfer->easy, CURLOPT_TCP_FASTOPEN, 0L);
	set_tls(transfer, secrets);
	if (!target_url(target, transfer) ||
	    !set_headers(transfer, target_host_header(target, &check->subject), secrets))
		return REASON_OTHER_FAILURE;
	return REASON_NONE;
}

enum health_reason
http_request_follow(struct transfer *transfer)
{
	struct target target = {0};
	enum health_reason reason = REASON_HTTP_INVALID_RESPONSE;

	if (++transfer->redirects > REDIRECTS_MAX)
		return REASON_TOO_MANY_REDIRECTS;
	if (target_read(&target, transfer))
		reason = follow(&target, transfer);
	target_free(&target);
	return reason;
}
