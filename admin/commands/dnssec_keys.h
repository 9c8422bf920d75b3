/*
 * dnssec_keys.h -- keys of signed zones that come from files, and that go to another node (S105).
 *
 * The commands have no code for keys: they hand the text of files to graycloud-signer --take-keys, a process
 * of its own that runs as the same user, the owner of the state directory.
 */
#ifndef DNSSEC_KEYS_H
#define DNSSEC_KEYS_H

#include "admin/cli/args.h"
#include "admin/edit/change.h"

/*
 * Import the keys of a zone from files, the public file beside each private one included; on a dry run only
 * check them. Problems of the change if that fails: then nothing was written.
 */
void dnssec_keys_import(struct change *change, const char *zone, const char *const *files, size_t count);

/* Before the change of user: open also the public files beside the private ones that the line names. */
void dnssec_keys_keep(const struct args *args);

/*
 * Run graycloud-signer with an option and a word (NULL: none) on this input. Returns false after sentences on
 * stderr.
 */
bool dnssec_errand(const struct args *args, const char *option, const char *word, int in);

/* dnssec keys export ZONE, dnssec keys import FILE|- */
enum exit_code dnssec_keys_run(struct args *args);

#endif
