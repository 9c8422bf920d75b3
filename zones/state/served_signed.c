#include "zones/state/served_signed.h"

#include "zones/base/text.h"
#include "zones/base/util.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct served_signed {
	char *path, *names;
	bool logged; /* that it cannot be written */
};

static char *
read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;
	char *text;
	ssize_t got = -1;

	if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
		info.st_size = 0;
	text = xcalloc(1, (size_t)info.st_size + 1);
	if (info.st_size > 0)
		got = read(fd, text, (size_t)info.st_size);
	if (got != info.st_size || strlen(text) != (size_t)info.st_size)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

struct served_signed *
served_signed_new(const char *state)
{
	struct served_signed *served = xcalloc(1, sizeof *served);

	served->path = xasprintf("%s/serving/signed", state);
	served->names = read_text(served->path);
	return served;
}

void
served_signed_free(struct served_signed *served)
{
	if (served == NULL)
		return;
	free(served->path);
	free(served->names);
	free(served);
}

bool
served_signed_has(const char *state, const char *zone)
{
	char *path = xasprintf("%s/serving/signed", state), *names = read_text(path);
	bool has = text_has_line(names, zone);

	free(path);
	free(names);
	return has;
}

const char *
served_signed_names(const struct served_signed *served)
{
	return served->names;
}

bool
served_signed_write(struct served_signed *served, const char *names)
{
	bool good;

	if (strcmp(served->names, names) == 0)
		return true;
	good = text_replace_file(served->path, names, 0640);
	if (good) {
		free(served->names);
		served->names = xstrdup(names);
	} else if (!served->logged) {
		warnx("cannot write %s: %s; it has the zones that are answered signed, for a start after "
		      "their signatures were lost",
		    served->path, strerror(errno));
	}
	served->logged = !good;
	return good;
}
