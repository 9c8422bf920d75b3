#include "signer/rollover/key_state.h"

#include "signer/rollover/rollover.h"
#include "zones/document/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- writing ---- */

static struct json *
id_json(const struct key_id *id)
{
	struct json *list = json_new_list();

	json_add(list, json_new_integer(id->algorithm));
	json_add(list, json_new_integer(id->key_tag));
	return list;
}

static struct json *
key_json(const struct signing_key *key)
{
	struct json *json = json_new_object(), *marks = json_new_list(), *since = json_new_list();
	struct key_id id = {key->algorithm, key->key_tag};

	json_put(json, "key", id_json(&id));
	json_put_integer(json, "flags", key->flags);
	json_put_integer(json, "created", key->created);
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		json_add(marks, json_new_integer(key->marks[i]));
		json_add(since, json_new_integer(key->since[i]));
	}
	json_put(json, "marks", marks);
	json_put(json, "since", since);
	return json;
}

static struct json *
former_json(const struct former_key *key)
{
	struct json *list = id_json(&key->id);
	char digest[2 * DIGEST_LEN + 1];

	hex_from_octets(digest, key->digest, DIGEST_LEN);
	json_add(list, json_new_text(digest));
	return list;
}

/* The members of struct rollover that are plain numbers. */
struct number {
	const char *name;
	int64_t value;
};

static void
put_numbers(struct json *json, const struct rollover *rollover)
{
	const struct number numbers[] = {{"step", rollover->step}, {"term", rollover->leading.term},
	    {"change", rollover->leading.change}, {"request", rollover->request}, {"began", rollover->began},
	    {"since", rollover->since}, {"looked", rollover->looked}, {"first", rollover->first},
	    {"until", rollover->until}, {"ttl_dnskey", rollover->ttl_dnskey}, {"ttl_ds", rollover->ttl_ds},
	    {"ttl_data", rollover->ttl_data}, {"ttl_ns", rollover->ttl_ns},
	    {"lacking_count", rollover->nlacking}};

	for (size_t i = 0; i < NITEMS(numbers); i++)
		json_put_integer(json, numbers[i].name, numbers[i].value);
}

char *
key_state_write(const struct key_state *state)
{
	const struct rollover *rollover = &state->rollover;
	struct json *json = json_new_object(), *keys = json_new_list(), *former = json_new_list(),
		    *lacking = json_new_list();
	char zone[NAME_MAX_TEXT], leader[17], *text;

	snprintf(leader, sizeof leader, "%016llx", (unsigned long long)rollover->leading.leader);
	json_put_text(json, "zone", name_to_host(state->apex, zone));
	json_put_text(json, "node", rollover->leading.name);
	json_put_text(json, "leader", leader);
	json_put_text(json, "procedure", rollover_kind_text(rollover->kind));
	json_put_bool(json, "emergency", rollover->hurry);
	json_put(json, "old", id_json(&rollover->old));
	json_put(json, "new", id_json(&rollover->new));
	put_numbers(json, rollover);
	for (unsigned i = 0; i < rollover->nlacking && i < ROLLOVER_SERVERS_MAX; i++)
		json_add(lacking, json_new_text(rollover->lacking[i]));
	json_put(json, "lacking", lacking);
	for (unsigned i = 0; i < state->nkeys; i++)
		json_add(keys, key_json(&state->keys[i]));
	json_put(json, "keys", keys);
	for (unsigned i = 0; i < state->nformer; i++)
		json_add(former, former_json(&state->former[i]));
	json_put(json, "former", former);
	text = json_write(json, false);
	json_drop(json);
	return text;
}

/* ---- reading ---- */

struct reading {
	struct key_state *state;
	const char *wrong; /* the member that cannot be read; NULL: none */
};

static int64_t
number_of(struct reading *reading, const struct json *value, const char *name, int64_t most)
{
	long long number = json_integer_of(value);

	if (json_kind(value) == JSON_KIND_INTEGER && number >= 0 && number <= most)
		return number;
	reading->wrong = name;
	return 0;
}

/* A text without control characters, which goes to terminals. */
static void
text_of(struct reading *reading, const struct json *value, const char *name, char *out, size_t room)
{
	const char *text = json_text(value);
	size_t len = text != NULL ? strlen(text) : room;

	for (size_t i = 0; i < len && len < room; i++)
		if (iscntrl((unsigned char)text[i]))
			len = room;
	if (len >= room)
		reading->wrong = name;
	else
		memcpy(out, text, len + 1);
}

