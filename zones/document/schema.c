#include "zones/document/schema.h"

#include "zones/base/deadline.h"
#include "zones/dns/dnssec.h"
#include "zones/dns/idn.h"
#include "zones/document/public_key.h"
#include "zones/expression/expression.h"
#include "zones/geo/geo.h"
#include "zones/model/quorum.h"
#include "zones/zonefile/zonefile.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- texts that are checked by a function ---- */

static char *
clean_name(const char *text, const char *letters)
{
	size_t len = strlen(text);

	/* S30: a reference may be an id or a name, so a name must not look like an id. */
	if (len == 0 || len > 200 || strspn(text, letters) != len || id_valid(text))
		return NULL;
	return xstrdup(text);
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

char *
schema_clean_pool_name(const char *text)
{
	return clean_name(text, LETTERS "-_");
}

char *
schema_clean_monitor_name(const char *text)
{
	return clean_name(text, LETTERS "-_.");
}

/*
 * A hostname to resolve: fully qualified, so it contains a dot. Its last label must not be a number (RFC 1123
 * 2.1), because that would be a mistyped address.
 */
static char *
clean_hostname(const char *text)
{
	char *name = strchr(text, '*') == NULL ? host_name_clean(text) : NULL;
	const char *last = name == NULL ? NULL : strrchr(name, '.');

	if (last != NULL && strspn(last + 1, "0123456789") != strlen(last + 1))
		return name;
	free(name);
	return NULL;
}

/* S31: any unicast address, or a hostname (S16). */
static char *
clean_address(const char *text)
{
	struct address address;

	if (!address_from_text(&address, text))
		return clean_hostname(text);
	return address_is_unicast(&address) ? xstrdup(text) : NULL;
}

static char *
clean_method(const char *text)
{
	size_t len = strlen(text);

	/* Monitors of types other than http and tcp have "". */
	if (len == 0 || strcmp(text, "connection_established") == 0)
		return xstrdup(text);
	return len <= 16 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len ? xstrdup(text) : NULL;
}

static char *
clean_path(const char *text)
{
	size_t len = strlen(text);

	/* A tcp monitor has the path "" in Cloudflare's documents. */
	if (len > 2048 || (len > 0 && text[0] != '/'))
		return NULL;
	for (; *text != '\0'; text++)
		if ((uint8_t)*text <= ' ' || (uint8_t)*text == 127)
			return NULL;
	return xstrdup(text - len);
}

/* Read one code, a class like 2xx, or a range. Returns the text after it, or NULL if it is invalid. */
static const char *
read_codes(const char *text, uint64_t codes[16])
{
	uint64_t from, to;

	if (text[0] >= '1' && text[0] <= '9' && strncmp(text + 1, "xx", 2) == 0) {
		from = (uint64_t)(text[0] - '0') * 100;
		to = from + 99;
		text += 3;
	} else {
		if (text[0] == '0' || !whole_at(&text, 999, &from))
			return NULL;
		to = from;
		if (*text == '-' && (*++text == '0' || !whole_at(&text, 999, &to)))
			return NULL;
	}
	if (from < 100 || from > to)
		return NULL;
	for (; from <= to; from++)
		codes[from / 64] |= UINT64_C(1) << from % 64;
	return text;
}

bool
schema_expected_codes(const char *text, uint64_t codes[16])
{
	memset(codes, 0, 16 * sizeof *codes);
	while ((text = read_codes(text, codes)) != NULL && *text != '\0') {
		if (*text != ',')
			return false;
		text += 1 + strspn(text + 1, " ");
	}
	return text != NULL;
}

static char *
clean_codes(const char *text)
{
	uint64_t codes[16];

	return *text == '\0' || schema_expected_codes(text, codes) ? xstrdup(text) : NULL;
}

/* RFC 9110 5.5: no characters that end the line or are invisible. */
static char *
clean_header_value(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (((uint8_t)*at < ' ' && *at != '\t') || *at == 127)
			return NULL;
	return xstrdup(text);
}

static char *
clean_host_header(const char *text)
{
	size_t len = strlen(text);

	/* S31: any Host is valid. */
	return len > 0 && len <= 255 && strspn(text, LETTERS "-_.:[]") == len ? xstrdup(text) : NULL;
}

/* A host that a redirect may lead to: a name, or an address as in a URL but without brackets. */
static char *
clean_redirect_host(const char *text)
{
	struct address address;
	char canonical[46];

	if (address_from_text(&address, text))
		return xstrdup(address_to_text(&address, canonical));
	return strchr(text, '*') == NULL ? host_name_clean(text) : NULL;
}

static char *
clean_probed_address(const char *text)
{
	struct address address;

	return *text == '\0' || (address_from_text(&address, text) && address_is_unicast(&address))
	    ? xstrdup(text)
	    : NULL;
}

/* A file on this machine. It must exist on every node that probes. */
static char *
clean_file(const char *text)
{
	size_t len = strlen(text);

	if (len > 1024 || (len > 0 && text[0] != '/'))
		return NULL;
	for (; *text != '\0'; text++)
		if ((uint8_t)*text < ' ' || (uint8_t)*text == 127)
			return NULL;
	return xstrdup(text - len);
}

/* The name that a dns monitor asks for; "" for other types. */
static char *
clean_dns_name(const char *text)
{
	uint8_t name[NAME_MAX_LEN];
	char host[NAME_MAX_TEXT];

	if (*text == '\0')
		return xstrdup("");
	return name_from_text(name, text, NULL) == 0 ? NULL : xstrdup(name_to_host(name, host));
}

static char *
clean_dns_type(const char *text)
{
	uint16_t type = zonefile_type(text);
	char clean[16];

	if (type == 0 || !zonefile_is_data(type))
		return NULL;
	zonefile_type_text(type, clean);
	return xstrdup(clean);
}

/* Keys of the maps of places. */

/* The end of a temporary setting of an operator. */
static char *
clean_time(const char *text)
{
	int64_t wall;

	return wall_from_text(text, &wall) ? xstrdup(text) : NULL;
}

static char *
clean_boot_time(const char *text)
{
	return deadline_boot_valid(text) ? xstrdup(text) : NULL;
}

static char *
clean_region(const char *text)
{
	return geo_region(text) != REGION_UNKNOWN ? xstrdup(text) : NULL;
}

/* [CF]: all data centres; here all nodes. */
static char *
clean_check_region(const char *text)
{
	return strcmp(text, "ALL_REGIONS") == 0 ? xstrdup(text) : clean_region(text);
}

/* S93 */
static char *
clean_quorum(const char *text)
{
	uint64_t sites;

	if (strcmp(text, "majority") == 0 || strcmp(text, "any") == 0)
		return xstrdup(text);
	return whole_from_text(text, QUORUM_SITES_MAX, &sites) && sites > 0 && *text != '0' ? xstrdup(text)
											    : NULL;
}

/* S90: it is a part of a key in the engine, and of lines for people. */
static char *
clean_node_name(const char *text)
{
	return strlen(text) <= NODE_NAME_MAX ? schema_clean_monitor_name(text) : NULL;
}

static char *
clean_node_site(const char *text)
{
	size_t len = strspn(text, LETTERS "-_.");

	return len >= 1 && len <= NODE_SITE_MAX && text[len] == '\0' ? xstrdup(text) : NULL;
}

static char *
clean_node_region(const char *text)
{
	return *text == '\0' ? xstrdup("") : clean_region(text);
}

/* Also the root, and names that are no host names: 0/25.2.0.192.in-addr.arpa (RFC 2317). */
static char *
clean_zone(const char *text)
{
	uint8_t name[NAME_MAX_LEN + 1];
	char host[NAME_MAX_TEXT], *clean = host_name_clean(text);

	if (clean != NULL || name_from_text(name, text, NULL) == 0)
		return clean;
	name_lower(name, name);
	return xstrdup(name_to_host(name, host));
}

static char *
clean_server(const char *text)
{
	struct address address;
	char clean[46];

	return address_from_text(&address, text) ? xstrdup(address_to_text(&address, clean))
						 : host_name_clean(text);
}

static char *
clean_provider_key(const char *text)
{
	struct problems problems = {0};
	struct public_key key;
	char *clean = public_key_read(&key, text, &problems) ? public_key_text(&key) : NULL;

	problems_free(&problems);
	return clean;
}

static char *
clean_node_address(const char *text)
{
	struct address address;
	char clean[46];

	return address_from_text(&address, text) ? xstrdup(address_to_text(&address, clean)) : NULL;
}

static char *
clean_country(const char *text)
{
	return strlen(text) == 2 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2 ? xstrdup(text) : NULL;
}

static char *
clean_site(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

	return len >= 1 && len <= 15 && text[len] == '\0' ? xstrdup(text) : NULL;
}

static char *
condition_fault(const char *text)
{
	char *error = NULL;

	if (strlen(text) > EXPRESSION_TEXT_MAX)
		return xasprintf("a condition has at most %d octets", EXPRESSION_TEXT_MAX);
	free(expression_new(text, &error));
	return error;
}

static char *
prefix_fault(const char *text)
{
	struct address first, last;
	const char *why = expression_prefix(text, &first, &last);

	return why != NULL ? xstrdup(why) : NULL;
}

/* ---- words ---- */

static const struct property_word steering_words[] = {{"off", 0}, {"random", 0}, {"", 0}, {"geo", 0},
    {"dynamic_latency", 0}, {"proximity", 0}, {"least_outstanding_requests", 0}, {"least_connections", 0},
    {NULL, 0}};
/* [CF] 2.6: without geo: after a set has matched, there are no further places to steer by. */
static const struct property_word set_steering_words[] = {{"off", 0}, {"random", 0}, {"dynamic_latency", 0},
    {"proximity", 0}, {"least_outstanding_requests", 0}, {"least_connections", 0}, {NULL, 0}};
static const struct property_word affinity_words[] = {
    {"none", 0}, {"ip_cookie", 0}, {"", 0}, {"cookie", FATE_PROXY}, {"header", FATE_PROXY}, {NULL, 0}};
static const struct property_word failover_words[] = {
    {"none", 0}, {"temporary", 0}, {"sticky", 0}, {NULL, 0}};
static const struct property_word prefer_ecs_words[] = {
    {"always", 0}, {"never", 0}, {"proximity", 0}, {"geo", 0}, {NULL, 0}};
static const struct property_word mode_words[] = {{"pop", 0}, {"resolver_ip", 0}, {NULL, 0}};
static const struct property_word origin_steering_words[] = {
    {"random", 0}, {"hash", 0}, {"least_outstanding_requests", 0}, {"least_connections", 0}, {NULL, 0}};
static const struct property_word shedding_words[] = {{"random", 0}, {"hash", 0}, {NULL, 0}};
static const struct property_word forced_words[] = {{"none", 0}, {"up", 0}, {"down", 0}, {NULL, 0}};
static const struct property_word monitor_words[] = {{"http", 0}, {"https", 0}, {"tcp", 0}, {"smtp", 0},
    {"udp_icmp", 0}, {"icmp_ping", 0}, {"dns", 0}, {"exec", 0}, {NULL, 0}};
static const struct property_word http_version_words[] = {{"1.1", 0}, {"2", 0}, {"auto", 0}, {NULL, 0}};
/* In the order of their numbers. */
static const struct property_word rcode_words[] = {{"NOERROR", 0}, {"FORMERR", 0}, {"SERVFAIL", 0},
    {"NXDOMAIN", 0}, {"NOTIMP", 0}, {"REFUSED", 0}, {NULL, 0}};

/* ---- tables ---- */

/* clang-format off: it takes the initialisers for blocks */
#define READ_ONLY(name_) \
	{ \
		.name = name_, .type = PROPERTY_ANY, .fate = FATE_READ_ONLY \
	}
#define NEUTRAL(name_, default_) \
	{ \
		.name = name_, .type = PROPERTY_ANY, .fate = FATE_NEUTRAL, .default_json = default_ \
	}
#define BOOL(name_, default_) \
	{ \
		.name = name_, .type = PROPERTY_BOOL, .default_json = default_ \
	}
#define INTEGER(name_, default_, least_, most_) \
	{ \
		.name = name_, .type = PROPERTY_INTEGER, .default_json = default_, .least = least_, \
		.most = most_ \
	}
#define NUMBER(name_, default_, least_, most_) \
	{ \
		.name = name_, .type = PROPERTY_NUMBER, .default_json = default_, .least = least_, \
		.most = most_ \
	}
#define WORD(name_, default_, words_) \
	{ \
		.name = name_, .type = PROPERTY_WORD, .default_json = default_, .words = words_ \
	}
#define TEXT(name_, default_, most_) \
	{ \
		.name = name_, .type = PROPERTY_TEXT, .default_json = default_, .most = most_ \
	}
#define CHECKED(name_, default_, clean_, accepts_) \
	{ \
		.name = name_, .type = PROPERTY_TEXT, .default_json = default_, .clean = clean_, \
		.accepts = accepts_ \
	}
#define REFERENCE(name_, default_, kind_) \
	{ \
		.name = name_, .type = PROPERTY_REFERENCE, .default_json = default_, .refers = kind_ \
	}
#define OBJECT(name_, default_, table_) \
	{ \
		.name = name_, .type = PROPERTY_OBJECT, .default_json = default_, .inner = table_ \
	}
#define LIST(name_, default_, least_, most_, inner_) \
	{ \
		.name = name_, .type = PROPERTY_LIST, .default_json = default_, .least = least_, \
		.most = most_, .inner = inner_ \
	}
#define END \
	{ \
		.name = NULL \
	}
/* clang-format on */
#define UNTIL(name_) \
	CHECKED(name_, "null", clean_time, "a time such as 2026-11-20T12:00:00Z"), \
	    CHECKED(name_ "_boot", "null", clean_boot_time, "an end that --for wrote")
#define SERVER READ_ONLY("created_on"), READ_ONLY("modified_on")

static const struct property pool_reference = REFERENCE("pool", NULL, KIND_POOL);

static const struct property pool_list = LIST("pools", NULL, 1, LB_POOLS_MAX, &pool_reference);
#define PLACES(name_, default_, clean_, accepts_) \
	{ \
		.name = name_, .type = PROPERTY_MAP, .default_json = default_, .inner = &pool_list, \
		.refers = KIND_POOL, .clean = clean_, .accepts = accepts_ \
	}

#define REGION "a region code: " GEO_REGIONS " or " GEO_REGION_LAST
#define COUNTRY "a country of ISO 3166: two upper-case letters"
#define SITE "a site code: 1 to 15 upper-case letters, digits and -"
#define PLACE_MAPS(default_) \
	PLACES("region_pools", default_, clean_region, REGION), \
	    PLACES("country_pools", default_, clean_country, COUNTRY), \
	    PLACES("pop_pools", default_, clean_site, SITE)

static const struct property pool_weight = NUMBER("weight", NULL, 0, 1);

#define POOL_WEIGHTS(name_, default_) \
	{ \
		.name = name_, .type = PROPERTY_MAP, .default_json = default_, .inner = &pool_weight, \
		.refers = KIND_POOL, .keys_refer = true \
	}

static const struct property random_steering[] = {
    NUMBER("default_weight", "1", 0, 1), POOL_WEIGHTS("pool_weights", "{}"), END};

static const struct property location_strategy[] = {
    WORD("prefer_ecs", "\"always\"", prefer_ecs_words), WORD("mode", "\"resolver_ip\"", mode_words), END};

static const struct property affinity_attributes[] = {NEUTRAL("samesite", "\"Auto\""),
    NEUTRAL("secure", "\"Auto\""),
    {.name = "drain_duration",
	.type = PROPERTY_INTEGER,
	.fate = FATE_PROXY,
	.default_json = "0",
	.most = 86400},
    WORD("zero_downtime_failover", "\"none\"", failover_words), NEUTRAL("headers", "null"),
    NEUTRAL("require_all_headers", "false"), END};

#define SPARSE(name_, default_, table_) \
	{ \
		.name = name_, .type = PROPERTY_OBJECT, .default_json = default_, .inner = table_, \
		.sparse = true \
	}
/* [CF]: only the proxy could send this response. */
#define FIXED_RESPONSE \
	{ \
		.name = "fixed_response", .type = PROPERTY_ANY, .fate = FATE_PROXY, .default_json = "null" \
	}

/* [CF] 2.5: a property that is not given stays unchanged. */
static const struct property override_attributes[] = {NEUTRAL("samesite", "null"), NEUTRAL("secure", "null"),
    {.name = "drain_duration",
	.type = PROPERTY_INTEGER,
	.fate = FATE_PROXY,
	.default_json = "0",
	.most = 86400},
    WORD("zero_downtime_failover", "null", failover_words), NEUTRAL("headers", "null"),
    NEUTRAL("require_all_headers", "null"), END};

static const struct property override_location[] = {
    WORD("prefer_ecs", "null", prefer_ecs_words), WORD("mode", "null", mode_words), END};

static const struct property rule_overrides[] = {
    LIST("default_pools", "null", 1, LB_POOLS_MAX, &pool_reference),
    LIST("pools", "null", 1, LB_POOLS_MAX, &pool_reference), POOL_WEIGHTS("pool_weights", "null"),
    NUMBER("pool_default_weight", "null", 0, 1), REFERENCE("fallback_pool", "null", KIND_POOL),
    PLACE_MAPS("null"), WORD("steering_policy", "null", steering_words),
    OBJECT("random_steering", "null", random_steering), INTEGER("ttl", "null", 1, 86400),
    SPARSE("location_strategy", "null", override_location), WORD("session_affinity", "null", affinity_words),
    INTEGER("session_affinity_ttl", "null", 1800, 604800),
    SPARSE("session_affinity_attributes", "null", override_attributes), NEUTRAL("adaptive_routing", "null"),
    END};

static const struct property rule_table[] = {{.name = "name", .type = PROPERTY_TEXT, .least = 1, .most = 200},
    {.name = "condition",
	.type = PROPERTY_TEXT,
	.default_json = "\"\"",
	.most = EXPRESSION_TEXT_MAX,
	.fault = condition_fault},
    INTEGER("priority", "0", 0, 2147483647), BOOL("disabled", "false"), BOOL("terminates", "false"),
    FIXED_RESPONSE, SPARSE("overrides", "{}", rule_overrides), END};
static const struct property rule = OBJECT("rule", NULL, rule_table);

/* [CF] 2.6, and two more kinds of lists that only graycloud has. */
static const struct property region = CHECKED("region", NULL, clean_region, REGION);
static const struct property country = CHECKED("country", NULL, clean_country, COUNTRY);
static const struct property site = CHECKED("site", NULL, clean_site, SITE);
static const struct property asn = INTEGER("asn", NULL, 1, 4294967295);
static const struct property prefix = {
    .name = "prefix", .type = PROPERTY_TEXT, .most = 49, .fault = prefix_fault};
#define TOPOLOGY(name_, inner_) \
	{ \
		.name = name_, .type = PROPERTY_LIST, .default_json = "null", .most = TOPOLOGY_ENTRIES_MAX, \
		.inner = inner_, .accepts = "a list of at most 1000 entries (POOL_SET_TOPOLOGY_TOO_LARGE)" \
	}
static const struct property topology[] = {TOPOLOGY("pops", &site), TOPOLOGY("countries", &country),
    TOPOLOGY("regions", &region), TOPOLOGY("asns", &asn), TOPOLOGY("prefixes", &prefix), END};

static const struct property set_match[] = {
    BOOL("default", "null"), SPARSE("topology", "null", topology), END};

static const struct property set_overrides[] = {LIST("pools", "null", 1, LB_POOLS_MAX, &pool_reference),
    POOL_WEIGHTS("pool_weights", "null"), NUMBER("pool_default_weight", "null", 0, 1),
    REFERENCE("fallback_pool", "null", KIND_POOL), WORD("steering_policy", "null", set_steering_words), END};

static const struct property set_table[] = {TEXT("name", "\"\"", 200), BOOL("disabled", "false"),
    SPARSE("match", "null", set_match), FIXED_RESPONSE, SPARSE("overrides", "{}", set_overrides), END};
static const struct property pool_set = OBJECT("pool set", NULL, set_table);

/* [CF] 2.1 */
static const struct property lb_table[] = {READ_ONLY("zone_name"), SERVER,
    CHECKED("name", NULL, host_name_clean, "a host name; only its first label may be *"),
    TEXT("description", "\"\"", 1024), BOOL("enabled", "true"), UNTIL("disabled_until"),
    INTEGER("ttl", "30", 1, 86400),
    {.name = "proxied", .type = PROPERTY_BOOL, .fate = FATE_PROXY, .default_json = "false"},
    LIST("default_pools", NULL, 1, LB_POOLS_MAX, &pool_reference),
    REFERENCE("fallback_pool", NULL, KIND_POOL), PLACE_MAPS("{}"),
    WORD("steering_policy", "\"\"", steering_words), OBJECT("random_steering", "{}", random_steering),
    NEUTRAL("adaptive_routing", "{\"failover_across_pools\":false}"),
    OBJECT("location_strategy", "{}", location_strategy),
    WORD("session_affinity", "\"none\"", affinity_words),
    INTEGER("session_affinity_ttl", "82800", 1800, 604800),
    OBJECT("session_affinity_attributes", "{}", affinity_attributes),
    LIST("rules", "[]", 0, LB_RULES_MAX, &rule),
    {.name = "pool_sets",
	.type = PROPERTY_LIST,
	.default_json = "[]",
	.most = LB_POOL_SETS_MAX,
	.inner = &pool_set,
	.accepts = "a list of at most 1000 pool sets (POOL_SETS_TOO_LARGE)"},
    NEUTRAL("networks", "null"), NEUTRAL("tunnel_id", "null"),
    {.name = "max_answers", .type = PROPERTY_INTEGER, .default_json = "null", .least = 1, .most = 64},
    INTEGER("affinity_prefix_v4", "24", 1, 32), INTEGER("affinity_prefix_v6", "56", 1, 128), END};

static const struct property host_header =
    CHECKED("host", NULL, clean_host_header, "a host name, with or without a port");
static const struct property origin_header[] = {LIST("Host", "[]", 0, 1, &host_header), END};

/* [CF] 2.3 */
static const struct property origin_table[] = {TEXT("name", "\"\"", 200),
    CHECKED("address", NULL, clean_address,
	"a unicast IPv4 or IPv6 address without a port, or a whole host name such as app.example.com"),
    BOOL("enabled", "true"), READ_ONLY("disabled_at"), NUMBER("weight", "1", 0, 1),
    OBJECT("header", "{}", origin_header), NEUTRAL("port", "0"), NEUTRAL("virtual_network_id", "null"),
    BOOL("flatten_cname", "true"), WORD("forced", "\"none\"", forced_words), UNTIL("forced_until"),
    UNTIL("disabled_until"),
    {.name = "affinity_group", .type = PROPERTY_TEXT, .default_json = "null", .least = 1, .most = 200}, END};
static const struct property origin = OBJECT("origin", NULL, origin_table);

static const struct property origin_steering[] = {WORD("policy", "\"random\"", origin_steering_words), END};

static const struct property load_shedding[] = {NUMBER("default_percent", "0", 0, 100),
    WORD("default_policy", "\"random\"", shedding_words), NEUTRAL("session_percent", "0"),
    NEUTRAL("session_policy", "\"hash\""), END};

/* S40 */
static const struct property notification_switch[] = {BOOL("disable", "null"), BOOL("healthy", "null"), END};
static const struct property notification_filter[] = {
    OBJECT("pool", "null", notification_switch), OBJECT("origin", "null", notification_switch), END};

static const struct property check_region =
    CHECKED("region", NULL, clean_check_region, REGION ", or ALL_REGIONS");

/* [CF] 2.2 */
static const struct property pool_table[] = {SERVER, READ_ONLY("disabled_at"), READ_ONLY("healthy"),
    CHECKED("name", NULL, schema_clean_pool_name, "1 to 200 letters, digits, - and _, but not 32 hex digits"),
    TEXT("description", "\"\"", 1024), BOOL("enabled", "true"), UNTIL("disabled_until"),
    INTEGER("minimum_origins", "1", 0, POOL_ORIGINS_MAX), REFERENCE("monitor", "null", KIND_MONITOR),
    REFERENCE("monitor_group", "null", KIND_MONITOR_GROUP),
    LIST("check_regions", "null", 1, 14, &check_region),
    CHECKED("quorum", "\"majority\"", clean_quorum, "majority, any, or a number of sites from 1 to 64"),
    NEUTRAL("health_sources", "null"),
    {.name = "latitude", .type = PROPERTY_NUMBER, .default_json = "null", .least = -90, .most = 90},
    {.name = "longitude", .type = PROPERTY_NUMBER, .default_json = "null", .least = -180, .most = 180},
    LIST("origins", NULL, 1, POOL_ORIGINS_MAX, &origin), OBJECT("origin_steering", "{}", origin_steering),
    OBJECT("load_shedding", "{}", load_shedding), NEUTRAL("notification_email", "\"\""),
    OBJECT("notification_filter", "null", notification_filter), NEUTRAL("networks", "null"), END};

static const struct property header_value =
    CHECKED("value", NULL, clean_header_value, "a text without control characters");
static const struct property header_values = LIST("values", NULL, 1, 100, &header_value);

static const struct property command_word = TEXT("argument", NULL, 1024);
static const struct property redirect_host =
    CHECKED("host", NULL, clean_redirect_host, "a host name or an address, without a port");
#define A_FILE(name_) CHECKED(name_, "\"\"", clean_file, "the whole path of a file, from /")

/* [CF] 2.4, S34, S37 */
static const struct property monitor_table[] = {SERVER,
    /* S30: if the name is missing, one is generated. */
    CHECKED("name", "null", schema_clean_monitor_name,
	"1 to 200 letters, digits, -, _ and ., but not 32 hex digits"),
    WORD("type", "\"http\"", monitor_words), TEXT("description", "\"\"", 1024),
    CHECKED("method", "null", clean_method, "a method of HTTP in capitals"),
    CHECKED("path", "\"/\"", clean_path, "a path that begins with /, without blanks"),
    INTEGER("port", "0", 0, 65535), INTEGER("interval", "60", 1, 3600), NUMBER("timeout", "5", 0.1, 60),
    INTEGER("retries", "2", 0, 5), INTEGER("consecutive_up", "0", 0, 100),
    INTEGER("consecutive_down", "0", 0, 100), INTEGER("damping_changes", "0", 0, 15),
    INTEGER("damping_period", "300", 10, 86400), /* S39 */
    CHECKED("expected_codes", "\"200\"", clean_codes, "codes like 200, 2xx or 200-299, with commas between"),
    TEXT("expected_body", "\"\"", 1024), BOOL("follow_redirects", "false"),
    LIST("redirect_hosts", "[]", 0, 16, &redirect_host), BOOL("allow_insecure", "false"), A_FILE("ca_file"),
    A_FILE("client_certificate"), A_FILE("client_key"),
    CHECKED("address", "\"\"", clean_probed_address, "a unicast IPv4 or IPv6 address without a port"),
    {.name = "header", .type = PROPERTY_MAP, .default_json = "{}", .inner = &header_values},
    NEUTRAL("probe_zone", "\"\""), WORD("http_version", "\"1.1\"", http_version_words),
    BOOL("starttls", "false"), CHECKED("dns_name", "\"\"", clean_dns_name, "a domain name"),
    CHECKED("dns_type", "\"A\"", clean_dns_type, "a type of data such as A, AAAA, MX or TYPE65280"),
    WORD("dns_rcode", "\"NOERROR\"", rcode_words), TEXT("dns_data", "\"\"", 1024),
    LIST("command", "[]", 0, 64, &command_word), END};

/* S38 */
static const struct property member_table[] = {REFERENCE("monitor_id", NULL, KIND_MONITOR),
    BOOL("enabled", "true"), BOOL("monitoring_only", "false"), BOOL("must_be_healthy", "false"),
    READ_ONLY("created_at"), READ_ONLY("updated_at"), END};
static const struct property member = OBJECT("member", NULL, member_table);
/* [CF] 2.4 */
static const struct property monitor_group_table[] = {SERVER,
    CHECKED("name", "null", schema_clean_monitor_name,
	"1 to 200 letters, digits, -, _ and ., but not 32 hex digits"),
    TEXT("description", "\"\"", 1024), LIST("members", NULL, 1, GROUP_MEMBERS_MAX, &member), END};

/* S90 */
static const struct property node_address =
    CHECKED("address", NULL, clean_node_address, "an IPv4 or IPv6 address without a port");
static const struct property node_table[] = {SERVER,
    CHECKED("name", NULL, clean_node_name, "1 to 31 letters, digits, -, _ and ."),
    TEXT("description", "\"\"", 1024),
    CHECKED("site", NULL, clean_node_site, "1 to 15 letters, digits, -, _ and ."),
    CHECKED("region", "\"\"", clean_node_region, REGION ", or nothing"), BOOL("votes", "true"),
    LIST("addresses", "[]", 0, 8, &node_address), END};

/* S105. RFC 8624 3.1: the two algorithms to sign with. */
static const struct property_word algorithm_words[] = {{"ecdsap256sha256", 0}, {"ed25519", 0}, {NULL, 0}};
static const struct property_word ending_words[] = {{"none", 0}, {"disable", 0}, {"key_lost", 0}, {NULL, 0}};
static const struct property_word roll_words[] = {{"all", 0}, {"ksk", 0}, {"zsk", 0}, {NULL, 0}};
static const struct property gone_server =
    CHECKED("server", NULL, clean_server, "the name or the address of a nameserver");
static const struct property provider_key =
    CHECKED("key", NULL, clean_provider_key, "a DNSKEY record of algorithm 13 or 15, as \"257 3 13 KEY\"");
/* S107: rollover, cancelled and lead are numbers of requests, and node is where they were given (S111). */
static const struct property dnssec_table[] = {SERVER,
    CHECKED("name", NULL, clean_zone, "the name of a zone"), TEXT("description", "\"\"", 1024),
    WORD("algorithm", "\"ecdsap256sha256\"", algorithm_words), TEXT("identity", "\"\"", 32),
    INTEGER("rollover", "0", 0, 1000000), INTEGER("cancelled", "0", 0, 1000000), BOOL("emergency", "false"),
    INTEGER("lead", "0", 0, 1000000), TEXT("node", "\"\"", 32), WORD("roll", "\"all\"", roll_words),
    BOOL("split", "false"), BOOL("keyless_nodes", "false"), WORD("ending", "\"none\"", ending_words),
    LIST("without", "[]", 0, 16, &gone_server),
    LIST("provider_keys", "[]", 0, PROVIDER_KEYS_MAX, &provider_key), END};

enum dnssec_roll
schema_dnssec_roll(const char *text)
{
	return strcmp(text, "ksk") == 0 ? ROLL_KSK : strcmp(text, "zsk") == 0 ? ROLL_ZSK : ROLL_ALL;
}

enum dnssec_ending
schema_dnssec_ending(const char *text)
{
	return strcmp(text, "disable") == 0 ? ENDING_DISABLE
	    : strcmp(text, "key_lost") == 0 ? ENDING_KEY_LOST
					    : ENDING_NONE;
}

unsigned
schema_dnssec_algorithm(const char *text)
{
	return strcmp(text, "ed25519") == 0 ? ALGORITHM_ED25519 : ALGORITHM_ECDSAP256;
}

uint8_t
schema_dns_rcode(const char *text)
{
	uint8_t rcode = 0;

	while (rcode_words[rcode].text != NULL && strcmp(rcode_words[rcode].text, text) != 0)
		rcode++;
	return rcode;
}

const char *
schema_dns_rcode_text(uint8_t rcode)
{
	return rcode < NITEMS(rcode_words) - 1 ? rcode_words[rcode].text : NULL;
}

const struct property *
schema_of(enum kind kind)
{
	static const struct property *const schemas[KIND_COUNT] = {
	    monitor_table, monitor_group_table, pool_table, lb_table, node_table, dnssec_table};

	return schemas[kind];
}

const struct property *
schema_find(const struct property *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static char *
accepted_words(const struct property_word *words)
{
	char *text = xstrdup("one of");

	for (; words->text != NULL; words++)
		if (words->fate == FATE_USED) {
			char *longer = xasprintf("%s %s%s", text, *words->text ? words->text : "\"\"",
			    words[1].text && words[1].fate == FATE_USED ? "," : "");

			free(text);
			text = longer;
		}
	return text;
}

char *
schema_accepts(const struct property *property)
{
	switch (property->type) {
	case PROPERTY_TEXT:
		if (property->accepts != NULL)
			return xstrdup(property->accepts);
		return property->least > 0
		    ? xasprintf("a text of %.0f to %.0f octets", property->least, property->most)
		    : xasprintf("a text of at most %.0f octets", property->most);
	case PROPERTY_WORD:
		return accepted_words(property->words);
	case PROPERTY_BOOL:
		return xstrdup("true or false");
	case PROPERTY_INTEGER:
		return xasprintf("a whole number from %.0f to %.0f", property->least, property->most);
	case PROPERTY_NUMBER:
		return xasprintf("a number from %g to %g", property->least, property->most);
	case PROPERTY_REFERENCE:
		return xasprintf("the name or id of a %s", kind_text(property->refers));
	case PROPERTY_OBJECT:
		return xstrdup("an object of properties");
	case PROPERTY_LIST:
		if (property->accepts != NULL)
			return xstrdup(property->accepts);
		return xasprintf("a list of %.0f to %.0f", property->least, property->most);
	case PROPERTY_MAP:
		return xstrdup("an object of names and values");
	default:
		return xstrdup("any value");
	}
}
