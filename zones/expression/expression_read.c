/* The text of a condition, compiled into operations. */
#include "zones/base/array.h"
#include "zones/expression/expression_token.h"

#include <stdio.h>
#include <stdlib.h>

enum type { TYPE_BOOL, TYPE_NUMBER, TYPE_ADDRESS, TYPE_TEXT };

struct operand {
	const char *name;
	enum type type;
	uint8_t field;
	bool lower, length;
	bool domain, dotted; /* a domain name; its text has the final dot; the case of letters is ignored */
};

#define COUNTRY EXPRESSION_COUNTRY
#define NETWORK EXPRESSION_NETWORK
#define LOCATION EXPRESSION_LOCATION

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const struct known_field {
	const char *name;
	enum type type;
	enum field field;
	uint32_t needs;
} fields[] = {{"cf.load_balancer.name", TYPE_TEXT, FIELD_LB_NAME, 0},
    {"cf.load_balancer.region", TYPE_TEXT, FIELD_LB_REGION, LOCATION},
    {"cf.load_balancer.country", TYPE_TEXT, FIELD_LB_COUNTRY, LOCATION},
    {"cf.load_balancer.pop", TYPE_TEXT, FIELD_LB_SITE, 0}, {"ip.src", TYPE_ADDRESS, FIELD_SOURCE, 0},
    {"ip.src.country", TYPE_TEXT, FIELD_SOURCE_COUNTRY, COUNTRY},
    {"ip.src.asnum", TYPE_NUMBER, FIELD_SOURCE_NETWORK, NETWORK},
    /* Older names of Cloudflare. */
    {"ip.geoip.country", TYPE_TEXT, FIELD_SOURCE_COUNTRY, COUNTRY},
    {"ip.geoip.asnum", TYPE_NUMBER, FIELD_SOURCE_NETWORK, NETWORK},
    {"dns.qry.name", TYPE_TEXT, FIELD_QUERY_NAME, 0},
    {"dns.qry.name.len", TYPE_NUMBER, FIELD_QUERY_NAME_LEN, 0},
    {"dns.qry.qu", TYPE_BOOL, FIELD_QUERY_IS_QUESTION, 0}, {"dns.qry.type", TYPE_NUMBER, FIELD_QUERY_TYPE, 0},
    {"dns.rr.opt.client", TYPE_BOOL, FIELD_ECS, 0},
    {"dns.rr.opt.client.addr", TYPE_ADDRESS, FIELD_ECS_ADDRESS, 0}};

static const char *const type_texts[] = {"true or false", "a number", "an address", "a text"};

/* ---- codes ---- */

static struct code *
emit(struct reader *reader, enum op op)
{
	reader->codes = array_grow(reader->codes, reader->ncodes, sizeof *reader->codes);
	reader->codes[reader->ncodes] = (struct code){.op = (uint8_t)op, .truth = true};
	return &reader->codes[reader->ncodes++];
}

/* Reserve room in the data, aligned to 8 octets. */
static uint32_t
reserve(struct reader *reader, size_t len)
{
	uint32_t at = reader->data_len, aligned = (uint32_t)((len + 7) & ~(size_t)7);

	reader->data = array_grow_by(reader->data, at, aligned, 1);
	if (aligned > 0)
		memset(reader->data + at, 0, aligned);
	reader->data_len += aligned;
	return at;
}

static uint32_t
store(struct reader *reader, const void *from, size_t len)
{
	uint32_t at = reserve(reader, len);

	if (len > 0)
		memcpy(reader->data + at, from, len);
	return at;
}

static struct code *
emit_test(struct reader *reader, enum op op, const struct operand *operand, bool negated)
{
	struct code *code = emit(reader, op);

	code->field = operand->field;
	code->lower = operand->lower;
	code->length = operand->length;
	code->truth = !negated;
	return code;
}

/* ---- values ---- */

