#include "zones/daemon/seal.h"

#include "zones/base/util.h"
#include "zones/daemon/seal_files.h"
#include "zones/daemon/seal_roles.h"

#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SEAL_NEVER)
enum { POSSIBLE = false };
#else
enum { POSSIBLE = true };
#endif

enum { NUMBERS = 1024, PRIORITY_FIRST = 200 };

#define FILTER_FLAGS (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW)

static struct sock_fprog programs[SEAL_ROLES];
static bool prepared, filters;
static int files_fd = -1;
static _Atomic bool all_limited; /* set when the main thread has limited the threads that it starts */
static char *call_names[NUMBERS];
static _Thread_local enum seal_role role_here = SEAL_ROLES;

const char *
seal_role_name(enum seal_role role)
{
	return role < SEAL_ROLES ? seal_list(role)->name : "thread";
}

bool
seal_active(void)
{
	return prepared && filters;
}

void
seal_memory(void)
{
	const struct rlimit none = {0, 0};

	if (!POSSIBLE)
		return;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		warn("core files cannot be forbidden");
}

/* --- a filter out of a list --- */

/* Descriptors, domains and flags have 32 bits; the upper half of a register is undefined. */
static struct scmp_arg_cmp
word_is(unsigned argument, uint32_t mask, uint32_t value)
{
	return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);
}

/* One rule for each of values: a call is allowed if any rule matches. */
static int
allow_any(
    scmp_filter_ctx filter, int call, unsigned argument, uint32_t mask, const uint32_t *values, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, word_is(argument, mask, values[i]));
	return error;
}

/* Conditions on one argument of a call. */
static const struct condition {
	const char *name;
	unsigned argument;
	uint32_t mask;
	uint32_t values[4];
	size_t count;
} conditions[] = {
    {"stderr", 0, UINT32_MAX, {STDERR_FILENO}, 1},
    {"faults", 0, UINT32_MAX, {SIGSEGV, SIGBUS}, 2},
    {"data", 2, PROT_EXEC, {0}, 1},
    {"nowx", 2, PROT_WRITE | PROT_EXEC, {0, PROT_WRITE, PROT_EXEC}, 3},
    {"unix", 0, UINT32_MAX, {AF_UNIX}, 1},
    {"inet", 0, UINT32_MAX, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, 4},
    {"name", 0, UINT32_MAX, {PR_SET_NAME, PR_SET_NO_NEW_PRIVS, 0x53564d41 /* PR_SET_VMA */}, 3},
};

static int
allow_if(scmp_filter_ctx filter, int call, const char *condition)
{
	const uint32_t own = (uint32_t)getpid();

	if (strcmp(condition, "own") == 0)
		return allow_any(filter, call, 0, UINT32_MAX, &own, 1);
	if (strcmp(condition, "refused") == 0)
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
	if (strcmp(condition, "anonymous") == 0)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2, word_is(2, PROT_EXEC, 0),
		    word_is(4, UINT32_MAX, UINT32_MAX));
	for (size_t i = 0; i < NITEMS(conditions); i++)
		if (strcmp(condition, conditions[i].name) == 0)
			return allow_any(filter, call, conditions[i].argument, conditions[i].mask,
			    conditions[i].values, conditions[i].count);
	return -EINVAL;
}

/* Add the calls of a list. A call with a condition is allowed if that is true; all others get `action`. */
static int
add_calls(scmp_filter_ctx filter, uint32_t action, const char *calls, bool hot)
{
	char *words = xstrdup(calls), *rest = words;
	unsigned priority = PRIORITY_FIRST;
	int error = 0;

	for (char *word; error == 0 && (word = strsep(&rest, " ")) != NULL;) {
		char *condition = strchr(word, ':');
		int call;

		if (condition != NULL)
			*condition++ = '\0';
		call = *word == '\0' ? __NR_SCMP_ERROR : seccomp_syscall_resolve_name(word);
		if (call == __NR_SCMP_ERROR)
			continue;
		error = condition != NULL ? allow_if(filter, call, condition)
					  : seccomp_rule_add(filter, action, call, 0);
		if (hot && priority > 0 && error == 0)
			error = seccomp_syscall_priority(filter, call, (uint8_t)priority--);
	}
	free(words);
	return error;
}

