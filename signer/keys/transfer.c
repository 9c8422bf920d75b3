#include "signer/keys/transfer.h"

#include "signer/keys/arrivals.h"
#include "signer/keys/key.h"
#include "signer/keys/retired.h"
#include "signer/keys/state_here.h"
#include "zones/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { KEYS_MOST = 2, PARTS_MOST = 32, TEXT_MOST = 1 << 16, WAIT_MS = 5000, LOOK_MS = 20 };

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
	const char *state_line;     /* within the text; NULL: it has no state of the keys */
	struct key_state key_state; /* the same */
	struct state_here here;
	enum key_state_order order; /* of the two */
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
		} else if (starts(line, "; state ")) {
			taking->state_line = line + strlen("; state ");
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
	if (keys == 0 || keys > (taking->state_line != NULL ? KEY_STATE_KEYS : KEYS_MOST))
		problems_error(
		    taking->problems, "%zu private keys: a zone takes one, or a KSK and a ZSK", keys);
	else if (!sep)
		problems_error(taking->problems,
		    "none of the keys of %s is one that a DS refers to (flags 257): import the KSK, too",
		    taking->name);
}

/* ---- the state ---- */

static bool
has_key(const struct taking *taking, const struct signing_key *wanted)
{
	for (size_t i = 0; i < taking->count; i++) {
		struct signing_key row;

		if (taking->parts[i].key == NULL)
			continue;
		key_describe(taking->parts[i].key, &row);
		if (row.algorithm == wanted->algorithm && row.key_tag == wanted->key_tag)
			return true;
	}
	return false;
}

/* The text has the private keys of the state, and no others. */
static void
check_state(struct taking *taking)
{
	const struct key_state *state = &taking->key_state;
	size_t keys = 0;

	if (!name_equal(state->apex, taking->apex))
		problems_error(
		    taking->problems, "the state of the keys is that of another zone than %s", taking->name);
	for (size_t i = 0; i < taking->count; i++)
		keys += taking->parts[i].key != NULL;
	for (unsigned i = 0; i < state->nkeys; i++)
		if (!has_key(taking, &state->keys[i]))
			problems_error(taking->problems,
			    "key %u, which the state has, is missing: give the whole text of `graycloud "
			    "dnssec keys export %s`",
			    state->keys[i].key_tag, taking->name);
	if (taking->problems->errors == 0 && keys != state->nkeys)
		problems_error(
		    taking->problems, "there are keys that the state does not have: export it again");
}

static void
refuse_older(struct taking *taking, const struct leading *there, const struct leading *here)
{
	const char *name = taking->name;

	if (taking->order == KEY_STATE_OLDER)
		problems_error(taking->problems,
		    "zone %s: this state is older than the one here (term %u, change %u; here %u, %u), which "
		    "is "
		    "that of %s: export the keys there, and import them at all others",
		    name, there->term, there->change, here->term, here->change, here->name);
	else if (taking->order == KEY_STATE_RIVAL)
		problems_error(taking->problems,
		    "zone %s: a rollover was begun at two nodes at the same time, and the other node, %s, is "
		    "to follow: export the keys here, and import them there",
		    name, there->name);
	else if (taking->order == KEY_STATE_BUSY)
		problems_error(taking->problems,
		    "zone %s: a procedure of this node runs (%s) and ends first: import the keys again then",
		    name, rollover_kind_text(taking->here.state.rollover.kind));
}

/* May the state be taken over here? */
static void
judge_state(struct taking *taking)
{
	const struct key_state *state = &taking->key_state, *here = &taking->here.state;
	const struct signing_key *lost;

	if (!key_state_read(&taking->key_state, taking->state_line, taking->problems))
		return;
	check_state(taking);
	state_here_read(taking->state, taking->apex, &taking->here);
	if (taking->problems->errors > 0 || !taking->here.known)
		return;
	taking->order = key_state_compare(&here->rollover, &state->rollover);
	refuse_older(taking, &state->rollover.leading, &here->rollover.leading);
	lost = key_state_loses(state, &here->rollover, here->keys, here->nkeys);
	if (taking->problems->errors == 0 && lost != NULL)
		problems_error(taking->problems,
		    "zone %s: a rollover was begun at two nodes at the same time, and the DS of key %u, "
		    "which "
		    "only this node has, may be at the parent: `graycloud dnssec rollover %s --lead` at the "
		    "node whose rollover is to go on, then export the keys there",
		    taking->name, lost->key_tag, taking->name);
}

/* Hand it to the signer, and wait for it. Returns a remark. */
static char *
hand_over(struct taking *taking)
{
	const struct rollover *rollover = &taking->key_state.rollover;
	bool follows = rollover_follows(&taking->here.state.rollover), there = taking->here.known;

	if (there && taking->order == KEY_STATE_SAME && !follows)
		return xstrdup("nothing new");
	if (!arrival_put(taking->state, &taking->key_state, taking->problems))
		return NULL;
	if (there && !taking->here.alive)
		return xstrdup("graycloud-signer does not run: it takes them over when you start it");
	for (int waited = 0; there && waited < WAIT_MS && arrival_waits(taking->state, taking->apex);
	     waited += LOOK_MS)
		poll(NULL, 0, LOOK_MS);
	if (there && arrival_waits(taking->state, taking->apex))
		return xstrdup("graycloud-signer has not taken them over yet");
	if (there && taking->order == KEY_STATE_SAME)
		return xstrdup("nothing new");
	if (!rollover_kind_is_led(rollover->kind))
		return there ? xasprintf("the rollover of %s is over", rollover->leading.name) : NULL;
	return xasprintf("%s leads: %s, step %u of %u", rollover->leading.name,
	    rollover_kind_text(rollover->kind), rollover->step + 1u, rollover->steps);
}

