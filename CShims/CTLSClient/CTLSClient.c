#include "CTLSClient.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 256 };

// Pieces in the order they came; a datagram is a piece.
typedef struct {
	unsigned char *bytes[CHUNKS];
	size_t sizes[CHUNKS];
	size_t first, count, offset;
} queue;

struct turnpike_client {
	SSL_CTX *context;
	SSL *ssl;
	SSL_SESSION *ticket;
	int is_datagram, alert, tickets;
	queue incoming, outgoing;
};

static int put(queue *queue, const void *bytes, size_t size)
{
	size_t last = (queue->first + queue->count) % CHUNKS;

	if (queue->count == CHUNKS || !size)
		return 0;
	queue->bytes[last] = malloc(size);
	memcpy(queue->bytes[last], bytes, size);
	queue->sizes[last] = size;
	queue->count++;
	return 1;
}

static size_t get(queue *queue, void *bytes, size_t room, int is_datagram)
{
	size_t size;

	if (!queue->count)
		return 0;
	size = queue->sizes[queue->first] - queue->offset;
	if (size > room)
		size = room;
	memcpy(bytes, queue->bytes[queue->first] + queue->offset, size);
	queue->offset += size;
	if (is_datagram || queue->offset == queue->sizes[queue->first]) {
		free(queue->bytes[queue->first]);
		queue->first = (queue->first + 1) % CHUNKS;
		queue->count--;
		queue->offset = 0;
	}
	return size;
}

static int receive(BIO *bio, char *bytes, int room)
{
	turnpike_client *client = BIO_get_data(bio);
	size_t size = get(&client->incoming, bytes, (size_t)room, client->is_datagram);

	BIO_clear_retry_flags(bio);
	if (size)
		return (int)size;
	BIO_set_retry_read(bio);
	return -1;
}

static int transmit(BIO *bio, const char *bytes, int size)
{
	turnpike_client *client = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (put(&client->outgoing, bytes, (size_t)size))
		return size;
	BIO_set_retry_write(bio);
	return -1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT;
}

static BIO_METHOD *method(void)
{
	static BIO_METHOD *made;

	if (made)
		return made;
	made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "client");
	BIO_meth_set_read(made, receive);
	BIO_meth_set_write(made, transmit);
	BIO_meth_set_ctrl(made, control);
	return made;
}

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	turnpike_client *client = SSL_get_app_data(ssl);

	SSL_SESSION_free(client->ticket);
	client->ticket = session;
	client->tickets++;
	return 1;
}

static void note_alert(const SSL *ssl, int where, int value)
{
	turnpike_client *client = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		client->alert = value & 255;
}

static int version(const turnpike_client_settings *settings, int number)
{
	if (!number)
		return 0;
	return settings->is_datagram ? DTLS1_2_VERSION : number == 13 ? TLS1_3_VERSION
		: number == 12 ? TLS1_2_VERSION : TLS1_1_VERSION;
}

static void configure(turnpike_client *client, const turnpike_client_settings *settings)
{
	// The lowest level of security, so that a client can ask for what the server refuses.
	SSL_CTX_set_security_level(client->context, 0);
	SSL_CTX_set_min_proto_version(client->context, version(settings, settings->minimum));
	SSL_CTX_set_max_proto_version(client->context, version(settings, settings->maximum));
	SSL_CTX_set_session_cache_mode(client->context,
		SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client->context, keep_ticket);
	if (settings->cipher && !strncmp(settings->cipher, "TLS_", 4))
		SSL_CTX_set_ciphersuites(client->context, settings->cipher);
	else if (settings->cipher)
		SSL_CTX_set_cipher_list(client->context, settings->cipher);
	if (settings->protocols_size)
		SSL_CTX_set_alpn_protos(client->context, settings->protocols,
			(unsigned)settings->protocols_size);
}

