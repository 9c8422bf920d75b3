/* The properties of a monitor together: each type has its own ([CF] 2.4, S34, S37). */
#include "admin/edit/document_monitor.h"

#include "admin/edit/secrets.h"

#include "zones/document/schema.h"
#include "zones/model/model.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>
#include <strings.h>

struct check {
	const char *label;
	struct problems *problems;
};

/* The output of `show` came back as input. */
static void
check_hidden(const struct check *check, const char *name, const char *value)
{
	if (value != NULL && strcmp(value, SECRET_HIDDEN) == 0)
		problems_error(check->problems,
		    "%s: header.%s is \"%s\", which is shown in the place of a secret: export, and show "
		    "--secrets, have the secret itself",
		    check->label, name, value);
}

static void
check_headers(const struct check *check, const struct json *headers)
{
	static const char token[] =
	    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (const char *key = json_next_key(headers, NULL); key != NULL; key = json_next_key(headers, key)) {
		if (*key == '\0' || strspn(key, token) != strlen(key))
			problems_error(
			    check->problems, "%s: header.%s is not a valid header name", check->label, key);
		else if (strcasecmp(key, "User-Agent") == 0)
			problems_error(check->problems, "%s: header.%s cannot be set", check->label, key);
		else if (strcasecmp(key, "Host") == 0 && json_count(json_member(headers, key)) != 1)
			problems_error(check->problems, "%s: header.%s must be one value", check->label, key);
		for (size_t i = 0; i < json_count(json_member(headers, key)); i++)
			check_hidden(check, key, json_text(json_item(json_member(headers, key), i)));
	}
}

/* Which types have a property; the others accept it empty or at its default ("" is how Cloudflare keeps path
 * and codes). */
#define OF(type) (1u << (type))
enum { OF_HTTP = OF(MONITOR_HTTP) | OF(MONITOR_HTTPS), OF_TLS = OF(MONITOR_HTTPS) | OF(MONITOR_SMTP) };

static const struct {
	const char *name;
	unsigned types;
	bool emptied; /* kept as "" if the type has none */
} of_types[] = {
    {"path", OF_HTTP, true},
    {"expected_codes", OF_HTTP, true},
    {"expected_body", OF_HTTP, false},
    {"follow_redirects", OF_HTTP, false},
    {"redirect_hosts", OF_HTTP, false},
    {"ca_file", OF_HTTP | OF_TLS, false},
    {"client_certificate", OF_HTTP | OF_TLS, false},
    {"client_key", OF_HTTP | OF_TLS, false},
    {"allow_insecure", OF_HTTP | OF_TLS, false}, /* [CF] accepts it for http, too */
    {"header", OF_HTTP | OF_TLS | OF(MONITOR_EXEC), false},
    {"http_version", OF_HTTP, false},
    {"starttls", OF(MONITOR_SMTP), false},
    {"dns_name", OF(MONITOR_DNS), false},
    {"dns_type", OF(MONITOR_DNS), false},
    {"dns_rcode", OF(MONITOR_DNS), false},
    {"dns_data", OF(MONITOR_DNS), false},
    {"command", OF(MONITOR_EXEC), false},
};

/* "a tcp monitor", "an smtp monitor" (ess), "a udp_icmp monitor" (you) */
static const char *
a_monitor(enum monitor_type type, char out[32])
{
	const char *text = monitor_kind(type)->text;

	snprintf(out, 32, "%s %s monitor", strchr("aehis", *text) ? "an" : "a", text);
	return out;
}

static void
check_types(const struct check *check, struct json *monitor, enum monitor_type type)
{
	char what[32];

	for (size_t i = 0; i < NITEMS(of_types); i++) {
		const struct property *property = schema_find(schema_of(KIND_MONITOR), of_types[i].name);
		const struct json *value = json_member(monitor, property->name);
		struct json *default_json;
		char *text;

		if (of_types[i].types & OF(type))
			continue;
		default_json =
		    json_read_quietly((struct bytes){property->default_json, strlen(property->default_json)});
		if (!json_same(value, default_json) &&
		    !(json_text(value) != NULL && *json_text(value) == '\0')) {
			text = json_write(value, false);
			problems_error(check->problems, "%s: %s is %s: %s has none", check->label,
			    property->name, text, a_monitor(type, what));
			free(text);
		}
		json_drop(default_json);
		if (of_types[i].emptied)
			json_put_text(monitor, property->name, "");
	}
}

static void
check_port(const struct check *check, const struct json *monitor, enum monitor_type type)
{
	long long port = json_integer_of(json_member(monitor, "port"));
	char what[32];

	if (port == 0 && monitor_kind(type)->port_required)
		problems_error(check->problems, "%s: port is missing: %s needs one, from 1 to 65535",
		    check->label, a_monitor(type, what));
}

