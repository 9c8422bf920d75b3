/* admin/api/record_import.h: the fields of forms, and master files in them. */
#include "admin/api/record_import.h"
#include "admin/api/record_shape.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define PART(head, body) "--f\r\nContent-Disposition: form-data; " head "\r\n\r\n" body "\r\n"
#define END "--f--\r\n"

/* A form, and its field "file"; NULL: it has none. */
static const struct {
	const char *form, *file;
} forms[] = {{PART("name=\"file\"", "x") END, "x"}, {PART("name=file", "x") END, "x"},
    {PART("name=\"file\"; filename=\"z.txt\"", "x") END, "x"},
    {PART("filename=\"z.txt\"; name=\"file\"", "x") END, "x"},
    {"--f\r\ncontent-disposition:form-data;name=\"file\"\r\n\r\nx\r\n" END, "x"},
    {"--f\r\nContent-Type: text/dns\r\nContent-Disposition: form-data; NAME=\"file\"\r\n\r\nx\r\n" END, "x"},
    {PART("name=\"proxied\"", "false") PART("name=\"file\"", "x") END, "x"},
    {PART("name=\"file\"", "x") PART("name=\"file\"", "y") END, "x"},
    {"a preamble\r\n" PART("name=\"file\"", "x") END "an epilogue", "x"}, {PART("name=\"file\"", "") END, ""},
    {PART("name=\"file\"", "a\r\n\r\nb\nc--f\n") END, "a\r\n\r\nb\nc--f\n"},
    {PART("name=\"other\"", "x") END, NULL}, {PART("name=\"files\"", "x") END, NULL},
    {PART("name=files", "x") END, NULL}, {PART("filename=\"file\"", "x") END, NULL},
    {PART("filename=file", "x") END, NULL}, {PART("name=\"file\"", "x"), NULL},
    {"--f\r\nContent-Disposition: form-data; name=\"file\"\r\n", NULL}, {"--f\r\n\r\n\r\n" END, NULL},
    {"--f", NULL}, {"--g\r\n", NULL}, {END, NULL}, {"", NULL}};

/* The form is copied to memory of exactly its length, so that a sanitizer sees a read behind it. */
static char *
field_of(const char *form, size_t len)
{
	char *copy = xmemdup(form, len), *file = record_import_field(copy, len, "f", "file");

	free(copy);
	return file;
}

static void
a_field_is_found_by_its_name(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < NITEMS(forms); i++) {
		char *file = field_of(forms[i].form, strlen(forms[i].form));

		if ((file == NULL) != (forms[i].file == NULL) ||
		    (file != NULL && strcmp(file, forms[i].file) != 0))
			fail_msg("the file of\n%s\nis \"%s\"", forms[i].form, file != NULL ? file : "(none)");
		free(file);
	}
}

static void
a_form_that_is_cut_anywhere_has_no_field_or_the_whole_one(void **unused)
{
	static const char form[] =
	    PART("name=\"proxied\"", "false") PART("name=\"file\"", "a A 192.0.2.1") END;

	(void)unused;
	for (size_t len = 0; len < sizeof form; len++) {
		char *file = field_of(form, len);

		if (file != NULL)
			assert_string_equal(file, "a A 192.0.2.1");
		free(file);
	}
}

static void
a_field_with_nul_octets_is_refused(void **unused)
{
	static const char form[] = PART("name=\"file\"", "x\0y") END;

	(void)unused;
	assert_null(field_of(form, sizeof form - 1));
}

/* ---- the file ---- */

/* What a call with this form says of its file: the number of RRsets, or minus the code of the first error;
 * and its first sentence. */
static int
read_form(const char *type, const char *form, char **message)
{
	struct call *call = xcalloc(1, sizeof *call);
	struct zone_info zone = {.number = 1};
	struct zone_data data = {0};
	const struct json *error;
	int result;

	name_from_text(zone.name, "example.com", NULL);
	call->raw = xstrdup(form);
	call->raw_len = strlen(form);
	call->content_type = type != NULL ? xstrdup(type) : NULL;
	result = record_import_read(call, &zone, &data) ? (int)data.count : 0;
	error = json_item(call->reply.errors, 0);
	assert_int_equal(result == 0, error != NULL);
	if (error != NULL)
		result = -(int)json_integer_of(json_member(error, "code"));
	if (error == NULL)
		error = json_item(call->reply.messages, 0);
	*message = xstrdup(error != NULL ? json_text_of(error, "message") : "");
	zone_data_free(&data);
	call_free(call);
	return result;
}

