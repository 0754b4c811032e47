"""Content-Encoding of a body, undone within bounds (RFC 3261 s20.12, RFC 9110 s8.4.1; RULEBOOK M11); and
Content-Transfer-Encoding, which an entity within message/cpim may have (RFC 3862 s2.4, RFC 2045 s6).
"""

from __future__ import annotations

import binascii
import zlib
from typing import Final

from protocols.payload.errors import PayloadError

ACCEPT_ENCODING: Final = "deflate, gzip, identity"
"""What is understood, for a 415 and for who asks."""

_MOST_CODINGS: Final = 4
_MOST_MEMBERS: Final = 16
_AS_IT_IS: Final = frozenset({"", "7bit", "8bit", "binary"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_ZLIB_WINDOW: Final = zlib.MAX_WBITS
_RAW_WINDOW: Final = -zlib.MAX_WBITS
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def decode(body: bytes, content_encoding: str, limit: int) -> bytes:
    """``body`` with its codings undone, the last one first since they are listed as they were applied.

    Never holds more than a few times ``limit`` octets, however small the body that would become more. Raises
    PayloadError 413 for more than ``limit`` octets, 415 for a coding that is unknown or a long chain of them, 400
    for corrupt data.
    """
    codings = [each.strip().lower() for each in content_encoding.split(",", _MOST_CODINGS)]
    codings = [each for each in codings if each and each != "identity"]
    if len(codings) > _MOST_CODINGS or any(each != "deflate" and each not in _GZIP for each in codings):
        raise PayloadError(415, "Content-Encoding is not supported")
    for coding in reversed(codings if body else []):
        body = _gunzip(body, limit) if coding in _GZIP else _inflate(body, limit)
    if len(body) > limit:
        raise PayloadError(413, "Body is too large")
    return body


def decode_transfer(body: bytes, content_transfer_encoding: str) -> bytes:
    """``body`` as it was before it was made fit for a narrower transport; never longer than it is now.

    Raises PayloadError 415 for an encoding that is unknown, 400 for what is no base64.
    """
    encoding = content_transfer_encoding.strip().lower()
    if encoding in _AS_IT_IS:
        return body
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding != "base64":
        raise PayloadError(415, "Content-Transfer-Encoding is not supported")
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        raise PayloadError(400, "Content is not base64") from None


def _inflate(body: bytes, limit: int) -> bytes:
    """The "deflate" coding is the zlib format; peers that read the name literally send the bare stream."""
    zlib_header = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    if not zlib_header:
        return _decompress(body, _RAW_WINDOW, limit)
    try:
        return _decompress(body, _ZLIB_WINDOW, limit)
    except PayloadError as error:
        if error.code != 400:
            raise
        # A bare stream may begin with these two octets as well.
        return _decompress(body, _RAW_WINDOW, limit)


def _gunzip(body: bytes, limit: int) -> bytes:
    return _decompress(body, _GZIP_WINDOW, limit)


def _decompress(body: bytes, window: int, limit: int) -> bytes:
    """One or, as gzip allows, several members; nothing else may follow them."""
    whole: list[bytes] = []
    left = limit
    # What is left behind a member is copied, so members without number would take quadratic time.
    for _ in range(_MOST_MEMBERS):
        stream = zlib.decompressobj(window)
        try:
            # One octet more than allowed tells too much from just enough; 0 would mean without a bound.
            part = stream.decompress(body, left + 1)
        except zlib.error:
            raise PayloadError(400, "Body is not what its Content-Encoding says") from None
        left -= len(part)
        if left < 0:
            raise PayloadError(413, "Body is too large")
        if not stream.eof:
            raise PayloadError(400, "Body ends within its Content-Encoding")
        whole.append(part)
        body = stream.unused_data
        if not body:
            return b"".join(whole)
        if window != _GZIP_WINDOW:
            break
    raise PayloadError(400, "Body goes on behind its Content-Encoding")
