/* Documents: accepted, refused, with warnings, kept and shown. */
#include "tests/admin/document_world.h"

static const struct {
	enum kind kind;
	const char *document;
	const char *sentence; /* NULL: it is accepted */
} refused[] = {
    {KIND_POOL, POOL "}", NULL},
    {KIND_POOL, "{\"name\":\"p\"}", "pool p: origins is missing"},
    {KIND_POOL, "{" ORIGIN "}", "a pool without a name: name is missing"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[]}", "origins is []: it must be a list of 1 to 1024"},
    {KIND_POOL, "{\"name\":\"a.b\"," ORIGIN "}", "name is \"a.b\": it must be 1 to 200 letters"},
    {KIND_POOL, "{\"name\":\"0123456789abcdef0123456789abcdef\"," ORIGIN "}", "but not 32 hex digits"},
    {KIND_POOL, POOL ",\"colour\":1}", "pool p: colour is not a known property"},
    {KIND_POOL, POOL ",\"seeded\":1}", "seeded is not a known property"},
    {KIND_POOL, POOL ",\"monitor\":\"web\"}", NULL},
    {KIND_POOL, POOL ",\"monitor\":\"00000000000000000000000000000001\"}", NULL},
    {KIND_POOL, POOL ",\"monitor\":\"\"}", NULL},
    {KIND_POOL, POOL ",\"monitor\":\"none\"}",
	"monitor is \"none\": there is no monitor with that name or id"},
    {KIND_POOL, POOL ",\"monitor\":7}", "monitor is 7: it must be the name or id of a monitor"},
    {KIND_POOL, POOL ",\"monitor_group\":\"g\"}",
	"monitor_group is \"g\": there is no monitor_group with that name or id"},
    {KIND_POOL, POOL ",\"monitor_group\":null}", NULL},
    {KIND_POOL, POOL ",\"enabled\":\"yes\"}", "enabled is \"yes\": it must be true or false"},
    {KIND_POOL, POOL ",\"minimum_origins\":0}", NULL},
    {KIND_POOL, POOL ",\"minimum_origins\":-1}", "it must be a whole number from 0 to 1024"},
    {KIND_POOL, POOL ",\"minimum_origins\":1.5}", "minimum_origins is 1.5"},
    {KIND_POOL, POOL ",\"check_regions\":[\"WEU\"],\"notification_email\":\"a@b\",\"networks\":[1]}", NULL},
    {KIND_POOL, POOL ",\"check_regions\":[\"ALL_REGIONS\"],\"quorum\":\"any\"}", NULL},
    {KIND_POOL, POOL ",\"check_regions\":[\"XX\"]}", "check_regions[0] is \"XX\": it must be a region code"},
    {KIND_POOL, POOL ",\"check_regions\":[]}", "it must be a list of 1 to 14"},
    {KIND_POOL, POOL ",\"quorum\":\"0\"}",
	"quorum is \"0\": it must be majority, any, or a number of sites from 1 to 64"},
    {KIND_POOL, POOL ",\"quorum\":\"65\"}", "quorum is \"65\""},
    {KIND_NODE, "{\"name\":\"ns1\",\"site\":\"fra\"}", NULL},
    {KIND_NODE, "{\"name\":\"ns1\"}", "site is missing"},
    {KIND_NODE, "{\"name\":\"ns1\",\"site\":\"a/b\"}", "it must be 1 to 15 letters, digits, -, _ and ."},
    {KIND_NODE, "{\"name\":\"ns1\",\"site\":\"fra\",\"region\":\"EU\"}", "region is \"EU\""},
    {KIND_NODE, "{\"name\":\"ns1\",\"site\":\"fra\",\"addresses\":[\"x\"]}",
	"it must be an IPv4 or IPv6 address without a port"},
    {KIND_POOL, POOL ",\"latitude\":3}", "latitude and longitude go together"},
    {KIND_POOL, POOL ",\"latitude\":3,\"longitude\":-180}", NULL},
    {KIND_POOL, POOL ",\"load_shedding\":{\"default_percent\":0}}", NULL},
    {KIND_POOL, POOL ",\"load_shedding\":{\"default_percent\":101}}",
	"load_shedding.default_percent is 101: it must be a number from 0 to 100"},
    {KIND_POOL, POOL ",\"load_shedding\":null}", NULL},
    {KIND_POOL, POOL ",\"origin_steering\":{\"policy\":\"hash\"}}", NULL},
    {KIND_POOL, POOL ",\"origin_steering\":{\"policy\":\"x\"}}", "it must be one of random"},
    {KIND_POOL, POOL ",\"healthy\":true,\"disabled_at\":\"x\",\"created_on\":\"x\"}", NULL},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"a.example\"},{\"address\":\"b.example\"}]}",
	NULL},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"a.example\"},{\"address\":\"A.example.\"}]}",
	"duplicate origin address a.example"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.256\"}]}",
	"a unicast IPv4 or IPv6 address without a port, or a whole host name such as "
	"app.example.com"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"224.0.0.1\"}]}",
	"a unicast IPv4 or IPv6 address"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"0.0.0.0\"}]}", "a unicast IPv4 or IPv6 address"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"ff02::1\"}]}", "a unicast IPv4 or IPv6 address"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\"},{\"address\":\"127.0.0.1\"}]}",
	NULL},
    {KIND_POOL,
	"{\"name\":\"p\",\"origins\":[{\"address\":\"2001:db8::1\"},{\"address\":\"2001:DB8:0::1\"}]"
	"}",
	"duplicate origin address 2001:DB8:0::1"},
    {KIND_POOL,
	"{\"name\":\"p\",\"origins\":[{\"address\":\"a.b\"},{\"address\":\"10.0.0.1\"},{\"address\":"
	"\"a.b\"},{\"address\":\"a.b\"},"
	"{\"address\":\"10.0.0.1\"}]}",
	"duplicate origin address 10.0.0.1"},
    {KIND_POOL,
	"{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"name\":\"a\"},{\"address\":\"10.0."
	"0.2\",\"name\":\"a\"}]}",
	"duplicate origin name a"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"weight\":1.01}]}",
	"pool p: origins[10.0.0.1].weight is 1.01: it must be a number from 0 to 1"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"*.example.com\"}]}",
	"a unicast IPv4 or IPv6 address without a port, or a whole host name such as "
	"app.example.com"},
    {KIND_POOL,
	"{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"port\":8080,\"header\":{\"Host\":["
	"\"a.b\"]}}]}",
	NULL},
    {KIND_POOL,
	"{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"header\":{\"Host\":[\"a\",\"b\"]}}]"
	"}",
	"header.Host is [\"a\",\"b\"]: it must be a list of 0 to 1"},
    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"forced\":\"sideways\"}]}",
	"forced is \"sideways\": it must be one of none, up, down"},
    {KIND_POOL, "[]", "must be an object of properties"},

    {KIND_LB, LB "}", NULL},
    {KIND_LB, LB ",\"ttl\":86400}", NULL},
    {KIND_LB, LB ",\"ttl\":0}",
	"load_balancer www.example.com: ttl is 0: it must be a whole number from 1 to 86400"},
    {KIND_LB, LB ",\"ttl\":null}", NULL},
    {KIND_LB, LB ",\"proxied\":false}", NULL},
    {KIND_LB, LB ",\"proxied\":true}", "proxied is true: it needs the HTTP proxy; this is DNS-only"},
    {KIND_LB, LB ",\"session_affinity\":\"cookie\"}", "it needs the HTTP proxy; this is DNS-only"},
    {KIND_LB, LB ",\"session_affinity\":\"header\"}", "it needs the HTTP proxy; this is DNS-only"},
    {KIND_LB, LB ",\"session_affinity\":\"ip_cookie\",\"session_affinity_ttl\":1800}", NULL},
    {KIND_LB, LB ",\"session_affinity_ttl\":1799}", "a whole number from 1800 to 604800"},
    {KIND_LB, LB ",\"session_affinity_attributes\":{\"drain_duration\":60}}", "it needs the HTTP proxy"},
    {KIND_LB,
	LB ",\"session_affinity_attributes\":{\"drain_duration\":0,\"samesite\":\"Lax\",\"headers\":["
	   "\"x\"]}}",
	NULL},
    {KIND_LB, LB ",\"session_affinity_attributes\":{\"zero_downtime_failover\":\"sticky\"}}", NULL},
    {KIND_LB, LB ",\"steering_policy\":\"random\"}", NULL},
    {KIND_LB, LB ",\"steering_policy\":\"geo\"}", NULL},
    {KIND_LB, LB ",\"region_pools\":{\"MARS\":[\"eu\"]}}", "region_pools.MARS is not a region code"},
    {KIND_LB, LB ",\"country_pools\":{\"DE\":[\"eu\",\"nobody\"]}}", "country_pools.DE[1] is \"nobody\""},
    {KIND_LB, LB ",\"steering_policy\":\"best\"}", "it must be one of off, random, \"\""},
    {KIND_LB, LB ",\"region_pools\":{},\"rules\":[],\"pool_sets\":null}", NULL},
    {KIND_LB, LB ",\"region_pools\":{\"WEU\":[\"eu\"]}}", NULL},
    {KIND_LB, LB ",\"rules\":[{}]}", "rules[0].name is missing"},
    {KIND_LB, RULE("\"ttl\":5"), NULL},
    {KIND_LB, RULE("\"pools\":[\"eu\"],\"pool_weights\":{\"eu\":0.5},\"pool_default_weight\":0"), NULL},
    {KIND_LB,
	RULE("\"steering_policy\":\"geo\",\"country_pools\":{\"DE\":[\"eu\"]},\"fallback_pool\":"
	     "\"eu\""),
	NULL},
    {KIND_LB,
	RULE("\"session_affinity\":\"ip_cookie\",\"session_affinity_attributes\":{\"zero_downtime_"
	     "failover\":\"sticky\","
	     "\"samesite\":\"Lax\",\"drain_duration\":0},\"adaptive_routing\":{\"failover_across_"
	     "pools\":true}"),
	NULL},
    {KIND_LB,
	RULE("\"location_strategy\":{\"mode\":\"pop\"},\"random_steering\":{\"pool_weights\":{\"us\":"
	     "0.1}}"),
	NULL},
    {KIND_LB, RULE(""), "rules[r]: it overrides nothing and does not terminate"},
    {KIND_LB, LB ",\"rules\":[{\"name\":\"r\",\"terminates\":true}]}", NULL},
    {KIND_LB, LB ",\"rules\":[{\"name\":\"r\",\"fixed_response\":{\"status_code\":200}}]}",
	"it needs the HTTP proxy; this is DNS-only"},
    {KIND_LB, LB ",\"rules\":[{\"name\":\"r\",\"condition\":\"ip.src eq 1\",\"terminates\":true}]}",
	"rules[r].condition is \"ip.src eq 1\": at column 11: expected an address, found 1"},
    {KIND_LB,
	LB ",\"rules\":[{\"name\":\"r\",\"condition\":\"http.host eq \\\"a\\\"\",\"terminates\":true}]}",
	"http.host needs the HTTP proxy; this is DNS-only"},
    {KIND_LB, LB ",\"rules\":[{\"name\":\"r\",\"priority\":-1,\"terminates\":true}]}",
	"a whole number from 0 to 2147483647"},
    {KIND_LB, RULE("\"pools\":[\"eu\"],\"default_pools\":[\"eu\"]"),
	"pools and default_pools are two names of one list"},
    {KIND_LB, RULE("\"pool_weights\":{},\"random_steering\":{}"), "replace random_steering"},
    {KIND_LB, RULE("\"default_pools\":[\"eu\",\"eu\"]"),
	"rules[r]: default_pools has the same pool at places 1 and 2"},
    {KIND_LB, RULE("\"region_pools\":{\"WEU\":[\"eu\",\"eu\"]}"),
	"rules[r]: region_pools: WEU has the same pool"},
    {KIND_LB, RULE("\"pools\":[]"), "overrides.pools is []: it must be a list of 1 to 256"},
    {KIND_LB, RULE("\"pools\":[\"nobody\"]"), "rules[r].overrides.pools[0] is \"nobody\": there is no pool"},
    {KIND_LB, RULE("\"session_affinity\":\"cookie\""), "it needs the HTTP proxy"},
    {KIND_LB, RULE("\"session_affinity_attributes\":{\"drain_duration\":5}"), "it needs the HTTP proxy"},
    {KIND_LB, RULE("\"proxied\":true"), "overrides.proxied is not a known property"},
    {KIND_LB, SET("", "\"pools\":[\"eu\"]"), NULL},
    {KIND_LB, SET("\"match\":{\"default\":true},", "\"pools\":[\"eu\"]"), NULL},
    {KIND_LB,
	SET("\"match\":{\"topology\":{\"pops\":[\"AMS\"],\"countries\":[\"DE\"],\"regions\":[\"WEU\"]"
	    ",\"asns\":[64500],"
	    "\"prefixes\":[\"192.0.2.0/24\",\"2001:db8::/32\",\"192.0.2.1\"]}},",
	    "\"pools\":[\"eu\"],\"steering_policy\":\"random\",\"pool_weights\":{\"eu\":1},"
	    "\"fallback_pool\":\"us\""),
	NULL},
    {KIND_LB, SET("", ""),
	"pool_sets[s]: overrides.pools is missing: a pool set needs pools "
	"(POOL_SET_NO_INTENT)"},
    {KIND_LB, SET("\"match\":{},", "\"pools\":[\"eu\"]"), "POOL_SET_EMPTY_MATCH"},
    {KIND_LB, SET("\"match\":{\"default\":true,\"topology\":{\"pops\":[\"A\"]}},", "\"pools\":[\"eu\"]"),
	"POOL_SET_DEFAULT_WITH_MATCH"},
    {KIND_LB, SET("\"match\":{\"topology\":{\"pops\":[]}},", "\"pools\":[\"eu\"]"),
	"POOL_SET_EMPTY_TOPOLOGY"},
    {KIND_LB, SET("\"match\":{\"topology\":{\"asns\":[1,1]}},", "\"pools\":[\"eu\"]"),
	"asns has the same entry at places 1 and 2"},
    {KIND_LB, SET("\"match\":{\"topology\":{\"asns\":[0]}},", "\"pools\":[\"eu\"]"),
	"a whole number from 1 to 4294967295"},
    {KIND_LB, SET("\"match\":{\"topology\":{\"prefixes\":[\"10.0.0.1/8\"]}},", "\"pools\":[\"eu\"]"),
	"pool_sets[s].match.topology.prefixes[0] is \"10.0.0.1/8\": it has bits set beyond its "
	"length"},
    {KIND_LB, SET("\"match\":{\"topology\":{\"countries\":[\"Germany\"]}},", "\"pools\":[\"eu\"]"),
	"it must be a country of ISO 3166"},
    {KIND_LB, SET("", "\"pools\":[\"eu\"],\"steering_policy\":\"geo\""),
	"steering_policy is \"geo\": it must be one of off, random"},
    {KIND_LB, SET("\"fixed_response\":{},", "\"pools\":[\"eu\"]"), NULL},
    {KIND_LB, SET("\"fixed_response\":{\"status_code\":404},", "\"pools\":[\"eu\"]"),
	"it needs the HTTP proxy"},
    {KIND_LB, LB ",\"random_steering\":{\"pool_weights\":{\"eu\":0.7}}}", NULL},
    {KIND_LB, LB ",\"random_steering\":{\"pool_weights\":{\"no\":0.7}}}",
	"random_steering.pool_weights.no is of no pool with that name or id"},
    {KIND_LB, LB ",\"random_steering\":{\"default_weight\":2}}", "random_steering.default_weight is 2"},
    {KIND_LB,
	LB ",\"adaptive_routing\":{\"failover_across_pools\":true},\"networks\":[\"x\"],\"tunnel_"
	   "id\":\"x\"}",
	NULL},
    {KIND_LB, LB ",\"max_answers\":65}", "a whole number from 1 to 64"},
    {KIND_LB, "{\"name\":\"a..b\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\"}",
	"it must be a host name"},
    {KIND_LB, "{\"name\":\"a.*.b\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\"}",
	"only its first label may be *"},
    {KIND_LB, "{\"name\":\"*.b\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\"}", NULL},
    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[\"eu\",\"eu\"],\"fallback_pool\":\"us\"}",
	"default_pools has the same pool at places 1 and 2"},
    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[],\"fallback_pool\":\"us\"}", "a list of 1 to 256"},
    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[\"eu\"]}", "fallback_pool is missing"},
    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[\"eu\",\"xx\"],\"fallback_pool\":\"us\"}",
	"default_pools[1] is \"xx\": there is no pool with that name or id"},

    {KIND_MONITOR, MONITOR "}", NULL},
    {KIND_MONITOR, "{}", NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"icmp_ping\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"icmp_ping\",\"port\":7}", NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"icmp_ping\",\"path\":\"/x\"}",
	"path is \"/x\": an icmp_ping monitor has none"},
    {KIND_MONITOR, MONITOR ",\"type\":\"udp_icmp\"}", "port is missing: a udp_icmp monitor needs one"},
    {KIND_MONITOR, MONITOR ",\"type\":\"udp_icmp\",\"port\":53,\"method\":\"\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"smtp\"}", "port is missing: an smtp monitor needs one"},
    {KIND_MONITOR,
	MONITOR ",\"type\":\"smtp\",\"port\":25,\"starttls\":true,\"header\":{\"Host\":[\"mx.example\"]}}",
	NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"smtp\",\"port\":25,\"header\":{\"X\":[\"y\"]}}",
	"only header.Host is used"},
    {KIND_MONITOR, MONITOR ",\"type\":\"smtp\",\"port\":25,\"method\":\"GET\"}",
	"method is \"GET\": that is not for type smtp"},
    {KIND_MONITOR, MONITOR ",\"starttls\":true}", "starttls is true: an http monitor has none"},
    {KIND_MONITOR, MONITOR ",\"address\":\"192.0.2.1\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"address\":\"192.0.2.1:80\"}", "a unicast IPv4 or IPv6 address"},
    {KIND_MONITOR, MONITOR ",\"ca_file\":\"/a\",\"client_certificate\":\"/b\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"ca_file\":\"a\"}", "the whole path of a file"},
    {KIND_MONITOR, MONITOR ",\"client_key\":\"/a\"}", "client_key is set without client_certificate"},
    {KIND_MONITOR, MONITOR ",\"follow_redirects\":true,\"redirect_hosts\":[\"A.example\",\"2001:DB8::1\"]}",
	NULL},
    {KIND_MONITOR, MONITOR ",\"redirect_hosts\":[\"*.example\"]}", "a host name or an address"},
    {KIND_MONITOR, MONITOR ",\"http_version\":\"2\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"http_version\":\"3\"}", "it must be one of 1.1, 2, auto"},
    {KIND_MONITOR, MONITOR ",\"type\":\"dns\"}", "dns_name is missing"},
    {KIND_MONITOR, MONITOR ",\"type\":\"dns\",\"dns_name\":\".\",\"dns_type\":\"ns\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"dns\",\"dns_name\":\"a..b\"}",
	"dns_name is \"a..b\": it must be a domain name"},
    {KIND_MONITOR, MONITOR ",\"type\":\"dns\",\"dns_name\":\"a.b\",\"dns_type\":\"AXFR\"}",
	"a type of data such as A"},
    {KIND_MONITOR, MONITOR ",\"type\":\"dns\",\"dns_name\":\"a.b\",\"dns_rcode\":\"FINE\"}",
	"it must be one of NOERROR"},
    {KIND_MONITOR,
	MONITOR ",\"type\":\"dns\",\"dns_name\":\"a.b\",\"dns_type\":\"MX\",\"dns_data\":\"10 mx.a.b\"}",
	NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"dns\",\"dns_name\":\"a.b\",\"dns_data\":\"10 mx\"}",
	"that is not valid data of type A"},
    {KIND_MONITOR,
	MONITOR ",\"type\":\"dns\",\"dns_name\":\"a.b\",\"dns_rcode\":\"NXDOMAIN\",\"dns_data\":"
		"\"192.0.2.1\"}",
	"an answer with dns_rcode NXDOMAIN has none"},
    {KIND_MONITOR, MONITOR ",\"type\":\"exec\"}", "command is missing"},
    {KIND_MONITOR, MONITOR ",\"type\":\"exec\",\"command\":[\"ls\"]}", "write the program's whole path"},
    {KIND_MONITOR, MONITOR ",\"type\":\"exec\",\"command\":[\"/bin/ls\",\"\",\"a,b\"]}", NULL},
    {KIND_MONITOR, MONITOR ",\"command\":[\"/bin/ls\"]}",
	"command is [\"/bin/ls\"]: an http monitor has none"},
    {KIND_MONITOR, MONITOR ",\"type\":\"gopher\"}", "it must be one of http, https, tcp"},
    {KIND_MONITOR, MONITOR ",\"type\":\"tcp\"}", "port is missing: a tcp monitor needs one"},
    {KIND_MONITOR,
	MONITOR ",\"type\":\"tcp\",\"port\":25,\"path\":\"\",\"method\":\"connection_established\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"type\":\"tcp\",\"port\":25,\"path\":\"/x\"}",
	"path is \"/x\": a tcp monitor has none"},
    {KIND_MONITOR, MONITOR ",\"interval\":0}", "a whole number from 1 to 3600"},
    {KIND_MONITOR, MONITOR ",\"timeout\":0.05}", "a number from 0.1 to 60"},
    {KIND_MONITOR, MONITOR ",\"retries\":6}", "a whole number from 0 to 5"},
    {KIND_MONITOR, MONITOR ",\"consecutive_down\":101}", "a whole number from 0 to 100"},
    {KIND_MONITOR, MONITOR ",\"damping_changes\":16}", "a whole number from 0 to 15"},
    {KIND_MONITOR, MONITOR ",\"damping_period\":9}", "a whole number from 10 to 86400"},
    {KIND_POOL, POOL ",\"notification_filter\":{\"pool\":{\"healthy\":\"no\"}}}",
	"notification_filter.pool.healthy"},
    {KIND_POOL, POOL ",\"notification_filter\":{\"pools\":null}}", "pools"},
    {KIND_MONITOR, MONITOR ",\"port\":65536}", "a whole number from 0 to 65535"},
    {KIND_MONITOR, MONITOR ",\"path\":\"x\"}", "a path that begins with /"},
    {KIND_MONITOR, MONITOR ",\"path\":\"/a b\"}", "a path that begins with /"},
    {KIND_MONITOR, MONITOR ",\"method\":\"get\"}", "a method of HTTP in capitals"},
    {KIND_MONITOR, MONITOR ",\"expected_codes\":\"2xx, 301,400-404\"}", NULL},
    {KIND_MONITOR, MONITOR ",\"expected_codes\":\"20x\"}", "codes like 200, 2xx"},
    {KIND_MONITOR, MONITOR ",\"header\":{\"Host\":[\"a.b\"],\"X-A\":[\"1\",\"2\"]}}", NULL},
    {KIND_MONITOR, MONITOR ",\"header\":{\"user-agent\":[\"x\"]}}", "header.user-agent cannot be set"},
    {KIND_MONITOR, MONITOR ",\"header\":{\"Host\":[\"a\",\"b\"]}}", "header.Host must be one value"},
    {KIND_MONITOR, MONITOR ",\"header\":{\"X\":[\"a\\nb\"]}}", "a text without control characters"},
    {KIND_MONITOR, MONITOR ",\"header\":{\"a b\":[\"x\"]}}", "header.a b is not a valid header name"},
    {KIND_MONITOR, MONITOR ",\"probe_zone\":\"example.com\"}", NULL},
    {KIND_MONITOR_GROUP, "{\"description\":\"x\",\"members\":[]}", "it must be a list of 1 to 16"},
    {KIND_MONITOR_GROUP, "{\"name\":\"g\",\"members\":[{\"monitor_id\":\"x\"}]}",
	"there is no monitor with that name or id"},
};