turnpike_client *turnpike_client_new(const turnpike_client_settings *settings)
{
	turnpike_client *client = calloc(1, sizeof *client);
	BIO *bio = BIO_new(method());

	client->alert = -1;
	client->is_datagram = settings->is_datagram;
	client->context = SSL_CTX_new(settings->is_datagram ? DTLS_client_method()
		: TLS_client_method());
	configure(client, settings);
	client->ssl = SSL_new(client->context);
	BIO_set_data(bio, client);
	BIO_set_init(bio, 1);
	SSL_set_bio(client->ssl, bio, bio);
	SSL_set_app_data(client->ssl, client);
	SSL_set_info_callback(client->ssl, note_alert);
	SSL_set_connect_state(client->ssl);
	if (settings->is_datagram) {
		SSL_set_options(client->ssl, SSL_OP_NO_QUERY_MTU);
		SSL_set_mtu(client->ssl, 1200);
	}
	// A new ticket of a shortened handshake of TLS 1.2 is with the session only.
	if (settings->previous)
		SSL_set_session(client->ssl, SSL_version(settings->previous->ssl) == TLS1_3_VERSION
			? settings->previous->ticket : SSL_get_session(settings->previous->ssl));
	return client;
}

void turnpike_client_free(turnpike_client *client)
{
	unsigned char nothing[1];

	while (get(&client->incoming, nothing, 1, 1) || get(&client->outgoing, nothing, 1, 1))
		;
	SSL_free(client->ssl);
	SSL_SESSION_free(client->ticket);
	SSL_CTX_free(client->context);
	free(client);
}

void turnpike_client_feed(turnpike_client *client, const unsigned char *bytes, size_t size)
{
	put(&client->incoming, bytes, size);
}

size_t turnpike_client_take(turnpike_client *client, unsigned char *bytes, size_t room)
{
	return get(&client->outgoing, bytes, room, client->is_datagram);
}

int turnpike_client_handshake(turnpike_client *client)
{
	int result, error;

	ERR_clear_error();
	result = SSL_do_handshake(client->ssl);
	error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(client->ssl, result);
	ERR_clear_error();
	return result > 0 ? 1 : error == SSL_ERROR_WANT_READ ? 0 : -1;
}

int turnpike_client_read(turnpike_client *client, unsigned char *bytes, int room)
{
	int result;

	ERR_clear_error();
	result = SSL_read(client->ssl, bytes, room);
	ERR_clear_error();
	return result;
}

int turnpike_client_write(turnpike_client *client, const unsigned char *bytes, int size)
{
	int result;

	ERR_clear_error();
	result = SSL_write(client->ssl, bytes, size);
	ERR_clear_error();
	return result;
}

void turnpike_client_shutdown(turnpike_client *client)
{
	SSL_shutdown(client->ssl);
	ERR_clear_error();
}

int turnpike_client_is_shut(const turnpike_client *client)
{
	return (SSL_get_shutdown(client->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

int turnpike_client_update_key(turnpike_client *client)
{
	return SSL_key_update(client->ssl, SSL_KEY_UPDATE_REQUESTED);
}

int turnpike_client_renegotiate(turnpike_client *client)
{
	return SSL_renegotiate(client->ssl);
}

int turnpike_client_retransmit(turnpike_client *client)
{
	return (int)DTLSv1_handle_timeout(client->ssl);
}

int turnpike_client_alert(const turnpike_client *client)
{
	return client->alert;
}

const unsigned char *turnpike_client_protocol(const turnpike_client *client, unsigned *size)
{
	const unsigned char *name;

	SSL_get0_alpn_selected(client->ssl, &name, size);
	return name;
}

int turnpike_client_is_resumed(const turnpike_client *client)
{
	return SSL_session_reused(client->ssl);
}

const char *turnpike_client_cipher(const turnpike_client *client)
{
	return SSL_get_cipher_name(client->ssl);
}

int turnpike_client_tickets(const turnpike_client *client)
{
	return client->tickets;
}

void turnpike_trim_heap(void)
{
	malloc_trim(0);
}
