#include "store.h"

#include "guard.h"
#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 1000, MAX_READERS = 512, MAX_TABLES = 16, MAX_STORES = 16 };

static const struct {
	const char *name;
	enum store_kind kind;
} tables[TABLE_COUNT] = {
    [TABLE_ZONES] = {"zones", STORE_CONFIG},
    [TABLE_ZONE_NAMES] = {"zone_names", STORE_CONFIG},
    [TABLE_OBJECTS] = {"objects", STORE_CONFIG},
    [TABLE_OBJECT_NAMES] = {"object_names", STORE_CONFIG},
    [TABLE_CHANGES] = {"changes", STORE_CONFIG},
    [TABLE_META] = {"meta", STORE_CONFIG},
    [TABLE_STATE] = {"state", STORE_HEALTH},
    [TABLE_FLIPS] = {"flips", STORE_HEALTH},
    [TABLE_BEAT] = {"beat", STORE_HEALTH},
    [TABLE_SERVING] = {"serving", STORE_SERVING},
};

struct store {
	enum store_kind kind;
	enum store_access access;
	char *state;
	struct store_paths paths;
	int lock_fd; /* of the only writer, or -1 */
	int watch_fd;
	int watch;

	pthread_mutex_t mutex; /* env and active; the environment is replaced or resized only while active is 0 */
	MDB_env *env;          /* NULL while what lies at the path cannot be opened */
	MDB_dbi dbi[TABLE_COUNT];
	unsigned active;       /* transactions of this process */
	int fault;             /* its place among the ranges below, or -1 */

	_Atomic uint64_t last_read; /* UINT64_MAX: nothing yet */
	uint64_t next_look;         /* boot_ms of the next stat */
	bool lost, told;
	atomic_bool full;           /* the map was; see store_begin */
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
};

struct store_cursor {
	struct store *store;
	MDB_cursor *cursor;
};

/* ---- death by damage (rule 8) ---- */

/* Where the stores are mapped, and what to say when a page there cannot be read. */
static struct fault_range {
	_Atomic uintptr_t start, end;
	char sentence[PATH_MAX + 512];
} faults[MAX_STORES];

static struct sigaction fault_before[2];

static void
fault_die(const char *sentence)
{
	if (write(STDERR_FILENO, sentence, strlen(sentence)) < 0)
		_exit(2);
	_exit(1);
}

static void
fault_handler(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)context;
	for (size_t i = 0; i < MAX_STORES; i++)
		if (at >= atomic_load(&faults[i].start) && at < atomic_load(&faults[i].end))
			fault_die(faults[i].sentence);
	/* Not ours: it happens again at once, under the handler of before. */
	sigaction(number, &fault_before[number == SIGBUS], NULL);
}

void
store_catch_faults(void)
{
	struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, &fault_before[0]);
	sigaction(SIGBUS, &action, &fault_before[1]);
}

/* LMDB tells nobody where its map is: ask the kernel. */
static void
fault_find_map(struct store *store)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128];
	unsigned long start, end, inode;
	mdb_filehandle_t fd;
	struct stat st;

	if (maps == NULL || mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0)
		goto out;
	while (fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode) == 3 && inode == st.st_ino &&
		    strstr(line, "data.mdb") != NULL) {
			atomic_store(&faults[store->fault].start, start);
			atomic_store(&faults[store->fault].end, end);
		}
out:
	if (maps != NULL)
		fclose(maps);
}

static void
fault_register(struct store *store)
{
	for (int i = 0; i < MAX_STORES; i++) {
		uintptr_t none = 0;

		if (!atomic_compare_exchange_strong(&faults[i].start, &none, UINTPTR_MAX))
			continue;
		atomic_store(&faults[i].end, 0);
		snprintf(faults[i].sentence, sizeof faults[i].sentence,
		    "%s: %s is damaged, or its disk fails: %s\n", program_invocation_short_name, store->paths.data,
		    store_kind_cure(store->kind));
		store->fault = i;
		fault_find_map(store);
		return;
	}
}