static struct key_id
id_of(struct reading *reading, const struct json *list, const char *name)
{
	return (struct key_id){(uint8_t)number_of(reading, json_item(list, 0), name, UINT8_MAX),
	    (uint16_t)number_of(reading, json_item(list, 1), name, UINT16_MAX)};
}

static void
read_key(struct reading *reading, const struct json *json)
{
	struct signing_key *key = &reading->state->keys[reading->state->nkeys++];
	struct key_id id = id_of(reading, json_member(json, "key"), "key");

	key->algorithm = id.algorithm;
	key->key_tag = id.key_tag;
	key->flags = (uint16_t)number_of(reading, json_member(json, "flags"), "flags", UINT16_MAX);
	key->created = number_of(reading, json_member(json, "created"), "created", INT64_MAX);
	for (unsigned i = 0; i < KEY_MARKS; i++) {
		key->marks[i] = (uint8_t)number_of(
		    reading, json_item(json_member(json, "marks"), i), "marks", MARK_GOING);
		key->since[i] =
		    number_of(reading, json_item(json_member(json, "since"), i), "since", INT64_MAX);
	}
}

static void
read_procedure(struct reading *reading, const struct json *json)
{
	struct rollover *rollover = &reading->state->rollover;
	const struct rollover_step *step;
	unsigned count, kind = 0;

	while (
	    kind < ROLLOVER_KINDS && strcmp(rollover_kind_text(kind), json_text_of(json, "procedure")) != 0)
		kind++;
	rollover_steps(kind, &count);
	rollover->kind = (uint8_t)kind;
	rollover->steps = (uint8_t)count;
	rollover->step =
	    (uint8_t)number_of(reading, json_member(json, "step"), "step", count > 0 ? count - 1 : 0);
	rollover->hurry = json_truth(json_member(json, "emergency"));
	rollover->old = id_of(reading, json_member(json, "old"), "old");
	rollover->new = id_of(reading, json_member(json, "new"), "new");
	if (kind == ROLLOVER_KINDS)
		reading->wrong = "procedure";
	else if ((step = rollover_step(rollover)) != NULL)
		snprintf(rollover->doing, sizeof rollover->doing, "%s", step->doing);
}

static void
read_numbers(struct reading *reading, const struct json *json)
{
	struct rollover *rollover = &reading->state->rollover;
	const struct {
		const char *name;
		uint32_t *out;
	} numbers[] = {{"term", &rollover->leading.term}, {"change", &rollover->leading.change},
	    {"request", &rollover->leading.asked}, {"ttl_dnskey", &rollover->ttl_dnskey},
	    {"ttl_ds", &rollover->ttl_ds}, {"ttl_data", &rollover->ttl_data}, {"ttl_ns", &rollover->ttl_ns},
	    {"lacking_count", &rollover->nlacking}};
	const struct {
		const char *name;
		int64_t *out;
	} times[] = {{"began", &rollover->began}, {"since", &rollover->since}, {"looked", &rollover->looked},
	    {"first", &rollover->first}, {"until", &rollover->until}};

	for (size_t i = 0; i < NITEMS(numbers); i++)
		*numbers[i].out = (uint32_t)number_of(
		    reading, json_member(json, numbers[i].name), numbers[i].name, INT32_MAX);
	for (size_t i = 0; i < NITEMS(times); i++)
		*times[i].out =
		    number_of(reading, json_member(json, times[i].name), times[i].name, INT64_MAX);
}

static void
read_leader(struct reading *reading, const struct json *json)
{
	struct leading *leading = &reading->state->rollover.leading;
	const char *leader = json_text_of(json, "leader");
	uint8_t octets[8];

	text_of(reading, json_member(json, "node"), "node", leading->name, sizeof leading->name);
	if (octets_from_hex(octets, leader, sizeof octets))
		leading->leader = get64(octets);
	else
		reading->wrong = "leader";
}

static void
read_lacking(struct reading *reading, const struct json *list)
{
	struct rollover *rollover = &reading->state->rollover;

	if (json_count(list) != MIN(rollover->nlacking, (unsigned)ROLLOVER_SERVERS_MAX))
		reading->wrong = "lacking";
	for (size_t i = 0; i < json_count(list) && i < ROLLOVER_SERVERS_MAX; i++)
		text_of(reading, json_item(list, i), "lacking", rollover->lacking[i], ROLLOVER_TEXT);
}