/* libseccomp can only write a program to a descriptor. */
static int export(scmp_filter_ctx filter, struct sock_fprog *program)
{
	int fd = memfd_create("seal", MFD_CLOEXEC), error = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	off_t octets = error == 0 ? lseek(fd, 0, SEEK_END) : 0;

	if (error == 0) {
		program->filter = xmalloc((size_t)octets);
		program->len = (unsigned short)((size_t)octets / sizeof *program->filter);
		if (pread(fd, program->filter, (size_t)octets, 0) != octets)
			error = -EIO;
	}
	if (fd >= 0)
		close(fd);
	return error;
}

static int
compile(enum seal_role role)
{
	const struct seal_list *list = seal_list(role);
	bool kill = list->other == SEAL_KILL;
	scmp_filter_ctx filter = seccomp_init(kill ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
	int error;

	if (filter == NULL)
		return -ENOMEM;
	error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (error == 0)
		error = add_calls(filter, SCMP_ACT_ALLOW, list->calls, list->hot);
	if (error == 0 && !kill)
		error = add_calls(filter, SCMP_ACT_TRAP, seal_intruder, false);
	/* 2: look calls up in a sorted tree. A short list is searched in the order of its priorities. */
	if (error == 0 && !list->hot)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = export(filter, &programs[role]);
	seccomp_release(filter);
	return error;
}

/* --- the handler of forbidden calls --- */

/* A handler must not allocate memory, so look the names up before. */
static void
learn_names(void)
{
	for (int i = 0; i < NUMBERS; i++)
		call_names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
}

/*
 * A thread made a call that only an intruder makes. With SA_RESETHAND and SA_NODEFER, repeating the call
 * makes the kernel end the process.
 */
static void
on_forbidden(int number, siginfo_t *info, void *context)
{
	int call = info->si_syscall;
	const char *name = call >= 0 && call < NUMBERS && call_names[call] != NULL ? call_names[call] : "?";
	char sentence[256];
	int len;

	(void)number, (void)context;
	len = snprintf(sentence, sizeof sentence,
	    "%s: the %s made the system call %s (%d), which it never needs: this process ends, because a "
	    "stranger may have taken it over\n",
	    program_invocation_short_name, seal_role_name(role_here), name, call);
	if (write(STDERR_FILENO, sentence, (size_t)len) < 0) {
		/* stderr is closed. */
	}
	syscall(call, -1, -1, -1, -1, -1, -1);
	_exit(128 + SIGSYS);
}

static bool
kernel_filters(void)
{
	uint32_t action = SECCOMP_RET_TRAP;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* --- begin --- */

static void
prepare_filters(void)
{
	struct sigaction action = {
	    .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND | SA_NODEFER};

	if (!kernel_filters()) {
		warnx("this kernel has no seccomp filters: system calls are not limited");
		return;
	}
	for (int role = 0; role < SEAL_ROLES; role++) {
		int error = compile((enum seal_role)role);

		if (error != 0)
			errx(1, "cannot make the list of system calls of the %s: %s",
			    seal_role_name((enum seal_role)role), strerror(-error));
	}
	learn_names();
	sigaction(SIGSYS, &action, NULL);
	filters = true;
}

void
seal_prepare(const struct seal_files *files)
{
	if (!POSSIBLE || prepared)
		return;
	tzset(); /* otherwise the first thread that logs would open /etc/localtime */
	prepare_filters();
	files_fd = seal_files_open(files);
	prepared = true;
}

void
seal_enter(enum seal_role role)
{
	bool is_main = gettid() == getpid() && role != SEAL_GUARD;

	if (!prepared)
		return;
	role_here = role;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err(1, "cannot give up new privileges");
	if (files_fd >= 0 && role != SEAL_GUARD && !atomic_load(&all_limited))
		seal_files_enter(files_fd);
	if (is_main)
		atomic_store(&all_limited, true);
	if (filters && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FILTER_FLAGS, &programs[role]) < 0)
		err(1, "cannot limit the system calls of the %s", seal_role_name(role));
}