static void
a_fault_is_refused_with_object_property_and_range(void **state)
{

	for (size_t i = 0; i < NITEMS(refused); i++) {
		char *said;
		struct json *kept = check(state, refused[i].kind, refused[i].document, &said);

		if (refused[i].sentence == NULL ? kept == NULL
						: kept != NULL || strstr(said, refused[i].sentence) == NULL)
			fail_msg("row %zu, %s: said \"%s\", wanted \"%s\"", i, refused[i].document, said,
			    refused[i].sentence ? refused[i].sentence : "");
		json_drop(kept);
		free(said);
	}
}

static void
all_faults_come_in_one_report(void **state)
{
	char *said;
	size_t lines = 0;

	assert_null(check(state, KIND_LB,
	    "{\"name\":\"a b\",\"ttl\":0,\"proxied\":true,\"default_pools\":[\"x\",\"eu\"],\"foo\":1}",
	    &said));
	for (const char *at = said; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 6); /* fallback_pool is missing, too */
	free(said);
}

static void
unwise_is_only_a_warning(void **state)
{
	char *said;

	json_drop(check(state, KIND_MONITOR, MONITOR ",\"interval\":5,\"timeout\":2,\"retries\":2}", &said));
	assert_non_null(strstr(
	    said, "warning: monitor m: timeout x (retries + 1) is 6 s, longer than the interval of 5 s"));
	free(said);
	json_drop(check(state, KIND_POOL, POOL ",\"minimum_origins\":2}", &said));
	assert_non_null(strstr(said, "it can never be used"));
	free(said);
}

