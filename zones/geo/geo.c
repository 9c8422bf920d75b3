#include "zones/geo/geo.h"
#include "zones/base/array.h"
#include "zones/base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum {
	AREA,
	PLACE,
	NETWORK,
	LAYERS,
	DATABASES_MAX = 8,
	INDEX_BITS = 16,
	INDEX_FROM = 64,
	METADATA_MAX = 128 << 10
};

/* The value of a range: one of the values of its layer. */
struct value {
	char country[2];
	uint8_t region;
	bool known;
	uint32_t network; /* number of the autonomous system; 0: unknown */
	struct geo_point point;
};

/* The ranges of one family and layer: range i goes from starts[i] to starts[i + 1] - 1.  index speeds up the
 * search. */
struct ranges {
	uint64_t *starts; /* IPv4 in the upper 32 bits, or the first 64 bits of IPv6 */
	uint32_t *values;
	size_t count;
	uint32_t
	    *index; /* [n]: the last range that starts at or before n << 48; NULL if there are few ranges */
};

struct database {
	struct value *values;
	size_t nvalues;
	struct ranges ranges[2][LAYERS]; /* by family: IPv4, IPv6 */
	struct geo_database info;
};

struct geo {
	struct database databases[DATABASES_MAX];
	size_t count;
};

struct geo_point
geo_point(double latitude, double longitude)
{
	double phi = latitude * M_PI / 180, lambda = longitude * M_PI / 180;

	return (struct geo_point){
	    (float)(cos(phi) * cos(lambda)), (float)(cos(phi) * sin(lambda)), (float)sin(phi)};
}

/* ---- reading ---- */

/* A record that was already read: many networks share one record. */
struct seen {
	uint32_t offset;
	uint32_t value;
};

struct walk {
	MMDB_s mmdb;
	struct database *database;
	struct seen *seen; /* open addressing by offset; value + 1, 0 is free */
	size_t nseen, room;
	const char *path;
	uint64_t visits; /* visited nodes; the tree reaches each node once, except IPv4 (walked twice) and
		    small shared parts */
	uint64_t last;   /* start of the last network */
	bool met[2];     /* a network of that family was found */
	bool damaged;
	unsigned chosen[6]; /* for each field: 1 + the index of the path that the database uses; 0: not yet
			       known */
	bool divided, undivided; /* a country has subdivisions; a record of the US or Canada has none */
	MMDB_entry_s first;      /* a record, for the message that names its fields */
};

#define PATH(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}
enum { TEXT_MAX = 32 };

/* The fields of a record and their paths: MaxMind's and DB-IP's own fields first, then flat ones (IPinfo,
 * iptoasn). */
enum field {
	FIELD_COUNTRY,
	FIELD_CONTINENT,
	FIELD_PART,
	FIELD_LATITUDE,
	FIELD_LONGITUDE,
	FIELD_NETWORK,
	FIELDS
};
enum { PATHS_MAX = 4 };

static const char *const *const field_paths[FIELDS][PATHS_MAX] = {
    {PATH("country", "iso_code"), PATH("country_code"), PATH("country")},
    {PATH("continent", "code"), PATH("continent_code"), PATH("continent")},
    {PATH("subdivisions", "0", "iso_code"), PATH("region_code")},
    {PATH("location", "latitude"), PATH("latitude"), PATH("lat")},
    {PATH("location", "longitude"), PATH("longitude"), PATH("lng"), PATH("lon")},
    {PATH("autonomous_system_number"), PATH("asn"), PATH("as_number")},
};

/* A value as text: numbers become decimal.  Returns false if it has another type or is too long. */
static bool
text_of(const MMDB_entry_data_s *data, char out[TEXT_MAX])
{
	switch (data->type) {
	case MMDB_DATA_TYPE_UTF8_STRING:
		if (data->data_size >= TEXT_MAX)
			return false;
		memcpy(out, data->utf8_string, data->data_size);
		out[data->data_size] = '\0';
		return true;
	case MMDB_DATA_TYPE_DOUBLE:
		return snprintf(out, TEXT_MAX, "%.9g", data->double_value) < TEXT_MAX;
	case MMDB_DATA_TYPE_FLOAT:
		return snprintf(out, TEXT_MAX, "%.9g", (double)data->float_value) < TEXT_MAX;
	case MMDB_DATA_TYPE_UINT16:
		return snprintf(out, TEXT_MAX, "%u", data->uint16) < TEXT_MAX;
	case MMDB_DATA_TYPE_UINT32:
		return snprintf(out, TEXT_MAX, "%u", data->uint32) < TEXT_MAX;
	default:
		return false;
	}
}

