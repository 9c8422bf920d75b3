#include "zones/base/text.h"

#include "zones/base/array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct stream {
	char **text;
	size_t *len;
};

static ssize_t
on_write(void *cookie, const char *octets, size_t count)
{
	const struct stream *stream = cookie;

	*stream->text = array_grow_by(*stream->text, *stream->len + 1, count, 1);
	memcpy(*stream->text + *stream->len, octets, count);
	*stream->len += count;
	(*stream->text)[*stream->len] = '\0';
	return (ssize_t)count;
}

/* For ftell: a stream is written from its beginning to its end. */
static int
on_seek(void *cookie, off64_t *offset, int whence)
{
	const struct stream *stream = cookie;

	if (whence == SEEK_SET || *offset != 0)
		return -1;
	*offset = (off64_t)*stream->len;
	return 0;
}

static int
on_close(void *cookie)
{
	free(cookie);
	return 0;
}

FILE *
text_stream(char **text, size_t *len)
{
	struct stream *stream = xmalloc(sizeof *stream);
	const cookie_io_functions_t functions = {.write = on_write, .seek = on_seek, .close = on_close};
	FILE *file = fopencookie(stream, "w", functions);

	if (file == NULL)
		memory_exhausted(0);
	*stream = (struct stream){text, len};
	*text = array_grow(NULL, 0, 1);
	**text = '\0';
	*len = 0;
	return file;
}

FILE *
text_spool(const char *directory)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "r+") : NULL;

	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

ssize_t
text_line(char **line, size_t *room, FILE *file)
{
	ssize_t len;

	errno = 0;
	len = getline(line, room, file);
	if (len < 0 && errno == ENOMEM)
		memory_exhausted(0);
	return len;
}

bool
text_has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
		if ((size_t)(end - text) == len && memcmp(text, line, len) == 0)
			return true;
	return false;
}

char *
xvasprintf(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		memory_exhausted(0);
	return text;
}

/* ---- files ---- */

/* A new file, which this process holds until it is closed: then nobody takes it for one that was left. */
static int
create_held(const char *path, mode_t mode)
{
	struct stat info;
	int fd;

	do {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX) != 0 || fstat(fd, &info) != 0) {
			close(fd);
			return -1;
		}
		if (info.st_nlink == 0) /* it was deleted before it was held */
			close(fd);
	} while (info.st_nlink == 0);
	return fd;
}

/* Write the text to a file, and put that in the place of another one. */
static int
write_through(const char *made, const char *path, const char *text, mode_t mode)
{
	size_t len = strlen(text);
	int fd = create_held(made, mode), error = 0;
	ssize_t written;

	if (fd < 0)
		return errno;
	written = write(fd, text, len);
	if (written < 0 || fsync(fd) != 0)
		error = errno;
	else if ((size_t)written != len)
		error = ENOSPC;
	else if (rename(made, path) != 0)
		error = errno;
	if (error != 0)
		unlink(made);
	close(fd);
	return error;
}

/* Is it .NAME.PID? */
static bool
is_made_for(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return entry[0] == '.' && strncmp(entry + 1, name, len) == 0 && entry[1 + len] == '.' &&
	    entry[2 + len] != '\0' && entry[2 + len + strspn(entry + 2 + len, "0123456789")] == '\0';
}

/* Delete a file that nobody holds. */
static void
delete_left(int folder, const char *entry)
{
	int fd = openat(folder, entry, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat held, there;

	if (fd < 0)
		return;
	/* Its writer may have put it into its place, and made another one. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 &&
	    fstatat(folder, entry, &there, AT_SYMLINK_NOFOLLOW) == 0 && held.st_ino == there.st_ino &&
	    held.st_dev == there.st_dev)
		unlinkat(folder, entry, 0);
	close(fd);
}

/* Delete what writers of a name left that were killed. */
static void
sweep(const char *folder, const char *name)
{
	DIR *list = opendir(folder);
	struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL)
		if (is_made_for(entry->d_name, name))
			delete_left(dirfd(list), entry->d_name);
	if (list != NULL)
		closedir(list);
}

/* Its entry is on the disk, too. */
static int
sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0)
		return errno;
	error = fsync(fd) != 0 ? errno : 0;
	close(fd);
	return error;
}

bool
text_replace_file(const char *path, const char *text, mode_t mode)
{
	const char *name = strrchr(path, '/') + 1;
	char *folder = xasprintf("%.*s", (int)(name - path - 1), path),
	     *made = xasprintf("%s/.%s.%d", folder, name, (int)getpid());
	int error;

	sweep(folder, name);
	error = write_through(made, path, text, mode);
	if (error == 0)
		error = sync_folder(folder);
	free(made);
	free(folder);
	errno = error;
	return error == 0;
}
