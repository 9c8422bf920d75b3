#include "sync/joined.h"

#include "sync/engine/certificate.h"
#include "sync/engine/reach.h"
#include "sync/engine/session.h"
#include "sync/journal/journal.h"
#include "sync/journal/token_share.h"
#include "sync/nodes/leavers.h"
#include "sync/pins/foreign_pins.h"
#include "sync/pins/sticky.h"
#include "sync/votes/pulse.h"
#include "sync/votes/scribe.h"
#include "zones/daemon/exposition.h"

#include <err.h>
#include <stdlib.h>

enum { STATUS_MS = 30000 /* between two questions for the size of the engine */ };
/* The default of etcd, and the value that graycloud-sync(8) asks for. */
static const uint64_t quota = UINT64_C(2) << 30;
enum { RULES_MS = 500 /* at least between two readings of all pools */ };

struct joined {
	const struct options *options;
	struct configuration *configuration;
	struct membership membership;
	struct nodes nodes;
	struct rules *rules;
	struct ballot *ballot;
	struct verdicts *verdicts;
	struct scribe *scribe;
	struct etcd *etcd;
	struct session *session;
	struct pulse *pulse;
	struct journal *journal;
	struct sticky *sticky;
	struct foreign_pins *foreign_pins;
	struct leavers *leavers;
	struct token_share *tokens;
	struct certificates certificates;
	struct reach reach;
	bool is_new;                  /* the configuration changed, and the pools were not read since */
	uint64_t rules_ms;            /* when they were read */
	unsigned reached, members_up; /* of the last round of probes */
	bool was_probed;
	int64_t state_wall;      /* when the engine's state began */
	char trouble[256];       /* why it is not reachable */
	uint64_t size, asked_ms; /* octets of the engine's database, and when it was asked for */
	bool is_half_full;
	bool twin; /* another process beats under the name of this node */
};

static void work(struct joined *joined, bool second);

/* ---- the page of the engine ---- */

static struct cluster_engine
engine_row(const struct joined *joined)
{
	size_t number = 0;
	const char *member = session_member(joined->session, &number);
	unsigned members = (unsigned)joined->options->engine.nendpoints;
	struct cluster_engine row = {.state = (uint8_t)joined->reach.state,
	    .own_member = member != NULL && number == 0,
	    .members = (uint8_t)members,
	    .members_up = (uint8_t)(joined->was_probed ? joined->members_up : members),
	    .since_ms = joined->reach.since_ms,
	    .since_wall = joined->state_wall,
	    .echo_ms = joined->reach.echo_ms,
	    .generation = journal_generation(joined->journal),
	    .proposals = journal_counters(joined->journal).proposals,
	    .lost_races = journal_counters(joined->journal).lost_races,
	    .size = joined->size,
	    .quota = quota,
	    .certificate_until = certificates_until(&joined->certificates),
	    .reconnects = session_connections(joined->session)};

	snprintf(row.member, sizeof row.member, "%s", member != NULL ? member : "");
	if (joined->twin)
		snprintf(row.trouble, sizeof row.trouble,
		    "another graycloud-sync beats as node %s: two machines have joined under one name",
		    joined->membership.node);
	else if (*journal_trouble(joined->journal) != '\0')
		snprintf(row.trouble, sizeof row.trouble, "%s", journal_trouble(joined->journal));
	else if (joined->reach.state != ENGINE_REACHABLE)
		snprintf(row.trouble, sizeof row.trouble, "%s", joined->trouble);
	return row;
}

/* Everybody who beats was heard. */
static bool
is_settled(const struct joined *joined)
{
	uint64_t now_ms = boot_ms();

	return joined->reach.state == ENGINE_REACHABLE && now_ms >= joined->reach.since_ms + LEAVERS_WAIT_MS;
}

static void
write_store(struct joined *joined, bool second)
{
	struct scribe_page page = {.nodes = &joined->nodes,
	    .engine = engine_row(joined),
	    .generation = configuration_generation(joined->configuration),
	    .settled = is_settled(joined)};

	scribe_write(joined->scribe, &page, second);
}

/* ---- the engine ---- */

