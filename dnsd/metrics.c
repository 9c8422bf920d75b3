#include "dnsd/metrics.h"

#include "dnsd/geoip.h"
#include "zones/daemon/exposition.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct metrics {
	struct evhttp *http;
	struct publisher *publisher;
	const struct workers *workers;
	const struct geoip *geoip;
	double started; /* seconds since 1970 */
	char address[LISTEN_TEXT];
};

static const char *const transports[TRANSPORT_COUNT] = {"udp4", "udp6", "tcp4", "tcp6", "tls4", "tls6"};

static const char *
rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
	    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"};

	return rcode < NITEMS(texts)   ? texts[rcode]
	    : rcode == RCODE_BADVERS   ? "BADVERS"
	    : rcode == RCODE_BADCOOKIE ? "BADCOOKIE"
				       : "other";
}

/* The types that people watch have their names; the others their numbers (RFC 3597 5). */
static const char *
type_text(unsigned type, char out[16])
{
	static const struct {
		uint16_t type;
		const char *text;
	} known[] = {{TYPE_A, "A"}, {TYPE_NS, "NS"}, {TYPE_CNAME, "CNAME"}, {TYPE_SOA, "SOA"},
	    {TYPE_PTR, "PTR"}, {TYPE_MX, "MX"}, {TYPE_TXT, "TXT"}, {TYPE_AAAA, "AAAA"}, {TYPE_SRV, "SRV"},
	    {TYPE_DS, "DS"}, {TYPE_DNSKEY, "DNSKEY"}, {TYPE_SVCB, "SVCB"}, {TYPE_HTTPS, "HTTPS"},
	    {TYPE_ANY, "ANY"}, {TYPE_AXFR, "AXFR"}, {TYPE_IXFR, "IXFR"}};

	if (type == TALLY_OTHER_TYPE)
		return "other";
	for (size_t i = 0; i < NITEMS(known); i++)
		if (known[i].type == type)
			return known[i].text;
	snprintf(out, 16, "TYPE%u", type);
	return out;
}

/* The sum of one word over all threads; offset is its place in a tally. */
static uint64_t
sum(const struct metrics *metrics, size_t offset)
{
	uint64_t total = 0;

	for (size_t i = 0; metrics->workers != NULL && i < workers_count(metrics->workers); i++)
		total += tally_get(
		    (const tally_word *)((const char *)workers_tally(metrics->workers, i) + offset));
	return total;
}
#define SUM(metrics, member) sum(metrics, offsetof(struct tally, member))

static void
add_queries(const struct metrics *metrics, FILE *page)
{
	char text[16];

	exposition_family(
	    page, "graycloud_queries_total", "counter", "Requests that were answered, by transport.");
	for (unsigned i = 0; i < TRANSPORT_COUNT; i++)
		exposition_sample(page, "graycloud_queries_total",
		    (double)sum(metrics, offsetof(struct tally, queries) + i * sizeof(tally_word)),
		    "transport", transports[i], NULL);
	exposition_family(page, "graycloud_responses_total", "counter", "Responses, by rcode.");
	for (unsigned i = 0; i < TALLY_RCODES; i++) {
		uint64_t count = sum(metrics, offsetof(struct tally, rcodes) + i * sizeof(tally_word));

		if (count > 0 || i <= RCODE_REFUSED)
			exposition_sample(
			    page, "graycloud_responses_total", (double)count, "rcode", rcode_text(i), NULL);
	}
	exposition_family(page, "graycloud_questions_total", "counter", "Questions, by type.");
	for (unsigned i = 0; i < TALLY_TYPES; i++) {
		uint64_t count = sum(metrics, offsetof(struct tally, types) + i * sizeof(tally_word));

		if (count > 0 || i == TYPE_A || i == TYPE_AAAA)
			exposition_sample(page, "graycloud_questions_total", (double)count, "type",
			    type_text(i, text), NULL);
	}
	exposition_value(page, "graycloud_truncated_total", "counter", "Responses that were truncated (TC).",
	    (double)SUM(metrics, truncated));
	exposition_value(page, "graycloud_ignored_total", "counter",
	    "Messages that got silence: responses, less than a header, ports that only reflect.",
	    (double)SUM(metrics, ignored));
	exposition_family(page, "graycloud_cookies_total", "counter",
	    "Queries with a DNS cookie, by whether it was one of ours.");
	exposition_sample(
	    page, "graycloud_cookies_total", (double)SUM(metrics, cookies_good), "valid", "yes", NULL);
	exposition_sample(
	    page, "graycloud_cookies_total", (double)SUM(metrics, cookies_bad), "valid", "no", NULL);
	exposition_family(page, "graycloud_limited_total", "counter",
	    "Responses that rate limiting dropped or truncated (in a dry run: would have).");
	exposition_sample(
	    page, "graycloud_limited_total", (double)SUM(metrics, limited_dropped), "action", "drop", NULL);
	exposition_sample(page, "graycloud_limited_total", (double)SUM(metrics, limited_truncated), "action",
	    "truncate", NULL);
	exposition_value(page, "graycloud_pins_made_total", "counter",
	    "Pins of sticky clients made or confirmed (S20).", (double)SUM(metrics, pins_made));
	exposition_value(page, "graycloud_pins_refused_total", "counter",
	    "Pins that the table had no room for: those clients are hashed.",
	    (double)SUM(metrics, pins_refused));
	exposition_value(page, "graycloud_fallback_answers_total", "counter",
	    "Answers that a fallback pool gave (S14).", (double)SUM(metrics, last_resort));
	exposition_value(page, "graycloud_uncounted_total", "counter",
	    "Answers that the table of origins had no room for.", (double)SUM(metrics, uncounted));
}

