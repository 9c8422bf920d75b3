/*
 * sending.h -- a file as the reply to a request, read as the client takes it. One thread: that of the loop.
 */
#ifndef API_SENDING_H
#define API_SENDING_H

#include <stdio.h>

struct exchange;

/* Send a file from its beginning, as an attachment of this name, and close it. Ends the exchange. */
void sending_file(struct exchange *exchange, FILE *file, const char *name);

#endif