static void
note_state(struct joined *joined)
{
	static const char *const sentences[] = {
	    [ENGINE_REACHABLE] = "the engine is reachable: verdicts and configuration are shared",
	    [ENGINE_SILENT] = "the engine is silent: verdicts and configuration stay as they are",
	    [ENGINE_FAILED] = "the engine has failed: this node goes by its own monitor",
	};
	const char *why = joined->reach.state == ENGINE_REACHABLE ? "" : joined->trouble;

	joined->state_wall = wall_ms();
	warnx("%s%s%s%s", sentences[joined->reach.state], *why != '\0' ? " (" : "", why,
	    *why != '\0' ? ")" : "");
	ballot_judge_all(joined->ballot); /* a state that was silent has decided nothing */
}

static bool
own_counts(const struct joined *joined)
{
	return verdicts_alive(joined->verdicts) && verdicts_isolated_ms(joined->verdicts) == 0;
}

/* Judge the engine and the nodes, and combine. */
static void
decide(struct joined *joined)
{
	if (reach_judge(&joined->reach, nodes_all_heard(&joined->nodes), boot_ms()))
		note_state(joined);
	if (nodes_judge(&joined->nodes))
		ballot_judge_all(joined->ballot);
	ballot_combine(joined->ballot, joined->reach.state, own_counts(joined));
}

/* The others and their people see it, too. */
static void
describe_trouble(const struct joined *joined, struct beat *beat)
{
	int error = scribe_error(joined->scribe);

	if (*journal_trouble(joined->journal) != '\0')
		snprintf(beat->trouble, sizeof beat->trouble, "%s", journal_trouble(joined->journal));
	else if (error != 0)
		snprintf(beat->trouble, sizeof beat->trouble, "cannot write the cluster store: %s",
		    strerror(-error));
}

static struct beat
make_beat(const struct joined *joined)
{
	uint64_t isolated_ms = verdicts_isolated_ms(joined->verdicts);
	struct beat beat = {.monitor_alive = verdicts_alive(joined->verdicts),
	    .notifies = verdicts_notifies(joined->verdicts),
	    .isolated = isolated_ms != 0,
	    .isolated_s = isolated_ms != 0 ? (boot_ms() - isolated_ms) / 1000 : 0,
	    .generation = configuration_generation(joined->configuration),
	    .schema = CONFIG_SCHEMA,
	    .endpoints = ballot_own_count(joined->ballot),
	    .wall = wall_ms()};

	memcpy(beat.digest, configuration_digest(joined->configuration), sizeof beat.digest);
	snprintf(beat.version, sizeof beat.version, "%s", VERSION);
	describe_trouble(joined, &beat);
	return beat;
}

static void
send_votes(struct joined *joined)
{
	struct beat beat;

	if (!session_ready(joined->session))
		return;
	beat = make_beat(joined);
	pulse_send(joined->pulse, &beat, joined->nodes.list[joined->nodes.self].on_roster, boot_ms());
}

static void
on_sent(void *arg)
{
	struct joined *joined = arg;

	if (*pulse_error(joined->pulse) != '\0')
		snprintf(joined->trouble, sizeof joined->trouble, "%s", pulse_error(joined->pulse));
	send_votes(joined);
}

/* ---- rows of the engine ---- */

static void
take_own_beat(struct joined *joined, const struct beat *beat)
{
	uint64_t sent_ms = pulse_sent(joined->pulse, beat);

	if (sent_ms == 0) {
		/* A process of before the restart may still have a request in flight. */
		joined->twin = joined->reach.echoes > REACH_SETTLE_BEATS;
		return;
	}
	joined->trouble[0] = '\0';
	if (nodes_echo(&joined->nodes, sent_ms))
		reach_echo(&joined->reach, sent_ms, boot_ms());
	else
		reach_echo_again(&joined->reach, sent_ms, boot_ms());
}

static void
take_beat(struct joined *joined, const char *name, const struct etcd_row *row, bool news)
{
	struct beat beat;
	unsigned slot;

	if (!nodes_slot(&joined->nodes, name, &slot))
		return;
	if (slot == joined->nodes.self)
		pulse_heard(joined->pulse, SHEETS, row);
	if (row->deleted) {
		live_left(&joined->nodes.list[slot].live);
		return;
	}
	if (!beat_read(&beat, row->value)) {
		warnx("the beat of node %s is invalid", name);
		return;
	}
	if (news && slot == joined->nodes.self)
		take_own_beat(joined, &beat);
	nodes_beat(&joined->nodes, slot, &beat, news);
	if (news)
		foreign_pins_clock(joined->foreign_pins, slot);
}

