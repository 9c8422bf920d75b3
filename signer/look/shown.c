#include "signer/look/shown.h"

#include "zones/dns/message.h"
#include "zones/dns/wire.h"

#include <stdio.h>

enum {
	FLAG_AA = 0x0400,
	FLAG_AD = 0x0020,
	RCODE_MASK = 15,
	NOERROR = 0,
	SERVFAIL = 2,
	NXDOMAIN = 3,
	REFUSED = 5,
	DS_SHA256 = 2
};
enum { CLOCK_SLACK_S = 60 };                 /* a clock that is a minute off harms no signature */
enum { RECORDS_MAX = 32, RDATA_MAX = 2048 }; /* half of it is enough for RSA keys of 4096 bits */

static void
add_id(struct key_id *list, unsigned *count, const struct signing_key *row)
{
	if (*count < SHOWN_KEYS_MAX)
		list[(*count)++] = (struct key_id){row->algorithm, row->key_tag};
}

static void
note_ds_changes(struct shown *shown, const struct signing_key *rows, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		shown->ds_changes |=
		    rows[i].marks[MARK_DS] == MARK_COMING || rows[i].marks[MARK_DS] == MARK_GOING;
}

void
shown_fill(
    struct shown *shown, const uint8_t *apex, const struct signing_key *rows, unsigned count, bool enabling)
{
	*shown = (struct shown){.ds_may_be_there = enabling};
	note_ds_changes(shown, rows, count);
	memcpy(shown->apex, apex, name_len(apex));
	for (unsigned i = 0; i < count && i < SHOWN_KEYS_MAX; i++) {
		const struct signing_key *row = &rows[i];

		shown->known[shown->nknown++] = *row;
		if (key_shows(row, MARK_DNSKEY))
			shown->keys[shown->nkeys++] = *row;
		if (key_shows(row, MARK_SIGNS))
			add_id(shown->signers, &shown->nsigners, row);
		if (key_shows(row, MARK_DATA))
			add_id(shown->data, &shown->ndata, row);
		if (key_shows(row, MARK_DS))
			shown->ds[shown->nds++] = *row;
	}
}

/* Does the zone have keys that sign its data alone? Then those with the flag sign only DNSKEY, where they
 * are. */
static bool
is_split(const struct signing_key *rows, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!(rows[i].flags & DNSKEY_SEP))
			return true;
	return false;
}

/* RFC 8901 2.1.2: DNSKEY of each provider has the keys of the others that sign data. */
static void
add_needed(struct shown *shown, const struct signing_key *rows, unsigned count)
{
	bool split = is_split(rows, count);

	for (unsigned i = 0; i < count; i++)
		if (key_shows(&rows[i], MARK_DNSKEY) && !(split && rows[i].flags & DNSKEY_SEP))
			shown->needed[shown->nneeded++] = rows[i];
}

void
shown_add_providers(struct shown *shown, const struct signing_key *rows, unsigned count)
{
	add_needed(shown, shown->keys, shown->nkeys);
	note_ds_changes(shown, rows, count);
	for (unsigned i = 0; i < count && i < PROVIDER_KEYS_MAX; i++) {
		shown->others[shown->nothers++] = rows[i];
		shown->known[shown->nknown++] = rows[i];
		if (key_shows(&rows[i], MARK_DNSKEY))
			shown->keys[shown->nkeys++] = rows[i];
		if (key_shows(&rows[i], MARK_DS))
			shown->ds[shown->nds++] = rows[i];
	}
}

/* ---- answers ---- */

struct record {
	uint16_t type;
	uint32_t ttl;
	size_t len;
	uint8_t data[RDATA_MAX];
};

/* The records of the apex in the answer section. */
struct records {
	struct record list[RECORDS_MAX];
	unsigned count;
	unsigned rcode;
};

static bool
read_records(struct records *records, const uint8_t *apex, struct message *message, unsigned count)
{
	for (; count > 0 && !message->wrong; count--) {
		struct message_record one;
		struct record *out = &records->list[records->count];

		message_read_record(message, &one);
		if (message->wrong || one.class != CLASS_IN || !name_equal(one.owner, apex) ||
		    records->count == RECORDS_MAX || one.end - one.at > RDATA_MAX / 2)
			continue;
		out->type = one.type;
		out->ttl = one.ttl;
		out->len = message_record_data(message, &one, out->data, sizeof out->data);
		records->count += out->len > 0;
	}
	return !message->wrong;
}

