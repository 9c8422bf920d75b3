#include "zones/daemon/log.h"

#include "zones/base/util.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * Protects the line that is being written. The lock of stdio would suffice, but ThreadSanitizer does not know
 * it.
 */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char line[4096];
static size_t line_len;
static bool goes_on; /* the line was too long, and its beginning is already written */

/* True if fd is the journal: systemd passes its device and inode. */
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
write_line(void)
{
	char time[32];
	struct iovec parts[] = {{time, 0}, {line, line_len}};

	if (!goes_on) {
		wall_text(wall_ms(), time);
		parts[0].iov_len =
		    (size_t)snprintf(time + 23, sizeof time - 23, "Z ") + 23; /* milliseconds */
	}
	goes_on = line[line_len - 1] != '\n';
	line_len = 0;
	(void)!writev(STDERR_FILENO, parts, NITEMS(parts));
}

/* The stream has no buffer, so this receives fragments of lines. */
static ssize_t
on_write(void *cookie, const char *text, size_t len)
{
	(void)cookie;
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < len; i++) {
		line[line_len++] = text[i];
		if (text[i] == '\n' || line_len == sizeof line)
			write_line();
	}
	pthread_mutex_unlock(&mutex);
	return (ssize_t)len; /* there is no place to report that the log is full */
}

void
log_start(void)
{
	FILE *stream =
	    is_journal() ? NULL : fopencookie(NULL, "w", (cookie_io_functions_t){.write = on_write});

	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IONBF, 0);
	stderr = stream;
}
