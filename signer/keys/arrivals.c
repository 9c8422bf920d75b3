#include "signer/keys/arrivals.h"

#include "signer/keys/key.h"
#include "zones/base/array.h"
#include "zones/base/text.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MOST = 1 << 16 };

struct arrival {
	char *path;
	ino_t number; /* of the file: another one, or another time, is a newer state */
	struct timespec written;
	struct key_state state;
	bool readable, there, taken;
};

struct arrivals {
	char *directory;
	struct arrival *list;
	size_t count;
};

static char *
directory_of(const char *state)
{
	return xasprintf("%s/keys/.arrived", state);
}

/* The caller frees it. */
static char *
path_of(const char *state, const uint8_t *apex)
{
	char name[NAME_MAX_TEXT], *directory = key_directory(state, name_to_host(apex, name)),
				  *path = xasprintf("%s/keys/.arrived%s", state, strrchr(directory, '/'));

	free(directory);
	return path;
}

/* ---- writing ---- */

bool
arrival_put(const char *state, const struct key_state *key_state, struct problems *problems)
{
	char *directory = directory_of(state), *path = path_of(state, key_state->apex),
	     *state_text = key_state_write(key_state), *text = xasprintf("%s\n", state_text);
	bool good = (mkdir(directory, 0700) == 0 || errno == EEXIST) && text_replace_file(path, text, 0600);

	if (!good)
		problems_error(problems, "cannot write %s: %s", path, strerror(errno));
	free(text);
	free(state_text);
	free(path);
	free(directory);
	return good;
}

bool
arrival_waits(const char *state, const uint8_t *apex)
{
	char *path = path_of(state, apex);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* ---- reading ---- */

struct arrivals *
arrivals_new(const char *state)
{
	struct arrivals *arrivals = xcalloc(1, sizeof *arrivals);

	arrivals->directory = directory_of(state);
	return arrivals;
}

void
arrivals_free(struct arrivals *arrivals)
{
	if (arrivals == NULL)
		return;
	for (size_t i = 0; i < arrivals->count; i++)
		free(arrivals->list[i].path);
	free(arrivals->list);
	free(arrivals->directory);
	free(arrivals);
}

static void
read_state(struct arrival *arrival)
{
	struct problems problems = {0};
	char *text = xcalloc(1, TEXT_MOST);
	FILE *file = fopen(arrival->path, "re");

	if (file != NULL && fread(text, 1, TEXT_MOST - 1, file) > 0)
		arrival->readable = key_state_read(&arrival->state, text, &problems);
	if (file != NULL)
		fclose(file);
	if (problems.count > 0)
		warnx("%s: %s", arrival->path, problems.items[0].text);
	problems_free(&problems);
	free(text);
}

static bool
same_file(const struct arrival *arrival, const struct stat *info)
{
	return arrival->number == info->st_ino && arrival->written.tv_sec == info->st_mtim.tv_sec &&
	    arrival->written.tv_nsec == info->st_mtim.tv_nsec;
}

static struct arrival *
find_path(struct arrivals *arrivals, const char *path)
{
	for (size_t i = 0; i < arrivals->count; i++)
		if (strcmp(arrivals->list[i].path, path) == 0)
			return &arrivals->list[i];
	return NULL;
}

/* Returns true if the file is new. */
static bool
note_file(struct arrivals *arrivals, const char *name)
{
	char *path = xasprintf("%s/%s", arrivals->directory, name);
	struct arrival *arrival = find_path(arrivals, path);
	struct stat info;

	if (stat(path, &info) < 0 || (arrival != NULL && same_file(arrival, &info))) {
		if (arrival != NULL)
			arrival->there = true;
		free(path);
		return false;
	}
	if (arrival == NULL) {
		arrivals->list = array_grow(arrivals->list, arrivals->count, sizeof *arrivals->list);
		arrival = &arrivals->list[arrivals->count++];
		*arrival = (struct arrival){.path = xstrdup(path)};
	}
	free(path);
	arrival->number = info.st_ino;
	arrival->written = info.st_mtim;
	arrival->there = true;
	arrival->readable = arrival->taken = false;
	read_state(arrival);
	return true;
}

static void
drop(struct arrivals *arrivals, size_t i)
{
	free(arrivals->list[i].path);
	arrivals->list[i] = arrivals->list[--arrivals->count];
}

bool
arrivals_look(struct arrivals *arrivals)
{
	DIR *directory = opendir(arrivals->directory);
	struct dirent *entry;
	bool some = false;

	for (size_t i = 0; i < arrivals->count; i++)
		arrivals->list[i].there = false;
	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (*entry->d_name != '.') /* no name of a zone begins so */
			some |= note_file(arrivals, entry->d_name);
	if (directory != NULL)
		closedir(directory);
	for (size_t i = arrivals->count; i-- > 0;)
		if (!arrivals->list[i].there)
			drop(arrivals, i);
	return some;
}

const struct key_state *
arrivals_take(struct arrivals *arrivals, const uint8_t *apex)
{
	for (size_t i = 0; i < arrivals->count; i++) {
		struct arrival *arrival = &arrivals->list[i];

		if (!arrival->readable || !name_equal(arrival->state.apex, apex))
			continue;
		arrival->taken = true;
		return &arrival->state;
	}
	return NULL;
}

void
arrivals_done(struct arrivals *arrivals)
{
	for (size_t i = arrivals->count; i-- > 0;) {
		struct arrival *arrival = &arrivals->list[i];
		struct stat info;

		if (!arrival->taken)
			continue;
		/* One that came meanwhile is another file. */
		if (stat(arrival->path, &info) == 0 && same_file(arrival, &info))
			unlink(arrival->path);
		drop(arrivals, i);
	}
}

void
arrivals_again(struct arrivals *arrivals)
{
	for (size_t i = 0; i < arrivals->count; i++)
		arrivals->list[i].taken = false;
}
