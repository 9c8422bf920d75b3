/*
 * siphash.h -- SipHash-2-4 with a 128-bit key (Aumasson and Bernstein, 2012).
 *
 * S18 requires the zero key. Use a random key if the hash must not be predictable.
 */
#ifndef SIPHASH_H
#define SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *data, size_t len);

#endif
