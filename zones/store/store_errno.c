/* LMDB's errors as negative errnos. */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <stdio.h>

int
store_errno(int rc)
{
	switch (rc) {
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_MAP_FULL:
		return -ENOSPC;
	case MDB_READERS_FULL:
		return -EUSERS;
	case MDB_KEYEXIST:
		return -EEXIST;
	case MDB_BAD_VALSIZE:
		return -EINVAL;
	case MDB_BAD_TXN:
		return -ECANCELED;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE: /* a table that is none, or pages that nothing uses */
	case MDB_VERSION_MISMATCH:
		return -EBADMSG;
	case MDB_PANIC: /* the meta page, which points to the newest pages, could not be written */
		return -ENOTRECOVERABLE;
	default:
		return rc > 0 ? -rc : rc == 0 ? 0 : -EIO;
	}
}

const char *
store_library(void)
{
	static char text[32];
	int major, minor, patch;

	mdb_version(&major, &minor, &patch);
	snprintf(text, sizeof text, "%d.%d.%d", major, minor, patch);
	return text;
}
