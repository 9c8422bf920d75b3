/* undo: take one command back. */
#include "admin/commands/command_change.h"
#include "admin/commands/commands.h"
#include "admin/edit/undo.h"

enum exit_code
cmd_undo(struct args *args)
{
	const char *word = args_word(args, 0);
	uint64_t sequence;

	if (word == NULL || args->count != 1)
		return args_misused(args, "undo needs the sequence of a command; graycloud log lists them");
	if (!whole_from_text(word, UINT64_MAX, &sequence) || sequence == 0)
		return args_misused(args, "\"%s\" is not a sequence of the log", word);
	return command_change(args, undo_command, &sequence);
}
