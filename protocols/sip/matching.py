"""Which requests are the same one: by branch (RFC 3261 s17.2.3), or as copies that took different ways (s8.2.2.2)."""

from __future__ import annotations

from protocols.sip.message import Request


def transaction_key(request: Request) -> str:
    """What repeats of a request have in common (s17.2.3), an ACK having its INVITE's.

    A branch without the magic cookie, as some peers still send, is matched as RFC 2543 did.
    """
    via = request.via
    method = "INVITE" if request.method == "ACK" else request.method
    if via.is_rfc3261:
        return f"{via.branch} {via.sent_by} {method}"
    number = request.cseq.number
    return f"{request.call_id} {request.from_.tag} {number} {request.uri} {via.sent_by} {via.branch} {method}"


def merge_identity(request: Request) -> str:
    """What the copies of a request that took different ways have in common (s8.2.2.2)."""
    identity = request.identity
    if identity is None:
        identity = f"{request.call_id}\n{request.from_.tag}\n{request.cseq.number}{request.method}"
        request.identity = identity
    return identity
