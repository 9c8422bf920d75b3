/*
 * doctor.h -- find present and imminent problems: for `graycloud doctor`.
 *
 * One file for each subject: stores, daemons, the machine, health, pools and load balancers, and delegation.
 * The stores are read first and closed before anything is asked over the network.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "admin/doctor/finding.h"
#include "zones/base/address.h"

struct doctor_options {
	const char *state;
	/*
	 * The stores, by enum store_kind, of a process that keeps them open: LMDB forbids to open one twice
	 * in one process. NULL: open them, and look whether they are whole.
	 */
	struct store *const *stores;
	const char *name;        /* of a zone, a load balancer or a pool: look at that only; NULL: at all */
	bool offline;            /* ask nobody over the network */
	unsigned timeout_ms;     /* of all questions together */
	struct address resolver; /* of no family: those of /etc/resolv.conf */
	uint16_t resolver_port;
	uint16_t port; /* of the nameservers that are asked */
};

/*
 * Examine everything, or the named object and those that it needs.  Returns false if nothing has that name;
 * findings then has only the faults of the stores and the daemons.  Blocks, at most some seconds beyond
 * timeout_ms.
 */
bool doctor_examine(const struct doctor_options *options, struct findings *findings);

#endif
