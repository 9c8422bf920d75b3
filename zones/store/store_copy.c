/* Hot copies of a store. */
#include "zones/store/guard.h"
#include "zones/store/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A compacting copy does not take the lock of writers. It changes copies of all pages: check them before. */
static int
copy_pages(struct store *store, int fd)
{
	if (!store_check_whole(store))
		return -EBADMSG;
	return store_errno(mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT));
}

int
store_copy(struct store *store, const char *path)
{
	char *draft = xasprintf("%s.new", path);
	int fd = -1,
	    rc = store_enter(store, STORE_READ); /* LMDB begins a transaction of its own for the copy */

	if (rc != 0) {
		free(draft);
		return rc;
	}
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		rc = -errno;
	else {
		rc = copy_pages(store, fd);
		if (rc == 0 && fsync(fd) != 0)
			rc = -errno;
		close(fd);
		if (rc == 0 && rename(draft, path) != 0)
			rc = -errno;
		if (rc != 0)
			unlink(draft);
	}
	store_leave(store);
	free(draft);
	return rc;
}

int
store_copy_to(struct store *store, int fd)
{
	int rc = store_enter(store, STORE_READ);

	if (rc != 0)
		return rc;
	rc = copy_pages(store, fd);
	store_leave(store);
	return rc;
}

int
store_save(struct store *store)
{
	char *path = xasprintf("%s/saved.mdb", store->paths.directory);
	int rc = store_copy(store, path);

	free(path);
	return rc;
}

struct store *
store_open_copy(struct store *store, enum store_kind kind, struct problems *problems)
{
	int fd = memfd_create("store", MFD_CLOEXEC), rc = 0;
	struct store *copy = NULL;
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd < 0)
		rc = -errno;
	else if (store != NULL && (rc = store_enter(store, STORE_READ)) == 0) {
		rc = copy_pages(store, fd);
		store_leave(store);
	}
	if (rc != 0)
		problems_error(problems, "cannot copy %s into memory: %s",
		    store != NULL ? store->paths.directory : "a store", strerror(-rc));
	else
		copy = store_open_private(path, kind, problems);
	if (fd >= 0)
		close(fd); /* LMDB has its own descriptor */
	return copy;
}

/* Copy a whole file, which may be a pipe, into memory. Returns a descriptor or a negative errno. */
static int
into_memory(int from)
{
	static char buffer[1 << 16];
	int fd = memfd_create("store", MFD_CLOEXEC);
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	while ((got = read(from, buffer, sizeof buffer)) > 0)
		for (ssize_t done = 0, put; done < got; done += put)
			if ((put = write(fd, buffer + done, (size_t)(got - done))) < 0) {
				close(fd);
				return -errno;
			}
	if (got < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

struct store *
store_open_image(int from, const char *name, enum store_kind kind, struct problems *problems)
{
	int fd = into_memory(from);
	struct store *store = NULL;
	uint64_t transaction;
	char path[64];

	if (fd < 0) {
		problems_error(problems, "cannot read %s: %s", name, strerror(-fd));
		return NULL;
	}
	snprintf(path, sizeof path, "image /proc/self/fd/%d", fd);
	if (store_file_newest(fd, &transaction) != STORE_FILE_SOUND)
		problems_error(
		    problems, "%s is not a whole store of graycloud: it is something else, or cut off", name);
	else if (!guard_ask(store_guarded, path))
		problems_error(problems, "%s is damaged: take another backup", name);
	else
		store = store_open_private(path + strlen("image "), kind, problems);
	close(fd); /* LMDB has its own descriptor */
	return store;
}
