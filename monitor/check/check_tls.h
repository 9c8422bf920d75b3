/*
 * check_tls.h -- TLS for the checks: trusted authorities, and reasons for the errors of OpenSSL.
 *
 * libcurl does the TLS of http itself; this module makes connections for types that use libevent.  The rules
 * are the same: the certificate must be for the name in Host, else for the address, and be signed by an
 * authority that is trusted; sessions are never resumed, because a resumed one is not verified again.
 */
#ifndef CHECK_TLS_H
#define CHECK_TLS_H

#include "monitor/check/check.h"

struct bufferevent;

/* The file of the trusted authorities: SSL_CERT_FILE, else the system's. */
const char *check_tls_authorities(void);

/* The reason for a refused certificate, by OpenSSL's X509_V_ERR_ number.  X509_V_OK: the name is not in it.
 */
enum health_reason check_tls_certificate_reason(long verified);
/* The reason for a failed handshake, from OpenSSL's text. */
enum health_reason check_tls_handshake_reason(const char *words);

/* May the monitor's own files be read (S37)?  0, or -EACCES with a reason and a detail in the result (S26).
 */
int check_tls_files(struct check *check);
/* Set *wanted if the server asks for a client certificate; context is an SSL_CTX of libcurl's. */
void check_tls_note_request(void *context, bool *wanted);

/*
 * A bufferevent over the connected socket, with the handshake under way; it owns the socket if it was
 * created. Returns NULL if memory is exhausted or (errno is EACCES) the authorities cannot be read.
 */
struct bufferevent *check_tls_connect(struct event_base *base, int fd, const struct check_subject *subject);
/* Was the connection closed because the peer sent more than METER_ALL octets? */
bool check_tls_flooded(struct bufferevent *connection);
/* After BEV_EVENT_ERROR, in the handshake or, for the alerts of TLS 1.3, behind it. */
enum health_reason check_tls_failure(struct bufferevent *connection);
/* Days until the server's certificate ends; INT32_MIN if it sent none. */
int32_t check_tls_days(struct bufferevent *connection);
/* The first connection creates the shared data; this frees it at the end. */
void check_tls_free(void);

#endif
