"""Made-up records in any number, for trying the pages out: written by COPY, oldest first, as the gateway would.

Times are spread over days with a quiet night; a share of sessions fails for causes that real peers have.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sessions_app.cause import Cause, Side
from sessions_app.store import columns
from sessions_app.store.message_rows import NOTHING_FAILED, event, failure, new_id

CHUNK: Final = 5000
"""Sessions of one transaction."""

NAMES: Final = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "olivia", "peggy")
SYLLABLES: Final = tuple(f"{first}{second}" for first in "bdfghklmnprstvw" for second in "aeiou")
TRUNKS: Final = [f"192.0.2.{number}" for number in range(10, 26)]
MSRP_HOSTS: Final = ["rcs.example.net", "ims.example.org", "chat.example.com", "support.example.net"]
NODES: Final = ["gateway-1", "gateway-2"]
FAILURES: Final[list[tuple[int | None, str | None, str, str, int]]] = [
    (486, "Busy Here", "sip", "486 Busy Here", 480),
    (404, "Not Found", "sip", "404 Not Found", 404),
    (488, "Not Acceptable Here", "sip", "488 Not Acceptable Here", 480),
    (None, None, "timer", "no answer in 40 s", 480),
    (None, None, "tcp", "connection refused", 500),
    (None, None, "dns", "Name or service not known", 500),
    (503, "Service Unavailable", "sip", "503 Service Unavailable", 500),
]
UNDELIVERED: Final = [
    ("to_msrp", 480, None, Cause(Side.MSRP, "timeout", "no answer in 30 s")),
    ("to_msrp", 480, 481, Cause(Side.MSRP, "response", "481", 481)),
    ("to_msrp", 415, 415, Cause(Side.MSRP, "response", "415", 415)),
    ("to_page", 486, 403, Cause(Side.MESSAGE, "sip", "486 Busy Here", 486)),
    ("to_page", None, 408, Cause(Side.MESSAGE, "timer", "no answer in 32 s")),
    ("to_page", 404, 403, Cause(Side.MESSAGE, "sip", "404 Not Found", 404)),
]
BODY: Final = b"Good morning, is the parcel there?"


class Batch:
    """COPY lines of a chunk of sessions and of what hangs on them."""

    def __init__(self) -> None:
        self.sessions: list[str] = []
        self.messages: list[str] = []
        self.failures: list[str] = []
        self.events: list[str] = []
        self.frames: list[str] = []


def batches(sessions: int, messages: int, days: float, now: datetime, seed: int = 1) -> Iterator[Batch]:
    """All of it, chunk by chunk; about ``messages`` messages over ``sessions`` sessions."""
    dice = random.Random(seed)
    each = messages / sessions if sessions else 0
    end = now.timestamp()
    start = end - days * 86400
    batch = Batch()
    for number in range(sessions):
        at = _daytime(start + (end - start) * (number + dice.random()) / sessions)
        count = int(dice.expovariate(1 / each) + 0.5) if each else 0
        _session(batch, dice, number, at, count, end, live=number >= sessions - max(1, sessions // 1000))
        if len(batch.sessions) >= CHUNK:
            yield batch
            batch = Batch()
    if batch.sessions:
        yield batch


BUSIEST: Final = "busiest"
"""Route of the session that has more messages than any other, for finding it."""


def busiest(messages: int, now: datetime, seed: int = 2) -> Batch:
    """One live session of a day with so many messages, and the frames of each tenth: as large as a page may meet."""
    dice = random.Random(seed)
    batch, end = Batch(), now.timestamp()
    identity = _session(batch, dice, 0, end - 86400, messages, end, live=True, route=BUSIEST)
    for place in range(messages // 20):
        at = end - 86400 + 86400 * (place + 1) / (messages // 20 + 1)
        batch.frames += [_frame(identity, at, "in", place), _frame(identity, at + 0.004, "out", place)]
    return batch


def _frame(session: str, at: float, direction: str, place: int) -> str:
    ours, theirs = "msrp://192.0.2.1:2855/ours;tcp", "msrp://192.0.2.30:2855/theirs;tcp"
    if direction == "in":
        about = (
            f"To-Path: {ours}\r\nFrom-Path: {theirs}\r\nMessage-ID: {place}\r\nByte-Range: 1-{len(BODY)}/{len(BODY)}"
        )
        content = f"Content-Type: text/plain\r\n\r\n{'x' * len(BODY)}"
        frame = f"MSRP t{place} SEND\r\n{about}\r\n{content}\r\n-------t{place}$\r\n"
    else:
        frame = f"MSRP t{place} 200 OK\r\nTo-Path: {theirs}\r\nFrom-Path: {ours}\r\n-------t{place}$\r\n"
    values = {"session_id": session, "at": at, "leg": "msrp", "direction": direction, "protocol": "msrp"}
    ends = ("192.0.2.30:2855", "192.0.2.1:2855")
    values |= {"transport": "tcp", "data": frame.encode(), "masked": "t" if direction == "in" else "f"}
    values |= dict(zip(("source", "destination"), ends if direction == "in" else ends[::-1], strict=True))
    return columns.row(columns.TRACE_FRAME, values)


def _surname(dice: random.Random) -> str:
    """One of some thousands: a dozen names would make every part of a name a frequent one."""
    return "".join(dice.choice(SYLLABLES) for _ in range(3))


def _daytime(at: float) -> float:
    """Pull times of the night towards the day."""
    hour = (at % 86400) / 3600
    return at + 3600 * 2.5 * math.sin((hour - 4) / 24 * 2 * math.pi)


def _session(
    batch: Batch,
    dice: random.Random,
    number: int,
    at: float,
    count: int,
    end: float,
    *,
    live: bool,
    route: str = "",
) -> str:
    at = min(at, end - 1)
    name, host = f"{dice.choice(NAMES)}.{_surname(dice)}", dice.choice(MSRP_HOSTS)
    page = f"sip:+49{30_000_000 + number % 9_000_000}@carrier.example"
    rich = f"sip:{name}{number % 100}@{host}"
    by_message = dice.random() < 0.7
    failed = not live and dice.random() < 0.02
    identity = new_id(at)
    from_uri, to_uri = (page, rich) if by_message else (rich, page)
    node = NODES[dice.random() < 0.3]
    lasted = dice.expovariate(1 / 900)
    ended = None if live else min(end, at + (dice.random() * 40 if failed else lasted))
    tally = {"to_msrp": 0, "to_page": 0, "undelivered": 0}
    finish = end if ended is None else ended
    if not failed:
        for place in range(count):
            _message(batch, dice, tally, identity, at + (finish - at) * (place + 1) / (count + 1), page, rich)
    token = f"{dice.getrandbits(64):016x}"
    values: dict[str, Any] = {
        "id": identity,
        "key": " ".join(sorted((page, rich))),
        "bucket": number & 1023,
        "node": node,
        "state": "live" if live else "failed" if failed else "ended",
        "initiator": "message" if by_message else "msrp",
        "from_uri": from_uri,
        "to_uri": to_uri,
        "ruri": to_uri,
        "source": dice.choice(TRUNKS),
        "route": route or ("MESSAGE to MSRP" if by_message else "INVITE from MSRP"),
        "call_id": f"{token}@{node}",
        "dialog": {},
        "local_path": f"msrp://192.0.2.1:2855/{dice.getrandbits(80):020x};tcp",
        "peer_path": "" if failed else f"msrp://{host}:2855/{dice.getrandbits(80):020x};tcp",
        "content_types": "text/plain",
        "peer_types": "*",
        "next_hop": "",
        "back_hop": "",
        **tally,
        "created_at": at,
        "established_at": None if failed else min(finish, at + 0.08),
        "last_message_at": finish,
        "last_send_at": finish,
        "ended_at": ended,
        "end_reason": "",
    }
    batch.events.append(event(identity, at, "invite_sent" if by_message else "invite_received", "udp 192.0.2.7:5060"))
    if failed:
        code, reason, layer, detail, answered = dice.choice(FAILURES)
        values["end_reason"] = f"msrp side, {layer}: {detail}"
        batch.events.append(event(identity, finish, "failed", values["end_reason"]))
        failure = {
            "id": new_id(at),
            "session_id": identity,
            "key": values["key"],
            "from_uri": from_uri,
            "to_uri": to_uri,
            "ruri": to_uri,
            "code": code,
            "reason": reason,
            "leg": "msrp",
            "layer": layer,
            "detail": detail,
            "answered": answered,
            "waiting": min(count, 3),
            "node": node,
            "created_at": finish,
        }
        batch.failures.append(columns.row(columns.SETUP_FAILURE, failure))
    else:
        batch.events.append(event(identity, values["established_at"], "live", ""))
        if ended is not None:
            values["end_reason"] = "BYE from the MSRP side"
            batch.events.append(event(identity, ended, "ended", values["end_reason"]))
    batch.sessions.append(columns.row(columns.SESSION, values))
    return identity


_BODY_LINE: Final = columns.MESSAGE["body"](BODY)
_HASH_LINE: Final = columns.MESSAGE["sha256"](bytes(32))


def _message(
    batch: Batch, dice: random.Random, tally: dict[str, int], session: str, at: float, page: str, rich: str
) -> None:
    direction = "to_msrp" if dice.random() < 0.55 else "to_page"
    state, sip, msrp, failed, body = "delivered", "200", "200", NOTHING_FAILED, "\\N"
    took = dice.lognormvariate(-3.6, 0.7)
    if dice.random() < 0.012:
        direction, sip_code, msrp_code, cause = dice.choice(UNDELIVERED)
        failed = failure(cause)
        sip, msrp = _number(sip_code), _number(msrp_code)
        state, body, took = "failed", _BODY_LINE, 0.2 + dice.random() * 30
        tally["undelivered"] += 1
    else:
        tally[direction] += 1
    parties = f"{page}\t{rich}" if direction == "to_msrp" else f"{rich}\t{page}"
    token = f"{dice.getrandbits(96):024x}"
    # In the order of columns.MESSAGE, by hand: millions of these are made.
    batch.messages.append(
        f"{new_id(at)}\t{session}\t{direction}\t{state}\t{parties}\t{token}\t{token[::-1]}\ttext/plain\t{len(BODY)}\t{body}\t"
        f"{_when(at)}\t{_when(at + took)}\t{sip}\t{msrp}\t{failed}{_HASH_LINE}\t\t\t\t\t\\N\n"
    )


@lru_cache(4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _when(at: float) -> str:
    """A timestamptz; the gateway's own way remembers milliseconds, and here hardly two messages have the same."""
    seconds = int(at)
    return f"{_second(seconds)}.{int((at - seconds) * 1e6):06d}+00"


