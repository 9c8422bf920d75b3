#include "signer/import/importing.h"

#include "signer/import/claim.h"
#include "signer/import/keyless.h"
#include "zones/base/array.h"
#include "zones/state/config.h"
#include "zones/state/imported.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CLAIM_KEEP_MS = 1000, LAST_MS = 5000, POLL_MS = 100, CHUNK = 1 << 16, LEFT_S = 3600, SAID = 32 };

#define SHIPMENT ".shipment-"

struct importing {
	const char *state;
	FILE *in;
	struct problems *problems;
	char *file;               /* what comes, until it is handed over */
	char zone[NAME_MAX_TEXT]; /* of the shipment before; "": none */
	bool zone_whole;          /* it was a whole one */
	char **named;             /* zones whose first shipment was reported */
	size_t nnamed;
	struct claimed {
		char *zone;
		int fd;
	} * claimed; /* zones that this import takes, and no other one */
	size_t nclaimed;
	uint64_t claimed_ms; /* when that was last written */
	char *said[SAID];    /* the last sentences about what was refused */
	size_t nsaid;
	bool failed; /* something was */
	bool behind; /* the sender must begin again */
	bool slow;   /* it was reported that nobody takes shipments */
};

static bool
was_said(const struct importing *importing, const char *text)
{
	for (size_t i = 0; i < SAID && importing->said[i] != NULL; i++)
		if (strcmp(importing->said[i], text) == 0)
			return true;
	return false;
}

/* A stream goes on for long: report at once, and the same only once, of each zone. */
static void
say(struct importing *importing)
{
	for (size_t i = 0; i < importing->problems->count; i++) {
		const char *text = importing->problems->items[i].text;
		char **place = &importing->said[importing->nsaid % SAID];

		importing->failed = true;
		if (was_said(importing, text))
			continue;
		fprintf(stderr, "graycloud: %s\n", text);
		free(*place);
		*place = xstrdup(text);
		importing->nsaid++;
	}
	problems_free(importing->problems);
	*importing->problems = (struct problems){0};
}

/* ---- one import at a time ---- */

/* Zones that another import took since, because this one was silent for long, leave the list. */
static void
keep_claims(struct importing *importing)
{
	uint64_t now = boot_ms();
	size_t kept = 0;
	long holder;

	if (now - importing->claimed_ms < CLAIM_KEEP_MS)
		return;
	importing->claimed_ms = now;
	for (size_t i = 0; i < importing->nclaimed; i++) {
		struct claimed *one = &importing->claimed[i];

		if (claim_take(importing->state, one->zone, &one->fd, &holder)) {
			importing->claimed[kept++] = *one;
			continue;
		}
		claim_drop(importing->state, one->zone, one->fd);
		free(one->zone);
	}
	importing->nclaimed = kept;
}

static bool
claim(struct importing *importing, const char *zone)
{
	struct claimed one = {.fd = -1}, *known = NULL;
	long holder;

	for (size_t i = 0; i < importing->nclaimed && known == NULL; i++)
		if (strcmp(importing->claimed[i].zone, zone) == 0)
			known = &importing->claimed[i];
	if (!claim_take(importing->state, zone, known != NULL ? &known->fd : &one.fd, &holder)) {
		problems_error(importing->problems,
		    "zone %s: another `graycloud signatures import` takes its signatures, process %ld, and "
		    "goes "
		    "on: end that one first, or this one, because two streams make each other begin again",
		    zone, holder);
		return false;
	}
	if (known != NULL)
		return true;
	one.zone = xstrdup(zone);
	importing->claimed = array_grow(importing->claimed, importing->nclaimed, sizeof *importing->claimed);
	importing->claimed[importing->nclaimed++] = one;
	return true;
}

static void
drop_claims(struct importing *importing)
{
	for (size_t i = 0; i < importing->nclaimed; i++) {
		claim_drop(importing->state, importing->claimed[i].zone, importing->claimed[i].fd);
		free(importing->claimed[i].zone);
	}
	free(importing->claimed);
}