static void
check_method(const struct check *check, struct json *monitor, enum monitor_type type)
{
	const char *method = json_text_of(monitor, "method"), *standard = monitor_kind(type)->method;
	bool established = strcmp(method, "connection_established") == 0, http = OF(type) & OF_HTTP;

	if (*method != '\0' && http == established)
		problems_error(check->problems, "%s: method is \"%s\": that is not for type %s", check->label,
		    method, monitor_kind(type)->text);
	if (*method == '\0' || !http)
		json_put_text(monitor, "method", standard);
}

static void
check_dns(const struct check *check, const struct json *monitor)
{
	const char *data = json_text_of(monitor, "dns_data"), *type = json_text_of(monitor, "dns_type");
	struct problems problems = {0};
	uint8_t *rdata;
	size_t len;

	if (*json_text_of(monitor, "dns_name") == '\0')
		problems_error(
		    check->problems, "%s: dns_name is missing: a dns monitor asks for a name", check->label);
	if (*data == '\0')
		return;
	rdata = xmalloc(UINT16_MAX);
	if (!zonefile_rdata(zonefile_type(type), data, (const uint8_t *)"", rdata, &len, &problems))
		problems_error(check->problems, "%s: dns_data is \"%s\": that is not valid data of type %s",
		    check->label, data, type);
	free(rdata);
	problems_free(&problems);
	if (strcmp(json_text_of(monitor, "dns_rcode"), "NOERROR") != 0)
		problems_error(check->problems,
		    "%s: dns_data is \"%s\": an answer with dns_rcode %s has none", check->label, data,
		    json_text_of(monitor, "dns_rcode"));
}

static void
check_tls_files(const struct check *check, const struct json *monitor)
{
	if (*json_text_of(monitor, "client_key") != '\0' &&
	    *json_text_of(monitor, "client_certificate") == '\0')
		problems_error(check->problems,
		    "%s: client_key is set without client_certificate: a key alone is never sent",
		    check->label);
}

/* S37: no shell and no search, so that exactly the written program runs. */
static void
check_command(const struct check *check, const struct json *monitor)
{
	const char *program = json_text(json_item(json_member(monitor, "command"), 0));

	if (program == NULL)
		problems_error(check->problems,
		    "%s: command is missing: an exec monitor needs a program and its arguments, as in "
		    "command=/usr/local/bin/check,-v",
		    check->label);
	else if (*program != '/')
		problems_error(check->problems,
		    "%s: command begins with \"%s\": write the program's whole path, from /", check->label,
		    program);
}

/* Only the name in Host is used: for TLS, or in the environment of the command. */
static void
check_only_host(const struct check *check, const struct json *headers, enum monitor_type type)
{
	for (const char *key = json_next_key(headers, NULL); key != NULL; key = json_next_key(headers, key))
		if (strcasecmp(key, "Host") != 0)
			problems_error(check->problems,
			    "%s: header.%s is set: of type %s only header.Host is used", check->label, key,
			    monitor_kind(type)->text);
}

void
document_check_monitor(const char *label, struct json *monitor, struct problems *problems)
{
	struct check known = {label, problems};
	const struct check *check = &known;
	enum monitor_type type = monitor_type_of(json_text_of(monitor, "type"));
	bool http = OF(type) & OF_HTTP;
	double check_s = json_number_of(json_member(monitor, "timeout")) *
	    (double)(json_integer_of(json_member(monitor, "retries")) + 1);
	long long interval = json_integer_of(json_member(monitor, "interval"));

	check_types(check, monitor, type);
	check_port(check, monitor, type);
	check_method(check, monitor, type);
	if (http && *json_text_of(monitor, "path") == '\0')
		json_put_text(monitor, "path", "/");
	if (OF(type) & (OF_HTTP | OF_TLS | OF(MONITOR_EXEC)))
		check_headers(check, json_member(monitor, "header"));
	if (type == MONITOR_SMTP || type == MONITOR_EXEC)
		check_only_host(check, json_member(monitor, "header"), type);
	check_tls_files(check, monitor);
	if (type == MONITOR_DNS)
		check_dns(check, monitor);
	if (type == MONITOR_EXEC)
		check_command(check, monitor);
	/* S34 */
	if (check_s > (double)interval)
		problems_warn(check->problems,
		    "%s: timeout x (retries + 1) is %g s, longer than the interval of %lld s: a check "
		    "that times out delays the next",
		    check->label, check_s, interval);
}
