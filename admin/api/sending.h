/*
 * sending.h -- a file as the reply to a request, read as the client takes it. One thread: that of the
 * loop. However slowly the client takes it, the store is free, and a fault is an error and no cut-off reply.
 */
#ifndef API_SENDING_H
#define API_SENDING_H

#include <stdio.h>

struct exchange;

/*
 * Send a file of this content type from its beginning, and close it; name: as an attachment of this name, or
 * NULL. Ends the exchange.
 */
void sending_file(struct exchange *exchange, FILE *file, const char *type, const char *name);

#endif
