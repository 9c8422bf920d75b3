#include "admin/commands/dnssec_keys.h"

#include "admin/cli/print.h"
#include "admin/cli/report.h"
#include "admin/commands/cmd_dnssec_status.h"
#include "zones/base/input.h"
#include "zones/document/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_LINE "; file "
enum { TEXT_MOST = 1 << 16 };

/* ---- the program with the keys ---- */

/* graycloud-signer is beside this program, or in the sbin beside its bin. */
static void
find_signer(char out[PATH_MAX])
{
	static const char *const places[] = {"graycloud-signer", "../sbin/graycloud-signer"};
	char self[PATH_MAX - 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[MAX(len, 0)] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < NITEMS(places); i++) {
		snprintf(out, PATH_MAX, "%.*s/%s", (int)(slash - self), self, places[i]);
		if (access(out, X_OK) == 0)
			return;
	}
	snprintf(out, PATH_MAX, "graycloud-signer");
}

struct errand {
	const char *state, *option, *zone;
	int in, out, err; /* memory files; out may be the standard output */
};

static bool
run_signer(const struct errand *errand)
{
	char path[PATH_MAX];
	int status;
	pid_t child;

	find_signer(path);
	if ((child = fork()) < 0)
		return false;
	if (child == 0) {
		dup2(errand->in, STDIN_FILENO);
		dup2(errand->out, STDOUT_FILENO);
		dup2(errand->err, STDERR_FILENO);
		execlp(path, "graycloud-signer", "--state", errand->state, errand->option, errand->zone,
		    (char *)NULL);
		dprintf(STDERR_FILENO, "cannot run graycloud-signer: %s\n", strerror(errno));
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
memory_file(void)
{
	int fd = memfd_create("keys", MFD_CLOEXEC);

	if (fd < 0)
		memory_exhausted(0);
	return fd;
}

/* The text of a memory file; the caller frees it. */
static char *
text_in(int fd)
{
	char *text = xcalloc(1, TEXT_MOST + 1);
	ssize_t got = pread(fd, text, TEXT_MOST, 0);

	text[MAX(got, 0)] = '\0';
	return text;
}

/* Each line is a sentence. */
static void
add_sentences(struct problems *problems, int fd)
{
	char *text = text_in(fd), *rest;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		problems_error(problems, "%s", line);
	free(text);
}

/* Cut a line off. Returns the rest. */
static char *
end_line(char *line)
{
	char *end = strchrnul(line, '\n');

	if (*end == '\0')
		return end;
	*end = '\0';
	return end + 1;
}

bool
dnssec_errand(const struct args *args, const char *option, const char *word, int in)
{
	struct problems problems = {0};
	struct errand errand = {.state = args->state,
	    .option = option,
	    .zone = word,
	    .in = in,
	    .out = STDOUT_FILENO,
	    .err = word != NULL ? memory_file() : STDERR_FILENO}; /* a stream reports at once */
	bool good;

	fflush(stdout);
	good = run_signer(&errand);
	if (word != NULL) {
		if (!good)
			add_sentences(&problems, errand.err);
		close(errand.err);
	}
	report_problems(&problems);
	problems_free(&problems);
	return good;
}

/*
 * Hand keys over. Returns the name of the zone, and after its NUL a remark, to be freed; NULL with problems.
 */
static char *
take(const char *state, const char *zone, int text, bool check, struct problems *problems)
{
	struct errand errand = {.state = state,
	    .option = check ? "--check-keys" : "--take-keys",
	    .zone = zone,
	    .in = text,
	    .out = memory_file(),
	    .err = memory_file()};
	char *name = NULL;

	lseek(text, 0, SEEK_SET);
	if (run_signer(&errand)) {
		name = text_in(errand.out);
		end_line(end_line(name));
	} else {
		add_sentences(problems, errand.err);
		if (problems->errors == 0)
			problems_error(problems, "graycloud-signer did not take the keys");
	}
	close(errand.out);
	close(errand.err);
	return name;
}

/* ---- files ---- */

/* K.private -> K.key; NULL if it has another name. The caller frees it. */
static char *
public_of(const char *file)
{
	const char *end = strrchr(file, '.');

	return end != NULL && strcmp(end, ".private") == 0 ? xasprintf("%.*s.key", (int)(end - file), file)
							   : NULL;
}

void
dnssec_keys_keep(const struct args *args)
{
	for (int i = 1; i < args->argc; i++) {
		const char *value = strchr(args->argv[i], '=');
		char *public = public_of(value != NULL ? value + 1 : args->argv[i]),
		     *words[] = {NULL, public};

		if (public != NULL)
			input_keep(2, words); /* it keeps the name */
	}
}

/* S105: a key that others can read may have been copied. */
static bool
append_file(int text, const char *file, bool private, struct problems *problems)
{
	int fd = input_descriptor(file);
	char octets[4096];
	struct stat info;
	bool good = false;
	ssize_t got;

	if (fd < 0) {
		if (private)
			problems_error(
			    problems, "%s cannot be read: %s%s", file, strerror(errno), input_hint(errno));
		return !private;
	}
	got = pread(fd, octets, sizeof octets - 1, 0);
	octets[MAX(got, 0)] = '\0';
	if (strstr(octets, "Private") == NULL && strstr(octets, "PRIVATE") == NULL)
	private = false;
	if (private && input_mode(file, &info) && info.st_mode & (S_IROTH | S_IWOTH)) {
		problems_error(problems,
		    "%s is open to all users: chmod 600 it; if somebody may have read it, import no key from "
		    "it, and roll to a new one",
		    file);
	} else {
		good = true;
		if (strncmp(octets, FILE_LINE, strlen(FILE_LINE)) != 0) /* it is no export */
			dprintf(text, FILE_LINE "%s\n", file);
		while ((got = read(fd, octets, sizeof octets)) > 0)
			good = good && write(text, octets, (size_t)got) == got;
		dprintf(text, "\n");
	}
	close(fd);
	return good;
}

static bool
append_pair(int text, const char *file, struct problems *problems)
{
	char *public = public_of(file);
	bool good = append_file(text, file, true, problems);

	if (good && public != NULL)
		append_file(text, public, false, problems);
	free(public);
	return good;
}

void
dnssec_keys_import(struct change *change, const char *zone, const char *const *files, size_t count)
{
	int text = memory_file();
	bool good = true;

	for (size_t i = 0; i < count; i++)
		good &= append_pair(text, files[i], &change->problems);
	if (good)
		free(take(change->request->state, zone, text, change->request->dry_run, &change->problems));
	close(text);
}

/* ---- between nodes ---- */

static enum exit_code
run_export(const struct args *args)
{
	struct problems problems = {0};
	struct errand errand = {.state = args->state,
	    .option = "--give-keys",
	    .zone = args->words[2],
	    .in = STDIN_FILENO,
	    .out = STDOUT_FILENO,
	    .err = memory_file()};
	bool good;

	if (isatty(STDOUT_FILENO)) {
		report_error(
		    "private keys are not printed on a terminal: `graycloud dnssec keys export %s | ssh "
		    "NODE graycloud dnssec keys import -`",
		    args->words[2]);
		return EXIT_REFUSED;
	}
	fflush(stdout);
	good = run_signer(&errand);
	if (!good)
		add_sentences(&problems, errand.err);
	report_problems(&problems);
	problems_free(&problems);
	close(errand.err);
	return good ? EXIT_DONE : EXIT_REFUSED;
}

static bool
copy_input(int text)
{
	char octets[4096];
	ssize_t got;

	while ((got = read(STDIN_FILENO, octets, sizeof octets)) > 0)
		if (write(text, octets, (size_t)got) != got)
			return false;
	return got == 0;
}

/* remark: what became of the state that came with the keys; "": there was none. */
static void
print_imported(const struct args *args, const char *zone, const char *remark)
{
	struct json *json;

	if (!args->json) {
		printf("keys of zone %s: %s%s%s\n", zone, args->dry_run ? "good" : "imported",
		    *remark != '\0' ? "; " : "", remark);
		return;
	}
	json = json_new_object();
	json_put_text(json, "zone", zone);
	json_put_bool(json, "imported", !args->dry_run);
	json_put_text(json, "state", remark);
	print_json(json);
}

static enum exit_code
run_import(const struct args *args)
{
	struct problems problems = {0};
	int text = memory_file();
	char *zone = NULL;

	if (strcmp(args->words[2], "-") == 0 ? copy_input(text)
					     : append_pair(text, args->words[2], &problems))
		zone = take(args->state, "", text, args->dry_run, &problems);
	close(text);
	report_problems(&problems);
	problems_free(&problems);
	if (zone == NULL)
		return EXIT_REFUSED;
	print_imported(args, zone, zone + strlen(zone) + 1);
	free(zone);
	return EXIT_DONE;
}

enum exit_code
dnssec_keys_run(struct args *args)
{
	const char *verb = args_word(args, 1) ? args_word(args, 1) : "";
	char zone[NAME_MAX_TEXT];

	if (args->count != 3 || (strcmp(verb, "export") != 0 && strcmp(verb, "import") != 0))
		return args_misused(
		    args, "keys takes export and a zone, or import and a file (-: standard input)");
	if (strcmp(verb, "import") == 0)
		return run_import(args);
	return dnssec_keys_are_elsewhere(args, dnssec_clean_name(args->words[2], zone)) ? EXIT_REFUSED
											: run_export(args);
}