/* A document, and whether it is accepted: the sentence then is NULL. */
static void
assert_said(void **state, enum kind kind, const char *document, const char *sentence)
{
	char *said;
	struct json *kept = check(state, kind, document, &said);

	if (sentence == NULL ? kept == NULL : kept != NULL || strstr(said, sentence) == NULL)
		fail_msg("%s: said \"%s\", wanted \"%s\"", document, said, sentence != NULL ? sentence : "");
	json_drop(kept);
	free(said);
}

/* S22 */
static void
properties_that_need_the_proxy_are_refused(void **state)
{
	static const char *const rows[] = {LB ",\"proxied\":true}", LB ",\"session_affinity\":\"cookie\"}",
	    LB ",\"session_affinity\":\"header\"}",
	    LB ",\"session_affinity_attributes\":{\"drain_duration\":1}}",
	    RULE("\"session_affinity\":\"cookie\""), RULE("\"session_affinity\":\"header\""),
	    RULE("\"session_affinity_attributes\":{\"drain_duration\":1}")};

	for (size_t i = 0; i < NITEMS(rows); i++)
		assert_said(state, KIND_LB, rows[i], "needs the HTTP proxy; this is DNS-only");
}

/* S30: what has no effect is accepted at any value, and echoed. */
static void
properties_without_effect_are_echoed_at_any_value(void **state)
{
	static const struct {
		enum kind kind;
		const char *before, *after, *properties[5];
	} rows[] = {
	    {KIND_LB, LB, "}", {"adaptive_routing", "networks", "tunnel_id"}},
	    {KIND_LB, LB ",\"session_affinity_attributes\":{\"zero_downtime_failover\":\"none\"", "}}",
		{"samesite", "secure", "headers", "require_all_headers"}},
	    {KIND_LB, LB ",\"rules\":[{\"name\":\"r\",\"overrides\":{\"ttl\":5", "}}]}",
		{"adaptive_routing"}},
	    {KIND_POOL, POOL, "}", {"health_sources", "networks", "notification_email"}},
	    {KIND_POOL, POOL ",\"load_shedding\":{\"default_percent\":0", "}}",
		{"session_percent", "session_policy"}},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\"", "}]}",
		{"port", "virtual_network_id"}},
	    {KIND_MONITOR, MONITOR, "}", {"probe_zone"}},
	};
	static const char *const values[] = {
	    "false", "-7.5", "\"any text\"", "[1,\"x\",{}]", "{\"a\":{\"b\":[null]}}"};

	for (size_t i = 0; i < NITEMS(rows); i++)
		for (size_t n = 0; n < NITEMS(rows[i].properties) && rows[i].properties[n] != NULL; n++)
			for (size_t v = 0; v < NITEMS(values); v++) {
				char *pair = xasprintf("\"%s\":%s", rows[i].properties[n], values[v]), *said,
				     *text;
				char *document = xasprintf("%s,%s%s", rows[i].before, pair, rows[i].after);
				struct json *kept = check(state, rows[i].kind, document, &said);

				text = kept == NULL ? xstrdup(said) : json_write(kept, false);
				if (kept == NULL || strstr(text, pair) == NULL)
					fail_msg("%s: %s", document, text);
				json_drop(kept);
				free(document);
				free(pair);
				free(said);
				free(text);
			}
	assert_said(state, KIND_LB,
	    LB ",\"rules\":[{\"name\":\"r\",\"fixed_response\":{\"status_code\":200}}]}",
	    "needs the HTTP proxy; this is DNS-only");
	/* read-only: ignored at any value */
	assert_said(state, KIND_LB, LB ",\"zone_name\":7,\"created_on\":[],\"modified_on\":{}}", NULL);
	assert_said(state, KIND_POOL, POOL ",\"healthy\":\"x\",\"disabled_at\":1,\"created_on\":null}", NULL);
}

