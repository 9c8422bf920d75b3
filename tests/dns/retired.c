/* Keys that have left, by their files. */
#include "signer/keys/retired.h"

#include "signer/keys/key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = KEY_STATE_FORMER + 2 };

static char directory[] = "/tmp/graycloud-retired-XXXXXX";
static struct signing_key rows[KEYS];
static struct problems problems;

static void
path_of(char out[256], const struct signing_key *row, const char *ending)
{
	snprintf(out, 256, "%s/Kleft.example.+%03u+%05u.%s", directory, row->algorithm, row->key_tag, ending);
}

static void
name_apex(struct key_state *state)
{
	*state = (struct key_state){.nkeys = 0};
	name_from_text(state->apex, "left.example.", NULL);
}

/* Keys of both algorithms that have left; a later one is newer. */
static int
set_up(void **unused)
{
	struct key_state state;

	(void)unused;
	strcpy(directory + sizeof directory - 7, "XXXXXX");
	name_apex(&state);
	if (mkdtemp(directory) == NULL)
		return -1;
	for (unsigned i = 0; i < KEYS; i++) {
		const struct timespec times[] = {{1000000 + i, 0}, {1000000 + i, 0}};
		struct key *key = key_new(state.apex, i % 2 == 0 ? ALGORITHM_ECDSAP256 : ALGORITHM_ED25519,
		    i == KEYS - 1 ? DNSKEY_ZONE : DNSKEY_ZONE | DNSKEY_SEP);
		char path[256];

		key_describe(key, &rows[i]);
		assert_true(key_save(key, directory, &problems));
		key_retire(key, directory);
		key_free(key);
		path_of(path, &rows[i], "private.retired");
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	return 0;
}

static int
tear_down(void **unused)
{
	static const char *const endings[] = {"private", "private.retired", "key.retired"};
	char path[256];

	(void)unused;
	for (unsigned i = 0; i < KEYS; i++)
		for (unsigned n = 0; n < NITEMS(endings); n++) {
			path_of(path, &rows[i], endings[n]);
			unlink(path);
		}
	problems_free(&problems);
	return rmdir(directory);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
the_newest_keys_that_have_left_are_known(void **unused)
{
	struct key_state state;

	(void)unused;
	name_apex(&state);
	retired_read(directory, &state);
	assert_int_equal(state.nformer, KEY_STATE_FORMER);
	for (unsigned i = 0; i < KEYS; i++)
		if (key_state_is_former(&state, &rows[i]) != (i >= KEYS - KEY_STATE_FORMER))
			fail_msg("key %u", i);
}

static void
a_key_without_its_public_file_is_known_by_the_private_one(void **unused)
{
	struct key_state state;
	char path[256];

	(void)unused;
	name_apex(&state);
	path_of(path, &rows[KEYS - 2], "key.retired");
	assert_int_equal(unlink(path), 0);
	retired_read(directory, &state);
	assert_true(key_state_is_former(&state, &rows[KEYS - 2]));
}

static void
files_that_are_no_keys_that_have_left_are_left_out(void **unused)
{
	struct key_state state;
	char path[256], to[256];

	(void)unused;
	name_apex(&state);
	/* One that is here again, one that was never a key, one of another zone, one that is in the state. */
	path_of(path, &rows[KEYS - 1], "private.retired");
	path_of(to, &rows[KEYS - 1], "private");
	assert_int_equal(rename(path, to), 0);
	for (unsigned n = 0; n < 2; n++) {
		path_of(path, &rows[KEYS - 2 - n], "private.retired");
		write_file(path, "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n");
		path_of(path, &rows[KEYS - 2 - n], "key.retired");
		write_file(path,
		    n == 0
			? "; nothing\n"
			: "other.example. IN DNSKEY 257 3 13 "
			  "GojIhhXUN/"
			  "u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n");
	}
	state.keys[state.nkeys++] = rows[KEYS - 4];
	retired_read(directory, &state);
	assert_int_equal(state.nformer, KEYS - 4);
	for (unsigned i = 0; i < KEYS; i++)
		if (key_state_is_former(&state, &rows[i]) != (i < KEYS - 4))
			fail_msg("key %u", i);
}

static void
without_a_directory_none_has_left(void **unused)
{
	struct key_state state;

	(void)unused;
	name_apex(&state);
	retired_read("/nonexistent", &state);
	assert_int_equal(state.nformer, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_newest_keys_that_have_left_are_known, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_key_without_its_public_file_is_known_by_the_private_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		files_that_are_no_keys_that_have_left_are_left_out, set_up, tear_down),
	    cmocka_unit_test(without_a_directory_none_has_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
