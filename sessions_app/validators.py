"""What may stand in a Route or Peer: each refusal names what to change."""

from __future__ import annotations

import ipaddress
import re
import string

from django.core.exceptions import ValidationError

from protocols.sip.errors import SipError
from protocols.sip.uri import SipUri

KEY_FIELDS = frozenset({"pair", "from", "to", "ruri", "call_id"})
URI_FIELDS = frozenset({"from", "to", "ruri"})
FAILURE_FIELDS = frozenset({"from", "to", "code", "reason", "detail"})

_MEDIA_RANGE = re.compile(r"\*|[A-Za-z0-9!#$&^_.+-]+/(\*|[A-Za-z0-9!#$&^_.+-]+)")


def network(value: str) -> None:
    """An IP network or address, with host bits clear."""
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValidationError(f"{error}. Write it as 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32.")


def networks(value: str) -> None:
    """IP networks or addresses, separated by blanks or commas."""
    for each in value.replace(",", " ").split():
        network(each)


def pattern(value: str) -> None:
    """A regular expression that compiles."""
    try:
        re.compile(value)
    except re.error as error:
        raise ValidationError(f"Not a regular expression: {error}.")


def reject_code(value: int) -> None:
    """A final refusal; never 408, which a non-INVITE must not be answered with (RFC 4320 s4.2, RULEBOOK M14)."""
    if not 300 <= value <= 699:
        raise ValidationError("A refusal is a code from 300 to 699.")
    if value == 408:
        raise ValidationError("408 must not be sent to a MESSAGE (RFC 4320): use 480.")


def one_line(value: str) -> None:
    """No line breaks: the text goes into a SIP header or start line."""
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValidationError("Control characters and line breaks are not allowed here.")


def _template(value: str, fields: frozenset[str]) -> None:
    one_line(value)
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(value) if name is not None}
    except ValueError as error:
        raise ValidationError(f"Not a template: {error}. Write a literal brace as {{{{ or }}}}.")
    unknown = used - fields
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(fields))
        raise ValidationError(f"Unknown field {{{sorted(unknown)[0]}}}: use {known}.")


def key_template(value: str) -> None:
    """A session key template; at least one field, else all the world would share one session."""
    _template(value, KEY_FIELDS)
    if not any(name for _, name, _, _ in string.Formatter().parse(value)):
        raise ValidationError("A key without a field puts everyone in one session: use {pair} or {from}.")


def uri_template(value: str) -> None:
    """A template for a URI of the request that the gateway makes."""
    _template(value, URI_FIELDS)


def failure_template(value: str) -> None:
    """The text that tells a sender of a failed set-up."""
    _template(value, FAILURE_FIELDS)


def content_types(value: str) -> None:
    """A space separated list of MIME types, type/* or *."""
    if not value.split():
        raise ValidationError("Name at least one type, as text/plain.")
    for item in value.split():
        if not _MEDIA_RANGE.fullmatch(item):
            raise ValidationError(f"{item} is not a MIME type: write text/plain, text/* or *.")


def next_hop(value: str) -> None:
    """A SIP URI with a host, and udp, tcp or tls as its transport."""
    try:
        uri = SipUri.parse(value)
    except SipError as error:
        raise ValidationError(f"{error.reason}. Write it as sip:192.0.2.1:5060;transport=tcp.")
    if uri.scheme != "sip":
        raise ValidationError("Only sip: next hops can be reached.")
    if (uri.transport or "udp") not in {"udp", "tcp", "tls"}:
        raise ValidationError("transport must be udp, tcp or tls.")


def port(value: int) -> None:
    """A UDP or TCP port."""
    if not 1 <= value <= 65535:
        raise ValidationError(f"{value} is no port: 1 to 65535.")


def next_hop_or_nothing(value: str) -> None:
    """The same, where there may be none."""
    if value:
        next_hop(value)