/* Answers of one (load balancer, origin) or, aggregated, of one load balancer or origin. */
struct line {
	uint32_t lb, origin;
	uint64_t count;
};

static int
by_lb(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->lb != y->lb ? (x->lb < y->lb ? -1 : 1) : x->origin < y->origin ? -1 : x->origin > y->origin;
}

static int
by_origin(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->origin < y->origin ? -1 : x->origin > y->origin;
}

struct lines {
	struct line *list;
	size_t count, room;
};

static void
add_line(void *arg, uint32_t lb, uint32_t origin, uint64_t count)
{
	struct lines *lines = arg;

	if (lines->count == lines->room) {
		lines->room = lines->room ? lines->room * 2 : 256;
		lines->list = xrealloc(lines->list, lines->room * sizeof *lines->list);
	}
	lines->list[lines->count++] = (struct line){lb, origin, count};
}

/* All rows of all threads; returns how many. */
static size_t
gather(const struct metrics *metrics, struct line **list)
{
	struct lines lines = {0};

	for (size_t w = 0; metrics->workers != NULL && w < workers_count(metrics->workers); w++)
		tally_each(workers_tally(metrics->workers, w), add_line, &lines);
	*list = lines.list;
	return lines.count;
}

/* Add up neighbours that compare as equal. */
static size_t
merge(struct line *lines, size_t count, int (*compare)(const void *, const void *))
{
	size_t kept = 0;

	if (count > 0)
		qsort(lines, count, sizeof *lines, compare);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare(&lines[kept - 1], &lines[i]) == 0)
			lines[kept - 1].count += lines[i].count;
		else
			lines[kept++] = lines[i];
	}
	return kept;
}

struct origin_name {
	const char *pool, *address;
};

static struct origin_name
origin_name(const struct metrics *metrics, uint32_t number)
{
	struct origin_name name = {"?", "?"};

	publisher_origin_name(metrics->publisher, number, &name.pool, &name.address);
	return name;
}

/* ?lb=NAME: the answers of one load balancer, by pool and origin. */
static void
add_lb_detail(const struct metrics *metrics, FILE *page, const char *wanted)
{
	struct line *lines;
	size_t count = gather(metrics, &lines);

	count = merge(lines, count, by_lb);
	exposition_family(page, "graycloud_lb_answers_total", "counter",
	    "Answers of one load balancer that had this origin.");
	for (size_t i = 0; i < count; i++) {
		struct origin_name origin;
		const char *name;

		if (!publisher_lb_name(metrics->publisher, lines[i].lb, &name) ||
		    strcasecmp(name, wanted) != 0)
			continue;
		origin = origin_name(metrics, lines[i].origin);
		exposition_sample(page, "graycloud_lb_answers_total", (double)lines[i].count, "lb", name,
		    "pool", origin.pool, "origin", origin.address, NULL);
	}
	free(lines);
}

static void
add_aggregates(const struct metrics *metrics, FILE *page)
{
	struct line *lines;
	size_t count = gather(metrics, &lines);

	count = merge(lines, count, by_origin);
	exposition_family(page, "graycloud_origin_answers_total", "counter",
	    "Answers that had this origin; by load balancer with ?lb=NAME.");
	for (size_t i = 0; i < count; i++) {
		struct origin_name origin = origin_name(metrics, lines[i].origin);

		exposition_sample(page, "graycloud_origin_answers_total", (double)lines[i].count, "pool",
		    origin.pool, "origin", origin.address, NULL);
	}
	free(lines);
}

