/*
 * health.h -- what the health store says: the state of each endpoint, and the feed of flips.
 *
 * graycloud-monitor writes it; graycloud-dnsd, `graycloud status` and `explain` read it.  An endpoint is what
 * one probe asks: monitor id, address and the origin's own probe Host, so that equal probes of several
 * origins run once and editing a monitor keeps its records (S24).  Each address of a hostname is an endpoint
 * of its own (S16).
 */
#ifndef HEALTH_H
#define HEALTH_H

#include "zones/model/model.h"
#include "zones/store/store.h"

struct endpoint {
	uint8_t key[16];
};

/*
 * Two SipHashes of monitor id, 00, address (binary), 00, origin's header.Host in lower case; where a hostname
 * has no header.Host, another 00 and the hostname, which is the probe's Host where the monitor has none.
 * address is the origin's own, or one of its hostname's.
 */
struct endpoint health_endpoint(
    const char *monitor_id, const struct origin *origin, const struct address *address);

/* [CF] 4.1's vocabulary of failures, and ours.  The numbers stand in the store: never change one. */
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

/* One endpoint.  Stored as it stands (stores are local files); a change of shape raises the version. */
enum { HEALTH_RECORD_VERSION = 2, HEALTH_DETAIL_MAX = 64, HEALTH_CHANGES_KEPT = 16 };

struct health_record {
	uint8_t version;
	uint8_t state;            /* enum health_state: UNKNOWN, UP, SUSPECT, DOWN */
	uint8_t last_reason;      /* enum health_reason of the last check */
	uint8_t streak_up;        /* good checks in a row, at most 255 */
	uint8_t streak_down;      /* failed checks in a row, at most 255 */
	uint8_t verdict;          /* what S23 alone says: the state, but while it is damped (S39) */
	uint8_t nchanges;         /* of changed_s */
	uint8_t patient;          /* S16: its first verdict takes as many failed checks as any other */
	uint32_t last_code;       /* HTTP status of the last check, 0 where there was none */
	int32_t certificate_days; /* days until the certificate ends; INT32_MIN: none seen */
	uint64_t since_ms;        /* CLOCK_BOOTTIME when the state began */
	int64_t since_wall;       /* the same for display */
	uint64_t last_ms;         /* CLOCK_BOOTTIME of the last check's end; 0: never */
	uint64_t history;         /* the last 64 checks, newest in bit 0, 1 is good */
	uint32_t history_count;   /* how many of the bits are real, at most 64 */
	uint32_t rtt_us;          /* of the last good check */
	uint32_t rtt_ewma_us;
	uint32_t rtt_steady_us; /* S41: what steering goes by: follows the average when it has moved far
				   enough; 0: not known */
	uint32_t interval_ms;   /* for staleness (S25) */
	uint32_t asked;         /* monitor.edition of the last check: another one asks something else (S24) */
	uint64_t stale_after_ms; /* monitor_stale_ms() */
	uint64_t probes;         /* checks run */
	uint64_t failures;
	uint64_t damped_until_ms; /* S39: held down until then at least, CLOCK_BOOTTIME; 0: it is not */
	uint32_t changed_s[HEALTH_CHANGES_KEPT]; /* when the verdict changed, newest first: seconds of
						    CLOCK_BOOTTIME */
	/* What the last check has to say beyond its reason: printable ASCII, ended by NUL.  Where empty it is
	 * not stored. */
	char detail[HEALTH_DETAIL_MAX];
};

enum health_flip_kind {
	FLIP_STATE = 0,     /* of an endpoint */
	FLIP_ADDRESSES = 1, /* of a hostname (names.h): other ones than before, or the record was deleted */
	FLIP_ISOLATION = 2  /* of the monitor itself (S26), and of no endpoint */
};

struct health_flip {
	struct endpoint endpoint; /* or name_key() */
	uint8_t state;            /* the new one; HEALTH_DISABLED: the record was deleted */
	uint8_t before;           /* the state before */
	uint8_t reason; /* enum health_reason; of a hostname enum name_failure (names.h), which older versions
			   left 0 */
	uint8_t kind;   /* enum health_flip_kind */
	uint8_t count, count_before; /* of a hostname: how many addresses */
	uint8_t damped;   /* S39: from here on it is held down; the state may have been down before */
	uint8_t isolated; /* of the monitor: it begins to be; else it ends */
	uint64_t at_ms;   /* CLOCK_BOOTTIME */
	int64_t at_wall;
};

/* The monitor's heartbeat, each second (S25). */
struct health_beat {
	uint64_t at_ms; /* CLOCK_BOOTTIME */
	int64_t at_wall;
	uint64_t started_ms;
	uint32_t pid;
	uint32_t endpoints;   /* how many are probed */
	uint64_t generation;  /* of the configuration that is probed */
	uint64_t isolated_ms; /* S26: all canaries fail since then; 0: they do not */
	char boot[40];        /* boot id */
	char version[16];
};

enum { HEALTH_FLIPS_KEPT = 65536, HEALTH_DEAD_MS = 3000 };

bool health_get(struct store_txn *txn, const struct endpoint *endpoint, struct health_record *record);
int health_put(struct store_txn *txn, const struct endpoint *endpoint, const struct health_record *record);
int health_delete(struct store_txn *txn, const struct endpoint *endpoint);
typedef bool health_record_fn(void *arg, const struct endpoint *endpoint, const struct health_record *record);
bool health_each(struct store_txn *txn, health_record_fn *fn, void *arg);

/* The sequence of the newest flip; 0 where there is none. */
uint64_t health_flip_last(struct store_txn *txn);
/* Append a flip and forget those beyond HEALTH_FLIPS_KEPT. */
int health_flip_put(struct store_txn *txn, const struct health_flip *flip);
typedef bool health_flip_fn(void *arg, uint64_t sequence, const struct health_flip *flip);
/* Flips after a sequence, oldest first.  False where the feed no longer reaches back: read all records. */
bool health_flips_after(struct store_txn *txn, uint64_t sequence, health_flip_fn *fn, void *arg);

bool health_beat_get(struct store_txn *txn, struct health_beat *beat);
int health_beat_put(struct store_txn *txn, const struct health_beat *beat);

/* Does the certificate that was seen last end within CERTIFICATE_WARN_DAYS, or has it ended? */
bool health_certificate_ends(const struct health_record *record);

/* S25: no beat for 3 s, or a beat of another boot. */
bool health_monitor_dead(const struct health_beat *beat, uint64_t now_ms);
/* S25: older than the record's own bound, or of another boot. */
bool health_stale(const struct health_record *record, const struct health_beat *beat, uint64_t now_ms);
/* S39: until when a damped endpoint is held down at the earliest, as a wall clock that shows now_wall at
 * now_ms would show it. */
int64_t health_damped_until(const struct health_record *record, uint64_t now_ms, int64_t now_wall);

#endif
