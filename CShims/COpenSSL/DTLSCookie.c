// Cookies that prove a client's address before anything is kept of it (RFC 6347, 4.2.1).

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include "TLSInternals.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

// HMAC-SHA256 (RFC 2104) over the period and the address, on the stack: a flood of strangers pays no allocation.
static void authenticate(const turnpike_tls_session *session, uint64_t period, unsigned char *cookie)
{
	unsigned char block[SHA256_CBLOCK] = {0};
	SHA256_CTX hash;
	size_t index;

	memcpy(block, session->common->cookie_secret, TURNPIKE_DTLS_SECRET);
	for (index = 0; index < sizeof block; index++)
		block[index] ^= 0x36;
	SHA256_Init(&hash);
	SHA256_Update(&hash, block, sizeof block);
	SHA256_Update(&hash, &period, sizeof period);
	SHA256_Update(&hash, session->address, session->address_size);
	SHA256_Final(cookie, &hash);
	for (index = 0; index < sizeof block; index++)
		block[index] ^= 0x36 ^ 0x5C;
	SHA256_Init(&hash);
	SHA256_Update(&hash, block, sizeof block);
	SHA256_Update(&hash, cookie, SHA256_DIGEST_LENGTH);
	SHA256_Final(cookie, &hash);
	OPENSSL_cleanse(block, sizeof block);
}

int turnpike_dtls_make_cookie(SSL *ssl, unsigned char *cookie, unsigned *length)
{
	const turnpike_tls_session *session = SSL_get_app_data(ssl);

	if (!session->address)
		return 0;
	authenticate(session, session->period, cookie);
	*length = TURNPIKE_DTLS_COOKIE;
	return 1;
}

int turnpike_dtls_check_cookie(SSL *ssl, const unsigned char *cookie, unsigned length)
{
	const turnpike_tls_session *session = SSL_get_app_data(ssl);
	unsigned char now[TURNPIKE_DTLS_COOKIE], before[TURNPIKE_DTLS_COOKIE];

	// The handshake asks once more about the hello that was accepted.
	if (session->has_cookie)
		return 1;
	if (!session->address || length != TURNPIKE_DTLS_COOKIE)
		return 0;
	authenticate(session, session->period, now);
	authenticate(session, session->period - 1, before);
	return (CRYPTO_memcmp(cookie, now, length) == 0) | (CRYPTO_memcmp(cookie, before, length) == 0);
}
