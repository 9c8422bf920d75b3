#include "admin/edit/dnssec_edit.h"

#include "admin/edit/object.h"
#include "zones/dns/idn.h"
#include "zones/state/membership.h"

#include <stdlib.h>

char *
dnssec_edit_zone(struct store_txn *txn, const char *word, struct problems *problems)
{
	uint8_t name[NAME_MAX_LEN + 1];
	struct zone_info zone;
	char text[NAME_MAX_TEXT];

	if (name_from_text(name, word, NULL) == 0) {
		problems_error(problems, "%s is not a domain name", word);
		return NULL;
	}
	name_lower(name, name);
	if (!config_zone(txn, name, &zone)) {
		problems_error(problems, "there is no zone %s: load it with `graycloud zone load`", word);
		return NULL;
	}
	return xstrdup(name_to_host(zone.name, text));
}

/* One that is being disabled, or that came by a document and has no node that makes its key. */
static bool
may_enable(struct change *change, const char *name, const struct json *document)
{
	const char *identity = json_text_of(document, "identity"), *ending = json_text_of(document, "ending");
	char self[NODE_SELF_MAX];

	if (*identity == '\0' || (*ending != '\0' && strcmp(ending, "none") != 0))
		return true;
	if (strcmp(identity, membership_self(change->txn, self)) == 0)
		problems_error(&change->problems,
		    "zone %s is enabled already: `graycloud dnssec status %s` shows its keys", name, name);
	else
		problems_error(&change->problems,
		    "zone %s is enabled already, at another node: `graycloud dnssec status %s` shows its "
		    "keys; "
		    "if they are not here, bring them with `graycloud dnssec keys import`, or, if that node "
		    "is "
		    "gone for good, end signing with `graycloud dnssec disable %s --force` first",
		    name, name, name);
	return false;
}

static void
enable_again(struct change *change, const char *name, const struct id *id, const struct dnssec_wish *wish)
{
	struct json *document = object_read(change->txn, KIND_DNSSEC, id);
	char self[NODE_SELF_MAX];
	struct id same;

	if (document == NULL || !may_enable(change, name, document)) {
		json_drop(document);
		return;
	}
	if (*json_text_of(document, "identity") == '\0')
		json_put_text(document, "identity", membership_self(change->txn, self));
	json_put_text(document, "ending", "none");
	if (wish->algorithm != NULL)
		json_put_text(document, "algorithm", wish->algorithm);
	if (wish->keyless_nodes)
		json_put_bool(document, "keyless_nodes", true);
	if (object_put(change, KIND_DNSSEC, document, id, OBJECT_REPLACE, NULL, &same))
		object_tell(change, KIND_DNSSEC, &same, "enabled");
	json_drop(document);
}

bool
dnssec_edit_enable(struct change *change, const char *name, const struct dnssec_wish *wish)
{
	struct json *document;
	char self[NODE_SELF_MAX];
	struct id id;

	if (config_object_id(change->txn, KIND_DNSSEC, name, &id)) {
		enable_again(change, name, &id, wish);
		return false;
	}
	document = json_new_object();
	json_put_text(document, "name", name);
	json_put_text(document, "identity", membership_self(change->txn, self));
	if (wish->algorithm != NULL)
		json_put_text(document, "algorithm", wish->algorithm);
	json_put_bool(document, "split", wish->split);
	json_put_bool(document, "keyless_nodes", wish->keyless_nodes);
	if (object_put(change, KIND_DNSSEC, document, NULL, OBJECT_CREATE, NULL, &id))
		object_tell(change, KIND_DNSSEC, &id, "enabled");
	json_drop(document);
	return true;
}

struct json *
dnssec_edit_complete(struct change *change, const struct json *document)
{
	const char *name = json_text(json_member(document, "name"));
	uint8_t wire[NAME_MAX_LEN + 1];
	char clean[NAME_MAX_TEXT];
	struct json *whole = NULL;
	struct id id;

	/* As the schema cleans it: "Example.COM." is the same zone. */
	if (name != NULL && idn_name_from_text(wire, name, NULL) > 0) {
		name_lower(wire, wire);
		if (config_object_id(change->txn, KIND_DNSSEC, name_to_host(wire, clean), &id))
			whole = object_read(change->txn, KIND_DNSSEC, &id);
	}
	if (whole == NULL)
		return json_clone(document);
	for (const char *key = json_next_key(document, NULL); key != NULL; key = json_next_key(document, key))
		json_put(whole, key, json_clone(json_member(document, key)));
	return whole;
}

struct json *
dnssec_edit_policy(struct change *change, const char *name, struct id *id)
{
	struct json *document;

	if (!config_object_id(change->txn, KIND_DNSSEC, name, id)) {
		problems_error(
		    &change->problems, "zone %s is not signed: `graycloud dnssec enable %s`", name, name);
		return NULL;
	}
	document = object_read(change->txn, KIND_DNSSEC, id);
	if (document == NULL)
		problems_error(&change->problems, "the settings of zone %s cannot be read", name);
	return document;
}

void
dnssec_edit_ask(struct change *change, struct json *document, const char *request)
{
	char self[NODE_SELF_MAX];

	json_put_integer(document, request, json_integer_of(json_member(document, request)) + 1);
	json_put_text(document, "node", membership_self(change->txn, self));
}

void
dnssec_edit_put(struct change *change, const struct json *document, const struct id *target, const char *what)
{
	struct id id;

	if (object_put(change, KIND_DNSSEC, document, target, OBJECT_REPLACE, NULL, &id))
		object_tell(change, KIND_DNSSEC, &id, what);
}

void
dnssec_edit_keyless_nodes(struct change *change, const char *name, bool some)
{
	struct id id;
	struct json *document = dnssec_edit_policy(change, name, &id);

	if (document != NULL) {
		json_put_bool(document, "keyless_nodes", some);
		dnssec_edit_put(change, document, &id,
		    some ? "nodes without keys may answer it: `graycloud signatures export`"
			 : "only nodes with keys answer it");
	}
	json_drop(document);
}

void
dnssec_edit_disable(struct change *change, const char *name, enum dnssec_end how)
{
	struct id id;
	struct json *document = dnssec_edit_policy(change, name, &id);

	if (document != NULL && how != DNSSEC_END_NOW) {
		json_put_text(document, "ending", how == DNSSEC_END_KEY_LOST ? "key_lost" : "disable");
		dnssec_edit_put(change, document, &id,
		    "DNSSEC is being disabled: `graycloud dnssec status` shows each step");
	} else if (document != NULL && object_delete(change, KIND_DNSSEC, &id)) {
		change->message = xasprintf("zone %s: not signed any more", name);
		change->result = json_new_object();
		json_put_text(change->result, "name", name);
	}
	json_drop(document);
}
