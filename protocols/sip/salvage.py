"""What can still be read of a malformed request, so that it can be answered (RFC 3261 s8.2.6, RFC 4475 s3.1.2)."""

from __future__ import annotations

import re
from typing import Final

from protocols.sip.errors import SipError
from protocols.sip.grammar import TCHAR
from protocols.sip.header_names import SINGLE, header_name
from protocols.sip.limits import SipLimits
from protocols.sip.message import Headers, Request
from protocols.sip.params import split_list
from protocols.sip.via import Via

_request_start = re.compile(rf"({TCHAR}++) ++(.*+)", re.DOTALL).match
_fold = re.compile(r"\r\n[ \t]++").sub
_NEEDED: Final = frozenset({"via", "from", "to", "call-id", "cseq", "timestamp"})


def salvage(data: bytes, limits: SipLimits) -> Request | None:
    """The request in ``data`` with the headers an answer copies, each as far as it is there; None without a Via.

    The topmost Via is cleaned of what could not be read and the rest of that header line is checked with it, so that
    an answer does not spread the fault.
    """
    head = data[: limits.max_head + 4].lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    text = _fold(" ", head.decode("utf-8", "surrogateescape"))
    lines = text.split("\r\n")
    start = _request_start(lines[0])
    if start is None or start[1].upper() == "SIP" or "SIP/" not in start[2].upper():
        return None
    headers: Headers = {}
    for line in lines[1 : limits.max_headers + 1]:
        name, colon, value = line.partition(":")
        if not colon or "\n" in line or "\r" in line or "\0" in line or len(line) > limits.max_header_length:
            continue
        try:
            key = header_name(name)
        except SipError:
            continue
        if key in _NEEDED and not (key in SINGLE and key in headers):
            headers.setdefault(key, []).append(value.strip(" \t"))
    vias = [value for each in headers.get("via", ()) for value in split_list(each)]
    top = _readable_via(vias[0]) if vias else None
    if top is None:
        return None
    headers["via"] = [str(top), *(each for each in vias[1:] if Via.salvage(each) is not None)]
    return Request(start[1], start[2].rpartition(" ")[0].strip(" "), headers)


def _readable_via(value: str) -> Via | None:
    try:
        return Via.parse(value)
    except SipError:
        return Via.salvage(value)
