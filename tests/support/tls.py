"""A throw-away certificate authority, for upstreams that speak TLS in a test."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALIDITY: Final = dt.timedelta(days=2)
_MAY_SIGN: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """A CA whose certificate is in the file ``certificate``; its key is never written."""

    certificate: Path
    _key: ec.EllipticCurvePrivateKey
    _subject: x509.Name

    @classmethod
    def create(cls, folder: Path) -> CertificateAuthority:
        """A new CA; its certificate goes into ``folder``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("Throw-away test CA")
        certificate = (
            _certificate(subject, subject, key.public_key(), issuer_key=key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_MAY_SIGN, critical=True)
            .sign(key, hashes.SHA256())
        )
        path = folder / "upstream-ca.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(path, key, subject)

    def server_context(self, hosts: Sequence[str], *, alpn: Sequence[str]) -> ssl.SSLContext:
        """TLS for a server with a fresh certificate for ``hosts`` (names and addresses)."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _certificate(
                _name(hosts[0]),
                self._subject,
                key.public_key(),
                issuer_key=self._key.public_key(),
            )
            .add_extension(x509.SubjectAlternativeName([_san(h) for h in hosts]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = self.certificate.with_name(f"upstream-{certificate.serial_number}.pem")
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.set_alpn_protocols(list(alpn))
        return context


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _san(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    *,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    # RFC 5280's key identifiers: Python 3.13 refuses a chain without them.
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALIDITY)
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )
