#include "zones/state/health.h"
#include "zones/base/siphash.h"

#include <errno.h>

/* The input of an endpoint's hash: an id, an address or hostname, a Host header. Longer input is clipped. */
struct hash_input {
	uint8_t octets[1024];
	size_t len;
};

static void
hash_octets(struct hash_input *input, const void *data, size_t len)
{
	len = MIN(len, sizeof input->octets - input->len);
	memcpy(input->octets + input->len, data, len);
	input->len += len;
}

static void
hash_lower(struct hash_input *input, const char *text)
{
	for (; *text != '\0'; text++) {
		uint8_t octet = name_lower_octet((uint8_t)*text);

		hash_octets(input, &octet, 1);
	}
}

struct endpoint
health_endpoint(const char *monitor_id, const struct origin *origin, const struct address *address)
{
	static const struct pool any = {.quorum = 0};

	return health_pool_endpoint(&any, monitor_id, origin, address);
}

struct endpoint
health_pool_endpoint(const struct pool *pool, const char *monitor_id, const struct origin *origin,
    const struct address *address)
{
	static const uint64_t keys[2][2] = {{0, 0}, {1, 1}};
	struct hash_input input = {.len = 0};
	uint8_t counting[6] = {0, (uint8_t)pool->quorum};
	struct endpoint endpoint;

	hash_octets(&input, monitor_id, strlen(monitor_id) + 1);
	hash_octets(&input, address->bytes, address_len(address));
	hash_octets(&input, "", 1);
	if (origin->host != NULL) {
		hash_lower(&input, origin->host);
	} else if (origin_is_hostname(origin)) {
		hash_octets(&input, "", 1);
		hash_lower(&input, origin->address);
	}
	put32(counting + 2, pool->check_regions);
	if (pool->quorum != 0 || pool->check_regions != 0)
		hash_octets(&input, counting, sizeof counting);
	put64(endpoint.key, siphash(keys[0], input.octets, input.len));
	put64(endpoint.key + 8, siphash(keys[1], input.octets, input.len));
	return endpoint;
}

const char *
health_reason_text(enum health_reason reason)
{
	/* The texts of [CF] 4.1, and more texts for failures that it does not name. */
	static const char *const texts[REASON_COUNT] = {
	    [REASON_NONE] = "No failures",
	    [REASON_TCP_CONNECTION_FAILED] = "TCP connection failed",
	    [REASON_HTTP_TIMEOUT] = "HTTP timeout occurred",
	    [REASON_RESPONSE_CODE_MISMATCH] = "Response code mismatch error",
	    [REASON_RESPONSE_BODY_MISMATCH] = "Response body mismatch error",
	    [REASON_TLS_UNTRUSTED_CERTIFICATE] = "TLS untrusted certificate error",
	    [REASON_TLS_NAME_MISMATCH] = "TLS name mismatch error",
	    [REASON_TLS_PROTOCOL_ERROR] = "TLS protocol error",
	    [REASON_TLS_UNRECOGNIZED_NAME] = "TLS unrecognized name error",
	    [REASON_NO_ROUTE_TO_HOST] = "No route to host error",
	    [REASON_TCP_TIMEOUT] = "TCP timeout",
	    [REASON_TLS_HANDSHAKE_FAILURE] = "TLS handshake failure",
	    [REASON_NETWORK_UNREACHABLE] = "Network unreachable",
	    [REASON_HTTP_INVALID_RESPONSE] = "HTTP invalid response",
	    [REASON_DNS_UNKNOWN_HOST] = "DNS unknown host",
	    [REASON_CONNECTION_RESET] = "Connection reset by peer",
	    [REASON_MONITOR_CONFIG_ERROR] = "Monitor config error",
	    [REASON_DNS_INTERNAL] = "DNS internal",
	    [REASON_OTHER_FAILURE] = "Other failure",
	    [REASON_TOO_MANY_REDIRECTS] = "Too many redirects",
	    [REASON_TLS_CERTIFICATE_EXPIRED] = "TLS certificate expired",
	    [REASON_TLS_SELF_SIGNED] = "TLS self-signed certificate error",
	    [REASON_TLS_NOT_YET_VALID] = "TLS certificate not yet valid",
	    [REASON_HTTP_VERSION_MISMATCH] = "HTTP version mismatch error",
	    [REASON_SMTP_TIMEOUT] = "SMTP timeout occurred",
	    [REASON_SMTP_REPLY_MISMATCH] = "SMTP reply code mismatch error",
	    [REASON_SMTP_INVALID_REPLY] = "SMTP invalid reply",
	    [REASON_SMTP_NO_STARTTLS] = "SMTP STARTTLS not offered",
	    [REASON_ICMP_TIMEOUT] = "ICMP timeout occurred",
	    [REASON_UDP_PORT_UNREACHABLE] = "UDP port unreachable",
	    [REASON_PING_NOT_PERMITTED] = "Monitor config error: ping is not permitted here",
	    [REASON_DNS_TIMEOUT] = "DNS timeout occurred",
	    [REASON_DNS_RCODE_MISMATCH] = "DNS response code mismatch error",
	    [REASON_DNS_DATA_MISMATCH] = "DNS data mismatch error",
	    [REASON_DNS_INVALID_RESPONSE] = "DNS invalid response",
	    [REASON_COMMAND_TIMEOUT] = "Command timeout occurred",
	    [REASON_COMMAND_FAILED] = "Command failed",
	    [REASON_COMMAND_NOT_PERMITTED] = "Monitor config error: commands need --allow-exec",
	    [REASON_REDIRECT_TO_OTHER_HOST] = "Redirect to another host",
	    [REASON_TLS_CLIENT_CERTIFICATE] = "TLS client certificate required",
	};

	return (unsigned)reason < REASON_COUNT ? texts[reason] : texts[REASON_OTHER_FAILURE];
}

