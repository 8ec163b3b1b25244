/* The login plugin's word on its way to the auth module, and the proof that it
   is the plugin's. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/cmocka-all.h"
#include "dovecot-plugin/word.h"

#define FIELDS_MAX 16

struct field {
	char name[64];
	char value[128];
};

struct fields {
	struct field field[FIELDS_MAX];
	size_t count;
};

static const struct gp_proof_key key = { .known = true, .bytes = "secret" };
static const struct gp_proof_key other = { .known = true, .bytes = "guess" };
static const struct gp_proof_key unknown = { .known = false,
					     .bytes = "secret" };

static void add_field(void *context, const char *name, const char *value)
{
	struct fields *fields = context;
	struct field *field = &fields->field[fields->count++];

	assert_in_range(fields->count, 1, FIELDS_MAX);
	snprintf(field->name, sizeof(field->name), "%s", name);
	snprintf(field->value, sizeof(field->value), "%s", value);
}

static const char *find_field(void *context, const char *name)
{
	struct fields *fields = context;

	for (size_t i = 0; i < fields->count; i++) {
		if (strcmp(fields->field[i].name, name) == 0)
			return fields->field[i].value;
	}
	return NULL;
}

static void make_word(struct gp_word *word)
{
	memset(word, 0, sizeof(*word));
	word->tls = true;
	word->version = GP_TLS_1_3;
	strcpy(word->cipher, "TLS_AES_256_GCM_SHA384");
	word->implicit = true;
	assert_int_equal(gp_address_parse("192.0.2.1", &word->connection), 0);
	assert_int_equal(gp_address_parse("2001:db8::25", &word->server), 0);
}

static void make_fields(struct fields *fields)
{
	struct gp_word word;

	make_word(&word);
	fields->count = 0;
	gp_word_send(&word, &key, "session", add_field, fields);
}

static int receive(struct fields *fields, const struct gp_proof_key *with,
		   const char *session)
{
	struct gp_word word;

	memset(&word, 0, sizeof(word));
	return gp_word_receive(with, session, find_field, fields, &word);
}

static void test_arrives(void **state)
{
	struct gp_word sent, got;
	struct fields fields;

	(void)state;
	make_word(&sent);
	make_fields(&fields);
	memset(&got, 0, sizeof(got));
	assert_int_equal(gp_word_receive(&key, "session", find_field, &fields,
					 &got), 1);
	assert_true(got.tls && got.implicit);
	assert_int_equal(got.version, sent.version);
	assert_string_equal(got.cipher, sent.cipher);
	assert_true(gp_address_equal(&got.connection, &sent.connection));
	assert_true(gp_address_equal(&got.server, &sent.server));
}

static void test_cleartext_arrives(void **state)
{
	struct fields fields = { .count = 0 };
	struct gp_word sent, got;

	(void)state;
	memset(&sent, 0, sizeof(sent));
	memset(&got, 0xff, sizeof(got));
	gp_word_send(&sent, &key, "session", add_field, &fields);
	assert_int_equal(gp_word_receive(&key, "session", find_field, &fields,
					 &got), 1);
	assert_false(got.tls || got.implicit || got.connection.known);
	assert_int_equal(got.version, GP_TLS_NONE);
	assert_string_equal(got.cipher, "");
}

static void test_no_word(void **state)
{
	struct fields fields = { .count = 0 };

	(void)state;
	assert_int_equal(receive(&fields, &key, "session"), 0);
	assert_int_equal(receive(&fields, &unknown, NULL), 0);
}

static void test_every_change_is_noticed(void **state)
{
	struct fields fields;
	size_t count;

	(void)state;
	make_fields(&fields);
	count = fields.count;
	for (size_t i = 0; i < count; i++) {
		char *value = fields.field[i].value;

		value[0] = value[0] == '1' ? '2' : '1';
		assert_int_equal(receive(&fields, &key, "session"), -1);
		make_fields(&fields);
	}
	for (size_t i = 0; i < count; i++) {
		fields.field[i].name[0] = '\0';
		assert_int_equal(receive(&fields, &key, "session"), -1);
		make_fields(&fields);
	}
	for (size_t i = 0; i < count; i++) {
		fields.field[0] = fields.field[i];
		fields.count = 1;
		assert_int_equal(receive(&fields, &key, "session"), -1);
		make_fields(&fields);
	}
	assert_int_equal(receive(&fields, &key, "session"), 1);
}

static void test_bound_to_login_and_key(void **state)
{
	struct fields fields;

	(void)state;
	make_fields(&fields);
	assert_int_equal(receive(&fields, &key, "another"), -1);
	assert_int_equal(receive(&fields, &key, ""), -1);
	assert_int_equal(receive(&fields, &key, NULL), -1);
	assert_int_equal(receive(&fields, &other, "session"), -1);
	assert_int_equal(receive(&fields, &unknown, "session"), -1);
}

/* What ends one field and begins the next must not be movable between them. */
static void test_fields_do_not_run_together(void **state)
{
	struct fields fields = { .count = 0 };
	struct gp_word word;

	(void)state;
	make_word(&word);
	gp_word_send(&word, &key, "session\ngatepost_client_tls=yes",
		     add_field, &fields);
	assert_int_equal(receive(&fields, &key, "session"), -1);
}

