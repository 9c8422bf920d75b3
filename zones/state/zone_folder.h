/* zone_folder.h -- folders of the state directory that have one of each zone: keys/, keyless/. */
#ifndef ZONE_FOLDER_H
#define ZONE_FOLDER_H

#include "zones/base/problem.h"

/*
 * STATE/FOLDER/ZONE, to be freed. zone is an object's name. "/" and "%" in it are written as in URLs, and the
 * root as %2E.
 */
char *zone_folder(const char *state, const char *folder, const char *zone);
/* Is it there? To who may not look into FOLDER it is not. */
bool zone_folder_has(const char *state, const char *folder, const char *zone);
/* Make a folder that only its owner can read, unless it is there. False with a problem. */
bool zone_folder_make(const char *path, struct problems *problems);

#endif
