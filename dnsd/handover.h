/*
 * handover.h -- the part of the nameserver that is replaced (replace.h), on the main thread's event loop.
 */
#ifndef DNSD_HANDOVER_H
#define DNSD_HANDOVER_H

#include "dnsd/server.h"

/* Let a successor come. Where that is impossible a warning says so, and a replacement will be refused. */
void handover_start(struct server *server);
/* Stop; a successor sees the end. */
void handover_stop(struct server *server);

#endif
