#include "signer/settle/rollovers.h"

#include "signer/keys/keyring_follow.h"
#include "zones/base/array.h"
#include "zones/base/siphash.h"
#include "zones/daemon/exposition.h"
#include "zones/document/document_load.h"

#include <err.h>
#include <stdlib.h>

/* A zone to look at. */
struct due_look {
	uint32_t zone;
	struct keyring *keyring;
	int64_t looked; /* the last time */
};

struct rollovers {
	const struct rollover_options *options;
	struct looker *looker;
	uint32_t running[LOOKS_AT_ONCE]; /* the zones of looks that are under way */
	unsigned nrunning;
	struct look *results;               /* of looks that are over, until their zones are settled */
	struct due_look due[LOOKS_AT_ONCE]; /* in order */
	unsigned ndue;
	uint64_t looks, failed;
};

struct rollovers *
rollovers_new(const struct rollover_options *options, struct problems *problems)
{
	struct rollovers *rollovers = xcalloc(1, sizeof *rollovers);

	rollovers->options = options;
	rollovers->looker = looker_new(&options->look, problems);
	if (rollovers->looker != NULL)
		return rollovers;
	free(rollovers);
	return NULL;
}

void
rollovers_free(struct rollovers *rollovers)
{
	if (rollovers == NULL)
		return;
	looker_free(rollovers->looker);
	rollovers_forget(rollovers);
	free(rollovers);
}

void
rollovers_forget(struct rollovers *rollovers)
{
	while (rollovers->results != NULL) {
		struct look *look = rollovers->results;

		rollovers->results = look->next;
		look_free(look);
	}
}

static struct rollover_clock
clock_now(void)
{
	static const uint64_t key[2] = {0};

	return (struct rollover_clock){
	    .wall_ms = wall_ms(), .boot_ms = boot_ms(), .boot = siphash(key, boot_id(), strlen(boot_id()))};
}

/* ---- looks ---- */

static void
read_without(struct look *look, struct store_txn *config)
{
	char host[NAME_MAX_TEXT];
	struct dnssec_policy *policy;
	struct bytes json;
	struct id id;

	if (!config_object_id(config, KIND_DNSSEC, name_to_host(look->shown.apex, host), &id) ||
	    !config_object(config, KIND_DNSSEC, id.text, &json) ||
	    (policy = document_load_dnssec(json)) == NULL)
		return;
	for (size_t i = 0; i < policy->nwithout; i++) {
		look->without = array_grow(look->without, look->nwithout, sizeof *look->without);
		look->without[look->nwithout++] = xstrdup(policy->without[i]);
	}
	model_free_dnssec_policy(policy);
}

static void
begin(struct rollovers *rollovers, struct look *look)
{
	rollovers->running[rollovers->nrunning++] = look->zone;
	looker_begin(rollovers->looker, look);
}

static void
begin_look(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring, struct store_txn *config)
{
	struct look *look = xcalloc(1, sizeof *look);
	const struct rollover *rollover = keyring_rollover(keyring);
	const struct rollover_step *step = rollover_step(rollover);
	const struct signing_key *rows;
	unsigned count = keyring_rows(keyring, &rows);
	uint8_t apex[NAME_MAX_LEN];

	keyring_apex(keyring, apex);
	look->zone = zone;
	look->since = rollover->since;
	look->parent_alone = step != NULL && step->parent_alone;
	shown_fill(&look->shown, apex, rows, count, rollover->kind == ROLLOVER_ENABLE && rollover->step == 0);
	shown_add_providers(
	    &look->shown, keyring_providers(keyring)->rows, keyring_providers(keyring)->count);
	look->shown.delete_ds = step != NULL && step->delete_ds;
	look->shown.others_alone = step != NULL && step->others_alone;
	config_each_row_of(config, apex, nameservers_add_ns, &look->own);
	for (size_t i = 0; i < look->own.count; i++)
		config_each_row_of(config, look->own.list[i].name, nameserver_add_data, &look->own.list[i]);
	read_without(look, config);
	begin(rollovers, look);
}

