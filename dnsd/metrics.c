#include "dnsd/metrics.h"

#include "dnsd/geoip.h"
#include "dnsd/metrics_answers.h"
#include "dnsd/metrics_statuses.h"
#include "dnsd/tap_writer.h"
#include "zones/daemon/exposition.h"
#include "zones/daemon/pages.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

static const struct pages_limits limits = {.most = 4, .stalled_ms = 10000, .deadline_ms = 60000};

struct metrics {
	struct evhttp *http;
	struct pages *pages;
	struct evhttp_bound_socket *bound;
	struct publisher *publisher;
	const struct workers *workers;
	const struct geoip *geoip;
	const struct tap_writer *tap; /* NULL: no query log */
	double started;               /* seconds since 1970 */
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

/* Common types have names; the others have numbers (RFC 3597 5). */
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

/* The sum of one counter over all threads; offset is its position in a tally. */
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
	    "Messages that got no answer: responses, messages shorter than a header, ports of reflecting "
	    "services.",
	    (double)SUM(metrics, ignored));
	exposition_family(page, "graycloud_cookies_total", "counter",
	    "Queries with a DNS cookie, by whether it was valid.");
	exposition_sample(
	    page, "graycloud_cookies_total", (double)SUM(metrics, cookies_good), "valid", "yes", NULL);
	exposition_sample(
	    page, "graycloud_cookies_total", (double)SUM(metrics, cookies_bad), "valid", "no", NULL);
	exposition_family(page, "graycloud_limited_total", "counter",
	    "Responses that rate limiting dropped or truncated (in a dry run: would drop or truncate).");
	exposition_sample(
	    page, "graycloud_limited_total", (double)SUM(metrics, limited_dropped), "action", "drop", NULL);
	exposition_sample(page, "graycloud_limited_total", (double)SUM(metrics, limited_truncated), "action",
	    "truncate", NULL);
	exposition_value(page, "graycloud_pins_made_total", "counter",
	    "Pins of sticky clients made or confirmed (S20).", (double)SUM(metrics, pins_made));
	exposition_value(page, "graycloud_pins_refused_total", "counter",
	    "Pins for which the table had no room: those clients are hashed.",
	    (double)SUM(metrics, pins_refused));
	exposition_value(page, "graycloud_fallback_answers_total", "counter",
	    "Answers from a fallback pool (S14).", (double)SUM(metrics, last_resort));
	exposition_value(page, "graycloud_uncounted_total", "counter",
	    "Answers that are not counted by origin because the table was full.",
	    (double)SUM(metrics, uncounted));
}

static void
add_tap(const struct metrics *metrics, FILE *page)
{
	struct tap_counts counts;

	if (metrics->tap == NULL)
		return;
	tap_writer_counts(metrics->tap, &counts);
	exposition_value(page, "graycloud_dnstap_messages_total", "counter",
	    "Queries and responses that the query log wrote.", (double)counts.sent);
	exposition_family(page, "graycloud_dnstap_dropped_total", "counter",
	    "Records that the query log lost: queries for which a thread's ring was full, and messages that "
	    "could "
	    "not be "
	    "written.");
	exposition_sample(
	    page, "graycloud_dnstap_dropped_total", (double)counts.full, "reason", "full", NULL);
	exposition_sample(
	    page, "graycloud_dnstap_dropped_total", (double)counts.unsent, "reason", "unwritten", NULL);
}

/* Of a node of a cluster (S90 to S94). */
static void
add_nodes(const struct publisher_report *report, FILE *page)
{
	const struct cluster_summary *nodes = &report->nodes;

	exposition_value(page, "graycloud_sync_up", "gauge", "1 if graycloud-sync beats.",
	    report->health_seen && !report->monitor_dead);
	exposition_family(page, "graycloud_engine_state", "gauge",
	    "1 for the state of the engine of the cluster as this node sees it (S94).");
	for (enum engine_state state = ENGINE_REACHABLE; state <= ENGINE_FAILED; state++)
		exposition_sample(page, "graycloud_engine_state", report->engine == state, "state",
		    engine_state_text(state), NULL);
	exposition_value(page, "graycloud_nodes", "gauge", "Nodes of the roster.", nodes->nodes);
	exposition_value(
	    page, "graycloud_nodes_lost", "gauge", "Nodes of the roster that do not beat.", nodes->lost);
	exposition_value(page, "graycloud_sites", "gauge", "Sites that vote on health.", nodes->sites);
	exposition_value(
	    page, "graycloud_sites_voting", "gauge", "Sites whose votes count now.", nodes->voting_sites);
	exposition_value(page, "graycloud_quorum_lost", "gauge",
	    "1 if too few sites vote, so that no dead origin is withdrawn (S93).", nodes->quorum_lost);
	exposition_value(page, "graycloud_generation_lag", "gauge",
	    "Generations that other nodes have and this nameserver does not answer by yet.",
	    nodes->generation > report->generation ? (double)(nodes->generation - report->generation) : 0);
}

