#include "zones/daemon/look_loop.h"

#include "zones/base/util.h"
#include "zones/daemon/ending.h"
#include "zones/daemon/supervisor.h"

#include <event2/event.h>
#include <stdio.h>

enum { LOOK_MS = 100, BEAT_MS = 1000 };

struct running {
	const struct look_loop *loop;
	struct event *looking, *watching[LOOK_LOOP_STORES];
	int watched[LOOK_LOOP_STORES];
	uint64_t beat_ms; /* the last report to the service manager */
};

static void on_written(evutil_socket_t fd, short what, void *arg);

static void
watch(struct running *running)
{
	const struct look_loop *loop = running->loop;

	for (unsigned i = 0; i < loop->stores; i++) {
		int fd = loop->watch_fd(loop->arg, i);

		if (fd == running->watched[i])
			continue;
		if (running->watching[i] != NULL)
			event_free(running->watching[i]);
		running->watching[i] =
		    fd < 0 ? NULL : event_new(loop->base, fd, EV_READ | EV_PERSIST, on_written, running);
		if (running->watching[i] != NULL)
			event_add(running->watching[i], NULL);
		running->watched[i] = fd;
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct running *running = arg;
	struct timeval wait = {0};
	uint64_t now_ms = boot_ms();

	(void)fd, (void)what;
	wait.tv_usec = (running->loop->look(running->loop->arg) ? 1 : LOOK_MS) * 1000;
	watch(running);
	evtimer_add(running->looking, &wait);
	if (now_ms >= running->beat_ms + BEAT_MS) {
		supervisor_tell("WATCHDOG=1");
		running->beat_ms = now_ms;
	}
}

static void
on_written(evutil_socket_t fd, short what, void *arg)
{
	struct running *running = arg;

	for (unsigned i = 0; i < running->loop->stores; i++)
		if (running->watched[i] == (int)fd)
			running->loop->watch_clear(running->loop->arg, i);
	on_look(fd, what, arg);
}

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	event_base_loopbreak(arg);
}

void
look_loop_run(const struct look_loop *loop, enum seal_role role)
{
	struct running running = {.loop = loop, .watched = {-1, -1, -1, -1}};
	struct event *stop = event_new(loop->base, ending_start(), EV_READ, on_stop, loop->base);

	running.looking = evtimer_new(loop->base, on_look, &running);
	if (running.looking == NULL || stop == NULL || event_add(stop, NULL) < 0)
		memory_exhausted(0);
	on_look(-1, 0, &running);
	supervisor_tell("READY=1");
	printf("ready\n");
	fflush(stdout);
	seal_enter(role);
	if (loop->sealed != NULL)
		loop->sealed(loop->arg);
	event_base_dispatch(loop->base);
	supervisor_tell("STOPPING=1");
	event_free(stop);
	event_free(running.looking);
	for (unsigned i = 0; i < loop->stores; i++)
		if (running.watching[i] != NULL)
			event_free(running.watching[i]);
}
