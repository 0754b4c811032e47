"""TLS for SIP: the certificate that we show, and whom we believe (RFC 3261 s26.3.1, RFC 5922, RFC 8996: 1.2 and later).

A peer that we connect to must have a certificate for the host of the URI it was found by, from an authority that we
know. Who connects to us shows none: it is judged by its address, as over UDP.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography import x509


class TlsFiles(NamedTuple):
    """Paths of PEM files. ``authorities`` empty: those that the system trusts; ``certificate`` empty: we have none."""

    certificate: str = ""
    key: str = ""
    authorities: str = ""


class TlsError(Exception):
    """A file cannot be used; the text names it."""


class Tls:
    """The contexts of one process. :meth:`renew` takes over files that were replaced, for new connections."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises TlsError."""
        self.files = files
        self.expires: float | None = None
        """End of the validity of our certificate, seconds since 1970; None without one."""
        self._times: list[float] = []
        try:
            self.client = ssl.create_default_context(cafile=files.authorities or None)
        except (OSError, ValueError) as error:
            raise TlsError(f"SIP_TLS_AUTHORITIES: {files.authorities}: {_said(error)}") from None
        self.client.minimum_version = ssl.TLSVersion.TLSv1_2
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.minimum_version = ssl.TLSVersion.TLSv1_2
        if files.certificate:
            self.renew()

    def renew(self) -> bool:
        """Read the certificate and key again if their files have changed; whether they had. Raises TlsError."""
        files = self.files
        if not files.certificate:
            return False
        try:
            times = [os.stat(path).st_mtime for path in (files.certificate, files.key or files.certificate)]
            if times == self._times:
                return False
            leaf = x509.load_pem_x509_certificates(Path(files.certificate).read_bytes())[0]
            for context in (self.server, self.client):  # the peer may ask us for ours
                context.load_cert_chain(files.certificate, files.key or None, _no_password)
        except (OSError, ValueError) as error:
            named = f"{files.certificate}, {files.key or 'with its key'}"
            raise TlsError(f"SIP_TLS_CERTIFICATE, SIP_TLS_KEY: {named}: {_said(error)}") from None
        self.expires = leaf.not_valid_after_utc.timestamp()
        self._times = times
        return True


def peer_expires(connection: ssl.SSLObject | None) -> float | None:
    """End of the validity of the certificate that the peer has shown, seconds since 1970; None where it has not."""
    shown = connection.getpeercert() if connection is not None else None
    return ssl.cert_time_to_seconds(str(shown["notAfter"])) if shown else None


def _no_password() -> str:
    raise ValueError("the key is encrypted, give one that is not")


def said(error: ssl.SSLError) -> str:
    """What OpenSSL has to say, in words."""
    return (error.reason or str(error)).replace("_", " ").lower()


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return said(error)
    return getattr(error, "strerror", None) or str(error)
