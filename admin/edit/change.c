#include "admin/edit/change.h"

#include <stdarg.h>
#include <stdlib.h>

void
change_guard(struct change *change, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = xstrdup(format);
	va_end(args);
	if (change->request->force)
		problems_warn(&change->problems, "%s", text);
	else
		problems_error(&change->problems, "%s (--force does it all the same)", text);
	free(text);
}
