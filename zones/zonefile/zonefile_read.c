/* Read the records and directives of a master file. */
#include "zones/base/array.h"
#include "zones/base/input.h"
#include "zones/base/text.h"
#include "zones/zonefile/zonefile_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

enum { INCLUDE_DEPTH = 16, GENERATE_MAX = 1000000, CLOUDFLARE_AUTOMATIC = 300 };
static const size_t FILE_OCTETS_MAX = (size_t)1 << 30;

static void
records_free(struct records *records)
{
	arena_free(&records->arena);
	for (size_t i = 0; i < records->nfiles; i++)
		free(records->files[i]);
	free(records->files);
	free(records->items);
}

/* The state of reading one zone, across all its files. */
struct reader {
	struct records records;
	struct problems *problems;
	struct line line;
	bool unsigned_ok;
	const uint8_t *owner; /* the last owner, or NULL */
	uint32_t default_ttl, last_ttl;
	bool default_ttl_known, last_ttl_known;
	unsigned long signatures; /* DNSSEC records that were left out */
	unsigned long automatic;  /* records of Cloudflare's export with its TTL 1 */
	uint8_t rdata[65535];
};

/* A file that is being read; `above` is the file that includes it. */
struct source {
	struct reader *reader;
	const struct source *above;
	const char *name; /* for messages */
	const char *path; /* NULL: text or standard input */
	uint16_t file;
	unsigned depth;
	struct stat stat;
	uint8_t origin[NAME_MAX_LEN];
	bool origin_known;
	bool cloudflare; /* begins like an export of Cloudflare */
};

static void __attribute__((format(printf, 2, 3))) fault(const struct source *source, const char *format, ...)
{
	struct reader *reader = source->reader;
	va_list args;

	va_start(args, format);
	records_say(&reader->records, reader->problems, PROBLEM_ERROR, source->name, reader->line.number,
	    format, args);
	va_end(args);
}

static bool
ttl_check(const struct source *source, const char *text, uint64_t ttl)
{
	if (ttl <= RRSET_TTL_MAX)
		return true;
	fault(source, "TTL %s is above 2147483647 seconds (RFC 2181 8)", text);
	return false;
}

/* Convert a token to octets: without quotes and escapes. */
static char *
plain_text(const char *token)
{
	char *text = xmalloc(strlen(token) + 1), *to = text;

	while (*token != '\0') {
		if (*token == '"')
			token++;
		else if (line_step(token) == 4) {
			*to++ = (char)line_octet(token);
			token += 4;
		} else
			*to++ = *token++;
	}
	*to = '\0';
	return text;
}

static bool
name_is_absolute(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && text[len - 1] == '.'; /* an escaped dot is \046 here */
}

/* Read a name; reports its fault. */
static bool
read_name(const struct source *source, size_t index, uint8_t out[NAME_MAX_LEN])
{
	struct line *line = &source->reader->line;
	const char *text;
	char why[160];

	if (!line_to_ascii(line, index, why)) {
		fault(source, "%s", why);
		return false;
	}
	text = line_token(line, index);
	if (!source->origin_known && !name_is_absolute(text)) {
		fault(source,
		    "\"%s\" is a relative name without $ORIGIN before it: end it with a dot, add "
		    "$ORIGIN, "
		    "or load it as NAME=FILE",
		    text);
		return false;
	}
	if (name_from_text(out, text, source->origin) == 0) {
		fault(source, "invalid domain name \"%s\": labels have 1 to 63 octets, a name at most 255",
		    text);
		return false;
	}
	return true;
}

/* 1 for IN, -1 for a class that is not served, 0 if the token is not a class. */
static int
class_of(const char *token)
{
	static const char *const others[] = {"CH", "HS", "CS", "ANY", "NONE"};

	if (strcasecmp(token, "IN") == 0 || strcasecmp(token, "CLASS1") == 0)
		return 1;
	for (size_t i = 0; i < NITEMS(others); i++)
		if (strcasecmp(token, others[i]) == 0)
			return -1;
	return strncasecmp(token, "CLASS", 5) == 0 ? -1 : 0;
}

