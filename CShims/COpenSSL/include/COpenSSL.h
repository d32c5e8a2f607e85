// OpenSSL for Swift: the low-level functions of digests, and EVP for what is rare enough to allocate;
// certificates, TLS and DTLS have headers of their own.
//
// SHA1_*, SHA256_* and MD5_* are deprecated in favour of EVP, but EVP_MD_fetch allocates and takes a lock, and
// EVP_DigestInit allocates a context: neither may happen for a datagram. These work on a context on the stack.
#pragma once

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include "Certificate.h"
#include "TLSContext.h"
#include "TLSSession.h"

#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
