"""Session descriptions (RFC 8866): a tolerant, linear parser and a builder. Knows nothing of any media type.

Tolerant because peers are: bare LF as line end, missing v/o/s/t lines, unknown line types, a connection line at one
level only are all read. What is kept is what offer and answer (RFC 3264) need.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_BYTES = 64 * 1024
MAX_MEDIA = 64

Attribute = tuple[str, str | None]
"""(name, value) of an a-line; the value is None for a property attribute such as ``a=sendonly``."""


class SdpError(Exception):
    """The text cannot be read as a session description."""


@dataclass(slots=True)
class Connection:
    """A c-line (RFC 8866 s5.7)."""

    address: str
    """IP address or host name, without TTL."""
    address_type: str = "IP4"
    """IP4 or IP6."""
    network: str = "IN"
    """Network type."""

    def __str__(self) -> str:
        return f"{self.network} {self.address_type} {self.address}"


@dataclass(slots=True)
class MediaDescription:
    """One m-line with what follows it (RFC 8866 s5.14)."""

    media: str
    """Media type, such as ``message``."""
    port: int
    """Port; 0 refuses or removes the line (RFC 3264 s6)."""
    proto: str
    """Transport, such as ``TCP/MSRP``."""
    formats: list[str] = field(default_factory=list)
    """Format list."""
    connection: Connection | None = None
    """Own c-line, None when the session's applies."""
    attributes: list[Attribute] = field(default_factory=list)
    """a-lines in order."""

    def get(self, name: str) -> str | None:
        """Value of the first attribute of this name; None when absent, '' for a property attribute."""
        return _get(self.attributes, name)

    def has(self, name: str) -> bool:
        """True when an attribute of this name is there."""
        return _get(self.attributes, name) is not None


@dataclass(slots=True)
class SessionDescription:
    """A whole description."""

    origin: str = "- 0 0 IN IP4 127.0.0.1"
    """Value of the o-line."""
    name: str = "-"
    """Value of the s-line."""
    connection: Connection | None = None
    """Session-level c-line."""
    timing: str = "0 0"
    """Value of the first t-line; an answer repeats the offer's (RFC 3264 s6)."""
    attributes: list[Attribute] = field(default_factory=list)
    """Session-level a-lines in order."""
    media: list[MediaDescription] = field(default_factory=list)
    """Media descriptions in order; offer and answer have the same number of them."""

    def get(self, name: str) -> str | None:
        """Value of the first session-level attribute of this name; None when absent, '' for a property attribute."""
        return _get(self.attributes, name)

    def build(self) -> bytes:
        """The description as text with CRLF line ends, in the order of RFC 8866 s5."""
        lines = ["v=0", f"o={self.origin}", f"s={self.name or '-'}"]
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        lines.append(f"t={self.timing}")
        lines += map(_attribute_line, self.attributes)
        for media in self.media:
            lines.append(f"m={media.media} {media.port} {media.proto} {' '.join(media.formats) or '*'}")
            if media.connection is not None:
                lines.append(f"c={media.connection}")
            lines += map(_attribute_line, media.attributes)
        for line in lines:
            if "\r" in line or "\n" in line:
                raise SdpError("line end inside a value")
        return ("\r\n".join(lines) + "\r\n").encode()


def _get(attributes: list[Attribute], name: str) -> str | None:
    for key, value in attributes:
        if key == name:
            return value or ""
    return None


def _attribute_line(attribute: Attribute) -> str:
    name, value = attribute
    return f"a={name}" if value is None else f"a={name}:{value}"


def connection_for(host: str) -> Connection:
    """The c-line for an address or name; brackets of an IPv6 address are taken off."""
    bare = host.strip("[]")
    return Connection(bare, "IP6" if ":" in bare else "IP4")


def parse(body: bytes | str) -> SessionDescription:
    """Read a session description. Raises SdpError and nothing else."""
    if len(body) > MAX_BYTES:
        raise SdpError("description too long")
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    found = SessionDescription()
    media: MediaDescription | None = None
    timed = False
    read = 0
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        kind, equals, value = raw.partition("=")
        if not equals or len(kind.strip()) != 1:
            if raw.strip():
                raise SdpError(f"not an SDP line: {raw[:40]!r}")
            continue
        kind = kind.strip()
        read += 1
        if kind == "m":
            if len(found.media) >= MAX_MEDIA:
                raise SdpError("too many media lines")
            media = _media(value)
            found.media.append(media)
        elif kind == "a":
            name, colon, rest = value.partition(":")
            attribute = (name.strip().lower(), rest.strip() if colon else None)
            (found if media is None else media).attributes.append(attribute)
        elif kind == "c":
            connection = _connection(value)
            target = found if media is None else media
            target.connection = target.connection or connection
        elif kind == "v":
            if value.strip() != "0":
                raise SdpError("unknown SDP version")
        elif kind == "o" and media is None:
            found.origin = value.strip()
        elif kind == "s" and media is None:
            found.name = value.strip()
        elif kind == "t" and media is None and not timed:
            found.timing = value.strip()
            timed = True
    if not read:
        raise SdpError("empty description")
    return found


def _connection(value: str) -> Connection:
    fields = value.split()
    if len(fields) != 3:
        raise SdpError("malformed c-line")
    return Connection(fields[2].partition("/")[0], fields[1], fields[0])


def _media(value: str) -> MediaDescription:
    fields = value.split()
    if len(fields) < 3:
        raise SdpError("malformed m-line")
    port = fields[1].partition("/")[0]
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) < 65536):
        raise SdpError("malformed port in m-line")
    return MediaDescription(fields[0].lower(), int(port), fields[2], fields[3:])
