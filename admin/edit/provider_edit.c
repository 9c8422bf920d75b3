#include "admin/edit/provider_edit.h"

#include "admin/edit/dnssec_edit.h"
#include "zones/base/text.h"
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

/* "key 7 of another provider comes" with what it does before it is there, or gone; malloc. */
static char *
text_of(const uint16_t *tags, size_t count, const char *one, const char *several, const char *waits)
{
	char *text = NULL, *whole;
	size_t len;
	FILE *out = text_stream(&text, &len);

	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%u", i == 0 ? "" : i + 1 < count ? ", " : " and ", tags[i]);
	fclose(out);
	whole = xasprintf("key%s %s of another provider %s: %s; `graycloud dnssec status` shows each step",
	    count == 1 ? "" : "s", text, count == 1 ? one : several, waits);
	free(text);
	return whole;
}

void
provider_edit_add(struct change *change, const char *name, const struct public_key *keys, size_t count)
{
	struct id id;
	struct json *document = dnssec_edit_policy(change, name, &id), *list = list_of(document);
	uint16_t *tags = xcalloc(count, sizeof *tags);
	size_t added = 0;

	for (size_t i = 0; i < count; i++) {
		char *text = public_key_text(&keys[i]);

		if (!has(list, text)) {
			json_add_text(list, text);
			tags[added++] = tag_of(&keys[i]);
		}
		free(text);
	}
	if (document != NULL && added == 0)
		problems_error(&change->problems, "zone %s has these keys of another provider already", name);
	else if (document != NULL) {
		char *text = text_of(tags, added, "comes", "come",
		    "all nameservers, those of the other provider too, must have the DNSKEY of both, and "
		    "then "
		    "the parent the DS of both");

		json_put(document, KEYS, json_clone(list));
		dnssec_edit_put(change, document, &id, text);
		free(text);
	}
	free(tags);
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
		char *text = text_of(tags, count, "goes", "go",
		    "no nameserver may have signatures of a key that leaves, and then the parent no DS of "
		    "it");

		json_put(document, KEYS, json_clone(list));
		dnssec_edit_put(change, document, &id, text);
		free(text);
	}
	json_drop(list);
	json_drop(document);
}
