"""An authority of the test's own and certificates signed by it."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ADDRESSES = ("127.0.0.1", "::1", "192.168.83.2")


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its key, as PEM files."""

    chain: Path
    key: Path
    serial: int


class Authority:
    """Signs certificates for the addresses that servers listen on in tests."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "turnpike test authority")])
        self.certificate = self.sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=0))
        self.file = directory / "authority.pem"
        self.file.write_bytes(pem(self.certificate))

    def issue(self, name: str) -> Certificate:
        """A new certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(one)) for one in ADDRESSES])
        signed = self.sign(subject, key, addresses)
        chain, secret = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        chain.write_bytes(pem(signed) + pem(self.certificate))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
        return Certificate(chain, secret, signed.serial_number)

    def sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        """A certificate for a subject's key."""
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(self.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)
