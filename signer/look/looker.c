#include "signer/look/looker.h"

#include "zones/ask/ask.h"
#include "zones/base/array.h"
#include "zones/base/thread.h"
#include "zones/daemon/seal.h"
#include "zones/dns/rrset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NOT_FOUND "the servers of the parent are not found: "

enum { LOOK_MS = 45000, PORT = 53, ADDRESS_MAX_TEXT = 46 };

struct looker {
	const struct look_options *options;
	pthread_t threads[LOOKS_AT_ONCE];
	unsigned nthreads;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int stop_fd;
	bool ends;
	unsigned sealed;           /* threads */
	struct look *begun, *done; /* to be begun; over */
	unsigned under_way;        /* and not taken */
};

void
look_free(struct look *look)
{
	if (look == NULL)
		return;
	nameservers_free(&look->own);
	for (size_t i = 0; i < look->nwithout; i++)
		free(look->without[i]);
	free(look->without);
	free(look);
}

/* ---- one look ---- */

struct looking {
	const struct look_options *options;
	struct look *look;
	struct asking asking;
	struct nameservers all, parents; /* the nameservers of the zone, and those of its parent */
	const uint8_t *parent;           /* within the name of the zone; NULL: not found */
	bool ds_there;                   /* all servers of the parent have exactly the DS of the step */
};

static const struct look_redirect *
redirect_of(const struct look_options *options, const struct address *server)
{
	for (size_t i = 0; i < options->nredirects; i++)
		if (memcmp(&options->redirects[i].from, server, sizeof *server) == 0)
			return &options->redirects[i];
	return NULL;
}

static struct question *
put(struct looking *looking, const struct address *server, const uint8_t *name, uint16_t type)
{
	const struct look_redirect *redirect = redirect_of(looking->options, server);

	return ask(&looking->asking, redirect != NULL ? &redirect->to : server,
	    redirect != NULL ? redirect->port : PORT, name, type, ASK_EDNS | ASK_DO | ASK_TCP);
}

/*
 * A machine without IPv6 cannot look at the IPv6 addresses of servers that have others: it is enough to see
 * those.
 */
static bool
can_reach(const struct looking *looking, const struct nameserver *server, const struct address *address)
{
	if (redirect_of(looking->options, address) != NULL || ask_has_route(address))
		return true;
	for (size_t i = 0; i < server->naddresses; i++)
		if (redirect_of(looking->options, &server->addresses[i]) != NULL ||
		    ask_has_route(&server->addresses[i]))
			return false;
	return true;
}

static struct question *
put_resolver(struct looking *looking, const uint8_t *name, uint16_t type)
{
	const struct look_options *options = looking->options;

	return ask(
	    &looking->asking, &options->resolver, options->resolver_port, name, type, ASK_RECURSE | ASK_EDNS);
}

static void __attribute__((format(printf, 2, 3))) lacks(struct looking *looking, const char *format, ...)
{
	struct look *look = looking->look;
	va_list list;

	if (look->nlacking < LOOK_LACKING_MAX) {
		va_start(list, format);
		vsnprintf(look->lacking[look->nlacking], ROLLOVER_TEXT, format, list);
		va_end(list);
	}
	look->nlacking++;
}

/* Did a person say that this server, or this address of it, is gone? */
static bool
left_out(const struct look *look, const uint8_t *name, const struct address *address)
{
	char host[NAME_MAX_TEXT], text[ADDRESS_MAX_TEXT] = "";

	name_to_host(name, host);
	if (address != NULL)
		address_to_text(address, text);
	for (size_t i = 0; i < look->nwithout; i++)
		if (strcmp(look->without[i], host) == 0 || strcmp(look->without[i], text) == 0)
			return true;
	return false;
}

/* Put the questions for the addresses of nameservers that have none yet, and read the answers that came. */
static void
find_addresses(struct looking *looking, struct nameservers *all)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA};

	for (size_t i = 0; i < all->count; i++) {
		struct nameserver *server = &all->list[i];
		bool known = server->naddresses > 0;

		for (size_t n = 0; n < NITEMS(types) && !known; n++) {
			const struct question *question = put_resolver(looking, server->name, types[n]);

			if (question->outcome == ASK_ANSWERED)
				addresses_read(question->octets, question->len, server);
		}
	}
}

static void
merge(struct nameservers *into, const struct nameservers *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct nameserver *server = nameservers_add(into, from->list[i].name);

		for (size_t n = 0; n < from->list[i].naddresses; n++)
			nameserver_add_address(server, &from->list[i].addresses[n]);
	}
}

