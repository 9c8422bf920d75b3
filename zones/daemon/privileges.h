/*
 * privileges.h -- the user that a program of graycloud runs as.
 *
 * A state directory belongs to the user of the daemons. Whoever can write there, or belongs to the group of
 * the stores, can give LMDB links and damaged locks to open; so a program that starts as root becomes that
 * user, for good, before it opens a store. Not for use after a thread has started.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include "zones/base/problem.h"

#include <sys/types.h>

/* The user to become. */
struct privileges {
	bool change; /* false: the process stays what it is, and the rest is not set */
	bool listed; /* in the database of users; a container may know a number alone */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/*
 * Choose the user. As root: named, if it is not NULL (--user); else the owner of the state directory, if that
 * is not root; else the user "graycloud", if there is one. As another user: no change, and an error if named
 * is somebody else. Returns false with problems filled.
 */
bool privileges_choose(
    struct privileges *user, const char *state, const char *named, struct problems *problems);

/*
 * Give what root owns in the state directory to the user, and become that user. Links are neither followed
 * nor given away. Returns false with problems filled; the process must then end.
 */
bool privileges_drop(const struct privileges *user, const char *state, struct problems *problems);

/* The user who started this process, also after a change. */
uid_t privileges_invoker(void);

#endif