/* The values that an operand is compared with. */
struct values {
	struct number_range *numbers;
	struct address_range *addresses[2]; /* IPv4, IPv6 */
	struct literal {
		char *text;
		size_t len;
	} * texts;
	size_t count, v6; /* of numbers, texts or IPv4; of IPv6 */
};

static void
values_free(struct values *values)
{
	for (size_t i = 0; values->texts != NULL && i < values->count; i++)
		free(values->texts[i].text);
	free(values->numbers);
	free(values->addresses[0]);
	free(values->addresses[1]);
	free(values->texts);
}

static bool
read_number(struct reader *reader, uint64_t *number)
{
	char text[24];
	char *end;
	bool good;

	if (reader->kind != TOKEN_RUN || reader->start[0] < '0' || reader->start[0] > '9')
		return token_expected(reader, "a number");
	snprintf(text, sizeof text, "%.*s", (int)MIN(reader->len, sizeof text - 1), reader->start);
	if (strncmp(text, "0x", 2) == 0) {
		*number = strtoull(text, &end, 16);
		good = *end == '\0' && *number <= UINT32_MAX;
	} else
		good = whole_from_text(text, UINT32_MAX, number);
	if (!good)
		return token_expected(reader, "a number up to 4294967295");
	return token_advance(reader);
}

static bool
add_number(struct reader *reader, bool alone, struct values *values)
{
	struct number_range range;
	const char *at = reader->start;

	if (!read_number(reader, &range.first))
		return false;
	range.last = range.first;
	if (!alone && token_is(reader, "..") && (!token_advance(reader) || !read_number(reader, &range.last)))
		return false;
	if (range.last < range.first)
		return token_fail(reader, at, "the end of the range is below its start");
	values->numbers = array_grow(values->numbers, values->count, sizeof range);
	values->numbers[values->count++] = range;
	return true;
}

const char *
expression_prefix(const char *text, struct address *first, struct address *last)
{
	size_t len = strcspn(text, "/");
	char copy[64];
	uint64_t length;
	unsigned bits;

	snprintf(copy, sizeof copy, "%.*s", (int)MIN(len, sizeof copy - 1), text);
	if (!address_from_text(first, copy))
		return "it is neither an address nor a prefix such as 192.0.2.0/24";
	*last = *first;
	if (text[len] == '\0')
		return NULL;
	bits = address_len(first) * 8;
	if (!whole_from_text(text + len + 1, bits, &length))
		return bits == 32 ? "the length must be from 0 to 32" : "the length must be from 0 to 128";
	for (unsigned i = 0; i < bits / 8; i++) {
		uint8_t behind = (uint8_t)(length >= i * 8 + 8 ? 0
			: length <= i * 8                      ? 255
							       : 255 >> (length - i * 8));

		if (first->bytes[i] & behind)
			return "it has bits set beyond its length";
		last->bytes[i] |= behind;
	}
	return NULL;
}

/* Read one address, or a prefix. */
static bool
read_address(struct reader *reader, bool alone, struct address *first, struct address *last)
{
	bool text = reader->kind == TOKEN_TEXT;
	char copy[64];
	const char *why;

	if (reader->kind != TOKEN_RUN && !text)
		return token_expected(reader, "an address");
	snprintf(copy, sizeof copy, "%.*s",
	    (int)MIN(text ? reader->literal_len : reader->len, sizeof copy - 1),
	    text ? reader->literal : reader->start);
	why = expression_prefix(copy, first, last);
	if (why != NULL && strchr(copy, '/') == NULL)
		return token_expected(reader, "an address");
	if (why != NULL)
		return token_fail(reader, reader->start, "%s: %s", copy, why);
	if (alone && strchr(copy, '/') != NULL)
		return token_fail(reader, reader->start,
		    "expected an address, found the prefix %s: write in {%s}", copy, copy);
	return token_advance(reader);
}

