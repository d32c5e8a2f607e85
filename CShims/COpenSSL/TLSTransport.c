// The BIO below a session: reads from and writes to the memory that is lent for a call.

#include "TLSInternals.h"

#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <string.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method;

// Notes the first bytes of a stream, and refuses a ClientHello that is longer than any real one: OpenSSL takes memory
// for all that its header announces, up to 128 KiB, before it has come.
static int announces_too_much(turnpike_tls_session *session, const unsigned char *bytes, size_t count)
{
	const unsigned char *begun = session->beginning;
	size_t wanted = sizeof session->beginning - session->beginning_count;

	if (!wanted)
		return 0;
	if (count > wanted)
		count = wanted;
	memcpy(session->beginning + session->beginning_count, bytes, count);
	session->beginning_count += count;
	if (session->beginning_count < sizeof session->beginning || begun[0] != SSL3_RT_HANDSHAKE)
		return 0;
	// A first record that ends within the message's header is nobody's, but would hide what it announces.
	return begun[3] == 0 && begun[4] < 4 ? 1
		: (begun[6] << 16 | begun[7] << 8 | begun[8]) > TURNPIKE_TLS_HELLO;
}

// How much of a datagram is safe to read. OpenSSL 3.0 ends the session at an encrypted record that is too short for its
// nonce and tag, which anybody can send in the client's name; RFC 6347, 4.1.2.7 has it dropped.
static size_t sound(const turnpike_tls_session *session, const unsigned char *bytes, size_t count)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);
	int has_nonce = !cipher || SSL_CIPHER_get_cipher_nid(cipher) != NID_chacha20_poly1305;
	size_t shortest = has_nonce ? EVP_GCM_TLS_EXPLICIT_IV_LEN + EVP_GCM_TLS_TAG_LEN
		: EVP_CHACHAPOLY_TLS_TAG_LEN;
	size_t start = 0, length;

	while (start + DTLS1_RT_HEADER_LENGTH <= count) {
		const unsigned char *header = bytes + start;

		length = (size_t)header[11] << 8 | header[12];
		if ((header[3] || header[4]) && length < shortest)
			return start;
		start += DTLS1_RT_HEADER_LENGTH + length;
	}
	return count;
}

static int receive(BIO *bio, char *bytes, int room)
{
	turnpike_tls_session *session = BIO_get_data(bio);
	turnpike_tls_io *io = session->io;
	const unsigned char *input = io ? io->input + io->input_count : NULL;
	size_t count = io ? io->input_size - io->input_count : 0;
	int is_datagram = session->common->is_datagram;

	BIO_clear_retry_flags(bio);
	if (room <= 0 || session->failure)
		return -1;
	if (is_datagram && count) {
		io->input_count = io->input_size;
		count = sound(session, input, count);
	}
	if (!count) {
		BIO_set_retry_read(bio);
		return -1;
	}
	// A datagram that is longer than any record is cut: it does not decrypt.
	if (count > (size_t)room)
		count = (size_t)room;
	memcpy(bytes, input, count);
	if (is_datagram)
		return (int)count;
	io->input_count += count;
	if (announces_too_much(session, input, count)) {
		session->failure = TURNPIKE_TLS_HELLO_TOO_LONG;
		return -1;
	}
	return (int)count;
}

static int transmit(BIO *bio, const char *bytes, int length)
{
	turnpike_tls_session *session = BIO_get_data(bio);
	turnpike_tls_io *io = session->io;
	size_t room = io ? io->output_size - io->output_count : 0;
	size_t count = length > 0 ? (size_t)length : 0;
	int is_datagram = session->common->is_datagram;

	BIO_clear_retry_flags(bio);
	// Of a stream, what fits; a datagram whole or not at all.
	if (is_datagram && (count > room || count > UINT16_MAX
		|| (io && io->datagram_count == TURNPIKE_TLS_DATAGRAMS)))
		room = 0;
	if (count > room)
		count = room;
	if (!count) {
		BIO_set_retry_write(bio);
		return -1;
	}
	memcpy(io->output + io->output_count, bytes, count);
	io->output_count += count;
	if (is_datagram)
		io->datagrams[io->datagram_count++] = (uint16_t)count;
	return (int)count;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	turnpike_tls_session *session = BIO_get_data(bio);

	switch (command) {
	// Sent down by the BIO that is put above this one or taken away.
	case BIO_CTRL_PUSH:
		session->flight = pointer;
		return 0;
	case BIO_CTRL_POP:
		session->flight = NULL;
		return 0;
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return session->common->mtu;
	case BIO_CTRL_DGRAM_SET_MTU:
		return number;
	default:
		return 0;
	}
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "turnpike");
	if (!method)
		return;
	BIO_meth_set_read(method, receive);
	BIO_meth_set_write(method, transmit);
	BIO_meth_set_ctrl(method, control);
}

BIO *turnpike_tls_transport_new(turnpike_tls_session *session)
{
	BIO *bio = CRYPTO_THREAD_run_once(&once, make_method) && method ? BIO_new(method) : NULL;

	if (!bio)
		return NULL;
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	return bio;
}
