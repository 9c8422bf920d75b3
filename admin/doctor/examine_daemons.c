/* The nameserver and the monitor: alive, by the same configuration, of the same version. */
#include "admin/doctor/doctor_inner.h"

#include "admin/cli/when.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* A daemon that does not beat: it ended, or it runs and does nothing. */
static void
add_dead(struct findings *findings, const char *subject, const char *program, unsigned pid)
{
	bool there = pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);

	finding_add(findings, FINDING_ERROR, "daemon-dead", subject,
	    there ? "process %u runs but has not beaten for three seconds"
		  : "process %u has ended, and no other one runs",
	    pid);
	if (there)
		finding_cure(findings,
		    "see with `ps %u` whether it is %s and is stopped or waits for a disk; else restart it: "
		    "systemctl restart %s",
		    pid, program, program);
	else
		finding_cure(findings, "start it: systemctl start %s; its log has the reason", program);
}

static void
assess_version(struct findings *findings, const char *subject, const char *program, const char *version)
{
	if (strcmp(version, VERSION) == 0)
		return;
	finding_add(findings, FINDING_WARNING, "daemon-version", subject,
	    "it runs version %s, and this command is version %s", version, VERSION);
	finding_cure(
	    findings, "restart it, so that the installed version runs: systemctl restart %s", program);
}

void
assess_nameserver(struct findings *findings, const struct picture *picture)
{
	const struct serving_status *answering = &picture->answering;
	size_t before = findings->count;

	if (!picture->serving) {
		finding_add(findings, FINDING_ERROR, "daemon-dead", "nameserver",
		    "none has ever run on this state directory");
		finding_cure(findings, "start it: systemctl start graycloud-dnsd");
		return;
	}
	if (picture->serving_dead) {
		add_dead(findings, "nameserver", "graycloud-dnsd", answering->pid);
		return;
	}
	assess_version(findings, "nameserver", "graycloud-dnsd", answering->version);
	if (answering->compile_error[0] != '\0') {
		finding_add(findings, FINDING_ERROR, "daemon-generation", "nameserver",
		    "it cannot use the configuration: %s", answering->compile_error);
		finding_cure(
		    findings, "correct that, or take the last change back: graycloud log, graycloud undo");
	} else if (!answering->ready) {
		finding_add(findings, FINDING_WARNING, "daemon-starting", "nameserver",
		    "process %u is starting and does not answer yet", answering->pid);
		finding_cure(findings, "wait until it has read the configuration; its log has the details");
	} else if (answering->generation != picture->generation) {
		finding_add(findings, FINDING_ERROR, "daemon-generation", "nameserver",
		    "it answers by generation %llu, and the configuration is of generation %llu",
		    (unsigned long long)answering->generation, (unsigned long long)picture->generation);
		finding_cure(findings,
		    "run this again in a few seconds; if the result is the same, its log has the reason: "
		    "restart "
		    "graycloud-dnsd");
	}
	if (!findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "nameserver", "nameserver",
		    "process %u answers by generation %llu on %s", answering->pid,
		    (unsigned long long)answering->generation, answering->listeners);
}

/* Does any pool have a monitor? */
static bool
wants_monitor(const struct picture *picture)
{
	for (size_t i = 0; i < picture->npools; i++)
		if (picture->pools[i].model->njudges > 0)
			return true;
	return false;
}

static void
assess_isolation(struct findings *findings, const struct picture *picture)
{
	char age[16];

	if (picture->beat.isolated_ms == 0)
		return;
	when_age((int64_t)(picture->now_ms - picture->beat.isolated_ms), age);
	finding_add(findings, FINDING_ERROR, "monitor-isolated", "monitor",
	    "none of its canaries has answered for %s: nothing is judged, and health is as last known", age);
	finding_cure(findings,
	    "repair this machine's uplink, or give the monitor --canary addresses that always answer");
}

void
assess_monitor(struct findings *findings, const struct picture *picture)
{
	const struct health_beat *beat = &picture->beat;
	size_t before = findings->count;

	if (!wants_monitor(picture) && picture->monitor_dead) {
		finding_add(findings, FINDING_NOTE, "monitor", "monitor",
		    "none runs, and no pool has a monitor: nothing is probed");
		return;
	}
	if (!picture->beating) {
		finding_add(findings, FINDING_ERROR, "daemon-dead", "monitor",
		    "none has ever run on this state directory: no origin that has a monitor is healthy");
		finding_cure(findings, "start it: systemctl start graycloud-monitor");
		return;
	}
	if (picture->monitor_dead) {
		add_dead(findings, "monitor", "graycloud-monitor", beat->pid);
		return;
	}
	assess_version(findings, "monitor", "graycloud-monitor", beat->version);
	assess_isolation(findings, picture);
	if (beat->generation != picture->generation) {
		finding_add(findings, FINDING_ERROR, "daemon-generation", "monitor",
		    "it probes by generation %llu, and the configuration is of generation %llu",
		    (unsigned long long)beat->generation, (unsigned long long)picture->generation);
		finding_cure(findings,
		    "run this again in a few seconds; if the result is the same, its log has the reason: "
		    "restart "
		    "graycloud-monitor");
	}
	if (!findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "monitor", "monitor",
		    "process %u probes %u endpoints by generation %llu", beat->pid, beat->endpoints,
		    (unsigned long long)beat->generation);
}

/* S106: what is dead renews no signature. */
static void
add_dead_signer(struct findings *findings, const struct signer_view *signer)
{
	char *line = signer_view_line(signer);

	finding_add(findings, FINDING_ERROR, "daemon-dead", "signer", "%s", line);
	finding_cure(findings, "start it: systemctl start graycloud-signer; its log has the reason");
	free(line);
}

void
assess_signer(struct findings *findings, const struct signer_view *signer)
{
	size_t before = findings->count;
	char *line;

	if (!signer->wanted)
		return;
	if (signer->dead) {
		add_dead_signer(findings, signer);
		return;
	}
	line = signer_view_line(signer);
	assess_version(findings, "signer", "graycloud-signer", signer->beat.version);
	if (signer_view_ended(signer)) {
		finding_add(findings, FINDING_ERROR, "signatures-ended", "signer", "%s", line);
		finding_cure(findings, "`graycloud dnssec status` shows why they are not renewed");
	} else if (signer->beat.fault[0] != '\0') {
		finding_add(findings, FINDING_ERROR, "signer-stuck", "signer", "%s", line);
		finding_cure(findings, "what can go wrong, and its cure: docs/dnssec.md");
	}
	if (!findings_worse_since(findings, before))
		finding_add(findings, FINDING_OK, "signer", "signer", "%s", line);
	free(line);
}

/* Does a daemon that lives have another generation than the configuration? */
static bool
behind(const struct picture *picture)
{
	return (!picture->serving_dead && picture->answering.generation != picture->generation) ||
	    (!picture->monitor_dead && picture->beat.generation != picture->generation);
}

void
await_daemons(struct examination *examination)
{
	enum { PATIENCE_MS = 3000 }; /* the monitor writes its generation once a second */
	uint64_t end = boot_ms() + PATIENCE_MS;

	while (behind(examination->picture) && boot_ms() < end) {
		struct picture *newer;

		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
		newer = picture_read(&examination->viewer);
		if (newer == NULL)
			break;
		picture_free(examination->picture);
		examination->picture = newer;
	}
}

void
examine_daemons(struct examination *examination)
{
	assess_nameserver(examination->findings, examination->picture);
	assess_monitor(examination->findings, examination->picture);
	assess_signer(examination->findings, &examination->picture->signer);
}
