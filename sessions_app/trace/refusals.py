"""Requests that were refused before there was a session: their rows, and the frames that tell the story.

A MESSAGE that no route takes, one of a type that is not carried, an INVITE from a stranger: such a request is answered
at once and leaves no session. It is seen here by its answer, and becomes a set-up failure without a session, whose id
its frames have in place of a session's.

Nobody may fill the tables by being refused: RATE rows a second on average, and one a minute for the same source and
code. What is over that is only counted (``parley_trace_lost_total``).
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sessions_app.store import columns
from sessions_app.store.message_rows import Ids
from sessions_app.store.transaction import FAILURE_TABLE, copy
from sessions_app.trace.frames import Frame, Splitter, name_of
from sessions_app.trace.tape import Link

RATE: Final = 0.5
"""Rows a second."""
BURST: Final = 20.0
"""Rows at once."""
AGAIN: Final = 60.0
"""Seconds in which a source is not told of again for the same code."""
GRACE: Final = 3.0
"""Seconds in which the row of a message that has one comes to the database."""
MOST: Final = 50_000
"""Sources, and Call-IDs of those that have a row, that are remembered."""
_NO_FAULT: Final = frozenset({401, 407, 481, 482, 487, 491})
"""What is part of a healthy exchange."""
_BAD: Final = b"3456"
_METHOD: Final = re.compile(rb"\ncseq[ \t]*:[ \t]*\d+[ \t]+(MESSAGE|INVITE)\b", re.IGNORECASE)
_NAMED: Final = re.compile(rb"<([^>\r\n]*)>")
_BARE: Final = re.compile(rb":[ \t]*([^;\s]+)")
_FROM: Final = re.compile(rb"\n(?:from|f)[ \t]*(:[^\r\n]*)", re.IGNORECASE)
_TO: Final = re.compile(rb"\n(?:to|t)[ \t]*(:[^\r\n]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refused:
    """A request and our answer."""

    request: Frame
    answer: Frame
    code: int
    reason: str
    from_uri: str
    to_uri: str
    ruri: str
    known: bool
    """Whether its source is a peer."""

    @property
    def leg(self) -> str:
        """The side that it came from, as the ladder has it."""
        return "msrp" if self.request.data.startswith(b"INVITE") else "message"

    def row(self, node: str, identity: str) -> dict[str, Any]:
        """Its set-up failure."""
        method = self.request.data.split(b" ", 1)[0].decode("ascii", "replace")
        answer = f"{self.code} {self.reason}".strip()
        return {
            "id": identity,
            "session_id": None,
            "key": "",
            "from_uri": self.from_uri[:512],
            "to_uri": self.to_uri[:512],
            "ruri": self.ruri[:512],
            "code": None,
            "reason": None,
            "leg": "gateway",
            "layer": "refusal" if self.known else "stranger",
            "detail": f"{answer} to {method} from {self.request.remote[0]}"[:255],
            "answered": self.code,
            "waiting": 0,
            "node": node,
            "created_at": self.request.at,
        }


class Refusals:
    """Belongs to the tracer's thread.

    ``trusts`` says whether an address is a peer's; ``lost`` is told what is not kept, and how much of it.
    """

    def __init__(self, trusts: Callable[[str], bool], lost: Callable[[str, int], object]) -> None:
        self._trusts = trusts
        self._lost = lost
        self._tokens = BURST
        self._at = 0.0
        self._told: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._on_record: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[Refused] = []
        self._failures: deque[dict[str, Any]] = deque(maxlen=100)

    def failed(self, rows: Iterable[dict[str, Any]]) -> None:
        """Set-ups that failed before they had a session, of which the gateway itself has made a row."""
        self._failures.extend(rows)

    def row_of(self, refused: Refused) -> str | None:
        """The id of that row, if this one has it."""
        for row in self._failures:
            if (row["answered"], row["from_uri"]) == (refused.code, refused.from_uri) and (
                abs(row["created_at"] - refused.answer.at) < 1.0
            ):
                return str(row["id"])
        return None

    def on_record(self, call_ids: Iterable[str]) -> None:
        """These have a session or a message of their own."""
        for call_id in call_ids:
            self._on_record[call_id] = None
            if len(self._on_record) > MOST:
                self._on_record.popitem(last=False)

    def look(self, fresh: list[Any], recent: Iterable[list[Any]], now: float) -> None:
        """Find refusals among entries of the tape; their requests are among the ``recent`` ones."""
        for at, link, out, data in fresh:
            if not out or link.protocol != "sip":
                continue
            if link.remote is None:
                for datagram, remote in data:
                    if datagram[8:9] in _BAD and datagram[:8] == b"SIP/2.0 ":
                        self._seen(at, link, remote[:2], datagram, recent, now)
            elif data[8:9] in _BAD and data[:8] == b"SIP/2.0 ":
                for frame in Splitter().expand([(at, link, out, data)]):
                    self._seen(at, link, link.remote, frame.data, recent, now)

    def _seen(
        self, at: float, link: Link, remote: tuple[str, int], data: bytes, recent: Iterable[list[Any]], now: float
    ) -> None:
        code = int(data[8:11]) if data[8:11].isdigit() else 0
        source = remote[0], code
        if code in _NO_FAULT or code == 0 or _METHOD.search(data) is None:
            return
        if self._told.get(source, 0.0) > now - AGAIN:
            self._lost("refusals", 1)
            return
        self._tokens = min(BURST, self._tokens + (now - self._at) * RATE)
        self._at = now
        if self._tokens < 1:
            self._lost("refusals", 1)
            return
        request = _request_of(name_of("sip", True, data), link, remote, recent)
        if request is None or b";tag=" in (_TO.search(request.data) or [b"", b""])[1].lower():
            return  # in a dialog, and so in a session
        self._tokens -= 1
        self._told[source] = now
        if len(self._told) > MOST:
            self._told.popitem(last=False)
        line = data.partition(b"\r\n")[0].decode("utf-8", "replace")
        words = request.data.split(b" ", 2)
        self._waiting.append(
            Refused(
                request,
                Frame(at, link, True, remote, data),
                code,
                line[12:],
                _uri(_FROM, request.data),
                _uri(_TO, request.data),
                words[1].decode("utf-8", "replace") if len(words) > 1 else "",
                self._trusts(remote[0]),
            )
        )

    def due(self, now: float) -> list[Refused]:
        """Those that have no row by now."""
        due = [each for each in self._waiting if each.answer.at <= now - GRACE]
        if due:
            self._waiting = [each for each in self._waiting if each.answer.at > now - GRACE]
        alone = [each for each in due if each.request.name not in self._on_record]
        for each in due:
            if each not in alone:  # it has used nothing up
                self._told.pop((each.answer.remote[0], each.code), None)
                self._tokens = min(BURST, self._tokens + 1)
        return alone


def _request_of(call_id: str, link: Link, remote: tuple[str, int], recent: Iterable[list[Any]]) -> Frame | None:
    wanted = call_id.encode("utf-8", "replace")
    for entries in recent:
        for at, other, out, data in entries:
            if out or other != link:
                continue
            if link.remote is None:
                for datagram, source in data:
                    if wanted in datagram and source[:2] == remote:
                        return Frame(at, link, False, remote, datagram)
            elif wanted in data:
                for frame in Splitter().expand([(at, link, False, data)]):
                    if frame.name == call_id:
                        return frame
    return None


def _uri(field: re.Pattern[bytes], data: bytes) -> str:
    found = field.search(data)
    uri = found and (_NAMED.search(found[1]) or _BARE.match(found[1]))
    return uri[1].decode("utf-8", "replace").replace("\0", "") if uri else ""


_ids: Final = Ids()
"""Of the tracer's thread; the event loop has its own."""


def write(connection: Any, refused: Refused, node: str) -> dict[str, Any]:
    """Its row, as it was written."""
    row = refused.row(node, _ids.next(refused.request.at))
    copy(connection, FAILURE_TABLE, columns.SETUP_FAILURE, [columns.row(columns.SETUP_FAILURE, row)])
    return row
