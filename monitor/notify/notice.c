#include "monitor/notify/notice.h"

#include "zones/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *const kinds[] = {"origin", "pool", "load_balancer", "monitor", "test"};

struct notice *
notice_new(enum notice_kind kind, int64_t wall)
{
	struct notice *notice = xcalloc(1, sizeof *notice);

	atomic_init(&notice->references, 1);
	notice->kind = kind;
	notice->wall = wall;
	return notice;
}

struct notice *
notice_hold(struct notice *notice)
{
	atomic_fetch_add(&notice->references, 1);
	return notice;
}

void
notice_drop(struct notice *notice)
{
	if (atomic_fetch_sub(&notice->references, 1) != 1)
		return;
	free(notice->pool_id);
	free(notice->pool);
	free(notice->lb_id);
	free(notice->lb);
	free(notice->address);
	free(notice->name);
	free(notice);
}

static void
put_time(struct json *json, const char *key, int64_t wall)
{
	char text[32];

	wall_text(wall, text);
	json_put_text(json, key, text);
}

struct json *
notice_json(const struct notice *notice)
{
	struct json *json = json_new_object(), *part;

	put_time(json, "time", notice->wall);
	json_put_text(json, "kind", kinds[notice->kind]);
	if (notice->pool != NULL) {
		part = json_new_object();
		json_put_text(part, "id", notice->pool_id);
		json_put_text(part, "name", notice->pool);
		json_put(json, "pool", part);
	}
	if (notice->lb != NULL) {
		part = json_new_object();
		json_put_text(part, "id", notice->lb_id);
		json_put_text(part, "name", notice->lb);
		json_put(json, "load_balancer", part);
	}
	if (notice->address != NULL) {
		part = json_new_object();
		json_put_text(part, "name", notice->name);
		json_put_text(part, "address", notice->address);
		json_put(json, "origin", part);
	}
	json_put_text(json, "before", notice->before);
	json_put_text(json, "after", notice->after);
	json_put_bool(json, "healthy", notice->healthy);
	if (notice->kind == NOTICE_ORIGIN)
		json_put_text(json, "failure_reason", notice->reason);
	if (notice->damped_until != 0)
		put_time(json, "damped_until", notice->damped_until);
	if (notice->kind == NOTICE_POOL) {
		json_put_integer(json, "healthy_origins", notice->healthy_origins);
		json_put_integer(json, "origins", notice->origins);
	}
	return json;
}

static const char *
host_name(char out[256])
{
	if (gethostname(out, 256) < 0)
		out[0] = '\0';
	out[255] = '\0';
	return out;
}

struct json *
notice_document(struct notice *const *notices, size_t count, uint64_t lost)
{
	struct json *json = json_new_object(), *events = json_new_list();
	char host[256];

	json_put_text(json, "program", "graycloud-monitor");
	json_put_text(json, "version", VERSION);
	json_put_text(json, "host", host_name(host));
	json_put_integer(json, "lost", (long long)lost);
	for (size_t i = 0; i < count; i++)
		json_add(events, notice_json(notices[i]));
	json_put(json, "events", events);
	return json;
}

char *
notice_line(const struct notice *notice)
{
	char until[32] = "";

	switch (notice->kind) {
	case NOTICE_ORIGIN:
		if (notice->damped_until != 0)
			wall_text(notice->damped_until, until);
		return xasprintf("origin %s %s: %s -> %s%s%.19s%s%s%s", notice->pool, notice->address,
		    notice->before, notice->after, *until != '\0' ? ", damped until " : "", until,
		    *until != '\0' ? "Z" : "", notice->reason != NULL ? ": " : "",
		    notice->reason != NULL ? notice->reason : "");
	case NOTICE_POOL:
		return xasprintf("pool %s: %s -> %s, %u of %u origins healthy", notice->pool, notice->before,
		    notice->after, notice->healthy_origins, notice->origins);
	case NOTICE_LB:
		return xasprintf("load balancer %s: %s -> %s", notice->lb, notice->before, notice->after);
	case NOTICE_TEST:
		return xstrdup("a test of notifications: nothing has changed");
	default:
		return xasprintf("monitor: %s -> %s", notice->before, notice->after);
	}
}

/* Write a line of a mail; characters that would end the line or be invisible are left out (RFC 5322 2.2). */
static void
put_line(FILE *mail, const char *text)
{
	for (; *text != '\0'; text++)
		if ((uint8_t)*text >= ' ' && *text != 127)
			fputc(*text, mail);
	fputs("\r\n", mail);
}

char *
notice_mail(struct notice *const *notices, size_t count, uint64_t lost, const char *from, const char *to,
    int64_t now_wall)
{
	time_t seconds = (time_t)(now_wall / 1000);
	char *text = NULL, *line, host[256], date[64], time[32];
	uint64_t number;
	size_t len;
	struct tm tm;
	FILE *mail = text_stream(&text, &len);

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000",
	    &tm); /* RFC 5322 3.3; the program never sets a locale */
	random_bytes(&number, sizeof number);
	host_name(host);
	fprintf(mail, "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: <%llx.%llx@%s>\r\n", date, from, to,
	    (long long)now_wall, (unsigned long long)number, host);
	fputs("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	      "8bit\r\n"
	      "Auto-Submitted: auto-generated\r\nSubject: graycloud: ",
	    mail); /* RFC 3834: no answers from machines */
	line = notice_line(notices[0]);
	put_line(mail, line);
	free(line);
	fputs("\r\n", mail);
	for (size_t i = 0; i < count; i++) {
		wall_text(notices[i]->wall, time);
		line = notice_line(notices[i]);
		fprintf(mail, "%.19sZ ", time);
		put_line(mail, line);
		free(line);
	}
	if (lost > 0)
		fprintf(mail,
		    "\r\n%llu earlier events were lost: this receiver did not take them in time.\r\n",
		    (unsigned long long)lost);
	fprintf(mail, "\r\n-- \r\ngraycloud-monitor %s on %s\r\n", VERSION, host);
	fclose(mail);
	return text;
}

char **
notice_environment(const struct notice *notice, char *const *environment)
{
	enum { OWN = 9 };
	char **list, *line;
	size_t count = 0;

	while (environment[count] != NULL)
		count++;
	list = xcalloc(count + OWN + 1, sizeof *list);
	for (size_t i = 0; i < count; i++)
		list[i] = xstrdup(environment[i]);
	list[count++] = xasprintf("GRAYCLOUD_EVENT_KIND=%s", kinds[notice->kind]);
	list[count++] = xasprintf("GRAYCLOUD_EVENT_POOL=%s", notice->pool != NULL ? notice->pool : "");
	list[count++] = xasprintf("GRAYCLOUD_EVENT_LB=%s", notice->lb != NULL ? notice->lb : "");
	list[count++] =
	    xasprintf("GRAYCLOUD_EVENT_ORIGIN=%s", notice->address != NULL ? notice->address : "");
	list[count++] = xasprintf("GRAYCLOUD_EVENT_BEFORE=%s", notice->before);
	list[count++] = xasprintf("GRAYCLOUD_EVENT_AFTER=%s", notice->after);
	list[count++] = xasprintf("GRAYCLOUD_EVENT_HEALTHY=%s", notice->healthy ? "true" : "false");
	list[count++] = xasprintf("GRAYCLOUD_EVENT_REASON=%s", notice->reason != NULL ? notice->reason : "");
	line = notice_line(notice);
	list[count] = xasprintf("GRAYCLOUD_EVENT_TEXT=%s", line);
	free(line);
	return list;
}
