/*
 * doctor_inner.h -- shared by the files of this room.
 */
#ifndef DOCTOR_INNER_H
#define DOCTOR_INNER_H

#include "admin/doctor/doctor.h"
#include "admin/doctor/survey.h"
#include "admin/look/node.h"
#include "admin/look/picture.h"
#include "zones/state/config.h"
#include "zones/state/imported.h"
#include "zones/state/signing_keys.h"

struct examination {
	const struct doctor_options *options;
	struct findings *findings;
	struct viewer viewer;              /* the stores, until the network is asked */
	struct picture *picture;           /* the present; NULL if the configuration cannot be read */
	struct store_txn *config;          /* while the stores are open; NULL if there is no configuration */
	struct node_signatures signatures; /* while zones are read from the stores, if any is signed */
	bool *pools, *lbs;                 /* by their places in picture: are they asked for? */
	bool zone_given;
	struct zone_info zone; /* the only one that is asked for, if zone_given */
	struct surveys surveys;
};

/* Each adds what it finds. */
void examine_stores(struct examination *examination);
/* A change may be in progress: read the picture again for a time if a running daemon has another generation.
 */
void await_daemons(struct examination *examination);
void examine_daemons(struct examination *examination);
void examine_machine(struct examination *examination);
void examine_nodes(struct examination *examination);
void examine_health(struct examination *examination);
void examine_pools(struct examination *examination);
void examine_lbs(struct examination *examination);
void examine_keys(struct examination *examination);
/* Is any zone signed? */
bool signs_any(const struct examination *examination);
/* The questions over the network; the stores are closed. */
void examine_network(struct examination *examination);
/* The nameserver's TLS listeners and its certificate. */
void examine_tls(struct examination *examination);
/* A socket that takes every address is asked at this machine's own. */
void make_reachable(struct address *address);

/* --- pure, so that tests can give states that their machine does not have --- */

/* Room for stores on the file system of the state directory. */
void assess_disk(struct findings *findings, const char *state, uint64_t free_octets);
/* now: the wall clock; newest: the latest time in the stores, 0 if none; both in milliseconds. */
void assess_clock(struct findings *findings, int64_t now, int64_t newest, bool synchronised);
/* used: the number of open files of the process; limit: its maximum. */
void assess_files(
    struct findings *findings, const char *program, unsigned pid, uint64_t used, uint64_t limit);
/* How long the certificate of the TLS listeners is good for; both in milliseconds since 1970. */
void assess_certificate(struct findings *findings, int64_t now, int64_t until);
/* By the picture alone: do the daemons live, and which generation and version do they have? */
void assess_nameserver(struct findings *findings, const struct picture *picture);
void assess_monitor(struct findings *findings, const struct picture *picture);
void assess_signer(struct findings *findings, const struct signer_view *signer);
/* Of a signed zone, by the row of its procedure; now: the wall clock in milliseconds. */
void assess_keys(struct findings *findings, const char *zone, const struct rollover *rollover, int64_t now);
/* S109: what came of a zone whose keys are on another node. */
void assess_import(struct findings *findings, const char *zone, const struct imported *imported,
    const struct imported_sets *sets, int64_t now);
/* Of a load balancer: how long resolvers keep its answers, in seconds, and until when its monitors notice a
 * failure; 0: it has none. */
void assess_ttl(
    struct findings *findings, const char *subject, const char *name, uint32_t ttl, uint64_t noticed_ms);

#endif