static unsigned
place_of(const struct rollovers *rollovers, uint32_t zone)
{
	unsigned place = 0;

	while (place < rollovers->nrunning && rollovers->running[place] != zone)
		place++;
	return place;
}

void
rollovers_take_looks(struct rollovers *rollovers, struct outside *outside)
{
	char host[NAME_MAX_TEXT];

	for (struct look *look; (look = looker_take(rollovers->looker)) != NULL;) {
		rollovers->running[place_of(rollovers, look->zone)] =
		    rollovers->running[rollovers->nrunning - 1];
		rollovers->nrunning--;
		name_to_host(look->shown.apex, host);
		snprintf(look->time.zone, sizeof look->time.zone, "%.*s", PARENT_TIME_NAME - 1, host);
		outside_note(outside, look->zone, &look->time);
		if (look->time_alone) {
			look_free(look);
		} else {
			look->next = rollovers->results;
			rollovers->results = look;
		}
	}
}

bool
rollovers_have_room(const struct rollovers *rollovers)
{
	return looker_room(rollovers->looker) > 0;
}

void
rollovers_look_for_time(struct rollovers *rollovers, uint32_t zone, const uint8_t *apex,
    const struct signing_key *rows, unsigned count)
{
	struct look *look = xcalloc(1, sizeof *look);

	look->zone = zone;
	look->parent_alone = look->time_alone = true;
	shown_fill(&look->shown, apex, rows, count, false);
	begin(rollovers, look);
}

/* The list stays in order, and has those of which the last look is the oldest. */
static void
note_due(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring)
{
	const struct due_look new = {zone, keyring, keyring_rollover(keyring)->looked};
	unsigned place = rollovers->ndue;

	if (place_of(rollovers, zone) < rollovers->nrunning)
		return;
	while (place > 0 && rollovers->due[place - 1].looked > new.looked)
		place--;
	if (place == LOOKS_AT_ONCE)
		return;
	rollovers->ndue = MIN(rollovers->ndue + 1, (unsigned)LOOKS_AT_ONCE);
	memmove(
	    &rollovers->due[place + 1], &rollovers->due[place], (rollovers->ndue - 1 - place) * sizeof new);
	rollovers->due[place] = new;
}

bool
rollovers_turn(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring)
{
	struct rollover_clock now = clock_now();

	if (rollovers->results != NULL)
		return true;
	if (rollover_follows(keyring_rollover(keyring)))
		return false; /* the node that leads looks */
	switch (rollover_due(keyring_rollover(keyring), &now, &rollovers->options->pace)) {
	case ROLLOVER_NEXT:
		return true;
	case ROLLOVER_LOOK:
		note_due(rollovers, zone, keyring);
		return false;
	default:
		return false;
	}
}

void
rollovers_begin_looks(struct rollovers *rollovers, struct store *config)
{
	unsigned count = MIN(rollovers->ndue, looker_room(rollovers->looker));
	struct store_txn *txn;

	rollovers->ndue = 0;
	if (count == 0 || config == NULL || store_begin(config, STORE_READ, &txn) != 0)
		return;
	for (unsigned i = 0; i < count; i++)
		begin_look(rollovers, rollovers->due[i].zone, rollovers->due[i].keyring, txn);
	store_abort(txn);
}

/* ---- requests ---- */

static const char *
step_text(const struct rollover *rollover)
{
	return rollover->doing[0] != '\0' ? rollover->doing : "done";
}

static void
tell_step(const struct keyring *keyring, const struct rollover *rollover)
{
	if (rollover->kind == ROLLOVER_NONE || rollover->kind == ROLLOVER_DISABLED)
		warnx("zone %s: the procedure is over", keyring_name(keyring));
	else
		warnx("zone %s: %s, step %u of %u: %s", keyring_name(keyring),
		    rollover_kind_text(rollover->kind), rollover->step + 1u, rollover->steps,
		    step_text(rollover));
}

/* The algorithm of the key that signs now. */
static unsigned
algorithm_now(const struct keyring *keyring)
{
	struct key_id data[DATA_KEYS_MAX];

	return keyring_data(keyring, data) > 0 ? data[0].algorithm : 0;
}

