/*
 * seal_roles.h -- the table of roles and their system calls (seal.h).
 */
#ifndef SEAL_ROLES_H
#define SEAL_ROLES_H

#include "zones/daemon/seal.h"

/* The effect of a call that is not in the list. */
enum seal_other {
	SEAL_KILL,  /* ends the process */
	SEAL_REFUSE /* fails with EPERM; a call of seal_intruder ends the process */
};

struct seal_list {
	const char *name; /* for "the UDP worker" */
	enum seal_other other;
	bool hot; /* a short list, with the most frequent calls first */
	/*
	 * Names of system calls, separated by blanks. Names that this machine does not have are skipped. A
	 * condition may follow after a colon:
	 *
	 *   stderr     writes to standard error only
	 *   own        sends signals to this process only
	 *   faults     sets the handlers of SIGSEGV and SIGBUS only
	 *   anonymous  maps memory only, no file, and nothing executable
	 *   data       maps nothing executable
	 *   nowx       maps nothing that is writable and executable
	 *   unix, inet sockets of AF_UNIX only; of AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK only
	 *   refused    fails with EPERM instead of ending the process
	 *   name       names threads and memory, and gives up new privileges only
	 */
	const char *calls;
};

const struct seal_list *seal_list(enum seal_role role);

/* Calls that no part of a daemon makes, but an intruder would. */
extern const char seal_intruder[];

#endif