/* S35: networks and ranges of IPv4 within IPv6 are compared as the embedded IPv4. */
static void
uncover(struct address *first, struct address *last)
{
	struct address carried[2] = {*first, *last};

	if (address_uncover(&carried[0]) == 0 || address_uncover(&carried[1]) == 0 ||
	    memcmp(first->bytes, last->bytes, 2) != 0)
		return;
	*first = carried[0];
	*last = carried[1];
}

static bool
add_address(struct reader *reader, const struct operand *operand, bool alone, struct values *values)
{
	struct address first, last, end;
	struct address_range range = {{0}, {0}}, **list;
	const char *at = reader->start;
	size_t *count;

	/* In [CF] some fields hold the client's address as a text. */
	if (reader->kind == TOKEN_TEXT && operand->field != FIELD_ECS_ADDRESS)
		return token_fail(reader, at, "expected an address, found a text: write it without \"");
	if (!read_address(reader, alone, &first, &last))
		return false;
	if (!alone && token_is(reader, "..")) {
		if (memcmp(&first, &last, sizeof first) != 0)
			return token_fail(reader, at, "a range must be of addresses, not of prefixes");
		if (!token_advance(reader) || !read_address(reader, true, &last, &end))
			return false;
		if (first.family != last.family || memcmp(first.bytes, last.bytes, sizeof first.bytes) > 0)
			return token_fail(reader, at, "the end of the range is below its start");
	}
	uncover(&first, &last);
	memcpy(range.first, first.bytes, address_len(&first));
	memcpy(range.last, last.bytes, address_len(&last));
	list = &values->addresses[first.family == FAMILY_V6];
	count = first.family == FAMILY_V6 ? &values->v6 : &values->count;
	*list = array_grow(*list, *count, sizeof range);
	(*list)[(*count)++] = range;
	return true;
}

/* Domain names: in lower case.  If the whole name is compared, the final dot is added or removed, as the
 * field has it. */
static char *
literal_of(const struct reader *reader, const struct operand *operand, bool whole, size_t *len)
{
	char *text = xmalloc(reader->literal_len + 2);

	*len = reader->literal_len;
	memcpy(text, reader->literal, *len);
	text[*len] = '\0';
	for (size_t i = 0; operand->domain && i < *len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] + 32);
	if (operand->domain && whole && *len > 0 && operand->dotted != (text[*len - 1] == '.')) {
		if (operand->dotted)
			text[(*len)++] = '.';
		else
			--*len;
	}
	return text;
}

/* Refuse values that no country or region has: the condition would never, or always, be true. */
static bool
is_possible(struct reader *reader, const struct operand *operand, const struct literal *value)
{
	const char *text = value->text;
	bool country = operand->field == FIELD_LB_COUNTRY || operand->field == FIELD_SOURCE_COUNTRY;

	if (value->len == 0 || operand->lower) /* "": unknown */
		return true;
	/* Cloudflare has a T1, too. */
	if (country &&
	    (value->len != 2 || strspn(text, CAPITALS) < 1 || strspn(text, CAPITALS "0123456789") != 2))
		return token_fail(reader, reader->start,
		    "invalid country \"%s\": write two capital letters, as in \"DE\"", text);
	if (operand->field == FIELD_LB_REGION &&
	    (strlen(text) != value->len || geo_region(text) == REGION_UNKNOWN))
		return token_fail(reader, reader->start,
		    "invalid region \"%s\": use " GEO_REGIONS " and " GEO_REGION_LAST, text);
	return true;
}

static bool
add_text(struct reader *reader, const struct operand *operand, struct values *values)
{
	struct literal *text;

	if (reader->kind != TOKEN_TEXT)
		return token_expected(reader, "a text such as \"DE\"");
	values->texts = array_grow(values->texts, values->count, sizeof *values->texts);
	text = &values->texts[values->count++];
	text->text = literal_of(reader, operand, true, &text->len);
	return is_possible(reader, operand, text) && token_advance(reader);
}