/* Read an answer of any server. False with a reason if it is none. */
static bool
read_any(struct records *records, const uint8_t *apex, const uint8_t *octets, size_t len, char why[SHOWN_WHY])
{
	struct message message = {.octets = octets, .len = len, .at = WIRE_HEADER};
	uint8_t name[NAME_MAX_LEN];
	unsigned flags;

	records->count = 0;
	snprintf(why, SHOWN_WHY, "answers with a malformed message");
	if (octets == NULL || len < WIRE_HEADER || !(octets[2] & 0x80))
		return false;
	flags = get16(octets + 2);
	records->rcode = flags & RCODE_MASK;
	for (unsigned i = get16(octets + 4); i > 0 && !message.wrong; i--) {
		message_read_name(&message, name);
		message_read32(&message);
	}
	if (!read_records(records, apex, &message, get16(octets + 6)))
		return false;
	if (records->rcode == SERVFAIL)
		snprintf(why, SHOWN_WHY, "answers SERVFAIL");
	else if (records->rcode == REFUSED)
		snprintf(why, SHOWN_WHY, "answers REFUSED: it does not have the zone");
	else if (records->rcode != NOERROR && records->rcode != NXDOMAIN)
		snprintf(why, SHOWN_WHY, "answers with rcode %u", records->rcode);
	else
		return true;
	return false;
}

/* Read an authoritative answer. False with a reason if it is none. */
static bool
read_answer(
    struct records *records, const uint8_t *apex, const uint8_t *octets, size_t len, char why[SHOWN_WHY])
{
	if (!read_any(records, apex, octets, len, why))
		return false;
	if (get16(octets + 2) & FLAG_AA)
		return true;
	snprintf(why, SHOWN_WHY, "is not authoritative");
	return false;
}

/* ---- signatures ---- */

static bool
id_in(const struct key_id *list, unsigned count, const struct key_id *id)
{
	for (unsigned i = 0; i < count; i++)
		if (key_id_same(&list[i], id))
			return true;
	return false;
}

static bool
is_other(const struct shown *shown, const struct key_id *id, enum key_mark mark)
{
	for (unsigned i = 0; i < shown->nothers; i++) {
		struct key_id its = {shown->others[i].algorithm, shown->others[i].key_tag};

		if (key_id_same(&its, id))
			return mark == KEY_MARKS || key_shows(&shown->others[i], mark);
	}
	return false;
}

/* The signatures over a type. */
struct signed_type {
	uint16_t type;
	const char *what;
	enum key_mark mark; /* a key of another provider has it that makes one of them; other keys may, too */
	const struct key_id *wanted;
	unsigned nwanted;
	uint32_t now;
};

static unsigned
read_signers(const struct records *records, uint16_t type, const struct record *out[RECORDS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < records->count; i++)
		if (records->list[i].type == TYPE_RRSIG && records->list[i].len >= RRSIG_FIXED &&
		    get16(records->list[i].data) == type)
			out[count++] = &records->list[i];
	return count;
}

static struct key_id
signer_of(const struct record *rrsig)
{
	return (struct key_id){rrsig->data[2], get16(rrsig->data + 16)};
}

/* Is this the answer of a nameserver of another provider? */
static bool
is_theirs(const struct shown *shown, const struct records *records, const struct signed_type *type)
{
	const struct record *signatures[RECORDS_MAX];
	unsigned count = read_signers(records, type->type, signatures), theirs = 0;

	for (unsigned i = 0; i < count; i++) {
		struct key_id id = signer_of(signatures[i]);

		theirs += is_other(shown, &id, KEY_MARKS);
	}
	return count > 0 && theirs == count;
}

/* Is the type signed by exactly these keys, or by those of another provider, and has no signature ended? */
static bool
signed_by(const struct shown *shown, const struct records *records, const struct signed_type *type,
    char why[SHOWN_WHY])
{
	const struct record *signatures[RECORDS_MAX];
	struct key_id found[RECORDS_MAX];
	unsigned count = read_signers(records, type->type, signatures);
	bool theirs = is_theirs(shown, records, type), marked = false;

	for (unsigned i = 0; i < count; i++) {
		found[i] = signer_of(signatures[i]);
		marked |= is_other(shown, &found[i], type->mark);
		if (theirs ? !is_other(shown, &found[i], MARK_DATA)
			   : shown->others_alone || !id_in(type->wanted, type->nwanted, &found[i])) {
			snprintf(why, SHOWN_WHY, "still has the signature of key %u over %s",
			    found[i].key_tag, type->what);
			return false;
		}
		if ((int32_t)(get32(signatures[i]->data + 8) - type->now) < 0) {
			snprintf(why, SHOWN_WHY, "has a signature of key %u over %s that has ended",
			    found[i].key_tag, type->what);
			return false;
		}
	}
	/* BIND signs DNSKEY by the ZSK, too. */
	if (theirs && !marked)
		snprintf(why, SHOWN_WHY, "has no signature over %s by a key that a DS refers to", type->what);
	for (unsigned i = 0; i < type->nwanted && !theirs; i++)
		if (!id_in(found, count, &type->wanted[i])) {
			snprintf(why, SHOWN_WHY, "lacks the signature of key %u over %s",
			    type->wanted[i].key_tag, type->what);
			return false;
		}
	return !theirs || marked;
}