/* Of signed zones: these also show a signer that is dead, whose own metrics are gone (S106). */
static void
add_signed(const struct metrics *metrics, const struct publisher_report *report, FILE *page)
{
	if (!report->has_signed)
		return;
	exposition_value(page, "graycloud_signer_up", "gauge",
	    "1 if graycloud-signer beats, so that signatures are renewed (S106).", !report->signer_dead);
	if (report->signatures_end != 0)
		exposition_value(page, "graycloud_signatures_first_expiry_seconds", "gauge",
		    "Seconds until the first signature ends, as graycloud-signer last knew.",
		    (double)(report->signatures_end - (int64_t)time(NULL)));
	exposition_value(page, "graycloud_rrsets_unsigned", "gauge",
	    "RRsets of signed zones, without those of load balancers, that have no signature yet.",
	    (double)report->lacking);
	exposition_family(page, "graycloud_signed_answers_total", "counter",
	    "Answers of signed zones to clients with DO: whole, with one address in place of all, or "
	    "SERVFAIL for lack "
	    "of a signature (S102).");
	exposition_sample(page, "graycloud_signed_answers_total",
	    (double)(SUM(metrics, answers_signed) - SUM(metrics, answers_of_one)), "kind", "whole", NULL);
	exposition_sample(page, "graycloud_signed_answers_total", (double)SUM(metrics, answers_of_one),
	    "kind", "one", NULL);
	exposition_sample(page, "graycloud_signed_answers_total", (double)SUM(metrics, unsigned_failed),
	    "kind", "failed", NULL);
}

static void
add_state(const struct metrics *metrics, FILE *page)
{
	struct publisher_report report;

	publisher_report(metrics->publisher, &report);
	exposition_value(page, "graycloud_config_generation", "gauge",
	    "Generation of the configuration in use.", (double)report.generation);
	exposition_value(page, "graycloud_snapshot_epoch", "gauge",
	    "Publications since the start, including changes of health.", (double)report.epoch);
	exposition_value(page, "graycloud_compiles_total", "counter", "Compiles of the configuration.",
	    (double)report.compiles);
	exposition_value(page, "graycloud_compile_errors_total", "counter",
	    "Compiles that failed: the old configuration stayed in use.", (double)report.errors);
	exposition_value(page, "graycloud_compile_seconds", "gauge", "Time of the last compile.",
	    (double)report.compile_ns_last / 1e9);
	exposition_value(page, "graycloud_compile_seconds_max", "gauge", "Time of the longest compile.",
	    (double)report.compile_ns_max / 1e9);
	exposition_value(page, "graycloud_health_publications_total", "counter",
	    "Publications after changes of health.", (double)report.health_publications);
	exposition_value(page, "graycloud_retired", "gauge", "Replaced objects that a thread may still use.",
	    (double)report.waiting);
	exposition_value(page, "graycloud_zones", "gauge", "Zones served.", (double)report.counts.zones);
	exposition_value(
	    page, "graycloud_load_balancers", "gauge", "Load balancers.", (double)report.counts.lbs);
	exposition_value(page, "graycloud_pools", "gauge", "Pools.", (double)report.counts.pools);
	exposition_value(page, "graycloud_endpoints", "gauge", "Endpoints whose health is followed.",
	    (double)report.counts.endpoints);
	exposition_value(page, "graycloud_endpoints_unknown", "gauge", "Endpoints without a verdict.",
	    (double)report.unknown);
	exposition_value(page, "graycloud_monitor_up", "gauge",
	    "1 if graycloud-monitor sends heartbeats (S25)", !report.monitor_dead);
	if (report.joined)
		add_nodes(&report, page);
	add_signed(metrics, &report, page);
	if (report.health_seen)
		exposition_value(page, "graycloud_health_age_seconds", "gauge",
		    "Seconds since the monitor's last heartbeat.", (double)report.monitor_beat_age_ms / 1e3);
}

/* About this process and its geography databases. */
static void
add_identity(const struct metrics *metrics, FILE *page)
{
	struct geo_database info;
	const char *path;

	exposition_family(page, "graycloud_build_info", "gauge", "1, with the version of this program.");
	exposition_sample(
	    page, "graycloud_build_info", 1, "program", "graycloud-dnsd", "version", VERSION, NULL);
	exposition_value(page, "process_start_time_seconds", "gauge",
	    "Start of this process, in seconds since 1970.", metrics->started);
	exposition_family(page, "graycloud_geo_database_info", "gauge",
	    "1 for each geography database in use, with its file, its type and its contents.");
	for (size_t i = 0; metrics->geoip != NULL && geoip_describe(metrics->geoip, i, &path, &info); i++)
		exposition_sample(page, "graycloud_geo_database_info", 1, "file", path, "type", info.type,
		    "countries", info.areas ? "yes" : "no", "coordinates", info.places ? "yes" : "no",
		    "networks", info.networks ? "yes" : "no", NULL);
	exposition_family(page, "graycloud_geo_database_build_time_seconds", "gauge",
	    "Creation of the database, in seconds since 1970.");
	for (size_t i = 0; metrics->geoip != NULL && geoip_describe(metrics->geoip, i, &path, &info); i++)
		exposition_sample(page, "graycloud_geo_database_build_time_seconds", (double)info.built,
		    "file", path, NULL);
}

