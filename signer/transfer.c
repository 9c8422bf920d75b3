#include "signer/transfer.h"

#include "signer/key.h"
#include "zones/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { KEYS_MOST = 2, PARTS_MOST = 32, TEXT_MOST = 1 << 16 };

/* A piece of the text: a private key, or a DNSKEY record. */
struct part {
	char *text;
	const char *file; /* in the text; "" if it was not named */
	bool private;
	bool matched;              /* a record belongs to it */
	struct key *key;           /* of a private key */
	struct signing_key public; /* of a record */
	uint8_t owner[NAME_MAX_LEN];
};

struct taking {
	const char *state;
	struct problems *problems;
	struct part parts[PARTS_MOST];
	size_t count;
	uint8_t apex[NAME_MAX_LEN];
	char name[NAME_MAX_TEXT];
};

/* ---- the text ---- */

static bool
starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static struct part *
add_part(struct taking *taking, const char *file, bool private)
{
	struct part *part = &taking->parts[taking->count];

	if (taking->count == PARTS_MOST) {
		problems_error(taking->problems, "more than %d keys and records", PARTS_MOST);
		return NULL;
	}
	taking->count++;
	*part = (struct part){.text = xstrdup(""), .file = file, .private = private};
	return part;
}

static void
add_line(struct part *part, const char *line)
{
	char *text = xasprintf("%s%s\n", part->text, line);

	free(part->text);
	part->text = text;
}

/* Did the file that ends here have a key or a record? */
static void
end_file(struct taking *taking, const char *file, size_t before)
{
	if (taking->count == before && taking->problems->errors == 0)
		problems_error(taking->problems, "%s has neither a private key nor a DNSKEY record", file);
}

/* Cut the text, which is changed, into parts. */
static void
cut(struct taking *taking, char *text)
{
	const char *file = "standard input";
	struct part *part = NULL;
	bool named = false;
	size_t before = 0;
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		if (starts(line, "; file ")) {
			if (named)
				end_file(taking, file, before);
			file = line + strlen("; file ");
			before = taking->count;
			named = true;
			part = NULL;
		} else if (*line == ';' || *line == '#') {
			continue;
		} else if (strstr(line, " DNSKEY ") != NULL || strstr(line, "\tDNSKEY\t") != NULL) {
			if ((part = add_part(taking, file, false)) != NULL)
				add_line(part, line);
			part = NULL;
		} else if (starts(line, "Private-key-format:") || starts(line, "-----BEGIN")) {
			if ((part = add_part(taking, file, true)) != NULL)
				add_line(part, line);
		} else if (part != NULL) {
			add_line(part, line);
		}
	}
	end_file(taking, file, before);
}

/* ---- keys ---- */

/* The first record names the zone if the caller does not. */
static bool
choose_zone(struct taking *taking, const char *zone)
{
	uint8_t wire[NAME_MAX_LEN];
	bool named = *zone != '\0';

	for (size_t i = 0; i < taking->count; i++) {
		struct part *part = &taking->parts[i];

		if (!part->private && !key_read_public(part->text, part->owner, &part->public))
			problems_error(taking->problems, "%s: a DNSKEY record cannot be read", part->file);
		else if (!part->private && !named) {
			memcpy(taking->apex, part->owner, name_len(part->owner));
			named = true;
		}
	}
	if (*zone != '\0') {
		if (name_from_text(wire, zone, NULL) == 0)
			problems_error(taking->problems, "\"%s\" is not a domain name", zone);
		else
			name_lower(taking->apex, wire);
	} else if (!named) {
		problems_error(taking->problems, "there is no DNSKEY record that names the zone");
	}
	if (taking->problems->errors == 0)
		name_to_host(taking->apex, taking->name);
	return taking->problems->errors == 0;
}

/* BIND's and ldns's files have the zone in their names: Kexample.com.+013+12345.private. */
static bool
file_is_of(const char *file, const char *name)
{
	const char *base = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
	const char *plus = strchr(base, '+');
	size_t len = strcmp(name, ".") == 0 ? 0 : strlen(name);

	if (*base != 'K' || plus == NULL || plus < base + 2 || plus[-1] != '.')
		return true; /* another kind of name */
	if (strchr(name, '/') != NULL)
		return true; /* each program writes that in another way */
	return (size_t)(plus - 1 - (base + 1)) == len && strncasecmp(base + 1, name, len) == 0;
}