/* ---- the configuration ---- */

/* A transaction of the configuration, or NULL; none: there is no configuration yet. */
static struct store_txn *
begin_config(const char *state, struct store **config, bool *none)
{
	struct problems ignored = {0};
	struct store_txn *txn = NULL;

	*config = store_open(state, STORE_CONFIG, STORE_READ, &ignored);
	*none = *config == NULL && ignored.errors == 0;
	if (*config != NULL && store_begin(*config, STORE_READ, &txn) != 0)
		txn = NULL;
	problems_free(&ignored);
	return txn;
}

/* Does the signer take shipments of the zone? If that cannot be known now, it may. */
static bool
is_signed_here(const char *state, const char *name)
{
	struct store *config;
	bool none, good = true;
	struct store_txn *txn = begin_config(state, &config, &none);
	uint8_t wire[NAME_MAX_LEN + 1];
	struct zone_info zone;

	if (none)
		good = false;
	else if (txn != NULL)
		good = name_from_text(wire, name, NULL) > 0 && config_zone(txn, wire, &zone) &&
		    config_signs(txn, wire);
	store_abort(txn);
	store_close(config);
	return good;
}

static void
refuse_unsigned(struct importing *importing, const char *zone)
{
	problems_error(importing->problems,
	    "zone %s is not a signed zone in the configuration of this node, and its signatures are not "
	    "taken: `graycloud export --zones | ssh NODE graycloud apply -` on the node with the keys brings "
	    "it",
	    zone);
}

/* ---- what became of the last one ---- */

/* Stores are opened each time: a stream goes on for long, and one that was lost is another file since. */
static bool
begin(const char *state, enum store_kind kind, struct store **store, struct store_txn **txn)
{
	struct problems ignored = {0};

	*store = store_open(state, kind, STORE_READ, &ignored);
	*txn = NULL;
	problems_free(&ignored);
	return *store != NULL && store_begin(*store, STORE_READ, txn) == 0;
}

static bool
read_rows(struct importing *importing, struct imported *row, struct imported_sets *sets_row,
    struct signer_beat *beat)
{
	struct store *config, *signatures_store, *sets_store;
	bool none, good, found = false;
	struct store_txn *txn = begin_config(importing->state, &config, &none), *signatures, *sets;
	uint8_t wire[NAME_MAX_LEN + 1];
	struct zone_info zone;

	*beat = (struct signer_beat){.pid = 0};
	good = begin(importing->state, STORE_SIGNATURES, &signatures_store, &signatures);
	good &= begin(importing->state, STORE_SETS, &sets_store, &sets);
	if (txn != NULL && good) {
		if (!signer_beat_get(sets, beat) || signer_dead(beat, boot_ms()))
			beat->pid = 0;
		found = name_from_text(wire, importing->zone, NULL) > 0 && config_zone(txn, wire, &zone) &&
		    imported_get(signatures, zone.number, row);
		if (found)
			imported_sets_get(sets, zone.number, sets_row);
	}
	store_abort(sets);
	store_abort(signatures);
	store_abort(txn);
	store_close(sets_store);
	store_close(signatures_store);
	store_close(config);
	return found;
}

/* The first shipment of a zone is reported; a stream has one every ten seconds. */
static bool
is_first(struct importing *importing)
{
	for (size_t i = 0; i < importing->nnamed; i++)
		if (strcmp(importing->named[i], importing->zone) == 0)
			return false;
	importing->named = array_grow(importing->named, importing->nnamed, sizeof *importing->named);
	importing->named[importing->nnamed++] = xstrdup(importing->zone);
	return true;
}

static void
report(struct importing *importing, const struct imported *row, const struct imported_sets *sets)
{
	struct shipment_state now = imported_state(row, sets);
	char state[SHIPMENT_STATE_TEXT];

	if (row->fault[0] != '\0') {
		problems_error(importing->problems, "zone %s: %s", importing->zone, row->fault);
		importing->behind |= !importing->zone_whole &&
		    strncmp(row->fault, IMPORTED_OTHER_KEYS, strlen(IMPORTED_OTHER_KEYS)) != 0;
	} else if (is_first(importing)) {
		printf("zone %s: imported, state %s\n", importing->zone, shipment_state_text(&now, state));
		fflush(stdout);
	}
}

