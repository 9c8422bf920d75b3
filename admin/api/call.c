#include "admin/api/call.h"

#include "admin/api/http.h"
#include "zones/base/array.h"
#include "zones/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
call_free(struct call *call)
{
	if (call == NULL)
		return;
	for (size_t i = 0; i < CAPTURES_MAX; i++)
		free(call->captures[i]);
	for (size_t i = 0; i < call->nparameters; i++) {
		free(call->parameters[i].name);
		free(call->parameters[i].value);
	}
	for (size_t i = 0; i < call->caller.nzones; i++)
		free(call->caller.zones[i]);
	free(call->caller.zones);
	free(call->caller.name);
	free(call->parameters);
	free(call->path);
	free(call->reason);
	free(call->raw);
	free(call->content_type);
	json_drop(call->body);
	json_drop(call->reply.result);
	json_drop(call->reply.errors);
	json_drop(call->reply.messages);
	json_drop(call->reply.info);
	json_drop(call->reply.preview);
	if (call->reply.file != NULL)
		fclose(call->reply.file);
	free(call->reply.file_name);
	free(call->reply.text);
	free(call);
}

/* ---- the request ---- */

void
call_read_query(struct call *call, const char *query)
{
	struct parameter parameter;

	while (http_next_parameter(&query, &parameter.name, &parameter.value)) {
		call->parameters = array_grow(call->parameters, call->nparameters, sizeof *call->parameters);
		call->parameters[call->nparameters++] = parameter;
	}
	call->dry_run = call_flag(call, "dry_run");
	call->preview = call_flag(call, "preview");
	call->force = call_flag(call, "force");
}

void
call_read_body(struct call *call, const char *type, const char *text, size_t len)
{
	static const char form[] = "multipart/form-data";
	struct problems problems = {0};

	if (len == 0 || call->method == METHOD_GET || call->method == METHOD_DELETE)
		return;
	if (type != NULL && strncasecmp(type, form, sizeof form - 1) == 0) {
		call->raw = xmemdup(text, len);
		call->raw_len = len;
		call->content_type = xstrdup(type);
		return;
	}
	call->body = json_read(text, len, "the body", &problems);
	for (size_t i = 0; i < problems.count && call->body == NULL; i++)
		call_error(call, 400, CODE_NOT_JSON, "%s", problems.items[i].text);
	problems_free(&problems);
}

const char *
call_parameter(const struct call *call, const char *name)
{
	for (size_t i = 0; i < call->nparameters; i++)
		if (strcmp(call->parameters[i].name, name) == 0)
			return call->parameters[i].value;
	return NULL;
}

unsigned
call_number(const struct call *call, const char *name, unsigned low, unsigned high, unsigned standard)
{
	const char *text = call_parameter(call, name);
	uint64_t number;

	if (text == NULL || !whole_from_text(text, UINT32_MAX, &number))
		return standard;
	return (unsigned)MIN(MAX(number, low), high);
}

bool
call_flag(const struct call *call, const char *name)
{
	const char *text = call_parameter(call, name);

	return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

bool
call_has_zone(const struct call *call, const char *name)
{
	for (size_t i = 0; i < call->caller.nzones; i++)
		if (strcmp(call->caller.zones[i], name) == 0)
			return true;
	return call->caller.nzones == 0;
}

/* ---- the reply ---- */

void
call_error(struct call *call, int status, int code, const char *format, ...)
{
	struct json *error = json_new_object();
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	json_put_integer(error, "code", code);
	json_put_text(error, "message", text);
	free(text);
	if (call->reply.errors == NULL) {
		call->reply.errors = json_new_list();
		call->reply.status = status;
	}
	json_add(call->reply.errors, error);
}

void
call_error_at(struct call *call, const char *pointer)
{
	struct json *error = json_item(call->reply.errors, json_count(call->reply.errors) - 1);
	struct json *source = json_new_object();

	json_put_text(source, "pointer", pointer);
	json_put(error, "source", source);
}

void
call_message(struct call *call, const char *text)
{
	struct json *message = json_new_object();

	json_put_integer(message, "code", CODE_WARNING);
	json_put_text(message, "message", text);
	if (call->reply.messages == NULL)
		call->reply.messages = json_new_list();
	json_add(call->reply.messages, message);
}

void
call_result(struct call *call, struct json *result)
{
	json_drop(call->reply.result);
	call->reply.result = result;
	call->reply.status = 200;
}

/* The largest share of a load balancer's clients that move, in percent, goes before the details. */
void
call_preview(struct call *call, struct json *preview)
{
	const struct json *moves = json_member(preview, "moves");
	double most = 0;

	for (size_t i = 0; i < json_count(moves); i++)
		most = MAX(most, json_number_of(json_member(json_item(moves, i), "percent")));
	json_put_number(preview, "clients_moved", most);
	json_drop(call->reply.preview);
	call->reply.preview = preview;
}

void
call_file(struct call *call, FILE *file, const char *type, char *name)
{
	call->reply.file_type = type;
	call->reply.file = file;
	call->reply.file_name = name;
	call->reply.status = 200;
}

/* Clients read these members, in this order. */
void
call_list(struct call *call, struct json *list, unsigned page, unsigned per_page, size_t total)
{
	size_t size = per_page > 0 ? per_page : MAX(total, 1);
	struct json *info = json_new_object();

	json_put_integer(info, "page", page);
	json_put_integer(info, "per_page", (long long)size);
	json_put_integer(info, "count", (long long)json_count(list));
	json_put_integer(info, "total_count", (long long)total);
	json_put_integer(info, "total_pages", (long long)((total + size - 1) / size));
	json_drop(call->reply.info);
	call->reply.info = info;
	call_result(call, list);
}

/* A part of the reply goes into the envelope, or something else if there is none. */
static void
move(struct json *all, const char *key, struct json **part, struct json *otherwise)
{
	json_put(all, key, *part != NULL ? *part : otherwise);
	if (*part != NULL)
		json_drop(otherwise);
	*part = NULL;
}

char *
call_text(struct call *call)
{
	struct reply *reply = &call->reply;
	struct json *all;
	bool success = reply->errors == NULL;
	char *text;

	all = json_new_object();
	if (!success) {
		json_drop(reply->result);
		reply->result = NULL;
	}
	move(all, "result", &reply->result, json_new_null());
	json_put_bool(all, "success", success);
	json_put(all, "errors", success ? json_new_list() : json_clone(reply->errors));
	move(all, "messages", &reply->messages, json_new_list());
	if (success && reply->info != NULL)
		move(all, "result_info", &reply->info, NULL);
	if (success && reply->preview != NULL)
		move(all, "preview", &reply->preview, NULL);
	text = json_write(all, false);
	json_drop(all);
	return text;
}