/* ---- DNSKEY ---- */

static const struct signing_key *
key_of(const struct signing_key *list, unsigned count, const uint8_t *dnskey, size_t len)
{
	for (unsigned i = 0; i < count; i++)
		if (signing_key_dnskey_len(&list[i]) == len && memcmp(list[i].dnskey, dnskey, len) == 0)
			return &list[i];
	return NULL;
}

static bool
has_dnskey(const struct records *records, const struct signing_key *key)
{
	for (unsigned i = 0; i < records->count; i++)
		if (records->list[i].type == TYPE_DNSKEY &&
		    key_of(key, 1, records->list[i].data, records->list[i].len) != NULL)
			return true;
	return false;
}

bool
shown_dnskey(const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, uint32_t *ttl,
    char why[SHOWN_WHY])
{
	const struct signed_type type = {
	    TYPE_DNSKEY, "DNSKEY", MARK_SIGNS, shown->signers, shown->nsigners, now};
	const struct signing_key *needed = shown->keys;
	unsigned nneeded = shown->nkeys;
	struct records records;

	*ttl = 0;
	if (!read_answer(&records, shown->apex, octets, len, why))
		return false;
	if (is_theirs(shown, &records, &type)) {
		needed = shown->needed;
		nneeded = shown->nneeded;
	}
	for (unsigned i = 0; i < records.count; i++) {
		const struct record *record = &records.list[i];

		if (record->type != TYPE_DNSKEY)
			continue;
		*ttl = MAX(*ttl, record->ttl);
		if (key_of(shown->keys, shown->nkeys, record->data, record->len) == NULL) {
			snprintf(why, SHOWN_WHY, "%s DNSKEY %u",
			    key_of(shown->known, shown->nknown, record->data, record->len)
				? "still has"
				: "has the foreign",
			    dnskey_tag(record->data, record->len));
			return false;
		}
	}
	for (unsigned i = 0; i < nneeded; i++)
		if (!has_dnskey(&records, &needed[i])) {
			snprintf(why, SHOWN_WHY, "lacks DNSKEY %u", needed[i].key_tag);
			return false;
		}
	return signed_by(shown, &records, &type, why);
}

bool
shown_unsigned(const struct shown *shown, const uint8_t *octets, size_t len)
{
	struct records records;
	char why[SHOWN_WHY];

	if (!read_answer(&records, shown->apex, octets, len, why))
		return false;
	for (unsigned i = 0; i < records.count; i++)
		if (records.list[i].type == TYPE_DNSKEY)
			return false;
	return true;
}

bool
shown_data(const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, char why[SHOWN_WHY])
{
	const struct signed_type type = {TYPE_SOA, "SOA", MARK_DATA, shown->data, shown->ndata, now};
	struct records records;

	return read_answer(&records, shown->apex, octets, len, why) && signed_by(shown, &records, &type, why);
}

/* ---- DS ---- */

static bool
is_ds_of(const struct record *record, const struct signing_key *key)
{
	return record->type == TYPE_DS && record->len == DS_OCTETS &&
	    memcmp(record->data, key->ds, DS_OCTETS) == 0;
}

static bool
names_key(const struct signing_key *list, unsigned count, const uint8_t *ds)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].key_tag == get16(ds) && list[i].algorithm == ds[2])
			return true;
	return false;
}

/* Does a DS belong there? Those with other digests than SHA-256 go by the name of the key. */
static bool
ds_belongs(const struct shown *shown, const struct record *record, char why[SHOWN_WHY])
{
	const struct signing_key *list = shown->ds_may_be_there ? shown->known : shown->ds;
	unsigned count = shown->ds_may_be_there ? shown->nknown : shown->nds, tag = get16(record->data);

	for (unsigned i = 0; i < count; i++)
		if (is_ds_of(record, &list[i]))
			return true;
	if (record->data[3] != DS_SHA256 && names_key(list, count, record->data))
		return true;
	if (names_key(shown->known, shown->nknown, record->data) && !names_key(list, count, record->data))
		snprintf(why, SHOWN_WHY, "still has the DS of key %u", tag);
	else
		snprintf(why, SHOWN_WHY, "has a DS %u that matches no key of the zone: take it out", tag);
	return false;
}

