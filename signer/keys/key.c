#include "signer/keys/key.h"

#include "zones/state/zone_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ldns/ldns.h>
#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HALF = SIGNATURE_OCTETS / 2, DER_MAX = 80 };

/* Of a lane, for ECDSA: made once, when it signs first. */
struct tools {
	EVP_PKEY_CTX *signing;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	ECDSA_SIG *pair; /* the last signature */
};

struct key {
	ldns_key *key;
	EVP_PKEY *pair;
	struct tools tools[KEY_LANES];
	struct signing_key row;
};

bool
key_algorithm_known(unsigned algorithm)
{
	return algorithm == ALGORITHM_ECDSAP256 || algorithm == ALGORITHM_ED25519;
}

/* Octets of a record's RDATA; returns their number. */
static size_t
rdata_of(const ldns_rr *rr, uint8_t *out, size_t room)
{
	ldns_buffer *buffer = ldns_buffer_new(room + 16);
	size_t len = 0;

	if (buffer == NULL)
		memory_exhausted(0);
	if (ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK && ldns_buffer_position(buffer) <= room) {
		len = ldns_buffer_position(buffer);
		memcpy(out, ldns_buffer_begin(buffer), len);
	}
	ldns_buffer_free(buffer);
	return len;
}

/* DNSKEY, tag and DS. Returns false if the library cannot make them. */
static bool
describe(struct key *key)
{
	ldns_rr *dnskey = ldns_key2rr(key->key), *ds = NULL;
	bool good = false;

	if (dnskey != NULL && rdata_of(dnskey, key->row.dnskey, DNSKEY_MAX) >= 4 + 32 &&
	    (ds = ldns_key_rr2ds(dnskey, LDNS_SHA256)) != NULL)
		good = rdata_of(ds, key->row.ds, DS_OCTETS) == DS_OCTETS;
	if (good) {
		key->row.algorithm = key->row.dnskey[3];
		key->row.flags = get16(key->row.dnskey);
		key->row.key_tag = ldns_calc_keytag(dnskey);
		ldns_key_set_keytag(key->key, key->row.key_tag);
	}
	ldns_rr_free(dnskey);
	ldns_rr_free(ds);
	return good;
}

/* Take over a key of the library. Returns NULL if it cannot be used. */
static struct key *
wrap(ldns_key *made, const uint8_t *apex, uint16_t flags)
{
	struct key *key = xcalloc(1, sizeof *key);

	key->key = made;
	ldns_key_set_pubkey_owner(made, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_len(apex), apex));
	ldns_key_set_flags(made, flags);
	key->pair = ldns_key_evp_key(made);
	if (describe(key) && key->pair != NULL && key_algorithm_known(key->row.algorithm))
		return key;
	key_free(key);
	return NULL;
}

struct key *
key_new(const uint8_t *apex, unsigned algorithm, uint16_t flags)
{
	ldns_signing_algorithm which =
	    algorithm == ALGORITHM_ED25519 ? LDNS_SIGN_ED25519 : LDNS_SIGN_ECDSAP256SHA256;
	ldns_key *made = ldns_key_new_frm_algorithm(which, 256);
	struct key *key = made != NULL ? wrap(made, apex, flags) : NULL;

	if (key == NULL)
		memory_exhausted(0); /* the library makes keys of both algorithms */
	key->row.created = wall_ms();
	return key;
}

static void
free_tools(struct tools *tools)
{
	EVP_PKEY_CTX_free(tools->signing);
	EVP_MD_CTX_free(tools->digest);
	EVP_MD_free(tools->sha256);
	ECDSA_SIG_free(tools->pair);
}

void
key_free(struct key *key)
{
	if (key == NULL)
		return;
	for (unsigned i = 0; i < KEY_LANES; i++)
		free_tools(&key->tools[i]);
	ldns_key_deep_free(key->key);
	free(key);
}

void
key_describe(const struct key *key, struct signing_key *row)
{
	*row = key->row;
}

/* ---- files ---- */

char *
key_directory(const char *state, const char *zone)
{
	return zone_folder(state, "keys", zone);
}

