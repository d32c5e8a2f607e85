#include "Certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static int extend(X509 *certificate, int kind, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int done;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	done = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return done;
}

// Nobody can guess it, as for a real authority (CA/Browser Forum: at least 64 bits).
static int number(X509 *certificate)
{
	BIGNUM *serial = BN_new();
	int done = serial && BN_rand(serial, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY)
		&& BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));

	BN_free(serial);
	return done;
}

static int describe(X509 *certificate, EVP_PKEY *key, const char *names, int days)
{
	X509_NAME *subject = X509_get_subject_name(certificate);

	// A clock that is somewhat slow must not make it one of the future.
	return X509_set_version(certificate, 2) && number(certificate)
		&& X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
		&& X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL)
		&& X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			(const unsigned char *)"turnpike, self-signed", -1, -1, 0)
		&& X509_set_issuer_name(certificate, subject)
		&& X509_set_pubkey(certificate, key)
		&& extend(certificate, NID_basic_constraints, "critical,CA:FALSE")
		&& extend(certificate, NID_key_usage, "critical,digitalSignature")
		&& extend(certificate, NID_ext_key_usage, "serverAuth")
		&& extend(certificate, NID_subject_alt_name, names);
}

int turnpike_write_certificate(int descriptor, const char *names, int days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIO *file = BIO_new_fd(descriptor, BIO_NOCLOSE);
	int done = key && certificate && file && describe(certificate, key, names, days)
		&& X509_sign(certificate, key, EVP_sha256())
		&& PEM_write_bio_X509(file, certificate)
		&& PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL)
		&& BIO_flush(file) == 1;

	BIO_free(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return done ? 0 : -1;
}

int turnpike_certificate_is_for(const char *path, const char *name, int is_address, int days)
{
	BIO *file = BIO_new_file(path, "r");
	X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	int left = 0, seconds = 0;
	int is_good = certificate
		&& ASN1_TIME_diff(&left, &seconds, NULL, X509_get0_notAfter(certificate)) && left >= days
		&& (is_address ? X509_check_ip_asc(certificate, name, 0)
			: X509_check_host(certificate, name, 0, 0, NULL)) == 1;

	X509_free(certificate);
	BIO_free(file);
	return is_good;
}
