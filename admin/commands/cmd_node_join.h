/* cmd_node_join.h -- node init, node join (S97): this node becomes a member of a cluster. */
#ifndef CMD_NODE_JOIN_H
#define CMD_NODE_JOIN_H

#include "admin/commands/commands.h"

/* Begin a cluster with the configuration of this node. create runs `node create` with args. */
enum exit_code node_init(struct args *args, command_fn *create);
/* Join a cluster, and take its configuration. */
enum exit_code node_join(struct args *args, command_fn *create);
/* Wait until this node has the configuration of the engine, and no choice waits. False after a sentence. */
bool node_wait_for_sync(const struct args *args);

#endif
