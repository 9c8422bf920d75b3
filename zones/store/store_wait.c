/*
 * A command reports that it waits for another process, and never waits without limit.
 *
 * LMDB's locks are robust mutexes and a POSIX lock on lock.mdb. Its calls wait for them, even if the holder
 * is stopped. A thread watches: it names the holder after one second, and ends the command after the time of
 * store_set_patience. Up to then nothing was written, so nothing is lost.
 */
#include "zones/store/store_inner.h"

#include "zones/base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	NAMED_AFTER_MS = 1000,
	/*
	 * The offsets of the mutexes of LMDB 0.9 in lock.mdb. The first word of glibc's robust mutex is the
	 * thread that holds it. Only a message depends on this.
	 */
	READERS_MUTEX = 24,
	WRITERS_MUTEX = 64
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool running;
	unsigned patience_ms;      /* 0: no limit, as in daemons */
	const struct store *store; /* the store that a call waits for; NULL: none */
	enum store_wait what;
	uint64_t since_ms;
	bool named;
	uint64_t call, call_since_ms; /* the last call of LMDB that was seen running, and since when */
	int fd; /* lock.mdb. Never close it: that would drop the locks of LMDB in this process. */
} waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* Returns 0 if it is unknown. */
static pid_t
holder(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	char path[PATH_MAX + 16];
	uint32_t word = 0;

	if (waiting.fd < 0) {
		snprintf(path, sizeof path, "%s/lock.mdb", waiting.store->paths.directory);
		waiting.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (waiting.fd < 0)
		return 0;
	if (waiting.what == STORE_WAIT_OPEN)
		return fcntl(waiting.fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
	if (pread(waiting.fd, &word, sizeof word,
		waiting.what == STORE_WAIT_WRITE ? WRITERS_MUTEX : READERS_MUTEX) != sizeof word)
		return 0;
	return (pid_t)(word & FUTEX_TID_MASK);
}

/* Write "process 4242 (graycloud, stopped)". */
static void
describe(pid_t pid, bool *stopped, char *out, size_t size)
{
	char path[64], line[256] = "", *open = NULL, *close = NULL;
	FILE *file = NULL;

	*stopped = false;
	if (pid > 0) {
		snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
		file = fopen(path, "re");
	}
	if (file != NULL) {
		if (fgets(line, sizeof line, file) != NULL) {
			open = strchr(line, '(');
			close = strrchr(line, ')');
		}
		fclose(file);
	}
	if (open == NULL || close == NULL || strlen(close) < 3) {
		snprintf(out, size, pid > 0 ? "process %ld" : "another process", (long)pid);
		return;
	}
	*stopped = close[2] == 'T' || close[2] == 't';
	snprintf(out, size, "process %ld (%.*s%s)", (long)pid, (int)(close - open - 1), open + 1,
	    *stopped ? ", stopped" : "");
}

static void
name_holder(void)
{
	char text[128];
	bool stopped;

	describe(holder(), &stopped, text, sizeof text);
	fprintf(stderr, "%s: waiting for %s, which holds the lock of %s\n", program_invocation_short_name,
	    text, waiting.store->paths.directory);
	waiting.named = true;
}

static void __attribute__((noreturn)) lose_patience(void)
{
	pid_t pid = holder();
	char text[128], cure[64] = "";
	bool stopped;

	describe(pid, &stopped, text, sizeof text);
	if (stopped)
		snprintf(cure, sizeof cure, ", or let it go on with kill -CONT %ld", (long)pid);
	fprintf(stderr,
	    "%s: %s has held the lock of %s for %u s; nothing was changed: end that process%s, and try "
	    "again\n",
	    program_invocation_short_name, text, waiting.store->paths.directory, waiting.patience_ms / 1000,
	    cure);
	store_end_process();
}

/* Damaged pages can make LMDB loop endlessly. Returns when to look again. */
static uint64_t
watch_call(uint64_t now)
{
	uint64_t call = atomic_load(&store_calls);

	if (call % 2 == 0 || call != waiting.call) {
		waiting.call = call;
		waiting.call_since_ms = now;
	} else if (now - waiting.call_since_ms >= waiting.patience_ms)
		store_die_of_damage();
	return now + NAMED_AFTER_MS;
}

static void *
look_on(void *unused)
{
	pthread_mutex_lock(&waiting.mutex);
	while (true) {
		uint64_t now = awake_ms(), due = watch_call(now);
		struct timespec until;

		if (waiting.store != NULL) {
			if (now >= waiting.since_ms + waiting.patience_ms)
				lose_patience();
			if (!waiting.named && now >= waiting.since_ms + NAMED_AFTER_MS)
				name_holder();
			due = MIN(due, waiting.since_ms + waiting.patience_ms);
			if (!waiting.named)
				due = MIN(due, waiting.since_ms + NAMED_AFTER_MS);
		}
		until = (struct timespec){(time_t)(due / 1000), (long)(due % 1000) * 1000000};
		pthread_cond_timedwait(&waiting.changed, &waiting.mutex, &until);
	}
	return unused;
}

void
store_set_patience(unsigned seconds)
{
	waiting.patience_ms = seconds * 1000;
}

/* Start the thread at the first wait: a command that only prints its usage needs none. */
static void
start_looking(void)
{
	pthread_t thread;

	thread_condition(&waiting.changed);
	waiting.running = thread_start(&thread, 0, look_on, NULL) == NULL;
	if (waiting.running)
		pthread_detach(thread);
}

void
store_wait_begin(const struct store *store, enum store_wait what)
{
	if (waiting.patience_ms == 0)
		return;
	if (!waiting.running)
		start_looking();
	pthread_mutex_lock(&waiting.mutex);
	waiting.store = store;
	waiting.what = what;
	waiting.since_ms = awake_ms();
	waiting.named = false;
	pthread_cond_signal(&waiting.changed);
	pthread_mutex_unlock(&waiting.mutex);
}

void
store_wait_end(void)
{
	if (waiting.patience_ms == 0)
		return;
	pthread_mutex_lock(&waiting.mutex);
	waiting.store = NULL;
	pthread_mutex_unlock(&waiting.mutex);
}

/* ---- all reader slots are taken ---- */

struct slots {
	long pids[4096];
	size_t count;
};

/* A line of LMDB's list begins with a process id; the first line is a title. */
static int
note_slot(const char *line, void *arg)
{
	struct slots *slots = arg;
	long pid = strtol(line, NULL, 10);

	if (pid > 0 && slots->count < NITEMS(slots->pids))
		slots->pids[slots->count++] = pid;
	return 0;
}

void
store_readers_full(const struct store *store, char *out, size_t size)
{
	static struct slots slots;
	size_t most = 0;
	long busiest = 0;
	char text[128];
	bool stopped;

	slots.count = 0;
	mdb_reader_list(store->env, note_slot, &slots);
	for (size_t i = 0; i < slots.count; i++) {
		size_t own = 0;

		for (size_t j = 0; j < slots.count; j++)
			own += slots.pids[j] == slots.pids[i];
		if (own > most) {
			most = own;
			busiest = slots.pids[i];
		}
	}
	describe((pid_t)busiest, &stopped, text, sizeof text);
	snprintf(out, size, "all %zu places for readers of %s are taken, %zu of them by %s: end that process",
	    slots.count, store->paths.directory, most, text);
}
