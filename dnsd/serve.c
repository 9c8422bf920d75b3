#include "dnsd/serve.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* One TXT record of class CH as a fragment; room for a text of 255 octets. */
struct chaos_text {
	uint8_t wire[12 + 256];
	size_t len;
};

struct context_and_texts {
	struct serve_context context;
	struct chaos_text version, hostname;
};

static void
chaos_init(struct chaos_text *chaos, const char *text)
{
	size_t len = MIN(strlen(text), 255);

	put16(chaos->wire, 0xC00C);
	put16(chaos->wire + 2, TYPE_TXT);
	put16(chaos->wire + 4, CLASS_CH);
	put32(chaos->wire + 6, 0);
	put16(chaos->wire + 10, (uint16_t)(len + 1));
	chaos->wire[12] = (uint8_t)len;
	memcpy(chaos->wire + 13, text, len);
	chaos->len = 13 + len;
}

struct serve_context *
serve_context_new(const struct serve_settings *settings)
{
	struct context_and_texts *whole = calloc(1, sizeof *whole);
	char host[256] = "localhost";

	if (whole == NULL)
		return NULL;
	gethostname(host, sizeof host - 1);
	whole->context.settings = settings;
	random_bytes(&whole->context.draw, sizeof whole->context.draw);
	chaos_init(&whole->version, "graycloud " VERSION);
	chaos_init(&whole->hostname, settings->nsid != NULL ? settings->nsid : host);
	if ((whole->context.tally = tally_new()) == NULL) {
		free(whole);
		return NULL;
	}
	return &whole->context;
}

void
serve_context_free(struct serve_context *context)
{
	if (context == NULL)
		return;
	tally_free(context->tally);
	free(context);
}

static uint64_t
next_draw(struct serve_context *context)
{
	return mix64(context->draw += UINT64_C(0x9e3779b97f4a7c15));
}

/* Class CH: the identity of the server (RFC 4892, and names as in BIND). */
static void
answer_chaos(struct serve_context *context, const struct question *question, struct answer *answer)
{
	static const uint8_t version_bind[] = "\7version\4bind", version_server[] = "\7version\6server",
			     id_server[] = "\2id\6server", hostname_bind[] = "\10hostname\4bind";
	const struct context_and_texts *whole = (const struct context_and_texts *)context;
	const uint8_t *name = question->path.name;
	const struct chaos_text *text = NULL;

	if (name_equal(name, version_bind) || name_equal(name, version_server))
		text = &whole->version;
	else if (name_equal(name, id_server) || name_equal(name, hostname_bind))
		text = &whole->hostname;
	if (text == NULL) {
		answer->rcode = RCODE_REFUSED;
		return;
	}
	answer->authoritative = true;
	if (question->type == TYPE_TXT || question->type == TYPE_ANY)
		answer_add_own(answer, text->wire, text->len, 1, 0);
}

void
serve_clock(struct serve_context *context)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	context->now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	context->now_s = (uint32_t)now.tv_sec;
}

/* RFC 7873 5.2: does the client have a valid cookie?  It always gets a new one. */
static bool
check_cookie(struct serve_context *context, const struct query *query, const struct peer *peer,
    uint8_t made[COOKIE_SERVER], struct edns_reply *reply)
{
	const struct client_cookie *cookie = &query->edns.cookie;
	const struct cookie_secrets *secrets =
	    atomic_load_explicit(&context->settings->secrets, memory_order_acquire);
	bool good;

	if (!cookie->present || secrets == NULL)
		return false;
	good = cookie_valid(
	    secrets, cookie->client, cookie->server, cookie->server_len, &peer->address, context->now_s);
	cookie_make(made, secrets, cookie->client, &peer->address, context->now_s);
	reply->cookie = made;
	tally_add(good ? &context->tally->cookies_good : &context->tally->cookies_bad, 1);
	return good;
}

/* S106: the answer goes on after its signatures have ended, for those who do not validate. */
static bool
has_ended(const struct serve_context *context)
{
	const struct answer *answer = &context->answer;

	return (answer->first_end != 0 && (int32_t)(answer->first_end - context->now_s) < 0) ||
	    (answer->steered.zone != NULL &&
		(int32_t)(answer->steered.signatures[0].expiration - context->now_s) < 0);
}

