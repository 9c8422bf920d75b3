/* signatures: what a zone's nodes without keys need from one that has them (S109). */
#include "admin/cli/report.h"
#include "admin/commands/cmd_dnssec_status.h"
#include "admin/commands/commands.h"
#include "admin/commands/dnssec_keys.h"
#include "admin/commands/outbox.h"
#include "zones/base/array.h"
#include "zones/base/input.h"
#include "zones/state/config.h"
#include "zones/state/imported.h"
#include "zones/state/signature_news.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 200, HEARTBEAT_MS = 10000 };

/* A zone as it was sent last. */
struct sent_zone {
	char *name;
	bool whole; /* it was sent once */
	struct shipment_state state;
	uint8_t head[DIGEST_LEN];
	uint64_t sent_ms;
	bool found; /* in this look */
};

/* A shipment that waits to be sent. */
struct outgoing {
	char line[SHIPMENT_LINE];
	uint64_t from, to; /* in the outbox */
};

struct exporting {
	const struct args *args;
	struct store *config, *signatures, *sets;
	struct store_txn *txn_config, *txn_signatures, *txn_sets;
	struct shipment_state since;
	bool has_since, failed;
	struct sent_zone *zones;
	size_t count;
	struct outbox *outbox; /* the shipments of this look, without their lines */
	struct outgoing *outgoing;
	size_t noutgoing;
};

/* ---- one look at the stores ---- */

static bool
begin(struct exporting *exporting)
{
	const enum store_kind kinds[] = {STORE_CONFIG, STORE_SIGNATURES, STORE_SETS};
	struct store **stores[] = {&exporting->config, &exporting->signatures, &exporting->sets};
	struct store_txn **txns[] = {
	    &exporting->txn_config, &exporting->txn_signatures, &exporting->txn_sets};
	struct problems problems = {0};
	bool good = true;

	/* signatures before sets: a generation that is signed has its sets. */
	for (unsigned i = 0; i < NITEMS(kinds); i++) {
		*txns[i] = NULL;
		if (*stores[i] == NULL)
			*stores[i] = store_open(exporting->args->state, kinds[i], STORE_READ, &problems);
		else
			store_poll(*stores[i], &problems);
		if (*stores[i] == NULL || store_begin(*stores[i], STORE_READ, txns[i]) != 0)
			good = false;
	}
	report_problems(&problems);
	problems_free(&problems);
	return good;
}

static void
end(struct exporting *exporting)
{
	store_abort(exporting->txn_sets);
	store_abort(exporting->txn_signatures);
	store_abort(exporting->txn_config);
}

static bool
is_asked_for(const struct exporting *exporting, const char *name)
{
	const struct args *args = exporting->args;
	char text[NAME_MAX_TEXT];

	for (size_t i = 1; i < args->count; i++)
		if (strcmp(dnssec_clean_name(args->words[i], text), name) == 0)
			return true;
	return args->count == 1;
}

static struct sent_zone *
sent(struct exporting *exporting, const char *name)
{
	for (size_t i = 0; i < exporting->count; i++)
		if (strcmp(exporting->zones[i].name, name) == 0)
			return &exporting->zones[i];
	exporting->zones = array_grow(exporting->zones, exporting->count, sizeof *exporting->zones);
	exporting->zones[exporting->count] = (struct sent_zone){
	    .name = xstrdup(name), .whole = exporting->has_since, .state = exporting->since};
	return &exporting->zones[exporting->count++];
}

static void
put_octets(void *arg, const void *octets, size_t len)
{
	outbox_put(arg, octets, len);
}

static void
add_outgoing(struct exporting *exporting, const char *line, uint64_t from)
{
	struct outgoing *outgoing;

	exporting->outgoing =
	    array_grow(exporting->outgoing, exporting->noutgoing, sizeof *exporting->outgoing);
	outgoing = &exporting->outgoing[exporting->noutgoing++];
	memcpy(outgoing->line, line, sizeof outgoing->line);
	outgoing->from = from;
	outgoing->to = outbox_len(exporting->outbox);
}