static bool
ds_shown(const struct shown *shown, const struct records *in, uint32_t *ttl, char why[SHOWN_WHY])
{
	for (unsigned i = 0; i < in->count; i++) {
		if (in->list[i].type != TYPE_DS || in->list[i].len < 4)
			continue;
		*ttl = MAX(*ttl, in->list[i].ttl);
		if (!ds_belongs(shown, &in->list[i], why))
			return false;
	}
	for (unsigned k = 0; k < shown->nds; k++) {
		bool found = false;

		for (unsigned i = 0; i < in->count; i++)
			found |= is_ds_of(&in->list[i], &shown->ds[k]);
		/* While the keys of a provider go, its DS may go, too. */
		if (!found && key_shows(&shown->ds[k], MARK_SIGNS)) {
			snprintf(why, SHOWN_WHY, "lacks the DS of key %u", shown->ds[k].key_tag);
			return false;
		}
	}
	return true;
}

static bool
has_ds_of_key(const struct shown *shown, const struct records *records)
{
	for (unsigned i = 0; i < records->count; i++)
		if (records->list[i].type == TYPE_DS && records->list[i].len >= 4 &&
		    names_key(shown->known, shown->nknown, records->list[i].data))
			return true;
	return false;
}

/* Join the time of one signature. */
static void
join_time(struct parent_time *time, const struct record *rrsig, uint32_t now)
{
	uint32_t from = get32(rrsig->data + 12), until = get32(rrsig->data + 8);
	bool holds = (int32_t)(from - now) <= CLOCK_SLACK_S && (int32_t)(now - until) <= CLOCK_SLACK_S,
	     first = time->says < PARENT_OFF;

	time->says = MAX(time->says, holds ? PARENT_HOLDS : PARENT_OFF);
	time->from = first || (int32_t)(from - time->from) < 0 ? from : time->from;
	time->until = first || (int32_t)(until - time->until) > 0 ? until : time->until;
}

void
shown_time(
    const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, struct parent_time *time)
{
	const struct record *signatures[RECORDS_MAX];
	struct records records;
	char why[SHOWN_WHY];
	unsigned count;

	if (!read_answer(&records, shown->apex, octets, len, why))
		return;
	time->says = MAX(time->says, PARENT_NOTHING);
	count = has_ds_of_key(shown, &records) ? read_signers(&records, TYPE_DS, signatures) : 0;
	for (unsigned i = 0; i < count; i++)
		join_time(time, signatures[i], now);
}

/* In a step one of the signatures must hold now, if there are any (S106). */
static bool
ds_holds(const struct records *records, uint32_t now, char why[SHOWN_WHY])
{
	const struct record *signatures[RECORDS_MAX];
	unsigned count = read_signers(records, TYPE_DS, signatures);

	for (unsigned i = 0; i < count; i++)
		if ((int32_t)(get32(signatures[i]->data + 8) - now) >= 0 &&
		    (int32_t)(now - get32(signatures[i]->data + 12)) >= 0)
			return true;
	if (count > 0)
		snprintf(why, SHOWN_WHY, "has no signature over DS that holds now: is the clock here right?");
	return count == 0;
}

bool
shown_ds(const struct shown *shown, const uint8_t *octets, size_t len, uint32_t now, uint32_t *ttl,
    char why[SHOWN_WHY])
{
	struct records records;

	*ttl = 0;
	return read_answer(&records, shown->apex, octets, len, why) && ds_shown(shown, &records, ttl, why) &&
	    ds_holds(&records, now, why);
}

/* ---- CDS and CDNSKEY (RFC 7344) ---- */

/* RFC 8078 4: the one record that asks for the deletion of all DS. */
static bool
is_deletion(const struct record *record)
{
	static const uint8_t cds[] = {0, 0, 0, 0, 0}, cdnskey[] = {0, 0, 3, 0, 0};

	return record->len == sizeof cds &&
	    memcmp(record->data, record->type == TYPE_CDS ? cds : cdnskey, sizeof cds) == 0;
}

static bool
is_cds_of(const struct record *record, const struct signing_key *key)
{
	return record->type == TYPE_CDS
	    ? record->len == DS_OCTETS && memcmp(record->data, key->ds, DS_OCTETS) == 0
	    : key_of(key, 1, record->data, record->len) != NULL;
}