/* STATE/keys/ZONE/Kzone.+013+12345 and an ending. */
static bool
path_of(char out[PATH_MAX], const struct key *key, const char *directory, const char *ending)
{
	char *owner = ldns_rdf2str(ldns_key_pubkey_owner(key->key));
	int len;

	if (owner == NULL)
		memory_exhausted(0);
	for (char *at = owner; *at != '\0'; at++)
		if (*at == '/')
			*at = '-'; /* a name may have it, a file name may not */
	len = snprintf(out, PATH_MAX, "%s/K%s+%03u+%05u.%s", directory, owner, key->row.algorithm,
	    key->row.key_tag, ending);
	free(owner);
	return len < PATH_MAX;
}

static bool
print_key(FILE *file, const struct key *key, bool private)
{
	ldns_rr *dnskey;

	if (private) {
		ldns_key_print(file, key->key);
	} else if ((dnskey = ldns_key2rr(key->key)) != NULL) {
		ldns_rr_print(file, dnskey);
		ldns_rr_free(dnskey);
	}
	return fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
}

/* A file is there whole or not at all: half of a key would be refused at each start (keyring.c). */
static bool
save_file(const struct key *key, const char *directory, bool private, struct problems *problems)
{
	char path[PATH_MAX], new[PATH_MAX + 4];
	FILE *file = NULL;
	bool good = path_of(path, key, directory, private ? "private" : "key");
	int fd = -1;

	if (good) {
		snprintf(new, sizeof new, "%s.new", path);
		unlink(new); /* of a run that was killed */
		fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, private ? 0600 : 0644);
		good = fd >= 0 && (file = fdopen(fd, "w")) != NULL && print_key(file, key, private) &&
		    link(new, path) == 0;
		if (!good)
			problems_error(problems, "cannot write the key file %s: %s", path, strerror(errno));
		unlink(new);
	}
	if (file != NULL)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return good;
}

/* The names of the files outlive a crash of the machine, too: the row of the key will. */
static bool
sync_directory(const char *directory, struct problems *problems)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (!good)
		problems_error(problems, "cannot write %s: %s", directory, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

bool
key_save(const struct key *key, const char *directory, struct problems *problems)
{
	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		problems_error(problems, "cannot create %s: %s", directory, strerror(errno));
		return false;
	}
	return save_file(key, directory, true, problems) && save_file(key, directory, false, problems) &&
	    sync_directory(directory, problems);
}

void
key_retire(const struct key *key, const char *directory)
{
	static const char *const endings[] = {"private", "key"};

	for (unsigned i = 0; i < NITEMS(endings); i++) {
		char path[PATH_MAX], retired[PATH_MAX + 16];

		if (!path_of(path, key, directory, endings[i]))
			continue;
		snprintf(retired, sizeof retired, "%s.retired", path);
		rename(path, retired); /* if it fails, the file stays: no row names it */
	}
}

/* S105: others who can read a key can sign. */
static FILE *
open_private(const char *path, struct problems *problems)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0) {
		problems_error(problems, "the key file %s cannot be read: %s: put it back from a backup",
		    path, strerror(errno));
	} else if (!S_ISREG(info.st_mode) || info.st_mode & (S_IRWXG | S_IRWXO)) {
		problems_error(problems,
		    "the key file %s is open to other users: chmod 600 it, and roll to a new key if somebody "
		    "may have read it",
		    path);
	} else {
		return fdopen(fd, "r");
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* The key of the file that a row names. *path is that of the file. */
static struct key *
read_named(const uint8_t *apex, const struct signing_key *row, const char *directory, char path[PATH_MAX],
    bool *found, struct problems *problems)
{
	struct key place = {.key = ldns_key_new(), .row = *row}, *key = NULL;
	ldns_key *made = NULL;
	FILE *file;

	if (place.key == NULL)
		memory_exhausted(0);
	ldns_key_set_pubkey_owner(
	    place.key, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_len(apex), apex));
	path_of(path, &place, directory, "private");
	ldns_key_deep_free(place.key);
	*found = (file = open_private(path, problems)) != NULL;
	if (!*found)
		return NULL;
	if (ldns_key_new_frm_fp(&made, file) == LDNS_STATUS_OK)
		key = wrap(made, apex, row->flags);
	fclose(file);
	return key;
}

static struct key *
wrong_key(struct key *key, const char *path, unsigned tag, struct problems *problems)
{
	problems_error(problems,
	    "the key file %s is not that of key %u: put the right one back from a backup", path, tag);
	key_free(key);
	return NULL;
}

