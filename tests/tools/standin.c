/*
 * standin -- act as a program of another version, or one with an old state.
 *
 *     standin STATE schema NUMBER                    write that schema into the configuration, and end
 *     standin STATE ahead SECONDS                    date the newest change so far ahead, and end
 *     standin STATE nameserver GENERATION VERSION    be alive in the serving store, until standard input ends
 *     standin STATE monitor GENERATION VERSION       the same in the health store
 *
 * Prints "ready" when it is so.
 */
#include "zones/state/config_rows.h"
#include "zones/state/health.h"
#include "zones/state/serving.h"

#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static void
write_schema(struct store_txn *txn, uint32_t number)
{
	uint8_t schema[4];

	put32(schema, number);
	store_put(txn, TABLE_META, (struct bytes){"schema", 6}, (struct bytes){schema, sizeof schema});
}

static void
write_ahead(struct store_txn *txn, uint64_t seconds)
{
	uint8_t key[CHANGE_KEY_LEN];
	char *head = xasprintf("{\"time\":%lld,\"who\":\"standin\",\"command\":\"ahead\"}",
	    (long long)(wall_ms() + (int64_t)seconds * 1000));

	store_put(txn, TABLE_CHANGES, config_change_key(key, config_generation(txn), 0),
	    (struct bytes){head, strlen(head)});
	free(head);
}

static void
beat_as_nameserver(struct store_txn *txn, uint64_t generation, const char *version)
{
	struct serving_status *status = xcalloc(1, sizeof *status);

	status->pid = (uint32_t)getpid();
	status->started_ms = status->beat_ms = boot_ms();
	status->generation = generation;
	status->ready = true;
	snprintf(status->boot, sizeof status->boot, "%s", boot_id());
	snprintf(status->version, sizeof status->version, "%s", version);
	serving_put(txn, status);
	free(status);
}

static void
beat_as_monitor(struct store_txn *txn, uint64_t generation, const char *version)
{
	struct health_beat beat = {.at_ms = boot_ms(),
	    .at_wall = wall_ms(),
	    .started_ms = boot_ms(),
	    .pid = (uint32_t)getpid(),
	    .generation = generation};

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.version, sizeof beat.version, "%s", version);
	health_beat_put(txn, &beat);
}

int
main(int argc, char *argv[])
{
	struct problems problems = {0};
	enum store_kind kind = argc < 4 ? STORE_CONFIG
	    : *argv[2] == 'n'           ? STORE_SERVING
	    : *argv[2] == 'm'           ? STORE_HEALTH
					: STORE_CONFIG;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	struct store *store;
	struct store_txn *txn;
	bool told = false;
	uint64_t number;

	if (argc != (kind == STORE_CONFIG ? 4 : 5) || !whole_from_text(argv[3], UINT32_MAX, &number))
		errx(2,
		    "usage: standin STATE schema NUMBER | ahead SECONDS | nameserver|monitor GENERATION "
		    "VERSION");
	if ((store = store_open(argv[1], kind, STORE_WRITE, &problems)) == NULL) {
		problems_print(&problems, "standin", stderr);
		return 1;
	}
	do {
		if (store_begin(store, STORE_WRITE, &txn) != 0)
			errx(1, "cannot write");
		if (kind == STORE_CONFIG && *argv[2] == 'a')
			write_ahead(txn, number);
		else if (kind == STORE_CONFIG)
			write_schema(txn, (uint32_t)number);
		else if (kind == STORE_SERVING)
			beat_as_nameserver(txn, number, argv[4]);
		else
			beat_as_monitor(txn, number, argv[4]);
		if (store_commit(txn) != 0)
			errx(1, "cannot commit");
		if (!told)
			puts("ready");
		fflush(stdout);
		told = true;
	} while (kind != STORE_CONFIG && poll(&input, 1, 500) == 0);
	store_close(store);
	problems_free(&problems);
	return 0;
}
