/*
 * latency commits STATE PORT NAME ROUNDS POOL -- from a commit to the answers of all workers.
 * latency deaths STATE PORT NAME ROUNDS ADDRESS:PORT -- from an origin's death to the last answer that has
 * it.
 *
 * latency signed STATE PORT NAME ROUNDS POOL -- from a flip to the answers of all workers to clients with DO:
 * until none has the dead origin, and until all have every living one, with their signature.
 *
 * The first and the last write the stores as the monitor and a command would.  The second is an origin
 * itself, one of the two of its pool: it closes its listener, and the real monitor finds out.  Both ask over
 * enough sockets that every worker of the nameserver (they share the port by SO_REUSEPORT) is asked by some;
 * the time ends when every socket has the new answer.
 */
#include "zones/document/json.h"
#include "zones/state/config_write.h"
#include "zones/state/health.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { SOCKETS = 32, DEADLINE_MS = 10000 };

struct bench {
	const char *state, *what, *name; /* what: the pool, or the origin's ADDRESS:PORT */
	int sockets[SOCKETS];
	uint8_t query[300];
	size_t query_len;
	unsigned rounds;
};

static void
open_sockets(struct bench *bench, uint16_t port)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 1};

	for (unsigned i = 0; i < SOCKETS; i++) {
		bench->sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
		setsockopt(bench->sockets[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (connect(bench->sockets[i], (struct sockaddr *)&to, sizeof to) < 0)
			err(1, "connect");
	}
	memcpy(bench->query, "\x12\x34\0\0\0\1\0\0\0\0\0\0", 12);
	bench->query_len = 12 + name_from_text(bench->query + 12, bench->name, NULL);
	memcpy(bench->query + bench->query_len, "\0\1\0\1", 4);
	bench->query_len += 4;
}

/* Ask with the DO bit (RFC 3225), and for as much as UDP may have. */
static void
ask_signed(struct bench *bench)
{
	static const uint8_t opt[11] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0x80};

	bench->query[11] = 1;
	memcpy(bench->query + bench->query_len, opt, sizeof opt);
	bench->query_len += sizeof opt;
}

/*
 * Ask on every socket until each answer has this number of records, or with is_not another number. Returns
 * the time of the last.
 */
static uint64_t
wait_until(struct bench *bench, unsigned records, bool is_not)
{
	bool done[SOCKETS] = {false};
	uint64_t end = boot_ms() + DEADLINE_MS;
	unsigned left = SOCKETS;

	while (left > 0) {
		if (boot_ms() > end)
			errx(1, "the answers do not change");
		for (unsigned i = 0; i < SOCKETS; i++)
			if (!done[i] && send(bench->sockets[i], bench->query, bench->query_len, 0) < 0)
				err(1, "send");
		for (unsigned i = 0; i < SOCKETS; i++) {
			uint8_t answer[1300];

			if (!done[i] && recv(bench->sockets[i], answer, sizeof answer, 0) > 12 &&
			    (get16(answer + 6) == records) != is_not) {
				done[i] = true;
				left--;
			}
		}
	}
	return boot_ns();
}

