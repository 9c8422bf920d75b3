/* LMDB rule 8: a page that cannot be read is one sentence and exit 1. */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STORES = 16, MAX_SPARED = 2 };

/* Where the stores are mapped, and what to say when a page there cannot be read. */
static struct fault_range {
	_Atomic uintptr_t start, end;
	char sentence[PATH_MAX + 512];
} faults[MAX_STORES];

/* Maps of files that nothing depends on: memory takes the place of pages that cannot be had. */
static struct fault_spared {
	_Atomic uintptr_t start;
	size_t octets;
	char sentence[PATH_MAX + 256];
} spared[MAX_SPARED];

static struct sigaction fault_before[2];

static void __attribute__((noreturn)) fault_die(const char *sentence)
{
	if (write(STDERR_FILENO, sentence, strlen(sentence)) < 0)
		_exit(2);
	_exit(1);
}

/* For a signal handler: mmap is a plain system call. */
static bool
spare(const struct fault_spared *range)
{
	void *start = (void *)atomic_load(&range->start);

	if (mmap(start, range->octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		0) == MAP_FAILED)
		return false;
	if (write(STDERR_FILENO, range->sentence, strlen(range->sentence)) < 0)
		return true; /* nobody reads it */
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

static void
fault_handler(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	(void)context;
	for (size_t i = 0; i < MAX_STORES; i++)
		if (at >= atomic_load(&faults[i].start) && at < atomic_load(&faults[i].end))
			fault_die(faults[i].sentence);
	for (size_t i = 0; i < MAX_SPARED; i++)
		if (atomic_load(&spared[i].start) != 0 &&
		    at - atomic_load(&spared[i].start) < spared[i].octets && spare(&spared[i]))
			return;
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
		    inode == st.st_ino && strstr(line, "data.mdb") != NULL) {
			atomic_store(&faults[store->fault].start, start);
			atomic_store(&faults[store->fault].end, end);
		}
out:
	if (maps != NULL)
		fclose(maps);
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
	atomic_store(&faults[store->fault].start, 0);
	store->fault = -1;
}

void
store_die_of_damage(const struct store *store)
{
	fault_die(store->fault >= 0 ? faults[store->fault].sentence : "a store is damaged\n");
}

void
store_assertion_failed(MDB_env *env, const char *message)
{
	(void)message;
	store_die_of_damage(mdb_env_get_userctx(env));
}
