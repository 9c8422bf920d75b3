/* Hot copies of a store. */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
store_copy(struct store *store, const char *path)
{
	char *draft = xasprintf("%s.new", path);
	int fd = -1, rc = store_enter(store, STORE_READ); /* LMDB begins a transaction of its own for it */

	if (rc != 0) {
		free(draft);
		return rc;
	}
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		rc = -errno;
	else {
		rc = store_errno(mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT));
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
store_save(struct store *store)
{
	char *path = xasprintf("%s/saved.mdb", store->paths.directory);
	int rc = store_copy(store, path);

	free(path);
	return rc;
}
