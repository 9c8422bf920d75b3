#include "zones/base/text.h"
#include "zones/zonefile/rdata.h"
#include "zones/zonefile/zonefile_parts.h"

#include <ldns/ldns.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The origin for relative names if the real one is unknown.  No zone uses it, so a name below it shows the
 * fault. */
static const uint8_t no_origin[] = "\020\377no-origin-here\377";

enum {
	LDNS_TEXT_MAX = 65000, /* ldns reads rdata of up to 65,535 characters */
	WIRE_HEAD = 11         /* root owner, type, class, TTL, length */
};

/* Where the (last) name begins in the rdata of a type whose names compare case-insensitively; -1 for other
 * types.
 */
static int
rdata_name_at(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_DNAME:
		return 0;
	case TYPE_MX:
		return 2;
	case TYPE_SRV:
		return 6;
	default:
		return -1;
	}
}

static int
compare_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

int
zonefile_compare_rdata(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int name_at = rdata_name_at(type), order;

	if (name_at < 0)
		return compare_octets(a, a_len, b, b_len);
	order = memcmp(a, b, (size_t)name_at);
	for (size_t i = (size_t)name_at; order == 0 && i < MIN(a_len, b_len); i++)
		order = name_lower_octet(a[i]) - name_lower_octet(b[i]);
	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Does the rdata have the format that the nameserver relies on? */
static bool
rdata_sound(uint16_t type, const uint8_t *rdata, size_t len)
{
	int name_at = rdata_name_at(type);

	if (name_at >= 0)
		return len > (size_t)name_at &&
		    name_valid(rdata + name_at, len - (size_t)name_at) == len - (size_t)name_at;
	if (type == TYPE_SOA) {
		size_t mname = name_valid(rdata, len);
		size_t rname = mname ? name_valid(rdata + mname, len - mname) : 0;

		return rname > 0 && mname + rname + 20 == len;
	}
	return type == TYPE_A ? len == 4 : type == TYPE_AAAA ? len == 16 : true;
}

/* The rdata from ldns, as one block. */
static bool
rdata_of_rr(const ldns_rr *rr, uint8_t out[65535], size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);

		if (rdf == NULL || ldns_rdf_size(rdf) > 65535 - *len)
			return false;
		if (ldns_rdf_size(rdf) > 0)
			memcpy(out + *len, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		*len += ldns_rdf_size(rdf);
	}
	return true;
}

