/*
 * shared_pins.c -- sticky pins between nodes (S99): the ring that a nameserver writes, the documents that
 * travel, and which of two pins all nodes keep.
 */
#include "zones/steer/pin_sheet.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

static struct shared_pin
shared(uint64_t n)
{
	struct shared_pin pin = {.key = mix64(n + 1),
	    .share = n % PINS_SHARES,
	    .pin = {.expiry = NOW + 1000 + (uint32_t)n % 1000,
		.pool = n & PIN_POOL_MASK,
		.origin = n * 7 & PIN_ORIGIN_MASK,
		.confirmed = n & 1,
		.proven = n & 2,
		.differs = true,
		.owner = (uint16_t)(n * 31),
		.prefix = n & 4 ? 56 : 24,
		.client = {.family = n & 4 ? FAMILY_V6 : FAMILY_V4}}};

	put32(pin.pin.client.bytes, (uint32_t)n << 8);
	return pin;
}

static void
assert_same(const struct shared_pin *a, const struct shared_pin *b)
{
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->share, b->share);
	assert_int_equal(a->pin.expiry, b->pin.expiry);
	assert_int_equal(a->pin.pool, b->pin.pool);
	assert_int_equal(a->pin.origin, b->pin.origin);
	assert_int_equal(a->pin.confirmed, b->pin.confirmed);
	assert_int_equal(a->pin.proven, b->pin.proven);
	assert_int_equal(a->pin.differs, b->pin.differs);
	assert_int_equal(a->pin.owner, b->pin.owner);
	assert_int_equal(a->pin.prefix, b->pin.prefix);
	assert_int_equal(a->pin.client.family, b->pin.client.family);
	assert_memory_equal(a->pin.client.bytes, b->pin.client.bytes, 4);
}

/* ---- the ring ---- */

static char path[64];

static struct pin_news *
new_ring(void)
{
	struct problems problems = {0};
	struct pin_news *news;
	int fd;

	snprintf(path, sizeof path, "/tmp/graycloud-news-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	news = pin_news_open(path, &problems);
	assert_non_null(news);
	assert_int_equal(problems.count, 0);
	return news;
}

static void
add(struct pin_news *news, uint64_t n)
{
	struct shared_pin pin = shared(n);

	pin_news_add(news, pin.key, pin.share + 64 * 5, &pin.pin);
}

static void
a_reader_takes_each_item_once_in_order(void **state)
{
	struct pin_news *news = new_ring(), *view = pin_news_view(path);
	uint64_t number = 0, lost = 0;
	struct shared_pin pin, wanted;

	(void)state;
	assert_non_null(view);
	assert_false(pin_news_take(view, &number, &lost, &pin));
	for (uint64_t n = 0; n < 3 * PIN_NEWS_ITEMS; n++) {
		add(news, n);
		wanted = shared(n);
		assert_true(pin_news_take(view, &number, &lost, &pin));
		assert_same(&pin, &wanted);
		assert_false(pin_news_take(view, &number, &lost, &pin));
	}
	assert_int_equal(lost, 0);
	pin_news_close(view);
	pin_news_close(news);
	unlink(path);
}

static void
what_was_overwritten_is_counted(void **state)
{
	struct pin_news *news = new_ring();
	uint64_t number = 0, lost = 0, taken = 0;
	struct shared_pin pin;

	(void)state;
	for (uint64_t n = 0; n < PIN_NEWS_ITEMS + 1000; n++)
		add(news, n);
	while (pin_news_take(news, &number, &lost, &pin))
		taken++;
	assert_int_equal(taken, PIN_NEWS_ITEMS);
	assert_int_equal(lost, 1000);
	number = UINT64_MAX; /* of another ring */
	assert_false(pin_news_take(news, &number, &lost, &pin));
	assert_int_equal(number, pin_news_next(news));
	pin_news_close(news);
	unlink(path);
}

static void
a_ring_outlives_its_process_and_a_strange_file_is_made_anew(void **state)
{
	struct pin_news *news = new_ring(), *again;
	struct problems problems = {0};
	uint64_t number = 0, lost = 0;
	struct shared_pin pin;

	(void)state;
	add(news, 1);
	pin_news_close(news);
	again = pin_news_open(path, &problems);
	assert_true(pin_news_take(again, &number, &lost, &pin));
	assert_true(pin_news_is(again, path));
	assert_int_equal(truncate(path, 100), 0);
	assert_null(pin_news_view(path));
	news = pin_news_open(path, &problems);
	assert_non_null(news);
	assert_false(pin_news_is(again, path));
	assert_int_equal(pin_news_next(news), 0);
	pin_news_close(news);
	pin_news_close(again);
	unlink(path);
	assert_null(pin_news_view(path));
	problems_free(&problems);
}

static struct pin_news *shared_ring;

static void *
write_many(void *arg)
{
	for (uint64_t n = 0; n < 200000; n++)
		add(shared_ring, n << 8 | (uintptr_t)arg);
	return NULL;
}

/* Each pin that is read is one that was written: none is of two. */
static void
no_item_is_torn(void **state)
{
	pthread_t threads[3];
	uint64_t number = 0, lost = 0, taken = 0, end = 3 * 200000;
	struct shared_pin pin;

	(void)state;
	shared_ring = new_ring();
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, (void *)i), 0);
	while (number < end)
		if (pin_news_take(shared_ring, &number, &lost, &pin)) {
			struct shared_pin wanted = shared(get32(pin.pin.client.bytes) >> 8);

			/* 24 bits of n are in the address: the rest of the pin has the same n. */
			assert_int_equal(pin.pin.prefix, wanted.pin.prefix);
			assert_int_equal(pin.pin.owner & 0xff, wanted.pin.owner & 0xff);
			assert_int_equal(pin.pin.origin & 0xff, wanted.pin.origin & 0xff);
			taken++;
		}
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(taken + lost, end);
	pin_news_close(shared_ring);
	unlink(path);
}