static void
write_zone(struct exporting *exporting, const struct zone_info *info, const char *name)
{
	struct sent_zone *zone = sent(exporting, name);
	struct shipment_order order = {.signatures = exporting->txn_signatures,
	    .sets = exporting->txn_sets,
	    .zone = info->number,
	    .apex = info->name,
	    .since = zone->whole ? &zone->state : NULL,
	    .made_ms = wall_ms(),
	    .put = put_octets,
	    .arg = exporting->outbox};
	uint64_t from = outbox_len(exporting->outbox);
	struct shipment_written written;
	bool good = shipment_write(&order, &written);

	zone->found = true;
	if (!good && order.since != NULL) {
		outbox_cut(exporting->outbox, from);
		order.since = NULL; /* it was too long ago */
		good = shipment_write(&order, &written);
	}
	if (!good ||
	    (order.since != NULL && written.signatures == 0 &&
		memcmp(written.head, zone->head, DIGEST_LEN) == 0 &&
		boot_ms() - zone->sent_ms < HEARTBEAT_MS)) {
		outbox_cut(exporting->outbox, from);
		return;
	}
	zone->whole = true;
	zone->state = written.state;
	memcpy(zone->head, written.head, DIGEST_LEN);
	zone->sent_ms = boot_ms();
	add_outgoing(exporting, written.line, from);
}

static bool
look_at_zone(void *arg, const struct zone_info *info)
{
	struct exporting *exporting = arg;
	char name[NAME_MAX_TEXT];

	name_to_host(info->name, name);
	if (is_asked_for(exporting, name) && signature_news_has(exporting->txn_signatures, info->number))
		write_zone(exporting, info, name);
	return true;
}

/* Send what is written: no transaction is open, because the reader takes its time. */
static bool
send_all(struct exporting *exporting)
{
	const char *reason;
	bool good = outbox_good(exporting->outbox, &reason);

	if (!good)
		report_error("%s", reason);
	for (size_t i = 0; i < exporting->noutgoing && good; i++) {
		const struct outgoing *outgoing = &exporting->outgoing[i];

		good = fputs(outgoing->line, stdout) != EOF &&
		    outbox_send(exporting->outbox, outgoing->from, outgoing->to - outgoing->from, stdout);
	}
	free(exporting->outgoing);
	exporting->outgoing = NULL;
	exporting->noutgoing = 0;
	return fflush(stdout) == 0 && good;
}

static bool
look(struct exporting *exporting)
{
	bool good;

	exporting->outbox = outbox_new();
	if (begin(exporting))
		config_each_zone(exporting->txn_config, look_at_zone, exporting);
	end(exporting);
	good = send_all(exporting);
	outbox_free(exporting->outbox);
	exporting->outbox = NULL;
	return good;
}

/* A zone that was named, or any. */
static bool
found_all(const struct exporting *exporting)
{
	const struct args *args = exporting->args;
	bool good = true;

	for (size_t i = 1; i < args->count; i++) {
		char text[NAME_MAX_TEXT];
		const char *name = dnssec_clean_name(args->words[i], text);
		bool found = false;

		for (size_t n = 0; n < exporting->count; n++)
			found |= strcmp(exporting->zones[n].name, name) == 0;
		if (!found)
			report_error(
			    "zone %s has no signatures for nodes without keys here: `graycloud dnssec set %s "
			    "keyless_nodes=true`, and graycloud-signer must run",
			    name, name);
		good &= found;
	}
	if (args->count == 1 && exporting->count == 0)
		report_error(
		    "no zone of this node has signatures for nodes without keys: `graycloud dnssec set ZONE "
		    "keyless_nodes=true`, and graycloud-signer must run");
	return good && exporting->count > 0;
}

