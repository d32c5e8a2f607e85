// One side of a TLS or DTLS connection, over memory that the caller lends for the time of a call.
#pragma once

#include "TLSContext.h"

#include <stdint.h>

enum {
	// Datagrams that one call can put out.
	TURNPIKE_TLS_DATAGRAMS = 16,
	// The plaintext of one record (RFC 8446, 5.1).
	TURNPIKE_TLS_PLAINTEXT = 16384,
	// What a record may add to its plaintext, and an alert that may go before it.
	TURNPIKE_TLS_OVERHEAD = 96,
	// The longest ClientHello that is read: RFC 8446 sets no bound, browsers send below 2 KB.
	TURNPIKE_TLS_HELLO = 16384,
};

// What one call reads and writes. Counts say how much; they begin at 0.
typedef struct {
	const unsigned char *input;
	size_t input_size, input_count;
	unsigned char *plaintext;
	size_t plaintext_size, plaintext_count;
	unsigned char *output;
	size_t output_size, output_count;
	// DTLS: the length of each datagram in the output; room for TURNPIKE_TLS_DATAGRAMS.
	uint16_t *datagrams;
	size_t datagram_count;
} turnpike_tls_io;

enum {
	TURNPIKE_TLS_HANDSHAKING,
	TURNPIKE_TLS_OPEN,
	// Call again, with what is left of the input and room for plaintext.
	TURNPIKE_TLS_MORE,
	// Call again, with what is left of the input and more room for output.
	TURNPIKE_TLS_NEEDS_OUTPUT,
	TURNPIKE_TLS_CLOSED,
	TURNPIKE_TLS_FAILED,
};

enum {
	TURNPIKE_TLS_WITHOUT_FAILURE,
	TURNPIKE_TLS_NOT_TLS,
	TURNPIKE_TLS_HELLO_TOO_LONG,
	TURNPIKE_TLS_NO_COMMON_VERSION,
	TURNPIKE_TLS_NO_COMMON_CIPHER,
	TURNPIKE_TLS_NO_COMMON_PROTOCOL,
	TURNPIKE_TLS_PEER_ALERT,
	TURNPIKE_TLS_BAD_RECORD,
	TURNPIKE_TLS_TIMED_OUT,
	TURNPIKE_TLS_NO_MEMORY,
	TURNPIKE_TLS_PROTOCOL,
};

typedef struct turnpike_tls_session turnpike_tls_session;

// A server's session; NULL without memory.
turnpike_tls_session *turnpike_tls_session_new(turnpike_tls_context *context);

void turnpike_tls_session_free(turnpike_tls_session *session);

// Whether it was made with this context.
int turnpike_tls_session_is_of(const turnpike_tls_session *session,
	const turnpike_tls_context *context);

// Takes in ciphertext: goes on with the handshake, then decrypts. Returns one of the states.
// A DTLS session ends a call after one record, so that plaintext keeps its boundaries.
int turnpike_tls_receive(turnpike_tls_session *session, turnpike_tls_io *io);

// Makes one record of 1 to TURNPIKE_TLS_PLAINTEXT bytes. True when they were taken, else nothing is; `state` says why.
int turnpike_tls_write(turnpike_tls_session *session, turnpike_tls_io *io,
	const unsigned char *plaintext, size_t count, int *state);

// Writes what is still to be said, close_notify or an alert, as far as there is room.
void turnpike_tls_end(turnpike_tls_session *session, turnpike_tls_io *io);

// Why it failed.
int turnpike_tls_failure(const turnpike_tls_session *session);

// 12 or 13 once it is open, for DTLS too; else 0.
int turnpike_tls_version(const turnpike_tls_session *session);

// Whether the handshake was shortened by a ticket.
int turnpike_tls_is_resumed(const turnpike_tls_session *session);

// The length of the name of the protocol that ALPN chose, which tells ours apart; 0 without one.
unsigned turnpike_tls_protocol_length(const turnpike_tls_session *session);

// What DTLSv1_listen finds in a datagram of somebody who has no session.
enum {
	// Nothing to answer.
	TURNPIKE_DTLS_IGNORED,
	// A ClientHello without a cookie of ours: the output has a HelloVerifyRequest.
	TURNPIKE_DTLS_ASKED,
	// A ClientHello with its cookie: the session is this client's from now on.
	TURNPIKE_DTLS_ACCEPTED,
};

// Looks at a first datagram (RFC 6347, 4.2.1); the session keeps nothing of it unless it is accepted.
// A cookie is good for the address and for the period it was made in and the next.
int turnpike_dtls_listen(turnpike_tls_session *session, turnpike_tls_io *io,
	const unsigned char *address, size_t address_size, uint64_t period);

// Whether the handshake's ClientHello had these 32 random bytes.
int turnpike_dtls_has_random(const turnpike_tls_session *session, const unsigned char *random);

// Microseconds until the retransmission timer ends; -1 when it does not run.
int64_t turnpike_dtls_timer(const turnpike_tls_session *session);

// Sends the last flight again if the timer has ended. Returns one of the states.
int turnpike_dtls_retransmit(turnpike_tls_session *session, turnpike_tls_io *io);
