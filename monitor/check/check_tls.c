#include "monitor/check/check_tls.h"
#include "monitor/check/meter.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static SSL_CTX *context; /* the authorities are parsed once */
static BIO_METHOD *metered;

const char *
check_tls_authorities(void)
{
	const char *file = getenv("SSL_CERT_FILE");

	return file != NULL ? file : "/etc/ssl/certs/ca-certificates.crt";
}

enum health_reason
check_tls_certificate_reason(long verified)
{
	switch (verified) {
	case X509_V_OK: /* libcurl compares names after the chain was found good */
	case X509_V_ERR_UNSPECIFIED:
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return REASON_TLS_NAME_MISMATCH;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return REASON_TLS_CERTIFICATE_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return REASON_TLS_NOT_YET_VALID;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return REASON_TLS_SELF_SIGNED;
	default:
		return REASON_TLS_UNTRUSTED_CERTIFICATE;
	}
}

static bool
says(const char *text, const char *const words[])
{
	for (; *words != NULL; words++)
		if (strcasestr(text, *words) != NULL)
			return true;
	return false;
}

enum health_reason
check_tls_handshake_reason(const char *words)
{
	static const char *const name[] = {"unrecognized name", NULL};
	static const char *const protocol[] = {"protocol version", "unsupported protocol",
	    "wrong version number", "version too low", "no protocols available", "http request",
	    "packet length too long", "record layer failure", NULL}; /* the last two: OpenSSL 3.2 and later */

	if (says(words, name))
		return REASON_TLS_UNRECOGNIZED_NAME;
	return says(words, protocol) ? REASON_TLS_PROTOCOL_ERROR : REASON_TLS_HANDSHAKE_FAILURE;
}

static SSL_CTX *
context_get(void)
{
	if (context != NULL)
		return context;
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_load_verify_file(context, check_tls_authorities()) != 1) {
		check_tls_free();
		errno = EACCES;
	}
	return context;
}

/* --- files of a monitor --- */

enum { FILE_MAX_LEN = 1 << 20 };

/* Reading it must be fast and must not block. */
static int
file_error(const char *path)
{
	struct stat file;

	if (path == NULL)
		return 0;
	if (stat(path, &file) < 0 || access(path, R_OK) < 0)
		return errno;
	return !S_ISREG(file.st_mode) ? EINVAL : file.st_size > FILE_MAX_LEN ? EFBIG : 0;
}

int
check_tls_files(struct check *check)
{
	const struct monitor *monitor = check->subject.monitor;
	const char *const files[] = {monitor->ca_file, monitor->client_certificate, monitor->client_key};

	for (size_t i = 0; i < NITEMS(files); i++) {
		int error = file_error(files[i]);

		if (error == 0)
			continue;
		check_detail(check, "%s: %s", files[i], strerror(error));
		check->result.reason = REASON_MONITOR_CONFIG_ERROR;
		return -EACCES;
	}
	return 0;
}

/* No person can enter the password of a key. */
static int
no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer, (void)size, (void)writing, (void)arg;
	return 0;
}

static bool
use_certificate(SSL_CTX *own, const struct monitor *monitor)
{
	const char *key = monitor->client_key != NULL ? monitor->client_key : monitor->client_certificate;

	return monitor->client_certificate == NULL ||
	    (SSL_CTX_use_certificate_chain_file(own, monitor->client_certificate) == 1 &&
		SSL_CTX_use_PrivateKey_file(own, key, SSL_FILETYPE_PEM) == 1);
}

