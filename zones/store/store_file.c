#include "zones/store/store_file.h"

#include "zones/base/text.h"
#include "zones/store/page.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	DIRECTORY_MODE = 02750,
	DATA_MODE = 0640,
	LOCK_MODE = 0660,
	LOCK_SIZE = 32896 /* for 512 readers */,
	DISK_FULL = 65536
};

const char *
store_write_cure(int error)
{
	switch (error) {
	case -EROFS:
		return "; mount its file system read-write again, and repair it if the kernel's log has "
		       "errors";
	case -ENOSPC:
	case -EDQUOT:
		return "; make room on its file system";
	case -EBADMSG:
		return "; it is damaged: put a backup in its place while nothing runs";
	case -EIO:
		return "; its disk fails: mount another one there, with a copy of its files";
	default:
		return "";
	}
}

const char *
store_kind_text(enum store_kind kind)
{
	static const char *const texts[] = {
	    "config", "health", "serving", "cluster", "proposals", "signatures", "sets"};

	return texts[kind];
}

bool
store_is_durable(enum store_kind kind)
{
	return kind == STORE_CONFIG || kind == STORE_PROPOSALS || kind == STORE_SIGNATURES;
}

const char *
store_kind_cure(enum store_kind kind)
{
	if (kind == STORE_PROPOSALS)
		return "remove its directory: the next command creates it again";
	return kind == STORE_CONFIG
	    ? "move its directory away, then put a backup in its place or `graycloud apply` an export"
	    : "stop its writer, remove its directory and start the writer: it is created again";
}

bool
store_paths_make(
    struct store_paths *paths, const char *state, enum store_kind kind, struct problems *problems)
{
	const char *name = store_kind_text(kind);

	if (strlen(state) + 64 > sizeof paths->directory) {
		problems_error(problems, "the state directory's path is too long: %s", state);
		return false;
	}
	snprintf(paths->directory, sizeof paths->directory, "%s/%s", state, name);
	snprintf(paths->data, sizeof paths->data, "%s/data.mdb", paths->directory);
	return true;
}

/* LMDB rule 9: shared memory and its locks do not work over a network. */
static bool
check_local(const char *directory, struct problems *problems)
{
	static const uint32_t remote[] = {0x6969 /* NFS */, 0x517b /* SMB */, 0xff534d42 /* CIFS */,
	    0xfe534d42 /* SMB2 */, 0x00c36400 /* Ceph */, 0x5346414f /* AFS */};
	struct statfs fs;

	if (statfs(directory, &fs) != 0)
		return true;
	for (size_t i = 0; i < NITEMS(remote); i++)
		if ((uint32_t)fs.f_type == remote[i]) {
			problems_error(problems,
			    "%s lies on a network file system, where the stores do not work: "
			    "choose a local directory with --state",
			    directory);
			return false;
		}
	return true;
}

static gid_t group = (gid_t)-1;

static void
learn_group(void)
{
	const struct group *entry = getgrnam("graycloud");

	if (entry != NULL)
		group = entry->gr_gid;
}

/* The group of a store is graycloud if that group exists, so that the daemons' user can read the store. */
static gid_t
store_group(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, learn_group);
	return group;
}

void
store_file_learn_group(void)
{
	(void)store_group();
}

/* Only the configuration and proposals have writers other than a daemon. */
static bool
is_shared(const struct store_paths *paths)
{
	const char *name = strrchr(paths->directory, '/');

	return name != NULL && (strcmp(name, "/config") == 0 || strcmp(name, "/proposals") == 0);
}

/*
 * Members of the group graycloud may configure without being root, so they may write shared files. No other
 * group may.
 */
static mode_t
mode_for(const struct stat *file, mode_t mode, bool shared)
{
	return shared && file->st_gid == store_group() ? mode | (mode & 0700) >> 3 : mode;
}