static void
take_sheet(struct joined *joined, const char *rest, const struct etcd_row *row, bool news)
{
	const char *slash = strchr(rest, '/');
	char name[NODE_NAME_MAX + 1];
	uint8_t number;
	unsigned slot;

	if (slash == NULL || (size_t)(slash - rest) >= sizeof name || strlen(slash + 1) != 2 ||
	    !octets_from_hex(&number, slash + 1, 1))
		return;
	memcpy(name, rest, (size_t)(slash - rest));
	name[slash - rest] = '\0';
	if (!nodes_slot(&joined->nodes, name, &slot))
		return;
	ballot_heard(joined->ballot, slot, number, row->deleted ? (struct bytes){"", 0} : row->value, news);
	if (slot == joined->nodes.self)
		pulse_heard(joined->pulse, number, row);
	/* Another node took it for one that left. */
	if (row->deleted && slot == joined->nodes.self && ballot_sheet_has(joined->ballot, number))
		ballot_sheet_unsent(joined->ballot, number);
}

/* S99: sticky pins, of this node as an earlier process has left them, and of others. */
static void
take_pins(struct joined *joined, const char *rest, const struct etcd_row *row)
{
	char name[NODE_NAME_MAX + 1];
	unsigned number, slot;

	if (!sticky_key(rest, name, sizeof name, &number) || !nodes_slot(&joined->nodes, name, &slot))
		return;
	if (slot != joined->nodes.self)
		foreign_pins_heard(
		    joined->foreign_pins, slot, number, row->deleted ? (struct bytes){"", 0} : row->value);
	else
		sticky_own(joined->sticky, number, row);
}

static void
on_row(void *arg, const char *key, const struct etcd_row *row, bool news)
{
	struct joined *joined = arg;

	leavers_row(joined->leavers, key, row);
	if (strncmp(key, "live/", 5) == 0)
		take_beat(joined, key + 5, row, news);
	else if (strncmp(key, "votes/", 6) == 0)
		take_sheet(joined, key + 6, row, news);
	else if (strncmp(key, "token/", 6) == 0)
		token_share_row(joined->tokens, key + 6, row);
	else if (strncmp(key, "pins/", 5) == 0)
		take_pins(joined, key + 5, row);
	else
		journal_row(joined->journal, key, row);
}

static void
on_begun(void *arg)
{
	struct joined *joined = arg;

	nodes_connected(&joined->nodes);
	ballot_connected(joined->ballot);
	pulse_begun(joined->pulse);
	journal_begun(joined->journal);
	sticky_begun(joined->sticky);
	foreign_pins_begun(joined->foreign_pins);
	leavers_begun(joined->leavers);
	token_share_begun(joined->tokens);
}

static uint64_t
first_entry(void *arg)
{
	const struct joined *joined = arg;

	return journal_first_entry(joined->journal);
}

static void
on_ready(void *arg)
{
	struct joined *joined = arg;
	size_t number;

	warnx("connected with %s", session_member(joined->session, &number));
	reach_connected(&joined->reach);
	pulse_connected(joined->pulse);
	journal_ready(joined->journal);
	sticky_ready(joined->sticky);
	work(joined, false); /* entries first: this node may have left the roster */
}

static void
on_turn(void *arg)
{
	work(arg, false);
}

static void
on_ended(void *arg, const char *why)
{
	struct joined *joined = arg;

	warnx("the connection with the engine ended: %s", why);
	snprintf(joined->trouble, sizeof joined->trouble, "%s", why);
	pulse_disconnected(joined->pulse);
	journal_ended(joined->journal);
	sticky_ended(joined->sticky);
	reach_disconnected(&joined->reach);
}

static void
on_probed(void *arg, unsigned reached, unsigned answered, unsigned machines, const char *why)
{
	struct joined *joined = arg;

	joined->was_probed = true;
	joined->reached = reached;
	joined->members_up = answered;
	reach_probed(&joined->reach, reached, machines, boot_ms());
	if (answered == 0)
		snprintf(joined->trouble, sizeof joined->trouble,
		    "%u of %u machines of etcd can be reached, and none answers%s%s", reached, machines,
		    *why != '\0' ? ": " : "", why);
}

