/*
 * commands.h -- the commands of `graycloud`, one function each; main.c has the table.
 *
 * A command has read all that it prints and ended its transaction before it prints: a pager that
 * waits must not pin pages of the store.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "admin/cli/args.h"

command_fn cmd_zone;
command_fn cmd_record;
command_fn cmd_monitor;
command_fn cmd_monitor_group;
command_fn cmd_pool;
command_fn cmd_origin;
command_fn cmd_lb;
command_fn cmd_node;
command_fn cmd_dnssec;
command_fn cmd_signatures;
command_fn cmd_pin;
command_fn cmd_token;
command_fn cmd_apply;
command_fn cmd_import;
command_fn cmd_export;
command_fn cmd_log;
command_fn cmd_undo;
command_fn cmd_status;
command_fn cmd_events;
command_fn cmd_explain;
command_fn cmd_whatif;
command_fn cmd_backup;
command_fn cmd_restore;
command_fn cmd_version;
command_fn cmd_doctor;

#endif
