/*
 * replay -- run a fuzz target over the files of directories: replay DIRECTORY ...
 *
 * A crash is a failed test program; its TAP reports that it came to its end.
 */
#include "zones/base/util.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
replay_file(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t room = 1 << 20, len;
	uint8_t *data = xmalloc(room), *exact;

	if (file == NULL)
		err(1, "%s", path);
	len = fread(data, 1, room, file);
	fclose(file);
	/* Nothing behind it, so that a sanitizer sees each octet that is read too far. */
	exact = xmemdup(data, len);
	free(data);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

int
main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **entries;
		int n = scandir(argv[i], &entries, NULL, alphasort);

		if (n < 0)
			err(1, "%s", argv[i]);
		for (int j = 0; j < n; j++) {
			if (entries[j]->d_name[0] != '.') {
				char *path = xasprintf("%s/%s", argv[i], entries[j]->d_name);

				replay_file(path);
				printf("ok %u - %s\n", ++count, path);
				fflush(stdout);
				free(path);
			}
			free(entries[j]);
		}
		free(entries);
	}
	printf("1..%u\n", count);
	return 0;
}
