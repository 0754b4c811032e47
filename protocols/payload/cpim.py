"""message/cpim: a message with who, to whom and when around it (RFC 3862; RFC 5438 s6; RULEBOOK P1, P2, S33, I1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from protocols.payload.cpim_escape import escape, unescape, whole
from protocols.payload.cpim_lines import HeaderLine, Layout, lay_out
from protocols.payload.encoding import decode_transfer
from protocols.payload.errors import PayloadError
from protocols.payload.rfc3339 import format_date_time, parse_date_time

CONTENT_TYPE: Final = "message/cpim"
CPIM_NAMESPACE: Final = "urn:ietf:params:cpim-headers:"
IMDN_NAMESPACE: Final = "urn:ietf:params:imdn"
NOTIFICATIONS: Final = frozenset({"positive-delivery", "negative-delivery", "processing", "display"})
"""What Disposition-Notification may ask for (RFC 5438 s6.2)."""

_UNDERSTOOD: Final = frozenset({"From", "To", "cc", "DateTime", "Subject", "NS", "Require"})
_PROTECTED: Final = frozenset(
    {"multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
)
_CPIM_KEY: Final = CPIM_NAMESPACE.rstrip(":")

_message_name = re.compile(r"(?!(?i:content-|mime-version\Z))[!#-'*+\-.0-9A-Z^-z|~]+").fullmatch
_content_name = re.compile(r"[!#-'*+\-.0-9A-Z^-z|~]+").fullmatch
_namespace = re.compile(r"([^\s<>]*)\s*<([^<>]*)>").fullmatch
_controls = re.compile(r"[\x00-\x1f\x7f]+").sub
_has_blank = re.compile(r"[\x00-\x20\x7f]").search
_not_in_brackets = re.compile(r'[\x00-\x20\x7f<>"]').sub


@dataclass(slots=True)
class CpimMessage:
    """A CPIM message as it was read."""

    headers: list[tuple[str, str]]
    """Message headers in order: name as written with its prefix, value with escape sequences resolved."""
    content_headers: list[tuple[str, str]]
    """MIME headers of the encapsulated entity, in order."""
    body: bytes
    """The encapsulated content, exact octets."""

    def first(self, name: str) -> str | None:
        """The value of the first message header called exactly so, prefix included (s2.2); None without one."""
        return next((value for known, value in self.headers if known == name), None)

    def imdn(self, name: str) -> str | None:
        """The first header ``name`` of the IMDN namespace, whatever its prefix (RFC 5438 s6.1); None without one.

        Where no NS header binds the prefix ``imdn`` it is taken to be what it always is: peers forget the NS.
        """
        return next(self._values(IMDN_NAMESPACE, name), None)

    @property
    def imdn_message_id(self) -> str:
        """imdn.Message-ID; empty where absent, or where it has blanks or control characters in it."""
        found = self.imdn("Message-ID") or ""
        return "" if _has_blank(found) else found

    @property
    def notify(self) -> frozenset[str]:
        """Which of NOTIFICATIONS the sender asks for; parameters and what else stands there are passed over."""
        asked: set[str] = set()
        for value in self._values(IMDN_NAMESPACE, "Disposition-Notification"):
            asked.update(each.partition(";")[0].strip().lower() for each in value.split(","))
        return NOTIFICATIONS & asked

    @property
    def from_uri(self) -> str:
        """The URI in the brackets of From; empty where there is none."""
        return self._uri("From")

    @property
    def to_uri(self) -> str:
        """The URI in the brackets of the first To; empty where there is none."""
        return self._uri("To")

    @property
    def subject(self) -> str:
        """The first Subject on one line, in whatever language; empty where absent."""
        return _controls(" ", next(self._values(_CPIM_KEY, "Subject"), ""))

    @property
    def date_time(self) -> float | None:
        """DateTime in seconds since the epoch; None where absent or no date."""
        written = next(self._values(_CPIM_KEY, "DateTime"), None)
        return None if written is None else parse_date_time(written)

    @property
    def content_type(self) -> str:
        """The Content-Type of the encapsulated entity as written, text/plain where it has none (RFC 2045 s5.2)."""
        return next((value for name, value in self.content_headers if name.lower() == "content-type"), "text/plain")

    @property
    def signed(self) -> bool:
        """True when the content is signed or encrypted: it must go on untouched (RFC 8591; RULEBOOK X9)."""
        return any(
            value.partition(";")[0].strip().lower() in _PROTECTED
            for name, value in (*self.content_headers, *self.headers)
            if name.lower().rpartition(".")[2] == "content-type"
        )

    def decoded(self) -> bytes:
        """The content without its Content-Transfer-Encoding, for who sends it on by itself.

        Raises PayloadError 400 or 415 as ``decode_transfer`` does.
        """
        named = (value for name, value in self.content_headers if name.lower() == "content-transfer-encoding")
        return decode_transfer(self.body, next(named, ""))

    def _uri(self, name: str) -> str:
        return _bracketed(next(self._values(_CPIM_KEY, name), ""))

    def _values(self, namespace: str, name: str) -> Iterator[str]:
        return (value for (space, local), value in _qualified(self.headers) if local == name and space == namespace)


def parse(data: bytes) -> CpimMessage:
    """Read a CPIM message, with or without the MIME headers of its own in front.

    Raises PayloadError 400 for what is none, 415 where a Require header names what is not understood here: anything
    but the headers of RFC 3862 s4 and of the IMDN namespace.
    """
    layout = lay_out(data)
    headers = [(line.name, unescape(line.value)) for line in layout.headers]
    _check_required(headers)
    return CpimMessage(headers, layout.content_headers, data[layout.content_start :])


def build(headers: Sequence[tuple[str, str]], content_headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Write a CPIM message. What a value holds stays in its own line: control characters are escaped in message
    headers (s2.3.1) and become blanks in content headers. Raises PayloadError 400 for a name that is no header name, or
    is one of MIME's among the message headers.
    """
    written: list[str] = []
    for name, value in headers:
        if not _message_name(name):
            raise PayloadError(400, "Not the name of a CPIM header")
        written.append(f"{name}: {escape(whole(value).strip(' '))}\r\n")
    written.append("\r\n")
    for name, value in content_headers:
        if not _content_name(name):
            raise PayloadError(400, "Not the name of a content header")
        written.append(f"{name}: {_controls(' ', whole(value)).strip(' ')}\r\n")
    written.append("\r\n")
    return "".join(written).encode() + body