static uint64_t
wait_for(struct bench *bench, unsigned addresses)
{
	return wait_until(bench, addresses, false);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
report(const char *what, uint64_t *times, unsigned count)
{
	qsort(times, count, sizeof *times, compare);
	printf("%-30s %6u %10.2f %10.2f %10.2f\n", what, count, (double)times[count / 2] / 1e6,
	    (double)times[count * 99 / 100] / 1e6, (double)times[count - 1] / 1e6);
}

static struct pool *
read_pool(struct store *config, const char *name)
{
	struct store_txn *txn;
	struct pool *pool = NULL;
	struct id id;

	if (store_begin(config, STORE_READ, &txn) != 0 || !config_object_id(txn, KIND_POOL, name, &id) ||
	    (pool = config_pool(txn, id.text)) == NULL)
		errx(1, "there is no pool %s", name);
	store_abort(txn);
	return pool;
}

static void
put_state(
    struct store *health, const struct endpoint *endpoint, enum health_state before, enum health_state now)
{
	struct health_record record = {.version = HEALTH_RECORD_VERSION,
	    .state = (uint8_t)now,
	    .since_ms = boot_ms(),
	    .last_ms = boot_ms(),
	    .stale_after_ms = 1000000};
	struct health_flip flip = {
	    .endpoint = *endpoint, .state = (uint8_t)now, .before = (uint8_t)before, .at_ms = boot_ms()};
	struct store_txn *txn;

	if (store_begin(health, STORE_WRITE, &txn) != 0 || health_put(txn, endpoint, &record) != 0 ||
	    health_flip_put(txn, &flip) != 0 || store_commit(txn) != 0)
		errx(1, "cannot write the health store");
}

/*
 * Flip an endpoint that is up, and back, without measuring: the store is a new one, which the nameserver
 * notices within half a second, as after a restart of the monitor. up: the answers while it is up, down.
 */
static void
warm_up(
    struct bench *bench, struct store *health, const struct endpoint *endpoint, unsigned up, unsigned down)
{
	put_state(health, endpoint, HEALTH_UP, HEALTH_DOWN);
	wait_for(bench, down);
	put_state(health, endpoint, HEALTH_DOWN, HEALTH_UP);
	wait_for(bench, up);
}

static void
bench_health(struct bench *bench, struct store *config, struct problems *problems)
{
	struct store *health = store_open(bench->state, STORE_HEALTH, STORE_WRITE, problems);
	struct pool *pool = read_pool(config, bench->what);
	uint64_t *times = xcalloc(bench->rounds, sizeof *times);
	struct endpoint endpoints[2];

	if (health == NULL) {
		problems_print(problems, "latency", stderr);
		exit(1);
	}
	for (unsigned i = 0; i < 2; i++) {
		endpoints[i] = health_endpoint(pool->monitor.text, &pool->origins[i], &pool->origins[i].ip);
		put_state(health, &endpoints[i], HEALTH_UNKNOWN, HEALTH_UP);
	}
	warm_up(bench, health, &endpoints[1], 2, 1);
	for (unsigned round = 0; round < bench->rounds; round++) {
		bool down = round % 2 == 0;
		uint64_t began = boot_ns();

		put_state(
		    health, &endpoints[1], down ? HEALTH_UP : HEALTH_DOWN, down ? HEALTH_DOWN : HEALTH_UP);
		times[round] = wait_for(bench, down ? 1 : 2) - began;
		usleep(2000 + (useconds_t)(mix64(round) % 20000)); /* not in step with any timer */
	}
	report("health flip", times, bench->rounds);
	free(times);
	model_free_pool(pool);
	store_close(health);
}

/* Enable or disable the second origin, as `origin disable` does; returns when the commit returned. */
static uint64_t
put_enabled(struct store *config, const struct id *id, const char *name, bool enabled)
{
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(config, &problems);
	struct json *document;
	uint64_t generation;
	struct bytes json;
	char *text;

	if (edit == NULL || !config_object(config_edit_txn(edit), KIND_POOL, id->text, &json))
		errx(1, "cannot edit");
	document = json_read_quietly(json);
	json_put_bool(json_item(json_member(document, "origins"), 1), "enabled", enabled);
	text = json_write(document, false);
	config_put_object(edit, KIND_POOL, id->text, name, name, (struct bytes){text, strlen(text)});
	if (config_edit_commit(edit,
		(struct bytes){"{\"time\":0,\"who\":\"bench\",\"command\":\"bench\",\"reason\":\"\"}", 53},
		&generation) != 0)
		errx(1, "cannot commit");
	free(text);
	json_drop(document);
	return boot_ns();
}

static void
bench_config(struct bench *bench, struct store *config)
{
	uint64_t *times = xcalloc(bench->rounds, sizeof *times);
	struct pool *pool = read_pool(config, bench->what);

	for (unsigned round = 0; round < bench->rounds; round++) {
		bool down = round % 2 == 0;
		uint64_t began = put_enabled(config, &pool->id, pool->name, !down),
			 seen = wait_for(bench, down ? 1 : 2);

		times[round] = seen > began ? seen - began : 0;
		usleep(2000 + (useconds_t)(mix64(round) % 20000));
	}
	report("configuration change", times, bench->rounds);
	free(times);
	model_free_pool(pool);
}

/* --- deaths --- */

/* A listener at ADDRESS:PORT that accepts nothing: a tcp check needs only the connection. */
static int
be_born(const char *where)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	const char *colon = strchr(where, ':');
	char host[32];
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (colon == NULL || colon - where >= (int)sizeof host)
		errx(2, "%s: not ADDRESS:PORT", where);
	snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
	at.sin_port = htons((uint16_t)atoi(colon + 1));
	inet_pton(AF_INET, host, &at.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0)
		err(1, "%s", where);
	return fd;
}

static bool
take_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	(void)sequence;
	*(uint64_t *)arg = flip->at_ms * 1000000;
	return true;
}

/* The time of the newest flip, by the monitor's clock. */
static uint64_t
last_flip_ns(struct store *health)
{
	struct store_txn *txn;
	uint64_t at = 0;

	if (store_begin(health, STORE_READ, &txn) != 0 ||
	    !health_flips_after(txn, health_flip_last(txn) - 1, take_flip, &at))
		errx(1, "cannot read the health store");
	store_abort(txn);
	return at;
}

