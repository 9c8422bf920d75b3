#include "admin/api/call.h"

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
	json_drop(call->body);
	json_drop(call->reply.result);
	json_drop(call->reply.errors);
	json_drop(call->reply.messages);
	json_drop(call->reply.info);
	json_drop(call->reply.preview);
	free(call);
}

/* ---- the request ---- */

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

char *
call_text(const struct call *call)
{
	const struct reply *reply = &call->reply;
	struct json *all = json_new_object();
	bool success = reply->errors == NULL;
	char *text;

	json_put(
	    all, "result", success && reply->result != NULL ? json_clone(reply->result) : json_new_null());
	json_put_bool(all, "success", success);
	json_put(all, "errors", success ? json_new_list() : json_clone(reply->errors));
	json_put(all, "messages", reply->messages != NULL ? json_clone(reply->messages) : json_new_list());
	if (success && reply->info != NULL)
		json_put(all, "result_info", json_clone(reply->info));
	if (success && reply->preview != NULL)
		json_put(all, "preview", json_clone(reply->preview));
	text = json_write(all, false);
	json_drop(all);
	return text;
}
