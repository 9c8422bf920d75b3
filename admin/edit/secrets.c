#include "admin/edit/secrets.h"

#include "zones/base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool
secrets_header(const char *name)
{
	static const char *const open[] = {"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language",
	    "Cache-Control", "Connection", "Content-Type", "Date", "From", "Host", "Origin", "Pragma",
	    "Referer", "User-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"};

	for (size_t i = 0; i < NITEMS(open); i++)
		if (strcasecmp(name, open[i]) == 0)
			return false;
	return true;
}

void
secrets_hide(enum kind kind, struct json *shown)
{
	struct json *headers = kind == KIND_MONITOR ? json_member(shown, "header") : NULL, *hidden;

	if (json_kind(headers) != JSON_KIND_OBJECT)
		return;
	hidden = json_new_object();
	for (const char *name = json_next_key(headers, NULL); name != NULL;
	     name = json_next_key(headers, name)) {
		struct json *values = json_new_list();

		for (size_t i = 0; i < json_count(json_member(headers, name)); i++)
			json_add(values,
			    secrets_header(name) ? json_new_text(SECRET_HIDDEN)
						 : json_clone(json_item(json_member(headers, name), i)));
		json_put(hidden, name, values);
	}
	json_put(shown, "header", hidden);
}

/* The words that set headers: header.NAME=VALUE, also with += and -=, and header=JSON. */
char *
secrets_word(const char *word)
{
	static const char headers[] = "header";
	size_t at = sizeof headers - 1, len = strcspn(word, "="), end = len;
	char name[256] = "";

	if (strncmp(word, headers, at) != 0 || word[len] != '=' || word[len + 1] == '@')
		return xstrdup(word);
	end -= word[end - 1] == '+' || word[end - 1] == '-';
	if (word[at] == '.' && end - at <= sizeof name)
		snprintf(name, sizeof name, "%.*s", (int)(end - at - 1), word + at + 1);
	return secrets_header(name) ? xasprintf("%.*s=%s", (int)len, word, SECRET_HIDDEN) : xstrdup(word);
}
