/* signer_inner.h -- the state of the signer, for signer.c, signer_steered.c and signer_import.c. */
#ifndef SIGNER_INNER_H
#define SIGNER_INNER_H

#include "signer/followed.h"
#include "signer/settle/settle.h"
#include "signer/sign/sweep.h"
#include "signer/signer_options.h"
#include "signer/time/clock.h"
#include "signer/time/outside.h"
#include "zones/state/health.h"
#include "zones/steer/wanted.h"

enum {
	SLICE = 512,        /* signatures of steered RRsets in a pass, so that changes are seen meanwhile */
	SLICE_CONFIG = 4096 /* the same while a configuration waits */
};

/* A pass writes both stores, or none. */
struct pass {
	struct store_txn *signatures, *sets;
	uint32_t now;
	bool wrote;      /* signatures, and not only sets */
	bool reported;   /* the fault is set already */
	unsigned slice;  /* signatures of steered RRsets that may still be made */
	bool foreseeing; /* what it needs is not needed yet */
	bool whole;      /* all load balancers are signed in it, and none waits for another one */
	int error;
};

/* A zone whose shipment was taken in a pass. */
struct took {
	char *name;
	bool begins; /* it is signed since */
	bool many;   /* signatures changed, so that not all were verified */
};

struct signer {
	struct pass *pass; /* the one that runs; NULL: none */
	struct signer_options options;
	struct store *signatures, *sets;
	struct followed config, health;
	struct compiler *compiler;
	struct signing_threads *threads;
	struct steered_batch *batch; /* empty between two passes */
	struct wanted_ring *wanted;  /* of the nameserver; NULL: there is none */
	uint64_t taken;              /* the next item of it */
	struct zone_signer *zones;
	struct rollovers *rollovers;
	struct arrivals *arrivals;
	struct signer_beat beat;
	struct clock_watch clock;
	struct outside outside;
	bool waits_outside; /* nothing is signed because of it */
	bool replaced;      /* a store was lost and made again */
	bool loaded;        /* the signatures of the last run were read */
	uint64_t
	    retry_ms; /* when to repeat the last pass over the configuration, which failed; 0: it did not */
	bool more;    /* load balancers are left to look at */
	uint64_t pending;     /* the generation to write when none is left; 0: it is written */
	uint32_t steered_end; /* the earliest end of the signatures of steered RRsets; 0: none */
	uint32_t steered_due; /* when the first of them is due */
	bool progressing;     /* on_progress runs */
	bool aside;           /* load balancers were signed while zones are built */
	bool foreseen;        /* what the ends of disabled_until need is signed */
	struct sweep sweep;
	uint64_t swept_ms; /* when the last sweep began */
	/* S109: walks over all that was taken, and how often each still comes to the end. */
	struct verify_walk {
		struct signature_place rows;
		uint64_t singles, sets; /* sequences */
		unsigned rows_left, singles_left, sets_left;
	} verify;
	uint64_t compiled;   /* the generation of the last pass over the configuration */
	int keyless;         /* S109: readable when shipments came; -1: there is none */
	bool keyless_news;   /* something came or went */
	uint64_t between_ms; /* of the last beat between two passes */
	uint64_t peeked_ms;  /* when shipments were looked for without that */
	bool lacked;         /* the configuration needs signatures that only another node can make */
	uint64_t take_ms;    /* shipments that wait are not taken before, because their pass failed; 0: it did
				not, and none waits since */
	struct took *took;   /* of this pass */
	size_t ntook;
	char logged[200]; /* the last fault that was logged */
};

struct steered_pass {
	struct signer *signer;
	struct pass *pass;
	unsigned looked; /* the load balancers that were looked at */
};

/* The earlier of two times, modulo 2^32; 0: none. */
static inline uint32_t
earlier_end(uint32_t a, uint32_t b)
{
	return a == 0 || (int32_t)(b - a) < 0 ? b : a;
}

/* The reason why something is not signed, for the beat and the log; "": none. */
void signer_set_fault(struct signer *signer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void signer_begin_settle(
    struct signer *signer, struct pass *pass, struct settle *settle, struct store_txn *config);
void signer_end_settle(struct pass *pass, const struct settle *settle);

/* Note the ends of a row; arg: the signer. */
void signer_note_steered(void *arg, const struct steered_signature *row);

/* signer_clock.c */
/* S106: may something be signed now? Else the fault is set. */
bool signer_clock_good(struct signer *signer, struct pass *pass);
/*
 * Take a look that is over, and begin one at a parent that has to show the time. Returns true if nothing is
 * signed until that is over; then no pass is to be begun.
 */
bool signer_waits_outside(struct signer *signer);
/* In each beat. Returns 0 or a negative errno; if it was not committed, signer_clock_unwritten. */
int signer_clock_write(struct signer *signer, struct store_txn *sets);
void signer_clock_unwritten(struct signer *signer);

/* signer_steered.c */
struct steered_batch *steered_batch_new(void);
/* For the compiler; arg: a steered_pass. Signs batch by batch: the last one with signer_flush_steered. */
bool signer_sign_steered(void *arg, const struct steered_signature *wanted, const struct content *content);
void signer_flush_steered(struct steered_pass *steering);
/* S102: first those that are asked for. Returns true if there was one. */
bool signer_sign_wanted(struct signer *signer, struct pass *pass, struct steered_pass *steering);
/* For the compiler: end the pass, because something that it has signed, or that has changed, does not wait.
 */
bool signer_pause(void *arg);
void signer_sign_slice(struct signer *signer, struct pass *pass);
void signer_renew_steered(struct signer *signer, struct pass *pass);

/* signer_import.c */
/* S109: take the shipments that wait, in a pass; after its commit, or not, signer_end_imports. If it was not,
 * they wait for some seconds, and its fault stays meanwhile. */
void signer_take_imports(struct signer *signer, struct pass *pass, struct store_txn *config);
void signer_end_imports(struct signer *signer, bool good);
/* S109: refuse what was found wrong when it was used first. After a compile. */
void signer_refuse_wrong(struct signer *signer, struct pass *pass);
/* S109: begin to verify all that came from other nodes, beside. */
void signer_verify_all(struct signer *signer);
/* Is there something left to verify? */
bool signer_verifies(const struct signer *signer);
/* S109: verify some of what was taken and not drawn then, in a pass of its own. */
void signer_verify_some(struct signer *signer, struct pass *pass, struct store_txn *config);
/* Count the RRsets without a signature of zones whose keys are on other nodes. */
void signer_count_missing(struct signer *signer);
/* Set a fault if the configuration needs a signature that only another node can make. Returns true then. */
bool signer_lacks(struct signer *signer, struct pass *pass);

#endif