static enum rollover_kind
kind_of(const struct keyring *keyring, const struct dnssec_policy *policy)
{
	if (policy->roll != ROLL_ALL)
		return policy->roll == ROLL_KSK ? ROLLOVER_KSK : ROLLOVER_ZSK;
	if (policy->algorithm != algorithm_now(keyring))
		return ROLLOVER_ALGORITHM;
	return policy->emergency ? ROLLOVER_EMERGENCY : ROLLOVER_KEY;
}

static bool
take_rollover(struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now,
    const struct rollover_pace *pace)
{
	struct rollover *rollover = keyring_rollover(keyring);
	enum rollover_kind kind = kind_of(keyring, policy);
	struct problems problems = {0};
	bool running = rollover->old.algorithm != 0 && rollover->new.algorithm != 0, done = false;

	if (rollover->kind == ROLLOVER_NONE) {
		done = keyring_roll(keyring, kind, policy->algorithm, now, &problems);
		if (done && policy->emergency)
			rollover_hurry(rollover, pace);
	} else if (running && policy->emergency) {
		rollover_hurry(rollover, pace);
	} else {
		warnx("zone %s: a rollover was asked for while another procedure runs: ask again later",
		    keyring_name(keyring));
	}
	if (problems.count > 0)
		warnx("zone %s: no rollover: %s", keyring_name(keyring), problems.items[0].text);
	problems_free(&problems);
	return done;
}

static bool
take_cancel(struct keyring *keyring, const struct rollover_clock *now)
{
	if (!rollover_can_cancel(keyring_rollover(keyring))) {
		warnx("zone %s: nothing is cancelled: no rollover runs, or the DS of the new key may be at "
		      "the parent",
		    keyring_name(keyring));
		return false;
	}
	keyring_begin(keyring, ROLLOVER_CANCEL, now);
	return true;
}

static bool
take_ending(struct keyring *keyring, const struct dnssec_policy *policy, const struct rollover_clock *now)
{
	const struct rollover *rollover = keyring_rollover(keyring);

	if (policy->ending == ENDING_KEY_LOST && rollover->kind != ROLLOVER_KEY_LOST &&
	    rollover->kind != ROLLOVER_DISABLED) {
		keyring_begin(keyring, ROLLOVER_KEY_LOST, now);
		return true;
	}
	/* Two keys may have a DS during a rollover: that ends first. The DS of another provider stays. */
	if (policy->ending == ENDING_DISABLE &&
	    (rollover->kind == ROLLOVER_NONE || rollover->kind == ROLLOVER_ENABLE)) {
		keyring_begin(keyring,
		    providers_hold(keyring_providers(keyring)) ? ROLLOVER_MOVE_OUT : ROLLOVER_DISABLE, now);
		return true;
	}
	/* Enabled again before the end: all is published still, only the DS may be gone. */
	if (policy->ending == ENDING_NONE &&
	    (rollover->kind == ROLLOVER_DISABLE || rollover->kind == ROLLOVER_MOVE_OUT ||
		rollover->kind == ROLLOVER_KEY_LOST)) {
		keyring_begin(keyring, ROLLOVER_ENABLE, now);
		return true;
	}
	return false;
}

static bool
take_lead(struct keyring *keyring)
{
	const struct leading *leading = &keyring_rollover(keyring)->leading;

	if (!rollover_follows(keyring_rollover(keyring)))
		return false;
	warnx("zone %s: this node leads the rollover from now on, in place of %s", keyring_name(keyring),
	    leading->name);
	keyring_lead(keyring);
	return true;
}

/* A new key comes from the node at which it was asked for. Returns true if marks changed. */
static bool
take_here(struct keyring *keyring, const struct dnssec_policy *policy, bool rolls, bool cancels,
    const struct rollover_clock *now, const struct rollover_pace *pace)
{
	const struct rollover *rollover = keyring_rollover(keyring);
	bool stepped = false;

	if (rollover_follows(rollover) && (rolls || cancels)) {
		warnx("zone %s: nothing is begun or cancelled: %s leads the rollover that runs",
		    keyring_name(keyring), rollover->leading.name);
		return false;
	}
	if (rolls && take_rollover(keyring, policy, now, pace))
		stepped = true;
	if (cancels && take_cancel(keyring, now))
		stepped = true;
	return stepped;
}

