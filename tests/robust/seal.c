/* zones/daemon/seal.h: what a sealed thread may do, and what becomes of one that does something else. */
#include "zones/daemon/seal.h"
#include "zones/base/util.h"
#include "zones/daemon/seal_roles.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/graycloud-seal-XXXXXX";
static char outside[sizeof directory + 16], state[sizeof directory + 16], named[sizeof directory + 32];

/* What a child does after it is sealed. The result is its exit status. */
typedef int deed(void);

struct outcome {
	int status; /* of waitpid */
	char said[1024];
};

static struct outcome
run_sealed(enum seal_role role, deed *act)
{
	const char *const files[] = {named};
	struct outcome outcome = {0};
	size_t len = 0;
	ssize_t got;
	pid_t child;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		seal_prepare(&(struct seal_files){.state = state, .read = files, .nread = 1});
		seal_enter(role);
		_exit(act());
	}
	close(ends[1]);
	while ((got = read(ends[0], outcome.said + len, sizeof outcome.said - 1 - len)) > 0)
		len += (size_t)got;
	close(ends[0]);
	assert_int_equal(waitpid(child, &outcome.status, 0), child);
	return outcome;
}

static bool
killed(const struct outcome *outcome)
{
	return WIFSIGNALED(outcome->status) && WTERMSIG(outcome->status) == SIGSYS;
}

/* --- system calls --- */

static int
talk_and_look_at_the_clock(void)
{
	struct timespec now;
	char octet;
	struct iovec part = {&octet, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

	/* Without a socket these fail, but they are permitted. */
	if (recvmmsg(-1, &message, 1, 0, NULL) != -1 || errno != EBADF)
		return 1;
	if (sendmmsg(-1, &message, 1, 0) != -1 || errno != EBADF)
		return 2;
	if (syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now) != 0)
		return 3;
	if (syscall(SYS_futex, &(uint32_t){0}, 1 /* FUTEX_WAKE */, 1) != 0)
		return 4;
	return write(STDERR_FILENO, "said", 4) == 4 ? 0 : 5;
}

static int
make_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int
open_file(void)
{
	return open("/etc/hostname", O_RDONLY);
}

static int
find_no_file(void)
{
	return open_file() == -1 && errno == EPERM ? 0 : 1;
}

static int
write_elsewhere(void)
{
	return (int)write(STDOUT_FILENO, "", 0);
}

static int
make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int
map_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int
kill_another(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int
start_program(void)
{
	char *const words[] = {(char *)(uintptr_t) "/bin/true", NULL};

	return execve(words[0], words, words + 1);
}

/* EPERM is 0. */
static int
trace_nobody(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int
make_fifo(void)
{
	return syscall(SYS_mknodat, AT_FDCWD, "/dev/null", 0, 0) == -1 && errno == EPERM ? 0 : 1;
}

static int
make_internet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM ? 0 : 1;
}

static void
a_worker_receives_sends_reads_the_clock_and_waits(void **unused)
{
	struct outcome outcome = run_sealed(SEAL_UDP, talk_and_look_at_the_clock);

	(void)unused;
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.said, "said"));
	assert_int_equal(run_sealed(SEAL_UDP, map_memory).status, 0); /* in place of a page that is lost */
}

static void
a_worker_that_does_anything_else_ends_the_process(void **unused)
{
	deed *const acts[] = {
	    make_socket, open_file, write_elsewhere, make_code, kill_another, start_program, trace_nobody};

	(void)unused;
	for (size_t i = 0; i < NITEMS(acts); i++) {
		struct outcome outcome = run_sealed(SEAL_UDP, acts[i]);

		assert_true(killed(&outcome));
	}
	assert_true(killed(&(struct outcome){run_sealed(SEAL_TCP, make_socket).status, ""}));
}

static void
the_end_has_a_sentence(void **unused)
{
	struct outcome outcome = run_sealed(SEAL_UDP, make_socket);

	(void)unused;
	assert_non_null(strstr(outcome.said, "the UDP worker made the system call socket ("));
	assert_non_null(strstr(outcome.said, "which it never needs: this process ends"));
}

static void
other_threads_are_refused_what_they_do_not_need(void **unused)
{
	(void)unused;
	assert_int_equal(run_sealed(SEAL_DNSD, make_fifo).status, 0);
	assert_int_equal(run_sealed(SEAL_TCP, find_no_file).status, 0);
	assert_int_equal(run_sealed(SEAL_DNSD, make_internet_socket).status, 0);
	assert_int_equal(run_sealed(SEAL_PUBLISHER, make_internet_socket).status, 0);
	assert_int_equal(run_sealed(SEAL_SAVER, make_internet_socket).status, 0);
	assert_int_equal(run_sealed(SEAL_DNSD, make_code).status, W_EXITCODE(1, 0));
	/* The API takes connections and makes none; only the doctor asks somebody. */
	assert_int_equal(run_sealed(SEAL_API, make_internet_socket).status, 0);
	assert_int_equal(run_sealed(SEAL_WRITER, make_internet_socket).status, 0);
	assert_int_equal(run_sealed(SEAL_API, make_fifo).status, 0);
}

static void
no_role_starts_programs_or_looks_into_processes(void **unused)
{
	(void)unused;
	for (int role = 0; role < SEAL_ROLES; role++) {
		struct outcome program = run_sealed((enum seal_role)role, start_program),
			       look = run_sealed((enum seal_role)role, trace_nobody);

		assert_true(killed(&program));
		assert_true(killed(&look));
		assert_non_null(strstr(program.said, seal_role_name((enum seal_role)role)));
	}
}

