"""COPY lines of messages and of steps in a session's life: the forms of :mod:`columns`, by hand for speed.

A test holds these lines against ``columns.row``.
"""

from __future__ import annotations

from functools import lru_cache, partial

from protocols.entropy import source
from protocols.remembered import Remembered
from sessions_app.cause import NO_CAUSE, Cause
from sessions_app.store.copy_text import NULL, moment, octets, text


@lru_cache(maxsize=256)
def _millisecond(at: int) -> str:
    return f"{moment(at // 1000)[:19]}.{at % 1000:03d}"


_DIGITS = [f"{number:03d}+00" for number in range(1000)]


def when(at: float) -> str:
    """A timestamptz from seconds since 1970; most of it is the same for all messages of a millisecond."""
    microseconds = int(at * 1e6)
    milliseconds = microseconds // 1000
    return _millisecond(milliseconds) + _DIGITS[microseconds - milliseconds * 1000]


class Ids:
    """Ids of one thread, each larger than the one before: 48 bits of milliseconds, then a count within them.

    They are UUIDs (RFC 9562 s5.7, version 7, method 1).
    """

    __slots__ = ("_count", "_head", "_stamp")

    def __init__(self) -> None:
        self._stamp = 0
        self._head = ""
        self._count = 0

    def next(self, at: float) -> str:
        """One for a row of this moment, seconds since 1970."""
        stamp = int(at * 1000)
        if stamp > self._stamp:
            self._begin(stamp)
        else:  # the same millisecond, or a clock that went back
            self._count += 1
            if self._count > 0xFFF:
                self._begin(self._stamp + 1)
        rest = _random()
        return f"{self._head}{self._count:03x}-{_VARIANT[rest[0]]}{rest[1:4]}-{rest[4:]}"

    def _begin(self, stamp: int) -> None:
        self._stamp = stamp
        self._count = 0
        high = f"{stamp:012x}"
        self._head = f"{high[:8]}-{high[8:]}-7"

    def follow(self, identity: str) -> None:
        """The next ones are larger than this one, of whatever process."""
        stamp = int(identity.replace("-", "")[:12], 16)
        if stamp >= self._stamp:
            self._begin(stamp)
            self._count = 0xFFF


_VARIANT = {digit: "89ab"[number & 3] for number, digit in enumerate("0123456789abcdef")}
_random = source(16)
_ids = Ids()


def new_id(at: float) -> str:
    """An id of the event loop's: rows made later have larger ones, so they are also an order."""
    return _ids.next(at)


def follow(identity: str) -> None:
    """New ids are larger than this one of an earlier process, though the clock may have gone back since."""
    _ids.follow(identity)


def head(session: str, direction: str) -> str:
    """The columns that stay the same for one way of a session; goes into :func:`message`."""
    return f"{session}\t{direction}\t"


def parties(from_uri: str, to_uri: str) -> str:
    """The two URIs; goes into :func:`message`."""
    return f"{text(from_uri, 512)}\t{text(to_uri, 512)}\t"


_types = Remembered(partial(text, limit=255), most=1024, longest=255)
"""Content types, of which there are few."""

NOTHING_FAILED = f"\t\t{NULL}\t\t\t"
"""The columns of the cause where there is none: side, layer, code, what it was lost with, detail."""


def failure(cause: Cause) -> str:
    """The same of one."""
    code = NULL if cause.code is None else cause.code
    return f"{cause.side}\t{text(cause.layer, 16)}\t{code}\t{cause.lost_with}\t{text(cause.text, 255)}\t"


NOTHING_MORE = f"\t\t\t\t{NULL}\n"
"""The last columns of a message that asked for nothing: subject, IMDN Message-ID, notify, confirmation, expiry."""


def more(subject: str, imdn_id: str, notify: str, confirmation: str, expires_at: float | None) -> str:
    """The last columns of a message that asked for something; goes into :func:`message`."""
    return (
        f"{text(subject, 255)}\t{text(imdn_id, 128)}\t{text(notify, 64)}\t{text(confirmation, 64)}\t"
        f"{when(expires_at) if expires_at is not None else NULL}\n"
    )


def message(
    identity: str,
    start: str,
    state: str,
    uris: str,
    call_id: str,
    message_id: str,
    content_type: str,
    size: int,
    body: bytes | None,
    received_at: float,
    finished_at: float | None,
    sip_code: int | None,
    msrp_code: int | None,
    cause: Cause,
    sha256: bytes,
    rest: str = NOTHING_MORE,
) -> str:
    """A whole row."""
    return (
        f"{identity}\t{start}{state}\t{uris}{text(call_id, 255)}\t{text(message_id, 128)}\t{_types[content_type]}\t"
        f"{size}\t{octets(body)}\t{when(received_at)}\t{when(finished_at) if finished_at is not None else NULL}\t"
        f"{sip_code if sip_code is not None else NULL}\t{msrp_code if msrp_code is not None else NULL}\t"
        f"{NOTHING_FAILED if cause is NO_CAUSE else failure(cause)}\\\\x{sha256.hex()}\t{rest}"
    )


def event(session: str, at: float, kind: str, detail: str) -> str:
    """A step in a session's life."""
    return f"{session}\t{when(at)}\t{kind}\t{text(detail, 255)}\n"


def outcome(
    identity: str,
    state: str,
    finished_at: float,
    sip_code: int | None,
    msrp_code: int | None,
    cause: Cause,
    confirmation: str = "",
) -> str:
    """What became of a message whose row is there."""
    return (
        f"{identity}\t{state}\t{when(finished_at)}\t{sip_code if sip_code is not None else NULL}\t"
        f"{msrp_code if msrp_code is not None else NULL}\t"
        f"{NOTHING_FAILED if cause is NO_CAUSE else failure(cause)}{text(confirmation, 64)}\n"
    )
