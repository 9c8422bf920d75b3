/* Receivers that libcurl talks to: webhooks and mail servers. */
#include "monitor/check/meter.h"
#include "monitor/notify/courier_inner.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, WHOLE_MS = 10000, LOOK_MS = 100, HEADERS_MAX = 65536, RECIPIENTS_MAX = 16 };

/* A receiver: one easy handle, which is reused, and the data of the current delivery. */
struct receiver {
	CURLM *multi; /* holds the easy handle, so that a transfer can be cancelled at any time */
	CURL *easy;
	char *url;
	struct curl_slist *headers; /* of HTTP */
	char *key;                  /* of HTTP: signs; or NULL */
	char *from, *to;            /* of mail; to as it stands in the URL, with commas */
	struct curl_slist *recipients;
	const char *body;
	size_t body_len, body_sent, headers_len;
	struct meters meters;
	struct meter meter; /* limits this delivery: a flooding receiver must not block the thread */
	char error[CURL_ERROR_SIZE];
};

/* --- URLs --- */

/* The value of name in a query, decoded; "" if it is missing.  Freed by the caller. */
static char *
query_value(const char *query, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = query; at != NULL && *at != '\0';) {
		size_t part = strcspn(at, "&");

		if (part > len && strncmp(at, name, len) == 0 && at[len] == '=') {
			int decoded_len;
			char *decoded =
				 curl_easy_unescape(NULL, at + len + 1, (int)(part - len - 1), &decoded_len),
			     *value;

			value =
			    xstrdup(decoded != NULL && strlen(decoded) == (size_t)decoded_len ? decoded : "");
			curl_free(decoded);
			return value;
		}
		at += part + (at[part] == '&');
	}
	return xstrdup("");
}

/* Is the text valid as an address within <> of a mail? */
static bool
mail_address(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] <= ' ' || (uint8_t)text[i] >= 127 ||
		    strchr("<>,;:\"()\\", text[i]) != NULL)
			return false;
	return len > 0 && len < 255;
}

static bool
mail_addresses(const char *list)
{
	unsigned count = 0;

	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");

		if (!mail_address(at, len) || ++count > RECIPIENTS_MAX)
			return false;
		at += len;
		if (*at == '\0')
			return true;
	}
}

/* Parse a URL; NULL if it is invalid or has no host.  Freed by curl_url_cleanup.
 */
static CURLU *
parse(const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host != '\0') {
		curl_free(host);
		return parts;
	}
	curl_free(host);
	curl_url_cleanup(parts);
	return NULL;
}

static char *
part_of(CURLU *parts, CURLUPart what)
{
	char *text = NULL, *kept;

	curl_url_get(parts, what, &text, 0);
	kept = xstrdup(text != NULL ? text : "");
	curl_free(text);
	return kept;
}

/* The key of "#hmac=KEY", which is not sent to the server; NULL if the URL has no key.  Freed by the caller.
 */
static char *
key_of(CURLU *parts)
{
	char *fragment = part_of(parts, CURLUPART_FRAGMENT), *key = query_value(fragment, "hmac");

	free(fragment);
	if (*key != '\0')
		return key;
	free(key);
	return NULL;
}

static char *
http_fault(const char *url)
{
	CURLU *parts = parse(url);
	char *fragment, *key, *fault = NULL;

	if (parts == NULL)
		return xstrdup("must be a URL such as https://hooks.example.com/graycloud");
	fragment = part_of(parts, CURLUPART_FRAGMENT);
	key = key_of(parts);
	if (*fragment != '\0' && key == NULL)
		fault = xstrdup("has a text other than hmac=KEY after #");
	free(key);
	free(fragment);
	curl_url_cleanup(parts);
	return fault;
}

static char *
mail_fault(const char *url)
{
	CURLU *parts = parse(url);
	char *query = parts == NULL ? xstrdup("") : part_of(parts, CURLUPART_QUERY);
	char *from = query_value(query, "from"), *to = query_value(query, "to");
	bool good = parts != NULL && mail_address(from, strlen(from)) && mail_addresses(to);

	free(query);
	free(from);
	free(to);
	curl_url_cleanup(parts);
	return good ? NULL
		    : xasprintf("must be a URL such as "
				"smtp://mail.example.com/?from=graycloud@example.com&to=ops@example.com, "
				"with at most "
				"%d addresses after to=",
			  RECIPIENTS_MAX);
}

/* --- a delivery --- */

/* The status is enough: do not wait for the data after the head. */
static size_t
break_off(char *data, size_t size, size_t count, void *arg)
{
	(void)data, (void)size, (void)count, (void)arg;
	return 0;
}