/* RFC 8914: the reason, if the rcode alone is not clear. */
static void
choose_error(const struct serve_context *context, const struct query *query, struct edns_reply *reply)
{
	const struct answer *answer = &context->answer;

	if (answer->lacks_signature) {
		reply->error = true;
		reply->error_code = EDNS_ERROR_NO_SIGNATURE;
	} else if (answer->dnssec_ok && has_ended(context)) {
		reply->error = true;
		reply->error_code = EDNS_ERROR_SIGNATURE_EXPIRED;
	} else if (answer->rcode == RCODE_REFUSED) {
		bool transfer = query->question.type == TYPE_AXFR || query->question.type == TYPE_IXFR;

		reply->error = true;
		reply->error_code = transfer ? EDNS_ERROR_PROHIBITED : EDNS_ERROR_NOT_AUTHORITATIVE;
	} else if (answer->rcode == RCODE_NOTIMP) {
		reply->error = true;
		reply->error_code = EDNS_ERROR_NOT_SUPPORTED;
	} else if (context->settings->fallback_error && answer->has_choice && answer->choice.last_resort) {
		reply->error = true;
		reply->error_code = EDNS_ERROR_OTHER;
		reply->error_text = "fallback pool in use";
	}
}

/* If only errors are limited, skip all other answers. */
static bool
is_limited(const struct serve_settings *settings, uint16_t rcode)
{
	return !settings->errors_only || rrl_limits_always(rcode);
}

/* Apply rate limiting to a finished answer.  Returns false to stay silent. */
static bool
limit_rate(struct serve_context *context, const struct query *query, const struct peer *peer)
{
	struct rrl *rrl = context->settings->rrl;
	enum rrl_verdict verdict =
	    rrl_decide(rrl, &peer->address, context->answer.bucket, context->answer.rcode, context->now_us);

	if (verdict == RRL_SEND)
		return true;
	tally_add(
	    verdict == RRL_SLIP ? &context->tally->limited_truncated : &context->tally->limited_dropped, 1);
	if (rrl_dry_run(rrl))
		return true;
	if (verdict == RRL_DROP)
		return false;
	answer_init(&context->answer, query->rcode);
	context->answer.truncated = true;
	return true;
}

/* Find the answer, before rate limiting. */
static void
find_answer(struct serve_context *context, const struct snapshot *snapshot, const struct query *query)
{
	struct answer *answer = &context->answer;
	struct steering steering = {.client = query->client,
	    .draw = next_draw(context),
	    .now_s = context->now_s,
	    .pins = context->settings->pins,
	    .site = context->settings->site,
	    .query_name = query->question.path.name,
	    .query_type = query->question.type,
	    .geo = atomic_load_explicit(&context->settings->geo, memory_order_acquire)};

	answer_init(answer, query->rcode);
	if (query->rcode != RCODE_NOERROR || query->cookie_only)
		return;
	if (query->question.class == CLASS_CH)
		answer_chaos(context, &query->question, answer);
	else if (snapshot == NULL)
		answer->rcode = RCODE_REFUSED; /* no configuration yet, so no zones */
	else
		answer_find(answer, snapshot, &query->question, &steering);
}

/*
 * S20, S99: steering requests a pin, and this writes it if the whole answer is sent.  proven: the resolver
 * sent a valid cookie, or uses TCP.
 */
static void
keep_pin(struct serve_context *context, const struct peer *peer, bool proven)
{
	struct steer_choice *choice = &context->answer.choice;

	if (!context->answer.has_choice || !choice->pin_wanted)
		return;
	choice->pin.owner = pin_owner(&peer->address);
	choice->pin.proven = proven;
	if (!pins_put(
		context->settings->pins, choice->pin_key, choice->lb->share, context->now_s, &choice->pin)) {
		tally_add(&context->tally->pins_refused, 1);
		return;
	}
	tally_add(&context->tally->pins_made, 1);
	if (choice->pin.differs && context->settings->pin_news != NULL)
		pin_news_add(context->settings->pin_news, choice->pin_key, choice->lb->share, &choice->pin);
}

