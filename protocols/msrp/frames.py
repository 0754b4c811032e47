"""What a parsed MSRP frame is: a request (one chunk) or a response. No behaviour lives here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class MsrpRequest:
    """One request as it stood on the wire (RFC 4975 s9).

    A chunk of a SEND is one such request. ``body`` is None when the request has none, which is not the same as an
    empty body (RFC 4975 s7.1, RULEBOOK S20).
    """

    tid: str
    """Transaction id, as in the start line and the end-line."""
    method: str
    """Method name as received: SEND, REPORT or another."""
    to_path: str
    """Value of To-Path, '' when the header is missing."""
    from_path: str
    """Value of From-Path, '' when the header is missing."""
    headers: dict[str, str] = field(default_factory=dict)
    """All headers in order of arrival, names in lower case; the first of a repeated one is kept."""
    body: bytes | None = None
    """The payload of this chunk, None when there is none."""
    flag: str = "$"
    """Continuation flag: '$' last chunk, '+' more follow, '#' message aborted."""
    fault: str | None = None
    """Why the request is unintelligible (answer 400), None when it is not."""
    oversize: bool = False
    """True when the body was larger than allowed and was thrown away (answer 413)."""


@dataclass(slots=True)
class MsrpResponse:
    """One transaction response as it stood on the wire (RFC 4975 s7.2)."""

    tid: str
    """Transaction id of the request that is answered."""
    code: int
    """Three-digit status, 0 when it could not be read."""
    comment: str
    """The text after the code, '' when there is none."""
    to_path: str = ""
    """Value of To-Path."""
    from_path: str = ""
    """Value of From-Path."""


Frame = MsrpRequest | MsrpResponse
