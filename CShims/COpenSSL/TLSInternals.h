// What the C files of TLS know of each other.
#pragma once

#include "TLSSession.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

enum { TURNPIKE_DTLS_SECRET = 32, TURNPIKE_DTLS_COOKIE = 32 };

typedef struct turnpike_ticket_keys turnpike_ticket_keys;

// Hangs on the SSL_CTX, and lives as long as it.
typedef struct {
	int is_datagram;
	int offers_http;
	int mtu;
	unsigned char cookie_secret[TURNPIKE_DTLS_SECRET];
	turnpike_ticket_keys *ticket_keys;
} turnpike_tls_common;

struct turnpike_tls_session {
	SSL *ssl;
	// Lent for the time of a call.
	turnpike_tls_io *io;
	const turnpike_tls_common *common;
	// What OpenSSL gathers a handshake's flights in, above our BIO; NULL after the handshake.
	BIO *flight;
	// While it listens: whom it listens to, lent for the time of a call; and where OpenSSL notes an address.
	const unsigned char *address;
	size_t address_size;
	uint64_t period;
	BIO_ADDR *peer;
	// The headers of the first record and message, until they were looked at.
	unsigned char beginning[9];
	unsigned char beginning_count;
	unsigned char failure;
	unsigned char is_open;
	unsigned char has_cookie;
};

const turnpike_tls_common *turnpike_tls_common_of(const SSL_CTX *context);

BIO *turnpike_tls_transport_new(turnpike_tls_session *session);

int turnpike_dtls_make_cookie(SSL *ssl, unsigned char *cookie, unsigned *length);
int turnpike_dtls_check_cookie(SSL *ssl, const unsigned char *cookie, unsigned length);

// Made with a first key, held by each context that shares it, wiped and freed with the last; NULL without memory.
turnpike_ticket_keys *turnpike_ticket_keys_new(void);
turnpike_ticket_keys *turnpike_ticket_keys_hold(turnpike_ticket_keys *keys);
void turnpike_ticket_keys_release(turnpike_ticket_keys *keys);

// Makes a new key if the present one is as old as it may be.
void turnpike_ticket_keys_rotate(turnpike_ticket_keys *keys, uint64_t seconds);

// What OpenSSL asks when it makes or takes a ticket.
int turnpike_ticket_key_choose(SSL *ssl, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_made);
