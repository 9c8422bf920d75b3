#include "zones/daemon/metrics_page.h"

#include "zones/base/address.h"
#include "zones/daemon/pages.h"

#include <errno.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static const struct pages_limits limits = {.most = 4, .stalled_ms = 10000, .deadline_ms = 60000};

struct metrics_page {
	struct evhttp *http;
	struct pages *pages;
	void (*expose)(void *arg, FILE *page);
	void *arg;
};

static bool
write_page(void *arg, FILE *page)
{
	const struct metrics_page *metrics = arg;

	metrics->expose(metrics->arg, page);
	return false;
}

static void
end_page(void *arg)
{
	(void)arg;
}

static void
on_metrics(struct evhttp_request *request, void *arg)
{
	struct metrics_page *metrics = arg;

	pages_send(metrics->pages, request, write_page, end_page, metrics);
}

static void
print_address(struct evhttp_bound_socket *bound)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	struct address address = {.family = FAMILY_V4};
	char text[ADDRESS_PORT_TEXT];
	uint16_t port;

	if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &len) < 0)
		return;
	if (at.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;

		address.family = FAMILY_V6;
		memcpy(address.bytes, &v6->sin6_addr, 16);
		port = ntohs(v6->sin6_port);
	} else {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;

		memcpy(address.bytes, &v4->sin_addr, 4);
		port = ntohs(v4->sin_port);
	}
	printf("metrics on http://%s/metrics\n", address_port_to_text(&address, port, text));
}

struct evhttp *
metrics_http_listen(struct event_base *base, const char *where, struct problems *problems)
{
	struct address address = {.family = FAMILY_NONE};
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound = NULL;
	uint16_t port = 0;
	char host[46];

	address_port_from_text(&address, &port, where, PORT_REQUIRED);
	if (http != NULL)
		bound = evhttp_bind_socket_with_handle(http, address_to_text(&address, host), port);
	if (bound == NULL) {
		problems_error(problems, "--metrics %s: cannot listen on it: %s", where, strerror(errno));
		if (http != NULL)
			evhttp_free(http);
		return NULL;
	}
	/* A scraper sends little, and must not delay the loop. */
	evhttp_set_max_headers_size(http, 8192);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_timeout(http, 10);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	print_address(bound);
	return http;
}

struct metrics_page *
metrics_page_listen(struct event_base *base, const char *where, void (*expose)(void *arg, FILE *page),
    void *arg, struct problems *problems)
{
	struct metrics_page *metrics = xcalloc(1, sizeof *metrics);

	metrics->expose = expose;
	metrics->arg = arg;
	metrics->pages = pages_new(base, &limits);
	metrics->http = metrics_http_listen(base, where, problems);
	if (metrics->http == NULL) {
		metrics_page_free(metrics);
		return NULL;
	}
	evhttp_set_cb(metrics->http, "/metrics", on_metrics, metrics);
	return metrics;
}

void
metrics_page_free(struct metrics_page *metrics)
{
	if (metrics == NULL)
		return;
	pages_free(metrics->pages);
	if (metrics->http != NULL)
		evhttp_free(metrics->http);
	free(metrics);
}