static struct bytes
endpoint_key(const struct endpoint *endpoint)
{
	return (struct bytes){endpoint->key, sizeof endpoint->key};
}

/* A row without detail ends before it. */
static const size_t short_record = offsetof(struct health_record, detail);

/* Treat a record of another version or size as missing: the next check writes it again. */
static bool
read_record(struct health_record *record, struct bytes value)
{
	if (value.len != sizeof *record && value.len != short_record)
		return false;
	*record = (struct health_record){0};
	memcpy(record, value.data, value.len);
	record->detail[HEALTH_DETAIL_MAX - 1] = '\0';
	return record->version == HEALTH_RECORD_VERSION;
}

bool
health_get(struct store_txn *txn, const struct endpoint *endpoint, struct health_record *record)
{
	struct bytes value;

	return store_get(txn, TABLE_STATE, endpoint_key(endpoint), &value) && read_record(record, value);
}

int
health_put(struct store_txn *txn, const struct endpoint *endpoint, const struct health_record *record)
{
	size_t len = record->detail[0] == '\0' ? short_record : sizeof *record;

	return store_put(txn, TABLE_STATE, endpoint_key(endpoint), (struct bytes){record, len});
}

int
health_delete(struct store_txn *txn, const struct endpoint *endpoint)
{
	return store_delete(txn, TABLE_STATE, endpoint_key(endpoint));
}

bool
health_each(struct store_txn *txn, health_record_fn *fn, void *arg)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_STATE);
	struct health_record record;
	struct endpoint endpoint;
	struct bytes key, value;
	bool going = cursor != NULL;

	if (cursor == NULL)
		return false;
	for (bool more = store_cursor_first(cursor, &key, &value); more && going;
	     more = store_cursor_next(cursor, &key, &value)) {
		if (key.len != sizeof endpoint.key || !read_record(&record, value))
			continue;
		memcpy(endpoint.key, key.data, sizeof endpoint.key);
		going = fn(arg, &endpoint, &record);
	}
	store_cursor_close(cursor);
	return going;
}

/* The sequence of a row of the feed; 0 if the row is not of this layout. */
static uint64_t
flip_sequence(struct bytes key)
{
	return key.len == 8 ? get64(key.data) : 0;
}

uint64_t
health_flip_last(struct store_txn *txn)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_FLIPS);
	struct bytes key, value;
	uint64_t last = 0;

	if (cursor != NULL && store_cursor_last(cursor, &key, &value))
		last = flip_sequence(key);
	store_cursor_close(cursor);
	return last;
}

/* Delete the flips up to a sequence. */
static int
forget_flips(struct store_txn *txn, uint64_t upto)
{
	struct store_cursor *cursor = store_cursor_open(txn, TABLE_FLIPS);
	struct bytes key, value;
	int error = cursor == NULL ? -ENOMEM : 0;
	bool more = cursor != NULL && store_cursor_first(cursor, &key, &value);

	while (more && error == 0 && flip_sequence(key) <= upto) {
		error = store_cursor_delete(cursor);
		more = store_cursor_next(cursor, &key, &value);
	}
	store_cursor_close(cursor);
	return error;
}

int
health_flip_put(struct store_txn *txn, const struct health_flip *flip)
{
	uint64_t sequence = health_flip_last(txn) + 1;
	uint8_t key[8];
	int error;

	put64(key, sequence);
	error = store_append(
	    txn, TABLE_FLIPS, (struct bytes){key, sizeof key}, (struct bytes){flip, sizeof *flip});
	if (error == 0 && sequence > HEALTH_FLIPS_KEPT)
		error = forget_flips(txn, sequence - HEALTH_FLIPS_KEPT);
	return error;
}

