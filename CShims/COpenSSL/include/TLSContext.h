// What TLS or DTLS sessions share: certificate, versions, ciphers, protocols, the keys of tickets and cookies.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	// How old the key that makes session tickets grows; those it made are taken for as long again.
	TURNPIKE_TICKET_KEY_SECONDS = 3600,
};

typedef struct ssl_ctx_st turnpike_tls_context;

typedef struct {
	// PEM files: the server's certificate first, then those that lead to an authority; and its key.
	const char *certificate;
	const char *key;
	// DTLS rather than TLS.
	int is_datagram;
	// 12 or 13, for TLS 1.2 or 1.3; DTLS is 1.2.
	int minimum_version;
	// Whether ALPN may choose "http/1.1".
	int offers_http;
	// The longest datagram of a DTLS handshake, in bytes.
	int mtu;
} turnpike_tls_settings;

// Makes a context; where there is a previous one, tickets and cookies of it stay good.
// NULL when it cannot be made: then one line says why.
turnpike_tls_context *turnpike_tls_context_new(const turnpike_tls_settings *settings,
	turnpike_tls_context *previous, char *problem, size_t problem_size);

// Gives up a context; its sessions keep what they need of it.
void turnpike_tls_context_free(turnpike_tls_context *context);

// Makes a new key for tickets, for all contexts that share it, once the present one is old enough; from any thread.
void turnpike_tls_context_rotate(turnpike_tls_context *context, uint64_t seconds);
