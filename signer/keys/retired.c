#include "signer/keys/retired.h"

#include "signer/keys/key.h"
#include "zones/base/array.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PRIVATE ".private.retired"

enum { TEXT_MOST = 4096 };

struct retired_file {
	char *name;
	struct timespec written;
};

/* A file beside another name without its ending; "" if it cannot be read. The caller frees it. */
static char *
read_beside(const char *directory, const char *name, const char *ending)
{
	size_t stem = strlen(name) - strlen(PRIVATE);
	char *path = xasprintf("%s/%.*s%s", directory, (int)stem, name, ending),
	     *text = xcalloc(1, TEXT_MOST);
	FILE *file = fopen(path, "re");

	if (file != NULL) {
		text[fread(text, 1, TEXT_MOST - 1, file)] = '\0';
		fclose(file);
	}
	free(path);
	return text;
}

/* The DNSKEY of a public file. */
static bool
read_public(const char *directory, const char *name, const struct key_state *state, struct signing_key *row)
{
	char *text = read_beside(directory, name, ".key.retired"), *rest;
	uint8_t owner[NAME_MAX_LEN];
	bool good = false;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL && !good;
	     line = strtok_r(NULL, "\n", &rest))
		good = *line != ';' && key_read_public(line, owner, row) && name_equal(owner, state->apex) &&
		    key_algorithm_known(row->algorithm);
	free(text);
	return good;
}

/* If the public file is gone, the private one has it all but the flags. */
static bool
read_private(const char *directory, const char *name, const struct key_state *state, struct signing_key *row)
{
	char *text = read_beside(directory, name, PRIVATE);
	unsigned algorithm;
	struct key *key = key_read(state->apex, text, DNSKEY_ZONE | DNSKEY_SEP, &algorithm);
	bool good = key != NULL;

	if (good)
		key_describe(key, row);
	key_free(key);
	explicit_bzero(text, TEXT_MOST);
	free(text);
	return good;
}

static int
newest_first(const void *a, const void *b)
{
	const struct retired_file *one = a, *other = b;

	if (one->written.tv_sec != other->written.tv_sec)
		return one->written.tv_sec > other->written.tv_sec ? -1 : 1;
	if (one->written.tv_nsec != other->written.tv_nsec)
		return one->written.tv_nsec > other->written.tv_nsec ? -1 : 1;
	return strcmp(one->name, other->name);
}

static struct retired_file *
list_files(const char *directory, size_t *count)
{
	DIR *list = opendir(directory);
	struct retired_file *files = NULL;
	struct dirent *entry;
	struct stat info;

	*count = 0;
	while (list != NULL && (entry = readdir(list)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < strlen(PRIVATE) || strcmp(entry->d_name + len - strlen(PRIVATE), PRIVATE) != 0 ||
		    fstatat(dirfd(list), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(info.st_mode))
			continue;
		files = array_grow(files, *count, sizeof *files);
		files[(*count)++] = (struct retired_file){xstrdup(entry->d_name), info.st_mtim};
	}
	if (list != NULL)
		closedir(list);
	if (*count > 0)
		qsort(files, *count, sizeof *files, newest_first);
	return files;
}

void
retired_read(const char *directory, struct key_state *state)
{
	size_t count;
	struct retired_file *files = list_files(directory, &count);

	for (size_t i = 0; i < count; i++) {
		struct signing_key row;

		if (state->nformer < KEY_STATE_FORMER &&
		    (read_public(directory, files[i].name, state, &row) ||
			read_private(directory, files[i].name, state, &row)))
			key_state_add_former(state, &row);
		free(files[i].name);
	}
	free(files);
}
