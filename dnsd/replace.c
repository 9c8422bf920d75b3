#include "dnsd/replace.h"

#include "zones/base/util.h"
#include "zones/daemon/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char magic[8] = REPLACE_MAGIC;

int
replace_step_ms(void)
{
	const char *text = getenv("GRAYCLOUD_REPLACE_MS");
	uint64_t value;

	return text != NULL && whole_from_text(text, REPLACE_STEP_MS, &value) && value > 0 ? (int)value
											   : REPLACE_STEP_MS;
}

int
replace_send(int fd, const struct replace_message *message, const int *fds, size_t count, const void *input,
    size_t len)
{
	uint8_t *octets = xmalloc(sizeof *message + len);
	struct replace_message head = *message;
	int error;

	memcpy(head.magic, magic, sizeof magic);
	head.version = REPLACE_VERSION;
	memcpy(octets, &head, sizeof head);
	if (len > 0)
		memcpy(octets + sizeof head, input, len);
	error = channel_send(fd, octets, sizeof head + len, fds, count);
	free(octets);
	return error;
}

bool
replace_receive(int fd, struct replace_received *received, int *error)
{
	uint8_t *octets = xmalloc(sizeof received->message + REPLACE_INPUT);
	ssize_t len;

	received->count = NITEMS(received->fds);
	len = channel_receive(
	    fd, octets, sizeof received->message + REPLACE_INPUT, received->fds, &received->count);
	*error = len <= 0 ? (int)len : 0;
	if (len > 0 && (size_t)len < sizeof received->message)
		*error = -EPROTO;
	if (len > 0 && *error == 0) {
		memcpy(&received->message, octets, sizeof received->message);
		received->message.name[sizeof received->message.name - 1] = '\0';
		received->len = (size_t)len - sizeof received->message;
		memcpy(received->input, octets + sizeof received->message, received->len);
		if (memcmp(received->message.magic, magic, sizeof magic) != 0 ||
		    (received->message.version != REPLACE_VERSION &&
			received->message.kind != REPLACE_HELLO && received->message.kind != REPLACE_REFUSED))
			*error = -EPROTO;
	}
	free(octets);
	if (len > 0 && *error == 0)
		return true;
	while (received->count > 0)
		close(received->fds[--received->count]);
	return false;
}
