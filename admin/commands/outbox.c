#include "admin/commands/outbox.h"

#include "zones/base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { IN_MEMORY = 1 << 20, CHUNK = 1 << 16 };

struct outbox {
	uint8_t *memory; /* the octets behind those in the file */
	size_t in_memory;
	int fd;           /* -1: none */
	uint64_t in_file; /* octets */
	char *reason;     /* why octets were lost; NULL: none were */
};

struct outbox *
outbox_new(void)
{
	struct outbox *outbox = xcalloc(1, sizeof *outbox);

	outbox->memory = xmalloc(IN_MEMORY);
	outbox->fd = -1;
	return outbox;
}

void
outbox_free(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	if (outbox->fd >= 0)
		close(outbox->fd);
	free(outbox->memory);
	free(outbox->reason);
	free(outbox);
}

static const char *
directory(void)
{
	const char *given = getenv("TMPDIR");

	return given != NULL && *given != '\0' ? given : "/var/tmp";
}

/* A file system without O_TMPFILE has a name for it, for a moment. */
static int
open_file(void)
{
	int fd = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	path = xasprintf("%s/graycloud-XXXXXX", directory());
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

static void
lose(struct outbox *outbox)
{
	if (outbox->reason == NULL)
		outbox->reason = xasprintf("a file in %s, where what is sent waits, cannot be written: %s: "
					   "make room, or set TMPDIR to another directory",
		    directory(), strerror(errno));
}

/* Move what is in memory to the file. */
static void
spill(struct outbox *outbox)
{
	size_t done = 0;
	ssize_t some = 1;

	if (outbox->fd < 0)
		outbox->fd = open_file();
	while (outbox->fd >= 0 && done < outbox->in_memory && some > 0) {
		some = pwrite(outbox->fd, outbox->memory + done, outbox->in_memory - done,
		    (off_t)(outbox->in_file + done));
		done += some > 0 ? (size_t)some : 0;
	}
	if (done < outbox->in_memory)
		lose(outbox);
	outbox->in_file += outbox->in_memory;
	outbox->in_memory = 0;
}

void
outbox_put(struct outbox *outbox, const void *octets, size_t len)
{
	while (len > 0) {
		size_t part = MIN(len, IN_MEMORY - outbox->in_memory);

		memcpy(outbox->memory + outbox->in_memory, octets, part);
		outbox->in_memory += part;
		octets = (const uint8_t *)octets + part;
		len -= part;
		if (outbox->in_memory == IN_MEMORY)
			spill(outbox);
	}
}

uint64_t
outbox_len(const struct outbox *outbox)
{
	return outbox->in_file + outbox->in_memory;
}

void
outbox_cut(struct outbox *outbox, uint64_t len)
{
	if (len >= outbox->in_file) {
		outbox->in_memory = (size_t)(len - outbox->in_file);
		return;
	}
	outbox->in_memory = 0;
	outbox->in_file = len;
}

bool
outbox_good(const struct outbox *outbox, const char **reason)
{
	*reason = outbox->reason;
	return outbox->reason == NULL;
}

/* Read octets that are in the file, or in memory. Returns their number; 0: they cannot be read. */
static size_t
read_part(const struct outbox *outbox, uint64_t from, uint8_t *out, size_t len)
{
	ssize_t got;

	if (from >= outbox->in_file) {
		memcpy(out, outbox->memory + (from - outbox->in_file), len);
		return len;
	}
	got = pread(outbox->fd, out, (size_t)MIN(len, outbox->in_file - from), (off_t)from);
	return got > 0 ? (size_t)got : 0;
}

bool
outbox_send(struct outbox *outbox, uint64_t from, uint64_t len, FILE *out)
{
	uint8_t *octets = xmalloc(CHUNK);
	size_t got = 1;

	while (len > 0 && got > 0) {
		got = read_part(outbox, from, octets, (size_t)MIN(len, (uint64_t)CHUNK));
		if (fwrite(octets, 1, got, out) != got)
			break;
		from += got;
		len -= got;
	}
	free(octets);
	return len == 0;
}