static void
fault_forget(struct store *store)
{
	if (store->fault < 0)
		return;
	atomic_store(&faults[store->fault].end, 0);
	atomic_store(&faults[store->fault].start, 0);
	store->fault = -1;
}

static void
assertion_failed(MDB_env *env, const char *message)
{
	const struct store *store = mdb_env_get_userctx(env);

	(void)message;
	fault_die(store->fault >= 0 ? faults[store->fault].sentence : "a store is damaged\n");
}

/* ---- errors ---- */

static int
errno_of(int rc)
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
	case MDB_VERSION_MISMATCH:
	case MDB_PANIC:
		return -EBADMSG;
	default:
		return rc > 0 ? -rc : rc == 0 ? 0 : -EIO;
	}
}

/* Remember that the map was full: the next begin makes it larger. */
static int
write_result(struct store *store, int rc)
{
	if (rc == MDB_MAP_FULL)
		atomic_store(&store->full, true);
	return errno_of(rc);
}

static void
tell_open_failed(const struct store *store, int rc, struct problems *problems)
{
	switch (errno_of(rc)) {
	case -EBADMSG:
		problems_error(problems, "%s is damaged or of another kind: %s", store->paths.data,
		    store_kind_cure(store->kind));
		break;
	case -EACCES:
	case -EPERM:
		problems_error(problems, "%s may not be %s by this user: run this as root or as the store's user",
		    store->paths.directory, store->access == STORE_READ ? "read (lock.mdb is written by readers too)" : "written");
		break;
	case -EROFS:
		problems_error(problems, "%s lies on a read-only file system: its lock.mdb must be writable",
		    store->paths.directory);
		break;
	case -EAGAIN:
		/* LMDB rule 5 */
		problems_error(problems, "%s is in use from another PID namespace: all programs of graycloud that share a "
		    "state directory must share one PID namespace", store->paths.directory);
		break;
	default:
		problems_error(problems, "cannot open %s: %s", store->paths.directory, mdb_strerror(rc));
	}
}

/* ---- the walk of a whole store, in a process that may die of it ---- */

static int
walk_table(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value, before = {0, NULL};
	MDB_stat stat;
	size_t rows = 0;
	volatile uint8_t sink = 0;
	int rc = mdb_stat(txn, dbi, &stat);

	if (rc != 0 || (rc = mdb_cursor_open(txn, dbi, &cursor)) != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		/* Keys that do not rise, or more rows than the table claims: pages that lead astray. */
		if (++rows > stat.ms_entries ||
		    (before.mv_data != NULL && dbi > 1 && mdb_cmp(txn, dbi, &before, &key) >= 0)) {
			rc = MDB_CORRUPTED;
			break;
		}
		for (size_t i = 0; i < value.mv_size; i += 4096)
			sink = (uint8_t)(sink + ((const uint8_t *)value.mv_data)[i]);
		before = key;
	}
	mdb_cursor_close(cursor);
	return rc != MDB_NOTFOUND ? rc : rows == stat.ms_entries ? 0 : MDB_CORRUPTED;
}