bool
health_flips_after(struct store_txn *txn, uint64_t sequence, health_flip_fn *fn, void *arg)
{
	struct store_cursor *cursor;
	struct health_flip flip;
	struct bytes key, value;
	uint64_t last = health_flip_last(txn), next = sequence + 1;
	uint8_t from[8];
	bool more, whole = true;

	if (sequence >= last)
		return sequence == last; /* beyond the end: this is not the feed that was read before */
	cursor = store_cursor_open(txn, TABLE_FLIPS);
	if (cursor == NULL)
		return false;
	put64(from, next);
	more = store_cursor_seek(cursor, (struct bytes){from, sizeof from}, &key, &value);
	for (; more && whole; more = store_cursor_next(cursor, &key, &value), next++) {
		whole = flip_sequence(key) == next && value.len == sizeof flip;
		if (!whole)
			break;
		memcpy(&flip, value.data, sizeof flip);
		if (!fn(arg, next, &flip))
			break;
	}
	store_cursor_close(cursor);
	return whole;
}

static const struct bytes beat_key = {"beat", 4};

bool
health_beat_get(struct store_txn *txn, struct health_beat *beat)
{
	struct bytes value;

	if (!store_get(txn, TABLE_BEAT, beat_key, &value) || value.len != sizeof *beat)
		return false;
	memcpy(beat, value.data, sizeof *beat);
	beat->boot[sizeof beat->boot - 1] = '\0';
	beat->version[sizeof beat->version - 1] = '\0';
	return true;
}

int
health_beat_put(struct store_txn *txn, const struct health_beat *beat)
{
	return store_put(txn, TABLE_BEAT, beat_key, (struct bytes){beat, sizeof *beat});
}

/* ---- round-trip times of a day ---- */

/* Eight steps for each power of two: (8 + step) << power >> 3, rounded. */
static uint8_t
time_code(uint32_t us)
{
	uint64_t value = MAX(us, 2);
	unsigned power = 31 - (unsigned)__builtin_clz((uint32_t)value), step;

	step = (unsigned)(((value << 4 >> power) - 16 + 1) >> 1);
	return (uint8_t)MIN(8 * power + step, 255U);
}

static uint32_t
half_hour(int64_t wall)
{
	return (uint32_t)(wall / HEALTH_TIME_MS);
}

void
health_time_add(struct health_record *record, uint32_t us, int64_t now_wall)
{
	uint32_t now = half_hour(now_wall);

	if (now < record->times_at || now - record->times_at >= HEALTH_TIMES)
		memset(record->times, 0, sizeof record->times);
	else
		for (uint32_t at = record->times_at; at < now; at++)
			record->times[(at + 1) % HEALTH_TIMES] = 0;
	record->times_at = now;
	record->times[now % HEALTH_TIMES] = time_code(us);
}

uint32_t
health_time_us(const struct health_record *record, unsigned ago, int64_t now_wall)
{
	uint32_t now = half_hour(now_wall), code;

	if (ago > now || now - ago > record->times_at || record->times_at - (now - ago) >= HEALTH_TIMES)
		return 0;
	code = record->times[(now - ago) % HEALTH_TIMES];
	return code == 0 ? 0 : (uint32_t)((uint64_t)(8 + code % 8) << code / 8 >> 3);
}

/* S25: CLOCK_BOOTTIME of another boot cannot be compared with the current one. */
static bool
same_boot(const struct health_beat *beat)
{
	return strcmp(beat->boot, boot_id()) == 0;
}

bool
health_monitor_dead(const struct health_beat *beat, uint64_t now_ms)
{
	return !same_boot(beat) || now_ms > beat->at_ms + HEALTH_DEAD_MS;
}

bool
health_certificate_ends(const struct health_record *record)
{
	return record->certificate_days != INT32_MIN && record->certificate_days < CERTIFICATE_WARN_DAYS;
}

bool
health_stale(const struct health_record *record, const struct health_beat *beat, uint64_t now_ms)
{
	if (!same_boot(beat))
		return true;
	/* A record that was carried over from another boot has a state but no last check in this boot. */
	if (record->last_ms == 0)
		return record->state != HEALTH_UNKNOWN;
	return now_ms > record->last_ms + record->stale_after_ms;
}

int64_t
health_damped_until(const struct health_record *record, uint64_t now_ms, int64_t now_wall)
{
	return now_wall + ((int64_t)record->damped_until_ms - (int64_t)now_ms);
}
