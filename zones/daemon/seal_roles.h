/*
 * seal_roles.h -- the table of roles and their system calls (seal.h).
 */
#ifndef SEAL_ROLES_H
#define SEAL_ROLES_H

#include "zones/daemon/seal.h"

/* What an unlisted call does. */
enum seal_other {
	SEAL_KILL,  /* ends the process */
	SEAL_REFUSE /* fails with EPERM; those of seal_intruder end the process */
};

struct seal_list {
	const char *name; /* as in "the UDP worker" */
	enum seal_other other;
	bool hot; /* a short list, whose first calls are the most frequent */
	/*
	 * Names of system calls with blanks between them. Names that this machine does not have are passed
	 * over. A condition may follow after a colon:
	 *   stderr     writes to standard error only
	 *   own        sends signals to this process only
	 *   faults     sets the handlers of SIGSEGV and SIGBUS only
	 *   anonymous  maps memory only, no file, and nothing to execute
	 *   data       maps nothing to execute
	 *   nowx       maps nothing to write and execute at once
	 *   unix, inet sockets of AF_UNIX only; of AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK only
	 *   refused    fails with EPERM, where the process would end otherwise
	 *   name       names threads and memory, and gives up new privileges only
	 */
	const char *calls;
};

const struct seal_list *seal_list(enum seal_role role);

/* Calls that no part of a daemon makes, and an intruder would. */
extern const char seal_intruder[];

#endif
