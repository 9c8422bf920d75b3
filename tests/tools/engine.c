/*
 * engine [--ca FILE] [--cert FILE] [--key FILE] [--user NAME --password TEXT] URL...: talk to etcd by the
 * client of graycloud-sync. Reads commands from standard input, one in a line, and prints what etcd answers:
 *
 *   get KEY | list PREFIX LIMIT | at PREFIX REVISION | put KEY VALUE | cas KEY REVISION VALUE | delete KEY |
 * big KEY OCTETS | many COUNT watch PREFIX REVISION | use NUMBER | probe KEY | status
 */
#include "sync/engine/etcd.h"
#include "zones/base/util.h"

#include <err.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* An argument that is only read. */
#define WORD(text) ((void *)(uintptr_t)(text))

static struct etcd *etcd;
static struct event_base *base;

static void
on_answer(void *arg, const struct etcd_answer *answer)
{
	const char *word = arg;

	if (answer->outcome != ETCD_DONE) {
		printf(
		    "%s %s: %s\n", word, answer->outcome == ETCD_REFUSED ? "refused" : "lost", answer->error);
	} else if (answer->cancelled) {
		printf(
		    "%s cancelled: %s, compacted %lld\n", word, answer->error, (long long)answer->compacted);
	} else {
		for (size_t i = 0; i < answer->count; i++) {
			const struct etcd_row *row = &answer->rows[i];

			printf("%s row %s %lld %s", word, row->key, (long long)row->modified,
			    row->deleted ? "deleted" : "=");
			if (row->value.len <= 64)
				printf(" %.*s\n", (int)row->value.len, (const char *)row->value.data);
			else
				printf(" %zu octets\n", row->value.len);
		}
		if (strcmp(word, "watch") != 0 || answer->created)
			printf("%s done revision %lld%s%s%s %s\n", word, (long long)answer->revision,
			    answer->succeeded ? " succeeded" : "", answer->more ? " more" : "",
			    answer->created ? " created" : "", answer->version);
	}
	fflush(stdout);
}

static void
on_probe(void *arg, const struct etcd_probe *probe)
{
	(void)arg;
	printf("probe %zu %s %s %s\n", probe->endpoint, probe->reached ? "reached" : "away",
	    probe->answered ? "answered" : "silent", probe->answered ? "" : probe->error);
	fflush(stdout);
}

static void
change(char *words[4], int count)
{
	struct etcd_txn *txn = etcd_txn_new();
	const char *value = count > 2 ? words[2] : "";

	if (strcmp(words[0], "cas") == 0) {
		etcd_txn_if_modified(txn, words[1], atoll(words[2]));
		etcd_txn_put(txn, words[1], (struct bytes){words[3], strlen(words[3])});
	} else if (strcmp(words[0], "delete") == 0) {
		etcd_txn_delete(txn, words[1]);
	} else if (strcmp(words[0], "big") == 0) {
		size_t len = (size_t)atoll(words[2]);
		char *octets = xcalloc(1, len);

		etcd_txn_put(txn, words[1], (struct bytes){octets, len});
		free(octets);
	} else if (strcmp(words[0], "many") == 0) {
		for (int i = 0; i < atoi(words[1]); i++) {
			char key[32];

			snprintf(key, sizeof key, "/many/%d", i);
			etcd_txn_put(txn, key, (struct bytes){"x", 1});
		}
	} else {
		etcd_txn_put(txn, words[1], (struct bytes){value, strlen(value)});
	}
	etcd_commit(etcd, txn, on_answer, WORD("txn"));
}

static void
command(char *line)
{
	char *words[4] = {NULL, NULL, NULL, NULL}, *save = NULL;
	int count = 0;

	for (char *word = strtok_r(line, " \n", &save); word != NULL && count < 4;
	     word = strtok_r(NULL, " \n", &save))
		words[count++] = word;
	if (count == 0)
		return;
	if (strcmp(words[0], "get") == 0)
		etcd_get(etcd, &(struct etcd_range){.key = words[1]}, on_answer, WORD("get"));
	else if (strcmp(words[0], "list") == 0)
		etcd_get(etcd,
		    &(struct etcd_range){.key = words[1], .prefix = true, .limit = atoll(words[2])},
		    on_answer, WORD("list"));
	else if (strcmp(words[0], "at") == 0)
		etcd_get(etcd,
		    &(struct etcd_range){.key = words[1], .prefix = true, .revision = atoll(words[2])},
		    on_answer, WORD("at"));
	else if (strcmp(words[0], "watch") == 0)
		etcd_watch(etcd, words[1], atoll(words[2]), on_answer, WORD("watch"));
	else if (strcmp(words[0], "use") == 0)
		etcd_use(etcd, (size_t)atoi(words[1]));
	else if (strcmp(words[0], "probe") == 0)
		etcd_probe_all(etcd, words[1], on_probe, NULL);
	else if (strcmp(words[0], "status") == 0)
		etcd_ask_status(etcd, on_answer, WORD("status"));
	else
		change(words, count);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	static char text[4096];
	static size_t len;
	ssize_t got = read(fd, text + len, sizeof text - 1 - len);
	char *end;

	(void)what, (void)arg;
	if (got <= 0) {
		event_base_loopbreak(base);
		return;
	}
	len += (size_t)got;
	text[len] = '\0';
	while ((end = strchr(text, '\n')) != NULL) {
		*end = '\0';
		command(text);
		len -= (size_t)(end + 1 - text);
		memmove(text, end + 1, len + 1);
	}
}

static void
on_end(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what, (void)arg;
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	struct etcd_settings settings = {.timeout_ms = 10000};
	struct problems problems = {0};
	struct event *input, *end;

	for (int i = 1; i < argc; i++) {
		const char **option = strcmp(argv[i], "--ca") == 0 ? &settings.ca
		    : strcmp(argv[i], "--cert") == 0               ? &settings.cert
		    : strcmp(argv[i], "--key") == 0                ? &settings.key
		    : strcmp(argv[i], "--user") == 0               ? &settings.user
		    : strcmp(argv[i], "--password") == 0           ? &settings.password
								   : NULL;

		if (option != NULL)
			*option = argv[++i];
		else if (etcd_endpoint_fault(argv[i]) != NULL)
			errx(2, "%s: %s", argv[i], etcd_endpoint_fault(argv[i]));
		else
			settings.endpoints[settings.nendpoints++] = argv[i];
	}
	base = event_base_new();
	etcd = etcd_new(base, &settings, &problems);
	if (etcd == NULL)
		errx(1, "%s", problems.items[0].text);
	input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
	event_add(input, NULL);
	end = evsignal_new(base, SIGTERM, on_end, NULL);
	event_add(end, NULL);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(base);
	event_free(input);
	event_free(end);
	etcd_free(etcd);
	event_base_free(base);
	libevent_global_shutdown();
	return 0;
}