/* No resolver answers: name those that were asked, and what hides others. */
static void
lacks_resolver(struct looking *looking)
{
	const struct look_options *options = looking->options;
	char given[ADDRESS_PORT_TEXT], resolvers[ASK_RESOLVERS_TEXT];
	int error;

	if (options->resolver.family != FAMILY_NONE)
		lacks(looking, NOT_FOUND "no resolver answers (%s of --resolver)",
		    address_port_to_text(&options->resolver, options->resolver_port, given));
	else if ((error = ask_resolvers(resolvers)) != 0)
		lacks(looking,
		    NOT_FOUND "/etc/resolv.conf cannot be read (%s), and %s does not answer: name a resolver "
			      "with --resolver",
		    strerror(error), resolvers);
	else
		lacks(looking, NOT_FOUND "no resolver answers (%s of /etc/resolv.conf)", resolvers);
}

/* The nearest name above the zone for which a resolver has NS records. */
static void
find_parent(struct looking *looking)
{
	const uint8_t *name = looking->look->shown.apex;
	bool answered = false, failed = false;

	for (const uint8_t *above = name; *above != 0;) {
		above += *above + 1;
		put_resolver(looking, above, TYPE_NS);
	}
	asking_run(&looking->asking);
	for (const uint8_t *above = name; *above != 0 && looking->parent == NULL;) {
		const struct question *question;

		above += *above + 1;
		question = put_resolver(looking, above, TYPE_NS);
		answered |= question->outcome == ASK_ANSWERED;
		failed |= question->outcome == ASK_ANSWERED && shown_failed(question->octets, question->len);
		if (question->outcome == ASK_ANSWERED &&
		    ns_read(question->octets, question->len, above, &looking->parents))
			looking->parent = above;
	}
	if (looking->parent != NULL || *name == 0) /* the root has none */
		return;
	if (failed)
		lacks(looking,
		    NOT_FOUND "the resolver answers SERVFAIL: the parent is bogus, or cannot be resolved");
	else if (answered)
		lacks(looking, NOT_FOUND "no resolver has NS records above the zone");
	else
		lacks_resolver(looking);
}

static bool
answered(struct looking *looking, const struct question *question, const char *who)
{
	if (question->outcome == ASK_ANSWERED)
		return true;
	lacks(looking, "%s %s", who,
	    question->outcome == ASK_UNREACHABLE ? "cannot be reached over TCP" : "does not answer over TCP");
	return false;
}

/* "ns1.example.com (192.0.2.1)" */
static const char *
who_is(char out[ROLLOVER_TEXT], const struct nameserver *server, const struct address *address)
{
	char host[NAME_MAX_TEXT], text[ADDRESS_MAX_TEXT];

	/* A name of 253 characters leaves no room for the reason. */
	snprintf(out, ROLLOVER_TEXT, "%.70s (%s)", name_to_host(server->name, host),
	    address_to_text(address, text));
	return out;
}

typedef void server_fn(
    struct looking *looking, const struct nameserver *server, const struct address *address, bool judge);

/* Call fn for each address: to put questions, and to judge the answers. */
static void
each_address(struct looking *looking, const struct nameservers *all, server_fn *fn, bool judge)
{
	char host[NAME_MAX_TEXT];

	for (size_t i = 0; i < all->count; i++) {
		const struct nameserver *server = &all->list[i];

		if (left_out(looking->look, server->name, NULL))
			continue;
		if (judge && server->naddresses == 0)
			lacks(looking, "%.100s has no address", name_to_host(server->name, host));
		for (size_t n = 0; n < server->naddresses; n++)
			if (!left_out(looking->look, server->name, &server->addresses[n]) &&
			    can_reach(looking, server, &server->addresses[n]))
				fn(looking, server, &server->addresses[n], judge);
	}
}

/* The DS, and the nameservers that the parent has for the zone. */
static void
look_at_parent(
    struct looking *looking, const struct nameserver *server, const struct address *address, bool judge)
{
	struct look *look = looking->look;
	const struct question *ds = put(looking, address, look->shown.apex, TYPE_DS),
			      *ns = put(looking, address, look->shown.apex, TYPE_NS);
	struct nameservers referral = {0};
	char who[ROLLOVER_TEXT], why[SHOWN_WHY];
	uint32_t now = (uint32_t)time(NULL), ttl;

	if (!judge || !answered(looking, ds, who_is(who, server, address)))
		return;
	shown_time(&look->shown, ds->octets, ds->len, now, &look->time);
	if (!shown_ds(&look->shown, ds->octets, ds->len, now, &ttl, why))
		lacks(looking, "%s %s", who, why);
	look->ttl_ds = MAX(look->ttl_ds, ttl);
	if (ns->outcome == ASK_ANSWERED) {
		delegation_read(ns->octets, ns->len, look->shown.apex, &referral);
		merge(&looking->all, &referral);
		look->ttl_ns = MAX(look->ttl_ns, referral.ttl);
	}
	nameservers_free(&referral);
}

