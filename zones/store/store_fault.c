/*
 * LMDB rule 8: a page that cannot be read.
 *
 * A command then prints one sentence and exits with 1. A daemon continues: the rows that it has read stay in
 * use, and it reopens the store.
 */
#include "zones/store/page_trees.h"
#include "zones/store/store_inner.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STORES = 16, MAX_SPARED = 4 };

/* The address ranges of the open stores, and the sentence to print if a page there cannot be read. */
static struct fault_range {
	_Atomic uintptr_t start, end;
	_Atomic(atomic_bool *) torn; /* flag of the store */
	char sentence[PATH_MAX + 512];
} faults[MAX_STORES];

/* Maps of files that nothing depends on: if a page cannot be read, memory takes the place of the map. */
static struct fault_spared {
	_Atomic uintptr_t start;
	size_t octets;
	char sentence[PATH_MAX + 256];
} spared[MAX_SPARED];

static bool survives; /* true in a daemon */

static struct sigaction fault_before[2];

static void (*last_act)(void);

void
store_set_last_act(void (*act)(void))
{
	last_act = act;
}

void
store_end_process(void)
{
	if (last_act != NULL)
		last_act();
	_exit(1);
}

static void __attribute__((noreturn)) fault_die(const char *sentence)
{
	if (last_act != NULL) /* restore the terminal, so that the sentence stays visible */
		last_act();
	if (write(STDERR_FILENO, sentence, strlen(sentence)) < 0)
		_exit(2);
	_exit(1);
}

/* Called from a signal handler: mmap is a plain system call. */
static bool
spare(const struct fault_spared *range)
{
	void *start = (void *)atomic_load(&range->start);

	if (mmap(start, range->octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		0) == MAP_FAILED)
		return false;
	if (write(STDERR_FILENO, range->sentence, strlen(range->sentence)) < 0)
		return true; /* stderr is closed */
	return true;
}

void
store_spare_faults(void *map, size_t octets, const char *path)
{
	for (size_t i = 0; i < MAX_SPARED; i++) {
		uintptr_t none = 0;

		if (atomic_load(&spared[i].start) != 0)
			continue;
		spared[i].octets = octets;
		snprintf(spared[i].sentence, sizeof spared[i].sentence,
		    "%s: %s was truncated, or its disk is full or fails: from now on memory takes its "
		    "place\n",
		    program_invocation_short_name, path);
		if (atomic_compare_exchange_strong(&spared[i].start, &none, (uintptr_t)map))
			return;
	}
}

void
store_spare_no_more(void *map)
{
	for (size_t i = 0; i < MAX_SPARED; i++) {
		uintptr_t start = (uintptr_t)map;

		atomic_compare_exchange_strong(&spared[i].start, &start, 0);
	}
}

/*
 * Replace the faulting page with zeros. The read that faulted then returns zeros; its caller checks
 * store_torn before it uses the result.
 */
static bool
cover(uintptr_t at, size_t fault)
{
	uintptr_t page = at & ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);
	atomic_bool *torn = atomic_load(&faults[fault].torn);

	if (torn != NULL)
		atomic_store(torn, true);
	return mmap((void *)page, (size_t)sysconf(_SC_PAGESIZE),
		   PROT_READ, /* NOLINT: the address of the fault */
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void
fault_handler(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)context;
	/* Escape for any other address, too: LMDB followed a damaged page. */
	store_call_escape();
	for (size_t i = 0; i < MAX_STORES; i++) {
		if (at < atomic_load(&faults[i].start) || at >= atomic_load(&faults[i].end))
			continue;
		if (!survives || !cover(at, i))
			fault_die(faults[i].sentence);
		return;
	}
	for (size_t i = 0; i < MAX_SPARED; i++)
		if (atomic_load(&spared[i].start) != 0 &&
		    at - atomic_load(&spared[i].start) < spared[i].octets && spare(&spared[i]))
			return;
	/* Not a fault of a store: restore the previous handler, which runs when the fault repeats at once. */
	sigaction(number, &fault_before[number == SIGBUS], NULL);
}

/* Checks the newest pages, which other processes do not change while they stay the newest. */
static bool
is_damaged(const struct fault_range *range)
{
	const uint8_t *map = (const uint8_t *)atomic_load(&range->start);
	uintptr_t end = atomic_load(&range->end);
	enum page_trees_state state;
	struct page_trees trees;
	uint64_t newest;
	size_t octets;

	if (end <= (uintptr_t)map)
		return false;
	octets = end - (uintptr_t)map;
	newest = page_trees_newest(map, octets);
	state = page_trees_begin(&trees, map, octets, newest, PAGE_TREES_ALL);
	page_trees_end(&trees);
	return state == PAGE_TREES_DAMAGED && page_trees_newest(map, octets) == newest;
}

