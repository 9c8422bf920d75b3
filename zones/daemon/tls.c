#include "zones/daemon/tls.h"

#include "zones/base/util.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct tls {
	const char *cert, *key;
	unsigned char protocol[32]; /* its length, and its name */
	struct timespec cert_changed, key_changed;
	pthread_mutex_t lock; /* guards context: taken once for each connection */
	SSL_CTX *context;
};

/* OpenSSL's text for the last failure. */
static const char *
reason(void)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = error != 0 ? ERR_reason_error_string(error) : NULL;

	ERR_clear_error();
	return text != NULL ? text : "unknown failure";
}

/* RFC 7301: a client that offers protocols gets its protocol, or no protocol if it does not offer that. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
    unsigned inlen, void *arg)
{
	const struct tls *tls = arg;

	(void)ssl;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, outlen, tls->protocol,
		tls->protocol[0] + 1u, in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
read_context(struct tls *tls, struct problems *problems)
{
	const char *cert = tls->cert, *key = tls->key;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct stat info;

	if (context == NULL) {
		problems_error(problems, "TLS cannot start: %s", reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION); /* RFC 8310, RFC 9325 */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);    /* idle connections hold little */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, tls);
	if (stat(key, &info) == 0 && info.st_mode & 07)
		problems_warn(problems, "--key %s: every user can read the private key; use chmod 0640", key);
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		problems_error(problems, "--cert %s: not a certificate in PEM: %s", cert, reason());
	else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
		return context;
	else if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
		problems_error(problems, "--key %s does not belong to --cert %s", key, cert);
	else
		problems_error(problems, "--key %s: not a private key in PEM: %s", key, reason());
	SSL_CTX_free(context);
	return NULL;
}

static struct timespec
changed_at(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? info.st_mtim : (struct timespec){0};
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct tls *
tls_new(const char *cert, const char *key, const char *protocol, struct problems *problems)
{
	struct tls *tls = xcalloc(1, sizeof *tls);

	tls->cert = cert;
	tls->key = key;
	tls->protocol[0] = (unsigned char)MIN(strlen(protocol), sizeof tls->protocol - 1);
	memcpy(tls->protocol + 1, protocol, tls->protocol[0]);
	tls->cert_changed = changed_at(cert);
	tls->key_changed = changed_at(key);
	pthread_mutex_init(&tls->lock, NULL);
	if ((tls->context = read_context(tls, problems)) == NULL) {
		tls_free(tls);
		return NULL;
	}
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

bool
tls_reload(struct tls *tls, bool *changed, struct problems *problems)
{
	struct timespec cert = changed_at(tls->cert), key = changed_at(tls->key);
	SSL_CTX *context, *old;

	*changed = false;
	if (same_time(cert, tls->cert_changed) && same_time(key, tls->key_changed))
		return true;
	/* Also after a failure: a faulty file is reported once, and read again after its next change. */
	tls->cert_changed = cert;
	tls->key_changed = key;
	if ((context = read_context(tls, problems)) == NULL)
		return false;
	pthread_mutex_lock(&tls->lock);
	old = tls->context;
	tls->context = context;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old); /* open connections still hold it */
	*changed = true;
	return true;
}

static int64_t
end_of(const X509 *certificate)
{
	struct tm end;

	if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
		return 0;
	return (int64_t)timegm(&end) * 1000;
}

int64_t
tls_until(struct tls *tls)
{
	return end_of(SSL_CTX_get0_certificate(tls->context));
}

int64_t
tls_file_until(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	int64_t until = end_of(certificate);

	X509_free(certificate);
	if (file != NULL)
		fclose(file);
	ERR_clear_error();
	return until;
}

struct bufferevent *
tls_accept(struct tls *tls, struct event_base *base, int fd)
{
	struct bufferevent *buffers;
	SSL *ssl;

	pthread_mutex_lock(&tls->lock);
	ssl = SSL_new(tls->context);
	pthread_mutex_unlock(&tls->lock);
	if (ssl == NULL)
		return NULL;
	buffers =
	    bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (buffers == NULL)
		SSL_free(ssl);
	else
		bufferevent_openssl_set_allow_dirty_shutdown(
		    buffers, 1); /* many clients close without a TLS alert */
	return buffers;
}
