#include "admin/explain/served.h"

#include "admin/explain/earlier.h"
#include "admin/explain/kept.h"
#include "admin/explain/reading.h"
#include "admin/look/signer_view.h"
#include "zones/document/value.h"
#include "zones/state/serving.h"

#include <stdlib.h>

/* The configuration that the nameserver answers, and why it is not the newest one. */
struct answered {
	enum answered_state {
		ANSWERED_NEWEST,  /* it answers that, or it is not known */
		ANSWERED_SIGNED,  /* newer ones wait for the signer */
		ANSWERED_FAULT,   /* newer ones cannot be compiled */
		ANSWERED_SOON,    /* it will have compiled newer ones in a moment */
		ANSWERED_STOPPED, /* none runs, and one that starts waits for the signer */
	} state;
	uint64_t generation, newest; /* if it has stopped, the last one that was answered */
	uint64_t first;              /* that is not answered; 0: not known */
	int64_t since;               /* when it came, milliseconds since 1970 */
	const char *name;            /* of the state, for programs */
	char *why;
};

bool
served_generation_read(const char *text, uint64_t *generation)
{
	if (strcmp(text, "newest") == 0) {
		*generation = SERVED_NEWEST;
		return true;
	}
	return whole_from_text(text, UINT64_MAX - 1, generation) && *generation > 0;
}

/* ---- what is answered ---- */

static bool
note_first(void *arg, uint64_t sequence, struct bytes head)
{
	struct answered *answered = arg;
	struct value *value = value_read(head);

	answered->first = sequence;
	answered->since = value_integer(value_member(value, "time"));
	value_free(value);
	return false;
}

static void
name_signer(struct answered *answered, const struct signer_view *view)
{
	const char *state = signer_view_state(view);

	answered->name = "signer";
	if (strcmp(state, "dead") == 0) {
		answered->name = "signer dead";
		answered->why = xstrdup("graycloud-signer is dead: start it");
	} else if (strcmp(state, "stuck") == 0) {
		answered->name = "signer stuck";
		answered->why = xasprintf("graycloud-signer is stuck: %s", view->beat.fault);
	} else {
		answered->why = xstrdup("graycloud-signer has not signed yet all that is needed");
	}
}

static void
judge_running(struct answered *answered, const struct serving_status *status, const struct signer_view *view)
{
	if (status->waits) {
		answered->state = ANSWERED_SIGNED;
		name_signer(answered, view);
	} else if (status->compile_error[0] != '\0') {
		answered->state = ANSWERED_FAULT;
		answered->name = "fault";
		answered->why = xasprintf("the nameserver cannot compile it: %s", status->compile_error);
	} else {
		answered->state = ANSWERED_SOON;
		answered->name = "compiling";
		answered->why = xstrdup("the nameserver compiles it");
	}
}

static void
judge(struct answered *answered, const struct served_stores *stores)
{
	struct serving_status *status = xcalloc(1, sizeof *status);
	bool known = stores->serving != NULL && serving_get(stores->serving, status);
	struct signer_view view;

	*answered =
	    (struct answered){.generation = status->generation, .newest = config_generation(stores->config)};
	/* One that is newer than the newest was read a moment later, unless the configuration was replaced.
	 */
	if (known && status->generation != 0 && status->generation != answered->newest &&
	    (status->generation < answered->newest || status->waits || status->compile_error[0] != '\0')) {
		signer_view_read(&view, stores->config, stores->sets);
		if (status->ready && !serving_dead(status, boot_ms())) {
			judge_running(answered, status, &view);
		} else if (view.wanted &&
		    (stores->signatures == NULL ||
			signer_generation(stores->signatures) < answered->newest)) {
			answered->state = ANSWERED_STOPPED;
			answered->name = "stopped";
		}
		if (answered->generation < answered->newest)
			config_each_command(stores->config, answered->generation, note_first, answered);
	}
	free(status);
}

/* "13 to 15 wait since 2026-11-20T12:00:00.000Z"; malloc. */
static char *
text_of_waiting(const struct answered *answered)
{
	unsigned long long newest = answered->newest;
	char since[32];

	if (answered->first == 0)
		return xasprintf("newer ones, up to %llu, wait", newest);
	earlier_time(answered->since, since);
	return answered->first == answered->newest
	    ? xasprintf("%llu waits since %s", newest, since)
	    : xasprintf("%llu to %llu wait since %s", (unsigned long long)answered->first, newest, since);
}