struct key *
key_load(const uint8_t *apex, const struct signing_key *row, const char *directory, struct problems *problems)
{
	char path[PATH_MAX];
	bool found;
	struct key *key = read_named(apex, row, directory, path, &found, problems);

	if (!found)
		return NULL;
	if (key == NULL || memcmp(key->row.dnskey, row->dnskey, DNSKEY_MAX) != 0)
		return wrong_key(key, path, row->key_tag, problems);
	key->row = *row;
	return key;
}

struct key *
key_find(const uint8_t *apex, const struct key_id *id, uint16_t flags, const char *directory,
    struct problems *problems)
{
	struct signing_key row = {.algorithm = id->algorithm, .key_tag = id->key_tag, .flags = flags};
	char path[PATH_MAX];
	bool found;
	struct key *key = read_named(apex, &row, directory, path, &found, problems);

	if (found && (key == NULL || key->row.algorithm != id->algorithm || key->row.key_tag != id->key_tag))
		return wrong_key(key, path, id->key_tag, problems);
	return key;
}

struct key *
key_adopt(
    const uint8_t *apex, const char *directory, const char *name, uint16_t flags, struct problems *problems)
{
	ldns_key *made = NULL;
	struct key *key = NULL;
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if ((file = open_private(path, problems)) == NULL)
		return NULL;
	if (ldns_key_new_frm_fp(&made, file) == LDNS_STATUS_OK)
		key = wrap(made, apex, flags);
	fclose(file);
	if (key == NULL)
		problems_error(problems,
		    "the key file %s is no key of algorithm 13 or 15: move it away, or put the right one "
		    "there",
		    path);
	return key;
}

/* ---- keys of other programs ---- */

/* The private key of a PEM text (RFC 7468), as Knot DNS stores it. */
static ldns_key *
read_pem(const char *text, unsigned *algorithm)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *pair = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	ldns_key *made = pair != NULL ? ldns_key_new() : NULL;
	char group[64] = "";

	BIO_free(bio);
	if (made == NULL)
		return NULL;
	if (EVP_PKEY_get_base_id(pair) == EVP_PKEY_EC)
		EVP_PKEY_get_group_name(pair, group, sizeof group, NULL);
	if (strcmp(group, "prime256v1") == 0) {
		ldns_key_set_algorithm(made, LDNS_SIGN_ECDSAP256SHA256);
	} else if (EVP_PKEY_get_base_id(pair) == EVP_PKEY_ED25519) {
		ldns_key_set_algorithm(made, LDNS_SIGN_ED25519);
	} else {
		*algorithm = *group != '\0'                      ? LDNS_ECDSAP384SHA384
		    : EVP_PKEY_get_base_id(pair) == EVP_PKEY_RSA ? LDNS_RSASHA256
								 : LDNS_ED448;
		EVP_PKEY_free(pair);
		ldns_key_free(made);
		return NULL;
	}
	ldns_key_set_evp_key(made, pair);
	return made;
}

/* " 13 (ECDSAP256SHA256)"; 0: no number. */
static unsigned
algorithm_of(const char *text)
{
	char digits[4] = "";
	uint64_t number = 0;

	text += strspn(text, " ");
	snprintf(digits, sizeof digits, "%.*s", (int)strspn(text, "0123456789"), text);
	return whole_from_text(digits, 255, &number) ? (unsigned)number : 0;
}

struct key *
key_read(const uint8_t *apex, const char *text, uint16_t flags, unsigned *algorithm)
{
	const char *line = strstr(text, "\nAlgorithm:");
	ldns_key *made = NULL;
	struct key *key;
	FILE *file;

	*algorithm = 0;
	if (strncmp(text, "-----BEGIN", 10) == 0) {
		made = read_pem(text, algorithm);
	} else if (line != NULL && (file = fmemopen((void *)(uintptr_t)text, strlen(text), "r")) != NULL) {
		*algorithm = algorithm_of(line + strlen("\nAlgorithm:"));
		if (key_algorithm_known(*algorithm) && ldns_key_new_frm_fp(&made, file) != LDNS_STATUS_OK)
			made = NULL;
		fclose(file);
	}
	key = made != NULL ? wrap(made, apex, flags) : NULL;
	if (key != NULL || key_algorithm_known(*algorithm))
		*algorithm = 0;
	return key;
}

