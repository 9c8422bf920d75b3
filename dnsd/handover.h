/*
 * handover.h -- the part of the nameserver that is replaced (replace.h), on the main thread's event loop.
 */
#ifndef DNSD_HANDOVER_H
#define DNSD_HANDOVER_H

#include "dnsd/server.h"

/* Accept successors. If that fails, it logs a warning, and a replacement will be refused. */
void handover_start(struct server *server);
/* Stop; a successor sees the end of the connection. */
void handover_stop(struct server *server);

#endif
