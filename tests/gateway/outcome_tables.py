"""The tables of docs/delivery.md: what is promised when, and what each code of one side becomes on the other.

The first are the code's own, the second come from the gateway's bytes.

``python -m tests.gateway.outcome_tables`` writes them into the page; a test runs the same and compares.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")

if __name__ == "__main__":
    import django

    django.setup()

from sessions_app.gateway.duplicates import OF_EARLIER_PROCESS
from sessions_app.gateway.life import PROMISES, TRANSITIONS
from tests.gateway.rig import PAGE, Rig

PAGE_FILE = Path(__file__).resolve().parents[2] / "docs" / "delivery.md"
BEGIN, END = "<!-- outcomes: made by a test run -->", "<!-- end of outcomes -->"
LIFE_BEGIN, LIFE_END = "<!-- life: the tables of sessions_app/gateway/life.py -->", "<!-- end of life -->"

SIP_CODES = (
    300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 414, 415, 416, 417, 420, 421,
    422, 423, 424, 428, 429, 433, 436, 437, 438, 439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489,
    491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608,
)  # fmt: skip
"""Every final refusal registered for SIP."""
MSRP_CODES = (400, 403, 408, 413, 415, 423, 481, 501, 506)
"""Every refusal of RFC 4975 s10 and RFC 4976."""
NOTHING = "nothing"


def _first_lines(data: bytes, start: bytes) -> list[bytes]:
    return [b"MSRP " + frame for frame in data.split(b"MSRP ")[1:] if start in frame]


def _answer_to_message(rig: Rig) -> str:
    """The start line and the telling headers of the answer that the waiting MESSAGE got."""
    for data, _ in rig.flow.sent:
        if data.startswith(b"SIP/2.0 ") and not data.startswith(b"SIP/2.0 100") and b" MESSAGE\r\n" in data:
            lines = data.decode().split("\r\n")
            kept = [line for line in lines[1:] if line.startswith(("Retry-After:", "Accept:"))]
            return "; ".join([lines[0].removeprefix("SIP/2.0 "), *kept])
    return NOTHING


def invite_refused() -> Iterable[tuple[int, str]]:
    """The INVITE of a set-up is refused: the answer to the MESSAGE that waits for it."""
    for code in SIP_CODES:
        rig = Rig()
        rig.message()
        rig.answer(rig.flow.take("INVITE"), code, "Refused")
        yield code, _answer_to_message(rig)


def send_refused() -> Iterable[tuple[object, str]]:
    """A SEND is answered so: the answer to its MESSAGE."""
    for code in (200, *MSRP_CODES, 499):
        rig = Rig()
        connection, _ = rig.live()
        rig.message("second")
        (send,) = _first_lines(connection.take_output(rig.now), b" SEND\r\n")
        tid = send.split(b" ")[1]
        to, own = (line.partition(b": ")[2] for line in send.split(b"\r\n")[1:3])
        data = b"MSRP %s %d x\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (tid, code, own, to, tid)
        rig.gateway.msrp_side.handle(connection.receive(data, rig.now))
        yield code, _answer_to_message(rig)
    rig = Rig(answer_wait=25.0)
    connection, _ = rig.live()
    rig.message("second")
    connection.take_output(rig.now)
    rig.advance(31)
    rig.store.commit()
    yield "no answer in 30 s", _answer_to_message(rig)


def message_answered(*, late: bool) -> Iterable[tuple[object, str]]:
    """A MESSAGE is answered so: what the sender of the SEND hears. ``late``: after the SEND was kept."""
    for code in (200, 202, *SIP_CODES, "no answer in 32 s"):
        rig = Rig()
        rig.advance(OF_EARLIER_PROCESS + 1, step=10)  # sooner 482 says less
        connection, path = rig.live()
        connection.take_output(rig.now)
        peer = b"msrp://127.0.0.1:2900/abcdefghij;tcp"
        send = (
            b"MSRP a1b2c3d4 SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: M%s\r\nByte-Range: 1-5/5\r\n"
            b"Success-Report: yes\r\nContent-Type: text/plain\r\n\r\nhello\r\n-------a1b2c3d4$\r\n"
            % (path, peer, str(code).encode().replace(b" ", b""))
        )
        rig.gateway.msrp_side.handle(connection.receive(send, rig.now))
        message = rig.flow.take("MESSAGE")
        if late:
            rig.advance(0.3)
            rig.store.commit()
        if isinstance(code, int):
            rig.answer(message, code, "x", source=PAGE)
        else:
            rig.advance(33)
        rig.store.commit()
        out = connection.take_output(rig.now)
        heard = [frame.split(b"\r\n", 1)[0].split(b" ", 2)[2].decode() for frame in _first_lines(out, b"a1b2c3d4 ")]
        for frame in _first_lines(out, b" REPORT\r\n"):
            status = frame.partition(b"Status: ")[2].partition(b"\r\n")[0].decode()
            heard.append(f"REPORT {status}")
        yield code, ", ".join(heard) or NOTHING


def report_received() -> Iterable[tuple[int, str]]:
    """A REPORT of the MSRP peer behind a relay, before the MESSAGE has its answer."""
    for code in (200, *MSRP_CODES):
        rig = Rig()
        rig.message("first")
        invite = rig.flow.take("INVITE")
        relay = b"msrp://127.0.0.1:2900/relay;tcp msrp://192.0.2.9:2855/abcdefghij;tcp"
        rig.accept(invite, relay.decode())
        connection = rig.connect()
        (send,) = _first_lines(connection.take_output(rig.now), b" SEND\r\n")
        tid = send.split(b" ")[1]
        ours = invite.body.partition(b"a=path:")[2].partition(b"\r\n")[0]
        identity = send.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]
        ok = b"MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n" % (tid, ours, relay.split()[0], tid)
        report = (
            b"MSRP r1r2r3r4 REPORT\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: %s\r\nByte-Range: 1-5/5\r\n"
            b"Status: 000 %d x\r\n-------r1r2r3r4$\r\n" % (ours, relay, identity, code)
        )
        rig.gateway.msrp_side.handle(connection.receive(ok + report, rig.now))
        yield code, _answer_to_message(rig)


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    """A table in which neighbours that fare alike share a row."""
    grouped: dict[tuple[object, ...], list[str]] = {}
    for first, *rest in rows:
        grouped.setdefault(tuple(rest), []).append(str(first))
    lines = [f"### {title}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [f"| {', '.join(codes)} | " + " | ".join(f"`{each}`" for each in rest) + " |"
              for rest, codes in grouped.items()]  # fmt: skip
    return [*lines, ""]


def tables() -> str:
    """All of them, as they stand in the page."""
    prompt, late = dict(message_answered(late=False)), dict(message_answered(late=True))
    lines = [
        BEGIN,
        "",
        *_table("Our INVITE is refused", ("INVITE", "answer to each waiting MESSAGE"), invite_refused()),
        *_table("A SEND is answered", ("MSRP", "answer to its MESSAGE"), send_refused()),
        *_table("A REPORT comes from behind a relay", ("Status 000", "answer to its MESSAGE"), report_received()),
        *_table(
            "A MESSAGE is answered",
            ("SIP", "within 50 ms: to the SEND, Success-Report: yes", "later: to the SEND, then"),
            [(code, prompt[code], late[code]) for code in prompt],
        ),
        END,
    ]
    return "\n".join(lines)


def life_tables() -> str:
    """What has been promised in each state, and what leads from one to another, as the code has it."""
    states = [
        "| state | sender on the message side | sender on the MSRP side | in the database | after a crash |",
        "|---|---|---|---|---|",
        *(f"| *{state.value}* | " + " | ".join(promise) + " |" for state, promise in PROMISES.items()),
    ]
    steps = [
        "| in | happens | becomes |",
        "|---|---|---|",
        *(f"| *{before.value}* | {event.value} | *{after.value}* |" for (before, event), after in TRANSITIONS.items()),
    ]
    return "\n".join([LIFE_BEGIN, "", *states, "", *steps, "", LIFE_END])


def standing(begin: str, end: str) -> str:
    """What stands in the page between these two marks, both included."""
    text = PAGE_FILE.read_text()
    return text[text.index(begin) : text.index(end) + len(end)]


def main() -> None:
    """Write them into the page."""
    for begin, end, made in ((BEGIN, END, tables()), (LIFE_BEGIN, LIFE_END, life_tables())):
        PAGE_FILE.write_text(PAGE_FILE.read_text().replace(standing(begin, end), made))


if __name__ == "__main__":
    sys.exit(main())
