/*
 * SVCB and HTTPS (RFC 9460): a priority, a target, and parameters KEY[=VALUE].
 *
 * Values are decoded twice (RFC 9460 A): as a string of a zone file, with \X and \DDD, and then, if the value
 * is a list, with "\," and "\\" within its items.
 */
#include "zones/zonefile/rdata.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum key {
	KEY_MANDATORY,
	KEY_ALPN,
	KEY_NO_DEFAULT_ALPN,
	KEY_PORT,
	KEY_IPV4HINT,
	KEY_ECH,
	KEY_IPV6HINT,
	KEY_DOHPATH,
	KEY_OHTTP
};
enum { KEY_INVALID = 65535 };

/* RFC 9460 14.3.2, RFC 9461, RFC 9540.  BIND 9.18 and NSD know the first seven, so only those are written by
 * name. */
static const char *const key_names[] = {
    "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"};
enum { NAMES_WRITTEN = KEY_IPV6HINT + 1 };

struct param {
	uint16_t key;
	uint16_t len;
	const uint8_t *value; /* in wire form */
};

/* Parameters while they are read: a separate buffer holds their values one after another. */
struct params {
	struct param *items;
	size_t count;
	struct rdata_input values;
};

static const char *
key_text(uint16_t key, char out[16])
{
	if (key < NAMES_WRITTEN)
		return key_names[key];
	snprintf(out, 16, "key%u", key);
	return out;
}

/* Read a key from a text of the given length.  Returns false if it is invalid.  "keyN" has no zeros in front
 * (RFC 9460 2.1).
 */
static bool
key_from_text(const char *text, size_t len, uint16_t *key)
{
	uint64_t number;
	char digits[8];

	for (size_t i = 0; i < NITEMS(key_names); i++)
		if (strlen(key_names[i]) == len && memcmp(key_names[i], text, len) == 0) {
			*key = (uint16_t)i;
			return true;
		}
	if (len < 4 || len > 8 || memcmp(text, "key", 3) != 0 || (text[3] == '0' && len > 4))
		return false;
	snprintf(digits, sizeof digits, "%.*s", (int)(len - 3), text + 3);
	if (!whole_from_text(digits, KEY_INVALID - 1, &number))
		return false;
	*key = (uint16_t)number;
	return true;
}

/* ---- values: octets of the string -> octets on the wire, appended to in ---- */

static int
compare_keys(const void *a_arg, const void *b_arg)
{
	uint16_t a = get16(a_arg), b = get16(b_arg);

	return (a > b) - (a < b);
}

static bool
read_mandatory(struct rdata_input *in, const char *text)
{
	size_t start = in->len;

	for (const char *end; text != NULL; text = *end == ',' ? end + 1 : NULL) {
		uint16_t key;

		end = strchrnul(text, ',');
		if (!key_from_text(text, (size_t)(end - text), &key))
			return rdata_refuse(
			    in, "mandatory: \"%.*s\" is not a key", (int)MIN(end - text, 40), text);
		if (!rdata_put_number(in, key, 2))
			return false;
	}
	qsort(in->out + start, (in->len - start) / 2, 2, compare_keys);
	return true;
}

/* Items between commas; "\," and "\\" are a comma and a backslash within one. */
static bool
read_alpn(struct rdata_input *in, const uint8_t *text, size_t len)
{
	size_t i = 0;

	do {
		size_t start = in->len;

		if (!rdata_put_number(in, 0, 1))
			return false;
		for (; i < len && text[i] != ','; i++) {
			if (text[i] == '\\' && (++i == len || (text[i] != ',' && text[i] != '\\')))
				return rdata_refuse(in,
				    "alpn: in a list, write a backslash only before a comma or a backslash");
			if (!rdata_put(in, &text[i], 1))
				return false;
		}
		if (in->len - start < 2 || in->len - start > 256)
			return rdata_refuse(in, "alpn: a protocol has 1 to 255 octets");
		in->out[start] = (uint8_t)(in->len - start - 1);
	} while (i++ < len);
	return true;
}

static bool
read_hints(struct rdata_input *in, const char *text, int family)
{
	for (const char *end; text != NULL; text = *end == ',' ? end + 1 : NULL) {
		char one[INET6_ADDRSTRLEN];
		uint8_t address[16];

		end = strchrnul(text, ',');
		snprintf(one, sizeof one, "%.*s", (int)MIN(end - text, INET6_ADDRSTRLEN - 1), text);
		if (end - text >= INET6_ADDRSTRLEN || inet_pton(family, one, address) != 1)
			return rdata_refuse(in, "%s: \"%s\" is not an address",
			    family == AF_INET ? "ipv4hint" : "ipv6hint", one);
		if (!rdata_put(in, address, family == AF_INET ? 4 : 16))
			return false;
	}
	return true;
}

