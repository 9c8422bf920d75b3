/*
 * util.h -- helpers that every module uses: memory that does not fail, byte order, clocks.
 *
 * Exhausted memory ends the program, on every thread of every program: it prints one sentence and exits with
 * status 1. A command has committed all of its change or nothing; the supervisor restarts a daemon, which
 * reads the stores again. The alternative, to continue with half of a change, would need a second path
 * through all code that allocates, and that path would never be tested: a kernel that overcommits ends the
 * process instead of refusing memory. So use the functions below. If a library allocates, the file that owns
 * the library checks the result and calls memory_exhausted().
 *
 * There are three exceptions. A query allocates nothing. If memory for a stranger (a connection) is
 * exhausted, the program refuses the stranger and continues. If a library finds no memory for a check, the
 * check has no verdict (S26).
 *
 * All functions may run on any thread.
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NITEMS(array) (sizeof(array) / sizeof((array)[0]))
/* The chosen argument is evaluated twice: do not pass a clock or an expression with a side effect. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Octets that another module owns. They are valid as long as the owner documents. */
struct bytes {
	const void *data;
	size_t len;
};

/*
 * End the program because size octets cannot be allocated (0: the size is unknown). No exit handlers run,
 * because other threads may be running.
 */
_Noreturn void memory_exhausted(size_t size);
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
void *xmemdup(const void *from, size_t len);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Big-endian numbers, at any alignment. */
static inline void
put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void
put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

static inline void
put64(uint8_t *at, uint64_t value)
{
	put32(at, (uint32_t)(value >> 32));
	put32(at + 4, (uint32_t)value);
}

static inline uint16_t
get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t
get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline uint64_t
get64(const uint8_t *at)
{
	return (uint64_t)get32(at) << 32 | get32(at + 4);
}

/* The finaliser of SplitMix64: every bit of the result depends on every bit of x. */
static inline uint64_t
mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/*
 * Read a whole number of decimal digits only: no sign, no blanks, nothing after it. Returns false if the text
 * is invalid or the number is above most.
 */
bool whole_from_text(const char *text, uint64_t most, uint64_t *number);
/* The same for the digits at the beginning of a text. *at then points behind them. */
bool whole_at(const char **at, uint64_t most, uint64_t *number);
/*
 * Read a decimal number: an optional "-", digits, fraction, exponent; nothing before or after it. Returns
 * false also if a double cannot hold it: too large, or too small to be more than 0.
 */
bool number_from_text(const char *text, double *number);

/*
 * CLOCK_BOOTTIME in milliseconds. It counts while the machine sleeps, and setting the wall clock does not
 * change it (S25).
 */
uint64_t boot_ms(void);

/* CLOCK_BOOTTIME in nanoseconds, for intervals. */
uint64_t boot_ns(void);

/* CLOCK_MONOTONIC in milliseconds. It stops while the machine sleeps, as timers do. */
uint64_t awake_ms(void);

/*
 * How long the machine has slept since it booted, in milliseconds. The result may be too small, never too
 * large.
 */
uint64_t slept_ms(void);

/* The wall clock in milliseconds since 1970. For display only (S25). */
int64_t wall_ms(void);

/* The boot id of this kernel: 36 characters and a NUL, or "" if the kernel has none. */
const char *boot_id(void);

/*
 * Write a time as RFC 3339 in UTC with microseconds, as Cloudflare's API does: 2014-01-01T05:20:00.123450Z.
 * wall is in milliseconds since 1970.
 */
void wall_text(int64_t wall, char out[32]);

/*
 * Read RFC 3339 in UTC ("2014-01-01T05:20:00Z"; a fraction of a second is cut off) as milliseconds since
 * 1970. Returns false if the text is invalid.
 */
bool wall_from_text(const char *text, int64_t *wall);

/* Fill out with len random octets from getrandom(2). */
void random_bytes(void *out, size_t len);

/* The value of a hex digit in either case; -1 if the character is none. */
int hex_digit(char c);
/* Octets as lower-case hex digits, and back; hex has 2 * len digits. False if the text is anything else. */
void hex_from_octets(char *hex, const void *octets, size_t len); /* ends it with a NUL */
bool octets_from_hex(void *octets, const char *hex, size_t len);

#endif
