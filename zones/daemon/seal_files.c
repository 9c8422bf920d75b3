#include "zones/daemon/seal_files.h"

#include "zones/base/util.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that the headers of Debian 12 do not define yet. */
#define RIGHT_REFER (1ULL << 13)    /* ABI 2 */
#define RIGHT_TRUNCATE (1ULL << 14) /* ABI 3 */
#define RIGHT_IOCTL (1ULL << 15)    /* of devices; ABI 5 */

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	    RIGHT_REFER | RIGHT_TRUNCATE)
#define NEVER \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | RIGHT_IOCTL)

/* Files that the daemons and their libraries read: about the machine and themselves; names and addresses. */
static const char *const read_always[] = {"/proc", "/sys/devices/system", "/dev/urandom", "/dev/null",
    "/etc/localtime", "/usr/share/zoneinfo", "/etc/ssl", "/usr/lib/ssl", "/usr/share/locale"};

static uint64_t
known_rights(long abi)
{
	uint64_t rights = READING | WRITING | NEVER;

	if (abi < 2)
		rights &= ~RIGHT_REFER;
	if (abi < 3)
		rights &= ~RIGHT_TRUNCATE;
	if (abi < 5)
		rights &= ~RIGHT_IOCTL;
	return rights;
}

/* A path that does not exist needs no rule. A rule about a file may only have rights that apply to files. */
static void
allow(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 &&
	    errno == EINVAL) {
		rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
		if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
			warn("Landlock: %s", path);
	}
	close(rule.parent_fd);
}

static void
allow_directory_of(int rules, const char *path, uint64_t rights)
{
	char *copy = xstrdup(path);

	allow(rules, dirname(copy), rights);
	free(copy);
}

static void
allow_file(int rules, const char *path)
{
	char *target = realpath(path, NULL);

	allow_directory_of(rules, path, READING);
	if (target != NULL)
		allow_directory_of(rules, target, READING);
	free(target);
}

static bool
is_mount(const char *path)
{
	struct statx info;

	return statx(AT_FDCWD, path, 0, 0, &info) == 0 && (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/*
 * If the state directory is a mount or the only entry of one, it may be mounted again after a failure. A rule
 * about the directory is then lost, but one about the directory that holds the mount stays, so add both.
 */
static void
allow_state(int rules, const char *state, uint64_t rights)
{
	char *path = realpath(state, NULL);

	if (path == NULL)
		return;
	allow(rules, path, rights);
	for (unsigned up = 0; up < 2; up++) {
		bool mounted = is_mount(path);

		dirname(path);
		if (strcmp(path, "/") == 0)
			break;
		if (mounted)
			allow(rules, path, rights);
	}
	free(path);
}

/*
 * /etc/resolv.conf, which the resolver of a library reads again: a file or a mount in /etc, or a link to a
 * file below /run, whose directory may be made after the start, or to a file anywhere that is there now.
 */
static void
allow_resolvers(int rules)
{
	allow_file(rules, "/etc/resolv.conf");
	allow(rules, "/run", READING);
}

int
seal_files_open(const struct seal_files *files)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr handled = {.handled_access_fs = known_rights(abi)};
	int rules = abi < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);

	if (rules < 0) {
		warnx("this kernel has no Landlock: files are limited by their owner and mode only");
		return -1;
	}
	allow_state(rules, files->state, (READING | WRITING) & handled.handled_access_fs);
	allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	for (size_t i = 0; i < NITEMS(read_always); i++)
		allow(rules, read_always[i], READING);
	if (files->read_all)
		allow(rules, "/", READING);
	if (files->resolvers)
		allow_resolvers(rules);
	for (size_t i = 0; i < files->nread; i++)
		allow_file(rules, files->read[i]);
	if (files->write != NULL)
		allow_directory_of(rules, files->write, (READING | WRITING) & handled.handled_access_fs);
	return rules;
}

void
seal_files_enter(int rules)
{
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		err(1, "cannot limit files");
}
