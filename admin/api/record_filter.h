/*
 * record_filter.h -- which records of a zone a list has: the filters of Cloudflare's query string.
 *
 * They ask name, type, content, comment and tags; all must fit, or with match=any one of them, tags apart.
 */
#ifndef API_RECORD_FILTER_H
#define API_RECORD_FILTER_H

#include "admin/api/record_shape.h"

struct text_filter {
	const char *exact, *contains, *starts, *ends; /* NULL: not asked; compared in any case */
};

struct record_filter {
	const struct call *call;
	char *exact_name; /* in full, without final dot; NULL: not asked */
	struct text_filter name, content, comment;
	const char *search; /* a part of name, content or comment */
	uint16_t types[24];
	size_t ntypes;
	bool types_asked;
	bool comment_present, comment_absent, proxied;
	bool any, any_tag; /* match=any, tag_match=any */
	bool needs_notes;  /* looks at comments or tags */
	bool needs_text;   /* looks at content */
};

/* Read the filters of a call; the texts belong to the call. */
void record_filter_read(struct record_filter *filter, const struct call *call, const struct zone_info *zone);
void record_filter_free(struct record_filter *filter);
/* Could a record of this RRset fit, by owner and type alone? */
bool record_filter_rrset(const struct record_filter *filter, const char *name, uint16_t type);
/* Does the record fit? Its note was read if needs_notes is true. */
bool record_filter_fits(const struct record_filter *filter, const struct record *record, const char *name);

#endif