def wrap(
    body: bytes,
    content_type: str,
    *,
    from_uri: str,
    to_uri: str,
    at: float,
    subject: str = "",
    imdn_message_id: str = "",
    notify: Iterable[str] = (),
    disposition: str = "",
) -> bytes:
    """``body`` in a CPIM message of our own (RULEBOOK S33, I1, I2).

    ``at`` is when the sender sent it, in seconds since the epoch. ``notify`` asks for some of NOTIFICATIONS and needs
    an ``imdn_message_id``. ``disposition`` becomes the Content-Disposition: ``notification`` for an IMDN.
    Raises PayloadError 400 for a time that has no date.
    """
    headers = [("From", _in_brackets(from_uri)), ("To", _in_brackets(to_uri)), ("DateTime", format_date_time(at))]
    if subject:
        headers.append(("Subject", subject))
    if imdn_message_id:
        headers += [("NS", f"imdn <{IMDN_NAMESPACE}>"), ("imdn.Message-ID", imdn_message_id)]
        if asked := ", ".join(notify):
            headers.append(("imdn.Disposition-Notification", asked))
    content_headers = [("Content-Type", content_type)]
    if disposition:
        content_headers.append(("Content-Disposition", disposition))
    content_headers.append(("Content-Length", str(len(body))))
    return build(headers, content_headers, body)


def with_record_route(data: bytes, uri: str) -> bytes:
    """``data`` with ``uri`` as its topmost IMDN-Record-Route, all other octets as they are (RFC 5438 s8; RULEBOOK I4).

    An NS header is added only where none binds the namespace. Raises PayloadError 400 for what is no CPIM message.
    """
    layout = lay_out(data)
    lines = layout.headers
    for line in lines:
        bound = _binding(line.name, unescape(line.value))
        if bound is not None and bound[1] == IMDN_NAMESPACE and _message_name(f"{bound[0]}.x"):
            return _inserted(data, line.end, layout, [_route_header(bound[0], uri)])
    prefix = _free_prefix(lines)
    # Where the prefix is used without being bound, the route goes on top of what uses it; otherwise last.
    at = next((line.start for line in lines if line.name.startswith(f"{prefix}.")), layout.headers_end)
    return _inserted(data, at, layout, [f"NS: {prefix} <{IMDN_NAMESPACE}>", _route_header(prefix, uri)])


