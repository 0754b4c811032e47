"""Valid-ish messages of both ends of the gateway, made of decisions and of what the gateway has sent.

Each step is one octet and the decisions that it needs. What it makes is well-formed unless the input has asked for a
twist, which changes octets of the next message: so that an input reaches deep, and still can be wrong anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from protocols.sip.message import Request
from tests.fuzz.choices import Choices
from tests.fuzz.engine_adapter import CHAT, PAGE, Engine, Where
from tests.fuzz.engine_ledger import Ledger

STRANGER: Final[Where] = ("192.0.2.66", 5060)
PAGES: Final = ("alice", "al%69ce", "carol;x=y")
CHATS: Final = ("bob", "loud", "dave")
TYPES: Final = (
    "text/plain",
    "text/plain;charset=UTF-8",
    "text/html;charset=utf-16",
    "message/cpim",
    "application/im-iscomposing+xml",
    "message/imdn+xml",
    "image/png",
    "text/plain;charset=x",
)
BODIES: Final = (
    b"hello",
    b"",
    b"<p>h\0i",
    b"x" * 3_000,
    b"\r\n-------",
    b"From: <sip:alice@127.0.0.1:5080>\r\nTo: <sip:bob@127.0.0.1:5090>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
    b"imdn.Message-ID: i1\r\nimdn.Disposition-Notification: positive-delivery, negative-delivery\r\n\r\n"
    b"Content-Type: text/plain\r\n\r\nhello",
    b"From: <sip:bob@127.0.0.1:5090>\r\nTo: <sip:alice@127.0.0.1:5080>\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n"
    b"<imdn><message-id>i1</message-id><delivery-notification><status><delivered/></status></delivery-notification></imdn>",
    b"<isComposing><state>active</state><refresh>90</refresh></isComposing>",
    b"<imdn><message-id>i1</message-id><delivery-notification><status><failed/></status></delivery-notification></imdn>",
)
EXTRA: Final = (
    "",
    "Expires: 5\r\n",
    "Content-Encoding: gzip\r\n",
    "Require: x\r\n",
    "Subject: s\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\nExpires: 1\r\n",
    "Max-Forwards: 1\r\n",
    "Auto-Submitted: auto-replied\r\n",
)
CODES: Final = (200, 202, 100, 180, 302, 401, 415, 480, 481, 482, 486, 487, 491, 500, 503, 603)
MSRP_CODES: Final = (200, 400, 403, 408, 413, 415, 481, 506)
PATHS: Final = (
    "msrp://127.0.0.1:2900/abcdefghij;tcp",
    "msrp://127.0.0.1:2901/other12345;tcp",
    "msrp://127.0.0.1:2902/relay;tcp msrp://127.0.0.1:2900/behind1234;tcp",
    "msrp://127.0.0.1:2855/loop123456;tcp",
    "msrps://127.0.0.1:2903/secret1234;tcp",
)
SETUPS: Final = ("passive", "active", "actpass", "holdconn")
ACCEPTS: Final = ("*", "text/plain", "message/cpim", "message/cpim text/plain", "image/*")
STEPS: Final = (0.02, 0.06, 0.3, 1.0, 4.0, 11.0, 33.0, 45.0, 130.0, 700.0)
FLAGS: Final = ("$", "+", "#")


class Ends:
    """The page side and the chat side, which do what the decisions say."""

    def __init__(self, engine: Engine, ledger: Ledger, choices: Choices) -> None:
        self.engine = engine
        self.ledger = ledger
        self.choices = choices
        self.count = 0
        self.sent: list[tuple[bytes, Where]] = []
        """Datagrams, to be repeated."""
        self.message_ids: list[str] = []
        self.twist: Callable[[bytes], bytes] | None = None
        self.steps: list[Callable[[], None]] = [
            *(self.message, self.message, self.answer, self.answer, self.answer, self.dialled, self.dialled),
            *(self.msrp_answer, self.msrp_answer, self.msrp_send, self.msrp_send, self.msrp_report),
            *(self.bye, self.invite, self.invite, self.ack, self.cancel, self.reinvite, self.repeat),
            *(self.time, self.time, self.commit, self.database, self.msrp_end, self.msrp_begin),
            *(self.raw_datagram, self.raw_msrp, self.next_is_twisted, self.sip_stream, self.operator, self.reads),
        ]

    def step(self) -> None:
        """The next decision."""
        self.ledger.now = self.engine.now
        self.choices.one_of(self.steps)()

    # ------------------------------------------------------------------------ out to the gateway

    def datagram(self, data: bytes, source: Where) -> None:
        """One of ours, twisted if that was asked for."""
        if self.twist is not None:
            data, self.twist = self.twist(data), None
        if len(self.sent) < 30:
            self.sent.append((data, source))
        self.engine.datagram(data, source)

    def msrp(self, connection: int, data: bytes) -> None:
        """Octets on a connection, twisted if that was asked for."""
        if self.twist is not None:
            data, self.twist = self.twist(data), None
        self.ledger.msrp_received(connection, data)
        self.engine.msrp_octets(connection, data)

    def next_is_twisted(self) -> None:
        """The next message gets other octets at some place."""
        at, length, octets = self.choices.number(255), self.choices.number(20), self.choices.octets()[:40]

        def twisted(data: bytes) -> bytes:
            place = at * max(1, len(data) // 256) if len(data) > 256 else min(at, len(data))
            return data[:place] + octets + data[place + length :]

        self.twist = twisted

    # --------------------------------------------------------------------------- requests

    def _request(
        self, method: str, user: str, source: Where, dialog: tuple[str, str, str] | None, rest: str, body: bytes
    ) -> None:
        self.count += 1
        here = f"{source[0]}:{source[1]}"
        call_id, from_, to = dialog or (f"c{self.count}", "", "")
        cseq = 1 if dialog is None else 1 + self.count
        head = (
            f"{method} sip:{user} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKe{self.count};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {from_}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{rest}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.datagram(head.encode() + body, source)

    def message(self) -> None:
        """The page side writes."""
        choose = self.choices
        user, peer = choose.one_of(PAGES), choose.one_of(CHATS)
        body, kind, extra = choose.one_of(BODIES), choose.one_of(TYPES), choose.one_of(EXTRA)
        source = STRANGER if choose.number(30) == 30 else PAGE
        self.count += 1
        dialog = (f"m{self.count}", f"<sip:{user}@127.0.0.1:5080>;tag=p{self.count}", f"<sip:{peer}@127.0.0.1:5090>")
        self._request("MESSAGE", f"{peer}@127.0.0.1:5090", source, dialog, f"{extra}Content-Type: {kind}\r\n", body)

    def invite(self) -> None:
        """The chat side calls."""
        choose = self.choices
        user, peer = choose.one_of(CHATS), choose.one_of(PAGES)
        self.count += 1
        dialog = (f"i{self.count}", f"<sip:{user}@127.0.0.1:5090>;tag=h{self.count}", f"<sip:{peer}@127.0.0.1:5080>")
        self._request("INVITE", f"{peer}@127.0.0.1:5080", CHAT, dialog, self._contact(), self._description())

    def _contact(self) -> str:
        return "Contact: <sip:bob@127.0.0.1:5090>\r\nContent-Type: application/sdp\r\n"

    def _description(self) -> bytes:
        choose = self.choices
        path, setup, accepts = choose.one_of(PATHS), choose.one_of(SETUPS), choose.one_of(ACCEPTS)
        return (
            "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2900 TCP/MSRP *\r\n"
            f"a=accept-types:{accepts}\r\na=accept-wrapped-types:*\r\na=path:{path}\r\na=setup:{setup}\r\n"
        ).encode()

    def _in_dialog(self, method: str, rest: str = "", body: bytes = b"") -> None:
        """A request in a dialog that the gateway knows."""
        dialogs = self._dialogs()
        if dialogs:
            self._request(method, "gw@127.0.0.1:5060", CHAT, self.choices.one_of(dialogs), rest, body)

    def _dialogs(self) -> list[tuple[str, str, str]]:
        """Call-ID, From and To as the chat side writes them."""
        return [
            (request.call_id, f"{request.first('to')};tag=9", request.first("from") or "")
            for request in self.ledger.requests
            if request.method == "INVITE"
        ][-8:]

    def bye(self) -> None:
        """The chat side hangs up."""
        self._in_dialog("BYE")

    def reinvite(self) -> None:
        """The chat side offers anew."""
        self._in_dialog("INVITE", self._contact(), self._description())

    def ack(self) -> None:
        """The chat side confirms our 200 to its INVITE, or something else of that sort."""
        self._in_dialog("ACK" if self.choices.number(3) else "MESSAGE", "Content-Type: text/plain\r\n", b"hi")

    def cancel(self) -> None:
        """The chat side takes its last INVITE back."""
        for data, source in reversed(self.sent):
            if data.startswith(b"INVITE"):
                again = data.replace(b"INVITE", b"CANCEL").partition(b"Content-Type")[0] + b"Content-Length: 0\r\n\r\n"
                self.datagram(again, source)
                return

    def repeat(self) -> None:
        """A datagram comes once more."""
        if self.sent:
            data, source = self.choices.one_of(self.sent)
            self.engine.datagram(data, source)

    # ----------------------------------------------------------------------------- answers

    def answer(self) -> None:
        """Somebody answers a request of the gateway's, one of the last."""
        requests = self.ledger.requests[-6:]
        if requests:
            self._answer(self.choices.one_of(requests), self.choices.one_of(CODES))

    def _answer(self, request: Request, code: int) -> None:
        vias = "".join(f"Via: {via}\r\n" for via in request.headers["via"])
        to = request.first("to") or ""
        rest, body = "", b""
        if request.method == "INVITE" and 200 <= code < 300:
            rest, body = self._contact(), self._description()
        elif code == 302:
            rest = "Contact: <sip:bob@127.0.0.1:5091>\r\n"
        head = (
            f"SIP/2.0 {code} X\r\n{vias}From: {request.first('from')}\r\nTo: {to}{'' if ';tag' in to else ';tag=9'}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.first('cseq')}\r\n{rest}Content-Length: {len(body)}\r\n\r\n"
        )
        source = PAGE if request.method == "MESSAGE" else CHAT
        self.datagram(head.encode("utf-8", "surrogateescape") + body, source)

    # -------------------------------------------------------------------------------- MSRP

    def dialled(self) -> None:
        """A connection that the gateway asked for is there, or refused."""
        well = self.choices.number(4) < 4
        self.engine.msrp_dialled(well=well)
        self.engine.sip_dialled(well=well)

    def _connection(self) -> int | None:
        live = self.engine.live_connections()
        return self.choices.one_of(live[-4:]) if live else None

    def msrp_answer(self) -> None:
        """The chat side answers a SEND of the gateway's."""
        connection = self._connection()
        if connection is None:
            return
        sent = list(self.ledger.wires[connection].sent)[-4:]
        if sent:
            tid, code = self.choices.one_of(sent), self.choices.one_of(MSRP_CODES)
            to, own = self._paths()
            self.msrp(
                connection, f"MSRP {tid} {code} X\r\nTo-Path: {to}\r\nFrom-Path: {own}\r\n-------{tid}$\r\n".encode()
            )

    def _paths(self) -> tuple[str, str]:
        """A path of the gateway's, and one of the chat side's."""
        return self.choices.one_of(self._gateway_paths()[-4:]), self.choices.one_of(PATHS)

    def _gateway_paths(self) -> list[str]:
        return self.ledger.paths or ["msrp://127.0.0.1:2855/nobody;tcp"]

    def msrp_begin(self) -> None:
        """The chat side connects."""
        if len(self.engine.connections) < 8:
            self.engine.msrp_open(CHAT if self.choices.number(7) < 7 else STRANGER)

    def msrp_end(self) -> None:
        """A connection is lost."""
        connection = self._connection()
        if connection is not None:
            self.engine.msrp_close(connection)

    def msrp_send(self) -> None:
        """The chat side writes, a whole message or a chunk of one; without a body it binds."""
        choose = self.choices
        connection = self._connection()
        if connection is None:
            return
        to, own = self._paths()
        body, kind, flag = choose.one_of(BODIES), choose.one_of(TYPES), choose.one_of(FLAGS)
        known = self.message_ids[-3:]
        again = choose.number(7)
        name = known[again] if again < len(known) else f"sm{self.count}abcd"
        start = choose.one_of((1, 1, 1, 6))
        self.count += 1
        self.message_ids.append(name)
        tid = f"tr{self.count}abc"
        reports = choose.one_of(
            ("", "Success-Report: yes\r\n", "Failure-Report: no\r\n", "Failure-Report: partial\r\n")
        )
        head = f"MSRP {tid} SEND\r\nTo-Path: {to}\r\nFrom-Path: {own}\r\nMessage-ID: {name}\r\n{reports}"
        if body:
            head += f"Byte-Range: {start}-*/*\r\nContent-Type: {kind}\r\n\r\n"
            self.msrp(connection, head.encode() + body + f"\r\n-------{tid}{flag}\r\n".encode())
        else:
            self.msrp(connection, f"{head}Byte-Range: 1-0/0\r\n-------{tid}$\r\n".encode())

    def msrp_report(self) -> None:
        """The chat side reports on a message of the gateway's."""
        connection = self._connection()
        if connection is None:
            return
        names = [sent.message_id for sent in self.ledger.wires[connection].sent.values()][-4:] or ["none"]
        name, code = self.choices.one_of(names), self.choices.one_of(MSRP_CODES)
        to, own = self._paths()
        self.count += 1
        tid = f"rp{self.count}abc"
        ranges = self.choices.one_of(("1-5/5", "1-*/*", "1-3000/3000", "x"))
        head = (
            f"MSRP {tid} REPORT\r\nTo-Path: {to}\r\nFrom-Path: {own}\r\nMessage-ID: {name}\r\nByte-Range: {ranges}\r\n"
        )
        self.msrp(connection, f"{head}Status: 000 {code} X\r\n-------{tid}$\r\n".encode())

    def reads(self) -> None:
        """The chat side reads no more, or again."""
        connection = self._connection()
        if connection is not None:
            self.engine.writable(connection, can=bool(self.choices.number(1)))

    # ------------------------------------------------------------------------- everything else

    def time(self) -> None:
        """Time passes."""
        self.engine.advance(self.choices.one_of(STEPS))

    def commit(self) -> None:
        """The database has taken what waits."""
        self.engine.commit()

    def database(self) -> None:
        """The database is away, or back."""
        away = self.ledger.excused = not self.ledger.excused
        self.engine.database(healthy=not away)

    def operator(self) -> None:
        """An operator ends a session."""
        self.engine.end_session(self.choices.number(7))

    def raw_datagram(self) -> None:
        """Any octets."""
        self.datagram(self.choices.octets(), self.choices.one_of((PAGE, CHAT, STRANGER)))

    def raw_msrp(self) -> None:
        """Any octets on an MSRP connection."""
        connection = self._connection()
        if connection is not None:
            self.msrp(connection, self.choices.octets())

    def sip_stream(self) -> None:
        """A SIP connection begins, says something, or ends."""
        streams = self.engine.streams
        what = self.choices.number(5)
        if what == 0 or not streams:
            if len(streams) < 4:
                number = self.engine.sip_open(self.choices.one_of((PAGE, CHAT)))
                self.engine.sip_registered(number)
            return
        number = self.choices.number(len(streams) - 1)
        if what == 1:
            self.engine.sip_close(number)
            return
        data = self.choices.octets() if what == 2 or not self.sent else self.choices.one_of(self.sent)[0]
        self.engine.sip_octets(number, data)
