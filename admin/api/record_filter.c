#include "admin/api/record_filter.h"

#include "admin/edit/rrset_edit.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>
#include <strings.h>

/* ---- read ---- */

/* A parameter that is not empty. */
static const char *
given(const struct call *call, const char *name)
{
	const char *text = call_parameter(call, name);

	return text != NULL && *text != '\0' ? text : NULL;
}

static void
read_text(struct text_filter *filter, const struct call *call, const char *name)
{
	static const char *const endings[] = {"", ".exact", ".contains", ".startswith", ".endswith"};
	const char **const places[] = {
	    &filter->exact, &filter->exact, &filter->contains, &filter->starts, &filter->ends};

	for (size_t i = 0; i < NITEMS(endings); i++) {
		char *key = xasprintf("%s%s", name, endings[i]);

		if (given(call, key) != NULL)
			*places[i] = given(call, key);
		free(key);
	}
}

static bool
asks(const struct text_filter *filter)
{
	return filter->exact != NULL || filter->contains != NULL || filter->starts != NULL ||
	    filter->ends != NULL;
}

/* A list with commas; a type that is unknown finds nothing. */
static void
read_types(struct record_filter *filter, const char *list)
{
	filter->types_asked = list != NULL;
	while (list != NULL && *list != '\0' && filter->ntypes < NITEMS(filter->types)) {
		size_t len = strcspn(list, ",");
		char *word = xasprintf("%.*s", (int)len, list);

		filter->types[filter->ntypes] = zonefile_type(word);
		filter->ntypes += filter->types[filter->ntypes] != 0;
		free(word);
		list += len + (list[len] == ',');
	}
}

/* Whole, with or without final dot, relative or @. */
static char *
whole_name(const char *text, const struct zone_info *zone)
{
	uint8_t name[NAME_MAX_LEN];
	char host[NAME_MAX_TEXT];

	if (strcmp(text, "@") == 0 || name_from_text(name, text, NULL) == 0 || !name_within(name, zone->name))
		if (name_from_text(name, text, zone->name) == 0)
			return xstrdup(text);
	name_lower(name, name);
	return xstrdup(name_to_host(name, host));
}

static bool
asks_tags(const struct call *call)
{
	for (size_t i = 0; i < call->nparameters; i++)
		if (strcmp(call->parameters[i].name, "tag") == 0 ||
		    strncmp(call->parameters[i].name, "tag.", 4) == 0)
			return true;
	return false;
}

static bool
is_any(const char *text)
{
	return text != NULL && strcmp(text, "any") == 0;
}

void
record_filter_read(struct record_filter *filter, const struct call *call, const struct zone_info *zone)
{
	*filter = (struct record_filter){.call = call,
	    .search = given(call, "search"),
	    .comment_present = call_parameter(call, "comment.present") != NULL,
	    .comment_absent = call_parameter(call, "comment.absent") != NULL,
	    .proxied = call_flag(call, "proxied"),
	    .any = is_any(given(call, "match")),
	    .any_tag = is_any(given(call, "tag_match")) || is_any(given(call, "tag-match"))};
	read_text(&filter->name, call, "name");
	read_text(&filter->content, call, "content");
	read_text(&filter->comment, call, "comment");
	read_types(filter, given(call, "type"));
	if (filter->name.exact != NULL)
		filter->exact_name = whole_name(filter->name.exact, zone);
	filter->needs_notes = asks(&filter->comment) || filter->comment_present || filter->comment_absent ||
	    filter->search != NULL || asks_tags(call);
	filter->needs_text = asks(&filter->content) || filter->search != NULL;
}

void
record_filter_free(struct record_filter *filter)
{
	free(filter->exact_name);
}

/* ---- ask ---- */

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), wanted = strlen(end);

	return len >= wanted && strcasecmp(text + len - wanted, end) == 0;
}

static bool
text_fits(const struct text_filter *filter, const char *text)
{
	return (filter->exact == NULL || strcasecmp(text, filter->exact) == 0) &&
	    (filter->contains == NULL || strcasestr(text, filter->contains) != NULL) &&
	    (filter->starts == NULL || strncasecmp(text, filter->starts, strlen(filter->starts)) == 0) &&
	    (filter->ends == NULL || ends_with(text, filter->ends));
}

static bool
name_fits(const struct record_filter *filter, const char *name)
{
	struct text_filter rest = filter->name;

	rest.exact = filter->exact_name;
	return text_fits(&rest, name);
}

