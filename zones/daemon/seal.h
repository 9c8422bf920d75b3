/*
 * seal.h -- what a daemon gives up once it has started, so that a fault in it is worth little to a stranger.
 *
 * seccomp: each thread has a role, and a role has a list of system calls (seal_roles.c). A thread that
 * answers strangers and makes another call has been taken over: the process ends of SIGSYS, after a sentence,
 * and the service manager starts it again. In the other threads libraries probe what they may do: a call that
 * is not in their list fails with EPERM, and the kernel logs it; a call that only an intruder makes ends the
 * process. Landlock: files outside of the state directory and of the named ones can not be opened
 * (seal_files.c). No dumps: the kernel writes no core of the process, and no other process of its user may
 * read its memory.
 *
 * A kernel that lacks one of them costs a line in the log. Builds with a sanitizer or for coverage are never
 * sealed: their runtime makes calls of its own.
 */
#ifndef SEAL_H
#define SEAL_H

#include <stdbool.h>
#include <stddef.h>

enum seal_role {
	SEAL_UDP,       /* dnsd: answers over UDP */
	SEAL_TCP,       /* dnsd: answers over TCP and TLS */
	SEAL_DNSD,      /* dnsd: the main thread */
	SEAL_PUBLISHER, /* dnsd: follows the stores */
	SEAL_MONITOR,   /* monitor: the loop */
	SEAL_SAVER,     /* monitor: saves the health store */
	SEAL_COURIER,   /* monitor: carries notifications, and the threads that resolve names for it */
	SEAL_GUARD,     /* both: the helper process that walks stores */
	SEAL_ROLES
};

/* Which files stay open to the process. Only read by seal_prepare. */
struct seal_files {
	const char *state;       /* to read and write; it must exist */
	const char *const *read; /* files that are read again: the directories that they are in may be read */
	size_t nread;
	bool read_all; /* all that the user may read; writing is limited all the same */
};

/* Forbid core files and other processes' looks into our memory. To be called again after a change of user. */
void seal_memory(void);

/*
 * Make ready what seal_enter needs. In the main thread, before the process has others, and after it became
 * its user. Logs a line if the kernel has no seccomp or no Landlock. Without this call seal_enter does
 * nothing. Ends the process if memory is exhausted.
 */
void seal_prepare(const struct seal_files *files);

/*
 * Seal the calling thread for good, and the threads that it starts from now on. The main thread goes last of
 * those that exist. Allocates nothing. Ends the process if the kernel refuses what it promised.
 */
void seal_enter(enum seal_role role);

/* Is this a build, and was seal_prepare called, so that threads are sealed? */
bool seal_active(void);

/* The name of a role, as in sentences. */
const char *seal_role_name(enum seal_role role);

#endif
