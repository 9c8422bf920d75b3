#include "monitor/metrics/metrics.h"

#include "monitor/metrics/metrics_endpoint.h"
#include "zones/daemon/metrics_page.h"
#include "zones/daemon/pages.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>

static const struct pages_limits limits = {
    .most = 4, .stalled_ms = 10000, .deadline_ms = 60000}; /* of each page */

struct metrics {
	struct evhttp *http;
	struct pages *front, *endpoints;
	struct metrics_of of;
	double started; /* seconds since 1970 */
};

static void
value(FILE *page, const char *name, const char *type, const char *help, uint64_t number)
{
	exposition_value(page, name, type, help, (double)number);
}

/* --- of each monitor --- */

static void
add_reasons(void *arg, const struct statistics *of)
{
	for (unsigned i = 0; i < REASON_COUNT; i++)
		if (of->reasons[i] > 0 || i == REASON_NONE)
			exposition_sample(arg, "graycloud_monitor_checks_total", (double)of->reasons[i],
			    "monitor", of->name, "reason", health_reason_text(i), NULL);
}

static void
add_inconclusive(void *arg, const struct statistics *of)
{
	exposition_sample(arg, "graycloud_monitor_checks_inconclusive_total", (double)of->inconclusive,
	    "monitor", of->name, NULL);
}

static void
add_repeated(void *arg, const struct statistics *of)
{
	exposition_sample(
	    arg, "graycloud_monitor_checks_repeated_total", (double)of->repeated, "monitor", of->name, NULL);
}

static void
add_histogram(FILE *page, const char *name, const struct statistics *of, const struct histogram *histogram)
{
	char labels[EXPOSITION_LABELS_MAX];

	exposition_labels(labels, "monitor", of->name, NULL);
	exposition_histogram(page, name, labels, histogram);
}

static void
add_rtt(void *arg, const struct statistics *of)
{
	add_histogram(arg, "graycloud_monitor_rtt_seconds", of, &of->rtt);
}

static void
add_lateness(void *arg, const struct statistics *of)
{
	add_histogram(arg, "graycloud_monitor_lateness_ratio", of, &of->lateness);
}

/* --- of the whole --- */

static void
add_monitors(const struct schedule *schedule, FILE *page)
{
	exposition_family(page, "graycloud_monitor_checks_total", "counter", "Conclusive checks by result.");
	schedule_each_statistics(schedule, add_reasons, page);
	exposition_family(page, "graycloud_monitor_checks_inconclusive_total", "counter",
	    "Checks that failed on this machine and gave no verdict.");
	schedule_each_statistics(schedule, add_inconclusive, page);
	exposition_family(page, "graycloud_monitor_checks_repeated_total", "counter",
	    "Checks that were started again because the monitor was paused during them.");
	schedule_each_statistics(schedule, add_repeated, page);
	exposition_family(
	    page, "graycloud_monitor_rtt_seconds", "histogram", "Round-trip times of good checks.");
	schedule_each_statistics(schedule, add_rtt, page);
	exposition_family(page, "graycloud_monitor_lateness_ratio", "histogram",
	    "How late checks began, as a share of their interval; first checks are never late.");
	schedule_each_statistics(schedule, add_lateness, page);
}

static void
add_process(const struct metrics *metrics, FILE *page)
{
	const struct schedule_counters *counters = schedule_counters(metrics->of.schedule);
	struct resolver_counters names = resolver_counters(metrics->of.resolver);
	uint64_t failing = recorder_failing_since(metrics->of.recorder);

	exposition_family(page, "graycloud_build_info", "gauge", "1, with the version of this program.");
	exposition_sample(
	    page, "graycloud_build_info", 1, "program", "graycloud-monitor", "version", VERSION, NULL);
	exposition_value(page, "process_start_time_seconds", "gauge",
	    "Start of this process, in seconds since 1970.", metrics->started);
	value(page, "graycloud_monitor_endpoints", "gauge", "Endpoints that are probed.", counters->targets);
	exposition_family(page, "graycloud_monitor_endpoints_by_state", "gauge", "Endpoints by their state.");
	for (unsigned i = 0; i <= HEALTH_DOWN; i++)
		exposition_sample(page, "graycloud_monitor_endpoints_by_state", counters->states[i], "state",
		    health_state_text(i), NULL);
	value(
	    page, "graycloud_monitor_checks_in_flight", "gauge", "Checks in progress.", counters->in_flight);
	value(page, "graycloud_monitor_checks_queued", "gauge",
	    "Checks that are due and wait for their turn.", counters->queued);
	value(page, "graycloud_monitor_checks_limit", "gauge",
	    "Maximum number of checks in progress at once.", counters->most);
	value(page, "graycloud_monitor_flips_total", "counter", "Changes of state.", counters->flips);
	value(page, "graycloud_monitor_checks_withheld_total", "counter",
	    "Checks that gave no verdict because the monitor was isolated.", counters->withheld);
	value(page, "graycloud_monitor_write_failures_total", "counter",
	    "Commits to the health store that failed.", recorder_failures(metrics->of.recorder));
	exposition_value(page, "graycloud_monitor_unwritten_seconds", "gauge",
	    "Seconds since a write to the health store succeeded, if writes fail; verdicts wait in memory.",
	    failing == 0 ? 0 : (double)(boot_ms() - failing) / 1e3);
	canaries_expose(metrics->of.canaries, page);
	notify_expose(metrics->of.notify, page);
	value(page, "graycloud_monitor_hostnames", "gauge", "Hostnames of origins that are looked up.",
	    names.hostnames);
	value(page, "graycloud_monitor_hostnames_failing", "gauge", "Hostnames whose last resolution failed.",
	    names.failing);
	value(page, "graycloud_monitor_resolutions_in_flight", "gauge", "Resolutions in progress.",
	    names.in_flight);
	value(page, "graycloud_monitor_resolutions_total", "counter", "Resolutions that ended.",
	    names.resolutions);
	value(page, "graycloud_monitor_resolution_failures_total", "counter",
	    "Resolutions that failed or gave no address.", names.failures);
	value(page, "graycloud_monitor_config_generation", "gauge",
	    "Generation of the configuration that is probed.", follow_generation(metrics->of.follow));
}

