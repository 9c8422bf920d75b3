#include "zones/store/store_inner.h"

#include "zones/store/guard.h"
#include "zones/store/store_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 1000, MAX_READERS = 512 };

static void
tell_open_failed(const struct store *store, int rc, struct problems *problems)
{
	switch (store_errno(rc)) {
	case -EBADMSG:
		problems_error(problems, "%s is damaged or of another kind: %s", store->paths.data,
		    store_kind_cure(store->kind));
		break;
	case -EACCES:
	case -EPERM:
		problems_error(problems,
		    "%s may not be %s by this user: run this as root or as the store's user",
		    store->paths.directory,
		    store->access == STORE_READ ? "read (lock.mdb is written by readers too)" : "written");
		break;
	case -EROFS:
		problems_error(problems,
		    "%s lies on a read-only file system: its lock.mdb must be writable%s",
		    store->paths.directory, store_write_cure(-EROFS));
		break;
	case -EAGAIN:
		/* LMDB rule 5. */
		problems_error(problems,
		    "%s is in use from another PID namespace: all programs of graycloud that share a "
		    "state directory must share one PID namespace",
		    store->paths.directory);
		break;
	case -EUSERS:
		problems_error(problems, "%s", store_begin_fault(store, -EUSERS));
		break;
	default:
		problems_error(problems, "cannot open %s: %s%s", store->paths.directory, mdb_strerror(rc),
		    store_write_cure(store_errno(rc)));
	}
}

void
store_guard_start(void (*begin)(void))
{
	store_file_learn_group();
	guard_start(store_guarded, begin);
}

/* ---- opening ---- */

static size_t
initial_map(enum store_kind kind)
{
	const char *text = getenv("GRAYCLOUD_MAP_MIB");
	uint64_t mib;

	/* Address space is cheap (LMDB rule 6), but tests want small maps. */
	if (text != NULL && whole_from_text(text, 1 << 20, &mib) && mib > 0)
		return (size_t)mib << 20;
	return (size_t)(kind == STORE_CONFIG ? 16 : 1) << 30;
}

/*
 * Open the handles of all tables. With MDB_CREATE in flags, create those that are missing. A configuration
 * that has some tables and lacks others has another layout: it is neither read nor written.
 */
static int
open_tables(struct store *store, unsigned txn_flags, unsigned dbi_flags)
{
	bool found = false;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, txn_flags, &txn);

	if (rc == MDB_MAP_RESIZED && (rc = mdb_env_set_mapsize(store->env, 0)) == 0) {
		store_fault_find_map(store);
		rc = mdb_txn_begin(store->env, NULL, txn_flags, &txn);
	}
	if (rc != 0)
		return rc;
	if (!store_check_before_opening(store, txn, (txn_flags & MDB_RDONLY) == 0))
		rc = MDB_CORRUPTED;
	for (int i = 0; i < TABLE_COUNT && rc == 0; i++) {
		const char *name = store_table_name(store->kind, (enum store_table)i);

		if (name == NULL)
			continue;
		rc = mdb_dbi_open(txn, name, dbi_flags, &store->dbi[i]);
		if (rc == MDB_NOTFOUND && found)
			rc = MDB_INVALID;
		found |= rc == 0 && dbi_flags == 0 && store->kind == STORE_CONFIG;
	}
	/* LMDB rule 9: handles that an aborted transaction opened are invalid. */
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int
open_environment(struct store *store)
{
	unsigned flags = MDB_NOTLS;
	int rc = mdb_env_create(&store->env);

	if (rc != 0)
		return rc;
	if (store->access == STORE_READ)
		flags |= MDB_RDONLY;
	else if (!store_is_durable(store->kind))
		flags |= MDB_NOSYNC;
	mdb_env_set_userctx(store->env, store);
	mdb_env_set_assert(store->env, store_assertion_failed);
	mdb_env_set_maxdbs(store->env, STORE_MAX_TABLES);
	mdb_env_set_maxreaders(store->env, MAX_READERS);
	mdb_env_set_mapsize(store->env, initial_map(store->kind));
	store_wait_begin(store, STORE_WAIT_OPEN);
	if (store->private)
		flags = MDB_NOTLS | MDB_NOSYNC | MDB_NOLOCK | MDB_NOSUBDIR;
	rc = mdb_env_open(
	    store->env, store->private ? store->paths.data : store->paths.directory, flags, 0640);
	store_wait_end();
	if (rc != 0)
		return rc;
	store_fault_register(store);
	store_wait_begin(store, STORE_WAIT_READ);
	if (store->access == STORE_WRITE)
		store_check_readers(store);
	rc = open_tables(store, MDB_RDONLY, 0);
	if (rc == MDB_READERS_FULL) { /* some readers may be dead */
		store_check_readers(store);
		rc = open_tables(store, MDB_RDONLY, 0);
	}
	store_wait_end();
	if (rc == MDB_NOTFOUND && store->access == STORE_WRITE) {
		store_wait_begin(store, STORE_WAIT_WRITE);
		rc = open_tables(store, 0, MDB_CREATE);
		store_wait_end();
	}
	return rc;
}

