/*
 * resolve_socket.h -- the sockets of c-ares.
 *
 * c-ares reads a socket until it is empty, so a flood could block the loop.  These read functions limit the
 * number of reads in a turn.
 */
#ifndef RESOLVE_SOCKET_H
#define RESOLVE_SOCKET_H

#include <ares.h>

enum { RESOLVE_READS_A_TURN = 64 };

/* *reads counts down; its owner sets it to RESOLVE_READS_A_TURN when a turn begins. */
void resolve_bound_reads(ares_channel channel, unsigned *reads);

#endif
