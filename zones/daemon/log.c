#include "zones/daemon/log.h"

#include "zones/base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The stream's lock guards it. */
static bool within_line;

/* Is it the journal, as systemd says by device and inode? */
static bool
is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat file;

	return text != NULL && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &file) == 0 && file.st_dev == device && file.st_ino == inode;
}

static void
write_line(const char *line, size_t len)
{
	char time[32];
	struct iovec parts[] = {{time, 0}, {(void *)(uintptr_t)line, len}};

	if (!within_line) {
		wall_text(wall_ms(), time);
		parts[0].iov_len =
		    (size_t)snprintf(time + 23, sizeof time - 23, "Z ") + 23; /* milliseconds */
	}
	within_line = line[len - 1] != '\n';
	(void)!writev(STDERR_FILENO, parts, NITEMS(parts));
}

static ssize_t
on_write(void *cookie, const char *text, size_t len)
{
	(void)cookie;
	for (size_t at = 0, end; at < len; at = end) {
		const char *newline = memchr(text + at, '\n', len - at);

		end = newline != NULL ? (size_t)(newline - text) + 1 : len;
		write_line(text + at, end - at);
	}
	return (ssize_t)len; /* nobody can be told that the log is full */
}

void
log_start(void)
{
	FILE *stream =
	    is_journal() ? NULL : fopencookie(NULL, "w", (cookie_io_functions_t){.write = on_write});

	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IOLBF, 0);
	stderr = stream;
}