static bool
two_letters(const char *text)
{
	return strlen(text) == 2 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2;
}

/* The number of an autonomous system, "64500" or "AS64500". */
static bool
read_network(const char *text, uint32_t *network)
{
	uint64_t number;
	bool good = whole_from_text(text + (strncmp(text, "AS", 2) == 0 ? 2 : 0), UINT32_MAX, &number);

	*network = good ? (uint32_t)number : 0;
	return good;
}

/* Is the text valid for the field?  A country is "DE" and not "Germany", a number is within its limits. */
static bool
is_plain(enum field field, const char *text)
{
	double number;
	uint32_t network;

	switch (field) {
	case FIELD_COUNTRY:
	case FIELD_CONTINENT:
		return two_letters(text);
	case FIELD_PART:
		return *text != '\0';
	case FIELD_LATITUDE:
	case FIELD_LONGITUDE:
		return number_from_text(text, &number) &&
		    fabs(number) <= (field == FIELD_LATITUDE ? 90 : 180);
	default:
		return read_network(text, &network);
	}
}

/* A field of a record as text; "" if it is missing.  All records of a database have it at the same path. */
static bool
read_field(struct walk *walk, MMDB_entry_s *entry, enum field field, char out[TEXT_MAX])
{
	for (unsigned i = 0; i < PATHS_MAX && field_paths[field][i] != NULL; i++) {
		MMDB_entry_data_s data;

		if (walk->chosen[field] != 0 && walk->chosen[field] != i + 1)
			continue;
		if (MMDB_aget_value(entry, &data, field_paths[field][i]) == MMDB_SUCCESS && data.has_data &&
		    text_of(&data, out) && is_plain(field, out)) {
			walk->chosen[field] = i + 1;
			return true;
		}
	}
	out[0] = '\0';
	return false;
}

static struct value
read_value(struct walk *walk, MMDB_entry_s *entry)
{
	struct value value = {.known = false};
	char text[TEXT_MAX], part[TEXT_MAX], other[TEXT_MAX];
	double latitude, longitude;

	if (read_field(walk, entry, FIELD_COUNTRY, text)) {
		bool divided = read_field(walk, entry, FIELD_PART, part);

		memcpy(value.country, text, 2);
		/* "CA", or the complete ISO 3166-2 code "US-CA" */
		value.region =
		    geo_region_of(text, strncmp(part, text, 2) == 0 && part[2] == '-' ? part + 3 : part);
		walk->undivided |= !divided && (strcmp(text, "US") == 0 || strcmp(text, "CA") == 0);
		walk->divided |= divided;
	} else if (read_field(walk, entry, FIELD_CONTINENT, text)) {
		value.region = geo_region_of_continent(text);
	}
	if (read_field(walk, entry, FIELD_LATITUDE, text) &&
	    read_field(walk, entry, FIELD_LONGITUDE, other) && number_from_text(text, &latitude) &&
	    number_from_text(other, &longitude))
		value.point = geo_point(latitude, longitude);
	value.known = value.country[0] != '\0' || value.region != 0 || geo_point_known(&value.point);
	if (read_field(walk, entry, FIELD_NETWORK, text))
		read_network(text, &value.network);
	walk->database->info.areas |= value.country[0] != '\0' || value.region != 0;
	walk->database->info.places |= geo_point_known(&value.point);
	walk->database->info.networks |= value.network != 0;
	return value;
}

static bool
same_value(const struct value *a, const struct value *b, unsigned layer)
{
	if (layer == NETWORK)
		return a->network == b->network;
	if (a->known != b->known)
		return false;
	if (layer == AREA)
		return memcmp(a->country, b->country, 2) == 0 && a->region == b->region;
	return a->point.x == b->point.x && a->point.y == b->point.y && a->point.z == b->point.z;
}

