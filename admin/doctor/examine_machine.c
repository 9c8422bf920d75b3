/* The machine: its clock, and the descriptors of the daemons. */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"
#include "zones/document/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timex.h>

void
assess_clock(struct findings *findings, int64_t now, int64_t newest, bool synchronised)
{
	enum { SLACK_MS = 10000 };
	static const int64_t released = INT64_C(1767225600000); /* 2026-01-01 */
	char age[16];

	if (now < released) {
		finding_add(findings, FINDING_ERROR, "clock", "clock",
		    "it shows a time before this version was made: certificates, cookies and --for go wrong");
		finding_cure(findings, "set it, and run a time service such as chrony");
	} else if (newest > now + SLACK_MS) {
		finding_add(findings, FINDING_WARNING, "clock", "clock",
		    "it is %s behind a time in the stores: it was set back, or ran ahead before",
		    when_age(newest - now, age));
		finding_cure(
		    findings, "see whether it is right now (date -u), and run a time service such as chrony");
	} else if (!synchronised) {
		finding_add(findings, FINDING_NOTE, "clock", "clock",
		    "the kernel reports that no time service synchronizes it");
		finding_cure(findings,
		    "run one, such as chrony: several nameservers must agree on the time "
		    "for cookies, and --for ends by it after a restart");
	} else
		finding_add(findings, FINDING_OK, "clock", "clock", "a time service synchronizes it");
}

static bool
keep_time(void *arg, uint64_t sequence, struct bytes head)
{
	int64_t *newest = arg;
	struct json *entry = json_read_quietly(head);

	(void)sequence;
	*newest = MAX(*newest, json_integer_of(json_member(entry, "time")));
	json_drop(entry);
	return true;
}

static void
examine_clock(struct examination *examination)
{
	const struct picture *picture = examination->picture;
	struct timex kernel = {0};
	int64_t newest = 0;

	if (examination->config != NULL && picture->generation > 0)
		config_each_command(examination->config, picture->generation - 1, keep_time, &newest);
	if (picture->beating)
		newest = MAX(newest, picture->beat.at_wall);
	assess_clock(examination->findings, wall_ms(), newest,
	    adjtimex(&kernel) >= 0 && !(kernel.status & STA_UNSYNC));
}

/* --- open files --- */

void
assess_files(struct findings *findings, const char *program, unsigned pid, uint64_t used, uint64_t limit)
{
	bool few = limit > 0 && used >= limit - limit / 5;

	if (!few) {
		finding_add(findings, FINDING_OK, "open-files", program,
		    "process %u has %llu of %llu files open", pid, (unsigned long long)used,
		    (unsigned long long)limit);
		return;
	}
	finding_add(findings, used >= limit ? FINDING_ERROR : FINDING_WARNING, "open-files", program,
	    "process %u has %llu of %llu files open: connections and checks fail when there are no more", pid,
	    (unsigned long long)used, (unsigned long long)limit);
	finding_cure(
	    findings, "raise LimitNOFILE in the unit of %s (systemctl edit), and restart it", program);
}

/* The soft limit of open files; 0 if it cannot be read. */
static uint64_t
files_limit(unsigned pid)
{
	char *path = xasprintf("/proc/%u/limits", pid), line[256];
	unsigned long long limit = 0;
	FILE *in = fopen(path, "re");

	while (in != NULL && fgets(line, sizeof line, in) != NULL)
		if (sscanf(line, "Max open files %llu", &limit) == 1)
			break;
	if (in != NULL)
		fclose(in);
	free(path);
	return limit;
}

/* The number of its open files; false with errno. */
static bool
files_open(unsigned pid, uint64_t *count)
{
	char *path = xasprintf("/proc/%u/fd", pid);
	DIR *all = opendir(path);
	struct dirent *one;

	free(path);
	if (all == NULL)
		return false;
	*count = 0;
	while ((one = readdir(all)) != NULL)
		*count += one->d_name[0] != '.';
	closedir(all);
	return true;
}

static void
examine_files(struct findings *findings, const char *program, unsigned pid)
{
	uint64_t limit = files_limit(pid), used;

	if (files_open(pid, &used))
		assess_files(findings, program, pid, used, limit);
	else
		finding_add(findings, FINDING_NOTE, "open-files", program,
		    "the open files of process %u cannot be counted by this user: %s", pid, strerror(errno));
}

void
examine_machine(struct examination *examination)
{
	const struct picture *picture = examination->picture;

	examine_clock(examination);
	if (!picture->serving_dead)
		examine_files(examination->findings, "graycloud-dnsd", picture->answering.pid);
	if (!picture->monitor_dead)
		examine_files(examination->findings, "graycloud-monitor", picture->beat.pid);
}