static int
read_type(const char *type)
{
	char *message;
	int result = read_form(type, PART("name=\"file\"", "a A 192.0.2.1") END, &message);

	free(message);
	return result;
}

static void
the_boundary_may_be_in_quotes_and_must_be_there(void **unused)
{
	enum { A_AND_SOA = 2 };

	(void)unused;
	assert_int_equal(read_type("multipart/form-data; boundary=f"), A_AND_SOA);
	assert_int_equal(read_type("multipart/form-data; boundary=\"f\""), A_AND_SOA);
	assert_int_equal(read_type("multipart/form-data; Boundary=f; charset=utf-8"), A_AND_SOA);
	assert_int_equal(read_type("multipart/form-data; boundary=g"), -CODE_NOT_JSON);
	assert_int_equal(read_type("multipart/form-data; boundary="), -CODE_NOT_JSON);
	assert_int_equal(read_type("multipart/form-data"), -CODE_NOT_JSON);
	assert_int_equal(read_type(NULL), -CODE_NOT_JSON);
}

static int
read_file(const char *file, char **message)
{
	char *form = xasprintf(PART("name=\"file\"", "%s") END, file);
	int result = read_form("multipart/form-data; boundary=f", form, message);

	free(form);
	return result;
}

/* A file, the RRsets with the SOA or minus the code, and how the first error or warning begins. */
static const struct {
	const char *file;
	int result;
	const char *message;
} files[] = {{"a A 192.0.2.1\na 60 IN A 192.0.2.2\r\n", 2, ""},
    {"@ 300 IN SOA . . 1 2 3 4 5\nb.example.com. TXT x\n", 2, ""},
    {"$ORIGIN sub\na A 192.0.2.1\n$TTL 1h\na AAAA ::1\n", 3, ""},
    {"a A 192.0.2.1\na A 192.0.2.256\n", -CODE_RECORD_CONTENT, "line 2: "},
    {"a A 192.0.2.1\na.example.net. A 192.0.2.1\n", 2, "line 2: "},
    {"$INCLUDE /etc/passwd\n", -CODE_RECORD_CONTENT, "the file must have its records itself"},
    {"$generate 1-9 a$ A 192.0.2.$\n", -CODE_RECORD_CONTENT, "the file must have its records itself"}};

static void
a_file_is_a_part_of_the_zone(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < NITEMS(files); i++) {
		char *message;
		int result = read_file(files[i].file, &message);

		if (result != files[i].result ||
		    strncmp(message, files[i].message, strlen(files[i].message)) != 0)
			fail_msg("%s is %d, %s", files[i].file, result, message);
		free(message);
	}
}

static void
a_file_of_the_maximum_is_read_and_a_larger_one_refused(void **unused)
{
	char *file = xcalloc(1, RECORD_IMPORT_MAX + 2), *message;

	(void)unused;
	memset(file, ';', RECORD_IMPORT_MAX);
	memcpy(file, "a A 192.0.2.1\n", 14);
	assert_int_equal(read_file(file, &message), 2);
	free(message);
	file[RECORD_IMPORT_MAX] = ';';
	assert_int_equal(read_file(file, &message), -CODE_RECORD_CONTENT);
	assert_string_equal(message, "the file has more than 262144 octets");
	free(message);
	free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_field_is_found_by_its_name),
	    cmocka_unit_test(a_form_that_is_cut_anywhere_has_no_field_or_the_whole_one),
	    cmocka_unit_test(a_field_with_nul_octets_is_refused),
	    cmocka_unit_test(the_boundary_may_be_in_quotes_and_must_be_there),
	    cmocka_unit_test(a_file_is_a_part_of_the_zone),
	    cmocka_unit_test(a_file_of_the_maximum_is_read_and_a_larger_one_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
