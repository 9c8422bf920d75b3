/*
 * seal.h -- the rights that a daemon gives up after its start, so that a fault in it gains an attacker
 * little.
 *
 * seccomp: each thread has a role, and each role a list of system calls (seal_roles.c). If a thread that
 * answers strangers makes another call, it has been taken over: the process prints a sentence and ends with
 * SIGSYS, and the service manager restarts it. In the other threads, libraries try calls that they can do
 * without: a call that is not in the list fails with EPERM and the kernel logs it, and a call that only an
 * intruder makes ends the process.
 *
 * Landlock: only files in the state directory and the named files can be opened (seal_files.c).
 *
 * No dumps: the kernel writes no core of the process, and no other process of its user may read its memory.
 *
 * If a kernel lacks one of these, that is logged in one line. Builds with a sanitizer or for coverage are
 * never sealed, because their runtime makes calls of its own.
 */
#ifndef SEAL_H
#define SEAL_H

#include <stdbool.h>
#include <stddef.h>

enum seal_role {
	SEAL_UDP,       /* dnsd: answers over UDP */
	SEAL_TCP,       /* dnsd: answers over TCP and TLS */
	SEAL_DNSD,      /* dnsd: the main thread */
	SEAL_TAP,       /* dnsd: writes the query log */
	SEAL_PUBLISHER, /* dnsd: follows the stores */
	SEAL_MONITOR,   /* monitor: the loop */
	SEAL_SAVER,     /* monitor, sync: saves the health or cluster store */
	SEAL_COURIER,   /* monitor: sends notifications, and the threads that resolve names for that */
	SEAL_API,       /* api: the loop */
	SEAL_WRITER,    /* api: changes the configuration */
	SEAL_ASKER,     /* api, signer: asks nameservers and resolvers, and the nameserver's metrics */
	SEAL_SYNC,      /* sync: the loop */
	SEAL_SIGNER,    /* signer: the loop, and the threads that sign */
	SEAL_GUARD,     /* all: the helper process that walks stores */
	SEAL_ROLES
};

/* The files that stay accessible. Only seal_prepare reads this. */
struct seal_files {
	const char *state;       /* readable and writable; it must exist */
	const char *const *read; /* files that are read again later: their whole directories stay readable */
	size_t nread;
	const char *write; /* a file that is written: its whole directory stays writable; NULL: none */
	bool read_all;     /* all files that the user may read; writing is still limited */
	bool resolvers;    /* /etc/resolv.conf, also after something else took its place */
};

/*
 * Disable core files and access of other processes to this one's memory. Call it again after a change of
 * user.
 */
void seal_memory(void);

/*
 * Prepare for seal_enter. Call it in the main thread, before other threads start and after the change of
 * user. Logs a line if the kernel has no seccomp or no Landlock. Without this call seal_enter does nothing.
 * Exhausted memory ends the process.
 */
void seal_prepare(const struct seal_files *files);

/*
 * Seal the calling thread permanently, and the threads that it starts from now on. The main thread must be
 * the last of those that exist. Allocates nothing. Ends the process if the kernel refuses a call that
 * seal_prepare found available.
 */
void seal_enter(enum seal_role role);

/* True if this build can be sealed and seal_prepare was called, so that threads are sealed. */
bool seal_active(void);

/* The name of a role, for sentences. */
const char *seal_role_name(enum seal_role role);

#endif
