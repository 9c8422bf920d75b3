/* cmd_node_choose.h -- node push, node reset (S97): a person chooses the history that stays. */
#ifndef CMD_NODE_CHOOSE_H
#define CMD_NODE_CHOOSE_H

#include "admin/commands/commands.h"

/* push: the engine gets the history of this node; else this node gets that of the engine. */
enum exit_code node_choose(struct args *args, bool push);

#endif