/* S31 */
static void
every_unicast_address_and_host_is_allowed(void **state)
{
	static const struct {
		const char *address;
		bool allowed;
	} rows[] = {
	    {"10.0.0.1", true},
	    {"172.16.0.1", true},
	    {"192.168.255.255", true},
	    {"127.0.0.1", true},
	    {"169.254.1.1", true},
	    {"100.64.0.1", true},
	    {"192.0.2.1", true},
	    {"198.18.0.1", true},
	    {"1.1.1.1", true},
	    {"223.255.255.255", true},
	    {"::1", true},
	    {"fe80::1", true},
	    {"fc00::1", true},
	    {"2001:db8::1", true},
	    {"::ffff:192.0.2.1", true},
	    {"2606:4700::1111", true},
	    {"0.0.0.0", false},
	    {"224.0.0.1", false},
	    {"239.255.255.255", false},
	    {"255.255.255.255", false},
	    {"::", false},
	    {"ff02::1", false},
	    {"ff0e::1", false},
	    {"1.1.1", false},
	    {"1.1.1.1/32", false},
	    {"fe80::1%eth0", false},
	    {"", false},
	};
	static const char *const hosts[] = {"example.com", "of-someone-else.example.org", "localhost",
	    "192.0.2.1:8080", "[2001:db8::1]:443", "a_b.internal"};

	for (size_t i = 0; i < NITEMS(rows); i++) {
		char *text =
		    xasprintf("{\"name\":\"p\",\"origins\":[{\"address\":\"%s\"}]}", rows[i].address);

		assert_said(
		    state, KIND_POOL, text, rows[i].allowed ? NULL : "a unicast IPv4 or IPv6 address");
		free(text);
	}
	for (size_t i = 0; i < NITEMS(hosts); i++) {
		char *text = xasprintf("{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"header\":{"
				       "\"Host\":[\"%s\"]}}]}",
		    hosts[i]);

		assert_said(state, KIND_POOL, text, NULL);
		free(text);
		text = xasprintf(MONITOR ",\"header\":{\"Host\":[\"%s\"]}}", hosts[i]);
		assert_said(state, KIND_MONITOR, text, NULL);
		free(text);
	}
}

