#include "admin/explain/kept.h"

#include "zones/base/text.h"
#include "zones/state/served_signed.h"
#include "zones/state/serving.h"

#include <stdlib.h>

/* The version of a zone that is signed by placeholders. One whose signatures are not there has version 0. */
#define PLACEHOLDERS UINT64_MAX

struct kept {
	const struct compiler_signing *source;
	const struct kept_notes *notes;
	struct compiler_signing signing;
	struct zone_signing zone;
	size_t apex_len;
};

static const struct signature placeholder;

/* ---- notes ---- */

void
kept_notes_read(struct kept_notes *notes, const char *state, struct store_txn *serving)
{
	struct serving_status *status = xcalloc(1, sizeof *status);
	struct served_signed *noted = served_signed_new(state);
	bool known = serving != NULL && serving_get(serving, status);

	*notes = (struct kept_notes){.runs = known && status->ready && !serving_dead(status, boot_ms()),
	    .noted = xstrdup(served_signed_names(noted)),
	    .bare = known ? serving_bare(serving) : xstrdup("")};
	notes->sets = notes->runs && status->keeps_sets;
	served_signed_free(noted);
	free(status);
}

void
kept_notes_free(struct kept_notes *notes)
{
	free(notes->noted);
	free(notes->bare);
}

/* ---- the source ---- */

bool
kept_is_placeholder(const struct signature *signature)
{
	return signature->algorithm == placeholder.algorithm;
}

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	const struct kept *kept = arg;
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = kept->apex_len,
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};

	(void)key;
	return rrsig_write(out, &covers, &placeholder);
}

static bool
is_lost(void *arg, const struct zone_info *info)
{
	const struct kept *kept = arg;

	return kept->source->lost(kept->source->arg, info);
}

static const struct zone_signing *
zone(void *arg, const struct zone_info *info)
{
	struct kept *kept = arg;
	const struct zone_signing *found = kept->source->zone(kept->source->arg, info);
	char name[NAME_MAX_TEXT];

	name_to_host(info->name, name);
	if (found != NULL || !kept->notes->runs || !is_lost(kept, info) ||
	    !text_has_line(kept->notes->noted, name) || text_has_line(kept->notes->bare, name))
		return found;
	kept->apex_len = name_len(info->name);
	kept->zone = (struct zone_signing){.arg = kept, .find = find, .ndata = 1, .version = PLACEHOLDERS};
	return &kept->zone;
}

struct kept *
kept_new(const struct compiler_signing *source, const struct kept_notes *notes)
{
	struct kept *kept = xcalloc(1, sizeof *kept);

	kept->source = source;
	kept->notes = notes;
	kept->signing = (struct compiler_signing){.arg = kept, .zone = zone, .lost = is_lost};
	return kept;
}

const struct compiler_signing *
kept_signing(struct kept *kept)
{
	return &kept->signing;
}

void
kept_free(struct kept *kept)
{
	free(kept);
}

static bool
sign(void *arg, const struct steered_signature *row, const struct content *content)
{
	struct compiler *compiler = arg;

	if (kept_is_placeholder(&row->signature))
		compiler_add_steered(compiler, content, &placeholder);
	return true;
}

void
kept_sign_steered(const struct kept *kept, struct compiler *compiler)
{
	if (kept->zone.find != NULL) /* there was such a zone */
		compiler_each_steered(compiler, sign, compiler);
}

enum kept_state
kept_state_of(const struct zone *of)
{
	if (of == NULL || of->chain == NULL)
		return KEPT_NOT_LOST;
	return of->version == PLACEHOLDERS ? KEPT_SIGNED : of->version == 0 ? KEPT_BARE : KEPT_NOT_LOST;
}