static struct seen *
seen_slot(struct walk *walk, uint32_t offset)
{
	size_t at = mix64(offset) & (walk->room - 1);

	while (walk->seen[at].value != 0 && walk->seen[at].offset != offset)
		at = (at + 1) & (walk->room - 1);
	return &walk->seen[at];
}

/* The index of the value at an offset of the data section. */
static uint32_t
value_at(struct walk *walk, MMDB_entry_s entry)
{
	struct database *database = walk->database;
	struct seen *slot;

	if (walk->nseen * 2 >= walk->room) {
		struct walk old = *walk;

		walk->room = old.room ? old.room * 2 : 1024;
		walk->seen = xcalloc(walk->room, sizeof *walk->seen);
		for (size_t i = 0; i < old.room; i++)
			if (old.seen[i].value != 0)
				*seen_slot(walk, old.seen[i].offset) = old.seen[i];
		free(old.seen);
	}
	slot = seen_slot(walk, entry.offset);
	if (slot->value == 0) {
		database->values = array_grow(database->values, database->nvalues, sizeof *database->values);
		database->values[database->nvalues++] = read_value(walk, &entry);
		if (walk->nseen == 0)
			walk->first = entry;
		*slot = (struct seen){entry.offset, (uint32_t)database->nvalues};
		walk->nseen++;
	}
	return slot->value - 1;
}

/* Begin a range with this value; merge equal neighbours. */
static void
add_range(struct walk *walk, unsigned family, uint64_t start, uint32_t value)
{
	struct database *database = walk->database;

	/* Use the first network for all networks longer than /64. */
	if (walk->met[family] && walk->last == start)
		return;
	walk->met[family] = true;
	walk->last = start;
	for (unsigned layer = 0; layer < LAYERS; layer++) {
		struct ranges *ranges = &database->ranges[family][layer];

		if (ranges->count > 0 &&
		    same_value(&database->values[ranges->values[ranges->count - 1]], &database->values[value],
			layer))
			continue;
		ranges->starts = array_grow(ranges->starts, ranges->count, sizeof *ranges->starts);
		ranges->values = array_grow(ranges->values, ranges->count, sizeof *ranges->values);
		ranges->starts[ranges->count] = start;
		ranges->values[ranges->count++] = value;
	}
}

static void walk_record(struct walk *walk, unsigned family, uint8_t type, uint64_t record, MMDB_entry_s entry,
    uint64_t start, unsigned depth);

/* depth is the number of address bits that lead to this node. */
static void
walk_node(struct walk *walk, unsigned family, uint32_t number, uint64_t start, unsigned depth)
{
	unsigned most = family == 0 ? 32 : 128;
	MMDB_search_node_s node;
	uint64_t bit = depth < 64 ? UINT64_C(1) << (63 - depth) : 0;

	/* Limit the walk: nodes that share children could make it endless. */
	if (walk->damaged || depth >= most || ++walk->visits > 4 * (uint64_t)walk->mmdb.metadata.node_count ||
	    MMDB_read_node(&walk->mmdb, number, &node) != MMDB_SUCCESS) {
		walk->damaged = true;
		return;
	}
	walk_record(
	    walk, family, node.left_record_type, node.left_record, node.left_record_entry, start, depth + 1);
	walk_record(walk, family, node.right_record_type, node.right_record, node.right_record_entry,
	    start | bit, depth + 1);
}

static void
walk_record(struct walk *walk, unsigned family, uint8_t type, uint64_t record, MMDB_entry_s entry,
    uint64_t start, unsigned depth)
{
	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		/* The IPv6 tree contains the IPv4 tree at several places: walk the IPv4 tree separately. */
		if (family == 1 && depth >= 16 && walk->mmdb.ipv4_start_node.node_value == record)
			add_range(walk, family, start, 0);
		else
			walk_node(walk, family, (uint32_t)record, start, depth);
		break;
	case MMDB_RECORD_TYPE_EMPTY:
		add_range(walk, family, start, 0);
		break;
	case MMDB_RECORD_TYPE_DATA:
		add_range(walk, family, start, value_at(walk, entry));
		break;
	default:
		walk->damaged = true;
	}
}