static bool
add_value(struct reader *reader, const struct operand *operand, bool alone, struct values *values)
{
	if (operand->type == TYPE_NUMBER)
		return add_number(reader, alone, values);
	if (operand->type == TYPE_ADDRESS)
		return add_address(reader, operand, alone, values);
	return add_text(reader, operand, values);
}

static int
compare_numbers(const void *a, const void *b)
{
	const struct number_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int
compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof((struct address_range *)0)->first);
}

static size_t
merge_numbers(struct number_range *ranges, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(ranges, count, sizeof *ranges, compare_numbers);
	for (size_t i = 0; i < count; i++)
		if (kept > 0 && ranges[i].first <= ranges[kept - 1].last + 1)
			ranges[kept - 1].last = MAX(ranges[kept - 1].last, ranges[i].last);
		else
			ranges[kept++] = ranges[i];
	return kept;
}

/* Does b begin at or before the address that follows a's end? */
static bool
touches(const struct address_range *a, const struct address_range *b, unsigned len)
{
	uint8_t next[16];

	memcpy(next, a->last, sizeof next);
	for (unsigned i = len; i-- > 0 && ++next[i] == 0;)
		if (i == 0)
			return true; /* no address follows the last one */
	return memcmp(b->first, next, len) <= 0;
}

static size_t
merge_addresses(struct address_range *ranges, size_t count, unsigned len)
{
	size_t kept = 0;

	if (count > 0)
		qsort(ranges, count, sizeof *ranges, compare_addresses);
	for (size_t i = 0; i < count; i++) {
		struct address_range *before = kept > 0 ? &ranges[kept - 1] : NULL;

		if (before == NULL || !touches(before, &ranges[i], len))
			ranges[kept++] = ranges[i];
		else if (memcmp(before->last, ranges[i].last, len) < 0)
			memcpy(before->last, ranges[i].last, len);
	}
	return kept;
}

static int
compare_literals(const void *a, const void *b)
{
	const struct literal *x = a, *y = b;

	return expression_compare_texts(x->text, x->len, y->text, y->len);
}

static uint32_t
store_texts(struct reader *reader, struct values *values)
{
	uint32_t at = reserve(reader, values->count * sizeof(struct text_place));

	if (values->count > 0)
		qsort(values->texts, values->count, sizeof *values->texts, compare_literals);
	for (size_t i = 0; i < values->count; i++) {
		uint32_t its = store(reader, values->texts[i].text, values->texts[i].len);
		struct text_place place = {its, (uint32_t)values->texts[i].len};

		memcpy(reader->data + at + i * sizeof place, &place, sizeof place);
	}
	return at;
}

/* Is the operand one of the values? */
static void
emit_values(struct reader *reader, const struct operand *operand, struct values *values, bool negated)
{
	static const enum op ops[] = {OP_BOOL, OP_NUMBER, OP_ADDRESS, OP_TEXT};
	struct code *code = emit_test(reader, ops[operand->type], operand, negated);
	uint32_t at;

	if (operand->type == TYPE_NUMBER) {
		code->count = (uint32_t)merge_numbers(values->numbers, values->count);
		at = store(reader, values->numbers, code->count * sizeof *values->numbers);
	} else if (operand->type == TYPE_ADDRESS) {
		code->count = (uint32_t)merge_addresses(values->addresses[0], values->count, 4);
		code->more = (uint32_t)merge_addresses(values->addresses[1], values->v6, 16);
		at = store(reader, values->addresses[0], code->count * sizeof *values->addresses[0]);
		store(reader, values->addresses[1], code->more * sizeof *values->addresses[1]);
	} else {
		code->count = (uint32_t)values->count;
		at = store_texts(reader, values);
	}
	code->at = at;
}

/* ---- operands ---- */