void
store_close_environment(struct store *store)
{
	store_fault_forget(store);
	if (store->env != NULL)
		mdb_env_close(store->env);
	store->env = NULL;
	store->unlocked = false;
	atomic_store(&store->torn, false);
}

/* LMDB rule 3: if lock.mdb cannot be written, LMDB reads without locks and may see pages change. */
static bool
reads_with_locks(struct store *store)
{
	MDB_envinfo info;

	return mdb_env_info(store->env, &info) == 0 && info.me_numreaders > 0;
}

/*
 * True if the pages cannot change because the file system is read-only. Test that by opening a file for
 * writing: if a file system has failed, the mount flags may not show it. If only the mount is read-only,
 * other mounts may write to its file system, so that does not count. Always false in a daemon, because the
 * file system may become writable while the daemon runs.
 */
bool
store_needs_no_locks(const struct store *store)
{
	char path[PATH_MAX + 16];
	int fd;

	if (store->access != STORE_READ || guard_running())
		return false;
	snprintf(path, sizeof path, "%s/lock.mdb", store->paths.directory);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EROFS && !store_file_mount_alone(path);
}

static void
watch_start(struct store *store)
{
	if (store->watch_fd < 0)
		store->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (store->watch >= 0)
		inotify_rm_watch(store->watch_fd, store->watch);
	store->watch = inotify_add_watch(store->watch_fd, store->paths.data, IN_MODIFY);
}

/* Remove data.mdb and lock.mdb together: the lock file knows the last transaction. */
static void
remove_files(const struct store *store, bool keep_old)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s.old", store->paths.data);
	if (keep_old)
		rename(store->paths.data, path);
	else
		unlink(store->paths.data);
	snprintf(path, sizeof path, "%s/lock.mdb", store->paths.directory);
	unlink(path);
}

/*
 * Have the helper copy the rows of a file into a new store, whose pages and free list are sound, and move
 * that into place.
 */
static bool
rebuild(const struct store *store, const char *name, bool keep_old)
{
	char request[PATH_MAX + 64], made[PATH_MAX + 64];

	snprintf(request, sizeof request, "rebuild %s/%s", store->paths.directory, name);
	snprintf(made, sizeof made, "%s/%s.new", store->paths.directory, name);
	if (access(request + strlen("rebuild "), F_OK) != 0)
		return false;
	if (!guard_ask(store_guarded, request)) {
		unlink(made);
		return false;
	}
	remove_files(store, keep_old);
	return rename(made, store->paths.data) == 0;
}

void
store_set_aside(struct store *store)
{
	if (store->kind != STORE_SERVING && rebuild(store, "saved.mdb", true))
		return;
	remove_files(store, true);
}

/* Check if the files can be opened safely. */
static enum store_file_state
examine(struct store *store, struct problems *problems)
{
	enum store_file_state state = store_file_check(&store->paths, store->kind, problems);
	char request[PATH_MAX + 8];

	if (state != STORE_FILE_SHORT && (state != STORE_FILE_SOUND || !guard_running()))
		return state;
	snprintf(request, sizeof request, "walk %s", store->paths.directory);
	if (guard_ask(store_guarded, request))
		return STORE_FILE_SOUND;
	problems_error(problems, "%s is damaged: %s", store->paths.data, store_kind_cure(store->kind));
	return STORE_FILE_BAD;
}

/*
 * Prepare the files when the only writer of a store starts. serving only describes its last writer, so it
 * begins empty unless the last writer handed it over. health and cluster begin with the rows of the last run;
 * after a reboot these may be incomplete (no fsync), so they then begin with the rows of the saved copy. No
 * damage prevents a daemon from starting.
 */
static void
begin_anew(struct store *store, struct problems *problems)
{
	bool there = access(store->paths.data, F_OK) == 0, other_boot = store_file_other_boot(&store->paths);
	struct problems ignored = {0};

	if (store->kind == STORE_SERVING) {
		if (!store->inherited || examine(store, &ignored) != STORE_FILE_SOUND)
			remove_files(store, false);
		store->inherited = false;
		problems_free(&ignored);
		return;
	}
	if (!other_boot && rebuild(store, "data.mdb", false))
		return;
	store_set_aside(store);
	if (there && !other_boot)
		problems_warn(problems,
		    "%s was damaged: it was set aside as data.mdb.old, and a saved copy or an empty "
		    "store takes its place",
		    store->paths.data);
}

