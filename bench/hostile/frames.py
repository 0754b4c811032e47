"""SIP and MSRP as the bench's peers write it: templates, nothing of the product's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Final

Address = tuple[str, int]
RUN: Final = secrets.token_hex(3)
"""In every id of this process, so that no two processes make the same ones."""


def sip_request(
    method: str,
    ruri: str,
    source: Address,
    number: int,
    *,
    user: str = "mallory",
    transport: str = "UDP",
    to: str = "",
    tag: str = "",
    call_id: str = "",
    cseq: int = 1,
    headers: Sequence[str] = (),
    body: bytes = b"",
) -> bytes:
    """A request of ``user`` at ``source``; ``number`` is what its ids are made of."""
    host, port = source
    lines = [
        f"{method} {ruri} SIP/2.0",
        f"Via: SIP/2.0/{transport} {host}:{port};branch=z9hG4bK{RUN}{method[0]}{number:x};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{host}:{port}>;tag={tag or f'{RUN}{number:x}'}",
        f"To: {to or f'<{ruri}>'}",
        f"Call-ID: {call_id or f'{RUN}-{number:x}'}",
        f"CSeq: {cseq} {method}",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def message(ruri: str, source: Address, number: int, *, user: str = "mallory", text: bytes = b"hello") -> bytes:
    """A MESSAGE with plain text."""
    return sip_request("MESSAGE", ruri, source, number, user=user, headers=["Content-Type: text/plain"], body=text)


def invite(ruri: str, source: Address, number: int, path: str, *, user: str = "mallory") -> bytes:
    """An INVITE that offers an MSRP session whose active side is ours."""
    host, port = source
    headers = [f"Contact: <sip:{user}@{host}:{port}>", "Content-Type: application/sdp"]
    return sip_request("INVITE", ruri, source, number, user=user, headers=headers, body=sdp(host, path, "active"))


def sip_response(request: bytes, code: int, *, contact: str = "", body: bytes = b"") -> bytes:
    """An answer to a request of the gateway's."""
    head = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    kept = [line for line in head[1:] if line.partition(":")[0].lower() in ("via", "from", "call-id", "cseq")]
    (to,) = (line for line in head[1:] if line.lower().startswith("to:"))
    lines = [f"SIP/2.0 {code} Whatever", *kept, to if ";tag=" in to else f"{to};tag={RUN}"]
    if contact:
        lines.append(f"Contact: <{contact}>")
    if body:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


def header(raw: bytes, name: str) -> str:
    """The value of the first header field of this name in full; empty where there is none."""
    found = re.search(rb"\r\n" + name.encode() + rb"[ \t]*:[ \t]*([^\r\n]*)", raw, re.IGNORECASE)
    return found[1].decode("latin-1") if found else ""


def status(raw: bytes) -> int:
    """The code of a SIP response, 0 of a request."""
    return int(raw[8:11]) if raw.startswith(b"SIP/2.0 ") else 0


def sdp(host: str, path: str, setup: str) -> bytes:
    """A description of one MSRP session."""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        "m=message 2855 TCP/MSRP *",
        "a=accept-types:*",
        f"a=path:{path}",
        f"a=setup:{setup}",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def path_in(description: bytes) -> str:
    """The path that a description names."""
    return description.partition(b"a=path:")[2].partition(b"\r\n")[0].decode()


def msrp_send(
    to_path: str, from_path: str, tid: str, body: bytes | None = None, *, total: int | None = None, end: bool = True
) -> bytes:
    """A SEND; without a body the one that binds a connection, without its ``end`` a chunk that stays open."""
    if body is None:
        content, length = b"", 0
    else:
        content, length = b"Content-Type: text/plain\r\n\r\n" + body, len(body) if total is None else total
    head = (
        f"MSRP {tid} SEND\r\nTo-Path: {to_path}\r\nFrom-Path: {from_path}\r\nMessage-ID: {tid}\r\n"
        f"Byte-Range: 1-{length}/{length}\r\n"
    ).encode()
    if not end:
        return head + content
    return head + content + (b"\r\n" if body is not None else b"") + f"-------{tid}$\r\n".encode()


_FRAME: Final = re.compile(rb"MSRP (\S+) ([^\r\n]+)\r\nTo-Path: ([^\r\n]+)\r\nFrom-Path: ([^\r\n]+)\r\n")


def msrp_answers(data: bytearray) -> bytes:
    """200s to the whole SENDs that ``data`` begins with; what was read is removed from it."""
    answers = b""
    while found := _FRAME.match(data):
        tid, what, to, own = found.groups()
        end = data.find(b"-------" + tid, found.end())
        if end < 0 or len(data) < end + 7 + len(tid) + 3:
            break
        del data[: end + 7 + len(tid) + 3]
        if what == b"SEND":
            answers += b"MSRP %b 200 OK\r\nTo-Path: %b\r\nFrom-Path: %b\r\n-------%b$\r\n" % (tid, own, to, tid)
    return answers