static bool
unknown_field(struct reader *reader)
{
	static const char *const proxied[] = {
	    "http.", "raw.http.", "ssl", "tcp.", "udp.", "cf.bot", "cf.threat", "cf.tls", "cf.edge"};

	for (size_t i = 0; i < NITEMS(proxied); i++)
		if (reader->len >= strlen(proxied[i]) &&
		    memcmp(reader->start, proxied[i], strlen(proxied[i])) == 0)
			return token_fail(reader, reader->start,
			    "%.*s needs the HTTP proxy; this is DNS-only", (int)reader->len, reader->start);
	if (reader->kind == TOKEN_RUN && memchr(reader->start, '.', reader->len) != NULL &&
	    (reader->start[0] < '0' || reader->start[0] > '9'))
		return token_fail(reader, reader->start,
		    "unknown field %.*s: use ip.src, dns.qry.name, dns.qry.type, ... (graycloud(8), "
		    "EXPRESSIONS)",
		    (int)MIN(reader->len, 60u), reader->start);
	return token_expected(reader, "a field, \"not\" or (");
}

static bool
read_field(struct reader *reader, struct operand *operand)
{
	for (size_t i = 0; i < NITEMS(fields); i++)
		if (token_is(reader, fields[i].name)) {
			*operand = (struct operand){.name = fields[i].name,
			    .type = fields[i].type,
			    .field = (uint8_t)fields[i].field,
			    .domain = fields[i].field == FIELD_QUERY_NAME || fields[i].field == FIELD_LB_NAME,
			    .dotted = fields[i].field == FIELD_QUERY_NAME};
			reader->needs |= fields[i].needs;
			return token_advance(reader);
		}
	return unknown_field(reader);
}

/* A field, lower(field), len(field) or len(lower(field)). */
static bool
read_operand(struct reader *reader, struct operand *operand)
{
	bool lower = false, length = false;
	const char *at;

	if (token_is(reader, "len")) {
		length = true;
		if (!token_advance(reader) || !token_skip(reader, "("))
			return false;
	}
	if (token_is(reader, "lower")) {
		lower = true;
		if (!token_advance(reader) || !token_skip(reader, "("))
			return false;
	}
	at = reader->start;
	if (!read_field(reader, operand))
		return false;
	if ((lower || length) && operand->type != TYPE_TEXT)
		return token_fail(reader, at, "expected a text, found %s, which is %s", operand->name,
		    type_texts[operand->type]);
	operand->lower = lower;
	operand->length = length;
	if (length) {
		operand->type = TYPE_NUMBER;
		operand->name = "len(...)";
	}
	return (!lower || token_skip(reader, ")")) && (!length || token_skip(reader, ")"));
}

/* Read the text that follows contains and similar operators. */
static bool
read_part(struct reader *reader, enum op op, const struct operand *operand, bool negated)
{
	bool whole = op == OP_ABOVE || op == OP_BELOW || op == OP_ENDS;
	struct code *code;
	size_t len;
	char *text;

	if (reader->kind != TOKEN_TEXT)
		return token_expected(reader, "a text such as \"DE\"");
	text = literal_of(reader, operand, whole, &len);
	code = emit_test(reader, op, operand, negated);
	code->count = (uint32_t)len;
	code->at = store(reader, text, len);
	free(text);
	return token_advance(reader);
}

/* starts_with(field, "text") and ends_with(field, "text"). */
static bool
read_function(struct reader *reader, enum op op)
{
	struct operand operand;
	const char *at;

	if (!token_advance(reader) || !token_skip(reader, "("))
		return false;
	at = reader->start;
	if (!read_operand(reader, &operand))
		return false;
	if (operand.type != TYPE_TEXT)
		return token_fail(reader, at, "expected a text, found %s, which is %s", operand.name,
		    type_texts[operand.type]);
	return token_skip(reader, ",") && read_part(reader, op, &operand, false) && token_skip(reader, ")");
}

/* ---- comparisons ---- */

enum relation { EQUAL, NOT_EQUAL, LESS, AT_MOST, GREATER, AT_LEAST };