static void
wait_for_news(struct exporting *exporting)
{
	struct pollfd fds[] = {{.fd = store_watch_fd(exporting->signatures), .events = POLLIN},
	    {.fd = store_watch_fd(exporting->sets), .events = POLLIN}, {.fd = STDOUT_FILENO}};

	poll(fds, NITEMS(fds), LOOK_MS);
	store_watch_clear(exporting->signatures);
	store_watch_clear(exporting->sets);
	if (fds[2].revents & (POLLERR | POLLHUP))
		exporting->failed = true;
}

static enum exit_code
run_export(struct args *args)
{
	struct exporting exporting = {.args = args};
	const char *since = args_value(args, "since");
	bool good;

	if (since != NULL && strcmp(since, "none") != 0) {
		if (!shipment_state_read(since, &exporting.since))
			return args_misused(args, "--since takes what `graycloud signatures state` prints");
		exporting.has_since = true;
	}
	if (isatty(STDOUT_FILENO)) {
		report_error(
		    "signatures are not printed on a terminal: `graycloud signatures export | ssh NODE "
		    "graycloud signatures import -`");
		return EXIT_REFUSED;
	}
	good = look(&exporting) && found_all(&exporting);
	while (good && args_flag(args, "follow") && !exporting.failed) {
		wait_for_news(&exporting);
		good = look(&exporting);
	}
	store_close(exporting.sets);
	store_close(exporting.signatures);
	store_close(exporting.config);
	for (size_t i = 0; i < exporting.count; i++)
		free(exporting.zones[i].name);
	free(exporting.zones);
	return good ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- state ---- */

struct stating {
	struct exporting stores;
	struct shipment_state least;
	bool any, known;
};

static bool
add_state(void *arg, const struct zone_info *info)
{
	struct stating *stating = arg;
	struct imported row;
	struct imported_sets sets;
	struct shipment_state state;
	char name[NAME_MAX_TEXT];

	if (!is_asked_for(&stating->stores, name_to_host(info->name, name)) ||
	    !imported_get(stating->stores.txn_signatures, info->number, &row))
		return true;
	imported_sets_get(stating->stores.txn_sets, info->number, &sets);
	state = imported_state(&row, &sets);
	stating->known = row.identity != 0 &&
	    (!stating->any || (stating->known && state.identity == stating->least.identity));
	if (!stating->any)
		stating->least = state;
	stating->any = true;
	stating->least.news = MIN(stating->least.news, state.news);
	stating->least.singles = MIN(stating->least.singles, state.singles);
	stating->least.sets = MIN(stating->least.sets, state.sets);
	return true;
}

static enum exit_code
run_state(struct args *args)
{
	struct stating stating = {.stores = {.args = args}};
	char text[SHIPMENT_STATE_TEXT];

	if (begin(&stating.stores))
		config_each_zone(stating.stores.txn_config, add_state, &stating);
	end(&stating.stores);
	store_close(stating.stores.sets);
	store_close(stating.stores.signatures);
	store_close(stating.stores.config);
	puts(stating.any && stating.known ? shipment_state_text(&stating.least, text) : "none");
	return EXIT_DONE;
}

/* ---- import ---- */

static enum exit_code
run_import(struct args *args)
{
	int in = strcmp(args->words[1], "-") == 0 ? STDIN_FILENO : input_descriptor(args->words[1]);
	bool good;

	if (in < 0) {
		report_error("%s cannot be read: %s%s", args->words[1], strerror(errno), input_hint(errno));
		return EXIT_REFUSED;
	}
	good = dnssec_errand(args, "--take-signatures", NULL, in);
	if (in != STDIN_FILENO)
		close(in);
	return good ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_code
cmd_signatures(struct args *args)
{
	const char *verb = args_word(args, 0) ? args_word(args, 0) : "";

	if (strcmp(verb, "export") == 0)
		return run_export(args);
	if (strcmp(verb, "state") == 0)
		return run_state(args);
	if (strcmp(verb, "import") == 0)
		return args->count == 2 ? run_import(args)
					: args_misused(args, "import takes one file (-: standard input)");
	return args_no_verb(args, verb);
}
