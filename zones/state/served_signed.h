/*
 * served_signed.h -- the file serving/signed: the zones that the nameserver answers signed, one a line. At a
 * start it distinguishes a zone whose signatures are lost (S100) from one that is to be signed for the first
 * time (S105): nothing else does, as the configuration wants both signed. graycloud-dnsd writes it, through
 * to the disk, when the zones change; graycloud-signer reads it. One thread.
 */
#ifndef SERVED_SIGNED_H
#define SERVED_SIGNED_H

#include <stdbool.h>

struct served_signed;

/* Read the file; one that is missing or damaged names no zone. */
struct served_signed *served_signed_new(const char *state);
void served_signed_free(struct served_signed *served);
/* Its text, until the next write. */
const char *served_signed_names(const struct served_signed *served);
/*
 * Write another text, if it is another one. Returns false if that failed, which is logged once, until it has
 * succeeded.
 */
bool served_signed_write(struct served_signed *served, const char *names);

/* Is a zone (the name of its policy) in the file of a state directory? */
bool served_signed_has(const char *state, const char *zone);

#endif
