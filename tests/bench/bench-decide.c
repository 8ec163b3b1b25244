/* What a decision costs beside LMDB alone: for each map named on the command
   line, decisions for names that are in it and for names that are not, and the
   look-ups of the same keys by bare mdb_get(), in turn, several times. Prints
   nanoseconds (median) and the median of the ratios of neighbouring rounds.

   The map's own look at the file (a stat(2) for each decision) is left out of
   both: the source is taken once a round. */

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include "shared/map/reader.h"
#include "shared/rules/key.h"

#define NAMES 200000
#define ROUNDS 9

struct name {
	char login[64];
	char key[64];
	size_t key_len;
	size_t domain_key_len;
};

static struct name *names;
static unsigned long long lookups;

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* The names that gen-rules.py writes, in an order that no cache foresees, and
   one in four that it does not write. */
static void make_names(unsigned long rules)
{
	unsigned long i, n;
	int len;

	srandom(1);
	for (i = 0; i < NAMES; i++) {
		n = ((unsigned long)random() << 16 ^ random()) % rules;
		len = snprintf(names[i].login, sizeof(names[i].login),
			       "user%08lu%s@dom%06lu.example", n,
			       i % 4 == 0 ? "x" : "", n / 100);
		names[i].domain_key_len = len - strcspn(names[i].login, "@");
		memcpy(names[i].key, strchr(names[i].login, '@') + 1,
		       names[i].domain_key_len);
		names[i].key_len = names[i].domain_key_len +
				   strcspn(names[i].login, "@");
		memcpy(names[i].key + names[i].domain_key_len, names[i].login,
		       names[i].key_len - names[i].domain_key_len);
	}
}

static double decide_all(const struct gp_source *source)
{
	static const struct gp_policy policy = {
		.unknown_tls_version = GP_TLS_1_2
	};
	struct gp_request request = {
		.service = GP_IMAP, .tls = GP_TLS_1_3, .authenticated = true
	};
	struct gp_arena *scratch = gp_arena_new();
	struct gp_verdict verdict;
	double start = now_ns();
	size_t i;

	for (i = 0; i < NAMES; i++) {
		gp_arena_reset(scratch);
		request.login = names[i].login;
		request.login_len = strlen(names[i].login);
		gp_decide(source, &policy, &request, source->compiled, scratch,
			  &verdict);
		if (verdict.kind == GP_DEFER) {
			fprintf(stderr, "%s\n", verdict.error);
			exit(1);
		}
	}
	start = now_ns() - start;
	gp_arena_free(&scratch);
	return start / NAMES;
}

static void look_up(MDB_txn *txn, MDB_dbi dbi, const char *key, size_t len)
{
	MDB_val k = { len, (void *)key }, v;

	if (mdb_get(txn, dbi, &k, &v) == 0)
		lookups += v.mv_size;
}

static double look_up_all(MDB_txn *txn, MDB_dbi dbi)
{
	double start = now_ns();
	size_t i;

	for (i = 0; i < NAMES; i++) {
		look_up(txn, dbi, GP_KEY_EVERY, GP_KEY_EVERY_LEN);
		look_up(txn, dbi, names[i].key, names[i].domain_key_len);
		look_up(txn, dbi, names[i].key, names[i].key_len);
	}
	return (now_ns() - start) / NAMES;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static void check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, mdb_strerror(rc));
	exit(1);
}

static void measure(const char *path, unsigned long rules)
{
	double decide[ROUNDS], bare[ROUNDS], ratio[ROUNDS];
	struct gp_map *map = gp_map_new(path, (uid_t)-1);
	const struct gp_source *source;
	const char *error;
	struct stat st;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	int i;

	source = gp_map_source(map, &error);
	if (source == NULL || stat(path, &st) < 0) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	check(mdb_env_create(&env), "mdb_env_create");
	check(mdb_env_set_mapsize(env, st.st_size), "mdb_env_set_mapsize");
	check(mdb_env_open(env, path, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK |
			   MDB_NOTLS, 0), path);
	check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
	check(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
	make_names(rules);
	look_up_all(txn, dbi);
	decide_all(source);
	for (i = 0; i < ROUNDS; i++) {
		bare[i] = look_up_all(txn, dbi);
		decide[i] = decide_all(source);
		ratio[i] = decide[i] / bare[i];
	}
	printf("%10lu rules: decision %5.0f ns, bare look-ups %5.0f ns, "
	       "ratio %.2f\n", rules, median(decide), median(bare),
	       median(ratio));
	mdb_txn_abort(txn);
	mdb_env_close(env);
	gp_map_free(&map);
}

int main(int argc, char **argv)
{
	int i;

	names = calloc(NAMES, sizeof(*names));
	if (names == NULL || argc < 3) {
		fprintf(stderr, "usage: bench-decide MAP RULES "
			"[MAP RULES ...]\n");
		return 64;
	}
	for (i = 1; i + 1 < argc; i += 2)
		measure(argv[i], strtoul(argv[i + 1], NULL, 10));
	free(names);
	return lookups == 0;
}
