/*
 * health.h -- the health store: the state of each endpoint, and the feed of flips (changes of state).
 *
 * graycloud-monitor writes it; graycloud-dnsd, `graycloud status` and `explain` read it. An endpoint is the
 * target of one probe: monitor id, address and the origin's own probe Host. So equal probes of several
 * origins run once, and editing a monitor keeps its records (S24). Each address of a hostname is a separate
 * endpoint (S16). Use the functions on the thread of the transaction; those that write return 0 or a negative
 * errno.
 */
#ifndef HEALTH_H
#define HEALTH_H

#include "zones/model/model.h"
#include "zones/store/store.h"

struct endpoint {
	uint8_t key[16];
};

/*
 * Two SipHashes of monitor id, 00, address (binary), 00, origin's header.Host in lower case. If a hostname
 * origin has no header.Host, another 00 and the hostname follow: the hostname is the probe's Host if the
 * monitor has none. address is the origin's own, or one of its hostname's.
 */
struct endpoint health_endpoint(
    const char *monitor_id, const struct origin *origin, const struct address *address);
/*
 * The endpoint of an origin of a pool: the same, but if the pool has a quorum or check_regions (S93), 00, the
 * quorum (1 octet) and the regions (4) follow. So all pools that use an endpoint count its votes alike.
 */
struct endpoint health_pool_endpoint(const struct pool *pool, const char *monitor_id,
    const struct origin *origin, const struct address *address);

/* The failures that [CF] 4.1 names, and others. The numbers are stored: never change one. */
enum health_reason {
	REASON_NONE = 0, /* "No failures" */
	REASON_TCP_CONNECTION_FAILED = 1,
	REASON_HTTP_TIMEOUT = 2,
	REASON_RESPONSE_CODE_MISMATCH = 3,
	REASON_RESPONSE_BODY_MISMATCH = 4,
	REASON_TLS_UNTRUSTED_CERTIFICATE = 5,
	REASON_TLS_NAME_MISMATCH = 6,
	REASON_TLS_PROTOCOL_ERROR = 7,
	REASON_TLS_UNRECOGNIZED_NAME = 8,
	REASON_NO_ROUTE_TO_HOST = 9,
	REASON_TCP_TIMEOUT = 10,
	REASON_TLS_HANDSHAKE_FAILURE = 11,
	REASON_NETWORK_UNREACHABLE = 12,
	REASON_HTTP_INVALID_RESPONSE = 13,
	REASON_DNS_UNKNOWN_HOST = 14,
	REASON_CONNECTION_RESET = 15,
	REASON_MONITOR_CONFIG_ERROR = 16,
	REASON_DNS_INTERNAL = 17,
	REASON_OTHER_FAILURE = 18,
	REASON_TOO_MANY_REDIRECTS = 19,
	REASON_TLS_CERTIFICATE_EXPIRED = 20,
	REASON_TLS_SELF_SIGNED = 21,
	REASON_TLS_NOT_YET_VALID = 22,
	REASON_HTTP_VERSION_MISMATCH = 23,
	REASON_SMTP_TIMEOUT = 24,
	REASON_SMTP_REPLY_MISMATCH = 25,
	REASON_SMTP_INVALID_REPLY = 26,
	REASON_SMTP_NO_STARTTLS = 27,
	REASON_ICMP_TIMEOUT = 28,
	REASON_UDP_PORT_UNREACHABLE = 29,
	REASON_PING_NOT_PERMITTED = 30,
	REASON_DNS_TIMEOUT = 31,
	REASON_DNS_RCODE_MISMATCH = 32,
	REASON_DNS_DATA_MISMATCH = 33,
	REASON_DNS_INVALID_RESPONSE = 34,
	REASON_COMMAND_TIMEOUT = 35,
	REASON_COMMAND_FAILED = 36,
	REASON_COMMAND_NOT_PERMITTED = 37,
	REASON_REDIRECT_TO_OTHER_HOST = 38,
	REASON_TLS_CLIENT_CERTIFICATE = 39,
	REASON_COUNT
};

const char *health_reason_text(enum health_reason reason);

/*
 * One endpoint. Stored in this memory layout (stores are local files); a change of the layout raises the
 * version.
 */
enum {
	HEALTH_RECORD_VERSION = 3,
	HEALTH_DETAIL_MAX = 64,
	HEALTH_CHANGES_KEPT = 16,
	HEALTH_TIMES = 48,       /* round-trip times of a day, one for each ... */
	HEALTH_TIME_MS = 1800000 /* ... half an hour */
};