/* Report why nobody has taken the last one. */
static void
report_waiting(struct importing *importing)
{
	struct imported_sets sets;
	struct imported row;
	struct signer_beat beat;

	read_rows(importing, &row, &sets, &beat);
	fprintf(stderr, "graycloud: zone %s: graycloud-signer has not taken its signatures for %d s%s%s\n",
	    importing->zone, LAST_MS / 1000,
	    beat.pid == 0     ? ": it does when it runs"
		: *beat.fault ? ", and does when it can: "
			      : "",
	    beat.pid != 0 ? beat.fault : "");
}

/*
 * Wait until the last one is taken, for so long (-1: as long as it takes), and report it. One of a zone that
 * has left the configuration meanwhile would wait without end, and all others behind it.
 */
static void
settle(struct importing *importing, int most_ms)
{
	uint64_t began = boot_ms();
	struct signer_beat beat;
	struct imported_sets sets;
	struct imported row;
	bool waits, known = true;

	if (importing->zone[0] == '\0')
		return;
	while ((waits = keyless_is_waiting(importing->state, importing->zone)) &&
	    (most_ms < 0 || boot_ms() - began < (uint64_t)most_ms) &&
	    (known = is_signed_here(importing->state, importing->zone))) {
		if (boot_ms() - began >= LAST_MS && !importing->slow) {
			importing->slow = true;
			report_waiting(importing);
		}
		keep_claims(importing);
		poll(NULL, 0, boot_ms() - began < POLL_MS ? 1 : POLL_MS);
	}
	if (!known) {
		keyless_done(importing->state, importing->zone);
		refuse_unsigned(importing, importing->zone);
	} else if (waits) {
		report_waiting(importing);
	} else if (read_rows(importing, &row, &sets, &beat)) {
		report(importing, &row, &sets);
	}
	importing->slow &= waits;
	importing->zone[0] = '\0';
}

/* ---- what comes ---- */

/* Copy the octets of a shipment to the file, with its line. */
static bool
receive(struct importing *importing, const char *line, uint64_t len)
{
	FILE *out = fopen(importing->file, "we");
	char *octets = xmalloc(CHUNK);
	uint64_t left = len;
	size_t got = 1;
	bool good = out != NULL && fprintf(out, "%s\n", line) > 0;

	while (good && left > 0 && (got = fread(octets, 1, MIN(left, CHUNK), importing->in)) > 0) {
		good = fwrite(octets, 1, got, out) == got;
		left -= got;
		keep_claims(importing);
	}
	if (out == NULL || (fclose(out) != 0) || !good)
		problems_error(
		    importing->problems, "%s cannot be written: %s", importing->file, strerror(errno));
	else if (left > 0)
		problems_error(importing->problems,
		    "the stream ends after %llu of %llu octets of a shipment: nothing of it is taken; send "
		    "it again",
		    (unsigned long long)(len - left), (unsigned long long)len);
	else
		left = 0;
	free(octets);
	return good && left == 0;
}

/* Is the file what its line says? */
static bool
check(struct importing *importing, uint64_t len, const uint8_t *digest, struct shipment *shipment)
{
	struct bytes octets, body;
	uint8_t found[DIGEST_LEN];
	const char *wrong = "its digest is another one: it was damaged on the way";

	if (!keyless_map(importing->file, &octets))
		return false;
	body = (struct bytes){(const uint8_t *)octets.data + (octets.len - len), len};
	digest_of(body, found);
	if (memcmp(found, digest, DIGEST_LEN) == 0)
		wrong = shipment_open(shipment, body);
	keyless_close(&octets);
	if (wrong != NULL)
		problems_error(
		    importing->problems, "a shipment is refused, and nothing of it is taken: %s", wrong);
	return wrong == NULL;
}

