#include "admin/api/sending.h"

#include "admin/api/connections.h"
#include "zones/base/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct sending {
	struct exchange *exchange;
	FILE *file;
	long long left;
};

static void
end(struct sending *sending, bool whole)
{
	exchange_end(sending->exchange, whole);
	fclose(sending->file);
	free(sending);
}

/* The client has taken the last piece. */
static void
send_piece(void *arg)
{
	enum { PIECE = 65536 };
	struct sending *sending = arg;
	char *piece = xmalloc(PIECE);
	size_t len = fread(piece, 1, (size_t)MIN(sending->left, (long long)PIECE), sending->file);

	exchange_send(sending->exchange, piece, len);
	free(piece);
	sending->left -= (long long)len;
	if (len == 0 || sending->left == 0)
		end(sending, sending->left == 0);
}

static void
gone(void *arg)
{
	end(arg, false);
}

void
sending_file(struct exchange *exchange, FILE *file, const char *type, const char *name)
{
	struct sending *sending = xcalloc(1, sizeof *sending);
	struct stat stat = {0};

	fstat(fileno(file), &stat);
	rewind(file);
	*sending = (struct sending){exchange, file, stat.st_size};
	exchange_header(exchange, "Content-Type", "%s", type);
	if (name != NULL)
		exchange_header(exchange, "Content-Disposition", "attachment; filename=\"%s\"", name);
	exchange_begin(exchange, 200, stat.st_size, send_piece, gone, sending);
	/* The client has gone, or takes no body. */
	if (exchange_untaken(exchange) == 0 || strcmp(exchange_head(exchange)->method, "HEAD") == 0)
		end(sending, true);
}