/* S102: what was chosen has no signature. */
static void
note_wanted(const struct serve_context *context)
{
	const struct steer_lb *lb = context->answer.lacking;

	if (lb != NULL && context->settings->wanted != NULL)
		wanted_add(context->settings->wanted, lb->name, lb->name_len);
}

static bool
truncated(const struct message *message)
{
	return message->outlen >= WIRE_HEADER && message->out[2] & 0x02;
}

static void
serve_parsed(struct serve_context *context, const struct snapshot *snapshot, struct query *query,
    struct message *message)
{
	const struct serve_settings *settings = context->settings;
	bool udp = transport_is_udp(message->peer->transport), known;
	struct edns_reply reply = {.nsid = settings->nsid,
	    .pad = !udp && query->edns.padding,
	    .keepalive = !udp && query->edns.keepalive ? settings->keepalive : 0,
	    .close = atomic_load_explicit(&settings->leaving, memory_order_relaxed)};
	uint8_t cookie[COOKIE_SERVER];

	known = check_cookie(context, query, message->peer, cookie, &reply);
	if (udp && settings->require_cookie && query->edns.cookie.present && !known &&
	    query->rcode == RCODE_NOERROR && !query->cookie_only)
		query->rcode = RCODE_BADCOOKIE;
	find_answer(context, snapshot, query);
	note_wanted(context);
	tally_query(context->tally, message->peer, query, &context->answer);
	if (settings->rrl != NULL && udp && !known && is_limited(settings, context->answer.rcode) &&
	    !limit_rate(context, query, message->peer))
		return;
	choose_error(context, query, &reply);
	message->outlen = response_write(query, &context->answer, &reply, message->out, message->outcap);
	if (truncated(message))
		tally_add(&context->tally->truncated, 1);
	else
		keep_pin(context, message->peer, known || !udp);
}

/* Is there a name to look up for this query? */
static bool
wants_lookup(const struct serve_context *context, unsigned i)
{
	return context->parsed[i] && context->queries[i].rcode == RCODE_NOERROR &&
	    !context->queries[i].cookie_only;
}

/* With a million names each lookup waits for memory: let the lookups of a batch wait together. */
static void
prefetch(struct serve_context *context, const struct snapshot *snapshot, unsigned count)
{
	bool any = false;

	for (unsigned i = 0; i < count; i++)
		context->zones[i] = wants_lookup(context, i)
		    ? snapshot_zone(snapshot, &context->queries[i].question.path, false)
		    : NULL;
	for (unsigned stage = 0; stage < 3; stage++)
		for (unsigned i = 0; i < count; i++) {
			const struct question *question = &context->queries[i].question;

			context->absent[i] = context->zones[i] != NULL &&
			    zone_prefetch(context->zones[i], &question->path, stage) && question->dnssec_ok;
			any |= context->absent[i];
		}
	for (unsigned stage = 0; any && stage < 4; stage++)
		for (unsigned i = 0; i < count; i++)
			if (context->absent[i])
				zone_prefetch_cover(context->zones[i], &context->queries[i].question.path,
				    stage, &context->covers[i]);
}

void
serve_batch(
    struct serve_context *context, const struct snapshot *snapshot, struct message *messages, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		context->parsed[i] =
		    query_parse(&context->queries[i], messages[i].peer, messages[i].in, messages[i].inlen);
	if (snapshot != NULL && count > 1)
		prefetch(context, snapshot, count);
	for (unsigned i = 0; i < count; i++) {
		messages[i].outlen = 0;
		if (context->parsed[i])
			serve_parsed(context, snapshot, &context->queries[i], &messages[i]);
		else
			tally_add(&context->tally->ignored, 1);
	}
}

size_t
serve(struct serve_context *context, const struct snapshot *snapshot, const struct peer *peer,
    const uint8_t *in, size_t inlen, uint8_t *out, size_t outlen)
{
	struct message message = {.peer = peer, .in = in, .inlen = inlen, .out = out, .outcap = outlen};

	serve_batch(context, snapshot, &message, 1);
	return message.outlen;
}
