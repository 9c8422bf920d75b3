/*
 * web.h -- the files of the dashboard (admin/api/web), compiled into the program. They need no token: they
 * hold no data. The page asks the API with the token that the operator enters.
 */
#ifndef API_WEB_H
#define API_WEB_H

#include <stdbool.h>

struct exchange;

/* Answer a request for one of the files. False: it is for something else. Runs on the loop. */
bool web_answer(struct exchange *exchange);

#endif