static bool
read_value(struct rdata_input *in, uint16_t key, const uint8_t *octets, size_t len)
{
	const char *text = (const char *)octets; /* ended by NUL */
	uint64_t port;

	if (key != KEY_ALPN && key <= KEY_OHTTP && len != strlen(text))
		return rdata_refuse(in, "%s: the value has a NUL octet", key_names[key]);
	switch (key) {
	case KEY_MANDATORY:
		return read_mandatory(in, text);
	case KEY_ALPN:
		return read_alpn(in, octets, len);
	case KEY_PORT:
		if (!whole_from_text(text, 65535, &port))
			return rdata_refuse(in, "port: %.40s is not a whole number from 0 to 65535", text);
		return rdata_put_number(in, port, 2);
	case KEY_IPV4HINT:
		return read_hints(in, text, AF_INET);
	case KEY_IPV6HINT:
		return read_hints(in, text, AF_INET6);
	case KEY_ECH:
		return rdata_base64(in, text, len);
	default:
		return rdata_put(in, octets, len);
	}
}

/* ---- rules for a value in wire form ---- */

/* RFC 9849 4: a list of configurations, each with a version, a length and octets of that length. */
static bool
ech_valid(const struct param *param)
{
	struct reader list = {.at = param->value, .end = param->value + param->len};

	if (read16(&list) != param->len - 2 || param->len <= 2)
		return false;
	while (list.at < list.end && !list.bad) {
		read16(&list);
		read_bytes(&list, read16(&list));
	}
	return !list.bad;
}

static bool
alpn_valid(const struct param *param)
{
	struct reader list = {.at = param->value, .end = param->value + param->len};

	while (list.at < list.end && !list.bad) {
		size_t len = read8(&list);

		if (len == 0 || read_bytes(&list, len) == NULL)
			return false;
	}
	return !list.bad;
}

static bool
mandatory_valid(const struct param *param)
{
	for (size_t i = 0; i + 2 < param->len; i += 2)
		if (get16(param->value + i) >= get16(param->value + i + 2))
			return false;
	return param->len % 2 == 0;
}

static bool
has(const struct params *params, uint16_t key)
{
	for (size_t i = 0; i < params->count; i++)
		if (params->items[i].key == key)
			return true;
	return false;
}

/* RFC 9461 5: a path with the variable "dns". */
static bool
dohpath_valid(const struct param *param)
{
	const char *text = (const char *)param->value, *brace = memchr(text, '{', param->len);

	return text[0] == '/' && brace != NULL &&
	    memmem(brace, (size_t)(text + param->len - brace), "dns", 3) != NULL &&
	    memchr(brace, '}', (size_t)(text + param->len - brace)) != NULL;
}

/* Returns NULL, or the fault of a known key's value. */
static const char *
value_fault(const struct params *params, const struct param *param)
{
	bool empty = param->len == 0;

	switch (param->key) {
	case KEY_NO_DEFAULT_ALPN:
		return !empty               ? "must not have a value"
		    : has(params, KEY_ALPN) ? NULL
					    : "is only valid together with alpn (RFC 9460 7.1.1)";
	case KEY_OHTTP:
		return !empty ? "must not have a value" : NULL;
	case KEY_MANDATORY:
		return empty                 ? "needs a value"
		    : mandatory_valid(param) ? NULL
					     : "lists a key twice (RFC 9460 8)";
	case KEY_ALPN:
		return empty ? "needs a value" : alpn_valid(param) ? NULL : "is damaged";
	case KEY_PORT:
		return empty ? "needs a value" : param->len == 2 ? NULL : "is not a port";
	case KEY_IPV4HINT:
	case KEY_IPV6HINT:
		return empty                                                  ? "needs a value"
		    : param->len % (param->key == KEY_IPV4HINT ? 4 : 16) == 0 ? NULL
									      : "is damaged";
	case KEY_ECH:
		return empty           ? "needs a value"
		    : ech_valid(param) ? NULL
				       : "is not a list of ECH configurations (RFC 9849 4)";
	case KEY_DOHPATH:
		return empty               ? "needs a value"
		    : dohpath_valid(param) ? NULL
					   : "is not a path with {?dns} (RFC 9461 5)";
	default:
		return NULL;
	}
}

/* RFC 9460 8: each mandatory key must be present, and mandatory must not list itself. */
static bool
check_mandatory(struct rdata_input *in, const struct params *params, const struct param *mandatory)
{
	for (size_t i = 0; i < mandatory->len; i += 2) {
		uint16_t key = get16(mandatory->value + i);
		char text[16];

		if (key == KEY_MANDATORY)
			return rdata_refuse(in, "mandatory must not list itself (RFC 9460 8)");
		if (!has(params, key))
			return rdata_refuse(
			    in, "mandatory lists %s, which is missing (RFC 9460 8)", key_text(key, text));
	}
	return true;
}

static int
compare_params(const void *a_arg, const void *b_arg)
{
	const struct param *a = a_arg, *b = b_arg;

	return a->key - b->key;
}

