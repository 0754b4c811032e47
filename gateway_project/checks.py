"""System check of the files that the server needs, so that `manage.py check` finds what would keep it from starting."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from protocols.tls import Tls, TlsError, TlsFiles


def tls_of_settings() -> Tls:
    """What the SIP_TLS settings name. Raises TlsError."""
    return Tls(TlsFiles(settings.SIP_TLS_CERTIFICATE, settings.SIP_TLS_KEY, settings.SIP_TLS_AUTHORITIES))


@register(Tags.security)
def tls_files(**_: Any) -> list[CheckMessage]:
    """Certificate, key and authorities can be read and belong together."""
    if not (settings.SIP_TLS_CERTIFICATE or settings.SIP_TLS_AUTHORITIES):
        return []  # to read what the system trusts takes a while, and every command checks
    try:
        tls_of_settings()
    except TlsError as fault:
        return [Error(f"{fault}.", id="parley.E001")]
    return []
