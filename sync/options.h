/*
 * options.h -- the options of graycloud-sync, from its command line or a file (command_line.h).
 */
#ifndef SYNC_OPTIONS_H
#define SYNC_OPTIONS_H

#include "sync/engine/etcd.h"
#include "zones/daemon/command_line.h"

struct options {
	struct daemon_options daemon;
	struct etcd_settings engine;
	const char *password_file;
	uint64_t alone_ms; /* S94: when a silent engine has failed; 0: never */
};

/*
 * Read the command line. Exits with 2 after a message for each fault, and with 0 for --help and --version.
 * The texts live as long as the process.
 */
void options_parse(struct options *options, int argc, char **argv);

#endif
