#include "signer/validity.h"

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

uint32_t
validity_due_at(const struct signature *signature)
{
	uint32_t made = signature->inception + VALIDITY_BACK_S;

	return made + (signature->expiration - made) / 3;
}

uint32_t
validity_batch_s(uint32_t seconds)
{
	return MIN(seconds / 16, 3600u);
}