/* Returns true if marks changed. */
static bool
take_requests(struct keyring *keyring, const struct rollovers_asked *asked, const struct rollover_clock *now,
    const struct rollover_pace *pace, bool *noted)
{
	const struct dnssec_policy *policy = asked->policy;
	struct rollover *rollover = keyring_rollover(keyring);
	bool rolls = policy->rollover > rollover->request && rollover->kind != ROLLOVER_ENABLE,
	     cancels = policy->cancelled > rollover->cancelled, leads = policy->lead > rollover->leading.led,
	     stepped = take_ending(keyring, policy, now);

	/* `undo` makes the numbers smaller. */
	*noted |= policy->rollover != rollover->request || policy->cancelled != rollover->cancelled ||
	    policy->lead != rollover->leading.led;
	rollover->request = policy->rollover;
	rollover->cancelled = policy->cancelled;
	rollover->leading.led = policy->lead;
	if (asked->here && leads && take_lead(keyring))
		stepped = true;
	if (asked->here && take_here(keyring, policy, rolls, cancels, now, pace))
		stepped = true;
	return keyring_take_providers(keyring, policy, now) || stepped;
}

/* ---- states of the node that leads ---- */

/* The same step: only what its last look found can be newer. */
static bool
take_look(struct rollover *rollover, const struct rollover *there, const struct rollover_clock *now)
{
	if (!rollover->leading.follows || !rollover_kind_is_led(rollover->kind) ||
	    there->leading.leader != rollover->leading.leader || there->looked < rollover->looked)
		return false;
	rollover->looked = there->looked;
	rollover->first = there->first;
	rollover->until = there->until;
	rollover->nlacking = there->nlacking;
	memcpy(rollover->lacking, there->lacking, sizeof rollover->lacking);
	rollover->leading.taken = now->wall_ms;
	return true;
}

static void
refuse_state(const struct keyring *keyring, enum key_state_order order)
{
	static const char *const reasons[] = {[KEY_STATE_OLDER] = "a newer one is here",
	    [KEY_STATE_RIVAL] = "a rollover that was begun at the same time is led here",
	    [KEY_STATE_BUSY] = "a procedure of this node runs, and ends first"};

	warnx(
	    "zone %s: a state of another node is not taken over: %s", keyring_name(keyring), reasons[order]);
}

/* Returns true if marks changed. */
static bool
take_state(
    struct keyring *keyring, const struct key_state *state, const struct rollover_clock *now, bool *noted)
{
	struct rollover *rollover = keyring_rollover(keyring);
	enum key_state_order order = key_state_compare(rollover, &state->rollover);
	const struct signing_key *rows, *lost;
	unsigned count = keyring_rows(keyring, &rows);
	struct problems problems = {0};
	bool done = false;

	if (order == KEY_STATE_SAME)
		*noted |= take_look(rollover, &state->rollover, now);
	if (order == KEY_STATE_SAME || !keyring_can_sign(keyring))
		return false;
	lost = key_state_loses(state, rollover, rows, count);
	if (order != KEY_STATE_NEWER)
		refuse_state(keyring, order);
	else if (lost != NULL)
		warnx("zone %s: a state of another node is not taken over: it lacks key %u, whose DS may be "
		      "at the parent",
		    keyring_name(keyring), lost->key_tag);
	else
		done = keyring_follow(keyring, state, now->wall_ms, &problems);
	if (problems.count > 0)
		warnx("zone %s: a state of another node is not taken over: %s", keyring_name(keyring),
		    problems.items[0].text);
	problems_free(&problems);
	return done;
}

/* ---- settle ---- */

/* The result of a look at this zone, which the caller takes over; NULL: there is none. */
static struct look *
find_result(struct rollovers *rollovers, uint32_t zone)
{
	for (struct look **place = &rollovers->results; *place != NULL; place = &(*place)->next) {
		struct look *look = *place;

		if (look->zone != zone)
			continue;
		*place = look->next;
		return look;
	}
	return NULL;
}