static void
on_status(void *arg, const struct etcd_answer *answer)
{
	struct joined *joined = arg;
	bool half;

	if (answer->outcome != ETCD_DONE)
		return;
	joined->size = answer->size;
	half = joined->size > quota / 2;
	if (half && !joined->is_half_full)
		warnx("the database of etcd has %llu MiB, which is more than half of its quota: compact and "
		      "defragment it",
		    (unsigned long long)joined->size >> 20);
	joined->is_half_full = half;
}

static void
ask_size(struct joined *joined, uint64_t now_ms)
{
	if (!session_ready(joined->session) ||
	    (joined->asked_ms != 0 && now_ms < joined->asked_ms + STATUS_MS))
		return;
	joined->asked_ms = now_ms;
	etcd_ask_status(joined->etcd, on_status, joined);
}

/* ---- the loop ---- */

/* S97: the live node with the first name takes snapshots. */
static bool
is_keeper(const struct joined *joined)
{
	const struct nodes *nodes = &joined->nodes;

	for (unsigned i = 0; i < nodes->count; i++)
		if (nodes->list[i].on_roster && live_alive(&nodes->list[i].live, nodes->echoes) &&
		    strcmp(nodes->list[i].name, nodes->list[nodes->self].name) < 0)
			return false;
	return true;
}

static void
work(struct joined *joined, bool second)
{
	decide(joined);
	if (journal_work(joined->journal, &joined->reach, &joined->nodes, is_keeper(joined)))
		joined_configured(joined);
	if (journal_wants_again(joined->journal))
		session_again(joined->session);
	write_store(joined, second);
	send_votes(joined);
}

static void
read_rules(struct joined *joined, uint64_t now_ms)
{
	struct store_txn *config, *health;

	if (!joined->is_new || now_ms < joined->rules_ms + RULES_MS)
		return;
	if ((config = configuration_begin(joined->configuration)) == NULL)
		return;
	health = verdicts_begin(joined->verdicts);
	rules_read(joined->rules, config, health);
	store_abort(health);
	store_abort(config);
	joined->is_new = false;
	joined->rules_ms = now_ms;
	ballot_judge_all(joined->ballot);
}

/* This node came to the roster, perhaps again: `node remove` deleted its rows. */
static void
send_again(struct joined *joined)
{
	ballot_sheets_unsent(joined->ballot);
	sticky_lost(joined->sticky);
}

static void
on_taken_back(void *arg, const struct etcd_answer *answer)
{
	(void)arg;
	if (answer->outcome != ETCD_DONE)
		warnx("cannot delete the votes of this node, which was removed: %s", answer->error);
}

/* This node was removed, and may have sent votes before it knew that. Its beats go on. */
static void
take_back(struct joined *joined)
{
	struct etcd_txn *txn;

	if (!session_ready(joined->session))
		return;
	txn = etcd_txn_new();
	leavers_delete(txn, session_prefix(joined->session), joined->membership.node);
	etcd_commit(joined->etcd, txn, on_taken_back, joined);
	pulse_hurry(joined->pulse);
}

void
joined_configured(struct joined *joined)
{
	struct store_txn *config = configuration_begin(joined->configuration);
	const struct node *self = &joined->nodes.list[joined->nodes.self];
	bool was_on_roster = self->on_roster;

	if (config == NULL)
		return;
	if (nodes_read_roster(&joined->nodes, config))
		ballot_judge_all(joined->ballot);
	store_abort(config);
	if (self->on_roster && !was_on_roster)
		send_again(joined);
	else if (!self->on_roster && was_on_roster)
		take_back(joined);
	joined->is_new = true;
	pulse_hurry(joined->pulse); /* the others see the generation */
}

void
joined_look(struct joined *joined, bool second)
{
	uint64_t now_ms = boot_ms();

	verdicts_look(joined->verdicts, second);
	if (verdicts_changed(joined->verdicts))
		pulse_hurry(joined->pulse);
	if (second) {
		ballot_refresh(joined->ballot);
		certificates_look(&joined->certificates, now_ms, wall_ms());
		ask_size(joined, now_ms);
	}
	read_rules(joined, now_ms);
	session_tick(joined->session, joined->reach.echo_ms, now_ms);
	if (joined->nodes.list[joined->nodes.self].on_roster)
		sticky_look(joined->sticky, second, now_ms);
	if (second && is_settled(joined))
		foreign_pins_settled(joined->foreign_pins);
	if (second && is_settled(joined) && is_keeper(joined))
		leavers_look(joined->leavers, &joined->nodes);
	if (session_ready(joined->session))
		token_share_look(joined->tokens);
	work(joined, second);
}