/* TTL and class in either order (RFC 1035 5.1): moves *at to the token of the type. */
static bool
read_ttl_class(const struct source *source, size_t *at, uint64_t *ttl, bool *ttl_stated)
{
	const struct line *line = &source->reader->line;
	bool class_seen = false;

	*ttl_stated = false;
	for (; *at < line->count; (*at)++) {
		const char *token = line_token(line, *at);
		int class = class_of(token);

		if (class < 0) {
			fault(source, "class %s is not served: only IN is", token);
			return false;
		}
		if (class > 0 && !class_seen)
			class_seen = true;
		else if (!*ttl_stated && zonefile_ttl(token, ttl)) {
			if (!ttl_check(source, token, *ttl))
				return false;
			*ttl_stated = true;
		} else
			return true;
	}
	fault(source, "the record has no type");
	return false;
}

/* The TTL of a record without one: RFC 2308 4, then RFC 1035 5.1, and a SOA's own MINIMUM. */
static bool
implied_ttl(const struct source *source, uint16_t type, size_t rdlen, uint64_t *ttl)
{
	struct reader *reader = source->reader;

	if (reader->default_ttl_known)
		*ttl = reader->default_ttl;
	else if (reader->last_ttl_known)
		*ttl = reader->last_ttl;
	else if (type == TYPE_SOA) {
		/* As in BIND, the MINIMUM replaces a $TTL line (Microsoft's exports have none). */
		*ttl = MIN(get32(reader->rdata + rdlen - 4), RRSET_TTL_MAX);
		reader->default_ttl = (uint32_t)*ttl;
		reader->default_ttl_known = true;
	} else {
		fault(source,
		    "the record has no TTL, and no record before it has one: add a line \"$TTL 3600\"");
		return false;
	}
	return true;
}

static void
add_record(const struct source *source, uint16_t type, uint32_t ttl, size_t rdlen)
{
	struct reader *reader = source->reader;
	struct records *records = &reader->records;

	records->items = array_grow(records->items, records->count, sizeof *records->items);
	records->items[records->count++] = (struct record){.owner = reader->owner,
	    .rdata = records_keep(records, reader->rdata, rdlen),
	    .rdlen = (uint16_t)rdlen,
	    .type = type,
	    .ttl = ttl,
	    .line = reader->line.number,
	    .file = source->file};
	if (type == TYPE_SOA && !records->apex_known) {
		name_lower(records->apex, reader->owner);
		records->apex_known = true;
	}
}

/* S33: a signed zone is served only unsigned, and only on request. */
static void
leave_out(const struct source *source, const char *type)
{
	struct reader *reader = source->reader;

	if (reader->signatures++ == 0 && !reader->unsigned_ok)
		fault(source,
		    "the zone comes signed (%s), and graycloud signs zones itself: load it with "
		    "--unsigned-ok, "
		    "which leaves DNSKEY, RRSIG, NSEC and NSEC3 out, then `graycloud dnssec enable` it. "
		    "While it "
		    "is served unsigned and the parent has a DS, resolvers take its answers for forged",
		    type);
}

/* The owner of the line's record, from its first token or from the previous line. */
static bool
read_owner(const struct source *source, size_t *at)
{
	struct reader *reader = source->reader;
	const struct line *line = &reader->line;
	uint8_t owner[NAME_MAX_LEN];

	if (line->starts_blank) {
		if (reader->owner == NULL)
			fault(source,
			    "the line begins with a blank, which means the owner of the previous record, "
			    "but there is no previous record");
		return reader->owner != NULL;
	}
	if (!read_name(source, (*at)++, owner)) {
		reader->owner = NULL;
		return false;
	}
	name_lower(owner, owner);
	if (reader->owner == NULL || !name_equal(owner, reader->owner))
		reader->owner = records_keep(&reader->records, owner, name_len(owner));
	return true;
}

