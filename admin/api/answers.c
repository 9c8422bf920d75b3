#include "admin/api/answers.h"

#include "zones/base/array.h"
#include "zones/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_S = 3, AGAIN_MS = 1000 /* a younger sample is used again */ };

/* The page, read twice: the rate is between. Only the thread that waits for others uses it. */
struct sample {
	uint64_t at_ms; /* 0: none */
	struct row {
		char *pool, *origin;
		double total;
	} * rows;
	size_t count;
};
static struct sample newest, before;

static void
forget(struct sample *sample)
{
	for (size_t i = 0; i < sample->count; i++) {
		free(sample->rows[i].pool);
		free(sample->rows[i].origin);
	}
	free(sample->rows);
	*sample = (struct sample){0};
}

/* ---- the page ---- */

static int
connect_to(const char *where)
{
	const struct timeval patience = {WAIT_S, 0};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct address address;
	uint16_t port;
	int fd, rc;

	address_port_from_text(&address, &port, where, PORT_REQUIRED);
	v4.sin_port = v6.sin6_port = htons(port);
	memcpy(&v4.sin_addr, address.bytes, 4);
	memcpy(&v6.sin6_addr, address.bytes, 16);
	fd = socket(address.family == FAMILY_V6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	rc = address.family == FAMILY_V6 ? connect(fd, (const struct sockaddr *)&v6, sizeof v6)
					 : connect(fd, (const struct sockaddr *)&v4, sizeof v4);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

/* The value of a label, without its escapes; NULL if there is none. */
static char *
label(const char *line, const char *name)
{
	char *start = xasprintf("%s=\"", name), *value;
	const char *at = strstr(line, start);
	size_t len = 0;

	if (at == NULL) {
		free(start);
		return NULL;
	}
	at += strlen(start);
	free(start);
	value = xmalloc(strlen(at) + 1);
	for (; *at != '\0' && *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		value[len++] = *at;
	}
	value[len] = '\0';
	return value;
}

static void
read_line(struct sample *sample, char *line)
{
	static const char name[] = "graycloud_origin_answers_total{";
	struct row row = {0};
	char *number = strrchr(line, ' ');

	if (strncmp(line, name, sizeof name - 1) != 0 || number == NULL)
		return;
	number[strcspn(number, "\r\n")] = '\0';
	row.pool = label(line, "pool");
	row.origin = label(line, "origin");
	if (row.pool == NULL || row.origin == NULL || !number_from_text(number + 1, &row.total)) {
		free(row.pool);
		free(row.origin);
		return;
	}
	sample->rows = array_grow(sample->rows, sample->count, sizeof *sample->rows);
	sample->rows[sample->count++] = row;
}

/* False with errno set. */
static bool
read_page(struct sample *sample, const char *where)
{
	char *request = xasprintf("GET /metrics HTTP/1.0\r\nHost: %s\r\n\r\n", where), *line = NULL;
	int fd = connect_to(where);
	size_t room = 0;
	bool good = fd >= 0 && send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request);
	FILE *in = good ? fdopen(fd, "r") : NULL;

	*sample = (struct sample){.at_ms = boot_ms()};
	while (in != NULL && text_line(&line, &room, in) >= 0)
		read_line(sample, line);
	good = in != NULL && !ferror(in);
	if (in != NULL)
		fclose(in);
	else if (fd >= 0)
		close(fd);
	free(line);
	free(request);
	return good;
}

/* ---- rates ---- */

static const struct row *
row_of(const struct sample *sample, const struct row *wanted, size_t guess)
{
	for (size_t i = 0; i < sample->count; i++) {
		const struct row *row = &sample->rows[(guess + i) % sample->count];

		if (strcmp(row->pool, wanted->pool) == 0 && strcmp(row->origin, wanted->origin) == 0)
			return row;
	}
	return NULL;
}

static struct json *
sample_json(void)
{
	double seconds = (double)(newest.at_ms - before.at_ms) / 1000;
	struct json *all = json_new_object(), *list = json_new_list();

	json_put(all, "seconds", before.at_ms != 0 ? json_new_number(seconds) : json_new_null());
	for (size_t i = 0; i < newest.count; i++) {
		const struct row *row = &newest.rows[i], *old = row_of(&before, row, i);
		struct json *one = json_new_object();
		double more = row->total - (old != NULL ? old->total : 0);

		json_put_text(one, "pool", row->pool);
		json_put_text(one, "origin", row->origin);
		json_put_number(one, "total", row->total);
		/* A nameserver that was started again counts from 0. */
		json_put(one, "per_second",
		    before.at_ms != 0 ? json_new_number((more >= 0 ? more : row->total) / seconds)
				      : json_new_null());
		json_add(list, one);
	}
	json_put(all, "origins", list);
	return all;
}

void
answers_read(struct call *call, const struct route *route, const struct scene *scene)
{
	const char *where = scene->dnsd_metrics;
	struct sample sample;

	(void)route;
	if (where == NULL) {
		call_error(call, 404, CODE_NOT_FOUND,
		    "start graycloud-api with --dnsd-metrics: the metrics page of graycloud-dnsd has this");
		return;
	}
	if (newest.at_ms == 0 || boot_ms() - newest.at_ms >= AGAIN_MS) {
		if (!read_page(&sample, where)) {
			call_error(call, 503, CODE_BUSY,
			    "cannot read the metrics of graycloud-dnsd at %s: %s", where, strerror(errno));
			forget(&sample);
			return;
		}
		forget(&before);
		before = newest;
		newest = sample;
	}
	call_result(call, sample_json());
}