static bool
read_in(struct reader *reader, const struct operand *operand)
{
	struct values values = {0};
	bool good = token_skip(reader, "{");

	if (good && token_is(reader, "}"))
		good = token_expected(reader, type_texts[operand->type]);
	while (good && !token_is(reader, "}"))
		good = token_is(reader, ",")
		    ? token_fail(reader, reader->start,
			  "expected a value or }, found a comma: separate values by blanks")
		    : add_value(reader, operand, false, &values);
	if (good) {
		emit_values(reader, operand, &values, false);
		good = token_advance(reader);
	}
	values_free(&values);
	return good;
}

/* "at most 5" is "from 0 to 5". */
static bool
read_number_relation(struct reader *reader, const struct operand *operand, enum relation relation)
{
	struct number_range range = {0, UINT64_MAX - 1};
	struct values values = {.numbers = &range, .count = 1};
	uint64_t number;

	if (!read_number(reader, &number))
		return false;
	if (relation == LESS || relation == AT_MOST)
		range.last = number;
	else
		range.first = number;
	if (relation == LESS && range.last-- == 0)
		values.count = 0;
	range.first += relation == GREATER;
	emit_values(reader, operand, &values, false);
	return true;
}

static bool
read_relation(struct reader *reader, const struct operand *operand, enum relation relation, const char *at)
{
	struct values values = {0};
	bool good;

	if (operand->type == TYPE_BOOL) {
		if (relation > NOT_EQUAL)
			return token_fail(reader, at, "%s is true or false and has no order", operand->name);
		if (!token_is(reader, "true") && !token_is(reader, "false"))
			return token_expected(reader, "true or false");
		emit_test(reader, OP_BOOL, operand, token_is(reader, "false") != (relation == NOT_EQUAL));
		return token_advance(reader);
	}
	if (relation > NOT_EQUAL && operand->type == TYPE_ADDRESS)
		return token_fail(reader, at, "%s is an address: write in {FIRST..LAST}", operand->name);
	if (relation > NOT_EQUAL && operand->type == TYPE_NUMBER)
		return read_number_relation(reader, operand, relation);
	if (relation > NOT_EQUAL) /* "at most" means "not above" */
		return read_part(reader, relation == LESS || relation == AT_LEAST ? OP_BELOW : OP_ABOVE,
		    operand, relation == AT_LEAST || relation == AT_MOST);
	good = add_value(reader, operand, true, &values);
	if (good && token_is(reader, ".."))
		good = token_fail(reader, reader->start, "write a range in {...}");
	if (good)
		emit_values(reader, operand, &values, relation == NOT_EQUAL);
	values_free(&values);
	return good;
}

static bool
read_comparison(struct reader *reader)
{
	static const struct {
		const char *word, *sign;
	} relations[] = {{"eq", "=="}, {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}};
	const char *at;
	struct operand operand;

	if (!read_operand(reader, &operand))
		return false;
	at = reader->start;
	for (size_t i = 0; i < NITEMS(relations); i++)
		if (token_is(reader, relations[i].word) || token_is(reader, relations[i].sign))
			return token_advance(reader) && read_relation(reader, &operand, (enum relation)i, at);
	if (token_is(reader, "in") && operand.type != TYPE_BOOL)
		return token_advance(reader) && read_in(reader, &operand);
	if (token_is(reader, "contains") && operand.type == TYPE_TEXT)
		return token_advance(reader) && read_part(reader, OP_CONTAINS, &operand, false);
	if (token_is(reader, "contains"))
		return token_fail(
		    reader, at, "%s is %s: contains is for texts", operand.name, type_texts[operand.type]);
	if (token_is(reader, "matches") || token_is(reader, "~") || token_is(reader, "wildcard") ||
	    token_is(reader, "strict"))
		return token_fail(reader, at,
		    "%.*s is not supported: use contains, starts_with(), ends_with() or in {...}",
		    (int)reader->len, at);
	if (operand.type != TYPE_BOOL)
		return token_expected(
		    reader, operand.type == TYPE_ADDRESS ? "eq, ne or in" : "eq, ne, lt, le, gt, ge or in");
	emit_test(reader, OP_BOOL, &operand, false);
	return true;
}

