#include "dnsd/serve.h"

#include <stdlib.h>
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
serve_context_new(const char *nsid)
{
	struct context_and_texts *whole = calloc(1, sizeof *whole);
	char host[256] = "localhost";

	if (whole == NULL)
		return NULL;
	gethostname(host, sizeof host - 1);
	whole->context.nsid = nsid;
	random_bytes(&whole->context.draw, sizeof whole->context.draw);
	chaos_init(&whole->version, "graycloud " VERSION);
	chaos_init(&whole->hostname, nsid != NULL ? nsid : host);
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

/* Class CH: who we are (RFC 4892 and BIND's custom). */
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

static size_t
serve_parsed(struct serve_context *context, const struct snapshot *view, const struct query *query, struct message *message)
{
	struct answer *answer = &context->answer;
	struct steering steering = {.client = query->client, .draw = next_draw(context)};

	answer_init(answer, query->rcode);
	if (query->rcode == RCODE_NOERROR && query->question.class == CLASS_CH)
		answer_chaos(context, &query->question, answer);
	else if (query->rcode == RCODE_NOERROR && view == NULL)
		answer->rcode = RCODE_REFUSED; /* no configuration yet: no zone is ours */
	else if (query->rcode == RCODE_NOERROR)
		answer_find(answer, view, &query->question, &steering);
	tally_query(context->tally, message->peer, query, answer);
	return response_write(query, answer, context->nsid, message->out, message->outcap);
}

/* Is there a name to look up for this query? */
static bool
wants_lookup(const struct serve_context *context, unsigned i)
{
	return context->parsed[i] && context->queries[i].rcode == RCODE_NOERROR;
}

void
serve_batch(struct serve_context *context, const struct snapshot *view, struct message *messages, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		context->parsed[i] = query_parse(&context->queries[i], messages[i].peer, messages[i].in, messages[i].inlen);
	/* Among a million names every lookup waits for memory: let a batch wait together. */
	for (unsigned stage = 0; view != NULL && count > 1 && stage < 3; stage++)
		for (unsigned i = 0; i < count; i++)
			if (wants_lookup(context, i))
				snapshot_prefetch(view, &context->queries[i].question.path, stage);
	for (unsigned i = 0; i < count; i++) {
		messages[i].outlen = 0;
		if (context->parsed[i])
			messages[i].outlen = serve_parsed(context, view, &context->queries[i], &messages[i]);
		else
			tally_add(&context->tally->ignored, 1);
	}
}

size_t
serve(struct serve_context *context, const struct snapshot *view, const struct peer *peer, const uint8_t *in,
    size_t inlen, uint8_t *out, size_t outlen)
{
	struct message message = {.peer = peer, .in = in, .inlen = inlen, .out = out, .outcap = outlen};

	serve_batch(context, view, &message, 1);
	return message.outlen;
}
