#include "zones/expression/expression_inner.h"

/* The result, and the prefix of the client's address within which it is certain. */
struct verdict {
	bool truth;
	uint8_t prefix;
};

size_t
expression_size(const struct expression *expression)
{
	return expression->size;
}

unsigned
expression_needs(const struct expression *expression)
{
	return expression->needs;
}

static const void *
data_at(const struct expression *expression, uint32_t at)
{
	return (const uint8_t *)expression + expression->data + at;
}

int
expression_compare_texts(const void *a, size_t alen, const void *b, size_t blen)
{
	int order = memcmp(a, b, MIN(alen, blen));

	return order != 0 ? order : alen < blen ? -1 : alen > blen;
}

/* ---- addresses ---- */

/* Move to the next address up or down.  Returns false if there is none. */
static bool
step(uint8_t *out, const uint8_t *from, unsigned len, int by)
{
	memcpy(out, from, len);
	for (unsigned i = len; i-- > 0;) {
		out[i] = (uint8_t)(out[i] + by);
		if (out[i] != (by > 0 ? 0 : 255))
			return true;
	}
	return false;
}

/* The shortest prefix of an address that does not contain another one. */
static uint8_t
apart(const uint8_t *a, const uint8_t *b, unsigned len)
{
	unsigned i = 0;

	while (i < len - 1 && a[i] == b[i])
		i++;
	return (uint8_t)(i * 8 + (unsigned)__builtin_clz((unsigned)(a[i] ^ b[i]) << 24 | 1u << 23) + 1);
}