static unsigned
tag_of(const struct record *record)
{
	return record->type == TYPE_CDS ? get16(record->data) : dnskey_tag(record->data, record->len);
}

/* Does a record of a nameserver belong there? CDS with other digests than SHA-256 go by the name of the key.
 */
static bool
cds_belongs(const struct shown *shown, const struct record *record, const char *type, char why[SHOWN_WHY])
{
	const struct signing_key *list = shown->ds_may_be_there ? shown->known : shown->ds;
	unsigned count = shown->delete_ds ? 0 : shown->ds_may_be_there ? shown->nknown : shown->nds, tag;
	bool known = false;

	if (record->len < 4 || is_deletion(record)) {
		snprintf(why, SHOWN_WHY, "has a %s that asks the parent to delete the DS", type);
		return record->len >= 4 && shown->delete_ds;
	}
	tag = tag_of(record);
	for (unsigned i = 0; i < count; i++)
		if (is_cds_of(record, &list[i]))
			return true;
	if (record->type == TYPE_CDS && record->data[3] != DS_SHA256 && names_key(list, count, record->data))
		return true;
	for (unsigned i = 0; i < shown->nknown; i++)
		known |= shown->known[i].key_tag == tag;
	snprintf(why, SHOWN_WHY, "%s %s %u", known ? "still has" : "has the foreign", type, tag);
	return false;
}

/* Are the records of one type exactly those that the step asks the parent for? */
static bool
cds_shown(
    const struct shown *shown, const struct records *in, uint16_t which, unsigned *count, char why[SHOWN_WHY])
{
	const char *type = which == TYPE_CDS ? "CDS" : "CDNSKEY";
	unsigned needed;

	for (unsigned i = 0; i < in->count; i++) {
		if (in->list[i].type != which)
			continue;
		(*count)++;
		if (!cds_belongs(shown, &in->list[i], type, why))
			return false;
	}
	needed = *count > 0 && !shown->delete_ds ? shown->nds : 0;
	for (unsigned k = 0; k < needed; k++) {
		bool found = false;

		for (unsigned i = 0; i < in->count; i++)
			found |= in->list[i].type == which && is_cds_of(&in->list[i], &shown->ds[k]);
		if (!found) {
			snprintf(why, SHOWN_WHY, "lacks %s %u", type, shown->ds[k].key_tag);
			return false;
		}
	}
	return true;
}

bool
shown_cds(const struct shown *shown, struct bytes cds, struct bytes cdnskey, struct bytes dnskey, bool *none,
    char why[SHOWN_WHY])
{
	const struct signed_type keys = {.type = TYPE_DNSKEY};
	const struct bytes answers[] = {cds, cdnskey};
	struct records records;
	unsigned count = 0, all = 0;

	*none = false;
	if (read_answer(&records, shown->apex, dnskey.data, dnskey.len, why) &&
	    is_theirs(shown, &records, &keys))
		return true;
	for (unsigned i = 0; i < NITEMS(answers); i++, all += count) {
		count = 0;
		if (!read_answer(&records, shown->apex, answers[i].data, answers[i].len, why) ||
		    !cds_shown(shown, &records, i == 0 ? TYPE_CDS : TYPE_CDNSKEY, &count, why))
			return false;
	}
	*none = all == 0 && (shown->nds > 0 || shown->delete_ds);
	if (*none)
		snprintf(why, SHOWN_WHY, "has neither CDS nor CDNSKEY");
	return !*none;
}

/* ---- a resolver ---- */

bool
shown_validated(const uint8_t *octets, size_t len)
{
	return octets != NULL && len >= WIRE_HEADER && octets[2] & 0x80 && get16(octets + 2) & FLAG_AD &&
	    (get16(octets + 2) & RCODE_MASK) == NOERROR;
}

bool
shown_failed(const uint8_t *octets, size_t len)
{
	return octets == NULL || len < WIRE_HEADER || (get16(octets + 2) & RCODE_MASK) == SERVFAIL;
}

bool
shown_resolved_ds(const struct shown *shown, const uint8_t *octets, size_t len, char why[SHOWN_WHY])
{
	struct records records;
	bool some = false;
	uint32_t ttl = 0;

	if (!read_any(&records, shown->apex, octets, len, why) || !ds_shown(shown, &records, &ttl, why))
		return false;
	for (unsigned i = 0; i < records.count; i++)
		some |= records.list[i].type == TYPE_DS;
	if (!some || get16(octets + 2) & FLAG_AD)
		return true;
	snprintf(why, SHOWN_WHY, "does not validate the DS (no AD)");
	return false;
}