/* S108: a resolver that was given, and validates, has to see the same DS and to say AD. */
static void
look_at_resolver(struct looking *looking, bool judge)
{
	const struct look_options *options = looking->options;
	struct look *look = looking->look;
	const struct question *soa, *ds;
	char host[ADDRESS_MAX_TEXT], who[ROLLOVER_TEXT], why[SHOWN_WHY];

	if (options->resolver.family == FAMILY_NONE || looking->parent == NULL || look->time_alone)
		return;
	soa = ask(&looking->asking, &options->resolver, options->resolver_port, looking->parent, TYPE_SOA,
	    ASK_RECURSE | ASK_EDNS | ASK_DO);
	ds = ask(&looking->asking, &options->resolver, options->resolver_port, look->shown.apex, TYPE_DS,
	    ASK_RECURSE | ASK_EDNS | ASK_DO);
	if (!judge)
		return;
	snprintf(who, sizeof who, "the resolver %s", address_to_text(&options->resolver, host));
	if (soa->outcome != ASK_ANSWERED || ds->outcome != ASK_ANSWERED) {
		lacks(looking, "%s does not answer: the DS is not validated", who);
	} else if (shown_failed(soa->octets, soa->len) || shown_failed(ds->octets, ds->len)) {
		lacks(looking, "%s finds the parent or the DS bogus, or cannot resolve it (SERVFAIL)", who);
	} else if (shown_validated(soa->octets, soa->len)) {
		look->validation = DS_VALIDATED;
		if (!shown_resolved_ds(&look->shown, ds->octets, ds->len, why))
			lacks(looking, "%s %s", who, why);
	} else {
		look->validation = DS_UNSIGNED_PARENT;
	}
}

/*
 * In a step that changes the DS: a registry that reads CDS at this nameserver has to see what it is to do.
 * One that has none hinders nothing once the DS is there; other records could make the registry take it back.
 */
static void
look_at_cds(
    struct looking *looking, const struct address *address, const struct question *keys, const char *who)
{
	const struct shown *shown = &looking->look->shown;
	const struct question *cds, *cdnskey;
	char why[SHOWN_WHY];
	bool none;

	if (!shown->ds_changes)
		return;
	cds = put(looking, address, shown->apex, TYPE_CDS);
	cdnskey = put(looking, address, shown->apex, TYPE_CDNSKEY);
	if (!answered(looking, cds, who) || !answered(looking, cdnskey, who))
		return;
	if (!shown_cds(shown, (struct bytes){cds->octets, cds->len},
		(struct bytes){cdnskey->octets, cdnskey->len}, (struct bytes){keys->octets, keys->len}, &none,
		why) &&
	    !(none && looking->ds_there))
		lacks(looking, "%s %s", who, why);
}

static void
look_at_nameserver(
    struct looking *looking, const struct nameserver *server, const struct address *address, bool judge)
{
	struct look *look = looking->look;
	const struct question *keys = put(looking, address, look->shown.apex, TYPE_DNSKEY),
			      *soa = put(looking, address, look->shown.apex, TYPE_SOA);
	uint32_t now = (uint32_t)time(NULL), ttl;
	char who[ROLLOVER_TEXT], why[SHOWN_WHY];

	if (!judge && look->shown.ds_changes) {
		put(looking, address, look->shown.apex, TYPE_CDS);
		put(looking, address, look->shown.apex, TYPE_CDNSKEY);
	}
	if (!judge || !answered(looking, keys, who_is(who, server, address)) || !answered(looking, soa, who))
		return;
	/* Each node with the keys goes through `disable` alone, and one of them is the first. */
	if (look->shown.delete_ds && looking->ds_there &&
	    shown_unsigned(&look->shown, keys->octets, keys->len))
		return;
	if (!shown_dnskey(&look->shown, keys->octets, keys->len, now, &ttl, why) ||
	    !shown_data(&look->shown, soa->octets, soa->len, now, why))
		lacks(looking, "%s %s", who, why);
	else
		look_at_cds(looking, address, keys, who);
	look->ttl_dnskey = MAX(look->ttl_dnskey, ttl);
}