/* S34: and what of S15, S17, S18 is a number.  The last value below the range, its ends, the first above it,
 * and what nothing means. */
static void
limits_hold_and_defaults_are_written_out(void **state)
{
	static const struct {
		enum kind kind;
		const char *before, *property, *below, *least, *most, *above, *standard;
	} rows[] = {
	    {KIND_LB, LB, "ttl", "0", "1", "86400", "86401", "30"},
	    {KIND_LB, LB, "max_answers", "0", "1", "64", "65", "null"},
	    {KIND_LB, LB, "affinity_prefix_v4", "0", "1", "32", "33", "24"},
	    {KIND_LB, LB, "affinity_prefix_v6", "0", "1", "128", "129", "56"},
	    {KIND_LB, LB, "session_affinity_ttl", "1799", "1800", "604800", "604801", "82800"},
	    {KIND_POOL, POOL, "minimum_origins", "-1", "0", "1024", "1025", "1"},
	    {KIND_MONITOR, MONITOR, "interval", "0", "1", "3600", "3601", "60"},
	    {KIND_MONITOR, MONITOR, "timeout", "0.09", "0.1", "60", "60.1", "5"},
	    {KIND_MONITOR, MONITOR, "retries", "-1", "0", "5", "6", "2"},
	    {KIND_MONITOR, MONITOR, "consecutive_down", "-1", "0", "100", "101", "0"},
	    {KIND_MONITOR, MONITOR, "consecutive_up", "-1", "0", "100", "101", "0"},
	};

	for (size_t i = 0; i < NITEMS(rows); i++) {
		const char *values[] = {rows[i].below, rows[i].least, rows[i].most, rows[i].above};
		char *said, *text = xasprintf("%s}", rows[i].before),
			    *pair = xasprintf("\"%s\":%s", rows[i].property, rows[i].standard);
		struct json *kept = check(state, rows[i].kind, text, &said);

		free(text);
		free(said);
		text = json_write(kept, false);
		if (strstr(text, pair) == NULL)
			fail_msg("%s is not in %s", pair, text);
		free(text);
		free(pair);
		json_drop(kept);
		for (size_t v = 0; v < NITEMS(values); v++) {
			text = xasprintf("%s,\"%s\":%s}", rows[i].before, rows[i].property, values[v]);
			assert_said(state, rows[i].kind, text, v == 1 || v == 2 ? NULL : rows[i].property);
			free(text);
		}
	}
}

