"""Bodies of requests to the REST interface: JSON, within bounds."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import parsers, status
from rest_framework.exceptions import APIException, ParseError

from sessions_app import json_text

LONGEST: Final = 1 << 20
"""Octets of a body: a text of 60,000 characters with each of them written as an escape has 720,000."""


class TooLarge(APIException):
    """The body has more than LONGEST octets."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body has more than {LONGEST} octets."
    default_code = "too_large"


class JSONParser(parsers.JSONParser):
    """What :mod:`sessions_app.json_text` takes: UTF-8, whatever charset the request names (RFC 8259 s8.1)."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The value. Raises ParseError or TooLarge."""
        text = stream.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise TooLarge
        try:
            return json_text.read(text)
        except ValueError as fault:
            raise ParseError(f"JSON parse error: {fault}.") from None
