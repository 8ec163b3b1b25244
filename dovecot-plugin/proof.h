#ifndef GP_PLUGIN_PROOF_H
#define GP_PLUGIN_PROOF_H

#include <stdbool.h>

/* How the auth module knows that a word is the login plugin's. Fields that are
   forwarded with a login may also come from clients whom Dovecot trusts (IMAP
   ID, XCLIENT), or from whoever may open the auth socket. Both modules start
   as root, before their processes drop it: they share a key that only root can
   read. */

#define GP_PROOF_KEY_LEN 32
/* Hexadecimal, and a NUL. */
#define GP_PROOF_SIZE 65

struct gp_proof_key {
	/* False: there is no key, and no proof is right. */
	bool known;
	unsigned char bytes[GP_PROOF_KEY_LEN];
};

/* Reads the key, and makes it first where there is none yet; whoever of
   several processes comes first makes it for all. Returns 0, or -1 with the
   reason and a key that is not known. The error is allocated from the heap. */
int gp_proof_key_load(const char *path, struct gp_proof_key *key_r,
		      char **error_r);

/* The key must be known. */
void gp_proof_make(const struct gp_proof_key *key, const char *text,
		   char proof_r[GP_PROOF_SIZE]);
bool gp_proof_is_right(const struct gp_proof_key *key, const char *text,
		       const char *proof);

#endif
