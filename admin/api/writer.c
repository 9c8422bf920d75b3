#include "admin/api/writer.h"

#include "admin/look/plan.h"
#include "zones/base/thread.h"

#include <err.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>

struct job {
	struct call *call;
	const struct route *route;
	struct change_stores stores;
	void *arg;
	STAILQ_ENTRY(job) next;
};
STAILQ_HEAD(jobs, job);

struct writer {
	const struct options *options;
	void (*seal)(void);
	writer_done_fn *done;
	struct event *finished; /* activated by the thread */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	struct jobs waiting, ready;
	unsigned count; /* taken and not yet given back */
	bool ending, started;
};

/* ---- on the thread ---- */

static char *
command_of(const struct call *call)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

	return xasprintf("%s %s", methods[call->method], call->path);
}

/* Statuses and codes of a change that was refused. */
static void
report_refused(struct call *call, const struct change_outcome *outcome)
{
	static const struct {
		int status, code;
	} rows[] = {[CHANGE_INVALID] = {400, CODE_INVALID},
	    [CHANGE_TAKEN] = {400, CODE_TAKEN},
	    [CHANGE_ABSENT] = {404, CODE_NOT_FOUND},
	    [CHANGE_IN_USE] = {412, CODE_IN_USE},
	    [CHANGE_GUARDED] = {412, CODE_GUARD},
	    [CHANGE_GENERATION] = {412, CODE_GENERATION},
	    [CHANGE_FAILED] = {500, CODE_STORE}};
	const struct problems *problems = &outcome->problems;
	bool invalid = outcome->fault == CHANGE_INVALID;

	for (size_t i = 0; i < problems->count; i++)
		if (problems->items[i].severity == PROBLEM_ERROR)
			call_error(call, rows[outcome->fault].status, rows[outcome->fault].code, "%s%s",
			    problems->items[i].text, invalid ? ": validation failed" : "");
	if (call->reply.errors == NULL)
		call_error(call, 500, CODE_STORE, "the change failed");
}

static void
run_change(const struct writer *writer, struct job *job)
{
	struct call *call = job->call;
	struct edit_call edit = {call, job->route};
	struct change_outcome outcome;
	char *command = command_of(call), *who = xasprintf("token %s", call->caller.name);
	struct change_request request = {.state = writer->options->daemon.state,
	    .stores = &job->stores,
	    .who = who,
	    .command = command,
	    .reason = call->reason,
	    .dry_run = call->dry_run,
	    .preview = call->preview && !job->route->tries,
	    .force = call->force,
	    .how_to_force = "?force=true does it anyway",
	    .if_generation_given = call->if_generation_given,
	    .if_generation = call->if_generation};

	change_run(&request, job->route->change, &edit, &outcome);
	call->reply.generation = outcome.generation;
	if (call->reply.errors == NULL && !outcome.done)
		report_refused(call, &outcome);
	if (call->reply.errors == NULL) {
		for (size_t i = 0; i < outcome.problems.count; i++)
			call_message(call, outcome.problems.items[i].text);
		if (outcome.preview != NULL)
			call_preview(call, outcome.preview);
		call_result(call, outcome.result);
		outcome.preview = outcome.result = NULL;
		call->changed = outcome.changed;
	}
	change_outcome_free(&outcome);
	free(command);
	free(who);
}

/* A read that takes long, in transactions of this thread. */
static void
run_read(const struct writer *writer, struct job *job)
{
	struct viewer viewer = {.state = writer->options->daemon.state,
	    .borrowed = true,
	    .stores = {job->stores.config, job->stores.health, job->stores.serving, job->stores.cluster}};
	enum store_kind verdicts = viewer_verdicts(&viewer);
	struct scene scene = {.viewer = &viewer,
	    .state = writer->options->daemon.state,
	    .account = writer->options->account,
	    .dnsd_metrics = writer->options->dnsd_metrics};

	if (viewer.stores[STORE_CONFIG] == NULL ||
	    store_begin(viewer.stores[STORE_CONFIG], STORE_PEEK, &scene.config) != 0)
		scene.config = NULL;
	if (viewer.stores[verdicts] == NULL ||
	    store_begin(viewer.stores[verdicts], STORE_PEEK, &scene.health) != 0)
		scene.health = NULL;
	job->call->reply.generation = scene.config != NULL ? config_generation(scene.config) : 0;
	job->route->read(job->call, job->route, &scene);
	store_abort(scene.config);
	store_abort(scene.health);
	plan_release(viewer.plan);
	/* A long reply takes as long to write as to read. */
	if (job->call->reply.file == NULL)
		job->call->reply.text = call_text(job->call);
}