/* Check and append them in the order of their keys (RFC 9460 2.2). */
static bool
put_params(struct rdata_input *in, struct params *params)
{
	char text[16];

	if (params->count > 1)
		qsort(params->items, params->count, sizeof *params->items, compare_params);
	for (size_t i = 0; i < params->count; i++) {
		const struct param *param = &params->items[i];
		const char *fault = value_fault(params, param);

		if (i > 0 && param[-1].key == param->key)
			return rdata_refuse(
			    in, "duplicate key %s (RFC 9460 2.1)", key_text(param->key, text));
		if (fault != NULL)
			return rdata_refuse(in, "%s %s", key_text(param->key, text), fault);
		if (param->key == KEY_MANDATORY && !check_mandatory(in, params, param))
			return false;
		if (!rdata_put_number(in, param->key, 2) || !rdata_put_number(in, param->len, 2) ||
		    !rdata_put(in, param->value, param->len))
			return false;
	}
	return true;
}

/* KEY, KEY=VALUE, KEY="VALUE": in the last case the quoted part is a separate token that touches this one.
 */
static bool
read_param(struct rdata_input *in, struct params *params)
{
	const char *token = rdata_token(in), *equals = strchr(token, '='), *value = equals ? equals + 1 : "";
	struct rdata_input *values = &params->values;
	size_t start = values->len, len;
	uint8_t *octets;
	bool named, good;
	uint16_t key;

	if (!key_from_text(token, equals ? (size_t)(equals - token) : strlen(token), &key))
		return rdata_refuse(
		    in, "\"%.*s\" is not a key", equals ? (int)MIN(equals - token, 40) : 40, token);
	named = token[0] != 'k';
	if (equals != NULL && *value == '\0' && rdata_more(in) && line_touches(in->line, in->next))
		value = rdata_token(in);
	if (rdata_more(in) && line_touches(in->line, in->next))
		return rdata_refuse(in, "put a blank after a quoted value");
	octets = xmalloc(strlen(value) + 1);
	len = rdata_token_octets(value, octets);
	octets[len] = '\0';
	good = len == 0 || (named ? read_value(values, key, octets, len) : rdata_put(values, octets, len));
	if (!good)
		rdata_refuse(in, "%s", values->why);
	else
		params->items[params->count++] = (struct param){
		    .key = key, .len = (uint16_t)(values->len - start), .value = values->out + start};
	free(octets);
	return good;
}

bool
rdata_read_svcb(struct rdata_input *in)
{
	struct params params = {0};
	bool good = rdata_read_number(in, 2, 65535) && rdata_read_name(in);

	if (!good || !rdata_more(in))
		return good;
	params.items = xcalloc(in->line->count - in->next, sizeof *params.items);
	params.values.out = xmalloc(65535);
	while (good && rdata_more(in))
		good = read_param(in, &params);
	good = good && put_params(in, &params);
	free(params.values.out);
	free(params.items);
	return good;
}

/* ---- writing ---- */

static void
write_alpn(FILE *out, const uint8_t *value, size_t len)
{
	uint8_t *list = xmalloc(2 * len + 1);
	size_t used = 0;
	struct reader in = {.at = value, .end = value + len};

	while (in.at < in.end && !in.bad) {
		size_t octets = read8(&in);
		const uint8_t *item = read_bytes(&in, octets);

		if (used > 0)
			list[used++] = ',';
		for (size_t i = 0; item != NULL && i < octets; i++) {
			if (item[i] == ',' || item[i] == '\\')
				list[used++] = '\\';
			list[used++] = item[i];
		}
	}
	list[used] = '\0';
	/* Without quotes if it needs none. */
	if (strspn((char *)list, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/,") ==
	    used)
		fputs((char *)list, out);
	else
		rdata_write_quoted(out, list, used);
	free(list);
}

static void
write_hints(FILE *out, const uint8_t *value, size_t len, int family)
{
	size_t step = family == AF_INET ? 4 : 16;
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i + step <= len; i += step)
		fprintf(out, "%s%s", i > 0 ? "," : "", inet_ntop(family, value + i, text, sizeof text));
}

static void
write_value(FILE *out, uint16_t key, const uint8_t *value, size_t len)
{
	char text[16];

	switch (key) {
	case KEY_MANDATORY:
		for (size_t i = 0; i + 2 <= len; i += 2)
			fprintf(out, "%s%s", i > 0 ? "," : "", key_text(get16(value + i), text));
		break;
	case KEY_ALPN:
		write_alpn(out, value, len);
		break;
	case KEY_PORT:
		fprintf(out, "%u", len == 2 ? get16(value) : 0);
		break;
	case KEY_IPV4HINT:
	case KEY_IPV6HINT:
		write_hints(out, value, len, key == KEY_IPV4HINT ? AF_INET : AF_INET6);
		break;
	case KEY_ECH:
		rdata_write_base64(out, value, len);
		break;
	default:
		rdata_write_quoted(out, value, len);
	}
}

bool
rdata_write_svcb(FILE *out, struct reader *in)
{
	fprintf(out, "%u ", read16(in));
	rdata_write_name(out, in);
	while (in->at < in->end && !in->bad) {
		uint16_t key = read16(in), len = read16(in);
		const uint8_t *value = read_bytes(in, len);
		char text[16];

		fprintf(out, " %s", key_text(key, text));
		if (value != NULL && len > 0) {
			fputc('=', out);
			write_value(out, key, value, len);
		}
	}
	return !in->bad;
}