static void
read_record(const struct source *source)
{
	struct reader *reader = source->reader;
	struct line *line = &reader->line;
	struct rdata_result result;
	bool ttl_stated;
	uint64_t ttl;
	uint16_t type;
	size_t at = 0;

	if (!read_owner(source, &at) || !read_ttl_class(source, &at, &ttl, &ttl_stated))
		return;
	type = zonefile_type(line_token(line, at));
	if (!zonefile_is_data(type)) {
		fault(source, "\"%s\" is %s", line_token(line, at),
		    type == 0 ? "neither a TTL nor a class nor a type" : "not a type of zone data");
		return;
	}
	if (ttl_stated && ttl == 1 && source->cloudflare) {
		ttl = CLOUDFLARE_AUTOMATIC;
		reader->automatic++;
	}
	if (ttl_stated) {
		reader->last_ttl = (uint32_t)ttl;
		reader->last_ttl_known = true;
	}
	reader->records.soa_named |= type == TYPE_SOA;
	if (zonefile_is_dnssec(type)) {
		leave_out(source, line_token(line, at));
		return;
	}
	result =
	    rdata_from_line(type, line, at + 1, source->origin_known ? source->origin : NULL, reader->rdata);
	if (!result.ok)
		fault(source, "%s", result.why);
	else if (ttl_stated || implied_ttl(source, type, result.len, &ttl))
		add_record(source, type, (uint32_t)ttl, result.len);
}

static void read_file(const struct source *above, const char *path, const uint8_t *origin);

/* $INCLUDE FILE [ORIGIN]: the file's origin and its last owner end with the file (RFC 1035 5.1). */
static void
read_include(const struct source *source)
{
	struct reader *reader = source->reader;
	const struct line *line = &reader->line;
	const uint8_t *owner = reader->owner;
	uint8_t origin[NAME_MAX_LEN];
	const char *slash = source->path ? strrchr(source->path, '/') : NULL;
	char *name, *path;

	if (line->count < 2 || line->count > 3) {
		fault(source, "$INCLUDE needs a file name, and optionally an origin");
		return;
	}
	if (line->count == 3 && !read_name(source, 2, origin))
		return;
	if (source->depth >= INCLUDE_DEPTH) {
		fault(source, "$INCLUDE is nested more than %d levels deep", INCLUDE_DEPTH);
		return;
	}
	name = plain_text(line_token(line, 1));
	if (name[0] == '/' || slash == NULL)
		path = xstrdup(name);
	else
		path = xasprintf("%.*s/%s", (int)(slash - source->path), source->path, name);
	read_file(source, path, line->count == 3 ? origin : source->origin_known ? source->origin : NULL);
	reader->owner = owner;
	free(path);
	free(name);
}

/* Add one record of $GENERATE, from copies of the words of the line. */
static bool
generate_record(const struct source *source, char *const *words, size_t count, long long number)
{
	struct reader *reader = source->reader;
	unsigned line_number = reader->line.number;
	struct cursor cursor = {.line = line_number};
	char *text;
	size_t len;
	FILE *out = text_stream(&text, &len);
	bool good = true;

	for (size_t i = 0; good && i < count; i++) {
		fputs(i > 0 ? " " : "", out);
		good = generate_word(out, words[i], number);
	}
	fclose(out);
	cursor.at = text;
	cursor.end = text + len;
	if (!good)
		fault(source,
		    "$GENERATE: write \"$\" as $, ${OFFSET}, ${OFFSET,WIDTH} or ${OFFSET,WIDTH,BASE}");
	else if (line_next(&cursor, &reader->line)) {
		if (reader->line.fault[0] != '\0')
			fault(source, "%s", reader->line.fault);
		else
			read_record(source);
	}
	reader->line.number = line_number;
	free(text);
	return good;
}

/* The words after the range; remove quotes around the whole data, which BIND allows. */
static char **
generate_words(const struct line *line, size_t *count)
{
	char **words = xcalloc(line->count, sizeof *words);

	*count = line->count - 2;
	for (size_t i = 0; i < *count; i++) {
		const char *token = line_token(line, i + 2);
		size_t len = strlen(token);
		bool quoted = i + 1 == *count && len >= 2 && *token == '"';

		words[i] = xasprintf("%.*s", (int)(len - 2 * quoted), token + quoted);
	}
	return words;
}

