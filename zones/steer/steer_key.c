/* steer_key.c -- the identity of a client (S2): its address, its key, and the key of its pins (S20). */
#include "zones/steer/steer_inner.h"

#include "zones/base/siphash.h"

void
steer_client_init(
    struct steer_client *client, const struct address *resolver, const struct address *ecs, unsigned source)
{
	unsigned before;

	*client = (struct steer_client){.resolver = *resolver};
	if (resolver->family == FAMILY_V6)
		address_uncover(&client->resolver);
	if (source == 0)
		return;
	client->ecs = *ecs;
	client->source = (uint8_t)source;
	if (ecs->family != FAMILY_V6 || (before = address_uncover(&client->ecs)) == 0)
		return;
	/* A source prefix no longer than the bits in front of the IPv4 address contains no bit of it. */
	if (source <= before) {
		client->ecs = *ecs;
		return;
	}
	client->source = (uint8_t)MIN(source - before, 32u);
	client->covered = (uint8_t)before;
}

void
steer_truncate(struct address *address, unsigned bits)
{
	unsigned whole = bits / 8;

	if (whole >= 16)
		return;
	address->bytes[whole] &= (uint8_t)(0xff00 >> bits % 8);
	memset(address->bytes + whole + 1, 0, 15 - whole);
}

uint64_t
steer_key_of_prefix(const struct steer_lb *lb, const struct address *address, uint8_t prefix)
{
	static const uint64_t zero_key[2] = {0, 0};
	size_t len = address->family == FAMILY_V4 ? 4 : 16;
	uint8_t text[2 + 16 + NAME_MAX_LEN];

	text[0] = address->family;
	text[1] = prefix;
	memcpy(text + 2, address->bytes, len);
	memcpy(text + 2 + len, lb->name, lb->name_len);
	return siphash(zero_key, text, 2 + len + lb->name_len);
}

uint64_t
steer_pin_key(const struct steer_lb *lb, uint64_t key, uint64_t branch)
{
	uint64_t since = lb->pins_since;

	for (uint32_t i = 0; i < lb->ncleared; i++)
		if (lb->cleared[i].key == key)
			since = MAX(since, lb->cleared[i].since);
	return key ^ branch ^ (since != 0 ? mix64(since) : 0);
}

struct affinity_key
steer_key(const struct steer_lb *lb, const struct steer_client *client)
{
	struct affinity_key key = {.from_ecs = lb->ecs_allowed && client->ecs.family != FAMILY_NONE};
	struct address address = key.from_ecs ? client->ecs : client->resolver;
	bool v4 = address.family == FAMILY_V4;

	/*
	 * S2: cut ECS to the load balancer's prefix and keep a shorter source; cut a resolver's own address
	 * to /24 or /48.
	 */
	if (key.from_ecs) {
		key.scope = v4 ? lb->prefix_v4 : lb->prefix_v6;
		key.prefix = MIN(key.scope, client->source);
	} else {
		key.prefix = v4 ? 24 : 48;
	}
	key.family = address.family;
	steer_truncate(&address, key.prefix);
	key.hash = steer_key_of_prefix(lb, &address, key.prefix);
	return key;
}
