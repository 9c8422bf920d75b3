#include "zones/daemon/pages.h"

#include "zones/base/text.h"
#include "zones/base/util.h"
#include "zones/daemon/exposition.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { INPUT_MAX = 4096 /* maximum octets that a reader may send after its request; they are ignored */ };

struct page {
	struct pages *pages;
	struct evhttp_request *request;
	struct event *again; /* the last slice was empty: continue in the next turn */
	struct event *deadline;
	pages_write_fn *write;
	void (*end)(void *arg);
	void *arg;
	LIST_ENTRY(page) all;
};

struct pages {
	struct event_base *base;
	unsigned most, count;
	struct timeval stalled, deadline;
	LIST_HEAD(, page) all;
};

/* Forget a page whose request libevent now owns. */
static void
release(struct page *page)
{
	page->end(page->arg);
	event_free(page->again);
	event_free(page->deadline);
	LIST_REMOVE(page, all);
	page->pages->count--;
	free(page);
}

static struct evhttp_connection *
connection(const struct page *page)
{
	return evhttp_request_get_connection(page->request);
}

/*
 * The connection is about to be freed. If the reader ended it, libevent has detached the request before, so
 * free the request here.
 */
static void
on_closed(struct evhttp_connection *closed, void *arg)
{
	struct page *page = arg;

	(void)closed;
	if (connection(page) == NULL)
		evhttp_request_free(page->request);
	release(page);
}

static void
finish(struct page *page)
{
	evhttp_connection_set_closecb(connection(page), NULL, NULL);
	evhttp_send_reply_end(page->request);
	release(page);
}

/* Returns false if memory is exhausted. */
static bool
write_slice(struct page *page, struct evbuffer *slice, bool *more)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = text_stream(&text, &len);
	bool good;

	if (file == NULL)
		return false;
	__fsetlocking(file, FSETLOCKING_BYCALLER); /* only this code uses the stream, and a page can have many
						      millions of octets */
	*more = page->write(page->arg, file);
	good = fclose(file) == 0 && evbuffer_add(slice, text, len) == 0;
	free(text);
	return good;
}

static void on_sent(struct evhttp_connection *evcon, void *arg);

static void
go_on(struct page *page)
{
	static const struct timeval now = {0, 0};
	struct evbuffer *slice = evbuffer_new();
	bool more = false;

	if (slice == NULL || !write_slice(page, slice, &more)) {
		evtimer_add(page->deadline, &now);
	} else if (!more) {
		evhttp_send_reply_chunk(page->request, slice);
		finish(page);
	} else if (evbuffer_get_length(slice) == 0) {
		evtimer_add(page->again, &now);
	} else {
		evhttp_send_reply_chunk_with_cb(page->request, slice, on_sent, page);
	}
	if (slice != NULL)
		evbuffer_free(slice);
}

static void
on_sent(struct evhttp_connection *evcon, void *arg)
{
	(void)evcon;
	go_on(arg);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	go_on(arg);
}

/* Close without the last chunk, so that the reader sees that the page is incomplete. */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	const struct page *page = arg;

	(void)fd, (void)what;
	evhttp_connection_free(connection(page));
}

static struct event *
timer(struct page *page, event_callback_fn callback)
{
	struct event *event = evtimer_new(page->pages->base, callback, page);

	if (event == NULL)
		memory_exhausted(0);
	return event;
}

static struct page *
page_new(struct pages *pages, struct evhttp_request *request)
{
	struct page *page = xcalloc(1, sizeof *page);

	page->pages = pages;
	page->request = request;
	page->again = timer(page, on_again);
	page->deadline = timer(page, on_deadline);
	evtimer_add(page->deadline, &pages->deadline);
	LIST_INSERT_HEAD(&pages->all, page, all);
	pages->count++;
	return page;
}

/* Set a time-out only for writing: a reader sends nothing more. */
static void
mind_connection(struct page *page)
{
	struct bufferevent *buffers = evhttp_connection_get_bufferevent(connection(page));

	bufferevent_set_timeouts(buffers, NULL, &page->pages->stalled);
	bufferevent_setwatermark(buffers, EV_READ, 0, INPUT_MAX);
	evhttp_connection_set_closecb(connection(page), on_closed, page);
}

/* Answer a HEAD, or a reader above the maximum. */
static void
send_nothing(struct evhttp_request *request)
{
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD)
		evhttp_send_reply(request, HTTP_OK, "OK", NULL);
	else
		evhttp_send_error(request, HTTP_SERVUNAVAIL, "too many read this page at once");
}

void
pages_send(struct pages *pages, struct evhttp_request *request, pages_write_fn *write, void (*end)(void *arg),
    void *arg)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct page *page;

	evhttp_add_header(headers, "Content-Type", EXPOSITION_CONTENT_TYPE);
	if (pages->count == pages->most || evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		end(arg);
		send_nothing(request);
		return;
	}
	page = page_new(pages, request);
	page->write = write;
	page->end = end;
	page->arg = arg;
	mind_connection(page);
	evhttp_add_header(
	    headers, "Connection", "close"); /* in HTTP/1.0, only closing the connection marks the end */
	evhttp_send_reply_start(request, HTTP_OK, "OK");
	go_on(page);
}

static struct timeval
milliseconds(unsigned ms)
{
	return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

struct pages *
pages_new(struct event_base *base, const struct pages_limits *limits)
{
	struct pages *pages = xcalloc(1, sizeof *pages);

	pages->base = base;
	pages->most = limits->most;
	pages->stalled = milliseconds(limits->stalled_ms);
	pages->deadline = milliseconds(limits->deadline_ms);
	LIST_INIT(&pages->all);
	return pages;
}

void
pages_free(struct pages *pages)
{
	struct page *page;

	if (pages == NULL)
		return;
	while ((page = LIST_FIRST(&pages->all)) != NULL) {
		evhttp_connection_set_closecb(connection(page), NULL, NULL);
		release(page);
	}
	free(pages);
}