/* A list of this number of elements, each made from its number, accepted or not. */
static void
assert_list(void **state, enum kind kind, const char *before, const char *element, const char *after,
    unsigned count, const char *sentence)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(before, out);
	for (unsigned i = 0; i < count; i++) {
		fputs(i > 0 ? "," : "", out);
		fprintf(out, element, i / 256, i % 256);
	}
	fputs(after, out);
	fclose(out);
	assert_said(state, kind, text, sentence);
	free(text);
}

/* S17 */
static void
lists_have_their_limits(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < 257; i++) {
		char id[ID_LEN + 1], name[16];

		snprintf(id, sizeof id, "%032x", 0x100 + i);
		snprintf(name, sizeof name, "p%u-%u", i / 256, i % 256);
		put(world, KIND_POOL, id, name);
	}
	assert_list(state, KIND_POOL, "{\"name\":\"p\",\"origins\":[", "{\"address\":\"10.0.%u.%u\"}", "]}",
	    1024, NULL);
	assert_list(state, KIND_POOL, "{\"name\":\"p\",\"origins\":[", "{\"address\":\"10.0.%u.%u\"}", "]}",
	    1025, "a list of 1 to 1024");
	assert_list(state, KIND_LB, "{\"name\":\"a.b\",\"fallback_pool\":\"us\",\"default_pools\":[",
	    "\"p%u-%u\"", "]}", 256, NULL);
	assert_list(state, KIND_LB, "{\"name\":\"a.b\",\"fallback_pool\":\"us\",\"default_pools\":[",
	    "\"p%u-%u\"", "]}", 257, "a list of 1 to 256");
}

