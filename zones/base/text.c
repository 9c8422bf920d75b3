#include "zones/base/text.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static int
write_through(const char *path, const char *text, mode_t mode)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode), error = 0;
	ssize_t written;

	if (fd < 0)
		return errno;
	written = write(fd, text, len);
	if (written < 0 || fsync(fd) != 0)
		error = errno;
	else if ((size_t)written != len)
		error = ENOSPC;
	close(fd);
	return error;
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
	int error = write_through(made, text, mode);

	if (error == 0 && rename(made, path) != 0)
		error = errno;
	if (error != 0)
		unlink(made);
	else
		error = sync_folder(folder);
	free(made);
	free(folder);
	errno = error;
	return error == 0;
}
