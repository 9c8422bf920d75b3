#include "zones/state/membership.h"

#include "zones/state/config.h"

#include <stdio.h>

static const struct bytes joined_row = {"cluster", 7}, detached_row = {"detached", 8},
			  choice_row = {"choice", 6};

/* Take the text before a NUL from the front; false if it does not fit. */
static bool
take(struct bytes *from, char *out, size_t room)
{
	const char *end = from->len > 0 ? memchr(from->data, '\0', from->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - (const char *)from->data) : 0;

	if (len == 0 || len >= room)
		return false;
	memcpy(out, from->data, len + 1);
	from->data = end + 1;
	from->len -= len + 1;
	return true;
}

static bool
get_row(struct store_txn *config, struct bytes row, struct membership *membership)
{
	struct bytes value;

	return config != NULL && store_get(config, TABLE_META, row, &value) &&
	    take(&value, membership->cluster, sizeof membership->cluster) &&
	    take(&value, membership->node, sizeof membership->node);
}

static int
put_row(struct store_txn *config, struct bytes row, const struct membership *membership)
{
	char text[sizeof(struct membership)];
	int len;

	if (membership == NULL)
		return store_delete(config, TABLE_META, row);
	len = snprintf(text, sizeof text, "%s%c%s", membership->cluster, '\0', membership->node);
	return store_put(config, TABLE_META, row, (struct bytes){text, (size_t)len + 1});
}

bool
membership_get(struct store_txn *config, struct membership *membership)
{
	return get_row(config, joined_row, membership);
}

int
membership_put(struct store_txn *config, const struct membership *membership)
{
	return put_row(config, joined_row, membership);
}

bool
membership_detached_get(struct store_txn *config, struct membership *membership)
{
	return get_row(config, detached_row, membership);
}

int
membership_detached_put(struct store_txn *config, const struct membership *membership)
{
	return put_row(config, detached_row, membership);
}

enum membership_choice
membership_choice_get(struct store_txn *config)
{
	struct bytes value;

	if (config == NULL || !store_get(config, TABLE_META, choice_row, &value) || value.len != 1)
		return CHOICE_NONE;
	return *(const char *)value.data == 'p' ? CHOICE_PUSH : CHOICE_RESET;
}

int
membership_choice_put(struct store_txn *config, enum membership_choice choice)
{
	if (choice == CHOICE_NONE)
		return store_delete(config, TABLE_META, choice_row);
	return store_put(
	    config, TABLE_META, choice_row, (struct bytes){choice == CHOICE_PUSH ? "p" : "r", 1});
}

char *
membership_self(struct store_txn *config, char out[NODE_SELF_MAX])
{
	struct membership membership;

	snprintf(out, NODE_SELF_MAX, "%s",
	    membership_get(config, &membership) ? membership.node
		: config != NULL                ? config_identity(config).text
						: "");
	return out;
}

enum store_kind
membership_verdicts(struct store_txn *config)
{
	struct membership ignored;

	return membership_get(config, &ignored) ? STORE_CLUSTER : STORE_HEALTH;
}