/* ---- files ---- */

/* The private keys that are here already. */
struct present {
	bool others;  /* some are none of these */
	bool shared;  /* some are */
	bool strange; /* some of the others did not leave, by the state */
};

static bool
is_ours(const struct taking *taking, const char *directory, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < taking->count; i++)
		if (taking->parts[i].key != NULL && key_path(taking->parts[i].key, directory, path) &&
		    strcmp(strrchr(path, '/') + 1, name) == 0)
			return true;
	return false;
}

/* Is it the file of a key that has left at the other node? */
static bool
is_former(const struct taking *taking, const char *directory, const char *name)
{
	struct problems ignored = {0};
	struct signing_key row;
	struct key *key;

	if (taking->key_state.nformer == 0)
		return false;
	key = key_adopt(taking->apex, directory, name, key_flags_beside(directory, name), &ignored);
	if (key != NULL)
		key_describe(key, &row);
	key_free(key);
	problems_free(&ignored);
	return key != NULL && key_state_is_former(&taking->key_state, &row);
}

static struct present
look_at_files(const struct taking *taking, const char *directory)
{
	struct present present = {.others = false};
	DIR *list = opendir(directory);
	struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		if (end == NULL || strcmp(end, ".private") != 0)
			continue;
		if (is_ours(taking, directory, entry->d_name)) {
			present.shared = true;
			continue;
		}
		present.others = true;
		present.strange |= !is_former(taking, directory, entry->d_name);
	}
	if (list != NULL)
		closedir(list);
	return present;
}

/*
 * A state may lack keys that are here, because they leave. If it lacks all of them, it has to name them as
 * keys that have left: this node was away meanwhile. Other keys have nothing to do with these.
 */
static void
judge_files(struct taking *taking, const char *directory)
{
	struct present present = look_at_files(taking, directory);
	bool state = taking->state_line != NULL, away = state && !present.strange;

	if (!present.others || (present.shared && state))
		return;
	if (!away)
		problems_error(taking->problems,
		    "zone %s has other keys here, in %s%s: to change keys, use `graycloud dnssec rollover`",
		    taking->name, directory,
		    state ? ", of which the node that these are from does not know that they have left" : "");
	else if (taking->here.known && taking->order != KEY_STATE_NEWER)
		problems_error(taking->problems,
		    "zone %s: the keys here are those of an earlier rollover, and %s goes on at the node "
		    "that "
		    "these are from: import them again when it is over",
		    taking->name, rollover_kind_text(taking->key_state.rollover.kind));
}

static void
save(struct taking *taking, bool check)
{
	char *all = xasprintf("%s/keys", taking->state),
	     *directory = key_directory(taking->state, taking->name);

	judge_files(taking, directory);
	if (taking->problems->errors == 0 && !check && mkdir(all, 0700) < 0 && errno != EEXIST)
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
transfer_take(
    const char *state, const char *zone, FILE *in, bool check, char **said, struct problems *problems)
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
	*said = NULL;
	if (problems->errors == 0 && taking->state_line != NULL)
		judge_state(taking);
	if (problems->errors == 0)
		save(taking, check);
	if (problems->errors == 0 && taking->state_line != NULL && !check)
		*said = hand_over(taking);
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

/* Does the signer know the key of this file? Keys that leave or come may have files for a moment longer. */
static bool
is_known(const struct state_here *here, const char *file)
{
	for (unsigned i = 0; i < here->state.nkeys; i++) {
		const struct signing_key *key = &here->state.keys[i];
		char end[32];
		size_t len =
		    (size_t)snprintf(end, sizeof end, "+%03u+%05u.private", key->algorithm, key->key_tag);

		if (strlen(file) > len && strcmp(file + strlen(file) - len, end) == 0)
			return true;
	}
	return !here->known;
}

static bool
give_pair(const char *directory, const char *name, FILE *out, struct problems *problems)
{
	char *public = xasprintf("%.*s.key", (int)(strrchr(name, '.') - name), name);
	bool good = give_file(directory, name, out, problems) && give_file(directory, public, out, problems);

	free(public);
	return good;
}

bool
transfer_give(const char *state, const char *zone, FILE *out, struct problems *problems)
{
	uint8_t apex[NAME_MAX_LEN + 1];
	bool named = name_from_text(apex, zone, NULL) > 0;
	char name[NAME_MAX_TEXT], *directory, *line;
	DIR *list;
	struct dirent *entry;
	struct state_here here = {.known = false};
	bool some = false, good;

	if (named)
		name_lower(apex, apex);
	directory = key_directory(state, named ? name_to_host(apex, name) : zone);
	list = opendir(directory);
	good = list != NULL || errno == ENOENT;
	if (!good)
		problems_error(problems,
		    "%s cannot be read: %s: only root and the owner of the state directory may read keys",
		    directory, strerror(errno));
	if (list != NULL && named)
		state_here_read(state, apex, &here);
	while (list != NULL && good && (entry = readdir(list)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		if (end == NULL || strcmp(end, ".private") != 0 || !is_known(&here, entry->d_name))
			continue;
		some = true;
		good = give_pair(directory, entry->d_name, out, problems);
	}
	if (!some && good)
		problems_error(problems, "zone %s has no keys in %s", zone, directory);
	if (some && good && here.known) {
		retired_read(directory, &here.state);
		line = key_state_write(&here.state);
		fprintf(out, "; state %s\n", line);
		free(line);
	}
	if (list != NULL)
		closedir(list);
	free(directory);
	return some && good && fflush(out) == 0;
}