struct version_case {
	const char *name;
	enum gp_tls_version version;
};

static const struct version_case versions[] = {
	{ "TLSv1.3", GP_TLS_1_3 },
	{ "TLSv1.2", GP_TLS_1_2 },
	{ "TLSv1.1", GP_TLS_1_1 },
	{ "TLSv1", GP_TLS_1_0 },
	{ "SSLv3", GP_TLS_1_0 },
	{ "none", GP_TLS_1_0 },
	{ "", GP_TLS_1_0 }
};

static void test_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		assert_int_equal(gp_word_version(versions[i].name),
				 versions[i].version);
}

static char folder[] = "/tmp/gatepost-word-XXXXXX";
static char key_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(key_path, sizeof(key_path), "%s/key", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(key_path);
	return rmdir(folder);
}

static void assert_no_key(void)
{
	struct gp_proof_key loaded;
	char *error;

	assert_int_equal(gp_proof_key_load(key_path, &loaded, &error), -1);
	assert_false(loaded.known);
	assert_non_null(strstr(error, key_path));
	free(error);
}

static void test_key_is_made_once(void **state)
{
	struct gp_proof_key first, second;
	struct stat st;
	char *error;

	(void)state;
	assert_int_equal(gp_proof_key_load(key_path, &first, &error), 0);
	assert_int_equal(gp_proof_key_load(key_path, &second, &error), 0);
	assert_true(first.known && second.known);
	assert_memory_equal(first.bytes, second.bytes, sizeof(first.bytes));
	assert_int_equal(stat(key_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
}

static void test_odd_key_files(void **state)
{
	(void)state;
	assert_int_equal(chmod(key_path, 0640), 0);
	assert_no_key();
	assert_int_equal(chmod(key_path, 0600), 0);
	assert_int_equal(truncate(key_path, GP_PROOF_KEY_LEN - 1), 0);
	assert_no_key();
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(symlink("/dev/zero", key_path), 0);
	assert_no_key();
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(mkdir(key_path, 0700), 0);
	assert_no_key();
	assert_int_equal(rmdir(key_path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrives),
		cmocka_unit_test(test_cleartext_arrives),
		cmocka_unit_test(test_no_word),
		cmocka_unit_test(test_every_change_is_noticed),
		cmocka_unit_test(test_bound_to_login_and_key),
		cmocka_unit_test(test_fields_do_not_run_together),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_key_is_made_once),
		cmocka_unit_test(test_odd_key_files)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