/* ---- documents ---- */

struct reading {
	uint64_t next;
};

static void
compare(void *arg, const struct shared_pin *pin)
{
	struct reading *reading = arg;
	struct shared_pin wanted = shared(reading->next++);

	assert_same(pin, &wanted);
}

static void
a_document_gives_back_its_pins(void **state)
{
	uint8_t document[PIN_SHEET_OCTETS_MAX];
	size_t len = pin_sheet_begin(document, 77);
	struct reading reading = {0};
	uint64_t serial;

	(void)state;
	for (uint64_t n = 0; n < PIN_SHEET_PINS; n++) {
		struct shared_pin pin = shared(n);

		len = pin_sheet_add(document, len, &pin);
	}
	assert_true(len <= sizeof document);
	assert_true(pin_sheet_serial((struct bytes){document, len}, &serial));
	assert_int_equal(serial, 77);
	pin_sheet_read((struct bytes){document, len}, compare, &reading);
	assert_int_equal(reading.next, PIN_SHEET_PINS);
}

static void
count(void *arg, const struct shared_pin *pin)
{
	assert_true(pin->share < PINS_SHARES);
	assert_true(pin->pin.prefix <= 128);
	++*(unsigned *)arg;
}

/* From another node, but octets from outside. */
static void
a_document_that_is_cut_or_changed_is_read_up_to_there(void **state)
{
	uint8_t document[PIN_SHEET_OCTETS_MAX];
	size_t len = pin_sheet_begin(document, 1);
	unsigned found = 0;

	(void)state;
	for (uint64_t n = 0; n < 10; n++) {
		struct shared_pin pin = shared(n);

		len = pin_sheet_add(document, len, &pin);
	}
	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t *copy = malloc(cut + 1);

		memcpy(copy, document, cut);
		found = 0;
		pin_sheet_read((struct bytes){copy, cut}, count, &found);
		assert_true(found <= 10 && (found == 10) == (cut == len));
		free(copy);
	}
	for (size_t at = 0; at < len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			document[at] ^= 1u << bit;
			found = 0;
			pin_sheet_read((struct bytes){document, len}, count, &found);
			document[at] ^= 1u << bit;
		}
}

static void
compare_moved(void *arg, const struct shared_pin *pin)
{
	struct reading *reading = arg;
	struct shared_pin wanted = shared(reading->next++);

	wanted.pin.expiry -= 600;
	assert_same(pin, &wanted);
}

static void
the_ends_of_a_document_are_moved_and_nothing_else(void **state)
{
	uint8_t document[PIN_SHEET_OCTETS_MAX];
	size_t len = pin_sheet_begin(document, 77);
	struct reading reading = {0};
	uint64_t serial;

	(void)state;
	for (uint64_t n = 0; n < PIN_SHEET_PINS; n++) {
		struct shared_pin pin = shared(n);

		len = pin_sheet_add(document, len, &pin);
	}
	pin_sheet_move(document, len, -600);
	assert_true(pin_sheet_serial((struct bytes){document, len}, &serial));
	assert_int_equal(serial, 77);
	pin_sheet_read((struct bytes){document, len}, compare_moved, &reading);
	assert_int_equal(reading.next, PIN_SHEET_PINS);
	for (size_t cut = 0; cut < len; cut += 13) { /* (AddressSanitizer sees a write beyond its end) */
		uint8_t *copy = malloc(cut + 1);

		memcpy(copy, document, cut);
		pin_sheet_move(copy, cut, 5);
		free(copy);
	}
}