/* Make an ldns record from wire form.  Returns NULL if the rdata does not fit the type. */
static ldns_rr *
rr_from_rdata(uint16_t type, const uint8_t *rdata, size_t len)
{
	uint8_t *wire = xmalloc(WIRE_HEAD + len), *again = xmalloc(65535);
	ldns_rr *rr = NULL;
	size_t at = 0, again_len;

	wire[0] = 0;
	put16(wire + 1, type);
	put16(wire + 3, CLASS_IN);
	put32(wire + 5, 0);
	put16(wire + 9, (uint16_t)len);
	if (len > 0)
		memcpy(wire + WIRE_HEAD, rdata, len);
	if (ldns_wire2rr(&rr, wire, WIRE_HEAD + len, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		rr = NULL;
	/* ldns follows compression pointers and does not check some lengths: its output must be equal to its
	 * input.
	 */
	else if (at != WIRE_HEAD + len || !rdata_of_rr(rr, again, &again_len) || again_len != len ||
	    (len > 0 && memcmp(again, rdata, len) != 0)) {
		ldns_rr_free(rr);
		rr = NULL;
	}
	free(again);
	free(wire);
	return rr;
}

static char *text_of_rdata(uint16_t type, const uint8_t *rdata, size_t len);

/* Does the rdata have the format of its type? */
static bool
rdata_fits(uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct rdata_type *own = rdata_type_by_number(type);
	bool fits;

	if (own != NULL && (own->family != RDATA_FIELDS || own->fields[0] != '\0')) {
		char *text = text_of_rdata(type, rdata, len);

		fits = text != NULL;
		free(text);
	} else {
		ldns_rr *rr = rr_from_rdata(type, rdata, len);

		fits = rr != NULL;
		ldns_rr_free(rr);
	}
	return fits;
}

/* RFC 3597 5: \# LENGTH HEX ... */
static bool
rdata_generic(uint16_t type, const struct line *line, size_t first, uint8_t *out, size_t *len)
{
	size_t digits = 0;
	uint64_t want;

	if (first + 1 >= line->count || !whole_from_text(line_token(line, first + 1), 65535, &want))
		return false;
	for (size_t i = first + 2; i < line->count; i++)
		for (const char *at = line_token(line, i); *at != '\0'; at++, digits++) {
			int digit = hex_digit(*at);

			if (digit < 0 || digits >= 2 * want)
				return false;
			out[digits / 2] = (uint8_t)(digits % 2 ? out[digits / 2] | digit : digit << 4);
		}
	if (digits != 2 * want)
		return false;
	*len = want;
	return rdata_fits(type, out, want);
}

/* The largest number that a field can hold; 0 if it is not a number, ULLONG_MAX if several tokens may follow.
 */
static unsigned long long
field_most(ldns_rdf_type type)
{
	switch (type) {
	case LDNS_RDF_TYPE_INT8:
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
		return 255;
	case LDNS_RDF_TYPE_INT16:
	case LDNS_RDF_TYPE_CERT_ALG:
		return 65535;
	case LDNS_RDF_TYPE_INT32:
	case LDNS_RDF_TYPE_PERIOD:
		return 4294967295;
	case LDNS_RDF_TYPE_HEX:
	case LDNS_RDF_TYPE_B64:
	case LDNS_RDF_TYPE_LOC:
	case LDNS_RDF_TYPE_WKS:
	case LDNS_RDF_TYPE_APL:
	case LDNS_RDF_TYPE_HIP:
		return UINT64_MAX;
	default:
		return 0;
	}
}

/* ldns lets numbers wrap around: MX 99999 would become 34463.  Tokens that are not numbers (a mnemonic, 1h)
 * are left to ldns. */
static bool
numbers_fit(const ldns_rr_descriptor *descriptor, const struct line *line, size_t first)
{
	for (size_t i = 0; first + i < line->count && i < ldns_rr_descriptor_minimum(descriptor); i++) {
		ldns_rdf_type type = ldns_rr_descriptor_field_type(descriptor, i);
		const char *token = line_token(line, first + i);
		uint64_t most = field_most(type), value;
		bool plain =
		    type == LDNS_RDF_TYPE_INT8 || type == LDNS_RDF_TYPE_INT16 || type == LDNS_RDF_TYPE_INT32;

		if (most == UINT64_MAX)
			return true;
		if (most == 0 || (!plain && strchr("+-0123456789", *token) == NULL))
			continue;
		if (!whole_at(&token, most, &value) || (plain && *token != '\0'))
			return false;
	}
	return true;
}

/* Join the tokens from first on to one text, with their quotes. */
static void
join_tokens(const struct line *line, size_t first, char *out)
{
	for (size_t i = first; i < line->count; i++)
		out += sprintf(out, "%s%s", i > first ? " " : "", line_token(line, i));
}

/* ldns lets a blob's length wrap at 64 KiB and pads odd hex: does its length match its text? */
static bool
blob_is_whole(const ldns_rdf *rdf, ldns_rdf_type type, const char *text, size_t len)
{
	size_t padding = 0;

	if (type == LDNS_RDF_TYPE_HEX)
		return 2 * ldns_rdf_size(rdf) == len;
	while (padding < len && text[len - padding - 1] == '=')
		padding++;
	return type != LDNS_RDF_TYPE_B64 || ldns_rdf_size(rdf) + padding == len / 4 * 3;
}

/* Read a field from tokens; ldns needs them without quotes and without blanks between them. */
static ldns_rdf *
field_from_tokens(ldns_rdf_type type, struct line *line, size_t first, size_t last)
{
	char *text = line_scratch(line, line->len + 1), *to = text;
	ldns_rdf *rdf;

	for (size_t i = first; i < last; i++) {
		const char *token = line_token(line, i);
		size_t len = strlen(token);
		bool quoted = len >= 2 && token[0] == '"' && token[len - 1] == '"';

		memcpy(to, token + quoted, len - 2 * quoted);
		to += len - 2 * quoted;
	}
	*to = '\0';
	rdf = ldns_rdf_new_frm_str(type, text);
	if (rdf != NULL && !blob_is_whole(rdf, type, text, (size_t)(to - text))) {
		ldns_rdf_deep_free(rdf);
		rdf = NULL;
	}
	return rdf;
}

/* The octets of one field at the end of the rdata.  Returns their number, 0 if the tokens are invalid. */
static size_t
put_field(ldns_rdf_type type, struct line *line, size_t first, size_t last, const uint8_t *origin,
    uint8_t *out, size_t room)
{
	uint8_t name[NAME_MAX_LEN];
	ldns_rdf *rdf = NULL;
	size_t len;

	if (type == LDNS_RDF_TYPE_DNAME)
		len = name_from_text(name, line_token(line, first), origin);
	else {
		rdf = field_from_tokens(type, line, first, last);
		len = rdf != NULL ? ldns_rdf_size(rdf) : 0;
	}
	if (len > room)
		len = 0;
	if (len > 0)
		memcpy(out, rdf != NULL ? ldns_rdf_data(rdf) : name, len);
	ldns_rdf_deep_free(rdf);
	return len;
}

/* base64 and hex may be broken into several tokens; they come last. */
static bool
is_blob(ldns_rdf_type type)
{
	return type == LDNS_RDF_TYPE_B64 || type == LDNS_RDF_TYPE_HEX;
}

/* Is each field of the type one token, or a blob at the end? */
static bool
has_plain_fields(const ldns_rr_descriptor *descriptor, size_t tokens)
{
	for (size_t i = 0; i < MIN(tokens, ldns_rr_descriptor_maximum(descriptor)); i++)
		switch (ldns_rr_descriptor_field_type(descriptor, i)) {
		case LDNS_RDF_TYPE_B64:
		case LDNS_RDF_TYPE_HEX:
			return i + 1 == ldns_rr_descriptor_maximum(descriptor);
		case LDNS_RDF_TYPE_A:
		case LDNS_RDF_TYPE_AAAA:
		case LDNS_RDF_TYPE_ALG:
		case LDNS_RDF_TYPE_CERT_ALG:
		case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
		case LDNS_RDF_TYPE_SELECTOR:
		case LDNS_RDF_TYPE_MATCHING_TYPE:
		case LDNS_RDF_TYPE_DNAME:
		case LDNS_RDF_TYPE_INT8:
		case LDNS_RDF_TYPE_INT16:
		case LDNS_RDF_TYPE_INT32:
		case LDNS_RDF_TYPE_PERIOD:
		case LDNS_RDF_TYPE_STR:
			break;
		default:
			return false;
		}
	return true;
}

/*
 * Read field by field.  This is faster than a whole record, for which ldns allocates and frees 128 KiB of
 * buffers, and it is the only way for text that is longer than the buffers.
 */
static bool
rdata_by_fields(const ldns_rr_descriptor *descriptor, struct line *line, size_t first, const uint8_t *origin,
    uint8_t *out, size_t *len)
{
	size_t field = 0;

	*len = 0;
	for (size_t token = first, last; token < line->count; token = last, field++) {
		ldns_rdf_type type;
		size_t got;

		if (field >= ldns_rr_descriptor_maximum(descriptor))
			return false;
		type = ldns_rr_descriptor_field_type(descriptor, field);
		last = is_blob(type) ? line->count : token + 1;
		if ((got = put_field(type, line, token, last, origin, out + *len, 65535 - *len)) == 0)
			return false;
		*len += got;
	}
	return field >= ldns_rr_descriptor_minimum(descriptor);
}

/* The other types: give the text of the record to ldns.  Returns NULL, or the error from ldns. */
static const char *
rdata_from_ldns(
    uint16_t type, struct line *line, size_t first, const uint8_t *origin, uint8_t *out, size_t *len)
{
	char *text = line_scratch(line, line->len + 64);
	size_t used = (size_t)sprintf(text, ". 0 IN TYPE%u ", type);
	ldns_rdf origin_rdf = {
	    ._size = name_len(origin), ._type = LDNS_RDF_TYPE_DNAME, ._data = (void *)origin};
	ldns_rr *rr = NULL;
	ldns_status status;
	bool fits;

	if (line->len > LDNS_TEXT_MAX)
		return "the text is too long: write the data as \\# LENGTH HEX (RFC 3597)";
	join_tokens(line, first, text + used);
	status = ldns_rr_new_frm_str(&rr, text, 0, &origin_rdf, NULL);
	if (status != LDNS_STATUS_OK)
		return ldns_get_errorstr_by_id(status);
	fits = rr != NULL && ldns_rr_get_type(rr) == type && rdata_of_rr(rr, out, len);
	ldns_rr_free(rr);
	return fits ? NULL : "more than 65,535 octets";
}

static bool
long_string(const struct line *line, size_t first)
{
	for (size_t i = first; i < line->count; i++) {
		size_t octets = 0;

		for (const char *at = line_token(line, i); *at != '\0'; at += line_step(at))
			octets += *at != '"';
		if (octets > 255)
			return true;
	}
	return false;
}

static struct rdata_result __attribute__((format(printf, 1, 2))) refused(const char *format, ...)
{
	struct rdata_result result = {.ok = false};
	va_list args;

	va_start(args, format);
	vsnprintf(result.why, sizeof result.why, format, args);
	va_end(args);
	return result;
}

/* The types that this program reads itself. */
static struct rdata_result
rdata_from_own(
    const struct rdata_type *type, struct line *line, size_t first, const uint8_t *origin, uint8_t *out)
{
	struct rdata_input in = {.line = line, .next = first, .origin = origin, .out = out};

	if (!rdata_type_read(type, &in))
		return refused("%s: %s", type->name, in.why);
	return (struct rdata_result){.ok = true, .len = in.len};
}

/* All other types, through ldns. */
static struct rdata_result
rdata_from_others(
    uint16_t type, const char *name, struct line *line, size_t first, const uint8_t *origin, uint8_t *out)
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);
	struct rdata_result result = {.ok = true};
	const char *why;

	if (descriptor == NULL || descriptor->_type != type)
		return refused("%s is an unknown type: write its data as \\# LENGTH HEX (RFC 3597)", name);
	if (!numbers_fit(descriptor, line, first))
		return refused("%s: a number is invalid or too large for its field", name);
	if (has_plain_fields(descriptor, line->count - first)) {
		if (!rdata_by_fields(descriptor, line, first, origin, out, &result.len))
			return refused("%s: %s", name,
			    long_string(line, first)
				? "a string has more than 255 octets: split it into several quoted strings"
				: "the data cannot be read as this type's, or has too few or too many "
				  "fields");
	} else {
		why = rdata_from_ldns(type, line, first, origin, out, &result.len);
		if (why != NULL)
			return refused("%s: %s", name, why);
	}
	return result;
}