/* The context of a monitor with its own files: made for one check. */
static SSL_CTX *
context_own(const struct monitor *monitor)
{
	SSL_CTX *own = SSL_CTX_new(TLS_client_method());

	errno = ENOMEM;
	if (own == NULL)
		return NULL;
	SSL_CTX_set_session_cache_mode(own, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(own, no_password);
	if (SSL_CTX_load_verify_file(
		own, monitor->ca_file != NULL ? monitor->ca_file : check_tls_authorities()) == 1 &&
	    use_certificate(own, monitor))
		return own;
	SSL_CTX_free(own);
	errno = EACCES;
	return NULL;
}

/* The context of a connection; to be freed by SSL_CTX_free. */
static SSL_CTX *
context_for(const struct monitor *monitor)
{
	SSL_CTX *with;

	if (monitor->ca_file != NULL || monitor->client_certificate != NULL)
		return context_own(monitor);
	with = context_get();
	if (with != NULL)
		SSL_CTX_up_ref(with);
	return with;
}

static int
on_certificate_request(SSL *ssl, void *wanted)
{
	(void)ssl;
	*(bool *)wanted = true;
	return 1;
}

void
check_tls_note_request(void *with, bool *wanted)
{
	SSL_CTX_set_cert_cb(with, on_certificate_request, wanted);
}

void
check_tls_free(void)
{
	SSL_CTX_free(context);
	context = NULL;
	BIO_meth_free(metered);
	metered = NULL;
}

/* --- a socket that is metered --- */

/* The state of the other side of a connection. */
struct peer {
	struct meter meter;
	bool wants_certificate; /* and the monitor has none */
};

/* OpenSSL reads until the socket is empty: a flooding peer must not block the loop (meter.h). */
static int
metered_read(BIO *bio, char *octets, int len)
{
	struct meter *meter = &((struct peer *)BIO_get_app_data(bio))->meter;
	size_t granted = meter_grant(meter, (size_t)len);
	ssize_t got = granted == 0 ? -1 : recv((int)BIO_get_fd(bio, NULL), octets, granted, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	meter_took(meter, got);
	return (int)got;
}

/* The peer may have closed after an important message, such as an alert: read that first. */
static int
metered_write(BIO *bio, const char *octets, int len)
{
	ssize_t sent = send((int)BIO_get_fd(bio, NULL), octets, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	else if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
		sent = len;
	return (int)sent;
}

static int
metered_destroy(BIO *bio)
{
	free(BIO_get_app_data(bio));
	return BIO_meth_get_destroy(BIO_s_socket())(bio);
}

/* OpenSSL's own method for sockets, with other functions to read and write. */
static BIO_METHOD *
metered_method(void)
{
	const BIO_METHOD *plain = BIO_s_socket();

	if (metered != NULL || (metered = BIO_meth_new(BIO_TYPE_SOCKET, "metered socket")) == NULL)
		return metered;
	BIO_meth_set_read(metered, metered_read);
	BIO_meth_set_write(metered, metered_write);
	BIO_meth_set_puts(metered, BIO_meth_get_puts(plain));
	BIO_meth_set_ctrl(metered, BIO_meth_get_ctrl(plain));
	BIO_meth_set_create(metered, BIO_meth_get_create(plain));
	BIO_meth_set_destroy(metered, metered_destroy);
	return metered;
}

/* The connection is fd, which the caller keeps. */
static bool
set_socket(SSL *ssl, int fd, const struct monitor *monitor)
{
	struct peer *peer = xcalloc(1, sizeof *peer);
	BIO *bio = peer == NULL || metered_method() == NULL ? NULL : BIO_new(metered);

	if (bio == NULL) {
		free(peer);
		return false;
	}
	BIO_set_app_data(bio, peer);
	BIO_set_fd(bio, fd, BIO_NOCLOSE);
	SSL_set_bio(ssl, bio, bio);
	if (monitor->client_certificate == NULL)
		SSL_set_cert_cb(ssl, on_certificate_request, &peer->wants_certificate);
	return true;
}

/* [CF] 2.4: the name in Host is sent as SNI; without a name no SNI is sent, and the certificate must have the
 * address. */
static bool
expect_name(SSL *ssl, const struct check_subject *subject)
{
	X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
	char name[256];

	SSL_set_verify(ssl, subject->monitor->allow_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (!check_host_name(subject, name))
		return X509_VERIFY_PARAM_set1_ip(
			   wanted, subject->address.bytes, address_len(&subject->address)) == 1;
	X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && X509_VERIFY_PARAM_set1_host(wanted, name, 0) == 1;
}

struct bufferevent *
check_tls_connect(struct event_base *base, int fd, const struct check_subject *subject)
{
	SSL_CTX *with = context_for(subject->monitor);
	SSL *ssl = with == NULL ? NULL : SSL_new(with);
	struct bufferevent *connection;

	SSL_CTX_free(with);
	if (ssl == NULL)
		return NULL;
	errno = ENOMEM;
	if (!expect_name(ssl, subject) || !set_socket(ssl, fd, subject->monitor)) {
		SSL_free(ssl);
		return NULL;
	}
	/* Frees ssl in every case, and closes the socket with it. */
	connection =
	    bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (connection != NULL) /* a server that only closes has sent everything */
		bufferevent_openssl_set_allow_dirty_shutdown(connection, 1);
	return connection;
}

static const struct peer *
peer_of(struct bufferevent *connection)
{
	return BIO_get_app_data(SSL_get_rbio(bufferevent_openssl_get_ssl(connection)));
}

bool
check_tls_flooded(struct bufferevent *connection)
{
	return peer_of(connection)->meter.exceeded;
}

enum health_reason
check_tls_failure(struct bufferevent *connection)
{
	long verified = SSL_get_verify_result(bufferevent_openssl_get_ssl(connection));
	unsigned long error = bufferevent_get_openssl_error(connection);
	const char *words = error == 0 ? NULL : ERR_reason_error_string(error);

	if (error == 0)
		return REASON_CONNECTION_RESET; /* without a TLS message */
	/* The peer ended the handshake with an alert: the numbers of alerts begin here. */
	if (peer_of(connection)->wants_certificate && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET)
		return REASON_TLS_CLIENT_CERTIFICATE;
	if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return check_tls_certificate_reason(verified);
	return check_tls_handshake_reason(words == NULL ? "" : words);
}

int32_t
check_tls_days(struct bufferevent *connection)
{
	X509 *certificate = SSL_get0_peer_certificate(bufferevent_openssl_get_ssl(connection));
	int days, seconds;

	if (certificate == NULL ||
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
		return INT32_MIN;
	return days;
}