def without_route(data: bytes, uri: str) -> bytes:
    """``data`` without its topmost IMDN-Route if that is ``uri``, else as it is (RFC 5438 s8; RULEBOOK I4).

    Raises PayloadError 400 for what is no CPIM message.
    """
    lines = lay_out(data).headers
    headers = [(line.name, unescape(line.value)) for line in lines]
    for line, ((space, local), value) in zip(lines, _qualified(headers), strict=True):
        if space == IMDN_NAMESPACE and local == "IMDN-Route":
            return data[: line.start] + data[line.end :] if _bracketed(value) == uri else data
    return data


def _binding(name: str, value: str) -> tuple[str, str] | None:
    """What an NS header binds: prefix, empty for the default one, and namespace as it is compared; else None."""
    if name != "NS" or (found := _namespace(value)) is None:
        return None
    # Peers write the URN with a colon at the end, after the one of RFC 3862, and in any case.
    return found[1], found[2].strip().lower().rstrip(":")


def _qualified(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], str]]:
    """Each header as its namespace and local name, and its value. An NS header counts for what follows it (s3.4)."""
    spaces = {"": _CPIM_KEY, "imdn": IMDN_NAMESPACE}
    for name, value in headers:
        yield _resolve(name, spaces), value
        bound = _binding(name, value)
        if bound is not None:
            spaces[bound[0]] = bound[1]


def _resolve(name: str, spaces: dict[str, str]) -> tuple[str, str]:
    prefix, _, local = name.rpartition(".")
    # The headers of the framework itself mean what they mean under any default namespace.
    if name in {"NS", "Require"}:
        return _CPIM_KEY, name
    return spaces.get(prefix, ""), local


def _check_required(headers: Sequence[tuple[str, str]]) -> None:
    """Refuse what a Require header demands and nobody here understands (s3.5)."""
    required = [each.strip() for name, value in headers if name == "Require" for each in value.split(",")]
    if not required:
        return
    spaces = {"": _CPIM_KEY, "imdn": IMDN_NAMESPACE}
    spaces.update(bound for name, value in headers if (bound := _binding(name, value)) is not None)
    for name in required:
        space, local = _resolve(name, spaces)
        if name and space != IMDN_NAMESPACE and (space != _CPIM_KEY or local not in _UNDERSTOOD):
            raise PayloadError(415, "CPIM message requires a header that is not understood")


def _bracketed(value: str) -> str:
    """The URI between the last pair of brackets, or all of a value that is one without them, as some peers write."""
    _, opened, rest = value.rpartition("<")
    uri, closed, _ = rest.partition(">")
    uri = uri.strip(" ")
    return uri if bool(opened) == bool(closed) and ":" in uri and not _has_blank(uri) else ""


def _in_brackets(uri: str) -> str:
    """``<uri>``, with what would end the brackets escaped as a URI does it."""
    return f"<{_not_in_brackets(lambda found: f'%{ord(found[0]):02X}', whole(uri))}>"


def _route_header(prefix: str, uri: str) -> str:
    return f"{prefix}{prefix and '.'}IMDN-Record-Route: {escape(_in_brackets(uri))}"


def _free_prefix(lines: Sequence[HeaderLine]) -> str:
    """``imdn``, or another prefix where the message uses that one for something else."""
    taken = {bound[0] for line in lines if (bound := _binding(line.name, unescape(line.value))) is not None}
    return next(prefix for number in range(len(taken) + 1) if (prefix := f"imdn{number or ''}") not in taken)


def _inserted(data: bytes, at: int, layout: Layout, lines: Sequence[str]) -> bytes:
    """``data`` with ``lines`` before the octet ``at``, ended as the first line of the message is."""
    first = layout.headers[0]
    end = "\r\n" if data[first.start : first.end].endswith(b"\r\n") else "\n"
    return data[:at] + "".join(line + end for line in lines).encode() + data[at:]
