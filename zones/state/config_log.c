#include "zones/state/config_log.h"

#include "zones/document/value.h"
#include "zones/state/config.h"

#include <err.h>
#include <inttypes.h>

enum { LINES_MOST = 10, COMMAND_MOST = 300 };

/* Write each text on one line: a text that an operator typed may contain newlines. */
static void
put_clean(char *out, size_t room, const char *text)
{
	size_t len = 0;

	for (; *text != '\0' && len + 4 < room; text++)
		out[len++] = (uint8_t)*text < ' ' || *text == 0x7f ? '?' : *text;
	memcpy(out + len, *text != '\0' ? "..." : "", *text != '\0' ? 4 : 1);
}

static bool
log_command(void *arg, uint64_t sequence, struct bytes text)
{
	struct value *head = value_read(text);
	char command[COMMAND_MOST], who[64], reason[COMMAND_MOST];

	(void)arg;
	put_clean(command, sizeof command, value_text_of(head, "command"));
	put_clean(who, sizeof who, value_text_of(head, "who"));
	put_clean(reason, sizeof reason, value_text_of(head, "reason"));
	warnx("configuration %" PRIu64 ": by %s: %s%s%s%s", sequence, who, command,
	    *reason != '\0' ? " (" : "", reason, *reason != '\0' ? ")" : "");
	value_free(head);
	return true;
}

void
config_log(struct store *store, uint64_t after)
{
	struct store_txn *txn;
	uint64_t generation;

	if (store_begin(store, STORE_PEEK, &txn) != 0)
		return;
	generation = config_generation(txn);
	if (after == 0 || generation < after)
		warnx("configuration %" PRIu64 " is followed", generation);
	else {
		if (generation - after > LINES_MOST) {
			warnx("configuration %" PRIu64 ": and %" PRIu64 " commands before the next lines",
			    generation - LINES_MOST, generation - after - LINES_MOST);
			after = generation - LINES_MOST;
		}
		config_each_command(txn, after, log_command, NULL);
	}
	store_abort(txn);
}
