/*
 * storm.so -- an object for LD_PRELOAD that makes a program's life hard.
 *
 * STORM=N: of N calls that wait for a socket or use one, one fails with EINTR before it did anything, and one
 * sendmmsg(2) of N sends only a part of its messages.
 *
 * STORM_CLOCK=FILE: the file has 8 octets, a number of nanoseconds in the machine's order, which is added to
 * the wall clock; perhaps 8 more, which are added to that since the boot. A write to the file sets the
 * clocks.
 *
 * STORM_BOOT=ID: the id of this boot.
 *
 * It makes no system calls beside those of the program, so that it works under seccomp; a test whether a
 * descriptor is a socket is getsockopt(2).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static unsigned one_of;
static _Atomic uint64_t draws;
static const volatile int64_t *step_ns;

#define REAL(name) ((__typeof__(&name))next(#name, &real_##name))
#define KEEP(name) static void *real_##name

static void *
next(const char *name, void **kept)
{
	if (*kept == NULL)
		*kept = dlsym(RTLD_NEXT, name);
	return *kept;
}

/* clang-format off */
KEEP(recvmmsg); KEEP(sendmmsg); KEEP(recvmsg); KEEP(sendmsg); KEEP(recvfrom); KEEP(sendto); KEEP(accept4); KEEP(epoll_wait);
KEEP(fopen); KEEP(poll); KEEP(read); KEEP(readv); KEEP(write); KEEP(writev); KEEP(clock_gettime); KEEP(gettimeofday); KEEP(time);
/* clang-format on */

__attribute__((constructor)) static void
start(void)
{
	const char *often = getenv("STORM"), *clock = getenv("STORM_CLOCK");
	int fd = clock != NULL ? open(clock, O_RDONLY | O_CLOEXEC) : -1;

	one_of = often != NULL ? (unsigned)atoi(often) : 0;
	if (fd >= 0) {
		void *map = mmap(NULL, 2 * sizeof *step_ns, PROT_READ, MAP_SHARED, fd, 0);

		step_ns = map != MAP_FAILED ? map : NULL;
		close(fd);
	}
	/* Resolve all of them now: dlsym may allocate. */
	REAL(fopen);
	REAL(recvmmsg);
	REAL(sendmmsg);
	REAL(recvmsg);
	REAL(sendmsg);
	REAL(recvfrom);
	REAL(sendto); /* clang-format off */
	REAL(accept4); REAL(epoll_wait); REAL(poll); REAL(read); REAL(readv); REAL(write); REAL(writev);
	REAL(clock_gettime); REAL(gettimeofday); REAL(time); /* clang-format on */
}

/* One call of one_of, by a sequence that is the same in each run of one thread. */
static bool
struck(void)
{
	uint64_t draw;

	if (one_of == 0)
		return false;
	draw = atomic_fetch_add_explicit(&draws, UINT64_C(0x9e3779b97f4a7c15), memory_order_relaxed);
	draw = (draw ^ draw >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	draw = (draw ^ draw >> 27) * UINT64_C(0x94d049bb133111eb);
	return (draw ^ draw >> 31) % one_of == 0;
}

static bool
interrupted(void)
{
	if (!struck())
		return false;
	errno = EINTR;
	return true;
}

static bool
is_socket(int fd)
{
	int before = errno, type;
	socklen_t len = sizeof type;
	bool is = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;

	errno = before;
	return is;
}

int
recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	return interrupted() ? -1 : REAL(recvmmsg)(fd, messages, count, flags, timeout);
}

int
sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (interrupted())
		return -1;
	if (count > 1 && struck())
		count = 1 + count / 3;
	return REAL(sendmmsg)(fd, messages, count, flags);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	return interrupted() ? -1 : REAL(recvmsg)(fd, message, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	return interrupted() ? -1 : REAL(sendmsg)(fd, message, flags);
}

ssize_t
recvfrom(int fd, void *octets, size_t len, int flags, struct sockaddr *from, socklen_t *fromlen)
{
	return interrupted() ? -1 : REAL(recvfrom)(fd, octets, len, flags, from, fromlen);
}

ssize_t
sendto(int fd, const void *octets, size_t len, int flags, const struct sockaddr *to, socklen_t tolen)
{
	return interrupted() ? -1 : REAL(sendto)(fd, octets, len, flags, to, tolen);
}

int
accept4(int fd, struct sockaddr *from, socklen_t *fromlen, int flags)
{
	return interrupted() ? -1 : REAL(accept4)(fd, from, fromlen, flags);
}

int
epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
	return interrupted() ? -1 : REAL(epoll_wait)(fd, events, count, timeout);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return interrupted() ? -1 : REAL(poll)(fds, count, timeout);
}

/* Files are not interrupted by signals; sockets are. */
ssize_t
read(int fd, void *octets, size_t len)
{
	return one_of != 0 && is_socket(fd) && interrupted() ? -1 : REAL(read)(fd, octets, len);
}

ssize_t
readv(int fd, const struct iovec *parts, int count)
{
	return one_of != 0 && is_socket(fd) && interrupted() ? -1 : REAL(readv)(fd, parts, count);
}

ssize_t
write(int fd, const void *octets, size_t len)
{
	return one_of != 0 && is_socket(fd) && interrupted() ? -1 : REAL(write)(fd, octets, len);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	return one_of != 0 && is_socket(fd) && interrupted() ? -1 : REAL(writev)(fd, parts, count);
}

/* ---- the wall clock ---- */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = REAL(clock_gettime)(clock, now);
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;

	if (rc == 0 && step_ns != NULL && (wall || clock == CLOCK_BOOTTIME)) {
		int64_t ns = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + step_ns[!wall];

		*now = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	}
	return rc;
}

int
gettimeofday(struct timeval *now, void *zone)
{
	struct timespec exact;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	*now = (struct timeval){.tv_sec = exact.tv_sec, .tv_usec = exact.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec exact;

	clock_gettime(CLOCK_REALTIME_COARSE, &exact);
	if (now != NULL)
		*now = exact.tv_sec;
	return exact.tv_sec;
}

/* ---- the boot ---- */

FILE *
fopen(const char *path, const char *mode)
{
	char *boot = strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? getenv("STORM_BOOT") : NULL;

	return boot != NULL ? fmemopen(boot, strlen(boot), "r") : REAL(fopen)(path, mode);
}
