/*
 * util.h -- the few helpers that every module wants: memory that does not fail, byte order, clocks.
 *
 * Exhausted memory ends the program, on every thread of every program: one sentence, exit status 1.  A
 * command has committed nothing then; a daemon is started again by its supervisor and reads the stores.  To
 * go on with half of a change would need a second way through all code that allocates, which is never walked:
 * a kernel that overcommits ends the process instead of refusing memory.  So use the functions below; what a
 * library allocates for us is checked in its owner file, with memory_exhausted() as the end.
 *
 * Two exceptions.  A query allocates nothing.  Memory that a stranger asks for (a connection) is refused to
 * the stranger, and the program goes on.
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NITEMS(array) (sizeof(array) / sizeof((array)[0]))
/* The one that is chosen is evaluated twice: no clock, no side effect. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Bytes that belong to somebody else; valid as long as the owner says. */
struct bytes {
	const void *data;
	size_t len;
};

/* End the program because so many octets are not there (0: unknown).  No exit handlers run: other threads may
 * be at work. */
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

/* SplitMix64's finaliser: every bit of the result depends on every bit of x. */
static inline uint64_t
mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* A whole number in decimal digits and nothing else: no sign, no blanks, nothing behind; false too where it
 * is above most. */
bool whole_from_text(const char *text, uint64_t most, uint64_t *number);

/* CLOCK_BOOTTIME in milliseconds: goes on while the machine sleeps and no clock step moves it (S25). */
uint64_t boot_ms(void);

/* CLOCK_BOOTTIME in nanoseconds, for intervals. */
uint64_t boot_ns(void);

/* CLOCK_MONOTONIC in milliseconds: stands still while the machine sleeps, as timers do. */
uint64_t awake_ms(void);

/* For how long the machine has slept since it booted, in milliseconds.  Never too much. */
uint64_t slept_ms(void);

/* Wall clock in milliseconds since 1970: for display only (S25). */
int64_t wall_ms(void);

/* The boot id of this kernel, 36 characters and a NUL; empty where the kernel does not tell. */
const char *boot_id(void);

/* RFC 3339 in UTC with microseconds, as the API writes it: 2014-01-01T05:20:00.123450Z. */
void wall_text(int64_t wall, char out[32]);

/* Read RFC 3339 in UTC ("2014-01-01T05:20:00Z", a fraction is cut off) as milliseconds since 1970; false
 * where it is none. */
bool wall_from_text(const char *text, int64_t *wall);

/* len random bytes from getrandom. */
void random_bytes(void *out, size_t len);

#endif