/* Heads of an HTTP answer; libcurl keeps them. */
static size_t
count_header(char *data, size_t size, size_t count, void *arg)
{
	struct receiver *receiver = arg;

	(void)data;
	receiver->headers_len += size * count;
	return receiver->headers_len <= HEADERS_MAX ? size * count : 0;
}

static size_t
read_body(char *buffer, size_t size, size_t count, void *arg)
{
	struct receiver *receiver = arg;
	size_t len = MIN(size * count, receiver->body_len - receiver->body_sent);

	memcpy(buffer, receiver->body + receiver->body_sent, len);
	receiver->body_sent += len;
	return len;
}

static long
status_of(const struct receiver *receiver)
{
	long status = 0;

	curl_easy_getinfo(receiver->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* The server has answered to the end of the mail; only QUIT remains. */
static bool
mail_taken(const struct receiver *receiver)
{
	return receiver->body_len > 0 && receiver->body_sent == receiver->body_len &&
	    status_of(receiver) / 100 == 2;
}

/* Also called while libcurl waits for the answer to QUIT, which is not needed. */
static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return mail_taken(arg);
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct receiver *receiver = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	meters_attach(&receiver->meters, fd, &receiver->meter);
	return fd;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	struct receiver *receiver = arg;

	meters_detach(&receiver->meters, fd);
	return close(fd);
}

static void
receiver_free(void *open)
{
	struct receiver *receiver = open;

	if (receiver->easy != NULL)
		curl_easy_cleanup(receiver->easy);
	if (receiver->multi != NULL)
		curl_multi_cleanup(receiver->multi);
	curl_slist_free_all(receiver->headers);
	curl_slist_free_all(receiver->recipients);
	free(receiver->url);
	free(receiver->key);
	free(receiver->from);
	free(receiver->to);
	meters_free(&receiver->meters);
	free(receiver);
}

/* Options of both kinds; libcurl reports an option that it cannot set as exhausted memory. */
static struct receiver *
receiver_new(struct problems *problems)
{
	struct receiver *receiver = xcalloc(1, sizeof *receiver);
	const char *authorities = getenv("SSL_CERT_FILE");
	CURL *easy = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;

	receiver->easy = easy;
	receiver->multi = easy == NULL ? NULL : curl_multi_init();
	if (receiver->multi == NULL) {
		problems_error(problems, "--notify: cannot start libcurl");
		receiver_free(receiver);
		return NULL;
	}
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L); /* hours may pass until the next */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)CONNECT_MS / 1000);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, receiver->error);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, receiver);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, receiver);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, receiver);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a hanging look-up */
	if (authorities != NULL && *authorities != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
	return receiver;
}

/* The reason of a failed delivery. */
static enum delivery
failure(const struct receiver *receiver, CURLcode code, bool refused, char why[256])
{
	if (receiver->meter.exceeded)
		snprintf(why, 256, "it sent more than %d KiB", METER_ALL / 1024);
	else
		snprintf(
		    why, 256, "%s", receiver->error[0] != '\0' ? receiver->error : curl_easy_strerror(code));
	return refused ? DELIVERY_REFUSED : DELIVERY_FAILED;
}

static bool
perform_turn(struct receiver *receiver)
{
	int running = 0;
	CURLMcode code;

	meters_enter(&receiver->meters);
	code = curl_multi_perform(receiver->multi, &running);
	meters_leave();
	return code == CURLM_OK && running > 0;
}

static CURLcode
perform(struct receiver *receiver, const struct parcel *parcel, const char *body)
{
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	CURLMsg *message;
	int left;

	receiver->body = body;
	receiver->body_len = strlen(body);
	receiver->body_sent = receiver->headers_len = 0;
	receiver->error[0] = '\0';
	receiver->meter = (struct meter){0};
	curl_easy_setopt(receiver->easy, CURLOPT_TIMEOUT_MS, (long)WHOLE_MS);
	if (curl_multi_add_handle(receiver->multi, receiver->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (perform_turn(receiver)) {
		curl_multi_poll(receiver->multi, NULL, 0, LOOK_MS, NULL);
		/* End its time at once.  Removing the handle would make libcurl wait for a mail
		 * server's answer. */
		if (parcel->too_late(parcel->arg))
			curl_easy_setopt(receiver->easy, CURLOPT_TIMEOUT_MS, 1L);
	}
	if ((message = curl_multi_info_read(receiver->multi, &left)) != NULL)
		code = message->data.result;
	meters_enter(&receiver->meters);
	curl_multi_remove_handle(receiver->multi, receiver->easy);
	meters_leave();
	return code;
}

/* --- webhooks --- */

static void *
http_open(const char *url, struct problems *problems)
{
	struct receiver *receiver = receiver_new(problems);
	CURLU *parts = parse(url);
	CURL *easy;

	if (receiver == NULL || parts == NULL) {
		curl_url_cleanup(parts);
		return receiver; /* a valid URL has parts */
	}
	receiver->key = key_of(parts);
	curl_url_cleanup(parts);
	easy = receiver->easy;
	receiver->headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, receiver->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "graycloud-monitor/" VERSION);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, break_off);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, receiver);
	return receiver;
}

