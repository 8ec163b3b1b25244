/* A key in a file of root's, and HMAC-SHA-256 with it. The file appears under
   its name complete (link(2) of a temporary one), so that nobody reads half a
   key; whatever is odd about it (another owner, readable by others, another
   length) makes it no key at all. */

#include "dovecot-plugin/mac.h"
#include "dovecot-plugin/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(char **error_r, const char *path, const char *what)
{
	if (asprintf(error_r, "%s: %s; remove it and restart Dovecot", path,
		     what) < 0)
		*error_r = NULL;
	return -1;
}

static int read_key(const char *path, struct gp_proof_key *key_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	bool sound;

	if (fd < 0)
		return -1;
	sound = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_uid == geteuid() && (st.st_mode & 077) == 0 &&
		st.st_size == GP_PROOF_KEY_LEN &&
		read(fd, key_r->bytes, GP_PROOF_KEY_LEN) == GP_PROOF_KEY_LEN;
	(void)close(fd);
	if (!sound)
		errno = EINVAL;
	return sound ? 0 : -1;
}

/* Returns 0 when a key stands under the name afterwards, whoever made it. */
static int make_key(const char *path)
{
	unsigned char bytes[GP_PROOF_KEY_LEN];
	char *temporary;
	int fd, ret = -1;

	if (getentropy(bytes, sizeof(bytes)) < 0 ||
	    asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, bytes, sizeof(bytes)) == sizeof(bytes) &&
		    (link(temporary, path) == 0 || errno == EEXIST))
			ret = 0;
		(void)close(fd);
		(void)unlink(temporary);
	}
	free(temporary);
	return ret;
}

int gp_proof_key_load(const char *path, struct gp_proof_key *key_r,
		      char **error_r)
{
	key_r->known = false;
	if (read_key(path, key_r) < 0) {
		if (errno == EINVAL || errno == ELOOP)
			return fail(error_r, path, "this is not our key");
		if (errno != ENOENT || make_key(path) < 0 ||
		    read_key(path, key_r) < 0)
			return fail(error_r, path, strerror(errno));
	}
	key_r->known = true;
	return 0;
}

void gp_proof_make(const struct gp_proof_key *key, const char *text,
		   char proof_r[GP_PROOF_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[GP_MAC_LEN];

	gp_mac(key->bytes, sizeof(key->bytes), text, digest);
	for (unsigned int i = 0; i < sizeof(digest); i++) {
		*proof_r++ = digits[digest[i] >> 4];
		*proof_r++ = digits[digest[i] & 15];
	}
	*proof_r = '\0';
}

/* Takes as long wherever they differ. */
static bool are_equal(const char *a, const char *b, size_t len)
{
	unsigned char difference = 0;

	for (size_t i = 0; i < len; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

bool gp_proof_is_right(const struct gp_proof_key *key, const char *text,
		       const char *proof)
{
	char expected[GP_PROOF_SIZE];

	if (!key->known || strlen(proof) != GP_PROOF_SIZE - 1)
		return false;
	gp_proof_make(key, text, expected);
	return are_equal(expected, proof, GP_PROOF_SIZE - 1);
}
