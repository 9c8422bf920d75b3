#include "zones/base/siphash.h"

#include <endian.h>
#include <string.h>

/* By value, so that it stays in registers. */
struct state {
	uint64_t a, b, c, d;
};

static inline uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline struct state
one_round(struct state v)
{
	v.a += v.b;
	v.b = rotate(v.b, 13) ^ v.a;
	v.a = rotate(v.a, 32);
	v.c += v.d;
	v.d = rotate(v.d, 16) ^ v.c;
	v.a += v.d;
	v.d = rotate(v.d, 21) ^ v.a;
	v.c += v.b;
	v.b = rotate(v.b, 17) ^ v.c;
	v.c = rotate(v.c, 32);
	return v;
}

static inline struct state
add_word(struct state v, uint64_t word)
{
	v.d ^= word;
	v = one_round(one_round(v));
	v.a ^= word;
	return v;
}

static inline uint64_t
whole_word(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return le64toh(word);
}

/* The last octets, fewer than 8. */
static inline uint64_t
part_of_word(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	while (len-- > 0)
		word = word << 8 | at[len];
	return word;
}

uint64_t
siphash(const uint64_t key[2], const void *data, size_t len)
{
	const uint8_t *at = data;
	struct state v = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
	    key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
	uint64_t last = (uint64_t)len << 56;

	for (; len >= 8; len -= 8, at += 8)
		v = add_word(v, whole_word(at));
	v = add_word(v, last | part_of_word(at, len));
	v.c ^= 0xff;
	v = one_round(one_round(one_round(one_round(v))));
	return v.a ^ v.b ^ v.c ^ v.d;
}
