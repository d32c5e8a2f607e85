// Keys of session tickets (RFC 5077, 4): one makes tickets, and the one before it still takes those it made.

#include "TLSInternals.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <string.h>

typedef struct {
	unsigned char name[16];
	unsigned char cipher_key[32];
	unsigned char mac_key[32];
} ticket_key;

struct turnpike_ticket_keys {
	atomic_int holders;
	// Held while a key is copied, never while one is used.
	CRYPTO_RWLOCK *lock;
	EVP_CIPHER *cipher;
	// The present one, then the one before.
	ticket_key keys[2];
	int count;
	// When the present one was made, on the clock of those who rotate; not known before they have said a time.
	uint64_t made;
	int is_made_known;
};

turnpike_ticket_keys *turnpike_ticket_keys_new(void)
{
	turnpike_ticket_keys *keys = OPENSSL_zalloc(sizeof *keys);

	if (!keys)
		return NULL;
	atomic_init(&keys->holders, 1);
	keys->count = 1;
	keys->lock = CRYPTO_THREAD_lock_new();
	keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!keys->lock || !keys->cipher
		|| RAND_priv_bytes((unsigned char *)&keys->keys[0], sizeof keys->keys[0]) != 1) {
		turnpike_ticket_keys_release(keys);
		return NULL;
	}
	return keys;
}

turnpike_ticket_keys *turnpike_ticket_keys_hold(turnpike_ticket_keys *keys)
{
	atomic_fetch_add(&keys->holders, 1);
	return keys;
}

void turnpike_ticket_keys_release(turnpike_ticket_keys *keys)
{
	if (!keys || atomic_fetch_sub(&keys->holders, 1) > 1)
		return;
	CRYPTO_THREAD_lock_free(keys->lock);
	EVP_CIPHER_free(keys->cipher);
	OPENSSL_clear_free(keys, sizeof *keys);
}

static int is_due(const turnpike_ticket_keys *keys, uint64_t seconds)
{
	return !keys->is_made_known
		|| (seconds > keys->made && seconds - keys->made >= TURNPIKE_TICKET_KEY_SECONDS);
}

// Puts a key before the present one, which is kept unless it is twice as old as it may be.
static void replace(turnpike_ticket_keys *keys, uint64_t seconds, const ticket_key *fresh)
{
	if (keys->is_made_known) {
		keys->count = seconds - keys->made < 2 * TURNPIKE_TICKET_KEY_SECONDS ? 2 : 1;
		keys->keys[1] = keys->keys[0];
		keys->keys[0] = *fresh;
		if (keys->count == 1)
			OPENSSL_cleanse(&keys->keys[1], sizeof keys->keys[1]);
	}
	keys->made = seconds;
	keys->is_made_known = 1;
}

void turnpike_ticket_keys_rotate(turnpike_ticket_keys *keys, uint64_t seconds)
{
	ticket_key fresh;
	int due;

	if (!CRYPTO_THREAD_read_lock(keys->lock))
		return;
	due = is_due(keys, seconds);
	CRYPTO_THREAD_unlock(keys->lock);
	// Without a random key the old one serves on, and the next call tries again.
	if (!due || RAND_priv_bytes((unsigned char *)&fresh, sizeof fresh) != 1)
		return;
	if (CRYPTO_THREAD_write_lock(keys->lock)) {
		// Another thread may have come first.
		if (is_due(keys, seconds))
			replace(keys, seconds, &fresh);
		CRYPTO_THREAD_unlock(keys->lock);
	}
	OPENSSL_cleanse(&fresh, sizeof fresh);
}

// Copies the present key, or the one that has a name: 1 for the present one, 2 for the one before, 0 for none.
static int find(turnpike_ticket_keys *keys, const unsigned char *name, ticket_key *key)
{
	int found = 0, index;

	if (!CRYPTO_THREAD_read_lock(keys->lock))
		return 0;
	for (index = 0; index < keys->count && !found; index++)
		if (!name || memcmp(name, keys->keys[index].name, sizeof key->name) == 0) {
			*key = keys->keys[index];
			found = index + 1;
		}
	CRYPTO_THREAD_unlock(keys->lock);
	return found;
}

static int set_mac_key(EVP_MAC_CTX *mac, ticket_key *key)
{
	static char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof key->mac_key),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, parameters);
}

int turnpike_ticket_key_choose(SSL *ssl, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_made)
{
	turnpike_ticket_keys *keys = turnpike_tls_common_of(SSL_get_SSL_CTX(ssl))->ticket_keys;
	ticket_key key;
	int found = find(keys, is_made ? NULL : name, &key);

	// 0 is no ticket, or a full handshake; 2 has the client given a ticket of the present key.
	if (!found)
		return 0;
	if (is_made) {
		memcpy(name, key.name, sizeof key.name);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(keys->cipher)) != 1)
			found = 0;
	}
	if (found && (!EVP_CipherInit_ex(cipher, keys->cipher, NULL, key.cipher_key, iv, is_made)
		|| !set_mac_key(mac, &key)))
		found = 0;
	OPENSSL_cleanse(&key, sizeof key);
	// Under TLS 1.3 each ticket is for one time (RFC 8446, C.4), so that who brings one is given the next.
	return found && !is_made && SSL_version(ssl) == TLS1_3_VERSION ? 2 : found;
}
