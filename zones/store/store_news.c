/* Changes of a store: commits of its writer, another file in its place, or the same file overwritten. */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 1000, BEHIND_MS = 2000 };

static void
forget(struct store *store)
{
	store->lost = false;
	free(store->logged_error);
	store->logged_error = NULL;
}

static enum store_news
lose(struct store *store, struct problems *found, struct problems *problems)
{
	/* Report each reason once, not each second. */
	if (found->count > 0 &&
	    (store->logged_error == NULL || strcmp(store->logged_error, found->items[0].text) != 0)) {
		for (size_t i = 0; i < found->count; i++)
			problems_error(problems, "%s", found->items[i].text);
		free(store->logged_error);
		store->logged_error = xstrdup(found->items[0].text);
	}
	store->lost = true;
	return STORE_LOST;
}

static enum store_news
lose_because(struct store *store, const char *why, struct problems *problems)
{
	struct problems found = {0};

	problems_error(&found, "%s %s", store->paths.data, why);
	lose(store, &found, problems);
	problems_free(&found);
	return STORE_LOST;
}

/* The writer replaces a torn store: LMDB must not write on damaged pages. */
static void
tell_torn(struct store *store, struct problems *problems)
{
	if (!atomic_load(&store->torn) || store->access != STORE_WRITE)
		return;
	store_set_aside(store);
	problems_warn(problems, "%s is damaged: it was renamed to data.mdb.old and is created again",
	    store->paths.data);
}

static enum store_news
reopen(struct store *store, struct problems *problems)
{
	struct problems found = {0};
	enum store_news news = store->lost ? STORE_LOST : STORE_SAME;

	pthread_mutex_lock(&store->mutex);
	if (store->active > 0) {
		store->next_look = 0; /* reopen as soon as this process has no open transactions */
	} else {
		tell_torn(store, problems);
		store_close_environment(store);
		if (store_open_files(store, &found)) {
			forget(store);
			store->last_read = UINT64_MAX;
			news = STORE_REPLACED;
		} else {
			store_close_environment(store);
			if (found.count == 0)
				problems_error(&found, "%s has vanished: the rows that were read stay in use",
				    store->paths.data);
			news = lose(store, &found, problems);
		}
	}
	pthread_mutex_unlock(&store->mutex);
	problems_free(&found);
	return news;
}

/* Returns false if no file is open. */
static bool
stat_open_file(struct store *store, struct stat *file)
{
	mdb_filehandle_t fd;

	return store->env != NULL && mdb_env_get_fd(store->env, &fd) == 0 && fstat(fd, file) == 0;
}

/* LMDB rule 7: check if the file at the path is still the open one, and may still be read without locks. */
static enum store_news
look(struct store *store, struct problems *problems)
{
	struct stat there, ours;
	bool present = stat(store->paths.data, &there) == 0 && there.st_size > 0;

	store->vanished = !present && (store->access == STORE_READ || access(store->state, F_OK) != 0);
	if (store->vanished && store->access == STORE_READ)
		return lose_because(store, "has vanished: the rows that were read stay in use", problems);
	/* Never create a store under a mount point: the next mount would hide it, with all rows that were
	 * written. */
	if (store->vanished)
		return lose_because(store,
		    "has vanished together with the state directory: mount its file system, or create the "
		    "directory",
		    problems);
	if (present && stat_open_file(store, &ours) && ours.st_ino == there.st_ino &&
	    ours.st_dev == there.st_dev) {
		if (store->access == STORE_WRITE)
			forget(store);
		return store->unlocked && !store_needs_no_locks(store) ? reopen(store, problems) : STORE_SAME;
	}
	return reopen(store, problems);
}

/*
 * Compare the newest transaction with the last one that was *read*, never with the last announced (LMDB rule
 * 1). If an operator copies a file over the open one (a common mistake), the file is first truncated and then
 * another store. So read its header from the file, because the map may be invalid.
 */
static enum store_news
compare(struct store *store, struct problems *problems)
{
	mdb_filehandle_t fd;
	uint64_t newest;
	bool read = store->last_read != UINT64_MAX;

	if (store->env == NULL || mdb_env_get_fd(store->env, &fd) != 0)
		return STORE_LOST;
	if (store_file_newest(fd, &newest) != STORE_FILE_SOUND)
		return lose_because(store,
		    "is damaged, or is just being overwritten: the rows that were read stay in use",
		    problems);
	if (read && newest < store->last_read)
		return lose_because(store,
		    "was overwritten by an older copy while programs had it open: the rows that were read "
		    "stay "
		    "in use. Stop graycloud-dnsd and graycloud-monitor and start them again, to use the copy",
		    problems);
	if (!read || newest == store->last_read) {
		store->behind_ms = 0;
		forget(store);
		return read ? STORE_SAME : STORE_CHANGED;
	}
	/* LMDB announces a transaction as soon as it is written. */
	if (store->behind_ms == 0 || store->behind_of != newest) {
		store->behind_ms = boot_ms();
		store->behind_of = newest;
	}
	if (boot_ms() - store->behind_ms > BEHIND_MS)
		return lose_because(store,
		    "has changes that cannot be read: it was overwritten by another copy while programs had "
		    "it "
		    "open, or a command was killed as it wrote. The rows that were read stay in use until "
		    "the next "
		    "command; if that is refused, stop graycloud-dnsd and graycloud-monitor and start them "
		    "again",
		    problems);
	forget(store);
	return STORE_CHANGED;
}

enum store_news
store_poll(struct store *store, struct problems *problems)
{
	uint64_t now = boot_ms();

	if (atomic_load(&store->torn) && now >= store->next_look) {
		store->next_look = now + LOOK_MS;
		return reopen(store, problems);
	}
	/* A store that vanished is used as soon as it is back: others may have read it already. */
	if (now >= store->next_look || store->unlocked || store->vanished) {
		store->next_look = now + LOOK_MS;

		enum store_news news = look(store, problems);

		if (news != STORE_SAME)
			return news;
	}
	if (store->access == STORE_READ)
		return compare(store, problems);
	return store->lost ? STORE_LOST : STORE_SAME;
}

enum store_news
store_reopen(struct store *store, struct problems *problems)
{
	struct stat before, after;
	bool known = stat_open_file(store, &before);
	uint64_t last_read = store->last_read;
	enum store_news news = reopen(store, problems);

	if (news != STORE_REPLACED || !known || !stat_open_file(store, &after) ||
	    before.st_ino != after.st_ino || before.st_dev != after.st_dev)
		return news;
	store->last_read = last_read;
	return STORE_SAME;
}

bool
store_torn(const struct store *store)
{
	return atomic_load(&store->torn);
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
