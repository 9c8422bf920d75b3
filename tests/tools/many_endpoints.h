/* many_endpoints.h -- endpoints by number, for tools that write or read many of them. */
#ifndef TESTS_MANY_ENDPOINTS_H
#define TESTS_MANY_ENDPOINTS_H

#include "zones/state/health.h"

static inline struct endpoint
endpoint_of(unsigned number)
{
	struct endpoint endpoint;
	uint64_t mixed = mix64(number + 1);

	put64(endpoint.key, mixed);
	put64(endpoint.key + 8, mix64(mixed));
	return endpoint;
}

#endif
