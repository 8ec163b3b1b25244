/* For tests without Dovecot. */

#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "dovecot-plugin/mac.h"

void gp_mac(const unsigned char *key, size_t key_len, const char *text,
	     unsigned char digest_r[GP_MAC_LEN])
{
	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text,
	     strlen(text), digest_r, NULL);
}