/* A name that is misspelt would only be passed over. */
static void
every_name_of_the_lists_is_a_system_call(void **unused)
{
	static const char recent[] = " fchmodat2 "; /* libseccomp of Debian 12 does not know these */

	(void)unused;
	for (int role = 0; role <= SEAL_ROLES; role++) {
		char *words =
			 xstrdup(role < SEAL_ROLES ? seal_list((enum seal_role)role)->calls : seal_intruder),
		     *rest = words;

		for (char *word; (word = strsep(&rest, " ")) != NULL;) {
			char spaced[64];

			word[strcspn(word, ":")] = '\0';
			snprintf(spaced, sizeof spaced, " %s ", word);
			if (*word != '\0' && strstr(recent, spaced) == NULL &&
			    seccomp_syscall_resolve_name(word) == __NR_SCMP_ERROR)
				fail_msg("there is no system call %s", word);
		}
		free(words);
	}
}

/* --- files --- */

static bool
kernel_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static bool
refused(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

static int
look_at_files(void)
{
	char path[sizeof directory + 64];

	snprintf(path, sizeof path, "%s/new", state);
	if (refused(path, O_RDWR | O_CREAT) || unlink(path) != 0)
		return 1;
	if (refused(named, O_RDONLY) || !refused(named, O_RDWR))
		return 2;
	if (!refused(outside, O_RDONLY) || !refused(outside, O_RDWR))
		return 3;
	if (!refused("/etc/passwd", O_RDONLY))
		return 4;
	return refused("/proc/self/status", O_RDONLY) ? 5 : 0;
}

static void
files_are_those_of_the_state_directory_and_the_named(void **unused)
{
	(void)unused;
	if (!kernel_has_landlock()) {
		print_message("# this kernel has no Landlock\n");
		return;
	}
	assert_int_equal(run_sealed(SEAL_DNSD, look_at_files).status, 0);
	assert_int_equal(run_sealed(SEAL_PUBLISHER, look_at_files).status, 0);
}

/* --- cores --- */

static int
end_of(bool sealed, const struct rlimit *limit)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		if (chdir(directory) < 0 || setrlimit(RLIMIT_CORE, limit) < 0)
			_exit(1);
		if (sealed)
			seal_memory();
		signal(SIGQUIT, SIG_DFL);
		raise(SIGQUIT);
		_exit(2);
	}
	waitpid(child, &status, 0);
	return status;
}

static void
no_core_is_written_of_a_process_with_secrets(void **unused)
{
	struct rlimit limit;
	int plain;

	(void)unused;
	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	plain = end_of(false, &limit);
	if (!WIFSIGNALED(plain) || !WCOREDUMP(plain))
		print_message("# cores are never written here\n");
	plain = end_of(true, &limit);
	assert_true(WIFSIGNALED(plain) && WTERMSIG(plain) == SIGQUIT);
	assert_false(WCOREDUMP(plain));
}

static int
look_at_own_limits(void)
{
	struct rlimit limit;

	seal_memory();
	getrlimit(RLIMIT_CORE, &limit);
	return prctl(PR_GET_DUMPABLE) == 0 && limit.rlim_max == 0 ? 0 : 1;
}

static void
the_memory_of_a_process_with_secrets_is_closed(void **unused)
{
	int status;
	pid_t child;

	(void)unused;
	fflush(NULL);
	if ((child = fork()) == 0)
		_exit(look_at_own_limits());
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

/* --- */

static void
write_text(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("text\n", file);
	fclose(file);
}

static int
set_up(void **unused)
{
	char folder[sizeof directory + 16];

	(void)unused;
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(state, sizeof state, "%s/state", directory);
	snprintf(outside, sizeof outside, "%s/outside", directory);
	snprintf(folder, sizeof folder, "%s/named", directory);
	snprintf(named, sizeof named, "%s/named/file", directory);
	assert_int_equal(mkdir(state, 0700) | mkdir(folder, 0700), 0);
	write_text(outside);
	write_text(named);
	return 0;
}

static int
tear_down(void **unused)
{
	char command[sizeof directory + 16];

	(void)unused;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

/* A build that is never sealed has nothing to show here. */
static bool
sealed_here(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		seal_prepare(&(struct seal_files){.state = state});
		_exit(seal_active() ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return status == 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_worker_receives_sends_reads_the_clock_and_waits),
	    cmocka_unit_test(a_worker_that_does_anything_else_ends_the_process),
	    cmocka_unit_test(the_end_has_a_sentence),
	    cmocka_unit_test(other_threads_are_refused_what_they_do_not_need),
	    cmocka_unit_test(no_role_starts_programs_or_looks_into_processes),
	    cmocka_unit_test(every_name_of_the_lists_is_a_system_call),
	    cmocka_unit_test(files_are_those_of_the_state_directory_and_the_named),
	    cmocka_unit_test(no_core_is_written_of_a_process_with_secrets),
	    cmocka_unit_test(the_memory_of_a_process_with_secrets_is_closed),
	};

	if (!sealed_here()) {
		printf("1..0 # SKIP this build, or this kernel, has no seccomp\n");
		return 0;
	}
	return cmocka_run_group_tests_name("seal", tests, set_up, tear_down);
}