bool
key_read_public(const char *text, uint8_t owner[NAME_MAX_LEN], struct signing_key *row)
{
	ldns_rr *rr = NULL;
	bool good = false;

	*row = (struct signing_key){.flags = 0};
	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) == LDNS_STATUS_OK &&
	    ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNSKEY) {
		const ldns_rdf *name = ldns_rr_owner(rr);
		uint8_t rdata[4096] = {0}; /* of RSA, more than DNSKEY_MAX */

		good = rdata_of(rr, rdata, sizeof rdata) >= 4;
		memcpy(row->dnskey, rdata, DNSKEY_MAX);
		row->flags = get16(row->dnskey);
		row->algorithm = row->dnskey[3];
		row->key_tag = ldns_calc_keytag(rr);
		name_lower(owner, ldns_rdf_data(name));
	}
	ldns_rr_free(rr);
	return good;
}

bool
key_path(const struct key *key, const char *directory, char *out)
{
	return path_of(out, key, directory, "private");
}

uint16_t
key_flags_beside(const char *directory, const char *private)
{
	uint16_t flags = DNSKEY_ZONE | DNSKEY_SEP;
	uint8_t owner[NAME_MAX_LEN];
	char path[PATH_MAX], line[4096];
	struct signing_key row;
	FILE *file;

	snprintf(path, sizeof path, "%s/%.*s.key", directory, (int)(strlen(private) - strlen(".private")),
	    private);
	if ((file = fopen(path, "re")) == NULL)
		return flags;
	while (fgets(line, sizeof line, file) != NULL)
		if (*line != ';' && key_read_public(line, owner, &row))
			flags = row.flags;
	fclose(file);
	return flags;
}

/* ---- signing ---- */

void
key_begin(const struct key *key, struct signature *signature)
{
	signature->algorithm = key->row.algorithm;
	signature->key_tag = key->row.key_tag;
}

static struct tools *
tools_of(struct key *key, unsigned lane)
{
	struct tools *tools = &key->tools[lane];

	if (tools->signing == NULL &&
	    ((tools->signing = EVP_PKEY_CTX_new_from_pkey(NULL, key->pair, NULL)) == NULL ||
		EVP_PKEY_sign_init(tools->signing) != 1 ||
		(tools->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL)) == NULL ||
		(tools->digest = EVP_MD_CTX_new()) == NULL || (tools->pair = ECDSA_SIG_new()) == NULL))
		memory_exhausted(0);
	return tools;
}

/* RFC 6605 4: r and s, 32 octets each. */
static void
sign_ecdsa(struct key *key, unsigned lane, const void *data, size_t len, uint8_t out[SIGNATURE_OCTETS])
{
	struct tools *tools = tools_of(key, lane);
	uint8_t digest[SHA256_DIGEST_LENGTH], der[DER_MAX];
	const uint8_t *at = der;
	size_t der_len = sizeof der;

	if (EVP_DigestInit_ex2(tools->digest, tools->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(tools->digest, data, len) != 1 ||
	    EVP_DigestFinal_ex(tools->digest, digest, NULL) != 1 ||
	    EVP_PKEY_sign(tools->signing, der, &der_len, digest, sizeof digest) != 1 ||
	    d2i_ECDSA_SIG(&tools->pair, &at, (long)der_len) == NULL)
		memory_exhausted(0);
	BN_bn2binpad(ECDSA_SIG_get0_r(tools->pair), out, HALF);
	BN_bn2binpad(ECDSA_SIG_get0_s(tools->pair), out + HALF, HALF);
}

/* RFC 8080 4. */
static void
sign_ed25519(struct key *key, const void *data, size_t len, uint8_t out[SIGNATURE_OCTETS])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t out_len = SIGNATURE_OCTETS;

	if (context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) != 1 ||
	    EVP_DigestSign(context, out, &out_len, data, len) != 1)
		memory_exhausted(0);
	EVP_MD_CTX_free(context);
}

void
key_sign(struct key *key, unsigned lane, const void *data, size_t len, struct signature *signature)
{
	if (key->row.algorithm == ALGORITHM_ED25519)
		sign_ed25519(key, data, len, signature->octets);
	else
		sign_ecdsa(key, lane, data, len, signature->octets);
}