/* --- the pages --- */

/* The first slice has the metrics with few lines; the endpoints follow. */
struct front {
	const struct metrics *metrics;
	struct endpoint_lines *endpoints; /* NULL: nothing is written yet */
};

static bool
write_front(void *arg, FILE *page)
{
	struct front *front = arg;

	if (front->endpoints != NULL)
		return endpoint_lines_write(front->endpoints, page);
	add_process(front->metrics, page);
	add_monitors(front->metrics->of.schedule, page);
	front->endpoints = endpoint_lines_new(front->metrics->of.schedule, ENDPOINT_LINES_FEW, NULL);
	return true;
}

static void
end_front(void *arg)
{
	struct front *front = arg;

	endpoint_lines_free(front->endpoints);
	free(front);
}

static void
on_metrics(struct evhttp_request *request, void *arg)
{
	struct metrics *metrics = arg;
	struct front *front = xcalloc(1, sizeof *front);

	front->metrics = metrics;
	pages_send(metrics->front, request, write_front, end_front, front);
}

static bool
take_word(struct endpoint_choice *choice, const struct evkeyval *word)
{
	if (strcmp(word->key, "monitor") == 0)
		return endpoint_choice_monitor(choice, word->value);
	return strcmp(word->key, "pool") == 0 && endpoint_choice_pool(choice, word->value);
}

/* The endpoints that the query selects; NULL if the query is invalid. */
static struct endpoint_choice *
choose(const struct metrics *metrics, const char *query)
{
	struct endpoint_choice *choice = endpoint_choice_new();
	struct evkeyvalq words;
	const struct evkeyval *word;
	bool good;

	TAILQ_INIT(&words);
	good = query == NULL || evhttp_parse_query_str(query, &words) == 0;
	TAILQ_FOREACH(word, &words, next)
	good = good && take_word(choice, word);
	evhttp_clear_headers(&words);
	if (!good) {
		endpoint_choice_free(choice);
		return NULL;
	}
	if (endpoint_choice_by_pool(choice))
		follow_each_pool(metrics->of.follow, endpoint_choice_fill, choice);
	return choice;
}

/* /metrics/endpoints */
static void
on_endpoints(struct evhttp_request *request, void *arg)
{
	struct metrics *metrics = arg;
	struct endpoint_choice *choice =
	    choose(metrics, evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)));

	if (choice == NULL)
		evhttp_send_error(request, HTTP_BADREQUEST,
		    "this page accepts only pool=NAME and monitor=NAME, at most 64 of each");
	else
		pages_send(metrics->endpoints, request, endpoint_lines_write, endpoint_lines_free,
		    endpoint_lines_new(metrics->of.schedule, ENDPOINT_LINES_ALL, choice));
}

struct metrics *
metrics_listen(
    struct event_base *base, const char *where, const struct metrics_of *of, struct problems *problems)
{
	struct metrics *metrics = xcalloc(1, sizeof *metrics);

	metrics->of = *of;
	metrics->started = (double)wall_ms() / 1e3;
	metrics->front = pages_new(base, &limits);
	metrics->endpoints = pages_new(base, &limits);
	metrics->http = metrics_http_listen(base, where, problems);
	if (metrics->http == NULL) {
		metrics_free(metrics);
		return NULL;
	}
	evhttp_set_cb(metrics->http, "/metrics", on_metrics, metrics);
	evhttp_set_cb(metrics->http, "/metrics/endpoints", on_endpoints, metrics);
	return metrics;
}

void
metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	pages_free(metrics->front);
	pages_free(metrics->endpoints);
	if (metrics->http != NULL)
		evhttp_free(metrics->http);
	free(metrics);
}
