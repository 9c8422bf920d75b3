#include "sync/votes/pulse.h"

#include "sync/engine/own_key.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SENT_KEPT = 64, /* beats whose time is known: longer than any of them is in flight */
	SHEETS_AT_ONCE = REQUEST_OPERATIONS_MAX - 1,
	OCTETS_AT_ONCE = REQUEST_OCTETS_MAX / 2
};

struct pulse {
	struct etcd *etcd;
	struct ballot *ballot;
	char *prefix, *node;
	void (*done)(void *arg);
	void *arg;
	uint64_t instance, count;
	uint64_t due_ms;
	uint64_t sent_ms[SENT_KEPT]; /* of beat number n in n % SENT_KEPT */
	bool in_flight;
	bool sent[SHEETS];      /* in the request in flight */
	bool has_sheet[SHEETS]; /* and that it has votes */
	bool beat_sent;
	struct own_key keys[SHEETS], beat_key;
	uint64_t pause_ms; /* nothing is sent before */
	unsigned next;     /* the sheet at which the next transaction begins to look */
	char error[256];
};

struct pulse *
pulse_new(struct etcd *etcd, struct ballot *ballot, const char *prefix, const char *node,
    void (*done)(void *arg), void *arg)
{
	struct pulse *pulse = xcalloc(1, sizeof *pulse);

	pulse->etcd = etcd;
	pulse->ballot = ballot;
	pulse->prefix = xstrdup(prefix);
	pulse->node = xstrdup(node);
	pulse->done = done;
	pulse->arg = arg;
	random_bytes(&pulse->instance, sizeof pulse->instance);
	pulse->instance >>= 1;
	return pulse;
}

void
pulse_free(struct pulse *pulse)
{
	if (pulse == NULL)
		return;
	free(pulse->prefix);
	free(pulse->node);
	free(pulse);
}

uint64_t
pulse_instance(const struct pulse *pulse)
{
	return pulse->instance;
}

/* The sheets of the request in flight may not be in the engine. */
static void
take_back(struct pulse *pulse)
{
	for (unsigned i = 0; i < SHEETS; i++) {
		if (pulse->sent[i])
			ballot_sheet_unsent(pulse->ballot, i);
		pulse->sent[i] = false;
	}
}

void
pulse_disconnected(struct pulse *pulse)
{
	take_back(pulse);
	pulse->in_flight = false;
}

void
pulse_connected(struct pulse *pulse)
{
	pulse_disconnected(pulse);
	ballot_sheets_unsent(pulse->ballot);
	pulse->due_ms = pulse->pause_ms = 0;
}

void
pulse_begun(struct pulse *pulse)
{
	memset(pulse->keys, 0, sizeof pulse->keys);
	pulse->beat_key = (struct own_key){0};
}

void
pulse_heard(struct pulse *pulse, unsigned number, const struct etcd_row *row)
{
	own_key_heard(number == SHEETS ? &pulse->beat_key : &pulse->keys[number], row);
	pulse->pause_ms = 0;
}

void
pulse_hurry(struct pulse *pulse)
{
	pulse->due_ms = 0;
}

/* The request was carried out: the engine has what it wrote. */
static void
note_written(struct pulse *pulse, int64_t revision)
{
	for (unsigned i = 0; i < SHEETS; i++)
		if (pulse->sent[i])
			own_key_done(&pulse->keys[i], revision, pulse->has_sheet[i]);
	if (pulse->beat_sent)
		own_key_done(&pulse->beat_key, revision, true);
}

static void
on_done(void *arg, const struct etcd_answer *answer)
{
	struct pulse *pulse = arg;
	bool written = answer->outcome == ETCD_DONE && answer->succeeded;

	pulse->in_flight = false;
	if (written)
		note_written(pulse, answer->revision);
	else
		take_back(pulse);
	if (!written && pulse->beat_sent)
		pulse->due_ms = 0;
	if (answer->outcome == ETCD_DONE && !written)
		pulse->pause_ms = boot_ms() + OWN_KEY_PAUSE_MS;
	memset(pulse->sent, 0, sizeof pulse->sent);
	memcpy(pulse->error, answer->error, sizeof pulse->error);
	pulse->done(pulse->arg);
}

static void
put_sheet(struct pulse *pulse, struct etcd_txn *txn, unsigned number)
{
	size_t len;
	uint8_t *document = ballot_sheet(pulse->ballot, number, &len);
	char *key = xasprintf("%svotes/%s/%02x", pulse->prefix, pulse->node, number);

	pulse->sent[number] = true;
	pulse->has_sheet[number] = len > 0;
	own_key_bind(&pulse->keys[number], txn, key);
	if (len > 0)
		etcd_txn_put(txn, key, (struct bytes){document, len});
	else
		etcd_txn_delete(txn, key);
	free(key);
	free(document);
}

static void
put_beat(struct pulse *pulse, struct etcd_txn *txn, struct beat *beat, uint64_t now_ms)
{
	char *key = xasprintf("%slive/%s", pulse->prefix, pulse->node), *text;

	beat->instance = pulse->instance;
	beat->count = ++pulse->count;
	pulse->sent_ms[pulse->count % SENT_KEPT] = now_ms;
	pulse->due_ms = now_ms + BEAT_MS;
	pulse->beat_sent = true;
	text = beat_write(beat);
	own_key_bind(&pulse->beat_key, txn, key);
	etcd_txn_put(txn, key, (struct bytes){text, strlen(text)});
	free(text);
	free(key);
}

/* Put sheets that wait; returns false if more remain than one transaction may have. */
static bool
put_sheets(struct pulse *pulse, struct etcd_txn *txn)
{
	for (unsigned i = 0; i < SHEETS; i++) {
		unsigned number = (pulse->next + i) % SHEETS;

		if (!ballot_sheet_waits(pulse->ballot, number))
			continue;
		if (etcd_txn_operations(txn) == SHEETS_AT_ONCE || etcd_txn_octets(txn) >= OCTETS_AT_ONCE) {
			pulse->next = number;
			return false;
		}
		put_sheet(pulse, txn, number);
	}
	return true;
}

void
pulse_send(struct pulse *pulse, struct beat *beat, bool votes, uint64_t now_ms)
{
	struct etcd_txn *txn;
	bool waits = false;

	if (pulse->in_flight || now_ms < pulse->pause_ms)
		return;
	for (unsigned i = 0; i < SHEETS && votes && !waits; i++)
		waits = ballot_sheet_waits(pulse->ballot, i);
	if (!waits && now_ms < pulse->due_ms)
		return;
	pulse->beat_sent = false;
	txn = etcd_txn_new();
	if (!votes || put_sheets(pulse, txn))
		put_beat(pulse, txn, beat, now_ms);
	pulse->in_flight = true;
	etcd_commit(pulse->etcd, txn, on_done, pulse);
}

uint64_t
pulse_sent(const struct pulse *pulse, const struct beat *beat)
{
	if (beat->instance != pulse->instance || beat->count > pulse->count ||
	    beat->count + SENT_KEPT <= pulse->count)
		return 0;
	return pulse->sent_ms[beat->count % SENT_KEPT];
}

const char *
pulse_error(const struct pulse *pulse)
{
	return pulse->error;
}