/* The size of a digest in octets, by its kind (RFC 4034 5.1.4, 4509, 6605, 4255, 6594, 8976); 0: any number.
 */
static size_t
digest_octets(uint16_t type, const uint8_t *rdata, size_t len, size_t *head)
{
	static const size_t ds[] = {0, 20, 32, 32, 48}, sshfp[] = {0, 20, 32}, zonemd[] = {0, 48, 64};
	size_t kind;

	switch (type) {
	case TYPE_DS:
	case 59:    /* CDS */
	case 32768: /* TA */
	case 32769: /* DLV */
		*head = 4;
		kind = len > 3 ? rdata[3] : 0;
		return kind < NITEMS(ds) ? ds[kind] : 0;
	case 44: /* SSHFP */
		*head = 2;
		kind = len > 1 ? rdata[1] : 0;
		return kind < NITEMS(sshfp) ? sshfp[kind] : 0;
	case 63: /* ZONEMD */
		*head = 6;
		kind = len > 5 ? rdata[5] : 0;
		return kind < NITEMS(zonemd) ? zonemd[kind] : 0;
	default:
		return 0;
	}
}

/* Is the data text for people or programs, in which octets over 127 are kept? */
static bool
holds_text(uint16_t type)
{
	const struct rdata_type *own = rdata_type_by_number(type);
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);

	if (own != NULL)
		return own->fields != NULL && strpbrk(own->fields, "sST") != NULL;
	return ldns_rr_descriptor_field_type(descriptor, 0) == LDNS_RDF_TYPE_STR;
}

