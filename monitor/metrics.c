#include "metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct metrics {
	struct evhttp *http;
	const struct schedule *schedule;
	const struct follow *follow;
};

static void
head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP graycloud_monitor_%s %s\n# TYPE graycloud_monitor_%s %s\n", name, help, name, type);
}

static void
value(struct evbuffer *out, const char *name, const char *type, const char *help, uint64_t number)
{
	head(out, name, type, help);
	evbuffer_add_printf(out, "graycloud_monitor_%s %llu\n", name, (unsigned long long)number);
}

static void
on_metrics(struct evhttp_request *request, void *arg)
{
	const struct metrics *metrics = arg;
	const struct schedule_counters *counters = schedule_counters(metrics->schedule);
	struct evbuffer *out = evhttp_request_get_output_buffer(request);

	value(out, "endpoints", "gauge", "Endpoints that are probed.", counters->targets);
	head(out, "endpoints_by_state", "gauge", "Endpoints by their state.");
	for (unsigned i = 0; i <= HEALTH_DOWN; i++)
		evbuffer_add_printf(out, "graycloud_monitor_endpoints_by_state{state=\"%s\"} %u\n", health_state_text(i),
		    counters->states[i]);
	value(out, "checks_in_flight", "gauge", "Checks under way.", counters->in_flight);
	value(out, "checks_queued", "gauge", "Checks that are due and wait for their turn.", counters->queued);
	value(out, "checks_limit", "gauge", "Checks that may be under way at once.", counters->most);
	value(out, "checks_total", "counter", "Checks that ended.", counters->checks);
	head(out, "checks_by_reason_total", "counter", "Conclusive checks by how they ended.");
	for (unsigned i = 0; i < REASON_COUNT; i++)
		evbuffer_add_printf(out, "graycloud_monitor_checks_by_reason_total{reason=\"%s\"} %llu\n",
		    health_reason_text(i), (unsigned long long)counters->reasons[i]);
	value(out, "checks_inconclusive_total", "counter", "Checks that failed on this machine and gave no verdict.",
	    counters->inconclusive);
	value(out, "flips_total", "counter", "Changes of state.", counters->flips);
	value(out, "config_generation", "gauge", "Generation of the configuration that is probed.",
	    follow_generation(metrics->follow));
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
	    "text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(request, 200, "OK", NULL);
}

static void
print_bound(struct evhttp_bound_socket *bound)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	struct address address = {.family = FAMILY_V4};
	uint16_t port;
	char text[46];

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
	printf(address.family == FAMILY_V6 ? "metrics on http://[%s]:%u/metrics\n" : "metrics on http://%s:%u/metrics\n", address_to_text(&address, text), port);
}

struct metrics *
metrics_listen(struct event_base *base, const char *where, const struct schedule *schedule,
    const struct follow *follow, struct problems *problems)
{
	struct metrics *metrics = xcalloc(1, sizeof *metrics);
	const char *colon = strrchr(where, ':');
	struct address address;
	char host[64], *end;
	long port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);
	bool brackets = where[0] == '[' && colon != NULL && colon[-1] == ']';
	struct evhttp_bound_socket *bound;

	snprintf(host, sizeof host, "%.*s", colon == NULL ? 0 : (int)(colon - where) - (brackets ? 2 : 0),
	    where + (brackets ? 1 : 0));
	if (port < 0 || port > 65535 || colon[1] == '\0' || *end != '\0' || !address_from_text(&address, host)) {
		problems_error(problems, "--metrics %s: write ADDRESS:PORT, as in 127.0.0.1:9153 or [::1]:9153", where);
		free(metrics);
		return NULL;
	}
	metrics->schedule = schedule;
	metrics->follow = follow;
	metrics->http = evhttp_new(base);
	bound = metrics->http == NULL ? NULL : evhttp_bind_socket_with_handle(metrics->http, host, (uint16_t)port);
	if (bound == NULL) {
		problems_error(problems, "--metrics %s: cannot listen there: %s", where, strerror(errno));
		metrics_free(metrics);
		return NULL;
	}
	/* A scraper sends little, and none may hold us up. */
	evhttp_set_max_headers_size(metrics->http, 8192);
	evhttp_set_max_body_size(metrics->http, 0);
	evhttp_set_timeout(metrics->http, 10);
	evhttp_set_allowed_methods(metrics->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_cb(metrics->http, "/metrics", on_metrics, metrics);
	print_bound(bound);
	return metrics;
}

void
metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	if (metrics->http != NULL)
		evhttp_free(metrics->http);
	free(metrics);
}