/* Keep the lock while the store is reopened, unless its directory was replaced. */
static bool
be_the_writer(struct store *store, struct problems *problems)
{
	if (store->lock_fd >= 0 && store_file_lock_holds(&store->paths, store->lock_fd))
		return true;
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	store->lock_fd = store_file_lock(&store->paths, store->kind, problems);
	return store->lock_fd >= 0;
}

bool
store_open_files(struct store *store, struct problems *problems)
{
	int rc;

	if (!store_file_refuse_links(&store->paths, problems))
		return false;
	if (store->access == STORE_WRITE) {
		if (!store_file_directories(store->state, &store->paths, (uid_t)-1, problems))
			return false;
		if (!store_is_durable(store->kind)) {
			if (!be_the_writer(store, problems))
				return false;
			begin_anew(store, problems);
		}
	} else if (!store_is_durable(store->kind) && store_file_other_boot(&store->paths))
		return false;
	switch (examine(store, problems)) {
	case STORE_FILE_BAD:
	case STORE_FILE_SHORT:
		return false;
	case STORE_FILE_ABSENT:
		if (store->access == STORE_READ)
			return false;
		break;
	case STORE_FILE_SOUND:
		break;
	}
	if (store->access == STORE_WRITE && !store_file_create(store->state, &store->paths, problems))
		return false;
	rc = open_environment(store);
	if (rc == MDB_NOTFOUND && store->access == STORE_READ)
		return false; /* its writer is just creating it */
	if (rc != 0) {
		tell_open_failed(store, rc, problems);
		return false;
	}
	if (!reads_with_locks(store)) {
		if (!store_needs_no_locks(store)) {
			tell_open_failed(store, EROFS, problems);
			return false;
		}
		store->unlocked = true;
		if (store->kind == STORE_CONFIG)
			problems_warn(problems,
			    "%s lies on a read-only file system: this shows the last change that could be "
			    "written%s",
			    store->state, store_write_cure(-EROFS));
	}
	if (store->access == STORE_WRITE && !store_is_durable(store->kind))
		store_file_note_boot(&store->paths);
	watch_start(store);
	return true;
}

static _Atomic int inherited_lock =
    -1; /* set by the main thread, while other threads may open stores for reading */

void
store_inherit_lock(int fd)
{
	inherited_lock = fd;
}

int
store_lock(const struct store *store)
{
	return store->lock_fd;
}

static struct store *
new_store(const char *state, enum store_kind kind, enum store_access access)
{
	struct store *store = xcalloc(1, sizeof *store);

	store->kind = kind;
	store->access = access;
	store->state = xstrdup(state);
	store->lock_fd = store->watch_fd = store->watch = store->fault = -1;
	store->last_read = UINT64_MAX;
	store->next_look = boot_ms() + LOOK_MS;
	pthread_mutex_init(&store->mutex, NULL);
	return store;
}

struct store *
store_open(const char *state, enum store_kind kind, enum store_access access, struct problems *problems)
{
	struct store *store = new_store(state, kind, access);

	if (inherited_lock >= 0 && !store_is_durable(kind) && access == STORE_WRITE) {
		store->lock_fd = inherited_lock;
		store->inherited = store_file_sign_lock(inherited_lock) == 0;
		inherited_lock = -1;
	}
	if (store_paths_make(&store->paths, state, kind, problems) && store_open_files(store, problems))
		return store;
	/* The serving store only describes this nameserver: if it cannot be written, still answer queries. */
	if (kind == STORE_SERVING && access == STORE_WRITE && store->lock_fd != -EBUSY) {
		store_close_environment(store);
		store->lost = true;
		return store;
	}
	store_close(store);
	return NULL;
}

struct store *
store_open_private(const char *path, enum store_kind kind, struct problems *problems)
{
	struct store *store = new_store("", kind, STORE_WRITE);
	int rc;

	store->private = true;
	snprintf(store->paths.directory, sizeof store->paths.directory, "%s", path);
	snprintf(store->paths.data, sizeof store->paths.data, "%s", path);
	if ((rc = open_environment(store)) == 0)
		return store;
	tell_open_failed(store, rc, problems);
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_close_environment(store);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	if (store->watch_fd >= 0)
		close(store->watch_fd);
	pthread_mutex_destroy(&store->mutex);
	free(store->logged_error);
	free(store->state);
	free(store);
}

enum store_kind
store_kind(const struct store *store)
{
	return store->kind;
}

bool
store_prepare(const char *state, enum store_kind kind, uid_t owner, struct problems *problems)
{
	struct store_paths paths;

	return store_paths_make(&paths, state, kind, problems) &&
	    store_file_directories(state, &paths, owner, problems);
}

/* ---- transactions ---- */

void
store_check_readers(struct store *store)
{
	int dead;

	if (store->env != NULL)
		mdb_reader_check(store->env, &dead);
}