static void
look_all(const struct look_options *options, int stop_fd, struct look *look)
{
	struct looking looking = {.options = options, .look = look};

	asking_start(&looking.asking, LOOK_MS, stop_fd);
	merge(&looking.all, &look->own);
	find_addresses(&looking, &looking.all);
	find_parent(&looking);
	find_addresses(&looking, &looking.all);
	find_addresses(&looking, &looking.parents);
	asking_run(&looking.asking);
	find_addresses(&looking, &looking.parents);
	each_address(&looking, &looking.parents, look_at_parent, false);
	look_at_resolver(&looking, false);
	asking_run(&looking.asking);
	each_address(&looking, &looking.parents, look_at_parent, true);
	look_at_resolver(&looking, true);
	looking.ds_there = look->nlacking == 0;
	if (!look->parent_alone) {
		find_addresses(&looking, &looking.all);
		asking_run(&looking.asking);
		find_addresses(&looking, &looking.all);
		each_address(&looking, &looking.all, look_at_nameserver, false);
		asking_run(&looking.asking);
		each_address(&looking, &looking.all, look_at_nameserver, true);
		if (looking.all.count == 0)
			lacks(&looking, "the zone has no NS records");
	}
	look->good = look->nlacking == 0;
	look->time.at_ms = wall_ms();
	nameservers_free(&looking.all);
	nameservers_free(&looking.parents);
	asking_free(&looking.asking);
}

/* ---- the threads ---- */

static void
push(struct look **list, struct look *look)
{
	look->next = *list;
	*list = look;
}

static struct look *
pop(struct look **list)
{
	struct look *look = *list;

	if (look != NULL)
		*list = look->next;
	return look;
}

static void *
run(void *arg)
{
	struct looker *looker = arg;
	struct look *look;

	seal_enter(SEAL_ASKER);
	pthread_mutex_lock(&looker->lock);
	looker->sealed++;
	pthread_cond_broadcast(&looker->changed);
	for (;;) {
		while (looker->begun == NULL && !looker->ends)
			pthread_cond_wait(&looker->changed, &looker->lock);
		if (looker->ends)
			break;
		look = pop(&looker->begun);
		pthread_mutex_unlock(&looker->lock);
		look_all(looker->options, looker->stop_fd, look);
		pthread_mutex_lock(&looker->lock);
		push(&looker->done, look);
	}
	pthread_mutex_unlock(&looker->lock);
	return NULL;
}

/* Returns NULL, or why not all were started. The main thread is sealed after all others. */
static const char *
start_threads(struct looker *looker)
{
	const char *why = NULL;

	while (looker->nthreads < LOOKS_AT_ONCE &&
	    (why = thread_start(&looker->threads[looker->nthreads], 0, run, looker)) == NULL)
		looker->nthreads++;
	pthread_mutex_lock(&looker->lock);
	while (looker->sealed < looker->nthreads)
		pthread_cond_wait(&looker->changed, &looker->lock);
	pthread_mutex_unlock(&looker->lock);
	return why;
}

struct looker *
looker_new(const struct look_options *options, struct problems *problems)
{
	struct looker *looker = xcalloc(1, sizeof *looker);
	const char *why;

	looker->options = options;
	pthread_mutex_init(&looker->lock, NULL);
	thread_condition(&looker->changed);
	looker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	why = looker->stop_fd < 0 ? "no descriptor is left" : start_threads(looker);
	if (why == NULL)
		return looker;
	problems_error(problems, "cannot start the threads that look at nameservers: %s", why);
	looker_free(looker);
	return NULL;
}

static void
free_list(struct look *list)
{
	for (struct look *look; (look = pop(&list)) != NULL;)
		look_free(look);
}

void
looker_free(struct looker *looker)
{
	const uint64_t one = 1;

	if (looker == NULL)
		return;
	pthread_mutex_lock(&looker->lock);
	looker->ends = true;
	pthread_cond_broadcast(&looker->changed);
	pthread_mutex_unlock(&looker->lock);
	if (looker->nthreads > 0 && write(looker->stop_fd, &one, sizeof one) == (ssize_t)sizeof one)
		for (unsigned i = 0; i < looker->nthreads; i++)
			pthread_join(looker->threads[i], NULL);
	free_list(looker->begun);
	free_list(looker->done);
	if (looker->stop_fd >= 0)
		close(looker->stop_fd);
	pthread_mutex_destroy(&looker->lock);
	pthread_cond_destroy(&looker->changed);
	free(looker);
}

unsigned
looker_room(const struct looker *looker)
{
	return LOOKS_AT_ONCE - looker->under_way;
}

void
looker_begin(struct looker *looker, struct look *look)
{
	looker->under_way++;
	pthread_mutex_lock(&looker->lock);
	push(&looker->begun, look);
	pthread_cond_broadcast(&looker->changed);
	pthread_mutex_unlock(&looker->lock);
}

struct look *
looker_take(struct looker *looker)
{
	struct look *done;

	pthread_mutex_lock(&looker->lock);
	done = pop(&looker->done);
	pthread_mutex_unlock(&looker->lock);
	looker->under_way -= done != NULL;
	return done;
}
