#include "dnsd/cookie.h"

#include "zones/base/siphash.h"

#include <errno.h>
#include <sys/stat.h>

/* A key of SipHash is two little-endian words (RFC 9018 4.4 hashes with the octets in order). */
static bool
read_key(uint64_t key[2], const char *text)
{
	key[0] = key[1] = 0;
	for (unsigned i = 0; i < COOKIE_SECRET; i++) {
		int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		key[i / 8] |= (uint64_t)(high << 4 | low) << 8 * (i % 8);
	}
	return true;
}

bool
cookie_read_secrets(struct cookie_secrets *secrets, const char *path, struct problems *problems)
{
	FILE *file = fopen(path, "re");
	size_t before = problems->errors;
	char line[256];
	unsigned number = 0;
	struct stat info;

	*secrets = (struct cookie_secrets){0};
	if (file == NULL) {
		problems_error(problems, "%s: %s", path, strerror(errno));
		return false;
	}
	if (fstat(fileno(file), &info) == 0 && info.st_mode & 07)
		problems_warn(problems, "%s: every user can read the cookie secret; use chmod 0640", path);
	while (fgets(line, sizeof line, file) != NULL) {
		number++;
		line[strcspn(line, "#\r\n")] = '\0';
		for (size_t end = strlen(line); end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t');)
			line[--end] = '\0';
		if (line[0] == '\0')
			continue;
		if (secrets->count == 2)
			problems_error(problems,
			    "%s:%u: a third secret: the maximum is two, the current and the previous one",
			    path, number);
		else if (strlen(line) != 2 * COOKIE_SECRET ||
		    !read_key(secrets->keys[secrets->count++], line))
			problems_error(problems,
			    "%s:%u: invalid secret: write 32 hex digits (openssl rand -hex 16 makes one)",
			    path, number);
	}
	fclose(file);
	if (secrets->count == 0 && problems->errors == before)
		problems_error(problems,
		    "%s: the file has no secret: write 32 hex digits (openssl rand -hex 16 makes one)", path);
	return problems->errors == before;
}

void
cookie_make_secrets(struct cookie_secrets *secrets)
{
	secrets->count = 1;
	random_bytes(secrets->keys[0], sizeof secrets->keys[0]);
}

/* RFC 9018 4: the head (version, reserved, timestamp) unchanged, then the hash. */
static void
make(uint8_t out[COOKIE_SERVER], const uint64_t key[2], const uint8_t client[COOKIE_CLIENT],
    const struct address *address, const uint8_t head[8])
{
	uint8_t text[COOKIE_CLIENT + 8 + 16];
	unsigned len = address_len(address);
	uint64_t hash;

	memcpy(text, client, COOKIE_CLIENT);
	memcpy(text + COOKIE_CLIENT, head, 8);
	memcpy(text + COOKIE_CLIENT + 8, address->bytes, len);
	hash = siphash(key, text, COOKIE_CLIENT + 8 + len);
	memcpy(out, head, 8);
	for (unsigned i = 0; i < 8; i++) /* SipHash's own octet order is little-endian */
		out[8 + i] = (uint8_t)(hash >> 8 * i);
}

void
cookie_make(uint8_t out[COOKIE_SERVER], const struct cookie_secrets *secrets,
    const uint8_t client[COOKIE_CLIENT], const struct address *address, uint32_t now)
{
	uint8_t head[8] = {1};

	put32(head + 4, now);
	make(out, secrets->keys[0], client, address, head);
}

bool
cookie_valid(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT], const uint8_t *server,
    size_t len, const struct address *address, uint32_t now)
{
	uint8_t expected[COOKIE_SERVER];
	int32_t age;

	if (len != COOKIE_SERVER || server[0] != 1)
		return false;
	age = (int32_t)(now - get32(server + 4)); /* serial number arithmetic, RFC 1982 */
	if (age > COOKIE_OLDEST || age < -COOKIE_FUTURE)
		return false;
	for (unsigned i = 0; i < secrets->count; i++) {
		uint8_t difference = 0;

		make(expected, secrets->keys[i], client, address, server);
		for (unsigned n = 0; n < COOKIE_SERVER; n++)
			difference |= expected[n] ^ server[n];
		if (difference == 0)
			return true;
	}
	return false;
}
