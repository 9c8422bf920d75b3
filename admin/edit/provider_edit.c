#include "admin/edit/provider_edit.h"

#include "admin/edit/dnssec_edit.h"
#include "zones/document/public_key.h"

#include <stdlib.h>

#define KEYS "provider_keys"

static uint16_t
tag_of(const struct public_key *key)
{
	return dnskey_tag(key->dnskey, key->len);
}

static bool
has(const struct json *list, const char *text)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(json_text(json_item(list, i)), text) == 0)
			return true;
	return false;
}

static struct json *
list_of(const struct json *document)
{
	const struct json *list = json_member(document, KEYS);

	return list != NULL ? json_clone(list) : json_new_list();
}

void
provider_edit_add(struct change *change, const char *name, const struct public_key *keys, size_t count)
{
	struct id id;
	struct json *document = dnssec_edit_policy(change, name, &id), *list = list_of(document);
	size_t before = json_count(list);

	for (size_t i = 0; i < count; i++) {
		char *text = public_key_text(&keys[i]);

		if (!has(list, text))
			json_add_text(list, text);
		free(text);
	}
	if (document != NULL && json_count(list) == before)
		problems_error(&change->problems, "zone %s has these keys of another provider already", name);
	else if (document != NULL) {
		json_put(document, KEYS, json_clone(list));
		dnssec_edit_put(change, document, &id,
		    "keys of another provider come: `graycloud dnssec status` shows each step");
	}
	json_drop(list);
	json_drop(document);
}

/* Take a key out of the list. False if it is not there. */
static bool
take_out(struct json *list, uint16_t tag)
{
	struct problems problems = {0};
	struct public_key key;
	bool found = false;

	for (size_t i = 0; i < json_count(list) && !found; i++) {
		found =
		    public_key_read(&key, json_text(json_item(list, i)), &problems) && tag_of(&key) == tag;
		if (found)
			json_remove_item(list, i);
	}
	problems_free(&problems);
	return found;
}

void
provider_edit_remove(struct change *change, const char *name, const uint16_t *tags, size_t count)
{
	struct id id;
	struct json *document = dnssec_edit_policy(change, name, &id), *list = list_of(document);

	for (size_t i = 0; i < count && document != NULL; i++)
		if (!take_out(list, tags[i]))
			problems_error(
			    &change->problems, "zone %s has no key %u of another provider", name, tags[i]);
	if (document != NULL && change->problems.errors == 0) {
		json_put(document, KEYS, json_clone(list));
		dnssec_edit_put(change, document, &id,
		    "keys of another provider go: `graycloud dnssec status` shows each step");
	}
	json_drop(list);
	json_drop(document);
}
