#include "signer/import/keyless.h"

#include "signer/import/claim.h"
#include "zones/state/zone_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
place_of(const char *state, const char *zone)
{
	return zone_folder(state, "keyless", zone);
}

static char *
next_of(const char *state, const char *zone)
{
	char *place = place_of(state, zone), *path = xasprintf("%s/next", place);

	free(place);
	return path;
}

static bool
exists(char *path)
{
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

bool
keyless_has(const char *state, const char *zone)
{
	return zone_folder_has(state, "keyless", zone);
}

/* ---- marks ---- */

static bool
has_keys(const char *state, const char *zone, struct problems *problems)
{
	char *directory = zone_folder(state, "keys", zone);
	DIR *list = opendir(directory);
	struct dirent *entry;
	bool some = false;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');

		some |= end != NULL && strcmp(end, ".private") == 0;
	}
	if (some)
		problems_error(problems,
		    "the keys of zone %s are here, in %s: if another node has them (`graycloud dnssec keys "
		    "export "
		    "%s`), delete this directory first",
		    zone, directory, zone);
	if (list != NULL)
		closedir(list);
	free(directory);
	return some;
}

bool
keyless_mark(const char *state, const char *zone, struct problems *problems)
{
	char *all = xasprintf("%s/keyless", state), *place = place_of(state, zone);
	bool good = !has_keys(state, zone, problems) && zone_folder_make(all, problems) &&
	    zone_folder_make(place, problems);

	free(all);
	free(place);
	return good;
}

bool
keyless_unmark(const char *state, const char *zone, struct problems *problems)
{
	char *place = place_of(state, zone);
	bool good;

	keyless_done(state, zone);
	claim_delete(state, zone);
	good = rmdir(place) == 0 || errno == ENOENT;
	if (!good)
		problems_error(problems, "cannot remove %s: %s", place, strerror(errno));
	free(place);
	return good;
}

/* ---- what comes ---- */

int
keyless_watch(const char *state)
{
	char *all = xasprintf("%s/keyless", state);
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	mkdir(all, 0700);
	/* A shipment is made beside the directories of zones, and moved into one. */
	if (fd >= 0 && inotify_add_watch(fd, all, IN_CREATE | IN_DELETE | IN_MOVED_FROM) < 0) {
		close(fd);
		fd = -1;
	}
	free(all);
	return fd;
}

void
keyless_watch_clear(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof events) > 0)
		;
}

bool
keyless_waiting(const char *state)
{
	char *all = xasprintf("%s/keyless", state);
	DIR *list = opendir(all);
	struct dirent *entry;
	bool some = false;

	while (list != NULL && !some && (entry = readdir(list)) != NULL)
		some = *entry->d_name != '.' && exists(xasprintf("%s/%s/next", all, entry->d_name));
	if (list != NULL)
		closedir(list);
	free(all);
	return some;
}

int
keyless_put(const char *state, const char *zone, const char *file)
{
	char *next = next_of(state, zone);
	int rc = renameat2(AT_FDCWD, file, AT_FDCWD, next, RENAME_NOREPLACE) == 0 ? 0 : -errno;

	free(next);
	return rc;
}

bool
keyless_open(const char *state, const char *zone, struct bytes *octets)
{
	char *next = next_of(state, zone);
	bool there = keyless_map(next, octets);

	free(next);
	return there;
}

bool
keyless_map(const char *file, struct bytes *octets)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat info;

	*octets = (struct bytes){NULL, 0};
	if (fd < 0)
		return false;
	if (fstat(fd, &info) == 0 && info.st_size > 0) {
		void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (map != MAP_FAILED)
			*octets = (struct bytes){map, (size_t)info.st_size};
	}
	close(fd);
	return true;
}

void
keyless_close(struct bytes *octets)
{
	if (octets->data != NULL)
		munmap((void *)(uintptr_t)octets->data, octets->len);
	*octets = (struct bytes){NULL, 0};
}

void
keyless_done(const char *state, const char *zone)
{
	char *next = next_of(state, zone);

	unlink(next);
	free(next);
}

bool
keyless_is_waiting(const char *state, const char *zone)
{
	return exists(next_of(state, zone));
}