static bool
read_private(struct taking *taking, struct part *part)
{
	unsigned algorithm = 0;

	if (!file_is_of(part->file, taking->name)) {
		problems_error(
		    taking->problems, "%s is a key of another zone than %s", part->file, taking->name);
		return false;
	}
	part->key = key_read(taking->apex, part->text, DNSKEY_ZONE | DNSKEY_SEP, &algorithm);
	if (part->key != NULL)
		return true;
	if (algorithm != 0)
		problems_error(taking->problems,
		    "%s is a key of algorithm %u, and graycloud signs with 13 (ECDSA P-256) and 15 "
		    "(Ed25519): "
		    "roll to a key of one of them where the zone is signed now, then import that key",
		    part->file, algorithm);
	else
		problems_error(taking->problems, "%s is not a private key", part->file);
	return false;
}

/* Does the record belong to a private key? Then the key gets its flags. */
static bool
match(struct taking *taking, const struct part *record)
{
	for (size_t i = 0; i < taking->count; i++) {
		struct part *part = &taking->parts[i];
		struct signing_key row;

		if (part->key == NULL)
			continue;
		key_describe(part->key, &row);
		if (row.algorithm != record->public.algorithm ||
		    memcmp(row.dnskey + 4, record->public.dnskey + 4, sizeof row.dnskey - 4) != 0)
			continue;
		key_free(part->key);
		part->key = key_read(taking->apex, part->text, record->public.flags, &(unsigned){0});
		part->matched = part->key != NULL;
		return part->matched;
	}
	return false;
}

/* Only the record has the flags: without it, a key would be taken for one that a DS refers to. */
static void
look_for_records(struct taking *taking, bool records)
{
	for (size_t i = 0; i < taking->count; i++) {
		const struct part *part = &taking->parts[i];

		if (part->private && !part->matched && (records || starts(part->text, "-----BEGIN")))
			problems_error(taking->problems,
			    "%s: its DNSKEY record is missing: import its public file (.key), or a file with "
			    "what "
			    "`keymgr ZONE dnskey TAG` prints for this key, too",
			    part->file);
	}
}

static void
read_keys(struct taking *taking)
{
	bool sep = false, records = false;
	size_t keys = 0;

	for (size_t i = 0; i < taking->count; i++)
		if (taking->parts[i].private && read_private(taking, &taking->parts[i]))
			keys++;
	for (size_t i = 0; i < taking->count && taking->problems->errors == 0; i++) {
		const struct part *part = &taking->parts[i];

		if (part->private)
			continue;
		records = true;
		if (!name_equal(part->owner, taking->apex))
			problems_error(taking->problems, "%s has a DNSKEY of another zone than %s",
			    part->file, taking->name);
		else if (!match(taking, part))
			problems_error(taking->problems,
			    "%s: the public key %u belongs to no private key that is imported: the two do "
			    "not match",
			    part->file, part->public.key_tag);
	}
	if (taking->problems->errors == 0)
		look_for_records(taking, records);
	for (size_t i = 0; i < taking->count && taking->problems->errors == 0; i++) {
		struct signing_key row = {.flags = 0};

		if (taking->parts[i].key != NULL)
			key_describe(taking->parts[i].key, &row);
		sep |= row.flags & DNSKEY_SEP;
	}
	if (taking->problems->errors > 0)
		return;
	if (keys == 0 || keys > KEYS_MOST)
		problems_error(
		    taking->problems, "%zu private keys: a zone takes one, or a KSK and a ZSK", keys);
	else if (!sep)
		problems_error(taking->problems,
		    "none of the keys of %s is one that a DS refers to (flags 257): import the KSK, too",
		    taking->name);
}

/* ---- files ---- */