/* Note the result of a look. */
static bool
take_result(struct rollovers *rollovers, uint32_t zone, struct rollover *rollover)
{
	struct look *look = find_result(rollovers, zone);
	struct rollover_clock now = clock_now();

	if (look == NULL)
		return false;
	rollovers->looks++;
	rollovers->failed += !look->good;
	if (look->since == rollover->since && !rollover_follows(rollover)) {
		rollover->ttl_ds = MAX(rollover->ttl_ds, look->ttl_ds);
		rollover->ttl_dnskey = MAX(rollover->ttl_dnskey, look->ttl_dnskey);
		rollover->ttl_ns = MAX(rollover->ttl_ns, look->ttl_ns);
		rollover_seen(rollover, look->good, &now, &rollovers->options->pace);
		rollover->validation = look->validation;
		rollover->nlacking = look->nlacking;
		memcpy(rollover->lacking, look->lacking, sizeof rollover->lacking);
	}
	look_free(look);
	return true;
}

enum rollovers_settled
rollovers_settle(
    struct rollovers *rollovers, uint32_t zone, struct keyring *keyring, const struct rollovers_asked *asked)
{
	struct rollover *rollover = keyring_rollover(keyring);
	struct rollover_clock now = clock_now();
	bool noted = false, stepped;

	rollover->ttl_data = MAX(rollover->ttl_data, asked->ttl_data);
	rollover->ttl_dnskey = MAX(rollover->ttl_dnskey, rollovers->options->key_ttl);
	stepped = asked->arrived != NULL && take_state(keyring, asked->arrived, &now, &noted);
	stepped |= take_requests(keyring, asked, &now, &rollovers->options->pace, &noted);
	noted |= !rollover_follows(rollover) && rollover_set_right(rollover, &now);
	noted |= take_result(rollovers, zone, rollover);
	while (!rollover_follows(rollover) &&
	    rollover_due(rollover, &now, &rollovers->options->pace) == ROLLOVER_NEXT) {
		keyring_advance(keyring, &now);
		stepped = true;
	}
	if (stepped)
		tell_step(keyring, rollover);
	if (rollover->kind == ROLLOVER_DISABLED)
		return ROLLOVERS_ENDED;
	return stepped ? ROLLOVERS_STEPPED : noted ? ROLLOVERS_NOTED : ROLLOVERS_SAME;
}

void
rollovers_count(struct rollover_counts *counts, struct keyring *keyring)
{
	const struct rollover *rollover = keyring_rollover(keyring);

	counts->lacking += rollover->nlacking;
	if (rollover_step(rollover) == NULL)
		return;
	counts->procedures++;
	counts->age_ms = MAX(counts->age_ms, clock_now().wall_ms - rollover->since);
	if (!rollover_follows(rollover))
		return;
	counts->followed++;
	counts->state_ms = MAX(counts->state_ms, clock_now().wall_ms - rollover->leading.taken);
}

void
rollovers_expose(const struct rollovers *rollovers, const struct rollover_counts *counts, FILE *page)
{
	exposition_value(page, "graycloud_signer_looks_total", "counter",
	    "Looks at all servers of a zone and of its parent.", (double)rollovers->looks);
	exposition_value(page, "graycloud_signer_looks_failed_total", "counter",
	    "Looks at which a server did not show the keys of a zone, or did not answer.",
	    (double)rollovers->failed);
	exposition_value(page, "graycloud_signer_procedures", "gauge", "Zones whose keys are being changed.",
	    counts->procedures);
	exposition_value(page, "graycloud_signer_procedures_followed", "gauge",
	    "Those of them whose steps another node takes.", counts->followed);
	exposition_value(page, "graycloud_signer_state_age_seconds", "gauge",
	    "Seconds since the oldest state of such a node was taken over; 0: none is followed.",
	    (double)counts->state_ms / 1000);
	exposition_value(page, "graycloud_signer_step_age_seconds", "gauge",
	    "Seconds since the oldest step that a zone is at began; 0: no procedure runs.",
	    (double)counts->age_ms / 1000);
	exposition_value(page, "graycloud_signer_servers_lacking", "gauge",
	    "Servers that did not show the keys of their zone at its last look.", counts->lacking);
}
