#include "CTLSClient.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int turnpike_write_rsa_certificate(const char *path)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *certificate = X509_new();
	BIO *file = BIO_new_file(path, "w");
	int done = key && certificate && file && X509_set_version(certificate, 2)
		&& ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
		&& X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
		&& X509_gmtime_adj(X509_getm_notAfter(certificate), 86400)
		&& X509_set_pubkey(certificate, key) && X509_sign(certificate, key, EVP_sha256())
		&& PEM_write_bio_X509(file, certificate)
		&& PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);

	BIO_free(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return done ? 0 : -1;
}
