#include "admin/edit/pins_edit.h"

enum { CLIENTS_MAX = 64, PIN_LIFE_S = 604800 }; /* the maximum of session_affinity_ttl */

static bool
is(const struct json *object, const char *key, const char *word)
{
	return strcmp(json_text_of(object, key), word) == 0;
}

static bool
own_sticky(const struct json *document)
{
	return is(document, "session_affinity", "ip_cookie") &&
	    is(json_member(document, "session_affinity_attributes"), "zero_downtime_failover", "sticky");
}

/* Does any rule make clients sticky?  It may take the other half from the load balancer. */
static bool
rules_sticky(const struct json *document)
{
	const struct json *rules = json_member(document, "rules");
	bool sticky = false;

	for (size_t i = 0; i < json_count(rules); i++) {
		const struct json *overrides = json_member(json_item(rules, i), "overrides");

		sticky |= is(overrides, "session_affinity", "ip_cookie") ||
		    is(json_member(overrides, "session_affinity_attributes"), "zero_downtime_failover",
			"sticky");
	}
	return sticky;
}

void
pins_edit_keep(struct json *document, const struct json *before, uint64_t generation)
{
	const struct json *pins = json_member(before, "pins");

	json_remove(document, "pins");
	if ((own_sticky(document) && !own_sticky(before)) ||
	    (rules_sticky(document) && !rules_sticky(before)))
		pins_edit_clear(document, generation);
	else if (pins != NULL)
		json_put(document, "pins", json_clone(pins));
}

void
pins_edit_clear(struct json *document, uint64_t generation)
{
	struct json *pins = json_new_object();

	json_put_integer(pins, "since", (long long)generation);
	json_put(document, "pins", pins);
}

/* Forget clients whose older pins have all ended, and the one that is cleared again. */
static void
forget(struct json *cleared, const char *client, int64_t now_s)
{
	for (size_t i = json_count(cleared); i-- > 0;) {
		const struct json *one = json_item(cleared, i);

		if (is(one, "client", client) || json_integer_of(json_member(one, "at")) + PIN_LIFE_S < now_s)
			json_remove_item(cleared, i);
	}
}

bool
pins_edit_clear_client(struct json *document, const struct address *client, uint8_t prefix,
    uint64_t generation, struct problems *problems)
{
	struct json *pins = json_member(document, "pins"), *cleared, *one;
	char text[46], whole[64];

	if (pins == NULL) {
		json_put(document, "pins", json_new_object());
		pins = json_member(document, "pins");
	}
	if (json_member(pins, "cleared") == NULL)
		json_put(pins, "cleared", json_new_list());
	cleared = json_member(pins, "cleared");
	snprintf(whole, sizeof whole, "%s/%u", address_to_text(client, text), prefix);
	forget(cleared, whole, wall_ms() / 1000);
	if (json_count(cleared) >= CLIENTS_MAX) {
		problems_error(problems,
		    "the pins of %d clients were cleared within seven days, which is the maximum: clear all "
		    "pins of the load balancer (`graycloud pin clear %s`)",
		    CLIENTS_MAX, json_text_of(document, "name"));
		return false;
	}
	one = json_new_object();
	json_put_text(one, "client", whole);
	json_put_integer(one, "since", (long long)generation);
	json_put_integer(one, "at", wall_ms() / 1000);
	json_add(cleared, one);
	return true;
}
