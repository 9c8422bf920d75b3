/*
 * privileges.h -- the user that a program of graycloud runs as.
 *
 * A state directory belongs to the user of the daemons. That user and members of the group of the stores can
 * place links and damaged locks there, which LMDB would open. So a program that starts as root becomes that
 * user permanently, before it opens a store. Call these functions before any thread starts.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include "zones/base/problem.h"

#include <sys/types.h>

/* The user to become. */
struct privileges {
	bool change; /* false: the process keeps its user, and the rest is not set */
	bool listed; /* in the database of users; in a container the user may be only a number */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/*
 * Choose the user. As root: named, if it is not NULL (--user); else the owner of the state directory, if that
 * is not root; else the user "graycloud", if there is one. As another user: no change, and an error if named
 * is a different user. Returns false with problems filled.
 */
bool privileges_choose(
    struct privileges *user, const char *state, const char *named, struct problems *problems);

/*
 * Give all that root owns in the state directory to the user, and become that user. Links are neither
 * followed nor changed. Returns false with problems filled; the process must then end.
 */
bool privileges_drop(const struct privileges *user, const char *state, struct problems *problems);

/* The user who started this process, also after the change of user. */
uid_t privileges_invoker(void);

#endif