/* $GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA (BIND's manual, zone file directives) */
static void
read_generate(const struct source *source)
{
	struct reader *reader = source->reader;
	const uint8_t *owner = reader->owner;
	struct generate_range range;
	size_t count;
	char **words;

	if (reader->line.count < 5) {
		fault(source, "$GENERATE needs START-STOP[/STEP], an owner, a type and data");
		return;
	}
	if (!generate_range(line_token(&reader->line, 1), &range)) {
		fault(source, "$GENERATE: %s is not START-STOP or START-STOP/STEP",
		    line_token(&reader->line, 1));
		return;
	}
	if ((range.stop - range.start) / range.step >= GENERATE_MAX) {
		fault(source, "$GENERATE can make at most %d records", GENERATE_MAX);
		return;
	}
	words = generate_words(&reader->line, &count);
	for (long long number = range.start; number <= range.stop; number += range.step)
		if (!generate_record(source, words, count, number))
			break;
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	free(words);
	reader->owner = owner;
}

static void
read_directive(struct source *source)
{
	struct reader *reader = source->reader;
	const struct line *line = &reader->line;
	const char *word = line_token(line, 0);
	uint64_t ttl;

	if (strcasecmp(word, "$ORIGIN") == 0) {
		uint8_t origin[NAME_MAX_LEN];

		if (line->count != 2)
			fault(source, "$ORIGIN needs one name");
		else if (read_name(source, 1, origin)) {
			memcpy(source->origin, origin, name_len(origin));
			source->origin_known = true;
		}
	} else if (strcasecmp(word, "$TTL") == 0) {
		if (line->count != 2 || !zonefile_ttl(line_token(line, 1), &ttl))
			fault(source, "$TTL needs one number of seconds (or a time such as 1h30m)");
		else if (ttl_check(source, line_token(line, 1), ttl)) {
			reader->default_ttl = (uint32_t)ttl;
			reader->default_ttl_known = true;
		}
	} else if (strcasecmp(word, "$INCLUDE") == 0)
		read_include(source);
	else if (strcasecmp(word, "$GENERATE") == 0)
		read_generate(source);
	else
		fault(source, "unknown directive \"%s\": use $ORIGIN, $TTL, $INCLUDE and $GENERATE", word);
}

/* Cloudflare's export begins with comments that name the domain and the time. */
static bool
is_cloudflare(const char *text, size_t len)
{
	static const char domain[] = "\n;; Domain:", exported[] = "\n;; Exported:";
	size_t head = MIN(len, 400u);

	return len > 2 && memcmp(text, ";;", 2) == 0 &&
	    memmem(text, head, domain, sizeof domain - 1) != NULL &&
	    memmem(text, head, exported, sizeof exported - 1) != NULL;
}

static void
read_text(struct source *source, const char *text, size_t len)
{
	struct reader *reader = source->reader;
	struct records *records = &reader->records;
	struct cursor cursor = {.at = text, .end = text + len, .line = 1};
	const char *nul = memchr(text, '\0', len);

	if (nul != NULL || records->nfiles == UINT16_MAX) {
		problems_error(reader->problems, "%s: %s", source->name,
		    nul ? "not a master file: it has NUL octets" : "there are more than 65,535 files");
		return;
	}
	records->files = array_grow(records->files, records->nfiles, sizeof *records->files);
	source->file = (uint16_t)records->nfiles;
	records->files[records->nfiles++] = xstrdup(source->name);
	if (len >= 3 && memcmp(text, "\357\273\277", 3) == 0)
		cursor.at += 3; /* a byte order mark */
	source->cloudflare = is_cloudflare(cursor.at, (size_t)(cursor.end - cursor.at));
	if (source->cloudflare) { /* all names in it are absolute, also the SOA's, which has no final dot */
		source->origin[0] = 0;
		source->origin_known = true;
	}
	while (line_next(&cursor, &reader->line)) {
		if (reader->line.fault[0] != '\0')
			fault(source, "%s", reader->line.fault);
		else if (line_token(&reader->line, 0)[0] == '$' && !reader->line.starts_blank)
			read_directive(source);
		else
			read_record(source);
	}
}

/* Read a file, or only its beginning if that cannot be a master file.  Returns NULL with errno (EFBIG: the
 * file is endless). */