/* ---- operators ---- */

static bool read_any(struct reader *reader, unsigned level);

/* Go one level deeper, up to the limit. */
static bool
read_nested(struct reader *reader, bool (*read)(struct reader *reader))
{
	bool good;

	if (reader->nested == EXPRESSION_NESTED_MAX)
		return token_fail(
		    reader, reader->start, "more than %d levels of \"not\" and (", EXPRESSION_NESTED_MAX);
	reader->nested++;
	good = token_advance(reader) && read(reader);
	reader->nested--;
	return good;
}

static bool
read_whole(struct reader *reader)
{
	return read_any(reader, 0);
}

static bool
read_one(struct reader *reader)
{
	if (token_is(reader, "not") || token_is(reader, "!")) {
		if (!read_nested(reader, read_one))
			return false;
		emit(reader, OP_NOT);
		return true;
	}
	if (token_is(reader, "("))
		return read_nested(reader, read_whole) && token_skip(reader, ")");
	if (token_is(reader, "true") || token_is(reader, "false")) {
		emit(reader, OP_CONSTANT)->truth = token_is(reader, "true");
		return token_advance(reader);
	}
	if (token_is(reader, "starts_with"))
		return read_function(reader, OP_STARTS);
	if (token_is(reader, "ends_with"))
		return read_function(reader, OP_ENDS);
	return read_comparison(reader);
}

/* "or" binds weakest, "not" strongest ([CF]). */
static bool
read_any(struct reader *reader, unsigned level)
{
	static const struct {
		const char *word, *sign;
		enum op op;
	} levels[] = {{"or", "||", OP_OR}, {"xor", "^^", OP_XOR}, {"and", "&&", OP_AND}};

	if (level == NITEMS(levels))
		return read_one(reader);
	if (!read_any(reader, level + 1))
		return false;
	while (token_is(reader, levels[level].word) || token_is(reader, levels[level].sign)) {
		uint32_t jump = reader->ncodes;

		if (levels[level].op != OP_XOR)
			emit(reader, OP_SKIP)->truth = levels[level].op == OP_OR;
		if (!token_advance(reader) || !read_any(reader, level + 1))
			return false;
		emit(reader, levels[level].op);
		if (levels[level].op != OP_XOR)
			reader->codes[jump].at = reader->ncodes;
	}
	return true;
}

static struct expression *
assemble(const struct reader *reader)
{
	uint32_t data =
	    (uint32_t)(sizeof(struct expression) + reader->ncodes * sizeof(struct code) + 7) & ~7u;
	struct expression *expression = xcalloc(1, data + reader->data_len);

	expression->size = data + reader->data_len;
	expression->ncodes = reader->ncodes;
	expression->data = data;
	expression->needs = reader->needs;
	memcpy(expression->codes, reader->codes, reader->ncodes * sizeof *reader->codes);
	if (reader->data_len > 0)
		memcpy((uint8_t *)expression + data, reader->data, reader->data_len);
	return expression;
}

struct expression *
expression_new(const char *text, char **error)
{
	struct reader reader = {.text = text, .next = text, .literal = xmalloc(strlen(text) + 1)};
	struct expression *expression = NULL;
	bool good = token_advance(&reader);

	if (good && reader.kind == TOKEN_END)
		emit(&reader, OP_CONSTANT);
	else if (good && read_any(&reader, 0) && reader.kind != TOKEN_END)
		token_expected(&reader, "\"and\", \"or\", \"xor\" or the end");
	if (reader.error == NULL)
		expression = assemble(&reader);
	*error = reader.error;
	free(reader.literal);
	free(reader.codes);
	free(reader.data);
	return expression;
}