/* Is a private key there that is none of these? */
static bool
has_others(struct taking *taking, const char *directory)
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	bool others = false;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		bool ours = false;

		if (end == NULL || strcmp(end, ".private") != 0)
			continue;
		for (size_t i = 0; i < taking->count; i++) {
			char path[PATH_MAX];

			if (taking->parts[i].key != NULL && key_path(taking->parts[i].key, directory, path))
				ours |= strcmp(strrchr(path, '/') + 1, entry->d_name) == 0;
		}
		others |= !ours;
	}
	if (list != NULL)
		closedir(list);
	return others;
}

static void
save(struct taking *taking, bool check)
{
	char *all = xasprintf("%s/keys", taking->state),
	     *directory = key_directory(taking->state, taking->name);

	if (has_others(taking, directory))
		problems_error(taking->problems,
		    "zone %s has other keys here, in %s: to change keys, use `graycloud dnssec rollover`",
		    taking->name, directory);
	else if (!check && mkdir(all, 0700) < 0 && errno != EEXIST)
		problems_error(taking->problems, "cannot create %s: %s", all, strerror(errno));
	for (size_t i = 0; i < taking->count && !check && taking->problems->errors == 0; i++) {
		char path[PATH_MAX];
		struct stat info;

		if (taking->parts[i].key != NULL && key_path(taking->parts[i].key, directory, path) &&
		    stat(path, &info) < 0)
			key_save(taking->parts[i].key, directory, taking->problems);
	}
	free(directory);
	free(all);
}

char *
transfer_take(const char *state, const char *zone, FILE *in, bool check, struct problems *problems)
{
	struct taking *taking = xcalloc(1, sizeof *taking);
	char *text = xcalloc(1, TEXT_MOST + 1), *name = NULL;

	taking->state = state;
	taking->problems = problems;
	if (fread(text, 1, TEXT_MOST + 1, in) > TEXT_MOST)
		problems_error(problems, "the keys have more than %d octets", TEXT_MOST);
	text[TEXT_MOST] = '\0';
	cut(taking, text);
	if (choose_zone(taking, zone))
		read_keys(taking);
	if (problems->errors == 0)
		save(taking, check);
	if (problems->errors == 0)
		name = xstrdup(taking->name);
	for (size_t i = 0; i < taking->count; i++) {
		key_free(taking->parts[i].key);
		explicit_bzero(taking->parts[i].text, strlen(taking->parts[i].text));
		free(taking->parts[i].text);
	}
	explicit_bzero(text, TEXT_MOST);
	free(text);
	free(taking);
	return name;
}

static bool
give_file(const char *directory, const char *name, FILE *out, struct problems *problems)
{
	char *path = xasprintf("%s/%s", directory, name), line[4096];
	FILE *file = fopen(path, "re");
	bool good = file != NULL;

	if (good)
		fprintf(out, "; file %s\n", name);
	else
		problems_error(problems, "the key file %s cannot be read: %s", path, strerror(errno));
	while (good && fgets(line, sizeof line, file) != NULL)
		fputs(line, out);
	if (file != NULL)
		fclose(file);
	free(path);
	return good;
}

bool
transfer_give(const char *state, const char *zone, FILE *out, struct problems *problems)
{
	char *directory = key_directory(state, zone);
	DIR *list = opendir(directory);
	struct dirent *entry;
	bool some = false, good = list != NULL || errno == ENOENT;

	if (!good)
		problems_error(problems,
		    "%s cannot be read: %s: only root and the owner of the state directory may read keys",
		    directory, strerror(errno));
	while (list != NULL && good && (entry = readdir(list)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		if (end == NULL || strcmp(end, ".private") != 0)
			continue;
		some = true;
		good = give_file(directory, entry->d_name, out, problems);
		if (good) {
			char *public = xasprintf("%.*s.key", (int)(end - entry->d_name), entry->d_name);

			good = give_file(directory, public, out, problems);
			free(public);
		}
	}
	if (!some && good)
		problems_error(problems, "zone %s has no keys in %s", zone, directory);
	if (list != NULL)
		closedir(list);
	free(directory);
	return some && good && fflush(out) == 0;
}