static bool
make_directory(const char *path, uid_t owner, bool shared, struct problems *problems)
{
	struct stat made;

	if (mkdir(path, DIRECTORY_MODE & 0777) != 0) {
		if (errno == EEXIST)
			return true;
		problems_error(problems, "cannot create the directory %s: %s", path, strerror(errno));
		return false;
	}
	/* If the caller is not a member of that group, keep the caller's own group; that is not an error. */
	if (chown(path, owner, store_group()) != 0 && chown(path, owner, (gid_t)-1) != 0) {
		problems_error(problems, "cannot give the directory %s to user %u: %s", path, (unsigned)owner,
		    strerror(errno));
		return false;
	}
	if (stat(path, &made) != 0 || chmod(path, mode_for(&made, DIRECTORY_MODE, shared)) != 0) {
		problems_error(problems, "cannot set the mode of %s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

bool
store_file_directories(
    const char *state, const struct store_paths *paths, uid_t owner, struct problems *problems)
{
	return make_directory(state, (uid_t)-1, false, problems) &&
	    make_directory(paths->directory, owner, is_shared(paths), problems) &&
	    check_local(paths->directory, problems);
}

/*
 * Create files before LMDB opens them, so that they never have a wrong mode. Close the descriptor before LMDB
 * locks the file: closing it later would drop the locks of the whole process.
 */
static bool
make_file(const char *directory, const char *name, mode_t mode, bool shared, struct problems *problems)
{
	struct stat made;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd >= 0) {
		if (fstat(fd, &made) == 0)
			fchmod(fd, mode_for(&made, mode, shared));
		close(fd);
		return true;
	}
	if (errno == EEXIST)
		return true;
	problems_error(problems, "cannot create %s: %s%s", path, strerror(errno), store_write_cure(-errno));
	return false;
}

/* Allocate lock.mdb. LMDB writes it through a map, and a full disk would cause SIGBUS. */
static bool
reserve_lock(const char *directory, struct problems *problems)
{
	char path[PATH_MAX];
	int fd, error;

	snprintf(path, sizeof path, "%s/lock.mdb", directory);
	if ((fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return true; /* LMDB gets the same error, and the caller reports it */
	error = posix_fallocate(fd, 0, LOCK_SIZE);
	close(fd);
	if (error != ENOSPC && error != EDQUOT)
		return true; /* other file systems may not support it */
	problems_error(problems, "cannot reserve %d octets for %s: %s%s", LOCK_SIZE, path, strerror(error),
	    store_write_cure(-error));
	return false;
}

bool
store_file_create(const char *state, const struct store_paths *paths, struct problems *problems)
{
	return store_file_directories(state, paths, (uid_t)-1, problems) &&
	    make_file(paths->directory, "lock.mdb", LOCK_MODE, false, problems) &&
	    reserve_lock(paths->directory, problems) &&
	    make_file(paths->directory, "data.mdb", DATA_MODE, is_shared(paths), problems);
}

bool
store_file_refuse_links(const struct store_paths *paths, struct problems *problems)
{
	static const char *const names[] = {"", "/lock.mdb", "/data.mdb", "/writer", "/boot", "/saved.mdb"};
	char path[PATH_MAX];
	struct stat entry;

	for (size_t i = 0; i < NITEMS(names); i++) {
		snprintf(path, sizeof path, "%s%s", paths->directory, names[i]);
		if (lstat(path, &entry) != 0 || S_ISREG(entry.st_mode) || (i == 0 && S_ISDIR(entry.st_mode)))
			continue;
		problems_error(problems, "%s is %s: remove it", path,
		    S_ISLNK(entry.st_mode) ? "a link, and a store is never opened through one"
					   : "neither a file nor a directory of a store");
		return false;
	}
	return true;
}

bool
store_file_disk_full(const char *path)
{
	struct statvfs disk;

	return statvfs(path, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL;
}

static bool
meta_read(int fd, off_t at, struct page_meta *meta)
{
	return pread(fd, meta, sizeof *meta, at) == (ssize_t)sizeof *meta && page_meta_is_sound(meta);
}

enum store_file_state
store_file_check(const struct store_paths *paths, enum store_kind kind, struct problems *problems)
{
	int fd = open(paths->data, O_RDONLY | O_CLOEXEC);
	struct page_meta first, second;
	struct stat st;
	enum store_file_state state = STORE_FILE_SOUND;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return STORE_FILE_ABSENT;
	if (fd < 0) {
		problems_error(problems, "cannot read %s: %s%s", paths->data, strerror(errno),
		    errno == EACCES ? "; run this as root or as a member of the directory's group" : "");
		return STORE_FILE_BAD;
	}
	if (fstat(fd, &st) != 0 || st.st_size == 0)
		state = STORE_FILE_ABSENT;
	else if (!S_ISREG(st.st_mode) || !meta_read(fd, 0, &first) ||
	    !meta_read(fd, first.free_list.page_size, &second) ||
	    second.free_list.page_size != first.free_list.page_size ||
	    fstat(fd, &st) != 0) { /* the size last, as in store_file_newest */
		problems_error(problems, "%s is not a store of graycloud, or its head is damaged: %s",
		    paths->data, store_kind_cure(kind));
		state = STORE_FILE_BAD;
	} else {
		uint64_t pages = MAX(first.last_page, second.last_page) + 1;

		if (pages > (uint64_t)st.st_size / first.free_list.page_size)
			state = STORE_FILE_SHORT;
	}
	close(fd);
	return state;
}

enum store_file_state
store_file_newest(int fd, uint64_t *transaction)
{
	struct page_meta first, second;
	struct stat st;

	/* The size last: a writer makes the file larger before it writes the head that has the new size. */
	if (!meta_read(fd, 0, &first) || !meta_read(fd, first.free_list.page_size, &second) ||
	    fstat(fd, &st) != 0)
		return STORE_FILE_BAD;
	*transaction = MAX(first.transaction, second.transaction);
	return MAX(first.last_page, second.last_page) + 1 > (uint64_t)st.st_size / first.free_list.page_size
	    ? STORE_FILE_SHORT
	    : STORE_FILE_SOUND;
}

/* The process id that holds the lock, as that process wrote it; 0 if unknown. */
static long
lock_holder(int fd)
{
	char text[24] = "";
	const char *at = text;
	uint64_t pid;

	return pread(fd, text, sizeof text - 1, 0) > 0 && whole_at(&at, INT32_MAX, &pid) ? (long)pid : 0;
}

int
store_file_sign_lock(int fd)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	/* The number is only for a message: a full disk is no reason to fail here. */
	if ((ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) && errno != ENOSPC &&
	    errno != EDQUOT)
		return -errno;
	return 0;
}

long
store_holder(const char *state, enum store_kind kind)
{
	struct store_paths paths;
	struct problems problems = {0};
	char path[PATH_MAX];
	long holder = 0;
	int fd = -1;

	if (store_paths_make(&paths, state, kind, &problems)) {
		snprintf(path, sizeof path, "%s/writer", paths.directory);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	problems_free(&problems);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		holder = lock_holder(fd);
	close(fd);
	return holder;
}

int
store_file_lock(const struct store_paths *paths, enum store_kind kind, struct problems *problems)
{
	static const char *const writers[] = {[STORE_HEALTH] = "graycloud-monitor",
	    [STORE_SERVING] = "graycloud-dnsd",
	    [STORE_CLUSTER] = "graycloud-sync",
	    [STORE_SIGNATURES] = "graycloud-signer",
	    [STORE_SETS] = "graycloud-signer"};
	const char *writer = kind < NITEMS(writers) && writers[kind] != NULL ? writers[kind] : "program";
	char path[PATH_MAX];
	int fd, error;

	snprintf(path, sizeof path, "%s/writer", paths->directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, DATA_MODE);
	if (fd < 0) {
		error = -errno;
		problems_error(
		    problems, "cannot open %s: %s%s", path, strerror(-error), store_write_cure(error));
		return error;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		problems_error(problems,
		    "another %s already writes %s: process %ld; stop it, %sor give this one a "
		    "--state of its own",
		    writer, paths->directory, lock_holder(fd),
		    kind == STORE_SERVING ? "replace it with --replace, " : "");
		close(fd);
		return -EBUSY;
	}
	if ((error = store_file_sign_lock(fd)) == 0)
		return fd;
	problems_error(problems, "cannot write %s: %s%s", path, strerror(-error), store_write_cure(error));
	close(fd);
	return error;
}

bool
store_file_lock_holds(const struct store_paths *paths, int fd)
{
	char path[PATH_MAX];
	struct stat ours, there;

	snprintf(path, sizeof path, "%s/writer", paths->directory);
	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
	    ours.st_dev == there.st_dev;
}

static void
boot_path(const struct store_paths *paths, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/boot", paths->directory);
}

bool
store_file_other_boot(const struct store_paths *paths)
{
	char path[PATH_MAX], text[40] = "";
	FILE *file;
	bool other;

	boot_path(paths, path);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	other = fgets(text, sizeof text, file) != NULL && strcmp(text, boot_id()) != 0;
	fclose(file);
	return other;
}

void
store_file_note_boot(const struct store_paths *paths)
{
	char path[PATH_MAX];
	FILE *file;

	boot_path(paths, path);
	if ((file = fopen(path, "we")) == NULL)
		return;
	fputs(boot_id(), file);
	fclose(file);
	chmod(path, DATA_MODE);
}

/*
 * Read one line of mountinfo: the id of the mount, and if only the mount is read-only, not its file system.
 * proc(5): "36 35 98:0 / /mnt ro,noatime - ext4 /dev/x rw". Returns false if the line is invalid.
 */
static bool
read_mount(const char *line, uint64_t *mount, bool *alone)
{
	unsigned long long number;
	char mounted[3], system[3] = "";
	const char *rest = strstr(line, " - ");

	if (rest == NULL || sscanf(line, "%llu %*s %*s %*s %*s %2s", &number, mounted) != 2 ||
	    sscanf(rest, " - %*s %*s %2s", system) != 1)
		return false;
	*mount = number;
	*alone = strcmp(mounted, "ro") == 0 && strcmp(system, "ro") != 0;
	return true;
}

bool
store_file_mount_alone(const char *path)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	struct statx file;
	uint64_t mount;
	bool alone, found = false;

	if (mounts == NULL)
		return true;
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &file) == 0 && (file.stx_mask & STATX_MNT_ID) != 0)
		while (!found && text_line(&line, &room, mounts) > 0)
			found = read_mount(line, &mount, &alone) && mount == file.stx_mnt_id;
	free(line);
	fclose(mounts);
	return !found || alone;
}
