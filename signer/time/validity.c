#include "signer/time/validity.h"

enum { AHEAD_S = 60 };

void
validity_set(struct signature *signature, uint32_t now, uint32_t seconds, uint64_t hash)
{
	signature->inception = now - VALIDITY_BACK_S;
	signature->expiration = now + seconds - (uint32_t)(hash % (seconds / 4 + 1));
}

int32_t
validity_left(const struct signature *signature, uint32_t now)
{
	return (int32_t)(signature->expiration - now);
}

static uint32_t
made_at(const struct signature *signature)
{
	return signature->inception + VALIDITY_BACK_S;
}

bool
validity_is_ahead(const struct signature *signature, uint32_t now)
{
	return (int32_t)(made_at(signature) - now) > AHEAD_S;
}

uint32_t
validity_due_at(const struct signature *signature, uint32_t now)
{
	uint32_t made = made_at(signature);

	return validity_is_ahead(signature, now) ? now : made + (signature->expiration - made) / 3;
}

uint32_t
validity_batch_s(uint32_t seconds)
{
	return MIN(seconds / 16, 3600u);
}
