#include "admin/api/record_shape.h"

#include "admin/api/ids.h"
#include "admin/api/record_data.h"
#include "admin/edit/rrset_edit.h"
#include "zones/base/array.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

enum { TYPE_URI = 256, STRING_MAX = 255, RDATA_MAX = 65535 };

/* ---- show ---- */

bool
record_shape_is_listed(uint16_t type)
{
	static const uint16_t types[] = {TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_PTR, TYPE_MX, TYPE_TXT, TYPE_AAAA,
	    29, TYPE_SRV, 35, 37, TYPE_DS, 44, 52, 53, 61, TYPE_SVCB, TYPE_HTTPS, 256, 257};

	for (size_t i = 0; i < NITEMS(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

char *
record_shape_name(const struct record *record, char out[NAME_MAX_TEXT])
{
	uint8_t owner[2 * NAME_MAX_LEN];
	int len = name_from_key(owner, record->at.owner_key.data, record->at.owner_key.len);

	memcpy(owner + MAX(len, 0), record->at.zone->name, name_len(record->at.zone->name));
	return name_to_host(owner, out);
}

char *
record_shape_joined(struct bytes rdata)
{
	const uint8_t *at = rdata.data, *end = at + rdata.len;
	char *text = xmalloc(rdata.len + 1), *to = text;

	while (at < end && end - at > *at) {
		memcpy(to, at + 1, *at);
		to += *at;
		at += 1 + *at;
	}
	*to = '\0';
	return text;
}

static char *
host_at(struct bytes rdata, size_t at)
{
	char text[NAME_MAX_TEXT];

	return xstrdup(name_to_host((const uint8_t *)rdata.data + at, text));
}

/* Presentation form, with the target of SRV as Cloudflare has it: without a final dot. */
static char *
presentation(const struct record_at *at)
{
	char *text = rdata_text(at->type, at->rdata.data, (uint16_t)at->rdata.len);
	size_t len = strlen(text);

	if (at->type == TYPE_SRV && len > 2 && text[len - 1] == '.' && text[len - 2] != ' ')
		text[len - 1] = '\0';
	return text;
}

char *
record_shape_content(const struct record *record)
{
	const struct record_at *at = &record->at;
	char address[INET6_ADDRSTRLEN];
	const char *text;

	switch (at->type) {
	/* Most records are addresses, and a filter may look at a million of them. */
	case TYPE_A:
	case TYPE_AAAA:
		if (at->rdata.len != (at->type == TYPE_A ? 4 : 16))
			return presentation(at);
		return xstrdup(inet_ntop(
		    at->type == TYPE_A ? AF_INET : AF_INET6, at->rdata.data, address, sizeof address));
	case TYPE_CNAME:
	case TYPE_NS:
	case TYPE_PTR:
	case TYPE_DNAME:
		return host_at(at->rdata, 0);
	case TYPE_MX:
		return host_at(at->rdata, 2);
	default:
		if (json_truth(json_member(record->note, "bare")))
			return record_shape_joined(at->rdata);
		text = json_text(json_member(record->note, "text"));
		return text != NULL ? xstrdup(text) : presentation(at);
	}
}

static void
put_time(struct json *shown, const char *key, const struct json *note, const char *member, int64_t standard)
{
	const struct json *time = json_member(note, member);
	char text[32];

	if (time == NULL && standard == 0)
		return;
	wall_text(time != NULL ? json_integer_of(time) : standard, text);
	json_put_text(shown, key, text);
}

static void
put_data(struct json *shown, const struct record *record)
{
	const struct json *forms = json_member(record->note, "data");
	char *text = presentation(&record->at);
	struct json *data = record_data_show(record->at.type, text);

	free(text);
	for (const char *key = json_next_key(forms, NULL); data != NULL && key != NULL;
	     key = json_next_key(forms, key))
		json_put(data, key, json_clone(json_member(forms, key)));
	if (data != NULL)
		json_put(shown, "data", data);
}

struct json *
record_shape_show(struct store_txn *txn, const struct record *record)
{
	const struct record_at *at = &record->at;
	struct json *shown = json_new_object();
	const struct json *tags = json_member(record->note, "tags");
	struct id id = record_id(txn, at), zone = ids_zone(at->zone->name);
	char name[NAME_MAX_TEXT], type[16], *content = record_shape_content(record);

	zonefile_type_text(at->type, type);
	json_put_text(shown, "id", id.text);
	json_put_text(shown, "zone_id", zone.text);
	json_put_text(shown, "zone_name", name_to_host(at->zone->name, name));
	json_put_text(shown, "name", record_shape_name(record, name));
	json_put_text(shown, "type", type);
	json_put_text(shown, "content", content);
	if (at->type == TYPE_MX || at->type == TYPE_SRV || at->type == TYPE_URI)
		json_put_integer(shown, "priority", get16(at->rdata.data));
	json_put_bool(shown, "proxiable", false);
	json_put_bool(shown, "proxied", false);
	json_put_integer(shown, "ttl", record->flags & RRSET_AUTOMATIC ? 1 : record->ttl);
	put_data(shown, record);
	json_put(shown, "settings", json_new_object());
	json_put(shown, "meta", json_new_object());
	json_put_text(shown, "comment", json_text(json_member(record->note, "comment")));
	json_put(shown, "tags", tags != NULL ? json_clone(tags) : json_new_list());
	put_time(shown, "created_on", record->note, "created", at->zone->loaded);
	put_time(shown, "modified_on", record->note, "modified", at->zone->loaded);
	put_time(shown, "comment_modified_on", record->note, "comment_on", 0);
	put_time(shown, "tags_modified_on", record->note, "tags_on", 0);
	free(content);
	return shown;
}

/* ---- take: the data ---- */

static bool
refuse(struct call *call, int code, const char *format, const char *text)
{
	call_error(call, 400, code, format, text);
	return false;
}

/* null and {} count as not given. */
static bool
is_given(const struct json *value)
{
	return json_kind(value) != JSON_KIND_NULL &&
	    (json_kind(value) != JSON_KIND_OBJECT || json_count(value) > 0);
}

/* Is the text wholly one or more quoted strings with blanks between them? */
static bool
is_quoted(const char *text)
{
	bool inside = false, any = false;

	for (; *text != '\0'; text++) {
		if (inside && *text == '\\' && text[1] != '\0')
			text++;
		else if (*text == '"') {
			if (!inside && any && text[-1] == '"')
				return false;
			inside = !inside;
			any = true;
		} else if (!inside && *text != ' ' && *text != '\t')
			return false;
	}
	return any && !inside;
}

static bool
read_presentation(struct call *call, const char *text, int code, struct record_input *input)
{
	struct problems problems = {0};
	size_t len = 0;
	bool good = zonefile_rdata(input->type, text, NULL, input->rdata, &len, &problems);

	input->len = (uint16_t)len;
	for (size_t i = 0; i < problems.count && !good; i++)
		refuse(call, code, "%s", problems.items[i].text);
	problems_free(&problems);
	return good;
}

/* Text without quotes has no escapes: its octets are cut into strings. */
static bool
read_bare(struct call *call, const char *text, struct record_input *input)
{
	size_t len = strlen(text), at = 0, to = 0;

	if (len + len / STRING_MAX + 1 > RDATA_MAX)
		return refuse(call, CODE_RECORD_CONTENT, "%s", "content is too long for a TXT record");
	do {
		size_t part = MIN(len - at, STRING_MAX);

		input->rdata[to++] = (uint8_t)part;
		memcpy(input->rdata + to, text + at, part);
		to += part;
		at += part;
	} while (at < len);
	input->len = (uint16_t)to;
	json_put_bool(input->note, "bare", true);
	return true;
}

/* Clients compare with what they sent: keep a text that means the same and looks different. */
static void
keep_text(struct record_input *input, const char *text)
{
	const struct record_at at = {NULL, {0}, input->type, {input->rdata, input->len}};
	char *canonical = presentation(&at);

	if (strcmp(canonical, text) != 0)
		json_put_text(input->note, "text", text);
	free(canonical);
}

static bool
read_text(struct call *call, const char *text, struct record_input *input)
{
	if (input->type == TYPE_TXT && !is_quoted(text))
		return read_bare(call, text, input);
	if (!read_presentation(call, text, CODE_RECORD_CONTENT, input))
		return false;
	keep_text(input, text);
	return true;
}

static bool
read_address(struct call *call, const char *text, struct record_input *input)
{
	struct problems ignored = {0};
	size_t len = 0;
	bool good = strpbrk(text, " \t\r\n;()\"") == NULL &&
	    zonefile_rdata(input->type, text, NULL, input->rdata, &len, &ignored);

	problems_free(&ignored);
	input->len = (uint16_t)len;
	if (good)
		return true;
	return input->type == TYPE_A
	    ? refuse(call, CODE_RECORD_IPV4, "%s", "Content for A record must be a valid IPv4 address.")
	    : refuse(call, CODE_RECORD_IPV6, "%s", "Content for AAAA record must be a valid IPv6 address.");
}

/* A name is always whole; "@" is the zone. */
static bool
read_host(struct call *call, const char *text, const uint8_t *apex, struct record_input *input)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_from_text(name, text, strcmp(text, "@") == 0 ? apex : NULL), before = 0;

	if (len == 0)
		return refuse(call, CODE_RECORD_CONTENT, "content: \"%s\" is not a domain name", text);
	if (input->type == TYPE_MX)
		before = 2;
	memcpy(input->rdata + before, name, len);
	input->len = (uint16_t)(before + len);
	return true;
}

/* The priority of MX and URI, which stands beside content and data. */
static bool
read_priority(struct call *call, const struct json *body, uint16_t *priority)
{
	const struct json *value = json_member(body, "priority");
	uint64_t number = 0;
	bool good = json_text(value) != NULL ? whole_from_text(json_text(value), UINT16_MAX, &number) : true;

	if (json_numeric(value)) {
		good = json_number_of(value) >= 0 && json_number_of(value) <= UINT16_MAX;
		number = good ? (uint64_t)json_integer_of(value) : 0;
	}
	*priority = (uint16_t)number;
	return good ||
	    refuse(call, CODE_RECORD_DATA, "%s", "priority must be a whole number from 0 to 65535");
}

static bool
read_data(struct call *call, const struct json *body, struct record_input *input)
{
	struct json *data = json_clone(json_member(body, "data")), *shown, *forms;
	const char *missing;
	char *text, *canonical;
	uint16_t priority;
	bool good;

	if (input->type == TYPE_URI && json_member(data, "priority") == NULL &&
	    read_priority(call, body, &priority))
		json_put_integer(data, "priority", priority);
	text = record_data_take(input->type, data, &missing);
	good = text != NULL || refuse(call, CODE_RECORD_DATA, "data.%s is missing or invalid", missing);
	good = good && read_presentation(call, text, CODE_RECORD_DATA, input);
	if (good && (input->type == TYPE_HTTPS || input->type == TYPE_SVCB))
		keep_text(input, text);
	if (good) {
		canonical = rdata_text(input->type, input->rdata, input->len);
		shown = record_data_show(input->type, canonical);
		forms = record_data_forms(input->type, data, shown);
		if (forms != NULL)
			json_put(input->note, "data", forms);
		json_drop(shown);
		free(canonical);
	}
	free(text);
	json_drop(data);
	return good;
}

static bool
read_content(struct call *call, const struct json *body, const uint8_t *apex, struct record_input *input)
{
	const char *text = json_text(json_member(body, "content"));
	uint16_t priority;

	if (is_given(json_member(body, "data")) && record_data_has(input->type))
		return read_data(call, body, input);
	if (text == NULL)
		return record_data_has(input->type)
		    ? refuse(call, CODE_RECORD_DATA, "%s", "data is missing")
		    : refuse(call, CODE_RECORD_CONTENT, "%s", "content is missing: it must be a text");
	switch (input->type) {
	case TYPE_A:
	case TYPE_AAAA:
		return read_address(call, text, input);
	case TYPE_MX:
		if (!read_priority(call, body, &priority))
			return false;
		put16(input->rdata, priority);
		return read_host(call, text, apex, input);
	case TYPE_CNAME:
	case TYPE_NS:
	case TYPE_PTR:
	case TYPE_DNAME:
		return read_host(call, text, apex, input);
	default:
		return read_text(call, text, input);
	}
}

/* ---- take: what stands beside the data ---- */

static bool
read_type(struct call *call, const struct json *body, struct record_input *input)
{
	const char *text = json_text(json_member(body, "type"));

	if (text == NULL)
		return refuse(call, CODE_RECORD_NAME, "%s", "type is missing");
	input->type = zonefile_type(text);
	if (input->type == 0 || !zonefile_is_data(input->type))
		return refuse(call, CODE_RECORD_NAME, "type: %s is not a type of zone data", text);
	if (input->type == TYPE_SOA || zonefile_is_dnssec(input->type))
		return refuse(call, CODE_NOT_OFFERED,
		    "type: %s is not written by the API: a zone file has its SOA, and graycloud does not "
		    "sign",
		    text);
	return true;
}

static bool
read_ttl(struct call *call, const struct json *body, struct record_input *input)
{
	const struct json *ttl = json_member(body, "ttl");
	uint64_t number = 1;
	bool good = true;

	if (json_text(ttl) != NULL)
		good = whole_from_text(json_text(ttl), UINT32_MAX, &number);
	else if (json_numeric(ttl)) {
		good = json_number_of(ttl) >= 0 && json_number_of(ttl) <= RECORD_TTL_MAX;
		number = good ? (uint64_t)json_integer_of(ttl) : 0;
	} else
		good = json_kind(ttl) == JSON_KIND_NULL;
	input->automatic = number <= 1;
	input->ttl = input->automatic ? RECORD_TTL_AUTOMATIC : (uint32_t)MIN(number, UINT32_MAX);
	if (good && input->ttl <= RECORD_TTL_MAX)
		return true;
	call_error(call, 400, CODE_RECORD_TTL,
	    "Invalid TTL. Must be between %d and %d seconds, or 1 for Automatic.", RECORD_TTL_MIN,
	    RECORD_TTL_MAX);
	return false;
}

/* Properties that only a proxy has. */
static bool
read_proxy(struct call *call, const struct json *body)
{
	const struct json *settings = json_member(body, "settings");

	if (json_truth(json_member(body, "proxied")) || json_truth(json_member(body, "private_routing")))
		return refuse(call, CODE_RECORD_PROXIED, "%s",
		    "graycloud answers questions and is no proxy: proxied and private_routing must be false");
	for (const char *key = json_next_key(settings, NULL); key != NULL; key = json_next_key(settings, key))
		if (json_truth(json_member(settings, key)))
			return refuse(call, CODE_NOT_OFFERED, "settings.%s is not offered by graycloud", key);
	return true;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
read_tags(struct call *call, const struct json *body, struct json *note)
{
	const struct json *tags = json_member(body, "tags");
	const char *texts[RECORD_TAGS_MAX];
	size_t count = json_count(tags);
	struct json *sorted;

	if (json_kind(tags) == JSON_KIND_NULL || (json_kind(tags) == JSON_KIND_LIST && count == 0))
		return true;
	if (json_kind(tags) != JSON_KIND_LIST || count > RECORD_TAGS_MAX)
		return refuse(call, CODE_RECORD_TAGS, "%s", "tags must be a list of at most 20 texts");
	for (size_t i = 0; i < count; i++) {
		texts[i] = json_text(json_item(tags, i));
		if (texts[i] == NULL || *texts[i] == '\0' || *texts[i] == ':')
			return refuse(call, CODE_RECORD_TAGS, "%s", "a tag is a text: name or name:value");
	}
	qsort(texts, count, sizeof *texts, compare_texts);
	sorted = json_new_list();
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0)
			json_add_text(sorted, texts[i]);
	json_put(note, "tags", sorted);
	return true;
}

static size_t
characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((uint8_t)*text & 0xc0) != 0x80;
	return count;
}

static bool
read_comment(struct call *call, const struct json *body, struct json *note)
{
	const struct json *comment = json_member(body, "comment");
	const char *text = json_text(comment);

	if (json_kind(comment) != JSON_KIND_NULL && text == NULL)
		return refuse(call, CODE_INVALID, "%s", "comment must be a text: validation failed");
	if (text == NULL || *text == '\0')
		return true;
	if (characters(text) > RECORD_COMMENT_MAX)
		return refuse(
		    call, CODE_INVALID, "%s", "comment has more than 500 characters: validation failed");
	json_put_text(note, "comment", text);
	return true;
}

bool
record_shape_take(struct call *call, const struct json *body, const uint8_t *apex, struct record_input *input)
{
	bool good;

	*input = (struct record_input){.rdata = xmalloc(RDATA_MAX), .note = json_new_object()};
	good = read_type(call, body, input) && read_content(call, body, apex, input);
	good = read_ttl(call, body, input) && good;
	good = read_proxy(call, body) && good;
	good = read_tags(call, body, input->note) && good;
	return read_comment(call, body, input->note) && good;
}

struct json *
record_shape_patch(const struct json *shown, const struct json *patch, bool *same)
{
	struct json *whole = json_clone(shown);
	bool content = is_given(json_member(patch, "content")), data = is_given(json_member(patch, "data"));
	const char *type = json_text(json_member(patch, "type"));
	bool other = type != NULL && strcasecmp(type, json_text_of(shown, "type")) != 0;
	struct json *priority = json_member(patch, "priority");

	/* Content and data say the same: the one that is given holds. */
	if (content || data || other)
		json_remove(whole, "data");
	if (data || other)
		json_remove(whole, "content");
	for (const char *key = json_next_key(patch, NULL); key != NULL; key = json_next_key(patch, key))
		if (is_given(json_member(patch, key)) || strcmp(key, "comment") == 0 ||
		    strcmp(key, "tags") == 0)
			json_put(whole, key, json_clone(json_member(patch, key)));
	*same = !content && !data && !other && !is_given(priority);
	if (content && !data)
		json_remove(whole, "data");
	return whole;
}
