#include "model.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

const char *
kind_text(enum kind kind)
{
	static const char *const texts[KIND_COUNT] = {"monitor", "monitor_group", "pool", "load_balancer"};

	return texts[kind];
}

const char *
health_state_text(enum health_state state)
{
	static const char *const texts[] = {
	    "unknown", "up", "suspect", "down", "disabled", "unmonitored", "unresolved"};

	return (unsigned)state < NITEMS(texts) ? texts[state] : "unknown";
}

bool
id_valid(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

struct id
id_new(void)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t octets[ID_LEN / 2];
	struct id id = {{0}};

	random_bytes(octets, sizeof octets);
	for (size_t i = 0; i < sizeof octets; i++) {
		id.text[2 * i] = digits[octets[i] >> 4];
		id.text[2 * i + 1] = digits[octets[i] & 15];
	}
	return id;
}

bool
address_from_text(struct address *address, const char *text)
{
	*address = (struct address){0};
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		address->family = FAMILY_V4;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		address->family = FAMILY_V6;
	return address->family != FAMILY_NONE;
}

char *
address_to_text(const struct address *address, char out[46])
{
	out[0] = '\0';
	if (address->family != FAMILY_NONE)
		inet_ntop(address->family == FAMILY_V4 ? AF_INET : AF_INET6, address->bytes, out, 46);
	return out;
}

bool
address_port_from_text(struct address *address, uint16_t *port, const char *text)
{
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[';
	char host[64], *end;
	unsigned long number;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9' || (brackets && colon[-1] != ']'))
		return false;
	snprintf(host, sizeof host, "%.*s", (int)(colon - text) - (brackets ? 2 : 0), text + (brackets ? 1 : 0));
	number = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || number > UINT16_MAX || !address_from_text(address, host))
		return false;
	*port = (uint16_t)number;
	return brackets == (address->family == FAMILY_V6);
}

/* How long one whole check can take. */
static uint64_t
check_ms(const struct monitor *monitor)
{
	return (uint64_t)monitor->timeout_ms * (monitor->retries + 1);
}

uint64_t
monitor_failover_ms(const struct monitor *monitor)
{
	/* S23: worst case from death to verdict. */
	uint64_t round = MAX((uint64_t)monitor->interval_s * 1000, check_ms(monitor));

	return MAX(1, monitor->consecutive_down) * round + check_ms(monitor);
}

uint64_t
monitor_stale_ms(const struct monitor *monitor)
{
	return (uint64_t)monitor->interval_s * 3000 + check_ms(monitor);
}

void
model_free_pool(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (size_t i = 0; i < pool->norigins; i++) {
		free(pool->origins[i].name);
		free(pool->origins[i].address);
		free(pool->origins[i].host);
		free(pool->origins[i].affinity_group);
	}
	free(pool->origins);
	free(pool->name);
	free(pool);
}

void
model_free_monitor(struct monitor *monitor)
{
	if (monitor == NULL)
		return;
	for (size_t i = 0; i < monitor->nheaders; i++) {
		free(monitor->headers[i].name);
		free(monitor->headers[i].value);
	}
	free(monitor->headers);
	free(monitor->name);
	free(monitor->method);
	free(monitor->path);
	free(monitor->expected_body);
	free(monitor->host);
	free(monitor);
}

void
model_free_lb(struct lb *lb)
{
	if (lb == NULL)
		return;
	free(lb->name);
	free(lb->default_pools);
	free(lb->pool_weights);
	for (size_t i = 0; i < lb->nplaces; i++)
		free(lb->places[i].pools);
	free(lb->places);
	free(lb);
}