static void
sets_that_are_never_reached_are_warned_about(void **state)
{
	char *said,
	    *text = xasprintf(LB ",\"pool_sets\":[{\"name\":\"all\",\"overrides\":{\"pools\":[\"eu\"],\"pool_"
				 "weights\":{\"us\":1}}},"
				 "{\"overrides\":{\"pools\":[\"eu\"]}}]}");

	json_drop(check(state, KIND_LB, text, &said));
	assert_non_null(strstr(said, "pool_sets[0] matches every client: the 1 behind it are never reached"));
	assert_non_null(strstr(said, "pool_sets[all]: pool_weights has a pool that is not in pools"));
	free(said);
	free(text);
}

/* S35, S36: parts that are not overridden are not written out, names come back, and a match becomes a
 * condition. */
static void
rules_and_sets_are_kept_shown_and_loaded(void **state)
{
	static const char document[] =
	    LB ",\"rules\":[{\"name\":\"last\",\"priority\":2,\"overrides\":{\"ttl\":9}},{\"name\":\"first\","
	       "\"condition\":\"dns.qry.type eq "
	       "28\",\"terminates\":true,\"overrides\":{\"pools\":[\"us\"],\"pool_weights\":{\"us\":0.25},"
	       "\"country_pools\":{\"DE\":[\"eu\"]}}},{\"name\":\"second\",\"disabled\":true,\"overrides\":{"
	       "\"steering_policy\":\"\"}}],"
	       "\"pool_sets\":[{\"name\":\"s\",\"match\":{\"topology\":{\"prefixes\":[\"10.0.0.0/"
	       "8\",\"::1\"],\"countries\":[\"DE\",\"FR\"],"
	       "\"asns\":[1]}},\"overrides\":{\"pools\":[\"us\",\"eu\"],\"fallback_pool\":\"eu\"}}]}";
	struct world *world = *state;
	char *said, *text;
	struct json *kept = check(state, KIND_LB, document, &said), *shown;
	struct lb *lb;
	size_t count;

	free(said);
	shown = document_show(KIND_LB, kept, &world->scope, DOCUMENT_EXPORT);
	text = json_write(json_member(shown, "rules"), false);
	assert_non_null(strstr(text,
	    "\"name\":\"last\",\"condition\":\"\",\"priority\":2,\"disabled\":false,\"terminates\":false,"
	    "\"fixed_response\":null,\"overrides\":{\"ttl\":9}}"));
	assert_non_null(strstr(
	    text, "{\"pools\":[\"us\"],\"pool_weights\":{\"us\":0.25},\"country_pools\":{\"DE\":[\"eu\"]}}"));
	free(text);
	text = json_write(json_member(shown, "pool_sets"), false);
	assert_non_null(strstr(text, "\"overrides\":{\"pools\":[\"us\",\"eu\"],\"fallback_pool\":\"eu\"}"));
	free(text);
	json_drop(shown);

	json_put_text(kept, "id", "00000000000000000000000000000009");
	text = json_write(kept, false);
	lb = document_load_lb((struct bytes){text, strlen(text)});
	assert_non_null(lb);
	assert_int_equal(lb->nrules, 3);
	assert_string_equal(lb->rules[0].name, "first");
	assert_int_equal(lb->rules[0].parts, PART_POOLS | PART_WEIGHTS | PART_COUNTRIES);
	assert_true(lb->rules[0].terminates);
	assert_int_equal(lb->rules[0].weights.list[0].weight, 25);
	assert_string_equal(lb->rules[1].name, "second");
	assert_true(lb->rules[1].disabled && lb->rules[1].policy_open);
	assert_string_equal(lb->rules[2].name, "last");
	assert_int_equal(lb->nsets, 1);
	assert_int_equal(lb->sets[0].parts, PART_POOLS | PART_WEIGHTS | PART_POLICY | PART_FALLBACK);
	assert_string_equal(lb->sets[0].condition,
	    "cf.load_balancer.country in {\"DE\" \"FR\"} and ip.src.asnum in {1} and ip.src in {10.0.0.0/8 "
	    "::1}");
	free(lb_pools(lb, &count));
	assert_int_equal(count, 2);
	model_free_lb(lb);
	free(text);
	json_drop(kept);
}

