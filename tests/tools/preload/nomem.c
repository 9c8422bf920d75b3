/*
 * A library for LD_PRELOAD: allocation number NOMEM_AT of the process fails, or all from it on (NOMEM_ALL=1).
 * With NOMEM_COUNT their number is printed at the end. Helper processes and programs that the
 * process starts have all memory. So has getpwnam(), where the C library itself would crash (glibc 2.36,
 * nss_database.c).
 */
#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void *aligned_alloc(size_t alignment, size_t size);

static atomic_ulong allocations;
static unsigned long at;
static bool all, is_child;
static pid_t process;
static __thread bool is_spared __attribute__((tls_model("initial-exec")));

static bool
fails(void)
{
	unsigned long number;

	if (process == 0 || is_child || is_spared)
		return false;
	if (getpid() != process) {
		is_child = true;
		return false;
	}
	number = atomic_fetch_add(&allocations, 1) + 1;
	if (at == 0 || (all ? number < at : number != at))
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

struct passwd *
getpwnam(const char *name)
{
	struct passwd *(*next)(const char *) =
	    (struct passwd * (*)(const char *)) dlsym(RTLD_NEXT, "getpwnam");
	struct passwd *found;

	is_spared = true;
	found = next(name);
	is_spared = false;
	return found;
}

/* After the libraries: what their constructors need is not the program's. */
__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("NOMEM_AT");

	at = text != NULL ? strtoul(text, NULL, 10) : 0;
	all = getenv("NOMEM_ALL") != NULL;
	unsetenv("LD_PRELOAD"); /* the programs that it starts */
	process = getpid();
}

__attribute__((destructor)) static void
end(void)
{
	char text[40];
	int len = snprintf(text, sizeof text, "allocations %lu\n", atomic_load(&allocations));

	if (getenv("NOMEM_COUNT") != NULL && getpid() == process &&
	    write(STDERR_FILENO, text, (size_t)len) < 0)
		return;
}
