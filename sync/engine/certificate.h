/*
 * certificate.h -- until when the certificate for the engine, and that of its authority, are good.
 *
 * The files are read again every five seconds, because renewed ones count from the next connection on. One
 * thread.
 */
#ifndef SYNC_CERTIFICATE_H
#define SYNC_CERTIFICATE_H

#include <stdint.h>

enum { CERTIFICATE_FILES = 2 };

struct certificate {
	const char *option, *path; /* path NULL: none is used */
	int64_t until;             /* milliseconds since 1970; 0: it cannot be read */
	int logged;                /* the newest message: 0: none */
};

struct certificates {
	struct certificate files[CERTIFICATE_FILES];
	uint64_t looked_ms;
};

/* Read the files if it is time, and log what is new. now_ms: boot_ms(); wall: wall_ms(). */
void certificates_look(struct certificates *certificates, uint64_t now_ms, int64_t wall);
/* The end of that which ends first; 0: none is known. */
int64_t certificates_until(const struct certificates *certificates);

#endif