def _number(value: int | None) -> str:
    return "\\N" if value is None else str(value)


def traffic(
    start: datetime, end: datetime, a_minute: float, write: Callable[[list[tuple[Any, ...]]], object], seed: int = 1
) -> None:
    """Minutes of traffic for the dashboard's charts, as rows of (node, minute, counters ...)."""
    dice = random.Random(seed)
    rows: list[tuple[Any, ...]] = []
    minute = int(start.timestamp()) // 60 * 60
    while minute < end.timestamp():
        day = 1 + 0.8 * math.sin(((minute % 86400) / 3600 - 9) / 24 * 2 * math.pi)
        for node, share in zip(NODES, (0.7, 0.3), strict=True):
            number = a_minute * day * share * (0.85 + 0.3 * dice.random())
            latency = [int(number * part) for part in (0.05, 0.2, 0.4, 0.2, 0.1, 0.03, 0.01, 0.005, 0.004, 0.001, 0, 0)]
            rows.append(
                (
                    node,
                    datetime.fromtimestamp(minute, UTC),
                    int(number * 0.55),
                    int(number * 0.45),
                    int(number * 0.012),
                    int(number * 0.1),
                    int(number * 0.002 + dice.random()),
                    latency,
                    int(number * 0.02),
                    int(a_minute * day * share * 0.3),
                    0.001 + 0.004 * dice.random(),
                )
            )
        minute += 60
    write(rows)