static void
hand_over(struct importing *importing, const struct shipment *shipment)
{
	char zone[NAME_MAX_TEXT];
	int rc;

	name_to_host(shipment->apex, zone);
	if (!keyless_has(importing->state, zone)) {
		problems_error(importing->problems,
		    "zone %s is not one whose keys are on another node: `graycloud dnssec keyless %s`", zone,
		    zone);
		return;
	}
	if (!is_signed_here(importing->state, zone)) {
		refuse_unsigned(importing, zone);
		return;
	}
	if (!claim(importing, zone))
		return;
	while ((rc = keyless_put(importing->state, zone, importing->file)) == -EEXIST) {
		snprintf(importing->zone, sizeof importing->zone, "%s", zone);
		settle(importing, -1); /* another import was before this one */
	}
	if (rc < 0)
		problems_error(importing->problems, "zone %s: the shipment cannot be handed over: %s", zone,
		    strerror(-rc));
	else
		snprintf(importing->zone, sizeof importing->zone, "%s", zone);
	importing->zone_whole = shipment->whole;
}

/* Wait for the next one, or until the last one is taken: if it is refused, there may be none to wait for. */
static void
wait_for_more(struct importing *importing)
{
	struct pollfd input = {.fd = fileno(importing->in), .events = POLLIN};

	while (importing->zone[0] != '\0' && poll(&input, 1, POLL_MS) == 0)
		if (!keyless_is_waiting(importing->state, importing->zone))
			settle(importing, -1);
}

/* Returns false at the end, or if the rest cannot be understood. */
static bool
import_one(struct importing *importing)
{
	char line[SHIPMENT_LINE + 64];
	struct shipment shipment;
	uint8_t digest[DIGEST_LEN];
	uint64_t len;

	wait_for_more(importing);
	if (importing->behind || fgets(line, sizeof line, importing->in) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	keep_claims(importing);
	if (!shipment_line_read(line, &len, digest)) {
		problems_error(importing->problems,
		    "this is not a stream of `graycloud signatures export` of this version");
		return false;
	}
	if (!receive(importing, line, len))
		return false;
	settle(importing, -1);
	if (check(importing, len, digest, &shipment))
		hand_over(importing, &shipment);
	return true;
}

/* Files of imports that were killed in the middle of a shipment. One that runs makes its own again for the
 * next one. */
static void
remove_left(const char *state)
{
	char *all = xasprintf("%s/keyless", state);
	DIR *list = opendir(all);
	struct dirent *entry;
	struct stat info;

	while (list != NULL && (entry = readdir(list)) != NULL)
		if (strncmp(entry->d_name, SHIPMENT, strlen(SHIPMENT)) == 0 &&
		    fstatat(dirfd(list), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - info.st_mtime > LEFT_S)
			unlinkat(dirfd(list), entry->d_name, 0);
	if (list != NULL)
		closedir(list);
	free(all);
}

bool
importing_run(const char *state, FILE *in, struct problems *problems)
{
	struct importing importing = {.state = state, .in = in, .problems = problems};
	int fd;

	remove_left(state);
	importing.file = xasprintf("%s/keyless/" SHIPMENT "XXXXXX", state);
	if ((fd = mkstemp(importing.file)) < 0) {
		problems_error(problems,
		    errno == ENOENT
			? "no zone of this node has its keys on another one: `graycloud dnssec keyless ZONE`"
			: "%s cannot be written: %s",
		    importing.file, strerror(errno));
		free(importing.file);
		return false;
	}
	close(fd);
	while (!importing.behind && import_one(&importing))
		say(&importing);
	unlink(importing.file);
	settle(&importing, LAST_MS);
	say(&importing);
	drop_claims(&importing);
	for (size_t i = 0; i < importing.nnamed; i++)
		free(importing.named[i]);
	free(importing.named);
	for (size_t i = 0; i < SAID; i++)
		free(importing.said[i]);
	free(importing.file);
	return !importing.failed;
}