/* TXT is found as it was given, in quotes, or with its strings joined. */
static bool
content_fits(const struct text_filter *filter, const struct record *record)
{
	char *shown = record_shape_content(record), *other = NULL;
	bool fits = text_fits(filter, shown);

	if (!fits && record->at.type == TYPE_TXT) {
		other = record_shape_joined(record->at.rdata);
		fits = text_fits(filter, other);
		free(other);
		other = rdata_text(TYPE_TXT, record->at.rdata.data, (uint16_t)record->at.rdata.len);
		fits = fits || text_fits(filter, other);
		free(other);
	}
	/* A final dot of a target plays no part. */
	if (!fits && filter->exact != NULL && strlen(filter->exact) == strlen(shown) + 1)
		fits = strncasecmp(filter->exact, shown, strlen(shown)) == 0 &&
		    filter->exact[strlen(shown)] == '.';
	free(shown);
	return fits;
}

static bool
comment_fits(const struct record_filter *filter, const struct record *record)
{
	const char *comment = json_text_of(record->note, "comment");

	return (!filter->comment_present || *comment != '\0') &&
	    (!filter->comment_absent || *comment == '\0') &&
	    (!asks(&filter->comment) || (*comment != '\0' && text_fits(&filter->comment, comment)));
}

/* Is the tag of the request (name, or name:value) one of the tags, by this operator? */
static bool
has_tag(const struct json *tags, const char *operator, const char * wanted)
{
	size_t name_len = strcspn(wanted, ":");
	const char *value = wanted[name_len] == ':' ? wanted + name_len + 1 : "";

	for (size_t i = 0; i < json_count(tags); i++) {
		const char *tag = json_text(json_item(tags, i)), *its = tag + strcspn(tag, ":");
		bool same = (size_t)(its - tag) == name_len && strncasecmp(tag, wanted, name_len) == 0;

		its += *its == ':';
		if (!same)
			continue;
		if (strcmp(operator, "present") == 0 || strcmp(operator, "absent") == 0 ||
		    (strcmp(operator, "contains") == 0 && strcasestr(its, value) != NULL) ||
		    (strcmp(operator, "startswith") == 0 && strncasecmp(its, value, strlen(value)) == 0) ||
		    (strcmp(operator, "endswith") == 0 && ends_with(its, value)) ||
		    ((strcmp(operator, "exact") == 0 || *operator== '\0') && strcasecmp(its, value) == 0))
			return true;
	}
	return false;
}

static bool
tags_fit(const struct record_filter *filter, const struct record *record)
{
	const struct json *tags = json_member(record->note, "tags");
	bool all = true, any = false, asked = false;

	for (size_t i = 0; i < filter->call->nparameters; i++) {
		const char *name = filter->call->parameters[i].name, *operator;
		bool has;

		if (strncmp(name, "tag", 3) != 0 || (name[3] != '\0' && name[3] != '.'))
			continue;
		operator= name[3] == '.' ? name + 4 : "";
		has = has_tag(tags, operator, filter->call->parameters[i].value);
		if (strcmp(operator, "absent") == 0)
			has = !has;
		asked = true;
		all = all && has;
		any = any || has;
	}
	return !asked || (filter->any_tag ? any : all);
}

static bool
search_fits(const char *search, const struct record *record, const char *name)
{
	struct text_filter part = {.contains = search};

	return text_fits(&part, name) || content_fits(&part, record) ||
	    text_fits(&part, json_text_of(record->note, "comment"));
}

static bool
type_fits(const struct record_filter *filter, uint16_t type)
{
	for (size_t i = 0; i < filter->ntypes; i++)
		if (filter->types[i] == type)
			return true;
	return !filter->types_asked;
}

bool
record_filter_rrset(const struct record_filter *filter, const char *name, uint16_t type)
{
	if (!filter->types_asked && !record_shape_is_listed(type))
		return false;
	return filter->any || (type_fits(filter, type) && name_fits(filter, name));
}

/* Counts one question: it was asked, and the record fits. */
struct tally {
	unsigned asked, fit;
};

static void
count(struct tally *tally, bool asked, bool fits)
{
	tally->asked += asked;
	tally->fit += asked && fits;
}

bool
record_filter_fits(const struct record_filter *filter, const struct record *record, const char *name)
{
	struct tally tally = {0, 0};
	bool comment = asks(&filter->comment) || filter->comment_present || filter->comment_absent;

	if (!tags_fit(filter, record))
		return false;
	count(&tally, filter->types_asked, type_fits(filter, record->at.type));
	count(&tally, asks(&filter->name), name_fits(filter, name));
	if (asks(&filter->content))
		count(&tally, true, content_fits(&filter->content, record));
	count(&tally, comment, comment_fits(filter, record));
	count(&tally, filter->proxied, false);
	if (filter->search != NULL)
		count(&tally, true, search_fits(filter->search, record, name));
	return filter->any ? tally.asked == 0 || tally.fit > 0 : tally.fit == tally.asked;
}
