/*
 * ask.h -- ask nameservers many questions at once, within a time.  The doctor and the signer use it.
 */
#ifndef ASK_H
#define ASK_H

#include "zones/base/address.h"
#include "zones/base/map.h"
#include "zones/dns/name.h"

enum ask_flags {
	ASK_TCP = 1,
	ASK_EDNS = 2,    /* with an OPT record: 1232 octets */
	ASK_RECURSE = 4, /* RD: a resolver is asked, over TCP if the answer is truncated */
	ASK_DO = 8       /* with ASK_EDNS: the answer is to have signatures (RFC 3225) */
};

enum ask_outcome {
	ASK_WAITING,
	ASK_ANSWERED,    /* by any message */
	ASK_SILENT,      /* no answer in time */
	ASK_UNREACHABLE, /* refused by the other machine, or no way leads there */
	ASK_NO_TIME      /* the time was up before that was known */
};

struct question {
	struct address server; /* of no family: the resolvers of /etc/resolv.conf */
	uint16_t port, type;
	uint8_t name[NAME_MAX_LEN];
	unsigned flags;
	enum ask_outcome outcome;
	uint8_t *octets; /* of the answer */
	size_t len;
	/* private */
	struct bytes key;
	struct asking *asking;
	struct ares_channeldata *channel;
};

/* Each question is asked once however often it is put.  Starts by asking_start; freed by asking_free. */
struct asking {
	struct map questions;
	size_t asked; /* how many of them have been started */
	size_t under_way;
	unsigned try_ms; /* the first of two tries; the second takes twice as long */
	uint64_t end_ms; /* awake_ms() */
	int stop_fd;     /* when it becomes readable, asking_run ends; -1: never */
	struct silent_server *silent;
	size_t nsilent;
};

/* stop_fd: see above. */
void asking_start(struct asking *asking, unsigned timeout_ms, int stop_fd);
void asking_free(struct asking *asking);

/* Put a question; it belongs to asking and has no answer before asking_run. */
struct question *ask(struct asking *asking, const struct address *server, uint16_t port, const uint8_t *name,
    uint16_t type, unsigned flags);
/* Ask all questions that were put since the last time.  Blocks until all have an outcome, or the time is up.
 */
void asking_run(struct asking *asking);

enum { ASK_RESOLVERS_TEXT = 120 };

/*
 * The addresses that a question asks whose server has no family, as text: "192.0.2.1, 2001:db8::1", the first
 * of them if there are many. Returns 0, or the errno if /etc/resolv.conf cannot be read: then a resolver on
 * this machine is asked.
 */
int ask_resolvers(char out[ASK_RESOLVERS_TEXT]);

/* Does any way lead from this machine to the address?  Sends nothing. */
bool ask_has_route(const struct address *address);

/* The number of questions for which the time was too short. */
size_t asking_unasked(const struct asking *asking);

#endif