static int
walk_named_tables(MDB_txn *txn)
{
	enum { FREE_LIST = 0, NAMES = 1 };
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = walk_table(txn, FREE_LIST);

	if (rc != 0 || (rc = walk_table(txn, NAMES)) != 0 || (rc = mdb_cursor_open(txn, NAMES, &cursor)) != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		char name[64];
		MDB_dbi dbi;

		if (key.mv_size >= sizeof name)
			return MDB_CORRUPTED;
		memcpy(name, key.mv_data, key.mv_size);
		name[key.mv_size] = '\0';
		if ((rc = mdb_dbi_open(txn, name, 0, &dbi)) != 0 || (rc = walk_table(txn, dbi)) != 0)
			return rc;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
walk(const char *directory)
{
	MDB_env *env;
	MDB_txn *txn;
	int rc;

	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, MAX_TABLES) != 0)
		return 1;
	rc = mdb_env_open(env, directory, MDB_RDONLY | MDB_NOTLS, 0);
	if (rc == 0 && (rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) == 0) {
		rc = walk_named_tables(txn);
		mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	return rc;
}

void
store_guard_start(void)
{
	guard_start(walk);
}

/* ---- opening ---- */

static size_t
initial_map(enum store_kind kind)
{
	const char *mib = getenv("GRAYCLOUD_MAP_MIB");

	/* Address space is cheap (rule 6); tests want little of it. */
	if (mib != NULL && atoi(mib) > 0)
		return (size_t)atoi(mib) << 20;
	return (size_t)(kind == STORE_CONFIG ? 16 : 1) << 30;
}

/* Open the handles of all tables; with flags MDB_CREATE make those that are missing. */
static int
open_tables(struct store *store, unsigned txn_flags, unsigned dbi_flags)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, txn_flags, &txn);

	if (rc == MDB_MAP_RESIZED && (rc = mdb_env_set_mapsize(store->env, 0)) == 0)
		rc = mdb_txn_begin(store->env, NULL, txn_flags, &txn);
	if (rc != 0)
		return rc;
	for (int i = 0; i < TABLE_COUNT && rc == 0; i++)
		if (tables[i].kind == store->kind)
			rc = mdb_dbi_open(txn, tables[i].name, dbi_flags, &store->dbi[i]);
	/* LMDB rule 9: handles of a transaction that is aborted are void. */
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
	else if (store->kind != STORE_CONFIG)
		flags |= MDB_NOSYNC;
	mdb_env_set_userctx(store->env, store);
	mdb_env_set_assert(store->env, assertion_failed);
	mdb_env_set_maxdbs(store->env, MAX_TABLES);
	mdb_env_set_maxreaders(store->env, MAX_READERS);
	mdb_env_set_mapsize(store->env, initial_map(store->kind));
	if ((rc = mdb_env_open(store->env, store->paths.directory, flags, 0640)) != 0)
		return rc;
	fault_register(store);
	if (store->access == STORE_WRITE)
		store_check_readers(store);
	rc = open_tables(store, MDB_RDONLY, 0);
	if (rc == MDB_NOTFOUND && store->access == STORE_WRITE)
		rc = open_tables(store, 0, MDB_CREATE);
	return rc;
}

static void
close_environment(struct store *store)
{
	fault_forget(store);
	if (store->env != NULL)
		mdb_env_close(store->env);
	store->env = NULL;
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	store->lock_fd = -1;
}

