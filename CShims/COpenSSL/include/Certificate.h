// Certificates that a server signs itself, for trying HTTPS where no authority knows it.
#pragma once

// Writes a key and a certificate for it, for `names` such as "DNS:localhost,IP:::1", as PEM, certificate first.
// Returns 0, or -1 when something did not work.
int turnpike_write_certificate(int descriptor, const char *names, int days);

// Whether the first certificate of a PEM file is good for `days` more and for a host name or an address in digits.
int turnpike_certificate_is_for(const char *path, const char *name, int is_address, int days);
