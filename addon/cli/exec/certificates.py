"""Whom a program is to trust: the proxy, and all whom it trusts without.

TLS to hosts that are not ours passes through undecrypted, so whatever takes the place of a
program's certificates must hold the usual ones too, or those that the user has put in their
place. Programs that never ask our hosts (git, package managers) are left alone.
"""

from __future__ import annotations

import base64
import re
import ssl
import textwrap
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

import certifi

_BESIDE: Final = ("NODE_EXTRA_CA_CERTS",)
"""Variables for certificates beside a program's own (Node, Bun)."""

_IN_PLACE: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables for certificates in their place (OpenSSL, Go, Rust and httpx; requests; curl)."""

_WHERE_SET: Final = ("CODEX_CA_CERTIFICATE",)
"""The same, but to be set only where they are: they are stronger than one that is."""

_SYSTEM: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)
"""Where systems keep theirs; those of a company are there, and not with Python."""

_PEM: Final = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----(.+?)-----END (?:TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)


class Certificates:
    """Writes files of certificates for the variables of programs."""

    def __init__(self, folder: Path, env: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Files go into ``folder``. ``env``: what is set already; ``say`` tells people."""
        self._folder = folder
        self._own = {
            name: found
            for name in (*_BESIDE, *_IN_PLACE, *_WHERE_SET)
            if env.get(name) and (found := _read(name, Path(env[name]), say)) is not None
        }

    def for_the_proxy(self) -> Path | None:
        """All whom the user's own variables name beside the usual; None where there are none."""
        if not self._own:
            return None
        return self._written("upstream.pem", [*usual(), *chain(*self._own.values())])

    def for_programs(self, ca: Path) -> dict[str, str]:
        """The variables for a program that is to trust ``ca`` too."""
        ours = _certificates(ca.read_text("utf-8"))
        in_place = [name for name in (*_IN_PLACE, *_WHERE_SET) if name in self._own]
        found = {name: [*ours, *self._own.get(name, [])] for name in _BESIDE}
        found |= {name: [*ours, *self._own[name]] for name in in_place}
        paths = {name: self._written(f"{name}.pem", held) for name, held in found.items()}
        usually = self._written("usual.pem", [*ours, *usual()])
        return {name: str(paths.get(name, usually)) for name in (*_IN_PLACE, *paths)}

    def _written(self, name: str, certificates: Iterable[str]) -> Path:
        path = self._folder / name
        path.write_text("".join(map(_pem, dict.fromkeys(certificates))), "utf-8")
        return path


def usual() -> list[str]:
    """The certificates that programs on this machine trust by themselves, in base64."""
    context = ssl.create_default_context()
    known = [base64.b64encode(der).decode() for der in context.get_ca_certs(binary_form=True)]
    for path in (*filter(Path.exists, map(Path, _SYSTEM)), Path(certifi.where())):
        known += _certificates(path.read_text("utf-8", "replace"))
    return known


def _read(name: str, path: Path, say: Callable[[str], None]) -> list[str] | None:
    try:
        return _certificates(path.read_text("utf-8", "replace"))
    except OSError as error:
        say(f"{name} names {path}, which cannot be read: {error.strerror}")
        return None


def _certificates(pem: str) -> list[str]:
    return ["".join(found.split()) for found in _PEM.findall(pem)]


def _pem(certificate: str) -> str:
    body = "\n".join(textwrap.wrap(certificate, 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