static void
bench_deaths(struct bench *bench, struct problems *problems)
{
	uint64_t *all = xcalloc(bench->rounds, sizeof *all),
		 *after_verdict = xcalloc(bench->rounds, sizeof *after_verdict), began, seen, flipped;
	struct store *health;
	int fd = be_born(bench->what);

	wait_for(bench, 2);
	if ((health = store_open(bench->state, STORE_HEALTH, STORE_READ, problems)) == NULL) {
		problems_print(problems, "latency", stderr);
		exit(1);
	}
	for (unsigned round = 0; round < bench->rounds; round++) {
		usleep((useconds_t)(mix64(round) % 1000000)); /* not in step with the probes */
		began = boot_ns();
		close(fd);
		seen = wait_for(bench, 1);
		flipped = last_flip_ns(health);
		all[round] = seen - began;
		after_verdict[round] = seen > flipped ? seen - flipped : 0;
		fd = be_born(bench->what);
		wait_for(bench, 2);
	}
	report("death to last wrong answer", all, bench->rounds);
	report("of that, after the verdict", after_verdict, bench->rounds);
	close(fd);
	free(all);
	free(after_verdict);
	store_close(health);
}

/* The number of flips so far, so that a second run goes on where the first one ended. */
static uint64_t
count_flips(struct store *health)
{
	struct store_txn *txn;
	uint64_t last;

	if (store_begin(health, STORE_READ, &txn) != 0)
		errx(1, "cannot read the health store");
	last = health_flip_last(txn);
	store_abort(txn);
	return last;
}

/*
 * Origins flip in the order of the Gray code, so that no set of living ones comes twice: each has to be
 * signed. The first origin stays.
 */
static void
bench_signed(struct bench *bench, struct problems *problems)
{
	struct store *config = store_open(bench->state, STORE_CONFIG, STORE_READ, problems),
		     *health = store_open(bench->state, STORE_HEALTH, STORE_WRITE, problems);
	struct pool *pool = config != NULL && health != NULL ? read_pool(config, bench->what) : NULL;
	uint64_t *gone = xcalloc(bench->rounds, sizeof *gone), *whole = xcalloc(bench->rounds, sizeof *whole);
	unsigned up = pool != NULL ? (unsigned)pool->norigins : 0, ngone = 0;
	bool down[64] = {false};
	struct endpoint endpoints[64];
	uint64_t first;

	if (pool == NULL || up > 17) {
		problems_print(problems, "latency", stderr);
		errx(1, "the pool must have at most 17 origins");
	}
	ask_signed(bench);
	first = count_flips(health);
	for (unsigned i = 0; i < pool->norigins; i++) {
		endpoints[i] = health_endpoint(pool->monitor.text, &pool->origins[i], &pool->origins[i].ip);
		down[i] = i > 0 && (first ^ first >> 1) >> (i - 1) & 1;
		up -= down[i];
		put_state(health, &endpoints[i], HEALTH_UNKNOWN, down[i] ? HEALTH_DOWN : HEALTH_UP);
	}
	warm_up(bench, health, &endpoints[0], up + 1, up);
	for (unsigned round = 0; round < bench->rounds; round++) {
		unsigned i =
		    1 + (unsigned)__builtin_ctzll(first + round + 1) % (unsigned)(pool->norigins - 1);
		uint64_t began = boot_ns();

		put_state(health, &endpoints[i], down[i] ? HEALTH_DOWN : HEALTH_UP,
		    down[i] ? HEALTH_UP : HEALTH_DOWN);
		down[i] = !down[i];
		up = down[i] ? up - 1 : up + 1;
		if (down[i])
			gone[ngone++] = wait_until(bench, up + 2, true) - began;
		whole[round] = wait_for(bench, up + 1) - began;
	}
	report("signed: flip to dead one gone", gone, ngone);
	report("signed: flip to whole set", whole, bench->rounds);
	free(gone);
	free(whole);
	model_free_pool(pool);
	store_close(config);
	store_close(health);
}

static void
bench_commits(struct bench *bench, struct problems *problems)
{
	struct store *config = store_open(bench->state, STORE_CONFIG, STORE_WRITE, problems);

	if (config == NULL) {
		problems_print(problems, "latency", stderr);
		exit(1);
	}
	bench_health(bench, config, problems);
	bench_config(bench, config);
	store_close(config);
}

int
main(int argc, char **argv)
{
	struct bench bench;
	struct problems problems = {0};

	if (argc != 7)
		errx(2, "usage: latency commits|deaths|signed STATE PORT NAME ROUNDS POOL|ADDRESS:PORT");
	bench = (struct bench){
	    .state = argv[2], .name = argv[4], .rounds = (unsigned)atoi(argv[5]), .what = argv[6]};
	open_sockets(&bench, (uint16_t)atoi(argv[3]));
	if (strcmp(argv[1], "commits") == 0)
		bench_commits(&bench, &problems);
	else if (strcmp(argv[1], "signed") == 0)
		bench_signed(&bench, &problems);
	else
		bench_deaths(&bench, &problems);
	problems_free(&problems);
	return 0;
}