/* Names in another script become A-labels.  A parameter KEY=VALUE of SVCB is not a name. */
static bool
names_to_ascii(uint16_t type, struct line *line, size_t first, char why[160])
{
	if (holds_text(type))
		return true;
	for (size_t i = first; i < line->count; i++)
		if (strchr(line_token(line, i), '=') == NULL && !line_to_ascii(line, i, why))
			return false;
	return true;
}

struct rdata_result
rdata_from_line(uint16_t type, struct line *line, size_t first, const uint8_t *origin, uint8_t out[65535])
{
	const struct rdata_type *own = rdata_type_by_number(type);
	struct rdata_result result = {.ok = true};
	const uint8_t *known = origin ? origin : no_origin;
	size_t digest, head = 0;
	char name[16];

	zonefile_type_text(type, name);
	if (first >= line->count && type != TYPE_APL)
		return refused("%s has no data", name);
	if (!names_to_ascii(type, line, first, result.why)) {
		result.ok = false;
		return result;
	}
	if (first < line->count && strcmp(line_token(line, first), "\\#") == 0) {
		if (!rdata_generic(type, line, first, out, &result.len) ||
		    !rdata_sound(type, out, result.len))
			return refused(
			    "%s: \\# needs the length and as many octets in hex, in the shape of the type",
			    name);
		return result;
	}
	result = own != NULL ? rdata_from_own(own, line, first, known, out)
			     : rdata_from_others(type, name, line, first, known, out);
	if (!result.ok)
		return result;
	if (origin == NULL && memmem(out, result.len, no_origin, sizeof no_origin - 1) != NULL)
		return refused("%s has a relative name and no $ORIGIN before it: end the name "
			       "with a dot, add "
			       "$ORIGIN, or load it as NAME=FILE",
		    name);
	if (!rdata_sound(type, out, result.len))
		return refused("%s: the data is damaged", name);
	digest = digest_octets(type, out, result.len, &head);
	if (digest > 0 && result.len != head + digest)
		return refused("%s: a digest of this kind must have %zu octets; this one has %zu", name,
		    digest, result.len - head);
	return result;
}

