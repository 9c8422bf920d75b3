#include "signer/keys/keyring_saved.h"

#include "zones/base/text.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_KEYS = 1, LINE_PROVIDERS, LINES };

/* To be freed. */
static char *
path_of(const struct keyring *keyring)
{
	return xasprintf("%s/state", keyring->directory);
}

/* ---- writing ---- */

/* Of which policy of which zone it is; to be freed. */
static char *
head_of(const struct keyring *keyring)
{
	return xasprintf("%s %u", keyring->policy, keyring->zone);
}

static char *
line_of(const struct keyring *keyring, const struct signing_key *rows, unsigned count)
{
	struct key_state state = {.rollover = keyring->rollover, .nkeys = count};

	memcpy(state.apex, keyring->apex, name_len(keyring->apex));
	memcpy(state.keys, rows, count * sizeof *rows);
	return key_state_write(&state);
}

void
keyring_save_state(struct keyring *keyring)
{
	char *path = path_of(keyring), *head = head_of(keyring),
	     *keys = line_of(keyring, keyring->rows, keyring->count),
	     *providers = line_of(keyring, keyring->providers.rows, keyring->providers.count),
	     *text = xasprintf("%s\n%s\n%s\n", head, keys, providers);

	if (keyring->saved != NULL && strcmp(keyring->saved, text) == 0) {
		free(text);
	} else if (text_replace_file(path, text, 0600)) {
		free(keyring->saved);
		keyring->saved = text;
		keyring->unsaved = false;
	} else {
		if (!keyring->unsaved)
			warnx("%s cannot be written: %s; if the store of signatures is lost, the state of "
			      "the keys is, too",
			    path, strerror(errno));
		keyring->unsaved = true;
		free(text);
	}
	free(providers);
	free(keys);
	free(head);
	free(path);
}

void
keyring_forget_state(const struct keyring *keyring)
{
	char *path = path_of(keyring);

	unlink(path);
	free(path);
}

/* ---- reading ---- */

/* The lines of the file; each is to be freed. False if it is not there, or of something else. */
static bool
read_lines(const struct keyring *keyring, char *lines[LINES])
{
	char *path = path_of(keyring), *head = head_of(keyring);
	FILE *file = fopen(path, "re");
	bool good = file != NULL;

	for (unsigned i = 0; i < LINES; i++) {
		size_t room = 0;
		ssize_t len;

		lines[i] = NULL;
		len = good ? text_line(&lines[i], &room, file) : -1;
		good = len > 0 && lines[i][len - 1] == '\n';
		if (good)
			lines[i][len - 1] = '\0';
	}
	good = good && strcmp(lines[0], head) == 0;
	if (file != NULL)
		fclose(file);
	free(head);
	free(path);
	return good;
}

static bool
read_state(const struct keyring *keyring, const char *line, struct key_state *state)
{
	struct problems problems = {0};
	bool good = key_state_read(state, line, &problems) && name_equal(state->apex, keyring->apex);

	problems_free(&problems);
	return good;
}

/* Keys of other providers that the policy still has get their marks. */
static void
recover_providers(struct keyring *keyring, const char *line)
{
	struct providers *providers = &keyring->providers;
	struct key_state state;

	if (!read_state(keyring, line, &state))
		return; /* there were none */
	for (unsigned i = 0; i < state.nkeys; i++)
		for (unsigned n = 0; n < providers->count; n++) {
			struct signing_key *row = &providers->rows[n];

			if (row->algorithm != state.keys[i].algorithm ||
			    row->key_tag != state.keys[i].key_tag)
				continue;
			row->created = state.keys[i].created;
			memcpy(row->marks, state.keys[i].marks, sizeof row->marks);
			memcpy(row->since, state.keys[i].since, sizeof row->since);
		}
}

static bool
load_keys(struct keyring *keyring, const struct key_state *state, struct problems *problems)
{
	for (unsigned i = 0; i < state->nkeys; i++) {
		const struct signing_key *there = &state->keys[i];
		struct key_id id = {there->algorithm, there->key_tag};
		struct key *key = key_find(keyring->apex, &id, there->flags, keyring->directory, problems);
		struct signing_key *row = &keyring->rows[keyring->count];

		if (key == NULL)
			return false;
		key_describe(key, row);
		row->created = there->created;
		memcpy(row->marks, there->marks, sizeof row->marks);
		memcpy(row->since, there->since, sizeof row->since);
		keyring->keys[keyring->count++] = key;
	}
	return true;
}

static void
recover_procedure(struct keyring *keyring, const struct rollover *saved, const struct dnssec_policy *policy)
{
	struct rollover *rollover = &keyring->rollover;

	*rollover = *saved;
	rollover->leading.follows = rollover->leading.name[0] != '\0';
	/* Requests that were taken are not taken again. The number of the leading node is in asked. */
	rollover->request = rollover->leading.follows ? policy->rollover : rollover->leading.asked;
	rollover->leading.asked = rollover->leading.follows ? rollover->leading.asked : 0;
	rollover->cancelled = policy->cancelled;
	rollover->leading.led = policy->lead;
	rollover->first = rollover->until = 0;
	/* Keys that the policy has no longer cannot go by steps: their records are gone. */
	if (rollover->kind == ROLLOVER_PROVIDER_GOES) {
		rollover->kind = ROLLOVER_NONE;
		rollover->step = rollover->steps = 0;
	}
}

bool
keyring_recover(struct keyring *keyring, const struct dnssec_policy *policy, struct problems *problems)
{
	char *lines[LINES];
	struct key_state state;
	bool good = read_lines(keyring, lines) && read_state(keyring, lines[LINE_KEYS], &state) &&
	    load_keys(keyring, &state, problems);

	if (good) {
		recover_procedure(keyring, &state.rollover, policy);
		recover_providers(keyring, lines[LINE_PROVIDERS]);
		warnx("zone %s: the state of its keys was lost with the store of signatures: that of "
		      "%s/state is "
		      "taken",
		    keyring->name, keyring->directory);
	}
	for (unsigned i = 0; i < LINES; i++)
		free(lines[i]);
	return good;
}