/* --- the page --- */

/* A page in progress: the request of the scraper, and the position in the page. */
struct scrape {
	const struct metrics *metrics;
	char *lb;                          /* ?lb=NAME; NULL: the whole page */
	struct metrics_answers *answers;   /* NULL: not begun */
	struct metrics_statuses *statuses; /* NULL: not begun */
};

static bool
write_slice(void *arg, FILE *page)
{
	struct scrape *scrape = arg;
	const struct metrics *metrics = scrape->metrics;

	if (scrape->answers == NULL) {
		if (scrape->lb == NULL) {
			add_queries(metrics, page);
			add_tap(metrics, page);
			add_state(metrics, page);
			add_identity(metrics, page);
		}
		scrape->answers = metrics_answers_new(metrics->publisher, metrics->workers, scrape->lb);
		return true;
	}
	if (metrics_answers_write(scrape->answers, page))
		return true;
	if (scrape->lb != NULL)
		return false;
	if (scrape->statuses == NULL)
		scrape->statuses = metrics_statuses_new(
		    metrics->publisher, metrics->geoip != NULL ? geoip_geography(metrics->geoip) : 0);
	return metrics_statuses_write(scrape->statuses, page);
}

static void
end_scrape(void *arg)
{
	struct scrape *scrape = arg;

	metrics_answers_free(scrape->answers);
	metrics_statuses_free(scrape->statuses);
	free(scrape->lb);
	free(scrape);
}

static void
on_metrics(struct evhttp_request *request, void *arg)
{
	struct metrics *metrics = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = uri != NULL ? evhttp_uri_get_query(uri) : NULL, *lb = NULL;
	struct scrape *scrape = xcalloc(1, sizeof *scrape);
	struct evkeyvalq words;

	TAILQ_INIT(&words);
	if (query != NULL && evhttp_parse_query_str(query, &words) == 0)
		lb = evhttp_find_header(&words, "lb");
	scrape->metrics = metrics;
	scrape->lb = lb != NULL ? xstrdup(lb) : NULL;
	evhttp_clear_headers(&words);
	pages_send(metrics->pages, request, write_slice, end_scrape, scrape);
}

static void
on_other(struct evhttp_request *request, void *arg)
{
	(void)arg;
	evhttp_send_error(request, HTTP_NOTFOUND, "only /metrics exists");
}

static struct evhttp_bound_socket *
listen_there(struct evhttp *http, const union sockaddr_any *address, int fd)
{
	char host[INET6_ADDRSTRLEN];

	if (fd >= 0)
		return evhttp_accept_socket_with_handle(http, fd);
	evutil_inet_ntop(address->generic.sa_family,
	    address->generic.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
						  : (const void *)&address->v6.sin6_addr,
	    host, sizeof host);
	return evhttp_bind_socket_with_handle(http, host, listen_port(address));
}

struct metrics *
metrics_new(struct event_base *base, struct listener *where, int fd, struct publisher *publisher,
    struct problems *problems)
{
	struct metrics *metrics = xcalloc(1, sizeof *metrics);

	metrics->publisher = publisher;
	metrics->pages = pages_new(base, &limits);
	metrics->started = (double)wall_ms() / 1000;
	if ((metrics->http = evhttp_new(base)) != NULL) {
		evhttp_set_allowed_methods(metrics->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
		evhttp_set_timeout(metrics->http, 10);
		evhttp_set_max_headers_size(metrics->http, 8192);
		evhttp_set_max_body_size(metrics->http, 1024);
		evhttp_set_cb(metrics->http, "/metrics", on_metrics, metrics);
		evhttp_set_gencb(metrics->http, on_other, NULL);
		metrics->bound = listen_there(metrics->http, &where->address, fd);
	}
	if (metrics->bound == NULL) {
		problems_error(problems, "--metrics %s: cannot listen on it: %s",
		    listen_text(&where->address, metrics->address), strerror(errno));
		metrics_free(metrics);
		return NULL;
	}
	getsockname(metrics_socket(metrics), &where->address.generic, &where->address_len);
	listen_text(&where->address, metrics->address);
	return metrics;
}

int
metrics_socket(const struct metrics *metrics)
{
	return evhttp_bound_socket_get_fd(metrics->bound);
}

void
metrics_set_workers(struct metrics *metrics, const struct workers *workers)
{
	metrics->workers = workers;
}

void
metrics_set_tap(struct metrics *metrics, const struct tap_writer *writer)
{
	metrics->tap = writer;
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
	pages_free(metrics->pages);
	if (metrics->http != NULL)
		evhttp_free(metrics->http);
	free(metrics);
}
