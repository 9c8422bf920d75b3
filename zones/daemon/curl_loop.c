#include "zones/daemon/curl_loop.h"

#include "zones/base/util.h"

#include <event2/event.h>
#include <stdlib.h>

struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	curl_turn_fn *turn;
	void *arg;
};

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	const struct curl_loop *loop = arg;

	loop->turn(
	    loop->arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct curl_loop *loop = arg;

	(void)fd, (void)what;
	loop->turn(loop->arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
timer_callback(CURLM *multi, long timeout_ms, void *arg)
{
	const struct curl_loop *loop = arg;
	struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	(void)multi;
	return timeout_ms < 0 ? event_del(loop->timer) : event_add(loop->timer, &wait);
}

static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct curl_loop *loop = arg;
	struct event *event = assigned;
	short wanted = EV_PERSIST;

	(void)easy;
	if (event != NULL)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		wanted |= what & CURL_POLL_IN ? EV_READ : 0;
		wanted |= what & CURL_POLL_OUT ? EV_WRITE : 0;
		event = event_new(loop->base, fd, wanted, on_socket, loop);
		if (event == NULL || event_add(event, NULL) < 0)
			return -1;
	}
	curl_multi_assign(loop->multi, fd, event);
	return 0;
}

struct curl_loop *
curl_loop_new(struct event_base *base, curl_turn_fn *turn, void *arg)
{
	struct curl_loop *loop = xcalloc(1, sizeof *loop);

	*loop = (struct curl_loop){.base = base, .multi = curl_multi_init(), .turn = turn, .arg = arg};
	loop->timer = evtimer_new(base, on_timer, loop);
	if (loop->multi == NULL || loop->timer == NULL) {
		curl_loop_free(loop);
		return NULL;
	}
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, socket_callback);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, timer_callback);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	return loop;
}

void
curl_loop_free(struct curl_loop *loop)
{
	if (loop == NULL)
		return;
	curl_multi_cleanup(loop->multi);
	if (loop->timer != NULL)
		event_free(loop->timer);
	free(loop);
}

CURLM *
curl_loop_multi(const struct curl_loop *loop)
{
	return loop->multi;
}
