/* text_replace_file: wholly or not at all, and nothing is left of writers that were killed. */
#include "zones/base/text.h"
#include "zones/base/util.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/graycloud-replace-XXXXXX";

static char *
path_of(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void
make(const char *name)
{
	char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	free(path);
}

static bool
is_there(const char *name)
{
	char *path = path_of(name);
	struct stat info;
	bool there = lstat(path, &info) == 0;

	free(path);
	return there;
}

static void
replace(const char *text)
{
	char *path = path_of("state"), read[64] = "";
	int fd;

	assert_true(text_replace_file(path, text, 0600));
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, read, sizeof read - 1, 0), strlen(text));
	assert_string_equal(read, text);
	close(fd);
	free(path);
}

static void
what_a_killed_writer_left_is_deleted(void **state)
{
	(void)state;
	make(".state.1");
	make(".state.4194304");
	replace("one\n");
	assert_false(is_there(".state.1"));
	assert_false(is_there(".state.4194304"));
}

static void
other_files_stay(void **state)
{
	static const char *const others[] = {".state.", ".state.1x", ".state.1.2", ".state", "state.1",
	    ".other.1", ".astate.1", "..state.1", ".state-1", ".state.x1"};
	char *link = path_of(".state.2"), *directory = path_of(".state.3"), *target = path_of("target");

	(void)state;
	for (unsigned i = 0; i < NITEMS(others); i++)
		make(others[i]);
	make("target");
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(mkdir(directory, 0700), 0);
	replace("two\n");
	for (unsigned i = 0; i < NITEMS(others); i++)
		if (!is_there(others[i]))
			fail_msg("%s is gone", others[i]);
	assert_true(is_there("target"));
	assert_true(is_there(".state.2"));
	assert_true(is_there(".state.3"));
	free(link);
	free(directory);
	free(target);
}

/* A process that has begun to write is not disturbed; when it is killed, its file goes. */
static void
a_writer_that_lives_keeps_its_file(void **state)
{
	int ready[2];
	char *path, octet, name[32];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(name, sizeof name, ".state.%d", (int)getpid());
		path = path_of(name);
		_exit(flock(open(path, O_WRONLY | O_CREAT, 0600), LOCK_EX) == 0 && write(ready[1], "", 1) == 1
			? pause()
			: 1);
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	snprintf(name, sizeof name, ".state.%d", (int)child);
	replace("three\n");
	assert_true(is_there(name));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	replace("four\n");
	assert_false(is_there(name));
	close(ready[0]);
	close(ready[1]);
}

enum { WRITERS = 4, WRITES = 200 };

/* Writers that sweep do not take the files of each other. */
static void
writers_at_the_same_time_all_succeed(void **state)
{
	pid_t children[WRITERS];
	char *path = path_of("state");
	int status;

	(void)state;
	for (unsigned i = 0; i < WRITERS; i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		for (unsigned n = 0; n < WRITES; n++)
			if (!text_replace_file(path, "whole\n", 0600))
				_exit(1);
		_exit(0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	replace("five\n");
	free(path);
}

static int
begin(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	char *command = xasprintf("rm -rf %s", folder);
	int status = system(command);

	(void)state;
	free(command);
	return status;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_killed_writer_left_is_deleted),
	    cmocka_unit_test(other_files_stay),
	    cmocka_unit_test(a_writer_that_lives_keeps_its_file),
	    cmocka_unit_test(writers_at_the_same_time_all_succeed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
