#include "zones/daemon/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 4 };

static uid_t invoker = (uid_t)-1;

static void
set_user(struct privileges *user, const struct passwd *entry)
{
	user->change = entry->pw_uid != 0;
	user->listed = true;
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	snprintf(user->name, sizeof user->name, "%s", entry->pw_name);
}

static void
set_number(struct privileges *user, const struct stat *directory)
{
	user->change = true;
	user->uid = directory->st_uid;
	user->gid = directory->st_gid;
	snprintf(user->name, sizeof user->name, "%u", (unsigned)user->uid);
}

bool
privileges_choose(struct privileges *user, const char *state, const char *named, struct problems *problems)
{
	const struct passwd *entry = named != NULL ? getpwnam(named) : NULL;
	struct stat directory;

	*user = (struct privileges){0};
	if (named != NULL && entry == NULL) {
		problems_error(problems, "--user %s: no such user", named);
		return false;
	}
	if (geteuid() != 0) {
		if (entry != NULL && geteuid() != entry->pw_uid)
			problems_error(problems, "--user %s: only root can become another user", named);
		return entry == NULL || geteuid() == entry->pw_uid;
	}
	if (entry == NULL && stat(state, &directory) == 0 && directory.st_uid != 0) {
		if ((entry = getpwuid(directory.st_uid)) == NULL) {
			set_number(user, &directory);
			return true;
		}
	}
	if (entry == NULL)
		entry = getpwnam("graycloud");
	if (entry != NULL)
		set_user(user, entry);
	return true;
}

static void give_directory(int fd, const struct privileges *user, int depth);

/*
 * Give an entry that root owns to the user: a directory with all its contents, or a file that has no other
 * hard link.
 */
static void
give_entry(int directory, const char *name, const struct privileges *user, int depth)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat entry;

	if (fd < 0)
		return;
	if (fstat(fd, &entry) == 0 && S_ISDIR(entry.st_mode))
		give_directory(fd, user, depth + 1);
	else if (S_ISREG(entry.st_mode) && entry.st_uid == 0 && entry.st_nlink == 1 &&
	    fchown(fd, user->uid, (gid_t)-1) != 0) {
		/* The user then fails to open the file and reports it. */
	}
	close(fd);
}

/* Change the owner of the directory last: until then only root can create entries in it. */
static void
give_directory(int fd, const struct privileges *user, int depth)
{
	struct stat directory;
	DIR *entries;

	if (fstat(fd, &directory) != 0 || depth > DEPTH_MAX ||
	    (entries = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0))) == NULL)
		return;
	for (const struct dirent *entry; (entry = readdir(entries)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			give_entry(fd, entry->d_name, user, depth);
	closedir(entries);
	if (directory.st_uid == 0 && fchown(fd, user->uid, (gid_t)-1) != 0) {
		/* The user then fails to open the directory and reports it. */
	}
}

/* Change the saved user, too, so that no fault in this process can make it root again. */
static bool
become(const struct privileges *user, struct problems *problems)
{
	bool grouped = user->listed ? initgroups(user->name, user->gid) == 0 : setgroups(0, NULL) == 0;

	if (!grouped || setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0) {
		problems_error(problems, "cannot become user %s: %s", user->name, strerror(errno));
		return false;
	}
	if (setuid(0) == 0) {
		problems_error(problems, "cannot give up the rights of root for user %s", user->name);
		return false;
	}
	invoker = 0;
	return true;
}

bool
privileges_drop(const struct privileges *user, const char *state, struct problems *problems)
{
	int fd;

	if (!user->change)
		return true;
	fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		give_directory(fd, user, 0);
		close(fd);
	}
	return become(user, problems);
}

uid_t
privileges_invoker(void)
{
	return invoker != (uid_t)-1 ? invoker : getuid();
}
