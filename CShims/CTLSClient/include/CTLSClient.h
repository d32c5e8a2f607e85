// A TLS or DTLS client over memory, for tests of the server's side.
#pragma once

#include <stddef.h>

typedef struct turnpike_client turnpike_client;

typedef struct {
	int is_datagram;
	// 12 or 13; 0 for the library's bounds.
	int minimum, maximum;
	// ALPN's list as it goes over the wire; empty for none.
	const unsigned char *protocols;
	size_t protocols_size;
	// OpenSSL's names of the only ciphers for TLS 1.2, or, when they begin with TLS_, for TLS 1.3; NULL for the library's.
	const char *cipher;
	// Who brings the ticket to resume with; NULL for nobody.
	turnpike_client *previous;
} turnpike_client_settings;

turnpike_client *turnpike_client_new(const turnpike_client_settings *settings);
void turnpike_client_free(turnpike_client *client);

// What came from the server: a piece of the stream, or one datagram.
void turnpike_client_feed(turnpike_client *client, const unsigned char *bytes, size_t size);

// What is to be sent: as much of the stream as there is room for, or one datagram. 0 when there is nothing.
size_t turnpike_client_take(turnpike_client *client, unsigned char *bytes, size_t room);

// Goes on with the handshake: 1 when it is done, 0 when it waits, -1 when it failed.
int turnpike_client_handshake(turnpike_client *client);

// What SSL_read and SSL_write return.
int turnpike_client_read(turnpike_client *client, unsigned char *bytes, int room);
int turnpike_client_write(turnpike_client *client, const unsigned char *bytes, int size);

// Sends close_notify.
void turnpike_client_shutdown(turnpike_client *client);

// Whether close_notify came.
int turnpike_client_is_shut(const turnpike_client *client);

// Asks the server for new keys (RFC 8446, 4.6.3); goes out with what is written next.
int turnpike_client_update_key(turnpike_client *client);

// Asks for another handshake inside a TLS 1.2 session.
int turnpike_client_renegotiate(turnpike_client *client);

// Sends the last flight of a DTLS handshake again if the timer has ended.
int turnpike_client_retransmit(turnpike_client *client);

// The last alert that came; -1 without one.
int turnpike_client_alert(const turnpike_client *client);

// The name of the protocol that ALPN chose; its length is 0 without one.
const unsigned char *turnpike_client_protocol(const turnpike_client *client, unsigned *size);

// Whether the handshake was shortened by a ticket.
int turnpike_client_is_resumed(const turnpike_client *client);

// OpenSSL's name of the cipher in use.
const char *turnpike_client_cipher(const turnpike_client *client);

// How many tickets came.
int turnpike_client_tickets(const turnpike_client *client);

// Gives back what the heap holds for nobody, so that resident memory says what is in use.
void turnpike_trim_heap(void);

// Writes a certificate with an RSA key, and the key, to a file; 0, or -1 when it cannot.
int turnpike_write_rsa_certificate(const char *path);
