/*
 * Databases of places from strangers, damaged ones above all: never a crash, a bounded walk, and a result
 * holds within its prefix (S4).
 */
#include "zones/geo/geo.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { ADDRESSES = 64 };

static bool
same_place(const struct geo_found *a, const struct geo_found *b)
{
	return a->point.x == b->point.x && a->point.y == b->point.y && a->point.z == b->point.z;
}

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

static void
ask(const struct geo *geo, uint64_t draw, const uint8_t *data, size_t len)
{
	struct address address = {.family = draw % 2 ? FAMILY_V6 : FAMILY_V4}, other;
	struct geo_found found, near;
	uint8_t prefix, again;
	uint32_t network;
	bool known;

	for (unsigned i = 0; i < sizeof address.bytes;
	     i++) /* often octets of the file, which are somewhere in its tree */
		address.bytes[i] = i >= address_len(&address) ? 0
		    : draw % 3 == 0                           ? data[(draw + i) % len]
							      : (uint8_t)mix64(draw + i);
	known = geo_find(geo, &address, &found);
	assert(found.area_prefix <= address_len(&address) * 8 &&
	    found.place_prefix <= address_len(&address) * 8);
	other = neighbour(&address, found.area_prefix, draw);
	assert(geo_find(geo, &other, &near) == known || strcmp(near.country, found.country) == 0);
	assert(strcmp(near.country, found.country) == 0 && near.region == found.region &&
	    near.area_prefix == found.area_prefix);
	other = neighbour(&address, found.place_prefix, draw);
	geo_find(geo, &other, &near);
	assert(same_place(&near, &found) && near.place_prefix == found.place_prefix);
	network = geo_find_network(geo, &address, &prefix);
	assert(prefix <= address_len(&address) * 8);
	other = neighbour(&address, prefix, draw);
	assert(geo_find_network(geo, &other, &again) == network && again == prefix);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[32];
	const char *paths[] = {path};
	struct problems problems = {0};
	struct geo *geo;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	geo = geo_open(paths, 1, &problems);
	assert((geo == NULL) == (problems.errors > 0));
	for (uint64_t i = 0; geo != NULL && len > 0 && i < ADDRESSES; i++)
		ask(geo, mix64(i), data, len);
	geo_free(geo);
	problems_free(&problems);
	close(fd);
	return 0;
}
