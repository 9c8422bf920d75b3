#include "monitor/check/check_tls.h"
#include "monitor/check/meter.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

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
	    "wrong version number", "version too low", "no protocols available", "http request", NULL};

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

void
check_tls_free(void)
{
	SSL_CTX_free(context);
	context = NULL;
	BIO_meth_free(metered);
	metered = NULL;
}

/* --- a socket that is metered --- */

/* OpenSSL reads until the socket is empty: a peer that floods must not keep it there (meter.h). */
static int
metered_read(BIO *bio, char *octets, int len)
{
	struct meter *meter = BIO_get_app_data(bio);
	size_t granted = meter_grant(meter, (size_t)len);
	ssize_t got = granted == 0 ? -1 : recv((int)BIO_get_fd(bio, NULL), octets, granted, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	meter_took(meter, got);
	return (int)got;
}

/* The peer may have closed after it has said all that matters, such as an alert: that is still to be read. */
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

/* OpenSSL's own over sockets, but for how octets come and go. */
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

/* The connection is fd, which stays the caller's. */
static bool
set_socket(SSL *ssl, int fd)
{
	struct meter *meter = calloc(1, sizeof *meter);
	BIO *bio = meter == NULL || metered_method() == NULL ? NULL : BIO_new(metered);

	if (bio == NULL) {
		free(meter);
		return false;
	}
	BIO_set_app_data(bio, meter);
	BIO_set_fd(bio, fd, BIO_NOCLOSE);
	SSL_set_bio(ssl, bio, bio);
	return true;
}

/* [CF] 2.4: the name in Host is sent as SNI; without one there is none, and the certificate must have the
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
	SSL_CTX *with = context_get();
	SSL *ssl = with == NULL ? NULL : SSL_new(with);
	struct bufferevent *connection;

	if (ssl == NULL)
		return NULL;
	errno = ENOMEM;
	if (!expect_name(ssl, subject) || !set_socket(ssl, fd)) {
		SSL_free(ssl);
		return NULL;
	}
	/* Frees ssl in every case, and closes the socket with it. */
	connection =
	    bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (connection != NULL) /* a server that only closes has said all that it had to */
		bufferevent_openssl_set_allow_dirty_shutdown(connection, 1);
	return connection;
}

bool
check_tls_flooded(struct bufferevent *connection)
{
	const struct meter *meter = BIO_get_app_data(SSL_get_rbio(bufferevent_openssl_get_ssl(connection)));

	return meter->exceeded;
}

enum health_reason
check_tls_failure(struct bufferevent *connection)
{
	long verified = SSL_get_verify_result(bufferevent_openssl_get_ssl(connection));
	unsigned long error = bufferevent_get_openssl_error(connection);
	const char *words = error == 0 ? NULL : ERR_reason_error_string(error);

	if (error == 0)
		return REASON_CONNECTION_RESET; /* without a word of TLS */
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