/* ---- which pin stays ---- */

static struct pin
pin_at(uint32_t made, uint32_t origin, bool differs)
{
	return (struct pin){.expiry = NOW + made + 1800,
	    .pool = 5,
	    .origin = origin,
	    .differs = differs,
	    .prefix = 24,
	    .client.family = FAMILY_V4};
}

/* The origin that a table has after its own pin and one of another node. */
static uint32_t
kept(struct pin own, struct pin other)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 4096, &problems);
	struct pin now;

	assert_true(pins_put(pins, 1, 2, NOW, &own));
	pins_share(pins, 1, 2, NOW, &other);
	assert_true(pins_get(pins, 1, 2, NOW, &now));
	pins_close(pins);
	return now.origin;
}

static void
two_nodes_keep_the_same_pin(void **state)
{
	(void)state;
	/* Both differ: the later one, at both; made in the same second: the greater tag. */
	assert_int_equal(kept(pin_at(0, 1, true), pin_at(5, 2, true)), 2);
	assert_int_equal(kept(pin_at(5, 2, true), pin_at(0, 1, true)), 2);
	assert_int_equal(kept(pin_at(5, 1, true), pin_at(5, 2, true)), 2);
	assert_int_equal(kept(pin_at(5, 2, true), pin_at(5, 1, true)), 2);
	/* One that hashing chose, before the node heard of the other. */
	assert_int_equal(kept(pin_at(2, 1, false), pin_at(0, 2, true)), 2);
	assert_int_equal(kept(pin_at(0, 1, false), pin_at(2, 2, true)), 2);
	/* Much later: the other one had ended, or was cleared. */
	assert_int_equal(kept(pin_at(100, 1, false), pin_at(0, 2, true)), 1);
}

static void
what_is_known_of_a_client_is_added(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 4096, &problems);
	struct pin own = pin_at(0, 1, true), other = own, now;

	(void)state;
	assert_true(pins_put(pins, 1, 2, NOW, &own));
	other.confirmed = true;
	assert_true(pins_share(pins, 1, 2, NOW, &other));
	assert_true(pins_get(pins, 1, 2, NOW, &now));
	assert_true(now.confirmed);
	assert_true(pins_share(pins, 1, 2, NOW, &own));
	assert_true(pins_get(pins, 1, 2, NOW, &now));
	assert_true(now.confirmed);
	other.expiry = NOW;
	assert_false(pins_share(pins, 9, 2, NOW, &other));
	pins_close(pins);
}

struct found {
	struct pins *other;
	unsigned count;
};

static void
take(void *arg, uint64_t key, uint32_t share, const struct pin *pin)
{
	struct found *found = arg;

	assert_true(pin->differs);
	assert_true(pins_share(found->other, key, share, NOW, pin));
	found->count++;
}

/* The tables may have different sizes; the share is found again from the place in the table. */
static void
a_node_that_joins_tells_of_all_its_pins(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 65536, &problems), *other = pins_open(NULL, 8192, &problems);
	struct found found = {other, 0};
	struct pin now;

	(void)state;
	for (uint64_t n = 0; n < 600; n++) {
		struct shared_pin pin = shared(n);

		pin.pin.differs = n % 3 != 0;
		assert_true(pins_put(pins, pin.key, (uint32_t)n * 977, NOW, &pin.pin));
	}
	pins_differing(pins, NOW, take, &found);
	assert_int_equal(found.count, 400);
	for (uint64_t n = 0; n < 600; n++)
		assert_int_equal(pins_get(other, shared(n).key, (uint32_t)n * 977, NOW, &now), n % 3 != 0);
	pins_close(pins);
	pins_close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_reader_takes_each_item_once_in_order),
	    cmocka_unit_test(what_was_overwritten_is_counted),
	    cmocka_unit_test(a_ring_outlives_its_process_and_a_strange_file_is_made_anew),
	    cmocka_unit_test(no_item_is_torn),
	    cmocka_unit_test(a_document_gives_back_its_pins),
	    cmocka_unit_test(a_document_that_is_cut_or_changed_is_read_up_to_there),
	    cmocka_unit_test(the_ends_of_a_document_are_moved_and_nothing_else),
	    cmocka_unit_test(two_nodes_keep_the_same_pin),
	    cmocka_unit_test(what_is_known_of_a_client_is_added),
	    cmocka_unit_test(a_node_that_joins_tells_of_all_its_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
