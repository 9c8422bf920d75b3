#include "admin/edit/change.h"

#include "zones/base/text.h"

#include <stdarg.h>
#include <stdlib.h>

void
change_refuse(struct change *change, enum change_fault fault, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	if (change->problems.errors == 0)
		change->fault = fault;
	problems_error(&change->problems, "%s", text);
	free(text);
}

void
change_guard(struct change *change, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	if (change->request->force)
		problems_warn(&change->problems, "%s", text);
	else
		change_refuse(change, CHANGE_GUARDED, "%s (%s)", text, change->request->how_to_force);
	free(text);
}
