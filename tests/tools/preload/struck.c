/*
 * struck.so -- an object for LD_PRELOAD: a program ends at once, as by kill -9, at a chosen place.
 *
 * STRUCK=FILE: the first octet of the file names the place, and may be written while the program runs.
 * 'u': before a file named "next" is deleted. 'c': before a transaction of the store signatures/ is
 * committed. Any other: nowhere.
 *
 * It makes no system calls beside those of the program, so that it works under seccomp.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int mdb_txn_commit(void *txn);

static const volatile char *place;

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("STRUCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	void *map = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

	place = map != MAP_FAILED ? map : NULL;
	close(fd);
}

static bool
ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

int
unlink(const char *path)
{
	static int (*real)(const char *);

	if (place != NULL && *place == 'u' && ends_with(path, "/next"))
		_exit(137);
	if (real == NULL)
		real = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
	return real(path);
}

static bool
is_of_signatures(void *txn)
{
	void *(*env)(void *) = (void *(*)(void *))dlsym(RTLD_NEXT, "mdb_txn_env");
	int (*get_path)(void *, const char **) =
	    (int (*)(void *, const char **))dlsym(RTLD_NEXT, "mdb_env_get_path");
	const char *path = "";

	return get_path(env(txn), &path) == 0 && strstr(path, "/signatures") != NULL;
}

int
mdb_txn_commit(void *txn)
{
	static int (*real)(void *);

	if (place != NULL && *place == 'c' && is_of_signatures(txn))
		_exit(137);
	if (real == NULL)
		real = (int (*)(void *))dlsym(RTLD_NEXT, "mdb_txn_commit");
	return real(txn);
}
