/*
 * propose STATE NODE SITE [OCTETS]: propose a node for the roster, as a command does on a node that has
 * joined, and print the outcome that graycloud-sync writes: "committed N", "moved N", "refused TEXT",
 * "unsettled". With OCTETS, the document is that large.
 */
#include "zones/state/cluster.h"
#include "zones/state/entry.h"
#include "zones/state/proposal.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct problems problems;

static struct store *
open_store(const char *state, enum store_kind kind, enum store_access access)
{
	struct store *store = store_open(state, kind, access, &problems);

	if (store == NULL)
		errx(1, "%s", problems.count > 0 ? problems.items[0].text : "no store");
	return store;
}

/* The document of a node. */
static char *
document(const struct id *id, const char *name, const char *site, size_t octets)
{
	char *blanks = xcalloc(1, octets + 1), *text;
	uint8_t noise;

	for (size_t i = 0; i < octets; i++) {
		random_bytes(&noise, 1);
		blanks[i] = "abcdefghijklmnopqrstuvwxyz012345"[noise % 32];
	}
	text =
	    xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"description\":\"%s\",\"site\":\"%s\",\"region\":null,"
		      "\"votes\":true,\"addresses\":[]}",
		id->text, name, blanks, site);
	free(blanks);
	return text;
}

static void
wait_for_outcome(const char *state, const char *id)
{
	uint64_t end = boot_ms() + PROPOSAL_WAIT_MS + 5000;
	struct store *cluster = open_store(state, STORE_CLUSTER, STORE_READ);
	struct cluster_outcome outcome;
	static const char *const words[] = {"?", "committed", "moved", "refused"};

	while (boot_ms() < end) {
		struct store_txn *txn;
		bool found = false;

		if (store_begin(cluster, STORE_PEEK, &txn) == 0) {
			found = cluster_outcome_get(txn, id, &outcome);
			store_abort(txn);
		}
		if (found) {
			if (outcome.what == OUTCOME_REFUSED)
				printf("refused %s\n", outcome.text);
			else
				printf(
				    "%s %llu\n", words[outcome.what], (unsigned long long)outcome.generation);
			store_close(cluster);
			return;
		}
		usleep(5000);
	}
	printf("unsettled\n");
	store_close(cluster);
}

int
main(int argc, char **argv)
{
	struct store *config, *proposals;
	struct store_txn *txn;
	struct config_edit *edit;
	struct proposal proposal = {.at_ms = boot_ms()};
	struct id id;
	uint8_t noise[32];
	char *json, head[200];
	int error;
	size_t len;

	if (argc < 4)
		errx(2, "usage: propose STATE NODE SITE [OCTETS]");
	random_bytes(noise, sizeof noise);
	hex_from_octets(id.text, noise, sizeof id.text / 2);
	hex_from_octets(proposal.id.text, noise + 16, sizeof id.text / 2);
	json = document(&id, argv[2], argv[3], argc > 4 ? (size_t)atol(argv[4]) : 0);
	config = open_store(argv[1], STORE_CONFIG, STORE_WRITE);
	if ((edit = config_edit_begin(config, &problems)) == NULL)
		errx(1, "cannot begin");
	proposal.base = config_edit_sequence(edit) - 1;
	config_put_object(edit, KIND_NODE, id.text, argv[2], NULL, (struct bytes){json, strlen(json)});
	snprintf(head, sizeof head,
	    "{\"time\":%lld,\"who\":\"test\",\"command\":\"node create %s\",\"reason\":\"\"}",
	    (long long)wall_ms(), argv[2]);
	proposal.entry.data =
	    entry_extract(edit, (struct bytes){head, strlen(head)}, &proposal.id, &len, &error);
	if (proposal.entry.data == NULL)
		errx(1, "no entry: %d", error);
	proposal.entry.len = len;
	store_close(config);
	proposals = open_store(argv[1], STORE_PROPOSALS, STORE_WRITE);
	if (store_begin(proposals, STORE_WRITE, &txn) != 0 || proposal_put(txn, &proposal, boot_ms()) != 0 ||
	    store_commit(txn) != 0)
		errx(1, "cannot propose");
	store_close(proposals);
	wait_for_outcome(argv[1], proposal.id.text);
	return 0;
}