struct health_record {
	uint8_t version;
	uint8_t state;       /* enum health_state: UNKNOWN, UP, SUSPECT, DOWN */
	uint8_t last_reason; /* enum health_reason of the last check */
	uint8_t streak_up;   /* good checks in a row, at most 255 */
	uint8_t streak_down; /* failed checks in a row, at most 255 */
	uint8_t verdict;     /* the result of S23; equal to the state unless the endpoint is damped (S39) */
	uint8_t nchanges;    /* number of entries in changed_s */
	uint8_t patient;     /* S16: its first verdict needs as many failed checks as any other */
	uint32_t last_code;  /* HTTP status of the last check, 0 if there was none */
	int32_t certificate_days; /* days until the certificate ends; INT32_MIN: no certificate was seen */
	uint64_t since_ms;        /* CLOCK_BOOTTIME when the state began */
	int64_t since_wall;       /* the same by the wall clock, for display */
	uint64_t last_ms;         /* CLOCK_BOOTTIME at the end of the last check; 0: never */
	uint64_t history;         /* the last 64 checks, newest in bit 0; 1 is good */
	uint32_t history_count;   /* number of valid bits in history, at most 64 */
	uint32_t rtt_us;          /* round trip of the last good check */
	uint32_t rtt_ewma_us;
	uint32_t rtt_steady_us; /* S41: the value that steering uses: it follows the average after that has
				   moved far enough; 0: unknown */
	uint32_t interval_ms;   /* the monitor's interval, for staleness (S25) */
	uint32_t asked; /* monitor.edition of the last check; if it differs, the monitor's questions have
			   changed (S24) */
	uint64_t stale_after_ms; /* monitor_stale_ms() of the monitor */
	uint64_t probes;         /* number of checks */
	uint64_t failures;
	uint64_t damped_until_ms; /* S39: held down until at least this CLOCK_BOOTTIME; 0: not held down */
	uint32_t changed_s[HEALTH_CHANGES_KEPT]; /* times of the last changes of the verdict, newest first:
						    seconds of CLOCK_BOOTTIME */
	uint32_t times_at;                       /* the half hour since 1970 of the newest of times */
	uint8_t times[HEALTH_TIMES]; /* S41: of half hour n at n % HEALTH_TIMES: see health_time_us */
	/*
	 * Details of the last check beyond its reason: printable ASCII, ended by NUL. If it is empty it is
	 * not stored.
	 */
	char detail[HEALTH_DETAIL_MAX];
};

enum health_flip_kind {
	FLIP_STATE = 0,     /* of an endpoint */
	FLIP_ADDRESSES = 1, /* of a hostname (hostname.h): its addresses changed, or the record was deleted */
	FLIP_ISOLATION = 2  /* of the monitor itself (S26), not of an endpoint */
};

struct health_flip {
	struct endpoint endpoint;    /* or name_key() */
	uint8_t state;               /* the new state; HEALTH_DISABLED: the record was deleted */
	uint8_t before;              /* the state before */
	uint8_t reason;              /* enum health_reason; of a hostname enum name_failure (hostname.h) */
	uint8_t kind;                /* enum health_flip_kind */
	uint8_t count, count_before; /* of a hostname: number of addresses */
	uint8_t damped;   /* S39: it is held down from here on; the state may have been down before */
	uint8_t isolated; /* of the monitor: 1 if isolation begins, 0 if it ends */
	uint64_t at_ms;   /* CLOCK_BOOTTIME */
	int64_t at_wall;
};

/* The monitor's heartbeat, written each second (S25). */
struct health_beat {
	uint64_t at_ms; /* CLOCK_BOOTTIME */
	int64_t at_wall;
	uint64_t started_ms;
	uint32_t pid;
	uint32_t endpoints;   /* number of endpoints that are probed */
	uint64_t generation;  /* generation of the configuration that is probed */
	uint64_t isolated_ms; /* S26: since when all canaries fail; 0: they do not */
	char boot[40];        /* boot id */
	char version[15];
	uint8_t notifies; /* S40: it has receivers of notifications */
};

enum { HEALTH_FLIPS_KEPT = 65536, HEALTH_DEAD_MS = 3000 };

bool health_get(struct store_txn *txn, const struct endpoint *endpoint, struct health_record *record);
int health_put(struct store_txn *txn, const struct endpoint *endpoint, const struct health_record *record);
int health_delete(struct store_txn *txn, const struct endpoint *endpoint);
typedef bool health_record_fn(void *arg, const struct endpoint *endpoint, const struct health_record *record);
bool health_each(struct store_txn *txn, health_record_fn *fn, void *arg);

/* The sequence of the newest flip; 0 if there is none. */
uint64_t health_flip_last(struct store_txn *txn);
/* Append a flip and delete those beyond HEALTH_FLIPS_KEPT. Returns 0 or a negative errno. */
int health_flip_put(struct store_txn *txn, const struct health_flip *flip);
typedef bool health_flip_fn(void *arg, uint64_t sequence, const struct health_flip *flip);
/*
 * Report the flips after a sequence, the oldest first. Returns false if the feed no longer reaches back: read
 * all records.
 */
bool health_flips_after(struct store_txn *txn, uint64_t sequence, health_flip_fn *fn, void *arg);

bool health_beat_get(struct store_txn *txn, struct health_beat *beat);
int health_beat_put(struct store_txn *txn, const struct health_beat *beat);

/* True if the last certificate that was seen has ended or ends within CERTIFICATE_WARN_DAYS. */
bool health_certificate_ends(const struct health_record *record);

/*
 * S41: enter the present average round-trip time into the times of the day. A wall clock that was set forward
 * leaves a gap, one that was set back by half an hour or more forgets all.
 */
void health_time_add(struct health_record *record, uint32_t us, int64_t now_wall);
/*
 * The round-trip time of the half hour that was ago half hours before the present one, in microseconds with
 * an error of at most 6 %; 0: it has none.
 */
uint32_t health_time_us(const struct health_record *record, unsigned ago, int64_t now_wall);

/* S25: true if there was no beat for 3 s, or the beat is of another boot. */
bool health_monitor_dead(const struct health_beat *beat, uint64_t now_ms);
/* S25: true if the record is older than its own limit, or of another boot. */
bool health_stale(const struct health_record *record, const struct health_beat *beat, uint64_t now_ms);
/*
 * S39: the earliest end of the damping of an endpoint, in milliseconds since 1970, by a wall clock that shows
 * now_wall at now_ms.
 */
int64_t health_damped_until(const struct health_record *record, uint64_t now_ms, int64_t now_wall);

#endif
