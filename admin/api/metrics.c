#include "admin/api/metrics.h"

#include "admin/api/connections.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/daemon/exposition.h"

#include <errno.h>
#include <stdlib.h>

static const struct bound bounds[] = {BOUND(0.001), BOUND(0.0025), BOUND(0.005), BOUND(0.01), BOUND(0.025),
    BOUND(0.05), BOUND(0.1), BOUND(0.25), BOUND(0.5), BOUND(1), BOUND(2.5), BOUND(5), BOUND(10)};

/* Requests of a class that got a status. */
struct row {
	const char *class;
	int status;
	uint64_t count;
};

struct api_metrics {
	struct row *rows;
	size_t nrows;
	uint64_t counts[2][NITEMS(bounds) + 1];
	struct histogram seconds[2]; /* of reads, of writes */
	uint64_t tokens_refused;
	double started;
	struct connections *connections; /* of the page */
	api_metrics_present_fn *present;
	void *arg;
	char address[ADDRESS_PORT_TEXT];
};

struct api_metrics *
api_metrics_new(void)
{
	struct api_metrics *metrics = xcalloc(1, sizeof *metrics);

	metrics->started = (double)wall_ms() / 1000;
	for (size_t i = 0; i < 2; i++)
		metrics->seconds[i] = (struct histogram){bounds, NITEMS(bounds), metrics->counts[i], 0};
	return metrics;
}

void
api_metrics_free(struct api_metrics *metrics)
{
	if (metrics == NULL)
		return;
	connections_free(metrics->connections);
	free(metrics->rows);
	free(metrics);
}

void
api_metrics_count(struct api_metrics *metrics, const char *class, int status, bool write, double seconds)
{
	size_t i = 0;

	histogram_add(&metrics->seconds[write], seconds);
	while (i < metrics->nrows &&
	    (metrics->rows[i].status != status || strcmp(metrics->rows[i].class, class) != 0))
		i++;
	if (i == metrics->nrows) {
		metrics->rows = array_grow(metrics->rows, metrics->nrows, sizeof *metrics->rows);
		metrics->rows[metrics->nrows++] = (struct row){class, status, 0};
	}
	metrics->rows[i].count++;
}

void
api_metrics_refused_token(struct api_metrics *metrics)
{
	metrics->tokens_refused++;
}

/* ---- the page ---- */

static void
write_requests(const struct api_metrics *metrics, FILE *page)
{
	static const char *const kinds[] = {"read", "write"};
	char status[16], labels[EXPOSITION_LABELS_MAX];

	exposition_family(page, "graycloud_api_requests_total", "counter",
	    "Requests that were answered, by class of their route and by status.");
	for (size_t i = 0; i < metrics->nrows; i++) {
		snprintf(status, sizeof status, "%d", metrics->rows[i].status);
		exposition_sample(page, "graycloud_api_requests_total", (double)metrics->rows[i].count,
		    "class", metrics->rows[i].class, "status", status, NULL);
	}
	exposition_family(page, "graycloud_api_request_seconds", "histogram",
	    "Time from a whole request to its reply; of a write, until the nameserver serves it.");
	for (size_t i = 0; i < 2; i++) {
		exposition_labels(labels, "kind", kinds[i], NULL);
		exposition_histogram(page, "graycloud_api_request_seconds", labels, &metrics->seconds[i]);
	}
}

static void
write_page(const struct api_metrics *metrics, FILE *page)
{
	struct api_metrics_present present = metrics->present(metrics->arg);

	write_requests(metrics, page);
	exposition_value(page, "graycloud_api_writes_waiting", "gauge",
	    "Changes that wait or are in progress.", present.writes_waiting);
	exposition_value(
	    page, "graycloud_api_connections", "gauge", "Open connections.", present.connections);
	exposition_value(page, "graycloud_api_connections_evicted_total", "counter",
	    "Idle connections that were closed to make room for others.", (double)present.evicted);
	exposition_value(
	    page, "graycloud_api_event_streams", "gauge", "Clients that follow events.", present.streams);
	exposition_value(page, "graycloud_api_tokens_refused_total", "counter",
	    "Requests without a valid token.", (double)metrics->tokens_refused);
	exposition_family(page, "graycloud_build_info", "gauge", "1, with the version of this program.");
	exposition_sample(
	    page, "graycloud_build_info", 1, "program", "graycloud-api", "version", VERSION, NULL);
	exposition_value(page, "process_start_time_seconds", "gauge",
	    "Start of this process, in seconds since 1970.", metrics->started);
}

static void
on_request(void *arg, struct exchange *exchange)
{
	static const char other[] = "only /metrics exists\n";
	const struct http_head *head = exchange_head(exchange);
	char *text = NULL;
	size_t len = 0;
	FILE *page;

	if (strcmp(head->path, "/metrics") != 0 ||
	    (strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0)) {
		exchange_header(exchange, "Content-Type", "text/plain");
		exchange_reply(exchange, 404, other, sizeof other - 1);
		return;
	}
	page = text_stream(&text, &len);
	write_page(arg, page);
	fclose(page);
	exchange_header(exchange, "Content-Type", "%s", EXPOSITION_CONTENT_TYPE);
	exchange_reply(exchange, 200, text, len);
	free(text);
}

static char *
fault_text(void *arg, int status)
{
	(void)arg;
	return xasprintf("%s\n", http_reason(status));
}

bool
api_metrics_listen(struct api_metrics *metrics, struct event_base *base, const char *where,
    api_metrics_present_fn *present, void *arg, struct problems *problems)
{
	const struct connections_use use = {.most = 16,
	    .head_max = 8192,
	    .body_max = 1024,
	    .timeout_s = 10,
	    .request = on_request,
	    .fault = fault_text,
	    .arg = metrics};
	struct address address;
	uint16_t port;

	metrics->present = present;
	metrics->arg = arg;
	metrics->connections = connections_new(base, &use, NULL);
	address_port_from_text(&address, &port, where, PORT_REQUIRED);
	if ((port = connections_listen(metrics->connections, &address, port)) == 0) {
		problems_error(problems, "--metrics %s: cannot listen on it: %s", where, strerror(errno));
		return false;
	}
	address_port_to_text(&address, port, metrics->address);
	return true;
}

const char *
api_metrics_address(const struct api_metrics *metrics)
{
	return *metrics->address != '\0' ? metrics->address : NULL;
}