/* The sentence beside the explanation of a generation; malloc. */
static char *
text_of(const struct answered *answered, uint64_t explained)
{
	unsigned long long generation = answered->generation, newest = answered->newest, this = explained;
	char *waiting, *text;

	if (answered->state == ANSWERED_STOPPED)
		return xasprintf(
		    "this is generation %llu: no nameserver runs here, and the last one answered "
		    "%llu; one that starts answers %llu if graycloud-signer has signed it in time, "
		    "else the newest one that is signed (S103)",
		    this, generation, newest);
	if (answered->newest < answered->generation)
		return xasprintf(
		    "this is generation %llu, and the nameserver answers %llu of the configuration "
		    "before: %s",
		    this, generation, answered->why);
	waiting = text_of_waiting(answered);
	text = explained == answered->generation
	    ? xasprintf("this is generation %llu, which the nameserver answers; %s: %s (S103)", this, waiting,
		  answered->why)
	    : xasprintf("this is generation %llu, and the nameserver answers %llu; %s: %s (S103)", this,
		  generation, waiting, answered->why);
	free(waiting);
	return text;
}

/* The member "served". */
static struct json *
note_of(const struct answered *answered, uint64_t explained, const char *unknown)
{
	struct json *served = json_new_object();
	char *text = text_of(answered, explained), *both = NULL, since[32];

	if (unknown != NULL)
		both = xasprintf("%s; that one cannot be explained: %s", text, unknown);
	if (answered->first != 0)
		wall_text(answered->since, since);
	json_put_integer(served, "generation", (long long)answered->generation);
	json_put_integer(served, "newest", (long long)answered->newest);
	json_put_text(served, "state", answered->name);
	json_put_text(served, "since", answered->first != 0 ? since : NULL);
	json_put_text(served, "text", both != NULL ? both : text);
	free(both);
	free(text);
	return served;
}

/* ---- lost signatures ---- */

/* RFC 4034 2.1, RFC 7344: records that are made from the keys, which are lost with the signatures. */
static bool
needs_keys(const struct json *out, const char *zone)
{
	static const char *const types[] = {"DNSKEY", "CDS", "CDNSKEY", "ANY"};
	const struct json *records = json_member(out, "records");
	bool needed = false;

	for (unsigned i = 0; i < NITEMS(types); i++)
		needed |= strcmp(json_text_of(out, "type"), types[i]) == 0;
	needed &= strcmp(json_text_of(out, "name"), zone) == 0;
	for (size_t i = 0; i < json_count(records); i++)
		needed |= strcmp(json_text_of(json_item(records, i), "type"), "NSEC") == 0 &&
		    strcmp(json_text_of(json_item(records, i), "name"), zone) == 0;
	return needed;
}

/* S100 */
static void
note_lost(struct json *out, const struct served_stores *stores, const struct kept_notes *kept)
{
	const struct json *member = json_member(out, "zone");
	const char *zone = json_text_of(member, "name"), *lost = json_text(json_member(member, "lost"));
	bool keeps = lost != NULL && strcmp(lost, "kept") == 0;
	struct signer_view view;
	struct json *notes;
	char *text;

	if (lost == NULL)
		return;
	notes = json_new_list();
	signer_view_read(&view, stores->config, stores->sets);
	text = xasprintf(
	    "the signatures of zone %s are lost: clients with DO %s until they are made again (S100): %s",
	    zone,
	    keeps            ? "get those that the nameserver keeps"
		: kept->runs ? "get SERVFAIL from the nameserver, which was started since,"
			     : "will get SERVFAIL from a nameserver that starts",
	    view.dead ? "start graycloud-signer" : "graycloud-signer makes or imports them");
	json_add_text(notes, text);
	if (keeps && needs_keys(out, zone))
		json_add_text(notes,
		    "the nameserver keeps DNSKEY, CDS and CDNSKEY, too, which are lost here: they are not "
		    "shown, "
		    "nor in the NSEC of the zone's own name");
	json_put(out, "notes", notes);
	free(text);
}

/* ---- earlier ones ---- */

/* Close the copy in every case. */
static bool
open_earlier(struct config_past_copy *past, const struct served_stores *stores, uint64_t generation,
    struct problems *problems)
{
	const struct config_moment moment = {.sequence = generation};

	return config_past_open(past, stores->config_store, &moment, problems) != NULL &&
	    earlier_is_known(past, problems);
}