static void
every_property_is_written_out_and_references_become_ids(void **state)
{
	struct world *world = *state;
	char *said, *text;
	struct json *kept = check(
			state, KIND_LB, LB ",\"random_steering\":{\"pool_weights\":{\"eu\":1.0}}}", &said),
		    *shown;

	text = json_write(kept, false);
	assert_non_null(strstr(text, "\"default_pools\":[\"00000000000000000000000000000002\"]"));
	assert_non_null(strstr(text,
	    "\"random_steering\":{\"default_weight\":1,\"pool_weights\":{"
	    "\"00000000000000000000000000000002\":1}}"));
	assert_non_null(
	    strstr(text, "\"location_strategy\":{\"prefer_ecs\":\"always\",\"mode\":\"resolver_ip\"}"));
	assert_non_null(strstr(text, "\"session_affinity_ttl\":82800"));
	free(text);
	shown = document_show(KIND_LB, kept, &world->scope, DOCUMENT_EXPORT);
	text = json_write(shown, false);
	assert_non_null(strstr(text, "\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\""));
	assert_non_null(strstr(text, "\"pool_weights\":{\"eu\":1}"));
	free(text);
	/* The output is accepted again, and is the same. */
	text = json_write(shown, false);
	free(said);
	json_drop(shown);
	shown = check(state, KIND_LB, text, &said);
	assert_true(json_same(shown, kept));
	json_drop(shown);
	json_drop(kept);
	free(text);
	free(said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fault_is_refused_with_object_property_and_range),
	    cmocka_unit_test(all_faults_come_in_one_report),
	    cmocka_unit_test(unwise_is_only_a_warning),
	    cmocka_unit_test(properties_that_need_the_proxy_are_refused),
	    cmocka_unit_test(properties_without_effect_are_echoed_at_any_value),
	    cmocka_unit_test(every_unicast_address_and_host_is_allowed),
	    cmocka_unit_test(limits_hold_and_defaults_are_written_out),
	    cmocka_unit_test(lists_have_their_limits),
	    cmocka_unit_test(sets_that_are_never_reached_are_warned_about),
	    cmocka_unit_test(rules_and_sets_are_kept_shown_and_loaded),
	    cmocka_unit_test(every_property_is_written_out_and_references_become_ids),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
