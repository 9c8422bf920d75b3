#include "signer/signer_inner.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void
signer_set_fault(struct signer *signer, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(signer->beat.fault, sizeof signer->beat.fault, format, list);
	va_end(list);
	if (strcmp(signer->logged, signer->beat.fault) != 0 && signer->beat.fault[0] != '\0')
		warnx("%s", signer->beat.fault);
	snprintf(signer->logged, sizeof signer->logged, "%s", signer->beat.fault);
}

void
signer_begin_settle(struct signer *signer, struct pass *pass, struct settle *settle, struct store_txn *config)
{
	*settle = (struct settle){.zones = signer->zones,
	    .rollovers = signer->rollovers,
	    .arrivals = signer->arrivals,
	    .state = signer->options.state,
	    .key_ttl = signer->options.rollover.key_ttl,
	    .signatures = pass->signatures,
	    .config = config,
	    .now = pass->now};
}

void
signer_end_settle(struct pass *pass, const struct settle *settle)
{
	pass->wrote |= settle->wrote;
	pass->whole |= settle->whole;
	if (pass->error == 0)
		pass->error = settle->error;
}

void
signer_note_steered(void *arg, const struct steered_signature *row)
{
	struct signer *signer = arg;

	/* S109: without keys, addresses stay until others come, and sets until they end. */
	if (zone_signer_is_keyless(signer->zones, row->zone)) {
		if (row->count > 1)
			signer->steered_due = earlier_end(signer->steered_due, row->signature.expiration);
		return;
	}
	signer->steered_end = earlier_end(signer->steered_end, row->signature.expiration);
	/* Without its keys nobody can make it again: it stays until it ends. */
	signer->steered_due = earlier_end(signer->steered_due,
	    zone_signer_keyring(signer->zones, row->zone) != NULL
		? validity_due_at(&row->signature, (uint32_t)time(NULL))
		: row->signature.expiration);
	zone_signer_note_ttl(signer->zones, row->zone, row->ttl);
}
