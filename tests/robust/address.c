/* address.c: one reading of ADDRESS:PORT for every option that takes one. */
#include "zones/base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *text;
	int default_port;
	const char *is; /* NULL: invalid */
} texts[] = {
    {"192.0.2.1:53", PORT_REQUIRED, "192.0.2.1:53"},
    {"[2001:db8::1]:53", PORT_REQUIRED, "[2001:db8::1]:53"},
    {"0.0.0.0:0", PORT_REQUIRED, "0.0.0.0:0"},
    {"192.0.2.1:65535", 53, "192.0.2.1:65535"},
    {"192.0.2.1:00053", 53, "192.0.2.1:53"},
    /* Without a port: the default, or invalid if there is none. */
    {"192.0.2.1", 53, "192.0.2.1:53"},
    {"2001:db8::1", 53, "[2001:db8::1]:53"},
    {"[2001:db8::1]", 53, "[2001:db8::1]:53"},
    {"192.0.2.1", PORT_REQUIRED, NULL},
    {"2001:db8::1", PORT_REQUIRED, NULL},
    {"[2001:db8::1]", PORT_REQUIRED, NULL},
    /* --listen and --resolver took brackets around IPv4, --metrics of the monitor did not. */
    {"[127.0.0.1]:53", 53, NULL},
    {"[127.0.0.1]", 53, NULL},
    /* IPv6 without brackets has no port: the last group is part of the address. */
    {"2001:db8::1:53", 53, "[2001:db8::1:53]:53"},
    {"2001:db8::1:53", PORT_REQUIRED, NULL},
    {"1:2:3:4:5:6:7:8:53", 53, NULL},
    /* Ports. */
    {"192.0.2.1:", 53, NULL},
    {"[2001:db8::1]:", 53, NULL},
    {"192.0.2.1:65536", 53, NULL},
    {"192.0.2.1:18446744073709551669", 53, NULL}, /* 2^64 + 53 */
    {"192.0.2.1:-1", 53, NULL},
    {"192.0.2.1:+53", 53, NULL},
    {"192.0.2.1: 53", 53, NULL},
    {"192.0.2.1:53x", 53, NULL},
    {"192.0.2.1:0x35", 53, NULL},
    /* Brackets. */
    {"[2001:db8::1", 53, NULL},
    {"2001:db8::1]", 53, NULL},
    {"[2001:db8::1]53", 53, NULL},
    {"[2001:db8::1]x:53", PORT_REQUIRED, NULL},
    {"[[2001:db8::1]]:53", 53, NULL},
    {"[]:53", 53, NULL},
    {"]:53", 53, NULL},
    /* No address. */
    {"", 53, NULL},
    {":", 53, NULL},
    {":53", 53, NULL},
    {"localhost:53", 53, NULL},
    {"192.0.2.1:53:53", 53, NULL},
    {"192.0.2.256:53", 53, NULL},
    {"fe80::1%lo", 53, NULL},
    {"0000000000000000000000000000000000000000000000192.0.2.1:53", 53, NULL},
};

static void
each_text_is_read_alike_by_all_options(void **state)
{

	(void)state;
	for (size_t i = 0; i < NITEMS(texts); i++) {
		char text[ADDRESS_PORT_TEXT];
		struct address address;
		uint16_t port;
		bool good = address_port_from_text(&address, &port, texts[i].text, texts[i].default_port);

		if (good != (texts[i].is != NULL))
			fail_msg("\"%s\" is %s", texts[i].text, good ? "valid" : "invalid");
		if (!good)
			assert_int_equal(address.family, FAMILY_NONE);
		else
			assert_string_equal(address_port_to_text(&address, port, text), texts[i].is);
	}
}

static void
the_longest_text_has_room(void **state)
{
	const char *longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
	char text[ADDRESS_PORT_TEXT];
	struct address address;
	uint16_t port;

	(void)state;
	assert_true(address_port_from_text(&address, &port, longest, PORT_REQUIRED));
	assert_string_equal(address_port_to_text(&address, port, text), longest);
	assert_true(address_port_from_text(&address, &port, "[::ffff:192.168.100.100]:65535", PORT_REQUIRED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_text_is_read_alike_by_all_options),
	    cmocka_unit_test(the_longest_text_has_room),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
