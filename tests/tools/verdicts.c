/*
 * verdicts STATE COUNT: write a health store as graycloud-monitor does, with COUNT endpoints that are up.
 * Reads commands from standard input: "flip N down", "flip N up": the first N endpoints change at once. For
 * measurements of many endpoints.
 */
#include "tests/tools/many_endpoints.h"

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct store *store;
static unsigned count;
static uint8_t states[100000];

static int
put(struct store_txn *txn, unsigned number, enum health_state state)
{
	struct endpoint endpoint = endpoint_of(number);
	struct health_record record = {.version = HEALTH_RECORD_VERSION,
	    .state = (uint8_t)state,
	    .verdict = (uint8_t)state,
	    .last_reason = state == HEALTH_DOWN ? REASON_TCP_TIMEOUT : REASON_NONE,
	    .last_ms = boot_ms(),
	    .since_ms = boot_ms(),
	    .stale_after_ms = UINT64_C(3600000),
	    .rtt_us = 10000,
	    .certificate_days = INT32_MIN};
	struct health_flip flip = {.endpoint = endpoint,
	    .state = (uint8_t)state,
	    .before = states[number],
	    .reason = record.last_reason,
	    .at_ms = boot_ms(),
	    .at_wall = wall_ms()};
	int error = health_put(txn, &endpoint, &record);

	states[number] = (uint8_t)state;
	return error != 0 ? error : health_flip_put(txn, &flip);
}

static void
write_all(unsigned upto, enum health_state state)
{
	struct store_txn *txn;
	struct health_beat beat = {
	    .at_ms = boot_ms(), .at_wall = wall_ms(), .pid = (uint32_t)getpid(), .endpoints = count};
	int error;

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	if (store_begin(store, STORE_WRITE, &txn) != 0)
		errx(1, "cannot begin");
	error = health_beat_put(txn, &beat);
	for (unsigned i = 0; i < upto && error == 0; i++)
		error = put(txn, i, state);
	if (error != 0 || store_commit(txn) != 0)
		errx(1, "cannot write");
}

int
main(int argc, char **argv)
{
	struct problems problems = {0};
	char line[100], word[16];
	unsigned number;

	if (argc != 3 || (count = (unsigned)atoi(argv[2])) > sizeof states)
		errx(2, "usage: verdicts STATE COUNT");
	if ((store = store_open(argv[1], STORE_HEALTH, STORE_WRITE, &problems)) == NULL)
		errx(1, "cannot open the store");
	write_all(count, HEALTH_UP);
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd input = {STDIN_FILENO, POLLIN, 0};

		if (poll(&input, 1, 500) == 0) {
			write_all(0, HEALTH_UP);
			continue;
		}
		if (fgets(line, sizeof line, stdin) == NULL)
			return 0;
		if (sscanf(line, "flip %u %15s", &number, word) == 2 && number <= count)
			write_all(number, strcmp(word, "down") == 0 ? HEALTH_DOWN : HEALTH_UP);
		printf("done\n");
		fflush(stdout);
	}
}