/* S4: if an address is in no range, that is true up to the nearest range on either side. */
static struct verdict
find_address(const struct address_range *ranges, size_t count, const struct address *address)
{
	unsigned len = address_len(address);
	const uint8_t *at = address->bytes, *below = NULL, *above = NULL;
	size_t low = 0, high = count;
	uint8_t edges[2][16];
	struct verdict verdict = {false, 0};

	while (low < high) { /* find the first range that starts after the address */
		size_t middle = (low + high) / 2;

		if (memcmp(ranges[middle].first, at, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0 && memcmp(at, ranges[low - 1].last, len) <= 0) {
		verdict.truth = true;
		below = step(edges[0], ranges[low - 1].first, len, -1) ? edges[0] : NULL;
		above = step(edges[1], ranges[low - 1].last, len, 1) ? edges[1] : NULL;
	} else {
		below = low > 0 ? ranges[low - 1].last : NULL;
		above = low < count ? ranges[low].first : NULL;
	}
	if (below != NULL)
		verdict.prefix = apart(at, below, len);
	if (above != NULL)
		verdict.prefix = MAX(verdict.prefix, apart(at, above, len));
	return verdict;
}

static struct verdict
test_address(
    const struct expression *expression, const struct code *code, const struct expression_input *input)
{
	const struct address *address = code->field == FIELD_SOURCE ? input->source : input->ecs;
	const struct address_range *ranges = data_at(expression, code->at);
	struct verdict verdict = {false, 0};

	if (address->family == FAMILY_V4)
		verdict = find_address(ranges, code->count, address);
	else if (address->family == FAMILY_V6)
		verdict = find_address(ranges + code->count, code->more, address);
	if (code->field == FIELD_SOURCE && !input->source_is_client)
		verdict.prefix = 0;
	return verdict;
}

/* ---- texts ---- */

static const char *
text_of(
    const struct code *code, const struct expression_input *input, char room[NAME_MAX_TEXT], uint8_t *prefix)
{
	const char *text = "";

	*prefix = 0;
	switch (code->field) {
	case FIELD_LB_NAME:
		text = name_to_host(input->lb_name, room);
		break;
	case FIELD_QUERY_NAME:
		text = name_to_text(input->query_name, room);
		break;
	case FIELD_LB_SITE:
		text = input->site;
		break;
	case FIELD_LB_REGION:
		text = input->region != REGION_UNKNOWN ? geo_region_text(input->region) : "";
		*prefix = input->location_scope;
		break;
	case FIELD_LB_COUNTRY:
		text = input->country;
		*prefix = input->location_scope;
		break;
	case FIELD_SOURCE_COUNTRY:
		text = input->source_country;
		*prefix = input->source_country_prefix;
		break;
	}
	if (code->lower && text != room) { /* names are in lower case */
		char *out = room;

		for (const char *at = text; *at != '\0'; at++)
			*out++ = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
		*out = '\0';
		text = room;
	}
	return text;
}

static bool
one_of(const struct expression *expression, const struct code *code, const char *text, size_t len)
{
	const struct text_place *places = data_at(expression, code->at);
	size_t low = 0, high = code->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = expression_compare_texts(
		    text, len, data_at(expression, places[middle].at), places[middle].len);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static struct verdict
test_text(const struct expression *expression, const struct code *code, const struct expression_input *input)
{
	char room[NAME_MAX_TEXT];
	struct verdict verdict = {false, 0};
	const char *text = text_of(code, input, room, &verdict.prefix);
	const void *other = data_at(expression, code->at);
	size_t len = strlen(text);

	switch (code->op) {
	case OP_TEXT:
		verdict.truth = one_of(expression, code, text, len);
		break;
	case OP_BELOW:
		verdict.truth = expression_compare_texts(text, len, other, code->count) < 0;
		break;
	case OP_ABOVE:
		verdict.truth = expression_compare_texts(text, len, other, code->count) > 0;
		break;
	case OP_CONTAINS:
		verdict.truth = memmem(text, len, other, code->count) != NULL;
		break;
	case OP_STARTS:
		verdict.truth = len >= code->count && memcmp(text, other, code->count) == 0;
		break;
	default: /* OP_ENDS */
		verdict.truth =
		    len >= code->count && memcmp(text + len - code->count, other, code->count) == 0;
	}
	return verdict;
}

/* ---- numbers ---- */

static uint64_t
number_of(const struct code *code, const struct expression_input *input, uint8_t *prefix)
{
	char room[NAME_MAX_TEXT];

	*prefix = 0;
	if (code->length)
		return strlen(text_of(code, input, room, prefix));
	switch (code->field) {
	case FIELD_SOURCE_NETWORK:
		*prefix = input->source_network_prefix;
		return input->source_network;
	case FIELD_QUERY_NAME_LEN:
		return strlen(name_to_text(input->query_name, room));
	default: /* FIELD_QUERY_TYPE */
		return input->query_type;
	}
}

static struct verdict
test_number(
    const struct expression *expression, const struct code *code, const struct expression_input *input)
{
	const struct number_range *ranges = data_at(expression, code->at);
	struct verdict verdict;
	uint64_t number = number_of(code, input, &verdict.prefix);
	size_t low = 0, high = code->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	verdict.truth = low < code->count && ranges[low].first <= number;
	return verdict;
}

/* ---- evaluation ---- */

static struct verdict
test(const struct expression *expression, const struct code *code, const struct expression_input *input)
{
	struct verdict verdict = {true, 0};

	if (code->op == OP_BOOL)
		verdict.truth = code->field == FIELD_QUERY_IS_QUESTION || input->ecs->family != FAMILY_NONE;
	else if (code->op == OP_NUMBER)
		verdict = test_number(expression, code, input);
	else if (code->op == OP_ADDRESS)
		verdict = test_address(expression, code, input);
	else if (code->op != OP_CONSTANT)
		verdict = test_text(expression, code, input);
	verdict.truth = verdict.truth == code->truth;
	return verdict;
}

/*
 * A side that is `decisive` (false for "and", true for "or") decides alone: the other side does not
 * matter.  If both are decisive, the shorter prefix wins.  Otherwise both sides are needed.
 */
static struct verdict
combine(struct verdict a, struct verdict b, bool decisive)
{
	if (a.truth == decisive && b.truth == decisive)
		return a.prefix <= b.prefix ? a : b;
	if (a.truth == decisive)
		return a;
	if (b.truth == decisive)
		return b;
	return (struct verdict){!decisive, MAX(a.prefix, b.prefix)};
}

bool
expression_true(const struct expression *expression, const struct expression_input *input, uint8_t *scope)
{
	struct verdict stack[EXPRESSION_STACK], *top = stack;

	for (uint32_t i = 0; i < expression->ncodes; i++) {
		const struct code *code = &expression->codes[i];

		switch (code->op) {
		case OP_NOT:
			top[-1].truth = !top[-1].truth;
			break;
		case OP_AND:
		case OP_OR:
			top--;
			top[-1] = combine(top[-1], top[0], code->op == OP_OR);
			break;
		case OP_XOR:
			top--;
			top[-1] = (struct verdict){
			    top[-1].truth != top[0].truth, MAX(top[-1].prefix, top[0].prefix)};
			break;
		case OP_SKIP:
			if (top[-1].truth == code->truth && top[-1].prefix == 0)
				i = code->at - 1;
			break;
		default:
			*top++ = test(expression, code, input);
		}
	}
	*scope = stack[0].prefix;
	return stack[0].truth;
}
