/*
 * Conditions of rules from strangers: never a crash; an accepted one is evaluated for many clients, and the
 * result of one holds for its neighbours within its scope (S4, S35).
 */
#include "zones/expression/expression.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CLIENTS = 32 };

/* The same prefix with other bits behind it. */
static struct address
neighbour(const struct address *address, unsigned prefix, uint64_t draw)
{
	struct address other = *address;

	for (unsigned bit = prefix; bit < address_len(address) * 8; bit++)
		other.bytes[bit / 8] =
		    (uint8_t)(other.bytes[bit / 8] ^ (mix64(draw + bit) & 1) << (7 - bit % 8));
	return other;
}

/* An address from the text, or near to one, or anywhere. */
static struct address
client(const char *text, uint64_t draw)
{
	struct address address = {.family = draw & 1 ? FAMILY_V6 : FAMILY_V4};
	size_t len = strlen(text), at = len > 0 ? (size_t)(draw >> 8) % len : 0, word;
	char copy[64];

	for (unsigned i = 0; i < address_len(&address); i++)
		address.bytes[i] = (uint8_t)mix64(draw + i);
	at += strcspn(text + at, "0123456789abcdef:");
	word = strspn(text + at, "0123456789abcdef:.");
	snprintf(copy, sizeof copy, "%.*s", (int)MIN(word, sizeof copy - 1), text + at);
	if (draw & 2 && !address_from_text(&address, copy))
		address.family = FAMILY_V4;
	return draw & 4 ? neighbour(&address, (unsigned)(draw >> 16) % (address_len(&address) * 8), draw)
			: address;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = xmalloc(len + 1), *error = NULL;
	struct expression *expression, *copy;

	memcpy(text, data, len);
	text[len] = '\0';
	expression = expression_new(text, &error);
	assert((expression == NULL) == (error != NULL));
	assert(error == NULL || strncmp(error, "at column ", 10) == 0);
	copy = expression != NULL ? xmemdup(expression, expression_size(expression)) : NULL;
	for (uint64_t i = 0; copy != NULL && i < CLIENTS; i++) {
		struct address ecs = client(text, mix64(i)), resolver = {FAMILY_V4, {192, 0, 2, 1}};
		struct expression_input input = {.lb_name = (const uint8_t *)"\3www\7example\3com",
		    .query_name = (const uint8_t *)"\1a\7example\3com",
		    .query_type = 1,
		    .site = "AMS",
		    .country = "DE",
		    .source_country = "DE",
		    .source = i % 8 == 0 ? &resolver : &ecs,
		    .source_is_client = i % 8 != 0,
		    .ecs = &ecs,
		    .source_network = 64500};
		uint8_t scope, again;
		bool truth = expression_true(expression, &input, &scope);

		assert(scope <= address_len(&ecs) * 8);
		ecs = neighbour(&ecs, scope, i);
		assert(expression_true(copy, &input, &again) == truth);
		assert(again <= address_len(&ecs) * 8);
	}
	free(copy);
	free(expression);
	free(error);
	free(text);
	return 0;
}