bool
zonefile_rdata(uint16_t type, const char *text, const uint8_t *origin, uint8_t out[65535], size_t *len,
    struct problems *problems)
{
	static const uint8_t root[1] = {0};
	struct cursor cursor = {.at = text, .end = text + strlen(text), .line = 1};
	struct rdata_result result;
	struct line line = {0};

	line_next(&cursor, &line);
	if (line.fault[0] != '\0')
		result = refused("%s", line.fault);
	else
		result = rdata_from_line(type, &line, 0, origin ? origin : root, out);
	if (result.ok && line_next(&cursor, &line))
		result = refused("more than one line was given");
	line_free(&line);
	if (!result.ok)
		problems_error(problems, "%s", result.why);
	*len = result.len;
	return result.ok;
}

/* Presentation form of ldns, without the blanks that end some types.  Returns NULL if there is no text form.
 */
static char *
text_from_rr(ldns_rr *rr)
{
	ldns_buffer *buffer = ldns_buffer_new(512);
	char *text = NULL;
	size_t len;
	bool ok = buffer != NULL;

	for (size_t i = 0; ok && i < ldns_rr_rd_count(rr); i++) {
		if (i > 0)
			ldns_buffer_printf(buffer, " ");
		ok = ldns_rdf2buffer_str(buffer, ldns_rr_rdf(rr, i)) == LDNS_STATUS_OK;
	}
	if (ok)
		text = ldns_buffer_export2str(buffer);
	ldns_buffer_free(buffer);
	if (text != NULL)
		for (len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
			text[len - 1] = '\0';
	return text;
}

/* The text from this program's own writer.  Returns NULL if the data does not have the format of the type. */
static char *
text_of_own(const struct rdata_type *type, const uint8_t *rdata, size_t len)
{
	struct reader in = {.at = rdata, .end = rdata + len};
	char *text = NULL;
	size_t text_len;
	FILE *out = text_stream(&text, &text_len);
	bool good = rdata_type_write(type, out, &in);

	fclose(out);
	if (good)
		return text;
	free(text);
	return NULL;
}

/*
 * Presentation form; NULL if the data has no text form.  ldns fails to escape some octets, and its text form
 * of some data is invalid: a text is valid only if it reads back as the same data.
 */
static char *
text_of_rdata(uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct rdata_type *own = rdata_type_by_number(type);
	ldns_rr *rr = own == NULL ? rr_from_rdata(type, rdata, len) : NULL;
	char *text = own != NULL ? text_of_own(own, rdata, len) : rr != NULL ? text_from_rr(rr) : NULL;
	uint8_t *again = xmalloc(65535);
	struct problems unused = {0};
	size_t again_len;

	if (text == NULL || strchr(text, '\n') != NULL || (len == 0 && own == NULL) ||
	    !zonefile_rdata(type, text, NULL, again, &again_len, &unused) || again_len != len ||
	    memcmp(again, rdata, len) != 0) {
		free(text);
		text = NULL;
	}
	problems_free(&unused);
	free(again);
	ldns_rr_free(rr);
	return text;
}

static void
write_generic(FILE *out, const uint8_t *rdata, size_t len)
{
	fprintf(out, "\\# %zu%s", len, len > 0 ? " " : "");
	for (size_t octet = 0; octet < len; octet++)
		fprintf(out, "%02x", rdata[octet]);
}

void
zonefile_write_rdata(FILE *out, uint16_t type, const uint8_t *rdata, size_t len)
{
	char *text = text_of_rdata(type, rdata, len);

	if (text != NULL)
		fputs(text, out);
	else
		write_generic(out, rdata, len);
	free(text);
}

bool
zonefile_write(FILE *out, const uint8_t *owner, const struct rrset *rrset)
{
	const struct rdata_type *own = rdata_type_by_number(rrset->type);
	bool unnamed = own != NULL && own->unnamed;
	char name[NAME_MAX_TEXT], type[16];
	const uint8_t *at = rrset->records;

	name_to_text(owner, name);
	zonefile_type_text(rrset->type, type);
	if (unnamed)
		snprintf(type, sizeof type, "TYPE%u", rrset->type);
	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = rrset_next(&at, &len);

		if (!rdata_sound(rrset->type, rdata, len))
			return false;
		fprintf(out, "%s\t%u\tIN\t%s\t", name, rrset->ttl, type);
		if (unnamed)
			write_generic(out, rdata, len);
		else
			zonefile_write_rdata(out, rrset->type, rdata, len);
		fputc('\n', out);
	}
	return true;
}

const char *
zonefile_library(void)
{
	return ldns_version();
}
