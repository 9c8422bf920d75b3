#include "zones/state/zone_folder.h"

#include "zones/base/util.h"

#include <errno.h>
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
zone_folder_has(const char *state, const char *folder, const char *zone)
{
	char *path = zone_folder(state, folder, zone);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

bool
zone_folder_make(const char *path, struct problems *problems)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	problems_error(problems, "cannot create %s: %s", path, strerror(errno));
	return false;
}