/* 4xx are permanent, except the temporary ones.  A received status counts, even if the rest failed. */
static enum delivery
http_outcome(const struct receiver *receiver, CURLcode code, char why[256])
{
	long status = status_of(receiver);

	if (status < 200)
		return failure(receiver, code, false, why);
	if (status < 300)
		return DELIVERED;
	snprintf(why, 256, "it answered with status %ld", status);
	return status / 100 == 4 && status != 408 && status != 425 && status != 429 ? DELIVERY_REFUSED
										    : DELIVERY_FAILED;
}

static enum delivery
http_deliver(void *open, const struct parcel *parcel, char why[256])
{
	struct receiver *receiver = open;
	struct json *document = notice_document(parcel->notices, parcel->count, parcel->lost);
	char *body = json_write(document, false);
	char *signature =
	    receiver->key != NULL ? courier_signature(receiver->key, wall_ms() / 1000, body) : NULL;
	struct curl_slist signing = {signature, receiver->headers};
	CURLcode code;

	curl_easy_setopt(
	    receiver->easy, CURLOPT_HTTPHEADER, signature != NULL ? &signing : receiver->headers);
	curl_easy_setopt(receiver->easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(receiver->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	code = perform(receiver, parcel, body);
	curl_easy_setopt(receiver->easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(receiver->easy, CURLOPT_HTTPHEADER, receiver->headers);
	free(signature);
	free(body);
	json_drop(document);
	return http_outcome(receiver, code, why);
}

/* --- mail --- */

static void *
mail_open(const char *url, struct problems *problems)
{
	struct receiver *receiver = receiver_new(problems);
	CURLU *parts = parse(url);
	char *query, *from, *password;

	if (receiver == NULL || parts == NULL) {
		curl_url_cleanup(parts);
		return receiver; /* a valid URL has parts */
	}
	query = part_of(parts, CURLUPART_QUERY);
	receiver->from = query_value(query, "from");
	receiver->to = query_value(query, "to");
	curl_url_set(parts, CURLUPART_QUERY, NULL, 0);
	receiver->url = part_of(parts, CURLUPART_URL);
	for (const char *at = receiver->to; *at != '\0';) {
		size_t len = strcspn(at, ",");
		char *address = xasprintf("<%.*s>", (int)len, at);

		receiver->recipients = curl_slist_append(receiver->recipients, address);
		free(address);
		at += len + (at[len] == ',');
	}
	from = xasprintf("<%s>", receiver->from);
	curl_easy_setopt(receiver->easy, CURLOPT_URL, receiver->url);
	curl_easy_setopt(receiver->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	password = part_of(parts, CURLUPART_PASSWORD);
	/* RFC 3207, if it is offered; a password is never sent without TLS. */
	curl_easy_setopt(
	    receiver->easy, CURLOPT_USE_SSL, (long)(*password != '\0' ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	free(password);
	curl_easy_setopt(receiver->easy, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(receiver->easy, CURLOPT_MAIL_RCPT, receiver->recipients);
	curl_easy_setopt(receiver->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(receiver->easy, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(receiver->easy, CURLOPT_READDATA, receiver);
	free(from);
	free(query);
	curl_url_cleanup(parts);
	return receiver;
}

static enum delivery
mail_deliver(void *open, const struct parcel *parcel, char why[256])
{
	struct receiver *receiver = open;
	char *body = notice_mail(
	    parcel->notices, parcel->count, parcel->lost, receiver->from, receiver->to, wall_ms());
	CURLcode code;

	if (body == NULL) {
		snprintf(why, 256, "memory is exhausted");
		return DELIVERY_FAILED;
	}
	code = perform(receiver, parcel, body);
	free(body);
	/* 5xx are permanent. */
	return code == CURLE_OK || mail_taken(receiver)
	    ? DELIVERED
	    : failure(receiver, code, status_of(receiver) / 100 == 5, why);
}

static const char *const http_schemes[] = {"http://", "https://", NULL};
static const char *const mail_schemes[] = {"smtp://", "smtps://", NULL};

const struct carrier carrier_http = {
    http_schemes, COURIER_BATCH, true, http_fault, http_open, receiver_free, http_deliver};
const struct carrier carrier_mail = {
    mail_schemes, COURIER_BATCH, true, mail_fault, mail_open, receiver_free, mail_deliver};
