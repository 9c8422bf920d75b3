/*
 * cmd_dnssec_provider.h -- `dnssec provider`, and `dnssec enable --with`: keys of another provider (S110).
 */
#ifndef CMD_DNSSEC_PROVIDER_H
#define CMD_DNSSEC_PROVIDER_H

#include "admin/cli/args.h"
#include "zones/base/problem.h"
#include "zones/dns/dnssec.h"

/* Keys of another provider, as they were given. */
struct provider_keys {
	struct public_key list[PROVIDER_KEYS_MAX];
	size_t count;
};

/*
 * Read the DNSKEY records that a word names: a record, a file with a record on each line, or - for those of
 * standard input. False with problems.
 */
bool provider_keys_read(struct provider_keys *keys, const char *word, struct problems *problems);

/* The whole command. */
enum exit_code dnssec_provider_run(struct args *args);

#endif
