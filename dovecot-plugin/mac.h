#ifndef GP_PLUGIN_MAC_H
#define GP_PLUGIN_MAC_H

#include <stddef.h>

#define GP_MAC_LEN 32

/* HMAC-SHA-256. */
void gp_mac(const unsigned char *key, size_t key_len, const char *text,
	    unsigned char digest_r[GP_MAC_LEN]);

#endif
