/* What the parsers of all logs need. */

#include "shared/tools/log-login.h"

#include <string.h>

#define ADDRESS_MAX 64

void log_address(const struct log_piece *piece, struct gp_address *address_r)
{
	char text[ADDRESS_MAX];

	memset(address_r, 0, sizeof(*address_r));
	if (piece->len == 0 || piece->len >= sizeof(text))
		return;
	memcpy(text, piece->data, piece->len);
	text[piece->len] = '\0';
	if (strlen(text) == piece->len)
		gp_address_parse(text, address_r);
}

enum log_tls log_tls_version(const struct log_piece *piece)
{
	struct log_piece rest = *piece;

	if (log_piece_skip(&rest, "SSLv3"))
		return (enum log_tls)GP_TLS_1_0;
	if (!log_piece_skip(&rest, "TLSv1"))
		return LOG_TLS_MISSING;
	if (log_piece_skip(&rest, ".1"))
		return (enum log_tls)GP_TLS_1_1;
	if (log_piece_skip(&rest, ".2"))
		return (enum log_tls)GP_TLS_1_2;
	/* One that comes after 1.3 is as good. */
	if (log_piece_skip(&rest, "."))
		return (enum log_tls)GP_TLS_1_3;
	return (enum log_tls)GP_TLS_1_0;
}

bool log_mechanism_sends_password(const struct log_piece *mechanism)
{
	static const char *const others[] = {
		"CRAM-MD5", "DIGEST-MD5", "APOP", "NTLM", "GSSAPI",
		"GSS-SPNEGO", "EXTERNAL", "ANONYMOUS", "OTP",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (log_piece_is(mechanism, others[i]))
			return false;
	}
	return mechanism->len < 6 || memcmp(mechanism->data, "SCRAM-", 6) != 0;
}