static char *
slurp(FILE *file, size_t *len)
{
	enum { AT_ONCE = 65536 };
	char *text = array_grow_by(NULL, 0, AT_ONCE, 1);
	size_t got;
	bool good = true;

	*len = 0;
	while (good && (got = fread(text + *len, 1, AT_ONCE, file)) > 0) {
		good = memchr(text + *len, '\0', got) == NULL; /* read_text reports it */
		*len += got;
		if (*len >= FILE_OCTETS_MAX) {
			free(text);
			errno = EFBIG;
			return NULL;
		}
		text = array_grow_by(text, *len, AT_ONCE, 1);
	}
	if (!ferror(file))
		return text;
	free(text);
	return NULL;
}

/* Does the file include itself? */
static bool
is_open_above(const struct source *source)
{
	for (const struct source *above = source->above; above != NULL; above = above->above)
		if (above->path != NULL && above->stat.st_dev == source->stat.st_dev &&
		    above->stat.st_ino == source->stat.st_ino)
			return true;
	return false;
}

static void
read_stream(struct source *source, FILE *file)
{
	size_t len;
	char *text = slurp(file, &len);

	if (text == NULL && errno == EFBIG)
		problems_error(source->reader->problems, "%s: a master file has at most %zu octets",
		    source->name, FILE_OCTETS_MAX);
	else if (text == NULL)
		problems_error(
		    source->reader->problems, "%s: cannot be read: %s", source->name, strerror(errno));
	else
		read_text(source, text, len);
	free(text);
}

/* Read an included file, or the first one if above is a source without a name. */
static void
read_file(const struct source *above, const char *path, const uint8_t *origin)
{
	struct source source = {.reader = above->reader,
	    .above = above,
	    .name = path,
	    .path = path,
	    .depth = above->depth + 1,
	    .origin_known = origin != NULL};
	FILE *file = input_open(path);

	if (origin != NULL)
		memcpy(source.origin, origin, name_len(origin));
	if (file == NULL || fstat(fileno(file), &source.stat) < 0) {
		if (above->name != NULL)
			fault(above, "%s cannot be read: %s%s", path, strerror(errno), input_hint(errno));
		else
			problems_error(above->reader->problems, "%s: cannot be read: %s%s", path,
			    strerror(errno), input_hint(errno));
	} else if (is_open_above(&source))
		fault(above, "%s includes itself", path);
	else
		read_stream(&source, file);
	if (file != NULL)
		fclose(file);
}

bool
zonefile_read(const char *path, const char *text, const uint8_t *apex, bool unsigned_ok,
    struct zone_data *data, struct problems *problems)
{
	struct reader *reader = xcalloc(1, sizeof *reader);
	struct source source = {.reader = reader, .origin_known = apex != NULL};
	size_t errors = problems->errors;
	bool ok;

	*data = (struct zone_data){0};
	reader->problems = problems;
	reader->unsigned_ok = unsigned_ok;
	if (apex != NULL) {
		name_lower(reader->records.apex, apex);
		name_lower(source.origin, apex);
		reader->records.apex_known = true;
	}
	if (text != NULL) {
		source.name = path;
		read_text(&source, text, strlen(text));
	} else if (strcmp(path, "-") == 0) {
		source.name = "standard input";
		read_stream(&source, stdin);
	} else
		read_file(&source, path, apex != NULL ? source.origin : NULL);
	if (reader->signatures > 0 && unsigned_ok)
		problems_warn(problems, "%s: %lu DNSSEC records are left out: the zone is served unsigned",
		    path, reader->signatures);
	if (reader->automatic > 0)
		problems_warn(problems,
		    "%s: %lu records have the TTL 1, which means automatic in Cloudflare's export: they get "
		    "%d seconds",
		    path, reader->automatic, CLOUDFLARE_AUTOMATIC);
	if (reader->records.nfiles > 0)
		records_to_rows(&reader->records, data, problems);
	records_say_rest(&reader->records, problems, path);
	ok = problems->errors == errors;
	if (!ok)
		zone_data_free(data);
	line_free(&reader->line);
	records_free(&reader->records);
	free(reader);
	return ok;
}