/* LMDB rule 3: where lock.mdb cannot be written LMDB reads without locks, and sees pages change. */
static bool
reads_with_locks(struct store *store)
{
	MDB_envinfo info;

	return mdb_env_info(store->env, &info) == 0 && info.me_numreaders > 0;
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

/* The store of health or serving is of no use any more: put its saved copy in its place, or nothing. */
static void
set_aside(struct store *store)
{
	struct store_paths saved = store->paths;
	struct problems ignored = {0};
	char damaged[PATH_MAX + 16];

	snprintf(damaged, sizeof damaged, "%s.old", store->paths.data);
	rename(store->paths.data, damaged);
	snprintf(saved.data, sizeof saved.data, "%s/saved.mdb", saved.directory);
	if (store_file_check(&saved, store->kind, &ignored) == STORE_FILE_SOUND)
		rename(saved.data, store->paths.data);
	problems_free(&ignored);
}

/* Is what lies there fit to be opened?  A writer of health or serving never fails on damage: it begins anew. */
static enum store_file_state
examine(struct store *store, struct problems *problems)
{
	struct problems found = {0};
	enum store_file_state state = store_file_check(&store->paths, store->kind, &found);
	bool anew = store->access == STORE_WRITE && store->kind != STORE_CONFIG;

	if (state == STORE_FILE_SHORT || (state == STORE_FILE_SOUND && guard_running())) {
		state = guard_ask(walk, store->paths.directory) ? STORE_FILE_SOUND : STORE_FILE_BAD;
		if (state == STORE_FILE_BAD)
			problems_error(&found, "%s is damaged: %s", store->paths.data, store_kind_cure(store->kind));
	}
	if (anew && state == STORE_FILE_BAD) {
		set_aside(store);
		problems_warn(problems, "%s was damaged: it was set aside as data.mdb.old, and a saved copy or an empty "
		    "store takes its place", store->paths.data);
		state = STORE_FILE_ABSENT;
	} else
		for (size_t i = 0; i < found.count; i++)
			problems_error(problems, "%s", found.items[i].text);
	problems_free(&found);
	return state;
}

/* Returns false without an error in problems where a reader finds nothing yet. */
static bool
open_files(struct store *store, struct problems *problems)
{
	int rc;

	if (store->access == STORE_WRITE) {
		if (!store_file_directories(store->state, &store->paths, (uid_t)-1, problems))
			return false;
		if (store->kind != STORE_CONFIG) {
			if ((store->lock_fd = store_file_lock(&store->paths, store->kind, problems)) < 0)
				return false;
			/* Without fsync a store does not survive a crash of the system. */
			if (store_file_other_boot(&store->paths))
				set_aside(store);
		}
	} else if (store->kind != STORE_CONFIG && store_file_other_boot(&store->paths))
		return false;
	switch (examine(store, problems)) {
	case STORE_FILE_BAD:
	case STORE_FILE_SHORT:
		return false;
	case STORE_FILE_ABSENT:
		if (store->access == STORE_READ || !store_file_create(store->state, &store->paths, problems))
			return false;
		break;
	case STORE_FILE_SOUND:
		break;
	}
	rc = open_environment(store);
	if (rc == MDB_NOTFOUND && store->access == STORE_READ)
		return false; /* its writer is just making it */
	if (rc != 0) {
		tell_open_failed(store, rc, problems);
		return false;
	}
	if (!reads_with_locks(store)) {
		tell_open_failed(store, EROFS, problems);
		return false;
	}
	if (store->access == STORE_WRITE && store->kind != STORE_CONFIG)
		store_file_note_boot(&store->paths);
	watch_start(store);
	return true;
}

struct store *
store_open(const char *state, enum store_kind kind, enum store_access access, struct problems *problems)
{
	struct store *store = xcalloc(1, sizeof *store);

	store->kind = kind;
	store->access = access;
	store->state = xstrdup(state);
	store->lock_fd = store->watch_fd = store->watch = store->fault = -1;
	store->last_read = UINT64_MAX;
	store->next_look = boot_ms() + LOOK_MS;
	pthread_mutex_init(&store->mutex, NULL);
	if (store_paths_make(&store->paths, state, kind, problems) && open_files(store, problems))
		return store;
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	close_environment(store);
	if (store->watch_fd >= 0)
		close(store->watch_fd);
	pthread_mutex_destroy(&store->mutex);
	free(store->state);
	free(store);
}

bool
store_prepare(const char *state, enum store_kind kind, uid_t owner, struct problems *problems)
{
	struct store_paths paths;

	return store_paths_make(&paths, state, kind, problems) &&
	    store_file_directories(state, &paths, owner, problems);
}

/* ---- news ---- */

static enum store_news
lose(struct store *store, struct problems *found, struct problems *problems)
{
	/* Said once, not each second. */
	for (size_t i = 0; i < found->count && !store->told; i++)
		problems_error(problems, "%s", found->items[i].text);
	store->lost = store->told = true;
	return STORE_LOST;
}

static enum store_news
reopen(struct store *store, struct problems *problems)
{
	struct problems found = {0};
	enum store_news news = store->lost ? STORE_LOST : STORE_SAME;

	pthread_mutex_lock(&store->mutex);
	if (store->active > 0) {
		store->next_look = 0; /* as soon as our transactions have ended */
	} else {
		close_environment(store);
		if (open_files(store, &found)) {
			store->lost = store->told = false;
			store->last_read = UINT64_MAX;
			news = STORE_REPLACED;
		} else {
			close_environment(store);
			if (found.count == 0)
				problems_error(&found, "%s has vanished: what was read of it stays in use", store->paths.data);
			news = lose(store, &found, problems);
		}
	}
	pthread_mutex_unlock(&store->mutex);
	problems_free(&found);
	return news;
}

/* LMDB rule 7: is the file behind the path still the one that is open? */
static enum store_news
look(struct store *store, struct problems *problems)
{
	struct problems found = {0};
	struct stat there, ours;
	mdb_filehandle_t fd;
	enum store_news news;
	bool present = stat(store->paths.data, &there) == 0 && there.st_size > 0;

	if (!present && store->access == STORE_READ) {
		problems_error(&found, "%s has vanished: what was read of it stays in use", store->paths.data);
		news = lose(store, &found, problems);
		problems_free(&found);
		return news;
	}
	if (present && store->env != NULL && mdb_env_get_fd(store->env, &fd) == 0 && fstat(fd, &ours) == 0 &&
	    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
		store->lost = store->told = false;
		return STORE_SAME;
	}
	return reopen(store, problems);
}

enum store_news
store_poll(struct store *store, struct problems *problems)
{
	uint64_t now = boot_ms();
	MDB_envinfo info;

	if (now >= store->next_look) {
		store->next_look = now + LOOK_MS;

		enum store_news news = look(store, problems);

		if (news != STORE_SAME)
			return news;
	}
	if (store->lost)
		return STORE_LOST;
	/* LMDB rule 1: against the last transaction read, never against the last announced. */
	mdb_env_info(store->env, &info);
	return info.me_last_txnid == store->last_read ? STORE_SAME : STORE_CHANGED;
}

int
store_watch_fd(struct store *store)
{
	return store->watch_fd;
}

void
store_watch_clear(struct store *store)
{
	char events[4096] __attribute__((aligned(8)));

	while (read(store->watch_fd, events, sizeof events) > 0)
		continue;
}

void
store_check_readers(struct store *store)
{
	int dead;

	if (store->env != NULL)
		mdb_reader_check(store->env, &dead);
}

/* ---- transactions ---- */

/* With the mutex held and no transaction of ours open. */
static int
grow(struct store *store)
{
	MDB_envinfo info;
	int rc;

	/* LMDB rule 4: a killed reader can be all that fills the map. */
	store_check_readers(store);
	mdb_env_info(store->env, &info);
	rc = mdb_env_set_mapsize(store->env, info.me_mapsize * 2);
	if (rc == 0)
		atomic_store(&store->full, false);
	fault_find_map(store);
	return errno_of(rc);
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

/* Take part in the environment; -ENOENT where there is none at present. */
static int
enter(struct store *store, enum store_access access)
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

static void
leave(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	store->active--;
	pthread_mutex_unlock(&store->mutex);
}

/* LMDB rule 6: another process made the map larger. */
static int
follow_resize(struct store *store)
{
	int rc = -EAGAIN;

	pthread_mutex_lock(&store->mutex);
	if (store->active == 1) { /* the one that is just beginning */
		rc = errno_of(mdb_env_set_mapsize(store->env, 0));
		fault_find_map(store);
	}
	pthread_mutex_unlock(&store->mutex);
	return rc;
}

int
store_begin(struct store *store, enum store_access access, struct store_txn **out)
{
	unsigned flags = access == STORE_WRITE ? 0 : MDB_RDONLY;
	struct store_txn *txn;
	int rc = enter(store, access);

	*out = NULL;
	if (rc != 0)
		return rc;
	if ((txn = malloc(sizeof *txn)) == NULL) {
		leave(store);
		return -ENOMEM;
	}
	txn->store = store;
	rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	if (rc == MDB_MAP_RESIZED && (rc = follow_resize(store)) == 0)
		rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	if (rc != 0) {
		leave(store);
		free(txn);
		return rc == -EAGAIN ? rc : errno_of(rc);
	}
	if (access == STORE_READ)
		store->last_read = mdb_txn_id(txn->txn);
	*out = txn;
	return 0;
}

int
store_commit(struct store_txn *txn)
{
	int rc = write_result(txn->store, mdb_txn_commit(txn->txn));

	leave(txn->store);
	free(txn);
	return rc;
}

void
store_abort(struct store_txn *txn)
{
	if (txn == NULL)
		return;
	mdb_txn_abort(txn->txn);
	leave(txn->store);
	free(txn);
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

/* ---- rows ---- */

static MDB_val
to_val(struct bytes bytes)
{
	return (MDB_val){.mv_size = bytes.len, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct bytes
to_bytes(const MDB_val *val)
{
	return (struct bytes){.data = val->mv_data, .len = val->mv_size};
}

bool
store_get(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes *value)
{
	MDB_val from = to_val(key), to;

	if (mdb_get(txn->txn, txn->store->dbi[table], &from, &to) != 0)
		return false;
	*value = to_bytes(&to);
	return true;
}

static int
put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value, unsigned flags)
{
	MDB_val from = to_val(key), to = to_val(value);

	return write_result(txn->store, mdb_put(txn->txn, txn->store->dbi[table], &from, &to, flags));
}

int
store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
	return put(txn, table, key, value, 0);
}

int
store_append(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
	return put(txn, table, key, value, MDB_APPEND);
}

int
store_delete(struct store_txn *txn, enum store_table table, struct bytes key)
{
	MDB_val from = to_val(key);
	int rc = mdb_del(txn->txn, txn->store->dbi[table], &from, NULL);

	return rc == MDB_NOTFOUND ? 0 : write_result(txn->store, rc);
}

uint64_t
store_count(struct store_txn *txn, enum store_table table)
{
	MDB_stat stat;

	return mdb_stat(txn->txn, txn->store->dbi[table], &stat) == 0 ? stat.ms_entries : 0;
}

struct store_cursor *
store_cursor_open(struct store_txn *txn, enum store_table table)
{
	struct store_cursor *cursor = malloc(sizeof *cursor);

	if (cursor == NULL)
		return NULL;
	cursor->store = txn->store;
	if (mdb_cursor_open(txn->txn, txn->store->dbi[table], &cursor->cursor) == 0)
		return cursor;
	free(cursor);
	return NULL;
}

void
store_cursor_close(struct store_cursor *cursor)
{
	if (cursor == NULL)
		return;
	mdb_cursor_close(cursor->cursor);
	free(cursor);
}

static bool
step(struct store_cursor *cursor, MDB_cursor_op op, MDB_val *key, struct bytes *found, struct bytes *value)
{
	MDB_val to;

	if (mdb_cursor_get(cursor->cursor, key, &to, op) != 0)
		return false;
	*found = to_bytes(key);
	*value = to_bytes(&to);
	return true;
}

bool
store_cursor_seek(struct store_cursor *cursor, struct bytes key, struct bytes *found, struct bytes *value)
{
	MDB_val from = to_val(key);

	/* LMDB takes no empty key. */
	return step(cursor, key.len > 0 ? MDB_SET_RANGE : MDB_FIRST, &from, found, value);
}

bool
store_cursor_first(struct store_cursor *cursor, struct bytes *found, struct bytes *value)
{
	return step(cursor, MDB_FIRST, &(MDB_val){0}, found, value);
}

bool
store_cursor_last(struct store_cursor *cursor, struct bytes *found, struct bytes *value)
{
	return step(cursor, MDB_LAST, &(MDB_val){0}, found, value);
}

bool
store_cursor_next(struct store_cursor *cursor, struct bytes *found, struct bytes *value)
{
	return step(cursor, MDB_NEXT, &(MDB_val){0}, found, value);
}

bool
store_cursor_previous(struct store_cursor *cursor, struct bytes *found, struct bytes *value)
{
	return step(cursor, MDB_PREV, &(MDB_val){0}, found, value);
}

int
store_cursor_delete(struct store_cursor *cursor)
{
	return write_result(cursor->store, mdb_cursor_del(cursor->cursor, 0));
}

int
store_copy(struct store *store, const char *path)
{
	char *draft = xasprintf("%s.new", path);
	int fd = -1, rc = enter(store, STORE_READ); /* LMDB begins a transaction of its own for it */

	if (rc != 0) {
		free(draft);
		return rc;
	}
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		rc = -errno;
	else {
		rc = errno_of(mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT));
		if (rc == 0 && fsync(fd) != 0)
			rc = -errno;
		close(fd);
		if (rc == 0 && rename(draft, path) != 0)
			rc = -errno;
		if (rc != 0)
			unlink(draft);
	}
	leave(store);
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