/*
 * SIGABRT: the C library found that memory was overwritten. In a call of LMDB that comes from damaged pages.
 * It may be noticed later: then it comes from damaged pages if a store that a command has open has any.
 */
static void
abort_handler(int number)
{
	(void)number;
	if (store_call_running())
		store_die_of_damage();
	for (size_t i = 0; i < MAX_STORES && !survives; i++)
		if (is_damaged(&faults[i]))
			fault_die(faults[i].sentence);
}

void
store_catch_faults(bool survive)
{
	/* SA_NODEFER: the handler may leave by a jump, so no signal may stay blocked. */
	struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO | SA_NODEFER};

	survives = survive;
	signal(SIGABRT, abort_handler);

	sigaction(SIGSEGV, &action, &fault_before[0]);
	sigaction(SIGBUS, &action, &fault_before[1]);
}

/* Each open has its own map, because a process (at least a test) may open a store twice. */
static bool
is_anothers(uintptr_t start, int fault)
{
	for (int i = 0; i < MAX_STORES; i++)
		if (i != fault && atomic_load(&faults[i].start) == start)
			return true;
	return false;
}

/* LMDB does not report the address of its map: ask the kernel. */
void
store_fault_find_map(struct store *store)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128];
	unsigned long start, end, inode;
	mdb_filehandle_t fd;
	struct stat st;

	if (maps == NULL || mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0)
		goto out;
	while (fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode) == 3 &&
		    inode == st.st_ino && strstr(line, "data.mdb") != NULL &&
		    !is_anothers(start, store->fault)) {
			atomic_store(&faults[store->fault].start, start);
			atomic_store(&faults[store->fault].end, end);
		}
out:
	if (maps != NULL)
		fclose(maps);
}

void
store_unload(const struct store *store)
{
	uintptr_t start, end;

	if (store->fault < 0)
		return;
	start = atomic_load(&faults[store->fault].start);
	end = atomic_load(&faults[store->fault].end);
	if (end > start)
		madvise((void *)start, end - start, MADV_DONTNEED);
}

void
store_fault_register(struct store *store)
{
	for (int i = 0; i < MAX_STORES; i++) {
		uintptr_t none = 0;

		if (!atomic_compare_exchange_strong(&faults[i].start, &none, UINTPTR_MAX))
			continue;
		atomic_store(&faults[i].end, 0);
		snprintf(faults[i].sentence, sizeof faults[i].sentence,
		    "%s: %s is damaged, or its disk fails: %s\n", program_invocation_short_name,
		    store->paths.data, store_kind_cure(store->kind));
		atomic_store(&faults[i].torn, &store->torn);
		store->fault = i;
		store_fault_find_map(store);
		return;
	}
}

void
store_fault_forget(struct store *store)
{
	if (store->fault < 0)
		return;
	atomic_store(&faults[store->fault].end, 0);
	atomic_store(&faults[store->fault].torn, NULL);
	atomic_store(&faults[store->fault].start, 0);
	store->fault = -1;
}

void
store_damage_found(const struct store *store)
{
	if (!survives)
		fault_die(store->fault >= 0 ? faults[store->fault].sentence : "a store is damaged\n");
}

void
store_die_of_damage(void)
{
	for (size_t i = 0; i < MAX_STORES; i++)
		if (atomic_load(&faults[i].end) != 0)
			fault_die(faults[i].sentence);
	fault_die("a store is damaged\n");
}

void
store_fault_release(const struct store *store)
{
	uintptr_t start, end;

	if (store->fault < 0)
		return;
	start = atomic_load(&faults[store->fault].start);
	end = atomic_load(&faults[store->fault].end);
	if (end > start && start != UINTPTR_MAX)
		madvise((void *)start, end - start, MADV_DONTNEED);
}

bool
store_fault_map(const struct store *store, const uint8_t **map, size_t *octets)
{
	uintptr_t start, end;

	if (store->fault < 0)
		return false;
	start = atomic_load(&faults[store->fault].start);
	end = atomic_load(&faults[store->fault].end);
	*map = (const uint8_t *)start;
	*octets = end - start;
	return end > start && start != UINTPTR_MAX;
}

bool
store_fault_within(const struct store *store, const void *data, size_t len)
{
	uintptr_t at = (uintptr_t)data, start, end;

	if (store->fault < 0)
		return true;
	start = atomic_load(&faults[store->fault].start);
	end = atomic_load(&faults[store->fault].end);
	/* If the map was not found, nothing can be concluded. */
	return end == 0 || start == UINTPTR_MAX || (at >= start && at <= end && len <= end - at);
}

void
store_assertion_failed(MDB_env *env, const char *message)
{
	const struct store *store = mdb_env_get_userctx(env);

	(void)message;
	store_call_escape();
	fault_die(store->fault >= 0 ? faults[store->fault].sentence : "a store is damaged\n");
}