static void
add_state(const struct metrics *metrics, FILE *page)
{
	struct publisher_report report;

	publisher_report(metrics->publisher, &report);
	exposition_value(page, "graycloud_config_generation", "gauge",
	    "Generation of the configuration that is answered.", (double)report.generation);
	exposition_value(page, "graycloud_view_epoch", "gauge",
	    "Publications since the start, changes of health among them.", (double)report.epoch);
	exposition_value(page, "graycloud_compiles_total", "counter", "Compiles of the configuration.",
	    (double)report.compiles);
	exposition_value(page, "graycloud_compile_errors_total", "counter",
	    "Compiles that failed: the old view kept answering.", (double)report.errors);
	exposition_value(page, "graycloud_compile_seconds", "gauge", "Time of the last compile.",
	    (double)report.compile_ns_last / 1e9);
	exposition_value(page, "graycloud_compile_seconds_max", "gauge", "Time of the longest compile.",
	    (double)report.compile_ns_max / 1e9);
	exposition_value(page, "graycloud_health_publications_total", "counter",
	    "Publications that a change of health made.", (double)report.health_publications);
	exposition_value(page, "graycloud_retired", "gauge", "Replaced objects that a reader may still hold.",
	    (double)report.waiting);
	exposition_value(page, "graycloud_zones", "gauge", "Zones served.", (double)report.counts.zones);
	exposition_value(
	    page, "graycloud_load_balancers", "gauge", "Load balancers.", (double)report.counts.lbs);
	exposition_value(page, "graycloud_pools", "gauge", "Pools.", (double)report.counts.pools);
	exposition_value(page, "graycloud_endpoints", "gauge", "Endpoints whose health is followed.",
	    (double)report.counts.endpoints);
	exposition_value(page, "graycloud_endpoints_unknown", "gauge", "Endpoints without a verdict.",
	    (double)report.unknown);
	exposition_value(page, "graycloud_monitor_up", "gauge", "Does graycloud-monitor's heart beat (S25)?",
	    !report.monitor_dead);
	if (report.health_seen)
		exposition_value(page, "graycloud_health_age_seconds", "gauge",
		    "Since the monitor's last heartbeat.", (double)report.monitor_beat_age_ms / 1e3);
}

/* What the statuses of pools and load balancers come to. */
struct statuses {
	FILE *page;
	FILE *lbs; /* lines that come behind those of the pools */
	size_t pools_by[POOL_DISABLED + 1], lbs_by[LB_DISABLED + 1];
	size_t lacking; /* load balancers that ask for what no database knows */
	unsigned geography;
};

static void
add_pool_status(void *arg, const char *name, enum pool_status status)
{
	struct statuses *statuses = arg;

	statuses->pools_by[status]++;
	exposition_sample(statuses->page, "graycloud_pool_status", 1, "pool", name, "status",
	    status_pool_text(status), NULL);
}

static void
add_lb_status(void *arg, const char *name, enum lb_status status, unsigned geography)
{
	struct statuses *statuses = arg;

	statuses->lbs_by[status]++;
	statuses->lacking += (geography & ~statuses->geography) != 0;
	if (status != LB_HEALTHY)
		exposition_sample(statuses->lbs, "graycloud_lb_status", 1, "lb", name, "status",
		    status_lb_text(status), NULL);
}

/* S28.  A hundred thousand load balancers would be most of the page: those that are Healthy are only counted.
 */
static void
add_statuses(const struct metrics *metrics, FILE *page)
{
	struct statuses statuses = {
	    .page = page, .geography = metrics->geoip != NULL ? geoip_geography(metrics->geoip) : 0};
	const struct compiled_status status = {&statuses, add_pool_status, add_lb_status};
	char *text = NULL;
	size_t len;

	if ((statuses.lbs = open_memstream(&text, &len)) == NULL)
		return;
	exposition_family(page, "graycloud_pool_status", "gauge", "1 for the status of each pool (S28).");
	publisher_status(metrics->publisher, &status);
	fclose(statuses.lbs);
	exposition_family(page, "graycloud_lb_status", "gauge",
	    "1 for the status of each load balancer that is not Healthy (S28).");
	fwrite(text, 1, len, page);
	free(text);
	exposition_family(page, "graycloud_pools_by_status", "gauge", "Pools, by status.");
	for (unsigned i = 0; i <= POOL_DISABLED; i++)
		if (i != POOL_NO_HEALTH)
			exposition_sample(page, "graycloud_pools_by_status", (double)statuses.pools_by[i],
			    "status", status_pool_text((enum pool_status)i), NULL);
	exposition_family(page, "graycloud_load_balancers_by_status", "gauge", "Load balancers, by status.");
	for (unsigned i = 0; i <= LB_DISABLED; i++)
		exposition_sample(page, "graycloud_load_balancers_by_status", (double)statuses.lbs_by[i],
		    "status", status_lb_text((enum lb_status)i), NULL);
	exposition_value(page, "graycloud_load_balancers_without_geography", "gauge",
	    "Load balancers that steer by places which no database here knows.", (double)statuses.lacking);
}

