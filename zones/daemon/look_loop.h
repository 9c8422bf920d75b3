/*
 * look_loop.h -- the event loop of a daemon that follows stores: it looks at them when one is written, and
 * each 100 ms (store.h, LMDB rule 1), until SIGTERM or SIGINT.
 *
 * Main thread.
 */
#ifndef LOOK_LOOP_H
#define LOOK_LOOP_H

#include "zones/daemon/seal.h"

struct event_base;

enum { LOOK_LOOP_STORES = 4 };

struct look_loop {
	struct event_base *base;
	unsigned stores; /* at most LOOK_LOOP_STORES */
	/* The descriptor of a store to wait on, -1 if it does not exist; they come and go. */
	int (*watch_fd)(void *arg, unsigned store);
	/* Discard its events. */
	void (*watch_clear)(void *arg, unsigned store);
	/* The thread is sealed from now on; NULL: nothing depends on it. */
	void (*sealed)(void *arg);
	/* Returns true to be called again in 1 ms. */
	bool (*look)(void *arg);
	void *arg;
};

/*
 * Look once, notify the service manager, print "ready" and seal the thread; then run the loop to its end. The
 * watchdog of the service manager is served each second.
 */
void look_loop_run(const struct look_loop *loop, enum seal_role role);

#endif