int
joined_watch_fd(struct joined *joined, bool proposals)
{
	return proposals ? journal_watch_fd(joined->journal) : verdicts_watch_fd(joined->verdicts);
}

void
joined_watch_clear(struct joined *joined, bool proposals)
{
	if (proposals)
		journal_watch_clear(joined->journal);
	else
		verdicts_watch_clear(joined->verdicts);
}

/* ---- begin and end ---- */

static void
open_engine(struct joined *joined, struct event_base *base, struct problems *problems)
{
	const struct session_events events = {
	    on_begun, first_entry, on_row, on_ready, on_turn, on_ended, on_probed, joined};
	char *prefix = xasprintf("/graycloud/%s/", joined->membership.cluster);

	if ((joined->etcd = etcd_new(base, &joined->options->engine, problems)) != NULL) {
		joined->session = session_new(joined->etcd, &joined->options->engine, prefix, &events);
		joined->pulse =
		    pulse_new(joined->etcd, joined->ballot, prefix, joined->membership.node, on_sent, joined);
		joined->journal = journal_new(joined->etcd, joined->configuration, joined->scribe,
		    joined->options->daemon.state, prefix);
	}
	if (joined->etcd != NULL)
		joined->sticky =
		    sticky_new(joined->etcd, joined->options->daemon.state, prefix, joined->membership.node);
	if (joined->etcd != NULL)
		joined->foreign_pins = foreign_pins_new(&joined->nodes, joined->scribe);
	if (joined->etcd != NULL)
		joined->leavers = leavers_new(joined->etcd, prefix);
	if (joined->etcd != NULL)
		joined->tokens = token_share_new(joined->etcd, joined->configuration, prefix);
	free(prefix);
}

struct joined *
joined_new(struct event_base *base, const struct options *options, struct configuration *configuration,
    bool sealed, struct problems *problems)
{
	struct joined *joined = xcalloc(1, sizeof *joined);

	joined->options = options;
	joined->configuration = configuration;
	joined->certificates.files[0] =
	    (struct certificate){.option = "engine-cert", .path = options->engine.cert};
	joined->certificates.files[1] =
	    (struct certificate){.option = "engine-ca", .path = options->engine.ca};
	joined->membership = *configuration_membership(configuration);
	nodes_begin(&joined->nodes, joined->membership.node);
	joined->rules = rules_new();
	joined->ballot = ballot_new(&joined->nodes, joined->rules);
	joined->verdicts = verdicts_new(options->daemon.state, joined->ballot);
	joined->scribe =
	    scribe_open(options->daemon.state, joined->ballot, joined->verdicts, sealed, problems);
	joined->state_wall = wall_ms();
	reach_begin(&joined->reach, options->alone_ms, boot_ms());
	if (joined->scribe != NULL)
		open_engine(joined, base, problems);
	if (joined->pulse == NULL) {
		joined_free(joined);
		return NULL;
	}
	joined_configured(joined);
	joined_look(joined, true);
	return joined;
}

void
joined_free(struct joined *joined)
{
	if (joined == NULL)
		return;
	journal_free(joined->journal);
	sticky_free(joined->sticky);
	foreign_pins_free(joined->foreign_pins);
	leavers_free(joined->leavers);
	token_share_free(joined->tokens);
	pulse_free(joined->pulse);
	session_free(joined->session);
	etcd_free(joined->etcd);
	scribe_close(joined->scribe);
	verdicts_free(joined->verdicts);
	ballot_free(joined->ballot);
	rules_free(joined->rules);
	free(joined);
}

static void
expose_certificates(const struct joined *joined, FILE *page)
{
	if (certificates_until(&joined->certificates) == 0)
		return;
	exposition_family(page, "graycloud_sync_certificate_seconds", "gauge",
	    "Seconds until a certificate for the engine ends; negative: it has ended.");
	for (unsigned i = 0; i < CERTIFICATE_FILES; i++) {
		const struct certificate *file = &joined->certificates.files[i];

		if (file->until != 0)
			exposition_sample(page, "graycloud_sync_certificate_seconds",
			    (double)(file->until - wall_ms()) / 1e3, "file", file->option, NULL);
	}
}

