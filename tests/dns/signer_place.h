/*
 * signer_place.h -- a compiler beside the stores of the signer; both stores are written as commands and
 * graycloud-signer write them.
 */
#ifndef SIGNER_PLACE_H
#define SIGNER_PLACE_H

#include "zones/answer/signature_table.h"
#include "zones/compile/signature_source.h"
#include "zones/state/config_write.h"
#include "zones/state/signing_keys.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define POLICY "44444444444444444444444444444444"

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";

struct place {
	char *directory;
	struct store *config, *signatures;
	struct compiler *compiler;
	uint32_t serial;
};

static inline void follow(struct place *place);
static inline void sign(struct place *place, uint64_t generation);
static inline uint64_t put_policy(struct place *place);
static inline uint64_t put_zone(struct place *place);

static inline int
make_place(void **state)
{
	struct place *place = xcalloc(1, sizeof *place);
	struct problems problems = {0};

	place->directory = mkdtemp(xstrdup("/tmp/graycloud-ahead-XXXXXX"));
	place->config = store_open(place->directory, STORE_CONFIG, STORE_WRITE, &problems);
	place->signatures = store_open(place->directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	place->compiler = compiler_new();
	*state = place;
	if (place->config == NULL || place->signatures == NULL)
		return -1;
	put_zone(place);
	sign(place, put_policy(place));
	follow(place);
	return 0;
}

static inline int
drop_place(void **state)
{
	struct place *place = *state;
	char *command = xasprintf("rm -rf %s", place->directory);
	int rc;

	compiler_free(place->compiler);
	store_close(place->config);
	store_close(place->signatures);
	rc = system(command);
	free(command);
	free(place->directory);
	free(place);
	return rc;
}

/* ---- writing ---- */

static inline struct config_edit *
begin(struct place *place)
{
	struct problems problems = {0};

	return config_edit_begin(place->config, &problems);
}

static inline uint64_t
commit(struct config_edit *edit)
{
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	return generation;
}

/* A zone, with another serial each time. */
static inline uint64_t
put_zone_of(struct place *place, const char *name)
{
	char *text = xasprintf(
	    "$ORIGIN %s.\n@ 60 SOA ns h %u 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n", name, ++place->serial);
	struct config_edit *edit = begin(place);
	struct problems problems = {0};
	struct zone_difference difference;
	struct zone_data data;

	assert_true(zonefile_read("test", text, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	zone_data_free(&data);
	problems_free(&problems);
	free(text);
	return commit(edit);
}

/* Zone 1, which is signed. */
static inline uint64_t
put_zone(struct place *place)
{
	return put_zone_of(place, "example.com");
}

/* Each time one more rollover is asked for. */
static inline uint64_t
put_policy_of(struct place *place, const char *id, const char *name)
{
	struct config_edit *edit = begin(place);
	char *json = xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"rollover\":%u}", id, name, ++place->serial);

	config_put_object(edit, KIND_DNSSEC, id, name, NULL, (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

static inline uint64_t
put_policy(struct place *place)
{
	return put_policy_of(place, POLICY, "example.com");
}

static inline uint64_t
delete_policy(struct place *place)
{
	struct config_edit *edit = begin(place);

	config_delete_object(edit, KIND_DNSSEC, POLICY, "example.com");
	return commit(edit);
}

static inline uint64_t
put_pool(struct place *place, const char *name)
{
	struct config_edit *edit = begin(place);
	char *json = xasprintf("{\"name\":\"%s\"}", name);

	config_put_object(edit, KIND_POOL, "22222222222222222222222222222222", name, NULL,
	    (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

static inline uint64_t
put_lb(struct place *place)
{
	struct config_edit *edit = begin(place);
	char *json = xasprintf("{\"name\":\"www.example.com\",\"ttl\":%u}", ++place->serial);

	config_put_object(edit, KIND_LB, "55555555555555555555555555555555", "www.example.com", NULL,
	    (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

/* A zone has its row, and all that a generation needs is signed. */
static inline void
sign_zone(struct place *place, uint32_t number, uint64_t generation)
{
	struct signed_zone row = {.version = 7, .ndata = 1, .data = {{.algorithm = 13, .key_tag = 1}}};
	struct store_txn *txn;

	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signed_zone_put(txn, number, &row), 0);
	assert_int_equal(signer_generation_put(txn, generation), 0);
	assert_int_equal(store_commit(txn), 0);
}

static inline void
sign(struct place *place, uint64_t generation)
{
	sign_zone(place, 1, generation);
}

/* ---- reading ---- */

struct reading {
	struct store_txn *config, *signatures;
	struct signature_source *source;
};

static inline struct reading
read_stores(struct place *place)
{
	struct reading reading;

	assert_int_equal(store_begin(place->signatures, STORE_READ, &reading.signatures), 0);
	assert_int_equal(store_begin(place->config, STORE_READ, &reading.config), 0);
	reading.source = signature_source_new(reading.signatures, reading.config);
	compiler_set_signing(place->compiler, signature_source_signing(reading.source));
	return reading;
}

static inline void
end(struct place *place, struct reading *reading)
{
	compiler_set_signing(place->compiler, NULL);
	signature_source_free(reading->source);
	store_abort(reading->config);
	store_abort(reading->signatures);
}

static inline void
follow(struct place *place)
{
	struct reading reading = read_stores(place);

	assert_int_equal(compiler_config(place->compiler, reading.config, false), COMPILED_NEW);
	end(place, &reading);
}

static inline bool
waits(struct place *place)
{
	struct reading reading = read_stores(place);
	bool held = compiler_waits_for_signer(place->compiler, reading.config, reading.signatures, false);

	end(place, &reading);
	return held;
}

static inline bool
waits_anew(struct place *place)
{
	struct reading reading = read_stores(place);
	bool held = compiler_waits_for_signer(place->compiler, reading.config, reading.signatures, true);

	end(place, &reading);
	return held;
}

#endif
