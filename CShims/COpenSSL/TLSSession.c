#include "TLSSession.h"
#include "TLSInternals.h"

#include <openssl/err.h>
#include <string.h>

turnpike_tls_session *turnpike_tls_session_new(turnpike_tls_context *context)
{
	turnpike_tls_session *session = OPENSSL_zalloc(sizeof *session);
	BIO *bio;

	if (!session)
		return NULL;
	session->common = turnpike_tls_common_of(context);
	session->ssl = SSL_new(context);
	bio = turnpike_tls_transport_new(session);
	if (session->common->is_datagram)
		session->peer = BIO_ADDR_new();
	if (!session->ssl || !bio || (session->common->is_datagram && !session->peer)) {
		BIO_free(bio);
		turnpike_tls_session_free(session);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(session->ssl, bio, bio);
	SSL_set_app_data(session->ssl, session);
	SSL_set_accept_state(session->ssl);
	if (session->common->is_datagram)
		SSL_set_mtu(session->ssl, session->common->mtu);
	return session;
}

void turnpike_tls_session_free(turnpike_tls_session *session)
{
	if (!session)
		return;
	SSL_free(session->ssl);
	BIO_ADDR_free(session->peer);
	OPENSSL_free(session);
	ERR_clear_error();
}

int turnpike_tls_session_is_of(const turnpike_tls_session *session,
	const turnpike_tls_context *context)
{
	return SSL_get_SSL_CTX(session->ssl) == context;
}

static int failure_of(void)
{
	// The first error is the cause, the last one OpenSSL's word for what its ciphers said.
	unsigned long first = ERR_peek_error();
	unsigned long error = ERR_GET_LIB(first) == ERR_LIB_SSL ? first : ERR_peek_last_error();
	int reason = ERR_GET_REASON(error);

	if (reason == ERR_R_MALLOC_FAILURE)
		return TURNPIKE_TLS_NO_MEMORY;
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return TURNPIKE_TLS_PROTOCOL;
	switch (reason) {
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
		return TURNPIKE_TLS_NOT_TLS;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_INAPPROPRIATE_FALLBACK:
		return TURNPIKE_TLS_NO_COMMON_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
		return TURNPIKE_TLS_NO_COMMON_CIPHER;
	case SSL_R_NO_APPLICATION_PROTOCOL:
		return TURNPIKE_TLS_NO_COMMON_PROTOCOL;
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
		return TURNPIKE_TLS_BAD_RECORD;
	case SSL_R_READ_TIMEOUT_EXPIRED:
		return TURNPIKE_TLS_TIMED_OUT;
	default:
		return reason >= SSL_AD_REASON_OFFSET ? TURNPIKE_TLS_PEER_ALERT : TURNPIKE_TLS_PROTOCOL;
	}
}

// SSL_get_error believes what an earlier call left in the thread's queue.
static void lend(turnpike_tls_session *session, turnpike_tls_io *io)
{
	session->io = io;
	if (ERR_peek_error())
		ERR_clear_error();
	// DTLS does not take its buffers by itself after the handshake.
	if (session->common->is_datagram && !SSL_alloc_buffers(session->ssl) && session->has_cookie)
		session->failure = TURNPIKE_TLS_NO_MEMORY;
}

// The end of what was lent. SSL_MODE_RELEASE_BUFFERS does nothing for DTLS: 34 KB for each idle session without this.
static void take_back(turnpike_tls_session *session)
{
	session->io = NULL;
	if (session->common->is_datagram && session->is_open && !SSL_in_init(session->ssl)
		&& !SSL_has_pending(session->ssl))
		SSL_free_buffers(session->ssl);
}

static int idle_state(const turnpike_tls_session *session)
{
	return session->is_open ? TURNPIKE_TLS_OPEN : TURNPIKE_TLS_HANDSHAKING;
}

// The state after a call of OpenSSL that did not do all it was asked for.
static int state_after(turnpike_tls_session *session, int result)
{
	int error = SSL_get_error(session->ssl, result);
	int state = error == SSL_ERROR_WANT_READ ? idle_state(session)
		: error == SSL_ERROR_WANT_WRITE ? TURNPIKE_TLS_NEEDS_OUTPUT
		: error == SSL_ERROR_ZERO_RETURN ? TURNPIKE_TLS_CLOSED
		: TURNPIKE_TLS_FAILED;

	if (session->failure)
		state = TURNPIKE_TLS_FAILED;
	else if (state == TURNPIKE_TLS_FAILED)
		session->failure = (unsigned char)failure_of();
	ERR_clear_error();
	return state;
}

// Goes on with a handshake, or with the answer to a KeyUpdate that waited for room. True when there is none to go on with.
static int is_ready(turnpike_tls_session *session, int *state)
{
	int result;

	if (session->failure) {
		*state = TURNPIKE_TLS_FAILED;
		return 0;
	}
	if (SSL_in_init(session->ssl)) {
		result = SSL_do_handshake(session->ssl);
		if (result <= 0) {
			*state = state_after(session, result);
			return 0;
		}
	}
	session->is_open = 1;
	return 1;
}

static int has_more(const turnpike_tls_session *session)
{
	return session->io->input_count < session->io->input_size
		|| (session->common->is_datagram ? SSL_has_pending(session->ssl)
			: SSL_pending(session->ssl) > 0);
}

// A record that is longer than the room for it is no message: both pieces are dropped.
static void drop_rest(turnpike_tls_session *session)
{
	unsigned char rest[TURNPIKE_TLS_PLAINTEXT];
	size_t count;

	(void)SSL_read_ex(session->ssl, rest, sizeof rest, &count);
	session->io->plaintext_count = 0;
}

static int decrypt(turnpike_tls_session *session)
{
	turnpike_tls_io *io = session->io;
	size_t count;
	int result;

	while (io->plaintext_count < io->plaintext_size) {
		result = SSL_read_ex(session->ssl, io->plaintext + io->plaintext_count,
			io->plaintext_size - io->plaintext_count, &count);
		if (result <= 0)
			return state_after(session, result);
		io->plaintext_count += count;
		if (session->common->is_datagram) {
			if (count == io->plaintext_size && SSL_pending(session->ssl) > 0)
				drop_rest(session);
			break;
		}
	}
	return has_more(session) ? TURNPIKE_TLS_MORE : TURNPIKE_TLS_OPEN;
}

int turnpike_tls_receive(turnpike_tls_session *session, turnpike_tls_io *io)
{
	int state;

	lend(session, io);
	if (is_ready(session, &state))
		state = decrypt(session);
	take_back(session);
	return state;
}

int turnpike_tls_write(turnpike_tls_session *session, turnpike_tls_io *io,
	const unsigned char *plaintext, size_t count, int *state)
{
	size_t written;
	int is_taken = 0;

	lend(session, io);
	if (is_ready(session, state)) {
		*state = TURNPIKE_TLS_NEEDS_OUTPUT;
		if (io->output_size - io->output_count >= count + TURNPIKE_TLS_OVERHEAD
			&& io->datagram_count < TURNPIKE_TLS_DATAGRAMS) {
			int result = SSL_write_ex(session->ssl, plaintext, count, &written);

			is_taken = result > 0;
			*state = is_taken ? TURNPIKE_TLS_OPEN : state_after(session, result);
			// There was room for all of it: asking for more would send a part of it twice.
			if (*state == TURNPIKE_TLS_NEEDS_OUTPUT) {
				session->failure = TURNPIKE_TLS_PROTOCOL;
				*state = TURNPIKE_TLS_FAILED;
			}
		}
	}
	take_back(session);
	return is_taken;
}

void turnpike_tls_end(turnpike_tls_session *session, turnpike_tls_io *io)
{
	lend(session, io);
	if (session->failure && session->flight)
		(void)BIO_flush(session->flight);
	if (!session->failure && session->is_open)
		SSL_shutdown(session->ssl);
	ERR_clear_error();
	take_back(session);
}

int turnpike_tls_failure(const turnpike_tls_session *session)
{
	return session->failure;
}

int turnpike_tls_version(const turnpike_tls_session *session)
{
	return !session->is_open ? 0 : SSL_version(session->ssl) == TLS1_3_VERSION ? 13 : 12;
}

int turnpike_tls_is_resumed(const turnpike_tls_session *session)
{
	return session->is_open && SSL_session_reused(session->ssl);
}

unsigned turnpike_tls_protocol_length(const turnpike_tls_session *session)
{
	const unsigned char *name;
	unsigned length;

	SSL_get0_alpn_selected(session->ssl, &name, &length);
	return length;
}

int turnpike_dtls_listen(turnpike_tls_session *session, turnpike_tls_io *io,
	const unsigned char *address, size_t address_size, uint64_t period)
{
	int result;

	lend(session, io);
	session->address = address;
	session->address_size = address_size;
	session->period = period;
	result = DTLSv1_listen(session->ssl, session->peer);
	session->has_cookie = result > 0;
	session->address = NULL;
	session->address_size = 0;
	take_back(session);
	ERR_clear_error();
	return result > 0 ? TURNPIKE_DTLS_ACCEPTED
		: io->datagram_count > 0 ? TURNPIKE_DTLS_ASKED : TURNPIKE_DTLS_IGNORED;
}

int turnpike_dtls_has_random(const turnpike_tls_session *session, const unsigned char *random)
{
	unsigned char own[SSL3_RANDOM_SIZE];

	return SSL_get_client_random(session->ssl, own, sizeof own) == sizeof own
		&& memcmp(own, random, sizeof own) == 0;
}

int64_t turnpike_dtls_timer(const turnpike_tls_session *session)
{
	struct timeval left;

	if (!DTLSv1_get_timeout(session->ssl, &left))
		return -1;
	return (int64_t)left.tv_sec * 1000000 + left.tv_usec;
}

int turnpike_dtls_retransmit(turnpike_tls_session *session, turnpike_tls_io *io)
{
	int state = session->failure ? TURNPIKE_TLS_FAILED : idle_state(session);
	int result;

	if (session->failure)
		return state;
	lend(session, io);
	result = DTLSv1_handle_timeout(session->ssl);
	if (result < 0)
		state = state_after(session, result);
	take_back(session);
	return state;
}
