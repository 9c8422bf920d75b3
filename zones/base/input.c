#include "zones/base/input.h"

#include "zones/base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kept {
	struct kept *next;
	const char *path;
	int fd;
} * kept_files;
static bool as_root;

static void
keep(const char *path)
{
	int fd = *path != '\0' ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	struct stat file;
	struct kept *kept;

	if (fd < 0)
		return;
	if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
		close(fd);
		return;
	}
	kept = xcalloc(1, sizeof *kept);
	*kept = (struct kept){kept_files, path, fd};
	kept_files = kept;
}

void
input_keep(int argc, char **argv)
{
	as_root = geteuid() == 0;
	for (int i = 1; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		keep(argv[i]);
		if (value != NULL)
			keep(value + 1 + (value[1] == '@'));
	}
}

static const struct kept *
find_kept(const char *path)
{
	for (const struct kept *kept = kept_files; kept != NULL; kept = kept->next)
		if (strcmp(kept->path, path) == 0)
			return kept;
	return NULL;
}

bool
input_mode(const char *path, struct stat *out)
{
	const struct kept *kept = find_kept(path);

	return kept != NULL ? fstat(kept->fd, out) == 0 : stat(path, out) == 0;
}

/*
 * Duplicates of one descriptor share a file offset. Copy the kept file, so that each reader has its own
 * offset.
 */
static int
copy_of(int from)
{
	int to = memfd_create("input", MFD_CLOEXEC);
	char octets[65536];
	off_t at = 0;
	ssize_t got;

	if (to < 0)
		return -1;
	while ((got = pread(from, octets, sizeof octets, at)) > 0) {
		if (write(to, octets, (size_t)got) != got) {
			got = -1;
			break;
		}
		at += got;
	}
	if (got < 0 || lseek(to, 0, SEEK_SET) < 0) {
		close(to);
		return -1;
	}
	return to;
}

int
input_descriptor(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct kept *kept;

	if (fd >= 0 || errno != EACCES || (kept = find_kept(path)) == NULL)
		return fd;
	return copy_of(kept->fd);
}

FILE *
input_open(const char *path)
{
	int fd = input_descriptor(path);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && file == NULL)
		close(fd);
	return file;
}

const char *
input_hint(int error)
{
	return error == EACCES && as_root && geteuid() != 0
	    ? "; this program runs as the owner of the state directory: let that user read the file, name it "
	      "on "
	      "the command line, or give it on standard input"
	    : "";
}

static int output = -1;

bool
output_create(const char *path)
{
	output = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return output >= 0;
}

int
output_descriptor(void)
{
	int fd = output;

	output = -1;
	return fd;
}
