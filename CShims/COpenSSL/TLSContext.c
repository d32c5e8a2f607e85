#include "TLSContext.h"
#include "TLSInternals.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

// RFC 8489, 6.2.3: both *_RSA_WITH_AES_128_GCM_SHA256 are there, forward secrecy only. DHE costs the server most: last.
static const char ciphers[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
	":ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
	":ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
	":DHE-RSA-AES128-GCM-SHA256";

// RFC 8446, 9.1: the first must be there; it is the cheapest where the processor knows AES.
static const char suites[] =
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static int common_index = -1;

static void free_common(void *parent, void *common, CRYPTO_EX_DATA *data, int index, long argument,
	void *pointer)
{
	(void)parent, (void)data, (void)index, (void)argument, (void)pointer;
	if (common)
		turnpike_ticket_keys_release(((turnpike_tls_common *)common)->ticket_keys);
	OPENSSL_clear_free(common, sizeof(turnpike_tls_common));
}

static void take_index(void)
{
	common_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_common);
}

const turnpike_tls_common *turnpike_tls_common_of(const SSL_CTX *context)
{
	return SSL_CTX_get_ex_data(context, common_index);
}

// RFC 7443 and 7301, 3.2: the server's order decides; a list without one of ours ends the handshake.
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length,
	const unsigned char *offered, unsigned offered_length, void *argument)
{
	static const unsigned char known[] = "\x09stun.turn\x12stun.nat-discovery\x08http/1.1";
	unsigned all = sizeof known - 1;
	unsigned count = turnpike_tls_common_of(SSL_get_SSL_CTX(ssl))->offers_http ? all : all - 9;

	(void)argument;
	return SSL_select_next_proto((unsigned char **)chosen, length, known, count, offered,
		offered_length) == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int has_no_password(char *password, int size, int is_writing, void *argument)
{
	(void)password, (void)size, (void)is_writing, (void)argument;
	return -1;
}

// What OpenSSL said first, without its numbers and files.
static void explain(const char *path, char *problem, size_t size)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
		: ERR_reason_error_string(error);

	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ)
		reason = "the key needs a password, which a server cannot give";
	if (!ERR_SYSTEM_ERROR(error) && ERR_GET_LIB(error) == ERR_LIB_PEM
		&& ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
		reason = "no PEM in it";
	snprintf(problem, size, "%s: %s", path, reason ? reason : "cannot be used");
}

static int load(SSL_CTX *context, const turnpike_tls_settings *settings, char *problem, size_t size)
{
	BIO *file;
	EVP_PKEY *key;
	int fits;

	if (SSL_CTX_use_certificate_chain_file(context, settings->certificate) != 1) {
		explain(settings->certificate, problem, size);
		return 0;
	}
	file = BIO_new_file(settings->key, "r");
	key = file ? PEM_read_bio_PrivateKey(file, NULL, has_no_password, NULL) : NULL;
	BIO_free(file);
	if (!key) {
		explain(settings->key, problem, size);
		return 0;
	}
	fits = X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1;
	if (!fits)
		snprintf(problem, size, "%s: it is not the key of the certificate in %s", settings->key,
			settings->certificate);
	else if (SSL_CTX_use_PrivateKey(context, key) != 1) {
		explain(settings->key, problem, size);
		fits = 0;
	}
	EVP_PKEY_free(key);
	return fits;
}

static int share(SSL_CTX *context, const turnpike_tls_settings *settings, SSL_CTX *previous)
{
	turnpike_tls_common *common = OPENSSL_zalloc(sizeof *common);
	const turnpike_tls_common *shared;

	if (!common || !SSL_CTX_set_ex_data(context, common_index, common)) {
		OPENSSL_free(common);
		return 0;
	}
	common->is_datagram = settings->is_datagram;
	common->offers_http = settings->offers_http;
	common->mtu = settings->mtu;
	if (!previous) {
		common->ticket_keys = turnpike_ticket_keys_new();
		return common->ticket_keys
			&& RAND_bytes(common->cookie_secret, sizeof common->cookie_secret) == 1;
	}
	shared = turnpike_tls_common_of(previous);
	common->ticket_keys = turnpike_ticket_keys_hold(shared->ticket_keys);
	memcpy(common->cookie_secret, shared->cookie_secret, sizeof common->cookie_secret);
	return 1;
}

static int configure(SSL_CTX *context, const turnpike_tls_settings *settings)
{
	static const unsigned char name[] = "turnpike";
	int minimum = settings->is_datagram ? DTLS1_2_VERSION
		: settings->minimum_version >= 13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION
		| SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	// Tickets carry what is resumed; the server keeps no sessions.
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(context, 2 * TURNPIKE_TICKET_KEY_SECONDS);
	SSL_CTX_set_dh_auto(context, 1);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	SSL_CTX_set_cookie_generate_cb(context, turnpike_dtls_make_cookie);
	SSL_CTX_set_cookie_verify_cb(context, turnpike_dtls_check_cookie);
	return SSL_CTX_set_min_proto_version(context, minimum)
		&& SSL_CTX_set_max_proto_version(context, settings->is_datagram ? DTLS1_2_VERSION : 0)
		&& SSL_CTX_set_cipher_list(context, ciphers)
		&& SSL_CTX_set_ciphersuites(context, suites)
		&& SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384")
		&& SSL_CTX_set_session_id_context(context, name, sizeof name - 1)
		&& SSL_CTX_set_num_tickets(context, 1)
		&& SSL_CTX_set_tlsext_ticket_key_evp_cb(context, turnpike_ticket_key_choose);
}

turnpike_tls_context *turnpike_tls_context_new(const turnpike_tls_settings *settings,
	turnpike_tls_context *previous, char *problem, size_t problem_size)
{
	SSL_CTX *context = NULL;
	int done;

	ERR_clear_error();
	if (CRYPTO_THREAD_run_once(&once, take_index) && common_index >= 0)
		context = SSL_CTX_new(settings->is_datagram ? DTLS_server_method()
			: TLS_server_method());
	snprintf(problem, problem_size, "OpenSSL cannot be set up for TLS");
	done = context && share(context, settings, previous) && configure(context, settings)
		&& load(context, settings, problem, problem_size);
	ERR_clear_error();
	if (done)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

void turnpike_tls_context_free(turnpike_tls_context *context)
{
	SSL_CTX_free(context);
}

void turnpike_tls_context_rotate(turnpike_tls_context *context, uint64_t seconds)
{
	turnpike_ticket_keys_rotate(turnpike_tls_common_of(context)->ticket_keys, seconds);
}