static void *
run(void *arg)
{
	struct writer *writer = arg;
	struct job *job;

	if (writer->seal != NULL)
		writer->seal();
	pthread_mutex_lock(&writer->lock);
	writer->started = true;
	pthread_cond_signal(&writer->more);
	for (;;) {
		while (STAILQ_EMPTY(&writer->waiting) && !writer->ending)
			pthread_cond_wait(&writer->more, &writer->lock);
		if (writer->ending)
			break;
		job = STAILQ_FIRST(&writer->waiting);
		STAILQ_REMOVE_HEAD(&writer->waiting, next);
		pthread_mutex_unlock(&writer->lock);
		if (job->route->change != NULL)
			run_change(writer, job);
		else if (job->route->act != NULL)
			job->route->act(job->call, job->route, job->stores.config);
		else
			run_read(writer, job);
		pthread_mutex_lock(&writer->lock);
		STAILQ_INSERT_TAIL(&writer->ready, job, next);
		event_active(writer->finished, EV_READ, 0);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* ---- on the loop ---- */

static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct writer *writer = arg;
	struct job *job;

	(void)fd, (void)what;
	pthread_mutex_lock(&writer->lock);
	while ((job = STAILQ_FIRST(&writer->ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&writer->ready, next);
		writer->count--;
		pthread_mutex_unlock(&writer->lock);
		writer->done(job->arg, job->call);
		free(job);
		pthread_mutex_lock(&writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
}

struct writer *
writer_new(struct event_base *base, const struct options *options, void (*seal)(void), writer_done_fn *done)
{
	struct writer *writer = xcalloc(1, sizeof *writer);
	const char *why;

	writer->options = options;
	writer->seal = seal;
	writer->done = done;
	STAILQ_INIT(&writer->waiting);
	STAILQ_INIT(&writer->ready);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->more, NULL);
	writer->finished = event_new(base, -1, EV_PERSIST, on_finished, writer);
	if (writer->finished == NULL)
		errx(1, "out of memory");
	if ((why = thread_start(&writer->thread, 0, run, writer)) != NULL)
		errx(1, "cannot start a thread: %s", why);
	pthread_mutex_lock(&writer->lock);
	while (!writer->started)
		pthread_cond_wait(&writer->more, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
	return writer;
}

void
writer_free(struct writer *writer)
{
	struct job *job;

	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->ending = true;
	pthread_cond_signal(&writer->more);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	STAILQ_CONCAT(&writer->waiting, &writer->ready);
	while ((job = STAILQ_FIRST(&writer->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&writer->waiting, next);
		call_error(job->call, 503, CODE_BUSY, "graycloud-api ends: ask again");
		writer->done(job->arg, job->call);
		free(job);
	}
	event_free(writer->finished);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->more);
	free(writer);
}

bool
writer_take(struct writer *writer, struct call *call, const struct route *route,
    const struct change_stores *stores, void *arg)
{
	struct job *job;

	if (writer->count >= WRITER_WAITING_MAX)
		return false;
	job = xcalloc(1, sizeof *job);
	*job = (struct job){.call = call, .route = route, .stores = *stores, .arg = arg};
	pthread_mutex_lock(&writer->lock);
	writer->count++;
	STAILQ_INSERT_TAIL(&writer->waiting, job, next);
	pthread_cond_signal(&writer->more);
	pthread_mutex_unlock(&writer->lock);
	return true;
}

unsigned
writer_waiting(const struct writer *writer)
{
	return writer->count;
}