/* States of before there was such a list have none. */
static void
read_former(struct reading *reading, const struct json *list)
{
	struct key_state *state = reading->state;

	if (list != NULL && (json_kind(list) != JSON_KIND_LIST || json_count(list) > KEY_STATE_FORMER)) {
		reading->wrong = "former";
		return;
	}
	for (size_t i = 0; i < json_count(list); i++) {
		struct former_key *key = &state->former[state->nformer++];
		const char *digest = json_text(json_item(json_item(list, i), 2));

		key->id = id_of(reading, json_item(list, i), "former");
		if (digest == NULL || !octets_from_hex(key->digest, digest, DIGEST_LEN))
			reading->wrong = "former";
	}
}

static void
read_all(struct reading *reading, const struct json *json)
{
	const struct json *keys = json_member(json, "keys");
	uint8_t wire[NAME_MAX_LEN + 1];

	if (name_from_text(wire, json_text_of(json, "zone"), NULL) == 0)
		reading->wrong = "zone";
	else
		name_lower(reading->state->apex, wire);
	read_procedure(reading, json);
	read_numbers(reading, json);
	read_leader(reading, json);
	read_lacking(reading, json_member(json, "lacking"));
	if (json_count(keys) == 0 || json_count(keys) > KEY_STATE_KEYS)
		reading->wrong = "keys";
	else
		for (size_t i = 0; i < json_count(keys); i++)
			read_key(reading, json_item(keys, i));
	read_former(reading, json_member(json, "former"));
}

bool
key_state_read(struct key_state *state, const char *text, struct problems *problems)
{
	struct json *json = json_read_quietly((struct bytes){text, strlen(text)});
	struct reading reading = {.state = state};

	*state = (struct key_state){.nkeys = 0};
	if (json == NULL)
		reading.wrong = "text";
	else
		read_all(&reading, json);
	json_drop(json);
	if (reading.wrong != NULL)
		problems_error(problems,
		    "the state of the keys cannot be read (its %s): export it with the version of graycloud "
		    "that runs here",
		    reading.wrong);
	return reading.wrong == NULL;
}

/* ---- who is obeyed ---- */

enum key_state_order
key_state_compare(const struct rollover *here, const struct rollover *there)
{
	const struct leading *ours = &here->leading, *theirs = &there->leading;

	if (!rollover_kind_is_led(there->kind) && there->kind != ROLLOVER_NONE)
		return KEY_STATE_SAME; /* each node goes through that alone */
	if (!rollover_kind_is_led(here->kind) && here->kind != ROLLOVER_NONE && here->kind != ROLLOVER_ENABLE)
		return there->kind == ROLLOVER_NONE ? KEY_STATE_SAME : KEY_STATE_BUSY;
	if (ours->term != theirs->term)
		return theirs->term > ours->term ? KEY_STATE_NEWER : KEY_STATE_OLDER;
	if (ours->term == 0)
		return here->kind == ROLLOVER_ENABLE ? KEY_STATE_NEWER : KEY_STATE_SAME;
	/* Two nodes began at once. Both must come to the same answer. */
	if (ours->leader != theirs->leader)
		return theirs->leader > ours->leader ? KEY_STATE_NEWER : KEY_STATE_RIVAL;
	if (ours->change == theirs->change)
		return KEY_STATE_SAME;
	return theirs->change > ours->change ? KEY_STATE_NEWER : KEY_STATE_OLDER;
}

static bool
knows(const struct key_state *state, const struct signing_key *row)
{
	for (unsigned i = 0; i < state->nkeys; i++)
		if (state->keys[i].algorithm == row->algorithm && state->keys[i].key_tag == row->key_tag)
			return true;
	return false;
}

void
key_state_add_former(struct key_state *state, const struct signing_key *key)
{
	if (state->nformer < KEY_STATE_FORMER && !knows(state, key))
		former_key_of(key, &state->former[state->nformer++]);
}

bool
key_state_is_former(const struct key_state *state, const struct signing_key *key)
{
	struct former_key wanted;

	former_key_of(key, &wanted);
	for (unsigned i = 0; i < state->nformer; i++)
		if (former_key_same(&state->former[i], &wanted))
			return true;
	return false;
}

const struct signing_key *
key_state_loses(const struct key_state *state, const struct rollover *here, const struct signing_key *rows,
    unsigned count)
{
	const struct leading *theirs = &state->rollover.leading;

	if (here->leading.term != theirs->term || here->leading.leader == theirs->leader)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		if (rows[i].marks[MARK_DS] != MARK_HIDDEN && !knows(state, &rows[i]))
			return &rows[i];
	return NULL;
}

void
leading_begin(struct rollover *rollover)
{
	struct leading *leading = &rollover->leading;

	leading->term++;
	leading->change++;
	random_bytes(&leading->leader, sizeof leading->leader);
	leading->follows = false;
	leading->name[0] = '\0';
}
