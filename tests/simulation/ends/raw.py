"""The hostile medium: MSRP octets as its owner's manners and the schedule want them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from protocols.msrp.errors import MsrpFramingError
from protocols.msrp.frames import MsrpRequest, MsrpResponse
from protocols.msrp.parser import FrameParser
from tests.simulation.ends.chat import Call, ChatEnd
from tests.simulation.ends.page import MOST_REPLIES, content
from tests.simulation.words import TO_PAGE, Word
from tests.simulation.world import Address, Side

TRICKS: Final = (
    "garbage", "bind again", "bind elsewhere", "wrong path", "unknown session", "repeat", "unknown method",
    "unfinished", "abort", "bad range", "report 200", "report 408", "report 413", "report unknown", "stray answer",
    "forged imdn",
)  # fmt: skip


class Raw:
    """See :class:`tests.simulation.ends.chat.Medium`; ``trick`` does one of :data:`TRICKS`."""

    def __init__(self, end: ChatEnd) -> None:
        self._end = end
        self._sides: list[tuple[Side, FrameParser]] = []
        self._of: dict[str, Side] = {}
        """Own path to the connection that carries it."""
        self._last_in = ("", "")
        """To-Path and Message-ID of the last SEND that came."""
        self._last_out: dict[str, bytes] = {}
        self._replies = 0

    def accept(self, side: Side) -> None:
        """The gateway connects."""
        parser = FrameParser()
        self._sides.append((side, parser))
        side.on_data = lambda data: self._receive(side, parser, data)

    def expect(self, call: Call) -> None:
        """Nothing is prepared."""

    def connect(self, call: Call, path: str = "") -> None:
        """Connect to the gateway and bind, as ``path`` or as the call's own."""
        call.state["connected"] = True
        self._open(call.peer_path, lambda side: self._bind(side, call, path or call.path))

    def _open(self, uri: str, then: Callable[[Side], object]) -> None:
        own: Address = (self._end.msrp[0], 30_000 + next(self._end.number))
        host, _, port = uri.partition("//")[2].partition("/")[0].partition(":")
        if not port.isdigit():
            return

        def opened(side: Side) -> None:
            self.accept(side)
            then(side)

        self._end.world.connect(own, (host, int(port)), opened)

    def _bind(self, side: Side, call: Call, path: str) -> None:
        self._of.setdefault(call.path, side)
        tid, path = self._end.fresh("d"), self._end.whole(path)
        side.write(self._head(tid, call.peer_path, path) + f"Byte-Range: 1-0/0\r\n-------{tid}$\r\n".encode())

    def _head(self, tid: str, to_path: str, path: str, message_id: str = "") -> bytes:
        name = message_id or self._end.fresh("m") + "id"
        return f"MSRP {tid} SEND\r\nTo-Path: {to_path}\r\nFrom-Path: {path}\r\nMessage-ID: {name}\r\n".encode()

    # ----------------------------------------------------------------------------------- in

    def _receive(self, side: Side, parser: FrameParser, data: bytes) -> None:
        try:
            frames = parser.feed(data)
        except MsrpFramingError:
            return
        for frame in frames:
            if isinstance(frame, MsrpResponse) or frame.method != "SEND":
                continue
            self._of[frame.to_path.rpartition(" ")[2]] = side
            self._send_came(side, frame)

    def _send_came(self, side: Side, frame: MsrpRequest) -> None:
        end = self._end
        manners, message_id = end.manners, frame.headers.get("message-id", "")
        self._last_in = frame.to_path, message_id
        own, first = frame.to_path.rpartition(" ")[2], frame.to_path.partition(" ")[0]
        call = next((each for each in end.calls if each.path == own), None)
        if manners.send in ("close", "reset"):
            side.reset() if manners.send == "reset" else side.close()
            return
        if manners.send != "never":
            code = 200 if manners.send == "twice" else int(manners.send)
            for _ in range(2 if manners.send == "twice" else 1):
                side.write(
                    f"MSRP {frame.tid} {code}\r\nTo-Path: {frame.from_path}\r\nFrom-Path: {first}\r\n"
                    f"-------{frame.tid}$\r\n".encode()
                )
        size = len(frame.body or b"")
        if size:
            for report in manners.reports:
                self._report(side, frame.from_path, frame.to_path, message_id, report, size)
        word = end.ledger.word_in(frame.body or b"")
        if manners.machine and word is not None and call is not None and self._replies < MOST_REPLIES:
            self._replies += 1
            self.say(call, "plain", False, "yes")

    def _report(self, side: Side, to_path: str, path: str, message_id: str, what: str, size: int) -> None:
        tid = self._end.fresh("d")
        code = {"half": "200", "unknown": "200"}.get(what, what)
        last = max(1, size // 2) if what == "half" else size
        name = self._end.fresh("never") if what == "unknown" else message_id
        side.write(
            f"MSRP {tid} REPORT\r\nTo-Path: {to_path}\r\nFrom-Path: {path}\r\nMessage-ID: {name}\r\n"
            f"Byte-Range: 1-{last}/{size}\r\nStatus: 000 {code}\r\n-------{tid}$\r\n".encode()
        )

    # ---------------------------------------------------------------------------------- out

    def say(self, call: Call, kind: str, success: bool, failure: str) -> Word | None:
        """A SEND; None where there is no connection for it."""
        end = self._end
        side = self._of.get(call.path)
        if side is None or not side.open:
            return None
        name = end.fresh("imdn") if kind in ("cpim", "wish") else ""
        wants = frozenset({"positive-delivery", "negative-delivery"}) if kind == "wish" else frozenset()
        word = end.ledger.word(
            TO_PAGE, end.uri, call.peer, kind, imdn_id=name if wants else "", wants=wants, loose=True
        )
        about = end.ledger.own_imdn_ids[-1] if kind == "forged imdn" and end.ledger.own_imdn_ids else "nothing"
        content_type, body = content(word, name, about, "delivered")
        tid = end.fresh("d")
        if kind == "large":
            self._in_chunks(side, call, word, success, failure, body)
            return word
        data = self._head(tid, call.peer_path, end.whole(call.path), f"w{end.name}{word.token}id")
        reports = ("Success-Report: yes\r\n" if success else "") + (
            "" if failure == "yes" else f"Failure-Report: {failure}\r\n"
        )
        data += (
            f"Byte-Range: 1-{len(body)}/{len(body)}\r\n{reports}Content-Type: {content_type}\r\n\r\n".encode() + body
        )
        data += f"\r\n-------{tid}$\r\n".encode()
        self._last_out[call.path] = data
        side.write(data)
        return word

    def _in_chunks(self, side: Side, call: Call, word: Word, success: bool, failure: str, body: bytes) -> None:
        """In three chunks, of which the first two are of another size than a sender would choose."""
        end, size = self._end, len(body)
        reports = ("Success-Report: yes\r\n" if success else "") + f"Failure-Report: {failure}\r\n"
        for start, stop, flag in ((0, 70, "+"), (70, 2100, "+"), (2100, size, "$")):
            tid = end.fresh("d")
            head = self._head(tid, call.peer_path, end.whole(call.path), f"w{end.name}{word.token}id")
            about = f"Byte-Range: {start + 1}-*/{size}\r\n{reports}Content-Type: text/plain\r\n\r\n".encode()
            side.write(head + about + body[start:stop] + f"\r\n-------{tid}{flag}\r\n".encode())

    def trick(self, call: Call, what: str) -> None:
        """Something that no honest end does, on the connection of a call."""
        end, side = self._end, self._of.get(call.path)
        peer, own, tid = call.peer_path, call.path, end.fresh("d")
        end_line = f"-------{tid}$\r\n".encode()
        if what == "bind again":
            self._open(peer, lambda other: self._bind(other, call, own))
        elif what == "bind elsewhere":
            self._open(peer, lambda other: self._bind(other, call, end.new_path()))
        elif what == "forged imdn":
            self.say(call, what, False, "yes")
        if side is None:
            return
        if what == "garbage":
            side.write(b"GET / HTTP/1.1\r\n\r\n")
        elif what == "wrong path":
            side.write(self._head(tid, peer, end.new_path()) + b"Byte-Range: 1-0/0\r\n" + end_line)
        elif what == "unknown session":
            side.write(self._head(tid, peer.replace("/", "/0", 3), own) + b"Byte-Range: 1-0/0\r\n" + end_line)
        elif what == "repeat" and own in self._last_out:
            old = self._last_out[own].split(b" ", 2)[1]
            side.write(self._last_out[own].replace(old, tid.encode()))
        elif what == "unknown method":
            side.write(self._head(tid, peer, end.whole(own)).replace(b" SEND", b" NICKNAME") + end_line)
        elif what == "unfinished":
            side.write(
                self._head(tid, peer, end.whole(own))
                + f"Byte-Range: 1-*/10\r\nContent-Type: text/plain\r\n\r\nhalf\r\n-------{tid}+\r\n".encode()
            )
        elif what == "abort":
            side.write(
                self._head(tid, peer, end.whole(own))
                + f"Byte-Range: 1-*/10\r\nContent-Type: text/plain\r\n\r\nhalf\r\n-------{tid}#\r\n".encode()
            )
        elif what == "bad range":
            side.write(
                self._head(tid, peer, end.whole(own))
                + b"Byte-Range: 9-1/99999999999\r\nContent-Type: text/plain\r\n\r\nx\r\n"
                + end_line
            )
        elif what == "stray answer":
            side.write(f"MSRP {tid} 200 OK\r\nTo-Path: {peer}\r\nFrom-Path: {own}\r\n".encode() + end_line)
        elif what.startswith("report "):
            self._report(side, peer, end.whole(own), self._last_in[1], what.removeprefix("report "), 8)

    def leave(self, call: Call) -> None:
        """It leaves its connections as they are, but for those that carry nothing else."""
        side = self._of.pop(call.path, None)
        call.state.pop("connected", None)
        if side is not None and side not in self._of.values() and self._end.manners.closes:
            side.close()

    def close(self, call: Call, *, abruptly: bool) -> None:
        """Its connection breaks."""
        side = self._of.pop(call.path, None)
        if side is not None:
            side.reset() if abruptly else side.close()