/* What this process is, and what it locates clients by. */
static void
add_identity(const struct metrics *metrics, FILE *page)
{
	struct geo_database info;
	const char *path;

	exposition_family(page, "graycloud_build_info", "gauge", "1, with the version of this program.");
	exposition_sample(
	    page, "graycloud_build_info", 1, "program", "graycloud-dnsd", "version", VERSION, NULL);
	exposition_value(page, "process_start_time_seconds", "gauge",
	    "When this process started, since 1970.", metrics->started);
	exposition_family(page, "graycloud_geo_database_info", "gauge",
	    "1 for each database of places that is in use, with its file, its type and what it knows.");
	for (size_t i = 0; metrics->geoip != NULL && geoip_describe(metrics->geoip, i, &path, &info); i++)
		exposition_sample(page, "graycloud_geo_database_info", 1, "file", path, "type", info.type,
		    "countries", info.areas ? "yes" : "no", "coordinates", info.places ? "yes" : "no",
		    "networks", info.networks ? "yes" : "no", NULL);
	exposition_family(page, "graycloud_geo_database_build_time_seconds", "gauge",
	    "When the database was made, since 1970.");
	for (size_t i = 0; metrics->geoip != NULL && geoip_describe(metrics->geoip, i, &path, &info); i++)
		exposition_sample(page, "graycloud_geo_database_build_time_seconds", (double)info.built,
		    "file", path, NULL);
}

/* The page of the words behind "?". */
static void
write_page(const struct metrics *metrics, FILE *page, const char *query)
{
	struct evkeyvalq words;
	const char *lb = NULL;

	TAILQ_INIT(&words);
	if (query != NULL && evhttp_parse_query_str(query, &words) == 0)
		lb = evhttp_find_header(&words, "lb");
	if (lb != NULL) {
		add_lb_detail(metrics, page, lb);
	} else {
		add_queries(metrics, page);
		add_aggregates(metrics, page);
		add_state(metrics, page);
		add_statuses(metrics, page);
		add_identity(metrics, page);
	}
	evhttp_clear_headers(&words);
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct metrics *metrics = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	char *text = NULL;
	size_t len;
	FILE *page;

	if (path == NULL || strcmp(path, "/metrics") != 0) {
		evhttp_send_error(request, HTTP_NOTFOUND, "only /metrics is here");
		return;
	}
	page = open_memstream(&text, &len);
	if (page == NULL) {
		evhttp_send_error(request, HTTP_SERVUNAVAIL, "memory is exhausted");
		return;
	}
	write_page(metrics, page, evhttp_uri_get_query(uri));
	fclose(page);
	evbuffer_add(evhttp_request_get_output_buffer(request), text, len);
	free(text);
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "Content-Type", EXPOSITION_CONTENT_TYPE);
	evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

struct metrics *
metrics_new(struct event_base *base, const char *text, struct publisher *publisher, struct problems *problems)
{
	struct metrics *metrics = xcalloc(1, sizeof *metrics);
	struct listener where;
	struct evhttp_bound_socket *bound = NULL;
	char host[INET6_ADDRSTRLEN];

	metrics->publisher = publisher;
	metrics->started = (double)wall_ms() / 1000;
	if (!listen_parse(&where, text, METRICS_PORT)) {
		problems_error(problems, "--metrics %s: not ADDRESS:PORT", text);
		goto fail;
	}
	evutil_inet_ntop(where.address.generic.sa_family,
	    where.address.generic.sa_family == AF_INET ? (void *)&where.address.v4.sin_addr
						       : (void *)&where.address.v6.sin6_addr,
	    host, sizeof host);
	if ((metrics->http = evhttp_new(base)) != NULL) {
		evhttp_set_allowed_methods(metrics->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
		evhttp_set_timeout(metrics->http, 10);
		evhttp_set_max_headers_size(metrics->http, 8192);
		evhttp_set_max_body_size(metrics->http, 1024);
		evhttp_set_gencb(metrics->http, on_request, metrics);
		bound = evhttp_bind_socket_with_handle(metrics->http, host,
		    ntohs(where.address.generic.sa_family == AF_INET ? where.address.v4.sin_port
								     : where.address.v6.sin6_port));
	}
	if (bound == NULL) {
		problems_error(problems, "--metrics %s: cannot listen there: %s", text, strerror(errno));
		goto fail;
	}
	getsockname(evhttp_bound_socket_get_fd(bound), &where.address.generic, &where.address_len);
	listen_text(&where.address, metrics->address);
	return metrics;
fail:
	metrics_free(metrics);
	return NULL;
}

void
metrics_set_workers(struct metrics *metrics, const struct workers *workers)
{
	metrics->workers = workers;
}

void
metrics_set_geoip(struct metrics *metrics, const struct geoip *geoip)
{
	metrics->geoip = geoip;
}

const char *
metrics_address(const struct metrics *metrics)
{
	return metrics->address;
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
