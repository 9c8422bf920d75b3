/* dnssec provider: keys of another provider that signs the zone, too (S110). */
#include "admin/commands/cmd_dnssec_provider.h"

#include "admin/cli/report.h"
#include "admin/commands/cmd_dnssec_status.h"
#include "admin/commands/command_change.h"
#include "admin/edit/dnssec_edit.h"
#include "admin/edit/provider_edit.h"
#include "zones/base/input.h"
#include "zones/base/text.h"
#include "zones/document/public_key.h"

#include <errno.h>
#include <stdlib.h>

/* ---- records ---- */

static void
read_record(struct provider_keys *keys, const char *text, struct problems *problems)
{
	if (keys->count == PROVIDER_KEYS_MAX)
		problems_error(problems, "%d keys of other providers are the most", PROVIDER_KEYS_MAX);
	else if (public_key_read(&keys->list[keys->count], text, problems))
		keys->count++;
}

/* Lines that are no DNSKEY record, as comments and signatures in the output of dig, are passed over. */
static bool
is_passed_over(const char *line)
{
	line += strspn(line, " \t");
	return *line == '\0' || *line == ';' || strstr(line, "RRSIG") != NULL ||
	    strncmp(line, "DNSKEY ", 7) == 0;
}

static bool
read_lines(struct provider_keys *keys, FILE *file, const char *name, struct problems *problems)
{
	size_t before = keys->count, errors = problems->errors, room = 0;
	char *line = NULL;

	while (text_line(&line, &room, file) >= 0 && problems->errors == errors) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!is_passed_over(line))
			read_record(keys, line, problems);
	}
	free(line);
	if (keys->count == before && problems->errors == errors)
		problems_error(problems, "there is no DNSKEY record in %s", name);
	return problems->errors == errors;
}

bool
provider_keys_read(struct provider_keys *keys, const char *word, struct problems *problems)
{
	size_t errors = problems->errors;
	FILE *file;

	if (strcmp(word, "-") == 0)
		return read_lines(keys, stdin, "standard input", problems);
	if (strpbrk(word, " \t") != NULL) {
		read_record(keys, word, problems);
	} else if ((file = input_open(word)) == NULL) {
		problems_error(problems,
		    "%s cannot be read: %s%s; a record in place of a file is one word: '257 3 13 KEY'", word,
		    strerror(errno), input_hint(errno));
	} else {
		read_lines(keys, file, word, problems);
		fclose(file);
	}
	return problems->errors == errors;
}

/* ---- add ---- */

struct adding {
	const char *zone;
	struct provider_keys keys;
};

static void
add(struct change *change, void *arg)
{
	const struct adding *adding = arg;
	char *name = dnssec_edit_zone(change->txn, adding->zone, &change->problems);

	if (name != NULL)
		provider_edit_add(change, name, adding->keys.list, adding->keys.count);
	free(name);
}

/* The DNSKEY RRset of the other provider may have the keys of this zone already: those are left out. */
static bool
leave_out_own(struct provider_keys *keys, const struct dnssec_state *state, const char *zone)
{
	size_t kept = 0, given = keys->count;

	for (size_t i = 0; i < given; i++) {
		const struct public_key *key = &keys->list[i];
		uint16_t tag = dnskey_tag(key->dnskey, key->len);
		bool own = false;

		for (unsigned n = 0; n < state->nkeys && !own; n++) {
			own = memcmp(state->keys[n].dnskey, key->dnskey, key->len) == 0;
			if (own || state->keys[n].key_tag != tag)
				continue;
			report_error(
			    "a key of zone %s has the tag %u, too: the other provider needs another one, as "
			    "validators tell keys by their tags",
			    zone, tag);
			return false;
		}
		if (!own)
			keys->list[kept++] = *key;
	}
	keys->count = kept;
	if (kept == 0)
		report_error("these are the keys of zone %s itself: give those of the other provider", zone);
	return kept > 0;
}

static enum exit_code
run_add(struct args *args, const char *zone, const struct dnssec_state *state)
{
	struct adding adding = {.zone = args->words[2]};
	struct problems problems = {0};

	for (size_t i = 3; i < args->count; i++)
		if (!provider_keys_read(&adding.keys, args->words[i], &problems))
			break;
	if (problems.errors > 0) {
		report_problems(&problems);
		problems_free(&problems);
		return EXIT_REFUSED;
	}
	return leave_out_own(&adding.keys, state, zone) ? command_change(args, add, &adding) : EXIT_REFUSED;
}

/* ---- remove ---- */

struct removing {
	const char *zone;
	uint16_t tags[PROVIDER_KEYS_MAX];
	size_t count;
};

static void
take_out(struct change *change, void *arg)
{
	const struct removing *removing = arg;
	char *name = dnssec_edit_zone(change->txn, removing->zone, &change->problems);

	if (name != NULL)
		provider_edit_remove(change, name, removing->tags, removing->count);
	free(name);
}

static enum exit_code
run_remove(struct args *args)
{
	struct removing removing = {.zone = args->words[2]};

	if (args->count - 3 > PROVIDER_KEYS_MAX)
		return args_misused(args, "%d keys of other providers are the most", PROVIDER_KEYS_MAX);
	for (size_t i = 3; i < args->count; i++) {
		uint64_t tag;

		if (!whole_from_text(args->words[i], UINT16_MAX, &tag))
			return args_misused(args,
			    "%s is not the tag of a key: `graycloud dnssec status` shows them",
			    args->words[i]);
		removing.tags[removing.count++] = (uint16_t)tag;
	}
	return command_change(args, take_out, &removing);
}

enum exit_code
dnssec_provider_run(struct args *args)
{
	const char *verb = args_word(args, 1) ? args_word(args, 1) : "";
	bool adds = strcmp(verb, "add") == 0;
	char text[NAME_MAX_TEXT];
	struct dnssec_state state;
	enum exit_code code;
	const char *zone;

	if ((!adds && strcmp(verb, "remove") != 0) || args->count < 4)
		return args_misused(args,
		    "provider takes add, a zone and DNSKEY records (-: those of standard input), or remove, "
		    "a zone and "
		    "tags of keys");
	zone = dnssec_clean_name(args->words[2], text);
	if (!dnssec_state_read(args, zone, &state))
		return EXIT_REFUSED;
	code = adds ? run_add(args, zone, &state) : run_remove(args);
	if (code == EXIT_DONE && !state.alive)
		report_note("graycloud-signer does not run: the steps begin when you start it");
	return code;
}