void
joined_expose(const struct joined *joined, FILE *page)
{
	struct etcd_traffic traffic = etcd_traffic(joined->etcd);
	struct journal_counters counters = journal_counters(joined->journal);
	struct sticky_counters sticky = sticky_counters(joined->sticky);
	uint64_t now_ms = boot_ms();

	exposition_family(
	    page, "graycloud_sync_engine_state", "gauge", "1 for the state of the engine (S94).");
	for (unsigned state = ENGINE_REACHABLE; state <= ENGINE_FAILED; state++)
		exposition_sample(page, "graycloud_sync_engine_state", joined->reach.state == state, "state",
		    engine_state_text((enum engine_state)state), NULL);
	exposition_value(page, "graycloud_sync_echo_age_seconds", "gauge",
	    "Seconds since an own beat came back from the engine.",
	    (double)(now_ms - MIN(joined->reach.echo_ms, now_ms)) / 1e3);
	exposition_value(page, "graycloud_sync_endpoints", "gauge", "Endpoints with a joint state.",
	    (double)ballot_count(joined->ballot));
	exposition_value(page, "graycloud_sync_joint_down", "gauge", "Endpoints whose joint state is down.",
	    (double)ballot_down(joined->ballot));
	exposition_value(page, "graycloud_sync_engine_bytes", "gauge",
	    "Octets of the database of the engine.", (double)joined->size);
	expose_certificates(joined, page);
	exposition_value(page, "graycloud_sync_own_votes", "gauge", "Votes that this node gives.",
	    ballot_own_count(joined->ballot));
	exposition_family(
	    page, "graycloud_sync_node_counts", "gauge", "1 if the votes of a node count (S91).");
	for (unsigned i = 0; i < joined->nodes.count; i++)
		if (joined->nodes.list[i].on_roster)
			exposition_sample(page, "graycloud_sync_node_counts", joined->nodes.list[i].counts,
			    "node", joined->nodes.list[i].name, "site", joined->nodes.list[i].site, NULL);
	exposition_value(page, "graycloud_sync_engine_generation", "gauge",
	    "Generation of the configuration in the engine.", (double)journal_generation(joined->journal));
	exposition_value(page, "graycloud_sync_proposals_total", "counter", "Proposals of commands here.",
	    (double)counters.proposals);
	exposition_value(page, "graycloud_sync_lost_races_total", "counter",
	    "Proposals whose generation another node took.", (double)counters.lost_races);
	exposition_value(page, "graycloud_sync_applied_entries_total", "counter",
	    "Entries of the log that were applied.", (double)counters.applied);
	exposition_value(page, "graycloud_sync_stuck", "gauge",
	    "1 if entries of the log cannot be applied (`graycloud status` has the reason).",
	    *journal_trouble(joined->journal) != '\0');
	exposition_value(page, "graycloud_sync_connections_total", "counter",
	    "Connections with members of the engine.", (double)session_connections(joined->session));
	exposition_value(page, "graycloud_sync_pins_sent_total", "counter",
	    "Sticky pins of this node that were sent to the other nodes (S99).", (double)sticky.sent);
	exposition_value(page, "graycloud_sync_pins_dropped_total", "counter",
	    "Sticky pins of this node that were too many to be sent.", (double)sticky.dropped);
	exposition_value(page, "graycloud_sync_pins_waiting", "gauge",
	    "Sticky pins of this node that wait to be sent.", (double)sticky.waiting);
	exposition_value(
	    page, "graycloud_sync_calls_total", "counter", "Requests to the engine.", (double)traffic.calls);
	exposition_value(page, "graycloud_sync_failed_calls_total", "counter",
	    "Requests to the engine that it did not answer, or refused.", (double)traffic.failures);
	exposition_value(page, "graycloud_sync_sent_bytes_total", "counter",
	    "Octets of requests to the engine.", (double)traffic.sent);
	exposition_value(page, "graycloud_sync_received_bytes_total", "counter",
	    "Octets of answers of the engine.", (double)traffic.received);
	exposition_value(page, "graycloud_sync_write_failures_total", "counter",
	    "Commits to the cluster store that failed.", (double)scribe_failures(joined->scribe));
}