/* Call it with the mutex held and no open transaction of this process. */
static int
grow(struct store *store)
{
	MDB_envinfo info;
	int rc;

	/* LMDB rule 4: perhaps the map is full only because of a killed reader. */
	store_check_readers(store);
	mdb_env_info(store->env, &info);
	rc = mdb_env_set_mapsize(store->env, info.me_mapsize * 2);
	if (rc == 0)
		atomic_store(&store->full, false);
	store_fault_find_map(store);
	return store_errno(rc);
}

static bool
nearly_full(struct store *store)
{
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(store->env, &info);
	mdb_env_stat(store->env, &stat);
	return atomic_load(&store->full) || info.me_last_pgno > info.me_mapsize / stat.ms_psize / 4 * 3;
}

int
store_enter(struct store *store, enum store_access access)
{
	int rc = 0;

	pthread_mutex_lock(&store->mutex);
	if (store->env == NULL)
		rc = -ENOENT;
	else if (access == STORE_WRITE && store->active == 0 && nearly_full(store))
		rc = grow(store);
	if (rc == 0)
		store->active++;
	pthread_mutex_unlock(&store->mutex);
	return rc;
}

void
store_leave(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	store->active--;
	pthread_mutex_unlock(&store->mutex);
}

/* LMDB rule 6: another process enlarged the map. */
static int
follow_resize(struct store *store)
{
	int rc = -EAGAIN;

	pthread_mutex_lock(&store->mutex);
	if (store->active == 1) { /* only the transaction that is beginning */
		rc = store_errno(mdb_env_set_mapsize(store->env, 0));
		store_fault_find_map(store);
	}
	pthread_mutex_unlock(&store->mutex);
	return rc;
}

/*
 * If another file was copied over the open one, its newest transaction differs from that of the lock file,
 * and new rows would match neither. Writers exclude each other, so the comparison is exact.
 */
static bool
follows_the_newest(const struct store_txn *txn)
{
	mdb_filehandle_t fd;
	uint64_t newest;

	if (mdb_env_get_fd(txn->store->env, &fd) != 0)
		return true;
	errno = 0;
	if (store_file_newest(fd, &newest) != STORE_FILE_SOUND)
		return errno == EIO; /* the disk fails: the write will fail, too, and report it */
	return mdb_txn_id(txn->txn) == newest + 1;
}

int
store_begin(struct store *store, enum store_access access, struct store_txn **out)
{
	unsigned flags = access == STORE_WRITE ? 0 : MDB_RDONLY;
	struct store_txn *txn;
	int rc = store_enter(store, access);

	*out = NULL;
	if (rc != 0)
		return rc;
	txn = xcalloc(1, sizeof *txn);
	txn->store = store;
	store_wait_begin(store, access == STORE_WRITE ? STORE_WAIT_WRITE : STORE_WAIT_READ);
	rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	if (rc == MDB_MAP_RESIZED && (rc = follow_resize(store)) == 0)
		rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	store_wait_end();
	if (rc != 0) {
		store_leave(store);
		free(txn);
		return rc == -EAGAIN ? rc : store_errno(rc);
	}
	*out = txn;
	if (access == STORE_READ)
		store->last_read = mdb_txn_id(txn->txn);
	if (access != STORE_WRITE)
		return 0;
	if (!follows_the_newest(txn))
		rc = -ESTALE;
	else if (!store_check_begin(txn))
		rc = -EBADMSG;
	if (rc != 0) {
		store_abort(txn);
		*out = NULL;
	}
	return rc;
}

int
store_commit(struct store_txn *txn)
{
	struct store_call call = {CALL_COMMIT, .txn = txn->txn};
	int rc = store_result(txn->store, store_call(txn->store, &call));

	store_check_end(txn);
	store_leave(txn->store);
	free(txn);
	return rc;
}

uint64_t
store_txn_number(const struct store_txn *txn)
{
	return mdb_txn_id(txn->txn);
}

void
store_abort(struct store_txn *txn)
{
	struct store_call call;

	if (txn == NULL)
		return;
	call = (struct store_call){CALL_ABORT, .txn = txn->txn};
	store_result(txn->store, store_call(txn->store, &call));
	store_check_end(txn);
	store_leave(txn->store);
	free(txn);
}

const char *
store_begin_fault(const struct store *store, int error)
{
	static char text[PATH_MAX + 512];

	if (error == -EUSERS)
		store_readers_full(store, text, sizeof text);
	else if (error == -ESTALE)
		snprintf(text, sizeof text,
		    "%s was overwritten while programs had it open; to use the new file, stop "
		    "graycloud-dnsd, "
		    "graycloud-monitor and all other commands, and try again",
		    store->paths.data);
	else
		return strerror(-error);
	return text;
}

uint64_t
store_txn_id(const struct store_txn *txn)
{
	return mdb_txn_id(txn->txn);
}

bool
store_full(const struct store *store)
{
	return atomic_load(&store->full);
}
