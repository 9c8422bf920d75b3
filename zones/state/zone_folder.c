#include "zones/state/zone_folder.h"

#include "zones/base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *
zone_folder(const char *state, const char *folder, const char *zone)
{
	char *path = xmalloc(strlen(state) + strlen(folder) + 3 * strlen(zone) + 3),
	     *at = path + sprintf(path, "%s/%s/", state, folder);

	/* Only the root begins with a dot: keys/. would be the folder of all. */
	for (const char *from = zone; *from != '\0'; from++)
		at += sprintf(at,
		    *from == '/' || *from == '%' || (*from == '.' && from == zone) ? "%%%02X" : "%c",
		    (unsigned char)*from);
	*at = '\0';
	return path;
}

bool
zone_folder_make(const char *path, struct problems *problems)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	problems_error(problems, "cannot create %s: %s", path, strerror(errno));
	return false;
}

bool
zone_folder_write(const char *directory, const char *path, const char *text)
{
	char *new = xasprintf("%s/.new.%d", directory, (int)getpid());
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && dprintf(fd, "%s\n", text) > 0 && fsync(fd) == 0 && rename(new, path) == 0;
	int error = errno;

	if (!good)
		unlink(new);
	if (fd >= 0)
		close(fd);
	if (good && (fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		good = fsync(fd) == 0;
		close(fd);
	}
	free(new);
	errno = error;
	return good;
}