/* Find the last range between two positions that starts at or before an address. */
static size_t
search(const struct ranges *ranges, uint64_t at, size_t low, size_t high)
{
	while (low < high) {
		size_t middle = (low + high + 1) / 2;

		if (ranges->starts[middle] <= at)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void
make_index(struct ranges *ranges)
{
	if (ranges->count < INDEX_FROM)
		return;
	ranges->index = xcalloc((1 << INDEX_BITS) + 1, sizeof *ranges->index);
	for (uint64_t n = 0; n < 1 << INDEX_BITS; n++)
		ranges->index[n] =
		    (uint32_t)search(ranges, n << 48, n > 0 ? ranges->index[n - 1] : 0, ranges->count - 1);
	ranges->index[1 << INDEX_BITS] = (uint32_t)ranges->count - 1;
}

/*
 * Copy the file to memory and return its path.  The library maps the file, and an overwrite in place would
 * change or remove pages while they are read.  Returns -1 with problems filled.
 */
static int
private_copy(const char *path, char copy[32], struct problems *problems)
{
	int from = input_descriptor(path), to = memfd_create("geography", MFD_CLOEXEC);
	ssize_t got = from < 0 || to < 0 ? -1 : 1;

	while (got > 0)
		got = sendfile(to, from, NULL, 1 << 20);
	if (got < 0) {
		problems_error(problems, "%s: %s", path, strerror(errno));
		if (to >= 0)
			close(to);
		to = -1;
	}
	if (from >= 0)
		close(from);
	snprintf(copy, 32, "/proc/self/fd/%d", to);
	return to;
}

/* Read a number of the metadata: it follows its key, as a control octet (type and length) and its octets.
 * Returns 0 if it is missing. */
static uint64_t
metadata_number(const uint8_t *metadata, size_t len, const char *key)
{
	size_t key_len = strlen(key);
	const uint8_t *at = memmem(metadata, len, key, key_len), *end = metadata + len;
	uint64_t value = 0;
	unsigned octets;

	if (at == NULL || (at += key_len) == end || (octets = *at++ & 31) > 4 || octets > (size_t)(end - at))
		return 0;
	while (octets-- > 0)
		value = value << 8 | *at++;
	return value;
}

/*
 * libmaxminddb multiplies nodes by their size in 32 bits: a damaged count passes its check, and it reads far
 * behind the end when it opens the file.  libmaxminddb refuses metadata that cannot be read here.
 */
static bool
tree_fits(int fd)
{
	static const char marker[] = "\xab\xcd\xefMaxMind.com";
	size_t len = 0, tail = METADATA_MAX;
	uint8_t *octets = xmalloc(tail), *metadata = NULL;
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t got = size > 0 ? pread(fd, octets, tail, MAX(0, size - (off_t)tail)) : 0;
	uint64_t tree = 0;

	/* The last marker is the valid one. */
	for (uint8_t *at = octets;
	     got > 0 && (at = memmem(at, (size_t)(octets + got - at), marker, sizeof marker - 1)) != NULL;)
		metadata = at += sizeof marker - 1;
	if (metadata != NULL) {
		len = (size_t)(octets + got - metadata);
		tree = metadata_number(metadata, len, "node_count") *
		    metadata_number(metadata, len, "record_size") / 4;
	}
	free(octets);
	return tree <= (uint64_t)MAX(size, 0);
}

/* IPv4 is below 96 zero bits of the IPv6 tree.  A leaf on that path covers all of IPv4. */
static void
walk_ipv4(struct walk *walk)
{
	MMDB_search_node_s node = {.left_record = 0};

	for (unsigned depth = 0; depth < 96; depth++) {
		if (MMDB_read_node(&walk->mmdb, (uint32_t)node.left_record, &node) != MMDB_SUCCESS) {
			walk->damaged = true;
			return;
		}
		if (node.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE) {
			walk_record(
			    walk, 0, node.left_record_type, node.left_record, node.left_record_entry, 0, 0);
			return;
		}
	}
	walk_node(walk, 0, (uint32_t)node.left_record, 0, 0);
}

/* List the top fields of a record as "a, b, c". */
static void
name_fields(const struct walk *walk, char *out, size_t room)
{
	MMDB_entry_s entry = walk->first;
	MMDB_entry_data_list_s *list = NULL;
	size_t len = 0;

	out[0] = '\0';
	if (MMDB_get_entry_data_list(&entry, &list) != MMDB_SUCCESS)
		return;
	for (const MMDB_entry_data_list_s *at = list != NULL ? list->next : NULL;
	     at != NULL && at->next != NULL && len < room; at = at->next->next) {
		/* Keys and values alternate until a value has nested parts. */
		if (at->entry_data.type != MMDB_DATA_TYPE_UTF8_STRING ||
		    at->next->entry_data.type == MMDB_DATA_TYPE_MAP ||
		    at->next->entry_data.type == MMDB_DATA_TYPE_ARRAY)
			break;
		len += (size_t)snprintf(out + len, room - len, "%s%.*s", len > 0 ? ", " : "",
		    (int)MIN(at->entry_data.data_size, 40u), at->entry_data.utf8_string);
	}
	MMDB_free_entry_data_list(list);
}

/* Refuse a database that would locate no client; warn about one that lacks fields that its type promises. */
static void
accept_database(const struct walk *walk, struct problems *problems)
{
	const struct geo_database *info = &walk->database->info;
	char fields[300];

	if (walk->nseen == 0) {
		problems_error(problems, "%s: the database (%s) has no records", walk->path, info->type);
	} else if (!info->areas && !info->places && !info->networks) {
		name_fields(walk, fields, sizeof fields);
		problems_error(problems,
		    "%s: no field of this database (%s%s%s) is known: it must have country.iso_code, "
		    "country_code or country "
		    "(two letters), continent.code, location.latitude and longitude, or "
		    "autonomous_system_number",
		    walk->path, info->type, *fields ? "; its fields are " : "", fields);
	} else if (walk->undivided && !walk->divided) {
		problems_warn(problems,
		    "%s: this database (%s) has no subdivisions: all clients in the US and Canada count as "
		    "in the "
		    "region ENAM",
		    walk->path, info->type);
	}
}

static bool
read_database(struct database *database, const char *path, struct problems *problems)
{
	struct walk walk = {.database = database, .path = path};
	char copy[32];
	int fd = private_copy(path, copy, problems), status;
	bool v6;

	if (fd < 0)
		return false;
	if (!tree_fits(fd)) {
		problems_error(problems, "%s: the database is damaged; download it again", path);
		close(fd);
		return false;
	}
	status = MMDB_open(copy, MMDB_MODE_MMAP, &walk.mmdb);
	close(fd); /* the map keeps the file open */
	if (status != MMDB_SUCCESS) {
		problems_error(
		    problems, "%s: cannot read this as a MaxMind database: %s", path, MMDB_strerror(status));
		return false;
	}
	v6 = walk.mmdb.metadata.ip_version == 6;
	snprintf(database->info.type, sizeof database->info.type, "%s",
	    walk.mmdb.metadata.database_type != NULL ? walk.mmdb.metadata.database_type : "");
	database->info.built = walk.mmdb.metadata.build_epoch;
	database->values = xcalloc(2, sizeof *database->values); /* the first is "unknown" */
	database->nvalues = 1;
	if (v6) {
		walk_ipv4(&walk);
		walk_node(&walk, 1, 0, 0, 0);
	} else {
		walk_node(&walk, 0, 0, 0, 0);
	}
	if (walk.damaged)
		problems_error(problems, "%s: the database is damaged; download it again", path);
	else
		accept_database(&walk, problems);
	MMDB_close(&walk.mmdb);
	free(walk.seen);
	if (walk.damaged)
		return false;
	for (unsigned family = 0; family < 2; family++)
		for (unsigned layer = 0; layer < LAYERS; layer++)
			make_index(&database->ranges[family][layer]);
	return true;
}

struct geo *
geo_open(const char *const *paths, size_t count, struct problems *problems)
{
	struct geo *geo = xcalloc(1, sizeof *geo);
	size_t errors = problems->errors;

	if (count > DATABASES_MAX)
		problems_error(problems, "too many databases: at most %d are allowed", DATABASES_MAX);
	for (size_t i = 0; i < count && i < DATABASES_MAX; i++) {
		geo->count++;
		read_database(&geo->databases[i], paths[i], problems);
	}
	if (problems->errors == errors)
		return geo;
	geo_free(geo);
	return NULL;
}

void
geo_free(void *memory)
{
	struct geo *geo = memory;

	if (geo == NULL)
		return;
	for (size_t i = 0; i < geo->count; i++) {
		free(geo->databases[i].values);
		for (unsigned n = 0; n < 2 * LAYERS; n++) {
			free(geo->databases[i].ranges[n / LAYERS][n % LAYERS].starts);
			free(geo->databases[i].ranges[n / LAYERS][n % LAYERS].values);
			free(geo->databases[i].ranges[n / LAYERS][n % LAYERS].index);
		}
	}
	free(geo);
}

void
geo_measure(const struct geo *geo, size_t *count, size_t *octets)
{
	*count = *octets = 0;
	for (size_t i = 0; i < geo->count; i++)
		for (unsigned n = 0; n < 2 * LAYERS; n++) {
			const struct ranges *ranges = &geo->databases[i].ranges[n / LAYERS][n % LAYERS];

			*count += ranges->count;
			*octets +=
			    ranges->count * 12 + (ranges->index != NULL ? ((1 << INDEX_BITS) + 1) * 4u : 0);
		}
}

bool
geo_describe(const struct geo *geo, size_t i, struct geo_database *info)
{
	if (geo == NULL || i >= geo->count)
		return false;
	*info = geo->databases[i].info;
	return true;
}

/* ---- looking up ---- */

/* The number of equal leading bits. */
static unsigned
common_bits(uint64_t a, uint64_t b)
{
	return a == b ? 64 : (unsigned)__builtin_clzll(a ^ b);
}

/* Find the value at an address and the shortest prefix that is inside its range. */
static const struct value *
find_in(
    const struct database *database, const struct ranges *ranges, uint64_t at, unsigned bits, uint8_t *prefix)
{
	uint64_t n = at >> (64 - INDEX_BITS);
	unsigned length = 0;
	size_t i;

	*prefix = 0;
	if (ranges->count == 0)
		return &database->values[0];
	if (ranges->index != NULL)
		i = search(ranges, at, ranges->index[n], ranges->index[n + 1]);
	else
		i = search(ranges, at, 0, ranges->count - 1);
	if (ranges->starts[i] > 0)
		length = common_bits(at, ranges->starts[i] - 1) + 1;
	if (i + 1 < ranges->count)
		length = MAX(length, common_bits(at, ranges->starts[i + 1]) + 1);
	*prefix = (uint8_t)MIN(length, bits);
	return &database->values[ranges->values[i]];
}

/* An address in the form of the ranges, and how many of those bits the family uses. */
static uint64_t
key_of(const struct address *address, unsigned *family, unsigned *bits)
{
	*family = address->family == FAMILY_V4 ? 0 : 1;
	*bits = *family == 0 ? 32 : 64;
	return *family == 0 ? (uint64_t)get32(address->bytes) << 32 : get64(address->bytes);
}

uint32_t
geo_find_network(const struct geo *geo, const struct address *address, uint8_t *prefix)
{
	unsigned family, bits;
	uint64_t at = key_of(address, &family, &bits);
	uint32_t network = 0;

	*prefix = 0;
	for (size_t i = 0; geo != NULL && i < geo->count && network == 0; i++) {
		const struct database *database = &geo->databases[i];
		uint8_t its;

		network = find_in(database, &database->ranges[family][NETWORK], at, bits, &its)->network;
		*prefix = MAX(*prefix, its);
	}
	return network;
}

bool
geo_find(const struct geo *geo, const struct address *address, struct geo_found *found)
{
	unsigned family, bits;
	uint64_t at = key_of(address, &family, &bits);
	bool known = false;

	*found = (struct geo_found){.country = ""};
	for (size_t i = 0; geo != NULL && i < geo->count && !known; i++) {
		const struct database *database = &geo->databases[i];
		const struct value *area, *place;
		uint8_t area_prefix, place_prefix;

		area = find_in(database, &database->ranges[family][AREA], at, bits, &area_prefix);
		place = find_in(database, &database->ranges[family][PLACE], at, bits, &place_prefix);
		/* "unknown" is a decision, too. */
		found->area_prefix = MAX(found->area_prefix, area_prefix);
		found->place_prefix = MAX(found->place_prefix, place_prefix);
		if (!area->known && !place->known)
			continue;
		known = true;
		memcpy(found->country, area->country, 2);
		found->region = area->region;
		found->point = place->point;
	}
	return known;
}

const char *
geo_library(void)
{
	return MMDB_lib_version();
}