static void
refuse_unknown(const struct answered *answered, const struct problems *unknown, struct problems *problems)
{
	unsigned long long generation = answered->generation;
	char *waiting;

	if (answered->newest < answered->generation) {
		problems_error(problems,
		    "the nameserver answers generation %llu of the configuration before, which is not known "
		    "here: %s",
		    generation, answered->why);
		return;
	}
	waiting = text_of_waiting(answered);
	problems_error(problems,
	    "the nameserver answers generation %llu, which is not known here: %s; %s: %s (S103)", generation,
	    unknown->count > 0 ? unknown->items[0].text : "it cannot be made", waiting, answered->why);
	free(waiting);
}

struct store_txn *
served_open(struct served_config *out, const struct served_stores *stores, struct problems *problems)
{
	struct answered answered;
	struct problems unknown = {0};
	uint64_t generation;

	judge(&answered, stores);
	*out = (struct served_config){.config = stores->config};
	generation = answered.state == ANSWERED_NEWEST || answered.state == ANSWERED_STOPPED
	    ? answered.newest
	    : answered.generation;
	if (generation > answered.newest)
		out->config = NULL;
	else if (generation < answered.newest)
		out->config = open_earlier(&out->past, stores, generation, &unknown) ? out->past.txn : NULL;
	if (out->config == NULL)
		refuse_unknown(&answered, &unknown, problems);
	else if (answered.state != ANSWERED_NEWEST)
		out->served = note_of(&answered, generation, NULL);
	problems_free(&unknown);
	free(answered.why);
	return out->config;
}

void
served_close(struct served_config *served)
{
	config_past_close(&served->past);
	json_drop(served->served);
	served->served = NULL;
}

/* ---- explaining ---- */

static struct json *
explain_earlier(const struct served_stores *stores, const struct explanation_request *request,
    uint64_t generation, struct problems *problems)
{
	struct config_past_copy past = {0};
	struct json *out = NULL;

	if (open_earlier(&past, stores, generation, problems))
		out = reading_explain(past.txn, stores->health, request, problems);
	if (out != NULL && !earlier_has_zones(&past, out, problems)) {
		json_drop(out);
		out = NULL;
	}
	config_past_close(&past);
	return out;
}

struct json *
served_explain(const struct served_stores *stores, struct explanation_request *request, uint64_t generation,
    struct problems *problems)
{
	struct answered answered;
	struct problems unknown = {0};
	struct kept_notes kept;
	struct json *out = NULL;
	uint64_t explained;

	judge(&answered, stores);
	kept_notes_read(&kept, stores->state, stores->serving);
	request->kept = &kept;
	explained = generation == SERVED_NEWEST ? answered.newest : generation;
	if (generation == SERVED_NOW)
		explained = answered.state == ANSWERED_SIGNED || answered.state == ANSWERED_FAULT
		    ? MIN(answered.generation, answered.newest)
		    : answered.newest;
	if (generation != SERVED_NOW && explained > answered.newest)
		problems_error(problems, "there is no generation %llu yet: the newest one is %llu",
		    (unsigned long long)explained, (unsigned long long)answered.newest);
	else if (explained != answered.newest)
		out = explain_earlier(
		    stores, request, explained, generation == SERVED_NOW ? &unknown : problems);
	if (out == NULL && problems->errors == 0) {
		explained = answered.newest;
		request->waits = answered.state == ANSWERED_SIGNED || answered.state == ANSWERED_STOPPED;
		out = reading_explain(stores->config, stores->health, request, problems);
	}
	if (out != NULL && answered.state != ANSWERED_NEWEST)
		json_put(out, "served",
		    note_of(&answered, explained, unknown.count > 0 ? unknown.items[0].text : NULL));
	if (out != NULL)
		note_lost(out, stores, &kept);
	request->kept = NULL;
	kept_notes_free(&kept);
	problems_free(&unknown);
	free(answered.why);
	return out;
}

struct past_answered
served_since(struct store_txn *serving)
{
	struct serving_status *status = xcalloc(1, sizeof *status);
	struct past_answered answered = {.generation = 0};

	if (serving != NULL && serving_get(serving, status) && status->ready &&
	    !serving_dead(status, boot_ms()))
		answered =
		    (struct past_answered){.generation = status->generation, .since = status->served_wall};
	free(status);
	return answered;
}

char *
served_sentence(const struct served_stores *stores)
{
	struct answered answered;
	char *text = NULL;

	judge(&answered, stores);
	if (answered.state != ANSWERED_NEWEST)
		text = text_of(&answered, answered.newest);
	free(answered.why);
	return text;
}
